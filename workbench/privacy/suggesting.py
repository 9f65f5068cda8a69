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
        Share of customers, by noisy counts, whose total lies within.
    release : Release
        Noisy customers by the size of their total; it was paid for.
    """

    column: str
    low: Decimal
    high: Decimal
    share: float
    release: Release


def edges_of(column: str, table: Table) -> list[Decimal]:
    """Return public edges 1, 2, 5, 10, 20, … over the totals a customer could have.

    Where values may be negative they are the same below 0, and 0 between them.

    Raises
    ------
    QuestionRefused
        The column declares no bounds.
    """
    declared = table.column(column)
    if declared.bounds is None or not isinstance(declared.bounds[1], Decimal):
        raise QuestionRefused(
            f"a bound for '{column}' is looked for between its declared bounds of one row's value. "
            "Declare bounds: [low, high] for it in the catalog; never from the data."
        )
    low, high = (Decimal(str(end)) for end in declared.bounds)
    rows = table.contribution.rows if table.contribution else 1
    edge, edges = Decimal(1).scaleb(-declared.digits), []
    while edge <= max(high, -low) * rows:
        edges += [edge * step for step in _STEPS]
        edge *= 10
    return [-each for each in reversed(edges)] + [Decimal(0)] + edges if low < 0 else edges


def read_off(found: Release, column: str, edges: list[Decimal], share: float) -> Suggestion:
    """Return the nearest edges beyond which no more customers are than may be cut.

    Customers are counted from the far end, where few bands and little noise come together, and an
    edge holds only where all edges further out do: one draw that came out low cuts nobody off.

    Raises
    ------
    QuestionRefused
        ``share`` is not between 0 and 1, or what may be cut is no more than noise.
    """
    if not 0 < share < 1:
        raise QuestionRefused(f"share must lie between 0 and 1, not {share}.")
    counts = [int(each) for each in found.columns["customers"]]
    each_margin = found.columns["customers_high"][0] - found.columns["customers"][0]
    margin, total = each_margin * sqrt(len(counts)), sum(counts)
    signed = edges[0] < 0
    may_be_cut = (1 - share) * total / (1 + signed)
    if total <= 2 * margin or may_be_cut <= each_margin:
        raise QuestionRefused(
            f"the customers that may be cut ({max(0.0, may_be_cut):,.0f}) are hardly more than "
            f"noise (± {each_margin:,.0f}); ask at a larger epsilon, over a longer period, or for "
            "a smaller share."
        )
    high, above = _last_within(edges, counts[1:], may_be_cut)
    low, below = Decimal(0), 0
    if signed:
        low, below = _last_within(edges[::-1], counts[-2::-1], may_be_cut)
        low, high = min(low, Decimal(0)), max(high, Decimal(0))
    return Suggestion(column, low, high, 1 - max(0, above + below) / total, found)


def _last_within(edges: list[Decimal], beyond: list[int], may_be_cut: float) -> tuple[Decimal, int]:
    """Return the first edge beyond which, and beyond all later ones, few enough customers lie.

    Parameters
    ----------
    edges : list of Decimal
        Going outward.
    beyond : list of int
        Customers between each edge and the next one, and after the last.
    """
    chosen, customers, so_far = edges[-1], beyond[-1], 0
    for edge, count in zip(reversed(edges), reversed(beyond), strict=True):
        so_far += count
        if so_far > may_be_cut:
            break
        chosen, customers = edge, so_far
    return chosen, customers
