"""A workspace: settings, catalog, store and ledger, opened once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import Renamed, SettingsError
from workbench.settings import FILE_NAME, find_settings, load_settings
from workbench.workspace.asking import Asking
from workbench.workspace.base import utc_now
from workbench.workspace.compliance import Compliance

if TYPE_CHECKING:
    from workbench.reporting.desk import Answers
    from workbench.workspace.decisions import Decisions
    from workbench.workspace.office import Office
    from workbench.workspace.reports import Reports


REPORTS = (
    *("render", "run", "due", "wrong_definitions", "schedule", "plan", "rehearse"),
    *("last_complete_month", "export_pdf", "export_standalone", "add_files"),
)


def _moved(name: str) -> str | None:
    """Return where a name of before is now."""
    from workbench.workspace.office import Office  # late: it takes the logs' database with it

    if name in REPORTS:
        return f"reports.{name}"
    if name in ("audit", "journal"):
        return "events"
    return f"office.{name}" if name in {*Office.does, "incidents", "reviews", "shares"} else None


class Workspace(Compliance, Asking):
    """Everything about one body of customer data, opened once.

    Attributes
    ----------
    settings : Settings
    now : callable
        The clock; tests hand in another.

    Examples
    --------
    >>> import workbench as wb
    >>> ws = wb.open_workspace()  # doctest: +SKIP
    >>> tx = ws.open("transactions", purpose="reporting")  # doctest: +SKIP
    """

    @property
    def office(self) -> Office:
        """What the data protection office and the operator do, at the time it is."""
        from workbench.workspace.office import office_of

        return office_of(self)

    @cached_property
    def reports(self) -> Reports:
        """Editions planned, rendered, published, and what is due."""
        from workbench.workspace.reports import Reports

        return Reports(self)

    @cached_property
    def decisions(self) -> Decisions:
        """The decision log: what was decided, on which figures, and what came of it."""
        from workbench.workspace.decisions import Decisions

        return Decisions(self)

    if not TYPE_CHECKING:  # why: a name of before is an error when types are checked

        def __getattr__(self, name: str) -> Any:
            if now := _moved(name):  # the names of before
                raise Renamed(f"ws.{name}", f"ws.{now}")
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


def open_workspace(
    path: str | Path | None = None, *, now: Callable[[], dt.datetime] = utc_now
) -> Workspace:
    """Open a workspace.

    Parameters
    ----------
    path : path, optional
        Its folder or its workbench.toml. When left out: ``$WORKBENCH_WORKSPACE``, else the
        nearest workbench.toml in this folder or above.
    now : callable, optional
        The clock.

    Raises
    ------
    SettingsError
        There is none, or it is wrong.
    """
    if path is None:
        return Workspace(load_settings(find_settings()), now)
    given = Path(path)
    file = given if given.suffix == ".toml" else given / FILE_NAME
    if not file.is_file():
        raise SettingsError(f"no {FILE_NAME} in {given}. Name the folder of a workspace.")
    return Workspace(load_settings(file), now)


def lookup(folder: Path) -> Answers:
    """Return the look-up of answers in the workspace that holds ``folder``, for exporters."""
    from workbench.reporting.desk import Answers

    return Answers(open_workspace(find_settings(folder)).reports.desk())
