"""Good rows into the table, every other one aside: the statement that does it, in one pass.

While a file is read, a row is only found to be good or not, which is cheap. What is wrong with a
bad one is worked out later, by the same conditions, of the few rows that were handed over as texts.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from workbench.catalog import Catalog, Column, Table
from workbench.store.keys.marks import marked_sql
from workbench.store.loading.quarantine import HANDED, whose_sql
from workbench.store.loading.readers import Reading
from workbench.store.loading.values import NO_VALUE, kind_of, plain_key
from workbench.store.quality.rules import RowRule, literal, references, row_rules

_FEW, _TEXT = 8, "VARCHAR"
_COUNTED = "row_number() OVER ()"
_PLAIN_KEY = "_plain_key"  # whether a key, as it was read, fits its pattern
_UNLIKE_KEY = f"NOT {_PLAIN_KEY}"
# why only these: a text of them is the same value again; of any other kind the text is kept
_PLAIN = re.compile(
    r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\([^[]*|BOOLEAN|BLOB|DATE"
    r"|TIMESTAMP(_NS|_MS|_S| WITH TIME ZONE)?"
)


@dataclass(frozen=True)
class Sift:
    """SQL that sifts one file.

    Attributes
    ----------
    insert : str
        Takes the good rows in, and calls ``keep_aside(line, texts)`` for every other one, with its
        line and values as a JSON list; with none for a row of an erased customer.
    told : str
        Yields line, reasons, subject and content of the rows in the relation `HANDED`.
    """

    insert: str
    told: str


def sift(
    source: Reading,
    catalog: Catalog,
    name: str,
    there: Collection[str],
    *,
    today: dt.date,
    erased: bool,
) -> Sift:
    """Return how to sift a file for a table.

    Parameters
    ----------
    there : collection of str
        Tables of the lake: a reference to another one is not checked.
    erased : bool
        Whether any customer was erased.
    """
    table = catalog.tables[name]
    refs = [ref for ref in references(table) if ref.table in there and ref.holds_back]
    faults = dict(_faults(table, source, today))
    for place, ref in enumerate(refs):
        faults[f"{ref.column}: {ref.rule}"] = f'"{ref.column}" IS NOT NULL AND NOT _known_{place}'
    # why in two steps: a reference is looked up once a row, and by its value of the right type
    known = "".join(
        f', "{ref.column}" IN (SELECT "{ref.target}" FROM lake."{ref.table}" '
        f'WHERE "{ref.target}" IS NOT NULL) AS _known_{place}'
        for place, ref in enumerate(refs)
    )
    flags = [f"_known_{place}" for place in range(len(refs))]
    handed = [*(f'"read {c}"' for c in table.columns), *flags]
    line = "_line" if source.header else f"_line + {source.first_line - 1}"
    texts = ", ".join(f"CAST({each} AS VARCHAR)" for each in [line, *handed])
    barred = (
        f"WHEN {marked_sql(table.subject_key, 'erased')} THEN keep_aside({line}, NULL) "
        if erased and table.subject_key
        else ""
    )
    named = ", ".join(f'"{c}"' for c in table.columns)
    bad = " OR ".join(_soonest(table, source, faults)) or "false"
    number = (f"{source.number} + 1", [source.number]) if source.number else (_COUNTED, [])
    return Sift(
        f'INSERT INTO lake."{name}" ({named}) SELECT {named} FROM ('
        f"SELECT *{known} FROM ({_read(source, table, source.relation, *number)})) "
        # why a bare OR within CASE: the engine looks for the next fault among the good rows only
        f"WHERE CASE {barred}WHEN {bad} THEN keep_aside({line}, to_json([{texts}])) ELSE true END",
        _told(source, table, faults, flags),
    )


def _read(source: Reading, table: Table, relation: str, number: str, more: Collection[str]) -> str:
    """Return SQL that yields each column as it was read and its value, and the row's number.

    Rows are counted last: conditions are not moved below that, and so a value that a condition is
    about is made once.
    """
    columns = [f'"{c}" AS "read {c}", {source.values[c]} AS "{c}"' for c in table.columns]
    if plain := _plain(table, source):
        columns.append(f"{plain} AS {_PLAIN_KEY}")
    inner = f"SELECT {', '.join([*columns, *more])} FROM {relation}"
    return f"SELECT *, {number} AS _line FROM ({inner})"


def _told(source: Reading, table: Table, faults: Mapping[str, str], flags: Collection[str]) -> str:
    columns = list(table.columns)
    kinds = [source.types[c] if _PLAIN.fullmatch(source.types[c]) else "VARCHAR" for c in columns]
    given = [
        f'CAST(t{place} AS {kind}) AS "{column}"'
        for place, (column, kind) in enumerate(zip(columns, kinds, strict=True))
    ]
    given += [f"CAST(t{len(columns) + n} AS BOOLEAN) AS {flag}" for n, flag in enumerate(flags)]
    again = f"(SELECT line AS _at, {', '.join(given)} FROM {HANDED})"
    why = ", ".join(
        f"CASE WHEN {fault} THEN {_said(told, source)} END" for told, fault in faults.items()
    )
    key = f'CAST("{table.subject_key}" AS VARCHAR)' if table.subject_key else "NULL::VARCHAR"
    texts = (f'"read {c}"' for c, k in zip(columns, kinds, strict=True) if k == "VARCHAR")
    content = ", ".join(f'"{c}" := "read {c}"' for c in table.file_columns)
    return (
        f"SELECT _line AS line, array_to_string([{why}]::VARCHAR[], '; ') AS reasons, "
        f"{whose_sql(key, texts, len(columns))} AS subject, "
        f"to_json(struct_pack({content}))::VARCHAR AS content "
        f"FROM ({_read(source, table, again, '_at', ['_at', *flags])})"
    )


def _said(told: str, source: Reading) -> str:
    """Return SQL of a fault in words; a workbook's cell says itself why it shows no value."""
    column, _, what = told.partition(": ")
    if source.types[column] != _TEXT or not what.startswith("not "):
        return literal(told)
    read = f'"read {column}"'
    shown = f"{literal(f'{column}: ')} || substr({read}, {len(NO_VALUE) + 1})"
    own = f"starts_with({read}, {literal(NO_VALUE)})"
    return f"CASE WHEN {own} THEN {shown} ELSE {literal(told)} END"


def _faults(table: Table, source: Reading, today: dt.date) -> Iterator[tuple[str, str]]:
    """Yield what makes a row bad, and the condition. A rule with a tolerance holds no row back."""
    key = table.subject_key
    for column, declared in table.columns.items():
        if source.wrong[column] != "false":
            what = "a customer's key" if column == key else kind_of(declared.type)
            yield f"{column}: not {what}", source.wrong[column]
    nobody = without_customer(table)
    if nobody:
        yield f"{key}: not_null", nobody
    for rule in row_rules(table, today):
        told = nobody and (rule.column, rule.rule) == (key, "not_null")
        if rule.holds_back and not told:
            fails = _soon(rule, table.columns[rule.column])
            if fails == f"NOT {_plain(table, source)}":
                fails = f"{_UNLIKE_KEY} AND {fails}"  # looked at when it was taken for a key
            yield f"{rule.column}: {rule.rule}", fails


def _soonest(table: Table, source: Reading, faults: Mapping[str, str]) -> list[str]:
    """Return the conditions of faults, those that a value of which one is sure cannot have as one.

    Of nearly every row each column is then looked at once, not for each of these faults.
    """
    key, kept = table.subject_key, list[str]()
    sure = {**source.sure, **({key: _PLAIN_KEY} if key and _plain(table, source) else {})}
    doubts: dict[str, str] = {}
    for told, fault in faults.items():
        column, _, what = told.partition(": ")
        never = what.startswith("not ") or what == "not_null" or fault.startswith(_UNLIKE_KEY)
        if never and sure.get(column):
            doubts[column] = doubts.get(column, "false") + f" OR ({fault})"
        else:
            kept.append(f"({fault})")
    return [f"CASE WHEN {sure[c]} THEN false ELSE {each} END" for c, each in doubts.items()] + kept


def _plain(table: Table, source: Reading) -> str:
    key = table.subject_key
    return plain_key(f'"{key}"', table.columns[key]) if key and source.types[key] == _TEXT else ""


def without_customer(table: Table) -> str:
    """Return the condition of rows without a customer; empty where the catalog keeps them."""
    key = table.subject_key
    return f'"{key}" IS NULL' if key and not table.without_customer else ""


def _soon(rule: RowRule, column: Column) -> str:
    """Return what breaks a rule as rows of a file find it out soonest.

    They are no dictionaries, for which the rule itself is written: a few values are compared one by
    one, each with what the ones before left over.
    """
    domain = column.domain or ()
    if rule.rule != "domain" or len(domain) > _FEW or column.special_codes:
        return rule.fails
    return " AND ".join(f'"{rule.column}" <> {literal(value)}' for value in domain)
