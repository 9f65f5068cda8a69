"""Several processes at work in one workspace: what one takes away while another looks is gone."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

import pytest
from factories.pages import page
from support.vanishing import touched, vanishing

from workbench.lifecycle.backups.taking import _chosen
from workbench.lifecycle.review import encrypted_places
from workbench.lifecycle.rights import traces
from workbench.privacy.books.witnesses import edition_witnesses, elsewhere
from workbench.reporting.published import editions
from workbench.reporting.published.failures import record_failure, withdraw_failures
from workbench.reporting.published.files import put_whole, revisions, staged
from workbench.store.durable import replace_whole
from workbench.store.keys.marks import Marks
from workbench.store.keys.master import make_master_key
from workbench.store.keys.sources import Keys
from workbench.store.lake_files import _mine, spill_folder
from workbench.store.logs.events import Events, verify
from workbench.store.published_files import RECORD, note, recorded, strange

KEY = "ab" * 32


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a private folder and a published one in which others are at work, to be copied."""
    root = tmp_path_factory.mktemp("made")
    published, private = root / "published", root / "private"
    editions.publish(published, "overview", "2026-09", page())
    record_failure(published, "overview", "2026-08", "Customers")
    left = published / ".staging" / f"{2**22}-left"
    shutil.copytree(published / "overview" / "2026-09" / "r1", left / "r1")
    make_master_key(private / "keys")
    Marks(private, Keys(private / "keys")).secret()
    texts = {
        "keys/next.key": KEY,
        "keys/ledger.mark": '[1, "x"]',
        "keys/master.key.1.part": "cut",
        "store/ledger.mark": '[1, "x"]',
        "store/data/main/customers/a.parquet": "PAR1",
        "store/data/main/customers/b.parquet": "PARE",
        "runs/overview/2026-09/overview.ipynb": '{"cells": []}',
        "runs/overview/2026-09/files/rows.csv": "K-0001",
        "runs/overview/2026-09/kernel.log": "K-0001",
        "ipython/profile_default/history.sqlite": "K-0001",
        "tmp/spill-other/lock": "",
    }
    for name, text in texts.items():
        (private / name).parent.mkdir(parents=True, exist_ok=True)
        (private / name).write_text(text)
    (private / "keys" / "next.key").chmod(0o600)
    return root


def spills(root):
    """Return whether a new process would have a folder to spill to."""
    temp = root / "private" / "tmp"
    try:
        return spill_folder(temp).parent.name.startswith("spill-")
    finally:
        for key in [key for key in _mine if key[1] == temp]:
            del _mine[key]


def keys_made(root):
    (root / "private" / "keys" / "master.key").unlink(missing_ok=True)
    make_master_key(root / "private" / "keys")
    return len((root / "private" / "keys" / "master.key").read_text())


def notes(root):
    (root / "published" / RECORD).unlink(missing_ok=True)
    note(root / "published", {})
    return sorted(recorded(root / "published"))


def stages(root):
    with staged(root / "published") as made:
        return made.is_dir()


LOOKS = {
    "what editions know of the ledger": lambda root: len(edition_witnesses(root / "published")),
    "what else knows of it": lambda root: len(elsewhere(root / "private", root / "published")),
    "whether the log is whole": lambda root: (
        verify(Events(root / "private"), root / "published").witnesses
    ),
    "editions": lambda root: len(list(editions.editions(root / "published"))),
    "revisions": lambda root: revisions(root / "published" / "overview" / "2026-08"),
    "failures taken back": lambda root: withdraw_failures(root / "published", lambda *_: False),
    "what was published": notes,
    "what was not": lambda root: len(list(strange(root / "published"))),
    "a page put where one is": lambda root: put_whole(
        root / "published", root / "published" / "index.html", b"new"
    ),
    "staging": stages,
    "an old run's folder cleared": lambda root: editions.clean(root / "published"),
    "a folder to spill to": spills,
    "a key made": keys_made,
    "the next key": lambda root: Keys(root / "private" / "keys").next(),
    "outputs cleared": lambda root: traces.clear(root / "private"),
    "traces": lambda root: len(traces.search([root / "private" / "runs"], ["K-0001"])),
    "encrypted places": lambda root: encrypted_places(root / "private", ["customers"]),
    "what is backed up": lambda root: len(_chosen(root / "private")),
}
# what runs, retention, rotations and withdrawals take away while others work
GOES = (
    "published/.staging*",
    "published/overview/2026-08*",
    "published/overview/failed.json",
    "private/ipython/*",
    "private/keys/next.key",
    "private/keys/*.part",
    "private/runs/*",
    "private/store/data/*.parquet",
    "private/tmp/spill-*",
)


def fresh(made, tmp_path):
    root = tmp_path / "root"
    shutil.rmtree(root, ignore_errors=True)
    return Path(shutil.copytree(made, root))


@pytest.mark.parametrize("what", LOOKS)
def test_what_goes_at_any_moment_was_there_or_was_not(made, tmp_path, what):
    look, root = LOOKS[what], fresh(made, tmp_path)
    with touched() as paths:
        there = look(root)
    names = {str(path.relative_to(root)) for path in paths if root in path.parents}
    going = [each for each in names if any(fnmatch(each, form) for form in GOES)]
    going = sorted(each for each in going if (made / each).exists())
    for name in going:
        with vanishing(fresh(made, tmp_path) / name):
            seen = look(root)
        gone = fresh(made, tmp_path) / name
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
        assert seen in (there, look(root)), name
    assert going, "nothing was looked at"


def test_threads_that_write_one_file_take_nothing_from_each_other(tmp_path):
    texts = [b"a" * 9000, b"b" * 9000]

    def write(text):
        for _ in range(30):
            replace_whole(tmp_path / "file", text)
            assert (tmp_path / "file").read_bytes() in texts

    with ThreadPoolExecutor() as threads:
        list(threads.map(write, texts))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_no_folder_that_others_write_to_is_walked_by_what_fails_when_a_part_goes(repository):
    package = repository / "workbench"
    walks = re.compile(r"\.rglob\(|glob\([^)]*\*\*/")
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if walks.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"reporting/execution.py"}, "use files_below"  # of installed files
