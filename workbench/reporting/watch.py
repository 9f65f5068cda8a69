"""A kernel's deadlines and its memory: what a run may take, and what it went beyond."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from workbench.reporting.definitions.definition import Limits

_LOOK_SECONDS = 0.25
_MEGABYTE = 1_000_000


class Watch:
    """What one run of a notebook may take.

    Attributes
    ----------
    beyond : str
        The limit that ends it, if one does, in words.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits, self.beyond = limits, ""
        self._end = time.monotonic() + limits.run_seconds

    def seconds_for(self, _cell: Any) -> float:
        """Return how long a cell that starts now may take."""
        left = self._end - time.monotonic()
        if left < self.limits.cell_seconds:
            self.beyond = f"the notebook took longer than run_seconds: {self.limits.run_seconds}"
            return max(left, 0.001)  # why: no time at all would mean no deadline
        self.beyond = f"a cell took longer than cell_seconds: {self.limits.cell_seconds}"
        return self.limits.cell_seconds

    @contextlib.contextmanager
    def memory(self, kernel: Callable[[], int | None]) -> Iterator[None]:
        """Kill a kernel that takes more memory than it may, children included.

        Parameters
        ----------
        kernel : callable
            Returns the kernel's process, or None while there is none.
        """
        if self.limits.memory_mb is None:
            yield
            return
        done = threading.Event()
        look = threading.Thread(target=self._look, args=(kernel, done), daemon=True)
        look.start()
        try:
            yield
        finally:
            done.set()
            look.join()

    def _look(self, kernel: Callable[[], int | None], done: threading.Event) -> None:
        import psutil

        allowed = (self.limits.memory_mb or 0) * _MEGABYTE
        while not done.wait(_LOOK_SECONDS):
            process = kernel()
            with contextlib.suppress(psutil.Error):  # it has just ended
                if process is None:
                    continue
                family = [root := psutil.Process(process), *root.children(recursive=True)]
                if sum(each.memory_info().rss for each in family) > allowed:
                    self.beyond = f"it took more than memory_mb: {self.limits.memory_mb}"
                    for each in family:
                        with contextlib.suppress(psutil.NoSuchProcess):
                            each.kill()
                    return
