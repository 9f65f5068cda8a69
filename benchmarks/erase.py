"""Erase customers of the invented bank, then search every byte, snapshot and restored backup."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import Result, Run, benchmark

if TYPE_CHECKING:
    from workbench.workspace import Workspace

_LEAST_BYTES = 6


@benchmark("erase", bar="= 0 found")
def erase(run: Run) -> Iterator[Result]:
    """Values of 50 erased customers found in any byte, snapshot or restored backup."""
    import duckdb

    from workbench.estates.sample.build import generate
    from workbench.workspace import open_workspace

    root, people = run.folder / "bank", 5 if run.smoke else 50
    customers, months = (300, 6) if run.smoke else (5_000, 18)
    generate(root / "data", customers=customers, months=months, seed=2026)
    (root / "workbench.toml").write_text('catalog = "data/catalog.yaml"\n')
    open_workspace(root).init()
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT * FROM '{root}/data/customers.parquet' ORDER BY hash(customer_id) "
            f"LIMIT {people}"
        )
        names = [column[0] for column in rows.description]
        chosen = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    identifying = _identifying(open_workspace(root))
    values = {str(each[name]) for each in chosen for name in identifying if each[name]}
    _notebook(root, sorted(values))
    yield run.result("findable-before", _found([root / ".workbench"], values), bar="> 0 of them")

    before = open_workspace(root).office.back_up()
    began = time.process_time()
    _erase(root, chosen)
    cpu = time.process_time() - began
    after = open_workspace(root).office.back_up(run.folder / "after")
    yield run.result("in-the-workspace", _found([root / ".workbench"], values))
    yield run.result("in-backups", _found([root / "backups", run.folder / "after"], values))
    yield run.result("rows-in-snapshots", _rows(open_workspace(root)))
    for name, file in (("older", before.file), ("newer", after.file)):
        open_workspace(root).office.restore(file, over=True)
        found = _found([root / ".workbench"], values) + _rows(open_workspace(root))
        yield run.result(f"in-the-{name}-backup-restored", found)
    _rewritten(root / "data" / "consents.csv")
    open_workspace(root).init()
    yield run.result("rows-after-a-load", _rows(open_workspace(root)))
    yield run.result("cpu-seconds-a-customer", cpu / people, bar="≤ 10 s")


def _identifying(ws: Workspace) -> list[str]:
    """Return the columns of customers by which somebody is known."""
    columns = ws.catalog.tables["customers"].columns
    roles = ("subject key", "direct identifier")
    return [name for name, column in columns.items() if column.role in roles]


def _erase(root: Path, chosen: list[dict[str, object]]) -> None:
    from workbench.workspace import open_workspace

    for each in chosen:
        open_workspace(root).office.erase_subject(str(each["customer_id"]), verified_by="id card")


def _rewritten(path: Path) -> None:
    """Put a source file's lines into another order, so that it is loaded again."""
    first, *rest = path.read_text().splitlines(keepends=True)
    path.write_text(first + "".join(reversed(rest)))


def _notebook(root: Path, values: list[str]) -> None:
    """Lay an executed notebook that shows them all into the private folder."""
    folder = root / ".workbench" / "runs" / "overview" / "2026-09"
    folder.mkdir(parents=True)
    cell = {"cell_type": "code", "source": [], "outputs": [{"text": values}]}
    (folder / "overview.ipynb").write_text(json.dumps({"cells": [cell]}, ensure_ascii=False))


def _found(folders: Iterable[Path], values: set[str]) -> int:
    """Return how many values stand somewhere in an encoding; short ones would by chance."""
    content = b"".join(
        path.read_bytes() for each in folders for path in each.rglob("*") if path.is_file()
    )
    encodings = ("utf-8", "gb18030", "utf-16-le")
    forms = [{each.encode(name) for name in encodings} for each in values]
    return sum(any(len(f) >= _LEAST_BYTES and f in content for f in each) for each in forms)


def _rows(ws: Workspace) -> int:
    from workbench.lifecycle.rights.erasure import still_findable

    return sum(still_findable(ws.office).values())
