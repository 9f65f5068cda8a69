"""What a notebook's code says without running it: which tables it reads, what it costs at most.

A period that lies before the data of its tables is refused. Every price is written in the call that
asks: ``ws.release(…, epsilon=0.3)``, a parameter, or a product of such. Where all of them can be
read, and how often each is asked, their sum is the most a run can cost. Where anything cannot be
read for certain there is no sum, and the notebook has to be run without releasing to tell.
"""

from __future__ import annotations

import ast
import datetime as dt
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents import read_json
from workbench.errors import QuestionRefused
from workbench.reporting.definitions.due import Span
from workbench.reporting.definitions.fields import Value
from workbench.reporting.notebooks.literals import PARSING

if TYPE_CHECKING:
    from workbench.privacy.accounting import Cost
    from workbench.store.reading.access import Access


_DAY = re.compile(r"[1-9]\d{3}-\d\d-\d\d")
_HARMLESS_MAGICS = ("%load_ext workbench", "%budget", "%preview", "%matplotlib")


class Unknown(Exception):
    """It cannot be told without running the notebook."""


def span_of(
    notebook: Path, given: Collection[Mapping[str, Value]], spans: Mapping[str, Span]
) -> Span:
    """Return what the data of a report covers: of all tables, where it cannot be told of which.

    It ends where the data of all tables do: a table with a row a month has its last day early.

    Parameters
    ----------
    notebook : Path
    given : collection of mapping
        The parameters of each of its editions, of which one may name a table.
    spans : mapping
        What is loaded of each table that has a time.
    """
    read = _opened(notebook, given) or set()
    every = whole(spans.values())
    starts = [spans[table].start for table in read & spans.keys()]
    return Span(min(starts, default=every.start), every.last_day)


def spans_of(
    private: Path, tables: Iterable[str], today: dt.date, opened: Callable[[], Access]
) -> Mapping[str, Span]:
    """Return what is loaded of each table; kept beside the store: reading it takes a second."""
    # why not asked of the store: a list of what is due would wait for its imports
    snapshots = (private / "store" / "snapshots").glob("*.ducklake")
    snapshot = max((int(each.stem) for each in snapshots if each.stem.isdigit()), default=None)
    file = private / "span.json"
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):  # made anew
        kept = read_json(file)
        if kept["snapshot"] == snapshot:
            return {
                table: Span(*map(dt.date.fromisoformat, days))
                for table, days in kept["tables"].items()
            }
    access = opened()
    # why no others: a store of before the rule of years may hold a day before year 1
    last = {table: day for table, day in access.as_of.items() if day and _DAY.fullmatch(day)}
    if not last:  # of data without a time a report is about how they are now
        return dict.fromkeys(tables, Span(dt.date(today.year - 1, 1, 1), today))
    months = {
        change.table: [month for month in change.months if _DAY.fullmatch(f"{month}-01")]
        for change in access.versions.changes
    }
    spans = {
        table: Span(
            dt.date.fromisoformat(f"{min(months.get(table) or [day[:7]])}-01"),
            dt.date.fromisoformat(day),
        )
        for table, day in last.items()
    }
    days = {table: [each.start, each.last_day] for table, each in spans.items()}
    content = {"snapshot": access.snapshot, "tables": days}
    with suppress(OSError):  # a full disk; it is read from the store next time
        file.write_text(json.dumps(content, default=str), encoding="utf-8")
    return spans


def whole(spans: Collection[Span]) -> Span:
    """Return from when to when there are data of any."""
    return Span(min(each.start for each in spans), max(each.last_day for each in spans))


def _opened(notebook: Path, given: Collection[Mapping[str, Value]]) -> set[str] | None:
    """Return every name that something is opened by; None where one is not written."""
    try:
        tree = parsed(read_json(notebook)["cells"])
    except (OSError, *ODD_CODE, KeyError, TypeError, Unknown):  # told when it is run
        return None
    nodes = list(ast.walk(tree))
    names = [each for each in nodes if isinstance(each, ast.Name)]
    set_once = Counter(each.id for each in names if isinstance(each.ctx, ast.Store))
    read: set[str] = set()
    for node in nodes:
        if not (isinstance(node, ast.Attribute) and node.attr == "open"):
            continue
        call = next((n for n in nodes if isinstance(n, ast.Call) and n.func is node), None)
        words = {each.arg: each.value for each in call.keywords} if call else {}
        table = call.args[0] if call and call.args else words.get("table")
        if isinstance(table, ast.Constant) and isinstance(table.value, str):
            read.add(table.value)
        elif isinstance(table, ast.Name) and set_once[table.id] == 1:
            read |= {str(values[table.id]) for values in given if table.id in values}
            if not all(table.id in values for values in given):
                return None
        else:
            return None
    return read


# what parsing says of code that is none: also of a null, or of a thousand brackets
ODD_CODE = (SyntaxError, ValueError, RecursionError, MemoryError)


def parsed(cells: Sequence[Mapping[str, Any]]) -> ast.Module:
    """Return a notebook's code as one tree; where it is more than Python nothing can be told."""
    lines: list[str] = []
    for cell in cells:
        if cell["cell_type"] == "code":
            lines += "".join(cell["source"]).splitlines()
    for number, line in enumerate(lines):
        if line.lstrip().startswith(("%", "!", "?")):
            if not line.startswith(_HARMLESS_MAGICS):
                raise Unknown
            lines[number] = ""
    with PARSING:
        return ast.parse("\n".join(lines))


# Methods of a workspace that pay, and how often they pay their price.
PAYING = {
    "release": 1,
    "answer": 1,
    "foresee": 0,
    "release_marginals": 1,
    "suggest_bounds": 1,
    "clipping": 2,
    "past_retention": 1,
    "consents_at_reads": 1,
}
_OPENS = "open_workspace"
_SAME_LENGTH = {"enumerate", "reversed", "sorted", "list", "tuple", "set"}
_VIEWS = {"items", "keys", "values"}
_CHANGING = {"append", "extend", "insert", "update", "add", "setdefault"}
# How often their body runs, or whether, is not told by where they stand.
_UNCOUNTED = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef),
    *(ast.While, ast.AsyncFor),
)


def most_pico(
    notebook: Path,
    values: Mapping[str, Value],
    delta: Decimal,
    auto_pico: int = 0,
    gaussian: bool = True,
) -> int | None:
    """Return the most that a run can cost, in pico-rho; None where only running it can tell.

    Parameters
    ----------
    notebook : Path
    values : mapping
        The parameters of the run.
    delta : Decimal
        The catalog's.
    auto_pico : int
        What its questions with ``epsilon="auto"`` cost together.
    gaussian : bool
        How the ledger counts.
    """
    # why here: a list of what is due asks for no price, and would wait for these imports
    from workbench.privacy.accounting import price

    try:
        tree = parsed(read_json(notebook)["cells"])
        reader = _Reader(tree, values, partial(price, delta=delta, gaussian=gaussian))
        return auto_pico + reader.whole()
    # what is refused here is refused by the run
    except (Unknown, *ODD_CODE, ArithmeticError, QuestionRefused):
        return None


class _Reader:
    """A notebook's code, its names, and what each is given."""

    def __init__(
        self, tree: ast.Module, values: Mapping[str, Value], price: Callable[..., Cost]
    ) -> None:
        self._tree, self._values, self._price = tree, values, price
        self._above = {
            child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)
        }
        self._given: dict[str, list[ast.expr | None]] = {}
        self._changed = set[str]()
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                    above = self._above[node]
                    plain = isinstance(above, ast.Assign) and above.targets == [node]
                    content = above.value if plain and isinstance(above, ast.Assign) else None
                    self._given.setdefault(name, []).append(content)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)):
                    if attr in _CHANGING:
                        self._changed.add(name)

    def whole(self) -> int:
        total = 0
        spaces = {
            name
            for name, given in self._given.items()
            for each in given
            if isinstance(each, ast.Call) and _name(each.func) == _OPENS
        }
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Name) and node.id in spaces and isinstance(node.ctx, ast.Load):
                if not isinstance(self._above[node], ast.Attribute):
                    raise Unknown  # it is handed to something that may ask too
            elif isinstance(node, ast.Attribute) and node.attr in PAYING:
                call = self._above[node]
                if not isinstance(call, ast.Call) or call.func is not node:
                    raise Unknown
                total += self._paid(call) * PAYING[node.attr] * self._times(call)
            elif isinstance(node, ast.Attribute | ast.Name) and _name(node) == "discovered":
                raise Unknown  # it takes some of delta for itself
        return total

    def _paid(self, call: ast.Call) -> int:
        from workbench.privacy.planning import AUTO

        words = {each.arg: each.value for each in call.keywords}
        match words.get("epsilon"):
            case ast.Constant(value=value) if value == AUTO:
                return 0  # it is in what they cost together
            case ast.Name(id=name) if name in self._values and self._parameter(name) == AUTO:
                return 0
        pure = words.get("pure", ast.Constant(value=False))
        epsilon, rho = (
            self._number(words[name]) if name in words else None for name in ("epsilon", "rho")
        )
        if None in words or not isinstance(pure, ast.Constant):
            raise Unknown
        return self._price(epsilon, rho, pure=bool(pure.value)).pico

    def _times(self, node: ast.AST) -> int:
        """Return how often a node is reached at most."""
        times = 1
        while node in self._above:
            below, node = node, self._above[node]
            if isinstance(node, _UNCOUNTED):
                raise Unknown
            if isinstance(node, ast.For) and below in node.body:
                times *= self._length(node.iter)
            elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
                # why not of its iterators: those are reached as often as the whole or more
                times *= math.prod(self._length(each.iter) for each in node.generators)
        return times

    def _length(self, node: ast.expr) -> int:
        """Return how many items an expression has at most."""
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                if not any(isinstance(each, ast.Starred) for each in items):
                    return len(items)
            case ast.Dict(keys=keys) if None not in keys:
                return len(keys)
            case ast.Name(id=name) if name not in self._changed and name in self._values:
                if isinstance(value := self._parameter(name), list):
                    return len(value)
            case ast.Name(id=name) if name not in self._changed:
                return self._length(self._content(name))
            case ast.Call(func=ast.Attribute(value=viewed, attr=attr), args=[]) if attr in _VIEWS:
                return self._length(viewed)
            case ast.Call(func=ast.Name(id="zip"), args=items):
                lengths = []
                for each in items:
                    with suppress(Unknown):  # one that can be told is enough
                        lengths.append(self._length(each))
                if lengths:
                    return min(lengths)
            case ast.Call(func=ast.Name(id="range"), args=[_, *_] as ends):
                return len(range(*(int(self._number(each)) for each in ends)))
            case ast.Call(func=ast.Name(id=name), args=[items]) if name in _SAME_LENGTH:
                return self._length(items)
        raise Unknown

    def _number(self, node: ast.expr) -> Decimal:
        match node:
            case ast.Constant(value=int() | float() | str() as value):
                return _decimal(value)
            case ast.Name(id=name) if name in self._values:
                return _decimal(self._parameter(name))
            case ast.Name(id=name):
                return self._number(self._content(name))
            case ast.BinOp(left=one, op=ast.Mult(), right=other):
                return self._number(one) * self._number(other)
            case ast.BinOp(left=one, op=ast.Div(), right=other):
                return self._number(one) / self._number(other)
            case ast.BinOp(left=one, op=ast.Add(), right=other):
                return self._number(one) + self._number(other)
        raise Unknown

    def _content(self, name: str) -> ast.expr:
        """Return what a name stands for, if it is given once, plainly."""
        given = self._given.get(name, [])
        if len(given) != 1 or given[0] is None:
            raise Unknown
        return given[0]

    def _parameter(self, name: str) -> object:
        """Return a parameter's value, which the code sets once: papermill puts the run's there."""
        if len(self._given.get(name, [])) > 1:
            raise Unknown
        return self._values[name]


def _decimal(value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except ArithmeticError:
        raise Unknown from None


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
