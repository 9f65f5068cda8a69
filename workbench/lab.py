"""workbench within JupyterLab: Lab opened on a workspace, and what ``%load_ext workbench`` adds.

``%preview [NOTEBOOK]`` shows the saved notebook as a manager would see it; ``%budget [MONTH]``
shows what is spent and left. In a scheduled run both do nothing, so that a notebook may keep them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from workbench.errors import InputError, RunFailed, WorkbenchError
from workbench.reporting import RUN_REPORT
from workbench.settings import FILE_NAME, Settings
from workbench.store.keys.sources import KEY, NEW_KEY, offered, without_keys
from workbench.workspace import open_workspace

if TYPE_CHECKING:
    from workbench.reporting.budget_table import BudgetTable
    from workbench.reporting.pages.page import Page

_T = TypeVar("_T")
_SESSION = "JPY_SESSION_NAME"  # set by Jupyter Server: the notebook a kernel was started for
_UNSAVED = (
    "The session has run cells that the saved notebook does not show. Save it (Ctrl+S) and run "
    "%preview again."
)


def lab(settings: Settings, arguments: Sequence[str] = ()) -> NoReturn:
    """Open JupyterLab on a workspace, in place of this process.

    With keys of the environment it stays, to offer them by a pipe as long as Lab runs: Lab's own
    environment, that of its kernels and of whatever these start, has none.

    Parameters
    ----------
    settings : Settings
        The workspace's.
    arguments : sequence of str
        Further words for ``jupyter lab``.
    """
    words, env = lab_command(settings, arguments)
    if not {KEY, NEW_KEY} & set(os.environ):
        os.execve(words[0], words, env)  # noqa: S606  # why: Lab takes over this terminal
    with (
        tempfile.TemporaryDirectory(prefix="workbench-lab-") as folder,
        offered(Path(folder)) as at,
    ):
        child = subprocess.Popen(words, env={**env, **at})
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda sent, _: child.send_signal(sent))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Lab hears it too, and asks
        code = child.wait()
    sys.exit(code)


def lab_command(
    settings: Settings, arguments: Sequence[str] = ()
) -> tuple[list[str], Mapping[str, str]]:
    """Return the words that open JupyterLab on a workspace, and the environment for them."""
    words = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={settings.root}"]
    words += ["--expose-app-in-browser"]  # what the form of `ws.ask()` puts a cell in by
    env = {**without_keys(), "WORKBENCH_WORKSPACE": str(settings.root / FILE_NAME)}
    return [*words, *arguments], env


class Preview:
    """A page that shows itself within a notebook.

    It stands in a frame of its own, which runs the page's script and nothing else.
    """

    def __init__(
        self, pages: Sequence[Page], warning: str = "", dropped: Sequence[str] = ()
    ) -> None:
        self.pages = tuple(pages)
        self.warning = warning
        self.dropped = tuple(dropped)

    def __repr__(self) -> str:
        shown = ", ".join(f"'{page.title}' ({page.language})" for page in self.pages)
        return f"Preview of {shown}. {self.warning}".rstrip()

    def _repr_html_(self) -> str:
        from workbench.reporting.notebooks.remarks import WAY_OUT

        warning = f"<p><b>{escape(self.warning)}</b></p>" if self.warning else ""
        lines = (*self.dropped, WAY_OUT) if self.dropped else ()
        frames = "".join(
            f'<iframe sandbox="allow-scripts" title="{escape(page.title)}" '
            'style="width:100%;height:80vh;border:1px solid #ccc" '
            f'srcdoc="{escape(page.alone())}"></iframe>'
            for page in self.pages
        )
        return warning + frames + "".join(f"<p>{escape(line)}</p>" for line in lines)


def load(shell: Any) -> None:
    """Add the magics to an IPython shell."""

    def preview(line: str) -> Preview | None:
        """Show this notebook, as last saved, as a manager would see it: %preview [NOTEBOOK]."""
        ran = shell.history_manager.input_hist_raw  # as typed; user_ns['In'] has magics expanded
        return _told(lambda: _preview(line.strip(), shell.user_ns, ran))

    def budget(line: str) -> BudgetTable | None:
        """Show what is spent of the customers' privacy budget and what is left: %budget [MONTH]."""
        from workbench.periods import Period

        def table() -> BudgetTable:
            month = line.strip()
            return open_workspace().budget(Period.parse(month).text if month else None)

        return _told(table)

    for magic in (preview, budget):
        shell.register_magic_function(magic, "line")


def _told(call: Callable[[], _T]) -> _T | None:
    """Return what a call returns; a refusal is a message, not a traceback."""
    if os.environ.get(RUN_REPORT):
        return None
    try:
        return call()
    except WorkbenchError as refusal:
        print(f"{type(refusal).__name__}: {refusal}", file=sys.stderr)  # noqa: T201  # why: to the cell
        return None


def _preview(named: str, variables: Mapping[str, Any], ran: Sequence[str]) -> Preview:
    from workbench.reporting.notebooks.remarks import dropped
    from workbench.reporting.preview import preview, read, unsaved

    notebook = _notebook(named, variables)
    ws = open_workspace(None if os.environ.get("WORKBENCH_WORKSPACE") else notebook.parent)
    ahead = not named and unsaved(read(notebook), ran)
    try:
        pages = preview(notebook, ws.reports.desk(), variables)
    except RunFailed:
        if ahead:  # what it misses may just not be in the file yet
            raise RunFailed(_UNSAVED) from None
        raise
    return Preview(pages, _UNSAVED if ahead else "", dropped(read(notebook)))


def _notebook(named: str, variables: Mapping[str, Any]) -> Path:
    """Return the notebook that was named, or the one this session is of."""
    known = named or variables.get("__vsc_ipynb_file__") or os.environ.get(_SESSION, "")
    path = Path(known)
    # a session's name is a path within Lab's root; the kernel runs in the notebook's own folder
    for candidate in (path, Path(path.name)):
        if known and candidate.is_file():
            return candidate.absolute()
    if named:
        raise InputError(f"no notebook at {path.absolute()}. Name a saved notebook.")
    raise InputError(
        "this session does not say which notebook it is of. Name it: %preview my-report.ipynb."
    )
