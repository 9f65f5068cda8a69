"""A page set from its parts: nothing here reads a notebook or a ledger.

The same parts give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from workbench.figures import Cards, Sentence
from workbench.figures.drawn import Card
from workbench.figures.language import Language
from workbench.reporting.pages.layout import arrange
from workbench.reporting.pages.parts import (
    ROOT,
    Alert,
    Authored,
    Block,
    Context,
    Drawing,
    raised,
    strings_of,
)
from workbench.reporting.pages.template import fact_texts, render


@dataclass(frozen=True)
class Page:
    """A finished page.

    Attributes
    ----------
    html : str
        The page; ways to the published folder start with `ROOT`.
    title, headline : str
        Its title, and its first released sentence.
    cards : tuple of Card
        Its key figures, for the index.
    releases : tuple of str
        Every release it draws.
    alerts : tuple of Alert
        Its rules that hold.
    language : str
        Its language.
    authored : tuple of Authored
        Every string on it that a person wrote.
    blocks, context
        What it was set from.
    live : mapping
        What its script draws figures anew from; empty where nothing on it answers back.
    """

    html: str
    title: str
    headline: str
    cards: tuple[Card, ...]
    releases: tuple[str, ...]
    alerts: tuple[Alert, ...]
    language: str
    authored: tuple[Authored, ...]
    blocks: tuple[Block, ...]
    context: Context
    live: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def known(self) -> frozenset[str]:
        """Every string composed from releases, the catalog and the system's own facts."""
        language = Language(self.language, self.context.translations)
        drawings = [block for block in self.blocks if isinstance(block, Drawing)]
        told = fact_texts(self.context, self.releases, language)
        further = [self.alerts, self.context.brand.logo, self.live]
        return frozenset(strings_of([drawings, self.context.facts, told, *further]))

    @property
    def house(self) -> str:
        """Whose report it is, in its language."""
        return Language(self.language, self.context.translations).say(self.context.house)

    @property
    def audience(self) -> str:
        """Who reads it, in its language."""
        return Language(self.language, self.context.translations).say(self.context.audience)

    def revised(self, revision: int, changed: tuple[str, ...], editions: Mapping[str, str]) -> Page:
        """Return the same page as a revision of an edition that may have other languages."""
        context = replace(
            self.context,
            revision=revision,
            changed=changed,
            editions=editions if len(editions) > 1 else {},
        )
        if context == self.context:
            return self
        return set_page(self.blocks, context, self.authored, self.live)

    def alone(self) -> str:
        """Return the page as one file with everything in it, which leads nowhere else."""
        from workbench.reporting.published.copies import standalone

        return standalone(self.at("./"))

    def at(self, root: str) -> str:
        """Return the page with ``root``, such as ``../../``, as the way to the published folder."""
        return self.html.replace(ROOT, root)


def set_page(
    blocks: Sequence[Block],
    context: Context,
    authored: Sequence[Authored] = (),
    live: Mapping[str, Any] | None = None,
) -> Page:
    """Set a page from its blocks: the same blocks and context, the same bytes.

    Parameters
    ----------
    blocks : sequence of Heading, Prose or Drawing
        In the notebook's order.
    context : Context
        What the page says about itself.
    authored : sequence of Authored
        Where the words on it were written.
    live : mapping, optional
        What its script draws figures anew from.
    """
    language = Language(context.language, context.translations)
    layout = arrange(blocks, language.say(context.title))
    drawings = [block for block in blocks if isinstance(block, Drawing)]
    releases = tuple(sorted({name for drawing in drawings for name in drawing.releases}))
    shown = [d.drawn.cards for d in drawings if isinstance(d.drawn, Cards)]
    alerts = raised(context.alerts, [card for cards in shown for card in cards], language)
    html = render(layout, context, language, releases, alerts, live or {})
    answer = layout.answer.drawing.drawn if layout.answer and layout.answer.drawing else None
    cards = layout.cards.drawing.drawn if layout.cards and layout.cards.drawing else None
    return Page(
        html=html,
        title=layout.title,
        headline=answer.text if isinstance(answer, Sentence) else "",
        cards=cards.cards if isinstance(cards, Cards) else (),
        releases=releases,
        alerts=alerts,
        language=context.language,
        authored=tuple(dict.fromkeys((*authored, *_words_of(context)))),
        blocks=tuple(blocks),
        context=context,
        live=live or {},
    )


def _words_of(context: Context) -> Iterator[Authored]:
    parts: dict[str, Any] = {
        "the title": context.title,
        "the subtitle": context.subtitle,
        "the workspace's title": context.house,
        "the parameters": context.parameters,
        "the translations": context.translations,
        "what changed": context.changed,
        "the audience": context.audience,
        "an alert": [rule.say for rule in context.alerts],
        "the comment": [*context.comments.values()],
        "the notes on periods": context.notes,
    }
    for where, value in parts.items():
        for text in strings_of(value):
            yield Authored(where, text)
