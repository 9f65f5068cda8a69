"""workbench.toml read into one frozen value; nothing is created and nothing else is read."""

import datetime as dt
import os
import tomllib
import zoneinfo
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from workbench.documents import Strict
from workbench.errors import SettingsError, suggest

FILE_NAME = "workbench.toml"


class Role(Strict):
    """Who may read for which purposes.

    Attributes
    ----------
    groups, users : tuple of str
        Who has the role: groups and users of the operating system, or of JupyterHub.
    purposes : tuple of str
        What they may read for; ``*`` is every purpose.
    """

    groups: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    purposes: tuple[str, ...]


class Kept(Strict):
    """How long something is kept that may show rows; then retention takes it away.

    Attributes
    ----------
    keep_days : int
        For so many days after a file came in, or a notebook and its logs were written.
    """

    keep_days: int = Field(90, gt=0)


class BackupsKept(Strict):
    """Which backups are kept when the folder is pruned; the newest always is.

    Attributes
    ----------
    daily, weekly, monthly : int
        Of so many of the newest days, weeks and months with a backup, the last one.
    """

    daily: int = Field(7, ge=0)
    weekly: int = Field(5, ge=0)
    monthly: int = Field(12, ge=0)


def _zone(name: str) -> str:
    try:
        return zoneinfo.ZoneInfo(name).key
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such zone") from None


class Settings(Strict):
    """Where a workspace keeps its parts; paths are relative to workbench.toml.

    Attributes
    ----------
    root : Path
        Folder of workbench.toml.
    title : str
        Shown on every page.
    catalog, source : Path
        The catalog, and the folder of the tables' source files.
    notebooks, reports : Path
        Notebooks and report definitions.
    published : Path
        What managers may read, and nothing else.
    private : Path
        Store, ledger, audit log, keys, executed notebooks, logs: mode 0700.
    backups : Path
        Where backups go.
    key : {"file", "environment", "keyring"}
        Where the master key is.
    bulk_rows : int
        A read of more rows than this is recorded as a bulk read.
    roles : mapping of str to Role
        Who may read for which purposes; without any, whoever may read the files may.
    quarantine : Kept
        How long rows that were kept aside are kept.
    runs : Kept
        How long executed notebooks are kept.
    keep_backups : BackupsKept
        Which backups are kept when they are pruned.
    holidays : tuple of date
        Days that are no working days, besides Saturdays and Sundays.
    time_zone : str
        Where days begin and moments are told, such as ``Asia/Shanghai``; moments in files that say
        no offset are of there.
    fork_kernels : bool
        Whether a run forks its kernels from a process that has imported what reports import.
    logo : Path or None
        A small PNG or SVG, shown on every page.
    accent : str or None
        The colour of links and marks on light pages, ``#14536f``; one for dark pages is made of it.
    address : str
        Where the published folder is served, with a slash at its end, for links in mails and feed.
    """

    root: Path
    title: str = "workbench"
    catalog: Path = Path("catalog.yaml")
    source: Path = Path("data")
    notebooks: Path = Path("notebooks")
    reports: Path = Path("reports")
    published: Path = Path("reports/published")
    private: Path = Path(".workbench")
    backups: Path = Path("backups")
    key: Literal["file", "environment", "keyring"] = "file"
    bulk_rows: int = Field(10_000, gt=0)
    roles: dict[str, Role] = Field(default={})
    quarantine: Kept = Kept(keep_days=90)
    runs: Kept = Kept(keep_days=90)
    keep_backups: BackupsKept = BackupsKept(daily=7, weekly=5, monthly=12)
    holidays: tuple[dt.date, ...] = ()
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    fork_kernels: bool = True
    logo: Path | None = None
    accent: str | None = Field(None, pattern=r"^#[0-9a-fA-F]{6}$")
    address: str = Field("", pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?/)?$")

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone."""
        return zoneinfo.ZoneInfo(self.time_zone)

    def path(self, name: str) -> Path:
        """Return one of the settings' paths, absolute."""
        part: Path = getattr(self, name)
        return (self.root / part).absolute()


def find_settings(start: Path | None = None) -> Path:
    """Return the nearest workbench.toml: $WORKBENCH_WORKSPACE, else ``start`` or a folder above it.

    Raises
    ------
    SettingsError
        There is none.
    """
    named = os.environ.get("WORKBENCH_WORKSPACE")
    if named and start is None:
        file = Path(named).absolute()
        file = file if file.name == FILE_NAME else file / FILE_NAME
        if file.is_file():
            return file
        raise SettingsError(
            f"WORKBENCH_WORKSPACE is set to {named}, and there is no {FILE_NAME}. Correct it, or "
            "unset it to look in the current folder and above."
        )
    folder = (start or Path()).absolute()
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file():
            return candidate / FILE_NAME
    raise SettingsError(
        f"no {FILE_NAME} in {folder} or a folder above it. Run from inside a workspace, "
        "set WORKBENCH_WORKSPACE to its folder, or make one: of your own data with 'workbench new "
        "NAME --from FILE', of a public data set with 'workbench data import NAME'."
    )


def load_settings(path: Path) -> Settings:
    """Read workbench.toml.

    Raises
    ------
    SettingsError
        The file is not TOML, or a setting is unknown or of the wrong type.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as problem:
        raise SettingsError(f"{path} cannot be read: {problem.strerror}.") from None
    except RecursionError:
        raise SettingsError(f"{path} cannot be read as TOML: nested too deeply.") from None
    except ValueError as problem:  # also of a number of thousands of digits
        raise SettingsError(f"{path} cannot be read as TOML: {problem}") from None
    known = set(Settings.model_fields) - {"root"}
    if "warm_kernel_minutes" in content:  # the name before, when 0 minutes meant plain kernels
        content.setdefault("fork_kernels", content.pop("warm_kernel_minutes") != 0)
    for name in content:
        if name not in known:
            raise SettingsError(f"{path}: unknown setting '{name}'.{suggest(name, known)}")
    try:
        return Settings(root=path.parent.absolute(), **content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}: '{name}' {_told(first)}") from None


_MUST = {
    "keep_backups": "say daily, weekly and monthly, whole numbers from 0 on",
    "quarantine": "say keep_days, a whole number of days above 0",
    "runs": "say keep_days, a whole number of days above 0",
    "roles": 'be lists of texts, such as purposes = ["reporting"]',
    "bulk_rows": "be a whole number above 0",
    "fork_kernels": "be true, or false to start kernels the plain way",
    "accent": 'be a colour such as "#14536f"',
    "address": "be an http or https address that ends with a slash",
    "time_zone": "be the name of a time zone, such as Europe/Berlin",
    "holidays": "be dates, such as [2026-10-01, 2026-10-02]",
    "key": 'be "file", "environment" or "keyring"',
}


def _told(problem: Any) -> str:
    """Say what a setting must be, in the words of its file."""
    got = f"(got {problem['input']!r})"
    name = str(problem["loc"][0])
    if problem["type"] == "missing":
        return "is missing."
    if problem["type"] == "extra_forbidden":
        parts: dict[str, type[Strict]] = {"keep_backups": BackupsKept, "roles": Role}
        part = parts.get(name, Kept)
        return f"is unknown.{suggest(str(problem['loc'][-1]), part.model_fields)}"
    return f"must {_MUST.get(name, 'be text in quotes')} {got}."
