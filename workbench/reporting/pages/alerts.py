"""Rules over released key figures: one holds only where the whole margin is past its limit.

A rule reads what is on the page already, so it costs nothing. Where a figure's truth is exactly at
the limit, its margin lies wholly past it in 2.5 of 100 editions by chance, and more seldom anywhere
else on the limit's good side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workbench.errors import DefinitionError, suggest
from workbench.figures.drawn import Card
from workbench.figures.language import Language
from workbench.figures.marks import as_written


class Rule(Protocol):
    """As a definition declares it: a key figure's name, and a limit below or above."""

    @property
    def figure(self) -> str: ...  # noqa: D102  # why: the class says it

    @property
    def below(self) -> float | None: ...  # noqa: D102  # why: same

    @property
    def above(self) -> float | None: ...  # noqa: D102  # why: same

    @property
    def say(self) -> str: ...  # noqa: D102  # why: same


@dataclass(frozen=True)
class Alert:
    """A rule that holds: of which figure, in words, and whether noise may be why."""

    figure: str
    text: str
    noisy: bool


def raised(rules: Sequence[Rule], cards: Sequence[Card], language: Language) -> tuple[Alert, ...]:
    """Return which rules hold.

    Raises
    ------
    DefinitionError
        A rule is about no key figure of the page.
    """
    known = {card.key: card for card in reversed(cards)}  # of several, the first
    found = []
    for rule in rules:
        if rule.figure not in known:
            there = ", ".join(known) or "none"
            raise DefinitionError(
                f"alerts: '{rule.figure}' is no key figure of this page; there are: {there}."
                f"{suggest(rule.figure, known)} Name a measure that wb.figures.kpis shows."
            )
        card = known[rule.figure]
        way, limit = ("below", rule.below) if rule.below is not None else ("above", rule.above)
        if limit is not None and _past(card, way, limit):
            text = language.word(
                f"alert {way}",
                figure=card.label,
                value=card.full,
                limit=as_written(limit, card.rate, language),
            )
            more = f" {language.say(rule.say)}" if rule.say else ""
            found.append(Alert(rule.figure, text + more, not card.exact))
    return tuple(found)


def _past(card: Card, way: str, limit: float) -> bool:
    low = high = card.value if card.exact else None
    if card.interval is not None:
        # why half a step: the ends are rounded as they are shown, the margin's own lie this near
        low, high = card.interval[0] - card.step / 2, card.interval[1] + card.step / 2
    if low is None or high is None:
        return False
    return high < limit if way == "below" else low > limit
