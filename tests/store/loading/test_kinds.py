"""Texts by kind: each is itself in every kind of file and as somebody types it, or it is aside."""

import csv
import datetime as dt
import re
import unicodedata
import zipfile
from collections import Counter
from decimal import Decimal

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

import workbench as wb
from benchmarks.catalogs import catalog_of
from workbench.catalog import Column
from workbench.errors import SourceError
from workbench.store.loading import workbooks
from workbench.store.loading.values import Form, taken, value_of

COLUMNS = {
    "day": Column(type="date"),
    "at": Column(type="timestamp"),
    "amount": Column(type="money"),
    "whole": Column(type="integer"),
    "share": Column(type="number"),
    "scaled": Column(type="number", scale=1),
    "flag": Column(type="boolean"),
    "words": Column(type="text"),
    "customer_id": Column(type="text", role="subject key"),
}
ZONE = "Europe/Berlin"  # clocks skip 02:00 to 03:00 on 2026-03-29, and repeat it on 2026-10-25


def day(text):
    return dt.date.fromisoformat(text)


def at(text):
    return dt.datetime.fromisoformat(text)


TAKEN = {
    "day": {
        "2024-02-29": day("2024-02-29"), "2000-02-29": day("2000-02-29"),
        **dict.fromkeys(["2026-8-3", "2026-08-3", "2026-8-03", "2026-08-03 00:00", "\t2026-08-03",
                         "2026-08-03T00:00:00", "2026-08-03 00:00:00.000000",
                         "2026-08-03 00:00:00 "], day("2026-08-03")),
    },
    "at": {
        "2026-03-29 01:59:59": at("2026-03-29 01:59:59"),
        "2026-03-29 03:00": at("2026-03-29 03:00"),
        "2026-03-29T01:30:00Z": at("2026-03-29 03:30"), "2026-10-25 02:30": at("2026-10-25 02:30"),
        "2026-10-25T01:30:00Z": at("2026-10-25 02:30"), "2026-08-01": at("2026-08-01"),
        "2026-08-01T10:00:00+08": at("2026-08-01 04:00"), "2026-8-1": at("2026-08-01"),
        "2026-08-01T10:00Z": at("2026-08-01 12:00"),
        "2026-08-01 9:30+05:30": at("2026-08-01 06:00"),
        "2026-08-01T10:00 -05": at("2026-08-01 17:00"),
        "2026-08-01T10:00:00+05:45": at("2026-08-01 06:15"),
        "2026-08-01T10:00:00+1400": at("2026-07-31 22:00"),
        "2026-08-01T10:00:00-00:00": at("2026-08-01 12:00"),
        "2026-08-01 10:00:00.1": at("2026-08-01 10:00:00.1"),
        "2026-08-01 10:00:00.123456000": at("2026-08-01 10:00:00.123456"),
        "9999-12-31T23:59:59.999999": at("9999-12-31T23:59:59.999999"),
    },
    "amount": {
        **dict.fromkeys(["5", "+5", "5.", "5.0", "5.00000000", " 5 ", "0005"], Decimal(5)),
        ".5": Decimal("0.5"), "-0": Decimal(0), "1.10": Decimal("1.1"), "-5": Decimal(-5),
        "1234567890123456.78": Decimal("1234567890123456.78"),
    },
    "whole": {
        "00012": 12, "1e3": 1000, "1E+3": 1000, "1.5e3": 1500, "-0.0": 0,
        "1.00000000000000000000": 1,
        "9223372036854775807": 2**63 - 1, "-9223372036854775808": -(2**63), "1e18": 10**18,
    },
    "share": {"1.10": 1.1, ".5": 0.5, "5.": 5.0, "1E-5": 1e-5, "-0.0": 0.0, "00012": 12.0,
              "123456789012345.67": 123456789012345.67},
    "scaled": {"1.10": Decimal("1.1"), "1e-1": Decimal("0.1"), "1e15": Decimal(10**15)},
    "flag": {**dict.fromkeys(["true", "TRUE", "True", "tRuE", "T", "t", "1", "yes", "y"], True),
             **dict.fromkeys(["false", "False", "F", "f", "0", "no", "N"], False)},
    "words": {text: text for text in [
        "a\0b", "\u202eevil\u202c", "\u200f\u0639", "e\u0301", "é", " x ", "NULL", "#N/A",
        "a\tb", "-",
        "line\nbreak", 'a "quoted" b', "a,b;c", "𠀀", "\ufeffx", "=1+1", "x" * 40_000,
        "\\N", "\u00a0",
        "1e400", "\x1b[31m", "'", '"', "naïve", "\u2028", "👩\u200d🔬", "\x7f", "١٢٣"]},
    "customer_id": {
        **{text: text for text in [
            "c001", "0001", "1001", "1E3", "C/001", "../C1", "C 001", "-5", "+1", "@C1",
            "客户7", "0",
            "true", "C\\1", "x" * 5000, "ß", "a.b+c@d.example", "10.5", "v1.0.1", "1.0e",
            "Total 7"]},
        **dict.fromkeys(["C1\u00ad", "\u2066C1\u2069", "\u202eC1", "\u3164C1", "C1\u2800",
        "C1\ufe0f",
                         "\U000e0001C1", "\x85C1\r\n", "C1\u034f", "\ufeffC1\u2060"], "C1"),
        **{unicodedata.normalize("NFD", text): text for text in ["Müller-7", "가1", "Cé", "ạ̀1"]},
        "\u212a1": "K1",  # the sign of the kelvin
    },
}  # fmt: skip  # why: a table
ASIDE = {
    "day": [
        "2026-02-29", "1900-02-29", "03.08.2026", "2026-08-03T24:00:00", "+002026-08-03",
        "+2026-08-03", "2026-W31-1", "2026-215", "2026-08", "2026", "46237", "46237.0",
        "2026/08/03",
        "2026-08-03T00:00:00Z", "2026-08-03 00:00:00+00:00", "2026-08-03 00", "2026.08.03",
        "2026-08-03T00:00:00.000001", "2026 08 03", "2026-08/03", "2026-08-3x", "2026-08-03\u00a0",
        "2026-08-03\u200b", "２０２６-08-03", "٢٠٢٦-٠٨-٠٣", "2026\u201308\u201303", "0000-00-00",
        "2026-00-10", "2026-01-00", "2026-001-01", "2026-08-032", "3 Aug 2026", "02026-08-03",
        "2026-08-03 AD", "2026-08-03 (BC)", "yesterday", "tomorrow", "2026-08-03--", "26-8-3",
        "'2026-08-03", "epoch     ", " epoch", "Infinity", "1e3", "NULL", "2026-08-03 00:00:00."],
    "at": [
        "2026-03-29 02:30:00", "2026-10-25 02:30:00+02:00", "2026-10-25T00:30:00Z",
        "2026-08-01T10:00:00+25:00", "2026-08-01T10:00:00+15:00", "2026-08-01T10:00:00+08:60",
        "2026-08-01T10:00:00+08:00:30", "2026-08-01T10:00:00+8", "2016-12-31T23:59:60Z",
        "2016-12-31 23:59:60", "2026-08-01T10:00:00UTC", "2026-08-01T10:00:00 CET",
        "2026-08-01T10:00:00[Europe/Berlin]", "2026-08-01T10", "2026-08-01 10:00:00.1234567",
        "2026-08-01 10:00:00,5", "2026-08-01 10:00 am", "2026-08-01  10:00:00", "20260801T100000Z",
        "1785578400", "2026-08-01 24:00", "2026-08-01 25:00:00", "2026-08-01 10:00:61",
        "2026-08-01\u00a010:00:00", "2026-08-01T10:00:00\u221205:00", "9999-12-31T23:59:59-05:00",
        "1000-01-01T00:00:00+05:00", "2026-02-29 10:00:00", "today 10:00",
        "2026-10-25T00:30:00+00", "2026-10-25T00:30Z", "2026-08-01T10Z", "2026-08-01Z",
        "2026-08-01T10:00+8", "2026-08-01T10:00ZZ"],
    "amount": [
        "1e3", "1.234", "1,234", "1 234", "1'234", "1\u00a0234", "١٢٣", "１２３",
        "\u22125", "(5.00)", "5-",
        "5.00-", "++5", "1_000", "0b1", "0x1F", "$5", "5%", "€5", "1/2", "½", "²", "∞",
        "12,5", "1..2",
        "1.2.3", "5\u00a0", "\u200b5", "1 2", "NULL", "nan", "12345678901234567.89",
        "true", "1e-400"],
    "whole": [
        "1e-1", "0.1", "9223372036854775808", "-9223372036854775809", "9" * 41, "1e19",
        "1_000", "0b1",
        "0x1F", "0o17", "١٢٣", "１２", "\u22125", "5-", "(5)", "½", "²", "1,000", "1 000",
        "1e", "e5", "1d3",
        "5%", "0.99999999999999999999", "1.0000000000000000000000001", "true", "", "1e3.5", "--5"],
    "share": ["1,5", "1e400", "-1e400", "1e-400", "0x1p3", "1_0", "inf", "Infinity",
    "nan(1)", "1d3",
              "9007199254740993", "0.1234567890123456789", "1e", "½", "5%", "１.5",
              "\u22121.5", "1.5-"],
    "scaled": ["1.23", "1e-2", "0.04999", "nan", "1e18", "123456789012345678.9"],
    "flag": ["ja", "nein", "是", "oui", "on", "off", "1.0", "2", "-1", "01", "10", " true",
    "true ", "wahr",
             "х", "t\u200b", "TRUE.", "NULL", "0.0", "y e s"],
    "words": [],
    "customer_id": [
        "C\u00ad1", "C\u200d1", "C\u2060\u0031", "C\u202e1", "C\u034f1", "C\u115f1", "C\u31641",
        "C\ufe0f1", "C\u28001", "C\u180e1", "C\uffa01", "C\u00a01", "C\u30001", "C\u20031", "C\r1",
        "C\n1", "C\x7f1", "C\x1b1", "C\x851", "C\0001", "\u3164", "1001.0", "7.000",
        "1.5E+10", "1E+3",
        "１００１．０", "=A1", "＝A1", "'C001", '"C001"', "`C1`", "—", "–", "\u2212",
        "...", "''", "*", "\ufffd",
        "N.A.", "<NA>", "<null>", "NaT", "(empty)", "#REF!", "#VALUE!", "#DIV/0!",
        "#NAME?", "#NUM!",
        "Total:", "合计：", "Summe :", "Zwischensumme", "Итого:", "總計", "なし",
        "Summe", "Gesamt", "Grand Total", "汇总", "missing", "unbekannt",
        "未知", "ＮＵＬＬ"],
}  # fmt: skip  # why: a table
CASES = [
    (kind, text, value)
    for kind in COLUMNS
    for text, value in [*TAKEN[kind].items(), *((text, None) for text in ASIDE[kind] if text)]
]


def judged(kind, texts, form):
    """Return what becomes of texts, None where they are aside."""
    value, wrong = taken("c", COLUMNS[kind], "VARCHAR", form)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(
            f'SELECT if({wrong}, NULL, "c") FROM (SELECT "c" AS "read c", {value} AS "c" '
            "FROM (SELECT unnest($1) AS c))",
            [texts],
        )
        return [row[0] for row in found.fetchall()]


@pytest.mark.parametrize("kind", COLUMNS)
def test_somebody_types_what_a_file_may_hold(kind):
    cases = [case[1:] for case in CASES if case[0] == kind]
    for text, value in cases[::5]:  # the SQL is that of files; each opens an engine
        found = value_of(COLUMNS[kind], text, ZONE)
        assert (found and found[1]) == value, text


FORMS = {
    "%d.%m.%Y": (["03.08.2026", "3.8.2026", " 03.08.2026 "],
                 ["03.08.26", "29.02.2026", "03.08.0026", "03.08.12026", "03/08/2026", "3. 8. 2026",
                  "03.08.2026 00:00", "03.8.2026x", "epoch", "infinity", "00.08.2026", "3.8.٢٠٢٦"]),
    "%d.%m.%y": (["03.08.26", "3.8.26"], ["03.08.2026", "31.02.26", "3.8.-6", "03.08.026"]),
    "%m/%d/%y": (["08/03/26", "8/3/26"], ["13/03/26", "08/03/2026", "08/33/26"]),
    "%y%m%d": (["260803"], ["20260803", "26083", "260833"]),
    "%Y%m%d": (["20260803", "20260803 "], ["2026083", "260803", "20260230", "020260803"]),
    "%d-%b-%Y": (["03-Aug-2026", "3-AUG-2026"], ["03-Mai-2026", "03-August-2026", "03-Aug-26"]),
    "%B %d, %Y": (["August 3, 2026"], ["Aug 3, 2026", "August 3, 26"]),
    "%Y-%j": (["2026-215"], ["2026-366", "26-215"]),
    "%G-W%V-%u": (["2026-W32-1"], ["2026-W54-1", "26-W32-1"]),
}  # fmt: skip  # why: a table


@pytest.mark.parametrize("form", FORMS)
def test_a_day_is_read_in_the_form_that_is_named(form):
    good, bad = FORMS[form]
    found = judged("day", [*good, *bad], Form(form))
    assert dict(zip([*good, *bad], found, strict=True)) == {
        **dict.fromkeys(good, day("2026-08-03")), **dict.fromkeys(bad)
    }  # fmt: skip  # why: two parts


MOMENTS = {  # in Berlin, where the clocks went back on 2026-10-25 at 01:00 UTC
    "01/08/2026 10:00:00 +0000": at("2026-08-01 12:00"), "1/8/2026 10:00:00 +08:00":
    at("2026-08-01 04:00"), "01/08/2026 10:00:00 -05": at("2026-08-01 17:00"),
    "01/08/2026 10:00:00Z": at("2026-08-01 12:00"), "25/10/2026 01:30:00 +0000":
    at("2026-10-25 02:30"), "25/10/2026 00:30:00 +0000": None, "01/08/2026 10:00:00": None,
    "01/08/2026 10:00:00 +25:00": None, "01/08/26 10:00:00 +00": None,
    "31/02/2026 10:00:00 +00": None, "01/08/2026 10:00:00 +00 x": None,
}  # fmt: skip  # why: a table


def test_a_moments_offset_is_read_in_the_form_that_is_named():
    found = judged("at", list(MOMENTS), Form("%d/%m/%Y %H:%M:%S %z", zone=ZONE))
    assert dict(zip(MOMENTS, found, strict=True)) == MOMENTS


MARKS = {  # by decimal and thousands mark
    (".", ""): [None, 1.234, None, None, None, None, None],
    (".", ","): [1234, 1.234, 1234.5, None, None, None, None],
    (",", "."): [1.234, 1234, None, 1234.5, None, None, None],
    (",", " "): [1.234, None, None, None, 1234.5, None, None],
    (".", "'"): [None, 1.234, None, None, None, 1234.5, None],
}
TEXTS = ["1,234", "1.234", "1,234.50", "1.234,50", "1 234,50", "1'234.50", "12,34.5"]


@pytest.mark.parametrize(("decimal", "thousands"), MARKS)
def test_a_number_is_read_by_the_marks_that_are_named(decimal, thousands):
    values = MARKS[decimal, thousands]
    form = Form(decimal=decimal, thousands=thousands)
    assert judged("share", TEXTS, form) == values
    whole = [value if value is not None and value % 1 == 0 else None for value in values]
    assert judged("whole", TEXTS, form) == whole
    exact = [None if value is None or value == 1.234 else Decimal(str(value)) for value in values]
    assert judged("amount", TEXTS, form) == exact


def made(folder, suffix=".csv"):
    (folder / "data").mkdir()
    (folder / "workbench.toml").write_text(f'time_zone = "{ZONE}"\n')
    columns = "".join(
        f"{name}: {{type: {each.type}{'' if each.scale is None else f', scale: {each.scale}'}"
        f"{', role: subject key, sensitivity: personal' if name == 'customer_id' else ''}}}\n"
        for name, each in COLUMNS.items()
    )
    text = catalog_of("events", f"n: {{type: integer}}\n{columns}")
    (folder / "catalog.yaml").write_text(text.replace("events.csv", f"events{suffix}"))
    return wb.open_workspace(folder)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    return made(tmp_path_factory.mktemp("kinds"))


def write(path, rows):
    names = ["n", *COLUMNS]
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([names, *rows])
    elif path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        for place, row in enumerate([names, *rows], 1):
            for column, text in enumerate(row, 1):
                cell = book.active.cell(place, column, text)
                cell.data_type = "n" if text is None else "s"
        book.save(path)
    else:
        with duckdb.connect() as connection:
            kinds = ", ".join(f'"{name}" VARCHAR' for name in names)
            connection.execute(f"CREATE TABLE t ({kinds})")
            connection.execute("INSERT INTO t SELECT unnest($1), " + ", ".join(
                f"unnest(${n})" for n in range(2, len(names) + 1)
            ), list(map(list, zip(*rows, strict=True))))  # fmt: skip  # why: one call
            connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")


def cases_of(suffix):
    return [
        (kind, text, value)
        for kind, text, value in CASES
        if suffix != ".xlsx"
        or not (ILLEGAL_CHARACTERS_RE.search(text) or set(text) & set("\r\n") or len(text) > 32_000)
    ]


def write_cases(path, cases):
    good = {"customer_id": "C1"}
    rows = [
        [str(n), *({**good, kind: text}.get(name) for name in COLUMNS)]
        for n, (kind, text, _) in enumerate(cases)
    ]
    write(path, rows)


def stored(desk):
    with desk.store.reading() as connection:
        named = ", ".join(f'"{name}"' for name in COLUMNS)
        found = connection.execute(f"SELECT n, {named} FROM lake.events ORDER BY rowid").fetchall()
    return [(row[0], dict(zip(COLUMNS, row[1:], strict=True))) for row in found]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx"])
def test_every_text_is_itself_or_aside_in_every_kind_of_file(desk, suffix):
    cases, path = cases_of(suffix), desk.settings.root / f"kinds{suffix}"
    write_cases(path, cases)
    taken = desk.ingest("events", path)
    assert taken.rows == len(cases) == taken.added + taken.quarantined
    found = dict(stored(desk)[-taken.added :])
    for n, (kind, text, value) in enumerate(cases):
        assert found.get(n, {}).get(kind) == value, (kind, text)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx"])
def test_an_estate_is_loaded_by_the_same_rule(tmp_path, suffix):
    cases, ws = cases_of(suffix), made(tmp_path, suffix)
    source = tmp_path / "data" / f"events{suffix}"
    write_cases(source, cases)
    with pytest.raises(SourceError, match="does not match table 'events': ") as refusal:
        ws.init()
    bad = Counter(kind for kind, _, value in cases if value is None)
    for kind in bad:
        assert f"'{kind}' in {bad[kind]:,} rows is not" in str(refusal.value)
    good = [case for case in cases if case[2] is not None]
    write_cases(source, good)
    assert ws.init() == {"events": len(good)}
    assert [row[kind] for (_, row), (kind, *_) in zip(stored(ws), good, strict=True)] == [
        value for *_, value in good
    ]


CELLS = {  # a column's place, what its cell holds and in which format; what is stored, or why not
    "percent": (4, 0.5, "0%", Decimal("0.5")),
    "currency": (4, 1234.5, '#,##0.00 "€"', Decimal("1234.5")),
    "float": (4, 0.1 + 0.2, "General", Decimal("0.3")),
    "too fine": (4, 1.005, "General", "amount: not an amount"),
    "yes for an amount": (4, True, "General", "amount: not an amount"),
    "whole": (5, 3.0, "0.00", 3),
    "serial": (2, 46237, "General", "day: not a date (2026"),
    "serial as a day": (2, 46237, "yyyy-mm-dd", day("2026-08-03")),
    "digits": (2, 20260803, "General", "day: not a date (2026"),
    "a day with a time": (2, 46237.5, "yyyy-mm-dd", "day: not a date (2026"),
    "no day of the calendar": (2, 60, "yyyy-mm-dd", "day: 28 or 29 February 1900"),
    "before all days": (2, -1, "yyyy-mm-dd", "day: a day before 1900"),
    "after all days": (2, 2958466, "yyyy-mm-dd", "day: an error"),
    "time alone": (2, dt.time(10), "hh:mm", "day: not a date (2026"),
    "day as text": (2, "2026-08-03", "@", day("2026-08-03")),
    "one": (8, 1, "General", True),
    "two": (8, 2, "General", "flag: not a boolean"),
    "error": (4, "#DIV/0!", "General", "amount: an error"),
    "formula": (4, "=1+1", "General", "amount: a formula that was never computed"),
    "long": (9, 12345678901234567890, "0", "words: a number of more digits than a workbook keeps"),
    "zeros": (9, 7, "00000", "00007"),
    "grouped": (9, 1234567, "#,##0", "1234567"),
    "thousands": (9, 1500, "0,", "words: a number that its format shows with other signs"),
    "insured": (9, 7, "000-00-0000", "words: a number that its format shows with other signs"),
    "called": (9, 5551234567, "(000) 000-0000", "words: a number that its format shows with other"),
    "accounted": (9, -5, "#,##0.00_);(#,##0.00)", "-5"),
    "hours": (9, dt.timedelta(hours=36, minutes=5), "[h]:mm:ss", "36:05:00"),
    "hours owed": (9, dt.timedelta(minutes=-90), "[h]:mm:ss", "-1:30:00"),
    "red": (9, -5, "#,##0;[Red](#,##0)", "-5"),
    "half": (9, 0.5, "0%", "words: a number that its format shows with other signs"),
    "prefixed": (9, 7, '"K-"000', "words: a number that its format shows with other signs"),
    "day in words": (9, day("2026-08-03"), "yyyy-mm-dd", "2026-08-03"),
    "prefixed key": (10, 42, '"C"000', "customer_id: a number that its format shows with other"),
    "key": (10, 1001.0, "General", "1001"),
    "half a key": (10, 1001.5, "General", "customer_id: no text and no whole number"),
    "yes for a key": (10, True, "General", "customer_id: no text and no whole number"),
    "day for a key": (10, day("2026-08-03"), "yyyy-mm-dd", "customer_id: no text and no whole"),
    "column names again": (10, "customer_id", "General", "customer_id: not a customer's key"),
    "error for a key": (10, "#REF!", "General", "customer_id: an error"),
    "beyond": (11, "beside", "General", "n: more cells than column names"),
}
NAMES = ["n", *COLUMNS]
ROW = [1, day("2026-08-03"), at("2026-08-03 10:00"), 1.5, 1, 0.5, 0.5, True, "x", "C1"]


def aside(desk, taken):
    with desk.store.reading() as connection:
        found = connection.execute(
            "SELECT line, reasons FROM lake.intake.quarantine WHERE digest = $1", [taken.digest]
        )
        return dict(found.fetchall())


def last(desk, count, column="words"):
    with desk.store.reading() as connection:
        found = connection.execute(f'SELECT "{column}" FROM lake.events ORDER BY rowid').fetchall()
    return [row[0] for row in found[-count:]]


def words(text):
    return [*ROW[:-2], text, "C1"]


def workbook(desk, name, *sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows, *hidden in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
        if hidden:
            sheet.sheet_state = "hidden"
    path = desk.settings.root / name
    book.save(path)
    return path


def test_a_cell_is_what_it_shows_or_aside(desk):
    def placed(place):  # beside an empty column, and with one among them
        return place + 1 + (place > 8)

    book = openpyxl.Workbook()
    for place, name in enumerate(NAMES, 1):
        book.active.cell(1, placed(place), name)
    for line, (column, value, form, _) in enumerate(CELLS.values(), 2):
        for place, good in enumerate([*ROW, None], 1):
            cell = book.active.cell(line, placed(place), value if place == column else good)
            cell.number_format = form if place == column else cell.number_format
    path = desk.settings.root / "cells.xlsx"
    book.save(path)
    taken = desk.ingest("events", path)
    assert taken.rows == len(CELLS) == taken.added + taken.quarantined
    reasons, stored = aside(desk, taken), iter(range(taken.added))
    for line, (what, (column, *_, value)) in enumerate(CELLS.items(), 2):
        if line in reasons:
            assert reasons[line].startswith(str(value)), what
        else:
            assert last(desk, taken.added, NAMES[column - 1])[next(stored)] == value, what


def test_a_workbook_that_would_fill_the_memory_is_refused(desk):
    path = workbook(desk, "swollen.xlsx", ("May", [NAMES, words("m")]))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/worksheets/sheet9.xml", b"a" * 30_000_000)
    with pytest.raises(SourceError, match="unpacks to more than 100 times its size"):
        desk.ingest("events", path)


@pytest.mark.parametrize(
    ("bound", "told"),
    [("_HELD_BYTES", "MB of texts"), ("_ROW_BYTES", "MB without a new row"),
     ("_MERGED_MOST", "merged cells")],
)  # fmt: skip  # why: a table
def test_what_a_workbook_makes_be_held_at_once_is_bounded(desk, monkeypatch, bound, told):
    for text in "mn":
        path = workbook(desk, "full.xlsx", ("May", [NAMES, words(f"{text} {told}")]))
        book = openpyxl.load_workbook(path)
        book.active.merge_cells("B5:C5")
        book.save(path)
        if text == "m":
            assert desk.ingest("events", path).added == 1
            monkeypatch.setattr(workbooks, bound, 0)
    with pytest.raises(SourceError, match=f"{told}. Save it anew, or as CSV"):
        desk.ingest("events", path)


def test_no_sheet_is_passed_over_in_silence(desk):
    path = workbook(desk, "two.xlsx", ("May", [NAMES, words("m")]), ("June", [NAMES, words("j")]))
    told = "has the columns of table 'events' on several sheets: May, June. Take them in one by one"
    with pytest.raises(SourceError, match=told):
        desk.ingest("events", path)
    for sheet, text in (("May", "m"), ("June", "j")):
        assert desk.ingest("events", path, sheet=sheet).added == 1
        assert last(desk, 1) == [text]
        assert desk.ingest("events", path, sheet=sheet).known
    path = workbook(
        desk, "hidden.xlsx", ("Old", [NAMES, words("o")], "hidden"), ("New", [NAMES, words("n")])
    )
    assert desk.ingest("events", path).added == 1
    assert last(desk, 1) == ["n"]


def test_a_cell_merged_with_another_one_has_no_value_of_its_own(desk):
    book = openpyxl.Workbook()
    for row in (["Events"], NAMES, words("one"), words("two"), words("three"), []):
        book.active.append(row)
    for cells in ("A1:J1", "I3:I4", "A6:J6", "J5:L5"):
        book.active.merge_cells(cells)
    path = desk.settings.root / "merged.xlsx"
    book.save(path)
    taken = desk.ingest("events", path)
    assert (taken.rows, taken.added) == (3, 2)
    assert last(desk, 2) == ["one", "three"]
    assert aside(desk, taken) == {4: "words: a cell merged with another one"}


def by_hand(desk, name, edit):
    """Return a workbook whose rows are put anew into the XML that holds them."""
    path = workbook(desk, name, ("May", [NAMES, words("one"), words("two")]))
    with zipfile.ZipFile(path) as parts:
        texts = {part: parts.read(part).decode() for part in parts.namelist()}
    with zipfile.ZipFile(path, "w") as parts:
        for part, text in texts.items():
            parts.writestr(part, edit(text))
    return path


def cell(content, kind="str", place="I2"):
    """Return what puts a cell of XML in the place of one."""
    put = f'<c r="{place}" t="{kind}">{content}</c>'
    return lambda text: re.sub(f'<c r="{place}".*?</c>', put, text)


BY_HAND = {  # what becomes of the first row's words
    "rich": (cell("<is><r><t>a</t></r><r><t> b</t></r></is>", "inlineStr"), "a b"),
    "read aloud": (cell("<is><t>山</t><rPh sb='0' eb='1'><t>や</t></rPh></is>", "inlineStr"), "山"),
    "two lines": (cell("<is><t>a_x000D_\nb</t></is>", "inlineStr"), "a\r\nb"),
    "escaped": (cell("<is><t>a_x005F_x000D_</t></is>", "inlineStr"), "a_x000D_"),
    "never computed": (cell("<f\n>1+1</f>"), "words: a formula that was never computed"),
    "named": (lambda text: re.sub("<(/?)(?=[a-z])", r"<\1x:", cell("<f>1+1</f>")(text)).replace(
        "xmlns=", "xmlns:x=") if "<sheetData>" in text else text,
        "words: a formula that was never computed"),
    "no such text": (cell("<v>999</v>", "s"), "a cell that no workbook has (IndexError)"),
    "no number": (cell("<v>INF</v>", "n"), "a cell that no workbook has (ValueError)"),
    "no place": (lambda t: t.replace('r="I2"', 'r="I"'), "a cell that no workbook has (Value"),
    "twice": (lambda t: t.replace('<row r="3"', '<row r="2"'), "rows that are not in their order"),
    "far": (lambda t: t.replace('<row r="3"', '<row r="9999999999"'), "not in their order"),
    "strict": (lambda t: t.replace("http://schemas.openxmlformats.org/officeDocument/2006",
                                   "http://purl.oclc.org/ooxml/officeDocument"),
               "has no sheet that can be read, as one in the strict form"),
}  # fmt: skip  # why: a table


@pytest.mark.parametrize("name", BY_HAND)
def test_a_workbook_that_another_program_wrote_is_read_or_refused(desk, name):
    edit, value = BY_HAND[name]
    path = by_hand(desk, f"{name}.xlsx", edit)
    if "workbook has" in value or "not in their" in value or "strict" in value:
        with pytest.raises(SourceError, match=re.escape(value)):
            desk.ingest("events", path)
        return
    taken = desk.ingest("events", path)
    assert taken.rows == 2
    if taken.quarantined:
        assert aside(desk, taken) == {2: value}
    else:
        assert last(desk, 2) == [value, "two"]


PARTS = {  # a column and what a Parquet file holds in it; what is stored, or None
    ("at", "TIMESTAMPTZ '2026-10-25 00:30:00+00'"): None,
    ("at", "TIMESTAMPTZ 'infinity'"): None,
    ("at", "TIMESTAMPTZ '294246-12-31 00:00:00+00'"): None,
    ("at", "TIMESTAMPTZ '2026-10-25 01:30:00+00'"): at("2026-10-25 02:30"),
    ("day", "TIMESTAMPTZ '2026-08-02 22:00:00+00'"): day("2026-08-03"),
    ("day", "TIMESTAMPTZ '2026-08-03 00:00:00+00'"): None,
    ("amount", "true"): None,
    ("words", "'\\xFF'::BLOB"): None,
    ("words", "encode('é')"): "é",
    ("words", "['a, b', NULL]"): "['a, b', NULL]",
}


@pytest.mark.parametrize(("column", "part"), PARTS)
def test_a_parquet_files_type_is_a_value_or_aside(desk, column, part):
    value, path = PARTS[column, part], desk.settings.root / "parts.parquet"
    good = {"n": "1", "customer_id": "'C1'"}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        row = {**good, column: f"if(i = 0, {part}, NULL)"}
        named = ", ".join(f'{row.get(name, "NULL")} AS "{name}"' for name in NAMES)
        connection.execute(f"COPY (SELECT {named} FROM range(2) r(i)) TO '{path}' (FORMAT parquet)")
    taken = desk.ingest("events", path)
    assert (taken.rows, taken.added) == (2, 1 + (value is not None))
    assert last(desk, taken.added, column) == ([value] if value else []) + [None]


def test_texts_of_a_parquet_file_have_a_form_too(desk):
    columns = {"day": ["03.08.2026"], "amount": ["1.234,50"], "customer_id": ["C1"]}
    nothing = {name: pa.nulls(1) for name in NAMES}
    path = desk.settings.root / "german.parquet"
    pq.write_table(pa.table({**nothing, **columns}), path)
    assert desk.ingest("events", path, date_format="%d.%m.%Y", decimal=",").added == 1
    assert last(desk, 1, "day") + last(desk, 1, "amount") == [day("2026-08-03"), Decimal("1234.5")]


def test_decimals_that_the_engine_cannot_hold_are_refused(desk):
    wide = pa.array([Decimal("1.50")], pa.decimal256(50, 2))
    columns = [wide if name == "amount" else pa.nulls(1) for name in NAMES]
    path = desk.settings.root / "wide.parquet"
    pq.write_table(pa.Table.from_arrays(columns, names=NAMES), path)
    with pytest.raises(SourceError, match="'amount' has decimals of more than 38 digits"):
        desk.ingest("events", path)


LINE = "1,2026-08-03,,1,1,1,1,true,客,C1"
SHAPES = {
    "caret.csv": ("and neither , nor ; | or a tab between", "^".join(NAMES) + "{0:.0}{1:.0}\n"),
    "name.csv": ("a column name on two lines", '"n\nr",' + "{}\n{}\n"),
    "packed.csv.gz": ("Unpack it", "{}{}"),
    "title.csv": ("a quote above its column names", '"Events\nof August"\n{}\n{}\n'),
    "late.csv": ("mixes ends of lines (LF, CR LF)", "{}\n" + f"{LINE}\n" * 50_000 + "{}\r\n"),
    "a.tsv": ("save it as one of these; text with tabs", "{}\n{}\n"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_files_shape_is_named(desk, name):
    told, content = SHAPES[name]
    path = desk.settings.root / name
    path.write_bytes(content.format(",".join(NAMES), LINE).encode())
    with pytest.raises(SourceError, match=re.escape(told)):
        desk.ingest("events", path)


TOP = ",".join(NAMES)
ENCODED = {
    "four": ("is UTF-32 text without a mark at its beginning. Name it with --encoding utf-32-le",
             f"{TOP}\n{LINE}\n".encode("utf-32-le")),
    "euro": ("It could be cp1252 or latin-1", f"{TOP}\n1,,,,,,,,€,C1\n".encode("cp1252")),
    "parts": ("(line 3), though all else of it is", f"{TOP}\n{LINE}ééé\n".encode() + b"\xe9\n"),
    "cut": ("though all else of it is", f"{TOP}\n{LINE}\n".encode("utf-16")[:-1]),
}  # fmt: skip  # why: a table


@pytest.mark.parametrize("name", ENCODED)
def test_what_a_text_is_not_in_is_told_with_what_it_may_be(desk, name):
    told, content = ENCODED[name]
    path = desk.settings.root / f"{name}.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=re.escape(told)):
        desk.ingest("events", path)


def test_text_of_four_bytes_a_sign_says_so_itself(desk):
    path = desk.settings.root / "four.csv"
    path.write_bytes(f"{','.join(NAMES)}\n{LINE}\n".encode("utf-32"))
    assert desk.ingest("events", path).added == 1
    assert last(desk, 1) == ["客"]


LINES = "a\n" + "9,,,1,1,1,1,true,x,C1\n" * 200
QUOTES = {  # as a file has them, and what they are
    "open": ('"open', None), "quoted": ('"a, ""b"""', 'a, "b"'), "lines": (f'"{LINES}"', LINES),
    "inch": ('27" wide', '27" wide'), "plain": ("x", "x"),
}  # fmt: skip  # why: a table


@pytest.mark.parametrize("opened", [{4}, {9}, {0, 1}, {2, 5}, set()], ids=str)
def test_a_quote_that_does_not_end_takes_its_own_row_out_and_no_other(desk, opened, size):
    times = 1 if size == "smoke" else 2_000  # of which the engine reads several buffers
    kinds = ["open" if n in opened else list(QUOTES)[1 + n % 4] for n in range(10)] * times
    path = desk.settings.root / f"quotes-{sorted(opened)}.csv"
    rows = [f"{n},2026-08-03,,1,1,1,1,true,{QUOTES[each][0]},C1" for n, each in enumerate(kinds)]
    path.write_text("\n".join([",".join(NAMES), *rows, ""]))
    taken = desk.ingest("events", path)
    assert (taken.rows, taken.quarantined) == (len(rows), len(opened) * times)
    assert last(desk, taken.added) == [QUOTES[each][1] for each in kinds if each != "open"]
    with desk.store.reading() as connection:
        kept = connection.execute(
            "SELECT reasons, subject, content FROM lake.intake.quarantine WHERE digest = $1 "
            "ORDER BY line", [taken.digest]
        ).fetchall()  # fmt: skip  # why: one query
    told = [n for n, each in enumerate(kinds) if each == "open"]
    assert kept == [("a quote that does not end", None, rows[n]) for n in told]
