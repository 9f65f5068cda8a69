"""A catalog read from its file, and what single fields cannot see: names, bounds, domains.

And arithmetic over one row's columns, as a catalog declares it and as the engine computes it. What
may stand in it is listed here and everything else is refused, so that nothing of its text becomes
SQL but names of declared columns, numbers and the four operations.
"""

import ast
import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError

from workbench.catalog import NUMERIC, UNANSWERED, Catalog, Column, ColumnType, Rule, Table
from workbench.documents import Document, load_yaml, read_json
from workbench.errors import CatalogError, CatalogUnanswered, suggest

_NUMBER = r"-?[0-9]+(\.[0-9]+)?"


def load_catalog(path: Path) -> Catalog:
    """Read and check a catalog.

    Raises
    ------
    CatalogError
        The file is missing, is not YAML, or is wrong; lists every problem with its line.
    """
    document = load_yaml(path, CatalogError, "catalog")
    if questions := list(_unanswered(document)):
        raise CatalogUnanswered(
            f"the catalog {path} is a draft with {len(questions)} "
            f"question{'s' if len(questions) > 1 else ''} to you, each told in the comment above "
            'it. Put an answer in place of each "?":',
            questions,
        )
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


def _unanswered(document: Document) -> Iterator[str]:
    """Yield where a drafted catalog still asks its owner."""

    def places(node: object, at: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
        if node == UNANSWERED:
            yield at
        elif isinstance(node, dict):
            for key, value in node.items():
                yield from places(value, (*at, key))
        elif isinstance(node, list):
            for place, value in enumerate(node):
                yield from places(value, (*at, place))

    for keys in places(document.content, ()):
        yield f"{document.where(*keys)} is unanswered."


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
    content = read_json(file)
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
                *(text for rule in column.rules for text in _rule_problems(rule, table, catalog)),
                *_computed_problems(column, table),
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


def _computed_problems(column: Column, table: Table) -> Iterator[str]:
    if column.computed is None:
        return
    if column.type not in NUMERIC or column.header or column.role in ("subject key", "time"):
        yield "what is computed is a number, has no header, and is neither key nor time."
    try:
        names = columns_in(column.computed)
    except ValueError as problem:
        yield f"computed: {problem}."
        return
    usable = [n for n, each in table.file_columns.items() if each.type in NUMERIC]
    for name in names:
        if name not in usable:
            yield (
                f"computed: '{name}' is not a column of numbers of its table's files."
                f"{suggest(name, usable)}"
            )


def _column_problems(column: Column, catalog: Catalog) -> Iterator[str]:
    for purpose in column.purposes or ():
        if purpose not in catalog.purposes:
            yield f"no purpose '{purpose}'.{suggest(purpose, catalog.purposes)}"
    if column.domain is not None:
        if not column.domain:
            yield "the domain is empty; list its values or leave it out."
        if len(set(column.domain)) != len(column.domain):
            yield "the domain lists a value twice."
        yield from _domain_type_problems(column.type, column.values)
    if column.rest is not None and (column.domain is None or column.type == "boolean"):
        yield "rest: stands for what a domain leaves out; declare domain: [...] too."
    numeric = column.type in NUMERIC
    temporal = column.type in ("date", "timestamp")
    for label, bounds in (("bounds", column.bounds), ("customer_bounds", column.customer_bounds)):
        if bounds is None:
            continue
        if not isinstance(bounds, tuple):  # a ladder
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


def _rule_problems(rule: Rule, table: Table, catalog: Catalog) -> Iterator[str]:
    if rule.references:
        yield from _reference_problems(rule.references, catalog)
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


_OPERATIONS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_LONGEST = 200  # characters; what is longer is no arithmetic that a reader checks
_DIGITS_MOST = 15  # of a number: as many as the engine computes with exactly


def columns_in(text: str) -> list[str]:
    """Return the columns that an expression is of, each once.

    Raises
    ------
    ValueError
        It is not arithmetic; says what is wrong.

    Examples
    --------
    >>> columns_in("quantity * unit_price - discount")
    ['quantity', 'unit_price', 'discount']
    """
    names = dict.fromkeys(_names(_parsed(text)))
    if not names:
        raise ValueError("it names no column")
    return list(names)


def computed_sql(text: str, value_of: Callable[[str], str]) -> str:
    """Return an expression as SQL; empty values make an empty one.

    Parameters
    ----------
    value_of : callable
        SQL of a column's value.

    Examples
    --------
    >>> computed_sql("2 * (a - b)", lambda name: f'"{name}"')
    '(2 * ("a" - "b"))'
    """
    return _sql(_parsed(text), value_of)


def _parsed(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(
            "it is not arithmetic: write column names, numbers, + - * / and ( )"
        ) from None
    for _ in _names(tree):  # looks at every part
        pass
    return tree


def _names(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        yield from _names(node.left)
        yield from _names(node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield from _names(node.operand)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        number = Decimal(str(node.value))
        if not number.is_finite() or len(f"{number:f}".replace(".", "")) > _DIGITS_MOST:
            raise ValueError(f"a number in it has at most {_DIGITS_MOST} digits")
    else:
        raise ValueError("only column names, numbers, + - * / and ( ) may stand in it")


def _sql(node: ast.expr, value_of: Callable[[str], str]) -> str:
    if isinstance(node, ast.Name):
        return value_of(node.id)
    if isinstance(node, ast.BinOp):
        left, right = _sql(node.left, value_of), _sql(node.right, value_of)
        return f"({left} {_OPERATIONS[type(node.op)]} {right})"
    if isinstance(node, ast.UnaryOp):
        return f"(-{_sql(node.operand, value_of)})"
    assert isinstance(node, ast.Constant)  # noqa: S101  # why: `_names` let nothing else through
    return f"{Decimal(str(node.value)):f}"
