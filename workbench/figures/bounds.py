"""What a bound cuts off, in a figure's own words, and how many customers it cuts.

One customer counts for no more than a bound, so a total may be less than the truth by what lies
beyond; no margin of noise holds that. Wherever such a figure stands, it says so.
"""

from workbench.figures.language import Language
from workbench.figures.values import Series, Value, label, series
from workbench.privacy.clipping import widened
from workbench.privacy.columns import Measure
from workbench.privacy.release import Release

_NAMED_AT_MOST = 3  # groups of a chart whose share beyond the bound is told


def bounded(measure: Measure, language: Language) -> str:
    """Return "counting up to ¥3,000 a customer"; empty for what no bound cuts.

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
        key = "up to one record" if bound.high == 1 else "up to records"
        return language.word(key, high=high)
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
