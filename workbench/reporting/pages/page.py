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
from workbench.reporting.pages.layout import Layout, arrange
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
    """A page, set from its blocks: the same blocks and context, the same bytes.

    Attributes
    ----------
    blocks : sequence of Heading, Prose or Drawing
        In the notebook's order.
    context : Context
        What it says about itself.
    written : sequence of Authored
        Where the words on its blocks were written.
    live : mapping
        What its script draws figures anew from; empty where nothing on it answers back.
    html : str
        The page; ways to the published folder start with `ROOT`.

    Raises
    ------
    DefinitionError
        A rule is about no key figure of the page.
    """

    blocks: Sequence[Block]
    context: Context
    written: Sequence[Authored] = ()
    live: Mapping[str, Any] = field(default_factory=dict)
    html: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "html", render(self))  # why at once: what is wrong is told now

    @property
    def language(self) -> str:
        """Its language's code."""
        return self.context.language

    @cached_property
    def words(self) -> Language:
        """Its language, with what was declared in it."""
        return Language(self.language, self.context.translations)

    @cached_property
    def layout(self) -> Layout:
        """Its blocks in a reader's order."""
        return arrange(self.blocks, self.words.say(self.context.title))

    @property
    def title(self) -> str:
        """Its title."""
        return self.layout.title

    @property
    def headline(self) -> str:
        """Its first released sentence."""
        answer = self.layout.answer.drawing if self.layout.answer else None
        return answer.drawn.text if answer and isinstance(answer.drawn, Sentence) else ""

    @property
    def cards(self) -> tuple[Card, ...]:
        """Its key figures, for the index."""
        cards = self.layout.cards.drawing if self.layout.cards else None
        return cards.drawn.cards if cards and isinstance(cards.drawn, Cards) else ()

    @property
    def drawings(self) -> list[Drawing]:
        """Its figures."""
        return [block for block in self.blocks if isinstance(block, Drawing)]

    @property
    def releases(self) -> tuple[str, ...]:
        """Every release it draws."""
        return tuple(sorted({name for each in self.drawings for name in each.releases}))

    @cached_property
    def alerts(self) -> tuple[Alert, ...]:
        """Its rules that hold."""
        shown = [each.drawn.cards for each in self.drawings if isinstance(each.drawn, Cards)]
        return raised(self.context.alerts, [one for cards in shown for one in cards], self.words)

    @property
    def authored(self) -> tuple[Authored, ...]:
        """Every string on it that a person wrote."""
        return tuple(dict.fromkeys((*self.written, *_words_of(self.context))))

    @cached_property
    def known(self) -> frozenset[str]:
        """Every string composed from releases, the catalog and the system's own facts."""
        told = fact_texts(self.context, self.releases, self.words)
        further = [self.alerts, self.context.brand.logo, self.live]
        return frozenset(strings_of([self.drawings, self.context.facts, told, *further]))

    @property
    def house(self) -> str:
        """Whose report it is, in its language."""
        return self.words.say(self.context.house)

    @property
    def audience(self) -> str:
        """Who reads it, in its language."""
        return self.words.say(self.context.audience)

    def revised(self, revision: int, changed: tuple[str, ...], editions: Mapping[str, str]) -> Page:
        """Return the same page as a revision of an edition that may have other languages."""
        context = replace(
            self.context,
            revision=revision,
            changed=changed,
            editions=editions if len(editions) > 1 else {},
        )
        return self if context == self.context else replace(self, context=context)

    def alone(self) -> str:
        """Return the page as one file with everything in it, which leads nowhere else."""
        from workbench.reporting.published.copies import standalone

        return standalone(self.at("./"))

    def at(self, root: str) -> str:
        """Return the page with ``root``, such as ``../../``, as the way to the published folder."""
        return self.html.replace(ROOT, root)


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
