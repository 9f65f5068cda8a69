"""What is known of a published edition: one small file beside its pages, of released facts only."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, PeriodError
from workbench.periods import Period

if TYPE_CHECKING:
    from workbench.figures.tables import Card

FILE, OPENED = "edition.json", "index.html"
_NAME = re.compile(r"^[a-z0-9][a-z0-9._=,+-]{0,119}$", re.IGNORECASE)
_REVISION = re.compile(r"^r([1-9]\d{0,5})$")


@dataclass(frozen=True)
class Edition:
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
    """

    report: str
    period: str
    title: str
    variant: str = ""
    revision: int = 1
    languages: Mapping[str, str] = field(default_factory=lambda: {"en": "index.html"})
    headline: Mapping[str, str] = field(default_factory=dict)
    cards: Mapping[str, tuple[Card, ...]] = field(default_factory=dict)
    releases: tuple[str, ...] = ()
    data_version: str = ""
    changed: tuple[str, ...] = ()
    sha256: Mapping[str, str] = field(default_factory=dict)
    identity: str = ""
    ledger_head: tuple[int, str] | None = None
    audit_head: tuple[int, str] | None = None
    house: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)
    houses: Mapping[str, str] = field(default_factory=dict)
    changed_in: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    made_of: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (self.report, self.period, *filter(None, [self.variant])):
            if not _NAME.match(name) or _REVISION.match(name):
                raise InputError(
                    f"'{name}' cannot be a folder of published editions. Use letters, digits and "
                    "._=,+- and begin with a letter or digit; r1, r2, … are revisions."
                )

    @property
    def folder(self) -> Path:
        """Its folder within the published one."""
        return Path(self.report, self.period, *filter(None, [self.variant]))

    @property
    def ends(self) -> dt.date:
        """The day after its period, by which months and weeks are put in one order."""
        try:
            return Period.parse(self.period).end
        except PeriodError:  # of an address that a person made
            return dt.date.min

    def to_json(self) -> str:
        """Return its record, the same bytes for the same edition."""
        content = {"version": 1, **asdict(self)}  # not sorted: the first language is to be opened
        return json.dumps(content, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Edition:
        """Rebuild an edition from its record; ValueError when it is none."""
        content: dict[str, Any] = json.loads(text)
        if content.pop("version", None) != 1:
            raise ValueError("not an edition's record of version 1")
        for name in ("releases", "changed"):
            content[name] = tuple(content[name])
        for name in ("ledger_head", "audit_head"):
            if content.get(name) is not None:
                content[name] = tuple(content[name])
        said = content.get("changed_in", {})
        content["changed_in"] = {language: tuple(lines) for language, lines in said.items()}
        content["cards"] = {
            language: tuple(_card(card) for card in cards)
            for language, cards in content["cards"].items()
        }
        # why: records were once written in the order of the alphabet
        first = [code for code, name in content["languages"].items() if name == OPENED]
        for name in ("languages", "headline", "cards", "titles", "houses", "changed_in"):
            texts = content.get(name, {})
            content[name] = {code: texts[code] for code in [*first, *texts] if code in texts}
        return cls(**content)


def editions(published: Path) -> Iterator[Edition]:
    """Yield every revision of every edition in a published folder, in order of their names."""
    for path in sorted(published.glob(f"*/**/r*/{FILE}")):
        inside = path.relative_to(published).parts
        if _REVISION.match(path.parent.name) and not inside[0].startswith("."):
            edition = read(path.parent)
            if edition is not None:
                yield edition


def revisions(folder: Path) -> list[int]:
    """Return the revisions an edition's folder holds, in order."""
    found = [match for path in folder.glob("r*") if (match := _REVISION.match(path.name))]
    return sorted(int(match[1]) for match in found if (folder / match[0] / FILE).is_file())


def read(folder: Path) -> Edition | None:
    """Return the edition of a revision's folder, or None if there is none to read."""
    try:
        return Edition.from_json((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def latest(published: Path, report: str, period: str, variant: str = "") -> Edition | None:
    """Return the newest revision of an edition, or None."""
    folder = published / Edition(report, period, "", variant).folder
    numbers = revisions(folder)
    return read(folder / f"r{numbers[-1]}") if numbers else None


def digest(content: bytes) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(content).hexdigest()


def _card(content: Mapping[str, Any]) -> Card:
    from workbench.figures.tables import Card

    values = dict(content)
    values["points"] = tuple(values["points"])
    if values["interval"] is not None:
        values["interval"] = tuple(values["interval"])
    return Card(**values)
