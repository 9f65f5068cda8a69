"""What a revision changed, in words: released figures of before and of now, nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.figures.language import Language
from workbench.figures.values import Value, label, series
from workbench.privacy.release import Release

SHOWN_AT_MOST = 24


def what_changed(
    before: Sequence[Release], now: Sequence[Release], language: Language
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return whether data came late, and what differs, in sentences.

    Releases are compared where name, groups and measures are the same; each figure that reads
    differently gets a sentence. The first part says that the data changed; empty where it did not.
    """
    earlier = {_kind(release): release for release in before}
    pairs = [
        (earlier[_kind(release)], release)
        for release in now
        if _kind(release) in earlier and earlier[_kind(release)].id != release.id
    ]
    lines = [line for old, new in pairs for line in _figures(old, new, language)]
    if len(lines) > SHOWN_AT_MOST:
        more = language.number(len(lines) - SHOWN_AT_MOST)
        lines = [*lines[:SHOWN_AT_MOST], language.word("more changed", count=more)]
    late = any(old.data_version != new.data_version for old, new in pairs)
    return (language.word("late"),) if late else (), tuple(lines)


def _kind(release: Release) -> tuple[object, ...]:
    groups = tuple(each.name for each in release.by)
    measures = tuple(each.name for each in release.measures)
    return release.name, release.table, groups, measures


def _figures(old: Release, new: Release, language: Language) -> Iterator[str]:
    """Yield a sentence for each figure of two releases that reads differently."""
    for measure in new.measures:
        past, present = series(old, measure.name), series(new, measure.name)
        before = dict(zip(_rows(old), past.values, strict=True))
        for row, value in zip(_rows(new), present.values, strict=True):
            was, now = before.get(row, Value(None, None, None)), value
            texts = (past.both(was, language), present.both(now, language))
            if texts[0] != texts[1]:
                yield language.word(
                    "was",
                    figure=_named(new, row, language, measure.title),
                    now=texts[1],
                    before=texts[0],
                )


def _rows(release: Release) -> list[tuple[object, ...]]:
    columns = [release.columns[each.name] for each in release.by]
    return list(zip(*columns, strict=True)) if columns else [()] * len(release)


def _named(release: Release, row: Sequence[object], language: Language, title: str) -> str:
    groups = [label(axis, value, language) for axis, value in zip(release.by, row, strict=True)]
    return language.join([language.measure(title), *groups])
