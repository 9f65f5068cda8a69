"""Report definitions read from their folder and checked, also against each other.

With them what a person adds to editions by hand: ``reports/NAME/2026-09.md`` comments on that
edition, ``2026-09.zh.md`` on its Chinese page; ``reports/NAME/notes.yaml`` has a line for each
period: ``2026-03: Branch closed``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workbench.documents import load_yaml, read_json
from workbench.errors import DefinitionError, PeriodError, require_known, suggest
from workbench.periods import Period
from workbench.reporting.definitions.definition import Definition
from workbench.reporting.notebooks.literals import tags_of
from workbench.settings import Settings

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_ASSIGNED = re.compile(r"^([A-Za-z_]\w*)\s*(?::[^=]+)?=", re.MULTILINE)


def load_definition(path: Path, notebooks: Path) -> Definition:
    """Read one report definition and check its notebook.

    Raises
    ------
    DefinitionError
        Everything that is wrong, each with its line.
    """
    document = load_yaml(path, DefinitionError, "report definition")
    summary = f"the report definition {path} is wrong:"
    if "name" in document.content:
        raise DefinitionError(summary, [f"{document.where('name')}: the file's name is the name."])
    content = {"name": path.stem, **document.content}
    if content.get("engine") == "workbench":  # what every definition could say before
        del content["engine"]
    try:
        definition = Definition.model_validate(content)
    except ValidationError as error:
        problems = list(document.explain(error, Definition))
        raise DefinitionError(summary, [*problems, *_also(document.content, notebooks)]) from None
    problems = []
    if not _NAME.fullmatch(path.stem):
        problems.append(f"{path}: name it with small letters, digits and dashes.")
    problems += [
        f"{document.where('notebook')}: {problem}"
        for problem in notebook_problems(notebooks / definition.notebook, definition.parameters)
    ]
    problems += wrong_remarks(path.parent, path.stem, definition.period.kind)
    if problems:
        raise DefinitionError(summary, problems)
    return definition


def _also(content: Mapping[str, Any], notebooks: Path) -> Iterator[str]:
    """Yield what is wrong with the notebook of a definition that is wrong itself."""
    notebook, parameters = content.get("notebook"), content.get("parameters") or {}
    if isinstance(notebook, str) and notebook.endswith(".ipynb") and isinstance(parameters, dict):
        yield from notebook_problems(notebooks / Path(notebook).name, parameters)


def notebook_problems(path: Path, parameters: Mapping[str, Any]) -> list[str]:
    """Return what keeps a notebook from being a report with these parameters."""
    try:
        notebook = read_json(path)
    except FileNotFoundError:
        return [f"no notebook at {path}."]
    except (OSError, ValueError, RecursionError):
        return [f"{path} is not a notebook."]
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or notebook.get("nbformat") != 4:
        return [f"{path} is not a notebook of format 4. Open it in JupyterLab and save it."]
    if not all(isinstance(c, dict) and _is_text(c.get("source")) for c in cells):
        return [f"{path} has a cell without its text. Open it in JupyterLab and save it."]
    code = [c for c in cells if c.get("cell_type") == "code"]
    tagged = [c for c in code if "parameters" in tags_of(c)]
    if len(tagged) != 1:
        return [f"{path} has {len(tagged)} code cells tagged 'parameters'; it needs exactly one."]
    assigned = set(_ASSIGNED.findall("".join(tagged[0]["source"])))
    missing = sorted({"period", *map(str, parameters)} - assigned)
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        return [f"the parameters cell of {path} does not set {names}."]
    return []


def _is_text(source: object) -> bool:
    lines = source if isinstance(source, list) else [source]
    return all(isinstance(line, str) for line in lines)


def definition_paths(reports: Path) -> Mapping[str, Path]:
    """Return the report definitions of a folder by name."""
    return {path.stem: path for path in _files(reports)}


def _files(reports: Path) -> list[Path]:
    """Return every file of a folder that can be a definition, in order of their names."""
    return sorted(
        path
        for path in reports.glob("[!.]*")
        if path.suffix.casefold() in (".yaml", ".yml") and path.is_file()
    )


def find_definition(name: str, reports: Path, notebooks: Path) -> Definition:
    """Return the definition of one report.

    Raises
    ------
    UnknownName
        There is none of that name.
    DefinitionError
        It is wrong, or there are two.
    """
    paths = definition_paths(reports)
    require_known("report", paths, name)
    if twice := _doubled(reports).get(name.casefold()):
        raise DefinitionError(f"report '{name}' is defined twice:", [twice])
    return load_definition(paths[name], notebooks)


def sound(settings: Settings) -> Iterator[Definition]:
    """Yield the reports that are right by themselves: of others their own runs and checks tell."""
    reports, notebooks = settings.path("reports"), settings.path("notebooks")
    doubled = _doubled(reports)
    for name, path in definition_paths(reports).items():
        try:
            definition = load_definition(path, notebooks)
        except DefinitionError:
            continue
        if name.casefold() not in doubled:
            yield definition


def load_all(reports: Path, notebooks: Path) -> tuple[dict[str, Definition], tuple[str, ...]]:
    """Return every report that can run, and everything that is wrong with the others.

    Wrong together: two files of one name, a report that comes ``after`` one that is not there, and
    reports that come after each other in a circle.
    """
    found: dict[str, Definition] = {}
    problems: list[str] = []
    doubled = _doubled(reports)
    problems += doubled.values()
    for name, path in definition_paths(reports).items():
        try:
            definition = load_definition(path, notebooks)
        except DefinitionError as error:
            problems += error.problems or [str(error)]
        else:
            if name.casefold() not in doubled:
                found[name] = definition
    wrong = dict(_out_of_order(found, reports))
    problems += wrong.values()
    return {name: each for name, each in found.items() if name not in wrong}, tuple(problems)


def _doubled(reports: Path) -> dict[str, str]:
    """Return names that two files of a folder define, and the problem of each."""
    named: dict[str, list[Path]] = {}
    for path in _files(reports):
        named.setdefault(path.stem.casefold(), []).append(path)
    return {
        name: f"{paths[0]} and {paths[1].name} both define report '{name}'; keep one."
        for name, paths in named.items()
        if len(paths) > 1
    }


def _out_of_order(found: Mapping[str, Definition], reports: Path) -> Iterator[tuple[str, str]]:
    """Yield reports that cannot come after what they name, and why."""
    known = definition_paths(reports)
    for name, definition in found.items():
        for other in definition.reports_before:
            if other not in known:
                yield (
                    name,
                    f"{known[name]}: comes after '{other}', which is no report."
                    f"{suggest(other, known)}",
                )
    remaining = {name: set(each.reports_before) & set(found) for name, each in found.items()}
    while True:
        try:
            TopologicalSorter(remaining).prepare()
        except CycleError as error:
            circle: Sequence[str] = error.args[1]
            way = " after ".join(f"'{name}'" for name in reversed(circle))
            for name in set(circle):
                yield name, f"{known[name]}: reports wait for each other in a circle: {way}."
                remaining.pop(name, None)
        else:
            return


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
