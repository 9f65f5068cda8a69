"""Commands about incidents and unusual reads."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.common import as_json_too, in_workspace, opened, print_json
from workbench.periods import local

if TYPE_CHECKING:
    from workbench.lifecycle.incidents import Incident
    from workbench.workspace import Workspace

MOMENT = click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"])
DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def incident() -> None:
    """Keep the register of incidents: scope from the log, clocks from the law, notices drafted."""


@incident.command(name="open")
@click.argument("title")
@in_workspace
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
@as_json_too
def open_(
    title: str,
    workspace: str | None,
    detected: dt.datetime | None,
    occurred: dt.datetime | None,
    nature: str,
    cyber: bool,
    critical_infrastructure: bool,
    as_json: bool,
) -> None:
    """Record an incident and start its clocks."""
    ws = opened(workspace)
    now = ws.now()
    made = ws.incidents.open(
        title,
        nature=nature,
        detected_at=_here(detected, ws) or now,
        occurred_at=_here(occurred, ws),
        facts={
            "personal_data": True,
            "cyber": cyber,
            "critical_infrastructure": critical_infrastructure,
        },
        now=now,
    )
    _show(made, now, as_json)


@incident.command()
@click.argument("name")
@in_workspace
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
@as_json_too
def assess(
    name: str,
    workspace: str | None,
    severity: str,
    readers: tuple[str, ...],
    tables: tuple[str, ...],
    since: dt.datetime | None,
    until: dt.datetime | None,
    high_risk: bool | None,
    harm_avoided: bool | None,
    as_json: bool,
) -> None:
    """Work out from the log who read what, how many people it may concern, which kinds of data."""
    ws = opened(workspace)
    assessed = ws.assess(
        name,
        severity=severity,
        readers=readers,
        tables=tables,
        since=since.date() if since else None,
        until=until.date() if until else None,
        high_risk=high_risk,
        harm_avoided=harm_avoided,
    )
    _show(assessed, ws.now(), as_json)


@incident.command()
@click.argument("name")
@in_workspace
@click.option("--clock", "clock_name", required=True, help="Which duty, as 'incident list' names.")
@click.option(
    "--lang",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="Language of the draft.",
)
@click.option("--contact", default="", help="Whom to ask, for the draft.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File of the draft.")
@click.option("--sent", type=MOMENT, help="The notice went out then: record it.")
@as_json_too
def notify(
    name: str,
    workspace: str | None,
    clock_name: str,
    lang: str,
    contact: str,
    out: Path | None,
    sent: dt.datetime | None,
    as_json: bool,
) -> None:
    """Draft a notice; with --sent, record that it went out."""
    from workbench.lifecycle.drafts import draft
    from workbench.lifecycle.law import clock

    ws = opened(workspace)
    now = ws.now()
    found = ws.incidents.get(name)
    if sent is not None:
        at = _here(sent, ws)
        assert at is not None  # noqa: S101  # why: sent is not None
        _show(ws.incidents.notify(name, clock_name, at=at, now=now), now, as_json)
        return
    text = draft(
        found,
        clock(clock_name),
        lang=lang,
        controller=ws.settings.title,
        contact=contact,
        now=now,
    )
    if out is not None:
        out.write_text(text, encoding="utf-8")
        click.echo(str(out))
    elif as_json:
        print_json({"incident": name, "clock": clock_name, "draft": text})
    else:
        click.echo(text)


@incident.command()
@click.argument("name")
@in_workspace
@click.option("--how", required=True, help="What stopped it.")
@click.option("--at", type=MOMENT, help="When; now if left out.")
@as_json_too
def contain(
    name: str, workspace: str | None, how: str, at: dt.datetime | None, as_json: bool
) -> None:
    """Record that it is contained."""
    ws = opened(workspace)
    now = ws.now()
    _show(ws.incidents.contain(name, how, at=_here(at, ws) or now, now=now), now, as_json)


@incident.command()
@click.argument("name")
@in_workspace
@click.option("--lesson", "lessons", multiple=True, required=True, help="A lesson; repeatable.")
@as_json_too
def close(name: str, workspace: str | None, lessons: tuple[str, ...], as_json: bool) -> None:
    """Close it with what was learned; refused while a notice or a step is missing."""
    ws = opened(workspace)
    _show(ws.incidents.close(name, lessons, now=ws.now()), ws.now(), as_json)


@incident.command(name="list")
@in_workspace
@as_json_too
def list_(workspace: str | None, as_json: bool) -> None:
    """Show every incident with its clocks."""
    ws = opened(workspace)
    now = ws.now()
    found = ws.incidents.all()
    if as_json:
        print_json([_facts(each, now) for each in found])
        return
    for each in found:
        _show(each, now, as_json=False)
    if not found:
        click.echo("No incident is on record.")


@click.command()
@in_workspace
@click.option("--until", metavar="MONTH", help="Last month examined; the log's last if left out.")
@click.option(
    "--months",
    type=click.IntRange(1, 24),
    default=6,
    show_default=True,
    help="How many months are examined; all before show what is usual.",
)
@as_json_too
def detect(workspace: str | None, until: str | None, months: int, as_json: bool) -> None:
    """Find unusual reads: volume, hour, new table, refused attempts."""
    found = opened(workspace).detect(until=until, months=months)
    if as_json:
        print_json(
            {
                "since": found.since,
                "until": found.until,
                "weeks": found.weeks,
                "found": [vars(each) for each in found.found],
                "false_alarms": found.false_alarms,
                "history_weeks": found.history_weeks,
                "false_alarm_at_most": found.false_alarm_at_most,
            }
        )
        return
    click.echo(f"{found.weeks} weeks of readers examined, {found.since} to {found.until}:")
    for each in found.found:
        click.echo(
            f"  {each.reader} ({each.role}), week of {each.week}: {', '.join(each.signals)}; "
            f"{each.reads} reads, {each.refused} refused, {each.rows:,} rows of "
            f"{', '.join(each.tables)}"
        )
    if not found.weeks:
        click.echo("  no read on record in these months, so nothing can be said.")
    elif not found.found:
        click.echo("  nothing unusual.")
    click.echo(
        f"False alarms: {found.false_alarms} of {found.history_weeks} earlier weeks were flagged "
        f"by the same rule, so fewer than {found.false_alarm_at_most:.2%} with 95 % certainty."
    )


def _here(moment: dt.datetime | None, ws: Workspace) -> dt.datetime | None:
    """Return a time that was typed as one of the workspace's time zone."""
    zone = ws.settings.zone
    return None if moment is None else local(moment.replace(tzinfo=zone), zone)


def _facts(found: Incident, now: dt.datetime) -> dict[str, Any]:
    return {
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
            for each in found.deadlines()
        ],
    }


def _show(found: Incident, now: dt.datetime, as_json: bool) -> None:
    from workbench.lifecycle.law import UNCHECKED

    if as_json:
        print_json(_facts(found, now))
        return
    click.echo(f"{found.id} '{found.title}': {found.state}, detected {found.detected_at:%F %R %Z}")
    if found.scope is not None:
        scope = found.scope
        at_most = scope["subjects_at_most"]
        people = "no read on record" if at_most is None else f"at most {at_most:,} people"
        click.echo(
            f"  {people}; {scope['reads']:,} reads and {scope['refused']:,} refusals by "
            f"{', '.join(scope['readers']) or 'nobody'} of "
            f"{', '.join(scope['tables']) or 'nothing'}"
        )
    for each in found.deadlines():
        checked = "" if each.clock.checked else f" ({UNCHECKED['en']})"
        when = "at once" if each.clock.hours == 0 else f"by {each.due:%F %R}"
        when += " (own target)" if each.clock.own_target else ""
        click.echo(
            f"  {each.clock.id:16} {each.state(now):8} {when}: {each.clock.article}{checked}"
        )
    for lesson in found.lessons:
        click.echo(f"  lesson: {lesson}")


COMMANDS = [incident, detect]
