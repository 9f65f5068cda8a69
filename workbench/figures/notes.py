"""What a reader must be told of a figure: its releases' notes in their language, and its bounds.

A note that is about one measure begins with its title, as `workbench.privacy` writes them:
"Amount: one customer counts for at most 3,000.00 CNY in a cell." is about every measure of Amount,
and none of the customers' business. All other notes are about the whole release.

One customer counts for no more than a bound, so a total may be less than the truth by what lies
beyond; no margin of noise holds that. Wherever such a figure stands, it says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.figures.language import Language
from workbench.figures.values import Series, Value, label, series
from workbench.privacy.clipping import widened
from workbench.privacy.columns import Measure, concerns, notes, read
from workbench.privacy.release import Release
from workbench.privacy.sheets import any_of
from workbench.privacy.tables import sheet_of

if TYPE_CHECKING:
    from workbench.figures.spec import Spec

_NOISE = " standard deviations of its noise"
# What tells an analyst what to ask instead says nothing of what is shown. Exceptions always stand.
_FOR_ANALYSTS = re.compile(
    r"(?!Exception:).*(?:\w=|\b(?:wb|ws)\.|\w\(|`|values_per_customer|'workbench |"
    r"(?:is not added|does not add) up over (?!them))"
)


def notes_about(spec: Spec, releases: Sequence[Release], language: Language) -> tuple[str, ...]:
    """Return the notes of a figure's releases that concern what it shows, each once."""
    found: dict[str, None] = {}
    for at, release in enumerate(releases):
        made_of = {} if release.planned else sheet_of(release).stands_on
        mine = any_of(made_of.get(each, ()) for each in spec.measures(at, release))
        for note in release.notes:
            told = concerns(note, mine) or not concerns(note, any_of(made_of.values()) - mine)
            if told and not _FOR_ANALYSTS.match(note):
                found[translated(note, language)] = None
    return tuple(found)


def translated(note: str, language: Language) -> str:
    """Return a note in a page's language, where it is known in it.

    Examples
    --------
    >>> translated("One customer counts for at most 20 rows in a cell.", Language("zh"))
    '每位客户在每个计数组中最多计 20 条记录；各组相加时，每组各计至多 20 条。'
    >>> translated("Rows without a customer are in no figure.", Language("zh"))
    '没有客户的记录不计入任何数字。'
    """
    known = read(note)
    if note in language.translations or known is None:
        return language.say(note)
    key, values = known
    said = {name: _said(name, value, language) for name, value in values.items()}
    return notes()[key][language.code].format(**said).replace(" 。", "。")


def _said(name: str, value: str, language: Language) -> str:
    """Return a note's value in a page's language: titles, groups and rules have words of theirs."""
    if name == "title":
        return language.measure(value)
    if name == "top":
        return value.removesuffix(".00")
    if name == "month":
        return language.period(value)
    if language.code == "en":
        return value
    if name == "titles":
        return language.join([language.measure(each) for each in value.split("; ")])
    if name == "limit":  # a word of the product's own, or the notebook's
        return language.say(value)
    if name == "of":  # a title as it stands within a sentence
        return language.measure(f"{value[:1].upper()}{value[1:]}")
    if name in ("codes", "where"):
        return language.join([language.say(each) for each in value.split(", ")])
    if name == "unit":
        return f" {language.say(value.strip())}" if value else ""
    if name == "grades":  # "A from 0.7, C from 0"
        pairs = (each.rpartition(" from ") for each in value.split(", "))
        return language.join([f"{language.say(grade)} 自 {limit} 起" for grade, _, limit in pairs])
    if name == "groups":
        return _groups(value, language)
    return _rule(value) if name == "rule" else value


def _groups(told: str, language: Language) -> str:
    """Return merged values: "Other (north, south)" is "其他（北区、南区）"."""
    if not told.startswith("merged: "):
        return "无需合并"
    said = []
    for each in told.removeprefix("merged: ").split("; "):
        label, _, members = each.removesuffix(")").partition(" (")
        words = language.join([language.say(one) for one in members.split(", ")])
        said.append(f"{language.say(label)}（{words}）")
    return "；".join(said)


def _rule(told: str) -> str:
    """Return when a number of customers is too small: "20 or 3 standard deviations of …"."""
    rule = told.removesuffix(", whichever is more")
    least, _, noise = rule.rpartition(" or ")
    if not rule.endswith(_NOISE):
        return f" {rule} "
    noise = f"其噪声标准差的 {noise.removesuffix(_NOISE)} 倍"
    return f" {least} 与{noise}中的较大者" if least else noise


_NAMED_AT_MOST = 3  # groups of a chart whose share beyond the bound is told


def bounded(measure: Measure, language: Language, *, alone: bool = False) -> str:
    """Return "counting up to ¥3,000 a customer"; empty for what no bound cuts.

    That one record counts is told ``alone`` only: where notes stand beneath, they tell it once.

    Examples
    --------
    >>> from workbench.privacy.release import Bound
    >>> amount = Measure("amount_sum", "sum", "Amount", "EUR", 2, 0.0, Bound(0.0, 3000.0, "upper"))
    >>> bounded(amount, Language())
    'counting up to €3,000 a customer'
    """
    bound = measure.bound
    if bound is None:
        return ""
    unit = bound.unit or measure.unit
    low, high = (_end(unit, end, language) for end in (bound.low, bound.high))
    if unit == "rows":
        if bound.high == 1:
            return language.word("up to one record") if alone else ""
        return language.word("up to records", high=high)
    key = "up to" if bound.cuts == "upper" else "from to"
    return language.word(key, low=low, high=high)


def _end(unit: str | None, end: float, language: Language) -> str:
    text = language.number(end, 0 if float(end).is_integer() else 2)
    return language.with_unit(text, "" if unit in (None, "rows", "fraction") else unit)


def at_least(measure: Measure) -> bool:
    """Whether a figure is no more than the truth, but for noise: a total that is cut above."""
    return (
        measure.bound is not None
        and measure.bound.cuts == "upper"
        and measure.kind in ("sum", "rows")
    )


def beside(release: Release) -> tuple[Measure, ...]:
    """Return a release's own figures: all but the shares that stand beside bounded ones."""
    return tuple(each for each in release.measures if each.at_bound_of is None)


def shares(release: Release, measure: Measure) -> Series | None:
    """Return the share of customers beyond a measure's bound, row by row, where it was asked."""
    if measure.bound is None:
        return None
    for each in release.measures:
        of = each.at_bound_of
        if of is not None and measure.name in (f"{of}_sum", f"{of}_mean"):
            return series(release, each.name)
    return None


def beyond(release: Release, measure: Measure, row: int, language: Language) -> str:
    """Return "4% ± 1% of customers are above it"; empty where that is within its noise."""
    found = shares(release, measure)
    value = None if found is None else found.values[row]
    if found is None or value is None or value.low is None or value.low <= 0:
        return ""
    key = "above" if measure.bound and measure.bound.cuts == "upper" else "outside"
    return language.word(key, share=found.both(value, language))


def cut(release: Release, measure: Measure, row: int, language: Language) -> str:
    """Return what a bound cuts of a figure, and whom."""
    told = [bounded(measure, language), beyond(release, measure, row, language)]
    return language.word("clause").join(filter(None, told))


def in_words(release: Release, name: str, language: Language) -> str:
    """Return a measure's bound and whom it cuts, as a chart's note and its other text say it."""
    measure = series(release, name).measure
    said = bounded(measure, language)
    found = shares(release, measure)
    if not said or found is None:
        return said
    # why wider: of many groups some stand out by noise alone, and the largest by most
    wide = [Value(*widened((v.value, v.low, v.high), len(release))) for v in found.values]
    known = [(row, v) for row, v in enumerate(wide) if v.low is not None and v.low > 0]
    known.sort(key=lambda each: -(each[1].value or 0.0))
    if not release.by:
        return cut(release, measure, 0, language)
    if not known:
        return said
    told = [
        f"{_group(release, row, language)} {found.both(value, language)}"
        for row, value in known[:_NAMED_AT_MOST]
    ]
    more = len(known) - len(told)
    if more:
        told.append(language.word("more groups", count=language.number(more)))
    return language.word("beyond by group", bound=said, groups=language.join(told))


def _group(release: Release, row: int, language: Language) -> str:
    return " / ".join(label(axis, release.columns[axis.name][row], language) for axis in release.by)
