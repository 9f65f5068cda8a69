"""What is left of customers outside the tables: notebooks' outputs, kernels' logs and histories."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from workbench.store.sealed import write_whole

SHORTEST = 4  # letters; shorter values are found in any file


def clear(private: Path) -> int:
    """Take the outputs out of executed notebooks, and kernels' logs and histories away.

    An output may hold a value in a form no search finds, inside a picture or an array in base64, so
    that all go. What the notebooks say stays, and figures are drawn from the ledger.

    Returns
    -------
    int
        How many files were changed or removed.
    """
    changed = 0
    for path in sorted(private.rglob("*.ipynb")):
        changed += _clear_outputs(path)
    for pattern in ("runs/**/*.log", "ipython/**/history.sqlite*", "ipython/**/*.log"):
        for path in sorted(private.glob(pattern)):
            if path.stat().st_size:
                path.write_bytes(b"") if path.suffix == ".log" else path.unlink()
                changed += 1
    return changed


def _clear_outputs(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cells = content["cells"]
    except (ValueError, KeyError, TypeError):  # no notebook after all, or one cut by a crash
        path.unlink()
        return True
    full = [cell for cell in cells if cell.get("outputs")]
    if not full:
        return False
    for cell in full:
        cell["outputs"], cell["execution_count"] = [], None
    write_whole(path, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())
    return True


def search(folders: Iterable[Path], values: Iterable[str]) -> list[Path]:
    """Return the files whose bytes hold one of some values, as UTF-8 or UTF-16.

    Examples
    --------
    >>> search([], ["K-0001"])
    []
    """
    wanted = [
        text.encode(encoding)
        for text in {value for value in values if len(value) >= SHORTEST}
        for encoding in ("utf-8", "utf-16-le")
    ]
    return [path for path in _files(folders) if wanted and _holds(path, wanted)]


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*") if path.is_file())


def _holds(path: Path, wanted: list[bytes]) -> bool:
    import re

    pattern = re.compile(b"|".join(re.escape(each) for each in wanted))
    longest, size = max(map(len, wanted)), 1 << 24
    with path.open("rb") as file:
        tail = b""
        while block := file.read(size):
            if pattern.search(tail + block):
                return True
            tail = block[-longest:]
    return False
