"""What every part of a workspace stands on: settings, catalog, store, audit log, ledger, clock."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import reporting
from workbench.catalog import Catalog
from workbench.catalog_files import load_catalog, read_checked
from workbench.errors import StorageError, StoreMissing
from workbench.periods import local
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.privacy.books.answers import AnswerLedger
    from workbench.store.engine import Store
    from workbench.store.keys.master import Seal
    from workbench.store.logs.events import Events
    from workbench.store.reading.access import Access


def utc_now() -> dt.datetime:
    """Return the current time in UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Opened:
    """Settings, and what they lead to, each opened on first use.

    Attributes
    ----------
    settings : Settings
    now : callable
        The clock, told in the workspace's time zone, so that a day of it is the day there; tests
        hand in another.
    """

    settings: Settings
    now: Callable[[], dt.datetime] = field(default=utc_now, compare=False)

    def __post_init__(self) -> None:
        clock, zone = self.now, self.settings.zone
        object.__setattr__(self, "now", lambda: local(clock(), zone))

    @cached_property
    def catalog(self) -> Catalog:
        """The declared data dictionary; in a run the very one the run began with."""
        path, kept = self.settings.path("catalog"), os.environ.get(reporting.CATALOG_FILE)
        checked = read_checked(path, Path(kept)) if kept else None
        return checked or load_catalog(path)

    @cached_property
    def private(self) -> Path:
        """The private folder: store, ledger, audit log, keys, runs; made with mode 0700."""
        path = self.settings.path("private")
        for sign in sorted({"?", "\\"} & set(str(path))):  # the engine would look for another file
            raise StorageError(
                f"data cannot be kept at {path}: the engine takes {sign} in a name for something "
                "else. Rename the folder, or name another one for private data in workbench.toml."
            )
        if not path.exists():
            from workbench.lifecycle.backups.archive import finish_swap

            finish_swap(path)  # a restore may have been cut off between two renames
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as problem:
            raise StorageError(
                f"the private folder {path} cannot be made: {problem.strerror}. Take away what "
                "stands there, such as a link to a disk that is not mounted, or name another one "
                "in workbench.toml. Nothing was changed."
            ) from None
        return path

    @cached_property
    def store(self) -> Store:
        """The encrypted data."""
        from workbench.store.engine import Store

        store = Store(self.private, self.settings.key)
        store.marks.copy = self.settings.path("backups") / store.marks.path.name
        return store

    @cached_property
    def events(self) -> Events:
        """The one log: who read what, and what the office did."""
        from workbench.store.logs.events import Events

        return Events(self.private, self.settings.zone, self._identifies)

    def _identifies(self, text: str) -> bool:
        """Whether a text holds somebody's key or direct identifier, in any spelling.

        Raises
        ------
        StorageError
            It cannot be searched now, though the store is not lost.
        """
        for again in (False, True):
            try:
                return self._found_in(text)
            except StorageError as problem:
                self.__dict__.pop("access", None)  # rows may have gone since it was opened
                if again and not (isinstance(problem, StoreMissing) and self._same_key()):
                    raise
        return False  # why: that the store is lost can be recorded too

    def _found_in(self, text: str) -> bool:
        from workbench.reporting.gate.leaks import scan
        from workbench.reporting.gate.spellings import without_amounts
        from workbench.reporting.pages.parts import Authored

        if self.access.snapshot not in self.store.published():  # it ended: rows went since
            self.__dict__.pop("access")
        parts = [*without_amounts(text), *self._keys_inside(text)]
        words = [Authored("what was typed", part) for part in parts]
        allowed = self.catalog.declared_words
        return bool(scan({}, self.access.find_identifiers, authored=words, allowed=allowed))

    def _keys_inside(self, text: str) -> Iterator[str]:
        """Yield what fits the pattern of a key, also glued to other letters and digits."""
        columns = [self.catalog.tables[t].columns[c] for t, c in self.catalog.identifiers()]
        keys = (column for column in columns if column.role == "subject key")
        for pattern in {rule.pattern for key in keys for rule in key.rules if rule.pattern}:
            inside = pattern.removeprefix("^").removesuffix("$")
            for found in re.finditer(inside, text, re.IGNORECASE):
                if not found[0].isdigit():  # why: a number stands inside of many others
                    yield found[0]

    def _same_key(self) -> bool:
        """Whether the key is still what it was when it was read, or is gone."""
        try:
            return self.store.master_key == self.store.key_source.read()
        except StoreMissing:
            return True

    @cached_property
    def seal(self) -> Seal:
        """What stands outside the private folder for hashes of what is in it."""
        from workbench.store.keys.master import Seal

        return Seal(self.private)

    @cached_property
    def ledger(self) -> AnswerLedger:
        """What was spent, and every answer."""
        import workbench.analytics.operations  # registers what analytics derives  # noqa: F401
        from workbench.privacy.books.answers import AnswerLedger
        from workbench.privacy.books.witnesses import TRACE

        privacy = self.catalog.privacy
        published = self.settings.path("published")
        return AnswerLedger(
            self.private,
            privacy.limits,
            privacy.delta,
            published,
            self.seal.head,
            self.settings.root / TRACE,
        )

    @cached_property
    def access(self) -> Access:
        """Purpose-bound reading of the newest snapshot, fixed when first used."""
        from workbench.store.reading.access import Access

        pinned = os.environ.get(reporting.SNAPSHOT)
        return Access(
            self.store,
            self.catalog,
            self.events,
            int(pinned) if pinned else None,
            roles=self.settings.roles,
            bulk_rows=self.settings.bulk_rows,
            clock=self.now,
            zone=self.settings.zone,
        )
