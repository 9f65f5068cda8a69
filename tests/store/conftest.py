"""Disks that are read-only."""

import subprocess

import pytest


@pytest.fixture
def read_only():
    """Return a function that makes a disk from ``small_disk`` read-only."""

    def remount(folder):
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)

    return remount
