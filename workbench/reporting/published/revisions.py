"""What a revision changed, in words: why, and the released figures of before and of now."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from math import hypot, inf

from workbench.errors import UnknownName
from workbench.figures.bounds import beside
from workbench.figures.drawn import Card
from workbench.figures.language import Language
from workbench.figures.values import Value, label, series
from workbench.privacy.release import Release
from workbench.privacy.tables import keys_of
from workbench.reporting.pages.page import Page
from workbench.reporting.pages.parts import Drawing
from workbench.reporting.published.record import Edition

SHOWN_AT_MOST = 24
# What an edition is made of beside rows, by the word that says it changed.
PARTS = ("notebook", "definition", "remarks", "catalog", "software")
Find = Callable[[str], Release]


def said_of(newest: Edition | None, language: str) -> tuple[str, ...]:
    """Return what an edition that is there says of its own changes."""
    return newest.changed_in.get(language, newest.changed) if newest else ()


def changes(
    newest: Edition, page: Page, lookup: Find | None, made_of: Mapping[str, str]
) -> tuple[str, ...]:
    """Return in words why an edition differs from its last revision, and then in which figures."""
    language = Language(page.language, page.context.translations)
    if newest.withdrawn:
        day, reason = language.period(newest.withdrawn.at[:10]), newest.withdrawn.reason
        return (language.word("anew", day=day, reason=reason),)
    before = {card.key: card for card in newest.cards.get(page.language, ())}
    cards = [(before[card.key], card) for card in page.cards if card.key in before]
    pairs: list[tuple[Release, Release]] = []
    if lookup is not None:
        drawn = (each for each in page.blocks if isinstance(each, Drawing))
        shown = dict.fromkeys(name for each in drawn for name in each.releases)
        # why: an acknowledged loss may have taken the old revision's answers out of the ledger
        with suppress(UnknownName):
            pairs = paired(list(map(lookup, newest.releases)), list(map(lookup, shown)))
    why = causes(newest.made_of, made_of, pairs, lookup, language)
    return why, *(what_changed(cards, pairs, language) or (language.word("was none"),))


def causes(
    before: Mapping[str, str],
    now: Mapping[str, str],
    pairs: Sequence[tuple[Release, Release]],
    find: Find | None,
    language: Language,
) -> str:
    """Return why a revision differs, in sentences; everything that is known to have changed.

    Parameters
    ----------
    before, now : mapping
        What the edition was and is made of, by `PARTS`; empty where that was not recorded.
    pairs : sequence of (Release, Release)
        Answers of before and of now to the same question.
    find : callable or None
        Id to release.
    """
    said = []
    if any(old.data_version != new.data_version for old, new in pairs):
        said.append("late")
    if find and any(_bounds(old, find) != _bounds(new, find) for old, new in pairs):
        said.append("bound changed")
    parts = [each for each in PARTS if before and before.get(each) != now.get(each)]
    # why: other software is told where nothing else is, since it seldom changes a figure
    said += [f"{each} changed" for each in parts if each != "software" or len(parts + said) == 1]
    return " ".join(language.word(each) for each in said or ["cause unknown"])


def paired(before: Sequence[Release], now: Sequence[Release]) -> list[tuple[Release, Release]]:
    """Return answers of before and of now that differ, of one name, groups and measures."""
    earlier = {_kind(release): release for release in before}
    return [
        (earlier[_kind(release)], release)
        for release in now
        if _kind(release) in earlier and earlier[_kind(release)].id != release.id
    ]


def what_changed(
    cards: Sequence[tuple[Card, Card]], pairs: Sequence[tuple[Release, Release]], language: Language
) -> tuple[str, ...]:
    """Return what reads differently: key figures first, then one entry for each other figure.

    A figure with groups is told by the group that changed most. What a key figure says already is
    not said again.
    """
    told: dict[tuple[str, str], str] = {}
    for was, card in cards:
        if was.full != card.full:
            told[was.full, card.full] = language.word(
                "was", figure=card.label, now=card.full, before=was.full
            )
    for old, new in pairs:
        for texts, line in _figures(old, new, language):
            told.setdefault(texts, line)
    lines = list(dict.fromkeys(told.values()))
    if len(lines) > SHOWN_AT_MOST:
        more = language.number(len(lines) - SHOWN_AT_MOST)
        lines = [*lines[:SHOWN_AT_MOST], language.word("more changed", count=more)]
    return tuple(lines)


def _kind(release: Release) -> tuple[object, ...]:
    groups = tuple(each.name for each in release.by)
    measures = tuple(each.name for each in beside(release))
    return release.name, release.table, groups, measures


def _bounds(release: Release, find: Find) -> list[object]:
    """Return what one customer may count for in an answer, and in those it was computed from."""
    own = release.mechanism.get("bounds")
    parents = (_bounds(find(each), find) for each in release.mechanism.get("parents", ()))
    return [own, *parents] if own else list(parents)


def _figures(
    old: Release, new: Release, language: Language
) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield how each figure reads before and now, and a sentence, where that differs."""
    for measure in beside(new):
        past, present = series(old, measure.name), series(new, measure.name)
        before = dict(zip(keys_of(old), past.values, strict=True))
        moved = []
        for row, now in zip(keys_of(new), present.values, strict=True):
            was = before.get(row, Value(None, None, None))
            texts = (past.both(was, language), present.both(now, language))
            if texts[0] != texts[1]:
                moved.append((_distance(was, now), texts, row))
        if moved:
            _, texts, row = max(moved, key=lambda each: each[0])
            line = language.word(
                "was",
                figure=_named(new, row, language, measure.title),
                now=texts[1],
                before=texts[0],
            )
            rest = len(moved) - 1
            yield texts, line + (language.word("groups too", count=rest) if rest else "")


def _distance(was: Value, now: Value) -> float:
    """Return how far a figure moved, in units of its noise where it has any."""
    if was.value is None or now.value is None:
        return inf
    return abs(now.value - was.value) / (hypot(was.margin or 0, now.margin or 0) or 1)


def _named(release: Release, row: Sequence[object], language: Language, title: str) -> str:
    groups = [label(axis, value, language) for axis, value in zip(release.by, row, strict=True)]
    return language.join([language.measure(title), *groups])
