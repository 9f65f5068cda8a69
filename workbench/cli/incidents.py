"""``workbench office incident``, ``detect``, ``share``, ``notice``, ``ropa``, ``minimisation``."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.common import (
    DAY,
    FILE,
    FOLDER,
    MOMENT,
    Told,
    asks,
    command,
    failing_on,
    gate,
    in_language,
    several,
)
from workbench.cli.office import office
from workbench.periods import local

if TYPE_CHECKING:
    from workbench.lifecycle.incidents import Incident
    from workbench.workspace import Workspace


@office.group()
def incident() -> None:
    """Keep the register of incidents: scope from the log, clocks from the law, notices drafted."""


@command(incident, "open")
@click.argument("title")
@click.option("--detected", type=MOMENT, help="When it was found out; now if left out.")
@click.option("--occurred", type=MOMENT, help="When it began; not known if left out.")
@asks(
    "--nature",
    type=click.Choice(["leak", "tampering", "loss"]),
    default="leak",
    help="What happened to the data.",
)
@click.option("--cyber/--not-cyber", default=True, help="Whether network or systems were involved.")
@click.option(
    "--critical-infrastructure", is_flag=True, help="It hit critical information infrastructure."
)
def open_(ws: Workspace, title: str, nature: str, **asked: Any) -> Told:
    """Record an incident and start its clocks."""
    now = ws.now()
    made = ws.office.incidents.open(
        title,
        nature=nature,
        detected_at=_here(asked.pop("detected"), ws) or now,
        occurred_at=_here(asked.pop("occurred"), ws),
        facts={"personal_data": True, **asked},
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
    from workbench.lifecycle.letters import draft

    now = ws.now()
    if (at := _here(sent, ws)) is not None:
        return _shown(ws.office.incidents.notify(name, clock_name, at=at, now=now), now)
    found, controller = ws.office.incidents.get(name), ws.settings.title
    text = draft(found, clock(clock_name), controller=controller, now=now, **words)
    facts = {"incident": name, "clock": clock_name, "draft": text}
    if out is None:
        return Told(facts, [text])
    _write(out, text)
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
    return several(found, "No incident is on record.")


@command(office)
@click.option("--until", metavar="MONTH", help="Last month examined; the log's last if left out.")
@asks(
    "--months",
    type=click.IntRange(1, 24),
    default=6,
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
    names = ("id", "title", "state", "detected_at", "scope", "lessons")
    facts = {name: getattr(found, name) for name in names} | {"severity": found.severity or None}
    facts["clocks"] = [
        {
            "clock": each.clock.id,
            "article": each.clock.article,
            "checked": each.clock.checked,
            "due": each.due,
            "done": each.done,
            "state": each.state(now),
        }
        for each in due
    ]
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


@command(office)
@click.option("--release", "releases", multiple=True, metavar="ID", help="A private table.")
@click.option("--extract", "table", metavar="TABLE", help="Rows of this table, pseudonymised.")
@click.option("--columns", default="", help="Columns of the extract, with commas between.")
@click.option("--to", "recipient", required=True, help="Who receives it.")
@click.option("--country", required=True, help="Where they are.")
@click.option("--purpose", required=True, help="Declared purpose it is for.")
@click.option("--terms", required=True, help="The agreement that binds them, by name or number.")
@click.option("--expires", type=DAY, required=True, help="When it has to be deleted.")
@click.option("--mechanism", default="", help="Of a transfer abroad, such as 'standard contract'.")
@click.option("--people", type=int, default=0, help="Most people an extract may hold, as agreed.")
@click.option("--k", type=int, help="Least people of a group; the catalog's when left out.")
@click.option("--l", type=int, help="Least values of a sensitive column in a group.")
@click.option("--t", type=float, help="Most distance of a group from everybody.")
@click.option("--out", type=FOLDER, required=True, help="New folder for the files.")
def share(
    ws: Workspace,
    releases: tuple[str, ...],
    table: str | None,
    columns: str,
    out: Path,
    **asked: Any,
) -> Told:
    """Hand over private tables, or a minimised pseudonymised extract; recorded as a transfer."""
    from workbench.lifecycle.sharing import shares

    if bool(releases) == bool(table):
        raise click.UsageError("name releases to share (--release) or a table (--extract).")
    if table:
        chosen = [name.strip() for name in columns.split(",") if name.strip()]
        name = ws.office.share_extract(table, chosen, out, **asked)
    else:
        of_extracts = ("people", "k", "l", "t")
        deal = {key: value for key, value in asked.items() if key not in of_extracts}
        name = ws.office.share(releases, out, **deal)
    (made,) = [each for each in shares(ws.office.shares) if each.id == name]
    until = f"{asked['expires']:%Y-%m-%d}"
    lines = [f"{name} is on record: {out} for {asked['recipient']}, until {until}."]
    if table:
        lines.append(f"The smallest group (k) has {made.measured['smallest_group']:,} people.")
    for column, spread in made.measured.get("sensitive", {}).items():
        lines.append(f"{column}: l = {spread['l']:,}, t = {spread['t']:.2f}.")
    facts: dict[str, Any] = {
        "share": name,
        "out": str(out),
        "joinable_with": list(made.joinable_with),
    }
    facts |= {"k": made.k, "l": made.l, "t": made.t, **made.measured}
    others = ", ".join(made.joinable_with)
    warning = (
        f"{asked['recipient']} has {others} of '{table}' too: pseudonyms differ, but rows can be "
        "joined by columns that both hold. Have the old one deleted, or the terms forbid joining."
    )
    return Told(facts, lines, [warning] if others else [])


to_file = click.option("--out", type=FILE, help="File; the screen if left out.")


@command(office)
@in_language
@click.option("--contact", default="", help="Whom customers ask.")
@to_file
def notice(ws: Workspace, out: Path | None, **words: str) -> Told:
    """Write the plain-language privacy notice: what is held, why, how long, whom to ask."""
    return _written(ws.office.privacy_notice(**words), out)


@command(office)
@asks(
    "--form",
    type=click.Choice(["csv", "fides"]),
    default="csv",
    help="CSV, or YAML that Fides reads.",
)
@click.option("--contact", default="", help="Contact, data protection officer, representative.")
@to_file
def ropa(ws: Workspace, form: str, contact: str, out: Path | None) -> Told:
    """Write the record of processing (GDPR 30, PIPL 55-56)."""
    return _written(ws.office.record_of_processing(form, contact=contact), out)


def _written(text: str, out: Path | None) -> Told:
    if out is None:
        return Told({"text": text}, [text.removesuffix("\n")])
    _write(out, text)
    return Told({"file": str(out)}, [str(out)])


def _write(out: Path, text: str) -> None:
    out.write_text(text, encoding="utf-8")
    if out.is_file():  # why: by a umask of 0 everybody could change what goes out
        out.chmod(out.stat().st_mode & ~0o022)


@command(office)
@asks("--months", type=click.IntRange(1, 120), default=12, help="How long nobody read them.")
def minimisation(ws: Workspace, months: int) -> Told:
    """List the columns no purpose read in the last months: candidates to stop collecting."""
    found = ws.office.minimisation(months)
    lines = [f"{len(found.unread)} of {found.columns} columns were not read since {found.since}."]
    if not found.covered:
        begins = found.log_begins or "not yet"
        lines.append(f"The log begins {begins}: it does not cover these {months} months.")
    for each in found.unread:
        last = f"last read {each.last_read}" if each.last_read else "never read"
        lines.append(f"  {each.table}.{each.column} ({each.sensitivity}): {last}")
    return Told(found, lines)
