"""The answer to a request of access as a letter: what is held, for what, from where, which rights.

Regulation (EU) 2016/679, article 15(1). It has no values: the copy of the data is the export.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.errors import InputError, StorageError
from workbench.lifecycle.letters.templates import written
from workbench.lifecycle.office import Office
from workbench.lifecycle.rights.subjects import HeldTable
from workbench.store.durable import new_file


def letter(office: Office, found: Sequence[HeldTable], lang: str, contact: str = "") -> str:
    """Return the answer to a request of access, of what is held of the customer, as Markdown."""
    return written(
        "letters",
        "answer.md",
        lang,
        controller=office.settings.title,
        day=office.now.date(),
        held=[(each, _declared(office, each.table)) for each in found],
        contact=contact,
    )


def _declared(office: Office, name: str) -> dict[str, Any]:
    table = office.catalog.tables[name]
    titles = {name: column.title or name for name, column in table.columns.items()}
    after = table.retention.after
    return {
        "columns": [*titles.values()],
        "months": table.retention.months,
        "after": titles.get(after, after),
    }


def require_place(office: Office, out: Path) -> Path:
    """Return where a letter is to be written; refuse a file that is there, or a folder of ours."""
    target = office.apart(out)
    if target.exists():
        raise InputError(f"{out} is there already. Name a file that is not.")
    return target


def write_letter(target: Path, text: str) -> None:
    """Write a letter, mode 0600."""
    try:
        with new_file(target) as file:
            file.write(text)
    except OSError as problem:
        raise StorageError(f"{target} cannot be written: {problem.strerror}.") from None
