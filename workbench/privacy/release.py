"""A release: a differentially private answer as a value, as it stands in the ledger.

Everything a reader may see is here: declared names, figures of noisy integers, their margins, and
what it cost. Nothing here was read from a row.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from workbench.privacy.accounting import PICO, Cost
from workbench.privacy.columns import (
    Bound,
    Dimension,
    Measure,
    digits_of,
    longer_side,
    placed,
    with_margin,
)
from workbench.privacy.margins import covariance, interval, quantile, tangent
from workbench.privacy.operations.typed import Derivable
from workbench.privacy.tables import columns_of, sheet_of, unrounded

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
class Release(Derivable):
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
            rows = unrounded(self, measure)
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
        sheet = sheet_of(self)
        sheet.measure(measure)
        z = quantile(level, sheet.chosen)
        return [longer_side(*interval(form, z)) for form in sheet.forms[measure]]

    def intervals(self, level: float = 0.95) -> pd.DataFrame:
        """Return the frame with the ends of each figure's own interval at a level."""
        import pandas as pd

        sheet = sheet_of(self)
        frame = pd.DataFrame(columns_of(sheet, level, sheet.chosen))
        frame.attrs["margins"] = f"{level:.0%} for each figure alone"
        return frame

    def simultaneous(self, level: float = 0.95) -> pd.DataFrame:
        """Return the frame with intervals that hold all its figures at once, by Šidák's bound.

        Quantiles, ranks and chances keep the interval they have.
        """
        import pandas as pd

        sheet = sheet_of(self)
        figures, each = sheet.figures, level ** (1 / sheet.figures)
        frame = pd.DataFrame(columns_of(sheet, level, figures))
        frame.attrs["margins"] = (
            f"{level:.0%} for all {figures:,} figures at once; {each:.4%} each (Šidák)"
        )
        return frame

    def covariance(self, one: str, other: str) -> list[float | None]:
        """Return the covariance of two measures' noise, row by row; ratios by their tangent."""
        sheet = sheet_of(self)
        sheet.measure(one), sheet.measure(other)
        pairs = zip(sheet.forms[one], sheet.forms[other], strict=True)
        straight = [(tangent(a), tangent(b)) for a, b in pairs]
        return [None if a is None or b is None else covariance(a, b) for a, b in straight]

    def __repr__(self) -> str:
        return "\n".join((self.shown().to_string(index=False), self.summary, *self.notes))

    def _repr_html_(self) -> str:
        notes = "".join(f"<br>{html.escape(each)}" for each in self.notes)
        table: str = self.shown().to_html(index=False, border=0)
        return f"{table}<p><small>{html.escape(self.summary)}{notes}</small></p>"

    def to_json(self) -> str:
        """Return the answer as canonical JSON, the bytes the ledger stores."""
        content = {
            **{each.name: getattr(self, each.name) for each in fields(self) if each.compare},
            "by": [asdict(each) for each in self.by],
            "measures": [asdict(each) for each in self.measures],
        }
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


def _measure(content: Mapping[str, Any]) -> Measure:
    bound = content.get("bound")
    if bound is None:
        return Measure(**content)
    return Measure(**{**content, "bound": Bound(**{**bound, "rungs": tuple(bound["rungs"])})})
