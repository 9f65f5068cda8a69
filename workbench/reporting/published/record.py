"""What is known of a published edition: one small file beside its pages, of released facts only."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from workbench.documents import parse_json
from workbench.errors import InputError, PeriodError
from workbench.figures.drawn import Card
from workbench.figures.language import Language
from workbench.periods import Period
from workbench.reporting.published.places import FILE, REVISION, place, revisions
from workbench.store.durable import files_below

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

    def named(self, language: Language) -> str:
        """Return its title, variant and period in words."""
        title = self.titles.get(language.code) or language.say(self.title)
        titled = f"{title} · {self.variant}" if self.variant else title
        return language.join([titled, language.period(self.period, full=True)])

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


def digest(content: bytes) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(content).hexdigest()
