"""Erase, then search: nothing is left in any byte, snapshot, load or restore."""

import datetime as dt
import gzip
import json
import shutil
from pathlib import Path

import duckdb
import pytest
from support.shop import make_shop

import workbench as wb
from workbench.errors import Busy, InputError, Refused, StoreMissing
from workbench.lifecycle.rights.erasure import still_findable
from workbench.store.durable import file_lock
from workbench.store.lake_files import in_lake
from workbench.store.rewriting import attach_plain

ERASED = [f"K-{number:06d}" for number in range(3, 153, 3)]


def again(shop):
    return wb.open_workspace(shop.settings.root, now=shop.now)


def values_of(subjects):
    numbers = [int(subject.removeprefix("K-")) for subject in subjects]
    names = [f"Given{n} Family{n}" for n in numbers]
    return [*subjects, *names, *(f"person{n}@example.org" for n in numbers)]


def notebook(shop, text):
    """Lay an executed notebook whose cell showed something into the private folder."""
    folder = shop.private / "runs" / "overview" / "2026-09"
    folder.mkdir(parents=True)
    shown = {"output_type": "stream", "name": "stdout", "text": [text]}
    cell = {"cell_type": "code", "source": ["1"], "metadata": {}, "outputs": [shown]}
    content = {"cells": [{**cell, "execution_count": 1}], "metadata": {}, "nbformat": 4}
    (folder / "overview.ipynb").write_text(json.dumps(content))
    (folder / "kernel.log").write_text(text)
    return folder / "overview.ipynb"


def opened_catalogs(shop):
    """Yield everything that stands in the lake's catalog and its copies, opened with the key."""
    store = shop.store
    for path in [store.catalog_path, *store.folder.glob("snapshots/*.ducklake")]:
        connection = store.connect()
        attach_plain(store, connection, path, "lake_catalog")
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake_catalog'"
        ).fetchall()
        for (table,) in tables:
            yield from connection.execute(f"SELECT * FROM lake_catalog.{table}").fetchall()
        connection.close()


def bytes_of(*folders):
    return b"".join(p.read_bytes() for f in folders for p in f.rglob("*") if p.is_file())


def test_of_erased_customers_nothing_is_found_in_any_byte_snapshot_or_restore(shop, tmp_path, size):
    erased = ERASED[:8] if size == "smoke" else ERASED
    before = shop.office.back_up(tmp_path / "before.backup")
    notebook(shop, ", ".join(values_of(erased[:2])))
    wanted, people = values_of(erased), len(erased)
    assert any(value.encode() in bytes_of(shop.private) for value in wanted)  # the control
    for subject in erased:
        assert again(shop).office.erase_subject(subject, verified_by="id card")[1].found_in == ()
    after = again(shop).office.back_up(tmp_path / "after.backup")

    restored = tmp_path / "restored"
    shutil.copytree(shop.settings.root, restored, ignore=shutil.ignore_patterns(".workbench"))
    shutil.copytree(shop.private, restored / ".workbench")
    there = wb.open_workspace(restored, now=shop.now)
    assert (
        sum(there.office.restore(before.file, over=True).erased_again.values())
        == people * 10 + people // 2
    )

    for ws in (again(shop), wb.open_workspace(restored, now=shop.now)):
        everything = bytes_of(ws.private)
        assert [value for value in wanted if value.encode() in everything] == []
        assert still_findable(ws.office) == {}
        assert ws.open("customers", "service").count().execute() == 600 - people
        assert ws.open("transactions", "reporting").count().execute() == 5400 - 9 * people
        told = {str(value) for row in opened_catalogs(ws) for value in row}
        assert told.isdisjoint(wanted)
        assert len(list(ws.store.folder.glob("snapshots/*"))) == 1
    for file in (before.file, after.file):
        content = Path(file).read_bytes()
        assert [value for value in wanted if value.encode() in content] == []


def test_a_later_load_leaves_the_erased_out(shop):
    again(shop).office.erase_subject("K-000004", verified_by="id card")
    path = shop.settings.path("source") / "customers.parquet"
    with duckdb.connect() as connection:  # the same people in another order: a changed file
        connection.execute(f"CREATE TABLE t AS SELECT * FROM '{path}' ORDER BY customer_id DESC")
        connection.execute(f"COPY t TO '{path}'")
    assert again(shop).init()["customers"] == 599
    assert still_findable(again(shop).office) == {}


def test_an_unchanged_source_is_not_loaded_again(shop):
    again(shop).office.erase_subject("K-000004", verified_by="id card")
    assert again(shop).init() == {}


def test_answers_of_months_that_did_not_change_stay_paid_for(shop):
    before = shop.access.versions
    path = shop.settings.path("source") / "transactions.parquet"
    with duckdb.connect() as connection:  # one customer has bought in March only
        connection.execute(f"CREATE TABLE t AS SELECT * FROM '{path}'")
        connection.execute("INSERT INTO t SELECT 'K-once', DATE '2026-03-09', 'north', 'food', "
                           "'n', 1, false")  # fmt: skip
        connection.execute(f"COPY t TO '{path}'")
    again(shop).init()
    with_once = again(shop).access.versions
    again(shop).office.erase_subject("K-once", verified_by="id card")
    after = again(shop).access.versions
    april, march = ["2026-04"], ["2026-03"]
    assert after.of("transactions", april) == with_once.of("transactions", april)
    assert after.of("transactions", march) != with_once.of("transactions", march)
    assert after.of("transactions", march) == before.of("transactions", march)
    assert after.of("consents") == with_once.of("consents")
    assert after.of("transactions") != with_once.of("transactions")


def test_notebooks_lose_their_outputs_and_keep_their_code(shop):
    path = notebook(shop, "anything at all")
    done = shop.office.erase_subject("K-000004", verified_by="id card")[1]
    cell = json.loads(path.read_text())["cells"][0]
    assert cell["outputs"] == []
    assert cell["execution_count"] is None
    assert cell["source"] == ["1"]
    assert path.with_name("kernel.log").read_bytes() == b""
    assert done.cleared == 2


def test_lines_kept_aside_of_loads_go_too(shop):
    """Bad lines by the customer's mark or by what stands in them, and pairs with them."""
    with shop.store.exclusive() as connection:
        connection.execute(
            """
            CREATE SCHEMA lake.intake;
            CREATE TABLE lake.intake.quarantine (table_name VARCHAR, subject VARCHAR,
                content VARCHAR);
            CREATE TABLE lake.intake.same_person (subject VARCHAR, other VARCHAR);
            INSERT INTO lake.intake.quarantine (subject, content) VALUES ('K-000004', 'a'),
                ('K-000005', 'b'), ('K-never', 'c'), (NULL, 'half;person4@example.org'),
                (NULL, 'another line'), (NULL, NULL);
            INSERT INTO lake.intake.same_person VALUES ('K-000004', 'K-000005'),
                ('K-000006', 'K-000004'), ('K-000006', 'K-000007');
            """
        )
        connection.execute("DETACH lake")
        shop.store.publish(shop.store.latest_snapshot() + 5)
    rows = again(shop).office.erase_subject("K-000004", verified_by="id card")[1].rows
    assert (rows["intake.quarantine"], rows["intake.same_person"]) == (2, 2)
    ws = again(shop)
    assert still_findable(ws.office) == {}
    connection = ws.store.connect()
    ws.store.attach(connection, ws.store.latest_snapshot())
    left = connection.execute("SELECT content FROM lake.intake.quarantine ORDER BY 1").fetchall()
    assert left == [("another line",), ("b",), ("c",), (None,)]
    connection.close()
    assert ws.office.erase_subject("K-never", verified_by="id card")[1].rows == {
        "intake.quarantine": 1
    }
    assert ws.office.back_up().rows == {
        "customers": 599,
        "transactions": 5391,
        "consents": 299,
        "incidents": 1,
    }


def test_what_ends_with_it_and_what_learned_from_it_is_noted(shop):
    shop.office.approve("segments of spring", "pilot", role="officer")
    told = " ".join(shop.office.erase_subject("K-000002", verified_by="id card")[1].notes)
    assert "Consents that end with it: marketing." in told
    assert "Approved by an officer: segments of spring." in told
    told = " ".join(shop.office.erase_subject("K-000001", verified_by="id card")[1].notes)
    assert "Consents" not in told


def test_who_has_the_old_snapshot_open_is_told(shop):
    table = shop.open("customers", "service")
    versions = shop.access.snapshot
    again(shop).office.erase_subject("K-000004", verified_by="id card")
    for read in (table.execute, table.to_pyarrow):
        with pytest.raises(StoreMissing, match="the snapshot this table was opened on has ended"):
            read()
    question = wb.query(shop.open("transactions", "reporting"), period="2026-03").customers()
    with pytest.raises(StoreMissing, match=f"snapshot {versions} has ended: rows were erased"):
        shop.release(question, name="n", epsilon=0.1)


def test_who_erases_goes_on_with_the_new_snapshot(shop):
    assert shop.open("customers", "service").count().execute() == 600
    shop.office.erase_subject("K-000004", verified_by="id card")
    assert shop.open("customers", "service").count().execute() == 599


def test_files_outside_workbenchs_care_are_named(shop):
    notebooks = shop.settings.path("notebooks")
    notebooks.mkdir()
    (notebooks / "mine.ipynb").write_text('{"cells": [{"outputs": ["person4@example.org"]}]}')
    (notebooks / "other.ipynb").write_text('{"cells": []}')
    assert shop.office.erase_subject("K-000004", verified_by="id card")[1].outside == (
        str(notebooks / "mine.ipynb"),
    )


def test_the_key_stands_in_no_log(shop):
    shop.office.erase_subject("K-000004", verified_by="id card")
    entries = shop.events.entries()
    assert {"erased"} <= {entry.kind for entry in entries}
    assert "K-000004" not in "".join(str(entry.body) for entry in entries)
    assert b"K-000004" not in bytes_of(shop.private)


def test_an_unknown_customer_is_refused_without_being_repeated(shop):
    with pytest.raises(InputError, match="no table holds anything of this customer") as caught:
        shop.office.erase_subject("K-nobody", verified_by="id card")
    assert "K-nobody" not in str(caught.value)
    assert shop.store.marks.all() == []


def test_an_empty_key_is_refused(shop):
    with pytest.raises(InputError, match="name a customer by their 'customer_id'"):
        shop.office.erase_subject("  ", verified_by="id card")


def test_who_is_erased_already_is_told_so(shop):
    first = shop.office.erase_subject("K-000004", verified_by="id card")[1]
    second = again(shop).office.erase_subject("K-000004", verified_by="id card")[1]
    assert (first.already, second.already) == (False, True)
    assert second.at == first.at
    assert second.rows == {}


def test_a_legal_hold_keeps_the_customer(shop):
    shop.office.hold("dispute 7", subject="K-000004")
    with pytest.raises(Refused, match=r"H-0001 since 2026-10-02 \(customers, .*\): dispute 7"):
        shop.office.erase_subject("K-000004", verified_by="id card")
    assert shop.store.marks.all() == []
    assert (
        again(shop).office.erase_subject("K-000005", verified_by="id card")[1].rows["customers"]
        == 1
    )
    shop.office.release_hold("H-0001", "settled")
    assert (
        again(shop).office.erase_subject("K-000004", verified_by="id card")[1].rows["customers"]
        == 1
    )


def test_a_report_that_is_being_rendered_is_waited_for(shop, monkeypatch):
    monkeypatch.setitem(file_lock.__wrapped__.__kwdefaults__, "wait_seconds", 0.1)
    with (
        file_lock(shop.private / "run.lock"),
        pytest.raises(Busy, match=r"a report is being rendered .* nothing was erased"),
    ):
        shop.office.erase_subject("K-000004", verified_by="id card")


def test_keys_that_are_numbers_are_known_by_their_number(tmp_path):
    folder = make_shop(tmp_path / "numbers", customers=30)
    catalog = (folder / "catalog.yaml").read_text()
    (folder / "catalog.yaml").write_text(
        catalog.replace("customer_id: {type: text", "customer_id: {type: integer")
    )
    data = folder / "data"
    with duckdb.connect() as connection:
        for name in ("customers", "transactions"):
            connection.execute(
                f"CREATE TABLE {name} AS SELECT * REPLACE (substr(customer_id, 3)::BIGINT AS "
                f"customer_id) FROM '{data}/{name}.parquet'; COPY {name} TO '{data}/{name}.parquet'"
            )
        text = (data / "consents.csv").read_text().replace("K-", "")
        (data / "consents.csv").write_text(text)
    ws = wb.open_workspace(folder)
    ws.init()
    assert ws.office.erase_subject(" 0007 ", verified_by="id card")[1].rows["customers"] == 1
    with pytest.raises(InputError, match="'customer_id' is a whole number"):
        ws.office.erase_subject("seven", verified_by="id card")


KINDS = ("customer_id", "full_name", "phone", "email", "born_on")
PEOPLE = 80
FILED = """\
version: 1
title: Clinic
privacy: {unit: customer, key: customer_id, delta: 1e-6, limits: {month: 2, year: 8, lifetime: 24}}
purposes:
  service: {title: Calls, basis: public task, audience: desk, expires: 2035-12-31}
tables:
  customers:
    kind: identity
    title: Customers
    owner: desk
    source: customers.csv
    subject_key: customer_id
    retention: {months: 84, after: opened_on}
    contribution: {cells: 1, rows: 1}
    purposes: [service]
    columns:
      customer_id: {type: text, role: subject key}
      full_name: {type: text, role: direct identifier, sensitivity: personal}
      phone: {type: text, role: direct identifier, sensitivity: personal}
      email: {type: text, role: direct identifier, sensitivity: personal}
      born_on: {type: date, role: quasi-identifier, sensitivity: personal}
      opened_on: {type: date}
"""


def person(number):
    """Return one customer's values: names of two and three signs, a day of birth of their own."""
    name = "".join(chr(0x4E00 + (811 * number + 97 * n) % 9000) for n in range(2 + number % 2))
    born = dt.date(1931, 1, 1) + dt.timedelta(days=307 * number)
    mail = f"{name}{number}@例子.中国" if number % 2 else f"a{number:03d}@example.org"
    return (f"C{7919 * number:07d}", name, f"138{91 * number:08d}", mail, str(born))


def clinic(folder):
    """Return a workspace of people who left their traces wherever traces are left."""
    (folder / "data").mkdir(parents=True)
    (folder / "workbench.toml").write_text("warm_kernel_minutes = 0\n")
    (folder / "catalog.yaml").write_text(FILED)
    everybody = [person(number) for number in range(PEOPLE)]
    heads = ",".join((*KINDS, "opened_on"))
    lines = [",".join((*each, "2026-01-05")) for each in everybody]
    (folder / "data" / "customers.csv").write_text("\n".join([heads, *lines, ""]))
    ws = wb.open_workspace(folder, now=lambda: dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC))
    ws.init()
    good = ",".join((*person(PEOPLE), "2026-01-05"))
    for encoding in ("utf-8", "gb18030", "utf-16"):
        # why twice: lines of the customer's key, and lines that came without one
        bad = [",".join((*each, f"soon {encoding}")) for each in everybody]
        bad += [",".join(("", *each[1:], f"soon {encoding}")) for each in everybody]
        path = folder.with_name(f"more-{encoding}.csv")
        path.write_text("\n".join([heads, *bad, good, ""]), encoding=encoding)
        ws.ingest("customers", path, encoding=encoding)
    for encoding in ("utf-8", "gb18030", "utf-16"):
        for place in ("runs/a/2026-09", "ipython/a", "tmp/spill"):
            left = ws.private / place
            left.mkdir(parents=True, exist_ok=True)
            text = "\n".join(lines).encode(encoding)
            (left / f"{encoding}.log").write_bytes(text)
            (left / f"{encoding}.gz").write_bytes(gzip.compress(text))
    return ws


def left_in(ws, values):
    """Return which values stand in any byte outside the encrypted store, or in what is inside."""
    forms = {
        value: [value.encode(e) for e in ("utf-8", "gb18030", "utf-16-le")] for value in values
    }
    found = set()
    for path in ws.private.rglob("*"):
        if path.is_file() and ws.store.folder not in path.parents:
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            found |= {v for v, each in forms.items() if any(form in content for form in each)}
    texts = [str(value) for row in opened_catalogs(ws) for value in row]
    for copy in ws.store.folder.glob("snapshots/*.ducklake"):
        connection = ws.store.connect()
        ws.store.attach(connection, int(copy.stem))
        for name in ws.store.tables(connection) | set(ws.store.kept_aside(connection)):
            rows = connection.execute(f"SELECT * FROM {in_lake(name)}").fetchall()
            texts += [str(value) for row in rows for value in row]
        connection.close()
    everything = "\n".join(texts)
    return found | {value for value in values if value in everything}


def test_values_of_every_kind_and_encoding_are_left_nowhere(tmp_path, size):
    erased = [person(number) for number in range(0, PEOPLE, 2 if size == "full" else 27)]
    values = {value for each in erased for value in each}
    assert len(values) == 5 * len(erased)  # 200 in full
    ws = clinic(tmp_path / "clinic")
    assert left_in(ws, values) == values  # the control
    before = ws.office.back_up(tmp_path / "before.backup")
    for subject, *_ in erased:
        assert again(ws).office.erase_subject(subject, verified_by="id card")[1].found_in == ()
    ws = again(ws)
    assert left_in(ws, values) == set()
    after = ws.office.back_up(tmp_path / "after.backup")
    for made in (after, before):
        again(ws).office.restore(made.file, over=True)
        assert left_in(again(ws), values) == set()
        assert int(again(ws).open("customers", "service").count().execute()) == (
            PEOPLE + 3 - len(erased)  # with the good row of each file
        )
