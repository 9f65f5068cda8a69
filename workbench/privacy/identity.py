"""What makes an expression the same one, however it was written: a normal form of what it computes.

It is read off the expression itself, so neither the engine's dialect nor a library that prints SQL
has a say in whether an answer is found again. Two forms are equal only where no row can tell the
expressions apart; where that is not sure they differ, and the answer is paid for.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from workbench.documents import parse_json
from workbench.errors import QuestionRefused

if TYPE_CHECKING:
    import ibis

    from workbench.privacy.engine.coordinates import Coordinate
    from workbench.privacy.question import Question

Form = Any  # plain JSON
_SYMMETRIC = ("Add", "Multiply")
_SWAPPED = {"Greater": "Less", "GreaterEqual": "LessEqual"}
_OPPOSITE = {"Less": "LessEqual", "LessEqual": "Less"}
# A number below, of so few decimals, compares with a column the same as a float and as a decimal.
_PLAIN_BELOW, _PLAIN_DIGITS = 2**31, 6


def fingerprint(expression: ibis.Expr) -> str:
    """Return a short name of what an expression computes of a row, whatever it is called."""
    return named(normal_form(expression.op()))


def conjunction(predicates: Sequence[ibis.Expr]) -> list[str]:
    """Return short names of what filters ask of a row together, each once and in one order."""
    found: set[str] = set()
    for each in predicates:
        form = normal_form(each.op())
        found.update(named(part) for part in (form[1:] if form[0] == "And" else [form]))
    return sorted(found)


def named(meaning: Form) -> str:
    """Return a short name of a form, the same whatever the order of its keys."""
    return hashlib.sha256(_text(meaning).encode()).hexdigest()[:24]


def printed(source: ibis.Table, expression: Any) -> str:
    """Return how an expression was named by its SQL: answers of before are known by that."""
    import ibis

    sql = str(ibis.to_sql(source.select(it=expression), dialect="duckdb"))
    return hashlib.sha256(sql.encode()).hexdigest()[:24]


def normal_form(node: Any) -> Form:
    """Return the normal form of an operation on a row."""
    import ibis.expr.operations as ops

    kind = type(node).__name__
    if isinstance(node, ops.Alias):
        return normal_form(node.arg)
    if isinstance(node, ops.Field):
        return ["column", node.name]
    if isinstance(node, ops.Literal):
        return ["value", str(node.dtype), _plain(node.value)]
    if isinstance(node, ops.Cast) and node.arg.dtype == node.to:
        return normal_form(node.arg)
    if isinstance(node, ops.And | ops.Or):
        return _together(kind, node)
    if isinstance(node, ops.Not):
        return _negated(normal_form(node.arg))
    if isinstance(node, ops.Between):
        ends = ((node.lower_bound, node.arg), (node.arg, node.upper_bound))
        return ["And", *_sorted(["LessEqual", *_compared(low, high)] for low, high in ends)]
    if isinstance(node, ops.Equals):
        return _equal(*_compared(node.left, node.right))
    if isinstance(node, ops.NotEquals):
        return _negated(_equal(*_compared(node.left, node.right)))
    if isinstance(node, ops.InValues):
        options = [_compared(node.value, each)[1] for each in node.options]
        return ["in", normal_form(node.value), *_sorted(options)]
    if kind in _SWAPPED:
        return [_SWAPPED[kind], *_compared(node.right, node.left)]
    if kind in _OPPOSITE:
        return [kind, *_compared(node.left, node.right)]
    if kind in _SYMMETRIC:
        return [kind, *_ordered([normal_form(node.left), normal_form(node.right)])]
    return [kind, {name: _argument(getattr(node, name)) for name in node.__argnames__}]


def _together(kind: str, node: Any) -> Form:
    """Return conditions that hold together, or one of which holds: each once, in one order."""
    parts: list[Form] = []
    for side in (normal_form(node.left), normal_form(node.right)):
        parts += side[1:] if side[0] == kind else [side]
    if kind == "Or":
        parts = _one_of(parts)
    parts = _sorted(parts)
    return parts[0] if len(parts) == 1 else [kind, *parts]


def _one_of(parts: list[Form]) -> list[Form]:
    """Return alternatives; those that ask one thing for a value as one list of values."""
    lists: dict[str, list[Form]] = {}
    for each in parts:
        if each[0] == "in":
            lists.setdefault(_text(each[1]), [each[1]]).extend(each[2:])
    merged = [["in", value, *_sorted(options)] for value, *options in lists.values()]
    return [*merged, *(each for each in parts if each[0] != "in")]


def _negated(form: Form) -> Form:
    if form[0] == "not":
        return form[1]
    if form[0] in _OPPOSITE:  # not a < b is b <= a, and unknown where either is
        return [_OPPOSITE[form[0]], form[2], form[1]]
    return ["not", form]


def _equal(one: Form, other: Form) -> Form:
    if one[0] == "value" and other[0] != "value":
        one, other = other, one
    if other[0] == "value":
        return ["in", one, other]
    return ["Equals", *_ordered([one, other])]


def _compared(one: Any, other: Any) -> tuple[Form, Form]:
    """Return two sides of a comparison; a literal as the other side's type reads it."""
    return _beside(one, other), _beside(other, one)


def _beside(side: Any, other: Any) -> Form:
    import ibis.expr.operations as ops

    bare = side.arg if isinstance(side, ops.Cast) else side
    if not isinstance(bare, ops.Literal) or isinstance(other, ops.Literal) or bare.value is None:
        return normal_form(side)
    kind, value = other.dtype, bare.value
    if kind.is_date() or (kind.is_timestamp() and kind.timezone is None):
        moment = _moment(value)
        # why midnight: cut to a day, a time is not what was written
        if moment and (moment.endswith("T00:00:00") or (bare is side and _is_time(value))):
            return ["value", "moment", moment]
    elif bare is side and kind.is_numeric() and _reads_plainly(value, kind):
        return ["value", "number", f"{Decimal(str(value)).normalize():f}"]
    return normal_form(side)


def _is_time(value: Any) -> bool:
    return isinstance(value, dt.datetime)


def _moment(value: Any) -> str | None:
    """Return a day or time as the engine compares it with one, days as their first moment."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, dt.datetime):
        return None if value.tzinfo else value.isoformat()
    if isinstance(value, dt.date):
        return f"{value.isoformat()}T00:00:00"
    return None


def _reads_plainly(value: Any, kind: Any) -> bool:
    """Whether a number compares the same however it is written: 9.5 and Decimal("9.50")."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    number = Decimal(str(value))
    if not number.is_finite() or abs(number) >= _PLAIN_BELOW:
        return False
    plain = number % Decimal(1).scaleb(-_PLAIN_DIGITS) == 0
    return plain and not (kind.is_decimal() and (kind.scale or 0) > _PLAIN_DIGITS)


def _plain(value: Any) -> Form:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | Decimal):
        return str(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    return _argument(value)


def _argument(value: Any) -> Form:
    """Return what an operation is made of: other operations, or plain settings."""
    from ibis.common.graph import Node
    from ibis.expr.datatypes import DataType

    if isinstance(value, Node):
        return normal_form(value)
    if isinstance(value, DataType):
        return str(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, tuple | list):
        return [_argument(each) for each in value]
    if value is None or isinstance(value, bool | int | str | float | Decimal | dt.date | dt.time):
        return _plain(value)
    raise QuestionRefused(
        f"a filter, condition or group holds a {type(value).__name__}, and nothing says when two "
        "of them are the same. Write it with columns, numbers, words and dates."
    )


def _sorted(forms: Iterable[Form]) -> list[Form]:
    """Return forms in one order, each once."""
    return [parse_json(text) for text in sorted({_text(each) for each in forms})]


def _ordered(forms: Iterable[Form]) -> list[Form]:
    return sorted(forms, key=_text)


def _text(form: Form) -> str:
    return json.dumps(form, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def canonical(question: Question) -> Mapping[str, Any]:
    """Return what makes a question the same, without its span."""
    return {
        **_shared(question),
        "identity": 2,
        "key": question.key,
        "by": sorted(group.identity for group in question.own_groups),
        "where": conjunction(question.filters),
        "measures": sorted(_measure(question, each) for each in question.coordinates),
    }


def labels(question: Question) -> Mapping[str, str]:
    """Return the names the analyst chose of groups and rates, by what they stand for."""
    found = {f"rate {each.name}": each.title for each in _conditions(question)}
    for group in question.own_groups:
        called = named(group.identity)
        found[f"group {called}"] = group.dimension.name
        if group.rule is not None:
            found[f"title {called}"] = group.dimension.title
    return found


def earlier(question: Question, span: Sequence[str] | None) -> Mapping[str, Any]:
    """Return what made it the same question over a span, by the SQL of its conditions."""
    names = _printed(question)
    measures = []
    # why without: shares at bounds were not asked for then; those answers serve on
    for each in (each for each in question.coordinates if each.kind != "beyond"):
        condition, mark, rest = each.name.partition(":")
        name = names.get(condition, condition) + mark + rest
        measures.append([name, each.kind, each.low, each.high, each.digits])
    source = question.source
    return {
        **_shared(question),
        "by": sorted(group.earlier(source) for group in question.own_groups),
        "where": sorted(printed(source, each) for each in question.filters),
        "measures": sorted(measures),
        "rows": question.rows,
        "period": span,
    }


def earlier_labels(question: Question) -> Mapping[str, str]:
    """Return the names the analyst chose, by what stood for them then."""
    names = _printed(question)
    found = {f"rate {names[each.name]}": each.title for each in _conditions(question)}
    for group in question.own_groups:
        meaning = "\0".join(group.earlier(question.source)).encode()
        found[f"group {hashlib.sha256(meaning).hexdigest()[:24]}"] = group.dimension.name
    return found


def _shared(question: Question) -> dict[str, Any]:
    others = [c.identity for c in question.choices] + [d.identity for d in question.distincts]
    return {
        "table": question.table,
        "purpose": question.purpose,
        "others": sorted(others),
        "counts": question.counts,
        "cells": question.cells,
        "mechanism": (
            "pure, 1" if question.pure else "discrete gaussian, vector scaled to its norm, 2"
        ),
        **({"once": True} if question.once else {}),
        **(question.stocks.told if question.stocks else {}),
        **({"coded": coded} if (coded := question.coded) else {}),
    }


def _measure(question: Question, each: Coordinate) -> list[Any]:
    found = [each.name, each.kind, each.low, each.high, each.digits]
    if each.kind == "squares":  # of values that are cut to their limits first
        found += question.values[str(each.value)].limits or ()
    return found


def _conditions(question: Question) -> list[Any]:
    return [each for each in question.values.values() if each.condition]


def _printed(question: Question) -> dict[str, str]:
    conditions = _conditions(question)
    return {each.name: f"{printed(question.source, each.expression)}?" for each in conditions}
