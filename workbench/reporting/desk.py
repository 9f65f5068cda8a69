"""What a run needs of its workspace, as one value, and its turn there; workspaces make it."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.catalog import Catalog
from workbench.documents import read_json
from workbench.errors import Busy
from workbench.periods import Period
from workbench.reporting.definitions.definition import Definition, Variant
from workbench.reporting.definitions.fields import Value
from workbench.reporting.definitions.reading import Remarks, remarks_on
from workbench.settings import Settings
from workbench.store.durable import file_lock
from workbench.store.reading.identifying import Find

if TYPE_CHECKING:
    from workbench.privacy.books.answers import AnswerLedger
    from workbench.privacy.budget import Need, Short
    from workbench.privacy.release import Release

    Fits = Callable[[Need, Sequence[Need]], tuple[Short, ...]]


class Promises:
    """What the editions that are being made may still pay."""

    def __init__(self) -> None:
        self._made: list[Need] = []
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._made)

    def fits(self, need: Need, short: Fits) -> bool:
        """Promise what is needed if it fits beside everything that is promised."""
        with self._changed:
            if short(need, self._made):
                return False
            self._made.append(need)
            return True

    def wait(self, need: Need, short: Fits) -> tuple[Short, ...]:
        """Promise what is needed; or return what it is short of, once nothing else is promised.

        What is promised may be spent already, and then counts twice: whoever does not fit waits
        until the others have ended.
        """
        with self._changed:
            while found := short(need, self._made):
                if not self._made:
                    return found
                self._changed.wait()
            self._made.append(need)
            return ()

    def end(self, need: Need) -> None:
        """Take a promise back: its edition is made, or failed."""
        with self._changed:
            self._made.remove(need)
            self._changed.notify_all()


Tell = Callable[[str], None]


class Detail(str):
    """A step for whoever watches: a bar shows it, a log is better without it.

    Examples
    --------
    >>> Detail("cell 3 of 7")
    'cell 3 of 7'
    """

    __slots__ = ()


@dataclass(frozen=True)
class Asked:
    """One edition to make: which report, about which period, which one of its grid.

    ``scheduled`` says that readers wait for it: only of such a one are they told that it failed.
    """

    definition: Definition
    period: Period
    variant: Variant
    scheduled: bool = False

    @property
    def values(self) -> Mapping[str, Value]:
        """Its parameters."""
        return self.variant.values

    @property
    def short(self) -> str:
        """Its name in what a bar shows: ``customers 2026-09``."""
        return f"{self.definition.name} {self.period.text}"

    @property
    def words(self) -> str:
        """Its name in messages: ``'customers' 2026-09 region=north``."""
        name = f"'{self.definition.name}' {self.period.text}"
        return f"{name} {self.variant.name}" if self.variant.name else name

    def facts(self) -> dict[str, str]:
        """Return its names, for machines."""
        return {
            "report": self.definition.name,
            "period": self.period.text,
            "variant": self.variant.name,
        }


@dataclass(frozen=True)
class Desk:
    """What a run needs of its workspace.

    Attributes
    ----------
    settings : Settings
    catalog : Catalog
    ledger : AnswerLedger
    private : Path
        For executed notebooks and logs.
    data_version, as_of : str
        Of the snapshot the run reads, as shown to readers.
    snapshot : int
        The snapshot the run reads.
    find : callable
        Which of some texts are identifiers of customers.
    now : datetime
    begins : callable
        From a report's definition to the first day of the data it reads.
    promises : Promises
        What the editions of this run may still pay.
    """

    settings: Settings
    catalog: Catalog
    ledger: AnswerLedger
    private: Path
    data_version: str
    as_of: str
    snapshot: int
    find: Find
    now: dt.datetime
    begins: Callable[[Definition], dt.date]
    promises: Promises = field(default_factory=Promises)

    def with_notebooks(self, folder: Path) -> Desk:
        """Return the same desk, whose notebooks lie in another folder."""
        return replace(self, settings=self.settings.model_copy(update={"notebooks": folder}))

    def names(self) -> set[str]:
        """Return what the catalog calls tables, columns, values and purposes, and the reports."""
        reports = (path.stem for path in self.settings.path("reports").glob("*.yaml"))
        return {
            *self.catalog.words,
            *self.catalog.tables,
            *self.catalog.purposes,
            *reports,
        }

    def notebook(self, asked: Asked) -> Path:
        """Return the notebook an edition is made of."""
        return self.settings.path("notebooks") / asked.definition.notebook

    def remarks(self, asked: Asked) -> Remarks:
        """Return what a person added to an edition by hand."""
        return remarks_on(self.settings.path("reports"), asked.definition.name, asked.period)

    def folder(self, asked: Asked) -> Path:
        """Return where an edition's executed notebook and logs go: private."""
        return self.private / "runs" / asked.definition.name / asked.variant.place(asked.period)


@dataclass(frozen=True)
class Answers:
    """The look-up of answers in a workspace, for exporters, with what a page is checked by."""

    desk: Desk

    def __call__(self, name: str) -> Release:
        """Return an answer by its id."""
        return self.desk.ledger.checked(name)


WAIT_SECONDS = 3600.0
_PAUSE_SECONDS = 0.2


@contextlib.contextmanager
def turn(
    private: Path,
    what: str,
    now: dt.datetime,
    *,
    wait_seconds: float = WAIT_SECONDS,
    tell: Tell = lambda _: None,
) -> Iterator[None]:
    """Hold a workspace for a run; wait for the run that holds it, and say for whom.

    The lock goes with its process, however it ends.

    Parameters
    ----------
    private : Path
        The workspace's private folder.
    what : str
        What runs, for those who wait.
    now : datetime
    wait_seconds : float
        How long to wait.

    Raises
    ------
    Busy
        It was held for longer than that; names the run, its process and since when.
    """
    deadline, told = time.monotonic() + wait_seconds, ""
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(
                    file_lock(
                        private / "run.lock",
                        wait_seconds=0.0,
                        busy=lambda process: _holder(private, process),
                    )
                )
                break
            except Busy as busy:
                if time.monotonic() >= deadline:
                    raise Busy(
                        f"another run is at work in this workspace: {busy}. Wait until it is done; "
                        "nothing was started."
                    ) from None
                if told != str(busy):
                    told = str(busy)
                    tell(f"waiting for {told}")
                time.sleep(_PAUSE_SECONDS)
        content = {"process": os.getpid(), "what": what, "since": now.isoformat(timespec="seconds")}
        with contextlib.suppress(OSError):  # on a full disk nobody learns the name; the lock holds
            _file(private).write_text(json.dumps(content), encoding="utf-8")
        yield


def _file(private: Path) -> Path:
    return private / "run.holder.json"


def _holder(private: Path, process: str) -> str:
    """Return who holds the workspace, in words; ``process 123`` is as the lock knows it."""
    try:
        content = read_json(_file(private))
        if process == f"process {content['process']}":
            return f"{content['what']}, {process}, since {content['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # it has just begun, or the disk is full
        pass
    return process
