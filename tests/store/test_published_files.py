"""Where managers read: only what publishing wrote is there, is served and stays what it was."""

import os
import stat
import threading
from http.client import HTTPConnection

import pytest
from factories.pages import page
from support.line import CELLS, write_report

import workbench as wb
from workbench.checks import check
from workbench.errors import InputError
from workbench.reporting.published import editions
from workbench.reporting.published.serve import serve
from workbench.store.published_files import RECORD, note, recorded, require_outside, strange


@pytest.fixture
def published(tmp_path):
    folder = tmp_path / "published"
    editions.publish(folder, "overview", "2026-09", page())
    return folder


def asked(published, path):
    with serve(published) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connection = HTTPConnection(*server.server_address, timeout=10)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        server.shutdown()
    return status


def test_what_publishing_wrote_is_known_and_nothing_else_is_served(published):
    assert list(strange(published)) == []
    (published / "overview" / "rows.html").write_text("C001, Anna")
    (published / "assets" / "rows.json").write_text("[]")
    (published / "overview" / "all").symlink_to("/")
    told = list(strange(published))
    assert len(told) == 3
    assert all("was not published" in each for each in told)
    assert asked(published, "/overview/rows.html") == asked(published, "/assets/rows.json") == 404
    assert asked(published, "/overview/2026-09/") == 200


@pytest.mark.parametrize(
    "which", ["index.html", "overview/2026-09/index.html", "overview/2026-09/r1/index.html", "js"]
)
def test_a_page_or_script_that_is_no_longer_what_was_published_is_named(published, which):
    path = next(published.glob("assets/*.js")) if which == "js" else published / which
    path.write_bytes(path.read_bytes() + b"<!-- -->")
    (told,) = strange(published)
    assert told.startswith(f"{path} is no longer what was published")
    assert asked(published, f"/{path.relative_to(published)}") == 404
    path.unlink()
    assert [each for each in strange(published) if str(path) in each] == []


def test_a_folder_of_before_the_record_is_known_by_its_editions(published):
    for later in (RECORD, "feed.xml", "overview/2026-09/mail.txt"):
        (published / later).unlink()
    (published / "overview" / "rows.html").write_text("C001, Anna")
    assert len(list(strange(published))) == 1
    assert asked(published, "/overview/2026-09/") == 200
    note(published, {})
    assert set(recorded(published).values()) != {None}
    assert len(list(strange(published))) == 1


@pytest.mark.parametrize("line", ["{", "[]", "[" * 100_000, '{"file": 1}', "\ud800", ""])
def test_a_line_of_the_record_that_is_odd_is_passed_over(published, line):
    with (published / RECORD).open("a", errors="surrogatepass") as file:
        file.write(f"{line}\n")
    assert list(strange(published)) == []


def ways_in(ws):
    """Return paths that all lead into the published folder."""
    published = ws.settings.path("published")
    (published / "deep").mkdir(parents=True, exist_ok=True)
    beside = ws.settings.root.parent / "beside"
    beside.symlink_to(published)
    return (
        published / "rows",
        published / "deep" / ".." / "rows",
        published.parent / "beside" / ".." / published.name / "rows",
        beside / "rows",
        beside / "deep" / "more" / "rows",
    )


def test_no_way_leads_rows_into_the_published_folder(shop):
    for out in ways_in(shop):
        with pytest.raises(InputError, match="lies in the published folder"):
            shop.office.export_subject("K-000001", out, verified_by="id card")
        with pytest.raises(InputError, match="lies in the published folder"):
            shop.office.back_up(out)
        with pytest.raises(InputError, match="lies in the published folder"):
            shop.office.apart(out)  # as every share does
    assert sorted(p.name for p in shop.settings.path("published").rglob("*")) == ["deep"]


def test_outside_is_outside(tmp_path):
    assert require_outside(tmp_path / "a" / ".." / "b", {"published": tmp_path / "a"}) == (
        tmp_path / "b"
    )


def test_check_names_what_lies_among_pages(shop):
    published = shop.settings.path("published")
    published.mkdir(parents=True)
    (published / "rows.csv").write_text("C001, Anna\n")
    assert [p.text for p in check(shop) if p.part == "published"] == [
        f"{published / 'rows.csv'} was not published, and lies where managers read. Take it away."
    ]


def test_under_any_umask_pages_are_not_writable_by_all(tmp_path):
    before = os.umask(0)
    try:
        editions.publish(tmp_path / "published", "overview", "2026-09", page())
        editions.add_standalone(tmp_path / "published", "overview", "2026-09")
    finally:
        os.umask(before)
    for path in [tmp_path / "published", *(tmp_path / "published").rglob("*")]:
        assert not path.stat().st_mode & stat.S_IWOTH, path


def test_a_run_stands_in_a_folder_of_its_own(warm_shop, monkeypatch):
    published = warm_shop.settings.path("published")
    published.mkdir(parents=True)
    write_report(warm_shop.settings.root, *CELLS, "open('rows.csv', 'w').write('C001')")
    monkeypatch.chdir(published)
    wb.open_workspace(warm_shop.settings.root, now=warm_shop.now).reports.render(
        "customers", period="2026-09"
    )
    assert not (published / "rows.csv").exists()
    (left,) = warm_shop.private.rglob("rows.csv")
    assert left.relative_to(warm_shop.private).parts[0] == "runs"
