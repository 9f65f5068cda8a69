"""Key figures: each with its margin, and its change against the period before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field

from workbench.documents import Strict
from workbench.errors import QuestionRefused, require_known
from workbench.figures.changes import Change, Find, Together, change
from workbench.figures.drawn import Card, Cards
from workbench.figures.language import Language
from workbench.figures.marks import beside_target
from workbench.figures.notes import beside, cut
from workbench.figures.spec import Column, Figure, Index, Lights, Number, Spec, Words, figure
from workbench.figures.values import Series, declared_order, is_time, pick, series
from workbench.privacy.arguments import checked
from workbench.privacy.columns import Dimension, decimals
from workbench.privacy.operational import KIND as OPERATIONAL
from workbench.privacy.release import Release

_SHARED = 0.5  # correlation of two changes from which one is no proof of the other


class KpiSpec(Strict):
    """One key figure: a measure of a release, and the release it is compared with."""

    release: Index
    measure: Column
    label: Words | None = None
    previous: Index | None = None
    light: Lights | None = None
    target: Number | None = None


class KpisSpec(Spec):
    """A row of key figures."""

    kind: Literal["kpis"] = "kpis"
    items: tuple[KpiSpec, ...] = Field(min_length=1, max_length=12)

    def words(self) -> tuple[str, ...]:
        """Every string of the specification a reader would see."""
        return super().words() + tuple(item.label for item in self.items if item.label)

    def numbers(self) -> tuple[float, ...]:
        """Every number of the specification a reader would see."""
        return tuple(item.target for item in self.items if item.target is not None)

    def measures(self, at: int, release: Release) -> Iterator[str]:  # why: named
        """Yield the measures shown of the ``at``-th release."""
        yield from (each.measure for each in self.items if at in (each.release, each.previous))

    def changes(self, releases: Sequence[Release], find: Find | None) -> list[Change | None]:
        """Return what each is compared with; None where there is nothing to compare."""
        return [_compared(each, releases, find) for each in self.items]

    def picture(self, releases: Sequence[Release], language: Language, together: Together) -> Cards:
        """Return the cards, each compared with the period before where one is at hand."""
        found = self.changes(releases, together.find)
        names = [item.measure for item in self.items]
        judged = [together.judged(each) for each in releases]
        cards: list[Card] = []
        for item, compared in zip(self.items, found, strict=True):
            card = _card(item, judged, language)
            release = pick(releases, item.release)
            if compared is not None and not card.change:
                figures = series(release, item.measure)
                card = _judged(card, compared, figures, language, together)
            if names.count(item.measure) > 1:  # of several releases: told apart by their names
                card = replace(card, key=f"{release.name}/{item.measure}")
            cards.append(card)
        told = (
            replace(card, change_margin=_not_apart(at, cards, found, language))
            for at, card in enumerate(cards)
        )
        title = language.say(self.title) if self.title else language.word("key figures")
        return Cards(title, tuple(told))


@checked
def kpis(
    *releases: Release,
    measures: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    previous: Release | Sequence[Release] = (),
    lights: Mapping[str, str] | None = None,
    target: Mapping[str, float] | None = None,
    title: str | None = None,
) -> Figure:
    """Show key figures in a row, each with its margin and its change.

    Parameters
    ----------
    *releases : Release
        Each of one row, or of one row a month: then the last month is shown, compared with the
        one before, and its history beside it.
    measures : sequence of str, optional
        Measures to show, in order; by default every one.
    labels : mapping of str to str, optional
        Plain strings to show for a measure, instead of the catalog's title.
    previous : Release or sequence of Release, optional
        The same questions for the period before.
    lights : mapping of str to str, optional
        The light of a measure: ``red``, ``amber``, ``not measured``, ``green``, ``information``;
        its card shows it as a shape and in colour.
    target : mapping of str to float, optional
        The target of a measure; of a rate, a fraction. Its card says above or below where the whole
        margin is, else that it is not known. On a page the number must stand written in the
        notebook, a parameter or the catalog.
    title : str, optional
        A plain string.
    """
    earlier = (previous,) if isinstance(previous, Release) else tuple(previous)
    labels, lights, target = labels or {}, lights or {}, target or {}
    if not releases:
        raise QuestionRefused("key figures need a release: wb.figures.kpis(total).")
    for release in (*releases, *earlier):
        one_line(release)
    known = [measure.name for release in releases for measure in release.measures]
    require_known("measure", known, *(measures or ()), *labels, *lights, *target)
    everything = (*releases, *earlier)
    items = []
    shown = dict.fromkeys(each.name for release in releases for each in beside(release))
    for name in measures or shown:
        places = [i for i, r in enumerate(everything) if name in {x.name for x in r.measures}]
        before = next((place for place in places if place >= len(releases)), None)
        item = {"release": places[0], "measure": name, "previous": before}
        item |= {"label": labels.get(name), "light": lights.get(name)}
        items.append({**item, "target": target.get(name)})
    return figure(KpisSpec, everything, items=tuple(items), title=title)


def _compared(item: KpiSpec, releases: Sequence[Release], find: Find | None) -> Change | None:
    release = pick(releases, item.release)
    rows = one_line(release)[1]
    found = earlier(item, releases)
    if found is None:
        return None
    at, row, then = found
    return change((release, rows[-1]), (releases[at], row), item.measure, then, find)


def earlier(item: KpiSpec, releases: Sequence[Release]) -> tuple[int, int, str] | None:
    """Return what a key figure is compared with: which release's which row, and its period."""
    release = pick(releases, item.release)
    time, rows = one_line(release)
    if item.previous is not None:
        before = pick(releases, item.previous)
        apart = before.period and before.period != release.period
        return item.previous, one_line(before)[1][-1], str(before.period) if apart else ""
    if time is not None and len(rows) > 1:
        return item.release, rows[-2], str(release.columns[time.name][rows[-2]])
    return None


def _not_apart(
    at: int, cards: Sequence[Card], found: Sequence[Change | None], language: Language
) -> str:
    """Return a card's margin of change, and the earlier arrow that it is no further proof of."""
    card, change = cards[at], found[at]
    if change is not None and card.direction in ("up", "down"):
        for other, one in zip(cards[:at], found[:at], strict=True):
            if one and other.direction in ("up", "down") and change.like(one) >= _SHARED:
                return language.word("one draw", margin=card.change_margin, other=other.label)
    return card.change_margin


def one_line(release: Release) -> tuple[Dimension | None, list[int]]:
    """Return a release's time axis, if it has one, and its rows, the last being the figure shown.

    Raises
    ------
    QuestionRefused
        The release is neither one row nor a row a month.
    """
    if not release.by and len(release) == 1:
        return None, [0]
    if len(release.by) == 1 and is_time(release.by[0]) and len(release):
        return release.by[0], declared_order(release)
    raise QuestionRefused(
        f"a key figure needs one row, or one a month; '{release.name}' has {len(release)} rows by "
        f"{', '.join(axis.name for axis in release.by) or 'nothing'}. Release the total, or by a "
        "month alone."
    )


def _card(item: KpiSpec, releases: Sequence[Release], language: Language) -> Card:
    release = pick(releases, item.release)
    figures = series(release, item.measure)
    rows = one_line(release)[1]
    now = figures.values[rows[-1]]
    unknown = figures.unknown(now)
    text, margin = figures.told(now, language, compact=True, currency=figures.currency)
    if figures.currency and now.value is not None and not unknown:
        text = language.money(text, figures.currency)
    title = language.say(item.label) if item.label else language.measure(figures.measure.title)
    points = tuple(figures.plain(figures.values[row].value) for row in rows)
    low, high = figures.plain(now.low), figures.plain(now.high)
    aimed = ""
    if item.target is not None:
        aimed = beside_target(figures, now, item.target, release, language)
    return Card(
        label=title,
        text=text,
        margin=margin,
        full=figures.full(now, language),
        change=language.word("no difference") if unknown else "",
        direction="same" if unknown else "",
        points=points if len(points) > 1 else (),
        value=None if unknown else figures.plain(now.value),
        interval=None if low is None or high is None else (low, high),
        key=item.measure,
        digits=max(0, figures.digits),
        rate=figures.rate,
        unit=figures.unit,
        light=item.light or "",
        bound=cut(release, figures.measure, rows[-1], language),
        target=aimed,
        exact=release.mechanism.get("kind") == OPERATIONAL,
        step=10.0 ** -(figures.digits + 2 if figures.rate else figures.digits),
    )


def _judged(
    card: Card, change: Change, figures: Series, language: Language, together: Together
) -> Card:
    """Return a card with its change and that one's margin; an arrow only where it is beyond."""
    now, before = change.now[0] or 0.0, change.before[0] or 0.0
    gap, (low, high) = now - before, change.ends(together.wider)
    clear = low > 0 or high < 0
    part = None if figures.rate else change.relative(together.wider)
    size = gap
    if part is not None:
        size, (low, high) = gap / before, part
    half = (high - low) / 2
    digits = decimals([half * 100], 6) if half > 0 else 1
    told = _Told(figures, part is not None, digits, language)
    # why not where it would reach 0: "up 15 % ± 15 %" beside an arrow contradicts it
    even = abs(low + high - 2 * size) <= 0.2 * half and clear == (abs(size) > half)
    margin = f"± {told.size(half)}"
    if not even:
        margin = language.word("range", low=told.signed(low), high=told.signed(high))
    elif not clear:
        margin = f"{told.signed(size)} {margin}"
    then = language.period(change.then) if change.then else language.word("period before")
    way = "same" if not clear else "up" if gap > 0 else "down"
    return replace(
        card,
        change=language.word(
            way, period=then, **({"change": told.size(abs(size))} if clear else {})
        ),
        direction=way,
        change_margin=language.word("change margin", margin=margin) if change.noisy else "",
    )


@dataclass(frozen=True)
class _Told:
    """How the size of a change is said: in percent of the earlier figure, points, or its unit."""

    figures: Series
    relative: bool
    digits: int
    language: Language

    def size(self, value: float) -> str:
        if self.relative:
            return self.language.percent(value, max(1, self.digits))
        if self.figures.rate:
            digits = max(self.figures.digits, self.digits)
            return self.language.word("points", size=self.language.number(value * 100, digits))
        return self.figures.text(value, self.language, compact=True)

    def signed(self, value: float) -> str:
        return f"{'+' if value > 0 else ''}{self.size(value)}"
