"""What is committed speaks of workbench: not of one machine, nor of how it came to be."""

import re
import subprocess
from pathlib import Path

import pytest

# A class of one character keeps a pattern from finding itself.
SAYINGS = {
    "a path of one machine": r"(?<![\w.~}])/(?:wor[k]|roo[t]|hom[e]|User[s]|tm[p])/\w",
    "who or what wrote it": (
        r"\bA[I]\b|\bA[I]-(?:generated|assisted)|\bLL[M]s?\b|\blanguage mode[l]|\bChat?GP[T]\b"
        r"|\bClaud[e]\b|\bAnthropi[c]\b|\bOpenA[I]\b|\bCopilo[t]\b|\bsub-?agen[t]|\bCo-Authored-B[y]\b"
    ),
    "the number of a task": r"\b[Ii]ssue #?\d|\b[Ss]tep \d+ o[f] \d",
    "the host of a registry": (
        r"pypi\.or[g]|pythonhosted\.or[g]|registry\.npm[j]s|yarnpkg\.co[m]|anaconda\.or[g]"
        r"|debian\.or[g]"
    ),
}
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".ipynb", ".html", ".css", ".j2", ".sh", ".mjs"}
TEXT |= {".json", ".js", ".po", ".txt", ".cfg", ""}
# uv.lock names PyPI's files by their addresses; there is no other way to write one.
EXEMPT = {"uv.lock", "LICENSE"}
LARGE_BYTES = 400_000  # built bundles and data; what is written by hand is far smaller


def _tracked(root):
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True
    )
    return [Path(name) for name in listed.stdout.split("\0") if name]


def test_the_list_of_files_is_read(repository):
    assert Path("workbench/errors.py") in _tracked(repository)


@pytest.mark.parametrize("what", SAYINGS)
def test_no_file_mentions(repository, what):
    pattern = re.compile(SAYINGS[what])
    found = []
    for name in _tracked(repository):
        path = repository / name
        if name.suffix not in TEXT or name.name in EXEMPT or not path.is_file():
            continue
        if path.stat().st_size > LARGE_BYTES:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if match := pattern.search(line):
                found.append(f"{name}:{number}: {match[0]}")
    assert found == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a path of one machine", "see /wor" + "k/main/x"),
        ("a path of one machine", '"/hom' + 'e/ann/data"'),
        ("who or what wrote it", "written with A" + "I"),
        ("the number of a task", "as asked in issue " + "#12"),
        ("the host of a registry", "https://pypi" + ".org/simple"),
    ],
)
def test_the_patterns_find_what_they_are_for(what, text):
    assert re.search(SAYINGS[what], text)
