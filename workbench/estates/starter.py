"""The reports that a new workspace starts with: their notebooks and definitions."""

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


GROUPS_MOST = 3  # of the first page: each is paid for
_REPORTS = {
    "first-page": """\
title: {title}
subtitle: The first page on our own data
notebook: first-page.ipynb
audience: management
period: {{kind: month, rule: last-complete}}
budget: {{epsilon: 0.9}}
""",
    "personas": """\
title: Customers by persona
subtitle: Who they are, and what to do for each
notebook: personas.ipynb
audience: management
period: {{kind: month, rule: last-complete}}
budget: {{epsilon: 0.9}}
""",
}


def write_first_reports(out: Path, tables: Sequence[Drafted]) -> list[str]:
    """Write the reports that a drafted catalog has the columns for; return their names.

    They are of the table with a customer that has a time and an amount, as far as there is one.
    """
    fitting = [each for each in tables if each.customer] or list(tables)
    table = max(fitting, key=lambda t: (bool(t.time), bool(t.amount), t.looked.rows))
    has = {
        "time": bool(table.time),
        "amount": bool(table.amount),
        "groups": bool(table.groups),
    }
    names = ["first-page", *(["personas"] if has["time"] and has["amount"] else [])]
    words = {
        "AMOUNT": str(table.amount),
        "TABLE": table.name,
        "GROUPS": json.dumps(table.groups[:GROUPS_MOST]),
    }
    title = "Active customers" + (" and what they spent" if has["amount"] else "")
    for name in names:
        _write_notebook(name, out / "notebooks" / f"{name}.ipynb", has, words)
        definition = out / "reports" / f"{name}.yaml"
        definition.parent.mkdir(parents=True, exist_ok=True)
        shown = title if has["time"] else "Our customers"
        definition.write_text(_REPORTS[name].format(title=shown), encoding="utf-8")
    return names


def _write_notebook(name: str, target: Path, has: dict[str, bool], words: dict[str, str]) -> None:
    """Write a notebook of the cells whose needs a table fulfils, in its columns' words."""
    notebook = json.loads((_DEFINITIONS / f"{name}.ipynb").read_text(encoding="utf-8"))
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
