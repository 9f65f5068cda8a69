"""Ways from an edition to those around it: the period before and after, others of its grid.

They are set when pages are put in their place and are no part of what a revision is told by: an
edition stays the same edition when another comes or goes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from workbench.figures.language import Language
from workbench.reporting.published.files import put_whole, storage
from workbench.reporting.published.record import Edition, editions

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
    from workbench.reporting.pages.template import environment

    beside = _beside(edition, shown)
    variants = [e for e in shown if e.period == edition.period and e.variant != edition.variant]
    for code, name in edition.languages.items():
        path = published / edition.folder / name
        language, ways = Language(code), ""
        if beside or variants:
            ways = "\n" + environment().get_template("around.html.j2").render(
                language=language,
                word=language.word,
                root="../" * len(edition.folder.parts),
                beside=beside,
                variants=variants,
            )
        if path.is_file():
            html = path.read_text(encoding="utf-8")
            led = without_ways(html).replace(MAIN, MAIN + ways, 1)
            if led != html:
                put_whole(published, path, led.encode())
