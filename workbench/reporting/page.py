"""A page's parts and their order: the answer first, then the figures, then how to read them.

Nothing here reads a notebook or a ledger. It takes prose and drawings and sets a page from them;
the same parts give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

from workbench.figures import Cards, Chart, Drawn, Sentence, Sheet
from workbench.figures.drawn import Card
from workbench.figures.language import Language
from workbench.reporting import page_assets
from workbench.reporting.text import Heading, Prose

ROOT = "@workbench-root@/"
"""Stands in a page for the way to the published folder; `Page.at` puts it in."""


@dataclass(frozen=True)
class Budget:
    """Which share of one limit all reports have used; ``scope`` is month, year or lifetime.

    Shares are of zCDP rho, which adds up; epsilons do not, and stand in the officer's annex.
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


@dataclass(frozen=True)
class Drawing:
    """One figure, what its releases say a reader must know, and their ids.

    ``found``: group values that were found privately, which may stand on a page.
    """

    drawn: Drawn
    releases: tuple[str, ...]
    notes: tuple[str, ...] = ()
    found: tuple[str, ...] = ()


@dataclass(frozen=True)
class Authored:
    """Words a person wrote, and where: they are searched for identifiers."""

    where: str
    text: str


Block = Heading | Prose | Drawing


@dataclass(frozen=True)
class Item:
    """A figure with the prose that introduces it, or prose alone."""

    heading: str
    prose: tuple[Prose, ...]
    drawing: Drawing | None
    anchor: str

    @property
    def kind(self) -> str:
        """How the template draws it."""
        if self.drawing is None:
            return "prose"
        names = {Chart: "chart", Cards: "cards", Sheet: "table", Sentence: "sentence"}
        return names[type(self.drawing.drawn)]

    @property
    def place(self) -> str:
        """What it may be on the first screen: a table that says so takes the chart's place."""
        drawn = self.drawing.drawn if self.drawing else None
        return "chart" if isinstance(drawn, Sheet) and drawn.first else self.kind

    @property
    def wide(self) -> bool:
        """Whether it needs the page's whole width."""
        drawn = self.drawing.drawn if self.drawing else None
        if isinstance(drawn, Chart):
            places = len(drawn.grid.rows) * max(1, len(drawn.grid.heads) - 1)
            return places > 14 or len(drawn.grid.heads) > 5
        return not isinstance(drawn, Sheet) or len(drawn.grid.heads) > 4

    @property
    def on_paper(self) -> str:
        """How much of a sheet's width a table takes where a section holds tables alone."""
        drawn = self.drawing.drawn if self.drawing else None
        if isinstance(drawn, Sheet) and any(row[0].anchor for row in drawn.grid.rows):
            return "definitions"  # which links lead to: on the screen alone
        if not isinstance(drawn, Sheet) or self.prose or len(drawn.grid.heads) > 5:
            return "whole-width"
        return "third" if len(drawn.grid.heads) == 3 else "half"


@dataclass(frozen=True)
class Section:
    """A heading of the second level and what stands below it."""

    title: str
    anchor: str
    lead: tuple[Prose, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Layout:
    """A page's first screen and its sections."""

    title: str
    asked: str
    question: tuple[Prose, ...]
    answer: Item | None
    cards: Item | None
    main: Item | None
    sections: tuple[Section, ...]


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
    language : str
        Its language.
    authored : tuple of Authored
        Every string on it that a person wrote.
    blocks, context
        What it was set from.
    """

    html: str
    title: str
    headline: str
    cards: tuple[Card, ...]
    releases: tuple[str, ...]
    language: str
    authored: tuple[Authored, ...]
    blocks: tuple[Block, ...]
    context: Context

    @cached_property
    def known(self) -> frozenset[str]:
        """Every string composed from releases, the catalog and the system's own facts."""
        from workbench.reporting.page_template import fact_texts

        language = Language(self.language, self.context.translations)
        drawings = [block for block in self.blocks if isinstance(block, Drawing)]
        told = fact_texts(self.context, self.releases, language)
        return frozenset(strings_of([drawings, self.context.facts, told]))

    @property
    def house(self) -> str:
        """Whose report it is, in its language."""
        return Language(self.language, self.context.translations).say(self.context.house)

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
        return set_page(self.blocks, context, self.authored)

    def alone(self) -> str:
        """Return the page as one file with everything in it, which leads nowhere else."""
        from workbench.reporting.published.copies import standalone

        return standalone(self.at("./"))

    def at(self, root: str) -> str:
        """Return the page with ``root``, such as ``../../``, as the way to the published folder."""
        return self.html.replace(ROOT, root)


def arrange(blocks: Sequence[Block], title: str) -> Layout:
    """Put blocks in a reader's order.

    The first key figures, the first released sentence and the first chart, or table that asks for
    its place, make the first screen, each with the prose that introduces it; what is written
    before all of them is the question. Everything else keeps its order.
    """
    question, sections = _sections(blocks)
    first: dict[str, Item] = {}
    kept = []
    for section in sections:
        items = []
        lead = section.lead
        for item in section.items:
            if item.place in ("cards", "sentence", "chart") and item.place not in first:
                first[item.place] = item
            else:
                items.append(item)
        if items:
            kept.append(replace(section, items=tuple(_said_once(items))))
        elif section.items:  # all of it moved up, and its lead goes along
            moved = section.items[0]
            first[moved.place] = replace(moved, prose=(*lead, *moved.prose))
        elif lead:
            kept.append(section)
    _once(first)
    heading = next((b.text for b in blocks if isinstance(b, Heading) and b.level == 1), "")
    return Layout(
        title or heading,
        heading if title and heading.casefold() != title.casefold() else "",
        question,
        first.get("sentence"),
        first.get("cards"),
        first.get("chart"),
        tuple(kept),
    )


def _said_once(items: Sequence[Item]) -> Iterator[Item]:
    """Yield a section's items, each note below the first of its tables alone."""
    said: set[str] = set()
    for item in items:
        if item.drawing is None or item.kind != "table":
            yield item
            continue
        fresh = tuple(note for note in item.drawing.notes if note not in said)
        said |= set(fresh)
        yield replace(item, drawing=replace(item.drawing, notes=fresh))


def _once(first: dict[str, Item]) -> None:
    """Let the first screen say each note once: below the key figures, else where it first is."""
    shown: dict[str, None] = {}
    order = [kind for kind in ("sentence", "cards", "chart") if kind in first]
    for kind in order:
        item = first[kind]
        if item.drawing is None:
            continue
        waiting = kind == "sentence" and "cards" in first  # its notes come with the key figures
        said = dict.fromkeys(item.drawing.notes)
        if kind == "cards":
            notes = {**shown, **said}
        else:
            notes = {} if waiting else {note: None for note in said if note not in shown}
        shown |= said
        first[kind] = replace(item, drawing=replace(item.drawing, notes=tuple(notes)))


def _sections(blocks: Sequence[Block]) -> tuple[tuple[Prose, ...], list[Section]]:
    """Return the question, and the sections in the notebook's order.

    Prose belongs to the figure that follows it; the first prose below a section's heading leads
    the section, and the first of all is the question.
    """
    question: tuple[Prose, ...] = ()
    sections = [Section("", "section-0", (), ())]
    heading, prose = "", list[Prose]()

    def add(item: Item) -> None:
        sections[-1] = replace(sections[-1], items=(*sections[-1].items, item))

    number, titled = 0, False
    for block in (*blocks, Heading(2, "")):  # a last heading closes what is open
        if isinstance(block, Prose):
            here = sections[-1]
            untouched = not (heading or prose or here.items or here.lead)
            if untouched and len(sections) == 1 and not question:
                question = (block,)
            elif untouched and here.title:
                sections[-1] = replace(here, lead=(block,))
            else:
                prose.append(block)
            continue
        if isinstance(block, Heading) and block.level == 1 and not titled:
            titled = True
            continue
        drawing = block if isinstance(block, Drawing) else None
        if drawing or prose:
            number += 1
            add(Item(heading, tuple(prose), drawing, f"figure-{number}"))
        heading, prose = "", []
        if isinstance(block, Heading) and block.level > 2:
            heading = block.text
        elif isinstance(block, Heading) and block.text:
            sections.append(Section(block.text, f"section-{len(sections)}", (), ()))
    return question, sections


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


def set_page(
    blocks: Sequence[Block],
    context: Context,
    authored: Sequence[Authored] = (),
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
    """
    from workbench.reporting.page_template import render

    language = Language(context.language, context.translations)
    layout = arrange(blocks, language.say(context.title))
    drawings = [block for block in blocks if isinstance(block, Drawing)]
    for drawing in drawings:
        if isinstance(drawing.drawn, Chart):
            page_assets.check_traces(drawing.drawn.figure, "a chart of this page")
    releases = tuple(sorted({name for drawing in drawings for name in drawing.releases}))
    html = render(layout, context, language, releases)
    answer = layout.answer.drawing.drawn if layout.answer and layout.answer.drawing else None
    cards = layout.cards.drawing.drawn if layout.cards and layout.cards.drawing else None
    return Page(
        html=html,
        title=layout.title,
        headline=answer.text if isinstance(answer, Sentence) else "",
        cards=cards.cards if isinstance(cards, Cards) else (),
        releases=releases,
        language=context.language,
        authored=tuple(dict.fromkeys((*authored, *_words_of(context)))),
        blocks=tuple(blocks),
        context=context,
    )


def _words_of(context: Context) -> Iterator[Authored]:
    parts: dict[str, Any] = {
        "the title": context.title,
        "the subtitle": context.subtitle,
        "the workspace's title": context.house,
        "the parameters": context.parameters,
        "the translations": context.translations,
        "what changed": context.changed,
    }
    for where, value in parts.items():
        for text in strings_of(value):
            yield Authored(where, text)
