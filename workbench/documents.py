"""Documents: YAML 1.2 with the line of each problem, JSON in one form, a cell of a CSV file.

Beside what is read, the templates of what is written.
"""

import json
import re
import reprlib
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from operator import methodcaller
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.errors import ProblemsError, suggest

if typing.TYPE_CHECKING:
    from jinja2 import Environment


class Strict(BaseModel):
    """A part of what is written down: unknown keys are refused, and nothing changes once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@cache
def packaged(name: str) -> dict[str, Any]:
    """Return what a YAML file of this package says, by its way: ``analytics/data/kpis.yaml``."""
    content: dict[str, Any] = _parsed((resources.files("workbench") / name).read_text("utf-8"))
    return content


def templates(*folders: str, line_end: bool = True) -> "Environment":
    """Return the templates of folders of this package: HTML and XML escaped, no name unknown.

    ``line_end``: a text ends with its last line's end.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=FileSystemLoader([Path(__file__).parent / each for each in folders]),
        autoescape=select_autoescape(["html.j2", "xml.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=line_end,
    )


@dataclass(frozen=True)
class Document:
    """A document's plain content and the line of each key.

    Attributes
    ----------
    path : Path
        Where it was read.
    content : dict
        What it says, as plain Python values.
    """

    path: Path
    content: Any
    _text: str = field(repr=False)

    @cached_property
    def _marked(self) -> Any:
        # why: parsing again with line numbers takes longer than the rest; only problems need it
        from ruamel.yaml import YAML

        return YAML(typ="rt").load(self._text)

    def where(self, *keys: str | int) -> str:
        """Return ``file:line (a.b.c)`` of the deepest part of ``keys`` that exists."""
        line, seen = self._locate(keys)
        path = ".".join(str(key) for key in seen)
        return f"{self.path}:{line}" + (f" ({path})" if path else "")

    def _locate(self, keys: Sequence[str | int]) -> tuple[int, Sequence[str | int]]:
        """Return the line of the deepest part of ``keys`` that exists, and that part."""
        node, line, seen = self._marked, 1, 0
        for key in keys:
            position = getattr(node, "lc", None)
            try:
                line = position.data[key][0] + 1 if position is not None else line
                node = node[key]
            except (KeyError, IndexError, TypeError):
                break
            seen += 1
        return line, keys[:seen]

    def explain(self, error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
        """Yield one line a validation problem: place, what is wrong, what is allowed."""
        found: dict[tuple[str, str], list[str]] = {}
        for problem in error.errors(include_url=False):
            location = problem["loc"]
            key = location[-1] if location else ""
            text, got = problem["msg"].removeprefix("Value error, "), ""
            if problem["type"] == "extra_forbidden":
                known = _fields_at(model, location[:-1])
                text = f"unknown key '{key}'.{suggest(str(key), known)}"
            elif problem["type"] == "missing":
                name = f"value {key + 1}" if isinstance(key, int) else f"'{key}'"
                text = f"{name} is missing."
            elif problem["type"] == "value_error":
                text = f"{text}."
            else:
                if problem["type"] in ("model_type", "dict_type"):
                    text = "Input should be a mapping of keys to values"
                got = f" (got {reprlib.repr(problem['input'])})."
            # why: a value that may be of several types fails once for each, in one place
            found.setdefault((self.where(*location), got), []).append(text)
        for (place, got), texts in found.items():
            yield f"{place}: {'; or: '.join(texts)}{got}"


def _fields_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Return the field names allowed at a location inside ``model``."""
    here: Any = model
    for key in location:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(key)].annotation
        else:
            arguments = [a for a in typing.get_args(here) if a not in (type(None), Ellipsis)]
            here = arguments[-1] if arguments else None
        while typing.get_origin(here) in (typing.Union, types.UnionType, typing.Annotated):
            origin = typing.get_origin(here)
            options = [a for a in typing.get_args(here) if a is not type(None)]
            here = options[0] if origin is typing.Annotated else options[-1]
    if isinstance(here, type) and issubclass(here, BaseModel):
        return list(here.model_fields)
    return []


def load_yaml(path: Path, error: type[ProblemsError], what: str) -> Document:
    """Read a YAML document; raise ``error`` with the line when it is missing or broken."""
    from ruamel.yaml.error import YAMLError

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise error(f"no {what} at {path}. Create it, or name another one.") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"the {what} {path} cannot be read: {problem}") from None
    try:
        plain = _parsed(text)
    except YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        parts = (getattr(problem, name, None) for name in ("context", "problem", "reason"))
        reason = ", ".join(str(part) for part in parts if part) or "not YAML"
        raise error(f"the {what} {path} is not valid YAML:", [f"{path}:{line}: {reason}"]) from None
    except (RecursionError, ValueError) as problem:
        why = "nested too deeply" if isinstance(problem, RecursionError) else "a value is none"
        raise error(f"the {what} {path} cannot be read: {why}.") from None
    if not isinstance(plain, dict):
        raise error(f"the {what} {path} is empty or not a mapping of keys to values.")
    document, values, known = Document(path, plain, text), 0, dict[int, int]()
    for name, part in plain.items():
        try:
            values += _expanded(part, known)
        except RecursionError:
            raise error(
                f"the {what} {path} cannot be read: nested too deeply.",
                [f"{document.where(name)}: an alias (*name) stands inside of what it names."],
            ) from None
    if values > _VALUES_MOST:
        raise error(
            f"the {what} {path} cannot be read: its aliases (*name) repeat it to {values:,} "
            "values. Write out what is meant."
        )
    return document


_VALUES_MOST = 1_000_000


def _expanded(node: Any, known: dict[int, int]) -> int:
    """Return how many values a document holds, each counted as often as aliases repeat it."""
    if id(node) not in known:
        inside = [*node, *node.values()] if isinstance(node, dict) else node
        inside = inside if isinstance(inside, (list, set)) else ()
        known[id(node)] = 1 + sum(_expanded(each, known) for each in inside)
    return known[id(node)]


_APART = re.compile("%YAML|[\t\x85\u2028\u2029]")  # what two parsers read as two things


def _parsed(text: str) -> Any:
    """Return what a YAML 1.2 text says: by the parser in C, four times faster, where that serves.

    It knows no other versions, has no end of its stack in sight, refuses some of what is valid, and
    takes more ends of lines, and tabs, which whatever finds a problem's line does not.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    deepest = text.count("[") + text.count("{") + max(map(len, text.splitlines()), default=0)
    if deepest < 3000 and not _APART.search(text):
        with suppress(YAMLError):
            return YAML(typ="safe").load(text)
    return YAML(typ="safe", pure=True).load(text)


def parse_json(text: str | bytes) -> Any:
    """Return what a JSON text says; ValueError where it is none, whoever wrote it."""
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if (b"\\ud" if isinstance(text, bytes) else "\\ud") in text.lower():  # type: ignore[operator]
        canonical({"": content}).encode()  # half a letter has no bytes
    return content


def read_json(path: Path) -> Any:
    """Return what a JSON file says; ValueError where it is none; OSError where it is not there."""
    return parse_json(path.read_bytes().decode())


def canonical(content: Mapping[str, Any]) -> str:
    """Return canonical JSON: sorted keys, no spaces, no NaN; days and moments by ISO 8601."""
    return json.dumps(
        content,
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
        default=methodcaller("isoformat"),
    )


_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*")


def cell(value: Any) -> Any:
    """Return a value; a text that a spreadsheet would run is led by an apostrophe.

    Examples
    --------
    >>> [cell(each) for each in ("=1+1", "-12.50", "+49 30 1234", "North", -3, None)]
    ["'=1+1", '-12.50', "'+49 30 1234", 'North', -3, None]
    """
    if not isinstance(value, str) or not value.startswith(_FORMULA) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"
