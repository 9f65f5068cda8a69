"""Editions are published whole or not at all."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest
from factories.notebooks import code, notebook
from factories.pages import CHINESE, MONTHLY, RELEASES, page

from workbench import figures
from workbench.errors import InputError, PublishError
from workbench.reporting.pages import page_assets
from workbench.reporting.published import editions, failures
from workbench.reporting.published.files import STAGING
from workbench.reporting.published.index import rebuild_index
from workbench.reporting.published.record import Edition, read
from workbench.reporting.published.record import editions as editions_in
from workbench.store.published_files import RECORD

TESTS = Path(__file__).resolve().parents[2]


def _page(factor=1, **context):
    """Return a small page whose key figures are ``factor`` times the usual ones."""
    columns = {
        name: [factor * each if name != "month" else each for each in values]
        for name, values in MONTHLY.columns.items()
    }
    monthly = replace(MONTHLY, columns=columns)
    cells = [
        code("wb.figures.kpis(m)", figures.kpis(MONTHLY)),
        code("wb.figures.line(m)", figures.line(MONTHLY, x="month", y="customers")),
    ]
    return page(notebook(*cells), lookup={**RELEASES, monthly.id: monthly}.__getitem__, **context)


def _files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != RECORD
    }


def test_an_edition_is_a_page_a_record_a_shared_script_and_the_index(tmp_path):
    made = editions.publish(
        tmp_path, "overview", "2026-09", _page(), identity="x", ledger_head=(7, "ab")
    )
    assert made.new
    assert made.page == tmp_path / "overview" / "2026-09" / "index.html"
    assert set(_files(tmp_path)) == {
        "index.html",
        f"assets/{page_assets.bundle().file_name}",
        "assets/plotly.LICENSE.txt",
        "feed.xml",
        "overview/2026-09/index.html",
        "overview/2026-09/mail.txt",
        "overview/2026-09/r1/index.html",
        "overview/2026-09/r1/edition.json",
    }
    record = read(tmp_path / "overview" / "2026-09" / "r1")
    assert (record.identity, record.ledger_head, record.data_version) == ("x", (7, "ab"), "v17")
    assert record.releases == ("r-000002",)
    assert Edition.from_json(record.to_json()) == record


def test_links_lead_from_where_a_page_stands(tmp_path):
    made = editions.publish(tmp_path, "overview", "2026-09", _page())
    script = f"assets/{page_assets.bundle().file_name}"
    for folder in (made.page.parent, made.page.parent / "r1"):
        html = (folder / "index.html").read_text()
        (source,) = [part.split('"')[0] for part in html.split('<script src="')[1:]]
        assert (folder / source).resolve() == (tmp_path / script).resolve()
        (back,) = [
            part.split('"')[0] for part in html.split('<nav aria-label="Reports"><a href="')[1:]
        ]
        assert (folder / back).resolve() == tmp_path / "index.html"


def test_the_same_bytes_again_are_no_revision(tmp_path):
    editions.publish(tmp_path, "overview", "2026-09", _page())
    before = _files(tmp_path)
    assert not editions.publish(tmp_path, "overview", "2026-09", _page()).new
    assert _files(tmp_path) == before


def test_the_same_page_of_other_inputs_remembers_them(tmp_path):
    editions.publish(tmp_path, "overview", "2026-09", _page(), identity="old")
    made = editions.publish(tmp_path, "overview", "2026-09", _page(), identity="new")
    assert not made.new
    assert editions.latest(tmp_path, "overview", "2026-09").edition.identity == "new"


def test_other_figures_are_a_revision_that_says_what_changed_and_the_old_one_stays(tmp_path):
    editions.publish(tmp_path, "overview", "2026-09", _page())
    old = (tmp_path / "overview/2026-09/r1/index.html").read_text()
    made = editions.publish(tmp_path, "overview", "2026-09", _page(2))
    assert (made.new, made.edition.revision) == (True, 2)
    html = made.page.read_text()
    assert "Revision 2" in html
    assert "<li>Customers: 2,518 ± 50; before, 1,259 ± 25</li>" in html
    kept = (tmp_path / "overview/2026-09/r1/index.html").read_text()
    replaced = (
        '\n<p class="banner superseded">A later revision replaces this one. '
        '<a href="../index.html">Read the newest revision</a></p>'
    )
    assert kept.replace(replaced, "") == old
    assert kept.count(replaced) == 1
    assert replaced not in html
    assert not editions.publish(tmp_path, "overview", "2026-09", _page(2)).new
    assert editions.publish(tmp_path, "overview", "2026-09", _page(3)).edition.revision == 3


def test_languages_stand_side_by_side(tmp_path):
    pages = [_page(), _page(language="zh", translations=CHINESE)]
    made = editions.publish(tmp_path, "overview", "2026-09", pages)
    assert made.edition.languages == {"en": "index.html", "zh": "index.zh.html"}
    assert 'href="index.zh.html"' in made.page.read_text()
    assert 'href="index.html" lang="en"' in (made.page.parent / "index.zh.html").read_text()


def test_a_language_that_a_revision_has_no_more_leaves_no_page_behind(tmp_path):
    pages = [_page(), _page(language="zh", translations=CHINESE)]
    folder = editions.publish(tmp_path, "overview", "2026-09", pages).page.parent
    editions.add_standalone(tmp_path, "overview", "2026-09")
    editions.publish(tmp_path, "overview", "2026-09", [_page(2)])
    assert sorted(path.name for path in folder.iterdir()) == [
        "index.html",
        "mail.txt",
        "r1",
        "r2",
        "standalone.html",
    ]
    assert (folder / "r1" / "index.zh.html").is_file()


def test_variants_of_a_grid_have_their_own_folders(tmp_path):
    north = editions.publish(tmp_path, "overview", "2026-09", _page(), variant="region=north")
    south = editions.publish(tmp_path, "overview", "2026-09", _page(), variant="region=south")
    assert north.page == tmp_path / "overview/2026-09/region=north/index.html"
    assert (north.edition.revision, south.edition.revision) == (1, 1)
    assert editions.latest(tmp_path, "overview", "2026-09") is None
    assert '<script src="../../../assets/' in north.page.read_text()


@pytest.mark.parametrize(
    "name", ["../x", "a/b", ".hidden", "", "r1", "a b", "Zhang Wei", "x" * 121]
)
def test_a_folders_name_is_only_a_name(name):
    with pytest.raises(InputError, match="cannot be a folder"):
        Edition(report=name, period="2026-09", title="t")


def test_a_failure_shows_on_the_index_and_a_success_clears_it(tmp_path):
    editions.publish(tmp_path, "overview", "2026-09", _page())
    failures.record_failure(tmp_path, "overview", "2026-10", "Customer overview")
    index = tmp_path / "index.html"
    assert "October 2026: failed; last good edition: September 2026" in index.read_text()
    assert (tmp_path / "overview/2026-09/index.html").is_file()
    editions.publish(tmp_path, "overview", "2026-10", _page(2, period="2026-10"))
    assert 'class="failure"' not in index.read_text()


def test_a_first_failure_shows_on_the_index_too(tmp_path):
    failures.record_failure(tmp_path, "overview", "2026-10", "Customer overview")
    html = (tmp_path / "index.html").read_text()
    assert "Customer overview" in html
    assert "October 2026: failed; no edition has been published yet" in html


def test_a_broken_record_hides_its_edition_and_nothing_else(tmp_path):
    editions.publish(tmp_path, "overview", "2026-08", _page(period="2026-08"))
    editions.publish(tmp_path, "overview", "2026-09", _page())
    (tmp_path / "overview/2026-09/r1/edition.json").write_text("{")
    rebuild_index(tmp_path)
    assert [each.period for each in editions_in(tmp_path)] == ["2026-08"]


def test_an_unwritable_folder_says_the_way_out(tmp_path):
    blocked = tmp_path / "published"
    blocked.write_text("a file where a folder should be")
    with pytest.raises(PublishError, match=r"could not publish .*Let this user write there"):
        editions.publish(blocked, "overview", "2026-09", _page())


@pytest.fixture
def small_disk(tmp_path):
    """A disk that holds one edition and not two."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root; .ci/run has it")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1600k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this machine does not let a test mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_what_was_there_and_no_debris(small_disk):
    editions.publish(small_disk, "overview", "2026-08", _page(period="2026-08"))
    filler = small_disk / "filler"
    with filler.open("wb") as file:
        free = os.statvfs(small_disk)
        file.write(b"0" * (free.f_bavail * free.f_frsize - 8192))
    before = _files(small_disk)
    with pytest.raises(
        PublishError, match=r"The disk is full. Free some space and run the report again"
    ):
        editions.publish(small_disk, "overview", "2026-09", _page())
    assert _files(small_disk) == before
    assert not (small_disk / STAGING).exists()
    filler.unlink()
    assert editions.publish(small_disk, "overview", "2026-09", _page()).new


KILLED = """
import sys; sys.path[:0] = [{tests!r}, {here!r}]
from pathlib import Path
from test_editions import _page
from workbench.reporting.published import editions
page = _page(2)
print("ready", flush=True)
sys.stdin.readline()
editions.publish(Path({folder!r}), "overview", "2026-09", page)
print("done", flush=True)
"""


@pytest.fixture(scope="module")
def published_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("once")
    editions.publish(folder, "overview", "2026-09", _page())
    return folder


def test_killed_at_any_moment_the_last_good_page_stays(published_once, tmp_path, size):
    """At any moment all of the old edition or all of the new; and the next run heals."""
    folder = tmp_path / "published"
    after = tmp_path / "after"
    shutil.copytree(published_once, after)
    renewed = _page(2)
    started = time.monotonic()
    editions.publish(after, "overview", "2026-09", renewed)
    window_seconds = 1.5 * (time.monotonic() - started)  # kills fall into it, and just after
    old, new = (_files(each / "overview/2026-09")["index.html"] for each in (published_once, after))
    outcomes = set()
    moments = {"smoke": 6, "full": 120}[size]
    for number in range(moments):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(published_once, folder)
        code_text = textwrap.dedent(KILLED).format(
            tests=str(TESTS), here=str(TESTS / "reporting" / "published"), folder=str(folder)
        )
        with subprocess.Popen(
            [sys.executable, "-c", code_text], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as run:
            assert run.stdout.readline() == b"ready\n"
            run.stdin.write(b"\n")
            run.stdin.flush()
            time.sleep(window_seconds * number / moments)
            run.send_signal(signal.SIGKILL)
            run.stdout.read()
        shown = (folder / "overview/2026-09/index.html").read_bytes()
        assert shown in (old, new)
        outcomes.add(shown == new)
        for edition in editions_in(folder):
            stored = folder / edition.folder / f"r{edition.revision}"
            assert set(edition.sha256) | {"edition.json"} == {
                path.name for path in stored.iterdir()
            }
        editions.publish(folder, "overview", "2026-09", _page(2))
        assert _files(folder) == _files(after)
    assert outcomes >= {False}


def test_an_interrupted_showing_is_finished_by_the_next_run(tmp_path):
    editions.publish(tmp_path, "overview", "2026-09", _page())
    first = (tmp_path / "overview/2026-09/index.html").read_bytes()
    editions.publish(tmp_path, "overview", "2026-09", _page(2))
    after = _files(tmp_path)
    (tmp_path / "overview/2026-09/index.html").write_bytes(first)  # killed before the last rename
    dead = tmp_path / STAGING / "999999999-x"
    dead.mkdir(parents=True)
    editions.clean(tmp_path)
    assert _files(tmp_path) == after
    assert not (tmp_path / STAGING).exists()


def test_another_runs_staging_is_left_alone(tmp_path):
    living = tmp_path / STAGING / f"{os.getpid()}-other"
    living.mkdir(parents=True)
    editions.publish(tmp_path, "overview", "2026-09", _page())
    assert living.is_dir()


def test_records_hold_released_facts_only(tmp_path):
    editions.publish(tmp_path, "overview", "2026-09", _page())
    record = json.loads((tmp_path / "overview/2026-09/r1/edition.json").read_text())
    assert set(record) == {
        "alerts",
        "at",
        "audience",
        "audit_head",
        "cards",
        "changed",
        "changed_in",
        "data_version",
        "headline",
        "house",
        "houses",
        "identity",
        "languages",
        "ledger_head",
        "made_of",
        "period",
        "releases",
        "report",
        "revision",
        "sha256",
        "title",
        "titles",
        "variant",
        "version",
        "withdrawn",
    }
