"""What a refusal says where a notebook is not: our words and the catalog's, not what was typed.

A refusal repeats what it was asked for, and a cell may have asked for a customer. Mails, the record
of runs and logs cannot be erased, so only what stands in the program or is declared is quoted.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from pathlib import Path

_QUOTED = re.compile(r"""(?<!\w)(?P<quote>['"])(?P<said>.*?)(?P=quote)(?!\w)""", re.DOTALL)
_DIGITS_AT_MOST = 8  # of a day or of a number in a message; longer ones may be somebody's
_CODE = ("workbench ", "ws.", "wb.")


def untold(message: str, known: Collection[str], place: str) -> str:
    """Return a refusal's words with what neither we nor the catalog call so told by its place.

    Examples
    --------
    >>> untold("no table named 'Anna Schmidt'. Known: 'customers'.", {"customers"}, "cell 4")
    "no table named [what cell 4 gave]. Known: 'customers'."
    >>> untold("not anna@example.org, a number", (), "cell 4")
    'not [what cell 4 gave] a number'
    """
    gap = f"[what {place} gave]"
    words, quoted = _ours()
    declared = {word for name in known for word in _words(name)}

    def of(match: re.Match[str]) -> str:
        said = match["said"]
        ours = said in known or match[0] in quoted or said.startswith(_CODE)
        return match[0] if ours else gap

    def plain(chunk: str) -> str:
        digits = sum(each.isdigit() for each in chunk) <= _DIGITS_AT_MOST
        ours = all(
            word in declared or word in words or (word.isdigit() and len(word) <= 4)
            for word in _words(chunk)
        )
        return chunk if digits and ours else gap

    parts = _QUOTED.sub(of, message).split(gap)
    told = gap.join(re.sub(r"\S+", lambda match: plain(match[0]), part) for part in parts)
    return re.sub(rf"{re.escape(gap)}(?:\s*{re.escape(gap)})+", gap, told)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


@cache
def _ours() -> tuple[frozenset[str], frozenset[str]]:
    """Return every word of the program, and everything it has in quotes.

    Estates and docstrings have people's names for examples, so these are no words of ours.
    """
    package = Path(__file__).parents[1]
    files = [p for p in package.rglob("*.py") if "estates" not in p.relative_to(package).parts]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    text = re.sub(r'"""(?!\\).*?"""', "", text, flags=re.DOTALL)
    return frozenset(_words(text)), frozenset(re.findall(r"""(?<!\w)'[^'\n{}]+'(?!\w)""", text))
