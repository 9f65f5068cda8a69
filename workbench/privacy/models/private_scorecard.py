"""A scorecard learned from noisy tables on declared bins: private, paid for, to be published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import inf, log, sqrt
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from workbench.errors import InputError, QuestionRefused, require_known
from workbench.privacy.accounting import PICO, price
from workbench.privacy.engine.onerow import LATTICE, UNIT, Sums
from workbench.privacy.grouping.bands import band_labels
from workbench.privacy.grouping.opened import source_of
from workbench.privacy.groups import rising
from workbench.privacy.models.bins import bins_of, framed, values_of
from workbench.privacy.models.card_tables import SHARES, Asked, Counted, ScoreBands, sizes_of
from workbench.privacy.operations.evidence import Card, card_of, points_of, ranges_of, weights
from workbench.privacy.provenance import RAW, FittedLabel, Provenance
from workbench.privacy.release import Release
from workbench.privacy.tables import derived

TRENDS = ("ascending", "descending")
_RANGES = 0.9  # ranges of a feature grow with the square root of customers over noise
_LEAST_WORTH = 0.1  # of a customer beside bad and good, squared
_NUMBERS = (
    "customers", "bad_rate", "woe", "woe_low", "woe_high", "points", "points_low", "points_high"
)  # fmt: skip
_FEW = 4  # edges; fewer ranges are not looked at first


class PrivateScorecard(ClassifierMixin, BaseEstimator):
    """A credit scorecard that may be published: no applicant's row can be told from it.

    It asks three questions of one row a customer, the latest: how many customers there are; how
    many are good and bad in each bin of each feature; and how far features say the same, as sums of
    products of two weights of evidence, each customer's scaled into a ball. All else is computed
    of these noisy tables and costs nothing more. With much noise it is the sum of weights of
    evidence, with little the regression on them. See docs/privacy.md, "A private scorecard".

    Parameters
    ----------
    target : str or Ibis condition
        A column that is true or 1 of bad ones, false or 0 of good ones, and missing where that is
        not known yet; or a condition. Not needed where `fit` is given outcomes.
    features : sequence of str, or mapping of str to edges or values
        Columns, with their bins: rising edges of ranges, or values, as text. What has none (a
        name, or None) has those of the catalog: its domain, or ranges between its bounds, and its
        special codes apart. What is missing or not declared has a bin of its own. Ranges are put
        together where customers are too few for so many at the price.
    trend : mapping of str to {"ascending", "descending"}, optional
        Features whose share of bad ones only rises, or only falls, from range to range.
    pdo : float
        Points that double the odds of good to bad.
    base_score, base_odds : float
        The score at which odds of good to bad are ``base_odds``.

    Attributes
    ----------
    table_ : DataFrame
        One row a bin: ``customers`` (noisy), ``bad_rate``, ``woe`` and ``points``, with 95 %
        intervals from noise and sampling, given the weight of each feature. Where bad ones are so
        rare that noise may be all of them, ``bad_rate`` is not known (NaN).
    coefficients_, intercept_ : Series, float
        Of the logarithm of the odds of bad to good, on weights of evidence.
    releases_ : tuple of Release
        The answers it was made of.
    provenance_ : Provenance
        Private when fitted through a workspace.
    bins_ : list
        The bins that were asked about.
    classes_ : array
        Good is 0, bad is 1.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"home": ["own"] * 4000 + ["rent"] * 4000})
    >>> bad = [0] * 3800 + [1] * 200 + [0] * 3000 + [1] * 1000
    >>> card = PrivateScorecard(features={"home": ["own", "rent"]})
    >>> card.fit(people, bad, epsilon=3).points(people).is_monotonic_decreasing
    True
    """

    def __init__(
        self,
        target: Any = None,
        features: Sequence[str] | Mapping[str, Any] = (),
        *,
        trend: Mapping[str, str] | None = None,
        pdo: float = 20,
        base_score: float = 600,
        base_odds: float = 50,
    ) -> None:
        self.target = target
        self.features = features
        self.trend = trend
        self.pdo = pdo
        self.base_score = base_score
        self.base_odds = base_odds

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        epsilon: object = None,
        rho: object = None,
        ws: Any = None,
        name: str = "scorecard",
        where: Any = (),
        period: str | tuple[str, str] | None = None,
        delta: object = "1e-6",
    ) -> PrivateScorecard:
        """Ask for the tables, and make the card of them.

        Parameters
        ----------
        X : ibis.Table
            From ``ws.open``, with ``ws``. Or a DataFrame of one row a customer: it is protected by
            the same noise, but no ledger knows of it, so the card counts as fitted on raw rows.
        y : array, optional
            With a frame, the outcomes, where it has no column ``target``.
        epsilon, rho : number or str
            What all of it may cost, one of the two.
        ws : Workspace
            Whose ledger pays. The same card of the same data is answered from there.
        name : str
            What to call the answers.
        where, period
            As for `workbench.query`: whose rows count.
        delta : number or str
            With a frame; else it is the catalog's.

        Raises
        ------
        QuestionRefused
            Nothing declares a feature's bins; a feature is the target, after the outcome, a price
            or protected; or a frame's counts are noise alone. With ``ws`` such a card ranks nobody,
            and what is shown of it is not known, with the reason, so that a page can say so.
        BudgetExhausted
            A limit does not cover the next table; what was paid for stays answered.
        """
        if ws is None:
            pico = price(epsilon, rho, delta=Decimal(str(delta))).pico
            X = framed(X)
            bad = values_of(X, str(self.target)) if y is None else y
            return self._fit(Counted(X, bad, pico), {}, pico)
        if y is not None:
            raise InputError("with ws= the outcome is in the table: name its column as target=….")
        pico = price(epsilon, rho, delta=ws.catalog.privacy.delta, gaussian=ws.ledger.gaussian).pico
        tables = Asked(ws, X, self.target, name, pico, where=where, period=period)
        return self._fit(tables, ws.catalog.columns_for(*source_of(X)), pico)

    def _fit(
        self, tables: Asked | Counted, columns: Mapping[str, Any], pico: int
    ) -> PrivateScorecard:

        given = self._given()
        if columns:
            require_known("column", columns, *given)
        bins = [bins_of(name, edges, columns.get(name)) for name, edges in given.items()]
        fine = [each for each in bins if len(each.edges) > _FEW]
        # all, and bad less good, then customers of each range of the fine ones
        first = Sums(sizes_of(fine), (LATTICE, 0 if fine else LATTICE))
        tables.finest = bins
        sums, sd = tables.noisy("customers", fine, first)
        total, balance = sums[:2] * LATTICE / np.array(first.totals)
        total = max(float(total), 1.0)
        rough = np.clip(balance / total / 2, -0.5, 0.5)
        # what matters is c/2 + n·(1/2 - q); its noise is least where n counts |1/2 - q|/2, squared
        worth = (int(LATTICE * sqrt(max(_LEAST_WORTH, abs(rough) / 2))), LATTICE // 2)
        ranges = ranges_of(sums[2:], sd, total, first.sizes, [each.ordered for each in fine])
        by_range = {each.column: held for each, held in zip(fine, ranges, strict=True)}
        sd = sqrt(len(bins) / (2 * pico * SHARES["counts"] / PICO))  # of a count, about
        most = max(2, round(_RANGES * sqrt(total / sd)))
        merged = [each.merged(most, by_range.get(each.column)) for each in bins]
        trends = [(self.trend or {}).get(name) for name in given]
        sizes, ordered = sizes_of(merged), [each.ordered for each in merged]
        sums, sd = tables.noisy("counts", merged, Sums(sizes, worth))
        card = card_of(sums, sd, sizes, worth, ordered, trends)
        if isinstance(tables, Counted) and not card.known:
            good, bad, spread = (max(each, 0) for each in card.people)
            raise QuestionRefused(
                f"about {good:,.0f} good and {bad:,.0f} bad customers were found, ± "
                f"{2 * spread:,.0f} by noise: too few for a card at this price. Name fewer "
                "features, a longer period, or a larger epsilon; nothing more was spent. An "
                "outcome is 1 for bad and 0 for good; any other is not known yet."
            )
        products, sd = np.zeros(0), 0.0
        if len(card.found) > 1:
            scores = tuple(tuple(map(round, (each.scores * UNIT).tolist())) for each in card.found)
            # the ball's radius: how long scores are on average, by the noisy counts
            longest = round(sum(each.variance for each in card.found) * UNIT**2)
            asked = Sums(scores=scores, longest_squared=max(UNIT**2 // 100, longest))
            products, sd = tables.noisy("products", merged, asked)
        weight, intercept = weights(card.found, products, sd, card.cautious)
        self.bins_, self.intercept_ = merged, intercept  # all at once: a refused fit changes none
        self._told = {"sizes": sizes, "ordered": ordered, "trends": trends, "worth": worth}
        self._set(card, weight)
        self.releases_ = tuple(tables.releases)
        ids = tuple(each.id for each in self.releases_)
        self.provenance_ = Provenance("private", ids) if ids else RAW
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logarithm of each row's odds of bad to good.

        Parameters
        ----------
        X : DataFrame with the card's features
            What is missing or not declared is scored by its own bin.
        """
        parts = zip(self._places(X), self.coefficients_, self._woe, strict=True)
        odds: np.ndarray = sum(weight * woe[place] for place, weight, woe in parts)
        return self.intercept_ + odds

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return each row's chance of good and of bad; see `decision_function`."""
        bad = 1 / (1 + np.exp(-self.decision_function(X)))
        return np.column_stack([1 - bad, bad])

    def predict(self, X: Any) -> np.ndarray:
        """Return 1 for rows more likely bad than good, else 0."""
        return (self.decision_function(X) > 0).astype(int)

    def points(self, X: Any) -> pd.Series:
        """Return the score of each row, the sum of its bins' points: more points are safer."""
        places = self._places(X)
        found = sum(points[place] for points, place in zip(self._points, places, strict=True))
        return pd.Series(found, index=getattr(X, "index", None), name="points")

    def bands(self, edges: Sequence[int], name: str = "score_band") -> ScoreBands:
        """Return bands of points as a group of a question: ``wb.query(loans, by=card.bands(…))``.

        Parameters
        ----------
        edges : sequence of int
            Where one band ends and the next begins, rising.
        name : str
            Of the group column.
        """
        check_is_fitted(self, "coefficients_")
        ends = rising(edges, "the edges of score bands")
        if any(end != int(end) for end in ends):
            raise QuestionRefused("points are whole numbers, and so are the edges of their bands.")
        bins, points = tuple(self.bins_), tuple(tuple(map(int, each)) for each in self._points)
        label = FittedLabel(name, tuple(band_labels(ends)), self.provenance_, repr((bins, points)))
        return ScoreBands(bins, points, tuple(map(int, ends)), label)

    def shown(self, name: str = "points") -> Release:
        """Return the points of every bin as a release, to be shown on a page; costs nothing.

        Returns
        -------
        Release
            By ``feature`` and ``bin``: ``points`` and ``bad_rate``, with 95 % intervals from noise
            and sampling, given the weight of each feature.

        Raises
        ------
        QuestionRefused
            The card was fitted on a frame: no answer of a ledger says what it is.
        """
        check_is_fitted(self, "coefficients_")
        if not self.releases_:
            raise QuestionRefused(
                "a card fitted on a frame is in no ledger, and no page shows it. Fit it with ws=."
            )
        told = {**self._told, "scale": self._scale, "discriminant": True}
        return derived("points", self.releases_[1:], told, name)

    def chance(self, points: Any) -> np.ndarray:
        """Return the chance of being bad that scores mean, to hold against a band's own share."""
        odds = log(self.base_odds) + log(2) * (np.asarray(points) - self.base_score) / self.pdo
        return np.asarray(1 / (1 + np.exp(odds)))

    def _given(self) -> dict[str, Any]:
        features = self.features
        if isinstance(features, str) or not features:
            raise QuestionRefused(
                "PrivateScorecard needs features=[…], columns of the catalog, or "
                "features={'age': [25, 40, 60], 'home': ['own', 'rent']}, edges and values."
            )
        if not all(isinstance(each, int | float) for each in self._scale.values()) or not (
            0 < self.pdo < inf and 0 < self.base_odds < inf
        ):
            raise QuestionRefused("pdo and base_odds are above 0; ask for pdo=20, base_odds=50.")
        given = dict(features) if isinstance(features, Mapping) else dict.fromkeys(features)
        trend = self.trend or {}
        wrong = [name for name in trend if name not in given or trend[name] not in TRENDS]
        if wrong:
            raise QuestionRefused(
                f"trend={{'{wrong[0]}': {trend[wrong[0]]!r}}} must name a feature, with "
                "'ascending' or 'descending': how its share of bad ones goes."
            )
        return given

    @property
    def _scale(self) -> dict[str, float]:
        return {"pdo": self.pdo, "base_score": self.base_score, "base_odds": self.base_odds}

    def _set(self, card: Card, weight: np.ndarray) -> None:
        """Keep what the card is: weights, points by bin, and the table that shows them."""
        names = [each.column for each in self.bins_]
        self._woe = [each.woe for each in card.found]
        found = points_of(card.found, weight, self.intercept_, **self._scale)
        self._points = [points for points, _, _ in found]
        features, labels = zip(
            *((each.column, label) for each in self.bins_ for label in each.labels), strict=True
        )
        rows = []
        for each, points in zip(card.found, found, strict=True):
            rates = each.rates(card.base)[0] if card.known == 2 else each.woe * np.nan
            rows.append([each.customers.round(), rates, *each.ends, *points])
        numbers = dict(zip(_NUMBERS, np.concatenate(rows, axis=1), strict=True))
        numbers |= {name: numbers[name].astype(int) for name in _NUMBERS[-3:]}
        self.table_ = pd.DataFrame({"feature": features, "bin": labels, **numbers})
        self.coefficients_ = pd.Series(weight, index=names, name="coefficient")
        self.classes_ = np.array([0, 1])
        self.n_features_in_ = len(names)
        self.feature_names_in_ = np.array(names, dtype=object)

    def _places(self, X: Any) -> list[np.ndarray]:
        check_is_fitted(self, "coefficients_")
        X = framed(X)
        return [each.places(values_of(X, each.column)) for each in self.bins_]
