"""Known weaknesses of installed packages, from a list brought along: nothing is asked of a network.

Understood are the lists of pip-audit (``pip-audit -f json``) and of OSV: one advisory, a list of
them, or a folder of such files (https://ossf.github.io/osv-schema/).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from workbench.documents import read_json
from workbench.errors import InputError


@dataclass(frozen=True)
class Weakness:
    """One installed package that an advisory names."""

    package: str
    version: str
    id: str


def affected(path: Path, installed: Mapping[str, str] | None = None) -> list[Weakness]:
    """Return the installed packages that a list names.

    Parameters
    ----------
    path : Path
        A file, or a folder of files ending in ``.json``.
    installed : mapping of str to str, optional
        Package to version; those of this environment when left out.

    Raises
    ------
    InputError
        The file is not there, or not such a list.
    """
    there = installed or {each.metadata["Name"]: each.version for each in distributions()}
    here = {_name(k): v for k, v in there.items()}
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path} holds no .json file. Name a list of advisories.")
    found: dict[tuple[str, str], Weakness] = {}
    for file in files:
        for package, identifier, hits in _advisories(file):
            version = here.get(_name(package))
            if version is not None and hits(version):
                found[_name(package), identifier] = Weakness(_name(package), version, identifier)
    return sorted(found.values(), key=lambda each: (each.package, each.id))


def _name(text: str) -> str:
    """Return a package's name as PEP 503 compares it."""
    return text.lower().replace("_", "-").replace(".", "-")


def _advisories(file: Path) -> Iterator[tuple[str, str, Any]]:
    """Yield (package, advisory, whether it names a version) of one file."""
    try:
        content = read_json(file)
        if isinstance(content, dict) and "dependencies" in content:
            for each in content["dependencies"]:
                for weakness in each.get("vulns", ()):
                    yield each["name"], weakness["id"], _exactly(each["version"])
            return
        for advisory in content if isinstance(content, list) else [content]:
            for part in advisory["affected"]:
                if part["package"].get("ecosystem", "PyPI") == "PyPI":
                    yield part["package"]["name"], advisory["id"], _within(part)
    except OSError as problem:
        raise InputError(f"{file} cannot be read: {problem.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{file} is not a list of advisories. Bring one of 'pip-audit -f json', or of OSV."
        ) from None


def _exactly(version: str) -> Any:
    return lambda installed: installed == version


def _within(part: Mapping[str, Any]) -> Any:
    """Return whether a version is named, or lies in a range of an OSV advisory."""
    from packaging.version import Version

    def hits(installed: str) -> bool:
        if installed in part.get("versions", ()):
            return True
        here = Version(installed)
        for span in part.get("ranges", ()):
            inside = False
            for event in span["events"]:
                if "introduced" in event:
                    inside = inside or here >= Version(event["introduced"])
                elif "fixed" in event:
                    inside = inside and here < Version(event["fixed"])
                elif "last_affected" in event:
                    inside = inside and here <= Version(event["last_affected"])
            if inside:
                return True
        return False

    return hits
