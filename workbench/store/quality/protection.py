"""Whether protection is in force: files encrypted, identifiers classified, none undeclared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.catalog import Catalog
from workbench.store.engine import Store
from workbench.store.lake_files import ENCRYPTED, META
from workbench.store.quality.result import Check, Hint

if TYPE_CHECKING:
    import duckdb

_ABOUT_PEOPLE = ("subject key", "direct identifier", "quasi-identifier", "protected")
_ENOUGH = ("personal", "sensitive")


def checks(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    catalog: Catalog,
    name: str,
    looks: Sequence[Hint],
) -> Iterator[Check]:
    """Yield the security checks of one table."""
    files, plain = encrypted_files(connection, store, name)
    why = "" if files else "no data file"
    yield Check(name, None, "security", "encrypted files", files, plain, why=why)
    for column, declared in catalog.tables[name].columns.items():
        if declared.role in _ABOUT_PEOPLE:
            low = int(declared.sensitivity not in _ENOUGH)
            why = f"a {declared.role} is declared '{declared.sensitivity}'" if low else ""
            yield Check(name, column, "security", "classified", 1, low, why=why)
    for hint in looks:
        why = f"holds what looks like {hint.looks_like}; declare it or take it out"
        yield Check(
            name, hint.column, "security", f"undeclared {hint.looks_like}",
            hint.rows, hint.found, why=why,
        )  # fmt: skip  # why: the three parts in three lines


def encrypted_files(
    connection: duckdb.DuckDBPyConnection, store: Store, name: str
) -> tuple[int, int]:
    """Return how many data files a table has, and how many of them are not encrypted.

    A file counts as encrypted when the catalog holds its key and the file itself begins as an
    encrypted one does.
    """
    rows = connection.execute(
        f"""
        SELECT files.path, files.path_is_relative, tables.path, schemas.path,
            files.encryption_key IS NOT NULL AND files.encryption_key <> ''
        FROM {META}.ducklake_data_file files
        JOIN {META}.ducklake_table tables USING (table_id)
        JOIN {META}.ducklake_schema schemas USING (schema_id)
        WHERE tables.table_name = ? AND schemas.schema_name = 'main'
            AND tables.end_snapshot IS NULL AND files.end_snapshot IS NULL
        """,
        [name],
    ).fetchall()
    plain = 0
    for path, relative, folder, schema, keyed in rows:
        file = store.folder / "data" / schema / folder / path if relative else Path(path)
        plain += not (keyed and _begins_encrypted(file))
    return len(rows), plain


def _begins_encrypted(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == ENCRYPTED
