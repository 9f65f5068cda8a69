"""The security review: settings, permissions, encryption in force, known weaknesses, open risks.

A review looks at what is, not at what was meant: modes of files, the first bytes of data files,
chains hashed again. Its findings keep their history. Known weaknesses of installed packages come
from a list brought along, of pip-audit (``pip-audit -f json``) or of OSV: one advisory, a list of
them, or a folder of such files (https://ossf.github.io/osv-schema/); nothing is asked of a network.
"""

from __future__ import annotations

import datetime as dt
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents import read_json
from workbench.errors import InputError, StorageError
from workbench.lifecycle.register import Register, Risks, told_of
from workbench.settings import FILE_NAME, Settings
from workbench.store.durable import content_of, files_below
from workbench.store.lake_files import begins_encrypted
from workbench.store.logs.events import Events, Verdict
from workbench.store.published_files import strange

if TYPE_CHECKING:
    from workbench.lifecycle.office import Office

_ELSEWHERE = ""  # no table is called so


@dataclass(frozen=True)
class Check:
    """One thing looked at: ``ok`` is None where it could not be measured."""

    part: str
    what: str
    ok: bool | None
    detail: str = ""


@dataclass(frozen=True)
class Review:
    """One review.

    Attributes
    ----------
    at : datetime
    checks : tuple of Check
    files, encrypted : int
        Data files of the store, and those that are encrypted.
    """

    at: dt.datetime
    checks: tuple[Check, ...]
    files: int
    encrypted: int
    who: str = ""

    @property
    def failed(self) -> tuple[Check, ...]:
        """What has to be put right."""
        return tuple(check for check in self.checks if check.ok is False)


class Reviews(Risks):
    """Reviews and risks of one workspace."""

    def __init__(self, events: Events) -> None:
        self.reviews = Register(events, "RV", "review")
        super().__init__(events)

    def keep(self, review: Review) -> str:
        """Record a review; return its id."""
        body = {
            "checks": [vars(check) for check in review.checks],
            "files": review.files,
            "encrypted": review.encrypted,
            "failed": len(review.failed),
        }
        return self.reviews.begin("reviewed", body, now=review.at)

    def past(self) -> tuple[Review, ...]:
        """Return every review on record, oldest first."""
        items = self.reviews.items().values()
        return tuple(told_of(Review, first.body, at=first.at) for first, *_ in items)


def review(office: Office, logs: Mapping[str, Verdict], advisories: Path | None) -> Review:
    """Look a workspace over, by what a check of each log found, and a list of known weaknesses."""
    settings, private = office.settings, office.private
    files = files_below(private / "store" / "data", "*.parquet")
    encrypted = sum(map(begins_encrypted, files))
    checks = [
        *_permissions(settings, private),
        *_encryption(files, encrypted, private),
        *_settings(settings, private),
        *(_log(name, verdict) for name, verdict in logs.items()),
        *_dependencies(advisories),
    ]
    return Review(office.now, tuple(checks), len(files), encrypted)


def encrypted_places(private: Path, tables: Collection[str]) -> tuple[int, int]:
    """Return of how many places of the store every data file is encrypted, and how many there are.

    Places are its tables, and one for everything else, such as what was kept aside of loads. How
    many files there are changes with one customer's rows; how many places, with nobody's.
    """
    whole = {*tables, _ELSEWHERE}
    data = private / "store" / "data"
    for file in files_below(data, "*.parquet"):
        if not begins_encrypted(file):
            schema, name = file.relative_to(data).parts[:2]
            whole.discard(name if schema == "main" and name in tables else _ELSEWHERE)
    return (len(whole), len(tables) + 1) if tables else (0, 0)


def _permissions(settings: Settings, private: Path) -> list[Check]:
    found = []
    keys = sorted((private / "keys").glob("*.key"))
    looked_at = [
        (private, "private folder", "700", settings.private),
        *((key, f"key {key.name}", "600", settings.private / "keys" / key.name) for key in keys),
    ]
    for path, what, right, typed in looked_at:
        ok = not (mode := _mode(path)) & (stat.S_IRWXG | stat.S_IRWXO)
        detail = f"{mode:04o}" + ("" if ok else f": run 'chmod {right} {typed}'")
        found.append(Check("permissions", f"the {what} is its owner's alone", ok, detail))
    source = settings.path("source")
    if source.is_dir():
        open_to_all = [each for each in source.iterdir() if _mode(each) & stat.S_IROTH]
        reachable = bool(open_to_all) and bool(_mode(source) & stat.S_IXOTH)
        detail = (
            f"{len(open_to_all)} files, which are not encrypted: run "
            f"'chmod -R o-rwx {settings.source}' in the workspace's folder"
            if reachable
            else ""
        )
        found.append(
            Check("permissions", "source files are not for everybody", not reachable, detail)
        )
    return found


def _encryption(files: list[Path], encrypted: int, private: Path) -> list[Check]:
    what = "every data file of the store is encrypted"
    if not files:
        return [Check("encryption", what, None, "nothing is loaded")]
    found = [Check("encryption", what, encrypted == len(files), f"{encrypted} of {len(files)}")]
    lake = private / "store" / "catalog.ducklake"
    if (content := content_of(lake)) is not None:
        # why: the lakehouse's own table names stand in a plain catalog as text
        plain = b"ducklake_table" in content
        found.append(Check("encryption", "the store's catalog is encrypted", not plain))
    return found


def _settings(settings: Settings, private: Path) -> list[Check]:
    there = settings.path("published")
    published = there.resolve()
    apart = private.resolve() not in (published, *published.parents)
    apart = apart and published not in private.resolve().parents
    source = settings.path("source").resolve()
    hidden = published not in (source, *source.parents)
    path = settings.root / FILE_NAME
    mode = _mode(path)
    return [
        Check("settings", "published pages lie apart from private files", apart),
        Check("settings", "nothing lies among published pages but them", not list(strange(there))),
        Check("settings", "source files lie outside what is published", hidden),
        Check("settings", "nobody else may change workbench.toml", not mode & 0o022, f"{mode:04o}"),
        # why no fault as root: a container has often no other user
        Check("settings", "it does not run as root", bool(os.getuid()) or None),
    ]


def unrecorded(found: Review, problem: StorageError) -> Review:
    """Return a review with the reason why it is on no record."""
    what = Check("logs", "the review is on record", False, str(problem)[:200])
    return replace(found, checks=(*found.checks, what))


def _log(name: str, verdict: Verdict) -> Check:
    faults = [
        f"entry {each.seq}: {each.what}" if each.seq else each.what for each in verdict.faults
    ]
    more = f"; and {len(faults) - 1} more places" if len(faults) > 1 else ""
    detail = faults[0][:200] + more if faults else f"{verdict.entries:,} entries"
    return Check("logs", f"the {name} is whole", verdict.holds, detail)


def _dependencies(advisories: Path | None) -> list[Check]:
    what = "no installed package has a known weakness"
    if advisories is None:
        return [Check("dependencies", what, None, "no list was given")]
    found = affected(advisories)
    detail = "; ".join(f"{each.package} {each.version}: {each.id}" for each in found)
    return [Check("dependencies", what, not found, detail)]


def _mode(path: Path) -> int:
    """Return what its owner and others may do with a file; nothing where it is gone."""
    with suppress(FileNotFoundError):
        return stat.S_IMODE(path.stat().st_mode)
    return 0


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
