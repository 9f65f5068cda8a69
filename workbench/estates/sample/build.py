"""Block by block from the dice to the files: the estate, and its README."""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, nullcontext
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from workbench.catalog import Table
from workbench.catalog_files import load_catalog
from workbench.errors import InputError, PeriodError, StorageError
from workbench.estates.sample import activity, credit, people, planted
from workbench.estates.sample.operations import operations
from workbench.estates.sample.planted import BLOCK_CUSTOMERS, Block, Window
from workbench.estates.writing import Sink, pick, rendered

CATALOG = Path(__file__).with_name("catalog.yaml")
README = Path(__file__).with_name("README.md.jinja")
CHUNK_CUSTOMERS = 20_000  # customers a row group: what is held in memory
MOST_CUSTOMERS = 9_000_000  # ids have seven digits, and those with a 9 in front are orphans
SIZE = 5_000  # customers that the catalog's expected rows are for
FIRST_MONTH = dt.date(2023, 1, 1)  # the catalog's earliest booked_on


def generate(
    out: Path,
    *,
    customers: int = 5_000,
    months: int = 18,
    seed: int = 2026,
    end: str = "2026-09",
    chunk_customers: int = CHUNK_CUSTOMERS,
    progress: Callable[[int, int], object] = lambda done, customers: None,
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
    progress : callable
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
    window = _window(customers, months, seed, end, chunk_customers)
    tables = load_catalog(CATALOG).tables
    truth = {name: Table.model_validate(each) for name, each in planted.TRUTH.items()}
    catalog = _sized(CATALOG.read_text(encoding="utf-8"), customers)
    if not faults:
        catalog = catalog.replace(f"expires: {planted.EXPIRED_ON}", "expires: 2031-12-31")
    try:
        (out / "truth").mkdir(parents=True, exist_ok=True)
        (out / "catalog.yaml").unlink(missing_ok=True)
        with ExitStack() as stack:
            stack.enter_context(nullcontext() if faults else planted.without_faults())
            sinks = {
                name: stack.enter_context(closing(Sink(out, table)))
                for name, table in (tables | truth).items()
            }
            for name, rows in operations(window, customers, seed).items():
                sinks[name].add(rows)
            numbers = {"transaction": 1, "application": 1}
            waiting = 0
            for block in _blocks(window, customers, seed):
                for name, rows in _draw(block, numbers):
                    sinks[name].add(rows)
                waiting += block.size
                if waiting >= chunk_customers:
                    for sink in sinks.values():
                        sink.flush()
                    waiting = 0
                progress(block.start + block.size - 1, customers)
            for sink in sinks.values():
                sink.flush()
            counts = {name: sinks[name].rows for name in tables}
            facts = {"tables": tables, "counts": counts, "window": window, "seed": seed}
            readme = rendered(README, {"rate": percent}, p=planted, **facts)
        (out / "README.md").write_text(readme, encoding="utf-8")
        # last: a folder with a catalog is complete
        (out / "catalog.yaml").write_text(catalog, encoding="utf-8")
    except OSError as problem:
        raise StorageError(
            f"the sample estate could not be written to {out}: {problem}. "
            "Free some space or name another folder, and run it again."
        ) from None
    return counts


def percent(rate: float) -> str:
    """Return a rate in percent without needless zeros.

    Examples
    --------
    >>> percent(0.0005), percent(0.3), percent(0.0)
    ('0.05 %', '30 %', '0 %')
    """
    return f"{round(100 * rate, 6):g} %"


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


def _blocks(window: Window, customers: int, seed: int) -> Iterator[Block]:
    for number, done in enumerate(range(0, customers, BLOCK_CUSTOMERS)):
        yield Block(window, seed, number, done + 1, min(BLOCK_CUSTOMERS, customers - done))


def _draw(block: Block, numbers: dict[str, int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield one block's rows, table by table; ``numbers`` keeps the next free ids."""
    persons, identity = people.draw_people(block)
    yield "customers", identity
    consents, first_consents = people.draw_consents(persons)
    yield "consents", consents
    contacts = activity.draw_contacts(persons, first_consents["marketing"])
    bookings, spend = activity.draw_bookings(persons, contacts)
    yield "campaign_contacts", activity.contact_rows(persons, contacts, spend)
    transactions, cases = activity.transaction_rows(persons, bookings, numbers)
    yield "transactions", transactions
    yield "fraud_cases", cases
    yield "service_usage", activity.usage_rows(persons)
    yield "feedback", activity.feedback_rows(persons)
    bureau, scores = credit.bureau_rows(persons)
    yield "bureau", bureau
    applications, truth, loans = credit.application_rows(persons, scores, numbers)
    yield "credit_applications", applications
    yield "loan_performance", credit.performance_rows(persons, loans)
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
