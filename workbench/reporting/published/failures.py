"""Pages in an edition's place: that it failed, with the last good one, or was taken back.

Why one failed is not kept: an error's text may hold a value read from a row. It is in the log.

Records of one taken back keep why, and what witnesses need, the ids of its releases and the heads
of ledger and log; what it said goes from them. The newest record is marked first, so that what a
kill interrupts is finished by whoever comes next.
"""

import contextlib
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from workbench.figures.language import Language
from workbench.reporting.pages import page_assets
from workbench.reporting.pages.brand import read_brand
from workbench.reporting.published import files, index
from workbench.reporting.published.record import Edition, Withdrawal, editions, latest, read
from workbench.store.durable import content_of

_MARK = b'<meta name="workbench" content="failed">'


def record_failure(
    published: Path,
    report: str,
    period: str,
    title: str,
    variant: str = "",
    languages: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Note for readers that an edition failed, on the index and on a page of its own.

    One that is published stays, and nothing is noted: its readers have it.

    Parameters
    ----------
    languages : mapping, optional
        Language to the translations declared for it; English when left out.
    """
    if latest(published, report, period, variant) is not None:
        return
    titles = {
        code: Language(code, words).say(title) for code, words in (languages or {"en": {}}).items()
    }
    folder = files.place(report, period, variant)
    failed = {
        **files.read_failures(published, report),
        folder.relative_to(report).as_posix(): titles,
    }
    with files.storage(published, f"note that {folder} failed"):
        _keep(published, report, failed)
    show_failures(published, report)
    index.rebuild_index(published)


def withdraw_failures(published: Path, stays: Callable[[str, str], bool]) -> None:
    """Take back what readers are told of failures, but where it stays.

    Parameters
    ----------
    stays : callable
        From a report and an edition's place in its folder, ``2026-09/region=north``.
    """
    changed = False
    with files.storage(published, "take back that a period failed"):
        for path in sorted(published.glob(f"*/{files.FAILED}")):
            report = path.parent.name
            noted = files.read_failures(published, report)
            gone = {name for name in noted if not stays(report, name)}
            _withdraw(published, report, gone)
            changed = changed or bool(gone)
    if changed:
        index.rebuild_index(published)


def show_failures(published: Path, report: str) -> None:
    """Write the page of every period of a report that failed and has no edition of its own.

    Each leads to the newest good edition before it, or to the newest of all.
    """
    with files.storage(published, "say which periods failed"):
        failed = files.read_failures(published, report)
        if not failed:
            return
        good = [e for e in editions(published) if e.report == report and not e.withdrawn]
        for name, titles in failed.items():
            period, _, variant = name.partition("/")
            names = files.page_names(titles)
            edition = Edition(
                report=report,
                period=period,
                title="",
                variant=variant,
                titles=dict(titles),
                languages=names,
            )
            for code, file in names.items():
                path = published / report / name / file
                files.put_whole(
                    published, path, _failed(published, edition, code, path, good).encode()
                )
            _clear(published / report / name, names.values())


def forget_failures(published: Path, report: str, forgotten: Collection[str] = ()) -> None:
    """Take back that editions failed: those that are named, and those that are published."""
    file = published / report / files.FAILED
    if file.is_file():
        failed = files.read_failures(published, report)
        kept = {name: titles for name, titles in failed.items() if name not in forgotten}
        if kept:
            _keep(published, report, kept)
        else:
            file.unlink(missing_ok=True)


def _keep(published: Path, report: str, failed: Mapping[str, Mapping[str, str]]) -> None:
    text = json.dumps(dict(sorted(failed.items())), ensure_ascii=False, indent=1) + "\n"
    files.put_whole(published, published / report / files.FAILED, text.encode())


def _clear(folder: Path, kept: Collection[str] = ()) -> None:
    """Take away an edition's failure pages but those kept."""
    for path in folder.glob("index*.html"):
        if path.name not in kept and _MARK in (content_of(path) or b""):
            path.unlink(missing_ok=True)


def _withdraw(published: Path, report: str, names: Collection[str]) -> None:
    """Take back that editions failed, with every trace of it: a folder's name may tell too."""
    forget_failures(published, report, names)
    for name in names:
        _clear(published / report / name)
        for folder in (published / report / name, *(published / report / name).parents):
            if folder == published:
                break
            with contextlib.suppress(OSError):  # something else is in it
                folder.rmdir()


def _failed(published: Path, edition: Edition, code: str, path: Path, good: list[Edition]) -> str:
    mine = sorted(
        (each for each in good if each.variant == edition.variant),
        key=lambda each: (each.ends < edition.ends, each.ends, each.revision),
    )
    last = mine[-1] if mine else None
    return _instead(
        "failed.html.j2",
        published,
        edition,
        code,
        path,
        house=last.houses.get(code, last.house) if last else "",
        good=Language(code).period(last.period, full=True) if last else "",
        way=_root(published, path) + last.way(code) if last else "",
    )


def _root(published: Path, path: Path) -> str:
    return "../" * len(path.relative_to(published).parent.parts)


def _instead(
    template: str, published: Path, edition: Edition, code: str, path: Path, **facts: str
) -> str:
    """Return a page that stands in an edition's place."""
    from workbench.reporting.pages.template import compact, rendered

    language, brand = Language(code), read_brand(published)
    style = compact("page.css") + brand.style
    title = edition.titles.get(code, edition.title)
    return rendered(
        template,
        language,
        title=f"{title} · {edition.variant}" if edition.variant else title,
        period=language.period(edition.period, full=True),
        index=_root(published, path) + index.index_names(published, edition.languages)[code],
        others=[
            (file, Language(each).tag, Language(each).word("language"))
            for each, file in edition.languages.items()
            if each != code
        ],
        style=style,
        brand=brand,
        policy=page_assets.policy([], [style], shares_script=False),
        **facts,
    )


def withdraw(published: Path, edition: Edition, withdrawal: Withdrawal) -> Path:
    """Take back an edition, every revision of it; return the page that says so.

    Raises
    ------
    PublishError
        The folder cannot be written; the next run goes on from there.
    """
    marked = edition.model_copy(update={"withdrawn": withdrawal})
    _mark(published, marked)
    finish(published, marked)
    show_failures(published, edition.report)
    index.lead_around(published, edition.report, edition)
    index.rebuild_index(published)
    return published / edition.way()


def finish(published: Path, edition: Edition) -> None:
    """Let nothing of a withdrawn edition be seen any more but that it was withdrawn."""
    folder = published / edition.folder
    assert edition.withdrawn is not None  # noqa: S101  # why: asked of such editions alone
    with files.storage(published, f"take back {edition.folder}"):
        for number in files.revisions(folder):
            each = read(folder / f"r{number}")
            if each is None or number > edition.revision:
                continue
            if each.withdrawn is None or each.headline or each.cards:
                _mark(published, each.model_copy(update={"withdrawn": edition.withdrawn}))
            for code, name in each.languages.items():
                _put(published, edition, code, folder / f"r{number}" / name)
        for code, name in edition.languages.items():
            _put(published, edition, code, folder / name)
            for beside in files.beside(name):
                (folder / beside).unlink(missing_ok=True)


def _mark(published: Path, edition: Edition) -> None:
    said: dict[str, object] = {
        "headline": {},
        "cards": {},
        "alerts": {},
        "changed": (),
        "changed_in": {},
    }
    path = published / edition.folder / f"r{edition.revision}" / files.FILE
    with files.storage(published, f"take back {edition.folder}"):
        files.put_whole(published, path, edition.model_copy(update=said).to_json().encode())


def _put(published: Path, edition: Edition, code: str, path: Path) -> None:
    language, withdrawal = Language(code), edition.withdrawn
    html = _instead(
        "withdrawn.html.j2",
        published,
        edition,
        code,
        path,
        house=edition.houses.get(code, edition.house),
        day=language.period(withdrawal.at[:10]) if withdrawal else "",
        reason=withdrawal.reason if withdrawal else "",
    )
    shown = (content_of(path) or b"").decode(errors="replace")
    if index.without_ways(shown) != html:
        files.put_whole(published, path, html.encode())
