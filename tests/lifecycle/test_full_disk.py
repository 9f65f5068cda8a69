"""A full disk in the middle of an act: nothing is lost, the way out is told, and it ends."""

import contextlib
import datetime as dt
import shutil

import pytest
from click.testing import CliRunner

import workbench as wb
from workbench.cli import main
from workbench.errors import StorageError

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
LATER = dt.datetime(2032, 6, 15, 9, tzinfo=dt.UTC)
WHO = ("K-000010", "--verified-by", "id card")
FREE_BYTES = (0, 4_000, 12_000, 40_000, 100_000, 1_000_000, 3_000_000, 4_000_000, 7_000_000)


def _fill(folder, free_bytes):
    """Fill a disk but for some bytes; return what to remove."""
    spare, filler = folder / "spare", folder / "filler"
    spare.write_bytes(b"x" * free_bytes)
    with filler.open("wb", buffering=0) as file:
        for size in (1_000_000, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass
    spare.unlink()
    return filler


def _customers(folder, now=NOW):
    ws = wb.open_workspace(folder, now=lambda: now)
    return int(ws.open("customers", "service").count().execute())


@pytest.fixture
def on_a_disk(shop, small_disk):
    """Return a function that puts the shop on a small disk of its own."""

    def put():
        folder = small_disk(60_000_000) / "shop"
        shutil.copytree(shop.settings.root, folder, symlinks=True)
        return folder

    return put


@pytest.mark.parametrize(
    ("words", "free_bytes", "left"),
    [
        (("store", "keys", "rotate"), 300_000, 600),
        (("store", "keys", "rotate", "--data"), 5_000_000, 600),
        (("store", "backup"), 300_000, 600),
        (("subject", "export", *WHO, "--out", "out"), 12_000, 600),
        (("subject", "erase", *WHO, "--yes"), 3_500_000, 599),
    ],
)
def test_a_command(on_a_disk, monkeypatch, size, words, free_bytes, left):
    for free in (free_bytes,) if size == "smoke" else FREE_BYTES:
        folder = on_a_disk()
        monkeypatch.chdir(folder)
        filler = _fill(folder, free)
        full = CliRunner().invoke(main, words)
        filler.unlink()
        assert full.exit_code == 7 or (size == "full" and full.exit_code == 0), full.stderr
        if full.exit_code:
            assert "disk" in full.stderr or "No space left on device" in full.stderr
            assert "fault" not in full.stderr
            assert _customers(folder) in (600, left)
            again = CliRunner().invoke(main, words)
            assert again.exit_code == 0, again.stderr
        assert _customers(folder) == left
        assert CliRunner().invoke(main, ["office", "audit", "verify"]).exit_code == 0
        assert not list(folder.rglob("*.part"))
        assert not list(folder.rglob("*.new"))


def test_rows_past_their_time(on_a_disk, size):
    for free in (4_000_000,) if size == "smoke" else FREE_BYTES:
        folder = on_a_disk()
        filler = _fill(folder, free)
        with pytest.raises(StorageError, match=r"full|No space left"):
            wb.open_workspace(folder, now=lambda: LATER).office.apply_retention()
        filler.unlink()
        assert _customers(folder, LATER) in (600, 270)
        wb.open_workspace(folder, now=lambda: LATER).office.apply_retention()
        assert _customers(folder, LATER) == 270
