"""The security review of a workspace, and whether its logs are whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import StorageError
from workbench.store.chain import GENESIS
from workbench.workspace.oversight import Oversight

if TYPE_CHECKING:
    from workbench.lifecycle.review import Review, Reviews
    from workbench.store.auditing import Verdict
    from workbench.store.corrections import Corrections
    from workbench.store.marks import Marks


class Reviewing(Oversight):
    """What a review looks at, and what it keeps on record."""

    @cached_property
    def reviews(self) -> Reviews:
        """Security reviews and the register of risks."""
        from workbench.lifecycle.review import Reviews

        return Reviews(self.private, self.settings.zone)

    def review(self, advisories: str | Path | None = None) -> Review:
        """Look settings, permissions, encryption, logs and dependencies over; record the review.

        Parameters
        ----------
        advisories : path, optional
            A list of known weaknesses: of ``pip-audit -f json``, or of OSV.
        """
        from workbench.lifecycle.review import unrecorded

        found = self.look_over(advisories)
        try:
            self.reviews.keep(found)
            self.audit.record("review", {"failed": len(found.failed)}, now=found.at)
        except StorageError as problem:  # why: what stops the record is what the review has to tell
            return unrecorded(found, problem)
        return found

    def look_over(self, advisories: str | Path | None = None) -> Review:
        """Return what `review` would find, without recording it."""
        from workbench.lifecycle.review import review

        return review(
            self.settings,
            self.private,
            logs=self.verify_logs(),
            advisories=None if advisories is None else Path(advisories),
            now=self.now(),
        )

    def verify_logs(self) -> Mapping[str, Verdict]:
        """Return what a check of every chained log finds, by its name: one verifier for all."""
        from workbench.lifecycle.journal import Journal
        from workbench.lifecycle.register import registers
        from workbench.store.auditing import Verdict, told, verdict, verify, verify_journal

        published = self.settings.path("published")
        journal = Journal(self.private).chain
        kept = registers(self.private, self.settings.zone)

        def ledger() -> Verdict:
            count = self.ledger.verify()
            return Verdict(count, self.ledger.head(), ())

        def counted(each: Marks | Corrections) -> Verdict:
            return Verdict(len(each.all()), (0, GENESIS), ())

        checks: dict[str, Callable[[], Verdict]] = {
            "audit log": lambda: verify(self.audit, published, self.seal.head),
            "journal": lambda: verify_journal(journal, self.audit),
            "ledger": ledger,
            **{name: each.verdict for name, each in kept.items()},
            "history of quality": lambda: verdict(self.quality_history.chain),
            "file of marks": lambda: counted(self.store.marks),
            "file of corrections": lambda: counted(self.store.corrections),
        }
        return {name: told(check) for name, check in checks.items()}
