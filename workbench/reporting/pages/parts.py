"""What a page is set from: prose, figures with their releases, and what it says about itself.

Rules over key figures read what is on the page already, so they cost nothing. Where a figure's
truth is exactly at a rule's limit, its margin lies wholly past it in 2.5 of 100 editions by chance,
and more seldom anywhere else on the limit's good side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import DefinitionError, suggest
from workbench.figures import Drawn
from workbench.figures.drawn import Card
from workbench.figures.language import Language
from workbench.figures.marks import as_written
from workbench.reporting.pages.text import Heading, Prose

if TYPE_CHECKING:
    from workbench.reporting.definitions.definition import Alert as Rule

ROOT = "@workbench-root@/"
"""Stands in a page for the way to the published folder; `Page.at` puts it in."""


@dataclass(frozen=True)
class Budget:
    """Which share of one limit all reports have used; ``scope`` is month, year or lifetime.

    Shares are of rho, which adds up; epsilons do not, and stand in the officer's annex.
    """

    scope: str
    used: float


@dataclass(frozen=True)
class Facts:
    """Where an edition's figures come from, for its footer.

    ``share`` is what the edition's figures took of what a year may spend, 0 where all are exact.
    ``budgets`` are as they stood after it. ``earlier`` is how many of its questions were
    answered before rows of theirs changed, and not asked again.
    """

    data_version: str
    as_of: str = ""
    catalog_hash: str = ""
    commit: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    privacy_unit: str = "customer"
    share: float | None = None
    budgets: tuple[Budget, ...] = ()
    earlier: int = 0


@dataclass(frozen=True)
class Brand:
    """Whose pages these are: a logo's data, colours as a style sheet, where they are served."""

    logo: str = ""
    style: str = ""
    address: str = ""


@dataclass(frozen=True)
class Context:
    """What a page says about itself.

    Attributes
    ----------
    title : str
        The report's title; empty takes the notebook's first heading.
    subtitle, house : str
        A line below it; whose report it is.
    period : str or None
        ``2026-09``.
    revision : int
        1, and more when data came late.
    parameters : mapping of str to str
        As they were checked, in words.
    facts : Facts or None
        For the footer.
    language : str
        ``en`` or ``zh``.
    translations : mapping of str to str
        Declared words in that language: titles, domain values, templates.
    editions : mapping of str to str
        Language to file name, where there are several.
    changed : tuple of str
        What a new revision changed.
    declared : frozenset of str
        The catalog's words, which may name a group; empty where no catalog is known.
    audience : str
        Who reads it.
    alerts : sequence of Rule
        Rules over the page's key figures.
    brand : Brand
        Whose pages these are.
    comments : mapping of str to str
        Language to a manager's comment in Markdown, "" to that of any other language.
    notes : mapping of str to str
        Period to a note on it, for axes of time.
    """

    title: str = ""
    subtitle: str = ""
    house: str = ""
    period: str | None = None
    revision: int = 1
    parameters: Mapping[str, str] = field(default_factory=dict)
    facts: Facts | None = None
    language: str = "en"
    translations: Mapping[str, str] = field(default_factory=dict)
    editions: Mapping[str, str] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    declared: frozenset[str] = frozenset()
    audience: str = ""
    alerts: Sequence[Rule] = ()
    brand: Brand = Brand()
    comments: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def comment(self) -> str:
        """The comment on a page in its language."""
        return self.comments.get(self.language, self.comments.get("", ""))


@dataclass(frozen=True)
class Drawing:
    """One figure, what its releases say a reader must know, and their ids.

    ``found``: group values that were found privately, which may stand on a page. ``name``: what
    links to it are made of, the same in every language and edition. ``live``: its number among the
    figures that the page's script draws anew.
    """

    drawn: Drawn
    releases: tuple[str, ...]
    notes: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    name: str = ""
    live: int = 0


@dataclass(frozen=True)
class Authored:
    """Words a person wrote, and where: they are searched for identifiers."""

    where: str
    text: str


Block = Heading | Prose | Drawing


def strings_of(value: Any) -> Iterator[str]:
    """Yield every string and number within a value, as a page would print it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int | float):
        yield repr(value)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from strings_of(key)
            yield from strings_of(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from strings_of(getattr(value, each.name))
    elif isinstance(value, Sequence | frozenset | set):
        for part in value:
            yield from strings_of(part)


@dataclass(frozen=True)
class Alert:
    """A rule that holds: of which figure, in words, and whether noise may be why."""

    figure: str
    text: str
    noisy: bool


def raised(rules: Sequence[Rule], cards: Sequence[Card], language: Language) -> tuple[Alert, ...]:
    """Return which rules hold: those of which the whole margin is past the limit.

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
                limit=language.with_unit(as_written(limit, card.rate, language), card.unit),
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
