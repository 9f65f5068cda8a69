"""What a new workspace starts with: its settings, its reports' notebooks and definitions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.estates.drafting import Drafted

NOTEBOOK = "customer-overview.ipynb"
_STARTERS = Path(__file__).with_name("starters")


_SETTINGS = """\
# The workspace on {what}. Paths are relative to this file{more}.
title = {title}
catalog = "catalog.yaml"
source = "data"
notebooks = "notebooks"
reports = "reports"
published = "reports/published"
private = ".workbench"
"""


def write_settings(out: Path, what: str, title: str, more: str = "") -> None:
    """Write a workspace's settings; ``title`` comes in quotes."""
    settings = _SETTINGS.format(what=what, title=title, more=more)
    (out / "workbench.toml").write_text(settings, encoding="utf-8")


def notebook_path() -> Path:
    """Return the report's notebook: packaged, or at the top of a checkout."""
    places = [_STARTERS / NOTEBOOK, Path(__file__).parents[2] / "notebooks" / NOTEBOOK]
    for place in places:
        if place.is_file():
            return place
    raise InputError(f"this installation has no {NOTEBOOK}. Install workbench again.")


def write_report(name: str, out: Path) -> None:
    """Put the customer report of data set ``name`` into a workspace; keep one that is there."""
    for source, target in (
        (notebook_path(), out / "notebooks" / NOTEBOOK),
        (_STARTERS / f"{name}.yaml", out / "reports" / "customer-overview.yaml"),
    ):
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


GROUPS_MOST = 3  # of the first page: each is paid for


def write_first_reports(out: Path, tables: Sequence[Drafted]) -> list[str]:
    """Write the reports that a drafted catalog has the columns for; return their names.

    They are of the table with a customer that has a time and an amount, as far as there is one.
    """
    fitting = [each for each in tables if each.customer] or list(tables)
    table = max(fitting, key=lambda t: (bool(t.time), bool(t.amount), t.looked.rows))
    has = {"time": bool(table.time), "amount": bool(table.amount), "groups": bool(table.groups)}
    names = ["first-page", *(["personas"] if has["time"] and has["amount"] else [])]
    title = "Active customers" + (" and what they spent" if has["amount"] else "")
    words = {
        "TITLE": title if has["time"] else "Our customers",
        "AMOUNT": table.amount.name if table.amount else "",
        "TABLE": table.name,
        "GROUPS": json.dumps([each.name for each in table.groups[:GROUPS_MOST]]),
    }
    (out / "reports").mkdir(parents=True, exist_ok=True)
    for name in names:
        _write_notebook(name, out / "notebooks" / f"{name}.ipynb", has, words)
        definition = (_STARTERS / f"{name}.yaml").read_text(encoding="utf-8")
        text = definition.replace("TITLE", words["TITLE"])
        (out / "reports" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return names


def _write_notebook(name: str, target: Path, has: dict[str, bool], words: dict[str, str]) -> None:
    """Write a notebook of the cells whose needs a table fulfils, in its columns' words."""
    notebook = json.loads((_STARTERS / f"{name}.ipynb").read_text(encoding="utf-8"))
    kept = []
    for cell in notebook["cells"]:
        needs = cell["metadata"].pop("needs", [])
        if all(has[need.removeprefix("no-")] != need.startswith("no-") for need in needs):
            text = "".join(cell["source"])
            for word, instead in words.items():
                text = text.replace(word, instead)
            kept.append({**cell, "source": text.splitlines(keepends=True)})
    target.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps({**notebook, "cells": kept}, indent=1, ensure_ascii=False)
    target.write_text(f"{content}\n", encoding="utf-8")
