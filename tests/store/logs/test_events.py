"""The audit log: written before anything is handed out, refusals included."""

import datetime as dt
import os
import pwd

import pytest

from workbench.errors import AccessRefused, StorageError, UnknownName
from workbench.store.logs.events import Events

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)


@pytest.mark.parametrize("name", ["LOGNAME", "USER", "LNAME", "USERNAME", "JUPYTERHUB_USER"])
def test_an_event_names_who_and_when_and_the_environment_has_no_say(tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "somebody-else")
    Events(tmp_path).record("open", {"table": "t", "purpose": "p"}, now=NOW)
    (entry,) = Events(tmp_path).entries("open", subject="t")
    assert entry.body == {"table": "t", "purpose": "p", "who": pwd.getpwuid(os.getuid()).pw_name}
    assert entry.at == NOW


def test_opening_is_recorded_before_the_table_is_there(shop):
    table = shop.open("transactions", "reporting")
    (entry,) = shop.events.entries("open")
    assert entry.body["columns"] == list(table.columns)
    assert (entry.body["table"], entry.body["purpose"]) == ("transactions", "reporting")
    assert entry.body["snapshot"] == shop.access.snapshot
    assert entry.at == shop.now()
    assert shop.events.verify() == 2  # it was loaded before


def test_a_load_is_recorded_with_its_snapshot_also_where_nothing_was_new(shop):
    assert shop.init() == {}
    first, again = shop.events.entries("load")
    assert first.body["tables"] == sorted(shop.catalog.tables)
    assert (again.body["tables"], again.body["snapshot"]) == ([], first.body["snapshot"])


@pytest.mark.parametrize(
    ("table", "purpose", "error", "message"),
    [
        ("transactions", "old-partner", AccessRefused, "expired on 2025-12-31"),
        ("customers", "reporting", AccessRefused, "may not read table 'customers'"),
        ("transaction", "reporting", UnknownName, "Did you mean 'transactions'"),
        ("transactions", "report", UnknownName, "Did you mean 'reporting'"),
    ],
)
def test_a_refusal_is_recorded_before_it_is_told(shop, table, purpose, error, message):
    with pytest.raises(error, match=message):
        shop.open(table, purpose)
    _, entry = shop.events.entries()
    assert entry.kind == "refused"
    known = {*shop.catalog.tables, *shop.catalog.purposes}
    asked = tuple(each if each in known else "(not declared)" for each in (table, purpose))
    assert (entry.body["table"], entry.body["purpose"]) == asked
    assert entry.body["why"] == error.__name__


def test_without_an_audit_row_nothing_is_opened(shop):
    (shop.private / "audit.sqlite").write_bytes(b"garbage" * 1000)
    with pytest.raises(StorageError, match=r"audit.sqlite is not a readable log"):
        shop.open("transactions", "reporting")


def test_the_log_says_nothing_of_customers(shop):
    shop.open("transactions", "reporting").head(3).execute()
    content = (shop.private / "audit.sqlite").read_bytes()
    assert b"K-0000" not in content
    assert shop.store.master_key.hex().encode() not in content
