"""Put editions where managers read them: whole or not at all.

::

    published/
      index.html                      every report, period and revision
      assets/plotly-….min.js          one script, shared
      customer-overview/
        2026-09/
          index.html                  the newest revision, at an address that stays
          r1/index.html, edition.json
          r2/…

Files are written to a folder of their own on the same disk, flushed, and renamed into place; a
rename is all or nothing. A run that dies, or a disk that fills up, leaves what was there.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from workbench.errors import PublishError, WorkbenchError
from workbench.reporting import page_assets
from workbench.reporting.editions_record import (
    FILE,
    Edition,
    digest,
    editions,
    latest,
    read,
    revisions,
)
from workbench.store.published_files import FILE_MODE, FOLDER_MODE, make_folder, note, recorded

Files = Mapping[str, str]
STAGING = ".staging"
FAILED = "failed.json"
_MAIN = '<main id="report" class="wrap">'  # as in page.html.j2
_LANGUAGE = re.compile(r'<html lang="([a-z]+)')
_SAFE_FILE = re.compile(r"^[a-z0-9][a-z0-9._-]{0,80}$")


def publish(edition: Edition, files: Files, published: Path) -> tuple[Edition, bool]:
    """Publish an edition's pages.

    Parameters
    ----------
    edition : Edition
        What it is; its revision and hashes are set here.
    files : mapping of str to str
        File name to page (`Page.html`).
    published : Path
        The published folder.

    Returns
    -------
    (Edition, bool)
        The edition as it stands, and whether it is new: pages that are the same, byte for byte,
        as the newest revision's are not published again.

    Raises
    ------
    PublishError
        The disk is full, or the folder cannot be written. Nothing changed.
    """
    for name in files:
        if not _SAFE_FILE.match(name):
            raise PublishError(f"'{name}' cannot be a page's file name; use index.html.")
    hashes = {name: digest(page.encode()) for name, page in files.items()}
    newest = latest(published, edition.report, edition.period, edition.variant)
    if newest is not None and hashes == newest.sha256:
        with storage(published, "settle an edition"):
            settle(published, published / newest.folder)
            if edition.identity not in ("", newest.identity):  # other inputs, the same page
                newest = replace(newest, identity=edition.identity)
                record = published / newest.folder / f"r{newest.revision}" / FILE
                put_whole(published, record, newest.to_json().encode())
            forget_failures(published, newest.report)
        return newest, False
    revision = newest.revision + 1 if newest else 1
    edition = replace(edition, revision=revision, sha256=hashes)
    size_kilobytes = sum(len(page.encode()) for page in files.values()) // 1000 + 1
    with storage(published, f"publish {edition.folder}, revision {revision} ({size_kilobytes} kB)"):
        share_script(published)
        with _staged(published) as staging:
            whole, top = staging / "whole", staging / "top"
            main = index_language(published) or next(iter(edition.languages))
            _write(whole, edition, files, main, depth=1)
            _write(top, edition, files, main, depth=0)
            target = published / edition.folder
            make_folder(target)
            _note(published, target / f"r{revision}", whole)
            whole.rename(target / f"r{revision}")
            for folder in (target, *target.parents[: len(edition.folder.parts)]):
                _sync(folder)
            _show(published, edition, top)
        forget_failures(published, edition.report)
    return edition, True


def settle(published: Path, folder: Path) -> None:
    """Make an edition's own address show its newest revision, whatever was interrupted."""
    numbers = revisions(folder)
    edition = read(folder / f"r{numbers[-1]}") if numbers else None
    if edition is None:
        return
    below = "../" * (len(edition.folder.parts) + 1)
    with _staged(published) as staging:
        top = staging / "top"
        top.mkdir(mode=FOLDER_MODE)
        for name in edition.sha256:
            page = (folder / f"r{edition.revision}" / name).read_text(encoding="utf-8")
            page = page.replace(f'="{below}', f'="{below.removesuffix("../")}')
            shown = folder / name
            if not shown.is_file() or shown.read_text(encoding="utf-8") != page:
                _put(top / name, page.encode())
        _show(published, edition, top)


def _show(published: Path, edition: Edition, top: Path) -> None:
    """Let an edition's own address show its newest revision; no file beside it lags behind."""
    from workbench.reporting.standalone import standalone

    folder = published / edition.folder
    wanted = any((folder / alone(name)).exists() for name in edition.languages.values())
    for name in sorted(path.name for path in top.iterdir()):
        (folder / printed(name)).unlink(missing_ok=True)
        if wanted:
            html = standalone((top / name).read_text(encoding="utf-8"), published / "assets")
            put_whole(published, folder / alone(name), html.encode())
    _note(published, folder, top)
    _move_up(top, folder)
    for path in folder.glob("index*.html"):  # a language it has no more, a page that it failed
        if path.name not in edition.languages.values():
            for name in (path.name, alone(path.name), printed(path.name)):
                (folder / name).unlink(missing_ok=True)
    _supersede(published, folder)


def alone(name: str) -> str:
    """Return the name of a page as one file."""
    return "standalone" + name.removeprefix("index")


def printed(name: str) -> str:
    """Return the name of a page as a PDF."""
    return "report" + name.removeprefix("index").removesuffix(".html") + ".pdf"


def _supersede(published: Path, folder: Path) -> None:
    """Let older revisions say that they were replaced, and lead to the newest."""
    from workbench.figures.language import Language

    for number in revisions(folder)[:-1]:
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
                put_whole(published, page, html.replace(_MAIN, _MAIN + banner, 1).encode())


def share_script(published: Path) -> Path:
    """Put the chart script beside the editions, once for each of its versions."""
    bundle = page_assets.bundle()
    target = published / "assets" / bundle.file_name
    put_whole(published, target, bundle.script)
    licence = page_assets.asset("plotly.LICENSE.txt")
    put_whole(published, target.with_name("plotly.LICENSE.txt"), licence)
    return target


def put_whole(published: Path, target: Path, content: bytes) -> None:
    """Replace one file, all or nothing, unless it holds that content already."""
    name = target.relative_to(published).as_posix()
    if target.is_file() and target.read_bytes() == content:
        if name not in recorded(published):
            note(published, {name: content})
        return
    with _staged(published) as staging:
        _put(staging / target.name, content)
        make_folder(target.parent)
        _note(published, target.parent, staging, target.name)
        (staging / target.name).replace(target)
        _sync(target.parent)


def index_language(published: Path) -> str:
    """Return the language of the index's first page; empty where there is none yet."""
    with contextlib.suppress(OSError):
        if found := _LANGUAGE.search((published / "index.html").read_text(encoding="utf-8")):
            return found[1]
    return ""


def record_failure(
    published: Path, report: str, period: str, titles: Mapping[str, str], variant: str = ""
) -> None:
    """Note that an edition failed, and its title by language, the first to be opened.

    The reason is not kept: an error's text may hold a value read from a row. It is in the log.
    """
    edition = Edition(report, period, "", variant)
    failed = {**read_failures(published, report), _within(edition): titles}
    with storage(published, f"note that {edition.folder} failed"):
        _keep_failures(published, report, failed)


def read_failures(published: Path, report: str) -> dict[str, Mapping[str, str]]:
    """Return the editions of a report that failed, and each one's title by language.

    One that is published is not among them, whatever was noted: its readers have it.
    """
    try:
        content = json.loads((published / report / FAILED).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):  # whoever wrote that, it was not a run
        return {}
    return {
        name: titles if isinstance(titles, dict) else {"en": str(titles)}
        for name, titles in content.items()
        if _is_failure(report, name, titles) and not revisions(published / report / name)
    }


def _is_failure(report: str, name: str, titles: object) -> bool:
    """Return whether a note is one that a run writes: of an edition's own folder, with titles."""
    from workbench.figures.language import LANGUAGES

    period, _, variant = name.partition("/")
    try:
        Edition(report, period, "", variant)  # refuses what leads elsewhere
        known = titles if isinstance(titles, dict) else {"en": titles}
        sound = all(isinstance(text, str) and text.encode() for text in known.values())
    except (ValueError, WorkbenchError):  # half a surrogate
        return False
    return sound and bool(known) and set(known) <= set(LANGUAGES)


def forget_failures(published: Path, report: str, forgotten: Collection[str] = ()) -> None:
    """Take back that editions failed: those that are named, and those that are published."""
    file = published / report / FAILED
    if file.is_file():
        failed = read_failures(published, report)
        kept = {name: titles for name, titles in failed.items() if name not in forgotten}
        if kept:
            _keep_failures(published, report, kept)
        else:
            file.unlink()


def clear_debris(published: Path) -> None:
    """Remove what dead runs left, and finish what they had begun to show."""
    if not published.is_dir():
        return
    with storage(published, "clear what an interrupted run left"):
        with _staged(published):
            pass
        for folder in sorted({edition.folder for edition in editions(published)}):
            settle(published, published / folder)


def _within(edition: Edition) -> str:
    """Return an edition's folder within its report's."""
    return "/".join(edition.folder.parts[1:])


def _keep_failures(published: Path, report: str, failed: Mapping[str, Mapping[str, str]]) -> None:
    text = json.dumps(dict(sorted(failed.items())), ensure_ascii=False, indent=1) + "\n"
    put_whole(published, published / report / FAILED, text.encode())


def _write(folder: Path, edition: Edition, pages: Files, main: str, depth: int) -> None:
    """Write an edition's files with links that lead from ``depth`` folders below its own.

    ``main`` is the language of the index that has none in its name.
    """
    from workbench.reporting.page import ROOT

    folder.mkdir(mode=FOLDER_MODE)
    root = "../" * (len(edition.folder.parts) + depth)
    spoken = {name: code for code, name in edition.languages.items()}
    for name, page in pages.items():
        code = spoken.get(name, main)
        index = "index.html" if code == main else f"index.{code}.html"
        page = page.replace(f'"{ROOT}{name}"', f'"{ROOT}{index}"')
        _put(folder / name, page.replace(ROOT, root).encode())
    if depth:
        _put(folder / FILE, edition.to_json().encode())
    _sync(folder)


def _move_up(top: Path, target: Path) -> None:
    for path in sorted(top.iterdir(), reverse=True):  # index.html, which readers open, last
        path.replace(target / path.name)
    _sync(target)


def _note(published: Path, target: Path, made: Path, *names: str) -> None:
    """Record files before they are put in a folder: one cut off in between is put there again."""
    inside = target.relative_to(published)
    files = names or tuple(path.name for path in made.iterdir())
    note(published, {(inside / each).as_posix(): (made / each).read_bytes() for each in files})


def _put(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make a folder's renames outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _staged(published: Path) -> Iterator[Path]:
    """Give a folder on the same disk that is gone afterwards, and clear what dead runs left."""
    staging = published / STAGING
    make_folder(staging)
    for left in staging.iterdir():
        if not _alive(left.name):
            shutil.rmtree(left, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=staging))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        with contextlib.suppress(OSError):
            staging.rmdir()  # unless another run is at work


def _alive(name: str) -> bool:
    process = name.partition("-")[0]
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:  # somebody else's, and alive
        return True
    return True


@contextlib.contextmanager
def storage(published: Path, what: str) -> Iterator[None]:
    """Turn a disk's refusal into one a person can act on."""
    try:
        yield
    except OSError as problem:
        full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
        way_out = (
            "The disk is full. Free some space"
            if full
            else f"It cannot be written ({problem.strerror}). Let this user write there"
        )
        raise PublishError(
            f"could not {what} in {published}. {way_out} and run the report again; its figures are "
            "in the ledger and cost nothing a second time. What was published before is unchanged."
        ) from problem
