"""Private k-means: clusters of a noisy grid of counts, paid for by the one question it asks.

>>> # model = wb.GridKMeans(4, axes=[wb.Axis("amount", 5, 1000), wb.Axis("recency_days", 0, 365)])
>>> # model.fit(ws.release_marginals(model.question(tx, period=…), name="segments", epsilon=1))
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.utils.validation import check_is_fitted

from workbench.errors import InputError, QuestionRefused, require_columns
from workbench.privacy.grouping.bands import band_labels
from workbench.privacy.grouping.grouped import Labelled, labelled
from workbench.privacy.groups import rising
from workbench.privacy.models.axes import Axis
from workbench.privacy.models.density import NoisyCounts, density, refined
from workbench.privacy.models.labels import NearestCentre
from workbench.privacy.provenance import RAW, FittedLabel, Provenance
from workbench.privacy.query import Marginals, query
from workbench.privacy.release import Release

if TYPE_CHECKING:
    import ibis

_MAX_CELLS = 2**17  # of the finest grid: more would be noise, and slow
_PARTS = 3  # of a cell on each axis, which may go to different clusters


class GridKMeans(ClusterMixin, BaseEstimator):
    """K-means on released counts of customers, by the cells of a grid over two or three features.

    It asks one question: how many customers are in each cell, at a few resolutions that share the
    price. All that follows (see `workbench.privacy.models.density`) sees noisy counts alone, so the
    centres are as private as the counts are, and cost nothing more. Bounds, transforms and cells
    are declared in ``axes``.

    Parameters
    ----------
    n_clusters : int
        Chosen beforehand, or by runs on the same released counts; not by looking at rows.
    axes : sequence of Axis
        The features.
    levels : int
        Resolutions asked for: each axis' cells, their half, and so on.
    n_init : int
        Starts of k-means on the counts; the best is kept.
    random_state : int
        Of these starts, which see no rows: the same counts give the same clusters.

    Attributes
    ----------
    cluster_centers_ : array of shape (n_clusters, n_features)
        Centres in the features' own units, by falling place on the first axis.
    weights_ : array of shape (n_clusters,)
        Share of customers in each cluster, by the noisy counts.
    density_ : array
        Customers by the cells of the finest grid.
    provenance_ : Provenance
        Private when fitted on releases.
    n_features_in_ : int
    feature_names_in_ : array of str

    There is no ``labels_`` and no ``inertia_``: those would be of rows.

    Examples
    --------
    >>> import numpy as np
    >>> axes = [Axis("amount", 0, 80, cells=4, scale="linear")]
    >>> counts = [NoisyCounts(np.array(level), 1.0) for level in ([50, 40], [49, 0, 0, 41])]
    >>> model = GridKMeans(2, axes=axes, levels=2).fit(counts)
    >>> model.cluster_centers_.round().tolist()
    [[71.0], [9.0]]
    >>> model.predict([[12], [75]]).tolist()
    [1, 0]
    """

    def __init__(
        self,
        n_clusters: int = 4,
        *,
        axes: Sequence[Axis] = (),
        levels: int = 3,
        n_init: int = 20,
        random_state: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.axes = axes
        self.levels = levels
        self.n_init = n_init
        self.random_state = random_state

    def question(
        self, table: ibis.Table, *, where: Any = (), period: str | tuple[str, str] | None = None
    ) -> Marginals:
        """Return what to ask: customers by the cells of the grid, at every resolution.

        Parameters
        ----------
        table : ibis.Table
            From ``ws.open``.
        where, period
            As for `workbench.query`.

        Returns
        -------
        Marginals
            For ``ws.release_marginals``, whose answers `fit` takes.
        """
        self._check()
        sets = [[axis.bands(level) for axis in self.axes] for level in self._coarsest_first()]
        asked = (query(table, by=by, where=where, period=period) for by in sets)
        return Marginals(tuple(asked)).customers()

    def fit(self, X: Sequence[Release] | Sequence[NoisyCounts], y: object = None) -> GridKMeans:
        """Find the clusters of noisy counts.

        Parameters
        ----------
        X : sequence of Release, or of NoisyCounts
            What ``ws.release_marginals`` answered; or counts of your own, coarsest first, whose
            clusters count as fitted on raw rows, since no ledger knows of them.
        y : ignored

        Raises
        ------
        QuestionRefused
            It is given rows, or answers to another question; or the counts are noise alone.
        """
        self._check()
        counts, tag = self._counts(X)
        self.density_ = density(counts)
        held = refined(self.density_, _PARTS).ravel()
        middles = np.array(list(product(*(axis.middles(_PARTS) for axis in self.axes))))
        some = held > 0
        spread = np.sqrt(counts[0].variance * counts[0].counts.size)
        if held.sum() <= 2 * spread or (self.density_ >= 1).sum() < self.n_clusters:
            raise QuestionRefused(
                f"the counts are hardly more than their noise (± {2 * spread:,.0f} customers in "
                f"all), or lie in fewer cells than {self.n_clusters} clusters need. Ask for fewer "
                "clusters, a longer period, or at a larger epsilon; nothing more was spent."
            )
        found = KMeans(self.n_clusters, n_init=self.n_init, random_state=self.random_state)
        found.fit(middles[some], sample_weight=held[some])
        order = np.lexsort(found.cluster_centers_.T[::-1])[::-1]
        self._places = found.cluster_centers_[order]
        shares = np.bincount(found.labels_, held[some], minlength=self.n_clusters)[order]
        self.weights_ = shares / shares.sum()
        self.cluster_centers_ = np.column_stack(
            [axis.value(self._places[:, i]) for i, axis in enumerate(self.axes)]
        )
        self.n_features_in_ = len(self.axes)
        self.feature_names_in_ = np.array([axis.column for axis in self.axes], dtype=object)
        self.provenance_ = tag
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return each customer's cluster, by the nearest centre on the axes.

        Parameters
        ----------
        X : frame with the axes' columns, or array of shape (n_customers, n_features)
            In the features' own units, as `cluster_centers_`.
        """
        return np.asarray(self.transform(X).argmin(axis=1))

    def transform(self, X: Any) -> np.ndarray:
        """Return distances to the centres, on the axes; parameters as `predict`."""
        check_is_fitted(self, "cluster_centers_")
        values = self._values(X)
        places = np.column_stack([axis.place(values[:, i]) for i, axis in enumerate(self.axes)])
        return np.asarray(np.sqrt(((places[:, None, :] - self._places[None]) ** 2).sum(axis=2)))

    def label(
        self,
        table: ibis.Table | Any,
        X: Any = None,
        name: str = "cluster",
        *,
        period: str | tuple[str, str] | None = None,
    ) -> NearestCentre | Labelled:
        """Return the clusters of customers as a group of a question.

        Parameters
        ----------
        table : ibis.Table
            From ``ws.open``, for the question's purpose: features and labels are made inside the
            engine, of each customer's own rows. Or customers' pseudonyms, with ``X``.
        X : frame or array, optional
            Features of these customers, as for `predict`. Such labels count as raw, whatever the
            model is, for a feature may look at other customers.
        name : str
            Of the group column; its values are ``cluster 1`` and so on.
        period : str or pair of str
            With a table, the span whose rows count: days, and totals of the axes' columns.
        """
        check_is_fitted(self, "cluster_centers_")
        values = tuple(f"{name} {number}" for number in range(1, self.n_clusters + 1))
        definition = repr((self.axes, self.cluster_centers_.round(9).tolist()))
        label = FittedLabel(name, values, self.provenance_, definition)
        if X is not None:
            return labelled(label, table, [values[each] for each in self.predict(X)])
        if period is None:
            raise QuestionRefused(
                "labels are made of rows of a span: model.label(tx, period=('2026-01', '2026-09'))."
            )
        centres = tuple(map(tuple, self._places.tolist()))
        return NearestCentre(table, period, tuple(self.axes), centres, label)

    def _check(self) -> None:
        """Refuse parameters no grid can be made of."""
        axes = list(self.axes)
        if not 1 <= len(axes) <= 4 or not all(isinstance(axis, Axis) for axis in axes):
            raise QuestionRefused(
                "GridKMeans needs axes=[wb.Axis(column, low, high), …], one to four: each feature "
                "with bounds you declare. Two or three serve best; noise fills larger grids."
            )
        names = [axis.column for axis in axes]
        if len(set(names)) != len(names):
            raise QuestionRefused(f"an axis is named twice: {', '.join(names)}.")
        if type(self.levels) is not int or self.levels < 2:
            raise QuestionRefused(f"levels must be 2 or more, not {self.levels!r}; 3 is usual.")
        step = 2 ** (self.levels - 1)
        for axis in axes:
            if axis.cells % step or axis.cells == step:
                raise QuestionRefused(
                    f"axis '{axis.column}' has {axis.cells} cells; {self.levels} levels halve them "
                    f"{self.levels - 1} times, so they must be {2 * step}, {3 * step}, "
                    f"{4 * step} …"
                )
        cells = reduce(lambda size, axis: size * axis.cells, axes, 1)
        if cells > _MAX_CELLS:
            raise QuestionRefused(
                f"the grid has {cells:,} cells; at most {_MAX_CELLS:,} are sensible. Use fewer "
                "axes or cells."
            )
        if type(self.n_clusters) is not int or not 2 <= self.n_clusters <= cells:
            raise QuestionRefused(
                f"n_clusters is a whole number from 2 on, not {self.n_clusters!r}."
            )

    def _coarsest_first(self) -> Sequence[int]:
        return range(self.levels - 1, -1, -1)

    def _counts(self, X: Any) -> tuple[list[NoisyCounts], Provenance]:
        levels = list(X) if isinstance(X, list | tuple) else []
        if len(levels) != self.levels or not (
            all(isinstance(each, Release) for each in levels)
            or all(isinstance(each, NoisyCounts) for each in levels)
        ):
            raise QuestionRefused(
                "GridKMeans is fitted on released counts, never on rows: model.fit("
                "ws.release_marginals(model.question(tx, period=…), name=…, epsilon=…)), whose "
                f"{self.levels} answers it takes as they are."
            )
        words = f"k-means with {self.n_clusters} clusters on " + ", ".join(
            axis.column for axis in self.axes
        )
        if isinstance(levels[0], Release):
            counts = [
                self._of_release(each, level)
                for each, level in zip(levels, self._coarsest_first(), strict=True)
            ]
            return counts, Provenance("private", tuple(each.id for each in levels), words)
        for each, level in zip(levels, self._coarsest_first(), strict=True):
            shape = tuple(axis.cells // 2**level for axis in self.axes)
            if each.counts.shape != shape:
                raise QuestionRefused(
                    f"counts of shape {each.counts.shape} were given where the axes make {shape}; "
                    "give them coarsest first."
                )
        return levels, RAW + Provenance("raw", (), words)

    def _of_release(self, release: Release, level: int) -> NoisyCounts:
        """Return an answer's counts as an array, one dimension an axis."""
        wanted = [axis.bands(level) for axis in self.axes]
        own = {each.name: each for each in release.by}
        labels = {each.name: tuple(band_labels(rising(each.edges, "edges"))) for each in wanted}
        if set(own) != set(labels) or "customers" not in release.columns:
            raise QuestionRefused(
                f"{release.id} is grouped by {', '.join(own) or 'nothing'}; these axes need the "
                f"answers to model.question(…): customers by {', '.join(labels)}."
            )
        for name, bounds in labels.items():
            if own[name].values != bounds:
                raise QuestionRefused(
                    f"{release.id} has other bands of '{name}' than the axis. Fit the answers to "
                    "model.question(…) in their order, coarsest first."
                )
        places = [
            [own[each.name].values.index(value) for value in release.columns[each.name]]
            for each in wanted
        ]
        counts = np.zeros([len(own[each.name].values) for each in wanted])
        counts[tuple(places)] = release.columns["customers"]
        variance = release.covariance("customers", "customers")[0]
        if variance is None:
            raise QuestionRefused(f"{release.id} holds no noisy counts any more; fit the original.")
        return NoisyCounts(counts, float(variance))

    def _values(self, X: Any) -> np.ndarray:
        names = [axis.column for axis in self.axes]
        if hasattr(X, "columns"):
            require_columns(X, names, f"the axes are {', '.join(names)}.")
            X = X[names]
        values = np.asarray(X, dtype=float)
        if values.ndim != 2 or values.shape[1] != len(names):
            raise InputError(
                f"features must be a table of {len(names)} columns, {', '.join(names)}, not of "
                f"shape {values.shape}."
            )
        if np.isnan(values).any():
            raise InputError(
                f"{int(np.isnan(values).any(axis=1).sum()):,} customers lack a feature; leave them "
                "out, or fill what is missing by a rule of your own."
            )
        return values
