"""Read a YAML 1.2 document and say on which line a problem stands."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from workbench.errors import ProblemsError, suggest


@dataclass(frozen=True)
class Document:
    """A document's plain content and the line of each key."""

    path: Path
    content: Any
    _marked: Any

    def where(self, *keys: str | int) -> str:
        """Return ``file:line (a.b.c)`` of the deepest part of ``keys`` that exists."""
        node, line, seen = self._marked, 1, []
        for key in keys:
            position = getattr(node, "lc", None)
            try:
                line = position.data[key][0] + 1 if position is not None else line
                node = node[key]
            except (KeyError, IndexError, TypeError):
                break
            seen.append(str(key))
        path = ".".join(seen)
        return f"{self.path}:{line}" + (f" ({path})" if path else "")

    def explain(self, error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
        """Yield one line a validation problem: place, what is wrong, what is allowed."""
        for problem in error.errors(include_url=False):
            location = problem["loc"]
            place = self.where(*location)
            key = str(location[-1]) if location else ""
            if problem["type"] == "extra_forbidden":
                known = _fields_at(model, location[:-1])
                yield f"{place}: unknown key '{key}'.{suggest(key, known)}"
            elif problem["type"] == "missing":
                yield f"{place}: '{key}' is missing."
            else:
                got = "" if problem["type"] == "value_error" else f" (got {problem['input']!r})"
                text = problem["msg"].removeprefix("Value error, ")
                yield f"{place}: {key + ': ' if key else ''}{text}{got}"


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
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise error(f"no {what} at {path}. Create it, or name another one.") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"the {what} {path} cannot be read: {problem}") from None
    try:
        marked = YAML(typ="rt").load(text)
        plain = YAML(typ="safe", pure=True).load(text)
    except YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        reason = getattr(problem, "problem", None) or "not YAML"
        raise error(f"the {what} {path} is not valid YAML:", [f"{path}:{line}: {reason}"]) from None
    if not isinstance(plain, dict):
        raise error(f"the {what} {path} is empty or not a mapping of keys to values.")
    return Document(path, plain, marked)
