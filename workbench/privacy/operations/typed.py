"""What can be derived of a release at no cost, as an analyst types it: one call an operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import workbench.privacy.operations  # registers what can be derived  # noqa: F401
from workbench.privacy.columns import Scalar
from workbench.privacy.expressions import Expression, asked, expression, names
from workbench.privacy.tables import derived

if TYPE_CHECKING:
    from workbench.privacy.release import Release


class Derivable:
    """Operations on a release; each result is stored with its parents."""

    def _made(
        self, operation: str, name: str | None, *others: Release, **arguments: Any
    ) -> Release:
        return derived(operation, [cast("Release", self), *others], arguments, name)

    def derive(
        self,
        *figures: Expression | str,
        name: str | None = None,
        where: Mapping[str, Any] | None = None,
        over: str | Sequence[str] = (),
        simultaneous: bool = False,
    ) -> Release:
        """Compute further figures from this release; costs nothing, stored with its parents.

        Parameters
        ----------
        figures : expressions or str
            From `workbench.ratio`, `difference`, `share`, `rank`, `top`, `column` and arithmetic
            on them; a name keeps a measure as it is. None: all measures as they are.
        name : str, optional
            What to call the result; this release's name when left out.
        where : mapping, optional
            Rows to keep: group column to a value (the column goes) or a list of values.
        over : str or sequence of str, optional
            Group columns to add up over first. Distinct customers are not added, except over
            groups that are declared to hold a customer once.
        simultaneous : bool
            Store margins that hold for all figures at once, instead of for each alone.

        Returns
        -------
        Release
            Its margins take into account which figures share noise.

        Raises
        ------
        QuestionRefused
            The figures cannot be computed from what was released; the message says what would do.
        """
        wanted = [expression(each) for each in figures]
        arguments = asked(wanted, where or {}, names(over), simultaneous)
        others = [other for each in wanted for other in each.releases()]
        return self._made("derive", name, *others, **arguments)

    def suppress(
        self, min_customers: float = 0, deviations: float = 0, name: str | None = None
    ) -> Release:
        """Take out the figures of small groups, by their noisy number of customers alone.

        Parameters
        ----------
        min_customers : float
            A declared least number.
        deviations : float
            As many standard deviations of the number's noise; the larger of the two counts.
        name : str, optional
            What to call the result.
        """
        rule = {"min_customers": min_customers, "deviations": deviations, "widened": True}
        return self._made("suppress", name, **rule)

    def merge_small(
        self,
        column: str,
        min_customers: float = 0,
        deviations: float = 0,
        into: str = "Other",
        name: str | None = None,
    ) -> Release:
        """Merge small values of a group column, by their noisy number of customers alone.

        Neighbours of an ordered column are merged with each other, those of any other into one.

        Parameters
        ----------
        column : str
            A group column.
        min_customers, deviations : float
            As for `suppress`.
        into : str
            What the merged values of an unordered column are called.
        name : str, optional
            What to call the result.
        """
        rule = {"min_customers": min_customers, "deviations": deviations, "widened": True}
        return self._made("merge", name, column=column, into=into, **rule)

    def regroup(
        self,
        columns: Sequence[str],
        into: str,
        groups: Mapping[str, Sequence[Sequence[Scalar]]],
        *,
        title: str | None = None,
        name: str | None = None,
    ) -> Release:
        """Add cells up into named groups: those who stayed of a table of movements, say.

        Parameters
        ----------
        columns : sequence of str
            Group columns that go.
        into : str
            The one that comes.
        groups : mapping of str to cells
            Name to cells, each with one value a column; a cell in none of them is left out.
        title, name : str, optional
            What to call the column, and the result.
        """
        # why a list: keys are sorted when they are stored, and groups have an order
        listed = [[label, [list(cell) for cell in cells]] for label, cells in groups.items()]
        called = _called(into, title)
        return self._made("regroup", name, columns=list(columns), groups=listed, **called)

    def describe(
        self,
        column: str,
        into: str,
        words: Mapping[str, str],
        *,
        title: str | None = None,
        name: str | None = None,
    ) -> Release:
        """Set declared words beside a group column, such as what to do for each group.

        Parameters
        ----------
        column : str
            A group column.
        into : str
            The column of words; a value without any gets a dash.
        words : mapping of str to str
        title, name : str, optional
            What to call the column, and the result.
        """
        told = {str(key): str(word) for key, word in words.items()}
        return self._made("describe", name, column=column, words=told, **_called(into, title))

    def grade(
        self,
        measure: str,
        grades: Mapping[str, float],
        into: str = "grade",
        *,
        title: str | None = None,
        name: str | None = None,
    ) -> Release:
        """Say in a word between which declared limits a figure lies, by its margin's lower end.

        Parameters
        ----------
        measure : str
        grades : mapping of str to float
            Grade to the least figure of it, the highest first: ``{"A": 0.7, "B": 0.5, "C": 0}``.
        into : str
            The column of grades.
        title, name : str, optional
            What to call the column, and the result.
        """
        limits = [[label, limit] for label, limit in grades.items()]
        return self._made("grade", name, measure=measure, grades=limits, **_called(into, title))

    def impact(self, measure: str, *, name: str | None = None) -> Release:
        """Compute each row's figure beside the largest: its impact ratio.

        The largest is not known for noise. So the interval of ``impact`` holds the ratio to the one
        that is the largest in truth, of all rows at once: of the ratios to all rows the least,
        over margins that hold for every pair. The four-fifths rule (29 CFR 1607.4 D) is of it.

        Parameters
        ----------
        measure : str
            A rate of being selected, of exclusive groups.
        name : str, optional
            What to call the result.
        """
        return self._made("impact", name, measure=measure)

    def discrimination(
        self,
        outcome: str,
        *,
        measure: str = "rows",
        name: str | None = None,
    ) -> Release:
        """Compute how well bands of a score tell good from bad: Gini and Kolmogorov–Smirnov.

        Not known, and a note says so, of fewer than 50 good or bad ones, or than five times the
        noise of their number: ask for fewer bands, a longer period, or at a larger epsilon.

        Parameters
        ----------
        outcome : str
            The group column that is true of bad ones; beside it, bands of the score, and perhaps
            one more group, such as months. Between bands both figures are a little lower than
            between scores.
        measure : str
            ``rows`` or ``customers``.
        name : str, optional
            What to call the result.
        """
        return self._made("discrimination", name, outcome=outcome, measure=measure)

    def stability(
        self, against: Release, *, measure: str = "rows", name: str | None = None
    ) -> Release:
        """Compute how far bands of a score moved from an earlier table of the same bands.

        Parameters
        ----------
        against : Release
            By the same bands alone.
        measure, name : str, optional
            As for `discrimination`.

        Returns
        -------
        Release
            ``psi``, the population stability index, which noise and chance raise, and ``no_drift``,
            which 95 of 100 stay below where nothing changed.
        """
        way = {"without_replacement": True, "by_shares": True}
        return self._made("stability", name, against, measure=measure, **way)

    def cutoffs(
        self,
        outcome: str,
        *,
        gain: float,
        loss: float,
        unit: str | None = None,
        best: bool = False,
        measure: str = "rows",
        name: str | None = None,
    ) -> Release:
        """Compute what approving from each score up would have kept and earned.

        Parameters
        ----------
        outcome : str
            As for `discrimination`.
        gain, loss : float
            What a good one earns and a bad one costs, declared.
        unit : str, optional
            The currency's code.
        best : bool
            Only the one that earned the most: one row, with ``cutoff`` in points, and margins that
            hold although it was chosen. Of few it is not known, as for `discrimination`; where
            everybody earned the most there is no cut-off. A note says which.
        measure, name : str, optional
            As for `discrimination`.

        Returns
        -------
        Release
            By ``cutoff``: ``kept_share``, ``bad_rate``, ``profit``, and ``more`` than from
            approving everybody.
        """
        asked = {"outcome": outcome, "measure": measure, "gain": gain, "loss": loss, "unit": unit}
        return self._made(
            "cutoffs", name, **asked, **({"best": True, "unknown_if_few": True} if best else {})
        )

    def affinity(self, of: Release, *, name: str | None = None) -> Release:
        """Compute how many times as often as by chance two values go together.

        Parameters
        ----------
        of : Release
            All customers of the same question, without groups.
        name : str, optional
            What to call the result.

        Returns
        -------
        Release
            By pair: ``customers`` with both, ``both_rate`` of those with the first, ``lift``.
        """
        return self._made("affinity", name, of)

    def deciles(self, measure: str, *, name: str | None = None) -> Release:
        """Share a total out over tenths of the customers, those with the most first.

        Parameters
        ----------
        measure : str
            A total of a release by `bands` of it, of customers, alone.
        name : str, optional
            What to call the result.

        Returns
        -------
        Release
            ``<measure>_share`` by ``decile``; finer bands tell more.
        """
        return self._made("deciles", name, measure=measure, within_edges=True)


def _called(into: str, title: str | None) -> dict[str, str]:
    """Return how a group column is called that an operation makes."""
    return {"into": into, "title": title or into.replace("_", " ").capitalize()}
