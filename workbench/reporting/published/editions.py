"""Editions of reports: what is published, publishing one more, and copies beside it.

::

    published/
      index.html                      every report, period and revision
      assets/plotly-….min.js          one script, shared
      customer-overview/
        2026-09/
          index.html                  the newest revision, at an address that stays
          r1/index.html, edition.json
          r2/…

The caller holds the workspace's lock.
"""

import datetime as dt
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import UnknownName
from workbench.figures.language import Language
from workbench.privacy.release import Release
from workbench.reporting.pages import page_assets
from workbench.reporting.pages.brand import keep_brand
from workbench.reporting.pages.page import Page
from workbench.reporting.pages.parts import ROOT
from workbench.reporting.published import files, index
from workbench.reporting.published.copies import pdf, standalone
from workbench.reporting.published.failures import finish, forget_failures, show_failures
from workbench.reporting.published.record import Edition, changes, editions, read, said_of
from workbench.reporting.published.record import latest as latest_record
from workbench.store.durable import content_of, sync
from workbench.store.published_files import FOLDER_MODE, digest, make_folder


@dataclass(frozen=True)
class Published:
    """An edition, the page to open, and whether it was published just now."""

    edition: Edition
    page: Path
    new: bool = False


def latest(published: Path, report: str, period: str, variant: str = "") -> Published | None:
    """Return the newest revision of an edition, or None."""
    edition = latest_record(published, report, period, variant)
    return None if edition is None else Published(edition, published / edition.way())


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
    now: dt.datetime | None = None,
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
    ledger_head, audit_head : tuple of (int, str), optional
        The last entries of the ledger and of the audit log, kept in its record.
    lookup : callable, optional
        From a release's id to the release, so that a revision can say which figures changed.
    made_of : mapping of str to str, optional
        What a next revision compares, to say why it differs; kept in the record.
    now : datetime, optional
        When it is published, for the feed.

    Raises
    ------
    PublishError
        The disk is full, or the folder cannot be written. What was published before is unchanged.
    """
    pages = (pages,) if isinstance(pages, Page) else tuple(pages)
    names = files.page_names(page.language for page in pages)
    newest = latest_record(published, report, period, variant)
    revision = newest.revision if newest else 1
    said = {page.language: said_of(newest, page.language) for page in pages}
    contents = _set(pages, revision, said, names)
    if newest is not None and (newest.withdrawn or _hashes(contents) != newest.sha256):
        revision += 1
        said = {page.language: changes(newest, page, lookup, made_of or {}) for page in pages}
        contents = _set(pages, revision, said, names)
    facts = pages[0].context.facts
    edition = Edition(
        report=report,
        period=period,
        title=pages[0].title,
        variant=variant,
        revision=revision,
        languages=names,
        headline={page.language: page.headline for page in pages},
        cards={page.language: page.cards for page in pages},
        releases=tuple(sorted({*releases, *(name for page in pages for name in page.releases)})),
        data_version=facts.data_version if facts else "",
        changed=said[pages[0].language],
        sha256=_hashes(contents),
        identity=identity,
        ledger_head=ledger_head,
        audit_head=audit_head,
        house=pages[0].context.house,
        titles={page.language: page.title for page in pages},
        houses={page.language: page.house for page in pages},
        changed_in=said,
        made_of=dict(made_of or {}),
        at=now.isoformat(timespec="seconds") if now else "",
        audience={page.language: page.audience for page in pages if page.audience},
        alerts={page.language: tuple(each.text for each in page.alerts) for page in pages},
    )
    new = newest is None or revision > newest.revision
    with files.storage(published, "keep whose pages these are"):
        keep_brand(published, pages[0].context.brand)
    if newest is None or new:
        _put(published, edition, contents)
    else:
        edition = _still_there(published, newest, identity)
    show_failures(published, report)
    index.lead_around(published, report, edition)
    index.put_mails(published, edition)
    index.rebuild_index(published)
    return Published(edition, published / edition.way(), new)


def _set(
    pages: Sequence[Page],
    revision: int,
    said: Mapping[str, tuple[str, ...]],
    names: Mapping[str, str],
) -> dict[str, str]:
    """Return file name to page, set as a revision."""
    return {
        names[page.language]: page.revised(revision, said[page.language], names).html
        for page in pages
    }


def _hashes(contents: Mapping[str, str]) -> dict[str, str]:
    return {name: digest(page.encode()) for name, page in contents.items()}


def _still_there(published: Path, newest: Edition, identity: str) -> Edition:
    """Settle an edition whose pages are the same, whatever it was made of now."""
    with files.storage(published, "settle an edition"):
        _settle(published, published / newest.folder)
        if identity not in ("", newest.identity):
            newest = newest.model_copy(update={"identity": identity})
            kept = published / newest.folder / f"r{newest.revision}" / files.FILE
            files.put_whole(published, kept, newest.to_json().encode())
        forget_failures(published, newest.report)
    return newest


def _put(published: Path, edition: Edition, contents: Mapping[str, str]) -> None:
    """Stage a new revision, rename it into place, and let its edition's address show it."""
    size_kilobytes = sum(len(page.encode()) for page in contents.values()) // 1000 + 1
    what = f"publish {edition.folder}, revision {edition.revision} ({size_kilobytes} kB)"
    with files.storage(published, what), files.staged(published) as staging:
        share_script(published)
        whole, top = staging / "whole", staging / "top"
        indexes = index.index_names(published, edition.languages)
        _write(whole, edition, contents, indexes, depth=1)
        _write(top, edition, contents, indexes, depth=0)
        target = published / edition.folder
        make_folder(target)
        files.record(published, whole, target / f"r{edition.revision}")
        whole.rename(target / f"r{edition.revision}")
        for folder in (target, *target.parents[: len(edition.folder.parts)]):
            sync(folder)
        _show(published, edition, top)
        forget_failures(published, edition.report)


def _write(
    folder: Path,
    edition: Edition,
    contents: Mapping[str, str],
    indexes: Mapping[str, str],
    depth: int,
) -> None:
    """Write an edition's files with links that lead from ``depth`` folders below its own.

    ``indexes``: language to the name of its index.
    """
    folder.mkdir(mode=FOLDER_MODE)
    root = "../" * (len(edition.folder.parts) + depth)
    spoken = {name: code for code, name in edition.languages.items()}
    for name, page in contents.items():
        page = page.replace(f'"{ROOT}{name}"', f'"{ROOT}{indexes[spoken[name]]}"')
        files.write(folder / name, page.replace(ROOT, root).encode())
    if depth:
        files.write(folder / files.FILE, edition.to_json().encode())
    sync(folder)


def _settle(published: Path, folder: Path) -> Edition | None:
    """Make an edition's own address show its newest revision, whatever was interrupted."""
    numbers = files.revisions(folder)
    edition = read(folder / f"r{numbers[-1]}") if numbers else None
    if edition is None:
        return None
    below = "../" * (len(edition.folder.parts) + 1)
    with files.staged(published) as staging:
        top = staging / "top"
        top.mkdir(mode=FOLDER_MODE)
        for name in edition.sha256:
            page = (folder / f"r{edition.revision}" / name).read_text(encoding="utf-8")
            page = page.replace(f'="{below}', f'="{below.removesuffix("../")}')
            shown = folder / name
            if index.without_ways((content_of(shown) or b"").decode()) != page:
                files.write(top / name, page.encode())
        _show(published, edition, top)
    return edition


def _show(published: Path, edition: Edition, top: Path) -> None:
    """Let an edition's own address show its newest revision; no file beside it lags behind."""
    folder = published / edition.folder
    wanted = any((folder / files.alone(name)).exists() for name in edition.languages.values())
    for name in sorted(path.name for path in top.iterdir()):
        (folder / files.printed(name)).unlink(missing_ok=True)
        if wanted:
            html = standalone((top / name).read_text(encoding="utf-8"), published / "assets")
            files.put_whole(published, folder / files.alone(name), html.encode())
    files.move(published, top, folder)
    for path in folder.glob("index*.html"):  # a language it has no more, a page that it failed
        if path.name not in edition.languages.values():
            for name in (path.name, *files.beside(path.name)):
                (folder / name).unlink(missing_ok=True)
    if not edition.withdrawn:
        _supersede(published, folder)


def _supersede(published: Path, folder: Path) -> None:
    """Let older revisions say that they were replaced, and lead to the newest."""
    for number in files.revisions(folder)[:-1]:
        edition = read(folder / f"r{number}")
        for code, name in edition.languages.items() if edition else ():
            page = folder / f"r{number}" / name
            words = Language(code)
            banner = (
                f'\n<p class="banner superseded">{words.word("superseded")} '
                f'<a href="../{name}">{words.word("read newest")}</a></p>'
            )
            html = page.read_text(encoding="utf-8")
            if banner not in html:
                files.put_whole(
                    published, page, html.replace(index.MAIN, index.MAIN + banner, 1).encode()
                )


def share_script(published: Path) -> Path:
    """Put the chart script beside the editions, once for each of its versions."""
    bundle = page_assets.bundle()
    target = published / "assets" / bundle.file_name
    files.put_whole(published, target, bundle.script)
    licence = page_assets.asset("plotly.LICENSE.txt")
    files.put_whole(published, target.with_name("plotly.LICENSE.txt"), licence)
    return target


def clean(published: Path) -> None:
    """Clear what an interrupted run left, and show what it had published."""
    if not published.is_dir():
        return
    with files.storage(published, "clear what an interrupted run left"):
        with files.staged(published):
            pass
        folders = sorted({edition.folder for edition in editions(published)})
        for folder in folders:
            edition = _settle(published, published / folder)
            if edition is not None and edition.withdrawn:
                finish(published, edition)
    for report in sorted({folder.parts[0] for folder in folders}):
        index.lead_around(published, report)
    if folders:
        index.rebuild_index(published)


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
    assets = published / "assets"
    return _put_beside(
        published,
        edition,
        files.alone,
        lambda page: standalone(page.read_text(encoding="utf-8"), assets).encode(),
    )


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

    def as_pdf(page: Path) -> bytes:
        with tempfile.TemporaryDirectory(prefix="workbench-pdf-") as beside:
            return pdf(page, Path(beside, files.printed(page.name))).read_bytes()

    return _put_beside(published, _known(published, report, period, variant), files.printed, as_pdf)


def _put_beside(
    published: Path, edition: Edition, called: Callable[[str], str], made: Callable[[Path], bytes]
) -> tuple[Path, ...]:
    """Put what is made of each page of an edition beside it."""
    folder = published / edition.folder
    targets = {folder / name: folder / called(name) for name in edition.languages.values()}
    for page, target in targets.items():
        content = made(page)
        with files.storage(published, f"write {edition.folder}/{target.name}"):
            files.put_whole(published, target, content)
    return tuple(targets.values())


def _known(published: Path, report: str, period: str, variant: str) -> Edition:
    """Return the newest revision of an edition that must be there."""
    edition = latest_record(published, report, period, variant)
    if edition is None:
        known = [each.folder.as_posix() for each in editions(published)]
        raise UnknownName(
            "published edition", "/".join(filter(None, (report, period, variant))), known
        )
    return edition.standing()
