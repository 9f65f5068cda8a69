"""What a page is made of besides its content: script, style sheet, the Plotly bundle, hashes."""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from itertools import islice

_PACKAGE = "workbench.reporting"


@dataclass(frozen=True)
class Bundle:
    """The partial plotly.js that pages draw with.

    Attributes
    ----------
    version : str
        plotly.js's version, the one plotly.py carries.
    traces : tuple of str
        Trace types it can draw.
    script : bytes
        The script.
    compressed : bytes
        The script, by gzip.
    """

    version: str
    traces: tuple[str, ...]
    script: bytes
    compressed: bytes

    @cached_property
    def packed(self) -> str:
        """The script as a page that stands alone carries it."""
        return as_text(self.compressed)

    @property
    def file_name(self) -> str:
        """Name of the script beside the editions, with its content's hash in it."""
        return f"plotly-{hashlib.sha256(self.script).hexdigest()[:12]}.min.js"


@cache
def bundle() -> Bundle:
    """Return the committed bundle; a test holds that it draws every kind of figure."""
    facts = json.loads(asset("plotly.json"))
    compressed = asset("plotly.min.js.gz")
    script = gzip.decompress(compressed)
    return Bundle(facts["version"], tuple(facts["traces"]), script, compressed)


def as_text(content: bytes) -> str:
    """Return bytes as text for a script element, a twelfth shorter than base64.

    Its first letter says how many bytes at the end are no content; then each two letters, of the 91
    from ``#`` to ``~`` without ``<``, are thirteen bits.
    """
    letters = [chr(each) for each in range(ord("#"), ord("~") + 1) if each != ord("<")]
    pairs = [one + other for one in letters for other in letters]
    padding = -8 * len(content) % 13
    said = (
        pairs[block >> shift & 0x1FFF] for block in _blocks(content) for shift in range(91, -1, -13)
    )
    return "".join((str(padding // 8), *islice(said, (8 * len(content) + padding) // 13)))


def _blocks(content: bytes) -> Iterator[int]:
    """Yield thirteen bytes at a time as a number: eight times thirteen bits."""
    for at in range(0, len(content), 13):
        yield int.from_bytes(content[at : at + 13].ljust(13, b"\0"))


@cache
def asset(name: str) -> bytes:
    """Return one file of ``assets/``."""
    return (resources.files(_PACKAGE) / "assets" / name).read_bytes()


def csp_hash(content: str | bytes) -> str:
    """Return a Content-Security-Policy source for exactly this script or style."""
    raw = content.encode() if isinstance(content, str) else content
    return f"'sha256-{base64.b64encode(hashlib.sha256(raw).digest()).decode()}'"


def policy(scripts: list[str], styles: list[str], shares_script: bool) -> str:
    """Return the page's Content-Security-Policy: nothing but its own parts."""
    sources = [csp_hash(script) for script in scripts]
    if shares_script:
        sources.append("'self'")
    return "; ".join(
        (
            "default-src 'none'",
            "script-src " + " ".join(sources),
            "style-src " + " ".join(csp_hash(style) for style in styles),
            "img-src data:",  # a heat map's cells are painted on a canvas
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def plain_json(content: object) -> str:
    """Return JSON that may stand in a script element: canonical, without a ``<``."""
    from markupsafe import Markup

    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return Markup(text)  # noqa: S704  # why: without a '<'
