"""How close private k-means comes to exact k-means, beside diffprivlib's and a plain grid's."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Result, Run, benchmark

if TYPE_CHECKING:
    import numpy as np

    from workbench.privacy.models.grid_kmeans import GridKMeans

EPSILON, DELTA = "1", Decimal("1e-6")
CLUSTERS = 4
# What somebody who knows the shop would declare; finer cells for ten times the customers.
_AXES = {
    "cdnow": (("frequency_days", 1, 30, 16), ("amount", 5, 1000, 16), ("recency_days", 0, 545, 16)),
    "completejourney": (
        ("frequency_days", 1, 365, 12),
        ("amount", 20, 10_000, 12),
        ("recency_days", 0, 364, 12),
    ),
}
_BARS = {"cdnow": ("≤ 1.05", "≥ 0.90"), "completejourney": ("≤ 1.03", "≥ 0.78")}


@benchmark("kmeans", bar="≤ 1.05")
def kmeans(run: Run) -> Iterator[Result]:
    """Inertia over exact k-means' and agreement with it (ARI), at (1, 1e-6); median of 10 draws.

    Four clusters of customers by log(1 + x) of days with a purchase, total amount and days since
    the last, each standardised by declared bounds: the same for all. ``theirs`` is diffprivlib
    0.6.6's KMeans at epsilon 1, ``plain`` k-means on one noisy grid of 8 cells an axis at the same
    price as ours; both are shown, and held to nothing. Neighbours differ by one whole customer.
    """
    from sklearn.cluster import KMeans

    for name in ("cdnow",) if run.smoke else tuple(_AXES):
        values = _features(name)
        model = _model(name)
        places = _places(model, values)
        exact = KMeans(CLUSTERS, n_init=20, random_state=0).fit(places)
        draws = 3 if run.smoke else 10
        found: dict[str, list[tuple[float, float]]] = {}
        ways = {"ours": _ours, "theirs": _theirs, "plain": _plain}
        for _ in range(draws):
            for way, draw in ways.items():
                centers = draw(name, values, places)
                found.setdefault(way, []).append(_against(exact, places, centers))
        for way in ways:
            inertia = statistics.median(each for each, _ in found[way])
            agreement = statistics.median(each for _, each in found[way])
            bars = _BARS[name]
            told = None if way == "ours" else True
            yield run.result(
                f"{name}-{way}-inertia",
                inertia,
                reference=float(exact.inertia_),
                bar=bars[0],
                informative=told,
            )
            yield run.result(f"{name}-{way}-ari", agreement, bar=bars[1], informative=told)


def _features(name: str) -> np.ndarray:
    """Return days with a purchase, total amount and days since the last, one row a customer."""
    import pandas as pd

    from workbench.estates.datasets import DATASETS, carrier_folder

    rows = DATASETS[name].read(carrier_folder(name, DATASETS[name]))["transactions"]
    frame = pd.DataFrame({each: rows[each] for each in ("customer_id", "booked_on", "amount")})
    last = frame["booked_on"].max()
    by = frame.groupby("customer_id")
    found = pd.DataFrame(
        {
            "frequency_days": by["booked_on"].nunique(),
            "amount": by["amount"].sum() / 100,
            "recency_days": (last - by["booked_on"].max()).dt.days,
        }
    )
    features: np.ndarray = found.to_numpy(dtype=float)
    return features


def _model(name: str) -> GridKMeans:
    from workbench.privacy.models.axes import Axis
    from workbench.privacy.models.grid_kmeans import GridKMeans

    axes = [Axis(column, low, high, cells) for column, low, high, cells in _AXES[name]]
    return GridKMeans(CLUSTERS, axes=axes)


def _places(model: GridKMeans, values: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.column_stack([axis.place(values[:, i]) for i, axis in enumerate(model.axes)])


def _against(exact: Any, places: np.ndarray, centers: np.ndarray) -> tuple[float, float]:
    """Return the inertia of centres, and the agreement of their clusters with the exact ones."""
    from sklearn.metrics import adjusted_rand_score

    squares = ((places[:, None, :] - centers[None]) ** 2).sum(axis=2)
    agreement = adjusted_rand_score(exact.labels_, squares.argmin(axis=1))
    return float(squares.min(axis=1).sum()), float(agreement)


def _noisy(counts: np.ndarray, share: int) -> tuple[np.ndarray, float]:
    """Return counts with the ledger's own noise, at a share of the price, and its variance."""
    import numpy as np

    from workbench.privacy.accounting import price, rho_fraction
    from workbench.privacy.engine.mechanisms import discrete_gaussian

    rho = rho_fraction(price(EPSILON, delta=DELTA).pico // share)
    variance = Fraction(1) / (2 * rho)  # one customer changes one count by one
    noise = np.array(discrete_gaussian(variance, counts.size)).reshape(counts.shape)
    return counts + noise, float(variance)


def _grid(cells: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    import numpy as np

    counts = np.zeros(shape)
    np.add.at(counts, tuple(cells), 1)
    return counts


def _ours(name: str, values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Fit our model on what a release of its question holds: exact counts of each level, noise."""
    from workbench.privacy.models.density import NoisyCounts

    model, levels = _model(name), []
    for level in range(model.levels - 1, -1, -1):
        shape = tuple(axis.cells >> level for axis in model.axes)
        cells = [axis.cell(values[:, i]) >> level for i, axis in enumerate(model.axes)]
        levels.append(NoisyCounts(*_noisy(_grid(cells, shape), model.levels)))
    model.fit(levels)
    return _places(model, model.cluster_centers_)


def _theirs(name: str, values: np.ndarray, places: np.ndarray) -> np.ndarray:
    from diffprivlib.models import KMeans

    axes = places.shape[1]
    theirs = KMeans(CLUSTERS, epsilon=float(EPSILON), bounds=([0.0] * axes, [1.0] * axes))
    with warnings.catch_warnings():  # why: it warns of parameters of its own parent
        warnings.simplefilter("ignore")
        return _centers(theirs.fit(places))


def _plain(name: str, values: np.ndarray, places: np.ndarray) -> np.ndarray:
    import numpy as np
    from sklearn.cluster import KMeans

    cells, axes = 8, places.shape[1]
    index = [np.minimum((places[:, i] * cells).astype(int), cells - 1) for i in range(axes)]
    counts, _ = _noisy(_grid(index, (cells,) * axes), 1)
    middles = (np.stack(np.meshgrid(*[np.arange(cells)] * axes, indexing="ij"), -1) + 0.5) / cells
    held = np.maximum(counts, 0).ravel()
    fitted = KMeans(CLUSTERS, n_init=20, random_state=0)
    return _centers(fitted.fit(middles.reshape(-1, axes)[held > 0], sample_weight=held[held > 0]))


def _centers(fitted: Any) -> np.ndarray:
    centers: np.ndarray = fitted.cluster_centers_
    return centers
