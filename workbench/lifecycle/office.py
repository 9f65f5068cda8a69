"""What the data protection office works with: one workspace's parts and the time it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.catalog import Catalog
from workbench.errors import InputError
from workbench.lifecycle.journal import Journal
from workbench.settings import Settings
from workbench.store.audit import NOTED, Audit
from workbench.store.chain import Entry
from workbench.store.engine import Store
from workbench.store.marks import FILE as MARKS_FILE
from workbench.store.sealed import write_whole
from workbench.store.values import normal_key, value_of


@dataclass(frozen=True)
class Office:
    """The parts of a workspace that its lifecycle works on."""

    settings: Settings
    catalog: Catalog
    store: Store
    audit: Audit
    journal: Journal
    private: Path
    now: dt.datetime

    @property
    def subject_tables(self) -> dict[str, str]:
        """Tables about customers, and each one's key column."""
        return {
            name: table.subject_key
            for name, table in self.catalog.tables.items()
            if table.subject_key is not None
        }

    def mark(self, subject: str) -> str:
        """Return a customer's mark, from the key as the command line has it; see `key`."""
        return self.store.marks.of(self.key(subject))

    def key(self, subject: str) -> str:
        """Return a customer's key as it is stored, from the key as somebody typed it.

        Raises
        ------
        InputError
            The key is empty, or no number where keys are numbers.
        """
        text = normal_key(subject) or subject.strip()  # a store of before may hold what is no key
        columns = [
            self.catalog.tables[name].columns[key] for name, key in self.subject_tables.items()
        ]
        if columns and all(column.type == "integer" for column in columns):
            found = value_of(columns[0], text, self.settings.time_zone)
            if text and found is None:
                raise InputError(f"'{self.catalog.privacy.key}' is a whole number; give one.")
            text, _ = found or ("", None)
        if not text:
            raise InputError(f"name a customer by their '{self.catalog.privacy.key}'.")
        return text

    def mirror_marks(self, *more: Path) -> None:
        """Lay marks and corrections beside the backups, so that a restore knows what came after.

        The folder is made where it is not there: the private one may be lost.

        Parameters
        ----------
        *more : Path
            Further folders that hold a backup.
        """
        marks, kept = self.store.marks.all(), self.store.corrections.path
        for folder in {self.settings.path("backups"), *more}:
            if not marks and not kept.exists() and not folder.is_dir():
                continue
            lines = "".join(f"{each.to_json()}\n" for each in marks)
            write_whole(folder / MARKS_FILE, lines.encode())
            if kept.exists():
                write_whole(folder / kept.name, kept.read_bytes())

    def note(
        self, kind: str, body: Mapping[str, Any], *, ref: str | None = None, mark: str | None = None
    ) -> None:
        """Record an event in the journal and in the audit log."""
        told = {**body, **({"request": ref} if ref else {})}
        entry = self.journal.record(kind, told, now=self.now, ref=ref, subject=mark)
        self._audited(entry, {**told, **({"mark": mark} if mark else {})})

    def begin(self, kind: str, prefix: str, body: Mapping[str, Any], *, called: str) -> str:
        """Record, in both, an event of a kind whose items are numbered; return its name.

        ``called`` is the word for such an item in the audit log.
        """
        name, entry = self.journal.number(kind, prefix, body, now=self.now)
        self._audited(entry, {called: name, **body})
        return name

    def _audited(self, entry: Entry, body: Mapping[str, Any]) -> None:
        # why its hash: what is taken out of the journal is known by the audit log
        noted = {NOTED: [entry.seq, entry.hash]}
        self.audit.record(entry.kind, {**body, **noted}, now=self.now)
