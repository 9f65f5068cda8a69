"""What is published, from records alone: its first page, the feed, mails, ways between editions.

Ways are set when pages are put in their place and are no part of what a revision is told by: an
edition stays the same edition when another comes or goes. In the feed an edition's address never
changes, so a revision or a withdrawal is the same entry, renewed; it names no host, unless the
workspace says where its pages are served.
"""

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from workbench.figures.drawn import Card
from workbench.figures.language import LANGUAGES, Language
from workbench.privacy.margins import quantile
from workbench.reporting.pages import page_assets
from workbench.reporting.pages.brand import read_brand
from workbench.reporting.pages.template import compact, rendered
from workbench.reporting.published.files import FAILED, mailed, put_whole, read_failures, storage
from workbench.reporting.published.record import Edition, editions
from workbench.store.durable import content_of

FEED = "feed.xml"
_SHOWN_AT_MOST = 100
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
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
    put_whole(published, published / FEED, _NO_XML.sub("", content).encode())


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


T = TypeVar("T")
_LANGUAGE = re.compile(r'<html lang="([a-z]+)')
_COMPARED = ("key", "label", "text", "margin", "value", "interval", "digits", "rate")  # of cards
_HISTORY = 24  # editions a sparkline reaches back


@dataclass(frozen=True)
class Shelf:
    """One report, or one variant of it: its editions, newest period first."""

    report: str
    variant: str
    title: str
    newest: Edition
    others: tuple[Edition, ...]
    revisions: Mapping[str, tuple[int, ...]]
    cards: tuple[Card, ...]
    failed: tuple[str, ...]
    audience: str
    alerts: tuple[str, ...]

    @property
    def all(self) -> tuple[Edition, ...]:
        """Every edition at its newest revision, newest period first."""
        return (self.newest, *self.others)


def index_language(published: Path) -> str:
    """Return the language of the index's first page; empty where there is none yet."""
    with suppress(OSError):
        if found := _LANGUAGE.search((published / "index.html").read_text(encoding="utf-8")):
            return found[1]
    return ""


def index_names(published: Path, codes: Iterable[str]) -> dict[str, str]:
    """Return language to its index's name, which pages lead to before there is one."""
    codes = list(codes)
    main = index_language(published) or codes[0]
    return {code: "index.html" if code == main else f"index.{code}.html" for code in codes}


def rebuild_index(published: Path) -> Path:
    """Write ``index.html`` anew from the editions' records, all or nothing; return its path.

    Whose it is, the newest edition says. Its language is the one that it had, for pages lead to it
    as theirs; at first the newest edition's. Where editions are published in several languages,
    ``index.LANGUAGE.html`` stands beside it for each. The same records give the same bytes.
    """
    every = list(editions(published))
    found = [each for each in every if not each.withdrawn]
    newest = max(found, key=lambda each: (each.ends, each.revision), default=None)
    spoken: list[Iterable[str]] = [each.languages for each in ([newest] if newest else []) + found]
    for report in sorted(_failing(published)):
        spoken += read_failures(published, report).values()
    codes = list(dict.fromkeys(code for each in spoken for code in each)) or ["en"]
    kept = index_language(published)
    main = kept if kept in codes else codes[0]
    codes = sorted(codes)
    pages = {"index.html": main}
    if len(codes) > 1:  # pages lead to the index of their language by its name
        pages |= {f"index.{code}.html": code for code in codes}
    with storage(published, "write the index"):
        for code in LANGUAGES:
            if f"index.{code}.html" not in pages:
                (published / f"index.{code}.html").unlink(missing_ok=True)
        for name, code in reversed(pages.items()):
            house = newest.houses.get(code, newest.house) if newest is not None else ""
            others = {each: f"index.{each}.html" for each in codes if each != code}
            html = _index(found, published, house, Language(code), others)
            put_whole(published, published / name, html.encode())
        house = newest.houses.get(main, newest.house) if newest is not None else ""
        write_feed(published, every, house, Language(main))
    return published / "index.html"


def _index(
    found: Sequence[Edition],
    published: Path,
    house: str,
    words: Language,
    others: Mapping[str, str],
) -> str:
    reports = sorted({edition.report for edition in found} | _failing(published))
    shelves = [shelf for report in reports for shelf in _shelves(report, found, published, words)]
    shown = {(shelf.report, shelf.variant) for shelf in shelves}
    empty = [
        (f"{title} · {variant}" if variant else title, periods)
        for report in reports
        for variant, (title, periods) in _failed(published, report, words).items()
        if (report, variant) not in shown
    ]
    brand = read_brand(published)
    style = compact("page.css") + compact("index.css") + brand.style
    script = compact("index.js")
    return rendered(
        "index.html.j2",
        words,
        shelves=shelves,
        empty=empty,
        house=house,
        brand=brand,
        others=others,
        tags={code: Language(code).tag for code in LANGUAGES},
        names={code: Language(code).word("language") for code in LANGUAGES},
        anchor=_anchor,
        style=style,
        script=script,
        policy=page_assets.policy([script], [style], shares_script=False),
        comparison=_comparison(shelves, words),
        audiences=sorted({each.audience for each in shelves if each.audience}),
        feed=FEED if found else "",
    )


def _failing(published: Path) -> set[str]:
    return {path.parent.name for path in published.glob(f"*/{FAILED}")}


def _failed(published: Path, report: str, words: Language) -> dict[str, tuple[str, list[str]]]:
    """Return the periods that failed by variant, newest first, and the title to show."""
    found: dict[str, tuple[str, list[str]]] = {}
    for name, titles in sorted(read_failures(published, report).items(), reverse=True):
        period, _, variant = name.partition("/")
        title = titles.get(words.code) or words.say(next(iter(titles.values()), report))
        found.setdefault(variant, (title, []))[1].append(period)
    return found


def _shelves(
    report: str, found: Sequence[Edition], published: Path, words: Language
) -> Iterable[Shelf]:
    mine = sorted(
        (edition for edition in found if edition.report == report),
        key=lambda each: (each.variant, each.ends, each.period, each.revision),
    )
    failures = read_failures(published, report)
    for variant, group in groupby(mine, key=lambda edition: edition.variant):
        by_period = {period: list(each) for period, each in groupby(group, lambda e: e.period)}
        newest_first = [each[-1] for each in reversed(by_period.values())]
        failed = [
            period
            for name in failures
            for period, _, other in [name.partition("/")]
            if other == variant
        ]
        yield Shelf(
            report=report,
            variant=variant,
            title=_title(newest_first[0], words),
            newest=newest_first[0],
            others=tuple(newest_first[1:]),
            revisions={
                period: tuple(edition.revision for edition in reversed(each))
                for period, each in by_period.items()
            },
            cards=_cards(newest_first, words),
            failed=tuple(sorted(failed, reverse=True)),
            audience=_spoken(newest_first[0].audience, words, ""),
            alerts=_spoken(newest_first[0].alerts, words, ()),
        )


def _cards(newest_first: Sequence[Edition], words: Language) -> tuple[Card, ...]:
    """Return the newest edition's key figures, with a history from the earlier ones' if need be."""
    cards = _in_language(newest_first[0], words)
    history = list(reversed(newest_first[:_HISTORY]))
    return tuple(
        card
        if card.points
        else replace(
            card,
            points=tuple(
                next((c.value for c in _in_language(each, words) if c.key == card.key), None)
                for each in history
            ),
        )
        for card in cards
    )


def _title(edition: Edition, words: Language) -> str:
    return edition.titles.get(words.code) or words.say(edition.title)


def _in_language(edition: Edition, words: Language) -> tuple[Card, ...]:
    return _spoken(edition.cards, words, ())


def _spoken(told: Mapping[str, T], words: Language, nothing: T) -> T:
    """Return what is told in a language, else in the first there is."""
    return told.get(words.code) or next(iter(told.values()), nothing)


def _anchor(shelf: Shelf) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", f"{shelf.report} {shelf.variant}".strip())


def _comparison(shelves: Sequence[Shelf], words: Language) -> dict[str, Any]:
    """Return the released figures that two periods can be compared on."""
    reports: list[dict[str, Any]] = [
        {
            "title": f"{shelf.title} · {shelf.variant}" if shelf.variant else shelf.title,
            "periods": [
                {
                    "period": words.period(edition.period),
                    "cards": [
                        {name: getattr(card, name) for name in _COMPARED}
                        for card in _in_language(edition, words)
                    ],
                }
                for edition in shelf.all
            ],
        }
        for shelf in shelves
        if len(shelf.all) > 1 and shelf.cards
    ]
    said = {name: words.word(f"{name} margins") for name in ("within", "beyond")}
    most = max((len(each["cards"]) for one in reports for each in one["periods"]), default=1)
    # how many times as wide as alone the margins of so many differences are that hold together
    wider = [round(quantile(0.95, count) / quantile(0.95), 4) for count in range(1, most + 1)]
    return {"locale": words.tag, "reports": reports, "wider": wider, **said}


MAIN = '<main id="report" class="wrap">'  # as in page.html.j2
_WAYS = re.compile(r'\n<nav class="around" .*?</nav>', re.DOTALL)


def without_ways(html: str) -> str:
    """Return a page without its ways to other editions."""
    return _WAYS.sub("", html, count=1)


def lead_around(published: Path, report: str, at: Edition | None = None) -> None:
    """Let a report's pages lead to the editions around them; with ``at``, those around that one."""
    ordered = sorted(editions(published / report), key=lambda each: each.revision)
    newest = {each.folder: each for each in ordered}
    every = sorted(newest.values(), key=lambda each: (each.ends, each.period, each.variant))
    shown = [each for each in every if not each.withdrawn]
    near = None if at is None else {at.folder, *(each.folder for _, _, each in _beside(at, shown))}
    with storage(published, f"lead to other editions of '{report}'"):
        for edition in every:
            if near is None or edition.folder in near or (at and edition.period == at.period):
                _lead(published, edition, shown)


def _beside(edition: Edition, shown: Sequence[Edition]) -> list[tuple[str, str, Edition]]:
    """Return the edition of the period before and of the one after, with a sign and a relation."""
    mine = [each for each in shown if each.variant == edition.variant]
    before = [each for each in mine if each.ends < edition.ends]
    after = [each for each in mine if each.ends > edition.ends]
    found = [("‹ %s", "prev", before[-1])] if before else []
    return [*found, ("%s ›", "next", after[0])] if after else found


def _lead(published: Path, edition: Edition, shown: Sequence[Edition]) -> None:
    beside = _beside(edition, shown)
    variants = [e for e in shown if e.period == edition.period and e.variant != edition.variant]
    for code, name in edition.languages.items():
        path = published / edition.folder / name
        language, ways = Language(code), ""
        if beside or variants:
            root = "../" * len(edition.folder.parts)
            facts = {"root": root, "beside": beside, "variants": variants}
            ways = "\n" + rendered("around.html.j2", language, **facts).removesuffix("\n")
        if (content := content_of(path)) is not None:
            html = content.decode()
            led = without_ways(html).replace(MAIN, MAIN + ways, 1)
            if led != html:
                put_whole(published, path, led.encode())
