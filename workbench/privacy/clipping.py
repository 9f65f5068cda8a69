"""How much the bounds cut off: the same question with wider bounds, less the answer as bounded.

Noise is in a margin, what bounds cut off is not: it is a bias, and nobody knows it without looking.
To look at it is a question like any other, so it is asked privately and paid for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from workbench.errors import QuestionRefused
from workbench.privacy.expressions import Expression, column
from workbench.privacy.query import Ask, Query

if TYPE_CHECKING:
    from workbench.privacy.question import Question
    from workbench.privacy.release import Measure, Release

KINDS = ("customers", "rows", "sum")


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
    """Return, for each measure, what the wider answer has more than the bounded one."""

    def less(measure: Measure) -> Expression:
        found = column(measure.name) - column(measure.name, of=bounded)
        return found.named(
            f"{measure.name}_cut_off",
            f"{measure.title}: cut off by bounds, as seen with bounds {times} times as wide",
            measure.unit,
            measure.digits,
        )

    names = {each.name for each in bounded.measures}
    return [less(each) for each in _shared(wide.measures, names)]


def _shared(measures: Sequence[Measure], names: set[str]) -> list[Measure]:
    return [each for each in measures if each.name in names]
