"""Contribution bounds: learned privately, and how much they cut off.

What is cut off is the same question with wider bounds, less the answer as bounded. Noise is in a
margin, what bounds cut off is not: it is a bias, and nobody knows it without looking. To look at it
is a question like any other, so it is asked privately and paid for. What is known of it without
looking, `likely_cut` says: from declared bounds, and from shares that were released.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import sqrt
from typing import TYPE_CHECKING

from workbench.catalog import Table
from workbench.errors import QuestionRefused
from workbench.privacy.expressions import Expression, column
from workbench.privacy.margins import NOTHING, Interval, quantile
from workbench.privacy.query import Ask, Query
from workbench.privacy.release import Release

if TYPE_CHECKING:
    from workbench.privacy.columns import Measure
    from workbench.privacy.question import Question

KINDS = ("customers", "rows", "sum")
WORTH_A_WORD = 0.01  # share of customers beyond a bound, surely, that is warned of


def wider(query: Query, question: Question, times: int) -> Query:
    """Return a question with every contribution bound so many times as wide.

    Parameters
    ----------
    query : Query
        As asked.
    question : Question
        The same, resolved: its bounds are those of catalog or question, never of the data.
    times : int
        2 or more.

    Raises
    ------
    QuestionRefused
        It asks for something that bounds do not cut, or ``times`` is no whole number above 1.
    """
    if type(times) is not int or times < 2:
        raise QuestionRefused(f"times must be a whole number, 2 or more, not {times!r}.")
    other = sorted({ask.kind for ask in query.asks if ask.kind not in KINDS})
    if other or question.discovered:
        raise QuestionRefused(
            "what bounds cut off is estimated for .customers(), .count() and .sum(…) by declared "
            f"groups, not for {', '.join(other) or 'found values'}. Ask for the totals it is made "
            "of."
        )
    numbers = {**question.given.get("numbers", {}), "times=": [str(times)]}
    return replace(
        query,
        asks=tuple(_wider(ask, question, times) for ask in query.asks),
        cells=question.cells * times,
        rows=question.rows * times,
        given={**question.given, "numbers": numbers},
    )


def _wider(ask: Ask, question: Question, times: int) -> Ask:
    if ask.kind != "sum":
        return ask
    each = next(c for c in question.coordinates if c.value == ask.column and c.kind == "sum")
    low, high = (Decimal(end).scaleb(-each.digits) * times for end in each.ends)
    # why zero: a least total above zero lifts whoever spent less, which is seen only below it
    return replace(ask, bounds=(min(low, Decimal(0)), max(high, Decimal(0))))


def cut_off(bounded: Release, wide: Release, times: int) -> list[Expression]:
    """Return, for each measure that adds up, what the wider answer has more than the bounded."""

    def less(measure: Measure) -> Expression:
        found = column(measure.name) - column(measure.name, of=bounded)
        return found.named(
            f"{measure.name}_cut_off",
            f"{measure.title}: cut off by bounds, as seen with bounds {times} times as wide",
            measure.unit,
            measure.digits,
        )

    names = {each.name for each in bounded.measures}
    # why: shares beyond two bounds differ by the bounds; nothing of a share is cut off
    return [less(each) for each in wide.measures if each.name in names and not each.at_bound_of]


def likely_cut(question: Question, answers: Iterable[Release]) -> Iterator[str]:
    """Yield what is known, before anything is asked, of totals that their bounds will cut.

    Parameters
    ----------
    answers : iterable of Release
        Stored ones, the newest first; read only where a total is asked for.
    """
    totals = [each for each in question.coordinates if each.kind == "beyond"]
    if not totals:
        return
    known = list(answers)
    for each in totals:
        value = question.values[str(each.value)]
        low, high = (float(Decimal(end).scaleb(-each.digits)) for end in each.ends)
        said = f"{value.title}: a customer's total counts from {low:,g} to {high:,g} in a cell"
        least, most = value.limits or (each.low, each.high)
        for end in [e for e, cut in ((most, most > each.high), (least, least < each.low)) if cut]:
            alone = float(Decimal(end).scaleb(-each.digits))
            yield f"{said}, and by its declared bounds one row alone may have {alone:,g}."
        for found, share in _beyond(str(each.value), high, question, known):
            yield (
                f"{said}, and in {found.id} '{found.name}' {share:.0%} of customers or more were "
                "beyond. Take wider bounds, or wb.ladder(first, last)."
            )
            break


def _beyond(
    value: str, high: float, question: Question, answers: Sequence[Release]
) -> Iterator[tuple[Release, float]]:
    """Yield answers on the same table and bound by which surely many customers lay beyond it."""
    for found in answers:
        if found.table != question.table:
            continue
        bounds = {m.bound.high for m in found.measures if m.name == f"{value}_sum" and m.bound}
        if high in bounds and f"{value}_at_bound_low" in found.columns:
            name = f"{value}_at_bound"
            ends = zip(*(found.columns[name + end] for end in ("", "_low", "_high")), strict=True)
            lows = [widened(each, len(found))[1] for each in ends]  # for the largest is picked
            if (surely := max(filter(None, lows), default=0.0)) >= WORTH_A_WORD:
                yield found, surely


def widened(figure: Interval, figures: int) -> Interval:
    """Return a figure that was picked for being large with the margin of all it was picked from.

    Examples
    --------
    >>> [round(end, 3) for end in widened((0.06, 0.05, 0.07), 5)]
    [0.06, 0.047, 0.073]
    """
    value, low, high = figure
    if value is None or low is None or high is None:
        return NOTHING
    times = quantile(0.95, figures) / quantile(0.95)
    return value, value - times * (value - low), value + times * (high - value)


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
