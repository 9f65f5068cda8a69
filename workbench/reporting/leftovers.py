"""Nobody a run started outlives it, however it ends: a watching process ends the whole group.

A kernel that is started the plain way is the first of a process group of its own. It notices by
itself that its run is gone; what its cells started does not. So a shell waits on a pipe whose other
end only the run holds: when that closes, by the run's end or its death, it ends the group.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator

from workbench.store.key_sources import without_keys

# A run that dies before it has named a group has started nothing
_WATCH = 'read -r group || exit 0; while read -r more; do :; done; kill -s KILL -- "-$group"'


@contextlib.contextmanager
def ended_with_this() -> Iterator[Callable[[int], None]]:
    """Yield a function that is told a process group, once; it ends with this block or process.

    Nothing is watched before, so that nothing is started for a run that needs no plain kernel.
    """
    held: list[int] = []
    watching: list[subprocess.Popen[bytes]] = []

    def watch(group: int) -> None:
        if group == os.getpgrp() or held:  # ours would be ended too
            return
        reading, writing = os.pipe()  # neither is inherited by what is started
        held.append(writing)
        watching.append(
            subprocess.Popen(
                ["/bin/sh", "-c", _WATCH],
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # of a group that has ended already
                cwd="/",
                env=without_keys(),
                start_new_session=True,  # what is sent to the run's group is not for it
            )
        )
        os.close(reading)
        os.write(writing, f"{group}\n".encode())

    try:
        yield watch
    finally:
        for writing in held:
            os.close(writing)
        for each in watching:
            each.wait()
