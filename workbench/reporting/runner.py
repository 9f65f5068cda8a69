"""One edition from definition to published page: execute, export, search for leaks, publish."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workbench.errors import PeriodError, RunFailed, UnknownName, WorkbenchError
from workbench.periods import Period
from workbench.privacy.accounting import epsilon_of
from workbench.privacy.ledger import Line, Share
from workbench.reporting.definition import Definition
from workbench.reporting.desk import Desk as Desk  # made by workspaces, for a run
from workbench.reporting.desk import Tell
from workbench.reporting.environment import PRICES_FILE
from workbench.reporting.execution import execute
from workbench.reporting.light import import_light
from workbench.reporting.parameters import Value
from workbench.reporting.planner import settle_prices
from workbench.store.chain import file_lock

PACKAGES = ("workbench", "pandas", "plotly", "papermill", "ibis-framework", "duckdb")


@dataclass(frozen=True)
class Edition:
    """What a run made or found.

    Attributes
    ----------
    report, period, page, index : str or Path
    unchanged : bool
        Whether it was there already.
    spent_now : float
        Epsilon this run spent.
    epsilon : float
        Epsilon its figures cost when they were first answered.
    left : tuple of Line
        What is left of every limit.
    """

    report: str
    period: str
    page: Path
    index: Path
    unchanged: bool
    spent_now: float
    epsilon: float
    left: tuple[Line, ...]

    def facts(self) -> dict[str, Any]:
        """Return plain values for machines."""
        return {
            "report": self.report,
            "period": self.period,
            "page": str(self.page),
            "index": str(self.index),
            "unchanged": self.unchanged,
            "spent_now": self.spent_now,
            "epsilon": self.epsilon,
            "left": {line.scope: line.left for line in self.left},
        }


def choose_period(text: str | None, last_complete: Period, today: dt.date) -> Period:
    """Return the period an edition is about.

    Raises
    ------
    PeriodError
        It is malformed, not over, or the data does not reach its end.
    """
    if text is None:
        return last_complete
    period = Period.parse(text)
    if period.kind != "month":
        raise PeriodError(f"this report is monthly: give a month such as {last_complete.text}.")
    period.require_past(today)
    if period.end > last_complete.end:
        raise PeriodError(
            f"the data ends with {last_complete.text}; {text} is not loaded yet. Load it with "
            "'workbench init', or render an earlier month."
        )
    return period


def edition_identity(
    definition: Definition, period: Period, values: Mapping[str, Value], desk: Desk
) -> str:
    """Return what makes an edition the same: report, period, parameters, notebook, data, code."""
    notebook = desk.settings.path("notebooks") / definition.notebook
    content = {
        "definition": definition.model_dump(mode="json"),
        "report": definition.name,
        "period": period.text,
        "parameters": dict(values),
        "notebook": hashlib.sha256(notebook.read_bytes()).hexdigest(),
        "data": desk.data_version,
        "catalog": desk.catalog.hash,
        "packages": {name: version(name) for name in PACKAGES},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def share_of(definition: Definition) -> Share:
    """Return a report's share of one period's budget."""
    return Share(definition.name, definition.budget.epsilon)


def run(
    definition: Definition,
    period: Period,
    values: Mapping[str, Value],
    desk: Desk,
    *,
    force: bool = False,
    tell: Tell = lambda _: None,
) -> Edition:
    """Render one edition, or return the one that is there.

    Raises
    ------
    RunFailed
        A cell failed or nothing released was shown; the last good page stays.
    Busy
        Another run holds this workspace.
    LeakFound
        The page held an identifier; nothing was published.
    PublishError
        The published folder cannot be written.
    """
    from workbench.reporting import editions
    from workbench.reporting.publish import read_failures

    published = desk.settings.path("published")
    identity = edition_identity(definition, period, values, desk)
    with file_lock(desk.private / "run.lock", wait_seconds=0.0, busy=_busy):
        before = desk.ledger.head()[0]
        editions.clean(published)
        there = editions.latest(published, definition.name, period.text)
        failed = period.text in read_failures(published, definition.name)
        if there is not None and there.identity == identity and not force and not failed:
            return _edition(definition, period, there.page, True, before, there.releases, desk)
        try:
            page, releases = _render(definition, period, values, desk, tell)
            made = editions.publish(
                published,
                definition.name,
                period.text,
                page,
                identity=identity,
                releases=releases,
                ledger_head=desk.ledger.head(),
            )
        except Exception as failure:
            # why suppressed: on a full disk neither can be written, and the failure says it
            with contextlib.suppress(WorkbenchError):
                editions.record_failure(published, definition.name, period.text, definition.title)
            with contextlib.suppress(OSError):
                _log(desk, definition, period, failure)
            raise
        return _edition(definition, period, made.page, False, before, releases, desk)


def _render(
    definition: Definition,
    period: Period,
    values: Mapping[str, Value],
    desk: Desk,
    tell: Tell,
) -> tuple[Any, list[str]]:
    from workbench.reporting.exporter import export_languages
    from workbench.reporting.leaks import refuse_leaks
    from workbench.reporting.page import Context

    prices = settle_prices(definition, period, values, desk, tell)
    settled = {PRICES_FILE: str(prices)} if prices else None
    executed = execute(definition, period, values, desk, tell, environment=settled)
    tell(f"{definition.name} {period.text}: drawing the page")
    nbformat = import_light("nbformat")
    notebook = nbformat.read(str(executed), as_version=4)
    source = nbformat.read(str(desk.settings.path("notebooks") / definition.notebook), as_version=4)
    releases = releases_in(notebook)
    context = Context(
        title=definition.title,
        subtitle=definition.subtitle,
        house=desk.settings.title,
        period=period.text,
        parameters={name: _words(value) for name, value in values.items()},
        facts=_facts(desk, releases),
    )
    pages = export_languages(
        notebook,
        source_notebook=source,
        lookup=desk.ledger.answer,
        context=context,
        languages=definition.languages,
    )
    refuse_leaks(pages, desk.find, desk.declared_words())
    return pages, releases


def _facts(desk: Desk, releases: Sequence[str]) -> Any:
    if not releases:
        return None
    try:
        return page_facts(desk, releases)
    except UnknownName as unknown:
        raise RunFailed(
            f"the notebook shows a release that is not in this workspace's ledger ({unknown}) Run "
            "it here, so that it releases what it shows."
        ) from None


def releases_in(notebook: Any) -> list[str]:
    """Return the ids of the releases a notebook's figures draw, each once."""
    from workbench.figures import MIME
    from workbench.figures.specs import read_payload

    found: dict[str, None] = {}
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", ()):
            content = output.get("data", {}).get(MIME)
            if content is not None:
                found |= dict.fromkeys(read_payload(content, f"cell {number}").releases)
    return list(found)


def page_facts(desk: Desk, releases: Sequence[str]) -> Any:
    """Return the footer's facts; the same releases give the same facts whenever they are drawn."""
    from workbench.reporting.page import Budget, Facts

    delta = float(desk.catalog.privacy.delta)
    pico = desk.ledger.spent_by(releases)
    lines = desk.ledger.status_after(releases)
    scopes = dict(zip(("month", "year", "lifetime"), lines, strict=True))
    return Facts(
        data_version=desk.data_version,
        as_of=desk.as_of,
        catalog_hash=desk.catalog.hash[:12],
        commit=commit(desk.settings.root),
        packages={name: version(name) for name in PACKAGES},
        privacy_unit=desk.catalog.privacy.unit,
        epsilon=round(epsilon_of(pico, delta), 2),
        delta=delta,
        budgets=tuple(
            Budget(scope, round(line.spent, 2), line.limit, round(line.left, 2))
            for scope, line in scopes.items()
        ),
    )


def commit(root: Path) -> str:
    """Return the short commit of the workspace's code, or an empty text outside git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:  # no git
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _words(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return "" if value is None else str(value)


def _edition(
    definition: Definition,
    period: Period,
    page: Path,
    unchanged: bool,
    before: int,
    releases: Sequence[str],
    desk: Desk,
) -> Edition:
    delta = float(desk.catalog.privacy.delta)
    return Edition(
        definition.name,
        period.text,
        page,
        desk.settings.path("published") / "index.html",
        unchanged,
        round(epsilon_of(desk.ledger.spent_since(before), delta), 4),
        round(epsilon_of(desk.ledger.spent_by(releases), delta), 4),
        desk.ledger.status(period.text, desk.now, share_of(definition)),
    )


def _busy(holder: str) -> str:
    return (
        f"another run is at work in this workspace ({holder}). Wait until it is done; "
        "nothing was started."
    )


def _log(desk: Desk, definition: Definition, period: Period, failure: Exception) -> None:
    folder = desk.private / "logs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    line = {
        "at": desk.now.isoformat(),
        "report": definition.name,
        "period": period.text,
        "error": type(failure).__name__,
        "message": str(failure),
    }
    with (folder / "runs.jsonl").open("a") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
