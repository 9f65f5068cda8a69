"""Open a table for a purpose: its columns, its consenting customers, its pseudonyms, audited.

Each purpose is a schema of views. The analyst's views carry pseudonyms; the release engine's views
have the same names and carry the key itself, so that a question built on the one runs on the
other without hashing every row.
"""

from __future__ import annotations

import datetime as dt
import hmac
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench.catalog import Catalog
from workbench.errors import AccessRefused, StoreMissing, WorkbenchError
from workbench.periods import local
from workbench.settings import Role
from workbench.store import THEN, Connection
from workbench.store.engine import Store
from workbench.store.keys.marks import KEYS, marked_sql, pseudonym_sql, set_pseudonym_key
from workbench.store.keys.master import derive
from workbench.store.lake_files import losses_told
from workbench.store.logs.events import Events
from workbench.store.quality.rules import literal, number
from workbench.store.reading.identifying import columns_there, find_identifiers
from workbench.store.reading.roles import Held, account, agreeing_sql, recorded_sql, require_role
from workbench.store.reading.watching import watched
from workbench.store.versions import DataVersions, changes_of, chosen_snapshot, columns_then, ended

if TYPE_CHECKING:
    import ibis

_BARRED = "memory._barred"  # customers whose rows a purpose may not read, one table a view
BULK_ROWS = 10_000
NOT_DECLARED = "(not declared)"


class Access:
    """Purpose-bound reading of one snapshot.

    Parameters
    ----------
    snapshot : int, optional
        The newest when left out.
    roles : mapping of str to Role
        Who may read for which purposes; without any, whoever may read the files may.
    bulk_rows : int
        A read of more rows is recorded as a bulk read.
    clock : callable
        Tells when such a read was.
    zone : tzinfo
        Where days begin, and in which moments stand in tables.
    """

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        events: Events,
        snapshot: int | None = None,
        *,
        roles: Mapping[str, Role] | None = None,
        bulk_rows: int = BULK_ROWS,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        zone: dt.tzinfo = dt.UTC,
    ) -> None:
        self._store, self._catalog, self._events = store, catalog, events
        self._roles, self._bulk_rows, self._clock = roles or {}, bulk_rows, clock
        self._zone = zone
        self.snapshot = store.latest_snapshot() if snapshot is None else snapshot
        self._connection = self._attached()
        # why: a join filter pushed down shows the smallest and largest key in a query plan
        self._connection.execute("SET disabled_optimizers = 'join_filter_pushdown'")
        changes = changes_of(self._connection)
        self.versions = DataVersions(changes)
        self.as_of = {change.table: change.as_of for change in changes}
        self._backend: ibis.BaseBackend | None = None
        self._lakes: dict[str, int] = {}
        self._held: dict[tuple[str, int], int] = {}

    def open(
        self,
        table: str,
        purpose: str,
        *,
        now: dt.datetime,
        snapshot: int | None = None,
        as_of: dt.date | str | None = None,
        rows_at_most: int | None = None,
    ) -> ibis.Table:
        """Return the lazy table a purpose may read, after writing an audit row.

        Of an older snapshot it has the rows of then, of customers who may be read now. What is
        handed out of it is recorded with its rows; ``rows_at_most`` is what the caller takes of it,
        all it holds when left out.

        Raises
        ------
        UnknownName
            No such table or purpose.
        AccessRefused
            The purpose expired, or may read nothing of this table.
        InputError, StoreMissing
            There is no such snapshot, or it has ended; it has no such table.
        """
        asked = snapshot if isinstance(snapshot, int) else self.snapshot
        event = {**self._named(table, purpose), "snapshot": asked}
        with self._refusals_recorded(event, now):
            role = self._allowed(purpose)
            then = chosen_snapshot(self._store, snapshot, as_of, self._zone)
            event["snapshot"] = self.snapshot if then is None else then
            columns = self._columns_then(table, purpose, then)
            sql = self.view_sql(table, purpose, now, pseudonyms=True, columns=columns, then=then)
        if role is not None:
            event |= {"role": role.name, "vouched_by": role.vouched_by}
        held = self.held([table], then, rows_at_most)
        self._events.record("open", {**event, "columns": columns, "held": held}, now=now)
        set_pseudonym_key(self._connection, purpose, self._store.master_key)
        sql += self._unbarred(self._connection, table, purpose, then)
        # why a schema of its own: a question asked of it must not be answered from the newest rows
        schema = _schema(purpose, then)
        define_view(self._connection, schema, table, sql)
        if self._backend is None:
            self._backend = watched(
                self._connection, self._bulk_rows, self._handed_out, self._ended
            )
        return self._backend.table(table, database=schema)

    def admitted(self, table: str, purpose: str, *, now: dt.datetime) -> list[str]:
        """Return the columns a purpose may read of a table; a refusal is recorded.

        Raises
        ------
        UnknownName, AccessRefused
            As for `open`.
        """
        with self._refusals_recorded(self._named(table, purpose), now):
            self._allowed(purpose)
            self.view_sql(table, purpose, now, pseudonyms=True)
        return self._readable(table, purpose)

    def held(
        self, tables: Iterable[str], then: int | None = None, at_most: int | None = None
    ) -> list[tuple[str, int, int]]:
        """Return (table, snapshot, rows at most) of what a read of some tables can hand out."""
        snapshot, found = self.snapshot if then is None else then, []
        for table in tables:
            if (table, snapshot) not in self._held:
                sql = f'SELECT count(*) FROM {self._lake(then)}."{table}"'
                there = table in self.as_of
                self._held[table, snapshot] = number(self._connection, sql) if there else 0
            rows = self._held[table, snapshot]
            found.append((table, snapshot, rows if at_most is None else min(rows, at_most)))
        return found

    def _named(self, table: str, purpose: str) -> dict[str, str]:
        """Return what the log, which nobody can erase, says was asked for: declared names alone."""
        tables, purposes = self._catalog.tables, self._catalog.purposes
        return {
            "table": table if table in tables else NOT_DECLARED,
            "purpose": purpose if purpose in purposes else NOT_DECLARED,
        }

    def pseudonym(self, key: str, purpose: str) -> str:
        """Return whom a purpose knows a customer as, as its views have it."""
        secret = derive(self._store.master_key, f"purpose:{purpose}")
        return hmac.new(secret, key.encode(), "sha256").hexdigest()

    def _lake(self, snapshot: int | None) -> str:
        """Return the name an analyst's engine knows a snapshot by; attach it when it is new."""
        if snapshot is None or snapshot == self.snapshot:
            return "lake"
        name = f"lake_{snapshot}"
        if name not in self._lakes:
            self._store.attach(self._connection, snapshot, name)
            self._lakes[name] = snapshot
        return name

    def _columns_then(self, table: str, purpose: str, then: int | None) -> list[str]:
        """Return the columns a purpose may read of a table, as far as it had them in a snapshot."""
        columns = self._readable(table, purpose)
        if then is None or not columns:
            return columns
        there = columns_then(self._connection, self._lake(then), table, then)
        return [column for column in columns if column in there]

    def require_role(self, purpose: str, *, now: dt.datetime) -> None:
        """Refuse a purpose that no role of this user's allows, before anything is paid for.

        Raises
        ------
        AccessRefused
            None does; that is recorded.
        """
        with self._refusals_recorded({"purpose": purpose}, now):
            self._allowed(purpose)

    @contextmanager
    def _refusals_recorded(self, event: Mapping[str, object], now: dt.datetime) -> Iterator[None]:
        try:
            yield
        except WorkbenchError as refusal:
            self._events.record("refused", {**event, "why": type(refusal).__name__}, now=now)
            raise

    def _allowed(self, purpose: str) -> Held | None:
        """Return the role that allows a purpose; None where no roles are declared."""
        if not self._roles or purpose not in self._catalog.purposes:
            return None
        return require_role(self._roles, purpose, account(), os.environ)

    def _handed_out(self, rows: int, sources: list[tuple[str, str]], bulk: bool) -> None:
        """Record a read with its rows, before they are handed out."""
        tables, purposes = (sorted({each[i] for each in sources}) for i in (0, 1))
        parts = [each.partition(THEN) for each in purposes]
        opened = [(table, schema.partition(THEN)[2]) for table, schema in sources]
        event = {
            "table": ", ".join(tables),
            "purpose": ", ".join(sorted({purpose for purpose, _, _ in parts})),
            "rows": rows,
            "held": [
                each
                for table, number in dict.fromkeys(opened)
                for each in self.held([table], int(number) if number else None)
            ],
        }
        if older := sorted({int(number) for *_, number in parts if number}):
            event["snapshots"] = older
        self._events.record("bulk read" if bulk else "read", event, now=self._clock())

    def _ended(self) -> StoreMissing | None:
        """Return the error of a read of a snapshot that has ended; None where none has."""
        there = {self.snapshot, *self._lakes.values()} <= set(self._store.published())
        return None if there else StoreMissing(ended("the snapshot this table was opened on"))

    def release_connection(self, tables: list[tuple[str, str]], now: dt.datetime) -> Connection:
        """Return a fresh engine whose views carry the key itself: for bounded aggregates only."""
        connection = self._attached()
        # why: this rewrite makes row_number() <= k nine times slower, and wrong on NULL order keys
        connection.execute("SET disabled_optimizers = 'top_n_window_elimination'")
        # sums do not depend on the order of rows, and keeping it costs time
        connection.execute("SET preserve_insertion_order = false")
        secret = derive(self._store.master_key, "truncation").hex()
        connection.execute("SET VARIABLE truncation = ?", [secret])
        for table, purpose in tables:
            sql = self.view_sql(table, purpose, now, pseudonyms=False)
            sql += self._unbarred(connection, table, purpose)
            define_view(connection, purpose, table, sql)
        return connection

    def _unbarred(
        self, connection: Connection, table: str, purpose: str, then: int | None = None
    ) -> str:
        """Return the condition that leaves out customers who restricted or objected; often none.

        Their marks are looked up once, here, for a mark of every row would cost a hash of each.
        Of an older snapshot it leaves out whoever was erased since, too.
        """
        key = self._catalog.table(table).subject_key
        reached = self._catalog.purposes[purpose].beyond_objection is None
        barred = set(self._store.marks.barred(purpose, reached=reached)) if key else set()
        if then is not None and key is not None:
            barred |= set(self._store.marks.erased())
        if not barred:
            return ""
        lake = self._lake(then)
        name = f'{_BARRED}."{_schema(purpose, then)}.{table}"'
        self._store.marks.prepare(connection, barred)
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_BARRED}")
        connection.execute(
            f'CREATE OR REPLACE TABLE {name} AS SELECT "{key}" FROM '
            f'(SELECT DISTINCT "{key}" FROM {lake}."{table}") WHERE {marked_sql(str(key))}'
        )
        joint = "AND" if self._catalog.purposes[purpose].consent is not None else "WHERE"
        return f' {joint} coalesce("{key}" NOT IN (SELECT "{key}" FROM {name}), true)'

    def put_labels(
        self, connection: Connection, name: str, of: tuple[str, str, str], codes: Mapping[str, int]
    ) -> None:
        """Give a release engine a table of codes, by the key of customers known by pseudonym.

        ``of`` says where they are, and under whose pseudonyms: a table, a purpose, a key.
        """
        import pandas as pd

        table, purpose, key = of
        set_pseudonym_key(connection, purpose, self._store.master_key)
        frame = pd.DataFrame({"pseudonym": list(codes), "code": list(codes.values())})
        connection.register("labels_given", frame)
        connection.execute(
            f'CREATE TEMP TABLE "{name}" AS SELECT own AS "{key}", code::BIGINT AS code FROM ('
            f'SELECT "{key}" AS own, {pseudonym_sql(key, purpose)} FROM (SELECT DISTINCT "{key}" '
            f'FROM memory."{purpose}"."{table}") AS people, {KEYS}."{purpose}") AS named '
            f'JOIN labels_given ON named."{key}" = labels_given.pseudonym'
        )
        connection.unregister("labels_given")

    def find_identifiers(self, candidates: set[str]) -> list[tuple[str, str, str]]:
        """Return (table, column, text) of texts that are somebody's key or direct identifier.

        They come in the forms of `workbench.store.reading.identifying`.

        Raises
        ------
        StoreMissing
            A data file is gone or damaged, or the snapshot has ended.
        """
        with self._store.again(self._connection) as connection, losses_told(self._ended):
            there = columns_there(connection)
            columns = [
                (table, column, self._catalog.tables[table].columns[column].role == "subject key")
                for table, column in self._catalog.identifiers()
                if (table, column) in there  # the catalog may declare what is loaded later
            ]
            return find_identifiers(connection, columns, candidates)

    def view_sql(
        self,
        table: str,
        purpose: str,
        now: dt.datetime,
        *,
        pseudonyms: bool,
        columns: list[str] | None = None,
        then: int | None = None,
    ) -> str:
        """Return the SELECT of what ``purpose`` may read of ``table``.

        Parameters
        ----------
        columns : list of str, optional
            Those the table has; all the purpose may read when left out.
        then : int, optional
            The older snapshot that is read.
        """
        declared = self._catalog.table(table)
        granted = self._catalog.purpose(purpose, local(now, self._zone).date())
        if columns is None:
            columns = self._readable(table, purpose)
        if not columns:
            readable = [name for name in self._catalog.tables if self._readable(name, purpose)]
            raise AccessRefused(
                f"purpose '{purpose}' may not read table '{table}'. "
                f"It may read: {', '.join(readable) or 'nothing'}. A purpose is granted in the "
                "catalog, on the table or its columns."
            )
        key = declared.subject_key
        chosen = [] if key is None else [pseudonym_sql(key, purpose) if pseudonyms else f'"{key}"']
        chosen += [f'"{column}"' for column in columns if column != key]
        rows, source = f'{self._lake(then)}."{table}"', self._catalog.consents
        if source is not None and source.table == table and source.withdrawn in columns:
            rows = recorded_sql(self._catalog, source, self._lake(then))
        if declared.without_customer and not pseudonyms:
            # why: all of nobody's rows together would count as one customer
            rows = f'(SELECT * FROM {rows} WHERE "{key}" IS NOT NULL)'
        sql = f"SELECT {', '.join(chosen)} FROM {rows}"
        if key is not None and pseudonyms:
            sql += f', {KEYS}."{purpose}"'
        if granted.consent is not None and key is not None:
            # why the newest: who has withdrawn since does not agree, whatever stood there then or
            # when a kernel was started; an answer is of the data that its identity names
            lake = self._lake(self._store.latest_snapshot()) if pseudonyms else "lake"
            if self._catalog.consents is None:
                raise AccessRefused("consent is needed and the catalog declares no consents table.")
            there = local(now, self._zone)
            agreeing = agreeing_sql(self._catalog, self._catalog.consents, there, lake)
            purposes = f"purpose = {literal(granted.consent)}"
            sql += f' WHERE "{key}" IN (SELECT person FROM ({agreeing}) WHERE {purposes})'
        return sql

    def _readable(self, table: str, purpose: str) -> list[str]:
        """Return the columns a purpose may read; none where only the key would be left."""
        columns = list(self._catalog.columns_for(table, purpose))
        return [] if columns == [self._catalog.table(table).subject_key] else columns

    def _attached(self) -> Connection:
        connection = self._store.connect()
        self._store.attach(connection, self.snapshot)
        return connection

    def close(self) -> None:
        """Close the analyst's engine."""
        self._connection.close()


def _schema(purpose: str, then: int | None) -> str:
    """Return the name of a purpose's views: of the newest snapshot, or of an older one."""
    return purpose if then is None else f"{purpose}{THEN}{then}"


def define_view(connection: Connection, schema: str, name: str, sql: str) -> None:
    """Create or replace one purpose's view of a table."""
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS memory."{schema}"')
    connection.execute(f'CREATE OR REPLACE VIEW memory."{schema}"."{name}" AS {sql}')
