"""A full disk and a place that is not there are no faults of workbench."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from workbench.cli import main


@pytest.fixture
def write():
    @main.command(name="write-into")
    @click.argument("place")
    def _(place):
        Path(place).write_text("x" * 100_000)

    yield lambda place: CliRunner().invoke(main, ["write-into", place])
    del main.commands["write-into"]


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("/dev/full", "StorageError: the disk is full. Make room"),
        ("/no/such/folder/out.csv", "/no/such/folder/out.csv: No such file or directory"),
        ("/proc", "/proc: Is a directory"),
    ],
)
def test_what_a_disk_refuses_is_told_plainly(write, place, told):
    done = write(place)
    assert done.exit_code == 7
    assert told in done.output
    assert "fault in workbench" not in done.output
