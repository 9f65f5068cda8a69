"""Where editions lie in the published folder, and which of them are noted as failed.

It asks for names alone, so that a list of what is due is quick.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from workbench.documents import read_json
from workbench.errors import InputError
from workbench.store.durable import files_below

FILE, FAILED = "edition.json", "failed.json"
_NAME = re.compile(r"^[a-z0-9][a-z0-9._=,+-]{0,119}$", re.IGNORECASE)
REVISION = re.compile(r"^r([1-9]\d{0,5})$")


def place(report: str, period: str, variant: str = "") -> Path:
    """Return an edition's folder within the published one.

    Raises
    ------
    InputError
        One of its names is none that a folder may have.
    """
    names = [report, period, *filter(None, [variant])]
    for name in names:
        if not _NAME.match(name) or REVISION.match(name):
            raise InputError(
                f"'{name}' cannot be a folder of published editions. Use letters, digits and "
                "._=,+- and begin with a letter or digit; r1, r2, … are revisions."
            )
    return Path(*names)


def page_names(languages: Iterable[str]) -> dict[str, str]:
    """Return language to the name of an edition's page in it, the first to be opened."""
    return {code: f"index.{code}.html" if at else "index.html" for at, code in enumerate(languages)}


def alone(name: str) -> str:
    """Return the name of a page as one file."""
    return "standalone" + name.removeprefix("index")


def printed(name: str) -> str:
    """Return the name of a page as a PDF."""
    return "report" + name.removeprefix("index").removesuffix(".html") + ".pdf"


def mailed(name: str) -> str:
    """Return the name of a page as a mail's text."""
    return "mail" + name.removeprefix("index").removesuffix(".html") + ".txt"


def revisions(folder: Path) -> list[int]:
    """Return the revisions an edition's folder holds, in order."""
    above = (path.parent for path in files_below(folder, FILE) if path.parent.parent == folder)
    return sorted(int(match[1]) for each in above if (match := REVISION.match(each.name)))


def read_failures(published: Path, report: str) -> dict[str, Mapping[str, str]]:
    """Return the editions of a report that failed, and each one's title by language.

    One that is published is not among them, whatever was noted: its readers have it.
    """
    try:
        content = read_json(published / report / FAILED)
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):  # whoever wrote that, it was not a run
        return {}
    return {
        name: titles if isinstance(titles, dict) else {"en": str(titles)}
        for name, titles in content.items()
        if _is_failure(report, name, titles) and not revisions(published / report / name)
    }


def _is_failure(report: str, name: str, titles: object) -> bool:
    """Return whether a note is one that a run writes: of an edition's own folder, with titles."""
    from workbench.figures.language import LANGUAGES

    period, _, variant = name.partition("/")
    try:
        place(report, period, variant)  # refuses what leads elsewhere
        known = titles if isinstance(titles, dict) else {"en": titles}
        sound = all(isinstance(text, str) and text.encode() for text in known.values())
    except (ValueError, InputError):  # half a surrogate
        return False
    return sound and bool(known) and set(known) <= set(LANGUAGES)
