"""``workbench new``: real files in, a drafted catalog out, whose questions are its owner's."""

import csv
import datetime as dt
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import openpyxl
import pytest
from click.testing import CliRunner

from workbench.catalog_files import load_catalog
from workbench.cli import main
from workbench.documents import load_yaml
from workbench.errors import CatalogError, CatalogUnanswered
from workbench.estates.sources import encodings_of

SHOP = ["InvoiceNo,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"] + [
    f"{'C' if n % 40 == 0 else ''}{5000 + n},CAFÉ £{n},{n % 7 - 1},{1 + n % 12}/{1 + n % 28}/2011 "
    f"8:{n % 60:02d},{n % 9}.{n % 100:02d},{'' if n % 5 == 0 else f'{100 + n % 50}.0'},"
    f"{['EIRE', 'France'][n % 2]}"
    for n in range(400)
]


def _new(folder, *arguments):
    done = CliRunner().invoke(main, ["new", str(folder), *map(str, arguments)])
    return done.exit_code, done.output


def _tables(folder):
    return load_yaml(folder / "catalog.yaml", CatalogError, "catalog").content["tables"]


def _draft(folder, table=None):
    tables = _tables(folder)
    return tables[table] if table else next(iter(tables.values()))


def _file(folder, lines, name="export.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def test_a_shops_export_becomes_a_draft_and_what_was_found_is_said(tmp_path):
    code, said = _new(tmp_path / "shop", "--from", _file(tmp_path, SHOP, encoding="cp1252"))
    assert code == 0
    assert "400 rows, table 'export'; encoding cp1252, date format %m/%d/%Y %H:%M" in said
    assert "CustomerID → customer_id: integer; the customer" in said
    assert "amount: money; computed: quantity * unit_price" in said
    assert "80 rows have no customer (20%)" in said
    assert "copied into" in said
    table = _draft(tmp_path / "shop")
    columns = table["columns"]
    assert {name: each["type"] for name, each in columns.items()} == {
        "invoice_no": "text", "description": "text", "quantity": "integer",
        "invoice_date": "timestamp", "unit_price": "money", "customer_id": "integer",
        "country": "text", "amount": "money",
    }  # fmt: skip
    assert columns["invoice_no"]["header"] == "InvoiceNo"
    assert (table["subject_key"], table["time"]) == ("customer_id", "invoice_date")
    # asked, and nothing of it read off the data
    assert columns["country"]["domain"] == columns["amount"]["customer_bounds"] == "?"
    assert columns["invoice_date"]["bounds"] == table["contribution"] == "?"
    text = (tmp_path / "shop" / "catalog.yaml").read_text()
    assert "EIRE" not in text
    assert "France" not in text.replace("[Germany, France]", "")
    for found in re.finditer(r'(?m)^.*"\?"', text):
        above = text[: found.start()].rstrip("\n").splitlines()[-1]
        assert above.lstrip().startswith("#"), found.group()


def test_check_leads_from_the_questions_to_the_load(tmp_path):
    shop = tmp_path / "shop"
    _new(shop, "--from", _file(tmp_path, SHOP, encoding="cp1252"))
    with pytest.raises(CatalogUnanswered, match=r"a draft with 6 questions"):
        load_catalog(shop / "catalog.yaml")
    asked = CliRunner().invoke(main, ["check", "-w", str(shop)])
    assert asked.exit_code == 2
    assert asked.output.count("questions: ") == 6
    assert f"Next: answer them in {shop}/catalog.yaml" in asked.output
    text = (shop / "catalog.yaml").read_text()
    answers = {
        "months": "84", "without_customer": "tell", "domain": "[EIRE]",
        "contribution": "{cells: 6, rows: 10}",
        "customer_bounds": "{ladder: [50, 400], negative: true}",
        "bounds": "[2011-01-01, 2011-12-31]",
    }  # fmt: skip
    for key, value in answers.items():
        text = text.replace(f'{key}: "?"', f"{key}: {value}")
    (shop / "catalog.yaml").write_text(text)
    empty = CliRunner().invoke(main, ["check", "-w", str(shop)])
    assert f"Next: 'workbench init -w {shop}'" in empty.output
    loaded = CliRunner().invoke(main, ["init", "-w", str(shop)])
    assert "Loaded 400 rows" in loaded.output


@pytest.mark.parametrize(
    ("values", "column", "form"),
    [
        (["1.234,50", "12,00", "7,5"], {"type": "money"}, {"decimal": ",", "thousands": "."}),
        (
            ["1\u00a0234,50", "1\u202f200,00", "7,5"],
            {"type": "money"},
            {"decimal": ",", "thousands": " "},
        ),
        (["1,234.50", "12.00", "7.5"], {"type": "money"}, {"thousands": ","}),
        (["3.125", "2.5", "7"], {"type": "number", "scale": 3}, {}),
        (["1.234", "2.500", "7.125"], {"type": "number", "scale": 3}, {"decimal": "?"}),
        (["5", "17", "-3"], {"type": "integer"}, {}),
        (["007", "012", "113"], {"type": "text"}, {}),
        (["2026-09-30", "2026-10-01", "2026-10-02"], {"type": "date"}, {}),
        (["30.09.2026", "01.10.2026", "02.10.2026"], {"type": "date"}, {"date_format": "%d.%m.%Y"}),
        (["30/9/2026", "1/10/2026", "2/10/2026"], {"type": "date"}, {"date_format": "%d/%m/%Y"}),
        (["1/2/2026", "3/4/2026", "5/6/2026"], {"type": "date"}, {"date_format": "?"}),
        (
            ["2026-09-30 08:01:02", "2026-09-30T09:00:00Z", "2026-10-01 00:00"],
            {"type": "timestamp"},
            {},
        ),
        (["true", "false", "true"], {"type": "boolean"}, {}),
        (["北京", "上海", "広"], {"type": "text"}, {}),
    ],
)
def test_how_values_are_written_is_found_and_what_fits_both_is_asked(
    tmp_path, values, column, form
):
    lines = ["customer_id;Total"] + [f"K{n};{values[n % 3]}" for n in range(60)]
    assert _new(tmp_path / "shop", "--from", _file(tmp_path, lines))[0] == 0
    table = _draft(tmp_path / "shop")
    found = table["columns"]["total"]
    assert {key: found[key] for key in ("type", "scale") if key in found} == column
    assert table.get("source_format", {}) == form


KOREAN = (
    "김철수 서울시 강남구 역삼동 이영희 부산광역시 해운대구 박지민 대전 유성구 "
    "봉명동 최준호 인천 남동구 구월동 정수빈 광주 북구 용봉동 "
    "한예슬 제주 서귀포시 중문동 윤서연 수원시 팔달구"
)


@pytest.mark.parametrize(
    ("encoding", "text", "named"),
    [
        ("utf-8", "größe", None), ("utf-8-sig", "größe", None), ("utf-16", "größe", None),
        ("cp1252", "größe £", "cp1252"), ("gb18030", "客户名称北京", "?"),
        ("utf-16-le", "größe", "utf-16-le"), ("cp1252", "Müller, José, Öz, Ça", "?"),
        ("cp1252", "don’t – it’s “so”", "cp1252"), ("cp932", "山田,鈴木,顧客", "?"),
        ("euc_jp", "ありがとう山田", "?"),
        ("euc_kr", KOREAN, "euc_kr"), ("cp1251", "Анна, Ольга", "?"),
        ("big5", "陳大文 林小華", "?"), ("cp1251", "Иван Петров", "?"),
        ("gb18030", "张三", "?"), ("cp1250", "Dvořák, Jiří", "?"),
        ("cp1252", "Hélène, Benoît", "?"),
    ],
)  # fmt: skip
def test_an_encoding_is_found_or_asked_for(tmp_path, encoding, text, named):
    lines = ["customer_id,note"] + [f"K{n},{text}" for n in range(30)]
    code, said = _new(tmp_path / "shop", "--from", _file(tmp_path, lines, encoding=encoding))
    assert code == 0, said
    assert _draft(tmp_path / "shop").get("source_format", {}).get("encoding") == named
    if named == "?":
        asked = re.search("# encoding: (.*)", (tmp_path / "shop" / "catalog.yaml").read_text())
        assert encoding in asked[1]
        assert "is a guess; other letters stand there as" in asked[1]


NAMES = {
    "cp1250": "Dvořák Černý Wójcik Zieliński Świątek Łódź Szabó Győr Fűzfő Kovács",
    "cp1251": "Иванов Смирнов Москва Санкт-Петербург Казань Екатерина Соколова",
    "cp1252": "François Hélène Orléans Besançon Größe £12 Désirée Muñoz São",
    "cp1253": "Παπαδόπουλος Γεωργίου Αθήνα Θεσσαλονίκη Ελένη Πάτρα",
    "cp1254": "Yılmaz Çelik Şahin Işık İstanbul Çağlar Doğan Kılıç",
    "cp1255": "כהן לוי מזרחי פרץ ביטון תל אביב ירושלים",
    "cp1256": "محمد علي حسن فاطمة القاهرة الرياض دمشق",
    "cp1257": "Bērziņš Kalniņa Rīga Liepāja Jānis Šiauliai Ąžuolas",
    "cp850": "Müller Schäfer Größe Köln München",
    "big5": "張三 李四 王偉 台北 高雄 劉洋 陳靜 歐陽娜娜 黃麗",
    "gb18030": "张三 李四 王伟 北京 上海 刘洋 陈静 欧阳娜娜 黄丽",
    "cp932": "山田 太郎 佐藤 東京 大阪 やまだ スズキ 鈴木 高橋",
    "euc_kr": "김철수 이영희 서울 부산 박지성 최민수 홍길동",
}


@pytest.mark.parametrize("encoding", NAMES)
@pytest.mark.parametrize("rows", [4, 60])
def test_no_encoding_is_told_for_certain_that_reads_otherwise(tmp_path, encoding, rows):
    words, path = NAMES[encoding].split(), tmp_path / "a.csv"
    for seed in range(25):
        dice = random.Random(seed)
        text = "id,name\n" + "".join(f"{n},{dice.choice(words)}\n" for n in range(rows))
        path.write_bytes(text.encode(encoding))
        found = encodings_of(path) or ["utf-8"]
        if len(found) == 1:
            assert path.read_bytes().decode(found[0]) == text
        elif rows == 60:
            assert text in [path.read_bytes().decode(each) for each in found]


def test_what_cannot_be_read_in_a_folder_is_left_out_and_named(tmp_path):
    source = tmp_path / "exports"
    source.mkdir()
    _file(source, SHOP, "good.csv")
    (source / "dangling.csv").symlink_to(tmp_path / "gone.csv")
    (source / "folder.csv").mkdir()
    os.mkfifo(source / "pipe.csv")
    (source / "empty.csv").write_bytes(b"")
    (source / "norows.csv").write_bytes(b"a,b\n")
    (source / "broken.parquet").write_bytes(b"PAR1")
    (source / "broken.xlsx").write_bytes(b"PK")
    (source / "old.xls").write_bytes(b"x")
    (source / "notes.txt").write_bytes(b"x")
    (source / ".hidden").write_bytes(b"x")
    code, said = _new(tmp_path / "shop", "--from", source)
    assert code == 0, said
    left = {each.name for each in source.iterdir()} - {"good.csv", ".hidden"}
    assert {line.split()[2].rstrip(":") for line in said.splitlines() if "LEFT OUT" in line} == left
    assert {each.name for each in (tmp_path / "shop" / "data").iterdir()} == {"good.csv"}
    assert list(_tables(tmp_path / "shop")) == ["good"]
    # what is named by itself is wanted, and refused
    code, said = _new(tmp_path / "other", "--from", source, "--from", tmp_path / "gone.csv")
    assert code
    assert "there is no file" in said
    (source / "good.csv").unlink()
    code, said = _new(tmp_path / "none", "--from", source)
    assert code
    assert "nothing to read" in said
    assert "dangling.csv: there is no file" in said
    assert not (tmp_path / "none").exists()


def test_a_folder_of_parts_workbooks_and_parquet_becomes_tables(tmp_path):
    source = tmp_path / "Exporte"
    source.mkdir()
    for month in (8, 9):
        head = ["Umsätze", "Kunden-Nr;Datum;Betrag (€)"]
        rows = [f"K{n};{1 + n % 28}.{month}.2026;{n},50" for n in range(50)]
        _file(source, head + rows, f"Umsatz 0{month}.csv", "cp1252")
    book = openpyxl.Workbook()
    book.active.append(["Kundennummer", "E-Mail", "Stadt"])
    for n in range(50):
        book.active.append([f"K{n}", f"k{n}@example.org", "Ulm"])
    book.save(source / "Kunden.xlsx")
    duckdb.sql(
        "COPY (SELECT i::DOUBLE AS client_id, i % 3 AS calls FROM range(50) r(i)) "
        f"TO '{source}/calls.parquet'"
    )
    code, said = _new(tmp_path / "shop", "--from", source)
    assert code == 0, said
    tables = load_yaml(tmp_path / "shop" / "catalog.yaml", CatalogError, "catalog").content[
        "tables"
    ]
    assert set(tables) == {"umsatz_08", "kunden", "calls"}
    assert "100 rows, table 'umsatz_08'" in said
    assert all(each["subject_key"] == "customer_id" for each in tables.values())
    email = tables["kunden"]["columns"]["e_mail"]
    assert (email["role"], email["purposes"]) == ("direct identifier", [])
    assert tables["calls"]["columns"]["customer_id"]["type"] == "text"
    assert not (tmp_path / "shop" / "data").stat().st_mode & 0o077


def test_a_folders_files_are_parts_only_where_they_are_written_alike_and_once(tmp_path):
    source = tmp_path / "exports"
    source.mkdir()
    head = "Customer ID,Date of birth,Order date,Amount"
    for month in (1, 2, 3):
        rows = [f"K{n},1990-01-01,2026-0{month}-{1 + n % 28:02d},{n}.50" for n in range(40)]
        lines = [line.replace(",", ";") if month == 3 else line for line in [head, *rows]]
        _file(source, lines, f"sales {month}.csv")
    (source / "sales 1 (copy).csv").write_bytes((source / "sales 1.csv").read_bytes())
    (source / "~$open.xlsx").write_bytes(b"x")
    (source / "Thumbs.db").write_bytes(b"x")
    _file(source, ["member_id\tscore", *(f"K{n}\t{n}" for n in range(40))], "tabs.tsv")
    (source / "older").mkdir()
    code, said = _new(tmp_path / "shop", "--from", source)
    assert code == 0, said
    assert "sales 1 (copy).csv, sales 2.csv: 80 rows" in said
    assert "sales 3.csv: 40 rows" in said
    assert "LEFT OUT sales 1.csv" in said
    assert "is sales 1 (copy).csv once more" in said
    assert "older is a folder in a folder" in said
    assert "lines are no rows" not in said
    assert "tabs.csv: 40 rows" in said
    assert "is a database" not in said
    assert "~$open" not in said
    tables = _tables(tmp_path / "shop").values()
    assert [each.get("time") for each in tables] == ["order_date", "order_date", None]


def test_every_sheet_with_a_table_is_one_and_none_is_left_out_in_silence(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Cover"
    book.active.append(["Exported for us"])
    for title, head in (("2025", "Kaufdatum"), ("2026", "Kaufdatum"), ("Leute", "Stadt")):
        sheet = book.create_sheet(title)
        sheet.append(["Kundennummer", head])
        for n in range(30):
            sheet.append([f"K{n}", dt.date(2026, 1, 1 + n) if head == "Kaufdatum" else "Ulm"])
    book.save(tmp_path / "shop.xlsx")
    code, said = _new(tmp_path / "shop", "--from", tmp_path / "shop.xlsx")
    assert code == 0, said
    tables = _tables(tmp_path / "shop")
    assert {n: each["source_format"] for n, each in tables.items()} == {
        "c_2025": {"sheet": "2025"}, "leute": {"sheet": "Leute"},
    }  # fmt: skip  # why: a table
    assert "LEFT OUT shop.xlsx, sheet 2026: it has the columns of table 'c_2025'" in said
    assert "data/shop.xlsx --sheet 2026'" in said


@pytest.mark.parametrize("value", ["$1,000.50", "7 €", "(5.00)", "1. März 2026"])
def test_a_column_called_like_a_day_or_a_number_that_is_none_is_told(tmp_path, value):
    lines = ["customer_id;amount;paid date"] + [f"K{n};{value};{value}" for n in range(60)]
    said = _new(tmp_path / "shop", "--from", _file(tmp_path, lines))[1]
    assert said.count("though it is called like a day or a number: no form of one fits") == 2


def test_columns_of_chinese_headers_are_known_for_what_they_are_and_shown_so(tmp_path):
    lines = ["会员编号,姓名,手机,订单日期,支付金额,订单编号,城市"] + [
        f"V{n},李{n},号{n},2026/09/{1 + n % 28:02d},{n}.50,{n},{'北京' if n % 2 else '上海'}"
        for n in range(60)
    ]
    code, said = _new(tmp_path / "shop", "--from", _file(tmp_path, lines))
    assert code == 0, said
    table = _draft(tmp_path / "shop")
    found = {each["header"]: each for each in table["columns"].values()}
    roles = {header: each.get("role") for header, each in found.items()}
    assert roles == {
        "会员编号": "subject key", "姓名": "direct identifier", "手机": "direct identifier",
        "订单日期": "time", "支付金额": "measure", "订单编号": None, "城市": None,
    }  # fmt: skip  # why: a table
    assert found["城市"]["title"] == "城市"
    assert found["订单编号"]["type"] == "text"


def test_letters_of_full_width_name_a_column_as_others_do(tmp_path):
    lines = ["客户ＩＤ,Ｎａｍｅ,Ｍｏｂｉｌｅ,ｂｏｏｋｅｄ＿ｏｎ,Ａｍｏｕｎｔ"] + [
        f"V{n},Li {n},n{n},2026/09/{1 + n % 28:02d},{n}.50" for n in range(60)
    ]
    code, said = _new(tmp_path / "shop", "--from", _file(tmp_path, lines))
    assert code == 0, said
    roles = [each.get("role") for each in _draft(tmp_path / "shop")["columns"].values()]
    assert roles == ["subject key", *["direct identifier"] * 2, "time", "measure"]


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
def test_a_databases_tables_come_in_by_its_address(tmp_path, engine):
    path = tmp_path / "shop.db"
    if engine == "sqlite":
        with sqlite3.connect(path) as there:
            there.execute("CREATE TABLE orders (customer_id TEXT, total REAL, booked TEXT)")
            there.executemany("INSERT INTO orders VALUES (?, ?, '2026-09-30')", [("a", 1.5)] * 9)
        there.close()
    else:
        with duckdb.connect(path) as other:
            other.execute("CREATE TABLE orders AS SELECT 'a' AS customer_id, 1.5 AS total, "
                          "DATE '2026-09-30' AS booked FROM range(9)")  # fmt: skip
    options = {"duckdb": "?read_only=True"}.get(engine, "")
    code, said = _new(tmp_path / "shop", "--from", f"{engine}://{path}{options}")
    assert code == 0, said
    columns = _draft(tmp_path / "shop", "orders")["columns"]
    assert [columns[c]["type"] for c in ("customer_id", "total", "booked")] == ["text", "money", "date"]  # fmt: skip  # noqa: E501  # why: one comparison


def test_a_databases_tables_each_come_in_or_are_named(tmp_path, monkeypatch):
    with sqlite3.connect(tmp_path / "shop.db") as there:
        for name in ("客户", "订单", "a/b", "a_b", "empty"):
            there.execute(f'CREATE TABLE "{name}" (customer_id TEXT, amount INTEGER)')
            if name != "empty":  # of any type, as this database lets them be
                values = [(name, 1), (name, 2.5), (name, "x")]
                there.executemany(f'INSERT INTO "{name}" VALUES (?, ?)', values)
        there.execute("CREATE TABLE bytes (customer_id TEXT, amount INTEGER)")
        there.executemany("INSERT INTO bytes VALUES (?, ?)", [("a", b"\xff\xfe"), ("a", "x")])
    there.close()
    monkeypatch.chdir(tmp_path)
    code, said = _new(tmp_path / "shop", "--from", "sqlite:///shop.db")
    assert code == 0, said
    sources = {each["source"] for each in _tables(tmp_path / "shop").values()}
    assert sources == {"客户.parquet", "订单.parquet", "a_b.parquet", "a_b_.parquet"}
    assert all(f"LEFT OUT {name}" in said for name in ("bytes: it cannot be read", "empty.parquet"))
    assert "there is no file /gone.db" in _new(tmp_path / "no", "--from", "sqlite:///gone.db")[1]
    assert not (tmp_path / "gone.db").exists()
    assert (
        "Name its address: sqlite:///" in _new(tmp_path / "no", "--from", tmp_path / "shop.db")[1]
    )


def test_where_no_column_is_the_customer_it_is_asked_or_told(tmp_path):
    lines = ["credit.amount,age,purpose"] + [f"{100 + n},{20 + n % 50},car" for n in range(60)]
    path = _file(tmp_path, lines)
    _, said = _new(tmp_path / "asked", "--from", path)
    assert "no column looks like the customer" in said
    assert _draft(tmp_path / "asked")["subject_key"] == "?"
    _new(tmp_path / "told", "--from", path, "--customer", "row")
    assert _draft(tmp_path / "told")["subject_key"] == "customer_id"
    with (tmp_path / "told" / "data" / "export.csv").open() as file:
        assert [row["customer_id"] for row in csv.DictReader(file)][:2] == ["1", "2"]
    path = _file(tmp_path, [*lines[:9], '100,30,"car', *lines[9:]])
    code, said = _new(tmp_path / "open", "--from", path, "--customer", "row")
    assert code
    assert "a quote that does not end, so that nobody can tell its rows apart" in said


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"1,2,3\n4,5,6\n", "a number stands in it"),
        ("a.csv", b"a,a\n1,2\n", "two have the same"),
        ("a.csv", b"a,b\n", "holds no rows"),
        ("a.xls", b"x", "old workbook"),
        ("a.txt", b"x", "only .csv"),
        ("a.parquet", b"PAR1", "corrupt or truncated"),
    ],
)
def test_what_is_no_table_is_refused_and_nothing_is_left(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    code, said = _new(tmp_path / "shop", "--from", tmp_path / name)
    assert code
    assert told in said
    assert not (tmp_path / "shop").exists()


def test_a_folder_in_use_and_an_address_that_leads_nowhere_are_refused(tmp_path):
    path = _file(tmp_path, SHOP)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "mine").write_text("x")
    assert "is there already" in _new(tmp_path / "shop", "--from", path)[1]
    secret = "postgres://me:hunter2@nowhere.invalid/db"
    code, said = _new(tmp_path / "other", "--from", secret)
    assert code == 2
    assert "hunter2" not in said


def test_the_missing_workspace_points_here(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "check"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert "workbench new NAME --from FILE" in done.stderr


def test_the_notebooks_that_come_along_are_of_the_columns_there_are(tmp_path):
    _new(tmp_path / "shop", "--from", _file(tmp_path, SHOP, encoding="cp1252"))
    assert {p.stem for p in (tmp_path / "shop" / "reports").iterdir()} == {"first-page", "personas"}
    lines = ["customer_id,segment"] + [f"K{n},{'ab'[n % 2]}" for n in range(60)]
    _new(tmp_path / "plain", "--from", _file(tmp_path, lines))
    reports = [p.stem for p in (tmp_path / "plain" / "reports").iterdir()]
    assert reports == ["first-page"]
    for notebook in Path(tmp_path).glob("*/notebooks/*.ipynb"):
        content = json.loads(notebook.read_text())
        text = "".join(line for cell in content["cells"] for line in cell["source"])
        assert not re.search("AMOUNT|TABLE|GROUPS", text), notebook
        assert all(set(cell["metadata"]) <= {"tags"} for cell in content["cells"])


def test_domains_are_asked_for_what_the_first_page_groups_by_and_marked_for_others(tmp_path):
    lines = ["customer_id,total," + ",".join("abcde")]
    lines += [f"K{n},{n}," + ",".join("xy"[n % 2] for _ in "abcde") for n in range(99)]
    _new(tmp_path / "shop", "--from", _file(tmp_path, lines))
    text = (tmp_path / "shop" / "catalog.yaml").read_text()
    assert text.count('domain: "?"') == 3
    assert text.count("# domain: [...]") == 2
    notebook = (tmp_path / "shop" / "notebooks" / "first-page.ipynb").read_text()
    assert 'groups = [\\"a\\", \\"b\\", \\"c\\"]' in notebook


def test_a_file_of_which_some_rows_do_not_fit_is_taken_in_by_the_command_that_is_named(tmp_path):
    lines = ["customer_id,total"] + [f"K{n},{n}.50" for n in range(97)] + ["K1,n/a", "K2,?", "K3"]
    code, said = _new(tmp_path / "shop", "--from", _file(tmp_path, lines))
    assert code == 0
    assert "total: money; 2 values are not" in said
    assert "1 lines are no rows" in said
    command = re.search(r"'workbench (data ingest export \S+ -w \S+)'", said)[1]
    assert "'workbench init" not in said
    text = (tmp_path / "shop" / "catalog.yaml").read_text()
    for key, value in {
        "months": "84", "contribution": "{cells: 1, rows: 1}",
        "customer_bounds": "{ladder: [50, 400]}",
    }.items():  # fmt: skip
        text = text.replace(f'{key}: "?"', f"{key}: {value}")
    (tmp_path / "shop" / "catalog.yaml").write_text(text)
    taken = CliRunner().invoke(main, command.split())
    assert taken.exit_code == 0, taken.output
    assert "97 added" in taken.output
    assert "3 kept aside" in taken.output
    checked = CliRunner().invoke(main, ["check", "-w", str(tmp_path / "shop")])
    assert "Next: 'workbench run first-page" in checked.output
