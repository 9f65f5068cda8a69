"""What a person adds to editions by hand: a comment on one, and notes that stay on a period.

``reports/NAME/2026-09.md`` comments on that edition, ``2026-09.zh.md`` on its Chinese page;
``reports/NAME/notes.yaml`` has a line for each period: ``2026-03: Branch closed``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench.documents import load_yaml
from workbench.errors import DefinitionError, PeriodError
from workbench.periods import Period

NOTES = "notes.yaml"
LETTERS_AT_MOST, NOTE_AT_MOST = 8_000, 200


@dataclass(frozen=True)
class Remarks:
    """An edition's comment by language, "" for any other, and the notes on periods up to its own.

    Both are words a person wrote: they are searched before anything is paid or published.
    """

    comments: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, dict[str, str]]:
        """Return plain values, of what there is; an edition without remarks has none."""
        both = {"comments": dict(self.comments), "notes": dict(self.notes)}
        return {name: each for name, each in both.items() if each}


def remarks_on(reports: Path, name: str, period: Period) -> Remarks:
    """Return what was added to an edition; the definition's own check told what is wrong with it.

    Raises
    ------
    DefinitionError
        A file cannot be read, or was made wrong since.
    """
    comments = {
        language: _text(path)
        for path, text, language in _comments(reports / name)
        if text == period.text
    }
    notes = _notes(reports / name)
    about = {text: note for text, note in notes.items() if Period.parse(text).start < period.end}
    return Remarks(comments, about)


def wrong_remarks(reports: Path, name: str, kind: str) -> Iterator[str]:
    """Yield what is wrong with a report's comments and notes; ``kind``: of its periods."""
    for path, text, language in _comments(reports / name):
        # why here: a list of what is due reads definitions, and draws no figure
        from workbench.figures.language import LANGUAGES

        try:
            period = Period.parse(text)
            if period.kind != kind:
                yield f"{path}: {text} is a {period.kind}, and the report is about a {kind}."
            if language not in ("", *LANGUAGES):
                known = ", ".join(LANGUAGES)
                yield f"{path}: no page is in the language '{language}'; there are {known}."
            _text(path)
        except PeriodError as problem:
            yield f"{path}: {problem} A comment's file has its edition's period for a name."
        except DefinitionError as problem:
            yield str(problem)
    try:
        _notes(reports / name)
    except DefinitionError as problem:
        yield from problem.problems or [str(problem)]


def _comments(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield each comment's file, its period as written and its language."""
    for path in sorted(folder.glob("[!.]*.md")):
        text, _, language = path.name.removesuffix(".md").partition(".")
        yield path, text, language


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise DefinitionError(f"{path} cannot be read as UTF-8 text ({problem}).") from None
    if len(text) > LETTERS_AT_MOST:
        raise DefinitionError(
            f"{path} has {len(text):,} letters; a comment has at most {LETTERS_AT_MOST:,}. What is "
            "longer belongs into the notebook."
        )
    return text


def _notes(folder: Path) -> dict[str, str]:
    if not (folder / NOTES).is_file():
        return {}
    document = load_yaml(folder / NOTES, DefinitionError, "list of notes")
    problems = []
    for key, note in document.content.items():
        try:
            Period.parse(str(key))
        except PeriodError as problem:
            problems.append(f"{document.where(key)}: {problem}")
        if not isinstance(note, str) or not 0 < len(note) <= NOTE_AT_MOST:
            problems.append(
                f"{document.where(key)}: a note is a text of 1 to {NOTE_AT_MOST} letters."
            )
    if problems:
        raise DefinitionError("the notes on periods are wrong:", problems)
    return {str(key): note for key, note in document.content.items()}
