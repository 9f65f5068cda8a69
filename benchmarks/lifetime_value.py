"""BG/NBD and gamma-gamma on CDNOW: the published parameters, the time to fit, the error ahead."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.harness import Result, Run, benchmark

if TYPE_CHECKING:
    import pandas as pd

# Fader, Hardie & Lee 2005, table 2: 2,357 customers, times in weeks.
PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}


@benchmark("lifetime-value", bar="≤ 0.80")
def lifetime_value(run: Run) -> Iterator[Result]:
    """Error 39 weeks ahead over the naive rate's, distance to published parameters, time to fit.

    Naive is that everybody goes on as before: their days with a purchase so far by the time so far.
    The error is absolute, purchases a customer, over all of CDNOW's 23,570 customers. Parameters
    are compared at the three digits that were printed. Time is CPU time of one fit in this process.
    """
    from workbench.analytics.lifetime_value import BetaGeoModel
    from workbench.analytics.purchases import holdout_check, purchase_summary

    sample = _published_sample()
    model = BetaGeoModel().fit(sample)
    found = {"r": model.r_, "alpha": model.alpha_ / 7, "a": model.a_, "b": model.b_}
    for name, value in PUBLISHED.items():
        off = abs(round(found[name], 3) - value)
        yield run.result(f"{name}-off", off, bar="≤ 0.0005 at three digits")
    rows = _rows()
    if run.smoke:
        rows = rows[rows["customer_id"] % 8 == 0]
    summary = purchase_summary(rows, until="1998-06-30")
    start = time.process_time()
    BetaGeoModel().fit(summary)
    yield run.result("fit-seconds", time.process_time() - start, bar="≤ 2 s")
    ahead = holdout_check(rows, split="1997-09-30", until="1998-06-30")
    yield run.result(
        "error-39-weeks",
        ahead.mean_absolute_error,
        reference=ahead.naive_mean_absolute_error,
        informative=run.smoke,
    )


def _published_sample() -> pd.DataFrame:
    import pandas as pd

    from workbench.estates.datasets import DATASETS, carrier_folder

    folder = carrier_folder("cdnow", DATASETS["cdnow"]) / "datasets"
    weeks = pd.read_csv(folder / "cdnow_customers_summary.csv", index_col="ID")
    return pd.DataFrame(
        {
            "frequency": weeks["frequency"],
            "recency_days": weeks["recency"] * 7,
            "T_days": weeks["T"] * 7,
        }
    )


def _rows() -> pd.DataFrame:
    import pandas as pd

    from workbench.estates.datasets import DATASETS, carrier_folder

    columns = DATASETS["cdnow"].read(carrier_folder("cdnow", DATASETS["cdnow"]))["transactions"]
    numbers = pd.factorize(columns["customer_id"])[0]
    days, cents = columns["booked_on"], columns["amount"]
    return pd.DataFrame({"customer_id": numbers, "booked_on": days, "amount": cents / 100})
