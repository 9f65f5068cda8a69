"""A release: a differentially private answer as a value, as it stands in the ledger.

Everything a reader may see of an answer is here: declared names, noisy integers turned into
figures, their margins, and what it cost. Nothing here was read from a row.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # why: pandas takes 0.4 s to import and a ledger look-up does not need it
    import pandas as pd

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Dimension:
    """A group column of an answer and its declared values, in declared order.

    ``kind`` is ``category``, ``month``, ``date`` or ``band`` (ordered ranges of a number).
    """

    name: str
    title: str
    kind: str
    values: tuple[Scalar, ...]


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
    """

    name: str
    kind: str
    title: str
    unit: str | None
    digits: int = 0


@dataclass(frozen=True)
class Cost:
    """What an answer cost its customers: exact zCDP rho, and it alone as epsilon at delta."""

    rho: str
    epsilon: float
    delta: float


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
        left = ", ".join(f"{scope} {epsilon:.2f}" for scope, epsilon in self.left.items())
        cost = (
            f"{self.id} '{self.name}': epsilon {self.cost.epsilon:.2f} at delta {self.cost.delta:g}"
        )
        return f"{cost}; left: {left}" if left else cost

    def shown(self) -> pd.DataFrame:
        """The answer for reading: each figure as "value ± margin"."""
        import pandas as pd

        columns = {each.name: list(self.columns[each.name]) for each in self.by}
        for measure in self.measures:
            triples = zip(
                self.columns[measure.name],
                self.columns[f"{measure.name}_low"],
                self.columns[f"{measure.name}_high"],
                strict=True,
            )
            columns[measure.name] = [_with_margin(*each, measure.digits) for each in triples]
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        return "\n".join((self.shown().to_string(index=False), self.summary, *self.notes))

    def _repr_html_(self) -> str:
        notes = "".join(f"<br>{html.escape(each)}" for each in self.notes)
        table: str = self.shown().to_html(index=False, border=0)
        return f"{table}<p><small>{html.escape(self.summary)}{notes}</small></p>"

    def to_json(self) -> str:
        """Return the answer as canonical JSON, the bytes the ledger stores."""
        content = asdict(self)
        del content["left"]
        return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Release:
        """Rebuild an answer from the ledger's bytes."""
        content = json.loads(text)
        content["by"] = tuple(
            Dimension(d["name"], d["title"], d["kind"], tuple(d["values"])) for d in content["by"]
        )
        content["measures"] = tuple(Measure(**measure) for measure in content["measures"])
        content["cost"] = Cost(**content["cost"])
        content["notes"] = tuple(content["notes"])
        return cls(**content)


def _with_margin(value: float | None, low: float | None, high: float | None, digits: int) -> str:
    """Return a figure and the half-width of its interval; an uneven interval in full."""
    if value is None or low is None or high is None:
        return "–"
    below, above = value - low, high - value
    if abs(above - below) <= 0.1 * (above + below):
        return f"{value:,.{digits}f} ± {(above + below) / 2:,.{digits}f}"
    return f"{value:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"
