"""Files put where managers read them, or handed over: whole or not at all.

Each is written to a folder of its own on the same disk, flushed, recorded, and renamed into place;
a rename is all or nothing. A run that dies, or a disk that fills up, leaves what was there.
"""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import PublishError
from workbench.reporting.forking import alive
from workbench.store.durable import content_of, flush, sync
from workbench.store.published_files import FILE_MODE, make_folder, note, recorded

STAGING = ".staging"


def put_whole(published: Path, target: Path, content: bytes) -> None:
    """Replace one file where managers read, unless it holds that content already."""
    name = target.relative_to(published).as_posix()
    if content_of(target) == content:
        if name not in recorded(published):
            note(published, {name: content})
        return
    with staged(published) as staging:
        write(staging / target.name, content)
        move(published, staging, target.parent)


def put_outside(out: Path, content: bytes) -> Path:
    """Write a file outside the published folder; returns where it is.

    Raises
    ------
    PublishError
        It cannot be written.
    """
    try:
        make_folder(out.parent)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as staging:
            write(Path(staging, out.name), content)
            Path(staging, out.name).replace(out)
        sync(out.parent)
    except OSError as problem:
        raise PublishError(
            f"{out} cannot be written ({problem.strerror}). Name another place, or free some "
            "space; what was there is unchanged."
        ) from None
    return out


def move(published: Path, made: Path, target: Path) -> None:
    """Move staged files into a folder: ``index.html``, which readers open, last."""
    make_folder(target)
    record(published, made, target)
    for path in sorted(made.iterdir(), reverse=True):
        path.replace(target / path.name)
    sync(target)


def record(published: Path, made: Path, target: Path) -> None:
    """Record files before they are put in a folder: one cut off in between is put there again."""
    inside = target.relative_to(published)
    note(published, {(inside / each.name).as_posix(): each.read_bytes() for each in made.iterdir()})


def write(path: Path, content: bytes) -> None:
    """Write a file through to the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        flush(file)


@contextlib.contextmanager
def staged(published: Path) -> Iterator[Path]:
    """Give a folder on the same disk that is gone afterwards, and clear what dead runs left."""
    staging = published / STAGING
    made = None
    while made is None:
        make_folder(staging)
        with contextlib.suppress(FileNotFoundError):  # another run has ended, and taken it away
            for left in staging.iterdir():
                process = left.name.partition("-")[0]
                if not (process.isdigit() and alive(int(process))):
                    shutil.rmtree(left, ignore_errors=True)
            made = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=staging))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        with contextlib.suppress(OSError):
            staging.rmdir()  # unless another run is at work


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
