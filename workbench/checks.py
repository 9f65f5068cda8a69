"""Everything that is wrong with a workspace, told at once, before anything runs."""

import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote

from workbench.documents import read_json
from workbench.errors import (
    CatalogError,
    CatalogUnanswered,
    ProblemsError,
    SettingsError,
    StorageError,
    WorkbenchError,
)
from workbench.reporting.definitions.reading import definition_paths, load_all
from workbench.reporting.forking import forking
from workbench.reporting.notebooks.remarks import miswritten
from workbench.reporting.pages.brand import brand_of
from workbench.store import Tell, quiet
from workbench.store.lake_files import WAY_OUT, faults, unreadable
from workbench.store.loading.ingest import current_digests, fed_tables
from workbench.store.loading.text_files import read_through
from workbench.store.published_files import strange
from workbench.store.rewriting import attach_plain, unfinished
from workbench.workspace import Workspace

QUESTIONS = "questions"  # of a drafted catalog, to its owner


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and the part of the workspace it is in."""

    part: str
    text: str


def check(ws: Workspace, tell: Tell = quiet, *, quick: bool = False) -> list[Problem]:
    """Return every problem of the catalog, the store, the ledger, the definitions, the notebooks.

    The settings were read when the workspace was opened. Where all else is sound each report is
    rehearsed: its notebook runs without paying, and its page is drawn without figures. ``quick``
    rehearses none and reads no file of data to its end.
    """
    problems: list[Problem] = []
    try:
        catalog_holds = bool(ws.catalog.tables)
    except CatalogUnanswered as draft:  # all else follows from the answers
        return [Problem(QUESTIONS, each) for each in draft.problems]
    except CatalogError as error:
        problems += _told("catalog", error)
        catalog_holds = False
    problems += _private(ws)
    logs = {"audit log": ws.events.verify, "marks": ws.store.marks.all}
    problems += _verified({**logs, "corrections": ws.store.corrections.all})
    if catalog_holds:
        problems += _store(ws, quick)
        problems += _verified({"ledger": lambda: ws.ledger.verify()})
        problems += _cut_off(ws)
    problems += (
        Problem("published", f"{each}.") for each in strange(ws.settings.path("published"))
    )
    problems += _definitions(ws)
    if not problems and not quick:
        problems += _rehearsals(ws, tell)
    return problems


def next_step(ws: Workspace, problems: Sequence[Problem]) -> str:
    """Return what to do next on the way to a first page, in the order in which one would do it."""
    at = f" -w {quote(str(ws.settings.root))}"
    parts = {problem.part for problem in problems}
    if QUESTIONS in parts:
        return (
            f'Next: answer them in {ws.settings.path("catalog")}, each in place of its "?"; the '
            f"comment above says what the field would choose. Then 'workbench check{at}'."
        )
    if "catalog" in parts:
        return f"Next: correct {ws.settings.path('catalog')}, then 'workbench check{at}'."
    if "store" in parts and not ws.store.exists:
        return (
            f"Next: 'workbench init{at}'. Where it refuses rows, 'workbench data ingest TABLE "
            f"FILE{at}' takes the good ones and keeps the others aside."
        )
    if problems:
        return f"Next: mend the first of these, then 'workbench check{at}'."
    names = list(definition_paths(ws.settings.path("reports")))
    undone = [n for n in names if not (ws.settings.path("published") / n).exists()]
    return f"Next: 'workbench run {undone[0]}{at}'." if undone else ""


def _told(part: str, error: WorkbenchError) -> list[Problem]:
    if isinstance(error, ProblemsError) and error.problems:
        return [Problem(part, each) for each in error.problems]
    return [Problem(part, str(error))]


def _private(ws: Workspace) -> Iterator[Problem]:
    path = ws.settings.path("private")
    if path.is_dir() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Problem("private", f"others than its owner may enter {path}. Run 'chmod 700 {path}'.")


def _verified(looks: Mapping[str, Callable[[], object]]) -> Iterator[Problem]:
    """Yield which of some logs and files of entries are lost, cut or altered."""
    for name, look in looks.items():
        try:
            look()
        except StorageError as error:
            yield Problem(name, str(error))


def _store(ws: Workspace, quick: bool) -> Iterator[Problem]:
    try:
        loaded: Mapping[str, str] | None = current_digests(ws.store) if ws.store.exists else None
    except StorageError as error:
        yield Problem("store", str(error))
        loaded = None
    if not ws.store.exists:
        yield Problem("store", f"nothing is loaded in {ws.store.folder}. Run 'workbench init'.")
    if loaded is not None and ws.store.exists and not quick:
        yield from _files(ws)
    fed = fed_tables(ws.store) if loaded is not None else {}
    for name, table in ws.catalog.tables.items():
        path = ws.settings.path("source") / table.source
        # why: what is taken in by `ingest` alone needs no file there, as for `init`
        if loaded is not None and name in fed and (loaded.get(name) == "" or not path.exists()):
            continue
        try:
            digest = read_through(path)[0]
        except StorageError as error:
            yield Problem("store", str(error))
            continue
        if loaded is not None and loaded.get(name) != digest:
            yield Problem("store", f"{path} is newer than table '{name}'. Run 'workbench init'.")


def _files(ws: Workspace) -> Iterator[Problem]:
    """Read every file of the store, and yield what is lost or damaged."""
    try:
        with ws.store.exclusive() as connection:
            for wrong in faults(connection, ws.store.data):
                yield Problem("store", f"data is lost: {wrong}. {WAY_OUT}.")
        with ws.store.connect() as connection:
            for path in sorted(ws.store.folder.glob("snapshots/*.ducklake")):
                attach_plain(ws.store, connection, path, "copy")
                wrong = unreadable(connection, "copy")
                connection.execute("DETACH copy")
                if wrong:
                    yield Problem("store", f"the snapshot {path} is damaged: {wrong}. {WAY_OUT}.")
    except StorageError as error:
        yield Problem("store", str(error))


def _cut_off(ws: Workspace) -> Iterator[Problem]:
    """Yield what was killed in the middle, and what to run again."""
    from workbench.lifecycle.rights.erasure import still_findable

    try:
        if ws.store.key_source.next() is not None and ws.settings.key == "file":
            told = "a rotation of the key was cut off. Run 'workbench store keys rotate' again."
            yield Problem("keys", told)
        if unfinished(ws.store) or still_findable(ws.office):
            told = "a removal of rows was cut off. Run 'workbench office retention apply'."
            yield Problem("lifecycle", told)
    except StorageError:
        return  # no store or no key, which was told already


def _definitions(ws: Workspace) -> Iterator[Problem]:
    try:
        brand_of(ws.settings)
    except SettingsError as error:
        yield Problem("settings", str(error))
    reports = ws.settings.path("reports")
    if not definition_paths(reports):
        yield Problem("reports", f"no definition (*.yaml, *.yml) in {reports}.")
    notebooks = ws.settings.path("notebooks")
    definitions, problems = load_all(reports, notebooks)
    for problem in problems:
        yield Problem("reports", problem)
    for notebook in sorted({notebooks / each.notebook for each in definitions.values()}):
        for line in miswritten(read_json(notebook)):
            yield Problem("notebooks", f"{notebook}: {line}")


def _rehearsals(ws: Workspace, tell: Tell) -> Iterator[Problem]:
    with forking(ws.settings):
        for name in definition_paths(ws.settings.path("reports")):
            for line in ws.reports.rehearse(name, tell):
                yield Problem("notebooks", f"report '{name}': {line}")
