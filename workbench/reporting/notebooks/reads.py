"""Which tables a report reads, read off its notebook: what lies before their data is refused."""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents import read_json
from workbench.reporting.definitions.due import Span
from workbench.reporting.definitions.fields import Value
from workbench.reporting.notebooks.literals import PARSING

if TYPE_CHECKING:
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
