"""An edition taken back: its figures go from where managers read, and why stays in their place.

Its records keep what witnesses need, the ids of its releases and the heads of ledger and log; what
it said goes from them. The newest record is marked first, so that what a kill interrupts is
finished by whoever comes next.
"""

from __future__ import annotations

from pathlib import Path

from workbench.figures.language import Language
from workbench.reporting.pages import page_assets
from workbench.reporting.published.around import lead_around, without_ways
from workbench.reporting.published.brand import read_brand
from workbench.reporting.published.failures import show_failures
from workbench.reporting.published.files import put_whole, storage
from workbench.reporting.published.index import index_names, rebuild_index
from workbench.reporting.published.places import FILE, alone, mailed, printed, revisions
from workbench.reporting.published.record import Edition, Withdrawal, read


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
    lead_around(published, edition.report, edition)
    rebuild_index(published)
    return published / edition.way()


def finish(published: Path, edition: Edition) -> None:
    """Let nothing of a withdrawn edition be seen any more but that it was withdrawn."""
    folder = published / edition.folder
    assert edition.withdrawn is not None  # noqa: S101  # why: asked of such editions alone
    with storage(published, f"take back {edition.folder}"):
        for number in revisions(folder):
            each = read(folder / f"r{number}")
            if each is None or number > edition.revision:
                continue
            if each.withdrawn is None or each.headline or each.cards:
                _mark(published, each.model_copy(update={"withdrawn": edition.withdrawn}))
            for code, name in each.languages.items():
                _put(published, edition, code, folder / f"r{number}" / name)
        for code, name in edition.languages.items():
            _put(published, edition, code, folder / name)
            for beside in (alone(name), printed(name), mailed(name)):
                (folder / beside).unlink(missing_ok=True)


def _mark(published: Path, edition: Edition) -> None:
    said: dict[str, object] = {
        "headline": {},
        "cards": {},
        "alerts": {},
        "changed": (),
        "changed_in": {},
    }
    path = published / edition.folder / f"r{edition.revision}" / FILE
    with storage(published, f"take back {edition.folder}"):
        put_whole(published, path, edition.model_copy(update=said).to_json().encode())


def _put(published: Path, edition: Edition, code: str, path: Path) -> None:
    from workbench.reporting.pages.template import compact, environment

    language, brand = Language(code), read_brand(published)
    style = compact("page.css") + brand.style
    root = "../" * len(path.relative_to(published).parent.parts)
    title = edition.titles.get(code, edition.title)
    withdrawal = edition.withdrawn
    html = (
        environment()
        .get_template("withdrawn.html.j2")
        .render(
            language=language,
            word=language.word,
            title=f"{title} · {edition.variant}" if edition.variant else title,
            house=edition.houses.get(code, edition.house),
            period=language.period(edition.period, full=True),
            index=root + index_names(published, edition.languages)[code],
            others=[
                (file, Language(each).tag, Language(each).word("language"))
                for each, file in edition.languages.items()
                if each != code
            ],
            day=language.period(withdrawal.at[:10]) if withdrawal else "",
            reason=withdrawal.reason if withdrawal else "",
            style=style,
            brand=brand,
            policy=page_assets.policy([], [style], shares_script=False),
        )
    )
    shown = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    if without_ways(shown) != html + "\n":
        put_whole(published, path, (html + "\n").encode())
