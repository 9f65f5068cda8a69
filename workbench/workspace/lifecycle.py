"""The data's later life: keys, retention, holds, the rights of customers, backups."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack

from workbench.workspace.base import Opened

if TYPE_CHECKING:
    from workbench.lifecycle.backups import Backup
    from workbench.lifecycle.erasure import Erasure
    from workbench.lifecycle.holds import Hold
    from workbench.lifecycle.journal import Journal
    from workbench.lifecycle.office import Office
    from workbench.lifecycle.requests import Asked, Request, Served
    from workbench.lifecycle.restoring import Restored
    from workbench.lifecycle.retention import Due
    from workbench.lifecycle.subjects import HeldTable

Answer = TypeVar("Answer")
Tell = Callable[[str], None]


def _quietly(_: str) -> None:
    """Tell nothing."""


class Lifecycle(Opened):
    """What the data protection office does."""

    @cached_property
    def journal(self) -> Journal:
        """Holds, removals, requests, backups, restores, rotations: what the office did."""
        from workbench.lifecycle.journal import Journal

        return Journal(self.private, self.settings.zone)

    @property
    def office(self) -> Office:
        """The workspace's parts, as the office works with them, and the time it is."""
        from workbench.lifecycle.office import Office

        return Office(
            self.settings,
            self.catalog,
            self.store,
            self.audit,
            self.journal,
            self.private,
            self.now(),
        )

    def retention_plan(self) -> list[Due]:
        """Return which rows are past their time, why, and what is on hold; nothing is removed."""
        from workbench.lifecycle.retention import plan

        return plan(self.office)

    def apply_retention(self, progress: Tell = _quietly) -> dict[str, int]:
        """Take away every row past its time that no hold keeps; return how many, by table."""
        from workbench.lifecycle.retention import apply

        removed = apply(self.office, progress=progress)
        self._look_anew()
        return removed

    def hold(self, reason: str, *, table: str | None = None, subject: str | None = None) -> Hold:
        """Keep a table's or a customer's rows until `release_hold`, whatever would remove them."""
        from workbench.lifecycle.holds import hold

        return hold(self.office, reason=reason, table=table, subject=subject)

    def release_hold(self, name: str, reason: str) -> Hold:
        """End a hold."""
        from workbench.lifecycle.holds import release_hold

        return release_hold(self.office, name, reason=reason)

    def holds(self) -> list[Hold]:
        """Return the holds in force."""
        from workbench.lifecycle.holds import holds

        return holds(self.journal)

    def subject_held(self, subject: str, **asked: Unpack[Asked]) -> Served[list[HeldTable]]:
        """Serve a request of access: what every table holds, for what, from where, for whom.

        Parameters
        ----------
        subject : str
            The customer's key.
        **asked
            ``verified_by``: how the person's identity was checked, without which nothing is done.
            ``law``: whose deadline counts, the earliest of all when left out. ``received``: the
            day it came, today when left out. ``request``: one that is registered already.

        Returns
        -------
        (Request, list of HeldTable)
            The request, registered, answered and closed; and what is held.
        """
        from workbench.lifecycle.subjects import held

        return self._serve("access", subject, lambda office, mark, _: held(office, mark), asked)

    def export_subject(
        self, subject: str, out: str | Path, **asked: Unpack[Asked]
    ) -> Served[dict[str, int]]:
        """Write everything held of a customer as JSON and CSV into a new folder; rows by table.

        ``asked`` and the request returned are those of `subject_held`.
        """
        from workbench.lifecycle.subjects import export

        return self._serve(
            "portability", subject, lambda office, mark, _: export(office, mark, Path(out)), asked
        )

    def correct_subject(
        self,
        subject: str,
        changes: Mapping[str, str],
        where: Mapping[str, str] | None = None,
        **asked: Unpack[Asked],
    ) -> Served[dict[str, int]]:
        """Correct values of a customer, ``{"customers.email": "…"}``; rows changed, by table.

        ``asked`` and the request returned are those of `subject_held`.
        """
        from workbench.lifecycle.correcting import correct

        return self._serve(
            "correction",
            subject,
            lambda office, mark, _: correct(office, mark, changes, where or {}),
            asked,
        )

    def erase_subject(
        self, subject: str, *, progress: Tell = _quietly, **asked: Unpack[Asked]
    ) -> Served[Erasure]:
        """Erase a customer from tables, files, snapshots, notebooks and future restores.

        ``asked`` and the request returned are those of `subject_held`.
        """
        from workbench.lifecycle.erasure import erase

        fitted = [each.what for each in self.ledger.approvals()]
        return self._serve(
            "erasure",
            subject,
            lambda office, _, name: erase(
                office, subject, request=name, fitted=fitted, progress=progress
            ),
            asked,
        )

    def restrict_subject(
        self,
        subject: str,
        purposes: Sequence[str] = (),
        *,
        kind: Literal["restricted", "objected"] = "restricted",
        lift: bool = False,
        **asked: Unpack[Asked],
    ) -> Served[tuple[str, ...]]:
        """Leave a customer out of reads for some purposes, or for every one.

        Parameters
        ----------
        subject : str
        purposes : sequence of str
            None means every purpose; of an objection, every one that it reaches.
        kind : {"restricted", "objected"}
        lift : bool
            End it again, and not the other kind.
        **asked
            These and the request returned are those of `subject_held`.
        """
        from workbench.lifecycle.subjects import bar

        return self._serve(
            "restriction" if kind == "restricted" else "objection",
            subject,
            lambda office, mark, _: bar(office, kind, mark, purposes, lift=lift),
            asked,
        )

    def _serve(
        self,
        kind: str,
        subject: str,
        act: Callable[[Office, str, str], Answer],
        asked: Mapping[str, Any],
    ) -> Served[Answer]:
        """Register a customer's request, do what it asks for, close it; look at the data anew."""
        from workbench.lifecycle.requests import serve

        served = serve(self.office, kind, subject, act, **asked)
        self._look_anew()
        return served

    def open_request(
        self, kind: str, subject: str, *, law: str | None = None, received: dt.date | None = None
    ) -> Request:
        """Register a customer's request that is answered later."""
        from workbench.lifecycle.requests import open_request

        office = self.office
        return open_request(office, kind, office.mark(subject), law=law, received=received)

    def extend_request(self, name: str, *, told_on: dt.date, reason: str) -> Request:
        """Extend a request's time, the person having been told."""
        from workbench.lifecycle.requests import extend

        return extend(self.office, name, told_on=told_on, reason=reason)

    def close_request(self, name: str, outcome: str) -> Request:
        """Close a request that was answered in another way, or refused."""
        from workbench.lifecycle.requests import close

        return close(self.office, name, outcome)

    def requests(self) -> list[Request]:
        """Return every request of a customer, with its deadline and how it ended."""
        from workbench.lifecycle.requests import requests

        return requests(self.journal, self.settings.holidays)

    def rotate_key(self, progress: Tell = _quietly, *, data: bool = False) -> str:
        """Change to a new master key; the old one opens nothing more. Return its fingerprint.

        With ``data`` all data files are written anew under new keys, and older snapshots end.
        """
        from workbench.lifecycle.rotation import rotate

        fingerprint = rotate(self.office, progress, data=data)
        self._look_anew()
        return fingerprint

    def shred_keys(self) -> None:
        """Destroy the master key: nothing in the store can ever be read again."""
        from workbench.lifecycle.rotation import shred

        shred(self.office)

    def back_up(self, out: str | Path | None = None, progress: Tell = _quietly) -> Backup:
        """Write an encrypted, checksummed backup of the private folder's records."""
        from workbench.lifecycle.backups import back_up

        return back_up(self.office, Path(out) if out else None, progress)

    def restore(
        self,
        file: str | Path,
        *,
        over: bool = False,
        key_file: str | Path | None = None,
        progress: Tell = _quietly,
    ) -> Restored:
        """Put a backup in the place of the private folder; open the workspace again afterwards."""
        from workbench.lifecycle.restoring import restore

        key = Path(key_file) if key_file else None
        found = restore(self.office, Path(file), over=over, key_file=key, progress=progress)
        self._look_anew()
        return found

    def restore_test(
        self, file: str | Path, *, key_file: str | Path | None = None, progress: Tell = _quietly
    ) -> Restored:
        """Restore a backup into a folder of its own, look it over, remove it, record the test."""
        from workbench.lifecycle.restoring import restore_test

        key = Path(key_file) if key_file else None
        return restore_test(self.office, Path(file), key_file=key, progress=progress)

    def lifecycle_facts(self) -> Mapping[str, Any]:
        """Return plain facts on keys, retention, erasures, backups, requests and the audit log."""
        from workbench.lifecycle.facts import facts

        return facts(self.office)

    def _look_anew(self) -> None:
        """Open the newest snapshot when a table is opened next: the one before may have ended."""
        self.__dict__.pop("access", None)

    def verify_audit(self) -> Any:
        """Check the audit log: every entry, its end, and what published editions know of it."""
        from workbench.store.auditing import verify

        published = self.settings.path("published")
        return verify(self.audit, published, self.seal.head)
