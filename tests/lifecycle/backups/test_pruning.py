"""Backups that are kept by days, weeks and months, the others gone; each read to its end."""

import datetime as dt
import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import workbench as wb
from workbench.cli import main
from workbench.lifecycle.backups import pruning
from workbench.lifecycle.backups.archive import ArchiveWriter

KEEP = "[keep_backups]\ndaily = 3\nweekly = 2\nmonthly = 2\n"


@pytest.fixture
def desk(shop):
    """Return the shop, which keeps few backups."""
    path = shop.settings.root / "workbench.toml"
    path.write_text(path.read_text() + KEEP)
    return wb.open_workspace(shop.settings.root, now=shop.now)


def lay(desk, days):
    """Lay a backup of each day into the folder; that it holds no data is no matter here."""
    folder = desk.settings.path("backups")
    folder.mkdir()
    for day in days:
        with (folder / f"workbench-{day:%Y%m%d}.backup").open("wb") as file:
            writer = ArchiveWriter(file, desk.store.master_key, {"made": day.isoformat()})
            writer.write(b"anything")
            writer.finish()


def test_the_last_of_each_day_week_and_month_stays(desk):
    newest = dt.datetime(2026, 9, 30, 2, tzinfo=dt.UTC)
    lay(desk, [newest - dt.timedelta(days=n) for n in range(0, 70, 2)])
    kept = {f"{b.made:%m-%d}": b.kept for b in pruning.backups(desk.office) if b.kept}
    assert kept == {
        "09-30": ("newest", "daily", "weekly", "monthly"),
        "09-28": ("daily",),
        "09-26": ("daily", "weekly"),
        "08-31": ("monthly",),
    }
    gone = pruning.prune(desk.office)
    assert len(gone) == 35 - 4
    left = {path.name for path in desk.settings.path("backups").glob("*.backup")}
    assert left == {f"workbench-2026{day.replace('-', '')}.backup" for day in kept}
    assert pruning.prune(desk.office) == []
    (entry,) = desk.events.entries("backups pruned")
    assert (len(entry.body["files"]), entry.body["left"]) == (31, 4)


def test_what_cannot_be_read_stays_and_is_told(desk):
    made = Path(desk.office.back_up().file)
    cut, other = made.with_name("cut.backup"), made.with_name("other.backup")
    cut.write_bytes(made.read_bytes()[:-100])
    other.write_text("no backup at all")
    listed = {Path(each.file).name: each.kept for each in pruning.backups(desk.office)}
    assert listed["other.backup"] == ("not readable",)
    run = CliRunner().invoke(main, ["store", "backups", "check", "-w", str(desk.settings.root)])
    assert run.exit_code == 7
    assert f"{made}: whole" in run.output
    assert "is cut off or corrupted at its end" in run.output
    assert "is not a backup of workbench" in run.output
    made.with_name(f"{made.name}.sha256").write_text("00  x\n")
    assert "not the file its checksum was made of" in pruning.check(desk.office)[str(made)]


def test_for_a_neighbours_backup_or_one_ahead_of_the_clock_none_of_ours_goes(desk, tmp_path):
    path = desk.settings.root / "workbench.toml"
    path.write_text(path.read_text().replace("daily = 3", "daily = 0").replace("= 2", "= 0"))
    neighbour = tmp_path / "neighbour"  # a copy, under the very same key
    shutil.copytree(desk.settings.root, neighbour)
    desk = wb.open_workspace(desk.settings.root, now=desk.now)
    desk.office.restrict_subject("K-000008", verified_by="id card")
    ours = Path(desk.office.back_up().file)

    def later(folder, hours):
        moment = desk.now() + dt.timedelta(hours=hours)
        return wb.open_workspace(folder, now=lambda: moment)

    for number in range(3):
        later(neighbour, 1 + number).office.subject_held("K-000009", verified_by="id card")
    theirs = Path(later(neighbour, 4).office.back_up(ours.with_name("theirs.backup")).file)
    ahead = ours.with_name("ahead.backup")
    with ahead.open("wb") as file:
        ArchiveWriter(file, desk.store.master_key, {"made": "2031-01-01T00:00:00+00:00"}).finish()
    assert pruning.prune(later(desk.settings.root, 5).office) == []
    listed = {each.file: each.kept for each in pruning.backups(later(desk.settings.root, 5).office)}
    assert listed == {
        str(ours): ("newest",),
        str(theirs): ("not known to this workspace",),
        str(ahead): ("ahead of the clock",),
    }


def test_a_prune_wants_to_be_meant(desk):
    path = desk.settings.root / "workbench.toml"
    path.write_text(path.read_text().replace("daily = 3", "daily = 0").replace("= 2", "= 0"))
    for hour in (0, 1):
        later = wb.open_workspace(
            desk.settings.root, now=lambda h=hour: desk.now() + dt.timedelta(hours=h)
        )
        later.office.back_up()

    def run(*words):
        return CliRunner().invoke(main, ["store", "backups", *words, "-w", str(desk.settings.root)])

    assert "kept: newest" in run("list").output
    assert run("prune").exit_code == 2
    assert len(json.loads(run("list", "--json").output)) == 2
    told = json.loads(run("prune", "--yes", "--json").output)
    assert (len(told["removed"]), told["left"]) == (1, 1)


def test_executed_notebooks_go_after_their_time(shop):
    folder = shop.private / "runs" / "overview" / "2026-09"
    folder.mkdir(parents=True)
    for name, age in (("old.ipynb", 91), ("new.ipynb", 90)):
        (folder / name).write_text("{}")
        written = (shop.now() - dt.timedelta(days=age)).timestamp()
        os.utime(folder / name, (written, written))
    (due,) = (each for each in shop.office.retention_plan() if each.table == "executed notebooks")
    assert (due.rows, due.oldest) == (1, (shop.now() - dt.timedelta(days=91)).date())
    assert shop.office.apply_retention() == {"executed notebooks": 1}
    assert [path.name for path in folder.iterdir()] == ["new.ipynb"]
