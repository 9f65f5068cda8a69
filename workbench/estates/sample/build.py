"""Block by block from the dice to the files."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from workbench.catalog import Catalog, Column, Contribution, Retention, Table
from workbench.catalog_files import load_catalog
from workbench.errors import InputError, PeriodError, StorageError
from workbench.estates.sample import CATALOG, activity, credit, people, planted, voice
from workbench.estates.sample.operations import operations
from workbench.estates.sample.readme import readme
from workbench.estates.sample.window import BLOCK_CUSTOMERS, Block, Window
from workbench.estates.writing import Sink, pick

MOST_CUSTOMERS = (
    9_000_000  # customer ids have seven digits, and those with a 9 in front are orphans
)
SIZE = 5_000  # customers that the catalog's expected rows are for
_STILL_IN_FORCE = "expires: 2031-12-31"
FIRST_MONTH = dt.date(2023, 1, 1)  # the catalog's earliest booked_on


def build(
    out: Path,
    customers: int,
    months: int,
    seed: int,
    end: str,
    chunk_customers: int,
    progress: Callable[[int, int], None] | None,
    *,
    faults: bool = True,
) -> dict[str, int]:
    """Write an estate; see `workbench.estates.sample.generate`."""
    window = _window(customers, months, seed, end, chunk_customers)
    catalog = load_catalog(CATALOG)
    try:
        counts = _write(out, catalog, window, customers, seed, chunk_customers, progress)
        (out / "README.md").write_text(readme(catalog, counts, window, seed), encoding="utf-8")
        catalog_text = _sized(CATALOG.read_text(encoding="utf-8"), customers)
        if not faults:
            catalog_text = catalog_text.replace(f"expires: {planted.EXPIRED_ON}", _STILL_IN_FORCE)
        # last: a folder with a catalog is complete
        (out / "catalog.yaml").write_text(catalog_text, encoding="utf-8")
    except OSError as problem:
        raise StorageError(
            f"the sample estate could not be written to {out}: {problem}. "
            "Free some space or name another folder, and run it again."
        ) from None
    return counts


def _sized(catalog_text: str, customers: int) -> str:
    """Return the catalog with the volumes a bank of so many customers expects.

    Examples
    --------
    >>> _sized("expected_rows: [1800, 3500]  # of 5,000 customers", 50)
    'expected_rows: [1, 59]  # of 50 customers'
    """
    if customers == SIZE:
        return catalog_text
    share = customers / SIZE

    def told(found: re.Match[str]) -> str:
        least, most = (int(each) * share for each in found.groups())
        # why four: chance alone takes fewer rows further from what is expected
        low, high = max(least - 4 * least**0.5, 0), most + 4 * most**0.5
        return f"expected_rows: [{int(low)}, {ceil(high)}]  # of {customers:,} customers"

    volume = rf"expected_rows: \[(\d+), (\d+)\]  # of {SIZE:,} customers"
    return re.sub(volume, told, catalog_text)


def _write(
    out: Path,
    catalog: Catalog,
    window: Window,
    customers: int,
    seed: int,
    chunk_customers: int,
    progress: Callable[[int, int], None] | None,
) -> dict[str, int]:
    """Draw and write every block; return rows by table."""
    (out / "truth").mkdir(parents=True, exist_ok=True)
    (out / "catalog.yaml").unlink(missing_ok=True)
    sinks = {name: Sink(out, table) for name, table in (catalog.tables | _TRUTH).items()}
    try:
        for name, rows in operations(window, customers, seed).items():
            sinks[name].add(rows)
        numbers = {"transaction": 1, "application": 1}
        done = waiting = 0
        for block in _blocks(customers, seed):
            for name, rows in _draw(block, window, numbers):
                sinks[name].add(rows)
            done, waiting = done + block.size, waiting + block.size
            if waiting >= chunk_customers:
                for sink in sinks.values():
                    sink.flush()
                waiting = 0
            if progress is not None:
                progress(done, customers)
    finally:
        for sink in sinks.values():
            sink.close()
    return {name: sinks[name].rows for name in catalog.tables}


def _window(customers: int, months: int, seed: int, end: str, chunk_customers: int) -> Window:
    """Check what was asked for and return the months."""
    if not 1 <= customers <= MOST_CUSTOMERS:
        raise InputError(f"{customers} customers cannot be made; ask for 1 to {MOST_CUSTOMERS:,}.")
    if seed < 0:
        raise InputError(f"the seed {seed} is negative; use 0 or a positive whole number.")
    if chunk_customers < 1:
        raise InputError(f"a chunk of {chunk_customers} customers cannot be; use 1 or more.")
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", end):
        raise PeriodError(f"'{end}' is not a month; write it as 2026-09.")
    last = np.datetime64(end, "M")
    most = int((last - np.datetime64(FIRST_MONTH, "M")).astype(int)) + 1
    if not 1 <= months <= most:
        raise InputError(
            f"{months} months up to {end} cannot be made: the catalog's dates begin with "
            f"{FIRST_MONTH:%Y-%m}. Ask for 1 to {max(most, 1)}, or another end."
        )
    return Window(last, months)


def _blocks(customers: int, seed: int) -> Iterator[Block]:
    for number, done in enumerate(range(0, customers, BLOCK_CUSTOMERS)):
        yield Block(seed, number, done + 1, min(BLOCK_CUSTOMERS, customers - done))


def _draw(
    block: Block, window: Window, numbers: dict[str, int]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield one block's rows, table by table; ``numbers`` keeps the next free ids."""
    persons, identity = people.draw_people(block, window)
    yield "customers", identity
    consents, first_consents = people.draw_consents(block, window, persons)
    yield "consents", consents
    contacts = activity.draw_contacts(block, window, persons, first_consents["marketing"])
    bookings, spend = activity.draw_bookings(block, window, persons, contacts)
    yield "campaign_contacts", activity.contact_rows(block, window, persons, contacts, spend)
    transactions, cases, numbers["transaction"] = activity.transaction_rows(
        block, window, persons, bookings, numbers["transaction"]
    )
    yield "transactions", transactions
    yield "fraud_cases", cases
    yield "service_usage", activity.usage_rows(block, window, persons)
    yield "feedback", voice.feedback_rows(block, window, persons)
    bureau, scores = credit.bureau_rows(block, window, persons)
    yield "bureau", bureau
    applications, truth, loans, numbers["application"] = credit.application_rows(
        block, window, persons, scores, numbers["application"]
    )
    yield "credit_applications", applications
    yield "loan_performance", credit.performance_rows(block, window, persons, loans)
    victims = np.zeros(len(persons), bool)
    victims[bookings.customer[bookings.fraud]] = True
    yield (
        "truth_customers",
        {
            "customer_id": persons.ids,
            "segment": pick([segment.name for segment in planted.SEGMENTS], persons.segment),
            "credit_quality": persons.quality.round(6),
            "fraud_victim": victims,
        },
    )
    yield "truth_applications", truth


def _truth(source: str, columns: dict[str, str], key: str | None) -> Table:
    """Declare a truth file for the writer; it is in no catalog, so no store holds it."""
    declared = {
        name: Column.model_validate(
            {"type": kind, "role": "subject key" if name == key else "attribute"}
        )
        for name, kind in columns.items()
    }
    return Table(
        kind="linked",
        title="Planted truth",
        owner="nobody",
        source=source,
        subject_key=key,
        operational=key is None,
        retention=Retention(months=1, after="use"),
        contribution=Contribution(cells=1, rows=1) if key else None,
        columns=declared,
    )


_TRUTH = {
    "truth_customers": _truth(
        "truth/customers.parquet",
        {
            "customer_id": "text",
            "segment": "text",
            "credit_quality": "number",
            "fraud_victim": "boolean",
        },
        "customer_id",
    ),
    "truth_applications": _truth(
        "truth/applications.parquet",
        {
            "application_id": "integer",
            "default_probability": "number",
            "would_default_12m": "boolean",
        },
        None,
    ),
}
