"""What measuring the data's quality costs against reading the data once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import Result, Run, benchmark, interleaved, measure, script, wall_seconds


@benchmark("quality", bar="≤ 2.0", smoke_informative=True)
def quality(run: Run) -> Iterator[Result]:
    """Time of ``ws.quality()`` against one full scan of each table, on the same connection's terms.

    The sample bank with about 10 M transactions, all 16 tables and every declared rule. The scan
    reads every value of every table from the encrypted files: a hash of each row, summed.
    """
    import workbench as wb

    folder = run.folder / "bank"
    customers = 300 if run.smoke else 120_000
    source = folder / "data"
    measure([script("workbench"), "sample", "--customers", str(customers), "--out", source])
    (folder / "workbench.toml").write_text('catalog = "data/catalog.yaml"\n')
    measure([script("workbench"), "init", "-w", folder])
    shutil.rmtree(source / "truth")
    ws = wb.open_workspace(folder)
    taken = interleaved(
        {
            "ours": lambda: wall_seconds(ws.quality),
            "scan": lambda: wall_seconds(lambda: scan(folder)),
        },
        repeats=1 if run.smoke else 5,
    )
    yield run.result("time", taken["ours"], reference=taken["scan"])


def scan(folder: Path) -> None:
    """Read every value of every table once."""
    import workbench as wb

    ws = wb.open_workspace(folder)
    connection = ws.store.connect()
    ws.store.attach(connection, ws.store.latest_snapshot())
    for name in sorted(ws.store.tables(connection)):
        columns = ", ".join(f'"{column}"' for column in ws.catalog.tables[name].columns)
        connection.execute(f'SELECT sum(hash({columns})) FROM lake."{name}"').fetchall()
    connection.close()
