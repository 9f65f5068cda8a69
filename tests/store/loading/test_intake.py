"""Files taken in: good rows in, bad rows aside with reason and line, nothing lost or twice."""

import datetime as dt
import gzip
import json
import os
import re

import duckdb
import openpyxl
import pytest

import workbench as wb
from workbench.errors import AccessRefused, InputError, SourceError, UnknownName
from workbench.store.loading.options import Options, require_fitting
from workbench.store.versions import DataVersions, changes_of

CATALOG = """\
version: 1
title: Corner shop
privacy: {unit: customer, key: customer_id, delta: 1e-6, limits: {month: 2, year: 8, lifetime: 24}}
purposes:
  reporting: {title: R, basis: legitimate interests, audience: managers, expires: 2035-12-31}
tables:
  customers:
    kind: identity
    title: Customers
    owner: sales
    source: customers.csv
    subject_key: customer_id
    retention: {months: 84, after: born_on}
    contribution: {cells: 1, rows: 1}
    purposes: [reporting]
    columns:
      customer_id: {type: text, role: subject key, sensitivity: personal, rules: [{unique: true}]}
      full_name: {type: text, role: direct identifier, sensitivity: personal}
      phone: {type: text, role: direct identifier, sensitivity: personal, rules: [{pattern: '^[0-9]{6,}$'}]}
      born_on: {type: date, role: quasi-identifier, sensitivity: personal}
  bookings:
    kind: transactions
    title: Bookings
    owner: sales
    source: bookings.csv
    subject_key: customer_id
    time: booked_on
    retention: {months: 84, after: booked_on}
    contribution: {cells: 12, rows: 20}
    purposes: [reporting]
    columns:
      booking_id: {type: integer, rules: [{not_null: true}, {unique: true}]}
      customer_id: {type: text, role: subject key, sensitivity: personal, rules: [{references: customers.customer_id}]}
      booked_on: {type: date, role: time, bounds: [2026-01-01, 2026-12-31], rules: [{not_after: today}]}
      region: {type: text, domain: [north, south, 西部]}
      amount: {type: money, role: measure, bounds: [0, 500], special_codes: {'-1': not stated}}
      note: {type: text, rules: [{not_null: true, tolerance: 0.5}]}
"""  # noqa: E501  # why: one column a line
PEOPLE = "customer_id,full_name,phone,born_on\n" + "".join(
    f"K-{n:03d},Given{n} Family{n},5550{n:03d},19{n:02d}-01-08\n" for n in range(100)
)
HEADER = "booking_id,customer_id,booked_on,region,amount,note\n"
GOOD = "".join(
    f"{n},K-{n:03d},2026-0{1 + n % 3}-05,{['north', 'south'][n % 2]},{n}.50,ok\n"
    for n in range(1, 9)
)


def now():
    return dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)


@pytest.fixture
def desk(tmp_path):
    """Return a workspace into which nothing but a hundred customers was ever taken."""
    (tmp_path / "workbench.toml").write_text('source = "data"\n')
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    ws = wb.open_workspace(tmp_path, now=now)
    ws.ingest("customers", write(tmp_path, "people.csv", PEOPLE))
    return ws


def write(folder, name, content, encoding="utf-8"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def take(ws, content, name="bookings.csv", table="bookings", written="utf-8", **options):
    return ws.ingest(table, write(ws.settings.root, name, content, written), **options)


def rows(ws, table="bookings", columns="*"):
    with ws.store.reading() as connection:
        sql = f"SELECT {columns} FROM lake.{table} ORDER BY ALL"
        return connection.execute(sql).fetchall()


def versions(ws):
    with ws.store.reading() as connection:
        return DataVersions(changes_of(connection))


def counts(taken):
    named = ("added", "updated", "unchanged", "repeated", "quarantined", "erased")
    found = {name: getattr(taken, name) for name in named if getattr(taken, name)}
    assert sum(found.values()) == taken.rows
    return found


def refused(ws, match, content, **options):
    before = ws.store.latest_snapshot()
    with pytest.raises(SourceError, match=match) as caught:
        take(ws, content, **options)
    assert ws.store.latest_snapshot() == before
    assert ws.kept_aside() == []
    return str(caught.value)


def test_good_rows_go_in_as_one_snapshot(desk):
    before = desk.store.latest_snapshot()
    taken = take(desk, HEADER + GOOD)
    assert counts(taken) == {"added": 8}
    assert desk.store.latest_snapshot() == before + 1
    assert len(rows(desk)) == 8
    assert rows(desk)[0][:2] == (1, "K-001")
    assert desk.kept_aside() == []


NO_DATE = "not a date (2026-09-30; another form is named with --date-format)"
BAD = [
    ("10,K-001,2026-01-05,north,600,x", "amount: range"),
    ("11,K-001,2026-01-05,east,6,x", "region: domain"),
    ("12,K-999,2026-01-05,north,6,x", "customer_id: references customers.customer_id"),
    ("13,,2026-01-05,north,6,x", "customer_id: not_null"),
    ("14,K-001,2026-11-05,north,6,x", "booked_on: not_after today"),
    ("15,K-001,05/01/2026,north,6,x", f"booked_on: {NO_DATE}"),
    ("16,K-001,05.01.2026,north,many,x", f"booked_on: {NO_DATE}; amount: not an amount"),
    ("17.5,K-001,2026-01-05,north,6,x", "booking_id: not a whole number"),
    ("21e-1,K-001,2026-01-05,north,6,x", "booking_id: not a whole number"),
    (",K-001,2026-01-05,north,6,x", "booking_id: not_null"),
    ("18,K-001,2026-01-05,north,6,x,y", "more fields than the line of column names"),
    ("19,K-001,2026-01-05", "fewer fields than the line of column names"),
    ("20,K-001,2027-01-05,east,-6,x",
     "booked_on: range; booked_on: not_after today; region: domain; amount: range"),
]  # fmt: skip  # why: one line a fault


def test_bad_rows_are_kept_with_reason_and_line(desk):
    lines = GOOD.splitlines()
    mixed, where = [lines.pop(0)], {}
    for line, reason in BAD:
        where[len(mixed) + 2] = (reason, line)
        mixed += [line, *([lines.pop(0)] if lines else [])]
    taken = take(desk, HEADER + "\n".join(mixed) + "\n")
    assert counts(taken) == {"added": 8, "quarantined": len(BAD)}
    kept = desk.quarantine("bookings", "reporting")
    assert dict(zip(kept.line, kept.reasons, strict=True)) == {n: w for n, (w, _) in where.items()}
    for line, content in as_it_came(desk).items():
        for value in where[line][1].split(","):
            assert value in content
    with desk.store.reading() as connection:
        found = connection.execute("SELECT subject FROM lake.intake.quarantine").fetchall()
    assert sorted({row[0] for row in found if row[0]}) == ["K-001", "K-999"]
    assert sum(each[3] for each in desk.kept_aside()) == len(BAD)


def test_a_rule_with_a_tolerance_and_a_special_code_hold_no_row_back(desk):
    assert counts(take(desk, HEADER + "1,K-001,2026-01-05,north,-1,\n")) == {"added": 1}


def test_the_same_file_twice_adds_nothing(desk):
    first = take(desk, HEADER + GOOD + "9,K-001,2026-01-05,east,1,x\n")
    snapshot = desk.store.latest_snapshot()
    again = take(desk, HEADER + GOOD + "9,K-001,2026-01-05,east,1,x\n", name="renamed.csv")
    assert again.known
    assert (again.added, again.unchanged, again.rows) == (0, 8, first.rows)
    assert desk.store.latest_snapshot() == snapshot
    assert len(rows(desk)) == 8
    assert len(desk.quarantine("bookings", "reporting")) == 1


def test_rows_of_a_known_key_update_and_the_old_ones_stay_readable(desk):
    take(desk, HEADER + GOOD)
    before = desk.store.latest_snapshot()
    changed = "1,K-001,2026-02-05,south,99,new\n2,K-002,2026-03-05,north,2.50,ok\n"
    taken = take(desk, HEADER + changed + "30,K-001,2026-04-05,north,1,x\n", name="2.csv")
    assert counts(taken) == {"added": 1, "updated": 1, "unchanged": 1}
    assert len(rows(desk)) == 9
    assert rows(desk, columns="amount, note")[-1] == (99, "new")
    connection = desk.store.connect()
    desk.store.attach(connection, before)
    old = connection.execute("SELECT note FROM lake.bookings WHERE booking_id = 1").fetchall()
    connection.close()
    assert old == [("ok",)]


def test_a_key_twice_in_a_file_is_once_or_contradicts(desk):
    take(desk, HEADER + "1,K-001,2026-01-05,north,5,old\n")
    text = (
        "2,K-002,2026-01-05,north,5,x\n"  # line 2
        "9,K-001,2026-01-05,east,5,bad\n"
        "1,K-001,2026-01-05,north,5,this\n"  # line 4
        "2,K-002,2026-01-05,north,5,x\n"
        "oops\n"
        "1,K-001,2026-01-05,north,5,that\n"  # line 7
    )
    assert counts(take(desk, HEADER + text, name="2.csv")) == {
        "added": 1, "repeated": 1, "quarantined": 4,
    }  # fmt: skip  # why: one mapping
    assert rows(desk, columns="booking_id, note") == [(1, "old"), (2, "x")]
    kept = desk.quarantine("bookings", "reporting")
    said = kept[kept.reasons.str.contains("different content")]
    assert sorted(said.line) == [4, 7]
    assert sorted(kept.line) == [3, 4, 6, 7]


def test_rows_without_a_key_are_kept_as_often_as_they_come(desk):
    (desk.settings.root / "catalog.yaml").write_text(CATALOG.replace(", {unique: true}]", "]"))
    ws = wb.open_workspace(desk.settings.root, now=now)
    line = "1,K-001,2026-01-05,north,5,x\n"
    assert counts(take(ws, HEADER + line * 2)) == {"added": 2}
    assert counts(take(ws, HEADER + line * 3)) == {"added": 3}


def test_only_months_that_changed_get_a_new_version(desk):
    take(desk, HEADER + GOOD)
    before = versions(desk)
    take(desk, HEADER + "40,K-001,2026-03-05,north,1,x\n", name="march.csv")
    after = versions(desk)
    assert after.of("bookings", ["2026-03"]) != before.of("bookings", ["2026-03"])
    assert after.of("bookings", ["2026-01"]) == before.of("bookings", ["2026-01"])
    assert after.of("bookings") != before.of("bookings")
    assert after.of("customers") == before.of("customers")
    assert desk.access.as_of["bookings"] == "2026-03-05"


def test_files_of_one_content_make_the_same_months_whatever_the_way(desk, tmp_path):
    take(desk, HEADER + GOOD)
    other = tmp_path / "other"
    (other / "data").mkdir(parents=True)
    (other / "workbench.toml").write_text('source = "data"\n')
    (other / "catalog.yaml").write_text(CATALOG)
    write(other / "data", "customers.csv", PEOPLE)
    write(other / "data", "bookings.csv", HEADER + GOOD)
    ws = wb.open_workspace(other, now=now)
    ws.init()
    months = ["2026-01", "2026-02", "2026-03"]
    assert versions(ws).of("bookings", months) == versions(desk).of("bookings", months)


def test_init_leaves_taken_in_rows_alone_and_refuses_to_replace_them(desk):
    data = desk.settings.root / "data"
    data.mkdir()
    write(data, "bookings.csv", HEADER + GOOD)
    write(data, "customers.csv", PEOPLE)
    assert desk.init() == {"bookings": 8}  # customers came by file
    take(desk, HEADER + "40,K-001,2026-03-05,north,1,x\n")
    assert desk.init() == {}
    assert len(rows(desk)) == 9
    write(data, "bookings.csv", HEADER + GOOD + "50,K-001,2026-03-05,north,1,x\n")
    with pytest.raises(SourceError, match=r"'bookings' changed, .* replace the rows of 1 file tak"):
        desk.init()
    assert len(rows(desk)) == 9
    assert desk.init(reload=["bookings"]) == {"bookings": 9}
    assert [row[0] for row in rows(desk)][-1] == 50
    assert counts(take(desk, HEADER + "40,K-001,2026-03-05,north,1,x\n")) == {"added": 1}
    with pytest.raises(UnknownName, match="no table named 'booking'"):
        desk.init(reload=["booking"])


def test_erased_customers_are_left_out_and_counted(desk):
    take(desk, HEADER + GOOD)
    desk.office.erase_subject("K-003", verified_by="id card")
    text = "60,K-003,2026-03-05,north,1,x\n61,K-004,2026-03-05,east,1,x\n"
    text += "62,K-003,2026-03-05,east,1,x\n"
    taken = take(desk, HEADER + text + "63,K-005,2026-03-05,north,1,x\n", name="later.csv")
    assert counts(taken) == {"added": 1, "quarantined": 1, "erased": 2}
    assert list(desk.quarantine("bookings", "reporting").line) == [3]


def test_erasing_reaches_the_quarantine(desk):
    take(desk, HEADER + GOOD + "9,K-007,2026-01-05,east,1,secret7\nK-007,cut\n")
    assert len(desk.quarantine("bookings", "reporting")) == 2
    desk.office.erase_subject("K-007", verified_by="id card")
    assert len(desk.quarantine("bookings", "reporting")) == 0


def test_the_quarantine_can_be_emptied_for_good(desk):
    take(desk, HEADER + GOOD + "9,K-007,2026-01-05,east,1,x\n")
    assert desk.empty_quarantine("bookings") == 1
    assert desk.kept_aside() == []
    assert len(rows(desk)) == 8


def as_it_came(desk):
    """Return what the store holds of every line kept aside, by line."""
    with desk.store.reading() as connection:
        rows = connection.execute("SELECT line, content FROM lake.intake.quarantine ORDER BY line")
        return dict(rows.fetchall())


def test_lines_aside_are_opened_for_a_purpose_as_tables_are(shop, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text(
        "customer_id,booked_on,region,category,note,amount,is_online\n"
        "K-000010,2026-09-01,nowhere,food,Zanzibar,5,true\n"
        "K-000011,2026-09-01,nowhere,food,Quokka,5,true\n"
        "K-000012,2026-09-01\n"
        "K-000013,2026-09-01,north,food,fine,5,true\n"
    )
    assert shop.ingest("transactions", path).quarantined == 3
    for purpose, error in [
        ("report", UnknownName),
        ("service", AccessRefused),  # it may not read the table
        ("old-partner", AccessRefused),  # it expired
        ("marketing", AccessRefused),  # nobody knows who of the lines agreed
    ]:
        for opening in (shop.quarantine, shop.possible_duplicates):
            with pytest.raises(error):
                opening("transactions", purpose)
            recorded = "(not declared)" if purpose == "report" else purpose
            assert shop.events.entries("refused")[-1].body["purpose"] == recorded
    with pytest.raises(TypeError, match="purpose"):
        shop.quarantine("transactions")
    shop.office.restrict_subject("K-000011", ["reporting"], verified_by="id card")
    kept = shop.quarantine("transactions", "reporting")
    entry = shop.events.entries("quarantine opened")[-1].body
    assert (entry["table"], entry["purpose"], entry["rows"]) == ("transactions", "reporting", 2)
    assert list(kept.line) == [2, 4]
    row, none = kept.content
    assert none is None or none != none  # a line that is no row cannot be cut to columns
    names = set(shop.open("transactions", "reporting").columns)
    assert set(json.loads(row)) <= names
    assert "K-0000" not in row
    assert json.loads(row)["customer_id"] == shop.access.pseudonym("K-000010", "reporting")
    assert json.loads(row)["customer_id"] in set(
        shop.open("transactions", "reporting").customer_id.execute()
    )


def test_quality_sees_what_was_kept_aside(shop, tmp_path):
    assert "taken in" not in {check.rule for check in shop.quality("transactions").checks}
    path = tmp_path / "new.csv"
    good = "K-000010,2026-09-01,north,food,x,5,true\n"
    path.write_text(
        "customer_id,booked_on,region,category,note,amount,is_online\n"
        + good + good.replace("north", "nowhere") * 2100
    )  # fmt: skip
    taken = shop.ingest("transactions", path)
    found = wb.open_workspace(shop.settings.root, now=shop.now).quality("transactions")
    (check,) = [each for each in found.checks if each.rule == "taken in"]
    assert (check.checked, check.failed) == (5401 + taken.quarantined, taken.quarantined)
    assert (check.light, found.dimensions()["completeness"]) == ("red", "red")


def test_no_value_is_on_disk_in_the_clear(desk):
    secret = "Zanzibar-Quokka"  # why: planted, to be looked for
    text = f"9,K-007,2026-01-05,east,1,{secret}\n10,K-001,05/01/2026,north,1,{secret}\nx,{secret}\n"
    taken = take(desk, HEADER + text + f"11,K-001,2026-01-05,north,1,{secret}\n")
    assert counts(taken) == {"added": 1, "quarantined": 3}
    assert [secret in content for content in as_it_came(desk).values()] == [True] * 3
    for path in desk.private.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("content", "written", "options"),
    [
        (GOOD.replace("south", "西部"), "gb18030", {"encoding": "gb18030"}),
        (GOOD.replace("ok", "㐀𠀀"), "gb18030", {"encoding": "GB18030"}),
        (GOOD.replace("south", "西部"), "utf-16", {}),
        (GOOD.replace("south", "西部"), "utf-8-sig", {}),
        (GOOD.replace("ok", "café"), "latin-1", {"encoding": "latin-1"}),
        (GOOD.replace(",", ";").replace(".50", ".5"), "utf-8", {}),
        (GOOD.replace("\n", "\r\n"), "utf-8", {}),
    ],
)
def test_encodings_marks_and_separators(desk, content, written, options):
    header = HEADER if ";" not in content else HEADER.replace(",", ";")
    header = header.replace("\n", "\r\n") if "\r" in content else header
    assert counts(take(desk, header + content, written=written, **options)) == {"added": 8}
    note = rows(desk, columns="note, region")
    for word in ("西部", "㐀𠀀", "café"):
        assert (word in content) == any(word in value for row in note for value in row)


def test_days_in_another_form_are_named(desk):
    text = GOOD.replace("2026-01-05", "05/01/2026").replace("2026-02-05", "05/02/2026")
    text = text.replace("2026-03-05", "05/03/2026")
    taken = take(desk, HEADER + text, date_format="%d/%m/%Y")
    assert counts(taken) == {"added": 8}
    assert {row[0] for row in rows(desk, columns="month(booked_on)")} == {1, 2, 3}


def test_days_in_three_forms_are_told_apart(desk):
    text = "1,K-001,2026-03-04,north,5,x\n2,K-001,03/04/2026,north,5,x\n"
    text += "3,K-001,4 March 2026,north,5,x\n"
    assert counts(take(desk, HEADER + text)) == {"added": 1, "quarantined": 2}
    assert list(desk.quarantine("bookings", "reporting").line) == [3, 4]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        (b"\n", "is empty or does not start with a line of column names"),
        (HEADER.encode(), "holds no rows"),
        ((HEADER + GOOD).replace("ok", "西部").encode("gb18030"),
         r"is not utf-8 text \(line 1\). It could be gb18030 or .*latin-1: name with --encoding t"),
        ((HEADER + GOOD).replace("ok", "Ärger, Öl").encode("latin-1"),
         r"is not utf-8 text \(line 1\). It could be .*latin-1: name with --encoding the one it"),
        ((HEADER + GOOD * 400 + "9,K-001,2026-01-05,north,1,").encode() + b"\xff\n",
         r"is not utf-8 text \(line 3,202\)"),
        ((HEADER + GOOD * 400 + '9,K-001,2026-01-05,north,1,"').encode() + b'\xff"\n',
         r"is not utf-8 text \(line 3,202\)"),
        ((HEADER + GOOD * 400 + '9,K-001,2026-01-05,north,1,"').encode() + b'\xff\n',
         r"is not utf-8 text \(line 3,202\)"),
        ((HEADER.replace("note", "remark") + GOOD).encode(),
         re.escape("does not match table 'bookings' (missing: 'note'; not declared: 'remark')")),
        ((HEADER.replace(",note", "") + "1,K-001,2026-01-05,north,1\n").encode(),
         re.escape("(missing: 'note')")),
        ((HEADER.strip() + ",more\n1,K-001,2026-01-05,north,1,x,y\n").encode(), "'more'"),
        (GOOD.encode(), "none of the columns of table 'bookings'"),
        ((HEADER + "1,K-001,1.2.2026,north,1,x\n2,K-001,2026-01-01,east,1,x\n").encode(),
         r"none of the 2 rows of .* can be taken into 'bookings': .*not a date.*; region: domain"),
        (b"x" * 3_000_000, "starts with a line of more than 2,000,000 bytes"),
        (HEADER.replace("note", "amount").encode(), "each there once"),
    ],
)  # fmt: skip  # why: a case a line
def test_a_file_that_is_wrong_as_a_whole_is_refused(desk, content, match):
    assert "K-001" not in refused(desk, match, content)


def test_another_encoding_than_is_said_is_told_and_a_name_that_is_no_text(desk):
    with pytest.raises(SourceError, match=r"is not utf-16 text.* It could be .*utf-8"):
        take(desk, HEADER + GOOD, encoding="utf-16")
    path = desk.settings.root / os.fsdecode(b"a\xff.csv")
    path.write_text(HEADER + GOOD)
    with pytest.raises(SourceError, match=r"a.udcff.csv' is no UTF-8, .* Rename the file"):
        desk.ingest("bookings", path)


def long_line(folder, size_bytes):
    path = folder / "long.csv"
    with path.open("wb") as file:
        file.write((HEADER + "1,K-001,2026-01-05,north,1,").encode())
        for _ in range(size_bytes // 1_000_000):
            file.write(b"x" * 1_000_000)
        file.write(b"\n2,K-001,2026-01-05,north,1,x\n")
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("written", ["utf-8", "utf-16"])
def test_a_line_is_the_files_own(desk, end, written):
    good, bad = "{},K-001,2026-03-04,north,5,x", "{},K-002,2026-03-04,north,nothing,x"
    lines = ["Bookings", "", HEADER.strip(), good.format(1), bad.format(2), "3,K-003",
             bad.format(4), good.format(5), good.format(6)]  # fmt: skip  # why: one list
    taken = take(desk, end.join(lines), written=written)
    assert counts(taken) == {"added": 2, "quarantined": 4}
    assert list(desk.quarantine("bookings", "reporting").line) == [5, 6, 7, 9]


def test_lines_that_end_in_cr_alone_are_no_endless_line(desk):
    text = (HEADER + GOOD).replace(",ok", "," + "o" * 1_200_000).replace("\n", "\r")
    assert counts(take(desk, text)) == {"added": 8}


WHOSE = {
    '"K-001,2026-03-04,north,5,x': None,  # the quote takes in what comes after the key
    '1,"K-001,2026-03-04,north,5,x': None,
    '1,"K-001"x,2026-03-04,north,5,"x': None,
    '1,K-001,2026-03-04,north,5,"x': "K-001",
    "1,K-001": "K-001",
    "1, k-001\u00a0": "k-001",
    "1,K-001,2026-03-04,north,5,x,2,K-002,2026-03-04,north,5,x": None,
}


@pytest.mark.parametrize(("line", "whose"), WHOSE.items())
def test_a_line_that_is_no_row_is_of_whom_it_names_for_sure(desk, line, whose):
    assert take(desk, f"{HEADER}{line}\n{GOOD}").quarantined == 1
    with desk.store.reading() as connection:
        (found,) = connection.execute("SELECT subject FROM lake.intake.quarantine").fetchall()
    assert found == (whose,)


def test_rows_that_contradict_each_other_and_hold_anothers_are_nobodys(desk):
    other = '"a\n2,K-002,2026-03-04,north,5,b"'
    text = f"1,K-001,2026-03-04,north,5,{other}\n1,K-001,2026-03-04,north,6,{other}\n"
    assert counts(take(desk, HEADER + GOOD.replace("1,K", "9,K", 1) + text)) == {
        "added": 8, "quarantined": 2,
    }  # fmt: skip  # why: one line
    with desk.store.reading() as connection:
        found = connection.execute("SELECT subject FROM lake.intake.quarantine").fetchall()
    assert found == [(None,)] * 2


CALLED = {
    ".csv": [(gzip.compress(b"x"), "a gzip archive"), (b"PAR1", "a Parquet file"),
             (b"PK\x03\x04", "a zip archive or a workbook"),
             (b"\xef\xbb\xbf<HTML>", "a page of HTML"),
             (b"Rar!\x1a\x07", "a RAR archive"), (b"7z\xbc\xaf", "a 7-Zip archive"),
             (b"\n{\"a\": 1}", "JSON")],
    ".xlsx": [(b"<?xml version", "XML"), (b"PAR1", "a Parquet file")],
    ".parquet": [(b"\xd0\xcf\x11\xe0", "an old or protected workbook"), (b"BZh9", "a bzip2")],
}  # fmt: skip  # why: a table


@pytest.mark.parametrize("kind", CALLED)
def test_a_file_that_is_something_else_is_named_for_what_it_is(desk, kind):
    for content, what in CALLED[kind]:
        path = desk.settings.root / f"x{kind}"
        path.write_bytes(content)
        with pytest.raises(SourceError, match=f"is {what}.*, whatever its name says"):
            desk.ingest("bookings", path)


def test_a_form_that_leaves_a_part_of_the_day_out_is_none(tmp_path):
    for form in ("%d/%m", "%m/%Y", "%Y", "%H:%M", "%d/%m/%Y %I:%M", "%d/%m/%Y %M", "%", "%s", "x"):
        with pytest.raises(InputError, match="is no form of a day"):
            require_fitting(tmp_path / "a.csv", Options(date_format=form))
    for form in ("%m/%d/%y", "%b %-d, %Y", "%G-W%V-%u", "%d/%m/%Y %I:%M %p", "%d.%m.%Y %H",
                 "%Y-%m-%dT%H:%M%z", "%Y年%m月%d日"):  # fmt: skip
        assert require_fitting(tmp_path / "a.csv", Options(date_format=form)) == ".csv"


def test_an_encoding_that_is_none_is_told(tmp_path):
    for encoding in ("no-such", "undefined", "base64", "a\0b"):
        with pytest.raises(InputError, match="no encoding named"):
            require_fitting(tmp_path / "a.csv", Options(encoding=encoding))


def test_a_line_longer_than_any_row_is_kept_aside(desk):
    taken = desk.ingest("bookings", long_line(desk.settings.root, 7_000_000))
    assert counts(taken) == {"added": 1, "quarantined": 1}
    kept = desk.quarantine("bookings", "reporting")
    assert (list(kept.line), list(kept.reasons)) == ([2], ["a line longer than any row"])
    assert kept.content.isna().all()


def test_a_line_without_end_is_refused(desk, size):
    path = long_line(desk.settings.root, 40_000_000 if size == "smoke" else 2_000_000_000)
    before = desk.store.latest_snapshot()
    with pytest.raises(SourceError, match=r"line 2 of .* is longer than 8 MB, which is no row"):
        desk.ingest("bookings", path)
    assert desk.store.latest_snapshot() == before


@pytest.mark.parametrize(
    ("name", "match"),
    [
        (
            "no.csv",
            r"cannot be read: No such file or directory\. Check the name; nothing was taken",
        ),
        ("a.json", "only .csv, .parquet and .xlsx"),
        ("pipe.csv", "is a pipe or a device"),
        ("device.xlsx", "is a pipe or a device"),
    ],
)
def test_what_is_no_file_to_read_is_said(desk, name, match):
    if name == "a.json":
        write(desk.settings.root, name, "{}")
    if name == "pipe.csv":
        os.mkfifo(desk.settings.root / name)
    if name == "device.xlsx":
        (desk.settings.root / name).symlink_to("/dev/zero")
    with pytest.raises(SourceError, match=match):
        desk.ingest("bookings", desk.settings.root / name)


def test_an_unknown_table_is_suggested(desk):
    with pytest.raises(UnknownName, match=r"no table named 'booking'\. Did you mean 'bookings'"):
        desk.ingest("booking", desk.settings.root / "people.csv")


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("a.csv", {"encoding": "klingon"}, "no encoding named 'klingon'. Known are utf-8, gb18030"),
        ("a.csv", {"sheet": "One"}, "a sheet is of an Excel file"),
        ("a.parquet", {"date_format": "%d"}, "is no form of a day"),
        ("a.csv", {"decimal": ";"}, "a decimal mark is . or ,"),
        ("a.csv", {"decimal": ",", "thousands": ","}, "a decimal mark is . or ,"),
    ],
)
def test_options_that_do_not_fit_are_refused(desk, name, options, match):
    with pytest.raises(InputError, match=match):
        take(desk, HEADER + GOOD, name=name, **options)


def test_options_are_looked_at_though_the_file_is_known(desk):
    take(desk, HEADER + GOOD)
    with pytest.raises(InputError, match="no encoding named 'klingon'"):
        take(desk, HEADER + GOOD, encoding="klingon")
    for odd in ("dd/mm/yyyy", "", "%d/%m/%Q"):
        with pytest.raises(InputError, match=f"'{odd}' is no form of a day. Write %d for the day"):
            take(desk, HEADER + GOOD, date_format=odd)


def made(folder, name, form):
    path = folder / name
    if form == "xlsx":
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.append(HEADER.strip().split(","))
        for i in range(1, 8):
            day = dt.date(2026, 1, 5 + i)
            region = "east" if i == 4 else "north"
            sheet.append([i, f"K-00{i}", day, region, i * 1.5, "x"])
        book.save(path)
        return path
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            COPY (SELECT i AS booking_id, 'K-00' || i AS customer_id,
                    DATE '2026-01-05' + i::INT AS booked_on,
                    CASE WHEN i = 4 THEN 'east' ELSE 'north' END AS region,
                    (i * 1.5)::DECIMAL(18, 2) AS amount, 'x' AS note FROM range(1, 8) r(i))
            TO '{path}' (FORMAT {form})
            """
        )
    return path


def workbook(folder):
    """Return a workbook whose first sheet is a cover, and whose second one holds the rows."""
    book = openpyxl.load_workbook(made(folder, "one.xlsx", "xlsx"))
    book.active.title = "Sheet1"
    cover = book.create_sheet("Cover & key", 0)
    cover["A1"], cover["A2"] = "About this file", "x"
    book.save(folder / "two.xlsx")
    return folder / "two.xlsx"


def test_a_workbooks_sheets_are_told_where_another_one_is_meant(desk):
    book = workbook(desk.settings.root)
    told = r"none of the columns.* This is of its first sheet; of Cover & key, Sheet1 another one"
    with pytest.raises(SourceError, match=told):
        desk.ingest("bookings", book)
    with pytest.raises(
        SourceError, match=r"has no sheet 'Neu'\. Its sheets: Cover & key, Sheet1\."
    ):
        desk.ingest("bookings", book, sheet="Neu")
    assert desk.ingest("bookings", book, sheet="Sheet1").added == 6


@pytest.mark.parametrize(("form", "line"), [("parquet", 4), ("xlsx", 5)])
def test_parquet_and_excel(desk, form, line):
    taken = desk.ingest("bookings", made(desk.settings.root, f"b.{form}", form))
    assert counts(taken) == {"added": 6, "quarantined": 1}
    kept = desk.quarantine("bookings", "reporting")
    assert (list(kept.line), list(kept.reasons)) == ([line], ["region: domain"])
    assert rows(desk)[0] == (1, "K-001", dt.date(2026, 1, 6), "north", 1.5, "x")


def test_what_is_kept_aside_is_kept_as_it_came(desk):
    path = desk.settings.root / "kinds.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            COPY (SELECT 1.0::DOUBLE AS booking_id, 'K-001' AS customer_id,
                    TIMESTAMP '2026-01-05 10:00' AS booked_on, 'east' AS region,
                    0.1::DOUBLE AS amount, ['a', NULL] AS note
                UNION ALL SELECT 2, 'K-002', TIMESTAMP '2026-01-05', 'north', NULL, NULL)
            TO '{path}' (FORMAT parquet)
            """
        )
    assert counts(desk.ingest("bookings", path)) == {"added": 1, "quarantined": 1}
    (content,) = as_it_came(desk).values()
    assert json.loads(content) == {
        "booking_id": 1.0, "customer_id": "K-001", "booked_on": "2026-01-05 10:00:00",
        "region": "east", "amount": 0.1, "note": "[a, NULL]",
    }  # fmt: skip  # why: one mapping


@pytest.mark.parametrize("form", ["parquet", "xlsx"])
def test_a_cut_file_is_refused(desk, form):
    path = made(desk.settings.root, f"b.{form}", form)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(SourceError, match="corrupt or truncated"):
        desk.ingest("bookings", path)


def test_people_that_may_be_one_are_paired(desk):
    text = (
        "customer_id,full_name,phone,born_on\n"
        "N-1,Given7 Famly7,999999,1907-01-08\n"  # K-007's name with a slip, and day of birth
        "N-2,Somebody Else,5550009,1990-05-05\n"  # K-009's phone
        "N-3,Somebody New,888888,1990-05-06\n"
        "N-4,Somebody Old,888888,1950-05-06\n"  # N-3's phone
    )
    taken = take(desk, text, name="new.csv", table="customers")
    assert counts(taken) == {"added": 4}
    assert taken.possible_duplicates == 3
    found = desk.possible_duplicates("customers", "reporting")
    named = desk.open("customers", "reporting").customer_id.execute()
    assert set(named) > set(found.customer) | set(found.other)
    entry = desk.events.entries("possible duplicates opened")[-1].body
    assert (entry["purpose"], entry["rows"]) == ("reporting", 3)
    with desk.store.reading() as connection:
        rows = connection.execute("SELECT subject, other, agree FROM lake.intake.same_person")
        pairs = {(one, other): agree for one, other, agree in rows.fetchall()}
    assert pairs["K-007", "N-1"] == "nearly full_name"
    assert pairs["K-009", "N-2"] == "phone"
    assert pairs["N-3", "N-4"] == "phone"
    assert len(pairs) == 3
    desk.store.marks.add("restricted", desk.store.marks.of("N-4"), at=desk.now(), purposes=["*"])
    desk.store.marks.add("restricted", desk.store.marks.of("K-007"), at=desk.now(), purposes=["*"])
    assert list(desk.possible_duplicates("customers", "reporting").agree) == ["phone"]


def test_many_of_one_date_are_compared_with_their_neighbours_and_that_is_said(desk):
    names = [f"Given{i * 7919 % 20_000:05d} Famly{i:05d}" for i in range(20_000)]
    names[5], names[9000] = "Aaron Quokka", "Aaron Quokkka"
    lines = [f"N-{i},{name},{60_000_000 + i},1900-01-01" for i, name in enumerate(names)]
    taken = take(
        desk,
        "\n".join(["customer_id,full_name,phone,born_on", *lines, ""]),
        "many.csv",
        "customers",
    )
    assert (taken.added, taken.not_compared) == (20_000, 20_000)
    assert taken.possible_duplicates < 20_000 * 200 / 2
    with desk.store.reading() as connection:
        sql = "SELECT other, agree FROM lake.intake.same_person WHERE subject = 'N-5'"
        assert connection.execute(sql).fetchall() == [("N-9000", "nearly full_name")]
    few = take(desk, "customer_id,full_name,phone,born_on\nP-1,A B,7777777,1999-01-01\n", "few.csv",
               "customers")  # fmt: skip  # why: one call
    assert (few.added, few.not_compared) == (1, 0)


def test_what_was_taken_in_is_on_record(desk):
    take(desk, HEADER + GOOD)
    found = [(each.table, each.file, each.rows) for each in desk.ingests()]
    assert found == [("customers", "people.csv", 100), ("bookings", "bookings.csv", 8)]
    entry = desk.events.entries("ingest")[-1]
    assert (entry.body["table"], entry.body["rows"], entry.body["added"]) == ("bookings", 8, 8)
