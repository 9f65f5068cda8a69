"""What is known of a published edition, of released facts only; what a revision of it changed.

It is one small file beside the edition's pages.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from math import hypot, inf
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, model_validator

from workbench.documents import parse_json
from workbench.errors import InputError, PeriodError, UnknownName
from workbench.figures.drawn import Card
from workbench.figures.language import Language
from workbench.figures.notes import beside
from workbench.figures.values import Value, label, series
from workbench.periods import Period
from workbench.privacy.release import Release
from workbench.privacy.tables import keys_of
from workbench.reporting.pages.parts import Drawing
from workbench.reporting.published.files import FILE, REVISION, place, revisions
from workbench.store.durable import files_below

if TYPE_CHECKING:
    from workbench.reporting.pages.page import Page

OPENED = "index.html"
_BY_LANGUAGE = (
    "languages",
    "headline",
    "cards",
    "titles",
    "houses",
    "changed_in",
    "audience",
    "alerts",
)


class Withdrawal(BaseModel):
    """When an edition was taken back, as ISO 8601, and why, as readers see it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: str
    reason: str


class Edition(BaseModel):
    """One report for one period.

    Attributes
    ----------
    report, period : str
        Names of its folders: ``customer-overview``, ``2026-09``.
    title : str
        The report's title.
    variant : str
        Which one of a grid, ``region=north``; empty where there is one.
    revision : int
        1 at first, and more when late data changed it.
    languages : mapping of str to str
        Language to file name, the first being the one to open.
    headline : mapping of str to str
        Language to the first released sentence.
    cards : mapping of str to tuple of Card
        Language to key figures.
    releases : tuple of str
        Releases it draws.
    data_version : str
        The data they were computed on.
    changed : tuple of str
        Why this revision differs, and then each figure that changed; in the first language.
    changed_in : mapping of str to tuple of str
        The same by language.
    made_of : mapping of str to str
        Hashes of its notebook, definition, catalog and software.
    sha256 : mapping of str to str
        File name to hash, before its links are set for its place.
    identity : str
        What it was made of, as its maker names it: the same again need not be rendered.
    ledger_head : tuple of (int, str) or None
        Number and hash of the ledger's last entry, by which an older ledger is recognised.
    audit_head : tuple of (int, str) or None
        Number and hash of the audit log's last entry, by which a log that was cut is recognised.
    house : str
        Whose report it is.
    titles, houses : mapping of str to str
        Language to its title, and to whose report it is, where there are several languages.
    at : str
        When this revision was published, as ISO 8601; empty of earlier versions.
    audience : mapping of str to str
        Language to who reads it.
    alerts : mapping of str to tuple of str
        Language to its rules that hold, in words.
    withdrawn : Withdrawal or None
        That it was taken back; what it said is then gone from its record.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    report: str
    period: str
    title: str
    variant: str = ""
    revision: int = 1
    languages: dict[str, str] = {"en": OPENED}
    headline: dict[str, str] = {}
    cards: dict[str, tuple[Card, ...]] = {}
    releases: tuple[str, ...] = ()
    data_version: str = ""
    changed: tuple[str, ...] = ()
    sha256: dict[str, str] = {}
    identity: str = ""
    ledger_head: tuple[int, str] | None = None
    audit_head: tuple[int, str] | None = None
    house: str = ""
    titles: dict[str, str] = {}
    houses: dict[str, str] = {}
    changed_in: dict[str, tuple[str, ...]] = {}
    made_of: dict[str, str] = {}
    at: str = ""
    audience: dict[str, str] = {}
    alerts: dict[str, tuple[str, ...]] = {}
    withdrawn: Withdrawal | None = None

    @model_validator(mode="after")
    def _has_a_folder(self) -> Edition:
        place(self.report, self.period, self.variant)
        return self

    @property
    def folder(self) -> Path:
        """Its folder within the published one."""
        return place(self.report, self.period, self.variant)

    @property
    def ends(self) -> dt.date:
        """The day after its period, by which months and weeks are put in one order."""
        try:
            return Period.parse(self.period).end
        except PeriodError:  # of an address that a person made
            return dt.date.min

    def standing(self) -> Edition:
        """Return it, or refuse one that was withdrawn, saying when and why."""
        if self.withdrawn is None:
            return self
        raise InputError(
            f"'{self.folder.as_posix()}' was withdrawn on {self.withdrawn.at[:10]} "
            f"({self.withdrawn.reason}). Nothing of it is read any more; 'workbench run "
            f"{self.report} --period {self.period}' publishes it anew."
        )

    def named(self, language: Language) -> str:
        """Return its title, variant and period in words."""
        title = self.titles.get(language.code) or language.say(self.title)
        titled = f"{title} · {self.variant}" if self.variant else title
        return language.word("clause").join([titled, language.period(self.period, full=True)])

    def way(self, language: str = "", revision: int | None = None) -> str:
        """Return the way from the published folder to its page, or to an older revision's."""
        name = self.languages.get(language) or next(iter(self.languages.values()))
        folder = self.folder if revision is None else self.folder / f"r{revision}"
        return (folder / name).as_posix()

    def to_json(self) -> str:
        """Return its record, the same bytes for the same edition."""
        content = {"version": 1, **self.model_dump()}  # not sorted: the first language is opened
        return json.dumps(content, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Edition:
        """Rebuild an edition from its record; ValueError when it is none."""
        content = parse_json(text)
        if not isinstance(content, dict) or content.pop("version", None) != 1:
            raise ValueError("not an edition's record of version 1")
        edition = cls.model_validate(content)
        # why: records were once written in the order of the alphabet
        first = [code for code, name in edition.languages.items() if name == OPENED]
        texts = {name: getattr(edition, name) for name in _BY_LANGUAGE}
        return edition.model_copy(
            update={
                name: {code: each[code] for code in (*first, *each) if code in each}
                for name, each in texts.items()
            }
        )


def editions(published: Path) -> Iterator[Edition]:
    """Yield every revision of every edition in a published folder, in order of their names."""
    for path in files_below(published, FILE):
        inside = path.relative_to(published).parts
        if REVISION.match(path.parent.name) and len(inside) > 2 and not inside[0].startswith("."):
            edition = read(path.parent)
            if edition is not None:
                yield edition


def read(folder: Path) -> Edition | None:
    """Return the edition of a revision's folder, or None if there is none to read."""
    try:
        return Edition.from_json((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, InputError, RecursionError):
        return None


def latest(published: Path, report: str, period: str, variant: str = "") -> Edition | None:
    """Return the newest revision of an edition, or None."""
    folder = published / place(report, period, variant)
    numbers = revisions(folder)
    return read(folder / f"r{numbers[-1]}") if numbers else None


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
    language = page.words
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
            texts = (past.full(was, language), present.full(now, language))
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
