"""A workspace: settings, catalog, store and ledger, opened once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import SettingsError
from workbench.settings import FILE_NAME, find_settings, load_settings
from workbench.workspace.base import utc_now
from workbench.workspace.compliance import Compliance
from workbench.workspace.customers import Customers
from workbench.workspace.exports import Exports
from workbench.workspace.lifecycle import Lifecycle
from workbench.workspace.privacy import Private
from workbench.workspace.reports import Reports

if TYPE_CHECKING:
    from workbench.reporting.desk import Answers


class Workspace(Compliance, Customers, Private, Reports, Exports, Lifecycle):
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

    return Answers(open_workspace(find_settings(folder))._desk())
