"""Registers of what an organisation did: append-only, hash-chained, in the private folder.

A register tells the story of its items (an incident, a share, a risk) as events; what an item is
now is the fold of its events. Nothing is ever changed or taken out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import InputError, UnknownName
from workbench.periods import local
from workbench.store.logs.audit import who
from workbench.store.logs.auditing import Verdict, verdict
from workbench.store.logs.begun import known
from workbench.store.logs.chain import GENESIS, Entry, log_in

FOLDER = "registers"
NAMES = ("incidents", "shares", "risks", "reviews", "decisions")


def said(text: str, wanted: str) -> str:
    """Return a text in one line; refuse an empty one, saying what is wanted.

    Raises
    ------
    InputError
        Nothing is said.
    """
    told = " ".join(text.split())
    if not told:
        raise InputError(wanted)
    return told


class Register:
    """One register.

    Parameters
    ----------
    folder : Path
        The workspace's private folder.
    name : str
        One of `NAMES`: the file's and the table's name.
    prefix : str
        Begins the ids it gives: ``IN`` for IN-2026-001.
    noun : str
        What its items are called in messages.
    zone : tzinfo
        In which it tells when something was.
    """

    def __init__(
        self, folder: Path, name: str, prefix: str, noun: str, zone: dt.tzinfo = dt.UTC
    ) -> None:
        self._prefix, self._noun, self._private = prefix, noun, folder
        self._folder = folder / FOLDER
        self.chain = log_in(self._folder, name, zone=zone, begun=folder)

    @property
    def _exists(self) -> bool:
        if known(self._private, self.chain.name) != (0, ""):
            # why made: a log in a folder that is gone is looked for, and told as lost
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._folder.is_dir()

    def lost(self) -> bool:
        """Return whether it is not there, or not the one that was begun."""
        return self._exists and self.chain.lost()

    def begin(self, kind: str, body: Mapping[str, Any], *, now: dt.datetime) -> str:
        """Record the first event of a new item; return the item's id."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.chain.writing() as write:
            begins = f"{self._prefix}-{local(now, self.chain.zone):%Y}-"
            firsts = [e for e in write.entries(ref="begin") if e.body["id"].startswith(begins)]
            name = f"{begins}{len(firsts) + 1:03d}"
            write.append(kind, {**_by(body), "id": name}, at=now, subject=name, ref="begin")
        return name

    def record(self, name: str, kind: str, body: Mapping[str, Any], *, now: dt.datetime) -> Entry:
        """Record a further event of an item.

        Raises
        ------
        UnknownName
            There is no such item.
        """
        self._require(name)
        with self.chain.writing() as write:
            return write.append(kind, _by(body), at=now, subject=name)

    def items(self) -> dict[str, list[Entry]]:
        """Return every item's events, items and events in order."""
        found: dict[str, list[Entry]] = {}
        if not self._exists:
            return found
        with self.chain.reading() as read:
            for first in read.entries(ref="begin"):
                name = str(first.body["id"])
                found[name] = read.entries(subject=name)
        return found

    def events(self, name: str) -> list[Entry]:
        """Return one item's events.

        Raises
        ------
        UnknownName
            There is no such item.
        """
        self._require(name)
        return self.chain.entries(subject=name)

    def require(self) -> None:
        """Refuse a register that is lost, was cut or altered.

        Raises
        ------
        StorageError
            It is: says what to do.
        """
        if self._exists:
            self.chain.verify()

    def verdict(self) -> Verdict:
        """Check the whole register."""
        return verdict(self.chain) if self._exists else Verdict(0, (0, GENESIS), ())

    def _require(self, name: str) -> None:
        items = self.items()
        if name not in items:
            raise UnknownName(self._noun, name, items)


def registers(folder: Path, zone: dt.tzinfo = dt.UTC) -> dict[str, Register]:
    """Return every register of a private folder by what it is called."""
    return {f"register of {name}": Register(folder, name, "", name, zone) for name in NAMES}


def _by(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"who": who(), **body}
