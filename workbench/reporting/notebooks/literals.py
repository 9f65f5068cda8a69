"""What stands in a notebook's code: plain strings, names of arguments, and numbers.

A number stands written as a literal, or as plain arithmetic on written ones: ``1 / 12``,
``3 * step`` after ``step = 50``, ``[100 * i for i in range(1, 6)]``. A name counts where all that
it is ever bound to is written; a parameter has the value that the run was given. Nothing is
executed: what calls more than a few functions of Python's own, such as `round` and `range`, is
computed.
"""

import ast
import operator
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any, TypeGuard

_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_ALTERNATIVES = 2_000  # values that one expression may take
_LARGEST = 10**30
_DEPTH = 25
_OPERATIONS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_CALLS: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "Decimal": lambda text: Decimal(str(text)),
    "enumerate": lambda *given: list(enumerate(*given)),
    "float": float,
    "int": int,
    "list": list,
    "len": len,
    "max": max,
    "min": min,
    "range": lambda *given: list(range(*given)[:_ALTERNATIVES]),
    "round": round,
    "sorted": sorted,
    "str": str,
    "sum": sum,
    "tuple": tuple,
    "zip": lambda *given: list(zip(*given, strict=False)),
}


class _Computed(Exception):  # why: no error, but what an expression is
    """An expression is not written out."""


PARSING = threading.Lock()


@dataclass(frozen=True)
class Code:
    """What stands in a notebook's code.

    Attributes
    ----------
    strings : frozenset of str
        Plain strings, no part of an f-string.
    arguments : frozenset of str
        Names of keyword arguments, such as ``late`` of ``rate(late=…)``.
    numbers : frozenset of str
        Every number that stands written, as `plain_number` writes it.
    names : frozenset of str
        Variables and attributes.
    """

    strings: frozenset[str]
    arguments: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]


def source_of(cell: Mapping[str, Any]) -> str:
    """Return a cell's text, which a file may hold as lines."""
    return "".join(cell.get("source", ""))


def tags_of(cell: Mapping[str, Any]) -> list[Any]:
    """Return a cell's tags."""
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, Mapping) else None
    return tags if isinstance(tags, list) else []


def plain_number(number: object) -> str:
    """Return a number as numbers are compared: to twelve digits, whatever its type.

    Examples
    --------
    >>> plain_number("3,000"), plain_number(0.7), plain_number("1e-8")
    ('3000', '0.7', '1e-08')
    """
    return f"{float(str(number).replace(',', '')) + 0.0:.12g}"


def numbers_in(text: str) -> set[str]:
    """Return the numbers that stand in a text."""
    return {plain_number(each) for each in _NUMBER.findall(text)}


def read_code(cells: Iterable[str], parameters: Mapping[str, str] | None = None) -> Code:
    """Read what stands in cells of code.

    Parameters
    ----------
    cells : iterable of str
        The code as it was written; a cell that is no Python counts for nothing.
    parameters : mapping of str to str, optional
        Values that names were given from outside.
    """
    trees = [tree for each in cells if (tree := _parsed(each)) is not None]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    pieces = {id(p) for node in nodes if isinstance(node, ast.JoinedStr) for p in node.values}
    strings = frozenset(
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces
    )
    arguments = frozenset(n.arg for n in nodes if isinstance(n, ast.keyword) and n.arg)
    names = _Names(nodes, parameters or {})
    numbers: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.expr) and id(node) not in pieces:
            with suppress(_Computed):
                for value in names.values(node):
                    numbers.update(_numbers_of(value))
    plain = {n.id if isinstance(n, ast.Name) else n.attr for n in nodes if _is_name(n)}
    return Code(strings, arguments, frozenset(numbers), frozenset(plain))


def _is_name(node: ast.AST) -> TypeGuard[ast.Name | ast.Attribute]:
    return isinstance(node, ast.Name | ast.Attribute)


def _parsed(code: str) -> ast.Module | None:
    # why one at a time: Python 3.11 counts the depth of all threads' trees in one place and fails
    with PARSING:
        return _tree(code)


def _tree(code: str) -> ast.Module | None:
    plain = [line for line in code.splitlines() if not line.lstrip().startswith(("%", "!", "?"))]
    for each in (code, "\n".join(plain)):  # the second without IPython's own commands
        with suppress(SyntaxError):
            return ast.parse(each)
    return None


def _numbers_of(value: Any) -> Iterator[str]:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float | Decimal):
        with suppress(ValueError, OverflowError):
            yield plain_number(value)
    elif isinstance(value, str):
        yield from numbers_in(value)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _numbers_of(each)


def _given(text: str) -> list[Any]:
    """Return what a parameter's words may stand for: text, a number, a list of either."""
    parts = [part.strip() for part in text.split(",")]
    found: list[Any] = []
    for part in parts:
        try:
            number = Decimal(part)
        except InvalidOperation:
            found.append(part)
        else:
            found.append(int(number) if number == number.to_integral_value() else float(number))
    if len(found) > 1 or found == [text]:
        return [text, found] if len(found) > 1 else [text]
    return [text, *found, found]


class _Names:
    """The names of a notebook's code, and what they may be where all of it is written."""

    def __init__(self, nodes: Iterable[ast.AST], parameters: Mapping[str, str]) -> None:
        self._bound: dict[str, list[ast.expr | None]] = {}
        self._known: dict[str, list[Any] | None] = {
            name: _given(text) for name, text in parameters.items()
        }
        self._depth = 0
        for node in nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._bind(target, node.value)
            elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
                self._bind(node.target, node.value)
            elif isinstance(node, ast.For | ast.comprehension):
                # an expression that stands for every item of another
                self._bind(node.target, ast.Call(ast.Name(_EACH, ast.Load()), [node.iter], []))
            elif isinstance(node, ast.arg):
                self._bound.setdefault(node.arg, []).append(None)
            elif isinstance(node, ast.alias):
                self._bound.setdefault(node.asname or node.name, []).append(None)
            elif isinstance(node, ast.AugAssign | ast.Delete | ast.withitem):
                self._compute(node)

    def _compute(self, node: ast.AST) -> None:
        """Note that whatever names a part of the code binds are computed."""
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
                self._bound.setdefault(part.id, []).append(None)

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self._bound.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Tuple | ast.List):
            for place, part in enumerate(target.elts):
                self._bind(part, ast.Subscript(value, ast.Constant(place), ast.Load()))
        elif isinstance(target, ast.Subscript | ast.Attribute | ast.Starred):
            for name in ast.walk(target):  # what is put into a list is not followed
                if isinstance(name, ast.Name):
                    self._bound.setdefault(name.id, []).append(None)

    def values(self, node: ast.expr) -> list[Any]:
        """Return every value an expression may have, or raise where it is computed."""
        if self._depth > _DEPTH:
            raise _Computed
        self._depth += 1
        try:
            found = self._values(node)
        except (ArithmeticError, ValueError, TypeError, LookupError, AttributeError):
            raise _Computed from None
        finally:
            self._depth -= 1
        if len(found) > _ALTERNATIVES:
            raise _Computed
        return found

    def _values(self, node: ast.expr) -> list[Any]:
        if isinstance(node, ast.Constant):
            return [node.value]
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            sign = -1 if isinstance(node.op, ast.USub) else 1
            return [sign * each for each in self.values(node.operand)]
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node)
        if isinstance(node, ast.List | ast.Tuple):
            return [list(each) for each in self._all(node.elts)]
        if isinstance(node, ast.Subscript):
            return _tried(lambda v: self._part(v, node.slice), zip(self.values(node.value)))
        if isinstance(node, ast.ListComp | ast.GeneratorExp):
            return [self.values(node.elt)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            if node.func.id == _EACH:
                return [each for several in self.values(node.args[0]) for each in several]
            if node.func.id in _CALLS and node.func.id not in self._bound:
                return _tried(_CALLS[node.func.id], self._all(node.args))
        raise _Computed

    def _all(self, nodes: list[ast.expr]) -> list[tuple[Any, ...]]:
        several = [self.values(each) for each in nodes]
        found: list[tuple[Any, ...]] = []
        for each in product(*several):
            if len(found) > _ALTERNATIVES:
                raise _Computed
            found.append(each)
        return found

    def _named(self, name: str) -> list[Any]:
        if name not in self._known:
            self._known[name] = None  # why: while it is looked up, so that no name means itself
            bound = self._bound.get(name)
            with suppress(_Computed):
                if bound and None not in bound:
                    found = [v for each in bound if each is not None for v in self.values(each)]
                    self._known[name] = found
        values = self._known[name]
        if values is None:
            raise _Computed
        return values

    def _arithmetic(self, node: ast.BinOp) -> list[Any]:
        operation = _OPERATIONS.get(type(node.op))
        if operation is None:
            raise _Computed
        found = []
        for one, other in self._all([node.left, node.right]):
            plain = all(isinstance(each, int | float | Decimal) for each in (one, other))
            if not plain and not (isinstance(one, list) and isinstance(other, list)):
                continue  # text is not put together: a computed word is not a written one
            if isinstance(node.op, ast.Pow) and not (abs(one) <= 10**6 and 0 <= other <= 64):
                continue
            if plain and isinstance(one, Decimal) != isinstance(other, Decimal):
                one, other = float(one), float(other)
            value = operation(one, other)
            if not plain or abs(value) <= _LARGEST:
                found.append(value)
        if not found:
            raise _Computed
        return found

    def _part(self, value: Any, where: ast.expr) -> Any:
        if isinstance(where, ast.Slice):
            ends = [None if e is None else self.values(e)[0] for e in (where.lower, where.upper)]
            return value[slice(*ends)]
        return value[self.values(where)[0]]


def _tried(function: Callable[..., Any], several: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Return what a function makes of each, but of those it cannot take."""
    found = []
    for each in several:
        with suppress(ArithmeticError, ValueError, TypeError, LookupError, AttributeError):
            found.append(function(*each))
    if not found:
        raise _Computed
    return found


_EACH = "each of"  # no name in Python, so that nobody can bind it
