"""Import packages that read notebooks, without what takes half of their time."""

from __future__ import annotations

import importlib
import sys
import threading
from typing import Any

_GRAMMARS = "rfc3987_syntax"
_one = threading.Lock()


def import_light(name: str) -> Any:
    """Import a package that reads notebooks, without compiling grammars nobody here needs.

    ``nbformat`` imports ``jsonschema``, which compiles 40 grammars of international addresses for
    a check that no notebook asks for: half the time of the import. It does without when the
    grammars' package is missing.
    """
    if name in sys.modules:
        return importlib.import_module(name)  # which waits for another thread that is at it
    with _one:
        there = _GRAMMARS in sys.modules
        sys.modules.setdefault(_GRAMMARS, None)  # type: ignore[arg-type]  # why: as if missing
        try:
            return importlib.import_module(name)
        finally:
            if not there:
                del sys.modules[_GRAMMARS]
