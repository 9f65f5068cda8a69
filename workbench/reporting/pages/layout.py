"""A page's parts in a reader's order: the answer first, then the figures."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count

from workbench.figures import Cards, Chart, Drawn, Sentence, Sheet
from workbench.figures.drawn import Cell, Grid
from workbench.reporting.pages.parts import Block, Drawing
from workbench.reporting.pages.text import Heading, Prose

# Places of the page's own; a section has a second one, for its title.
_OWN = ("report", "contents", "comment", "said", "plotly-packed", "section-0")
_LETTERS_AT_MOST = 60
_LETTERS_IN_HALF = 60


@dataclass(frozen=True)
class Item:
    """A figure with the prose that introduces it, or prose alone."""

    heading: str
    prose: tuple[Prose, ...]
    drawing: Drawing | None
    anchor: str

    @property
    def drawn(self) -> Drawn | None:
        """What its figure draws."""
        return self.drawing.drawn if self.drawing else None

    @property
    def kind(self) -> str:
        """How the template draws it."""
        if self.drawn is None:
            return "prose"
        names = {Chart: "chart", Cards: "cards", Sheet: "table", Sentence: "sentence"}
        return names[type(self.drawn)]

    @property
    def place(self) -> str:
        """What it may be on the first screen: a table that says so takes the chart's place."""
        first = isinstance(self.drawn, Sheet) and self.drawn.first
        return "chart" if first else self.kind

    @property
    def wide(self) -> bool:
        """Whether it needs the page's whole width."""
        drawn = self.drawn
        if isinstance(drawn, Chart):
            places = len(drawn.grid.rows) * max(1, len(drawn.grid.heads) - 1)
            return places > 14 or len(drawn.grid.heads) > 5
        if not isinstance(drawn, Sheet):
            return True
        return len(drawn.grid.heads) > 4 or letters(drawn.grid) > _LETTERS_IN_HALF

    @property
    def on_paper(self) -> str:
        """How much of a sheet's width a table takes where a section holds tables alone."""
        drawn = self.drawn
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
    main: tuple[Item, ...]
    sections: tuple[Section, ...]

    @property
    def items(self) -> list[Item]:
        """What stands in its sections."""
        return [item for section in self.sections for item in section.items]


def letters(grid: Grid) -> int:
    """Return how many letters wide a table is at least: words break between, figures do not.

    Examples
    --------
    >>> shares = Cell("9.8 %", margin="9.1 % to 10 %", numeric=True)
    >>> letters(Grid("", (Cell("Of all age bands"),), ((shares,),), 0))
    21
    """

    def least(cell: Cell) -> int:
        parts = [cell.text + cell.margin] if cell.numeric else cell.text.split()
        return max((sum(1 + (x > "\u2e80") for x in part) for part in parts), default=0)

    heads = [replace(each, numeric=False) for each in grid.heads]
    return sum(3 + max(map(least, column)) for column in zip(heads, *grid.rows, strict=True))


def arrange(blocks: Sequence[Block], title: str) -> Layout:
    """Put blocks in a reader's order.

    The first key figures, the first released sentence, the first chart and the tables that ask for
    its place make the first screen, each with the prose that introduces it; what is written
    before all of them is the question. Everything else keeps its order.
    """
    question, sections = _sections(blocks)
    first: dict[str, Item] = {}
    kept = []
    for section in sections:
        items = []
        lead = section.lead
        for item in section.items:
            asks = (item.place, item.kind) == ("chart", "table")
            if item.place in ("cards", "sentence", "chart") and (item.place not in first or asks):
                moved = f"chart {len(first)}" if item.place in first else item.place
                first[moved] = item
            else:
                items.append(item)
        if items:
            kept.append(replace(section, items=tuple(_said_once(items))))
        elif section.items:  # all of it moved up, and its lead goes along
            place = next(each for each, item in first.items() if item is section.items[0])
            first[place] = replace(first[place], prose=(*lead, *first[place].prose))
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
        tuple(item for place, item in first.items() if place.startswith("chart")),
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
    for kind in sorted(first, key=lambda each: ("chart" in each, each == "cards")):
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


def _place(name: str, taken: set[str]) -> str:
    """Return a name as a place on the page that links lead to, and take it.

    Examples
    --------
    >>> taken = set()
    >>> _place("Who left, and why?", taken), _place("Who left, and why", taken)
    ('who-left-and-why', 'who-left-and-why-2')
    """
    plain = "-".join(re.findall(r"\w+", name.casefold()))[:_LETTERS_AT_MOST] or "part"
    several = chain([plain], (f"{plain}-{number}" for number in count(2)))
    found = next(each for each in several if taken.isdisjoint((each, f"{each}-title")))
    taken |= {found, f"{found}-title"}
    return found


def _cells(blocks: Sequence[Block]) -> Iterator[str]:
    """Yield the places within tables."""
    for block in blocks:
        if isinstance(block, Drawing) and isinstance(block.drawn, Sheet):
            yield from (cell.anchor for row in block.drawn.grid.rows for cell in row if cell.anchor)


def _sections(blocks: Sequence[Block]) -> tuple[tuple[Prose, ...], list[Section]]:
    """Return the question, and the sections in the notebook's order.

    Prose belongs to the figure that follows it; the first prose below a section's heading leads
    the section, and the first of all is the question.
    """
    question: tuple[Prose, ...] = ()
    sections = [Section("", "section-0", (), ())]
    heading, prose = Heading(3, ""), list[Prose]()
    taken = {*_OWN, *_cells(blocks)}

    def add(item: Item) -> None:
        sections[-1] = replace(sections[-1], items=(*sections[-1].items, item))

    titled = False
    for block in (*blocks, Heading(2, "")):  # a last heading closes what is open
        if isinstance(block, Prose):
            here = sections[-1]
            untouched = not (heading.text or prose or here.items or here.lead)
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
            name = heading.name or heading.text or (drawing.name if drawing else "text")
            add(Item(heading.text, tuple(prose), drawing, _place(name, taken)))
        heading, prose = Heading(3, ""), []
        if isinstance(block, Heading) and block.level > 2:
            heading = block
        elif isinstance(block, Heading) and block.text:
            sections.append(Section(block.text, _place(block.name or block.text, taken), (), ()))
    return question, sections
