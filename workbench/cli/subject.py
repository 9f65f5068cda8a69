"""``workbench subject``: what is held of a customer, corrected, erased, restricted, objected to."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from workbench.cli.common import DAY, PATH, Told, as_json, command, say, steps

if TYPE_CHECKING:
    from workbench.lifecycle.rights.erasure import Erasure
    from workbench.lifecycle.rights.requests import Request
    from workbench.lifecycle.rights.subjects import HeldTable
    from workbench.workspace import Workspace

Act = Callable[..., Told]


@click.group()
def subject() -> None:
    """Answer a customer's request; ID is the customer's key, and is written down nowhere."""


def _typed(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Return the customer's key; from standard input where it is given as a dash."""
    return sys.stdin.readline().strip() if value == "-" else value


with_law = click.option("--law", metavar="LAW", help="GDPR or PIPL; the earlier one otherwise.")
with_received = click.option("--received", type=DAY, help="When it came; today otherwise.")
of_customer = click.argument("id_", metavar="ID", callback=_typed)


def _asked(act: Act) -> Act:
    """Add the customer's key and the options of a request to a command."""
    verified = "How the person's identity was checked."
    registered = "A registered request, such as R-0001."
    act = click.option("--request", metavar="REQUEST", help=registered)(act)
    act = click.option("--verified-by", default="", help=verified)(with_law(with_received(act)))
    return of_customer(act)


def _pairs(texts: Iterable[str]) -> dict[str, str]:
    from workbench.errors import InputError

    found = {}
    for text in texts:
        place, equals, value = text.partition("=")
        if not equals:
            raise InputError("write table.column=value, with the equals sign.")
        found[place] = value
    return found


def _closed(ws: Workspace, request: Request) -> list[str]:
    late = "" if request.on_time(request.closed or request.due) else ", which was late"
    return [
        f"{request.id} is closed; it was due on {request.due}{late}.",
        # why told: one that was registered before is overdue one day, though it is answered
        *(
            f"{each.id}, {each.kind} of the same customer, is still open and due on {each.due}: "
            f"if it is answered by this, 'workbench subject close {each.id} --outcome …'."
            for each in ws.office.requests()
            if each.closed is None and (each.kind, each.mark) == (request.kind, request.mark)
        ),
    ]


@command(subject)
@_asked
@click.option("--out", type=PATH, help="Write it as a letter: a new file.")
@click.option("--language", default="en", metavar="LANGUAGE", help="Of the letter: en or zh.")
@click.option("--contact", default="", help="Whom to ask, for the letter.")
def access(
    ws: Workspace, id_: str, out: Path | None, language: str, contact: str, **asked: Any
) -> Told:
    """Show what is held of a customer, for what, from where, for whom and how long: no values."""
    from workbench.lifecycle.letters import letter, require_place, write_letter

    target = require_place(ws.office, out) if out else None
    if target:
        letter(ws.office, [], language)  # a slip in the language, before the request is answered
    request, found = ws.office.subject_held(id_, **asked)
    aside = []
    if target:
        write_letter(target, letter(ws.office, found, language, contact))
        aside = [f"The letter is {target}. Read it over before it goes out."]
    facts = {"request": vars(request), "held": [each.told() for each in found]}
    lines = [line for each in found for line in _held(each)]
    return Told(facts, [*lines, *_closed(ws, request)], aside)


def _held(each: HeldTable) -> list[str]:
    from workbench.lifecycle.kept_aside import USE

    lines = [
        f"{each.table}: {each.rows:,} rows ({each.title}), from {each.source}",
        f"  columns: {', '.join(each.columns)}",
        f"  kept {each.retention}; {each.owner} answers for it",
    ]
    for name, purpose in each.purposes.items():
        left = purpose.get("left out", "")
        now = f"; left out now: {' and '.join(left.split())}" if left else ""
        lines.append(f"  for {name} ({purpose['basis']}), received by {purpose['recipients']}{now}")
    if each.corrections:
        lines.append(f"  {each.corrections:,} corrections are kept, with the value before")
    lines += [
        f"  kept aside, {USE}: line {line.line} of {line.file or 'a file'} ({line.reasons})"
        for line in each.kept_aside
    ]
    if each.unclear:
        lines.append(
            f"  {each.unclear:,} more lines are kept aside that hold one of their identifiers "
            "and no customer's key: look at them with "
            f"ws.quarantine('{each.table}', purpose=…) and decide whose they are"
        )
    return lines


@command(subject)
@_asked
@click.option("--out", type=PATH, required=True, help="A new folder, mode 0700.")
def export(ws: Workspace, id_: str, out: Path, **asked: Any) -> Told:
    """Write everything held of a customer as JSON and CSV, in plain text, for the customer."""
    request, rows = ws.office.export_subject(id_, out, **asked)
    facts = {"request": vars(request), "out": str(out), "rows": dict(rows)}
    aside, formulas = rows.pop("kept-aside", 0), rows.pop("formula-cells", 0)
    more = f", and {aside:,} lines that were kept aside," if aside else ""
    lines = [
        f"{sum(rows.values()):,} rows of {len(rows)} tables{more} in {out}, in plain text.",
        "Hand it over by a safe way, and remove it here.",
        *_closed(ws, request),
    ]
    warning = (
        f"WARNING: {formulas:,} cells would be run as formulas by a spreadsheet. In the CSV files "
        "they are led by an apostrophe; subject.json has them as they are stored."
    )
    return Told(facts, lines, [warning] if formulas else [])


@command(subject)
@_asked
@click.option(
    "--set",
    "changes",
    multiple=True,
    required=True,
    metavar="TABLE.COLUMN=VALUE",
    help="The right value; may be given several times.",
)
@click.option(
    "--where",
    multiple=True,
    metavar="TABLE.COLUMN=VALUE",
    help="Which row is meant, where there are several.",
)
def correct(
    ws: Workspace, id_: str, changes: tuple[str, ...], where: tuple[str, ...], **asked: Any
) -> Told:
    """Correct values of a customer."""
    from workbench.lifecycle.rights.customers import recipients
    from workbench.lifecycle.rights.subjects import held

    wanted, chosen = _pairs(changes), _pairs(where)
    request, rows = ws.office.correct_subject(id_, wanted, chosen, **asked)
    lines = [f"Nothing to correct: {', '.join(wanted)} stood there already."]
    if done := [place for place in wanted if rows[place.partition(".")[0]]]:
        lines = [
            f"Corrected: {', '.join(done)}.",
            "Where a load or a restore brings the old value back, it is corrected again.",
            "Correct the source too: another value that it brings is taken for newer.",
        ]
    office = ws.office
    if aside := sum(len(each.kept_aside) for each in held(office, office.mark(id_))):
        lines.append(f"{aside:,} lines of theirs that were kept aside stay as they came in.")
    told = recipients(office, [table for table, changed in rows.items() if changed])
    facts = {"request": vars(request), "rows": rows, "recipients": told}
    return Told(facts, [*lines, *_to_be_told(told), *_closed(ws, request)])


@command(subject)
@_asked
@click.option("--yes", is_flag=True, help="Do not ask: what the law obliges to keep was weighed.")
def erase(ws: Workspace, id_: str, yes: bool, **asked: Any) -> Told:
    """Erase a customer from tables, files, snapshots, notebooks and future restores."""
    _weigh(ws, id_, yes)
    with steps() as tell:
        request, done = ws.office.erase_subject(id_, progress=tell, **asked)
    aside = [f"STILL THERE: {path}" for path in done.found_in]
    outside = "Outside of workbench's care, and holds the customer"
    aside += [f"{outside}: {path}" for path in done.outside]
    facts = {"request": vars(request), "erasure": vars(done)}
    return Told(facts, [*_erased(done), *_closed(ws, request)], aside)


def _erased(done: Erasure) -> list[str]:
    if done.already:
        lines = [f"The customer was erased on {done.at:%Y-%m-%d}; nothing is left."]
    else:
        lines = [f"{table:24} {rows:,} rows erased" for table, rows in done.rows.items()]
        lines.append(f"{done.cleared} notebooks and logs cleared of their outputs.")
    return [*lines, *(f"- {note}" for note in done.notes), *_to_be_told(done.recipients)]


def _to_be_told(recipients: tuple[str, ...]) -> list[str]:
    """Name who must be told of a correction, an erasure or a restriction, and of its end."""
    told = "Tell who received something of theirs, unless that is impossible (GDPR 19):"
    return [told, *(f"- {each}" for each in recipients)] if recipients else []


def _weigh(ws: Workspace, id_: str, yes: bool) -> None:
    """Show what the law may oblige to keep of a customer, and ask unless that was weighed."""
    from workbench.lifecycle.rights.customers import obliged

    kept = obliged(ws.office, ws.office.mark(id_))
    for each in kept:
        until = f"kept until {each.until}" if each.until else "with no end yet"
        say(f"{each.table}: {each.rows:,} rows, {until}, for {'; '.join(each.purposes)}")
    if yes or not kept:
        return
    unasked = click.UsageError(
        f"what is kept of the customer in {', '.join(each.table for each in kept)} may be required "
        "by a legal obligation or a contract, and need not be erased then (GDPR 17(3)(b)). Say "
        "--yes where that was weighed, or leave the customer out of reads with 'workbench subject "
        "restrict'; nothing was erased."
    )
    if as_json():
        raise unasked
    try:
        meant = click.confirm(
            "The law may oblige you to keep these (GDPR 17(3)(b)). Erase all the same?",
            default=False,
        )
    except click.Abort:  # nobody there to answer
        raise unasked from None
    if not meant:
        raise unasked


def _bar(
    ws: Workspace,
    kind: Literal["restricted", "objected"],
    id_: str,
    purposes: tuple[str, ...],
    lift: bool,
    **asked: Any,
) -> Told:
    from workbench.lifecycle.rights.customers import recipients
    from workbench.lifecycle.rights.subjects import OBJECTION_NOTE, barred, beyond_objection, held

    request, done = ws.office.restrict_subject(id_, purposes, kind=kind, lift=lift, **asked)
    office, tables = ws.office, []
    if kind == "restricted":  # why no objection: the article does not name it
        tables = [each.table for each in held(office, office.mark(id_))]
    told = recipients(office, tables, None if done == ("*",) else done)
    for_what = "every purpose" if done == ("*",) else ", ".join(done)
    left = barred(office, office.mark(id_))
    lines = []
    if lift:
        lines.append(f"The {request.kind} is lifted for {for_what}.")
        asked_for = [name for name in ws.catalog.purposes if done == ("*",) or name in done]
        if read := [name for name in asked_for if name not in left]:
            again = "every purpose" if done == ("*",) and not left else ", ".join(read)
            lines.append(f"Reads for {again} include the customer again, from the next opening on.")
        lines += [
            f"Reads for {name} still leave the customer out: {' and '.join(whys)}."
            for name, whys in left.items()
        ]
    else:
        if kind == "objected" and done == ("*",):
            beyond = beyond_objection(office)
            for_what = ", ".join(name for name in ws.catalog.purposes if name not in beyond)
            for name, why in beyond.items():
                lines.append(f"An objection does not reach {name}: {why} (GDPR 21).")
        lines.append(f"Reads for {for_what} leave the customer out, from the next opening on.")
        lines.append(f"- {OBJECTION_NOTE}")
    facts = {
        "request": vars(request),
        "kind": "lifted" if lift else kind,
        "purposes": done,
        "recipients": told,
    }
    return Told(facts, [*lines, *_to_be_told(told), *_closed(ws, request)])


def _of_purposes(act: Act) -> Act:
    act = click.option("--lift", is_flag=True, help="End it again.")(_asked(act))
    which = "Which; every one otherwise."
    return click.option("--purpose", "purposes", multiple=True, metavar="PURPOSE", help=which)(act)


@command(subject)
@_of_purposes
def restrict(ws: Workspace, **asked: Any) -> Told:
    """Leave a customer out of every read from now on; the rows stay."""
    return _bar(ws, "restricted", **asked)


@command(subject, "object")
@_of_purposes
def object_(ws: Workspace, **asked: Any) -> Told:
    """Record a customer's objection: reads for these purposes leave them out from now on."""
    return _bar(ws, "objected", **asked)


@command(subject)
@of_customer
@click.option(
    "--kind",
    required=True,
    metavar="KIND",
    help="access, portability, correction, erasure, restriction, objection.",
)
@with_law
@with_received
def register(ws: Workspace, id_: str, kind: str, **asked: Any) -> Told:
    """Register a request that is answered later."""
    made = ws.office.open_request(kind, id_, **asked)
    return Told(made, [f"{made.id} is registered; it is due on {made.due} ({made.law})."])


@command(subject)
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
def requests(ws: Workspace, everything: bool) -> Told:
    """List the requests that are open, with their deadlines: registered here, or in the table."""
    today = ws.now().date()
    known = [*ws.office.requests(), *ws.office.requests_of_table()]
    found = [each for each in known if everything or each.closed is None]
    none = "No request is on record." if everything else "No request is open."
    facts = [{**vars(each), "days_left": each.days_left(today)} for each in found]
    return Told(facts, [_standing(each, today) for each in found] or [none])


def _standing(each: Request, today: dt.date) -> str:
    from workbench.lifecycle.rights.requests import IN_TABLE

    left = each.days_left(today)
    state = f"overdue by {_days(-left)}" if left < 0 else f"{_days(left)} left"
    state = f"closed {each.closed}" if each.closed else state
    more = ", extended" if each.extended else ""
    check = "" if each.verified_by else ", identity not checked"
    check = check if each.mark else f", of table {IN_TABLE}"
    return (
        f"{each.id}  {each.kind:12} {each.law}  received {each.received}, due {each.due}{more}: "
        f"{state}{check}"
    )


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


@command(subject)
@click.argument("request", metavar="REQUEST")
@click.option("--told", type=DAY, required=True, help="When the person was told.")
@click.option("--reason", required=True, help="Why it takes longer.")
def extend(ws: Workspace, request: str, told: dt.date, reason: str) -> Told:
    """Extend a request by two months, the person having been told within the first."""
    made = ws.office.extend_request(request, told_on=told, reason=reason)
    return Told(made, [f"{made.id} is due on {made.due} now."])


@command(subject)
@click.argument("request", metavar="REQUEST")
@click.option("--outcome", required=True, help="How it ended, such as 'refused: not theirs'.")
def close(ws: Workspace, request: str, outcome: str) -> Told:
    """Close a request that was answered in another way, or refused."""
    made = ws.office.close_request(request, outcome)
    return Told(made, [f"{made.id} is closed."])
