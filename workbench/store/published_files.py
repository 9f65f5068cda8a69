"""What lies where managers read: what publishing wrote, by its own record, and what else is there.

The record, ``.written.jsonl``, has a line for each file that was put there, with its SHA-256; the
last one counts. Folders of before it are known by their editions' records, and are entered with
what is in them when the first file is put there since.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.documents import parse_json, read_json
from workbench.errors import InputError
from workbench.store.durable import content_of, files_below, flush

RECORD = ".written.jsonl"
FILE_MODE, FOLDER_MODE = 0o664, 0o775  # less the umask: never writable by all


def note(published: Path, files: Mapping[str, bytes]) -> None:
    """Record files that are about to be put there, by their path within the folder; durable."""
    record = published / RECORD
    known: dict[str, str | None] = {}
    if not record.exists():
        for name in _of_editions(published):
            if (content := content_of(published / name)) is not None:
                known[name] = digest(content)
    known.update({name: digest(content) for name, content in files.items()})
    lines = "".join(
        json.dumps({"file": name, "sha256": sha256}, ensure_ascii=False) + "\n"
        for name, sha256 in known.items()
    )
    make_folder(published)
    handle = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE)
    with os.fdopen(handle, "ab") as file:
        file.write(lines.encode())
        flush(file)


def recorded(published: Path) -> dict[str, str | None]:
    """Return each file that publishing wrote and its SHA-256; None where that was not kept."""
    try:
        lines = (published / RECORD).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return dict.fromkeys(_of_editions(published))
    found: dict[str, str | None] = {}
    for line in lines:
        try:
            content = parse_json(line)
            found[str(content["file"])] = str(content["sha256"])
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # cut off while it was written: the file is put there again
    return found


def fits(content: bytes | None, sha256: str | None) -> bool:
    """Return whether a file is what was published, as far as that was kept, or is there no more."""
    return content is None or sha256 is None or digest(content) == sha256


def strange(published: Path) -> Iterator[str]:
    """Yield what lies in the published folder and was not published, or is not what it was."""
    known = recorded(published)
    for folder, folders, names in os.walk(published):
        here = Path(folder)
        folders[:] = [each for each in folders if (here / each) != published / ".staging"]
        links = [each for each in folders if (here / each).is_symlink()]
        for name in sorted([*names, *links]):
            path = here / name
            inside = path.relative_to(published).as_posix()
            if inside == RECORD:
                continue
            if inside not in known or path.is_symlink():
                yield f"{path} was not published, and lies where managers read. Take it away"
            elif (path.exists() and not path.is_file()) or not fits(
                content_of(path), known[inside]
            ):
                yield (
                    f"{path} is no longer what was published. Restore the folder from a copy, or "
                    "remove the file and run its report again"
                )


def require_outside(out: Path, places: Mapping[str, Path]) -> Path:
    """Return where a path really leads; refuse one within a folder, through a link or ``..`` too.

    Raises
    ------
    InputError
        It lies in one of the places.
    """
    target = Path(os.path.realpath(out))
    for name, place in places.items():
        for folder in (target, *target.parents):
            if folder == Path(os.path.realpath(place)) or (
                folder.exists() and place.exists() and folder.samefile(place)
            ):
                raise InputError(f"{out} lies in the {name} folder. Choose a place outside of it.")
    return target


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, none writable by all whatever the umask."""
    for each in reversed([folder, *folder.parents]):
        if not each.exists():
            each.mkdir(mode=FOLDER_MODE, exist_ok=True)


def digest(content: bytes) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(content).hexdigest()


def _of_editions(published: Path) -> list[str]:
    """Return the files that editions' records, and the names we give, say are ours."""
    found = {*published.glob("index*.html"), *published.glob("*/failed.json")}
    found |= {*published.glob("assets/plotly*")}
    for path in files_below(published, "edition.json"):
        found.add(path)
        for name in _pages(path):
            top = path.parents[1]
            last = name.removeprefix("index")
            alone, printed = f"standalone{last}", f"report{last.removesuffix('.html')}.pdf"
            found |= {path.with_name(name), top / name, top / alone, top / printed}
    for path in files_below(published, "index*.html"):
        if b'<meta name="workbench" content="failed">' in (content_of(path) or b""):
            found.add(path)
    return sorted(p.relative_to(published).as_posix() for p in found if p.is_file())


def _pages(record: Path) -> list[str]:
    try:
        content: Any = read_json(record)
        return [name for name in content["sha256"] if Path(name).name == name]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
