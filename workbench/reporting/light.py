"""Import packages that read and run notebooks, without what takes half of their time."""

from __future__ import annotations

import importlib
import sys
import threading
from typing import Any

GRAMMARS = "rfc3987_syntax"
_one = threading.Lock()


def import_light(name: str, without: str = GRAMMARS) -> Any:
    """Import a package as if another that it can do without were missing.

    ``nbformat`` imports ``jsonschema``, which compiles 40 grammars of international addresses for
    a check that no notebook asks for: half the time of the import. It does without when the
    grammars' package is missing.

    Parameters
    ----------
    name : str
        What to import.
    without : str
        What is not there meanwhile, unless it was imported before.
    """
    if name in sys.modules:
        return importlib.import_module(name)  # which waits for another thread that is at it
    with _one:
        there = without in sys.modules
        sys.modules.setdefault(without, None)  # type: ignore[arg-type]  # why: as if missing
        try:
            return importlib.import_module(name)
        finally:
            if not there:
                del sys.modules[without]
