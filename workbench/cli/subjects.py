"""Commands about the rights of customers: what is held, corrected, erased, restricted, objected."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from workbench.cli.common import as_json_too, in_workspace, opened, print_json, steps

if TYPE_CHECKING:
    from workbench.lifecycle.requests import Request
    from workbench.workspace import Workspace

Command = TypeVar("Command", bound=Callable[..., Any])
_DAY = click.DateTime(["%Y-%m-%d"])


def _typed(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Return the customer's key; from standard input where it is given as a dash."""
    return sys.stdin.readline().strip() if value == "-" else value


def _day(
    _context: click.Context, _parameter: click.Parameter, value: dt.datetime | None
) -> dt.date | None:
    return value.date() if value else None


def _request_options(command: Command) -> Command:
    """Add the options of a request to a command."""
    options = (
        click.option("--verified-by", default="", help="How the person's identity was checked."),
        click.option("--law", metavar="LAW", help="GDPR or PIPL; the earlier deadline otherwise."),
        click.option(
            "--received", type=_DAY, callback=_day, help="When the request came; today otherwise."
        ),
        click.option("--request", metavar="REQUEST", help="A registered request, such as R-0001."),
        in_workspace,
        as_json_too,
    )
    for option in reversed(options):
        command = option(command)
    return command


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    from workbench.errors import InputError

    found = {}
    for text in texts:
        place, equals, value = text.partition("=")
        if not equals:
            raise InputError("write table.column=value, with the equals sign.")
        found[place] = value
    return found


def _tell(ws: Workspace, request: Request) -> None:
    late = "" if request.on_time(request.closed or request.due) else ", which was late"
    click.echo(f"{request.id} is closed; it was due on {request.due}{late}.")
    # why told: one that was registered before is overdue one day, though it is answered
    for each in ws.requests():
        if each.closed is None and (each.kind, each.mark) == (request.kind, request.mark):
            click.echo(
                f"{each.id}, {each.kind} of the same customer, is still open and due on "
                f"{each.due}: if it is answered by this, 'workbench subject close {each.id} "
                "--outcome …'."
            )


@click.group()
def subject() -> None:
    """Answer a customer's request; ID is the customer's key, and is written down nowhere."""


@subject.command()
@click.argument("id_", metavar="ID", callback=_typed)
@click.option("--out", type=click.Path(path_type=Path), help="Write it as a letter: a new file.")
@click.option("--language", default="en", metavar="LANGUAGE", help="Of the letter: en or zh.")
@click.option("--contact", default="", help="Whom to ask, for the letter.")
@_request_options
def access(
    id_: str, out: Path | None, language: str, contact: str, workspace: str | None, as_json: bool,
    **asked: Any,
) -> None:  # fmt: skip
    """Show what is held of a customer, for what, from where, for whom and how long: no values."""
    from workbench.lifecycle.letters import letter, require_place, write_letter

    ws = opened(workspace)
    target = require_place(ws.office, out) if out else None
    if target:
        letter(ws.office, [], language)  # a slip in the language, before the request is answered
    request, found = ws.subject_held(id_, **asked)
    if target:
        write_letter(target, letter(ws.office, found, language, contact))
        click.echo(f"The letter is {target}. Read it over before it goes out.", err=True)
    if as_json:
        print_json({"request": vars(request), "held": [each.told() for each in found]})
        return
    from workbench.lifecycle.kept_aside import USE

    for each in found:
        click.echo(f"{each.table}: {each.rows:,} rows ({each.title}), from {each.source}")
        click.echo(f"  columns: {', '.join(each.columns)}")
        click.echo(f"  kept {each.retention}; {each.owner} answers for it")
        for name, purpose in each.purposes.items():
            left = purpose.get("left out", "")
            now = f"; left out now: {' and '.join(left.split())}" if left else ""
            click.echo(
                f"  for {name} ({purpose['basis']}), received by {purpose['recipients']}{now}"
            )
        if each.corrections:
            click.echo(f"  {each.corrections:,} corrections are kept, with the value before")
        for line in each.kept_aside:
            click.echo(
                f"  kept aside, {USE}: line {line.line} of {line.file or 'a file'} ({line.reasons})"
            )
        if each.unclear:
            click.echo(
                f"  {each.unclear:,} more lines are kept aside that hold one of their identifiers "
                "and no customer's key: look at them with "
                f"ws.quarantine('{each.table}', purpose=…) and decide whose they are"
            )
    _tell(ws, request)


@subject.command()
@click.argument("id_", metavar="ID", callback=_typed)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A new folder, mode 0700."
)
@_request_options
def export(id_: str, out: Path, workspace: str | None, as_json: bool, **asked: Any) -> None:
    """Write everything held of a customer as JSON and CSV, in plain text, for the customer."""
    ws = opened(workspace)
    request, rows = ws.export_subject(id_, out, **asked)
    if as_json:
        print_json({"request": vars(request), "out": str(out), "rows": rows})
        return
    aside, formulas = rows.pop("kept-aside", 0), rows.pop("formula-cells", 0)
    more = f", and {aside:,} lines that were kept aside," if aside else ""
    click.echo(f"{sum(rows.values()):,} rows of {len(rows)} tables{more} in {out}, in plain text.")
    if formulas:
        click.echo(
            f"WARNING: {formulas:,} cells would be run as formulas by a spreadsheet. In the CSV "
            "files they are led by an apostrophe; subject.json has them as they are stored.",
            err=True,
        )
    click.echo("Hand it over by a safe way, and remove it here.")
    _tell(ws, request)


@subject.command()
@click.argument("id_", metavar="ID", callback=_typed)
@click.option("--set", "changes", multiple=True, required=True, metavar="TABLE.COLUMN=VALUE",
              help="The right value; may be given several times.")  # fmt: skip
@click.option("--where", multiple=True, metavar="TABLE.COLUMN=VALUE",
              help="Which row is meant, where there are several.")  # fmt: skip
@_request_options
def correct(
    id_: str,
    changes: tuple[str, ...],
    where: tuple[str, ...],
    workspace: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Correct values of a customer."""
    from workbench.lifecycle.obligations import recipients
    from workbench.lifecycle.subjects import held

    ws, wanted, chosen = opened(workspace), _pairs(changes), _pairs(where)
    request, rows = ws.correct_subject(id_, wanted, chosen, **asked)
    office = ws.office
    told = recipients(office, [table for table, changed in rows.items() if changed])
    if as_json:
        print_json({"request": vars(request), "rows": rows, "recipients": told})
        return
    done = [place for place in wanted if rows[place.partition(".")[0]]]
    if done:
        click.echo(f"Corrected: {', '.join(done)}.")
        click.echo("Where a load or a restore brings the old value back, it is corrected again.")
        click.echo("Correct the source too: another value that it brings is taken for newer.")
    else:
        click.echo(f"Nothing to correct: {', '.join(wanted)} stood there already.")
    lines = sum(len(each.kept_aside) for each in held(office, office.mark(id_)))
    if lines:
        click.echo(f"{lines:,} lines of theirs that were kept aside stay as they came in.")
    _to_be_told(told)
    _tell(ws, request)


@subject.command()
@click.argument("id_", metavar="ID", callback=_typed)
@click.option("--yes", is_flag=True, help="Do not ask: what the law obliges to keep was weighed.")
@_request_options
def erase(id_: str, yes: bool, workspace: str | None, as_json: bool, **asked: Any) -> None:
    """Erase a customer from tables, files, snapshots, notebooks and future restores."""
    ws = opened(workspace)
    _weigh(ws, id_, yes, as_json)
    with steps(as_json) as tell:
        request, done = ws.erase_subject(id_, progress=tell, **asked)
    if as_json:
        print_json({"request": vars(request), "erasure": vars(done)})
        return
    if done.already:
        click.echo(f"The customer was erased on {done.at:%Y-%m-%d}; nothing is left.")
    else:
        for table, rows in done.rows.items():
            click.echo(f"{table:24} {rows:,} rows erased")
        click.echo(f"{done.cleared} notebooks and logs cleared of their outputs.")
    for path in done.found_in:
        click.echo(f"STILL THERE: {path}", err=True)
    for path in done.outside:
        click.echo(f"Outside of workbench's care, and holds the customer: {path}", err=True)
    for note in done.notes:
        click.echo(f"- {note}")
    _to_be_told(done.recipients)
    _tell(ws, request)


def _to_be_told(recipients: tuple[str, ...]) -> None:
    """Name who must be told of a correction, an erasure or a restriction, and of its end."""
    if recipients:
        click.echo("Tell who received something of theirs, unless that is impossible (GDPR 19):")
    for each in recipients:
        click.echo(f"- {each}")


def _weigh(ws: Workspace, id_: str, yes: bool, as_json: bool) -> None:
    """Show what the law may oblige to keep of a customer, and ask unless that was weighed."""
    from workbench.lifecycle.obligations import obliged

    kept = obliged(ws.office, ws.office.mark(id_))
    if not kept:
        return
    for each in kept if not as_json else ():
        until = f"kept until {each.until}" if each.until else "with no end yet"
        click.echo(f"{each.table}: {each.rows:,} rows, {until}, for {'; '.join(each.purposes)}")
    if yes:
        return
    unasked = click.UsageError(
        f"what is kept of the customer in {', '.join(each.table for each in kept)} may be required "
        "by a legal obligation or a contract, and need not be erased then (GDPR 17(3)(b)). Say "
        "--yes where that was weighed, or leave the customer out of reads with 'workbench subject "
        "restrict'; nothing was erased."
    )
    if as_json:
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


def _barred(kind: Literal["restricted", "objected"], id_: str, purposes: tuple[str, ...],
            lift: bool, workspace: str | None, as_json: bool, asked: Any) -> None:  # fmt: skip
    from workbench.lifecycle.obligations import recipients
    from workbench.lifecycle.subjects import OBJECTION_NOTE, barred, beyond_objection, held

    ws = opened(workspace)
    request, done = ws.restrict_subject(id_, purposes, kind=kind, lift=lift, **asked)
    office, tables = ws.office, []
    if kind == "restricted":  # why no objection: the article does not name it
        tables = [each.table for each in held(office, office.mark(id_))]
    to_be_told = recipients(office, tables, None if done == ("*",) else done)
    if as_json:
        told = "lifted" if lift else kind
        print_json(
            {
                "request": vars(request),
                "kind": told,
                "purposes": done,
                "recipients": to_be_told,
            }
        )
        return
    for_what = "every purpose" if done == ("*",) else ", ".join(done)
    left = barred(ws.office, ws.office.mark(id_))
    if lift:
        click.echo(f"The {request.kind} is lifted for {for_what}.")
        asked_for = [name for name in ws.catalog.purposes if done == ("*",) or name in done]
        if read := [name for name in asked_for if name not in left]:
            again = "every purpose" if done == ("*",) and not left else ", ".join(read)
            click.echo(f"Reads for {again} include the customer again, from the next opening on.")
    else:
        if kind == "objected" and done == ("*",):
            beyond = beyond_objection(ws.office)
            for_what = ", ".join(name for name in ws.catalog.purposes if name not in beyond)
            for name, why in beyond.items():
                click.echo(f"An objection does not reach {name}: {why} (GDPR 21).")
        click.echo(f"Reads for {for_what} leave the customer out, from the next opening on.")
        click.echo(f"- {OBJECTION_NOTE}")
    for name in left if lift else ():
        click.echo(f"Reads for {name} still leave the customer out: {' and '.join(left[name])}.")
    _to_be_told(to_be_told)
    _tell(ws, request)


_purposes = click.option(
    "--purpose", "purposes", multiple=True, metavar="PURPOSE", help="Which; every one otherwise."
)
_lift = click.option("--lift", is_flag=True, help="End it again.")


@subject.command()
@click.argument("id_", metavar="ID", callback=_typed)
@_purposes
@_lift
@_request_options
def restrict(
    id_: str, purposes: tuple[str, ...], lift: bool, workspace: str | None, as_json: bool,
    **asked: Any,
) -> None:  # fmt: skip
    """Leave a customer out of every read from now on; the rows stay."""
    _barred("restricted", id_, purposes, lift, workspace, as_json, asked)


@subject.command(name="object")
@click.argument("id_", metavar="ID", callback=_typed)
@_purposes
@_lift
@_request_options
def object_(
    id_: str, purposes: tuple[str, ...], lift: bool, workspace: str | None, as_json: bool,
    **asked: Any,
) -> None:  # fmt: skip
    """Record a customer's objection: reads for these purposes leave them out from now on."""
    _barred("objected", id_, purposes, lift, workspace, as_json, asked)


@subject.command()
@click.argument("id_", metavar="ID", callback=_typed)
@click.option("--kind", required=True, metavar="KIND",
              help="access, portability, correction, erasure, restriction, objection.")  # fmt: skip
@click.option("--law", metavar="LAW", help="GDPR or PIPL; the earlier deadline otherwise.")
@click.option("--received", type=_DAY, help="When it came; today otherwise.")
@in_workspace
@as_json_too
def register(
    id_: str, kind: str, law: str | None, received: dt.datetime | None, workspace: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Register a request that is answered later."""
    came = received.date() if received else None
    made = opened(workspace).open_request(kind, id_, law=law, received=came)
    if as_json:
        print_json(vars(made))
    else:
        click.echo(f"{made.id} is registered; it is due on {made.due} ({made.law}).")


@subject.command()
@in_workspace
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@as_json_too
def requests(workspace: str | None, everything: bool, as_json: bool) -> None:
    """List the requests that are open, with their deadlines: registered here, or in the table."""
    from workbench.lifecycle.requests import IN_TABLE

    ws = opened(workspace)
    today = ws.now().date()
    known = [*ws.requests(), *ws.requests_of_table()]
    found = [each for each in known if everything or each.closed is None]
    if as_json:
        print_json([{**vars(each), "days_left": each.days_left(today)} for each in found])
        return
    for each in found:
        left = each.days_left(today)
        state = f"closed {each.closed}" if each.closed else (
            f"overdue by {_days(-left)}" if left < 0 else f"{_days(left)} left")  # fmt: skip
        more = ", extended" if each.extended else ""
        check = "" if each.verified_by else ", identity not checked"
        check = check if each.mark else f", of table {IN_TABLE}"
        click.echo(f"{each.id}  {each.kind:12} {each.law}  received {each.received}, due {each.due}"
                   f"{more}: {state}{check}")  # fmt: skip
    if not found:
        click.echo("No request is on record." if everything else "No request is open.")


@subject.command()
@click.argument("request", metavar="REQUEST")
@click.option("--told", type=_DAY, required=True, help="When the person was told.")
@click.option("--reason", required=True, help="Why it takes longer.")
@in_workspace
@as_json_too
def extend(
    request: str, told: dt.datetime, reason: str, workspace: str | None, as_json: bool
) -> None:
    """Extend a request by two months, the person having been told within the first."""
    made = opened(workspace).extend_request(request, told_on=told.date(), reason=reason)
    if as_json:
        print_json(vars(made))
    else:
        click.echo(f"{made.id} is due on {made.due} now.")


@subject.command(name="close")
@click.argument("request", metavar="REQUEST")
@click.option("--outcome", required=True, help="How it ended, such as 'refused: not theirs'.")
@in_workspace
@as_json_too
def close_(request: str, outcome: str, workspace: str | None, as_json: bool) -> None:
    """Close a request that was answered in another way, or refused."""
    made = opened(workspace).close_request(request, outcome)
    if as_json:
        print_json(vars(made))
    else:
        click.echo(f"{made.id} is closed.")


COMMANDS = [subject]
