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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from workbench.errors import PublishError
from workbench.reporting import page_assets
from workbench.reporting.editions import FILE, Edition, digest, latest, read, revisions
from workbench.reporting.page import ROOT

Files = Mapping[str, str]
STAGING = ".staging"
FAILED = "failed.json"
_SAFE_FILE = re.compile(r"^[a-z0-9][a-z0-9._-]{0,80}$")
_SAFE_REASON = re.compile(r"^[A-Za-z ]{1,60}$")


def publish(
    edition: Edition, files: Files | Callable[[int], Files], published: Path
) -> tuple[Edition, bool]:
    """Publish an edition's pages.

    Parameters
    ----------
    edition : Edition
        What it is; its revision and hashes are set here.
    files : mapping of str to str, or callable
        File name to page (`Page.html`), or a function of the revision that returns them, where
        pages name their revision.
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
    newest = latest(published, edition.report, edition.period, edition.variant)
    if newest is not None:
        pages = _pages(files, newest.revision)
        if _hashes(pages) == newest.sha256:
            with _storage(published, "settle an edition"):
                settle(published, published / newest.folder)
                _forget_failure(published, newest)
            return newest, False
    revision = newest.revision + 1 if newest else 1
    pages = _pages(files, revision)
    edition = replace(edition, revision=revision, sha256=_hashes(pages))
    size_kilobytes = sum(len(page.encode()) for page in pages.values()) // 1000 + 1
    with _storage(
        published, f"publish {edition.folder}, revision {revision} ({size_kilobytes} kB)"
    ):
        share_script(published)
        with _staged(published) as staging:
            whole, top = staging / "whole", staging / "top"
            _write(whole, edition, pages, depth=1)
            _write(top, edition, pages, depth=0)
            target = published / edition.folder
            target.mkdir(parents=True, exist_ok=True)
            os.rename(whole, target / f"r{revision}")
            _sync(target)
            _move_up(top, target)
        _forget_failure(published, edition)
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
        top.mkdir()
        for name in edition.sha256:
            page = (folder / f"r{edition.revision}" / name).read_text(encoding="utf-8")
            page = page.replace(f'="{below}', f'="{below.removesuffix("../")}')
            shown = folder / name
            if not shown.is_file() or shown.read_text(encoding="utf-8") != page:
                _put(top / name, page.encode())
        _move_up(top, folder)


def share_script(published: Path) -> Path:
    """Put the chart script beside the editions, once for each of its versions."""
    bundle = page_assets.bundle()
    target = published / "assets" / bundle.file_name
    if not target.is_file() or target.stat().st_size != len(bundle.script):
        put_whole(published, target, bundle.script)
        licence = page_assets.asset("plotly.LICENSE.txt")
        put_whole(published, target.with_name("plotly.LICENSE.txt"), licence)
    return target


def put_whole(published: Path, target: Path, content: bytes) -> None:
    """Replace one file, all or nothing."""
    with _staged(published) as staging:
        _put(staging / target.name, content)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(staging / target.name, target)
        _sync(target.parent)


def record_failure(
    published: Path, report: str, period: str, reason: str = "", variant: str = ""
) -> None:
    """Note that an edition failed, for readers of the index.

    ``reason`` is a class of failure, such as ``RunFailed``; anything longer is not kept, since an
    error's text may hold a value read from a row.
    """
    edition = Edition(report, period, "", variant)
    failures = read_failures(published, report)
    failures["/".join(edition.folder.parts[1:])] = reason if _SAFE_REASON.match(reason) else ""
    with _storage(published, f"note that {edition.folder} failed"):
        _keep_failures(published, report, failures)


def read_failures(published: Path, report: str) -> dict[str, str]:
    """Return the editions of a report whose last run failed."""
    try:
        content = json.loads((published / report / FAILED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(reason) for name, reason in content.items()}


def _forget_failure(published: Path, edition: Edition) -> None:
    failures = read_failures(published, edition.report)
    if failures.pop("/".join(edition.folder.parts[1:]), None) is not None:
        _keep_failures(published, edition.report, failures)


def _keep_failures(published: Path, report: str, failures: Mapping[str, str]) -> None:
    text = json.dumps(dict(sorted(failures.items())), indent=1) + "\n"
    put_whole(published, published / report / FAILED, text.encode())


def _pages(files: Files | Callable[[int], Files], revision: int) -> Files:
    pages = files(revision) if callable(files) else files
    for name in pages:
        if not _SAFE_FILE.match(name) or name == FILE:
            raise PublishError(
                f"'{name}' cannot be a page's file name; use index.html, index.zh.html."
            )
    return pages


def _hashes(pages: Files) -> dict[str, str]:
    return {name: digest(page.encode()) for name, page in pages.items()}


def _write(folder: Path, edition: Edition, pages: Files, depth: int) -> None:
    """Write an edition's files with links that lead from ``depth`` folders below its own."""
    folder.mkdir()
    root = "../" * (len(edition.folder.parts) + depth)
    for name, page in pages.items():
        _put(folder / name, page.replace(ROOT, root).encode())
    if depth:
        _put(folder / FILE, edition.to_json().encode())
    _sync(folder)


def _move_up(top: Path, target: Path) -> None:
    for path in sorted(top.iterdir(), reverse=True):  # index.html, which readers open, last
        os.replace(path, target / path.name)
    _sync(target)


def _put(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
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
    staging.mkdir(parents=True, exist_ok=True)
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
def _storage(published: Path, what: str) -> Iterator[None]:
    """Turn a disk's refusal into one a person can act on."""
    try:
        yield
    except OSError as problem:
        full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
        way_out = (
            "The disk is full. Free some space"
            if full
            else f"It cannot be written ({problem.strerror}). Give this user the right to write there"
        )
        raise PublishError(
            f"could not {what} in {published}. {way_out} and run the report again; its figures are "
            "in the ledger and cost nothing a second time. What was published before is unchanged."
        ) from problem
