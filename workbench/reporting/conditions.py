"""Under which conditions a process runs: its code, its packages, its account, its limits.

A kernel forked from a warmed process inherits all of them, so a run takes only a kernel from a
process whose stamp is its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
# What is read when Python or a library starts, and cannot be given to a fork afterwards.
_READ_AT_START = (
    "ARROW_", "BLIS_", "GOTO_", "LANG", "LC_", "LD_", "MALLOC_", "MKL_", "NUMEXPR_", "OMP_",
    "OPENBLAS_", "PLOTLY_", "PYTHON", "SSL_CERT_", "TZ", "VIRTUAL_ENV",
)  # fmt: skip
_PASSED_ON = ("HOME", "PATH", "TMPDIR", "USER")
_LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]


def stamp() -> str:
    """Return a short text that is the same in processes of the same conditions."""
    content = {
        "python": [sys.executable, sys.version],
        "account": [os.getresuid(), os.getresgid(), sorted(os.getgroups())],
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "workbench": [str(_PACKAGE), *_files(_PACKAGE)],
        "packages": _packages(),
        "environment": {k: v for k, v in os.environ.items() if k.startswith(_READ_AT_START)},
        "limits": [resource.getrlimit(each) for each in _LIMITS],
        "place": _place(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def environment() -> dict[str, str]:
    """Return the variables a warmed process starts with: what is read at start, nothing secret."""
    kept = (*_READ_AT_START, *_PASSED_ON)
    return {name: value for name, value in os.environ.items() if name.startswith(kept)}


def _files(package: Path) -> list[tuple[str, int, int]]:
    found = [(path, path.stat()) for path in package.rglob("*.py")]
    return sorted(
        (str(path.relative_to(package)), stat.st_mtime_ns, stat.st_size) for path, stat in found
    )


def _packages() -> list[str]:
    """Return what is installed, as the folders of installed packages name it."""
    folders = [Path(each) for each in sys.path if each.endswith("-packages")]
    return sorted(
        f"{each.name} {each.stat().st_mtime_ns}"
        for folder in folders
        if folder.is_dir()
        for each in folder.glob("*.dist-info")
    )


def _place() -> list[str]:
    """Return the container and the control group this runs in."""
    kinds = ("ipc", "mnt", "net", "pid", "user", "uts")
    process = Path("/proc/self")
    spaces = [str((process / "ns" / kind).readlink()) for kind in kinds]
    umask = next(
        line for line in (process / "status").read_text().splitlines() if line.startswith("Umask")
    )
    return [*spaces, (process / "cgroup").read_text(), umask]
