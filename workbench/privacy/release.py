"""A release: a differentially private answer as a value, as it stands in the ledger.

Everything a reader may see is here: declared names, figures of noisy integers, their margins, and
what it cost. Nothing here was read from a row.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # why: pandas takes 0.4 s to import and a ledger look-up does not need it
    import pandas as pd

from workbench.privacy.expressions import Expression

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Dimension:
    """A group column of an answer and its declared values, in declared order.

    ``kind`` is ``category``, ``month``, ``date`` or ``band`` (ordered ranges of a number).
    ``exclusive``: one customer is declared to have one value only (``values_per_customer: 1``), so
    that distinct customers may be added over it.
    """

    name: str
    title: str
    kind: str
    values: tuple[Scalar, ...]
    exclusive: bool = False


@dataclass(frozen=True)
class Bound:
    """What one customer's total within one cell counts for at least and at most, in a figure.

    Attributes
    ----------
    low, high : float
        In the figure's unit; of a ladder, ``high`` is its last rung.
    cuts : str
        ``upper``: no value is negative, so that the figure says "at least", or "counting up to
        3,000 a customer"; ``both``: totals below ``low`` may be cut, too.
    rungs : tuple of float
        Bounds of a ladder, rising; the margin's upper end holds what lies up to the last of them.
        Empty for a single bound.
    unit : str or None
        Its own: what is derived from the figure may be in another.
    """

    low: float
    high: float
    cuts: str = "both"
    rungs: tuple[float, ...] = ()
    unit: str | None = None


@dataclass(frozen=True)
class Measure:
    """One column of figures.

    Attributes
    ----------
    name : str
        Column name: ``customers``, ``rows``, ``amount_sum``, ``amount_mean``.
    kind : str
        ``customers``, ``rows``, ``sum``, ``mean``, ``rate``, ``quantile``, ``derived``.
    title : str
        Words for a reader: "Customers", "Amount, total".
    unit : str or None
        ``customers``, ``rows``, a currency such as ``CNY``, a unit from the catalog, or None.
    digits : int
        Decimal digits worth showing.
    least : float or None
        The least it can be; shown no lower, stored as drawn.
    bound : Bound or None
        How one customer's part in it is bounded; None: not at all, or not known (old answers).
    at_bound_of : str or None
        Of ``amount_at_bound``: ``amount``, beside whose totals and means it is said in words: the
        share of customers' totals that lie beyond the bound, a rate with its own margin.
    contrast : str or None
        Of a difference: ``amount``, ``points``, ``relative``, or ``gain``, one times something
        else. Where its margin holds zero it is told as not known, never as nothing.
    """

    name: str
    kind: str
    title: str
    unit: str | None
    digits: int = 0
    least: float | None = None
    bound: Bound | None = None
    at_bound_of: str | None = None
    contrast: str | None = None


@dataclass(frozen=True)
class Cost:
    """What an answer cost its customers: exact zCDP rho, and it alone as epsilon at delta."""

    rho: str
    epsilon: float
    delta: float


@dataclass(frozen=True)
class Origin:
    """The ledger a release stands in, as far as deriving from it needs one.

    Attributes
    ----------
    find : callable
        Id to stored release.
    keep : callable
        Takes what makes a derived release of its id, and its parents' ids; returns the stored one.
    """

    find: Callable[[str], Release]
    keep: Callable[[Callable[[str], Release], Sequence[str]], Release]


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
        What it cost when it was first answered.
    data_version : str
        The exact version of the data it was computed on.
    notes : tuple of str
        What a reader must know: what was suppressed, and by which rule.
    mechanism : mapping
        How it was drawn: kind, noise scale, lattice, and the noisy integers themselves.
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
    left: Mapping[str, Any] = field(default_factory=dict, compare=False)
    origin: Origin | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Put columns in a reader's order: keys are sorted when they are stored."""
        figures = [f"{m.name}{end}" for m in self.measures for end in ("", "_low", "_high")]
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
        cost = (
            f"{self.id} '{self.name}': epsilon {self.cost.epsilon:.2f} at delta {self.cost.delta:g}"
        )
        return f"{cost}; left: {left}" if left else cost

    def shown(self) -> pd.DataFrame:
        """The answer for reading: each figure as "value ± margin", no finer than its margin."""
        import pandas as pd

        from workbench.privacy.shown import digits_of, longer_side, placed, with_margin

        columns = {each.name: list(self.columns[each.name]) for each in self.by}
        for measure in (each for each in self.measures if each.at_bound_of is None):
            names = (measure.name, f"{measure.name}_low", f"{measure.name}_high")
            rows = list(zip(*(self.columns[name] for name in names), strict=True))
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
            One of the release's measures.
        level : float
            The chance that the interval holds the figure without noise.
        """
        from workbench.privacy.forms import margins

        return margins(self, measure, level)

    def intervals(self, level: float = 0.95) -> pd.DataFrame:
        """Return the frame with the ends of each figure's own interval at a level."""
        from workbench.privacy.forms import interval_frame

        return interval_frame(self, level, together=False)

    def simultaneous(self, level: float = 0.95) -> pd.DataFrame:
        """Return the frame with intervals that hold all its figures at once, by Šidák's bound.

        Quantiles, ranks and chances keep the interval they have.
        """
        from workbench.privacy.forms import interval_frame

        return interval_frame(self, level, together=True)

    def covariance(self, one: str, other: str) -> list[float | None]:
        """Return the covariance of two measures' noise, row by row."""
        from workbench.privacy.forms import covariances

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
        from workbench.privacy.derive import derive

        return derive(
            self, figures, name=name, where=where or {}, over=over, simultaneous=simultaneous
        )

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
        from workbench.privacy.small_groups import suppress

        return suppress(self, min_customers, deviations, name)

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
        from workbench.privacy.small_groups import merge_small

        return merge_small(self, column, min_customers, deviations, into, name)

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
        from workbench.privacy.reshaping import regroup

        return regroup(self, columns, into, groups, title, name)

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
        from workbench.privacy.reshaping import describe

        return describe(self, column, into, words, title, name)

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
        from workbench.privacy.reshaping import grade

        return grade(self, measure, grades, into, title, name)

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
            By pair: ``customers`` with both, ``both_rate`` of those with the first, and
            ``lift``. Its margins hold the noise of all four figures a lift is made of.
        """
        from workbench.privacy.pairs import affinity

        return affinity(self, of, name)

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
            ``<measure>_share`` by ``decile``. Within a band customers count as equal, so finer
            bands tell more.
        """
        from workbench.privacy.deciles import deciles

        return deciles(self, measure, name)

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
        content["cost"] = Cost(**content["cost"])
        content["notes"] = tuple(content["notes"])
        return cls(**content)


def _measure(content: Mapping[str, Any]) -> Measure:
    bound = content.get("bound")
    if bound is None:
        return Measure(**content)
    return Measure(**{**content, "bound": Bound(**{**bound, "rungs": tuple(bound["rungs"])})})
