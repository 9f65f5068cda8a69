"""What the law obliges to keep of a customer, and who must be told that they were erased.

GDPR 17(3)(b): erasure does not reach what a legal obligation requires to be processed; what a
contract still needs is needed for its purpose (17(1)(a)). Which rows that is, a person decides:
they are shown what is read on such a basis, and for how long it would be kept.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from workbench.lifecycle.law import add_months
from workbench.lifecycle.office import Office
from workbench.lifecycle.sharing import shares
from workbench.store.quality.rules import literal

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
