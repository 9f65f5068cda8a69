"""Processes that do something to a workspace and are killed in the middle of it."""

import subprocess
import sys
import tempfile
import time

_CHILD = """\
import datetime as dt, sys
import workbench as wb
import workbench.lifecycle.backups.restoring, workbench.lifecycle.facts
ws = wb.open_workspace({folder!r}, now=lambda: dt.datetime.fromisoformat({now!r}))
ws.store.connect().close()
ws.catalog
print("ready", flush=True)
sys.stdin.readline()
{code}
print("done", flush=True)
"""


def run_and_kill(folder, code, now, after_seconds=None):
    """Run ``code`` on a workspace ``ws``; kill -9 it after a while; return how long it ran.

    Without ``after_seconds`` it runs to its end.
    """
    text = _CHILD.format(folder=str(folder), now=now.isoformat(), code=code)
    with tempfile.TemporaryFile("w+") as told:
        child = subprocess.Popen(
            [sys.executable, "-c", text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
        )

        def said(word):
            if child.stdout.readline() == f"{word}\n":
                return
            code = child.wait()
            told.seek(0)
            raise AssertionError(f"the child ended with {code} before {word}: {told.read()}")

        try:
            said("ready")
            began = time.monotonic()
            child.stdin.write("\n")
            child.stdin.flush()
            if after_seconds is None:
                said("done")
                return time.monotonic() - began
            time.sleep(after_seconds)
            return after_seconds
        finally:
            child.kill()
            child.wait()
            child.stdin.close()
            child.stdout.close()
