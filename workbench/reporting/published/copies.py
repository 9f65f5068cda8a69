"""A published page as one file with everything in it, or as a PDF: to send by e-mail or to keep.

Made from the page itself: nothing is asked of the ledger and nothing is run, so any edition can be
sent at any time. A PDF is printed by Chromium as a reader's browser would print it; the page's
style sheet for print decides how it looks: light, tables open, no chart clipped.
"""

import base64
import gzip
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workbench.errors import InputError, PublishError
from workbench.reporting.pages import page_assets
from workbench.reporting.published.files import put_outside
from workbench.reporting.published.index import without_ways
from workbench.store.keys.sources import without_keys

_NAVIGATION = re.compile(r"<nav aria-label=\"[^\"]*\">.*?</nav>", re.DOTALL)
_SHARED = re.compile(r"<script src=\"[^\"]*assets/(plotly-[0-9a-f]+\.min\.js)\" defer></script>")
_SUPERSEDED = re.compile(r"(<p class=\"banner superseded\">[^<]*) <a [^>]*>[^<]*</a></p>")
_WAY = re.compile(r'<a class="way" [^>]*>(.*?)</a>')  # as in parts.html.j2
_OURS = '<meta http-equiv="Content-Security-Policy" content="'

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
# At this width small charts stand two in a row, each as wide as it will be on paper.
_WINDOW_PIXELS = 1000
_SLIDE_PIXELS = 1280  # as in slides.css
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
    # why: charts are drawn by a script; its timers run at once, and printing waits for them
    "--virtual-time-budget=20000",
)


def standalone(html: str, assets: Path | None = None) -> str:
    """Return a published page with the chart script in it and without ways to other pages.

    Parameters
    ----------
    html : str
        The page.
    assets : Path, optional
        The folder of shared scripts, for a page of an earlier version of workbench.

    Raises
    ------
    InputError
        It is no page of workbench, or one whose chart script is not at hand.
    """
    if _OURS not in html or '<main id="report"' not in html:
        raise InputError(
            "this is not a published page of a report. Name an edition's index.html, such as "
            "reports/published/NAME/2026-09/index.html."
        )
    html = _WAY.sub(r"\1", _NAVIGATION.sub("", without_ways(html), count=1))
    html = _SUPERSEDED.sub(r"\1</p>", html)
    shared = _SHARED.search(html)
    if shared is None:  # a page without charts, or one that stands alone already
        return html
    from markupsafe import escape  # as the template escapes

    bundle = _bundle(shared[1], assets)
    html = html.replace(shared[0], "", 1)
    own = str(escape(page_assets.csp_hash(bundle.script)))
    html = html.replace(str(escape("'self'")), own, 1)
    before, drawing, after = html.rpartition("<script>")
    # why base64: the script of an earlier version reads that
    text = base64.b64encode(bundle.compressed).decode() if "atob(" in html else bundle.packed
    packed = f'<script type="text/plain" id="plotly-packed">{text}</script>'
    return f"{before}{packed}{drawing}{after}"


def _bundle(name: str, assets: Path | None) -> page_assets.Bundle:
    """Return the chart script of a name: ours, or the one that was published with the page."""
    bundle = page_assets.bundle()
    if name == bundle.file_name:
        return bundle
    try:
        script = (assets / name).read_bytes() if assets else b""
    except OSError:
        script = b""
    found = replace(bundle, script=script, compressed=gzip.compress(script, mtime=0))
    if found.file_name != name:  # its name holds its hash
        raise InputError(
            f"this page draws with {name}, and this version of workbench carries "
            f"{bundle.file_name}. Render the edition again with --force; its figures cost nothing."
        )
    return found


def write_standalone(page: Path, out: Path) -> Path:
    """Write a published page as one file, whole or not at all; returns where it is.

    Raises
    ------
    InputError
        There is no such page.
    PublishError
        The target cannot be written.
    """
    return put_outside(out, _standing(page).encode())


def slides(page: Path, out: Path) -> Path:
    """Print a published page as slides of 16:9, a section each, whole or not at all.

    A section that would be too small to read on one slide goes on to the next.

    Raises
    ------
    InputError
        There is no such page.
    PublishError
        As for `pdf`.
    """
    from workbench.reporting.pages.template import compact

    style, script = compact("slides.css"), compact("slides.js")
    html = _standing(page)
    for kind, part in (("style", style), ("script", script)):
        html = html.replace(f"{kind}-src ", f"{kind}-src {page_assets.csp_hash(part)} ", 1)
    html = html.replace("</head>", f"<style>{style}</style></head>", 1)
    before, end, after = html.rpartition("</body>")
    with tempfile.TemporaryDirectory(prefix="workbench-slides-") as folder:
        made = Path(folder, "slides.html")
        made.write_text(f"{before}<script>{script}</script>{end}{after}", encoding="utf-8")
        return pdf(made, out, width_pixels=_SLIDE_PIXELS)


def _standing(page: Path) -> str:
    """Return a published page from disk as one that stands alone."""
    try:
        html = page.read_text(encoding="utf-8")
        way = _SHARED.search(html)
        assets = page.parent / way[0].split('"')[1] if way else None
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(
            f"{page} cannot be read as a page ({problem}). Name an edition's index.html."
        ) from None
    return standalone(html, assets.parent if assets else None)


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
    width_pixels: int = _WINDOW_PIXELS,
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
    width_pixels : int
        Of the window that the page is laid out in.

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
        command.append(f"--window-size={width_pixels},1400")
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
        return put_outside(out, content)
