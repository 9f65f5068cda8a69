"""Processes that do something to a workspace and are killed in the middle of it."""

import datetime as dt
import time
import traceback

import workbench as wb
from support.forked import FORKED


def _child(told, folder, code, now):
    try:
        ws = wb.open_workspace(folder, now=lambda: now)
        ws.store.connect().close()
        _ = ws.catalog
        told.send("ready")
        told.recv()
        exec(code, {"ws": ws, "wb": wb, "dt": dt})  # noqa: S102  # why: the tests' own
        told.send("done")
    except BaseException:  # noqa: BLE001  # why: told where the process is waited for
        told.send(traceback.format_exc())


def run_and_kill(folder, code, now, after_seconds=None):
    """Run ``code`` on a workspace ``ws``; kill -9 it after a while; return how long it ran.

    Without ``after_seconds`` it runs to its end.
    """
    ours, theirs = FORKED.Pipe()
    child = FORKED.Process(target=_child, args=(theirs, str(folder), code, now))
    child.start()
    theirs.close()

    def said(word):
        heard = ours.recv()
        assert heard == word, f"the child did not come to {word}: {heard}"

    try:
        said("ready")
        began = time.monotonic()
        ours.send("go")
        if after_seconds is None:
            said("done")
            return time.monotonic() - began
        time.sleep(after_seconds)
        return after_seconds
    finally:
        child.kill()
        child.join()
        ours.close()
