"""What of diffprivlib 0.6.6 may touch customers: one mechanism, and no model, for these reasons.

Each reason was read in its source and is shown by a test. A model that is fitted all the same has
no provenance, so it counts as fitted on raw rows: `ws.release` refuses to group by what it says.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from workbench.errors import QuestionRefused, UnknownName

# Integer noise drawn from the system's randomness: used by `workbench.privacy.mechanisms`.
VETTED: Mapping[str, str] = {"Geometric": "diffprivlib.mechanisms"}

_FLOATS = (
    "its noise is floating-point, whose low bits tell the figure beneath in about a fifth of draws"
)
# Name to why it is left off, and what to use.
REFUSED: Mapping[str, tuple[str, str]] = {
    "KMeans": (
        f"{_FLOATS}; labels_ and inertia_ are exact, of every row; a centre that no row is nearest "
        "to stays as it was, and so tells that nobody is there",
        "wb.GridKMeans, fitted on released counts",
    ),
    "LinearRegression": (
        "a bound of 0 leaves a sum of squares without any noise, since its sensitivity is taken "
        f"from the lower bound twice; and {_FLOATS}",
        "sums and means of a release, by bands of what explains them",
    ),
    "LogisticRegression": (
        "its guarantee is of the exact optimum, and it stops before, at max_iter or its tolerance; "
        f"and {_FLOATS}",
        "rates of a release, by bands of what explains them",
    ),
    "GaussianNB": (
        "class_count_ adds up to the exact number of rows, classes are read off the data; and "
        f"{_FLOATS}",
        "counts, means and variances of a release, by class",
    ),
    "StandardScaler": (
        f"n_samples_seen_ is the exact number of rows; and {_FLOATS}",
        "declared bounds, as in wb.Axis",
    ),
    "PCA": (
        f"n_samples_ is the exact number of rows; and {_FLOATS}",
        "two or three features of your own choice, as in wb.Axis",
    ),
    "RandomForestClassifier": (
        "each tree keeps the seed of its noise, random_state, so that all of it can be drawn "
        "again; and one row more moves others between trees, so several trees change, not one",
        "rates of a release, by bands of what explains them",
    ),
    "DecisionTreeClassifier": (
        "its choices are sound where one row is one customer and bounds and classes are given; but "
        "nothing books them in the ledger, and by its authors' word it is a forest's part, not "
        "meant for use by itself",
        "rates of a release, by bands of what explains them",
    ),
    "BudgetAccountant": (
        "it adds up floats without a lock, forgets at the end of the process, and is asked after "
        "the draw",
        "the ledger: ws.release pays first",
    ),
}


def vetted(name: str) -> Any:
    """Return a class of diffprivlib that may be used, or refuse with the reason.

    Parameters
    ----------
    name : str
        As diffprivlib calls it.

    Raises
    ------
    QuestionRefused
        It was read and found unfit; says why, and what to use.
    UnknownName
        It was not looked at, and so may not be used either.

    Examples
    --------
    >>> vetted("Geometric").__name__
    'Geometric'
    """
    if name in VETTED:
        return getattr(importlib.import_module(VETTED[name]), name)
    if name not in REFUSED:
        raise UnknownName("vetted part of diffprivlib", name, VETTED)
    why, instead = REFUSED[name]
    raise QuestionRefused(
        f"diffprivlib's {name} may not be used on customers: {why}. Use instead: {instead}."
    )
