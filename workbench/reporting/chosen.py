"""Words that an analyst chose for a release: on a page they must stand written, like titles.

A release carries words besides its figures: what groups and measures are called, labels of gathered
rows, what is set beside a group. Most are declared in the catalog or made by workbench; the others
an analyst typed, and a computed one can hold a figure counted on raw rows. So each must be written
in the notebook, in a parameter or in the catalog: as it stands, or every word of it, and no number
but those of a limit such as ``≥ 48 days``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from workbench.privacy.release import Dimension, Release

_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+(?:[,.]\d+)*")
_LIMIT = re.compile(r"[≥<] ?[\d,.]+(?: [^\W\d_]+)?|[\d,.]+ to [\d,.]+(?: [^\W\d_]+)?")
_COUNTED = re.compile(r"(.*?)(\d+)")
_OURS = ("privacy", "analytics")  # what these call things is not computed by an analyst
_FOUND = "selection"  # the mechanism whose group values are answers


@dataclass(frozen=True)
class Written:
    """What stands in a notebook's code, in its parameters and in the catalog.

    Attributes
    ----------
    exact : frozenset of str
        Whole strings, and the cells of strings that are rows of a table.
    words, numbers : frozenset of str
        What any of it is made of.
    declared : bool
        Whether the catalog's words are among it; else values of groups are not looked at.
    """

    exact: frozenset[str]
    words: frozenset[str]
    numbers: frozenset[str]
    declared: bool

    @classmethod
    def of(
        cls,
        literals: Collection[str],
        code: Iterable[str],
        parameters: Mapping[str, str],
        declared: Collection[str],
    ) -> Written:
        """Gather what is written.

        Parameters
        ----------
        literals : collection of str
            Plain strings of the notebook's code.
        code : iterable of str
            The notebook's code.
        parameters : mapping of str to str
            As they were checked.
        declared : collection of str
            The catalog's words; empty where it is not known.
        """
        strings = [*literals, *parameters.values(), *declared]
        cells = [cell.strip() for each in strings for cell in re.split(r"[|,]", each)]
        text = "\n".join([*code, *parameters.values(), *declared])
        return cls(
            frozenset([*strings, *cells]),
            frozenset(map(str.casefold, _WORD.findall(text))),
            frozenset(map(_plain, _NUMBER.findall(text))),
            bool(declared),
        )

    def holds(self, text: str) -> bool:
        """Whether a text is written, or made of written words and at most a limit's numbers."""
        if text in self.exact:
            return True
        if _NUMBER.search(text) and not (_LIMIT.fullmatch(text) and self.has_numbers(text)):
            return False
        words = set(map(str.casefold, _WORD.findall(text)))
        return words <= self.words or words <= self.words | _our_words()

    def has_numbers(self, text: str) -> bool:
        """Whether every number of a text is written."""
        return text in self.exact or self.numbers.issuperset(map(_plain, _NUMBER.findall(text)))


def unwritten(release: Release, find: Any, written: Written) -> str | None:
    """Return the first word of a release that an analyst chose and that stands nowhere, else None.

    Parameters
    ----------
    release : Release
        As drawn; what it was derived from is looked at too.
    find : callable
        Id to release.
    written : Written
        What stands somewhere.
    """
    recipe = release.mechanism.get("recipe")
    if recipe is not None:
        for text in _typed(recipe):
            if not written.holds(text):
                return text
        parents = (unwritten(find(each), find, written) for each in release.mechanism["parents"])
        return next((each for each in parents if each is not None), None)
    if release.mechanism.get("kind") == "operational":
        return None  # its words are ours, and of tables that hold no customer
    for dimension in release.by:
        for text in (dimension.name, dimension.title):
            if not written.has_numbers(text):
                return text
        if written.declared and release.mechanism.get("kind") != _FOUND:
            for text in _labels(dimension):
                if not written.holds(text):
                    return text
    titles = (each.title for each in release.measures if each.kind == "rate")
    return next((each for each in titles if not written.has_numbers(each)), None)


def _typed(recipe: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words in a recipe that were handed in with it."""
    yield from (str(recipe[key]) for key in ("into", "title") if recipe.get(key))
    if recipe["op"] == "derive":
        for each in recipe["figures"]:
            yield from _named(each)
    elif recipe["op"] == "regroup":
        yield from recipe["groups"]
    elif recipe["op"] == "describe":
        yield from recipe["words"].values()
    elif recipe["op"] == "grade":
        yield from (str(label) for label, _ in recipe["grades"])
    elif recipe["op"] == "rename":
        yield from (each for each in recipe["labels"].values() if isinstance(each, str))


def _named(figure: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(figure[key]) for key in ("name", "title", "unit") if figure.get(key))
    for each in figure.get("args", ()):
        yield from _named(each)


def _labels(dimension: Dimension) -> Sequence[str]:
    """Return the words a category has, unless they only count up: ``cluster 1``, ``cluster 2``."""
    texts = [each for each in dimension.values if isinstance(each, str)]
    if dimension.kind != "category":
        return ()
    counted = [_COUNTED.fullmatch(each) for each in texts]
    if texts and all(counted):
        parts = [each.groups() for each in counted if each]
        numbers = [int(number) for _, number in parts]
        if numbers in (list(range(len(texts))), list(range(1, len(texts) + 1))):
            return sorted({head for head, _ in parts})
    return texts


def _plain(number: str) -> str:
    return number.replace(",", "")


@cache
def _our_words() -> frozenset[str]:
    package = Path(__file__).resolve().parents[1]
    texts = (each.read_text("utf-8") for part in _OURS for each in (package / part).rglob("*.py"))
    return frozenset(map(str.casefold, _WORD.findall("\n".join(texts))))
