"""What is held of one customer, and for whom: shown, exported, corrected, restricted."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from workbench.documents import cell
from workbench.errors import InputError, Refused, StorageError, require_known
from workbench.lifecycle.kept_aside import KeptAside, lines_of, pairs_of, unclear_lines
from workbench.lifecycle.office import Office
from workbench.lifecycle.rights.customers import consents_of, known_by, unknown_subject
from workbench.lifecycle.rights.requests import Asked, Served, serve
from workbench.periods import local
from workbench.store.durable import new_file
from workbench.store.keys.marks import EVERY_PURPOSE, REACHED, Kind, marked_sql
from workbench.store.quality.rules import number

if TYPE_CHECKING:
    pass

FORMULA_CELLS = "formula-cells"
KEPT_ASIDE = "kept-aside"  # no table has such a name
OBJECTION_NOTE = (
    "Answers given before stay: they are differentially private and say nothing of one customer. "
    "What was fitted on raw rows has learned from them: fit it again."
)


@dataclass(frozen=True)
class HeldTable:
    """What one table holds of a customer, without the values.

    Attributes
    ----------
    table, title, kind, source, owner, retention : str
    rows : int
    columns : tuple of str
    purposes : mapping of purpose to (title, basis, recipients)
        For what it may be read, on which basis, and who receives what comes of it; one on the basis
        of consent only where the customer agrees. "left out" says why reads leave them out:
        restricted, objected, or the purpose has ended.
    kept_aside : tuple of KeptAside
        Lines of theirs that never became rows of it: held back from use, with file and reasons.
    corrections : int
        Corrections of theirs that are kept, so that older data does not bring the old value back.
    unclear : int
        Lines kept aside without a known customer's key that hold one of their identifiers.
    """

    table: str
    title: str
    kind: str
    source: str
    owner: str
    retention: str
    rows: int
    columns: tuple[str, ...]
    purposes: Mapping[str, Mapping[str, str]]
    kept_aside: tuple[KeptAside, ...] = ()
    unclear: int = 0
    corrections: int = 0

    def told(self) -> dict[str, Any]:
        """Return it for machines, without the values of lines that were kept aside."""
        return {**vars(self), "kept_aside": [line.told() for line in self.kept_aside]}


def held(office: Office, mark: str) -> list[HeldTable]:
    """Return what every table holds of a customer, for what, from where, for whom, how long.

    Lines of theirs that never became rows belong to it (`workbench.lifecycle.kept_aside`).

    Raises
    ------
    InputError
        No table holds anything of them.
    """
    found, known, keys = [], known_by(office, mark), office.subject_tables
    agreed, left_out = consents_of(office, mark), barred(office, mark)
    corrected = [each.table for each in office.store.corrections.all() if each.mark == mark]
    with office.reading(mark) as connection:
        loaded = office.store.tables(connection)
        aside = lines_of(office, connection)
        unclear = unclear_lines(office, connection, known)
        for name, key in keys.items():
            rows = 0
            if name in loaded:
                theirs = office.store.marks.look_up(connection, name, key)
                rows = number(connection, f'SELECT count(*) FROM lake."{name}" WHERE {theirs}')
            lines = tuple(line for line in aside if line.table == name)
            if rows or lines or name in unclear:
                found.append(
                    replace(
                        _described(office, name, rows, agreed, left_out),
                        kept_aside=lines,
                        unclear=unclear.get(name, 0),
                        corrections=corrected.count(name),
                    )
                )
    if not found:
        raise unknown_subject(office)
    return found


def _described(
    office: Office,
    name: str,
    rows: int,
    agreed: Collection[str],
    left_out: Mapping[str, Sequence[str]],
) -> HeldTable:
    catalog, table = office.catalog, office.catalog.tables[name]
    today = local(office.now, office.settings.zone).date()
    why = {
        purpose: [*left_out.get(purpose, ()), *(["ended"] if declared.expires < today else [])]
        for purpose, declared in catalog.purposes.items()
    }
    purposes = {
        purpose: {
            "title": declared.title,
            "basis": declared.basis,
            "recipients": declared.audience,
            "until": declared.expires.isoformat(),
            **({"left out": " ".join(why[purpose])} if why[purpose] else {}),
        }
        for purpose, declared in catalog.purposes.items()
        if set(catalog.columns_for(name, purpose)) - {table.subject_key}
        and (declared.consent is None or declared.consent in agreed)
    }
    kept = f"{table.retention.months} months after {table.retention.after}"
    about = (table.title, table.kind, table.source, table.owner, kept)
    return HeldTable(name, *about, rows, tuple(table.columns), purposes)


def export(office: Office, mark: str, out: Path) -> dict[str, int]:
    """Write everything held of a customer as JSON and CSV into a new folder; rows by table.

    With them, as `FORMULA_CELLS`, cells of the CSV files that a spreadsheet would run as formulas:
    these are led by an apostrophe there, and stand as they are in the JSON.

    What was kept aside of loads is there too, as `KEPT_ASIDE`, marked as held back from use.

    The files are plain text, mode 0600, and meant for the person: hand them over and remove them.

    Raises
    ------
    InputError
        The folder is there already, or lies inside the private or the published one, or inside a
        git work tree, from where it could be committed.
    """
    described = held(office, mark)
    target = office.apart(out)
    for folder in target.parents:
        if (folder / ".git").exists():
            raise InputError(
                f"{out} lies in the git work tree {folder}, and could be committed and pushed from "
                "there. Choose a place outside of it."
            )
    if target.exists():
        raise InputError(f"{out} is there already. Name a folder that is not.")
    snapshot = office.store.latest_snapshot()
    going = [(each.table, snapshot, each.rows) for each in described if each.rows]
    body = {"tables": ", ".join(table for table, *_ in going), "held": going, "mark": mark}
    office.events.record("subject exported", body, now=office.now)
    try:
        target.mkdir(parents=True, mode=0o700)
        tables: dict[str, Any] = {}
        led = 0
        with office.reading(mark) as connection:
            for each in described:
                if not each.rows:
                    continue
                key = office.subject_tables[each.table]
                columns = ", ".join(f'"{column}"' for column in each.columns)
                rows = connection.execute(
                    f'SELECT {columns} FROM lake."{each.table}" WHERE {marked_sql(key)} '
                    f"ORDER BY ALL"
                ).fetchall()
                led += _write_csv(target / f"{each.table}.csv", each.columns, rows)
                tables[each.table] = [
                    {c: _plain(v) for c, v in zip(each.columns, row, strict=True)} for row in rows
                ]
            doubles = pairs_of(office, connection)
        aside = [
            {"table": e.table, **e.told(), "row": e.row()} for t in described for e in t.kept_aside
        ]
        if aside:
            told = [{**each, "row": _text(each["row"])} for each in aside]
            values = [[*e.values()] for e in told]
            led += _write_csv(target / f"{KEPT_ASIDE}.csv", [*told[0]], values)
        content = {
            "title": office.catalog.title,
            "exported_on": office.now.date().isoformat(),
            "about": [each.told() for each in described],
            "data": tables,
            "kept_aside": aside,
            "possible_duplicates": doubles,
            "corrections": [
                {"table": e.table, "at": e.at, "before": e.before, "after": e.after}
                for e in office.store.corrections.all()
                if e.mark == mark
            ],
        }
        with new_file(target / "subject.json") as file:
            json.dump(content, file, ensure_ascii=False, indent=2)
    except OSError as problem:
        raise StorageError(f"{out} cannot be written: {problem.strerror}.") from None
    rows_of = {each.table: each.rows for each in described if each.rows}
    more = {KEPT_ASIDE: len(aside), FORMULA_CELLS: led}
    return rows_of | {name: count for name, count in more.items() if count}


def _text(row: Any) -> str:
    return row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
    """Write a table; return how many cells would have been taken for formulas."""
    plain = [[_plain(value) for value in row] for row in rows]
    safe = [[cell(value) for value in row] for row in plain]
    with new_file(path) as file:
        writer = csv.writer(file)
        writer.writerow([cell(each) for each in columns])
        writer.writerows(safe)
    return sum(a != b for one, other in zip(plain, safe, strict=True)
               for a, b in zip(one, other, strict=True))  # fmt: skip


def _plain(value: Any) -> Any:
    """Return a value as JSON and CSV have it; amounts and dates as text, exactly."""
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def barred(office: Office, mark: str) -> dict[str, list[str]]:
    """Return the purposes whose reads leave a customer out: restricted, objected, or both."""
    found = {}
    for name, purpose in office.catalog.purposes.items():
        reached = purpose.beyond_objection is None
        if why := office.store.marks.barred(name, reached=reached).get(mark):
            found[name] = sorted(why)
    return found


def bar(
    office: Office, kind: Kind, mark: str, purposes: Sequence[str], *, lift: bool = False
) -> tuple[str, ...]:
    """Restrict a customer's rows or record an objection: reads for these purposes leave them out.

    Parameters
    ----------
    kind : {"restricted", "objected"}
    lift : bool
        End it again; ending one does not end the other.
    purposes : sequence of str
        Names of purposes; none means every purpose, of an objection every one that it reaches.

    Raises
    ------
    UnknownName
        No such purpose.
    Refused
        The law lets nobody object to one of them.
    """
    held(office, mark)
    require_known("purpose", office.catalog.purposes, *purposes)
    beyond = beyond_objection(office)
    if kind == "objected" and (
        named := {each: beyond[each] for each in purposes if each in beyond}
    ):
        told = "; ".join(f"'{name}': {why}" for name, why in named.items())
        open_to = ", ".join(name for name in office.catalog.purposes if name not in beyond)
        raise Refused(
            f"an objection does not reach every purpose named ({told}; GDPR 21). It may be made to "
            f"{open_to or 'none of this catalog'}. While its accuracy or lawfulness is disputed, "
            "'workbench subject restrict' leaves the customer out; else close the request with "
            "this answer. Nothing was changed."
        )
    every = REACHED if kind == "objected" else EVERY_PURPOSE
    if lift:
        kind = "restriction lifted" if kind == "restricted" else "objection lifted"
    office.store.marks.add(kind, mark, at=office.now, purposes=tuple(purposes) or (every,))
    office.mirror_marks()  # why: a backup of before does not know of it
    return tuple(purposes) or (EVERY_PURPOSE,)


def beyond_objection(office: Office) -> dict[str, str]:
    """Return the purposes that an objection does not reach, and why."""
    purposes = office.catalog.purposes.items()
    return {name: each.beyond_objection for name, each in purposes if each.beyond_objection}


def subject_held(office: Office, subject: str, **asked: Unpack[Asked]) -> Served[list[HeldTable]]:
    """Serve a request of access: what every table holds, for what, from where, for whom.

    Parameters
    ----------
    subject : str
        The customer's key.
    **asked
        ``verified_by``: how the person's identity was checked, without which nothing is done.
        ``law``: whose deadline counts, the earliest of all when left out. ``received``: the
        day it came, today when left out. ``request``: one that is registered already.

    Returns
    -------
    (Request, list of HeldTable)
        The request, registered, answered and closed; and what is held.
    """
    return serve(office, "access", subject, lambda of, mark, _: held(of, mark), **asked)


def export_subject(
    office: Office, subject: str, out: str | Path, **asked: Unpack[Asked]
) -> Served[dict[str, int]]:
    """Write everything held of a customer as JSON and CSV into a new folder; rows by table.

    ``asked`` and the request returned are those of `subject_held`, here and below.
    """
    folder = Path(out)
    return serve(
        office, "portability", subject, lambda of, mark, _: export(of, mark, folder), **asked
    )


def restrict_subject(
    office: Office,
    subject: str,
    purposes: Sequence[str] = (),
    *,
    kind: Literal["restricted", "objected"] = "restricted",
    lift: bool = False,
    **asked: Unpack[Asked],
) -> Served[tuple[str, ...]]:
    """Leave a customer out of reads for some purposes, or for every one.

    Parameters
    ----------
    purposes : sequence of str
        None means every purpose; of an objection, every one that it reaches.
    lift : bool
        End it again, and not the other kind.
    """

    def act(of: Office, mark: str, _: str) -> tuple[str, ...]:
        return bar(of, kind, mark, purposes, lift=lift)

    what = "restriction" if kind == "restricted" else "objection"
    return serve(office, what, subject, act, **asked)
