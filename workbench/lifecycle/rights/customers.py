"""What is known of one customer: by which texts, what they agreed to, what law obliges to keep.

GDPR 17(3)(b): erasure does not reach what a legal obligation requires to be processed; what a
contract still needs is needed for its purpose (17(1)(a)). Which rows that is, a person decides:
they are shown what is read on such a basis, and for how long it would be kept.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from workbench.errors import InputError
from workbench.lifecycle.law import add_months
from workbench.lifecycle.office import Office
from workbench.lifecycle.rights.spellings import folded_sql
from workbench.lifecycle.sharing import shares
from workbench.periods import local
from workbench.store import Connection
from workbench.store.keys.marks import marked_sql
from workbench.store.lake_files import in_lake
from workbench.store.quality.rules import literal
from workbench.store.reading.roles import agreeing_sql


@dataclass(frozen=True)
class Known:
    """A text by which a line that never became a row is known to be a customer's.

    Attributes
    ----------
    who : str
        The customer's key.
    text : str
    alone : bool
        Whether nobody else has it, so that it says by itself whose a line is. A name that several
        bear, or a day of birth, says it beside another text of the same customer only.
    identifies : bool
        Whether it is a key or a direct identifier.
    """

    who: str
    text: str
    alone: bool
    identifies: bool = True


def known_by(office: Office, *marks: str) -> list[Known]:
    """Return the texts customers are known by; nothing when no table knows them.

    Those that were corrected since are among them: an older line may still hold them.
    """
    store, names = office.store, office.subject_tables
    direct: set[tuple[str, str]] = set()
    beside: set[tuple[str, str]] = set()
    for each in store.corrections.all():
        if each.mark in marks and each.table in names:
            for column, value in each.before.items():
                if value and _direct(office, each.table, column):
                    direct.add((each.subject, value))
    with office.reading(*marks) as connection:
        loaded, theirs = store.tables(connection), {}
        for name, key in names.items():
            if name not in loaded:
                continue
            columns = office.catalog.tables[name].columns
            theirs[name] = store.marks.look_up(connection, name, key)
            for column in columns:
                found = direct if _direct(office, name, column) else beside
                if found is direct or _tells(office, name, column):
                    rows = connection.execute(
                        f'SELECT DISTINCT CAST("{key}" AS VARCHAR), CAST("{column}" AS VARCHAR) '
                        f'FROM lake."{name}" WHERE {theirs[name]}'
                    ).fetchall()
                    found |= {(who, text) for who, text in rows if text}
        for name, kept in store.kept_aside(connection).items():
            if "subject" in kept:  # lines of theirs that never became rows
                mine = store.marks.look_up(connection, name, "subject")
                rows = connection.execute(
                    f"SELECT DISTINCT subject FROM {in_lake(name)} WHERE {mine}"
                ).fetchall()
                direct |= {(row[0], row[0]) for row in rows}
        shared = _of_others(office, connection, theirs, {text for _, text in direct})
    return [
        *(Known(who, text, text not in shared) for who, text in sorted(direct)),
        *(Known(who, text, False, False) for who, text in sorted(beside - direct)),
    ]


def _of_others(
    office: Office, connection: Connection, theirs: Mapping[str, str], texts: Collection[str]
) -> set[str]:
    """Return which texts are a direct identifier of somebody else as well, however spelled."""
    found: set[str] = set()
    asked = ", ".join(f"({literal(text)})" for text in sorted(texts)) or "('')"
    for name, condition in theirs.items():
        for column in office.catalog.tables[name].columns:
            # why not keys: that a key is somebody's phone number too says nothing of whose it is
            if office.catalog.tables[name].columns[column].role == "direct identifier":
                folded = folded_sql(f'CAST("{column}" AS VARCHAR)')
                rows = connection.execute(
                    f"SELECT text FROM (VALUES {asked}) AS t(text) WHERE {folded_sql('text')} IN "
                    f'(SELECT {folded} FROM lake."{name}" WHERE NOT {condition})'
                ).fetchall()
                found |= {row[0] for row in rows}
    return found


def identifiers(office: Office, *marks: str) -> set[str]:
    """Return customers' keys and direct identifiers, as text; nothing when no table knows them."""
    return {each.text for each in known_by(office, *marks) if each.identifies}


def _direct(office: Office, table: str, column: str) -> bool:
    declared = office.catalog.tables[table].columns.get(column)
    return declared is not None and declared.role in ("subject key", "direct identifier")


def _tells(office: Office, table: str, column: str) -> bool:
    """Whether a column's values tell two people of one name apart, such as a day of birth."""
    declared = office.catalog.tables[table].columns[column]
    return (
        declared.role == "quasi-identifier"
        and declared.type in ("date", "text")
        and declared.domain is None
    )


def consents_of(office: Office, mark: str) -> list[str]:
    """Return the purposes a customer has agreed to and not taken back."""
    source = office.catalog.consents
    key = office.subject_tables.get(source.table) if source else None
    if source is None or key is None:
        return []
    with office.reading(mark) as connection:
        agreeing = agreeing_sql(office.catalog, source, local(office.now, office.settings.zone))
        rows = connection.execute(
            f"SELECT purpose FROM ({agreeing}) WHERE {marked_sql('person')} ORDER BY 1"
        ).fetchall()
        return [row[0] for row in rows if row[0]]


def unknown_subject(office: Office) -> InputError:
    """Return the error for a key no table knows; it does not repeat the key."""
    tables = ", ".join(office.subject_tables)
    return InputError(
        f"no table holds anything of this customer ({tables}). Check the "
        f"'{office.catalog.privacy.key}' for a slip; nothing was changed."
    )


_OBLIGING = ("legal obligation", "contract")


@dataclass(frozen=True)
class Obligation:
    """Rows of a customer that a legal obligation or a contract may require.

    Attributes
    ----------
    table : str
    rows : int
    purposes : tuple of str
        Which, with title and basis.
    until : date or None
        When their time ends; None where it has not begun, or no column says when.
    """

    table: str
    rows: int
    purposes: tuple[str, ...]
    until: dt.date | None


def obliged(office: Office, mark: str) -> list[Obligation]:
    """Return what of a customer's rows is still within its time, on an obliging basis."""
    store, catalog, found = office.store, office.catalog, []
    today = office.now.date()
    with office.reading(mark) as connection:
        loaded = store.tables(connection)
        for name, key in office.subject_tables.items():
            kept = catalog.tables[name].retention
            purposes = tuple(
                f"{purpose} ({declared.title}; {declared.basis})"
                for purpose, declared in catalog.purposes.items()
                if declared.basis in _OBLIGING
                and declared.expires >= today
                and set(catalog.columns_for(name, purpose)) - {key}
            )
            if name not in loaded or not purposes:
                continue
            theirs = store.marks.look_up(connection, name, key)
            measured = kept.after in catalog.tables[name].columns
            begun = f'CAST("{kept.after}" AS DATE)' if measured else "NULL::DATE"
            past = f"coalesce({begun} + INTERVAL {kept.months} MONTH < {literal(today)}, false)"
            row = connection.execute(
                f'SELECT count(*), max({begun}), count({begun}) FROM lake."{name}" '
                f"WHERE {theirs} AND NOT {past}"
            ).fetchone()
            if row and row[0]:
                until = None
                if row[0] == row[2]:
                    until = add_months(dt.datetime.combine(row[1], dt.time()), kept.months).date()
                found.append(Obligation(name, int(row[0]), purposes, until))
        return found


def recipients(
    office: Office, tables: Collection[str], purposes: Collection[str] | None = None
) -> tuple[str, ...]:
    """Return who may have received something of a customer's rows in some tables (GDPR 19).

    ``purposes``: only for these; for every one when None.
    """
    catalog = office.catalog
    inside = {
        f"{declared.audience} (for {purpose})"
        for purpose, declared in catalog.purposes.items()
        if purposes is None or purpose in purposes
        for name in tables
        if name in catalog.tables
        and set(catalog.columns_for(name, purpose)) - {catalog.tables[name].subject_key}
    }
    handed = {
        f"{each.terms['recipient']} (extract {each.id} of {each.table})"
        for each in shares(office.shares)
        if each.kind == "extract"
        and each.table in tables
        and (purposes is None or each.terms["purpose"] in purposes)
    }
    return (*sorted(handed), *sorted(inside))
