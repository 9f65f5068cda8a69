"""Everything that is wrong with a workspace, told at once, before anything runs."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workbench.errors import CatalogError, ProblemsError, StorageError, WorkbenchError
from workbench.reporting.definition_files import definition_paths, load_all
from workbench.store.ingest import current_digests, file_digest
from workbench.workspace import Workspace


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and the part of the workspace it is in."""

    part: str
    text: str


def check(ws: Workspace) -> list[Problem]:
    """Return every problem of the catalog, the store, the ledger and the report definitions.

    The settings were read when the workspace was opened.
    """
    problems: list[Problem] = []
    try:
        catalog_holds = bool(ws.catalog.tables)
    except CatalogError as error:
        problems += _told("catalog", error)
        catalog_holds = False
    problems += _private(ws)
    if catalog_holds:
        problems += _store(ws)
        problems += _ledger(ws)
        problems += _cut_off(ws)
    problems += _definitions(ws)
    return problems


def _told(part: str, error: WorkbenchError) -> list[Problem]:
    if isinstance(error, ProblemsError) and error.problems:
        return [Problem(part, each) for each in error.problems]
    return [Problem(part, str(error))]


def _private(ws: Workspace) -> Iterator[Problem]:
    path = ws.settings.path("private")
    if path.is_dir() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Problem("private", f"others than its owner may enter {path}. Run 'chmod 700 {path}'.")


def _store(ws: Workspace) -> Iterator[Problem]:
    try:
        loaded: Mapping[str, str] | None = current_digests(ws.store) if ws.store.exists else None
    except StorageError as error:
        yield Problem("store", str(error))
        loaded = None
    if not ws.store.exists:
        yield Problem("store", f"nothing is loaded in {ws.store.folder}. Run 'workbench init'.")
    for name, table in ws.catalog.tables.items():
        path = ws.settings.path("source") / table.source
        try:
            digest = file_digest(path)
        except StorageError as error:
            yield Problem("store", str(error))
            continue
        if loaded is not None and loaded.get(name) != digest:
            yield Problem("store", f"{path} is newer than table '{name}'. Run 'workbench init'.")


def _cut_off(ws: Workspace) -> Iterator[Problem]:
    """Yield what was killed in the middle, and what to run again."""
    from workbench.lifecycle.erasure import still_findable
    from workbench.store.rewriting import unfinished

    try:
        if ws.store.key_source.next() is not None and ws.settings.key == "file":
            told = "a rotation of the key was cut off. Run 'workbench keys rotate' again."
            yield Problem("keys", told)
        if unfinished(ws.store) or still_findable(ws.office):
            told = "a removal of rows was cut off. Run 'workbench retention apply'."
            yield Problem("lifecycle", told)
    except StorageError:
        return  # no store or no key, which was told already


def _ledger(ws: Workspace) -> Iterator[Problem]:
    try:
        ws.ledger.verify()
    except StorageError as error:
        yield Problem("ledger", str(error))


def _definitions(ws: Workspace) -> Iterator[Problem]:
    reports = ws.settings.path("reports")
    if not definition_paths(reports):
        yield Problem("reports", f"no definition (*.yaml) in {reports}.")
    _, problems = load_all(reports, ws.settings.path("notebooks"))
    for problem in problems:
        yield Problem("reports", problem)
