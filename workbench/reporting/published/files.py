"""Where editions lie in the published folder, and how files are put there: whole or not at all.

A list of what is due asks for names alone, so it is quick. Each file is written to a folder of its
own on the same disk, flushed, recorded, and renamed into place; a rename is all or nothing. A run
that dies, or a disk that fills up, leaves what was there.
"""

import contextlib
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from workbench.documents import read_json
from workbench.errors import InputError, PublishError
from workbench.reporting.forking import alive
from workbench.store.durable import content_of, files_below, flush, sync
from workbench.store.published_files import FILE_MODE, make_folder, note, recorded

FILE, FAILED, STAGING = "edition.json", "failed.json", ".staging"
_NAME = re.compile(r"^[a-z0-9][a-z0-9._=,+-]{0,119}$", re.IGNORECASE)
REVISION = re.compile(r"^r([1-9]\d{0,5})$")


def place(report: str, period: str, variant: str = "") -> Path:
    """Return an edition's folder within the published one.

    Raises
    ------
    InputError
        One of its names is none that a folder may have.
    """
    names = [report, period, *filter(None, [variant])]
    for name in names:
        if not _NAME.match(name) or REVISION.match(name):
            raise InputError(
                f"'{name}' cannot be a folder of published editions. Use letters, digits and "
                "._=,+- and begin with a letter or digit; r1, r2, … are revisions."
            )
    return Path(*names)


def page_names(languages: Iterable[str]) -> dict[str, str]:
    """Return language to the name of an edition's page in it, the first to be opened."""
    return {code: f"index.{code}.html" if at else "index.html" for at, code in enumerate(languages)}


def alone(name: str) -> str:
    """Return the name of a page as one file."""
    return "standalone" + name.removeprefix("index")


def printed(name: str) -> str:
    """Return the name of a page as a PDF."""
    return "report" + name.removeprefix("index").removesuffix(".html") + ".pdf"


def mailed(name: str) -> str:
    """Return the name of a page as a mail's text."""
    return "mail" + name.removeprefix("index").removesuffix(".html") + ".txt"


def beside(name: str) -> tuple[str, str, str]:
    """Return the names of all that may stand beside a page."""
    return alone(name), printed(name), mailed(name)


def revisions(folder: Path) -> list[int]:
    """Return the revisions an edition's folder holds, in order."""
    above = (path.parent for path in files_below(folder, FILE) if path.parent.parent == folder)
    return sorted(int(match[1]) for each in above if (match := REVISION.match(each.name)))


def read_failures(published: Path, report: str) -> dict[str, Mapping[str, str]]:
    """Return the editions of a report that failed, and each one's title by language.

    One that is published is not among them, whatever was noted: its readers have it.
    """
    try:
        content = read_json(published / report / FAILED)
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
        place(report, period, variant)  # refuses what leads elsewhere
        known = titles if isinstance(titles, dict) else {"en": titles}
        sound = all(isinstance(text, str) and text.encode() for text in known.values())
    except (ValueError, InputError):  # half a surrogate
        return False
    return sound and bool(known) and set(known) <= set(LANGUAGES)


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
