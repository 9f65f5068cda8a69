"""From a file of one's own to the first page and to personas: commands and minutes.

A person answers the drafted questions between the commands; here a table of answers does.
"""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.harness import Result, Run, Size, benchmark

COMMANDS_MOST = 4  # with the installation, to the first page
COMMANDS_MOST_PERSONAS = 6
MINUTES_MOST = 10
_INSTALLED = 1  # pip install workbench
_COUNTRIES = ("United Kingdom",) * 40 + ("Germany", "France", "EIRE", "Spain", "Norway", "Sweden")


@dataclass(frozen=True)
class Case:
    """One kind of data: how its files are made, what is asked of `new`, what its owner answers."""

    name: str
    make: Callable[[Path, Size], Sequence[str]]
    answers: Mapping[str, str]
    personas: bool = True
    options: tuple[str, ...] = ()


def online_retail(folder: Path, size: Size) -> Sequence[str]:
    """Write lines of an online shop as its export has them: cp1252, credit notes, guests."""
    rows, rng = (541_909 if size == "full" else 4_000), random.Random(7)
    path, start = folder / "export.csv", datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
    with path.open("w", encoding="cp1252", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(
            [
                "InvoiceNo",
                "StockCode",
                "Description",
                "Quantity",
                "InvoiceDate",
                "UnitPrice",
                "CustomerID",
                "Country",
            ]
        )
        for number in range(rows):
            moment = start + timedelta(minutes=number * 525_000 // rows)
            credit = rng.random() < 0.02
            customer = "" if rng.random() < 0.25 else f"{12346 + int(rng.random() ** 2 * 4300)}.0"
            lines.writerow(
                [
                    f"{'C' if credit else ''}{536365 + number // 20}",
                    f"{10000 + rng.randrange(4000)}{rng.choice(['', 'A', 'B'])}",
                    rng.choice(["CAFÉ MUG £1 ", "LANTERN ", 'RED "RETRO" BAG, '])
                    + str(rng.randrange(900)),
                    -rng.randrange(1, 4) if credit else rng.randrange(1, 25),
                    f"{moment.month}/{moment.day}/{moment.year} {moment.hour}:{moment.minute:02d}",
                    f"{rng.choice(['2.55', '3.39', '0.85', '0.001', '12.5', '4'])}",
                    customer,
                    rng.choice(_COUNTRIES),
                ]
            )
    return [str(path)]


def german_credit(folder: Path, size: Size) -> Sequence[str]:
    """Write applicants for a loan, one a row and without a number."""
    rng, path = random.Random(7), folder / "germancredit.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(
            [
                "status.of.existing.checking.account",
                "duration.in.month",
                "purpose",
                "credit.amount",
                "age.in.years",
                "creditability",
            ]
        )
        for _ in range(1000):
            lines.writerow(
                [
                    rng.choice(["... < 0 DM", "0 <= ... < 200 DM", "no checking account"]),
                    rng.randrange(4, 72),
                    rng.choice(["radio/television", "car (new)", "education"]),
                    rng.randrange(250, 18_424),
                    rng.randrange(19, 75),
                    rng.choice(["good", "bad"]),
                ]
            )
    return [str(path)]


def complete_journey(folder: Path, size: Size) -> Sequence[str]:
    """Return the households' transactions as the package carries them, or lines like them."""
    from workbench.errors import InputError
    from workbench.estates.datasets import DATASETS, carrier_folder

    path = folder / "transactions.parquet"
    import duckdb

    try:
        source = carrier_folder("completejourney", DATASETS["completejourney"]) / "data" / path.name
    except InputError:
        source = None
    few = "" if size == "full" else "USING SAMPLE reservoir(20000 ROWS) REPEATABLE (7)"
    invented = (
        "(SELECT 1 + i % 900 AS household_id, i % 30 AS store_id, i AS basket_id, "
        "1 + i % 5 AS quantity, (i % 700) / 100.0 AS sales_value, "
        "TIMESTAMP '2017-01-01 08:00:00' + INTERVAL (i * 26) MINUTE AS transaction_timestamp "
        "FROM range(20000) r(i))"
    )
    relation = f"read_parquet('{source}')" if source is not None else invented
    duckdb.sql(f"COPY (SELECT * FROM {relation} {few}) TO '{path}'")
    return [str(path)]


def messy(folder: Path, size: Size) -> Sequence[str]:
    """Write a folder as it comes by mail: semicolons, commas in numbers, two months, Excel."""
    import openpyxl

    rng, path = random.Random(7), folder / "Exporte"
    path.mkdir()
    rows = 20_000 if size == "full" else 1_500
    for month in (8, 9):
        with (path / f"Umsatz 2026-{month:02d}.csv").open("w", encoding="cp1252") as out:
            out.write("sep=;\nKunden-Nr;Bestell-Datum;Betrag (€);Währung;Größe\n")
            for _ in range(rows):
                cents = rng.randrange(100, 250_000)
                amount = f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02d}"
                out.write(
                    f"K{rng.randrange(800):05d};{rng.randrange(1, 29):02d}.{month:02d}.2026;"
                    f"{amount};EUR;{rng.choice(['groß', 'klein'])}\n"
                )
    book = openpyxl.Workbook()
    book.active.append(["Kundennummer", "E-Mail", "Stadt", "PLZ"])
    for number in range(800):
        row = [f"K{number:05d}", f"k{number}@example.org", rng.choice(["Köln", "Ulm"]), "01067"]
        book.active.append(row)
    book.save(path / "Kunden.xlsx")
    return [str(path)]


_MONEY = "{ladder: [400, 3200]}"
CASES = (
    Case(
        "online retail",
        online_retail,
        {
            "domain": "[United Kingdom, Germany, France]\n        rest: Elsewhere",
            "customer_bounds": "{ladder: [400, 3200], negative: true}",
            "bounds": "[2010-12-01, 2012-12-31]",
        },
    ),
    Case(
        "german credit",
        german_credit,
        {"domain": "null", "customer_bounds": "{ladder: [2500, 20000]}"},
        personas=False,
        options=("--customer", "row"),
    ),
    Case(
        "complete journey",
        complete_journey,
        {"domain": "null", "customer_bounds": _MONEY, "bounds": "[2017-01-01, 2018-12-31]"},
    ),
    Case(
        "messy folder",
        messy,
        {
            "domain": "[groß, klein]\n        rest: other",
            "customer_bounds": _MONEY,
            "bounds": "[2026-01-01, 2027-12-31]",
        },
    ),
)


def answer(catalog: Path, answers: Mapping[str, str]) -> int:
    """Answer every question of a drafted catalog as its owner would; return how many."""
    rows = "{cells: 6, rows: 10}" if "time:" in catalog.read_text() else "{cells: 1, rows: 1}"
    usual = {"months": "84", "contribution": rows, "without_customer": "tell", **answers}
    text, count = catalog.read_text(encoding="utf-8"), 0
    for key, value in usual.items():
        parts = text.split(f'{key}: "?"')
        text, n = f"{key}: {value}".join(parts), len(parts) - 1
        count += n
    catalog.write_text(text, encoding="utf-8")
    return count


def run_case(case: Case, folder: Path, size: Size) -> Mapping[str, float]:
    """Go from the files to the pages; return commands, questions and seconds."""
    sources = [part for source in case.make(folder, size) for part in ("--from", source)]
    shop, commands, start = folder / "shop", _INSTALLED, time.monotonic()

    def run(*arguments: str) -> str:
        nonlocal commands
        commands += 1
        line = [sys.executable, "-m", "workbench", *arguments]
        done = subprocess.run(
            line, capture_output=True, text=True, check=False, cwd=folder, env={**os.environ}
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    run("new", "shop", *sources, *case.options)
    questions = answer(shop / "catalog.yaml", case.answers)
    run("init", "-w", str(shop))
    run("run", "first-page", "-w", str(shop))
    first, first_seconds = commands, time.monotonic() - start
    if case.personas and (size == "full" or case is CASES[0]):
        run("run", "personas", "-w", str(shop))
    return {
        "commands": first, "commands to personas": commands, "questions": questions,
        "seconds": first_seconds, "seconds to personas": time.monotonic() - start,
    }  # fmt: skip  # why: one table


@benchmark("first-hour", bar=f"≤ {COMMANDS_MOST} commands")
def first_hour(run: Run) -> Iterator[Result]:
    """Count commands and minutes to the first page of four kinds of data, and to personas."""
    for case in CASES:
        folder = run.folder / case.name.replace(" ", "-")
        folder.mkdir()
        found = run_case(case, folder, run.size)
        yield run.result(f"{folder.name}-commands", found["commands"])
        minutes = found["seconds"] / 60
        yield run.result(f"{folder.name}-minutes", minutes, bar=f"≤ {MINUTES_MOST} minutes")
        if found["commands to personas"] > found["commands"]:
            yield run.result(
                f"{folder.name}-personas",
                found["commands to personas"],
                bar=f"≤ {COMMANDS_MOST_PERSONAS} commands",
            )
