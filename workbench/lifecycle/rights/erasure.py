"""Erasure: a customer's rows leave every table, file, snapshot, trace and future restore.

The order makes it safe to be cut off anywhere. First the mark that says "erased" is written for
good; from then on no load and no restore brings the customer back. Then the rows of everybody who
is marked are taken away, so that running again, for whichever customer, finishes what was begun.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Unpack

from workbench.lifecycle.backups.archive import remove_leftovers
from workbench.lifecycle.holds import require_no_hold
from workbench.lifecycle.kept_aside import LINES, SOURCES, naming, renamed, unclear_lines
from workbench.lifecycle.office import Office
from workbench.lifecycle.rights import traces
from workbench.lifecycle.rights.customers import (
    Known,
    consents_of,
    known_by,
    recipients,
    unknown_subject,
)
from workbench.lifecycle.rights.requests import Asked, Served, serve
from workbench.lifecycle.rights.traces import SHORTEST
from workbench.store import Connection, Tell, quiet
from workbench.store.durable import file_lock, remove_file
from workbench.store.rewriting import Cut, take_away, unfinished


@dataclass(frozen=True)
class Erasure:
    """What an erasure did.

    Attributes
    ----------
    at : datetime
        When the customer was erased first.
    already : bool
        Whether that was before.
    rows : mapping of table to int
        Rows taken away now.
    cleared : int
        Notebooks and logs whose outputs were cleared.
    found_in : tuple of str
        Files of the private folder and tables of the store that still hold a value; should be none.
    outside : tuple of str
        Files outside workbench's care that hold one: somebody has to see to them.
    notes : tuple of str
        What stays, and why.
    recipients : tuple of str
        Who may have received something of theirs, and must be told (GDPR 19).
    """

    at: dt.datetime
    already: bool
    rows: Mapping[str, int] = field(default_factory=dict)
    cleared: int = 0
    found_in: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()


def notes(office: Office, mark: str, fitted: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what an erasure or an objection does not undo, and what ends with it.

    Parameters
    ----------
    fitted : sequence of str
        What an officer approved that was fitted on raw rows.
    """
    consents = consents_of(office, mark)
    named = f" Approved by an officer: {'; '.join(sorted(set(fitted)))}." if fitted else ""
    return (
        *([f"Consents that end with it: {', '.join(consents)}."] if consents else []),
        "Answers in the ledger and published pages stay: they are differentially private and say "
        "nothing of one customer.",
        "What was fitted on raw rows (scores, segments, models) has learned from them: fit it "
        f"again when it is due, or now if it could be asked about one person.{named}",
        "Source files and copies handed to others are outside: have them corrected. The next load "
        "leaves the customer out in any case.",
    )


def erase(
    office: Office,
    subject: str,
    *,
    request: str | None = None,
    fitted: Sequence[str] = (),
    progress: Tell = quiet,
) -> Erasure:
    """Erase one customer; running it again finishes what was cut off.

    Parameters
    ----------
    request : str, optional
        The request it answers.
    fitted : sequence of str
        What an officer approved that was fitted on raw rows, to be named.

    Raises
    ------
    InputError
        No table holds anything of this customer.
    Refused
        A legal hold keeps rows of theirs; nothing was erased.
    Busy
        A report is being rendered, whose notebook might show them.
    """
    mark = office.mark(subject)
    office.events.require_clock(office.now)
    with file_lock(office.private / "run.lock", busy=_busy):
        remove_leftovers(office.private)
        erased = office.store.marks.erased().get(mark)
        done = office.events.acts("erased", subject=mark)
        known, told = known_by(office, mark), notes(office, mark, fitted)
        if erased and done and not known and not unfinished(office.store):
            return Erasure(dt.datetime.fromisoformat(erased), True, notes=told)
        if not erased:
            if not known:
                raise unknown_subject(office)
            require_no_hold(office.events, list(office.subject_tables), mark)
            office.store.marks.add("erased", mark, at=office.now)
        office.mirror_marks()
        key = office.key(subject)
        known = [*known, Known(key, key, True)]
        rows = take_erased(office, progress, known)
        progress("clearing notebooks and logs")
        cleared = traces.clear(office.private)
        progress("searching what is left")
        values = {each.text for each in known if each.identifies}
        made_again = [office.private / name for name in ("runs", "ipython", "tmp")]
        for path in traces.search(made_again, values):
            if path.suffix != ".ipynb":  # what somebody wrote into a notebook, they must see to
                with suppress(FileNotFoundError):  # retention has just taken it away
                    remove_file(path)
                cleared += 1
        found = _left_in_store(office, known) + [
            str(path)
            for path in traces.search([office.private], values, leave=[office.store.folder])
        ]
        outside = traces.search(
            [office.settings.path(name) for name in ("notebooks", "reports", "published")], values
        )
        body = {"rows": rows, "cleared": cleared, "found_in": len(found), "request": request}
        office.note("erased", body, mark=mark)
        at = office.now if erased is None else dt.datetime.fromisoformat(erased)
        left = (tuple(found), tuple(map(str, outside)))
        return Erasure(at, False, rows, cleared, *left, told, recipients(office, rows))


def take_erased(
    office: Office, progress: Tell = quiet, known: Collection[Known] = ()
) -> dict[str, int]:
    """Take away the rows of everybody who was ever erased; return how many, by table.

    Parameters
    ----------
    known : collection of Known
        Texts by which lines that never became rows are known to be theirs, besides marks.
    """
    if office.store.corrections.forget(office.store.marks.erased()):
        office.mirror_marks()
    return take_away(
        office.store,
        office.catalog,
        lambda connection: _cuts(office, connection, known),
        message="erasure",
        today=office.now.date(),
        progress=progress,
    )


def _cuts(office: Office, connection: Connection, known: Collection[Known] = ()) -> Iterator[Cut]:
    """Yield the rows of everybody erased, and what is kept aside of loads: lines, pairs."""
    store = office.store
    store.marks.prepare(connection, store.marks.erased())
    loaded = store.tables(connection)
    for name, key in office.subject_tables.items():
        if name in loaded:
            yield Cut(name, store.marks.look_up(connection, name, key))
    for name, columns in store.kept_aside(connection).items():
        theirs = [column for column in ("subject", "other") if column in columns]
        parts = [store.marks.look_up(connection, name, column) for column in theirs]
        if name == SOURCES:
            yield renamed(known)
        if name == LINES:
            parts.append(naming(office, connection, known))
        if parts:
            yield Cut(name, " OR ".join(parts))


def _left_in_store(office: Office, known: Collection[Known]) -> list[str]:
    """Return where the newest snapshot still names a customer, in words: others' texts, lines."""
    store, found = office.store, []
    texts = {each.text for each in known if each.alone and len(each.text.encode()) > SHORTEST}
    with office.reading() as connection:
        for name in sorted(store.tables(connection) & set(office.catalog.tables)):
            declared = office.catalog.tables[name].columns.items()
            # why these: whatever else a column holds is declared, or a number, or a day
            free = [c for c, each in declared if each.type == "text" and each.domain is None]
            if rows := traces.rows_holding(connection, f'lake."{name}"', texts, free):
                found.append(f"{rows:,} rows of table {name} that are others'")
        unclear = unclear_lines(office, connection, known)
        return found + [
            f"{rows:,} lines of {name} that were kept aside and may be of somebody else of that "
            f"name: see ws.quarantine('{name}')"
            for name, rows in unclear.items()
        ]


def still_findable(office: Office) -> dict[str, int]:
    """Return rows of erased customers that are still there, by table and snapshot; none expected.

    Every snapshot that is left is opened and searched by the marks of everybody erased.
    """
    store, found = office.store, {}
    if not store.marks.erased() or not store.exists:
        return {}
    for path in sorted(store.folder.glob("snapshots/*.ducklake")):
        with store.reading(int(path.stem)) as connection:
            for cut in _cuts(office, connection):
                if rows := cut.counted(connection)[0]:
                    found[f"{cut.table} in snapshot {path.stem}"] = rows
    return found


def _busy(holder: str) -> str:
    return (
        f"a report is being rendered ({holder}) and its notebook might show this customer. Wait "
        "until it is done; nothing was erased."
    )


def erase_subject(
    office: Office, subject: str, *, progress: Tell = quiet, **asked: Unpack[Asked]
) -> Served[Erasure]:
    """Erase a customer from tables, files, snapshots, notebooks and future restores."""

    def act(of: Office, _: str, name: str) -> Erasure:
        return erase(of, subject, request=name, fitted=of.fitted(), progress=progress)

    return serve(office, "erasure", subject, act, **asked)
