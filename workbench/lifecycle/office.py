"""What the data protection office works with: one workspace's parts and the time it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.errors import InputError, suggest
from workbench.store import Connection

# why: a workspace is opened for what needs no database, too, and should not wait for one
if TYPE_CHECKING:
    from workbench.catalog import Catalog
    from workbench.lifecycle.incidents import Incidents
    from workbench.lifecycle.register import Register
    from workbench.lifecycle.review import Reviews
    from workbench.settings import Settings
    from workbench.store.engine import Store
    from workbench.store.logs.events import Events


@dataclass(frozen=True)
class Office:
    """The parts of a workspace that its lifecycle works on, and what it does with them."""

    # What the office does, and the function that does it: its first argument is the office.
    does: ClassVar[dict[str, str]] = {
        "retention_plan": "lifecycle.retention.plan",
        "apply_retention": "lifecycle.retention.apply",
        "hold": "lifecycle.holds.hold",
        "release_hold": "lifecycle.holds.release_hold",
        "holds": "lifecycle.holds.in_force",
        "requests": "lifecycle.rights.requests.on_record",
        "open_request": "lifecycle.rights.requests.open_for",
        "extend_request": "lifecycle.rights.requests.extend",
        "close_request": "lifecycle.rights.requests.close",
        "subject_held": "lifecycle.rights.subjects.subject_held",
        "export_subject": "lifecycle.rights.subjects.export_subject",
        "correct_subject": "lifecycle.rights.correcting.correct_subject",
        "erase_subject": "lifecycle.rights.erasure.erase_subject",
        "restrict_subject": "lifecycle.rights.subjects.restrict_subject",
        "rotate_key": "lifecycle.backups.rotation.rotate",
        "shred_keys": "lifecycle.backups.rotation.shred",
        "back_up": "lifecycle.backups.taking.back_up",
        "backups": "lifecycle.backups.pruning.backups",
        "prune_backups": "lifecycle.backups.pruning.prune",
        "check_backups": "lifecycle.backups.pruning.check",
        "restore": "lifecycle.backups.restoring.restore",
        "restore_test": "lifecycle.backups.restoring.restore_test",
        "lifecycle_facts": "lifecycle.facts.facts",
    }

    settings: Settings
    catalog: Catalog
    store: Store
    events: Events
    private: Path
    now: dt.datetime
    look_anew: Callable[[], None] = lambda: None  # called when an open snapshot may have ended
    fitted: Callable[[], Sequence[str]] = tuple  # what officers approved that saw raw rows

    def __getattr__(self, name: str) -> Any:
        # why by name: each module is imported when it is needed, and documents its own function
        if name not in self.does:
            raise AttributeError(f"the office has no '{name}'.{suggest(name, self.does)}")
        module, _, function = self.does[name].rpartition(".")
        return MethodType(getattr(import_module(f"workbench.{module}"), function), self)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.does]

    @property
    def incidents(self) -> Incidents:
        """The register of incidents."""
        from workbench.lifecycle.incidents import Incidents

        return Incidents(self.events)

    @property
    def shares(self) -> Register:
        """The register of what was handed over."""
        from workbench.lifecycle.register import Register

        return Register(self.events, "SH", "share")

    @property
    def reviews(self) -> Reviews:
        """Security reviews and the register of risks."""
        from workbench.lifecycle.review import Reviews

        return Reviews(self.events)

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
        from workbench.store.loading.values import normal_key, value_of

        text = normal_key(subject) or subject.strip()  # a store of before may hold what is no key
        columns = [
            self.catalog.tables[name].columns[key] for name, key in self.subject_tables.items()
        ]
        if columns and all(column.type == "integer" for column in columns):
            found = value_of(columns[0], text, self.settings.time_zone)
            if text and found is None:
                raise InputError(f"'{self.catalog.privacy.key}' is a whole number; give one.")
            text, _ = found or ("", None)
        if not text or text.encode(errors="ignore").decode() != text:  # half a letter is none
            raise InputError(f"name a customer by their '{self.catalog.privacy.key}'.")
        return text

    @contextmanager
    def reading(self, *marks: str) -> Iterator[Connection]:
        """Yield an engine with the newest snapshot attached, and some customers' marks in it."""
        with self.store.reading() as connection:
            self.store.marks.prepare(connection, marks)
            yield connection

    def apart(self, out: Path) -> Path:
        """Return where a path leads; refuse one within the private or the published folder."""
        from workbench.store.published_files import require_outside

        return require_outside(out, {n: self.settings.path(n) for n in ("private", "published")})

    def mirror_marks(self, *more: Path) -> None:
        """Lay marks and corrections beside the backups, so that a restore knows what came after.

        The folder is made where it is not there: the private one may be lost.

        Parameters
        ----------
        *more : Path
            Further folders that hold a backup.
        """
        from workbench.store.durable import write_whole
        from workbench.store.keys.marks import FILE as MARKS_FILE

        marks, kept = self.store.marks.all(), self.store.corrections.path
        for folder in {self.settings.path("backups"), *more}:
            if not marks and not kept.exists() and not folder.is_dir():
                continue
            lines = "".join(f"{each.to_json()}\n" for each in marks)
            write_whole(folder / MARKS_FILE, lines.encode())
            if kept.exists():
                write_whole(folder / kept.name, kept.read_bytes())

    def note(self, kind: str, body: Mapping[str, Any], *, mark: str | None = None) -> None:
        """Record what the office did, and to whom."""
        told = {**body, **({"mark": mark} if mark else {})}
        self.events.act(kind, told, now=self.now, subject=mark)
