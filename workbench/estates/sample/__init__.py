"""The sample estate: an invented retail bank, generated block by block from a seed.

``planted`` holds every figure worth testing; ``catalog.yaml`` is copied beside the data as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

__all__ = ["CATALOG", "CHUNK_CUSTOMERS", "generate"]

CATALOG = Path(__file__).with_name("catalog.yaml")
CHUNK_CUSTOMERS = 20_000  # customers a row group: what is held in memory


def generate(
    out: Path,
    *,
    customers: int = 5_000,
    months: int = 18,
    seed: int = 2026,
    end: str = "2026-09",
    chunk_customers: int = CHUNK_CUSTOMERS,
    progress: Callable[[int, int], None] | None = None,
    faults: bool = True,
) -> dict[str, int]:
    """Write the sample estate: source files, ``catalog.yaml``, ``README.md``, ``truth/``.

    Parameters
    ----------
    out : Path
        Folder to write into; made if absent, files of the same names are replaced.
    customers, months : int
        How many, and over how many months up to ``end``.
    seed : int
        The same seed gives the same estate, byte for byte, whatever ``chunk_customers`` is, up to
        the grouping of rows inside Parquet files.
    end : str
        Last month, ``YYYY-MM``.
    chunk_customers : int
        Customers held in memory at once.
    progress : callable, optional
        Called with customers done and customers asked for.
    faults : bool
        Whether faults are planted; without them nothing is amiss, and a summary is all green.

    Returns
    -------
    dict
        Table name to rows written.

    Raises
    ------
    InputError
        A size, a month or a seed that cannot be.
    """
    # why here: PyArrow is slow to import for --help
    from workbench.estates.sample.build import build
    from workbench.estates.sample.planted import without_faults

    if faults:
        return build(out, customers, months, seed, end, chunk_customers, progress)
    with without_faults():
        return build(out, customers, months, seed, end, chunk_customers, progress, faults=False)
