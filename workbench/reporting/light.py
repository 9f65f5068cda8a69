"""Import packages that read and run notebooks, without what takes half of their time."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Sequence
from typing import Any

GRAMMARS = "rfc3987_syntax"
HDFS = "pyarrow"
_one = threading.Lock()


def import_light(name: str, without: Sequence[str] = (GRAMMARS, HDFS)) -> Any:
    """Import a package as if others that it can do without were missing.

    ``nbformat`` imports ``jsonschema``, which compiles 40 grammars of international addresses for
    a check that no notebook asks for: half the time of the import. It does without when the
    grammars' package is missing. So does ``papermill`` without ``pyarrow``, which it uses for
    notebooks on HDFS, and which brings NumPy along.

    Parameters
    ----------
    name : str
        What to import.
    without : sequence of str
        What is not there meanwhile, unless it was imported before.
    """
    if name in sys.modules:
        return importlib.import_module(name)  # which waits for another thread that is at it
    with _one:
        hidden = [each for each in without if each not in sys.modules]
        sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # why: as if missing
        try:
            return importlib.import_module(name)
        finally:
            for each in hidden:
                del sys.modules[each]
