"""What an edition's footer says: which releases it draws, what they cost, where they come from."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import RunFailed, UnknownName
from workbench.periods import Period
from workbench.reporting.definition import Definition
from workbench.reporting.desk import Desk
from workbench.reporting.identity import PACKAGES
from workbench.reporting.parameters import Value
from workbench.store.key_sources import without_keys

if TYPE_CHECKING:
    from workbench.reporting.page import Context, Facts


def facts_of(desk: Desk, releases: Sequence[str], earlier: int = 0) -> Facts | None:
    """Return the footer's facts of a run's page; None where it shows no release."""
    if not releases:
        return None
    try:
        return page_facts(desk, releases, earlier)
    except UnknownName as unknown:
        raise RunFailed(
            f"the notebook shows a release that is not in this workspace's ledger ({unknown}) Run "
            "it here, so that it releases what it shows."
        ) from None


def page_context(
    definition: Definition,
    period: Period,
    values: Mapping[str, Value],
    desk: Desk,
    facts: Facts | None,
) -> Context:
    """Return what an edition's page says about itself, before its language is chosen."""
    from workbench.reporting.page import Context

    return Context(
        title=definition.title,
        subtitle=definition.subtitle,
        house=desk.settings.title,
        period=period.text,
        parameters={name: in_words(value) for name, value in values.items()},
        facts=facts,
        declared=desk.catalog_words(),
    )


def in_words(value: object) -> str:
    """Return a parameter as a reader sees it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def releases_in(notebook: Any) -> list[str]:
    """Return the ids of the releases a notebook's figures draw, each once."""
    from workbench.figures import MIME
    from workbench.figures.payload import read_payload

    found: dict[str, None] = {}
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", ()):
            content = output.get("data", {}).get(MIME)
            if content is not None:
                found |= dict.fromkeys(read_payload(content, f"cell {number}").releases)
    return list(found)


def page_facts(desk: Desk, releases: Sequence[str], earlier: int = 0) -> Facts:
    """Return the footer's facts; the same releases give the same facts whenever they are drawn.

    ``earlier``: how many questions were answered before the data changed.
    """
    from workbench.reporting.page import Budget, Facts

    pico = desk.ledger.spent_by(releases)
    lines = desk.ledger.status_after(releases)
    scopes = dict(zip(("month", "year", "lifetime"), lines, strict=True))
    return Facts(
        data_version=desk.data_version,
        earlier=earlier,
        as_of=desk.as_of,
        catalog_hash=desk.catalog.hash[:12],
        commit=commit(desk.settings.root),
        packages={name: version(name) for name in PACKAGES},
        privacy_unit=desk.catalog.privacy.unit,
        share=_part(pico, scopes["year"].limit_pico),
        budgets=tuple(
            Budget(scope, _part(line.spent_pico, line.limit_pico)) for scope, line in scopes.items()
        ),
    )


def _part(pico: int, limit_pico: int) -> float:
    """Return a share of a limit, to a thousandth: what readers see, and nothing finer."""
    return round(pico / limit_pico, 4) if limit_pico else 0.0


def commit(root: Path) -> str:
    """Return the short commit of the workspace's code, or an empty text outside git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"],  # noqa: S607
            env=without_keys(),
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:  # no git
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
