"""A house's logo and accent colour: checked where they are read, kept where pages are published.

The logo stands in each page as data. An SVG may draw, and nothing else: what could run, load, lead
elsewhere is refused, not taken out: a picture that was cleaned may look like another.
"""

import base64
import dataclasses
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from workbench.documents import read_json
from workbench.errors import SettingsError
from workbench.reporting.pages.parts import Brand
from workbench.reporting.published.files import put_whole
from workbench.settings import Settings

LOGO_BYTES_AT_MOST = 32_000
CONTRAST = 4.5  # of text, WCAG 2.2, 1.4.3
_PNG = b"\x89PNG\r\n\x1a\n"
_SVG = "{http://www.w3.org/2000/svg}"
_DRAWS = frozenset(
    (
        *("svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon"),
        *("text", "tspan", "title", "desc", "defs", "use", "symbol", "clipPath", "mask"),
        *("linearGradient", "radialGradient", "stop"),
    )
)
_LEADS = re.compile(r"url\(\s*(?!['\"]?#)|@import|javascript:|expression\(", re.IGNORECASE)
_MARKED = re.compile(r"<!(?!--)|<\?(?!xml[\s?])", re.IGNORECASE)

Colour = tuple[int, int, int]
# As in page.css: paper and cards, on which text stands in the accent.
_LIGHT: tuple[Colour, ...] = ((246, 247, 245), (255, 255, 255))
_DARK: tuple[Colour, ...] = ((16, 22, 28), (24, 32, 40))


def brand_of(settings: Settings) -> Brand:
    """Return whose pages a workspace's are.

    Raises
    ------
    SettingsError
        The logo cannot be read, is too large, or is no plain PNG or SVG; or text in the accent
        colour could not be read on a light page.
    """
    logo = _logo(settings.path("logo")) if settings.logo else ""
    return Brand(logo, _style(settings.accent) if settings.accent else "", settings.address)


def _logo(path: Path) -> str:
    """Return a picture as the address of an image, its data in it."""
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise SettingsError(f"logo: {path} cannot be read ({problem.strerror}).") from None
    if len(content) > LOGO_BYTES_AT_MOST:
        raise SettingsError(
            f"logo: {path} has {len(content):,} bytes; every page carries it, so it has at most "
            f"{LOGO_BYTES_AT_MOST:,}. Make it smaller: it is shown 28 pixels high."
        )
    svg = not content.startswith(_PNG)
    wrong = next(_wrong_svg(content) if svg else _wrong_png(content), None)
    if wrong:
        raise SettingsError(
            f"logo: {path} {wrong}. Give a PNG, or an SVG of plain shapes without scripts, "
            "styles, pictures and links to elsewhere."
        )
    kind = "svg+xml" if svg else "png"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _wrong_png(content: bytes) -> Iterator[str]:
    """Yield what is wrong with a PNG, part by part to its end."""
    at, kinds = len(_PNG), []
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        part = content[at + 4 : at + 8 + length]
        summed = content[at + 8 + length : at + 12 + length]
        if zlib.crc32(part) != int.from_bytes(summed, "big"):
            break
        kinds.append(part[:4])
        at += 12 + length
    if at != len(content) or kinds[:1] != [b"IHDR"] or kinds[-1:] != [b"IEND"]:
        yield "is a PNG that is damaged"


def _wrong_svg(content: bytes) -> Iterator[str]:
    """Yield what an SVG has beside plain shapes."""
    try:
        text = content.decode("utf-8-sig")
        if _MARKED.search(text):
            yield "has a document type or an instruction"
        root = ElementTree.fromstring(text)  # noqa: S314  # why: without a DTD, see above
    except (UnicodeDecodeError, ValueError, ElementTree.ParseError):
        yield "is neither PNG nor SVG"
        return
    if root.tag != f"{_SVG}svg":
        yield "is neither PNG nor SVG"
    for element in root.iter():
        if str(element.tag).removeprefix(_SVG) not in _DRAWS:
            yield f"holds <{str(element.tag).rpartition('}')[2][:40]}>"
        for name, value in element.attrib.items():
            plain = name.rpartition("}")[2].lower()
            if plain.startswith("on") or _LEADS.search(value):
                yield f"holds {plain[:40]}="
            if plain in ("href", "src", "base") and not value.startswith("#"):
                yield f"leads elsewhere by {plain}="


def _style(accent: str) -> str:
    """Return the colours that take the page's own place, light and dark."""
    colour = _colour(accent)
    if _least(colour, _LIGHT, 0.1) < CONTRAST:
        darker = next(_steps(colour, (0, 0, 0), _LIGHT, 0.1))
        raise SettingsError(
            f"accent = '{accent}' has a contrast of {_least(colour, _LIGHT, 0.1):.1f} : 1 on the "
            f"light page; text in it needs {CONTRAST} : 1. Choose a darker one, such as "
            f"'#{bytes(darker).hex()}'; for dark pages a lighter one is made of it."
        )
    dark = next(_steps(colour, (255, 255, 255), _DARK, 0.18))
    light = f":root{{--accent:{_css(colour)};--accent-soft:{_css(_mix(_LIGHT[1], colour, 0.1))}}}"
    soft = _css(_mix(_DARK[0], dark, 0.18))
    return (
        f"{light}@media screen and (prefers-color-scheme: dark)"
        f"{{:root{{--accent:{_css(dark)};--accent-soft:{soft}}}}}"
    )


def _steps(
    colour: Colour, end: Colour, papers: tuple[Colour, ...], soft: float
) -> Iterator[Colour]:
    """Yield a colour ever nearer to an end, from where text in it can be read."""
    for step in range(21):
        mixed = _mix(colour, end, step / 20)
        if _least(mixed, papers, soft) >= CONTRAST:
            yield mixed


def _least(colour: Colour, papers: tuple[Colour, ...], soft: float) -> float:
    """Return a colour's least contrast on papers, and on the soft shade that is made of it."""
    shade = _mix(papers[-1] if papers is _LIGHT else papers[0], colour, soft)
    return min(contrast(colour, paper) for paper in (*papers, shade))


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours, 1 to 21, as WCAG 2.2 defines it.

    Examples
    --------
    >>> contrast((0, 0, 0), (255, 255, 255))
    21.0
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Colour) -> float:
    parts = [each / 255 for each in colour]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _colour(text: str) -> Colour:
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue


def _css(colour: Colour) -> str:
    # why no #123456: of digits alone it would look like a customer's number
    return f"rgb({colour[0]} {colour[1]} {colour[2]})"


BRAND = Path("assets", "brand.json")


def read_brand(published: Path) -> Brand:
    """Return what the newest edition was published with; nothing where that was not kept."""
    try:
        content = read_json(published / BRAND)
        return Brand(**{name: str(value) for name, value in content.items()})
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return Brand()


def keep_brand(published: Path, brand: Brand) -> None:
    """Keep it, where there is anything to keep."""
    if brand != read_brand(published):
        content = json.dumps(dataclasses.asdict(brand), ensure_ascii=False, indent=1) + "\n"
        put_whole(published, published / BRAND, content.encode())
