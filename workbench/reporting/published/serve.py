"""The published folder behind a small server on this machine, as a strict one would serve it.

For a look before pages go to their real server: the same files, with the headers that server
should send. Reads only; listens on the loopback address only.
"""

import re
from functools import partial
from html import unescape
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from workbench.errors import InputError, PublishError
from workbench.store.published_files import fits, recorded

HOST = "127.0.0.1"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".pdf": "application/pdf",
    ".xml": "application/atom+xml; charset=utf-8",
}
_POLICY = re.compile(rb'<meta http-equiv="Content-Security-Policy" content="([^"]*)"')
_NOTHING = "default-src 'none'"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def serve(published: Path, port: int = 0) -> ThreadingHTTPServer:
    """Return a server of a published folder, listening; ``serve_forever()`` answers.

    Parameters
    ----------
    published : Path
        What managers may read.
    port : int, default 0
        0 takes a free one: ``server_address`` says which.

    Raises
    ------
    InputError
        Nothing is published there.
    PublishError
        The port is taken.

    Examples
    --------
    >>> with serve(published) as server:  # doctest: +SKIP
    ...     server.serve_forever()
    """
    if not (published / "index.html").is_file():
        raise InputError(
            f"nothing is published in {published} yet. Render a report first: workbench run NAME."
        )
    try:
        return _Server((HOST, port), partial(_Handler, published.resolve()))
    except OSError as problem:
        raise PublishError(
            f"port {port} cannot be used ({problem.strerror}). Name another, or 0 for a free one."
        ) from None


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _Handler(SimpleHTTPRequestHandler):
    """GET and HEAD of files whose type is known, below one folder; nothing hidden, no listing."""

    server_version, sys_version = "workbench", ""

    def __init__(self, root: Path, *args: Any) -> None:
        self._root = root
        self._policy = _NOTHING
        super().__init__(*args)

    def send_head(self) -> BytesIO | BinaryIO | None:
        """Send the headers of a file; return what is to follow them."""
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        if host not in (HOST, "localhost"):  # a name made to point here by somebody else's page
            return self._refused(HTTPStatus.MISDIRECTED_REQUEST)
        path = self._path()
        try:
            content = path.read_bytes() if path else None
        except OSError:
            content = None
        if path is None or content is None or not self._published(path, content):
            return self._refused(HTTPStatus.NOT_FOUND)
        if path.suffix == ".html" and (said := _POLICY.search(content)):
            self._policy = unescape(said[1].decode())
        return self._answer(HTTPStatus.OK, path.suffix, content)

    def _path(self) -> Path | None:
        """Return the file an address names; None for one that is not to be served."""
        try:
            asked = unquote(urlsplit(self.path).path, errors="strict")
        except ValueError:
            return None
        parts = [part for part in asked.split("/") if part]
        if "\0" in asked or any(part.startswith(".") for part in parts):
            return None
        path = self._root.joinpath(*parts)
        if path.is_dir():
            if not asked.endswith("/"):  # ways on the page are relative to its folder
                return None
            path = path / "index.html"
        inside = path.is_file() and path.resolve().is_relative_to(self._root)
        return path if inside and path.suffix in _TYPES else None

    def _published(self, path: Path, content: bytes) -> bool:
        """Return whether publishing wrote a file, and it is what it was."""
        known = recorded(self._root)
        name = path.relative_to(self._root).as_posix()
        return name in known and fits(content, known[name])

    def _refused(self, status: HTTPStatus) -> BytesIO:
        return self._answer(status, ".txt", f"{status.value} {status.phrase}\n".encode())

    def _answer(self, status: HTTPStatus, kind: str, content: bytes) -> BytesIO:
        self.send_response(status)
        self.send_header("Content-Type", _TYPES[kind])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return BytesIO(content)

    def end_headers(self) -> None:
        """Send what every answer carries."""
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", f"{self._policy}; frame-ancestors 'none'")
        self._policy = _NOTHING
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: who looks at what is no business of a preview."""
