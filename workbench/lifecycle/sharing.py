"""Data for others: private tables that are paid for, or a minimised pseudonymised extract.

Every hand-over is a line of the share register: to whom, where, for what, under which terms, until
when, by which mechanism, how many people at most. An extract of rows is the exception: the purpose
must declare ``share_extracts``, direct identifiers never leave, customers get pseudonyms of this
share alone, and how well people hide is measured before anything is written: at least k people have
the same combinations of quasi-identifiers over all their rows, every sensitive column has at least
l values among them, and none is further than t from everybody's where a t is agreed. Two extracts
cannot be joined by pseudonym, but by columns that both hold: another one of the same table for the
same recipient is marked with those that have not expired.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Required, TypedDict

from workbench.catalog import Catalog, ExtractTerms
from workbench.documents import cell
from workbench.errors import AccessRefused, InputError, QuestionRefused, StorageError, require_known
from workbench.lifecycle.register import Register, told_of
from workbench.store.durable import new_file

if TYPE_CHECKING:
    import ibis
    import pandas as pd

    from workbench.store.quality.reidentification import Reidentification


class Deal(TypedDict, total=False):
    """What was agreed with a recipient, as it is typed; see `Terms`."""

    recipient: Required[str]
    country: Required[str]
    purpose: Required[str]
    terms: Required[str]
    expires: Required[dt.date]
    mechanism: str


@dataclass(frozen=True)
class Terms:
    """What a recipient is bound to.

    Attributes
    ----------
    recipient, country, purpose, terms : str
        Who, where, for which declared purpose, under which written terms.
    expires : date
        When it has to be deleted.
    mechanism : str
        Of a transfer abroad: ``standard contract``, ``certification``, …; empty within the country.
    people : int
        Most people an extract may hold, as agreed; 0 for private tables, which tell of nobody.
    """

    recipient: str
    country: str
    purpose: str
    terms: str
    expires: dt.date
    mechanism: str = ""
    people: int = 0

    def require(self, catalog: Catalog, today: dt.date) -> None:
        """Refuse terms that are not complete, or a purpose that expired.

        Raises
        ------
        InputError
            Recipient, country or terms are missing, or they expired.
        AccessRefused
            The purpose expired.
        """
        needed = ("recipient", "country", "terms")
        missing = [name for name in needed if not vars(self)[name].strip()]
        if missing:
            raise InputError(
                f"a share names its {', '.join(missing)}: who gets it, where, under which terms. "
                "Nothing was handed over."
            )
        if self.expires <= today:
            raise InputError(
                f"these terms expired on {self.expires}; today is {today}. Agree on a later day. "
                "Nothing was handed over."
            )
        catalog.purpose(self.purpose, today)


@dataclass(frozen=True)
class Share:
    """One hand-over as it is on record.

    Attributes
    ----------
    id, kind : str
        ``SH-2026-001``; ``tables`` or ``extract``.
    at : datetime
    terms : mapping
    people_at_most : int
        People agreed for an extract; 0 for private tables, which tell of nobody.
    k, l, t : int, int and float, or None
        What was agreed of an extract: least people of a group, least values of a sensitive column
        within one, most distance of a group's values from everybody's.
    measured : mapping
        How well people hide in fact: ``smallest_group``, and l and t by ``sensitive`` column.
        Counted in customers' rows: for the office, not for a page.
    files : tuple of str
    releases : tuple of str
    table : str or None
        What an extract is of.
    joinable_with : tuple of str
        Extracts of the same table that the recipient held already and could join by equal columns.
    """

    id: str
    kind: str
    at: dt.datetime
    terms: Mapping[str, Any]
    people_at_most: int
    k: int | None
    files: tuple[str, ...]
    releases: tuple[str, ...]
    table: str | None = None
    joinable_with: tuple[str, ...] = ()
    l: int | None = None  # noqa: E741  # why: the letter the field calls it by
    t: float | None = None
    measured: Mapping[str, Any] = field(default_factory=dict)


def shares(register: Register) -> tuple[Share, ...]:
    """Return every share on record, oldest first."""
    firsts = (events[0] for events in register.items().values())
    return tuple(
        told_of(Share, first.body, kind=first.kind.removeprefix("share "), at=first.at)
        for first in firsts
    )


def joinable(register: Register, table: str, recipient: str, today: dt.date) -> tuple[str, ...]:
    """Return the extracts of a table that a recipient may still hold."""
    named = recipient.strip().casefold()
    return tuple(
        each.id
        for each in shares(register)
        if each.kind == "extract"
        and each.table == table
        and each.terms["recipient"].strip().casefold() == named
        and dt.date.fromisoformat(each.terms["expires"]) >= today
    )


def write_tables(
    register: Register,
    terms: Terms,
    tables: Mapping[str, tuple[pd.DataFrame, Mapping[str, Any]]],
    out: Path,
    *,
    now: dt.datetime,
) -> str:
    """Write private tables and what they mean; record the share; return its id.

    Parameters
    ----------
    tables : mapping of release id to (frame, facts)
        Facts say what was asked, what it cost, its notes.
    out : Path
        A folder that is not there or empty.
    """
    files = [f"{_file(facts['name'], release)}.csv" for release, (_, facts) in tables.items()]
    facts = [
        {"file": file, "release": release, **about}
        for file, (release, (_, about)) in zip(files, tables.items(), strict=True)
    ]
    frames = dict(zip(files, (frame for frame, _ in tables.values()), strict=True))
    told = {"k": None, "releases": list(tables)}
    return _hand_over(register, "tables", terms, frames, told, facts, out, now)


@dataclass(frozen=True)
class Extract:
    """Rows that may leave: minimised, pseudonymised, and how well people hide among them."""

    frame: pd.DataFrame
    table: str
    columns: tuple[str, ...]
    key: str
    terms: ExtractTerms
    hiding: Reidentification


def extract(
    source: ibis.Table,
    catalog: Catalog,
    table: str,
    columns: Sequence[str],
    agreed: Terms,
    terms: ExtractTerms,
) -> Extract:
    """Return the rows of some columns, or refuse.

    Parameters
    ----------
    source : ibis.Table
        What the purpose opened: consenting customers, under its pseudonyms.
    columns : sequence of str
        Columns to hand over; the customer's pseudonym comes with them.
    agreed : Terms
        For which purpose, and how many people at most.
    terms : ExtractTerms
        How well people have to hide, by `workbench.store.quality.reidentification.agreed`.

    Raises
    ------
    AccessRefused
        The purpose does not allow extracts, or the table is no table about customers.
    QuestionRefused
        A column identifies directly, or people do not hide as agreed.
    InputError
        No column is asked for, or it is not said how many people are agreed on.
    """
    import hmac
    import secrets

    import ibis

    from workbench.store.quality.reidentification import reidentification, require_hidden

    declared, purpose, people = catalog.table(table), agreed.purpose, agreed.people
    if not catalog.purposes[purpose].share_extracts or declared.subject_key is None:
        raise AccessRefused(
            f"purpose '{purpose}' does not allow extracts of '{table}' to be handed over. Share "
            "private tables instead ('workbench office share … --release ID'), or declare "
            "'share_extracts: true' on the purpose after its impact assessment."
        )
    if not columns:
        raise InputError(f"say with --columns what of '{table}' is handed over; nothing was.")
    if people < 1:
        raise InputError("say with --people how many people the agreement allows at most.")
    key = declared.subject_key
    readable = catalog.columns_for(table, purpose)
    require_known(f"column of '{table}' for purpose '{purpose}'", readable, *columns)
    direct = [n for n in columns if readable[n].role in ("direct identifier", "subject key")]
    if direct:
        raise QuestionRefused(
            f"{', '.join(direct)} of '{table}' identifies customers directly and never leaves; a "
            "pseudonym of this share comes in its place. Nothing was handed over."
        )
    roles = ("quasi-identifier", "protected")
    quasi = tuple(name for name in columns if readable[name].role in roles)
    # why: rows of nobody would leave without hiding among anybody
    leaving = source.filter(source[key].notnull())[[key, *columns]]
    frame = leaving.execute()
    found = int(frame[key].nunique())
    if found > people:
        raise QuestionRefused(
            f"'{table}' would hand over more people than the {people:,} agreed. Agree on more, or "
            "ask for fewer. Nothing was handed over."
        )
    sensitive = [
        name for name in columns if readable[name].sensitivity == "sensitive" and name not in quasi
    ]
    hiding = reidentification(
        source.get_backend().con,
        f"({ibis.to_sql(leaving, dialect='duckdb')})",
        person=key,
        quasi_identifiers=quasi,
        sensitive=sensitive,
    )
    require_hidden(hiding, terms)
    secret = secrets.token_bytes(32)  # of this share: pseudonyms of two cannot be joined
    frame[key] = [
        hmac.new(secret, str(value).encode(), "sha256").hexdigest()[:32] for value in frame[key]
    ]
    frame = frame.sort_values([key, *columns]).reset_index(drop=True)
    return Extract(frame, table, tuple(columns), key, terms, hiding)


def write_extract(
    register: Register, terms: Terms, made: Extract, out: Path, *, now: dt.datetime
) -> str:
    """Write an extract and what binds its reader; record the share; return its id."""
    from workbench.store.quality.reidentification import measured

    file = f"{made.table}.csv"
    hiding = {**made.terms.model_dump(), "measured": measured(made.hiding)}
    both = {**hiding, "table": made.table, "columns": made.columns, "rows": len(made.frame)}
    older = joinable(register, made.table, terms.recipient, now.date())
    told = {**both, "releases": [], "joinable_with": older}
    about = {
        "file": file,
        **both,
        "pseudonym": made.key,
        "quasi_identifiers": made.hiding.quasi_identifiers,
        "still_personal_data": "pseudonymised, not anonymous: handle as personal data",
    }
    return _hand_over(register, "extract", terms, {file: made.frame}, told, about, out, now)


def _hand_over(
    register: Register,
    kind: str,
    terms: Terms,
    frames: Mapping[str, pd.DataFrame],
    told: Mapping[str, Any],
    about: Any,
    out: Path,
    now: dt.datetime,
) -> str:
    """Record a share and what is told of it, then write files and what they mean; return its id."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already and not empty. Name a new folder.")
    # why people as agreed: what is counted in customers' rows is not for the summary
    body = {"terms": vars(terms), "people_at_most": terms.people, **told}
    body["files"] = [*frames, "metadata.json"]
    name = register.begin(f"share {kind}", body, now=now)
    _write(out, frames)
    content = {"share": name, "made": now.isoformat(), "terms": vars(terms), kind: about}
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
    with new_file(out / "metadata.json") as file:
        file.write(text + "\n")
    return name


def _file(name: str, release: str) -> str:
    plain = "".join(char if char.isalnum() or char in "-_" else "-" for char in name)
    return f"{plain}-{release}"


def _write(out: Path, frames: Mapping[str, pd.DataFrame]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        out.chmod(0o700)  # it may have been there, empty
        for name, frame in frames.items():
            with new_file(out / name) as file:
                told = frame.map(cell).rename(columns=cell)
                told.to_csv(file, index=False, quoting=csv.QUOTE_MINIMAL)
    except OSError as problem:
        raise StorageError(
            f"{out} cannot be written: {problem.strerror}. The share is on record; make room and "
            "share again."
        ) from None
