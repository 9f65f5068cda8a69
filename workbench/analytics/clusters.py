"""Clusters as a second view: k-means for analysts' eyes, with how far it can be trusted.

What is found here was learned from rows and stays with analysts: the result is tagged as raw, and a
release grouped by it is refused. For publication fit `workbench.privacy.models.GridKMeans`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from workbench.errors import InputError, require_customers
from workbench.privacy.grouping.grouped import Labelled, labelled
from workbench.privacy.provenance import FittedLabel, Provenance

STABLE = 0.8  # adjusted Rand index between a fit and one on customers drawn again
_SILHOUETTE_SAMPLE = 5_000  # customers; it compares all pairs


@dataclass(frozen=True, eq=False)
class Clusters:
    """K-means of customers, and the evidence for its number of clusters.

    Attributes
    ----------
    n_clusters : int
    choice : DataFrame
        By number of clusters: ``silhouette``, ``stability`` (median adjusted Rand index over
        bootstrap fits), ``inertia``, and whether it is ``stable``.
    labels : Series
        Each customer's cluster, 1 and on, largest first.
    centers : DataFrame
        In the features' own units.
    model : scikit-learn pipeline
        Scaler and k-means, fitted.
    features : tuple of str
    provenance_ : Provenance
        Raw: it is not to be published.
    """

    n_clusters: int
    choice: pd.DataFrame
    labels: pd.Series
    centers: pd.DataFrame
    model: Any
    features: tuple[str, ...]
    provenance_: Provenance
    _order: np.ndarray = field(repr=False)

    @property
    def stable(self) -> bool:
        """Whether the clusters come back when customers are drawn again."""
        return bool(self.choice.loc[self.n_clusters, "stable"])

    @property
    def grade(self) -> str:
        """How far clusters come back: stable, shaky or unstable."""
        stability = float(self.choice.loc[self.n_clusters, "stability"])
        return "stable" if stability >= STABLE else "shaky" if stability >= 0.6 else "unstable"

    def predict(self, frame: pd.DataFrame) -> pd.Series:
        """Return the clusters of other customers, or of the same at another date."""
        values = _features(frame, self.features)
        found = self._order[self.model.predict(values.to_numpy())]
        return pd.Series(found, index=values.index, name="cluster")

    def profile(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return size and typical figures of each cluster: exact, for analysts only.

        Parameters
        ----------
        frame : DataFrame
            The customers it was fitted on, with any further number columns to describe them by.

        Returns
        -------
        DataFrame
            ``customers``, ``share``, and of each number column the median.
        """
        found = frame.loc[self.labels.index].groupby(self.labels)
        table = found.median(numeric_only=True)
        table.insert(0, "customers", found.size())
        table.insert(1, "share", table["customers"] / len(self.labels))
        table.attrs["provenance_"] = self.provenance_
        return table

    def nearest_persona(self, personas: pd.Series, frame: pd.DataFrame) -> pd.DataFrame:
        """Return for each cluster the persona whose typical customer is nearest to its centre.

        Parameters
        ----------
        personas : Series
            Each customer's persona, by the same index.
        frame : DataFrame
            Their features.

        Returns
        -------
        DataFrame
            By cluster: ``persona``, ``distance`` (in standard deviations), and ``overlap``, the
            share of the cluster's customers who have that persona.
        """
        values = _features(frame, self.features)
        known = personas.reindex(values.index)
        if known.isna().any():
            raise InputError(
                f"{int(known.isna().sum()):,} customers have no persona; give one each, by the "
                "index of the features."
            )
        scaled = pd.DataFrame(self.model[:-1].transform(values.to_numpy()), index=values.index)
        middles = scaled.groupby(known.astype(str)).mean()
        own = self.model[-1].cluster_centers_[np.argsort(self._order)]
        distance = np.sqrt(((own[:, None, :] - middles.to_numpy()[None]) ** 2).sum(axis=2))
        nearest = distance.argmin(axis=1)
        names = middles.index.to_numpy()[nearest]
        cluster = self.predict(frame)
        overlap = [
            float((known[cluster == number].astype(str) == name).mean())
            for number, name in enumerate(names, 1)
        ]
        table = pd.DataFrame(
            {
                "persona": names,
                "distance": distance[np.arange(len(own)), nearest],
                "overlap": overlap,
            },
            index=self.centers.index,
        )
        table.attrs["provenance_"] = self.provenance_
        return table

    def group(self, name: str = "cluster") -> Labelled:
        """Return the labels as a group of a question; `ws.release` refuses it, and says what to do.

        An officer may approve it with ``ws.office.approve``; or use `wb.GridKMeans`.
        """
        values = tuple(f"{name} {number}" for number in self.centers.index)
        definition = repr((self.features, self.centers.round(9).to_numpy().tolist()))
        label = FittedLabel(name, values, self.provenance_, definition)
        return labelled(label, list(self.labels.index), [values[i - 1] for i in self.labels])


def find_clusters(
    frame: pd.DataFrame,
    features: Sequence[str] | None = None,
    *,
    n_clusters: int | Sequence[int] = tuple(range(3, 9)),
    log1p: Sequence[str] = (),
    bootstraps: int = 20,
    random_state: int = 0,
) -> Clusters:
    """Find k-means clusters of customers, with k by silhouette among the stable ones.

    Parameters
    ----------
    frame : DataFrame
        One row a customer, whose name is the index.
    features : sequence of str, optional
        Number columns to use; all of them when left out.
    n_clusters : int or sequence of int
        What to choose among. The largest silhouette wins among those whose bootstrap stability is
        at least 0.8; where none is, the most stable one.
    log1p : sequence of str
        Features taken as ``log(1 + x)``: what most customers have little of.
    bootstraps : int
        Fits on customers drawn again, with replacement; each is compared on all customers.
    random_state : int

    Raises
    ------
    InputError
        No or too few customers, all alike, figures missing, or a customer there twice.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"visits": [1.0, 2, 1, 30, 31, 29, 60, 61, 62] * 5})
    >>> find_clusters(frame, n_clusters=[2, 3], bootstraps=3).n_clusters
    3
    """
    features = tuple(frame.select_dtypes("number").columns if features is None else features)
    values = _features(frame, features, unknown=log1p)
    tried = sorted(set(n_clusters) if isinstance(n_clusters, Iterable) else {n_clusters})
    whole = all(isinstance(each, Integral) for each in (*tried, bootstraps))
    if not tried or not whole or tried[0] < 2 or bootstraps < 2:
        raise InputError(
            "clusters are two or more, a whole number, and so are bootstraps; ask for n_clusters=3."
        )
    data = values.to_numpy()
    kinds = _kinds(data)
    differing = int(kinds.max()) + 1
    if differing <= tried[-1]:
        raise InputError(
            f"{len(values):,} customers of {differing:,} different kinds are too few for "
            f"{tried[-1]} clusters. Give more customers, or n_clusters="
            f"{list(range(2, max(3, differing)))[:3]}."
        )
    if (values[list(log1p)] <= -1).any(axis=None):
        raise InputError("log1p features lie above -1; leave those with negative values out of it.")
    generator = np.random.default_rng(random_state)
    draws = [generator.integers(0, len(data), len(data)) for _ in range(bootstraps)]
    fits, lines = {}, []
    for k in tried:
        model = _pipeline(features, log1p, k, 10, random_state).fit(data)
        found = model.predict(data)
        agreements = [
            adjusted_rand_score(
                found, _pipeline(features, log1p, k, 3, seed).fit(data[draw]).predict(data)
            )
            # why 0: a draw of fewer kinds than clusters does not bring them back
            if len(np.unique(kinds[draw])) > k
            else 0.0
            for seed, draw in enumerate(draws)
        ]
        scaled = model[:-1].transform(data)
        sample = min(len(data), _SILHOUETTE_SAMPLE)
        silhouette = silhouette_score(scaled, found, sample_size=sample, random_state=random_state)
        stability = float(np.median(agreements))
        lines.append((k, float(silhouette), stability, model[-1].inertia_, stability >= STABLE))
        fits[k] = model
    names = ["n_clusters", "silhouette", "stability", "inertia", "stable"]
    choice = pd.DataFrame(lines, columns=names).set_index("n_clusters")
    fit_for = choice[choice["stable"]]
    best = int((fit_for["silhouette"] if len(fit_for) else choice["stability"]).idxmax())
    return _result(fits[best], best, choice, values)


def _kinds(data: np.ndarray) -> np.ndarray:
    """Return which customers are the same but for the last digits of a float, numbered from 0."""
    size = np.maximum(np.abs(data).max(axis=0), np.finfo(float).tiny)
    return np.asarray(np.unique((data / size).round(9), axis=0, return_inverse=True)[1]).ravel()


def _result(model: Any, best: int, choice: pd.DataFrame, values: pd.DataFrame) -> Clusters:
    """Return a fit with its clusters numbered by size."""
    found = model.predict(values.to_numpy())
    falling = np.argsort(-np.bincount(found, minlength=best), kind="stable")
    order = np.empty(best, dtype=int)
    order[falling] = np.arange(1, best + 1)
    middle = model[:-1].inverse_transform(model[-1].cluster_centers_)
    numbers = pd.Index(range(1, best + 1), name="cluster")
    words = f"k-means with {best} clusters on {', '.join(values.columns)}"
    choice.attrs["provenance_"] = Provenance("raw", (), words)
    return Clusters(
        n_clusters=best,
        choice=choice,
        labels=pd.Series(order[found], index=values.index, name="cluster"),
        centers=pd.DataFrame(middle[falling], columns=values.columns, index=numbers),
        model=model,
        features=tuple(values.columns),
        provenance_=Provenance("raw", (), words),
        _order=order,
    )


def _pipeline(
    features: Sequence[str], log1p: Sequence[str], k: int, n_init: int, random_state: int
) -> Any:
    logs = np.array([name in log1p for name in features])

    def forth(data: np.ndarray) -> np.ndarray:
        return np.where(logs, np.log1p(np.where(logs, data, 0)), data)

    def back(data: np.ndarray) -> np.ndarray:
        return np.where(logs, np.expm1(np.where(logs, data, 0)), data)

    return make_pipeline(
        FunctionTransformer(forth, back, check_inverse=False),
        StandardScaler(),
        KMeans(k, n_init=n_init, random_state=random_state),
    )


def _features(
    frame: pd.DataFrame, features: Sequence[str], *, unknown: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the features as floats, one row a customer."""
    wanted: Mapping[str, None] = dict.fromkeys([*features, *unknown])
    absent = [name for name in wanted if name not in frame.columns]
    if absent or not features:
        raise InputError(
            f"the frame lacks the feature {', '.join(absent) or '(it has no number column)'}; "
            f"it has {', '.join(map(str, frame.columns)) or 'none'}."
        )
    stray = [name for name in unknown if name not in features]
    if stray:
        raise InputError(f"log1p names {', '.join(stray)}, which is not among the features.")
    require_customers(frame)
    values = frame[list(features)].astype(float)
    lacking = int((~np.isfinite(values)).any(axis=1).sum())
    if lacking:
        raise InputError(
            f"{lacking:,} of {len(values):,} customers lack a feature, or have one that is not "
            "finite. Leave them out, frame.dropna(), or fill what is missing by a rule."
        )
    return values
