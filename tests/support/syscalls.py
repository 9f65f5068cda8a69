"""What a process did to files, by the recorded order of its system calls."""

import re
import subprocess
import sys
from pathlib import Path

_WRITES = (
    "write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "fallocate", "sendfile",
    "copy_file_range",
)  # fmt: skip
_NAMES = (
    "openat", "creat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat",
    "rmdir",
)  # fmt: skip
_SYNCS = ("fsync", "fdatasync")
_CALL = re.compile(r"^\d+ +(\w+)\((.*?)(?: <unfinished \.\.\.>|\) += (-?\d+|\?).*)?$")
_TO = re.compile(r"^\d+<([^>]+)>")  # what an open file is, the first one named
_NAMED = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"([^"]*)"')


def traced(code, record):
    """Run ``code`` in a process of its own; return its system calls about files, in order."""
    words = ["strace", "-f", "-y", "-qq", "-s", "0", "-e", "signal=none"]
    words += ["-e", f"trace={','.join((*_WRITES, *_NAMES, *_SYNCS))}", "-o", str(record)]
    subprocess.run([*words, sys.executable, "-c", code], check=True)
    return record.read_text(errors="replace").splitlines()


def unsynced(lines, root, marks, there):
    """Yield each mark, a folder that is made to say that an act is done, and what may be lost then.

    What may be lost: content written since its file was last synced, and folders in which a
    name came, went or changed since they were last synced. ``there`` is what was there before.
    """
    there, content, names = set(there), set(), set()
    for line in lines:
        call = _CALL.match(line)
        if call is None or (call[3] or "0").startswith("-"):
            continue
        name, arguments = call[1], call[2]
        opened = _TO.match(arguments)
        paths = [str(Path(*parts)) for parts in _NAMED.findall(arguments)]
        paths = [path for path in paths if path.startswith(str(root))]
        if name in _SYNCS and opened:
            content.discard(opened[1])
            names.discard(opened[1])
        elif name in _WRITES and opened and opened[1].startswith(str(root)):
            content.add(opened[1])
        elif name.startswith("mkdir") and paths and paths[0] in marks:
            yield Path(paths[0]).name, content | names
        elif name.startswith("rename") and len(paths) == 2:
            names.update(str(Path(path).parent) for path in paths)
            _move(content, names, there, *paths)
        elif name.startswith(("unlink", "rmdir")) and paths:
            names.add(str(Path(paths[0]).parent))
            for each in (content, names, there):
                each.discard(paths[0])
        elif paths and (name.startswith("mkdir") or "O_CREAT" in arguments):
            if paths[0] not in there:
                names.add(str(Path(paths[0]).parent))
            there.add(paths[0])


def _move(content, names, there, old, new):
    for each in (content, names, there):
        for path in [path for path in each if path == old or path.startswith(f"{old}/")]:
            each.discard(path)
            each.add(new + path.removeprefix(old))
    there.add(new)
