"""A notebook as a manager would see it, drawn from its last saved file and the ledger.

The file is what is drawn, not the session: a page is made of a notebook's text and of the releases
its outputs name, both of which stand in the file, and what stands in the file is what can be
compared, committed and run again. `unsaved` says where the session is ahead of it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import InputError
from workbench.reporting.definitions.definition import Definition
from workbench.reporting.definitions.reading import sound
from workbench.reporting.desk import Desk
from workbench.reporting.exporter import export_languages
from workbench.reporting.gate.leaks import refuse_leaks
from workbench.reporting.pages.page import Page
from workbench.reporting.pages.parts import Context


def preview(notebook: Path, desk: Desk, parameters: Mapping[str, Any]) -> tuple[Page, ...]:
    """Return the pages of a saved notebook, one a language of its report.

    Parameters
    ----------
    notebook : Path
        The saved file, with outputs.
    desk : Desk
        What a run needs of its workspace.
    parameters : mapping
        The session's variables, of which the report's parameters and ``period`` are shown.

    Raises
    ------
    InputError
        The file is no notebook.
    RunFailed
        It shows no released figure, or one that is not in the ledger.
    LeakFound
        The page holds an identifier, so it could not be published either.
    """
    from workbench.reporting.facts import in_words, page_facts, releases_in

    content = read(notebook)
    releases = releases_in(content)
    definition = definition_of(notebook, desk)
    declared = definition.parameters if definition else {}
    period = parameters.get("period")
    context = Context(
        title=definition.title if definition else "",
        subtitle=definition.subtitle if definition else "",
        house=desk.settings.title,
        period=period if isinstance(period, str) else None,
        parameters={name: in_words(parameters[name]) for name in declared if name in parameters},
        facts=page_facts(desk, releases) if releases else None,
        declared=desk.catalog.words,
    )
    pages = export_languages(
        content,
        source_notebook=content,
        lookup=desk.ledger.checked,
        context=context,
        languages=definition.languages if definition else {"en": {}},
    )
    refuse_leaks(pages, desk.find, desk.catalog.declared_words)
    return pages


def read(notebook: Path) -> Any:
    """Return a notebook's content.

    Raises
    ------
    InputError
        There is no such file, or it is no notebook of format 4.
    """
    import nbformat

    try:
        return nbformat.read(str(notebook), as_version=4)  # type: ignore[no-untyped-call]  # why: nbformat types a part
    except (OSError, ValueError, AttributeError) as problem:
        raise InputError(
            f"{notebook} cannot be read as a notebook ({type(problem).__name__}). Name a saved "
            "notebook: %preview notebooks/customer-overview.ipynb."
        ) from None


def definition_of(notebook: Path, desk: Desk) -> Definition | None:
    """Return the report that a notebook is of: the first by name; None when there is none."""
    if notebook.absolute().parent != desk.settings.path("notebooks"):
        return None
    return next((each for each in sound(desk.settings) if each.notebook == notebook.name), None)


def unsaved(notebook: Any, inputs: Sequence[str]) -> bool:
    """Return whether a session has run something that a saved notebook does not show.

    Parameters
    ----------
    notebook : mapping
        The saved content.
    inputs : sequence of str
        What the session ran, as typed, by execution count, the present cell included.
    """
    shown = {
        cell["execution_count"]: cell["source"].strip()
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and cell.get("execution_count")
    }
    ran = {count: text.strip() for count, text in enumerate(inputs[:-1]) if text.strip()}
    mine = {count: text for count, text in ran.items() if not text.startswith("%")}
    newest = max(mine, default=0)
    return newest > 0 and shown.get(newest) != mine[newest]
