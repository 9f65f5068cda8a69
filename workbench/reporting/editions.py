"""Editions of reports: what is published, publishing one more, noting that one failed.

An edition lives at ``published/REPORT/PERIOD/``, its revisions below it in ``r1``, ``r2``, …; see
`workbench.reporting.publish`. The caller holds the workspace's lock.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import UnknownName
from workbench.figures.language import Language
from workbench.privacy.release import Release
from workbench.reporting import editions_record, publish_index
from workbench.reporting import publish as _publish
from workbench.reporting.editions_record import Edition
from workbench.reporting.failures import show_failures, withdraw
from workbench.reporting.page import Drawing, Page
from workbench.reporting.revisions import causes, paired, what_changed
from workbench.reporting.standalone import standalone


@dataclass(frozen=True)
class Published:
    """An edition and where it is.

    Attributes
    ----------
    edition : Edition
        Its record.
    page : Path
        The page to open.
    new : bool
        Whether it was published just now.
    """

    edition: Edition
    page: Path
    new: bool = False

    @property
    def identity(self) -> str:
        """What it was made of, as its maker named it."""
        return self.edition.identity

    @property
    def releases(self) -> tuple[str, ...]:
        """Every release it draws."""
        return self.edition.releases


def latest(published: Path, report: str, period: str, variant: str = "") -> Published | None:
    """Return the newest revision of an edition, or None."""
    edition = editions_record.latest(published, report, period, variant)
    return None if edition is None else _at(published, edition)


def publish(
    published: Path,
    report: str,
    period: str,
    pages: Page | Sequence[Page],
    *,
    identity: str = "",
    releases: Sequence[str] = (),
    ledger_head: tuple[int, str] | None = None,
    audit_head: tuple[int, str] | None = None,
    variant: str = "",
    lookup: Callable[[str], Release] | None = None,
    made_of: Mapping[str, str] | None = None,
) -> Published:
    """Publish an edition's page, or its pages in several languages, and rebuild the index.

    Pages that are the same, byte for byte, as the newest revision's change nothing. Others become
    a new revision, which says what changed; the old one stays readable.

    Parameters
    ----------
    published : Path
        What managers may read.
    report, period, variant : str
        Which edition; ``variant`` names one of a grid.
    pages : Page or sequence of Page
        One a language, the first to be opened.
    identity : str
        What the edition was made of; kept in its record.
    releases : sequence of str
        Further releases it rests on, beside those it draws.
    ledger_head : tuple of (int, str), optional
        The ledger's last entry, kept in its record.
    audit_head : tuple of (int, str), optional
        The audit log's.
    lookup : callable, optional
        From a release's id to the release, so that a revision can say which figures changed.
    made_of : mapping of str to str, optional
        What a next revision compares, to say why it differs; kept in the record.

    Raises
    ------
    PublishError
        The disk is full, or the folder cannot be written. What was published before is unchanged.
    """
    pages = (pages,) if isinstance(pages, Page) else tuple(pages)
    files = file_names(pages)
    newest = editions_record.latest(published, report, period, variant)
    revision = newest.revision if newest else 1
    said = {page.language: _said(newest, page.language) for page in pages}
    set_pages = [page.revised(revision, said[page.language], files) for page in pages]
    if newest is not None and not _same(newest, set_pages, files):
        revision += 1
        said = {page.language: _changes(newest, page, lookup, made_of or {}) for page in pages}
        set_pages = [page.revised(revision, said[page.language], files) for page in pages]
    facts = pages[0].context.facts
    edition = Edition(
        report=report,
        period=period,
        title=pages[0].title,
        variant=variant,
        revision=revision,
        languages=files,
        headline={page.language: page.headline for page in pages},
        cards={page.language: page.cards for page in pages},
        releases=tuple(sorted({*releases, *(name for page in pages for name in page.releases)})),
        data_version=facts.data_version if facts else "",
        changed=said[pages[0].language],
        changed_in=said,
        made_of=made_of or {},
        identity=identity,
        ledger_head=ledger_head,
        audit_head=audit_head,
        house=pages[0].context.house,
        titles={page.language: page.title for page in pages},
        houses={page.language: page.house for page in pages},
    )
    contents = {files[page.language]: page.html for page in set_pages}
    made, new = _publish.publish(edition, contents, published)
    _show_failures(published, report)
    rebuild_index(published)
    return _at(published, made, new)


def add_standalone(
    published: Path, report: str, period: str, variant: str = ""
) -> tuple[Path, ...]:
    """Put each page of an edition beside itself as one file: ``standalone.html``; returns them.

    Later revisions of the edition renew these files.

    Raises
    ------
    UnknownName
        No such edition is published.
    PublishError
        The disk is full, or the folder cannot be written.
    """
    edition = _known(published, report, period, variant)
    folder = published / edition.folder
    made = []
    for name in edition.languages.values():
        html = standalone((folder / name).read_text(encoding="utf-8"), published / "assets")
        with _publish.storage(published, f"write {edition.folder}/{_publish.alone(name)}"):
            _publish.put_whole(published, folder / _publish.alone(name), html.encode())
        made.append(folder / _publish.alone(name))
    return tuple(made)


def add_pdf(published: Path, report: str, period: str, variant: str = "") -> tuple[Path, ...]:
    """Put each page of an edition beside itself as a PDF: ``report.pdf``; returns them.

    A later revision of the edition takes these files away, so that none contradicts its page.

    Raises
    ------
    UnknownName
        No such edition is published.
    PublishError
        No Chromium is installed, it failed, or the folder cannot be written.
    """
    from workbench.reporting.pdf import pdf

    edition = _known(published, report, period, variant)
    folder = published / edition.folder
    made = []
    for name in edition.languages.values():
        target = folder / _publish.printed(name)
        with tempfile.TemporaryDirectory(prefix="workbench-pdf-") as beside:
            content = pdf(folder / name, Path(beside, target.name)).read_bytes()
        with _publish.storage(published, f"write {edition.folder}/{target.name}"):
            _publish.put_whole(published, target, content)
        made.append(target)
    return tuple(made)


def _known(published: Path, report: str, period: str, variant: str) -> Edition:
    """Return the newest revision of an edition that must be there."""
    edition = editions_record.latest(published, report, period, variant)
    if edition is None:
        known = [each.folder.as_posix() for each in every(published)]
        raise UnknownName(
            "published edition", "/".join(filter(None, (report, period, variant))), known
        )
    return edition


def file_names(pages: Sequence[Page]) -> dict[str, str]:
    """Return language to file name: the first page is ``index.html``."""
    return {
        page.language: "index.html" if at == 0 else f"index.{page.language}.html"
        for at, page in enumerate(pages)
    }


def record_failure(
    published: Path,
    report: str,
    period: str,
    title: str,
    variant: str = "",
    languages: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Note for readers that an edition failed, on the index and on a page of its own.

    One that is published stays, and nothing is noted: its readers have it.

    Parameters
    ----------
    languages : mapping, optional
        Language to the translations declared for it; English when left out.
    """
    titles = {
        code: Language(code, words).say(title) for code, words in (languages or {"en": {}}).items()
    }
    if editions_record.latest(published, report, period, variant) is None:
        _publish.record_failure(published, report, period, titles, variant)
        _show_failures(published, report)
        rebuild_index(published)


def withdraw_failures(published: Path, stays: Callable[[str, str], bool]) -> None:
    """Take back what readers are told of failures, but where it stays.

    Parameters
    ----------
    stays : callable
        From a report and an edition's place in its folder, ``2026-09/region=north``.
    """
    gone = {}
    for path in sorted(published.glob(f"*/{_publish.FAILED}")):
        report = path.parent.name
        noted = _publish.read_failures(published, report)
        gone[report] = {name for name in noted if not stays(report, name)}
    with _publish.storage(published, "take back that a period failed"):
        for report, names in gone.items():
            withdraw(published, report, names)
    if any(gone.values()):
        rebuild_index(published)


def _show_failures(published: Path, report: str) -> None:
    with _publish.storage(published, "say which periods failed"):
        show_failures(published, report)


def clean(published: Path) -> None:
    """Clear what an interrupted run left, and show what it had published."""
    if published.is_dir():
        _publish.clear_debris(published)
        if next(every(published), None) is not None:
            rebuild_index(published)


def every(published: Path) -> Iterator[Edition]:
    """Yield every revision of every edition."""
    return editions_record.editions(published)


def rebuild_index(published: Path) -> Path:
    """Write the first page anew from the editions' records; returns its path."""
    with _publish.storage(published, "write the index"):
        return publish_index.rebuild_index(published)


def _at(published: Path, edition: Edition, new: bool = False) -> Published:
    name = next(iter(edition.languages.values()))
    return Published(edition, published / edition.folder / name, new)


def _same(newest: Edition, pages: Sequence[Page], files: Mapping[str, str]) -> bool:
    hashes = {files[page.language]: editions_record.digest(page.html.encode()) for page in pages}
    return hashes == newest.sha256


def _said(newest: Edition | None, language: str) -> tuple[str, ...]:
    """Return what an edition that is there says of its own changes."""
    return newest.changed_in.get(language, newest.changed) if newest else ()


def _changes(
    newest: Edition,
    page: Page,
    lookup: Callable[[str], Release] | None,
    made_of: Mapping[str, str],
) -> tuple[str, ...]:
    """Return in words why an edition differs from its last revision, and then in which figures."""
    language = Language(page.language, page.context.translations)
    before = {card.key: card for card in newest.cards.get(page.language, ())}
    cards = [(before[card.key], card) for card in page.cards if card.key in before]
    pairs: list[tuple[Release, Release]] = []
    if lookup is not None:
        drawn = (each for each in page.blocks if isinstance(each, Drawing))
        shown = dict.fromkeys(name for each in drawn for name in each.releases)
        # why: an acknowledged loss may have taken the old revision's answers out of the ledger
        with contextlib.suppress(UnknownName):
            pairs = paired(list(map(lookup, newest.releases)), list(map(lookup, shown)))
    why = causes(newest.made_of, made_of, pairs, lookup, language)
    return why, *(what_changed(cards, pairs, language) or (language.word("was none"),))
