"""Disks that are full or read-only."""

import os
import subprocess

import pytest


@pytest.fixture
def small_disk(tmp_path):
    """Return a function that mounts a disk of so many bytes, and undoes it afterwards."""
    mounted = []

    def mount(size_bytes):
        folder = tmp_path / f"disk-{len(mounted)}"
        folder.mkdir()
        if os.geteuid() != 0:
            pytest.skip("only root may mount a small disk")
        command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "small", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("this machine mounts no small disk")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def read_only():
    """Return a function that makes a disk from ``small_disk`` read-only."""

    def remount(folder):
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)

    return remount
