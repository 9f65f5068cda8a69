"""The declared data dictionary: what is held, about whom, why, for how long, within which bounds.

The catalog is the only source of domains and bounds: nothing private is ever read off the data.
A wrong catalog is refused whole, with file, line, what is wrong and what is allowed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, model_validator

from workbench.documents import Strict
from workbench.errors import AccessRefused, one_of

Kind = Literal["identity", "transactions", "usage", "feedback", "linked", "operational"]
ColumnType = Literal["text", "integer", "number", "money", "date", "timestamp", "boolean"]
UNANSWERED = "?"  # in a drafted catalog, in place of what its owner is asked
NUMERIC = ("integer", "number", "money")
Role = Literal[
    "subject key",
    "direct identifier",
    "quasi-identifier",
    "protected",
    "measure",
    "target",
    "price",
    "after-outcome",
    "attribute",
    "time",
]
Sensitivity = Literal["public", "internal", "personal", "sensitive"]
Basis = Literal[
    "consent",
    "contract",
    "legal obligation",
    "vital interests",
    "public task",
    "legitimate interests",
]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
PurposeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


class Rule(Strict):
    """One quality rule of a column; exactly the fields that apply are set."""

    not_null: bool | None = None
    unique: bool | None = None
    pattern: str | None = None
    check_digit: Literal["cn-resident-id", "luhn", "iban", "cn-mobile"] | None = None
    references: str | None = Field(None, description="table.column this value must exist in")
    not_after: str | None = Field(None, description="a column of the same table, or 'today'")
    tolerance: Decimal = Field(
        Decimal(0), ge=0, lt=1, description="share of rows that may break this rule"
    )


class Ladder(Strict):
    """Contribution bounds that grow, each twice the one before, from the first to the last."""

    ladder: tuple[Decimal, Decimal] = Field(description="first and last bound, both above 0")
    negative: bool = Field(
        False, description="whether a customer's total may be negative: bounds grow both ways"
    )


class Column(Strict):
    """One column: what it is, how sensitive, what for, and its declared domain or bounds.

    ``bounds`` are of one row's value; ``customer_bounds`` are of one customer's total within one
    cell of a question, the contribution bound of a sum.
    """

    type: ColumnType
    role: Role = "attribute"
    sensitivity: Sensitivity = "internal"
    header: str | None = Field(None, description="what files call it, where not by its name")
    title: str | None = None
    unit: str | None = None
    purposes: tuple[PurposeName, ...] | None = None
    domain: tuple[str | int | bool, ...] | None = None
    rest: str | int | None = Field(
        None, description="the value that all stand under that are not in the domain"
    )
    bounds: tuple[Decimal | dt.date, Decimal | dt.date] | None = None
    customer_bounds: tuple[Decimal, Decimal] | Ladder | None = None
    values_per_customer: int | None = Field(
        None, gt=0, description="values one customer normally has; more are scaled down, not lost"
    )
    scale: int | None = Field(None, ge=0, le=9, description="decimal digits kept of a number")
    special_codes: dict[str, str] = Field(default={})
    computed: str | None = Field(
        None, description="arithmetic over its row's other columns, in place of a file's column"
    )
    rules: tuple[Rule, ...] = ()

    @property
    def values(self) -> tuple[str | int | bool, ...]:
        """All that a group by it may show: its domain, and the rest."""
        more = () if self.rest is None or self.rest in (self.domain or ()) else (self.rest,)
        return (*(self.domain or ()), *more)

    @property
    def closed(self) -> bool:
        """Whether no value stands in it that is not in its domain."""
        return self.domain is not None and self.rest is None

    @property
    def digits(self) -> int:
        """Decimal digits a private sum keeps: 2 for money, ``scale`` for numbers, else 0."""
        return 2 if self.type == "money" else (self.scale or 0)


class Retention(Strict):
    """How long rows are kept after an event."""

    months: int = Field(gt=0)
    after: str = Field(description="the date column the clock starts at, or a named event")


class SourceFormat(Strict):
    """How files of a table are written, where they do not say so themselves."""

    encoding: str | None = None
    sheet: str | None = None
    date_format: str | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", "'", " "] | None = None


class Contribution(Strict):
    """The most one customer may add to one answer from this table."""

    cells: int = Field(gt=0, description="cells a customer may fill before being scaled down")
    rows: int = Field(gt=0, description="rows of one customer counted within one cell")


class Table(Strict):
    """One table: owner, source, subject key or *operational*, retention, columns."""

    kind: Kind
    title: str
    owner: str
    source: str = Field(description="file of the estate this table is loaded from")
    source_format: SourceFormat = SourceFormat()
    subject_key: Name | None = None
    operational: bool = False
    without_customer: Literal["keep", "tell"] | None = Field(
        default=None, description="rows that are nobody's are kept; 'tell': and their number told"
    )
    time: Name | None = None
    retention: Retention
    contribution: Contribution | None = None
    purposes: tuple[PurposeName, ...] = ()
    row_key: tuple[Name, ...] = Field(
        default=(),
        description="columns that together say which row it is; else the first unique one",
    )
    freshness_days: int | None = Field(
        default=None, gt=0, description="oldest that the newest row may be, by the time column"
    )
    expected_rows: tuple[int, int] | None = Field(
        default=None,
        description="least and most rows of a month; of the table where it has no time",
    )
    columns: dict[Name, Column]

    @property
    def file_columns(self) -> dict[str, Column]:
        """The columns its files have: all but computed ones."""
        return {name: each for name, each in self.columns.items() if each.computed is None}

    @model_validator(mode="after")
    def _subject_or_operational(self) -> Table:
        if self.operational == (self.subject_key is not None):
            raise ValueError("declare either subject_key: COLUMN or operational: true")
        if self.subject_key and self.subject_key not in self.columns:
            raise ValueError(f"subject_key '{self.subject_key}' is not one of its columns")
        if self.without_customer and self.subject_key is None:
            raise ValueError("without_customer is of a table with a subject_key")
        if self.time and self.time not in self.columns:
            raise ValueError(f"time '{self.time}' is not one of its columns")
        if self.time and self.columns[self.time].type not in ("date", "timestamp"):
            raise ValueError(f"time '{self.time}' must be a date or timestamp column")
        if not self.operational and self.contribution is None:
            raise ValueError("a table about customers declares contribution: {cells: …, rows: …}")
        return self

    @model_validator(mode="after")
    def _expectations(self) -> Table:
        for name in self.row_key:
            if name not in self.columns:
                raise ValueError(f"row_key '{name}' is not one of its columns")
        if self.freshness_days and not self.time:
            raise ValueError("freshness_days needs time: COLUMN, by which rows have an age")
        if self.expected_rows and not 0 <= self.expected_rows[0] <= self.expected_rows[1]:
            raise ValueError("expected_rows is [least, most], neither below 0 nor reversed")
        return self

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Columns that say which row it is: ``row_key``, else the first unique one, else none."""
        if self.row_key:
            return self.row_key
        unique = (
            name for name, column in self.columns.items() if any(r.unique for r in column.rules)
        )
        first = next(unique, None)
        return () if first is None else (first,)

    def column(self, name: str) -> Column:
        """Return one declared column, or raise `UnknownName` with a suggestion."""
        return one_of("column", self.columns, name)


class ExtractTerms(Strict):
    """How well people must hide in an extract: k-anonymity, l-diversity, t-closeness."""

    k: int = Field(default=5, ge=5, description="least people of a group")
    l: int = Field(  # noqa: E741  # why: the letter the field calls it by
        default=2, ge=2, description="least values of a sensitive column in a group"
    )
    t: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="most distance of a group's sensitive values from everybody's",
    )


class Purpose(Strict):
    """Why data may be read: lawful basis, consent where that is the basis, audience, expiry."""

    title: str
    basis: Basis
    consent: str | None = Field(None, description="key of this purpose in the consents table")
    audience: str
    expires: dt.date
    share_extracts: bool = Field(
        False, description="whether pseudonymised extracts may be handed to others for it"
    )
    extract_terms: ExtractTerms = ExtractTerms()
    overriding_grounds: str | None = Field(
        None, description="why an objection does not end it, in words (GDPR 21(1))"
    )

    @property
    def beyond_objection(self) -> str | None:
        """Why an objection does not reach it, in words; None where it does (GDPR 21)."""
        if self.basis in ("contract", "legal obligation", "vital interests"):
            return f"it rests on {self.basis}"
        return self.overriding_grounds

    @model_validator(mode="after")
    def _consent_key(self) -> Purpose:
        if (self.basis == "consent") != (self.consent is not None):
            raise ValueError(
                "a purpose on the basis of consent, and only such, names its consent key"
            )
        return self


class ConsentSource(Strict):
    """Where consents are recorded."""

    table: Name
    purpose: Name
    given: Name
    withdrawn: Name


class Limits(Strict):
    """Privacy limits as epsilon at the declared delta; month paces, year and lifetime protect."""

    month: Decimal = Field(gt=0)
    year: Decimal = Field(gt=0)
    lifetime: Decimal = Field(gt=0)


class Privacy(Strict):
    """The privacy unit and its budget, declared once."""

    unit: Literal["customer"] = "customer"
    key: Name
    delta: Decimal = Field(gt=0, lt=1)
    limits: Limits


class Catalog(Strict):
    """A whole catalog. `load_catalog` reads and checks one."""

    version: Literal[1]
    title: str
    currency: str | None = None
    privacy: Privacy
    consents: ConsentSource | None = None
    purposes: dict[PurposeName, Purpose]
    tables: dict[Name, Table]

    def table(self, name: str) -> Table:
        """Return one declared table, or raise `UnknownName` with a suggestion."""
        return one_of("table", self.tables, name)

    def purpose(self, name: str, today: dt.date) -> Purpose:
        """Return a purpose that has not expired on ``today``.

        Raises
        ------
        UnknownName
            No such purpose.
        AccessRefused
            The purpose expired.
        """
        purpose = one_of("purpose", self.purposes, name)
        if purpose.expires < today:
            raise AccessRefused(
                f"purpose '{name}' expired on {purpose.expires}; today is {today}. "
                "Have it reviewed and its 'expires' renewed in the catalog, "
                "or use another purpose: "
                + ", ".join(sorted(n for n, p in self.purposes.items() if p.expires >= today))
                + "."
            )
        return purpose

    def columns_for(self, table: str, purpose: str) -> dict[str, Column]:
        """Return the columns of ``table`` that ``purpose`` may read, in declared order."""
        declared = self.table(table)
        return {
            name: column
            for name, column in declared.columns.items()
            if purpose in (declared.purposes if column.purposes is None else column.purposes)
        }

    def identifiers(self) -> Iterator[tuple[str, str]]:
        """Yield (table, column) of every subject key and direct identifier."""
        for table_name, table in self.tables.items():
            for name, column in table.columns.items():
                if column.role in ("subject key", "direct identifier"):
                    yield table_name, name

    @cached_property
    def words(self) -> frozenset[str]:
        """Everything it calls tables, columns and values, and its numbers."""
        tables = self.tables.values()
        columns = [column for table in tables for column in table.columns.values()]
        names = {name for table in tables for name in table.columns}
        titles = {table.title for table in tables} | {each.title for each in columns if each.title}
        units = {each for each in (self.currency, *(c.unit for c in columns)) if each}
        limits = [pair for each in columns for pair in (each.bounds, each.customer_bounds) if pair]
        ends = [end for pair in limits for end in getattr(pair, "ladder", pair)]
        least = [each.contribution for each in tables if each.contribution]
        numbers = {str(n) for each in least for n in (each.cells, each.rows)} | set(map(str, ends))
        return frozenset(names | titles | units | numbers | self.declared_words)

    @cached_property
    def declared_words(self) -> frozenset[str]:
        """Values of its columns: they may stand on a page, whoever has one as a name."""
        return frozenset(
            str(value)
            for table in self.tables.values()
            for column in table.columns.values()
            for value in column.values
        )

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the canonical content: comments and order of keys do not matter."""
        # why without defaults: a field added to this module must not change what a catalog is
        content = json.dumps(
            self.model_dump(mode="json", exclude_defaults=True), sort_keys=True, ensure_ascii=False
        )
        return hashlib.sha256(content.encode()).hexdigest()
