"""What an analyst chose for a release: on a page it must stand written, words and numbers alike.

A release carries words besides its figures: what groups and measures are called, labels of
gathered rows, what is set beside a group. And numbers shaped it: bounds, edges, limits, candidates,
constants. Most are declared in the catalog or made by workbench; the others an analyst typed, and a
computed one can hold a figure counted on raw rows. So each must be written in the notebook, in a
parameter or in the catalog. A word: as it stands, or every word of it, and no number but those of a
limit such as ``≥ 48 days``. A number: as a literal, or as arithmetic on literals (see `literals`).

What nobody can see here is control flow: which of two written sentences a notebook shows, or which
rows a written condition keeps.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from workbench.analytics.movement import GRADES
from workbench.errors import PeriodError
from workbench.periods import Period, ends_of
from workbench.privacy.columns import Dimension
from workbench.privacy.groups import REST, WEEKDAYS, plain_name
from workbench.privacy.provenance import EXCEPTION
from workbench.privacy.release import Release
from workbench.reporting.notebooks.literals import numbers_in, plain_number, read_code
from workbench.reporting.pages.page_assets import asset

_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+(?:[,.]\d+)*")
_LIMIT = re.compile(r"[≥<] ?[\d,.]+(?: [^\W\d_]+)?|[\d,.]+ to [\d,.]+(?: [^\W\d_]+)?")
_COUNTED = re.compile(r"(.*?)(\d+)")
_UNNAMED = re.compile(r"[A-Z]\w*\(.*(?:['\"]|, ?[-\d]).*\)")  # what Ibis calls what has no name
_FOUND = "selection"  # the mechanism whose group values are answers
_JOINT = " + "  # between the two of a pair
# What workbench itself calls what it derives from releases; a test reads it off its own recipes.
OWN = frozenset((*WEEKDAYS, *GRADES, *asset("own-words.txt").decode().splitlines()))
_OF_LIMITS = frozenset(("to", "days"))
# Titles and names that workbench adds to; numbers in them are looked at as numbers.
_ADDED = re.compile(
    r"(?P<title>.+?)(?:, assuming [\d.,-]+% more responses at \S+ each"
    r"|(?:, total)?: cut off by bounds, as seen with bounds \d+ times as wide|(?:_sum)?_cut_off)"
)
_CALENDAR_YEARS = 10  # how far from a written period a whole month may lie
# Of operations: what was reckoned from released figures, or is a place, and so nobody's choice.
_RECKONED = {
    "consistent": ("index",),
    "points": ("sizes", "ordered", "worth"),
    "regroup": ("groups",),
}
_BUNDLES = ("book", "offers", "scale")  # of arguments
_MEANT = {"base_odds": 50, "base_score": 600, "draws": 100_000, "horizon": 3, "level": 0.999,
          "pdo": 20}  # fmt: skip  # where nothing is said
_ALWAYS = frozenset(map(plain_number, (0, 1, -1, 0.95)))  # what is meant where nothing is said


@dataclass(frozen=True)
class Written:
    """What stands in a notebook's code, in its parameters and in the catalog.

    Attributes
    ----------
    exact : frozenset of str
        Whole strings, the cells of strings that are rows of a table, and names of arguments.
    words, numbers : frozenset of str
        What any of it is made of; numbers as `plain_number` writes them.
    declared : bool
        Whether the catalog's words are among it; else values of groups are not looked at.
    days : frozenset of date
        First days of periods that stand written, and written days.
    """

    exact: frozenset[str]
    words: frozenset[str]
    numbers: frozenset[str]
    declared: bool
    days: frozenset[dt.date] = frozenset()

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
            As they were checked; ``period`` among them.
        declared : collection of str
            The catalog's words and numbers; empty where it is not known.
        """
        found = read_code(code, parameters)
        strings = {*literals, *found.strings, *parameters.values(), *declared}
        cells = {cell.strip() for each in strings for cell in re.split(r"[|,]", each)}
        exact = strings | cells | found.arguments
        titles = {each.replace("_", " ").capitalize() for each in exact}
        text = "\n".join([*strings, *found.names])
        numbers = {number for each in strings for number in numbers_in(each)}
        return cls(
            frozenset(exact | titles | {plain_name(each) for each in exact}),
            frozenset(map(str.casefold, _WORD.findall(text))),
            found.numbers | numbers,
            bool(declared),
            frozenset(day for each in cells for day in _days_in(each)),
        )

    def holds(self, text: str) -> bool:
        """Whether a text is written, or made of written words and at most a limit's numbers."""
        if text in self.exact or text in OWN:
            return True
        added = _ADDED.fullmatch(text)
        if added:
            return self.holds(added["title"])
        if _JOINT in text:
            return all(map(self.holds, text.split(_JOINT)))
        if _NUMBER.search(text) and not (_LIMIT.fullmatch(text) and self.has_numbers(text)):
            return False
        words = set(map(str.casefold, _WORD.findall(text)))
        return words <= (self.words | _OF_LIMITS if _LIMIT.fullmatch(text) else self.words)

    def has_numbers(self, text: str) -> bool:
        """Whether every number of a text is written."""
        return text in self.exact or self.numbers.issuperset(numbers_in(text))

    def has_number(self, number: str) -> bool:
        """Whether a number is written."""
        return {plain_number(number)} <= self.numbers | _ALWAYS

    def has_span(self, start: dt.date, end: dt.date) -> bool:
        """Whether a span is written, or of whole months or weeks not far from a written one.

        A report counts back from its own period, so these are steps of a calendar. ``end`` is
        excluded.
        """
        last = end - dt.timedelta(days=1)
        if start in self.days and last in self.days:
            return True
        months, weeks = start.day == end.day == 1, start.weekday() == end.weekday() == 0
        near = {day.year for day in self.days} or set(range(1990, 2101))
        years = range(min(near) - _CALENDAR_YEARS, max(near) + _CALENDAR_YEARS + 1)
        return (months or weeks) and {start.year, last.year} <= set(years)


def _days_in(text: str) -> Iterator[dt.date]:
    with suppress(PeriodError):
        span = Period.parse(text)
        yield from (span.start, span.end - dt.timedelta(days=1))
        return
    with suppress(ValueError):
        yield dt.date.fromisoformat(text[:10])


def computed_number(release: Release, find: Any, written: Written) -> str | None:
    """Return which number of a release an analyst chose and that stands nowhere, else None.

    It says what the number is, never the number. Parameters as `unwritten`.
    """
    mechanism = release.mechanism
    recipe = mechanism.get("recipe")
    for what, several in (mechanism.get("given") or _of_recipe(recipe)).get("numbers", {}).items():
        if not all(map(written.has_number, several)):
            return str(what)
    for day in mechanism.get("given", {}).get("days", ()):
        if not _has_day(dt.date.fromisoformat(day), written):
            return "a day"
    if "given" not in mechanism and recipe is None and written.declared:  # of an earlier version
        for dimension in release.by:
            labels = [str(each) for each in dimension.values if dimension.kind == "band"]
            if not all(written.has_numbers(each) for each in labels if _LIMIT.fullmatch(each)):
                return f"the edges of {dimension.name}"
    if recipe is None and release.period is not None and not _has_period(release.period, written):
        return "its period"
    asked = (computed_number(find(each), find, written) for each in _below(mechanism))
    return next((each for each in asked if each is not None), None)


def _below(mechanism: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a release was computed from; of exact figures, what a notebook put among them."""
    yield from (*mechanism.get("parents", ()), *mechanism.get("parts", ()))
    if mechanism.get("kind") == "operational" and "given" in mechanism:
        yield from mechanism["private"]


def _has_day(day: dt.date, written: Written) -> bool:
    """Whether a day is written, or the first or last of a month or week not far from one."""
    after = day + dt.timedelta(days=1)
    parts = {plain_number(each) for each in (day.year, day.month, day.day)}
    if day in written.days or parts <= written.numbers:
        return True
    begins, ends = Period.containing(day), Period.containing(day).end == after
    if (
        day in (begins.start, begins.start + dt.timedelta(days=6))
        or ends
        or day.weekday() in (0, 6)
    ):
        return written.has_span(begins.start, begins.end)
    return False


def _has_period(text: str, written: Written) -> bool:
    with suppress(PeriodError):
        first, last = ends_of(text)
        return written.has_span(first.start, last.end)
    return False


def _of_recipe(recipe: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the numbers that were handed in with a recipe, by what they are."""
    numbers: dict[str, list[str]] = {}
    if recipe is None:
        return {}
    if recipe["op"] == "derive":
        for each in recipe["figures"]:
            for what, number in _numbers_of(each):
                numbers.setdefault(what, []).append(number)
    elif recipe["op"] == "grade":
        if dict(recipe["grades"]) != GRADES:
            numbers["the limits of grades"] = [str(limit) for _, limit in recipe["grades"]]
    else:
        gone = {"op", "assumed", *_RECKONED.get(recipe["op"], ())}
        for key, value in recipe.items():
            for what, number in () if key in gone else _handed_in(value, key):
                numbers.setdefault(f"{what}=", []).append(number)
    for each in recipe.get("assumed", ()):
        said = [each[key] for key in ("low", "high", "step") if key in each]
        said += [value for _, value in each.get("values", ())]
        numbers.setdefault(f"what '{each['name']}' may be", []).extend(map(str, said))
    return {"numbers": numbers}


def _handed_in(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yield the numbers of an argument, however deep, with which argument it is."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _handed_in(each, name if key in _BUNDLES else key)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _handed_in(each, key)
    elif (
        isinstance(value, int | float) and not isinstance(value, bool) and _MEANT.get(key) != value
    ):
        yield key, str(value)


def _numbers_of(figure: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the numbers of a figure as it was written, with what they are."""
    options = figure.get("options", {})
    if figure["op"] == "number":
        yield "a number in a derived figure", str(options["value"])
    for key in ("n", "level", "shift"):
        if key in options:
            yield f"{key}= of a derived figure", str(options[key])
    for each in figure.get("args", ()):
        yield from _numbers_of(each)


def unwritten(
    release: Release, find: Any, written: Written, renamed: Collection[str] = ()
) -> str | None:
    """Return the first word of a release that an analyst chose and that stands nowhere, else None.

    Parameters
    ----------
    release : Release
        As drawn; what it was derived from is looked at too.
    find : callable
        Id to release.
    written : Written
        What stands somewhere.
    renamed : collection of str
        Names that a reader does not see: another took their place.
    """
    recipe = release.mechanism.get("recipe")
    if recipe is not None:
        for text in _typed(recipe):
            if not written.holds(text):
                return text
        gone = recipe["labels"] if recipe["op"] == "rename" else ()
        found = map(find, release.mechanism["parents"])
        parents = (unwritten(each, find, written, gone) for each in found)
        return next((each for each in parents if each is not None), None)
    if release.mechanism.get("kind") == "operational":
        # why not the others: they are ours, and of tables and registers that hold no customer
        below = (unwritten(find(each), find, written) for each in _below(release.mechanism))
        said = (each for each in _names(release, ()) if not written.holds(each))
        return next(said, None) or next(filter(None, below), None)
    if release.mechanism.get("kind") == "joined":
        parts = (unwritten(find(each), find, written) for each in release.mechanism["parts"])
        return next((each for each in parts if each is not None), None)
    for text in _names(release, renamed):
        if not written.holds(text):
            return text
    for dimension in release.by:
        for text in (dimension.name, dimension.title):
            if not written.has_numbers(text) or _UNNAMED.fullmatch(text):
                return text
        if written.declared and release.mechanism.get("kind") != _FOUND:
            for text in _labels(dimension):
                if not written.holds(text):
                    return text
    titles = (each.title for each in release.measures if each.kind == "rate")
    return next((each for each in titles if not written.has_numbers(each)), None)


def _names(release: Release, renamed: Collection[str]) -> Iterator[str]:
    """Yield the names that were given to groups and rates, but those that have another now."""
    mechanism = release.mechanism
    given = mechanism.get("given", {}).get("names")
    if given is None:  # of an earlier version, which kept the names of rates alone apart
        labels = mechanism.get("labels", {})
        given = [label for meaning, label in labels.items() if meaning.startswith("rate ")]
    yield from (each for each in given if not {each, plain_name(each)} & set(renamed))


def spoken(release: Release, find: Any) -> Iterator[str]:
    """Yield the words of a release that a person put into it, an officer's reason among them.

    They are searched for identifiers as prose is, whatever else of a release is figures.
    """
    mechanism = release.mechanism
    yield from (note for note in release.notes if note.startswith(EXCEPTION))
    yield from mechanism.get("said", ())
    yield from mechanism.get("given", {}).get("names", ())
    if mechanism.get("recipe") is not None:
        yield from _typed(mechanism["recipe"])
    for each in _below(mechanism):
        yield from spoken(find(each), find)


def found_values(release: Release, find: Any) -> Iterator[str]:
    """Yield group values that were found privately: they are answers, of many customers each."""
    if release.mechanism.get("kind") == _FOUND:
        yield from (str(value) for dimension in release.by for value in dimension.values)
    mechanism = release.mechanism
    for each in (*mechanism.get("parents", ()), *mechanism.get("parts", ())):
        yield from found_values(find(each), find)


def _typed(recipe: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words in a recipe that were handed in with it."""
    bundles = (recipe, *(recipe.get(key, {}) for key in _BUNDLES))
    for key in ("into", "title", "unit"):
        yield from (str(each[key]) for each in bundles if each.get(key))
    for key in ("scenarios", "limits"):
        yield from (label for each in bundles for label, _ in each.get(key, ()))
    for each in recipe.get("assumed", ()):
        yield from (each["title"], *(label for label, _ in each.get("values", ())))
    if recipe["op"] == "derive":
        for each in recipe["figures"]:
            yield from _named(each)
    elif recipe["op"] == "regroup":
        yield from dict(recipe["groups"])  # pairs, of earlier versions a mapping
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
    texts = [each for each in dimension.values if isinstance(each, str) and each != REST]
    if dimension.kind != "category":
        return ()
    counted = [_COUNTED.fullmatch(each) for each in texts]
    if texts and all(counted):
        parts = [each.groups() for each in counted if each]
        numbers = [int(number) for _, number in parts]
        if numbers in (list(range(len(texts))), list(range(1, len(texts) + 1))):
            return sorted({head for head, _ in parts})
    return texts
