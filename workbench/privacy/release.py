"""A release: a differentially private answer as a value, as it stands in the ledger.

Everything a reader may see is here: declared names, figures of noisy integers, their margins, and
what it cost. Nothing here was read from a row.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import workbench.privacy.operations  # registers what can be derived  # noqa: F401
from workbench.privacy.accounting import PICO, Cost
from workbench.privacy.columns import Bound, Dimension, Measure, Scalar
from workbench.privacy.expressions import Expression, asked, expression, names
from workbench.privacy.shown import digits_of, longer_side, placed, with_margin
from workbench.privacy.tables import covariances, derived, interval_frame, margins

if TYPE_CHECKING:  # why: pandas takes 0.4 s to import and a ledger look-up does not need it
    import pandas as pd


@dataclass(frozen=True)
class Origin:
    """The ledger a release stands in: finds an answer by its id, and keeps what is derived.

    ``keep`` takes a release without an id, and its parents' ids; it returns the stored one.
    """

    find: Callable[[str], Release]
    keep: Callable[[Release, Sequence[str]], Release]


@dataclass(frozen=True, repr=False)
class Release:
    """A private answer.

    Attributes
    ----------
    id : str
        ``r-000041``: the ledger entry that holds it.
    name : str
        The question's name, chosen by the analyst.
    table, purpose, period : str or None
        What was asked, why, and about which month.
    by : tuple of Dimension
        Group columns. Empty: one row, the total.
    measures : tuple of Measure
        Figures of every row.
    columns : mapping of str to list
        Column name to values, all of one length. For each measure ``m`` there are ``m``,
        ``m_low`` and ``m_high`` (95 % margin, ends of the interval); None where a figure is
        suppressed or not defined.
    cost : Cost
        What it cost its customers when it was first answered.
    data_version : str
        The exact version of the data it was computed on.
    notes : tuple of str
        What a reader must know: what was suppressed, and by which rule.
    mechanism : mapping
        How it was drawn: kind, noise scale, lattice, and the noisy integers themselves.
    epsilon, delta : float
        The cost alone as epsilon at the catalog's delta, as it was told then.
    left : mapping
        Budget left for the customers just after, as shown to the analyst: not part of the
        answer, not compared.
    origin : Origin or None
        Where it is stored, once a workspace has handed it out: not part of the answer.
    """

    id: str
    name: str
    table: str
    purpose: str
    period: str | None
    by: tuple[Dimension, ...]
    measures: tuple[Measure, ...]
    columns: Mapping[str, list[Any]]
    cost: Cost
    data_version: str
    notes: tuple[str, ...] = ()
    mechanism: Mapping[str, Any] = field(default_factory=dict)
    epsilon: float = 0.0
    delta: float = 0.0
    left: Mapping[str, Any] = field(default_factory=dict, compare=False)
    origin: Origin | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Put columns in a reader's order: keys are sorted when they are stored."""
        figures = [name for each in self.measures for name in each.columns]
        names = dict.fromkeys([*(each.name for each in self.by), *figures, *self.columns])
        columns = {name: self.columns[name] for name in names if name in self.columns}
        object.__setattr__(self, "columns", columns)

    @property
    def planned(self) -> bool:
        """Whether it holds no figures, as in a report that is only planned."""
        return self.id.startswith("p-")

    @property
    def frame(self) -> pd.DataFrame:
        """The answer as a data frame: group columns, then value, low and high of each measure."""
        import pandas as pd

        return pd.DataFrame(dict(self.columns))

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    @property
    def summary(self) -> str:
        """One line: what it cost, and what is left."""
        if self.mechanism.get("kind") == "derived":
            parents = ", ".join(self.mechanism["parents"])
            return f"{self.id} '{self.name}': costs nothing, computed from {parents}"
        left = ", ".join(f"{scope} {epsilon:.2f}" for scope, epsilon in self.left.items())
        cost = f"{self.id} '{self.name}': epsilon {self.epsilon:.2f} at delta {self.delta:g}"
        return f"{cost}; left: {left}" if left else cost

    def shown(self) -> pd.DataFrame:
        """The answer for reading: each figure as "value ± margin", no finer than its margin."""
        import pandas as pd

        columns = {each.name: list(self.columns[each.name]) for each in self.by}
        for measure in (each for each in self.measures if each.at_bound_of is None):
            rows = list(zip(*(self.columns[name] for name in measure.columns), strict=True))
            digits = digits_of(measure, (longer_side(*placed(measure, *row)) for row in rows))
            columns[measure.name] = [
                with_margin(measure, value, low, high, digits) for value, low, high in rows
            ]
        return pd.DataFrame(columns)

    def margin(self, measure: str, level: float = 0.95) -> list[float | None]:
        """Return the margin of a measure row by row: the longer side of its interval.

        Parameters
        ----------
        measure : str
        level : float
            The chance that the interval holds the figure without noise.
        """
        return margins(self, measure, level)

    def intervals(self, level: float = 0.95) -> pd.DataFrame:
        """Return the frame with the ends of each figure's own interval at a level."""
        return interval_frame(self, level, together=False)

    def simultaneous(self, level: float = 0.95) -> pd.DataFrame:
        """Return the frame with intervals that hold all its figures at once, by Šidák's bound.

        Quantiles, ranks and chances keep the interval they have.
        """
        return interval_frame(self, level, together=True)

    def covariance(self, one: str, other: str) -> list[float | None]:
        """Return the covariance of two measures' noise, row by row."""
        return covariances(self, one, other)

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
        return derived("derive", [self, *others], arguments, name)

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
        return derived("suppress", [self], rule, name)

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
        return derived("merge", [self], {"column": column, "into": into, **rule}, name)

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
        made = {"columns": list(columns), "groups": listed, **_called(into, title)}
        return derived("regroup", [self], made, name)

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
        made = {"column": column, "words": told, **_called(into, title)}
        return derived("describe", [self], made, name)

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
        made = {"measure": measure, "grades": limits, **_called(into, title)}
        return derived("grade", [self], made, name)

    def discrimination(
        self, outcome: str, *, measure: str = "rows", name: str | None = None
    ) -> Release:
        """Compute how well bands of a score tell good from bad: Gini and Kolmogorov–Smirnov.

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

        Raises
        ------
        QuestionRefused
            Fewer than 50 good or bad ones, or than five times the noise of their number.
        """
        return derived("discrimination", [self], {"outcome": outcome, "measure": measure}, name)

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
            ``psi``, the population stability index, and ``no_drift``, which 95 of 100 stay below
            where nothing changed.
        """
        return derived("stability", [self, against], {"measure": measure}, name)

    def cutoffs(
        self,
        outcome: str,
        *,
        gain: float,
        loss: float,
        unit: str | None = None,
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
        measure, name : str, optional
            As for `discrimination`.

        Returns
        -------
        Release
            By ``cutoff``: ``kept_share``, ``bad_rate``, ``profit``, and ``more`` than from
            approving everybody.
        """
        worth = {"gain": gain, "loss": loss, "unit": unit}
        arguments = {"outcome": outcome, "measure": measure, **worth}
        return derived("cutoffs", [self], arguments, name)

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
        return derived("affinity", [self, of], {}, name)

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
        return derived("deciles", [self], {"measure": measure, "within_edges": True}, name)

    def __repr__(self) -> str:
        return "\n".join((self.shown().to_string(index=False), self.summary, *self.notes))

    def _repr_html_(self) -> str:
        notes = "".join(f"<br>{html.escape(each)}" for each in self.notes)
        table: str = self.shown().to_html(index=False, border=0)
        return f"{table}<p><small>{html.escape(self.summary)}{notes}</small></p>"

    def to_json(self) -> str:
        """Return the answer as canonical JSON, the bytes the ledger stores."""
        content = asdict(replace(self, left={}, origin=None))
        del content["left"], content["origin"]
        told = {"epsilon": content.pop("epsilon"), "delta": content.pop("delta")}
        content["cost"] = {"rho": str(self.cost.rho), **told}
        for measure in content["measures"]:  # why: answers from before these were there stay equal
            for added in ("bound", "at_bound_of", "contrast"):
                if measure[added] is None:
                    del measure[added]
        return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Release:
        """Rebuild an answer from the ledger's bytes."""
        content = json.loads(text)
        content["by"] = tuple(
            Dimension(**{**each, "values": tuple(each["values"])}) for each in content["by"]
        )
        content["measures"] = tuple(_measure(each) for each in content["measures"])
        told = content["cost"]
        content["cost"] = Cost(int(Fraction(told.pop("rho")) * PICO))
        content["notes"] = tuple(content["notes"])
        return cls(**content, **told)


def _called(into: str, title: str | None) -> dict[str, str]:
    """Return how a group column is called that an operation makes."""
    return {"into": into, "title": title or into.replace("_", " ").capitalize()}


def _measure(content: Mapping[str, Any]) -> Measure:
    bound = content.get("bound")
    if bound is None:
        return Measure(**content)
    return Measure(**{**content, "bound": Bound(**{**bound, "rungs": tuple(bound["rungs"])})})
