"""Engines that spill at once do not disturb each other, and leave nothing."""

import signal
import subprocess
import sys

import workbench as wb

SPILLS = """
import os, signal, sys, workbench as wb
ws = wb.open_workspace(sys.argv[1])
engines = [ws.store.connect() for _ in range(2)]
for each in engines:
    each.execute("SET memory_limit = '40MB'; SET threads = 1; SET enable_progress_bar = false")
    each.execute("CREATE TEMP TABLE t AS SELECT md5(i::VARCHAR) AS x FROM range(1500000) r(i)")
print("spilled", flush=True)
sys.stdin.readline()
for each in engines:
    print(each.execute("SELECT count(DISTINCT x) FROM t").fetchone()[0], flush=True)
if sys.argv[2:]:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def started(shop, *words):
    process = subprocess.Popen(
        [sys.executable, "-c", SPILLS, str(shop.settings.root), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process


def spilled(shop):
    return {path.relative_to(shop.private / "tmp") for path in shop.private.glob("tmp/*/*/*")}


def test_two_processes_spill_at_once_and_what_they_leave_goes(shop):
    both = [started(shop), started(shop, "killed")]
    for each in both:
        assert "spilled\n" in iter(each.stdout.readline, "")  # after what the engine says
    assert len({path.parts[:2] for path in spilled(shop)}) == 4  # two engines in each of two
    told = [each.communicate("\n")[0].split() for each in both]
    assert told == [["1500000", "1500000"]] * 2
    assert [each.returncode for each in both] == [0, -signal.SIGKILL]
    assert len({path.parts[0] for path in spilled(shop)}) == 1  # of the one that was killed
    wb.open_workspace(shop.settings.root, now=shop.now).store.connect().close()
    assert spilled(shop) == set()
