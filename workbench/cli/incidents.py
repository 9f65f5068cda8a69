"""``workbench office incident`` and ``detect``: unusual reads, and what happened to the data."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.common import DAY, FILE, MOMENT, Told, command, failing_on, gate, in_language
from workbench.cli.office import office
from workbench.periods import local

if TYPE_CHECKING:
    from workbench.lifecycle.incidents.cases import Incident
    from workbench.workspace import Workspace


@office.group()
def incident() -> None:
    """Keep the register of incidents: scope from the log, clocks from the law, notices drafted."""


@command(incident, "open")
@click.argument("title")
@click.option("--detected", type=MOMENT, help="When it was found out; now if left out.")
@click.option("--occurred", type=MOMENT, help="When it began; not known if left out.")
@click.option(
    "--nature",
    type=click.Choice(["leak", "tampering", "loss"]),
    default="leak",
    show_default=True,
    help="What happened to the data.",
)
@click.option("--cyber/--not-cyber", default=True, help="Whether network or systems were involved.")
@click.option(
    "--critical-infrastructure", is_flag=True, help="It hit critical information infrastructure."
)
def open_(
    ws: Workspace,
    title: str,
    detected: dt.datetime | None,
    occurred: dt.datetime | None,
    nature: str,
    **facts: bool,
) -> Told:
    """Record an incident and start its clocks."""
    now = ws.now()
    made = ws.office.incidents.open(
        title,
        nature=nature,
        detected_at=_here(detected, ws) or now,
        occurred_at=_here(occurred, ws),
        facts={"personal_data": True, **facts},
        now=now,
    )
    return _shown(made, now)


@command(incident)
@click.argument("incident", metavar="NAME")
@click.option(
    "--severity",
    type=click.Choice(["low", "medium", "high"]),
    required=True,
    help="How bad it is, as you judge it.",
)
@click.option("--reader", "readers", multiple=True, help="Only this reader's reads; repeatable.")
@click.option("--table", "tables", multiple=True, help="Only reads of this table; repeatable.")
@click.option("--since", type=DAY, help="First day of the reads.")
@click.option("--until", type=DAY, help="Last day of the reads.")
@click.option("--high-risk/--no-high-risk", default=None, help="Whether people are at high risk.")
@click.option("--harm-avoided", is_flag=True, default=None, help="Measures avoid harm effectively.")
def assess(ws: Workspace, **asked: Any) -> Told:
    """Work out from the log who read what, how many people it may concern, which kinds of data."""
    return _shown(ws.office.assess(**asked), ws.now())


@command(incident)
@click.argument("name")
@click.option("--clock", "clock_name", required=True, help="Which duty, as 'incident list' names.")
@in_language
@click.option("--contact", default="", help="Whom to ask, for the draft.")
@click.option("--out", type=FILE, help="File of the draft.")
@click.option("--sent", type=MOMENT, help="The notice went out then: record it.")
def notify(
    ws: Workspace,
    name: str,
    clock_name: str,
    out: Path | None,
    sent: dt.datetime | None,
    **words: str,
) -> Told:
    """Draft a notice; with --sent, record that it went out."""
    from workbench.lifecycle.law import clock
    from workbench.lifecycle.letters.incident import draft

    now = ws.now()
    if (at := _here(sent, ws)) is not None:
        return _shown(ws.office.incidents.notify(name, clock_name, at=at, now=now), now)
    found, controller = ws.office.incidents.get(name), ws.settings.title
    text = draft(found, clock(clock_name), controller=controller, now=now, **words)
    facts = {"incident": name, "clock": clock_name, "draft": text}
    if out is None:
        return Told(facts, [text])
    out.write_text(text, encoding="utf-8")
    return Told(facts, [str(out)])


@command(incident)
@click.argument("name")
@click.option("--how", required=True, help="What stopped it.")
@click.option("--at", type=MOMENT, help="When; now if left out.")
def contain(ws: Workspace, name: str, how: str, at: dt.datetime | None) -> Told:
    """Record that it is contained."""
    now = ws.now()
    return _shown(ws.office.incidents.contain(name, how, at=_here(at, ws) or now, now=now), now)


@command(incident)
@click.argument("name")
@click.option("--lesson", "lessons", multiple=True, required=True, help="A lesson; repeatable.")
def close(ws: Workspace, name: str, lessons: tuple[str, ...]) -> Told:
    """Close it with what was learned; refused while a notice or a step is missing."""
    now = ws.now()
    return _shown(ws.office.incidents.close(name, lessons, now=now), now)


@command(incident, "list")
def list_(ws: Workspace) -> Told:
    """Show every incident with its clocks."""
    now = ws.now()
    found = [_shown(each, now) for each in ws.office.incidents.all()]
    lines = [line for each in found for line in each.lines]
    return Told([each.facts for each in found], lines or ["No incident is on record."])


@command(office)
@click.option("--until", metavar="MONTH", help="Last month examined; the log's last if left out.")
@click.option(
    "--months",
    type=click.IntRange(1, 24),
    default=6,
    show_default=True,
    help="How many months are examined; all before show what is usual.",
)
@failing_on
def detect(ws: Workspace, until: str | None, months: int, fail_on: str) -> Told:
    """Find unusual reads: volume, hour, new table, refused attempts."""
    found = ws.office.detect(until=until, months=months)
    names = ("since", "until", "weeks", "found", "false_alarms", "history_weeks")
    facts = {name: getattr(found, name) for name in (*names, "false_alarm_at_most")}
    lines = [f"{found.weeks} weeks of readers examined, {found.since} to {found.until}:"]
    lines += [
        f"  {each.reader} ({each.role}), week of {each.week}: {', '.join(each.signals)}; "
        f"{each.reads} reads, {each.refused} refused, {each.rows:,} rows of "
        f"{', '.join(each.tables)}"
        for each in found.found
    ]
    if not found.weeks:
        lines.append("  no read on record in these months, so nothing can be said.")
    elif not found.found:
        lines.append("  nothing unusual.")
    lines.append(
        f"False alarms: {found.false_alarms} of {found.history_weeks} earlier weeks were flagged "
        f"by the same rule, so fewer than {found.false_alarm_at_most:.2%} with 95 % certainty."
    )
    light = "red" if found.found else "green" if found.weeks else "not measured"
    return Told(facts, lines, code=gate(light, fail_on))


def _here(moment: dt.datetime | None, ws: Workspace) -> dt.datetime | None:
    """Return a time that was typed as one of the workspace's time zone."""
    zone = ws.settings.zone
    return None if moment is None else local(moment.replace(tzinfo=zone), zone)


def _shown(found: Incident, now: dt.datetime) -> Told:
    from workbench.lifecycle.law import UNCHECKED

    due = found.deadlines()
    facts = {
        "id": found.id,
        "title": found.title,
        "state": found.state,
        "severity": found.severity or None,
        "detected_at": found.detected_at,
        "scope": found.scope,
        "lessons": found.lessons,
        "clocks": [
            {
                "clock": each.clock.id,
                "article": each.clock.article,
                "checked": each.clock.checked,
                "due": each.due,
                "done": each.done,
                "state": each.state(now),
            }
            for each in due
        ],
    }
    lines = [f"{found.id} '{found.title}': {found.state}, detected {found.detected_at:%F %R %Z}"]
    if scope := found.scope:
        at_most = scope["subjects_at_most"]
        people = "no read on record" if at_most is None else f"at most {at_most:,} people"
        lines.append(
            f"  {people}; {scope['reads']:,} reads and {scope['refused']:,} refusals by "
            f"{', '.join(scope['readers']) or 'nobody'} of "
            f"{', '.join(scope['tables']) or 'nothing'}"
        )
    for each in due:
        checked = "" if each.clock.checked else f" ({UNCHECKED['en']})"
        when = "at once" if each.clock.hours == 0 else f"by {each.due:%F %R}"
        when += " (own target)" if each.clock.own_target else ""
        lines.append(
            f"  {each.clock.id:16} {each.state(now):8} {when}: {each.clock.article}{checked}"
        )
    return Told(facts, [*lines, *(f"  lesson: {lesson}" for lesson in found.lessons)])
