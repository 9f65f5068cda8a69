"""A page drawn from releases without values: what would fail a run is found before it is paid.

Planning runs a notebook to its end with releases that hold no figures. Here its page is drawn from
them by the exporter itself, so that whatever the exporter refuses is refused already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from workbench.errors import RunFailed, UnknownName, WorkbenchError
from workbench.privacy.planning import beside
from workbench.privacy.release import Release
from workbench.reporting.desk import Asked, Desk
from workbench.reporting.facts import page_context
from workbench.reporting.forking import import_light

PLAN = "plan.jsonl"
# What a calculation with figures that are not there says; with figures it may well succeed.
_FOR_WANT_OF_FIGURES = re.compile(r"NoneType|\bNone\b|NaN|\bnan\b|NAType|empty|zero", re.IGNORECASE)


def rehearsed(
    asked: Asked, desk: Desk, folder: Path, failure: RunFailed | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what a run would fail by, and what its page would not hold, of a notebook planned.

    Parameters
    ----------
    folder : Path
        Where it was planned.
    failure : RunFailed or None
        What kept the notebook from its end. A failure for want of figures is not told: a run has
        them.
    """
    from workbench.reporting.exporter import export_languages
    from workbench.reporting.notebooks.remarks import dropped

    nbformat = import_light("nbformat")
    source = nbformat.read(str(desk.notebook(asked)), as_version=4)
    if failure is not None:
        told = _told(failure, source)
        return ((told,) if told else ()), ()
    notebook = nbformat.read(str(folder / asked.definition.notebook), as_version=4)
    planned = _releases(folder / PLAN)

    def lookup(name: str) -> Release:
        if name not in planned:
            raise UnknownName("release", name, planned)
        return planned[name]

    wrong: tuple[str, ...] = ()
    try:
        export_languages(
            notebook,
            source_notebook=source,
            lookup=lookup,
            context=page_context(asked, desk, None),
            languages=asked.definition.languages,
        )
    except WorkbenchError as refusal:
        wrong = (str(refusal),)
    return wrong, dropped(notebook)


def _told(failure: RunFailed, source: Mapping[str, object]) -> str:
    """Return what a failure is told as; nothing where figures would have kept it from failing."""
    from workbench.reporting.notebooks.remarks import names_in

    words = _words_of(failure)
    if _FOR_WANT_OF_FIGURES.search(words):
        return ""
    names = names_in(source, words)
    about = f" It is about {', '.join(names)}." if names and words not in str(failure) else ""
    return f"{failure}{about}"


def _words_of(failure: RunFailed) -> str:
    """Return an error's own words, from the executed notebook, which is private."""
    if not failure.log or not str(failure.log).endswith(".ipynb"):
        return ""
    executed = import_light("nbformat").read(str(failure.log), as_version=4)
    outputs = [each for cell in executed.cells for each in cell.get("outputs", ())]
    errors = [each.evalue for each in outputs if each.output_type == "error"]
    return errors[-1] if errors else ""


def _releases(file: Path) -> dict[str, Release]:
    """Return what a plan's notebook was answered and derived, by id."""
    kept = beside(file)
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.is_file() else []
    return {each.id: each for each in map(Release.from_json, lines)}
