"""What the tables know of one customer: by what they are known, and what they agreed to."""

from __future__ import annotations

from workbench.errors import InputError
from workbench.lifecycle.office import Office
from workbench.store.engine import in_lake
from workbench.store.marks import marked_sql


def identifiers(office: Office, *marks: str) -> set[str]:
    """Return customers' keys and direct identifiers, as text; nothing when no table knows them.

    Those that were corrected since are among them: an older line may still hold them.
    """
    store = office.store
    found = {
        value
        for each in store.corrections.all()
        if each.mark in marks and each.table in office.subject_tables
        for column, value in each.before.items()
        if value and _direct(office, each.table, column)
    }
    connection = store.connect()
    try:
        store.attach(connection, store.latest_snapshot())
        store.marks.prepare(connection, marks)
        loaded = store.tables(connection)
        for name, key in office.subject_tables.items():
            if name not in loaded:
                continue
            direct = [c for c in office.catalog.tables[name].columns if _direct(office, name, c)]
            theirs = store.marks.look_up(connection, name, key)
            texts = ", ".join(f'CAST("{column}" AS VARCHAR)' for column in direct)
            rows = connection.execute(
                f'SELECT DISTINCT {texts} FROM lake."{name}" WHERE {theirs}'
            ).fetchall()
            found |= {value for row in rows for value in row if value}
        for name, columns in store.kept_aside(connection).items():
            if "subject" in columns:  # lines of theirs that never became rows
                theirs = store.marks.look_up(connection, name, "subject")
                rows = connection.execute(
                    f"SELECT DISTINCT subject FROM {in_lake(name)} WHERE {theirs}"
                ).fetchall()
                found |= {row[0] for row in rows}
        return found
    finally:
        connection.close()


def _direct(office: Office, table: str, column: str) -> bool:
    declared = office.catalog.tables[table].columns.get(column)
    return declared is not None and declared.role in ("subject key", "direct identifier")


def consents_of(office: Office, mark: str) -> list[str]:
    """Return the purposes a customer has agreed to and not taken back."""
    source = office.catalog.consents
    key = office.subject_tables.get(source.table) if source else None
    if source is None or key is None:
        return []
    connection = office.store.connect()
    try:
        office.store.attach(connection, office.store.latest_snapshot())
        office.store.marks.prepare(connection, [mark])
        rows = connection.execute(
            f'SELECT DISTINCT "{source.purpose}"::VARCHAR FROM lake."{source.table}" '
            f'WHERE {marked_sql(key)} AND "{source.withdrawn}" IS NULL ORDER BY 1'
        ).fetchall()
        return [row[0] for row in rows if row[0]]
    finally:
        connection.close()


def unknown_subject(office: Office) -> InputError:
    """Return the error for a key no table knows; it does not repeat the key."""
    tables = ", ".join(office.subject_tables)
    return InputError(
        f"no table holds anything of this customer ({tables}). Check the "
        f"'{office.catalog.privacy.key}' for a slip; nothing was changed."
    )
