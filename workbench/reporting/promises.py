"""Editions that are made side by side do not count on the same rest of a limit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from workbench.privacy.budget import Need, Short

Fits = Callable[[Need, Sequence[Need]], tuple[Short, ...]]


class Promises:
    """What the editions that are being made may still pay."""

    def __init__(self) -> None:
        self._made: list[Need] = []
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._made)

    def fits(self, need: Need, short: Fits) -> bool:
        """Promise what is needed if it fits beside everything that is promised."""
        with self._changed:
            if short(need, self._made):
                return False
            self._made.append(need)
            return True

    def wait(self, need: Need, short: Fits) -> tuple[Short, ...]:
        """Promise what is needed; or return what it is short of, once nothing else is promised.

        What is promised may be spent already, and then counts twice: whoever does not fit waits
        until the others have ended.
        """
        with self._changed:
            while found := short(need, self._made):
                if not self._made:
                    return found
                self._changed.wait()
            self._made.append(need)
            return ()

    def end(self, need: Need) -> None:
        """Take a promise back: its edition is made, or failed."""
        with self._changed:
            self._made.remove(need)
            self._changed.notify_all()
