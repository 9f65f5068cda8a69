"""Whose pages these are, kept in the published folder for what is written from records alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from workbench.documents import read_json
from workbench.reporting.pages.parts import Brand
from workbench.reporting.published.files import put_whole

BRAND = Path("assets", "brand.json")


def read_brand(published: Path) -> Brand:
    """Return what the newest edition was published with; nothing where that was not kept."""
    try:
        content = read_json(published / BRAND)
        return Brand(**{name: str(value) for name, value in content.items()})
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return Brand()


def keep_brand(published: Path, brand: Brand) -> None:
    """Keep it, where there is anything to keep."""
    if brand != read_brand(published):
        content = json.dumps(dataclasses.asdict(brand), ensure_ascii=False, indent=1) + "\n"
        put_whole(published, published / BRAND, content.encode())
