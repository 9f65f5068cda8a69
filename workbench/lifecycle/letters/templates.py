"""What the office writes is a folder of templates and words a language, for a translator to read.

A new language is a further folder: every template of ``en``, and ``words.yaml`` with the catalog's
own vocabulary in words that a reader without it understands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents import packaged
from workbench.errors import require_known

if TYPE_CHECKING:
    from jinja2 import Environment

LANGUAGES = ("en", "zh")


def require_language(what: str, lang: str) -> None:
    """Refuse a language that nobody wrote this in."""
    require_known(f"language of {what}", LANGUAGES, lang)


def written(what: str, template: str, lang: str, **values: Any) -> str:
    """Return a template of a language with its values; ``what`` it is called if there is none."""
    require_language(what, lang)
    return _templates(lang).get_template(f"{template}.j2").render(values)


def words(lang: str) -> Mapping[str, Mapping[Any, str]]:
    """Return a language's words, by what they are of."""
    return packaged(f"lifecycle/letters/{lang}/words.yaml")


@cache
def _templates(lang: str) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader([Path(__file__).parent / lang, Path(__file__).parent]),
        autoescape=False,  # noqa: S701  # why: none of them is HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    known = words(lang)
    made.filters |= {
        # why itself: a catalog may have words that nobody translated
        "word": lambda key, of: known[of].get(key, key),
        "json": partial(json.dumps, ensure_ascii=False),
        "number": lambda number, unknown="": unknown if number is None else f"{number:,}",
        "minute": lambda at: f"{at:%Y-%m-%d %H:%M}",
        "zone": lambda at: f"{at:%Z}".replace("UTC", known["zone"]["UTC"]),
    }
    return made
