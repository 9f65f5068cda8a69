"""A published page as one file with everything in it, to send by e-mail or to keep.

Made from the page itself: nothing is asked of the ledger and nothing is run, so any edition can be
sent at any time. The result is, byte for byte, the page that `workbench.reporting.page` would set
standing alone.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from workbench.errors import InputError, PublishError
from workbench.reporting import page_assets
from workbench.store.published_files import FILE_MODE, make_folder

_NAVIGATION = re.compile(r"<nav aria-label=\"[^\"]*\">.*?</nav>", re.DOTALL)
_SHARED = re.compile(r"<script src=\"[^\"]*assets/(plotly-[0-9a-f]+\.min\.js)\" defer></script>")
_SUPERSEDED = re.compile(r"(<p class=\"banner superseded\">[^<]*) <a [^>]*>[^<]*</a></p>")
_OURS = '<meta http-equiv="Content-Security-Policy" content="'


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
    html = _SUPERSEDED.sub(r"\1</p>", _NAVIGATION.sub("", html, count=1))
    shared = _SHARED.search(html)
    if shared is None:  # a page without charts, or one that stands alone already
        return html
    from markupsafe import escape  # as the template escapes

    bundle = _bundle(shared[1], assets)
    html = html.replace(shared[0], "", 1)
    own = str(escape(page_assets.csp_hash(bundle.script)))
    html = html.replace(str(escape("'self'")), own, 1)
    packed = f'<script type="text/plain" id="plotly-packed">{bundle.packed}</script>'
    before, drawing, after = html.rpartition("<script>")
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
    packed = base64.b64encode(gzip.compress(script, mtime=0)).decode()
    found = replace(bundle, script=script, packed=packed)
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
    try:
        html = page.read_text(encoding="utf-8")
        way = _SHARED.search(html)
        assets = page.parent / way[0].split('"')[1] if way else None
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(
            f"{page} cannot be read as a page ({problem}). Name an edition's index.html."
        ) from None
    return put(out, standalone(html, assets.parent if assets else None).encode())


def put(out: Path, content: bytes) -> Path:
    """Write a file outside the published folder, whole or not at all."""
    try:
        make_folder(out.parent)
        handle, made = tempfile.mkstemp(prefix=f".{out.name}-", dir=out.parent)
    except OSError as problem:
        raise _refused(out, problem) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(made).chmod(FILE_MODE & ~_umask())
        Path(made).replace(out)
    except OSError as problem:
        raise _refused(out, problem) from None
    finally:
        with contextlib.suppress(OSError):
            Path(made).unlink()
    return out


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _refused(out: Path, problem: OSError) -> PublishError:
    return PublishError(
        f"{out} cannot be written ({problem.strerror}). Name another place, or free some space; "
        "what was there is unchanged."
    )
