"""The page of a period that failed: it says so, and leads to the last good edition."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workbench.figures.language import Language
from workbench.figures.messages import MESSAGES
from workbench.reporting import page_assets
from workbench.reporting.editions_record import Edition, editions, revisions
from workbench.reporting.publish import put_whole, read_failures

_MARK = b'<meta name="workbench" content="failed">'


def show_failures(published: Path, report: str, languages: Mapping[str, Mapping[str, str]]) -> None:
    """Write the page of every period of a report that failed and has no edition of its own.

    Each leads to the newest good edition before it, or to the newest of all. The reason is not
    told: an error's text may hold a value read from a row.

    Parameters
    ----------
    languages : mapping
        Language to the translations declared for it, the first to be opened.
    """
    good = [each for each in editions(published) if each.report == report]
    for name, title in read_failures(published, report).items():
        period, _, variant = name.partition("/")
        if not revisions(published / report / name):
            for code, words in languages.items():
                html = _page(report, period, variant, title, good, Language(code, words), languages)
                target = published / report / name / _file(code, languages)
                put_whole(published, target, html.encode())


def clear_failures(folder: Path, kept: Mapping[str, str]) -> None:
    """Take away an edition's failure pages, in languages that it is not published in."""
    for path in folder.glob("index*.html"):
        if path.name not in kept and _MARK in path.read_bytes():
            path.unlink()


def _file(code: str, languages: Mapping[str, object]) -> str:
    return "index.html" if code == next(iter(languages)) else f"index.{code}.html"


def _page(
    report: str,
    period: str,
    variant: str,
    title: str,
    good: list[Edition],
    language: Language,
    languages: Mapping[str, object],
) -> str:
    from workbench.reporting.page_template import compact, environment

    mine = sorted(
        (each for each in good if each.variant == variant),
        key=lambda each: (each.period < period, each.period, each.revision),
    )
    last = mine[-1] if mine else None
    root = "../" * (3 if variant else 2)
    style = compact("page.css")
    said = language.say(title)
    html: str = (
        environment()
        .get_template("failed.html.j2")
        .render(
            language=language,
            word=language.word,
            title=f"{said} · {variant}" if variant else said,
            house=language.say(last.house) if last else "",
            period=language.period(period, full=True),
            good=language.period(last.period, full=True) if last else "",
            way=root + _way(last, language.code) if last else "",
            index=f"{root}index.html",
            others=[
                (_file(code, languages), Language(code).tag, MESSAGES[code]["language"])
                for code in languages
                if code != language.code
            ],
            style=style,
            policy=page_assets.policy([], [style], shares_script=False),
        )
    )
    return html + "\n"


def _way(edition: Edition, code: str) -> str:
    name = edition.languages.get(code) or next(iter(edition.languages.values()))
    return (edition.folder / name).as_posix()
