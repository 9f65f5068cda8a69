"""From an executed notebook to a page, by an allow-list.

What reaches a page: Markdown cells as they stand in the source notebook, and outputs of the type
`workbench.figures.MIME`. Of those, only column names, release ids and words that stand as plain
strings in the source notebook's code, also where a release was given them; every figure is drawn
anew from the ledger. Streams, reprs, tracebacks, widgets, attachments and metadata are not looked
at.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import workbench.analytics.operations  # registers what analytics derives  # noqa: F401
from workbench.errors import DefinitionError, QuestionRefused, RunFailed, UnknownName
from workbench.figures import MIME, Chart
from workbench.figures.changes import Together
from workbench.figures.kinds import read_payload
from workbench.figures.language import Language
from workbench.figures.live.embedded import embedded
from workbench.figures.marks import noted
from workbench.figures.notes import notes_about
from workbench.figures.spec import Figure, Spec
from workbench.privacy.release import Release
from workbench.privacy.replaying import believed
from workbench.reporting.notebooks import chosen
from workbench.reporting.notebooks.literals import read_code, source_of, tags_of
from workbench.reporting.pages.page import Page
from workbench.reporting.pages.parts import Authored, Block, Context, Drawing
from workbench.reporting.pages.text import Heading, Prose, plain_prose, read_markdown

Notebook = Mapping[str, Any]
Cell = Mapping[str, Any]
Lookup = Callable[[str], Release]

INJECTED = "injected-parameters"
ANALYSTS_ONLY = "analysts-only"
_LANGUAGE_TAG = "lang-"


@dataclass(frozen=True)
class Desk:
    """What each step needs beside its cell.

    Attributes
    ----------
    lookup : callable
        From a release's id to the release, as it stands in the ledger.
    language : Language
        The page's language.
    literals : frozenset of str
        Plain strings of the source notebook's code.
    markdown : frozenset of str
        Markdown cells of the source notebook.
    written : Written
        What an analyst may have called things in a release.
    together : Together
        How the changes of all key figures of the page are judged.
    notes : mapping of str to str
        Period to a note on it.
    """

    lookup: Lookup
    language: Language
    literals: frozenset[str]
    markdown: frozenset[str]
    written: chosen.Written
    together: Together
    notes: Mapping[str, str]


def export(
    notebook: Notebook, *, source_notebook: Notebook, lookup: Lookup, context: Context
) -> Page:
    """Return the page of an executed notebook.

    Parameters
    ----------
    notebook : NotebookNode or mapping
        The executed notebook.
    source_notebook : NotebookNode or mapping
        The notebook as it was written; a cell of injected parameters counts for nothing.
    lookup : callable
        From a release's id to the release in the ledger.
    context : Context
        What the page says about itself.

    Raises
    ------
    DefinitionError
        A figure is not of wb.figures' making, or has a computed string.
    RunFailed
        Nothing released was shown, or a release is not in the ledger.
    """
    language = Language(context.language, context.translations)
    literals = literals_of(source_notebook)
    given = {**context.parameters, **({"period": context.period} if context.period else {})}
    written = chosen.Written.of(literals, _code_of(source_notebook), given, context.declared)
    drawings = list(_drawings(notebook, language, lookup))
    together = Together.of(drawings, lookup)
    markdown = _markdown_of(source_notebook)
    desk = Desk(lookup, language, literals, markdown, written, together, context.notes)
    blocks: list[Block] = []
    authored: list[Authored] = []
    for number, cell in numbered(notebook):
        where = f"cell {number}"
        if _shown(cell, language):
            for step in STEPS:
                for block, words in step(cell, where, desk):
                    if isinstance(block, Drawing):
                        drawn = sum(isinstance(each, Drawing) for each in blocks)
                        block = replace(block, live=drawn)
                    blocks.append(block)
                    authored.extend(words)
    if not any(isinstance(block, Drawing) for block in blocks):
        raise RunFailed(
            "the notebook showed no released figure, so there is nothing to publish. End a cell "
            "with wb.figures.…(release) or wb.text(…, release); frames and plots of raw data are "
            "not published."
        )
    shown = [Figure(spec, tuple(releases)) for spec, releases in drawings]
    return Page(blocks, context, authored, embedded(shown, language, together, lookup))


def export_languages(
    notebook: Notebook,
    *,
    source_notebook: Notebook,
    lookup: Lookup,
    context: Context,
    languages: Mapping[str, Mapping[str, str]],
) -> tuple[Page, ...]:
    """Return a notebook's pages, one a language, all from the same releases at one cost.

    Parameters
    ----------
    languages : mapping of str to mapping of str to str
        Language to the translations declared for it; the first language is the one to be opened.
    notebook, source_notebook, lookup, context
        As for `export`.
    """
    found = cache(lookup)  # every language draws the same releases
    return tuple(
        export(
            notebook,
            source_notebook=source_notebook,
            lookup=found,
            context=replace(context, language=code, translations=words),
        )
        for code, words in languages.items()
    )


Step = Callable[[Cell, str, Desk], Iterator[tuple[Block, Sequence[Authored]]]]


def prose(cell: Cell, where: str, desk: Desk) -> Iterator[tuple[Block, Sequence[Authored]]]:
    """Yield a Markdown cell's headings and paragraphs."""
    if cell.get("cell_type") != "markdown":
        return
    source = source_of(cell)
    if source not in desk.markdown:
        raise DefinitionError(
            f"{where}: this text does not stand in the source notebook. Prose is written, not "
            "computed; put figures into a sentence with wb.text(…, release)."
        )
    for part in read_markdown(source):
        yield _translated(part, desk.language), [Authored(f"the text of {where}", part.text)]


def _translated(part: Heading | Prose, language: Language) -> Heading | Prose:
    """Return a heading or a paragraph in the page's language, where it was declared in it."""
    text = language.say(part.text)
    if text == part.text:
        return part
    if isinstance(part, Heading):
        return replace(part, text=text, name=part.text)
    return plain_prose(text)


def figures(cell: Cell, where: str, desk: Desk) -> Iterator[tuple[Block, Sequence[Authored]]]:
    """Yield a code cell's figures, drawn from the ledger."""
    for content in _contents(cell):
        yield _figure(content, where, desk)


def _contents(cell: Cell) -> Iterator[object]:
    """Yield what a code cell's figures are drawn by."""
    if cell.get("cell_type") != "code":
        return
    for output in cell.get("outputs") or ():
        if output.get("output_type") in ("display_data", "execute_result"):
            content = (output.get("data") or {}).get(MIME)
            if content is not None:
                yield content


def _drawings(
    notebook: Notebook, language: Language, lookup: Lookup
) -> Iterator[tuple[Spec, Sequence[Release]]]:
    """Yield how all figures of a page are drawn, with their releases."""
    for number, cell in numbered(notebook):
        if _shown(cell, language):
            for content in _contents(cell):
                where = f"cell {number}"
                payload = read_payload(content, where)
                yield payload.spec, [_found(each, where, lookup) for each in payload.releases]


STEPS: tuple[Step, ...] = (prose, figures)


def _figure(content: object, where: str, desk: Desk) -> tuple[Block, Sequence[Authored]]:
    payload = read_payload(content, where)
    for text in payload.spec.words():
        if text not in desk.literals:
            raise DefinitionError(
                f"{where}: a title, label or template of this figure does not stand in the "
                "notebook as a plain string; it was computed, and a computed string can hold a "
                "value read from a row. Write it out, or put figures in with "
                "wb.text('… {customers:,} …', release)."
            )
    if not all(map(desk.written.has_number, map(str, payload.spec.numbers()))):
        raise DefinitionError(
            f"{where}: a target of this figure stands neither in the notebook nor in a parameter "
            "or the catalog. It was computed, and a computed number can hold what was counted on "
            "rows. Write the number into the cell or declare it as a parameter."
        )
    releases = [_found(name, where, desk.lookup) for name in payload.releases]
    for each in releases:
        number = chosen.computed_number(each, desk.lookup, desk.written)
        if number is not None:
            raise DefinitionError(
                f"{where}: {each.id}, '{each.name}', is shown with a number that stands neither in "
                f"the notebook nor in a parameter or the catalog: {number}. It was computed, and a "
                "computed number can hold what was counted on rows. Write the number into the cell "
                "or declare it as a parameter."
            )
        if chosen.unwritten(each, desk.lookup, desk.written) is not None:
            raise DefinitionError(
                f"{where}: {each.id}, '{each.name}', is shown with a group, title or label that "
                "stands neither in the notebook as a plain string nor in the catalog; it was "
                "computed, and a computed string can hold a value read from a row. Write it out."
            )
    try:
        drawn = payload.spec.draw(releases, desk.language, desk.together)
    except (QuestionRefused, UnknownName) as problem:
        raise DefinitionError(f"{where}: {problem}") from None
    notes = notes_about(payload.spec, releases, desk.language)
    if isinstance(drawn, Chart):
        drawn, marked = noted(drawn, payload.spec, releases[0], desk.notes, desk.language)
        notes = (*marked, *notes)
    told = dict.fromkeys(word for each in releases for word in chosen.spoken(each, desk.lookup))
    found = dict.fromkeys(v for each in releases for v in chosen.found_values(each, desk.lookup))
    return (
        Drawing(drawn, payload.releases, notes, tuple(found), payload.spec.named(releases)),
        [
            *(Authored(f"a figure's words in {where}", text) for text in payload.spec.prose()),
            *(Authored(f"the words of a release in {where}", text) for text in told),
        ],
    )


def _found(name: str, where: str, lookup: Lookup) -> Release:
    try:
        return believed(lookup(name), lookup)
    except (KeyError, UnknownName):
        raise RunFailed(
            f"{where}: release {name} is not in this workspace's ledger. Run the notebook here, so "
            "that it releases what it shows."
        ) from None


def literals_of(notebook: Notebook) -> frozenset[str]:
    """Return the plain strings in a notebook's code: not f-strings, not injected parameters.

    Examples
    --------
    >>> cell = {"cell_type": "code", "source": "title = 'Spend'; other = f'Spend of {name}'"}
    >>> sorted(literals_of({"cells": [cell]}))
    ['Spend']
    """
    return read_code(_code_of(notebook)).strings


def _code_of(notebook: Notebook) -> list[str]:
    cells = notebook["cells"]
    return [source_of(c) for c in cells if c.get("cell_type") == "code" and not injected(c)]


def _markdown_of(notebook: Notebook) -> frozenset[str]:
    return frozenset(
        source_of(cell) for cell in notebook["cells"] if cell.get("cell_type") == "markdown"
    )


def numbered(notebook: Notebook) -> Iterator[tuple[int, Cell]]:
    """Yield cells with the number they have in the source notebook."""
    number = 0
    for cell in notebook["cells"]:
        if not injected(cell):
            number += 1
            yield number, cell


def injected(cell: Cell) -> bool:
    """Return whether a cell holds a run's parameters, put in for the notebook's own."""
    return INJECTED in tags_of(cell)


def _shown(cell: Cell, language: Language) -> bool:
    """Whether a cell is for readers, and for readers of this language."""
    tags = tags_of(cell)
    languages = [tag.removeprefix(_LANGUAGE_TAG) for tag in tags if tag.startswith(_LANGUAGE_TAG)]
    return ANALYSTS_ONLY not in tags and (not languages or language.code in languages)
