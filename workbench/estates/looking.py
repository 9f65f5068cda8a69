"""What a file of one's own data holds, found by looking at it: how it is written, its columns.

A type is found by the very rules a load takes values by, so that what is drafted also loads. No
value of a row leaves this module: only names of columns, counts, and how things are written.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection as Connection

from workbench.catalog import Column, Table
from workbench.errors import SourceError
from workbench.estates.sources import encodings_of, headers_of
from workbench.store.loading.options import Options, require_fitting
from workbench.store.loading.readers import reading
from workbench.store.loading.values import Form, taken
from workbench.store.quality.hints import LEAST_FOUND, looks_like

ROWS_LOOKED_AT = 1_000_000
_SAMPLE = 3_000
_MISFITS_MOST = 0.1  # share of a column's values that are not of its type; with more it is text
_FEW_VALUES = 60
_DATES = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%Y%m%d", "%d-%b-%Y", "%d %b %Y",
    "%b %d, %Y", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%Y年%m月%d日",
)  # fmt: skip  # why: one list
_CLOCKS = (" %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_DAY_FORMS: tuple[tuple[str | None, str], ...] = (
    (None, "date"),  # as ISO 8601 says
    (None, "timestamp"),
    *((date, "date") for date in _DATES),
    *((date + clock, "timestamp") for date in _DATES for clock in _CLOCKS),
)
_LIKE_DAYS = "'.*[0-9].*[-/.年 ,].*[0-9].*|[12][0-9]{7}'"
_MARKS = ((".", ""), (".", ","), (",", "."), (",", " "), (".", "'"), (".", " "))
_MONEY = re.compile(
    r"amount|price|total|cost|spen[dt]|sales|revenue|value|paid|payment|betrag|umsatz|preis|summe|"
    r"fee|disc|金额|价格|单价|总价|付款"
)


@dataclass
class Seen:
    """One column of a file: its header, its type, what was counted of it, what it is used for."""

    header: str
    type: str = "text"
    scale: int | None = None
    filled: int = 0
    distinct: int = 0
    misfits: int = 0
    looks: str = ""
    pointed: bool = False  # whole numbers, and some are written 17850.0
    name: str = ""
    role: str = ""
    computed: str | None = None

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


def look_at(path: Path, sheet: str | None = None) -> Looked:
    """Return what a CSV file, a workbook's sheet or a Parquet file holds.

    Raises
    ------
    SourceError
        It cannot be read, or has no line of column names.
    """
    kind = require_fitting(path, Options())
    encodings = encodings_of(path) if kind == ".csv" else []
    encoding = next(iter(encodings), None)
    headers = headers_of(path, kind, encoding, sheet)
    names = {f"c{place}": each for place, each in enumerate(headers)}
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        options = Options(encoding=encoding, sheet=sheet)
        with reading(connection, path, path.stem, _as_text(path, names), options) as source:
            chosen = ", ".join(f'"{name}"' for name in names)
            connection.execute(
                f"CREATE TABLE raw AS SELECT {chosen} FROM {source.relation} LIMIT {ROWS_LOOKED_AT}"
            )
            rows = _Rows(connection, dict(source.types))
        connection.execute(
            f"CREATE TABLE sampled AS SELECT * FROM raw USING SAMPLE reservoir({_SAMPLE} ROWS) "
            "REPEATABLE (7)"
        )
        columns = {name: Seen(header) for name, header in names.items()}
        found = Looked(path, rows.one("count(*)"), list(columns.values()))
        if not found.rows:
            raise SourceError(f"{path} holds no rows. Export it again.")
        if kind == ".csv":
            found.unreadable = rows.one("count(DISTINCT line)", "reject_errors")
        if sheet is not None:
            found.format["sheet"] = sheet
        if encoding is not None:
            found.format["encoding"] = encoding
            if others := ", ".join(encodings[1:]):
                told = f"{encoding} is a guess; other letters stand there as {others}"
                found.ambiguous["encoding"] = told
        for name, each in columns.items():
            each.filled = rows.one(f'count("{name}")')
            each.distinct = rows.one(f'approx_count_distinct("{name}")')
        filled = {name: each for name, each in columns.items() if each.filled}
        days = _days(rows, found, filled)
        form = _form(rows, found, [name for name in filled if name not in days])
        for name, each in filled.items():
            _find_type(rows, name, each, form, days.get(name))
        for name, each in columns.items():
            if each.type == "text":
                each.looks = _looks(rows, name)
    return found


def _as_text(path: Path, headers: Mapping[str, str]) -> Table:
    return Table.model_validate(
        {
            "kind": "operational", "title": path.stem, "owner": "-", "source": path.name,
            "operational": True, "retention": {"months": 1, "after": "-"},
            "columns": {n: {"type": "text", "header": h} for n, h in headers.items()},
        }
    )  # fmt: skip  # why: nobody reads this but the reader of files


@dataclass
class _Rows:
    """The rows of a file in an engine of their own, and the type it read each column as."""

    connection: Connection
    types: Mapping[str, str]

    def one(self, what: str, rows: str = "raw") -> Any:
        """Return one figure of the rows, or of a sample of them."""
        return (self.connection.execute(f"SELECT {what} FROM {rows}").fetchone() or (None,))[0]

    def where(self, condition: str, rows: str = "raw") -> int:
        """Return how many rows fulfil a condition."""
        return int(self.one(f"count(*) FILTER ({condition})", rows))

    def wrong(
        self, name: str, kind: str, form: Form, scale: int | None = None, rows: str = "raw"
    ) -> int:
        """Return how many of a column's values are not of a type."""
        declared = Column.model_validate({"type": kind, "scale": scale})
        value, wrong = taken(name, declared, self.types[name], form)
        return self.where(
            wrong, f'(SELECT "{name}" AS "read {name}", {value} AS "{name}" FROM {rows})'
        )

    def fit(self, name: str, kind: str, form: Form, misfits: float = _MISFITS_MOST) -> bool:
        """Return whether all but a share of a sample's values are of a type."""
        filled = self.where(f'"{name}" IS NOT NULL', "sampled")
        return self.wrong(name, kind, form, rows="sampled") <= misfits * filled


def _find_type(rows: _Rows, name: str, each: Seen, form: Form, day: str | None) -> None:
    """Find a column's type: the one of which fewest of its values are not, else text."""
    best = _MISFITS_MOST * each.filled
    for kind, scale in [(day, None)] if day else _candidates(rows, name, each, form):
        wrong = rows.wrong(name, kind, form, scale)
        if wrong < best or (wrong <= best and each.type == "text"):
            each.type, each.scale, each.misfits, best = kind, scale, wrong, wrong
        if not wrong:
            break
    if each.type == "integer" and rows.types[name] == "VARCHAR" and form.decimal == ".":
        each.pointed = bool(rows.where(f"contains(\"{name}\", '.')"))


def _candidates(rows: _Rows, name: str, each: Seen, form: Form) -> Iterator[tuple[str, int | None]]:
    """Yield the types that a column may be of, the narrowest first."""
    read, text = rows.types[name], f'CAST("{name}" AS VARCHAR)'
    others = f"lower({text}) NOT IN ('true', 'false')"
    if (read == "BOOLEAN" or each.distinct == 2) and not rows.where(others, "sampled"):
        yield "boolean", None
    if not re.match(r"VARCHAR|BOOLEAN|U?\w*INT|FLOAT|DOUBLE|DECIMAL", read):
        return
    # why: 007 is a number only by its looks, it is a name
    if read == "VARCHAR" and rows.where(f"\"{name}\" ~ '0\\d+'", "sampled"):
        return
    if not rows.fit(name, "number", form, 2 * _MISFITS_MOST):
        return
    point = re.escape(form.decimal)
    places = rows.one(f"max(length(regexp_extract({text}, '{point}(\\d*)$', 1)))") or 0
    money = bool(_MONEY.search(each.header.casefold()))
    if not (money and places == 2):  # else it is of cents, though all of them are nought
        yield "integer", None
    if money and places <= 2:
        yield "money", None
    if places <= 9:
        yield "number", max(1, places)
    yield "number", None


def _days(rows: _Rows, found: Looked, filled: Mapping[str, Seen]) -> dict[str, str]:
    """Return the columns of days and moments and their type; set the file's form of them."""
    days: dict[str, str] = {}
    fits: dict[str | None, dict[str, str]] = {}
    for name in filled:
        read = rows.types[name]
        if read == "DATE" or read.startswith("TIMESTAMP"):
            days[name] = "date" if read == "DATE" else "timestamp"
        if read != "VARCHAR":
            continue
        like = rows.where(f'"{name}" ~ {_LIKE_DAYS}', "sampled")
        if like * 2 < rows.one(f'count("{name}")', "sampled"):
            continue
        mine: dict[str | None, str] = {}
        for form, kind in _DAY_FORMS:
            if form not in mine and rows.fit(name, kind, Form(form)):
                mine[form] = kind
        if len(mine) > 1:  # seldom days above the twelfth decide, and they stand in all of the rows
            exact = {f: kind for f, kind in mine.items() if not rows.wrong(name, kind, Form(f))}
            mine = exact or mine
        for form, kind in mine.items():
            fits.setdefault(form, {})[name] = kind
    if not fits:
        return days
    most = max(len(mine) for mine in fits.values())
    best = [form for form, mine in fits.items() if len(mine) == most]
    if best[0] is not None:
        found.format["date_format"] = best[0]
        if len(best) > 1:
            found.ambiguous["date_format"] = " or ".join(str(form) for form in best)
    return days | fits[best[0]]


def _form(rows: _Rows, found: Looked, names: list[str]) -> Form:
    """Return the form by which most columns of text are numbers; set the file's marks."""
    texts = [name for name in names if rows.types[name] == "VARCHAR"]
    forms = [Form(found.format.get("date_format"), *marks) for marks in _MARKS]
    numbers = [[n for n in texts if rows.fit(n, "number", f, 2 * _MISFITS_MOST)] for f in forms]
    place = max(range(len(forms)), key=lambda place: len(numbers[place]))
    form = forms[place]
    if form.decimal != ".":
        found.format["decimal"] = form.decimal
    if form.thousands:
        found.format["thousands"] = form.thousands
    if place == 0:
        for name in set(numbers[_MARKS.index((",", "."))]) & set(numbers[0]):
            dotted = f"contains(\"{name}\", '.')"
            three = f"\"{name}\" ~ '[-]?[1-9][0-9]{{0,2}}([.][0-9]{{3}})+'"
            if rows.where(dotted) and not rows.where(f"{dotted} AND NOT {three}"):
                told = "1.234 is either a little over one (.) or a thousand (,)"
                found.ambiguous["decimal"] = told
    return form


def _looks(rows: _Rows, name: str) -> str:
    """Return what a column of text looks like, such as an e-mail address; often nothing."""
    kinds = looks_like(f'CAST("{name}" AS VARCHAR)').items()
    return next((k for k, found in kinds if rows.where(found, "sampled") >= LEAST_FOUND), "")
