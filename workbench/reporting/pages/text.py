"""Markdown cells as the static prose of a page.

Kept: paragraphs, lists, tables, emphasis, code, links to http(s) addresses and within the page.
Gone: raw HTML and its comments, images, attachments, any other address. Nothing is loaded, nothing
runs, and nothing hidden travels along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_ADDRESSES = ("https://", "http://", "#")


@dataclass(frozen=True)
class Heading:
    """A heading that gives the page its structure; levels 1 to 3.

    ``name``: as it was written, where ``text`` is a translation; links are made of it.
    """

    level: int
    text: str
    name: str = ""


@dataclass(frozen=True)
class Prose:
    """Paragraphs between two headings, as safe HTML and as plain words."""

    html: str
    text: str


def read_markdown(source: str) -> Iterator[Heading | Prose]:
    r"""Yield a cell's headings and the prose between them.

    Examples
    --------
    >>> [type(part).__name__ for part in read_markdown("# Spend\n\nIt rose.<!-- draft -->")]
    ['Heading', 'Prose']
    >>> list(read_markdown("It *rose*. <b>x</b> ![](cat.png)"))[0].html
    '<p>It <em>rose</em>. x </p>\n'
    """
    body: list[Token] = []
    tokens = _parser().parse(source)
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.type == "heading_open" and token.level == 0 and token.tag in ("h1", "h2", "h3"):
            yield from _prose(body)
            body = []
            words = _plain([tokens[at + 1]])
            if words:
                yield Heading(int(token.tag[1]), words)
            at += 3  # heading_open, inline, heading_close
        else:
            body.append(token)
            at += 1
    yield from _prose(body)


def plain_prose(text: str) -> Prose:
    """Return plain words as one paragraph."""
    from markdown_it.common.utils import escapeHtml

    return Prose(f"<p>{escapeHtml(text)}</p>\n", text)


def _prose(tokens: Sequence[Token]) -> Iterator[Prose]:
    parser = _parser()
    html = parser.renderer.render(tokens, parser.options, {})
    text = _plain(tokens)
    if text:  # a cell of comments and images alone leaves nothing
        yield Prose(html, text)


@cache
def _parser() -> MarkdownIt:
    """Return a parser that reads raw HTML, so that its comments can be dropped, not printed."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    # A refused address would leave the link's source in the text; rendering drops it instead.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # why: its documented hook
    for name in ("html_block", "html_inline", "image"):
        parser.add_render_rule(name, _nothing)
    parser.add_render_rule("link_open", _link)
    parser.add_render_rule("link_close", _link_end)
    for name in ("th_open", "td_open"):
        parser.add_render_rule(name, _aligned)
    for name in ("heading_open", "heading_close"):
        parser.add_render_rule(name, _small_heading)
    return parser


def _nothing(*_: object) -> str:
    return ""


def _link(_: object, tokens: Sequence[Token], at: int, *more: object) -> str:
    from markdown_it.common.utils import escapeHtml

    address = str(tokens[at].attrGet("href") or "")
    if not _shown(address):
        return ""
    return f'<a href="{escapeHtml(address)}" rel="noopener noreferrer">'


def _link_end(_: object, tokens: Sequence[Token], at: int, *more: object) -> str:
    depth = 1
    for token in reversed(tokens[:at]):
        depth += {"link_close": 1, "link_open": -1}.get(token.type, 0)
        if depth == 0:
            return "</a>" if _shown(str(token.attrGet("href") or "")) else ""
    return ""


def _shown(address: str) -> bool:
    return address.lower().startswith(_ADDRESSES)


def _aligned(_: object, tokens: Sequence[Token], at: int, *more: object) -> str:
    """Render a table's cell aligned by a class: the policy forbids it a style of its own."""
    align = str(tokens[at].attrGet("style") or "").removeprefix("text-align:")
    kind = {"right": ' class="n"', "center": ' class="c"'}.get(align, "")
    return f"<{tokens[at].tag}{kind}>"


def _small_heading(_: object, tokens: Sequence[Token], at: int, *more: object) -> str:
    """Render a heading below the page's own three levels, or inside a list or quotation."""
    return "<h4>" if tokens[at].nesting == 1 else "</h4>\n"


def _plain(tokens: Sequence[Token]) -> str:
    """Return the words of tokens, without markup."""
    words: list[str] = []
    for token in tokens:
        if token.type in ("text", "code_inline", "fence", "code_block"):
            words.append(token.content)
        elif token.type in ("softbreak", "hardbreak", "paragraph_close", "td_close", "th_close"):
            words.append(" ")
        if token.children and token.type != "image":
            words.append(_plain(token.children) + " ")
    return " ".join("".join(words).split())
