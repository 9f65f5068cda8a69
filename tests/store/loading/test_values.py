"""A value is taken only if it reads back as itself, whatever file it came in; else it is aside."""

import datetime as dt
import math
import random
import re
from collections import Counter
from decimal import Decimal

import duckdb
import openpyxl
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from openpyxl.cell import WriteOnlyCell

import workbench as wb
from benchmarks.catalogs import catalog_of
from workbench.catalog import Column
from workbench.errors import SourceError
from workbench.store.loading.values import Form, normal_key, surely, taken, value_of

COLUMNS = {
    "date": Column(type="date"),
    "timestamp": Column(type="timestamp"),
    "money": Column(type="money"),
    "integer": Column(type="integer"),
    "number": Column(type="number"),
    "scaled": Column(type="number", scale=3),
    "text": Column(type="text"),
    "key": Column(type="text", role="subject key"),
}
ASIDE = None
DAY, MOMENT = dt.date(2026, 8, 3), dt.datetime(2026, 8, 1, 0, 30)  # noqa: DTZ001  # why: as stored
GERMAN, ENGLISH = Form(decimal=",", thousands="."), Form(thousands=",")
FRENCH = Form(decimal=",", thousands=" ")
CASES = [
    ("date", "2026-08-03", DAY), ("date", " 2026-08-03 ", DAY), ("date", "2026-8-3", DAY),
    ("date", "2026-08-03 00:00:00", DAY), ("date", "2026-08-03T00:00:00.000", DAY),
    ("date", "9999-12-31", dt.date(9999, 12, 31)), ("date", "1000-01-01", dt.date(1000, 1, 1)),
    *(("date", text, ASIDE) for text in [
        "2026-08-03 garbage", "2026-08-03 BC", "26-08-03", "epoch", "today", "now", "infinity",
        "-infinity", "99999-01-01", "10000-01-01", "0001-01-01", "0999-12-31", "2026-02-30",
        "2026-13-01", "2026-08-03T23:30:00-05:00", "2026-08-03 10:00", "20260803", "03/08/2026",
        "2026-08-03Z", "-2026-08-03", "2026-08-03,", "46237"]),
    ("timestamp", "2026-08-01 00:30:00", MOMENT), ("timestamp", "2026-08-01T00:30:00Z", MOMENT),
    ("timestamp", "2026-08-01T00:30", MOMENT), ("timestamp", "2026-08-01T08:30:00+08:00", MOMENT),
    ("timestamp", "2026-07-31 19:30:00-05", MOMENT),
    ("timestamp", "2026-08-01T06:00:00+0530", MOMENT),
    ("timestamp", "2026-08-01 00:30:00.000000000", MOMENT),
    *(("timestamp", text, ASIDE) for text in [
        "2026-08-01 24:00:00", "2026-08-01T10:00:00.123456789", "2026-08-01 10:00:00 garbage",
        "26-08-01 10:00:00", "infinity", "epoch", "now", "2026-08-01 10:60:00", "10:00:00",
        "2026-08-01 10:00:00 PM", "2026-08-01 10:00:00 Europe/Berlin", "10000-01-01 00:00:00"]),
    ("money", "12.30", Decimal("12.30")), ("money", ".5", Decimal("0.50")),
    ("money", "-7", Decimal(-7)),
    ("money", "12.3000", Decimal("12.30")), ("money", "+5.", Decimal(5)),
    ("money", "007", Decimal(7)),
    *(("money", text, ASIDE) for text in [
        "1e3", "1.234", "0.005", "19.999", "0x10", "nan", "inf", "1,234.50", "1.234,50", "(5.00)",
        "12.5-", "99999999999999999", "1_000", "£5", "5 EUR", "--5", ".", "1 000.00", "１２.30"]),
    ("integer", "007", 7), ("integer", "12.0", 12), ("integer", "-3", -3),
    ("integer", "1.5e3", 1500),
    ("integer", "9223372036854775807", 2**63 - 1),
    *(("integer", text, ASIDE) for text in [
        "1e-1", "12.5", "0x1F", "0b11", "0o7", "0.9999999999999999999", "9223372036854775808",
        "0.9999999999999999999e0", "1_000", "1e400", "nan", "true", "1e18446744073709551617"]),
    ("number", "1e-3", 0.001), ("number", "0.1", 0.1), ("number", "-2.5E2", -250.0),
    *(("number", text, ASIDE) for text in [
        "nan", "inf", "-Infinity", "1e400", "0x1p3", "1_0", "123456789012345678901", "1,5",
        "0.12345678901234567890", "9007199254740993", "0.12345678901234567", "1e-400",
        "1.2345678e-320"]),
    ("number", "9007199254740992", 2.0**53), ("number", "36.159999999999997", 36.16),
    ("number", "0.10000000000000001", 0.1), ("number", "1e300", 1e300), ("number", "0e0", 0.0),
    ("number", "100000000000000000000", 1e20), ("number", "0.00000000000000000000001", 1e-23),
    ("scaled", "1.234", Decimal("1.234")), ("scaled", "1e-3", Decimal("0.001")),
    ("scaled", "1.2345", ASIDE), ("scaled", "1e-4", ASIDE), ("scaled", "nan", ASIDE),
    ("key", "C001", "C001"), ("key", "A B-7", "A B-7"), ("key", "客户7", "客户7"),
    *(("key", text, "C001") for text in [
        "C001 ", " C001", "C001\u00a0", "\u200bC001", "C001\u200b", "\ufeffC001", "Ｃ００１",
        "C001\t", "\u2028C001", "C001\u3000", "C001\0"]),
    *(("key", text, ASIDE) for text in [
        "NULL", "null", "\\N", "N/A", "#N/A", "nan", "None", '="C001"', "=C001", "Total", "TOTAL",
        "合计", "C\t001", "C\u200b001", "C  001", "-", "?", "\u200b", "Grand total"]),
]  # fmt: skip  # why: a table


def read(kind, raw, form=None, found="VARCHAR"):
    """Return what becomes of one value as the engine read it."""
    value, wrong = taken("c", COLUMNS[kind], found, form or Form())
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        row = connection.execute(
            f'SELECT "c", {wrong} FROM (SELECT "c" AS "read c", {value} AS "c" '
            f"FROM (SELECT CAST($1 AS {found}) AS c))",
            [raw],
        ).fetchone()
    return ASIDE if row[1] else row[0]


@pytest.mark.parametrize(("kind", "text", "value"), CASES)
def test_a_text_is_its_value_or_aside(kind, text, value):
    assert read(kind, text) == value
    if kind == "key":
        assert normal_key(text) == value
    typed = value_of(COLUMNS[kind], text, "UTC")  # as somebody types it
    assert value is typed is ASIDE or typed[1] == value
    assert typed is ASIDE or value_of(COLUMNS[kind], typed[0], "UTC") == typed


@pytest.mark.parametrize("kind", ["date", "money", "integer", "scaled", "boolean"])
def test_a_text_that_is_surely_a_value_is_that_value_written_again(kind):
    plain = {
        "date": ["2026-08-03", "9999-12-31", "1000-01-01", "0999-12-31", "2026-8-30"],
        "money": ["403.92", "999.99", "-0.50", "1000.00", "7"],
        "integer": ["0", "12", "-3", "1048576", "268435455", "10000"],
        "scaled": ["0.125", "-12.500", "999.999"],
        "boolean": ["true", "false", "t", "1", "yes"],
    }[kind]
    draws = random.Random(20260803)
    texts = {*plain, "0xFFFFFFF", "1_0e3", "999.999", "2026-08-3x", "2026-8-3 a", "2026/08/03"}
    for _ in range(20_000):
        text = list(draws.choice(plain))
        for _ in range(draws.randint(1, 2)):
            at, sign = draws.randrange(len(text) + 1), draws.choice(r"0123456789.-+/\\ _eExXb:é")
            text[at : at + draws.randint(0, 1)] = sign
        texts.add("".join(text))
    declared = Column(type="boolean") if kind == "boolean" else COLUMNS[kind]
    value, wrong = taken("v", declared, "VARCHAR", Form())
    sure = surely("v", declared, "VARCHAR", Form())
    with duckdb.connect() as connection:
        found = connection.execute(
            f'SELECT "read v", CAST("v" AS VARCHAR), ({sure}), ({wrong}) FROM '
            f'(SELECT "v" AS "read v", {value} AS "v" FROM (SELECT unnest(?) AS "v"))',
            [sorted(texts)],
        ).fetchall()
    certain = [row for row in found if row[2]]
    assert not any(row[3] for row in certain)
    assert len(certain) > 100 or kind == "boolean"
    if kind != "boolean":  # of which many words are one value
        assert all(text == again for text, again, *_ in certain)


@pytest.mark.parametrize(
    "pattern",
    ["^C[0-9]{3}$", r"^\d\d$", "^[A-Z0-9]{4}$", "^=[0-9]$", "C[0-9]", "^A [0-9]$", "^nan$"],
)
def test_a_key_is_the_same_whatever_pattern_its_column_has(pattern):
    key = Column(type="text", role="subject key", rules=[{"pattern": pattern}])
    value, wrong = taken("c", key, "VARCHAR", Form())
    sql = (
        f'SELECT if({wrong}, NULL, "c") FROM (SELECT "c" AS "read c", {value} AS "c" '
        "FROM (SELECT unnest($1) AS c))"
    )
    parts = ["C", "0", "12", "Ａ", "１", " ", "=", "\u200b", "\0", "nan", "NULL", "-", "客"]
    known = [text for kind, text, _ in CASES if kind == "key"]

    @settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.generate])
    @given(st.lists(st.lists(st.sampled_from(parts), max_size=4).map("".join), min_size=20))
    @example([*known, "C001", "42", "AB12", "NULL", "=7", "xC1y", "A 7", "nan"])
    def holds(texts):
        with duckdb.connect() as connection:
            found = [row[0] for row in connection.execute(sql, [texts]).fetchall()]
        assert found == [normal_key(text) for text in texts]

    holds()


@pytest.mark.parametrize(
    ("kind", "text", "form", "value"),
    [
        ("money", "1.234,50", GERMAN, Decimal("1234.50")),
        ("money", "1234,5", GERMAN, Decimal("1234.50")),
        ("money", "1.234.567", GERMAN, Decimal(1234567)),
        ("money", "1,234.50", GERMAN, ASIDE),
        ("money", "1.5", GERMAN, ASIDE),
        ("money", "12.34,50", GERMAN, ASIDE),
        ("money", "1,234.50", ENGLISH, Decimal("1234.50")),
        ("money", "1,23.50", ENGLISH, ASIDE),
        ("money", "1'234.50", Form(thousands="'"), Decimal("1234.50")),
        ("money", "1’234.50", Form(thousands="'"), Decimal("1234.50")),
        ("money", "1\u00a0234\u202f567,50", FRENCH, Decimal("1234567.50")),
        ("money", "12\u00a034,50", FRENCH, ASIDE),
        ("money", "1\u00a0234,50\u00a0", FRENCH, ASIDE),
        ("integer", "1.234", GERMAN, 1234),
        ("number", "0,25", GERMAN, 0.25),
        ("date", "31/12/2026", Form("%d/%m/%Y"), dt.date(2026, 12, 31)),
        ("date", "3/4/2026", Form("%d/%m/%Y"), dt.date(2026, 4, 3)),
        ("date", "12/31/2026", Form("%d/%m/%Y"), ASIDE),
        ("date", "31/12/2026 x", Form("%d/%m/%Y"), ASIDE),
        ("date", "31/12/26", Form("%d/%m/%Y"), ASIDE),
        ("date", "epoch", Form("%d/%m/%Y"), ASIDE),
        ("date", "20260930", Form("%Y%m%d"), dt.date(2026, 9, 30)),
        ("date", "3 aug 2026", Form("%d %b %Y"), DAY),
        ("date", "03/08/2026 10:30", Form("%d/%m/%Y %H:%M"), ASIDE),
        ("timestamp", "01/08/2026 00:30", Form("%d/%m/%Y %H:%M"), MOMENT),
        ("timestamp", "2026-07-31T16:30:00Z", Form(zone="Asia/Shanghai"), MOMENT),
        ("timestamp", "2026-08-01 00:30:00", Form(zone="Asia/Shanghai"), MOMENT),
        ("timestamp", "2026-08-01T00:30:00+08:00", Form(zone="Asia/Shanghai"), MOMENT),
    ],
)
def test_a_form_that_is_named_is_read_and_no_other(kind, text, form, value):
    assert read(kind, text, form) == value


@pytest.mark.parametrize(
    ("kind", "found", "raw", "value"),
    [
        ("key", "DECIMAL(6,1)", Decimal("1001.0"), "1001"),
        ("key", "DECIMAL(6,1)", Decimal("1001.5"), ASIDE),
        ("key", "BOOLEAN", True, ASIDE),
        ("key", "DATE", DAY, ASIDE),
        ("key", "BLOB", "客户7".encode(), "客户7"),
        ("text", "BLOB", "客户7".encode(), "客户7"),
        ("text", "BLOB", b"\xff", ASIDE),
        ("date", "BLOB", b"2026-08-03", ASIDE),
        ("integer", "BOOLEAN", True, ASIDE),
        ("key", "DOUBLE", 1001.0, "1001"),
        ("key", "DOUBLE", 1001.5, ASIDE),
        ("key", "BIGINT", 1001, "1001"),
        ("key", "DOUBLE", 1e17, ASIDE),
        ("key", "DOUBLE", math.nan, ASIDE),
        ("text", "DOUBLE", 36.16, "36.16"),
        ("money", "DOUBLE", 0.1, Decimal("0.10")),
        ("money", "DOUBLE", 19.999, ASIDE),
        ("money", "DOUBLE", math.inf, ASIDE),
        ("money", "DECIMAL(18,4)", Decimal("1.2340"), ASIDE),
        ("money", "DECIMAL(18,4)", Decimal("1.2300"), Decimal("1.23")),
        ("integer", "DOUBLE", 12.0, 12),
        ("integer", "DOUBLE", 12.5, ASIDE),
        ("integer", "HUGEINT", 2**63, ASIDE),
        ("number", "DOUBLE", math.nan, ASIDE),
        ("number", "FLOAT", math.inf, ASIDE),
        ("date", "TIMESTAMP", dt.datetime(2026, 8, 3), DAY),  # noqa: DTZ001  # why: as in files
        ("date", "TIMESTAMP", MOMENT, ASIDE),
        ("date", "BIGINT", 20260930, ASIDE),
        ("date", "DATE", dt.date(26, 8, 3), ASIDE),
        ("timestamp", "DATE", DAY, dt.datetime(2026, 8, 3)),  # noqa: DTZ001  # why: as stored
        ("timestamp", "TIMESTAMP", dt.datetime(1, 1, 1), ASIDE),  # noqa: DTZ001  # why: as in files
        ("timestamp", "TIMESTAMP_NS", MOMENT, MOMENT),
    ],
)  # fmt: skip  # why: a table
def test_a_value_of_another_type_is_taken_where_it_reads_back(kind, found, raw, value):
    assert read(kind, raw, found=found) == value


def test_an_instant_is_kept_as_the_workspaces_own_time():
    at = dt.datetime(2026, 7, 31, 16, 30, tzinfo=dt.UTC)
    form = Form(zone="Asia/Shanghai")
    assert read("timestamp", at, form, "TIMESTAMP WITH TIME ZONE") == MOMENT
    assert read("date", at, form, "TIMESTAMP WITH TIME ZONE") == ASIDE
    midnight = at.replace(hour=16, minute=0)
    assert read("date", midnight, form, "TIMESTAMP WITH TIME ZONE") == dt.date(2026, 8, 1)


CATALOG = catalog_of(
    "events",
    """\
customer_id: {type: text, role: subject key, sensitivity: personal}
day: {type: date}
at: {type: timestamp}
amount: {type: money}
number: {type: integer}
share: {type: number}
words: {type: text}
""",
)
NAMES = ["customer_id", "day", "at", "amount", "number", "share", "words"]
ROWS = st.lists(
    st.tuples(
        st.from_regex(r"[A-Z][0-9]{3}", fullmatch=True),
        st.dates(dt.date(1900, 3, 1)),
        st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 30)).map(  # noqa: DTZ001
            lambda at: at.replace(microsecond=0)
        ),
        st.decimals(-(10**12), 10**12, places=2, allow_nan=False),
        st.integers(-(10**14), 10**14),
        st.one_of(
            st.floats(-1e6, 1e6, allow_subnormal=False), st.sampled_from([math.nan, math.inf])
        ),
        st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8),
    ),
    min_size=20,
    max_size=40,
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("values")
    (folder / "workbench.toml").write_text("")
    (folder / "catalog.yaml").write_text(CATALOG)
    return wb.open_workspace(folder)


def stored(desk):
    with desk.store.reading() as connection:
        return connection.execute(f"SELECT {', '.join(map(repr, NAMES))} FROM lake.events".replace(
            "'", '"')).fetchall()  # fmt: skip  # why: one query


def write(path, rows):
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet()
        sheet.append(NAMES)
        for row in rows:
            finite = [v if not isinstance(v, float) or math.isfinite(v) else None for v in row]
            plain = [float(v) if isinstance(v, Decimal) else v for v in finite]
            cells = [WriteOnlyCell(sheet, value=value) for value in plain]
            if isinstance(row[-1], str) and row[-1].startswith("="):
                cells[-1].data_type = "s"
            sheet.append(cells)
        book.save(path)
    else:
        with duckdb.connect() as connection:
            connection.execute(
                'CREATE TABLE t (customer_id VARCHAR, day DATE, "at" TIMESTAMP, '
                "amount DECIMAL(18,2), number BIGINT, share DOUBLE, words VARCHAR)"
            )
            connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            form = "parquet" if path.suffix == ".parquet" else "csv, FORCE_QUOTE *"
            connection.execute(f"COPY t TO '{path}' (FORMAT {form})")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx"])
def test_what_is_stored_is_what_was_sent_and_every_row_is_somewhere(desk, suffix):
    path = desk.settings.root / f"sent{suffix}"
    before = Counter(stored(desk)) if desk.store.exists else Counter()

    @settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
    @given(ROWS)
    @example([("A001", dt.date(2026, 1, 1), MOMENT, Decimal("0.07"), 7, math.nan, " x ")])
    def holds(rows):
        nonlocal before
        write(path, rows)
        if all(suffix != ".xlsx" and not math.isfinite(row[5]) for row in rows):
            with pytest.raises(SourceError, match="none of the"):
                desk.ingest("events", path)
            return
        taken = desk.ingest("events", path)
        if taken.known:
            return
        assert taken.rows == len(rows) == taken.added + taken.quarantined
        now = Counter(stored(desk))
        new, before = list((now - before).elements()), now
        good = [row for row in rows if suffix == ".xlsx" or math.isfinite(row[5])]

        def plain(row):
            share = None if row[5] is None or not math.isfinite(row[5]) else float(row[5])
            if suffix == ".xlsx" and share is not None:
                share = float(f"{float(f'{share:.16g}'):.15g}")  # why: written with 16 digits
            return (*row[:5], share, row[6] or None if suffix != ".parquet" else row[6])

        found = sorted(map(plain, new), key=repr)
        assert found == sorted(map(plain, good), key=repr)

    holds()


def test_a_workbook_is_read_as_its_cells_show(desk):
    path = desk.settings.root / "odd.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Events of August"])
    sheet.append([])
    sheet.append(NAMES)
    good = ["C001", DAY, MOMENT, 36.16, 7, 0.5, 36.159999999999997]
    sheet.append(good)
    sheet.append([])
    sheet.append([*good[:-1], 1234.0])
    for place, value in [
        (1, 20260930), (1, dt.time(12)), (3, "#N/A"), (0, "=A1&A2"), (6, 12345678901234567890),
        (1, 46237), (0, "#REF!"), (6, "=1/0"),
    ]:  # fmt: skip  # why: a table
        sheet.append([*good[:place], value, *good[place + 1 :]])
    sheet.cell(sheet.max_row + 1, 1, 42).number_format = "00000"
    for place, value in enumerate(good[1:], 2):
        sheet.cell(sheet.max_row, place, value)
    book.save(path)
    taken = desk.ingest("events", path)
    assert (taken.rows, taken.added, taken.quarantined) == (11, 3, 8)
    assert [row[6] for row in stored(desk)][-3:] == ["36.16", "1234", "36.16"]
    assert [row[0] for row in stored(desk)][-3:] == ["C001", "C001", "00042"]
    kept = desk.quarantine("events", "reporting").query("file == 'odd.xlsx'")
    assert list(kept.line) == list(range(7, 15))


def test_days_of_a_workbook_from_1904_are_its_days(desk):
    path = desk.settings.root / "old.xlsx"
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active.append(NAMES)
    book.active.append(["D001", DAY, MOMENT, 1, 1, 1, "mac"])
    book.save(path)
    assert desk.ingest("events", path).added == 1
    assert stored(desk)[-1][1:3] == (DAY, MOMENT)


def test_days_written_as_text_have_a_way_in(desk):
    path = desk.settings.root / "text.xlsx"
    book = openpyxl.Workbook()
    book.active.append(NAMES)
    book.active.append(["D002", "31/12/2026", None, "1.234,50", 1, 1, "text"])
    book.save(path)
    with pytest.raises(SourceError, match="none of the 1 rows"):
        desk.ingest("events", path)
    assert desk.ingest("events", path, date_format="%d/%m/%Y", decimal=",").added == 1
    assert stored(desk)[-1][1:4] == (dt.date(2026, 12, 31), None, Decimal("1234.50"))


HEADER = ",".join(NAMES)
LINE = "C001,2026-08-03,,1,1,1,x"
OLD = b"\xd0\xcf\x11\xe0"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("locked.xlsx", OLD + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        ("old.xlsx", OLD + b"x" * 600, "an old .xls workbook. Save it as .xlsx"),
        ("old.xls", b"x", "an old workbook. Save it as .xlsx"),
        ("mixed.csv", f"{HEADER}\r\n{LINE}\n{LINE}\r\n".encode(), "mixes ends of lines (CR LF"),
        ("wide.csv", f"{HEADER}\n{LINE}\n".encode("utf-16-le"), "--encoding utf-16-le"),
        ("wide.csv", f"{HEADER}\n{LINE}\n".encode("utf-16-be"), "--encoding utf-16-be"),
        ("byte.csv", f"{HEADER}\n{LINE}\n{LINE}".encode() + b"\xff\n", "not utf-8 text (line 3)"),
        ("loud.csv", f"{HEADER.upper()}\n{LINE}\n".encode(), "'DAY' is nearly 'day'"),
        ("blank.csv", f"{HEADER.replace('customer_id', 'Customer ID')}\n{LINE}\n".encode(),
         "'Customer ID' is nearly 'customer_id': give the column 'header:'"),
    ],
)  # fmt: skip  # why: a case a line
def test_what_a_file_is_is_named(desk, name, content, told):
    path = desk.settings.root / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=re.escape(told)):
        desk.ingest("events", path)


def odd(*lines, end="\n", header=HEADER):
    return end.join([header, *lines, ""]).encode()


ONE, TWO = "D001,2026-08-03,2026-08-01T00:30:00+08:00,1.50,1,0.5,x", "D002,2026-08-03,,1,1,1,{}"
ODD = {  # what is wrong with it, if anything is
    "crlf.csv": (None, odd(ONE, TWO, end="\r\n")),
    "cr.csv": (None, odd(ONE, TWO.format("cr"), end="\r")),
    "mixed.csv": ("mixes ends of lines", f"{HEADER}\r\n{ONE}\n{TWO}\r\n".encode()),
    "unended.csv": ("no end: the file may be cut", odd(ONE, TWO)[:-1]),
    "mark.csv": (None, b"\xef\xbb\xbf" + odd(ONE, TWO)),
    "wide.csv": (None, odd(ONE, TWO).decode().encode("utf-16")),
    "byte.csv": ("not utf-8 text (line 3)", odd(ONE) + TWO.encode().replace(b"{}", b"\xff\n")),
    "sep.csv": (None, b"sep=;\n" + odd(ONE, TWO).replace(b",", b";")),
    "tab.csv": (None, odd(ONE, TWO).replace(b",", b"\t")),
    "title.csv": (None, b"Events of August\n\n" + odd(ONE, TWO)),
    "trailing.csv": (None, odd(f"{ONE},", f"{TWO},")),
    "blank.csv": (None, odd(ONE, "", TWO.format("blank"), "")),
    "quote.csv": ("a quote that does not end", odd(ONE, TWO.format('"open'))),
    "break.csv": (None, odd(ONE, TWO.format('"a\nb"'))),
    "few.csv": ("fewer fields", odd(ONE, "D002,2026-08-03")),
    "many.csv": ("more fields", odd(ONE, f"{TWO},y")),
    "capitals.csv": ("'DAY' is nearly 'day'", odd(ONE, header=HEADER.upper())),
    "twice.csv": ("each there once", odd(f"{ONE},1", header=f"{HEADER},day")),
    "header.csv": ("holds no rows", odd()),
    "key.csv": ("not a customer's key", odd(ONE, TWO.replace("D002", "N/A"))),
    "keys.csv": (None, odd(ONE, TWO.replace("D002", "Ｄ００２\u00a0"))),
    "day.csv": ("day", odd(ONE, TWO.replace("2026-08-03", "26-08-03"))),
    "money.csv": ("amount", odd(ONE, TWO.replace(",1,", ",1.234,", 1))),
}


@pytest.fixture(scope="module")
def loader(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loader")
    (folder / "workbench.toml").write_text("")
    (folder / "data").mkdir()
    (folder / "catalog.yaml").write_text(CATALOG)
    return wb.open_workspace(folder)


@pytest.mark.parametrize("name", ODD)
def test_init_and_ingest_are_one_loader(desk, loader, name):
    wrong, content = ODD[name]
    before = Counter(stored(desk)) if desk.store.exists else Counter()
    path = desk.settings.root / f"odd-{name}"
    path.write_bytes(content)
    (loader.settings.path("source") / "events.csv").write_bytes(content)
    if wrong is None:
        taken = desk.ingest("events", path)
        loader.init(reload=["events"])
        assert Counter(stored(desk)) - before == Counter(stored(loader))
        assert (taken.added, taken.quarantined) == (2, 0)
        return
    with pytest.raises(SourceError, match=re.escape(wrong)):
        loader.init(reload=["events"])
    try:
        assert desk.ingest("events", path).quarantined == 1
    except SourceError as problem:
        reason = str(problem)
    else:
        (reason,) = desk.quarantine("events", "reporting").query(f"file == 'odd-{name}'").reasons
    assert wrong in reason


def test_a_last_line_without_an_end_is_aside(desk):
    path = desk.settings.root / "cut.csv"
    path.write_text(f"{HEADER}\n{LINE}\nC002,2026-08-03,,1,1,1,y")
    taken = desk.ingest("events", path)
    assert (taken.rows, taken.added, taken.quarantined) == (2, 1, 1)
    (kept,) = desk.quarantine("events", "reporting").query("file == 'cut.csv'").itertuples()
    assert (kept.line, kept.reasons) == (3, "no end: the file may be cut")


def test_a_name_is_no_pattern_of_names(desk):
    for name, who in (("exp[1].csv", "E001"), ("exp1.csv", "E999")):
        (desk.settings.root / name).write_text(f"{HEADER}\n{LINE.replace('C001', who)}\n")
    assert desk.ingest("events", desk.settings.root / "exp[1].csv").added == 1
    assert stored(desk)[-1][0] == "E001"


def test_a_file_read_in_another_way_is_another_one(tmp_path):
    (tmp_path / "workbench.toml").write_text("")
    keyed = CATALOG.replace(
        "subject_key: customer_id", "subject_key: customer_id\n    row_key: [customer_id]"
    )
    for name, content in (("keyed", keyed), ("plain", CATALOG)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "workbench.toml").write_text("")
        (folder / "catalog.yaml").write_text(content)
        ws = wb.open_workspace(folder)
        (folder / "e.csv").write_text(
            f"{HEADER}\nC001,03/04/2026,,1,1,1,x\nC002,13/04/2026,,1,1,1,x\n"
        )
        first = ws.ingest("events", folder / "e.csv", date_format="%m/%d/%Y")
        assert (first.added, first.quarantined) == (1, 1)
        assert ws.ingest("events", folder / "e.csv", date_format="%m/%d/%Y").known
        if name == "plain":
            with pytest.raises(SourceError, match="read in another way, and the table has no key"):
                ws.ingest("events", folder / "e.csv", date_format="%d/%m/%Y")
            continue
        again = ws.ingest("events", folder / "e.csv", date_format="%d/%m/%Y")
        assert (again.added, again.updated, again.quarantined) == (1, 1, 0)
        assert {row[1] for row in stored(ws)} == {dt.date(2026, 4, 3), dt.date(2026, 4, 13)}
        assert ws.kept_aside() == []
