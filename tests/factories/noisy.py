"""Paid answers made by hand, with noise that a test chooses, and a ledger to keep them in."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from itertools import product

import numpy as np

from workbench.catalog import Limits
from workbench.privacy.accounting import Cost
from workbench.privacy.books.answers import AnswerLedger, handed_out
from workbench.privacy.books.entries import Order, Part
from workbench.privacy.columns import Dimension, Measure
from workbench.privacy.release import Origin, Release

LATTICE = 2**20
REGION = Dimension("region", "Region", "category", ("North", "South", "West"), exclusive=True)
CHANNEL = Dimension("channel", "Channel", "category", ("app", "branch"))
MONTH = Dimension("month", "Month", "month", ("2026-07", "2026-08", "2026-09"))
CUSTOMERS = Measure("customers", "customers", "Customers", "customers")
ROWS = Measure("rows", "rows", "Rows", "rows")
AMOUNT = Measure("amount_sum", "sum", "Amount, total", "CNY", 2, 0.0)
MEAN = Measure("amount_mean", "mean", "Amount, mean", "CNY", 2, 0.0)
RATE = Measure("app_rate", "rate", "App, share", None, 4)
MEDIAN = Measure("amount_q50", "quantile", "Amount, median", "CNY", 2)

# A customer's total lies within 0 and 200, their rows within 0 and 10: centre and half-width.
LINEAR = {
    "customers": {"n": 1.0},
    "amount_sum": {"amount": 100.0, "n": 100.0},
    "rows": {"rows": 5.0, "n": 5.0},
}
RATIO = {
    "amount_mean": {"top": LINEAR["amount_sum"], "bottom": LINEAR["rows"], "offset": 0.0},
    "app_rate": {"top": {"app": 1.0}, "bottom": {"n": 1.0}, "offset": 0.0},
}
ALL = (CUSTOMERS, AMOUNT, ROWS, MEAN)


def answer(
    by=(), truth=None, *, sigma=4.0, noise=None, measures=ALL, number=1, period="2026-09", **changes
):
    """Return a paid answer.

    ``truth``: coordinate to true totals, one a cell, in customers; a customer's amount and rows
    are relative to the centre. ``noise``: coordinate to integers on the lattice; none if left out.
    """
    by = tuple(by)
    cells = list(product(*(each.values for each in by)))
    truth = truth or {}
    names = ("n", "amount", "rows", "app")
    noisy = {}
    for name in names:
        exact = truth.get(name, [100.0 + i for i in range(len(cells))] if name == "n" else None)
        exact = exact if exact is not None else [0.0] * len(cells)
        drawn = (noise or {}).get(name, [0] * len(cells))
        noisy[name] = [
            round(total * LATTICE) + int(each) for total, each in zip(exact, drawn, strict=True)
        ]
    columns = {each.name: [cell[i] for cell in cells] for i, each in enumerate(by)}
    for measure in measures:
        for suffix in ("", "_low", "_high"):
            columns[measure.name + suffix] = [1.0] * len(cells)  # forms do not read them
    content = {
        "id": f"r-{number:06d}",
        "name": f"answer-{number}",
        "table": "transactions",
        "purpose": "reporting",
        "period": period,
        "by": by,
        "measures": tuple(measures),
        "columns": columns,
        "cost": Cost(1_250_000_000),
        "epsilon": 0.31,
        "delta": 1e-6,
        "data_version": "v17",
        "mechanism": {
            "kind": "discrete gaussian",
            "sigma": sigma,
            "lattice": LATTICE,
            "noisy": noisy,
            "linear": {m.name: LINEAR[m.name] for m in measures if m.name in LINEAR},
            "ratio": {m.name: RATIO[m.name] for m in measures if m.name in RATIO},
        },
    }
    return Release(**{**content, **changes})


def drawn(cells, sigma, seed):
    """Return noise for every coordinate; rounded normals stand in for the discrete Gaussian."""
    dice = np.random.default_rng(seed)
    return {
        name: np.rint(dice.normal(0, sigma * LATTICE, cells)).astype(int)
        for name in ("n", "amount", "rows", "app")
    }


class Books:
    """Stored answers in memory; hands them out as a workspace does."""

    def __init__(self):
        self.answers = {}

    @property
    def origin(self):
        return Origin(self.answers.__getitem__, self._keep)

    def put(self, release):
        self.answers[release.id] = Release.from_json(release.to_json())
        return replace(release, origin=self.origin)

    def _keep(self, made, parents):
        made = replace(made, id=f"d-{len(self.answers) + 1:06d}")
        assert all(parent in self.answers for parent in parents)
        self.answers[made.id] = Release.from_json(made.to_json())
        return made


def ledger(folder):
    """Return an empty ledger."""
    limits = Limits(month=Decimal(3), year=Decimal(8), lifetime=Decimal(24))
    return AnswerLedger(folder, limits, Decimal("1e-6"))


def in_ledger(release, book):
    """Pay for a release in a ledger, store it and return it as a workspace would."""
    now = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
    part = Part(release.period, "2026-09", None, {"asked": release.id})
    label = f"'{release.name}'"
    (reserved,) = book.reserve(
        [Order(release.name, part, release.data_version, Cost(10**9), lambda _: {})],
        share=None,
        now=now,
        label=label,
    )
    text = replace(release, id=reserved.release_id).to_json()
    (stored,) = book.store([(reserved, text)], now)
    return handed_out(Release.from_json(stored), book, lambda: now)
