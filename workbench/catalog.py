"""The declared data dictionary: what is held, about whom, why, for how long, within which bounds.

The catalog is the only source of domains and bounds: nothing private is ever read off the data.
A wrong catalog is refused whole, with file, line, what is wrong and what is allowed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workbench.documents import Document, load_yaml
from workbench.errors import AccessRefused, CatalogError, UnknownName, suggest

Kind = Literal["identity", "transactions", "usage", "feedback", "linked", "operational"]
ColumnType = Literal["text", "integer", "number", "money", "date", "timestamp", "boolean"]
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
_NUMBER = r"-?[0-9]+(\.[0-9]+)?"
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
PurposeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Declared):
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


class Ladder(_Declared):
    """Contribution bounds that grow, each twice the one before, from the first to the last."""

    ladder: tuple[Decimal, Decimal] = Field(description="first and last bound, both above 0")
    negative: bool = Field(
        False, description="whether a customer's total may be negative: bounds grow both ways"
    )


class Column(_Declared):
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
    bounds: tuple[Decimal | dt.date, Decimal | dt.date] | None = None
    customer_bounds: tuple[Decimal, Decimal] | Ladder | None = None
    values_per_customer: int | None = Field(
        None, gt=0, description="values one customer normally has; more are scaled down, not lost"
    )
    scale: int | None = Field(None, ge=0, le=9, description="decimal digits kept of a number")
    special_codes: dict[str, str] = {}
    rules: tuple[Rule, ...] = ()

    @property
    def digits(self) -> int:
        """Decimal digits a private sum keeps: 2 for money, ``scale`` for numbers, else 0."""
        return 2 if self.type == "money" else (self.scale or 0)


class Retention(_Declared):
    """How long rows are kept after an event."""

    months: int = Field(gt=0)
    after: str = Field(description="the date column the clock starts at, or a named event")


class SourceFormat(_Declared):
    """How files of a table are written, where they do not say so themselves."""

    encoding: str | None = None
    sheet: str | None = None
    date_format: str | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", "'", " "] | None = None


class Contribution(_Declared):
    """The most one customer may add to one answer from this table."""

    cells: int = Field(gt=0, description="cells a customer may fill before being scaled down")
    rows: int = Field(gt=0, description="rows of one customer counted within one cell")


class Table(_Declared):
    """One table: owner, source, subject key or *operational*, retention, columns."""

    kind: Kind
    title: str
    owner: str
    source: str = Field(description="file of the estate this table is loaded from")
    source_format: SourceFormat = SourceFormat()
    subject_key: Name | None = None
    operational: bool = False
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

    @model_validator(mode="after")
    def _subject_or_operational(self) -> Table:
        if self.operational == (self.subject_key is not None):
            raise ValueError("declare either subject_key: COLUMN or operational: true")
        if self.subject_key and self.subject_key not in self.columns:
            raise ValueError(f"subject_key '{self.subject_key}' is not one of its columns")
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
        if name not in self.columns:
            raise UnknownName("column", name, self.columns)
        return self.columns[name]


class ExtractTerms(_Declared):
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


class Purpose(_Declared):
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

    @model_validator(mode="after")
    def _consent_key(self) -> Purpose:
        if (self.basis == "consent") != (self.consent is not None):
            raise ValueError(
                "a purpose on the basis of consent, and only such, names its consent key"
            )
        return self


class ConsentSource(_Declared):
    """Where consents are recorded."""

    table: Name
    purpose: Name
    given: Name
    withdrawn: Name


class Limits(_Declared):
    """Privacy limits as epsilon at the declared delta; month paces, year and lifetime protect."""

    month: Decimal = Field(gt=0)
    year: Decimal = Field(gt=0)
    lifetime: Decimal = Field(gt=0)


class Privacy(_Declared):
    """The privacy unit and its budget, declared once."""

    unit: Literal["customer"] = "customer"
    key: Name
    delta: Decimal = Field(gt=0, lt=1)
    limits: Limits


class Catalog(_Declared):
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
        if name not in self.tables:
            raise UnknownName("table", name, self.tables)
        return self.tables[name]

    def purpose(self, name: str, today: dt.date) -> Purpose:
        """Return a purpose that has not expired on ``today``.

        Raises
        ------
        UnknownName
            No such purpose.
        AccessRefused
            The purpose expired.
        """
        if name not in self.purposes:
            raise UnknownName("purpose", name, self.purposes)
        purpose = self.purposes[name]
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
    def hash(self) -> str:
        """SHA-256 of the canonical content: comments and order of keys do not matter."""
        # why without defaults: a field added to this module must not change what a catalog is
        content = json.dumps(
            self.model_dump(mode="json", exclude_defaults=True), sort_keys=True, ensure_ascii=False
        )
        return hashlib.sha256(content.encode()).hexdigest()


def load_catalog(path: Path) -> Catalog:
    """Read and check a catalog.

    Raises
    ------
    CatalogError
        The file is missing, is not YAML, or is wrong; lists every problem with its line.
    """
    document = load_yaml(path, CatalogError, "catalog")
    try:
        catalog = Catalog.model_validate(document.content)
    except ValidationError as error:
        raise CatalogError(
            f"the catalog {path} is wrong:", document.explain(error, Catalog)
        ) from None
    problems = list(_cross_check(catalog, document))
    if problems:
        raise CatalogError(f"the catalog {path} is wrong:", problems)
    return catalog


def keep_checked(catalog: Catalog, path: Path, file: Path) -> None:
    """Write a checked catalog down for a process that is to use the very same one.

    Parameters
    ----------
    path : Path
        Where it was read.
    file : Path
        Where to write; to be read by `read_checked`.
    """
    content = {"of": str(path), "hash": catalog.hash, "catalog": catalog.model_dump(mode="json")}
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def read_checked(path: Path, file: Path) -> Catalog | None:
    """Return what `keep_checked` wrote, without reading YAML; None where it is of another path."""
    content = json.loads(file.read_text(encoding="utf-8"))
    if content["of"] != str(path):
        return None
    catalog = Catalog.model_validate_json(json.dumps(content["catalog"]))
    return catalog if catalog.hash == content["hash"] else None


def _cross_check(catalog: Catalog, document: Document) -> Iterator[str]:
    """Yield what single fields cannot see: names that must exist elsewhere, bounds and domains."""
    where = document.where
    for table_name, table in catalog.tables.items():
        at: tuple[str, ...] = ("tables", table_name)
        for purpose in table.purposes:
            if purpose not in catalog.purposes:
                hint = suggest(purpose, catalog.purposes)
                yield f"{where(*at, 'purposes')}: no purpose '{purpose}'.{hint}"
        if table.subject_key and table.columns[table.subject_key].role != "subject key":
            here = where(*at, "columns", table.subject_key)
            yield f"{here}: the subject key needs role: subject key."
        if table.subject_key not in (None, catalog.privacy.key):
            here = where(*at, "subject_key")
            key = catalog.privacy.key
            yield f"{here}: the privacy unit's key is '{key}'; name the column so too."
        for name, column in table.columns.items():
            if table.operational and _names_customers(catalog, name, column):
                yield (
                    f"{where(*at, 'columns', name)}: it says which customer a row is of, and an "
                    "operational table's exact figures are published. Declare subject_key: "
                    f"{catalog.privacy.key} instead of operational: true, or leave it out."
                )
            for text in (
                *_column_problems(column, catalog),
                *_rules_problems(column.rules, table, catalog),
            ):
                yield f"{where(*at, 'columns', name)}: {text}"
    limits = catalog.privacy.limits
    if not limits.month <= limits.year <= limits.lifetime:
        yield f"{where('privacy', 'limits')}: month, year and lifetime must not shrink."
    source = catalog.consents
    needing = [name for name, purpose in catalog.purposes.items() if purpose.consent]
    if needing and source is None:
        yield f"{where('purposes', needing[0])}: it needs consents:, which is not declared."
    if source is not None:
        if source.table not in catalog.tables:
            hint = suggest(source.table, catalog.tables)
            yield f"{where('consents')}: no table '{source.table}'.{hint}"
        else:
            table = catalog.tables[source.table]
            columns = table.columns
            if table.subject_key is None:
                yield f"{where('consents')}: '{source.table}' has no subject_key."
            for name in (source.purpose, source.given, source.withdrawn):
                if name not in columns:
                    hint = suggest(name, columns)
                    yield f"{where('consents')}: '{source.table}' has no column '{name}'.{hint}"
                elif name != source.purpose and columns[name].type not in ("date", "timestamp"):
                    yield f"{where('consents')}: '{name}' must be a date or timestamp column."


def _names_customers(catalog: Catalog, name: str, column: Column) -> bool:
    """Return whether a column says which customer a row is of: by its name, role or reference."""
    keys = {catalog.privacy.key} & {name}
    for rule in column.rules:
        table, _, its = (rule.references or "").partition(".")
        if (to := catalog.tables.get(table)) is not None and to.subject_key:
            keys |= {to.subject_key, *to.key_columns} & {its}
    return bool(keys) or column.role == "subject key"


def _rules_problems(rules: Iterable[Rule], table: Table, catalog: Catalog) -> Iterator[str]:
    for rule in rules:
        if rule.references:
            yield from _reference_problems(rule.references, catalog)
        yield from _rule_problems(rule, table)


def _column_problems(column: Column, catalog: Catalog) -> Iterator[str]:
    for purpose in column.purposes or ():
        if purpose not in catalog.purposes:
            yield f"no purpose '{purpose}'.{suggest(purpose, catalog.purposes)}"
    if column.domain is not None:
        if not column.domain:
            yield "the domain is empty; list its values or leave it out."
        if len(set(column.domain)) != len(column.domain):
            yield "the domain lists a value twice."
        yield from _domain_type_problems(column.type, column.domain)
    numeric = column.type in ("integer", "number", "money")
    temporal = column.type in ("date", "timestamp")
    for label, bounds in (("bounds", column.bounds), ("customer_bounds", column.customer_bounds)):
        if bounds is None:
            continue
        if isinstance(bounds, Ladder):
            if bounds.ladder[0] <= 0:
                yield f"a ladder's first bound lies above 0, not at {bounds.ladder[0]}."
            bounds = bounds.ladder
        low, high = bounds
        dates = isinstance(low, dt.date)
        if not (numeric or (temporal and label == "bounds")):
            yield f"a {column.type} column has no {label}; leave them out."
        elif dates != isinstance(high, dt.date) or dates == numeric:
            yield f"{label} must be two {'numbers' if numeric else 'dates'}."
        elif low >= high:  # type: ignore[operator]  # why: both are of one type, checked above
            yield f"{label} are reversed or equal: {low} is not below {high}."
    if numeric and any(not re.fullmatch(_NUMBER, code) for code in column.special_codes):
        yield "special_codes of a column of numbers are numbers in quotes, such as '-1'."
    if column.type == "number" and column.bounds is not None and column.scale is None:
        yield "a bounded number declares scale: its decimal digits (0 to 9)."


def _domain_type_problems(kind: ColumnType, domain: tuple[str | int | bool, ...]) -> Iterator[str]:
    wanted = {"text": str, "integer": int, "boolean": bool}.get(kind)
    if wanted is None:
        yield f"a {kind} column has no domain, only text, integer and boolean columns have one."
        return
    wrong = [value for value in domain if type(value) is not wanted]
    if wrong:
        shown = ", ".join(repr(value) for value in wrong[:3])
        # why: YAML reads 01 as the number 1, and yes as a word
        how = {"text": "quote each value", "boolean": "write true or false"}.get(
            kind, "write whole numbers without quotes"
        )
        yield f"the domain of a {kind} column: {how} (got {shown})."


def _rule_problems(rule: Rule, table: Table) -> Iterator[str]:
    if rule.not_after not in (None, "today") and rule.not_after not in table.columns:
        hint = suggest(rule.not_after or "", ["today", *table.columns])
        yield f"not_after: no column '{rule.not_after}' in its table.{hint}"
    if rule.pattern is not None:
        try:
            re.compile(rule.pattern)
        except re.error as problem:
            yield f"pattern: not a regular expression: {problem}."


def _reference_problems(reference: str, catalog: Catalog) -> Iterator[str]:
    table, dot, column = reference.partition(".")
    if not (dot and column):
        yield f"references '{reference}': write it as table.column."
    elif table not in catalog.tables:
        yield f"references '{reference}': no table '{table}'.{suggest(table, catalog.tables)}"
    elif column not in catalog.tables[table].columns:
        hint = suggest(column, catalog.tables[table].columns)
        yield f"references '{reference}': no column '{column}'.{hint}"
