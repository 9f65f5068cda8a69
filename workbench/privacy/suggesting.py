"""Learn a contribution bound privately: count customers by the size of their total."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

from workbench.catalog import Table
from workbench.errors import QuestionRefused
from workbench.privacy.release import Release

_STEPS = (Decimal(1), Decimal(2), Decimal(5))


@dataclass(frozen=True)
class Suggestion:
    """A contribution bound that was learned, and what it was read off.

    Attributes
    ----------
    column : str
    low, high : Decimal
        To declare as ``customer_bounds``, or to give as ``bounds=``.
    share : float
        Share of customers, by noisy counts, whose total is below ``high``.
    release : Release
        Noisy customers by the size of their total; it was paid for.
    """

    column: str
    low: Decimal
    high: Decimal
    share: float
    release: Release


def ladder(column: str, table: Table) -> list[Decimal]:
    """Return public edges 1, 2, 5, 10, 20, … over the totals a customer could have.

    Raises
    ------
    QuestionRefused
        The column declares no bounds, or may be negative.
    """
    declared = table.column(column)
    if declared.bounds is None or not isinstance(declared.bounds[1], Decimal):
        raise QuestionRefused(
            f"a bound for '{column}' is looked for between its declared bounds of one row's value. "
            "Declare bounds: [low, high] for it in the catalog; never from the data."
        )
    low, high = (Decimal(str(end)) for end in declared.bounds)
    if low < 0:
        raise QuestionRefused(f"'{column}' may be negative; declare its customer_bounds by hand.")
    rows = table.contribution.rows if table.contribution else 1
    edge, edges = Decimal(1).scaleb(-declared.digits), []
    while edge <= high * rows:
        edges += [edge * step for step in _STEPS]
        edge *= 10
    return edges


def read_off(found: Release, column: str, edges: list[Decimal], share: float) -> Suggestion:
    """Return the lowest edge below which the wanted share of customers stays, by noisy counts.

    Raises
    ------
    QuestionRefused
        ``share`` is not between 0 and 1, or the counts are no more than noise.
    """
    if not 0 < share < 1:
        raise QuestionRefused(f"share must lie between 0 and 1, not {share}.")
    counts = [int(each) for each in found.columns["customers"]]
    each_margin = found.columns["customers_high"][0] - found.columns["customers"][0]
    margin, total = each_margin * sqrt(len(counts)), sum(counts)
    if total <= 2 * margin:
        raise QuestionRefused(
            f"the counts are hardly more than noise (± {margin:,.0f}); ask at a larger epsilon or "
            "over a longer period."
        )
    below = 0
    for edge, count in zip(edges, counts, strict=False):
        below += count
        if below >= share * total:
            return Suggestion(column, Decimal(0), edge, below / total, found)
    return Suggestion(column, Decimal(0), edges[-1], 1.0, found)
