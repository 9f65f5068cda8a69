"""What a file of one's own data holds, found by looking at it: how it is written, its columns.

A type is found by the very rules a load takes values by, so that what is drafted also loads. No
value of a row leaves this module: only names of columns, counts, and how things are written.
"""

from __future__ import annotations

import codecs
import csv
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.catalog import Column, Table
from workbench.errors import InputError, SourceError
from workbench.store import workbooks
from workbench.store.hints import LEAST_FOUND, looks_like
from workbench.store.readers import Options, reading, require_fitting
from workbench.store.text_files import TITLE_LINES, fields_of, text_of
from workbench.store.values import Form, taken

if TYPE_CHECKING:
    import duckdb

ROWS_LOOKED_AT = 1_000_000
_SAMPLE = 3_000
_MISFITS_MOST = 0.1  # share of a column's values that are not of its type; with more it is text
_FEW_VALUES = 60
_BLOCK = 1 << 20
_HAN = re.compile(r"[\u4e00-\u9fff]")
_DATE_FORMATS = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%Y%m%d", "%d-%b-%Y", "%d %b %Y",
    "%b %d, %Y", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%Y年%m月%d日",
)  # fmt: skip  # why: one list
_CLOCKS = (" %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_NUMBER_FORMS: tuple[tuple[str | None, str | None], ...] = (
    (None, None),
    (None, ","),
    (",", "."),
    (",", " "),
    (None, "'"),
    (None, " "),
)
_MONEY = re.compile(
    r"amount|price|total|cost|spen[dt]|sales|revenue|value|paid|payment|betrag|umsatz|preis|summe|"
    r"fee|disc|金额|价格|单价|总价|付款"
)


@dataclass
class Seen:
    """One column of a file: its header, its type, and what was counted of it."""

    header: str
    type: str = "text"
    scale: int | None = None
    filled: int = 0
    distinct: int = 0
    misfits: int = 0
    looks: str = ""
    pointed: bool = False  # whole numbers, and some are written 17850.0

    @property
    def groups(self) -> bool:
        """Whether rows may be grouped by it: few words, each of many rows."""
        few = 2 <= self.distinct <= _FEW_VALUES and self.distinct * 20 <= self.filled
        return self.type == "text" and few and not self.looks


@dataclass
class Looked:
    """One file as it was found."""

    path: Path
    rows: int
    columns: list[Seen]
    format: dict[str, str] = field(default_factory=dict)
    ambiguous: dict[str, str] = field(default_factory=dict)
    unreadable: int = 0

    @property
    def misfits(self) -> int:
        """Values that are not of their column's type."""
        return sum(each.misfits for each in self.columns)


def look_at(path: Path) -> Looked:
    """Return what a CSV file, a workbook's first sheet or a Parquet file holds.

    Raises
    ------
    SourceError
        It cannot be read, or has no line of column names.
    """
    import duckdb

    kind = require_fitting(path, Options())
    encoding = _encoding(path) if kind == ".csv" else None
    headers = _headers(path, kind, encoding)
    names = [f"c{place}" for place in range(len(headers))]
    trial = _table(path, dict(zip(names, headers, strict=True)))
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        options = Options(encoding=encoding)
        with reading(connection, path, path.stem, trial, options) as source:
            chosen = ", ".join(f'"{name}"' for name in names)
            connection.execute(
                f"CREATE TABLE raw AS SELECT {chosen} FROM {source.relation} LIMIT {ROWS_LOOKED_AT}"
            )
            types = dict(source.types)
        unreadable = 0
        if kind == ".csv":
            (unreadable,) = _row(connection, "SELECT count(DISTINCT line) FROM reject_errors")
        (rows,) = _row(connection, "SELECT count(*) FROM raw")
        if not rows:
            raise SourceError(f"{path} holds no rows. Export it again.")
        columns = _counted(connection, names, headers)
        found = Looked(path, rows, columns, unreadable=unreadable)
        if encoding is not None:
            found.format["encoding"] = encoding
        connection.execute(
            f"CREATE TABLE sampled AS SELECT * FROM raw USING SAMPLE reservoir({_SAMPLE} ROWS) "
            "REPEATABLE (7)"
        )
        _find_types(connection, found, dict(zip(names, columns, strict=True)), types)
        for name, each in zip(names, columns, strict=True):
            if each.type == "text":
                each.looks = _looks(connection, name)
    return found


def _table(path: Path, headers: Mapping[str, str]) -> Table:
    return Table.model_validate(
        {
            "kind": "operational", "title": path.stem, "owner": "-", "source": path.name,
            "operational": True, "retention": {"months": 1, "after": "-"},
            "columns": {n: {"type": "text", "header": h} for n, h in headers.items()},
        }
    )  # fmt: skip  # why: nobody reads this but the reader of files


def _encoding(path: Path) -> str | None:
    """Return the encoding of a text file; None where it is UTF-8 or says so itself."""
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None
    if b"\0" in start:
        return "utf-16-be" if start.startswith(b"\0") else "utf-16-le"
    if _decodes(path, "utf-8"):
        return None
    if _decodes(path, "gb18030", mostly=_HAN):
        return "gb18030"
    return "cp1252" if _decodes(path, "cp1252") else "latin-1"


def _decodes(path: Path, encoding: str, mostly: re.Pattern[str] | None = None) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    signs = fitting = 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                text = decoder.decode(block)
                if mostly is not None:
                    signs += sum(sign > "\x7f" for sign in text)
                    fitting += len(mostly.findall(text))
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return mostly is None or fitting * 2 > signs


def _headers(path: Path, kind: str, encoding: str | None) -> list[str]:
    """Return the names on the line of column names."""
    if kind == ".parquet":
        import pyarrow.parquet

        try:
            return list(pyarrow.parquet.read_schema(path).names)
        except (OSError, ValueError):
            raise SourceError(f"{path} is corrupt or truncated. Fetch it again.") from None
    if kind == ".xlsx":
        with workbooks.opened(path) as book:
            rows = book.sheet(None).rows()
            lines = [
                [cell for cell in cells if cell]
                for _, (_, cells) in zip(range(TITLE_LINES), rows, strict=False)
            ]
    else:
        with path.open(encoding=text_of(path, encoding)[0], newline="") as file:
            lines = [fields_of(file.readline())[0] for _ in range(TITLE_LINES)]
    if not any(lines):
        raise SourceError(f"{path} is empty. Export it again.")
    widest = max((len(line) for line in lines), default=0)
    names = next((line for line in lines if len(line) == widest), [])
    if any(re.fullmatch(r"[-+]?[\d.,]+", name.strip()) for name in names):
        raise SourceError(
            f"{path} does not start with a line of column names: a number stands in it. Export it "
            "with column names; a file says so what it holds."
        )
    if not names or "" in names or len(set(names)) < len(names):
        raise SourceError(
            f"{path}: a column has no name, or two have the same. Name each column once in its "
            "first line, and run this again."
        )
    return names


def _counted(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], headers: Sequence[str]
) -> list[Seen]:
    parts = ", ".join(f'count("{n}"), approx_count_distinct("{n}")' for n in names)
    counts = _row(connection, f"SELECT {parts} FROM raw")
    return [
        Seen(header, filled=counts[2 * place], distinct=counts[2 * place + 1])
        for place, header in enumerate(headers)
    ]


def _find_types(
    connection: duckdb.DuckDBPyConnection,
    found: Looked,
    columns: Mapping[str, Seen],
    types: Mapping[str, str],
) -> None:
    """Find how days and numbers are written in the file, and each column's type by that."""
    open_ = [name for name, each in columns.items() if each.filled]
    days = _day_format(connection, found, open_, types)
    marks = _marks(connection, found, [n for n in open_ if n not in days], types)
    form = Options(found.format.get("encoding"), None, found.format.get("date_format"), *marks)
    for name in open_:
        each, read = columns[name], types[name]
        best = _MISFITS_MOST * each.filled
        for kind, scale in _candidates(connection, name, each, read, form.form("UTC"), days):
            wrong = _wrong(connection, "raw", name, kind, scale, read, form.form("UTC"))
            if wrong < best or (wrong <= best and each.type == "text"):
                each.type, each.scale, each.misfits, best = kind, scale, wrong, wrong
            if not wrong:
                break
        if each.type == "integer" and read == "VARCHAR":
            (points,) = _row(
                connection, f"SELECT count(*) FILTER (contains(\"{name}\", '.')) FROM raw"
            )
            each.pointed = bool(points) and form.decimal is None


def _candidates(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    each: Seen,
    read: str,
    form: Form,
    days: Mapping[str, str],
) -> Iterator[tuple[str, int | None]]:
    if name in days:
        yield days[name], None
        return
    if read == "BOOLEAN" or each.distinct == 2:
        kinds = f"lower(CAST(\"{name}\" AS VARCHAR)) NOT IN ('true', 'false')"
        (other,) = _row(connection, f"SELECT count(*) FILTER ({kinds}) FROM sampled")
        if not other:
            yield "boolean", None
    if read not in ("VARCHAR", "BOOLEAN") and not re.match(r"U?\w*INT|FLOAT|DOUBLE|DECIMAL", read):
        return
    plain = read != "VARCHAR" or not _zeros_lead(connection, name)
    if not plain or _few_fit(connection, name, each, read, form):
        return
    yield "integer", None
    point = re.escape(form.decimal)
    decimals = f"length(regexp_extract(CAST(\"{name}\" AS VARCHAR), '{point}(\\d*)$', 1))"
    (places,) = _row(connection, f"SELECT max({decimals}) FROM raw")
    if _MONEY.search(each.header.casefold()) and (places or 0) <= 2:
        yield "money", None
    if (places or 0) <= 9:
        yield "number", max(1, places or 1)
    yield "number", None


def _zeros_lead(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Return whether some texts are numbers only by their looks: 007 is a name."""
    (count,) = _row(connection, f"SELECT count(*) FILTER (\"{name}\" ~ '0\\d+') FROM sampled")
    return bool(count)


def _few_fit(
    connection: duckdb.DuckDBPyConnection, name: str, each: Seen, read: str, form: Form
) -> bool:
    (filled,) = _row(connection, f'SELECT count("{name}") FROM sampled')
    wrong = _wrong(connection, "sampled", name, "number", None, read, form)
    return bool(wrong > 2 * _MISFITS_MOST * filled)


def _day_format(
    connection: duckdb.DuckDBPyConnection,
    found: Looked,
    names: Sequence[str],
    types: Mapping[str, str],
) -> dict[str, str]:
    """Return the columns of days and moments and their type; set the file's form of them."""
    days, texts = {}, []
    for name in names:
        if types[name] in ("DATE",) or types[name].startswith("TIMESTAMP"):
            days[name] = "date" if types[name] == "DATE" else "timestamp"
        elif types[name] == "VARCHAR":
            texts.append(name)
    fits: dict[str | None, dict[str, str]] = {}
    forms = [None, *_DATE_FORMATS, *(d + c for d in _DATE_FORMATS for c in _CLOCKS)]
    for name in texts:
        (filled, like) = _row(
            connection,
            f'SELECT count("{name}"), count(*) FILTER ("{name}" ~ '
            f"'.*[0-9].*[-/.年 ,].*[0-9].*|[12][0-9]{{7}}') FROM sampled",
        )
        if like * 2 < filled:
            continue
        for form in forms:
            for kind in ("date", "timestamp"):
                if form is not None and (kind == "timestamp") != any(
                    form.endswith(clock) for clock in _CLOCKS
                ):
                    continue
                wrong = _wrong(
                    connection, "sampled", name, kind, None, "VARCHAR", Form(date_format=form)
                )
                if wrong <= _MISFITS_MOST * filled:
                    fits.setdefault(form, {})[name] = kind
                    break
    if not fits:
        return days
    if len(fits) > 1:  # seldom days above the twelfth decide, and they stand in all of the rows
        for form, mine in fits.items():
            for name in list(mine):
                wrong = _wrong(
                    connection, "raw", name, mine[name], None, "VARCHAR", Form(date_format=form)
                )
                if wrong and any(
                    not _wrong(connection, "raw", name, o[name], None, "VARCHAR", Form(f))
                    for f, o in fits.items()
                    if f != form and name in o
                ):
                    del mine[name]
    most = max(len(mine) for mine in fits.values())
    best = [form for form, mine in fits.items() if len(mine) == most]
    if best[0] is not None:
        found.format["date_format"] = best[0]
        if len(best) > 1:
            found.ambiguous["date_format"] = " or ".join(str(form) for form in best)
    return days | fits[best[0]]


def _marks(
    connection: duckdb.DuckDBPyConnection,
    found: Looked,
    names: Sequence[str],
    types: Mapping[str, str],
) -> tuple[str | None, str | None]:
    """Return the marks within numbers by which most columns are numbers; set the file's."""
    counts: dict[tuple[str | None, str | None], list[str]] = {}
    for marks in _NUMBER_FORMS:
        form = Options(None, None, None, *marks).form("UTC")
        counts[marks] = [
            name
            for name in names
            if types[name] == "VARCHAR"
            and not _few_fit(connection, name, Seen(""), "VARCHAR", form)
        ]
    best = max(_NUMBER_FORMS, key=lambda marks: len(counts[marks]))
    for key, mark in zip(("decimal", "thousands"), best, strict=True):
        if mark is not None:
            found.format[key] = mark
    german = [name for name in counts[(",", ".")] if name in counts[best]]
    three = [f"\"{n}\" ~ '[-]?[1-9][0-9]{{0,2}}([.][0-9]{{3}})+'" for n in german]
    dotted = [f"contains(\"{n}\", '.')" for n in german]
    if best == (None, None) and german:
        row = _row(
            connection,
            "SELECT " + ", ".join(
                f"count(*) FILTER ({d}), count(*) FILTER ({d} AND NOT {t})"
                for d, t in zip(dotted, three, strict=True)
            ) + " FROM raw",
        )  # fmt: skip  # why: one query
        if any(row[2 * n] and not row[2 * n + 1] for n in range(len(german))):
            found.ambiguous["decimal"] = "1.234 is either a little over one (.) or a thousand (,)"
    return best


def _wrong(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    name: str,
    kind: str,
    scale: int | None,
    read: str,
    form: Form,
) -> int:
    """Return how many of a column's values are not of a type."""
    declared = Column.model_validate({"type": kind, "scale": scale})
    value, wrong = taken(name, declared, read, form)
    inner = f'SELECT "{name}" AS "read {name}", {value} AS "{name}" FROM {rows}'
    (count,) = _row(connection, f"SELECT count(*) FILTER ({wrong}) FROM ({inner})")
    return int(count)


def _looks(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """Return what a column of text looks like, such as an e-mail address; often nothing."""
    for kind, condition in looks_like(f'CAST("{name}" AS VARCHAR)').items():
        (count,) = _row(connection, f"SELECT count(*) FILTER ({condition}) FROM sampled")
        if count >= LEAST_FOUND:
            return kind
    return ""


def joined(files: Sequence[Path]) -> list[Path]:
    """Put text files of the same columns, written alike, together in the first of them.

    They are parts of one table, such as its months; the others are taken away.
    """
    kept: dict[tuple[str, tuple[str, ...]], Path] = {}
    found = []
    for path in files:
        if path.suffix.lower() != ".csv":
            found.append(path)
            continue
        encoding = _encoding(path)
        names = tuple(_headers(path, ".csv", encoding))
        read = text_of(path, encoding)[0]
        # why: one that begins with a mark of its own cannot stand within another
        first = path if read == "utf-16" else kept.setdefault((read, names), path)
        if first is path:
            found.append(path)
            continue
        with (
            path.open(encoding=read, newline="") as source,
            first.open("a", encoding=read.removesuffix("-sig"), newline="") as out,
        ):
            while tuple(fields_of(source.readline())[0]) != names:
                continue  # what stands above the names
            if not first.read_bytes().endswith((b"\n", b"\r", b"\0")):
                out.write("\n")
            shutil.copyfileobj(source, out)
        path.unlink()
    return found


def with_row_as_customer(path: Path, target: Path) -> None:
    """Write a file anew with a key of its own for each row: every row is a customer.

    Raises
    ------
    InputError
        It is no CSV file.
    """
    if path.suffix.lower() != ".csv":
        raise InputError("--customer row is of CSV files: save the sheet or table as one.")
    read = text_of(path, _encoding(path))[0]
    with (
        path.open(encoding=read, newline="") as source,
        target.open("w", encoding=read.removesuffix("-sig"), newline="") as out,
    ):
        delimiter = fields_of(source.readline())[1]
        source.seek(0)
        rows = csv.reader(source, delimiter=delimiter)
        out_rows = csv.writer(out, delimiter=delimiter)
        out_rows.writerow(["customer_id", *next(rows)])
        out_rows.writerows([number, *row] for number, row in enumerate(filter(None, rows), 1))


def database_tables(url: str, folder: Path) -> list[Path]:
    """Write every table of a database as a Parquet file; return the files.

    Raises
    ------
    InputError
        It cannot be opened. The address is not repeated, for it may hold a password.
    """
    import ibis

    try:
        connection = ibis.connect(url)
        tables = connection.list_tables()
    except Exception as problem:  # noqa: BLE001  # why: each database has errors of its own
        raise InputError(
            f"the database cannot be opened ({type(problem).__name__}). Write its address as "
            "sqlite:///folder/file.db or duckdb:///folder/file.duckdb, and install what Ibis needs "
            "for other ones."
        ) from None
    found = []
    for table in tables:
        path = folder / f"{re.sub(r'[^A-Za-z0-9_]+', '_', table)}.parquet"
        connection.table(table).to_parquet(path)
        found.append(path)
    return found


def _row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    return connection.execute(sql).fetchone() or ()
