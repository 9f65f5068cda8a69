"""Releases made by hand: a bank of five regions and eighteen months, without a ledger."""

import math
import random
from dataclasses import replace

from workbench.privacy.accounting import Cost
from workbench.privacy.columns import Dimension, Measure
from workbench.privacy.release import Release

REGIONS = ("North", "East", "South", "West", "Overseas")
MONTHS = tuple(f"{2025 + (3 + at) // 12}-{(3 + at) % 12 + 1:02d}" for at in range(18))
CATEGORIES = ("Groceries", "Housing and utilities", "Travel", "Health", "Leisure", "Education")
BANDS = ("under 1,000", "1,000 to 5,000", "5,000 to 20,000", "over 20,000")

REGION = Dimension("region", "Region", "category", REGIONS)
MONTH = Dimension("month", "Month", "month", MONTHS)
CATEGORY = Dimension("category", "Category", "category", CATEGORIES)
BAND = Dimension("value_band", "Value band", "band", BANDS)
CUSTOMERS = Measure("customers", "customers", "Customers", "customers")
AMOUNT = Measure("amount_sum", "sum", "Amount, total", "CNY", 2)
MEAN = Measure("amount_mean", "mean", "Amount, mean", "CNY", 2)
RATE = Measure("active_rate", "rate", "Active share", None, 3)
SIZES = {"customers": (900, 25), "amount_sum": (1_850_000, 61_000), "amount_mean": (412, 9.5)}


def release(by=(), measures=(CUSTOMERS, AMOUNT), *, number=41, seed=1, period="2026-09", **changes):
    """Return a release of every cell of its group columns."""
    dice = random.Random(seed)
    cells = [()]
    for axis in by:
        cells = [(*cell, value) for cell in cells for value in axis.values]
    columns = {axis.name: [cell[at] for cell in cells] for at, axis in enumerate(by)}
    for measure in measures:
        size, margin = SIZES.get(measure.name, (0.62, 0.021))
        middle = [size * _shape(by, cell, dice) for cell in cells]
        columns[measure.name] = [round(value, measure.digits) for value in middle]
        columns[f"{measure.name}_low"] = [round(v - margin, measure.digits) for v in middle]
        columns[f"{measure.name}_high"] = [round(v + margin, measure.digits) for v in middle]
    made = Release(
        id=f"r-{number:06d}",
        name="spend-by-" + "-".join(axis.name for axis in by) if by else "spend",
        table="transactions",
        purpose="reporting",
        period=period,
        by=tuple(by),
        measures=tuple(measures),
        columns=columns,
        cost=Cost(1_250_000_000),
        epsilon=0.31,
        delta=1e-6,
        data_version="v17",
    )
    return replace(made, **changes)


def _shape(by, cell, dice):
    """Return a factor with a season, a trend and a rank, so that charts look like business."""
    factor = dice.uniform(0.96, 1.04)
    for axis, value in zip(by, cell, strict=True):
        at = axis.values.index(value)
        if axis.kind == "month":
            factor *= 1 + 0.018 * at + 0.09 * math.sin(at * math.pi / 6)
        elif axis.kind == "band":
            factor *= (0.5, 1.0, 0.8, 0.2)[at % 4]
        else:
            factor *= 1.3 - 0.21 * at
    return factor
