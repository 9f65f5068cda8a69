"""Sentences filled from releases: each figure with what its margin holds, and what a bound cuts."""

import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.errors import QuestionRefused, UnknownName
from workbench.figures.changes import Together
from workbench.figures.drawn import Sentence
from workbench.figures.language import Language
from workbench.figures.notes import at_least, cut
from workbench.figures.spec import Figure, Spec, Words, figure
from workbench.figures.values import Series, Value, pick, series
from workbench.privacy.release import Release

_FIELD = re.compile(r"^(?:(\d{1,2})\.)?([A-Za-z_]\w*)$")
_FORMAT = re.compile(r"^[ +,]{0,2}\d{0,2},?(\.\d)?[dfgn%]?$")
_DECIMALS = re.compile(r"[.fgn%]")
_SCRIPTED = re.compile(r"^\+?(,?(\.\d)?[df%])?,?$")


class TextSpec(Spec):
    """A sentence whose ``{fields}`` are measures of one-row releases."""

    kind: Literal["text"] = "text"
    template: Words

    def words(self) -> tuple[str, ...]:
        """Every string of the specification a reader would see."""
        return (*super().words(), self.template)

    def prose(self) -> tuple[str, ...]:
        """What of its words was written by the analyst, without fields that are filled."""
        return tuple(literal for literal, _, _ in _fields(self.template) if literal.strip())

    def measures(self, at: int, release: Release) -> Iterator[str]:
        """Yield the measures shown of the ``at``-th release."""
        known = {each.name for each in release.measures}
        for _, name, _ in _fields(self.template):
            number, dot, measure = name.rpartition(".")
            if not dot or int(number) == at:
                yield from {measure, measure.removesuffix("_margin")} & known

    def picture(
        self, releases: Sequence[Release], language: Language, together: Together
    ) -> Sentence:
        """Return the sentence, filled.

        A figure that a bound cuts says so beside its margin, or as "at least" where it has none.
        """
        releases = [together.judged(each) for each in releases]
        for release in releases:
            if len(release) != 1:
                raise QuestionRefused(
                    f"a sentence is filled from releases of one row; '{release.name}' has "
                    f"{len(release)} rows. Release the total without by=, or draw a table."
                )
        parts = list(_fields(language.say(self.template)))
        names = {name for _, name, _ in parts}
        said = ""
        for literal, name, format_spec in parts:
            if not name:
                said += literal
                continue
            field = _field(name, releases, language)
            if isinstance(field, str):
                said += literal + field
                continue
            if not field.margin:
                said += literal + field.figure(format_spec, language, f"{name}_margin" in names)
                continue
            text, has_sign = field.reach(format_spec, language)
            # why: the "±" that is written before a margin belongs to it, and a range has none
            bare = literal.rstrip().removesuffix("±") if not has_sign else literal
            said += bare + text
        return Sentence(said)


def text(template: str, *releases: Release) -> Figure:
    """Write a sentence with released figures in it.

    Parameters
    ----------
    template : str
        A plain string (not an f-string). Its fields are measures of the releases, each with an
        optional number format; ``_margin`` after a measure is its 95 % margin, ``period`` the
        release's month. With several releases ``{0.customers}`` names the first one's.
    *releases : Release
        Each of one row.

    Examples
    --------
    >>> text("{customers:,} customers spent {amount_sum:,.0f}", total)  # doctest: +SKIP
    """
    if not releases:
        raise QuestionRefused(
            "a sentence needs a release: wb.text('{customers:,} customers', total)."
        )
    return figure(TextSpec, releases, template=template)


def _fields(template: str) -> Iterator[tuple[str, str, str]]:
    """Yield (literal, field, format) of a sentence's template.

    Raises
    ------
    QuestionRefused
        The template is not one: an unclosed brace, an expression, or an unknown format.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as problem:
        raise QuestionRefused(
            f"the sentence's template is not one: {problem}. Write fields as {{customers:,}}, and "
            "a brace that is meant as {{ or }}."
        ) from None
    for literal, name, format_spec, conversion in parts:
        if name is None:
            yield literal, "", ""
            continue
        if conversion or not _FIELD.match(name) or not _FORMAT.match(format_spec or ""):
            raise QuestionRefused(
                "a field of a sentence is a measure's name, with a format such as ',' or ',.0f' or "
                "'.1%': {customers:,}, {amount_sum_margin:,.0f}, {period}. With several releases, "
                "{0.customers} is the first one's. Expressions and conversions are not evaluated."
            )
        yield literal, name, format_spec or ""


def filled(
    template: str, releases: Sequence[Release], language: Language
) -> list[tuple[str, tuple[int, str, bool, str, bool] | None]] | None:
    """Return a sentence's literals, each with the field after it, as a page's script fills them.

    A field is its release's number, measure, whether it is the margin, its format, and whether its
    margin follows. None for a sentence that the script does not write: of another format, or of a
    figure that is not known.
    """
    parts = list(_fields(language.say(template)))
    names = {name for _, name, _ in parts}
    made: list[tuple[str, tuple[int, str, bool, str, bool] | None]] = []
    for literal, name, form in parts:
        field = _field(name, releases, language) if name else ""
        if isinstance(field, str):
            made.append((literal + field, None))
            continue
        if not _SCRIPTED.match(form) or field.value.value is None:
            return None
        at = next(i for i, each in enumerate(releases) if each is field.release)
        follows = f"{name}_margin" in names
        made.append((literal, (at, field.figures.measure.name, field.margin, form, follows)))
    return made


@dataclass(frozen=True)
class _Field:
    """A measure of one release as a sentence names it, or its margin."""

    release: Release
    figures: Series
    margin: bool

    @property
    def value(self) -> Value:
        return self.figures.values[0]

    def figure(self, format_spec: str, language: Language, margin_follows: bool) -> str:
        figures, value = self.figures, self.value
        if value.value is None:
            return language.word("none" if self.release.planned else "not known")
        currency = "" if format_spec else figures.currency
        if figures.unknown(value):
            both = figures.both(value, language, currency)
            return figures.told(value, language)[0] if margin_follows else both
        text = language.with_unit(self._number(value.value, format_spec, language), currency)
        if margin_follows:
            return text
        if at_least(figures.measure):
            return language.word("at least figure", figure=text)
        said = self._cut(language)
        return f"{text} {language.word('change margin', margin=said)}" if said else text

    def reach(self, format_spec: str, language: Language) -> tuple[str, bool]:
        """Return the margin in words, and whether a ± may stand before it."""
        figures, value = self.figures, self.value
        margin = figures.margin(value)
        if value.value is None and not self.release.planned:
            return language.word("too little"), False
        if margin is None or value.low is None or value.high is None:
            return language.word("none"), True
        if figures.unknown(value):
            currency = "" if format_spec else figures.currency
            return figures.between(value, language, currency), False
        even = figures.even(value)
        ends = [margin] if even else [value.low, value.high]
        texts = [self._number(each, format_spec, language) for each in ends]
        text = texts[0] if even else language.word("range", low=texts[0], high=texts[1])
        return language.word("clause").join(filter(None, [text, self._cut(language)])), even

    def _cut(self, language: Language) -> str:
        return cut(self.release, self.figures.measure, 0, language)

    def _number(self, number: float, format_spec: str, language: Language) -> str:
        """Return a number of the figure, or of its margin, as a sentence's format asks."""
        if format_spec:
            shown: float | int | None = number
            if format_spec.endswith("d"):
                shown = round(number)
            elif not _DECIMALS.search(format_spec):  # as many as its margin leaves
                shown = self.figures.plain(number)
            text = format(shown, format_spec)
            if number == 0 or re.search("[1-9]", text):
                return text.replace("-", "−")
            # what is not 0 is not said as 0: the format is coarser than the noise
        # a Chinese sentence counts in ten thousands, as the key figures below it do
        short = language.code == "zh"
        return self.figures.text(number, language, compact=short, beside=self.value.value)


def _field(name: str, releases: Sequence[Release], language: Language) -> _Field | str:
    """Return the measure that a field names, or the period in words."""
    match = _FIELD.match(name)
    assert match is not None  # noqa: S101  # why: fields() yields no other name
    number, measure = match[1], match[2]
    chosen = [pick(releases, int(number))] if number else list(releases)
    if measure == "period":
        periods = [release.period for release in chosen if release.period]
        if periods:
            return language.period(periods[0])
    known = [(release, each.name) for release in chosen for each in release.measures]
    names = [each for _, each in known]
    wanted = measure if measure in names else measure.removesuffix("_margin")
    holding = [release for release, each in known if each == wanted]
    if not holding:
        raise UnknownName(
            "field", measure, [*names, *(f"{each}_margin" for each in names), "period"]
        )
    if len(holding) > 1:
        raise QuestionRefused(
            f"'{wanted}' is a measure of {len(holding)} releases of this sentence. Say which: "
            f"{{0.{measure}}} is the first one's, {{1.{measure}}} the second's."
        )
    return _Field(holding[0], series(holding[0], wanted), wanted != measure)
