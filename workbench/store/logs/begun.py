"""What a register is known to have held: a small file at the keys, so that a lost one is missed."""

from __future__ import annotations

import json
from pathlib import Path

from workbench.documents import read_json
from workbench.store.durable import write_whole

FOLDER = "keys"


def known(private: Path, name: str) -> tuple[int, str]:
    """Return the number and hash of an entry a register held; (0, "") where nothing is known."""
    try:
        seq, hash_ = read_json(private / FOLDER / f"{name}.mark")
        return int(seq), str(hash_)
    except FileNotFoundError:
        return 0, ""
    except (OSError, ValueError, TypeError, RecursionError):
        return 0, "unreadable"


def remember(private: Path, name: str, seq: int, hash_: str = "") -> None:
    """Keep what a register holds; durable."""
    write_whole(private / FOLDER / f"{name}.mark", json.dumps([seq, hash_]).encode())


def forget(private: Path, name: str) -> None:
    """Let a register begin anew: an officer has said that it is lost."""
    (private / FOLDER / f"{name}.mark").unlink(missing_ok=True)


def lost(path: Path, what: str) -> str:
    """Return what to say of a register that is gone, or holds less than it held."""
    return (
        f"{path} is lost, was cut or begun anew: {what}. Put it back from a backup with 'workbench "
        "store restore'. If it is lost for good, an officer says so with 'workbench office "
        "acknowledge --reason … --role officer'. Nothing is done without it."
    )
