"""What is new, told elsewhere: ``feed.xml`` from records alone, and an edition as a mail's text.

An edition's address in it never changes, so a revision or a withdrawal is the same entry, renewed.
Nothing in it names a host, unless the workspace says where its pages are served.
"""

import re
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from workbench.figures.drawn import Card
from workbench.figures.language import Language
from workbench.reporting.pages.brand import read_brand
from workbench.reporting.pages.template import rendered
from workbench.reporting.published.files import mailed, put_whole, storage
from workbench.reporting.published.record import Edition

FEED = "feed.xml"
_SHOWN_AT_MOST = 100
_ID = re.compile(r"<id>urn:uuid:([0-9a-f-]{36})</id>")


def write_feed(published: Path, every: Iterable[Edition], house: str, language: Language) -> None:
    """Write the feed anew, all or nothing: the newest revision of each edition, newest first."""
    ordered = sorted(every, key=lambda each: each.revision)
    newest = {each.folder: each for each in ordered}
    first = {each.folder: _at(each) for each in reversed(ordered)}
    if not newest:
        return
    feed = _known(published) or uuid.uuid5(uuid.NAMESPACE_OID, house + min(map(str, newest)))
    shown = sorted(newest.values(), key=lambda each: (_changed(each), each.ends), reverse=True)
    content = rendered(
        "feed.xml.j2",
        language,
        id=feed.urn,
        house=house,
        tag=language.tag,
        updated=_changed(shown[0]),
        address=read_brand(published).address,
        feed=FEED,
        entries=_entries(shown[:_SHOWN_AT_MOST], first, feed, language),
    )
    put_whole(published, published / FEED, content.encode())


def _entries(
    shown: Sequence[Edition], first: dict[Path, str], feed: uuid.UUID, language: Language
) -> list[dict[str, Any]]:
    return [
        {
            "id": uuid.uuid5(feed, each.folder.as_posix()).urn,
            "title": each.named(language),
            "published": first[each.folder],
            "updated": _changed(each),
            "way": each.way(language.code),
            "withdrawn": each.withdrawn,
            "day": each.withdrawn and language.period(each.withdrawn.at[:10]),
            "summary": [
                each.headline.get(language.code) or next(iter(each.headline.values()), ""),
                *each.alerts.get(language.code, ()),
            ],
        }
        for each in shown
    ]


def _known(published: Path) -> uuid.UUID | None:
    """Return the feed's own address, which stays for good."""
    try:
        found = _ID.search((published / FEED).read_text(encoding="utf-8", errors="replace"))
        return uuid.UUID(found[1]) if found else None
    except (OSError, ValueError):
        return None


def _at(edition: Edition) -> str:
    """Return when a revision was published; of one that does not say, when its period was over."""
    return edition.at or f"{edition.ends}T00:00:00+00:00"


def _changed(edition: Edition) -> str:
    return edition.withdrawn.at if edition.withdrawn else _at(edition)


def mail_text(edition: Edition, code: str, address: str = "") -> str:
    """Return the text in one language; its first line is the subject.

    ``address`` is where the published folder is served; without one the way within it is told.
    """
    language = Language(code)
    alerts = edition.alerts.get(code, ())
    parts = [
        [edition.named(language)],
        [edition.headline.get(code, "")],
        [_line(card, language) for card in edition.cards.get(code, ())],
        [language.word("alerts"), *(f"- {each}" for each in alerts)] if alerts else [],
        [f"{address}{edition.way(code)}"],
    ]
    shown = ("\n".join(filter(None, lines)) for lines in parts)
    return "\n\n".join(filter(None, shown)) + "\n"


def put_mails(published: Path, edition: Edition) -> None:
    """Put an edition's texts beside its pages."""
    address = read_brand(published).address
    with storage(published, f"write the mail of {edition.folder}"):
        for code, name in edition.languages.items():
            text = mail_text(edition, code, address)
            put_whole(published, published / edition.folder / mailed(name), text.encode())


def _line(card: Card, language: Language) -> str:
    change = f"{card.change} {card.change_margin}".strip()
    told = " · ".join(filter(None, (card.full, card.bound, change, card.target)))
    return language.word("mail line", label=card.label, figure=told)
