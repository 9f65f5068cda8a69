"""An edition as a mail's plain text: its headline, its key figures, its alerts, the way to it."""

from __future__ import annotations

from pathlib import Path

from workbench.figures.drawn import Card
from workbench.figures.language import Language
from workbench.reporting.published.brand import read_brand
from workbench.reporting.published.files import put_whole, storage
from workbench.reporting.published.places import mailed
from workbench.reporting.published.record import Edition


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
