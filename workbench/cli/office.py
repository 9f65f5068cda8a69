"""``workbench office``: what the data protection office looks at, decides and writes for others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.common import DAY, PATH, Told, asks, command, meant, say, several, steps
from workbench.errors import PeriodError, StorageError, escaped
from workbench.periods import Period

if TYPE_CHECKING:
    from workbench.lifecycle.register import Risk
    from workbench.lifecycle.retention import Due
    from workbench.workspace import Workspace


@click.group()
def office() -> None:
    """Review, retain, share, watch reads, handle incidents; write the notice and the record."""


# ---------------------------------------------------------------- review, risks


@command(office)
@click.option(
    "--advisories",
    type=PATH,
    help="List of known weaknesses: of 'pip-audit -f json', or of OSV; a file or a folder.",
)
def review(ws: Workspace, advisories: Path | None) -> Told:
    """Look settings, permissions, encryption, logs and dependencies over, and record it."""
    found = ws.office.review(advisories)
    try:
        risks = [risk for risk in ws.office.reviews.risks() if not risk.closed]
        counted = f"{len(risks)} open risks."
    except StorageError:  # its check says what is wrong with it
        risks, counted = [], "The register of risks cannot be read."
    marks = {True: "ok      ", False: "FAILED  ", None: "unknown "}
    lines = [
        f"  {marks[check.ok]} {check.part}: {check.what}"
        + (f" ({check.detail})" if check.detail else "")
        for check in found.checks
    ]
    shown = [_risk(each) for each in risks]
    lines += [counted, *(line for each in shown for line in each.lines)]
    facts = {"at": found.at, "checks": found.checks, "risks": [each.facts for each in shown]}
    return Told(facts, lines, code=2 if found.failed else 0)


@office.group()
def risk() -> None:
    """Keep the register of risks: owner, severity = likelihood × impact, treatment."""


FIVE = click.IntRange(1, 5)
TREATMENT = click.Choice(["mitigate", "accept", "avoid", "transfer"])


@command(risk)
@click.argument("title")
@click.option("--owner", required=True, help="Role or department that answers for it.")
@click.option("--likelihood", type=FIVE, required=True, help="1 rare to 5 almost certain.")
@click.option("--impact", type=FIVE, required=True, help="1 slight to 5 grave.")
@click.option("--treatment", type=TREATMENT, required=True, help="What is done about it.")
@click.option("--plan", default="", help="How.")
@click.option("--due", type=DAY, help="By when; not needed for what is accepted.")
def add(ws: Workspace, title: str, **about: Any) -> Told:
    """Put a risk on the register."""
    return _risk(ws.office.reviews.add_risk(title, **about, now=ws.now()))


@command(risk)
@click.argument("name")
@click.option("--likelihood", type=FIVE, help="1 rare to 5 almost certain.")
@click.option("--impact", type=FIVE, help="1 slight to 5 grave.")
@click.option("--treatment", type=TREATMENT, help="What is done about it.")
@click.option("--plan", help="How.")
@click.option("--due", type=DAY, help="By when.")
def change(ws: Workspace, name: str, **told: Any) -> Told:
    """Record what changed; what it was stays on record."""
    changes = {key: value for key, value in told.items() if value is not None}
    return _risk(ws.office.reviews.change_risk(name, changes, now=ws.now()))


@command(risk)
@click.argument("name")
@click.option("--reason", required=True, help="Why it is none any more.")
def close(ws: Workspace, name: str, reason: str) -> Told:
    """Close a risk."""
    return _risk(ws.office.reviews.close_risk(name, reason, now=ws.now()))


@command(risk, "list")
def list_(ws: Workspace) -> Told:
    """Show every risk, gravest first."""
    return several([_risk(each) for each in ws.office.reviews.risks()], "No risk is on record.")


def _risk(each: Risk) -> Told:
    state = "closed" if each.closed else f"{each.treatment}, due {each.due or 'never'}"
    line = (
        f"  {each.id} {each.level:6} {each.severity:2} = {each.likelihood} × {each.impact}  "
        f"{each.title} ({each.owner}; {state})"
    )
    return Told({**vars(each), "severity": each.severity, "level": each.level}, [line])


# ---------------------------------------------------------------- retention, holds


@office.group()
def retention() -> None:
    """See and remove rows that are past their time; hold what must be kept."""


@command(retention)
def plan(ws: Workspace) -> Told:
    """Show which rows are past their time, why, and what is on hold; nothing is removed."""
    due, kept = ws.office.retention_plan(), ws.office.holds()
    lines = [_due(each) for each in due]
    for hold in kept:
        who = "one customer" if hold.mark else ""
        what = " of ".join(filter(None, [f"table {hold.table}" if hold.table else "", who]))
        lines.append(f"{hold.id} holds {what} since {hold.since:%Y-%m-%d}: {hold.reason}")
    return Told({"tables": due, "holds": kept}, lines, _in_force(due))


def _due(each: Due) -> str:
    rows = "not measured" if each.rows is None else f"{each.rows:,} rows would go"
    held = f", {each.on_hold:,} on hold ({', '.join(each.holds)})" if each.on_hold else ""
    since = f", the oldest from {each.oldest}" if each.oldest else ""
    return f"{each.table:32} {rows}{held}{since}; kept {each.why}"


def _in_force(due: list[Due]) -> list[str]:
    return [
        f"WARNING: {each.in_force:,} rows of {each.table} past that time are consents in force, "
        "and stay. Count from withdrawal: say 'after:' the column of withdrawal."
        for each in due
        if each.in_force
    ]


@command(retention)
@meant
def apply(ws: Workspace, yes: bool) -> Told:
    """Take away every row past its time that nothing holds, from every file and snapshot."""
    going = [each for each in ws.office.retention_plan() if each.rows]
    for each in going:
        say(_due(each))
    if going and not yes:
        rows = sum(each.rows or 0 for each in going)
        raise click.UsageError(
            f"{rows:,} rows of {', '.join(each.table for each in going)} would go for good, from "
            "every file and snapshot. Say --yes if that is meant; nothing was removed."
        )
    with steps() as tell:
        removed = ws.office.apply_retention(tell)
    lines = [f"{table:24} {rows:,} rows removed" for table, rows in removed.items()]
    return Told({"removed": removed}, lines or ["Nothing is past its time."], _in_force(going))


@command(retention)
@click.option("--table", metavar="TABLE", help="Keep this table's rows.")
@click.option("--subject", metavar="ID", help="Keep this customer's rows.")
@click.option("--reason", required=True, help="Why: the dispute, the authority's reference.")
def hold(ws: Workspace, reason: str, **what: str | None) -> Told:
    """Keep rows of a table, of a customer, or of both, until released."""
    made = ws.office.hold(reason, **what)
    end = f"workbench office retention release {made.id} --reason …"
    return Told(made, [f"{made.id} is in force. End it with '{end}'."])


@command(retention)
@click.argument("name", metavar="HOLD")
@click.option("--reason", required=True, help="Why it may end.")
def release(ws: Workspace, name: str, reason: str) -> Told:
    """End a hold."""
    ended = ws.office.release_hold(name, reason)
    return Told(ended, [f"{ended.id} is released."])


# ---------------------------------------------------------------- the audit log, the budget


@office.group()
def audit() -> None:
    """Read the audit log, or check that nobody changed it."""


@command(audit)
def verify(ws: Workspace) -> Told:
    """Check every entry, the end of the log, and what editions and backups know of it.

    The ledger, the file of marks and the file of corrections are checked with it.
    """
    logs = dict(ws.office.verify_logs())
    whole = all(each.holds for each in logs.values())
    verdict, name = logs["audit log"], "audit log"
    lines = [
        f"{'' if log == name else f'{log}: '}"
        + (f"entry {fault.seq}: {fault.what}" if fault.seq else fault.what)
        for log, each in logs.items()
        for fault in each.faults
    ]
    if verdict.holds:
        lines.insert(
            0,
            f"All {verdict.entries:,} entries hold. The last one is {verdict.head[0]}, "
            f"{verdict.head[1][:16]}…; {verdict.witnesses} editions and backups know the log.",
        )
    if any(fault.seq for each in logs.values() for fault in each.faults):
        lines.append("Put the log back from a backup, and find out who could write the file.")
    del logs[name]
    facts = {
        "holds": whole,
        "entries": verdict.entries,
        "head": list(verdict.head),
        "witnesses": verdict.witnesses,
        "faults": verdict.faults,
        "others": {other: each.faults for other, each in logs.items()},
    }
    return Told(facts, lines, code=0 if whole else 7)


@command(audit)
@click.option("--kind", metavar="KIND", help="Only entries of one kind, such as 'bulk read'.")
@click.option("--table", metavar="TABLE", help="Only entries about one table.")
@asks("--last", type=click.IntRange(1), default=20, help="How many, newest last.")
def show(ws: Workspace, kind: str | None, table: str | None, last: int) -> Told:
    """Show the newest entries: who did what, when, and for which purpose."""
    entries = ws.events.entries(kind, **({"subject": table} if table else {}))[-last:]
    lines = []
    for entry in entries:
        # why not the journal: entries of before told where their twins stood in a log that is gone
        body = {k: v for k, v in entry.body.items() if k not in ("who", "journal")}
        told = ", ".join(f"{name} {value}" for name, value in body.items() if value is not None)
        who = entry.body.get("who", "")
        line = f"{entry.seq:>6}  {entry.at:%Y-%m-%d %H:%M}  {who:10} {entry.kind:10} {told}"
        lines.append(escaped(line))
    facts = [{"entry": e.seq, "at": e.at.isoformat(), "kind": e.kind, **e.body} for e in entries]
    return Told(facts, lines or ["No such entry. Without --kind and --table all are shown."])


@command(office)
@click.option("--period", metavar="MONTH", help="Month whose allowance to show; this one else.")
@click.option(
    "--pld", is_flag=True, help="Add a second figure of all answers: by privacy loss distributions."
)
def budget(ws: Workspace, period: str | None, pld: bool) -> Told:
    """Show what was spent of the customers' privacy budget, what is left, and the answers."""
    from workbench.privacy.accounting import pld_epsilon
    from workbench.privacy.books.entries import RAISED

    month = Period.parse(period) if period else None
    if month and month.kind != "month":
        raise PeriodError(f"allowances are by month: give one such as 2026-09, not {period}.")
    limits = ws.budget(month.text if month else None)
    answers, counting = ws.ledger.summary(), ws.ledger.in_force()
    privacy = ws.catalog.privacy
    facts: dict[str, Any] = {
        "delta": float(privacy.delta),
        "limits": list(limits),
        "answers": answers,
    }
    lines = [f"Privacy budget of the customers (epsilon at delta {counting[1]}):"]
    for line in limits:
        spent = f"spent {line.spent:6.2f} of {line.limit:6.2f}"
        lines.append(f"  {line.scope:14} {spent}   left {line.left:6.2f}")
    if counting != (privacy.limits, privacy.delta):
        lines.append(RAISED.strip())
    if pld:
        facts["pld_epsilon"] = second = pld_epsilon(ws.ledger.prices(), privacy.delta)
        lines.append(f"  all by privacy loss distributions: {second:.2f}, for information only")
    newest = " The newest ten; --json has all:" if len(answers) > 10 else ""
    lines.append(f"{len(answers)} answers are paid for and free to use again.{newest}")
    lines += [
        f"  {each['release']}  {each['period'] or '':10}  {each['name']:28} "
        f"epsilon {each['epsilon']:.2f}"
        for each in answers[-10:]
    ]
    return Told(facts, lines)


@command(office)
@click.option("--reason", required=True, help="What happened to the ledger.")
@click.option("--role", help="officer; else $WORKBENCH_ROLE. It is self-declared.")
@click.option("--lost-rho", metavar="RHO", help="What was lost, where no witness knows it.")
@click.option("--clock", is_flag=True, help="The clock is right now, and was ahead before.")
def acknowledge(
    ws: Workspace, reason: str, role: str | None, lost_rho: str | None, clock: bool
) -> Told:
    """Record that the ledger lost its end or was moved, or that limits were raised, and why.

    With --clock: that the clock was ahead when something was marked, and is right now.
    """
    if clock:
        ahead = ws.office.set_clock(reason, role=role)
        lines = [
            f"{name}: set back from {at:%Y-%m-%d %H:%M}. What was spent stays spent."
            for name, at in ahead.items()
        ]
        return Told({"set_back": ahead}, lines)
    charged = ws.office.acknowledge(reason, role=role, lost_rho=lost_rho)
    line = f"Recorded. Epsilon {charged:.2f} of what was lost counts as spent from now on."
    return Told({"charged_epsilon": charged}, [line])
