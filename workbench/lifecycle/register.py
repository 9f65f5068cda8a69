"""Registers: an item (a hold, a request, an incident, a share, a risk) is the fold of its events.

They lie in the one log of events; nothing is ever changed or taken out.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from workbench.errors import InputError, one_of
from workbench.periods import local
from workbench.store.logs.chain import Entry
from workbench.store.logs.events import Events, who


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


def told_of(kind: type, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event says of the fields of a dataclass."""
    names = {each.name for each in fields(kind)}
    found = {name: value for name, value in body.items() if name in names}
    return {name: tuple(v) if isinstance(v, list) else v for name, v in found.items()}


@dataclass(frozen=True)
class Register:
    """One register.

    Parameters
    ----------
    events : Events
    prefix : str
        Begins the ids it gives, such as ``IN`` for IN-2026-001, and what its events refer to.
    noun : str
        What its items are called in messages.
    called : str
        What an item's id is called in its events.
    yearly : bool
        Whether ids name their year and begin anew in each.
    """

    events: Events
    prefix: str
    noun: str
    called: str = "id"
    yearly: bool = True

    def begin(self, kind: str, body: Mapping[str, Any], *, now: dt.datetime) -> str:
        """Record the first event of a new item; return the item's id."""
        year = f"{local(now, self.events.zone):%Y}-" if self.yearly else ""
        begins = f"{self.prefix}-{year}"
        with self.events.acting(now) as write:
            there = {entry.subject for entry in write.entries(ref=self.prefix)}
            number = sum(str(name).startswith(begins) for name in there) + 1
            name = f"{begins}{number:03d}" if self.yearly else f"{begins}{number:04d}"
            told = {"who": who(), self.called: name, **body}
            write.append(kind, told, at=now, subject=name, ref=self.prefix)
        return name

    def record(self, name: str, kind: str, body: Mapping[str, Any], *, now: dt.datetime) -> Entry:
        """Record a further event of an item.

        Raises
        ------
        UnknownName
            There is no such item.
        """
        self.of(name)
        with self.events.acting(now) as write:
            told = {"who": who(), self.called: name, **body}
            return write.append(kind, told, at=now, subject=name, ref=self.prefix)

    def items(self) -> dict[str, list[Entry]]:
        """Return every item's events, items and events in order."""
        found: dict[str, list[Entry]] = {}
        for entry in self.events.entries(ref=self.prefix):
            found.setdefault(str(entry.subject), []).append(entry)
        return found

    def of(self, name: str) -> list[Entry]:
        """Return one item's events.

        Raises
        ------
        UnknownName
            There is no such item.
        """
        return one_of(self.noun, self.items(), name)
