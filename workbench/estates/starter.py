"""The customer report that every new workspace starts with: its notebook and its definition."""

from __future__ import annotations

import shutil
from pathlib import Path

from workbench.errors import InputError

NOTEBOOK = "customer-overview.ipynb"
_DEFINITIONS = Path(__file__).with_name("starters")


def notebook_path() -> Path:
    """Return the report's notebook: packaged, or at the top of a checkout."""
    places = [_DEFINITIONS / NOTEBOOK, Path(__file__).parents[2] / "notebooks" / NOTEBOOK]
    for place in places:
        if place.is_file():
            return place
    raise InputError(f"this installation has no {NOTEBOOK}. Install workbench again.")


def write_report(name: str, out: Path) -> None:
    """Put the customer report of data set ``name`` into a workspace; keep one that is there."""
    for source, target in (
        (notebook_path(), out / "notebooks" / NOTEBOOK),
        (_DEFINITIONS / f"{name}.yaml", out / "reports" / "customer-overview.yaml"),
    ):
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
