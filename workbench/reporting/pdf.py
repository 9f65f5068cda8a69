"""A published page as an A4 PDF, printed by Chromium as a reader's browser would print it.

The page's style sheet for print decides how it looks: light, tables open, no chart clipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import InputError, PublishError
from workbench.reporting.standalone import put
from workbench.store.key_sources import without_keys

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
# At this width small charts stand two in a row, each as wide as it will be on paper.
_WINDOW_PIXELS = 1000
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # a page needs no network; this holds it to that
    "--no-pdf-header-footer",
    f"--window-size={_WINDOW_PIXELS},1400",
    # why: charts are drawn by a script; its timers run at once, and printing waits for them
    "--virtual-time-budget=20000",
)


def find_browser(browsers: Sequence[str] = BROWSERS) -> str:
    """Return the Chromium that prints, the first that is found of some commands.

    Raises
    ------
    PublishError
        None is installed.
    """
    browser = next((path for path in map(shutil.which, browsers) if path), None)
    if browser is None:
        raise PublishError(
            f"a PDF is printed by Chromium, and none of {', '.join(browsers)} is on PATH. Install "
            "it (Debian: apt-get install chromium), or leave the PDF out and print the page from "
            "any browser. Nothing was started."
        )
    return browser


def pdf(
    page: Path,
    out: Path,
    *,
    browsers: Sequence[str] = BROWSERS,
    timeout_seconds: float = 120,
) -> Path:
    """Print a published page to a PDF, whole or not at all; returns where it is.

    Parameters
    ----------
    page : Path
        An edition's page on disk.
    out : Path
        The PDF to write.
    browsers : sequence of str
        Commands to look for, the first found being used.
    timeout_seconds : float
        After which the browser is stopped.

    Raises
    ------
    InputError
        There is no such page.
    PublishError
        No Chromium is installed, it failed, or the target cannot be written.
    """
    if not page.is_file():
        raise InputError(f"no page at {page}. Name an edition's index.html.")
    browser = find_browser(browsers)
    with tempfile.TemporaryDirectory(prefix="workbench-pdf-") as folder:
        made = Path(folder, "page.pdf")
        command = [browser, *_FLAGS, f"--user-data-dir={folder}/profile", f"--print-to-pdf={made}"]
        if os.geteuid() == 0:
            command.append("--no-sandbox")  # why: Chromium refuses its sandbox to root
        try:
            done = subprocess.run(
                [*command, page.absolute().as_uri()],
                stdin=subprocess.DEVNULL,
                env=without_keys(),
                capture_output=True,
                text=True,
                timeout=timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PublishError(
                f"Chromium did not print {page} within {timeout_seconds:g} s and was stopped. Try "
                "again, or print the page from any browser."
            ) from None
        content = made.read_bytes() if made.is_file() else b""
        if done.returncode != 0 or not content.startswith(b"%PDF"):
            said = next(reversed(done.stderr.strip().splitlines()), "nothing")
            raise PublishError(
                f"Chromium did not print {page} (exit code {done.returncode}; it said: {said}). "
                "Print the page from any browser."
            )
        return put(out, content)
