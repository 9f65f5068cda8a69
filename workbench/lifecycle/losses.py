"""Registers that are lost begin anew by an officer's recorded word, and by nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path

from workbench.store.corrections import Corrections
from workbench.store.engine import Store
from workbench.store.keys.marks import Marks
from workbench.store.logs.events import Events
from workbench.store.logs.older import broken_of, set_aside

LOST = "register lost"


def begin_anew(
    private: Path,
    store: Store,
    events: Events,
    word: Callable[[], Mapping[str, str]],
    now: dt.datetime,
) -> list[str]:
    """Let what is lost begin anew and record it; return which.

    Parameters
    ----------
    word : callable
        Whose word it is and why; asked for where something is lost, refuses who may not say so.
    """
    older = [each.name for each in broken_of(private)]
    fewer: dict[str, Marks | Corrections] = {"marks": store.marks, "corrections": store.corrections}
    names = [*older, *(["audit"] if events.lost() else [])]
    names += [name for name, file in fewer.items() if file.lost()]
    if names:
        told = {**word(), "registers": names}
        set_aside(private)
        lost: dict[str, Events | Marks | Corrections] = {"audit": events, **fewer}
        for each in (lost[name] for name in names if name in lost):
            each.begin_anew()
        events.act(LOST, told, now=now)
    return names
