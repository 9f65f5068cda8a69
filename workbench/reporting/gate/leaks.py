r"""Search pages for identifiers before they are published.

The exporter lets out only what is named, so this is the second wall. It works backwards to stay
fast with millions of customers: it collects every word sequence of a page that could be an
identifier, decoding what is encoded, and asks the store which of them are.

What is searched. Words a person wrote (prose, titles, templates, parameters) are searched where
they were written. The finished files are searched as they stand: text, attributes, comments,
scripts, data, file names, and whatever base64, hexadecimal, percent, ``\u``, gzip or zlib hides,
number arrays included.

What is not, and why. Strings composed from releases and the catalog (``known``) are searched, too,
but bare numbers in them are figures: "481,231" would be refused in an estate whose customers are
numbered. For the same reason numbers below six digits count only after a word such as "customer" or
"no."; single Latin words below six letters ("Young", "May") and single Chinese characters do not
count but beside a title, since no reader could tell a name from a word. Whole names, phones,
addresses and keys do, in the spellings of `spellings`. What the catalog declares
as values may stand, and so may what `workbench.discovered` found: many customers share it.
"""

import array
import base64
import binascii
import codecs
import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from html.parser import HTMLParser
from urllib.parse import unquote

from workbench.errors import LeakFound
from workbench.figures.language import LANGUAGES, spoken
from workbench.reporting.gate.spellings import Window, spelled
from workbench.reporting.pages import page_assets
from workbench.reporting.pages.page import Page
from workbench.reporting.pages.parts import Authored, Drawing
from workbench.store.reading.identifying import Find
from workbench.store.reading.identifying import key as key

"""From candidates, as `key` writes them, to (table, column, candidate) of those that are values."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){8,}")
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}")
_DEPTH = 4  # encodings within encodings
_ARRAYS = "hHiIqQfd"  # number types of a typed array


@dataclass(frozen=True)
class Finding:
    """Where an identifier stands and whose column it is of; never the value."""

    file: str
    place: str
    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.file}: {self.place} holds a value of {self.table}.{self.column}"


@dataclass(frozen=True)
class _Piece:
    """A stretch of text and where it stands."""

    place: str
    text: str
    released: bool = False  # it stands in a release, where numbers are figures


def refuse(findings: Sequence[Finding]) -> None:
    """Refuse to publish what holds an identifier, by what `scan` found.

    Raises
    ------
    LeakFound
        Names file, place, table and column of each; never the value.
    """
    if findings:
        lines = "".join(f"\n  - {finding}" for finding in findings[:20])
        more = f"\n  - and {len(findings) - 20} more" if len(findings) > 20 else ""
        raise LeakFound(
            f"nothing was published: {len(findings)} places hold an identifier of a customer. Take "
            "it out of the notebook's text, titles, parameters or comment. If it is an ordinary "
            f"word that is also a customer's name, say it in other words.{lines}{more}"
        )


def refuse_leaks(pages: Page | Sequence[Page], find: Find, allowed: Iterable[str] = ()) -> None:
    """Refuse to publish a page, or an edition's pages, that holds an identifier; see `refuse`."""
    pages = (pages,) if isinstance(pages, Page) else tuple(pages)
    drawings = (block for page in pages for block in page.blocks if isinstance(block, Drawing))
    found = {value for each in drawings for value in each.found}
    refuse(
        scan(
            {f"the page ({page.language}).html": page.html.encode() for page in pages},
            find,
            known={text for page in pages for text in page.known},
            authored=tuple(dict.fromkeys(words for page in pages for words in page.authored)),
            allowed={*allowed, *found},
        )
    )


def scan(
    files: Mapping[str, bytes],
    find: Find,
    *,
    known: Iterable[str] = (),
    authored: Iterable[Authored] = (),
    allowed: Iterable[str] = (),
) -> tuple[Finding, ...]:
    """Return every place of a page that holds an identifier.

    Parameters
    ----------
    files : mapping of str to bytes
        File name to content, as it is to be published.
    find : callable
        Asks the store which candidates are values of identifying columns.
    known : iterable of str
        Strings composed from releases and the catalog (`Page.known`).
    authored : iterable of Authored
        Strings a person wrote (`Page.authored`).
    allowed : iterable of str
        Declared words that may stand on a page, such as a domain's values.
    """
    places: dict[str, list[tuple[str, str]]] = {}
    for words in authored:
        for candidate in candidates([_Piece(words.where, words.text)]):
            places.setdefault(candidate, []).append(("the notebook or its definition", words.where))
    fixed, style = _fixed()
    known_texts = {_plain(text) for text in known}
    for name, content in files.items():
        pieces = [
            *_pieces(content, name, known_texts, fixed, style),
            None,
            _Piece("the file's name", name),
        ]
        for candidate, place in _placed(pieces):
            places.setdefault(candidate, []).append((name, place))
    asked = set(places) - _own() - candidates([_Piece("", text) for text in allowed], across=False)
    if not asked:
        return ()
    found: dict[tuple[str, str, str], Finding] = {}
    for table, column, candidate in sorted(find(asked)):  # a key stands in many tables: said once
        for file, place in dict.fromkeys(places.get(candidate, ())):
            found.setdefault((file, place, column), Finding(file, place, table, column))
    return tuple(found.values())


def candidates(pieces: Sequence[_Piece | None], across: bool = True) -> set[str]:
    """Return everything in a text that could be an identifier, as `key` writes it."""
    if not across:
        return {found for piece in pieces for found, _ in _placed([piece])}
    return {found for found, _ in _placed(pieces)}


def _placed(pieces: Iterable[_Piece | None]) -> Iterator[tuple[str, str]]:
    """Yield (candidate, place); word sequences run on over neighbouring pieces up to a None."""
    for run in dict.fromkeys(_runs(pieces)):  # what stands in many attributes is searched once
        yield from _placed_in(run)


@lru_cache(maxsize=10_000)  # pages of one suite say much alike
def _placed_in(run: tuple[_Piece, ...]) -> tuple[tuple[str, str], ...]:
    window: Window = []
    return tuple(
        found
        for piece in run
        for text in {piece.text: None, **dict.fromkeys(_unescaped(piece.text))}
        for found in spelled(text, piece.place, window, released=piece.released)
    )


def _runs(pieces: Iterable[_Piece | None]) -> Iterator[tuple[_Piece, ...]]:
    """Yield neighbouring pieces together."""
    run: list[_Piece] = []
    for piece in pieces:
        if piece is not None:
            run.append(piece)
        elif run:
            yield tuple(run)
            run = []
    if run:
        yield tuple(run)


def _unescaped(text: str) -> Iterator[str]:
    r"""Yield a text with percent and ``\u`` escapes resolved, where it has any."""
    if "%" in text:
        yield unquote(text)
    if _ESCAPE.search(text):
        yield _ESCAPE.sub(lambda match: chr(int(match[0][2:], 16)), text)


def _plain(text: str) -> str:
    return " ".join(text.split())


@cache
def _own() -> set[str]:
    """Return what the package itself says on pages."""
    own = (text for code in LANGUAGES for text in spoken(code)["messages"].values())
    return candidates([_Piece("", text) for text in own], across=False)


@cache
def _fixed() -> tuple[frozenset[str], str]:
    """Return the package's own texts on every page, and its style sheet, to which pages add."""
    from workbench.reporting.pages.template import SCRIPTS, SPARK_BOX, compact

    scripts = {_plain(compact(name)) for name in SCRIPTS}
    scripts.add(_plain(page_assets.asset("live.min.js").decode()))
    return frozenset((*scripts, SPARK_BOX)), compact("page.css")


def _pieces(
    content: bytes, name: str, known: set[str], fixed: frozenset[str], style: str
) -> Iterator[_Piece | None]:
    """Yield a file's texts, decoded, those of releases apart; None where a fixed one stood."""
    told: set[str] = set()
    bundle = page_assets.bundle()
    if _is_bundle(content):
        return
    suffix = name.rpartition(".")[2]
    text = content.decode("utf-8", "replace")
    if suffix == "html":
        reader = _Reader()
        reader.feed(text)
        reader.close()
        found: Iterator[_Piece | None] = iter(reader.pieces)
    elif suffix == "json":
        found = _json_pieces(text, "its data")
    else:
        found = iter([_Piece("its text", text)])
    for piece in found:
        if piece is None or (plain := _plain(piece.text)) in fixed:
            yield None
            continue
        if len(plain) > len(bundle.compressed) and plain == bundle.packed:
            yield None
            continue
        if plain in known:
            yield None
            if plain not in told:  # a text is searched once, however often it stands there
                told.add(plain)
                yield from _released(replace(piece, released=True))
            yield None
            continue
        if piece.text.startswith(style):  # what a page adds to it is searched
            piece = _Piece(piece.place, piece.text.removeprefix(style))
        yield piece
        hidden = list(_hidden(piece.text, f"an encoded block in {piece.place}", 0))
        if hidden:  # so that what surrounds a block still reads on
            yield None
            yield from hidden
            yield None


def _released(piece: _Piece) -> Iterator[_Piece | None]:
    """Yield a text of a release and what is hidden in it, of which numbers are figures, too."""
    if any(char.isalpha() for char in piece.text):
        yield piece
        for each in _hidden(piece.text, f"an encoded block in {piece.place}", 0):
            yield None if each is None else replace(each, released=True)


def _hidden(text: str, place: str, depth: int) -> Iterator[_Piece | None]:
    """Yield what base64 and hexadecimal blocks of a text decode to."""
    if depth == _DEPTH:
        return
    for block in _BASE64.findall(text):
        padded = block.rstrip("=").replace("-", "+").replace("_", "/")
        padded += "=" * (-len(padded) % 4)
        try:
            yield from _binary(base64.b64decode(padded), place, depth)
        except binascii.Error:
            continue
    for block in _HEX.findall(text):
        yield from _binary(bytes.fromhex(block), place, depth)


def _binary(raw: bytes, place: str, depth: int) -> Iterator[_Piece | None]:
    """Yield a binary block's texts: unpacked, as words, and as the numbers of an array."""
    unpacked = _unpacked(raw)
    if unpacked is not None:
        if _is_bundle(unpacked):
            return
        raw = unpacked
    for encoding in ("utf-8", "utf-16-le", "gb18030"):
        try:
            text = codecs.decode(raw, encoding)
        except UnicodeDecodeError:
            continue
        if not all(char.isprintable() or char.isspace() for char in text):
            continue  # chance bytes, which read as chance characters
        yield _Piece(place, text)
        yield None
        yield from _hidden(text, place, depth + 1)
    for kind in _ARRAYS:
        numbers = array.array(kind)
        if len(raw) % numbers.itemsize:
            continue
        numbers.frombytes(raw)
        for number in numbers:
            if number == number and abs(number) < 1e19 and number == int(number):
                yield _Piece(place, str(abs(int(number))))
                yield None


def _unpacked(raw: bytes) -> bytes | None:
    for unpack in (gzip.decompress, zlib.decompress):
        try:
            return unpack(raw)
        except (OSError, EOFError, zlib.error):
            continue
    return None


def _is_bundle(content: bytes) -> bool:
    script = page_assets.bundle().script
    return len(content) == len(script) and (
        hashlib.sha256(content).digest() == hashlib.sha256(script).digest()
    )


def _json_pieces(text: str, place: str) -> Iterator[_Piece | None]:
    """Yield a JSON document's keys, strings and numbers, each apart from its neighbours."""
    try:
        content = json.loads(text, parse_int=str, parse_float=str)
    except ValueError:
        yield _Piece(place, text)
        return
    waiting = [content]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            for name, value in reversed(part.items()):
                waiting += [value, name]
        elif isinstance(part, list):
            waiting.extend(reversed(part))
        elif isinstance(part, str):
            yield _Piece(place, part)


class _Reader(HTMLParser):
    """Collects a page's texts in order: elements, attributes, comments, scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[_Piece | None] = []
        self._script = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kinds = dict(attrs)
        self._script = (kinds.get("type") or tag) if tag in ("script", "style") else ""
        policy = tag == "meta" and kinds.get("http-equiv") == "Content-Security-Policy"
        for name, value in attrs:
            if value and not policy:  # hashes of the page's own parts, which decode to chance
                self.pieces += [None, _Piece(f"attribute '{name}' of <{tag}>", value), None]

    def handle_endtag(self, tag: str) -> None:
        self._script = ""

    def handle_data(self, data: str) -> None:
        if self._script == "application/json":
            self.pieces += [None, *_json_pieces(data, "a chart's data"), None]
        elif self._script:
            self.pieces += [None, _Piece(f"a <{self._script}> block", data), None]
        else:
            self.pieces.append(_Piece("the text", data))

    def handle_comment(self, data: str) -> None:
        self.pieces += [None, _Piece("a comment", data), None]

    def handle_decl(self, decl: str) -> None:
        self.pieces.append(_Piece("a declaration", decl))

    def unknown_decl(self, data: str) -> None:
        self.pieces.append(_Piece("a declaration", data))

    def handle_pi(self, data: str) -> None:
        self.pieces.append(_Piece("an instruction", data))
