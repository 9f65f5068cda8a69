"""A figure under a reader's filters and assumptions, as a page's script draws it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.figures.changes import Together
from workbench.figures.drawn import Card, Cards, Drawn
from workbench.figures.kinds.bar import BarSpec
from workbench.figures.kinds.heatmap import HeatmapSpec
from workbench.figures.kinds.kpis import KpiSpec, KpisSpec, earlier, one_line
from workbench.figures.kinds.line import LineSpec
from workbench.figures.kinds.table import TableSpec
from workbench.figures.kinds.text import TextSpec, filled
from workbench.figures.language import Language
from workbench.figures.live.states import NotFollowed, State, Tables, require_tells
from workbench.figures.spec import Spec
from workbench.figures.values import series
from workbench.privacy.columns import Dimension
from workbench.privacy.release import Release

CHARTS = (BarSpec, LineSpec, HeatmapSpec)
PICKED = (*CHARTS, TableSpec)


@dataclass(frozen=True)
class Redrawn:
    """A figure under a state.

    Attributes
    ----------
    drawn : Drawn or None
        What it draws, of all groups that it shows; None where it stays as it was published.
    stays : str
        That it does not follow, and why; empty where it does, or where the state does not concern
        it.
    cards : tuple of (Card or None, str)
        Of key figures, each one's card and why it does not follow.
    """

    drawn: Drawn | None = None
    stays: str = ""
    cards: tuple[tuple[Card | None, str], ...] = ()


def unfilled(spec: Spec, releases: Sequence[Release]) -> bool:
    """Return whether a chart is not on the page, since it would show no figure."""
    return isinstance(spec, CHARTS) and series(releases[0], spec.axes[0]).empty


def picked(spec: Spec, releases: Sequence[Release]) -> tuple[Dimension, ...]:
    """Return the group columns whose rows a figure shows, which a filter picks."""
    return releases[0].by if isinstance(spec, PICKED) and len(releases) == 1 else ()


def redrawn(
    tables: Tables,
    spec: Spec,
    releases: Sequence[Release],
    state: State,
    language: Language | None = None,
    together: Together | None = None,
) -> Redrawn:
    """Return what a figure draws under a state."""
    language, together = language or Language(), together or Together()
    if unfilled(spec, releases):
        return Redrawn()
    own = {each.name: each.values for each in picked(spec, releases)}
    if any(name in own and value not in own[name] for name, value in state.filters.items()):
        return Redrawn(stays=_why(NotFollowed("no table"), language))
    deep = state.beyond(own)
    if not any(tables.moves(each.id, deep) for each in releases):
        return Redrawn()
    if isinstance(spec, KpisSpec):
        return _cards(tables, spec, releases, deep, language, together)
    stays = ""
    for each in (deep, replace(deep, filters={})):  # what cannot be filtered is still assumed
        try:
            if any(tables.moves(release.id, each) for release in releases):
                made = _made(tables, spec, releases, each, language, together)
                return Redrawn(spec.draw(made, language, together), stays)
        except NotFollowed as reason:
            stays = stays or _why(reason, language)
    return Redrawn(stays=stays)


def _why(reason: NotFollowed, language: Language) -> str:
    figure = language.period(reason.period) if reason.period else language.word("none")
    if reason.nearest:
        release, name, row = reason.nearest
        found = series(release, name)
        figure = found.both(found.values[row], language)
    return language.word("live not", why=language.word(f"live {reason}", figure=figure))


def _made(
    tables: Tables, spec: Spec, releases: Sequence[Release], state: State, language: Language,
    together: Together,
) -> list[Release]:  # fmt: skip
    fields = filled(spec.template, releases, language) if isinstance(spec, TextSpec) else []
    # why numbers: a target is one of everybody, and what is filtered is not
    if not isinstance(spec, (*PICKED, TextSpec)) or spec.numbers() or fields is None:
        raise NotFollowed("own way")
    reasons = list[NotFollowed]()
    for at, name in (field[:2] for _, field in fields if field):
        try:
            tables.restated(releases[at], state, [name], bounds=True, tells=False)
        except NotFollowed as reason:
            reasons.append(reason)
    if reasons:  # why: what no table answers is told before what is too small, as the script does
        raise min(reasons, key=lambda each: str(each) == "hidden")
    made = [_of(tables, spec, at, each, state) for at, each in enumerate(releases)]
    if isinstance(spec, TextSpec) and state.filters:
        told = enumerate(made)
        require_tells([(each, [*spec.measures(at, each)], range(len(each))) for at, each in told])
    both = map(together.judged, (releases[0], made[0]))
    if isinstance(spec, TableSpec) and any(map(spec.untold, both)):
        raise NotFollowed("own way")
    return made


def _of(tables: Tables, spec: Spec, at: int, release: Release, state: State) -> Release:
    known = {each.name for each in release.measures}
    shown = [name for name in spec.measures(at, release) if name in known]
    text = isinstance(spec, TextSpec)
    return tables.restated(release, state, shown, bounds=text, tells=not text) if shown else release


def _cards(
    tables: Tables,
    spec: KpisSpec,
    releases: Sequence[Release],
    state: State,
    language: Language,
    together: Together,
) -> Redrawn:
    reasons = dict.fromkeys(range(len(spec.items)), "")
    places, items, everything = list[int](), list[KpiSpec](), list[Release]()
    for at, item in enumerate(spec.items):
        release = releases[item.release]
        before = earlier(item, releases)
        for each in (state, replace(state, filters={})):
            if not tables.moves(release.id, each):
                continue
            try:
                if item.target is not None and not each.filters:
                    raise NotFollowed("own way")
                rows = one_line(release)[1][-1:]
                now = tables.restated(release, each, [item.measure], rows, bounds=True)
            except NotFollowed as reason:
                reasons[at] = reasons[at] or _why(reason, language)
                continue
            place, previous = len(everything), None
            everything.append(now)
            if before is not None and item.previous is not None:
                previous = place + 1
                everything.append(_before(tables, releases[before[0]], each))
            # why no target: it is one of everybody
            found = {"release": place, "previous": previous, "target": None}
            items.append(item.model_copy(update=found))
            places.append(at)
            break
    cards = dict[int, Card]()
    if items:
        drawn = spec.model_copy(update={"items": tuple(items)}).draw(everything, language, together)
        assert isinstance(drawn, Cards)  # noqa: S101  # why: what key figures draw
        cards = dict(zip(places, drawn.cards, strict=True))
    return Redrawn(cards=tuple((cards.get(at), reason) for at, reason in reasons.items()))


def _before(tables: Tables, release: Release, state: State) -> Release:
    """Return an earlier release under a state; without figures where none can be known."""
    try:
        return tables.restated(release, state, [])
    except NotFollowed:
        nothing = {x: [None] * len(release) for each in release.measures for x in each.columns}
        return replace(release, columns={**release.columns, **nothing})
