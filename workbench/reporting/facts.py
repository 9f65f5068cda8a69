"""What an edition is made of, so when it is the same again, and what its footer says of that."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import RunFailed, UnknownName
from workbench.reporting.definitions.definition import Definition
from workbench.reporting.desk import Asked, Desk
from workbench.store.keys.sources import without_keys

if TYPE_CHECKING:
    from workbench.reporting.pages.parts import Context, Facts

PACKAGES = ("workbench", "pandas", "plotly", "papermill", "ibis-framework", "duckdb")
# Of a definition, what says when and how it runs, and not what its page says.
_NOT_OF_THE_PAGE = {"schedule", "catch_up", "after", "limits", "retries", "hooks", "grid"}
_REUSE = "reuse_answers"


def edition_identity(asked: Asked, notebook: bytes, desk: Desk) -> str:
    """Return what makes an edition the same.

    Report, period, parameters, notebook, data version, catalog, package versions, and everything
    that is installed. A definition's schedule, deadlines and hooks do not change its pages.
    """
    definition = asked.definition
    content: dict[str, Any] = {
        "definition": _of_the_page(definition),
        **asked.facts(),
        "parameters": dict(asked.values),
        "notebook": hashlib.sha256(notebook).hexdigest(),
        "data": desk.data_version,
        "catalog": desk.catalog.hash,
        "packages": _versions(),
        "lock": installed(),
    }
    remarks = desk.remarks(asked).plain()
    if remarks:  # why only then: as below
        content["remarks"] = remarks
    if definition.reuse_answers:  # why only then: what was published without it stays the same
        content[_REUSE] = True
    # why sealed: a notebook may hold outputs, and its hash is published
    return desk.ledger.seal(
        hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    )


def _of_the_page(definition: Definition) -> dict[str, Any]:
    told = definition.model_dump(mode="json", exclude={*_NOT_OF_THE_PAGE, _REUSE})
    if not definition.alerts:
        del told["alerts"]
    # why: definitions once said so, and what was published then stays the same
    return {**told, "engine": "workbench"}


def made_of(asked: Asked, notebook: bytes, desk: Desk) -> dict[str, str]:
    """Return hashes of what an edition is made of beside rows, by which a revision tells why."""
    told = {"content": _of_the_page(asked.definition), "parameters": dict(asked.values)}
    content = {
        "notebook": notebook,
        "definition": json.dumps(told, sort_keys=True, default=str).encode(),
        "catalog": desk.catalog.hash.encode(),
        "software": installed().encode(),
    }
    remarks = desk.remarks(asked).plain()
    if remarks:
        content["remarks"] = json.dumps(remarks, sort_keys=True).encode()
    return {
        name: desk.ledger.seal(hashlib.sha256(each).hexdigest())[:16]
        for name, each in content.items()
    }


@cache
def installed() -> str:
    """Return a hash of the names and versions of every installed package."""
    found = {
        path.name
        for place in sys.path
        for pattern in ("*.dist-info", "*.egg-info")
        for path in Path(place or ".").glob(pattern)
    }
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()


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


def page_context(asked: Asked, desk: Desk, facts: Facts | None) -> Context:
    """Return what an edition's page says about itself, before its language is chosen."""
    from workbench.reporting.pages.brand import brand_of
    from workbench.reporting.pages.parts import Context

    remarks = desk.remarks(asked)
    return Context(
        title=asked.definition.title,
        subtitle=asked.definition.subtitle,
        house=desk.settings.title,
        period=asked.period.text,
        parameters={name: in_words(value) for name, value in asked.values.items()},
        facts=facts,
        declared=desk.catalog.words,
        brand=brand_of(desk.settings),
        audience=asked.definition.audience,
        alerts=asked.definition.alerts,
        comments=remarks.comments,
        notes=remarks.notes,
    )


def in_words(value: object) -> str:
    """Return a parameter as a reader sees it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(in_words, value))
    return f"{value:.12g}" if isinstance(value, float) else "" if value is None else str(value)


def releases_in(notebook: Any) -> list[str]:
    """Return the ids of the releases a notebook's figures draw, each once."""
    from workbench.figures import MIME
    from workbench.figures.kinds import read_payload

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
    from workbench.reporting.pages.parts import Budget, Facts

    pico = desk.ledger.spent_by(releases)
    lines = desk.ledger.status_after(releases)
    scopes = dict(zip(("month", "year", "lifetime"), lines, strict=True))
    return Facts(
        data_version=desk.data_version,
        earlier=earlier,
        as_of=desk.as_of,
        catalog_hash=desk.catalog.hash[:12],
        commit=commit(desk.settings.root),
        packages=_versions(),
        privacy_unit=desk.catalog.privacy.unit,
        share=_part(pico, scopes["year"].limit_pico),
        budgets=tuple(
            Budget(scope, _part(line.spent_pico, line.limit_pico)) for scope, line in scopes.items()
        ),
    )


@cache
def _versions() -> Mapping[str, str]:
    return {name: version(name) for name in PACKAGES}


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
