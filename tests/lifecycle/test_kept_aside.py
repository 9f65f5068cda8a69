"""Lines that never became rows: told to whom they are about, handed out, erased, and let go of."""

import csv
import datetime as dt
import json
import unicodedata

import duckdb
import openpyxl
import pytest

import workbench as wb
from workbench.errors import InputError, Refused
from workbench.lifecycle.rights.erasure import still_findable
from workbench.store.rewriting import attach_plain

HEADER = "customer_id,booked_on,region,category,note,amount,is_online\n"
LINES = (
    "K-000010,2026-10-01,nowhere,food,Quokka,5,true\n"  # of this customer: a value of no domain
    "K-000010,2026-10-01,north,food,cut\n"  # of this customer: no row at all
    "K-000011,2026-10-01,nowhere,food,person10@example.org,5,true\n"  # another's, who names them
    ",2026-10-01,nowhere,food,person10@example.org,5,true\n"  # nobody's, and names them
    "K-000012,2026-10-01,north,food,ok,5,true\n"  # a good row
)
DAYS = 90


def again(shop, **later):
    return wb.open_workspace(shop.settings.root, now=lambda: shop.now() + dt.timedelta(**later))


@pytest.fixture
def desk(shop):
    """Return the shop, with four lines kept aside."""
    path = shop.settings.root / "late.csv"
    path.write_text(HEADER + LINES)
    assert shop.ingest("transactions", path).quarantined == 4
    path.unlink()
    return again(shop)


def plan(ws):
    return {due.table: due for due in ws.office.retention_plan()}


def test_a_customer_is_told_of_their_lines_without_their_values(desk):
    held = {
        each.table: each for each in desk.office.subject_held("K-000010", verified_by="id card")[1]
    }
    lines = held["transactions"].kept_aside
    assert [(line.file, line.line) for line in lines] == [("late.csv", 2), ("late.csv", 3)]
    assert lines[0].reasons == "region: domain"
    assert held["transactions"].unclear == 1  # the line that names them and has no key
    assert held["customers"].kept_aside == ()
    told = json.dumps(held["transactions"].told())
    assert "held back from use: no purpose reads it" in told
    assert "Quokka" not in told + repr(held)


def test_no_name_of_a_file_or_sheet_holds_who_was_erased(shop):
    book = openpyxl.Workbook()
    book.active.title = "K-000010"
    for line in (HEADER + LINES).splitlines():
        book.active.append(line.split(","))
    paths = [shop.settings.root / f"{name}.xlsx" for name in ("Given10 Family10", "others")]
    for path in paths:
        book.save(path)
        book.active.append(["K-000013", *LINES.splitlines()[-1].split(",")[1:]])
    shop.ingest("transactions", paths[0])
    before = again(shop).ingest("transactions", paths[1], sheet="K-000010")
    for path in paths:
        path.unlink()
    rows = again(shop).office.erase_subject("K-000010", verified_by="id card")[1].rows
    assert "intake.files" not in rows
    one, other = again(shop).ingests()
    assert (one.rows, other.rows) == (5, 6)
    assert other.file == before.file
    with again(shop).store.reading() as connection:
        for name, columns in shop.store.kept_aside(connection).items():
            for text in connection.execute(f"SELECT {name}::VARCHAR FROM lake.{name}").fetchall():
                assert "Family10" not in text[0]
                assert "K-000010" not in text[0]
            assert columns
    assert not any("K-000010" in str(entry.body) for entry in shop.events.entries("ingest"))


def test_a_customer_known_only_by_such_a_line_is_known(shop):
    path = shop.settings.root / "late.csv"
    path.write_text(HEADER + LINES.replace("K-000010", "K-never"))
    shop.ingest("transactions", path)
    (only,) = again(shop).office.subject_held("K-never", verified_by="id card")[1]
    assert (only.table, only.rows, len(only.kept_aside)) == ("transactions", 0, 2)
    assert again(shop).office.export_subject(
        "K-never", shop.settings.root / "out", verified_by="id card"
    )[1] == {"kept-aside": 2}
    with pytest.raises(InputError, match="no table holds anything of this customer"):
        again(shop).office.subject_held("K-nobody", verified_by="id card")


def test_an_export_has_them_marked_as_held_back_from_use(desk, tmp_path):
    out = tmp_path / "out"
    counts = desk.office.export_subject("K-000010", out, verified_by="id card")[1]
    assert counts == {"customers": 1, "transactions": 9, "consents": 1, "kept-aside": 2}
    content = json.loads((out / "subject.json").read_text())
    first, second = content["kept_aside"]
    assert (first["table"], first["file"], first["line"]) == ("transactions", "late.csv", 2)
    assert first["reasons"] == "region: domain"
    assert first["use"] == "held back from use: no purpose reads it"
    assert first["row"]["note"] == "Quokka"
    assert second["row"] == "K-000010,2026-10-01,north,food,cut"  # it has no columns
    assert "person10" not in str(content["kept_aside"])  # another's line is not handed out
    with (out / "kept-aside.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["line"] for row in rows] == ["2", "3"]
    assert json.loads(rows[0]["row"]) == first["row"]
    assert (out / "kept-aside.csv").stat().st_mode & 0o777 == 0o600


def test_pairs_that_may_be_one_person_are_told_without_the_other(desk, tmp_path):
    with desk.store.exclusive() as connection:
        connection.execute(
            "INSERT INTO lake.intake.same_person VALUES "
            "('customers', 'x', 'K-000010', 'K-000013', 'full_name')"
        )
        connection.execute("DETACH lake")
        desk.store.publish(desk.store.latest_snapshot() + 1)
    again(desk).office.export_subject("K-000010", tmp_path / "out", verified_by="id card")
    content = json.loads((tmp_path / "out" / "subject.json").read_text())
    assert content["possible_duplicates"] == [{"table": "customers", "agree": "full_name"}]
    assert "K-000013" not in str(content)


def texts(ws):
    """Return everything the store can still be made to say, opened with its key."""
    store, found = ws.store, []
    for path in [store.catalog_path, *store.folder.glob("snapshots/*.ducklake")]:
        connection = store.connect()
        attach_plain(store, connection, path, "opened")
        for (table,) in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'opened'"
        ).fetchall():
            found += connection.execute(f"SELECT * FROM opened.{table}").fetchall()
        connection.close()
    with ws.store.reading() as connection:
        for table in (*store.tables(connection), *store.kept_aside(connection)):
            found += connection.execute(f"SELECT * FROM lake.{table}").fetchall()
    return str(found)


def test_erased_lines_are_in_no_byte_and_nothing_the_key_opens(desk, tmp_path):
    backup = desk.office.back_up(tmp_path / "before.backup")
    wanted = ("K-000010", "person10@example.org", "Quokka", "north,food,cut")
    before = texts(desk)
    assert all(value in before for value in wanted)  # the control
    old = {path.read_bytes() for path in desk.store.folder.rglob("*.parquet")}
    rows = again(desk).office.erase_subject("K-000010", verified_by="id card")[1].rows
    assert rows["intake.quarantine"] == 4  # also those of others that name the customer
    kept = {path.read_bytes() for path in desk.store.folder.rglob("*.parquet")}
    assert len(old - kept) >= 4  # each table's, and the lines' own
    for restored in (False, True):
        if restored:
            again(desk).office.restore(backup.file, over=True)
        ws = again(desk)
        after = texts(ws)
        assert [value for value in wanted if value in after] == []
        everything = b"".join(p.read_bytes() for p in ws.private.rglob("*") if p.is_file())
        assert [value for value in wanted if value.encode() in everything] == []
        assert still_findable(ws.office) == {}


def test_lines_have_a_time_of_their_own(desk):
    due = plan(desk)["quarantine of transactions"]
    assert (due.rows, due.on_hold, due.oldest) == (0, 0, None)
    assert due.why == "90 days after the file came in ([quarantine] keep_days)"
    assert plan(again(desk, days=DAYS))["quarantine of transactions"].rows == 0
    later = again(desk, days=DAYS + 1)
    due = plan(later)["quarantine of transactions"]
    assert (due.rows, due.oldest) == (4, dt.date(2026, 10, 2))
    assert later.office.apply_retention() == {"intake.quarantine": 4}
    assert again(desk).kept_aside() == []
    assert "Quokka" not in texts(again(desk))
    assert len(again(desk).ingests()) == 1  # that the file came in stays known
    assert "quarantine of transactions" not in plan(again(desk, days=DAYS + 1))


def test_the_time_is_a_setting(desk):
    path = desk.settings.root / "workbench.toml"
    path.write_text(path.read_text() + "[quarantine]\nkeep_days = 7\n")
    assert again(desk, days=8).office.apply_retention() == {"intake.quarantine": 4}


def test_a_hold_keeps_lines_too(desk):
    later = again(desk, days=DAYS + 1)
    hold = later.office.hold("dispute", subject="K-000010")
    due = plan(later)["quarantine of transactions"]
    assert (due.rows, due.on_hold, due.holds) == (1, 3, (hold.id,))  # whose a line is may not show
    with pytest.raises(Refused, match=r"a legal hold keeps rows of table 'transactions' \(H-0001"):
        later.empty_quarantine("transactions")
    assert later.office.apply_retention() == {"intake.quarantine": 1}
    later.office.release_hold(hold.id, "settled")
    assert later.empty_quarantine("transactions") == 3


def test_a_hold_of_another_table_keeps_none(desk):
    later = again(desk, days=DAYS + 1)
    later.office.hold("dispute", table="customers")
    assert later.office.apply_retention() == {"intake.quarantine": 4}


def test_pairs_of_customers_go_with_time_and_stay_on_hold(desk):
    with desk.store.exclusive() as connection:
        connection.execute(
            "INSERT INTO lake.intake.same_person SELECT 'transactions', digest, 'K-000010', "
            "'K-000013', 'x' FROM lake.intake.files"
        )
        connection.execute("DETACH lake")
        desk.store.publish(desk.store.latest_snapshot() + 1)
    later = again(desk, days=DAYS + 1)
    hold = later.office.hold("dispute", subject="K-000013")
    due = plan(later)["possible duplicates of transactions"]
    assert (due.rows, due.on_hold) == (0, 1)
    later.office.release_hold(hold.id, "settled")
    assert later.office.apply_retention() == {"intake.quarantine": 4, "intake.same_person": 1}


def test_a_table_loaded_anew_leaves_no_lines_of_files_that_count_no_more(desk):
    assert len(desk.quarantine("transactions", "reporting")) == 4
    desk.init(reload=["transactions"])
    assert again(desk).kept_aside() == []


def test_who_is_known_only_by_a_line_may_object(shop):
    path = shop.settings.root / "late.csv"
    path.write_text(HEADER + LINES.replace("K-000010", "K-never"))
    shop.ingest("transactions", path)
    assert again(shop).office.restrict_subject("K-never", kind="objected", verified_by="id card")[
        1
    ] == ("*",)


@pytest.mark.parametrize(
    "several",
    [
        "K-000014,2026-10-01,north,food,mine,5,trueK-000015,2026-10-01,north,food,Quokka,5,true\n",
        'K-000014,2026-10-01,north,food,"mine,5,true\nK-000015,2026-10-01,north,food,Quokka",x,true\n',
    ],
    ids=["two rows on one line", "a quote that ends a line later"],
)
def test_what_may_hold_rows_of_several_is_handed_to_none_of_them(shop, tmp_path, several):
    path = shop.settings.root / "late.csv"
    path.write_text(HEADER + "K-000012,2026-10-01,north,food,ok,5,true\n" + several)
    assert shop.ingest("transactions", path).quarantined == 1
    for customer in ("K-000014", "K-000015"):
        held = {
            each.table: each
            for each in again(shop).office.subject_held(customer, verified_by="id card")[1]
        }
        assert (held["transactions"].kept_aside, held["transactions"].unclear) == ((), 1)
        again(shop).office.export_subject(customer, tmp_path / customer, verified_by="id card")
        assert "Quokka" not in (tmp_path / customer / "subject.json").read_text()


NAMES = {  # K-000010 to K-000013 are called so; the last two alike
    "K-000010": "王伟", "K-000011": "欧阳娜", "K-000012": "李娜", "K-000013": "李娜",
}  # fmt: skip
CALLED = {"K-000010": "+49 (30) 123-4567", "K-000011": 'Seán "Bo" O\'Hara'}  # in place of mail


ASIDE = [  # whose key the line has, what it says, whether it goes
    ("", "王伟", True),  # nobody's line, and nobody else has the name
    ("", "客户王伟来电", True),
    ("K-nobody", "欧阳娜", True),  # a key that no customer has
    ("K-000014", "王伟", True),  # another's, in which they are named
    ("K-000014", "王伟民", False),  # another's, and a longer name
    ("", "李娜", False),  # two are called so: told
    ("", "李娜 person12@example.org", True),
    ("K-000013", "李娜", False),  # the other's own line
    ("", "李", False),
    ("", "+49 30 1234567", True),
    ("", "call 49301234567 now", True),
    ("K-000014", "(4930) 123.45.67", True),
    ("", "149301234567", False),  # a longer number
    ("K-000014", "030 123-4567", True),  # without its country
    ("", 'Seán "Bo" O\'Hara', True),
    ("", 'SEÁN  "BO" O\'HARA', True),
    ("", unicodedata.normalize("NFD", "of Seán Bo O'Hara"), True),
    ("K-000014", "sean bo o'hara", False),  # no accent: another's name, it may be
    ("", "PERSON12@EXAMPLE.ORG", True),
    ("", "o'hara, seán bo", True),
]


def test_short_names_are_searched_beside_other_values(shop):
    source = shop.settings.path("source") / "customers.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS SELECT * FROM '{source}'")
        for column, names in (("full_name", NAMES), ("email", CALLED)):
            for key, name in names.items():
                connection.execute(f"UPDATE t SET {column} = ? WHERE customer_id = ?", [name, key])
        connection.execute(f"COPY t TO '{source}'")
    shop.init()
    path = shop.settings.root / "late.csv"
    with path.open("w", newline="") as file:
        file.write(HEADER + LINES.splitlines()[-1] + "\n")
        csv.writer(file, lineterminator="\n").writerows(
            [whose, "2026-10-01", "nowhere", "food", says, "5", "true"] for whose, says, _ in ASIDE
        )
    again(shop).ingest("transactions", path)
    before = again(shop).office.back_up(shop.settings.root / "before.backup")
    told = [
        again(shop).office.erase_subject(each, verified_by="id card")[1].found_in
        for each in list(NAMES)[:3]
    ]
    assert told[:2] == [(), ()]
    assert "1 lines of transactions that were kept aside" in str(told[2])
    for restored in (False, True):
        if restored:
            again(shop).office.restore(before.file, over=True)
        found = again(shop).quarantine("transactions", "reporting").content
        left = {json.loads(line)["note"] for line in found}
        for _, says, goes in ASIDE:
            assert (says in left) is not goes, (says, restored)


@pytest.mark.parametrize("typed", ["Ｋ-000010", " K-000010\u3000", "K-000010\u200b"])
def test_a_key_is_typed_as_files_may_write_it(shop, typed):
    assert again(shop).office.erase_subject(typed, verified_by="id card")[1].rows["customers"] == 1
