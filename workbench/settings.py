"""workbench.toml read into one frozen value; nothing is created and nothing else is read."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.errors import SettingsError, suggest

FILE_NAME = "workbench.toml"


class Settings(BaseModel):
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
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: Path
    title: str = "workbench"
    catalog: Path = Path("catalog.yaml")
    source: Path = Path("data")
    notebooks: Path = Path("notebooks")
    reports: Path = Path("reports")
    published: Path = Path("reports/published")
    private: Path = Path(".workbench")

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
        "set WORKBENCH_WORKSPACE to its folder, or make one with 'workbench import NAME' "
        "or 'workbench sample'."
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
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise SettingsError(f"{path} cannot be read as TOML: {problem}") from None
    known = set(Settings.model_fields) - {"root"}
    for name in content:
        if name not in known:
            raise SettingsError(f"{path}: unknown setting '{name}'.{suggest(name, known)}")
    try:
        return Settings(root=path.parent.absolute(), **content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"{path}: '{name}' must be text in quotes (got {first['input']!r})."
        ) from None
