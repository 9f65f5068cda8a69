"""Registers that are lost begin anew by an officer's recorded word, and by nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path

from workbench.lifecycle.journal import Journal
from workbench.lifecycle.register import registers
from workbench.store.corrections import Corrections
from workbench.store.engine import Store
from workbench.store.keys.marks import Marks
from workbench.store.logs.audit import Audit
from workbench.store.quality.history import QualityHistory

LOST = "register lost"


def begin_anew(
    private: Path,
    store: Store,
    audit: Audit,
    word: Callable[[], Mapping[str, str]],
    now: dt.datetime,
) -> list[str]:
    """Let what is lost begin anew and record it; return which.

    Parameters
    ----------
    word : callable
        Whose word it is and why; asked for where something is lost, refuses who may not say so.
    """
    journal, kept = Journal(private), registers(private)
    logs = {"audit": audit.chain, "journal": journal.chain}
    logs |= {"history of quality": QualityHistory(private).chain}
    gone = {name: chain for name, chain in logs.items() if chain.lost()}
    gone |= {name: register.chain for name, register in kept.items() if register.lost()}
    counted: dict[str, Marks | Corrections] = {"marks": store.marks}
    counted["corrections"] = store.corrections
    fewer = {name: each for name, each in counted.items() if each.lost()}
    names = [*gone, *fewer]
    if names:
        told = {**word(), "registers": names}
        for chain in gone.values():
            chain.begin_anew()
        for each in fewer.values():
            each.begin_anew()
        journal.record(LOST, told, now=now)
        audit.record(LOST, told, now=now)
    return names
