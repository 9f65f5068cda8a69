"""The compliance summary's indicators as a table: a light is a shape and a word, not colour alone.

What an indicator is called and means comes from its definition; every figure comes from the ledger.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from workbench.analytics.kpis import LIGHTS, Kpi, kpi, sections, word
from workbench.errors import QuestionRefused, require_known
from workbench.figures.changes import Together
from workbench.figures.drawn import Cell, Grid, Sheet
from workbench.figures.language import Language
from workbench.figures.spec import Column, Figure, Flag, Lights, Spec, figure, the_one
from workbench.lifecycle.law import cite
from workbench.privacy.release import Release

COLUMN = "indicator"
_KEPT = ("value", "low", "high", "numerator", "denominator", "light", "previous", "owner", "due")
_FULL: tuple[str, ...] = ("indicator", "value", "before", "light", "counted from", "answers")
_BRIEF = ("indicator", "light", "value", "of", "before", "owner", "due by")  # a phone shows two
_FIRST = ("indicator", "why", "owner", "due by")
_DEFINED = ("indicator", "what it is")
_ALIGNED = ("value", "before", "due by")
_DIGITS_MOST = 3
SHAPES = {"green": "●", "amber": "▲", "red": "■", "not measured": "○", "information": "·"}


class IndicatorsSpec(Spec):
    """Indicators of the compliance summary, by light or section.

    ``brief``: a line each; ``first``: what, why, who and by when, on the first screen; ``define``:
    what each is, from where and under which provision, and no figure.
    """

    kind: Literal["indicators"] = "indicators"
    lights: tuple[Lights, ...] | None = Field(None, min_length=1)
    section: Column | None = None
    brief: Flag = False
    first: Flag | None = None
    define: Flag | None = None

    def picture(self, releases: Sequence[Release], language: Language, together: Together) -> Sheet:
        """Return the indicators that are asked for, gravest first where lights are.

        Raises
        ------
        QuestionRefused
            The release holds no indicators.
        UnknownName
            There is no such section.
        """
        release = the_one(releases, together)
        missing = [name for name in (COLUMN, *_KEPT) if name not in release.columns]
        if missing:
            raise QuestionRefused(
                f"'{release.name}' holds no indicators. Draw what ws.compliance(period) returns: "
                "wb.figures.indicators(summary.indicators)."
            )
        if self.section is not None:
            require_known("section of indicators", sections(), self.section)
        lines = []
        for at, name in enumerate(release.columns[COLUMN]):
            kept = {key: release.columns[key][at] for key in (*_KEPT, "as_of", "why")}
            kept["failed"] = release.columns.get("failed", [()] * len(release))[at]
            line = _Line(kpi(name), kept, language)
            wanted = self.lights is None or kept["light"] in self.lights
            if wanted and self.section in (None, line.definition.section):
                lines.append(line)
        if self.lights is not None:
            lines.sort(key=lambda line: LIGHTS.index(line.kept["light"]))
        title = language.word("indicators")
        if self.title or self.section:
            section = sections()[self.section][language.code] if self.section else ""
            title = language.say(self.title) if self.title else section
        names, cells = _FULL, _Line.full
        if self.define:
            names, cells = _DEFINED, _Line.defined
        elif self.first:
            names, cells = _FIRST, _Line.task
        elif self.brief:
            names, cells = _BRIEF, _Line.brief
        heads = tuple(Cell(language.word(key), numeric=key in _ALIGNED) for key in names)
        body = tuple(map(cells, lines))
        grid = Grid(title, heads, body, 1).or_none(language.word("nothing here"))
        return Sheet(title, "", grid, bool(self.first))


def indicators(
    release: Release,
    *,
    lights: Sequence[str] | None = None,
    section: str | None = None,
    brief: bool = False,
    first: bool = False,
    define: bool = False,
    title: str | None = None,
) -> Figure:
    """Show indicators of the compliance summary, each with its light, in a word and a shape.

    Parameters
    ----------
    release : Release
        ``ws.compliance(period).indicators``.
    lights : sequence of str, optional
        Only those that are ``red``, ``amber``, ``not measured``, ``green`` or ``information``;
        gravest first. All in their order when left out.
    section : str, optional
        Only those of one section, such as ``rights``.
    brief : bool
        A line each: without definition, source and thresholds.
    first : bool
        What, why, who answers and by when, on the page's first screen.
    define : bool
        What each is, from where, and under which provision, without its figures; other tables of
        the page lead to it.
    title : str, optional
        A plain string.
    """
    form = {"brief": brief, "first": first or None, "define": define or None}
    return figure(IndicatorsSpec, (release,), lights=lights, section=section, **form, title=title)


@dataclass(frozen=True)
class _Line:
    """One indicator as it is defined and as it is kept, in a page's language."""

    definition: Kpi
    kept: Mapping[str, Any]
    language: Language

    def task(self) -> tuple[Cell, ...]:
        """Return what is to be done: which indicator and its figure, why, who answers, by when."""
        kept, word = self.kept, self.language.word
        told = [self._interval() or self._fraction()]
        if kept["value"] is not None and kept["value"] != kept["numerator"]:
            told.insert(0, self._figure("value"))
        if kept["previous"] is not None:
            told.append(word("previously", figure=self._figure("previous")))
        shown = self._period("due")
        if shown and kept["due"] <= str(kept["as_of"]):
            shown = word("late since", day=shown)
        titled = f"{SHAPES[kept['light']]} {self._title}"
        return (
            Cell(titled, below=_dotted(*told), light=self._light, link=self._place),
            Cell(_dotted(self._reason(), threshold(self.definition, self.language))),
            Cell(self._owner),
            Cell(shown, numeric=True),
        )

    def defined(self) -> tuple[Cell, ...]:
        """Return what it is, when it is green, and from where, without its figures."""
        told = (threshold(self.definition, self.language), self._sources, self._provision())
        below = _dotted(*told)
        return (
            Cell(self._title, anchor=self._place),
            Cell(self.definition.definition[self.language.code], below=below),
        )

    def brief(self) -> tuple[Cell, ...]:
        """Return it in a line: its interval or fraction, or why it was not measured."""
        return (
            Cell(self._title, link=self._place),
            Cell(self._light_said, light=self._light),
            Cell(self._figure("value"), numeric=True),
            Cell(self._with_reason(self._interval() or self._fraction())),
            Cell(self._figure("previous"), numeric=True),
            Cell(self._owner),
            Cell(self._period("due"), numeric=True),
        )

    def full(self) -> tuple[Cell, ...]:
        """Return everything that is said of it."""
        due, definition = self._period("due"), self.definition
        of = self._with_reason(self._fraction())
        below = threshold(definition, self.language)
        return (
            Cell(self._title, below=definition.definition[self.language.code]),
            Cell(self._figure("value"), margin=self._interval(), numeric=True, below=of),
            Cell(self._figure("previous"), numeric=True),
            Cell(self._light_said, light=self._light, below=below),
            Cell(self._sources, below=self._provision()),
            Cell(self._owner, below=self.language.word("due", day=due) if due else ""),
        )

    @property
    def _title(self) -> str:
        return self.definition.title[self.language.code]

    @property
    def _place(self) -> str:
        return f"what-is-{self.definition.id}"

    @property
    def _light(self) -> str:
        return str(self.kept["light"]).replace(" ", "-")

    @property
    def _light_said(self) -> str:
        return f"{SHAPES[self.kept['light']]} {self.language.word(self.kept['light'])}"

    @property
    def _owner(self) -> str:
        return self._said(str(self.kept["owner"]))

    @property
    def _sources(self) -> str:
        return self.language.join(list(map(self._said, self.definition.source.split(", "))))

    def _provision(self) -> str:
        seen = self.language.word("as seen", day=self._period("as_of"))
        return _dotted(cite(self.definition.law), seen)

    def _said(self, text: str) -> str:
        return self.language.say(word(text, self.language.code))

    def _period(self, key: str) -> str:
        return self.language.period(str(self.kept[key])) if self.kept[key] else ""

    def _figure(self, key: str) -> str:
        return value_text(self.definition, self.kept[key], self.language)

    def _interval(self) -> str:
        if self.kept["low"] is None or self.kept["high"] is None:
            return ""
        ends = {end: self._figure(end) for end in ("low", "high")}
        return f"({self.language.word('range', **ends)})"

    def _fraction(self) -> str:
        part, whole = self.kept["numerator"], self.kept["denominator"]
        if part is None or whole is None:
            return ""
        told = [self.language.number(x, 0 if float(x).is_integer() else 2) for x in (part, whole)]
        return self.language.word("part of", part=told[0], whole=told[1])

    def _why(self) -> str:
        return self._said(str(self.kept["why"] or ""))

    def _with_reason(self, of: str) -> str:
        if self.kept["value"] is None:
            return self._why() or of
        return _dotted(of, self._why())

    def _reason(self) -> str:
        """Return what a light rests on beside its thresholds."""
        word = self.language.word
        failed = [": ".join(map(self._said, each.split(": "))) for each in self.kept["failed"]]
        said = [word("failed checks", names=self.language.join(failed))] if failed else []
        said.append(self._why())
        if not any(said) and self.kept["light"] == "amber" and self.kept["low"] is not None:
            said.append(word("interval spans"))
        return _dotted(*said)


def _dotted(*told: str) -> str:
    return " · ".join(filter(None, told))


def value_text(definition: Kpi, value: float | None, language: Language) -> str:
    """Return an indicator's value as it is read: 96.4%, 12 h, 0.87."""
    if value is None:
        return language.word("none")
    if definition.unit == "share":
        exact = round(value * 100, 1) == round(value * 100)
        return language.percent(value, _digits(definition, value * 100, 0 if exact else 1, 100))
    if definition.unit == "ratio":
        return language.number(value, _digits(definition, value, 2, 1))
    number = language.number(value, 0 if float(value).is_integer() else 1)
    if definition.unit in ("hours", "days"):
        return language.word(definition.unit, number=number)
    return number


def _digits(definition: Kpi, value: float, digits: int, scale: int) -> int:
    """Return how many decimals tell a value from a threshold that it only nearly reaches.

    Else 97.97% stands as 98%, amber, beside "green from 98%".
    """
    bounds = [each * scale for each in (definition.green, definition.amber) if each is not None]
    while digits < _DIGITS_MOST and any(
        math.isclose(round(value, digits), bound) and not math.isclose(value, bound)
        for bound in bounds
    ):
        digits += 1
    return digits


def threshold(definition: Kpi, language: Language) -> str:
    """Return an indicator's thresholds in words; nothing where it has none."""
    if definition.better == "none" or definition.green is None:
        return ""
    key = "at least" if definition.better == "high" else "at most"
    amber = definition.amber
    # a bound no value passes is no threshold to tell a reader
    if amber is None or amber in (0, 1_000_000):
        return language.word(key, green=value_text(definition, definition.green, language))
    return language.word(
        f"{key}, amber",
        green=value_text(definition, definition.green, language),
        amber=value_text(definition, amber, language),
    )
