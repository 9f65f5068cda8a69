"""Applications to learn a card from, with what is planted in them."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def applications():
    """Return 4,000 applications and which went bad; safer with income, riskier with debt."""
    rng = np.random.default_rng(5)
    rows = 4000
    income = rng.lognormal(8.8, 0.5, rows).round(2)
    debt = rng.uniform(0, 1, rows).round(3)
    job = rng.choice(["clerk", "driver", "student", "pilot"], rows, p=[0.5, 0.3, 0.19, 0.01])
    home = rng.integers(0, 2, rows).astype(bool)
    odds = -1.5 - 1.2 * (np.log(income) - 8.8) + 2 * (debt - 0.5) + 0.8 * (job == "student")
    odds += 0.5 * ~home
    bad = rng.random(rows) < 1 / (1 + np.exp(-odds))
    income[rng.random(rows) < 0.05] = -1  # not stated
    income[rng.random(rows) < 0.03] = np.nan
    frame = pd.DataFrame({"income": income, "debt": debt, "job": job, "home": home})
    return frame, bad
