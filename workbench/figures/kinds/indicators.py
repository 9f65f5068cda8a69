"""The compliance summary's indicators as a table: a light is a shape and a word, not colour alone.

What an indicator is called and means comes from its definition; every figure comes from the ledger.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from workbench.analytics.kpis import LIGHTS, Kpi, kpi, sections, word
from workbench.errors import QuestionRefused, UnknownName
from workbench.figures.changes import Together
from workbench.figures.drawn import Cell, Grid, Sheet
from workbench.figures.language import Language
from workbench.figures.spec import Column, Figure, Flag, Lights, Spec, figure, the_one
from workbench.lifecycle.law import cite
from workbench.privacy.release import Release

COLUMN = "indicator"
_KEPT = ("value", "low", "high", "numerator", "denominator", "light", "previous", "owner", "due")
_FULL = ("indicator", "value", "before", "light", "counted from", "answers")
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
        if self.section is not None and self.section not in sections():
            raise UnknownName("section of indicators", self.section, sections())
        rows = []
        for at, name in enumerate(release.columns[COLUMN]):
            kept = {key: release.columns[key][at] for key in (*_KEPT, "as_of", "why")}
            kept["failed"] = release.columns.get("failed", [()] * len(release))[at]
            definition = kpi(name)
            if self.section in (None, definition.section) and (
                self.lights is None or kept["light"] in self.lights
            ):
                rows.append((definition, kept))
        if self.lights is not None:
            rows.sort(key=lambda row: LIGHTS.index(row[1]["light"]))
        if self.title:
            title = language.say(self.title)
        else:
            at_all = language.word("indicators")
            title = sections()[self.section][language.code] if self.section else at_all
        forms = {"define": (_DEFINED, _defined), "first": (_FIRST, _task), "brief": (_BRIEF, _line)}
        asked = next((name for name in forms if getattr(self, name)), "")
        names, row = forms.get(asked, (_FULL, _row))
        heads = tuple(Cell(language.word(key), numeric=key in _ALIGNED) for key in names)
        body = tuple(row(definition, kept, language) for definition, kept in rows)
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
    chosen = None if lights is None else tuple(lights)
    return figure(
        IndicatorsSpec,
        (release,),
        lights=chosen,
        section=section,
        brief=brief,
        first=first or None,
        define=define or None,
        title=title,
    )


def _task(definition: Kpi, kept: dict[str, Any], language: Language) -> tuple[Cell, ...]:
    """Return what is to be done: which indicator and its figure, why, who answers, by when."""
    light = str(kept["light"])
    told = [_interval(definition, kept, language) or _fraction(kept, language)]
    if kept["value"] is not None and kept["value"] != kept["numerator"]:
        told.insert(0, value_text(definition, kept["value"], language))
    if kept["previous"] is not None:
        before = value_text(definition, kept["previous"], language)
        told.append(language.word("previously", figure=before))
    due, shown = kept["due"], ""
    if due:
        late = due <= str(kept["as_of"])
        shown = language.word("late since", day=language.period(due)) if late else ""
        shown = shown or language.period(due)
    return (
        Cell(
            f"{SHAPES[light]} {definition.title[language.code]}",
            below=" · ".join(filter(None, told)),
            light=light.replace(" ", "-"),
            link=_place(definition),
        ),
        Cell(" · ".join(filter(None, (_reason(kept, language), threshold(definition, language))))),
        Cell(language.say(word(str(kept["owner"]), language.code))),
        Cell(shown, numeric=True),
    )


def _reason(kept: dict[str, Any], language: Language) -> str:
    """Return what a light rests on beside its thresholds."""
    failed = [
        ": ".join(language.say(word(part, language.code)) for part in each.split(": "))
        for each in kept["failed"]
    ]
    said = [language.word("failed checks", names=language.join(failed))] if failed else []
    said += [_why(kept, language)]
    if not any(said) and kept["light"] == "amber" and kept["low"] is not None:
        said.append(language.word("interval spans"))
    return " · ".join(filter(None, said))


def _place(definition: Kpi) -> str:
    return f"what-is-{definition.id}"


def _defined(definition: Kpi, kept: dict[str, Any], language: Language) -> tuple[Cell, ...]:
    """Return what an indicator is, when it is green, and from where, without its figures."""
    code = language.code
    sources = [language.say(word(each, code)) for each in definition.source.split(", ")]
    seen = language.word("as seen", day=language.period(str(kept["as_of"])))
    told = (threshold(definition, language), language.join(sources), cite(definition.law), seen)
    return (
        Cell(definition.title[code], anchor=_place(definition)),
        Cell(definition.definition[code], below=" · ".join(filter(None, told))),
    )


def _line(definition: Kpi, kept: dict[str, Any], language: Language) -> tuple[Cell, ...]:
    """Return one indicator in a line: its interval or fraction, or why it was not measured."""
    light = str(kept["light"])
    return (
        Cell(definition.title[language.code], link=_place(definition)),
        Cell(f"{SHAPES[light]} {language.word(light)}", light=light.replace(" ", "-")),
        Cell(value_text(definition, kept["value"], language), numeric=True),
        Cell(_told(definition, kept, language)),
        Cell(value_text(definition, kept["previous"], language), numeric=True),
        Cell(language.say(word(str(kept["owner"]), language.code))),
        Cell(language.period(kept["due"]) if kept["due"] else "", numeric=True),
    )


def _row(definition: Kpi, kept: dict[str, Any], language: Language) -> tuple[Cell, ...]:
    light = str(kept["light"])
    due = language.word("due", day=language.period(kept["due"])) if kept["due"] else ""
    code = language.code
    sources = [language.say(word(each, code)) for each in definition.source.split(", ")]
    joined = language.join(sources)
    seen = language.word("as seen", day=language.period(str(kept["as_of"])))
    return (
        Cell(definition.title[code], below=definition.definition[code]),
        Cell(
            value_text(definition, kept["value"], language),
            margin=_interval(definition, kept, language),
            numeric=True,
            below=_with_reason(_fraction(kept, language), kept, language),
        ),
        Cell(value_text(definition, kept["previous"], language), numeric=True),
        Cell(
            f"{SHAPES[light]} {language.word(light)}",
            light=light.replace(" ", "-"),
            below=threshold(definition, language),
        ),
        Cell(joined, below=f"{cite(definition.law)} · {seen}"),
        Cell(language.say(word(str(kept["owner"]), code)), below=due),
    )


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


def _interval(definition: Kpi, kept: dict[str, Any], language: Language) -> str:
    if kept["low"] is None or kept["high"] is None:
        return ""
    ends = [value_text(definition, kept[end], language) for end in ("low", "high")]
    return f"({language.word('range', low=ends[0], high=ends[1])})"


def _fraction(kept: dict[str, Any], language: Language) -> str:
    if kept["numerator"] is None or kept["denominator"] is None:
        return ""
    part, whole = (
        language.number(kept[key], 0 if float(kept[key]).is_integer() else 2)
        for key in ("numerator", "denominator")
    )
    return language.word("part of", part=part, whole=whole)


def _told(definition: Kpi, kept: dict[str, Any], language: Language) -> str:
    """Return what a figure is of, or its interval; and the reason, where there is one."""
    of = _interval(definition, kept, language) or _fraction(kept, language)
    return _with_reason(of, kept, language)


def _with_reason(of: str, kept: dict[str, Any], language: Language) -> str:
    why = _why(kept, language)
    if kept["value"] is None:
        return why or of
    return " · ".join(filter(None, (of, why)))


def _why(kept: dict[str, Any], language: Language) -> str:
    return language.say(word(str(kept["why"] or ""), language.code))
