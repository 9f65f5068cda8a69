"""A kernel's deadlines, memory and outputs: what a run may take, and what it went beyond."""

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
        The limit for which its kernel was killed, if it was, in words.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits, self.beyond = limits, ""
        self._end = time.monotonic() + limits.run_seconds
        self._cell_end = self._end
        self._output_bytes = 0
        self._kernel: Callable[[], int | None] = lambda: None

    def seconds_for(self, _cell: Any) -> float:
        """Return how long a cell that starts now may take."""
        self._cell_end = min(time.monotonic() + self.limits.cell_seconds, self._end)
        return max(self._cell_end - time.monotonic(), 0.001)  # why: none would mean no deadline

    def late(self) -> str:
        """Return which deadline a cell that was given up for its time has missed."""
        if self.beyond:
            return self.beyond
        if time.monotonic() < self._cell_end - _LOOK_SECONDS:  # a wait may end a moment early
            return "the cell was done, but what it printed did not arrive; let it print less"
        if self._cell_end == self._end:
            return f"the notebook took longer than run_seconds: {self.limits.run_seconds}"
        return f"a cell took longer than cell_seconds: {self.limits.cell_seconds}"

    def arrived(self, size_bytes: int) -> bool:
        """Count what a kernel sent; kill it once that is more than it may. Return if it goes on."""
        self._output_bytes += size_bytes
        if self._output_bytes > self.limits.output_mb * _MEGABYTE and not self.beyond:
            self._kill(f"its cells printed more than output_mb: {self.limits.output_mb}")
        return not self.beyond

    @contextlib.contextmanager
    def over(self, kernel: Callable[[], int | None]) -> Iterator[None]:
        """Kill a kernel that takes more memory than it may, children included.

        Parameters
        ----------
        kernel : callable
            Returns the kernel's process, or None while there is none.
        """
        self._kernel = kernel
        if self.limits.memory_mb is None:
            yield
            return
        done = threading.Event()
        look = threading.Thread(target=self._look, args=(done,), daemon=True)
        look.start()
        try:
            yield
        finally:
            done.set()
            look.join()

    def _look(self, done: threading.Event) -> None:
        import psutil

        allowed = (self.limits.memory_mb or 0) * _MEGABYTE
        while not done.wait(_LOOK_SECONDS):
            with contextlib.suppress(psutil.Error):  # it has just ended
                if sum(each.memory_info().rss for each in self._family()) > allowed:
                    self._kill(f"it took more than memory_mb: {self.limits.memory_mb}")
                    return

    def _kill(self, why: str) -> None:
        import psutil

        self.beyond = why
        with contextlib.suppress(psutil.NoSuchProcess):
            for each in self._family():
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()

    def _family(self) -> list[Any]:
        import psutil

        if (process := self._kernel()) is None:
            return []
        root = psutil.Process(process)
        return [root, *root.children(recursive=True)]
