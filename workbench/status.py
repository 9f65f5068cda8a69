"""One look at everything: health, what is due, budget, backups, logs, what needs a person."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from workbench.analytics.kpis import kpi
from workbench.checks import check
from workbench.errors import WorkbenchError
from workbench.lifecycle.backups.taking import BACKED_UP, TESTED
from workbench.periods import local
from workbench.store.lake_files import PUT_BACK
from workbench.workspace import Workspace

SOON = dt.timedelta(days=7)  # a request that is due within needs somebody now
BACKUP_DAYS = (1, 7)  # green and amber at most, of the last backup
TOLD_FOR = dt.timedelta(days=30)
SHORT = 0.2  # of a limit: with less left, somebody has to choose what is asked

Look = Callable[[Workspace], Iterator["Seen"]]


@dataclass(frozen=True)
class Seen:
    """One thing looked at: what it is about, how it is, in words, and what to do."""

    part: str
    light: str
    what: str
    todo: str = ""


def status(ws: Workspace) -> list[Seen]:
    """Return everything an operator and an officer look at first; nothing is changed or run."""
    looks = (_health, _heads, _due, _budget, _backups, _requests, _incidents, _reviews, _aside)
    return list(chain.from_iterable(_told(ws, look) for look in looks))


def light_of(seen: list[Seen]) -> str:
    """Return the worst light."""
    lights = {each.light for each in seen}
    return next((each for each in ("red", "amber", "not measured") if each in lights), "green")


def _told(ws: Workspace, look: Look) -> Iterator[Seen]:
    """Yield what a look sees; what refuses it is what it has to tell."""
    try:
        yield from look(ws)
    except WorkbenchError as refusal:
        yield Seen(look.__name__.strip("_"), "red", str(refusal))


def _health(ws: Workspace) -> Iterator[Seen]:
    problems = check(ws, quick=True)
    for each in problems:
        yield Seen(f"health: {each.part}", "red", each.text)
    for event in ws.events.entries(PUT_BACK)[-1:]:
        if ws.now() - event.at < TOLD_FOR:
            when = f"{local(event.at, ws.settings.zone):%Y-%m-%d %H:%M}"
            what = f"a write was cut off, and readers' copy of the catalog was put back on {when}"
            yield Seen("catalog", "amber", what, "workbench check, then a look at the disk")
    if not problems:
        yield Seen("health", "green", "no problem; 'workbench check' reads every file as well")


def _heads(ws: Workspace) -> Iterator[Seen]:
    for name, head in (("ledger", ws.ledger.head()), ("audit log", ws.events.head())):
        yield Seen(f"head of the {name}", "green", f"entry {head[0]:,}, {head[1][:16]}…")


def _due(ws: Workspace) -> Iterator[Seen]:
    for each in ws.reports.wrong_definitions():
        yield Seen("due", "red", each)
    found = ws.reports.due()
    for state, light, todo in (
        ("failed", "red", "look at 'workbench due' and the record of runs"),
        ("missing", "amber", "workbench run --due"),
        ("waiting for data", "amber", "load it: workbench init"),
    ):
        names = [f"{e.definition.name} {e.period.text}" for e in found if e.state == state]
        if names:
            yield Seen("due", light, f"{len(names)} {state}: {_few(names)}", todo)
    if not found:
        yield Seen("due", "green", "nothing is due")


def _budget(ws: Workspace) -> Iterator[Seen]:
    for line in ws.budget():
        light = "green" if line.left > SHORT * line.limit else "amber"
        light = "red" if line.left <= 0 else light
        yield Seen("budget", light, f"{line.scope}: {line.left:.2f} of {line.limit:.2f} left")


def _backups(ws: Workspace) -> Iterator[Seen]:
    made, tests = ws.events.last(BACKED_UP), ws.events.acts(TESTED)
    if not ws.store.exists:
        yield Seen("backup", "not measured", "nothing is loaded yet", "workbench init")
        return
    if made is None:
        yield Seen("backup", "red", "there was never one", "workbench store backup")
    else:
        days = (ws.now() - made.at).days
        light = "green" if days <= BACKUP_DAYS[0] else "amber"
        light = "red" if days > BACKUP_DAYS[1] else light
        yield Seen("backup", light, f"the last one is {_ago(days)} old")
    todo = "workbench store restore FILE --test"
    if not tests:
        yield Seen("restore test", "not measured", "no backup was ever restored to test it", todo)
    elif not tests[-1].body["ok"]:
        yield Seen("restore test", "red", f"the last one, {tests[-1].at:%Y-%m-%d}, failed", todo)
    else:
        days = (ws.now() - tests[-1].at).days
        light = kpi("restore-test").light(days)
        yield Seen("restore test", light, f"the last one held, {_ago(days)} ago", todo)


def _requests(ws: Workspace) -> Iterator[Seen]:
    today = ws.now().date()
    known = [*ws.office.requests(), *ws.office.requests_of_table()]
    found = [each for each in known if each.closed is None]
    late = [each.id for each in found if each.due < today]
    soon = [each.id for each in found if today <= each.due <= today + SOON]
    todo = "workbench subject requests"
    if late:
        yield Seen("requests", "red", f"{len(late)} overdue: {_few(late)}", todo)
    if soon:
        yield Seen("requests", "amber", f"{len(soon)} due within a week: {_few(soon)}", todo)
    if not late and not soon:
        yield Seen("requests", "green", f"{len(found)} open, none due within a week")


def _incidents(ws: Workspace) -> Iterator[Seen]:
    now = ws.now()
    found = [each for each in ws.office.incidents.all() if each.closed_at is None]
    for each in found:
        states = [clock.state(now) for clock in each.deadlines()]
        light = "red" if "overdue" in states else "amber"
        clocks = f"{states.count('overdue')} notices overdue, {states.count('running')} running"
        todo = "workbench office incident list"
        yield Seen("incidents", light, f"{each.id} is {each.state}: {clocks}", todo)
    if not found:
        yield Seen("incidents", "green", "none is open")


def _reviews(ws: Workspace) -> Iterator[Seen]:
    today, past = ws.now().date(), ws.office.reviews.past()
    todo = "workbench office review"
    if not past:
        yield Seen("review", "not measured", "no security review is on record", todo)
    elif failed := past[-1].failed:
        whats = [each.what for each in failed]
        yield Seen("review", "red", f"{len(failed)} checks failed: {_few(whats)}", todo)
    else:
        days = (today - past[-1].at.date()).days
        yield Seen("review", kpi("access-review").light(days), f"the last one is {_ago(days)} old")
    late = [
        each.id
        for each in ws.office.reviews.risks()
        if not each.closed and each.due is not None and each.due < today
    ]
    if late:
        todo = "workbench office risk list"
        yield Seen("risks", "red", f"{len(late)} past their day: {_few(late)}", todo)


def _aside(ws: Workspace) -> Iterator[Seen]:
    if not ws.store.exists:
        return
    rows = sum(each[-1] for each in ws.kept_aside())
    if rows:
        yield Seen("kept aside", "amber", f"{rows:,} rows", "workbench data quarantine")
    else:
        yield Seen("kept aside", "green", "nothing")


def _ago(days: int) -> str:
    return "less than a day" if days < 1 else "1 day" if days == 1 else f"{days} days"


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
