"""The page of a period that failed: it says so, and leads to the last good edition."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from pathlib import Path

from workbench.figures.language import Language
from workbench.reporting import page_assets
from workbench.reporting.editions_record import Edition, editions
from workbench.reporting.publish import forget_failures, index_language, put_whole, read_failures

_MARK = b'<meta name="workbench" content="failed">'


def show_failures(published: Path, report: str) -> None:
    """Write the page of every period of a report that failed and has no edition of its own.

    Each leads to the newest good edition before it, or to the newest of all. The reason is not
    told: an error's text may hold a value read from a row.
    """
    good = [each for each in editions(published) if each.report == report]
    for name, titles in read_failures(published, report).items():
        period, _, variant = name.partition("/")
        for code in titles:
            main = index_language(published) or next(iter(titles))
            index = "index.html" if code == main else f"index.{code}.html"
            html = _page(report, period, variant, good, code, titles, index)
            target = published / report / name / _file(code, titles)
            put_whole(published, target, html.encode())
        clear_failures(published / report / name, {_file(code, titles) for code in titles})


def clear_failures(folder: Path, kept: Collection[str] = ()) -> None:
    """Take away an edition's failure pages but those kept."""
    for path in folder.glob("index*.html"):
        if path.name not in kept and _MARK in path.read_bytes():
            path.unlink()


def withdraw(published: Path, report: str, names: Collection[str]) -> None:
    """Take back that editions failed, with every trace of it: a folder's name may tell too."""
    forget_failures(published, report, names)
    for name in names:
        clear_failures(published / report / name)
        for folder in (published / report / name, *(published / report / name).parents):
            if folder == published:
                break
            with contextlib.suppress(OSError):  # something else is in it
                folder.rmdir()


def _file(code: str, languages: Mapping[str, object]) -> str:
    return "index.html" if code == next(iter(languages)) else f"index.{code}.html"


def _page(
    report: str,
    period: str,
    variant: str,
    good: list[Edition],
    code: str,
    titles: Mapping[str, str],
    index: str,
) -> str:
    from workbench.reporting.page_template import compact, environment

    failed = Edition(report, period, "", variant)
    mine = sorted(
        (each for each in good if each.variant == variant),
        key=lambda each: (each.ends < failed.ends, each.ends, each.revision),
    )
    last = mine[-1] if mine else None
    root = "../" * (3 if variant else 2)
    style = compact("page.css")
    language, said = Language(code), titles[code]
    html: str = (
        environment()
        .get_template("failed.html.j2")
        .render(
            language=language,
            word=language.word,
            title=f"{said} · {variant}" if variant else said,
            house=last.houses.get(code, last.house) if last else "",
            period=language.period(period, full=True),
            good=language.period(last.period, full=True) if last else "",
            way=root + _way(last, code) if last else "",
            index=root + index,
            others=[
                (_file(each, titles), Language(each).tag, Language(each).word("language"))
                for each in titles
                if each != code
            ],
            style=style,
            policy=page_assets.policy([], [style], shares_script=False),
        )
    )
    return html + "\n"


def _way(edition: Edition, code: str) -> str:
    name = edition.languages.get(code) or next(iter(edition.languages.values()))
    return (edition.folder / name).as_posix()
