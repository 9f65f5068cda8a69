"""How well a private card tells good from bad, from one noisy table of score band × outcome.

Intervals are the basic bootstrap (Davison & Hinkley 1997, section 5.2): tables are drawn around
the released one with its noise and with sampling, so that what noise adds to Kolmogorov–Smirnov
and PSI, which are never below 0, is taken off again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.errors import QuestionRefused
from workbench.privacy.columns import Dimension
from workbench.privacy.grouping.bands import band_labels
from workbench.privacy.grouping.codes import RowCode, band_code
from workbench.privacy.groups import Group, GroupRule, Scope, rising
from workbench.privacy.margins import quantile
from workbench.privacy.models.bins import Bins
from workbench.privacy.provenance import FittedLabel
from workbench.privacy.release import Release

Array = npt.NDArray[np.floating]

LEAST = 50  # good and bad customers of a period, each
SURELY = 10  # times the noise of their number
_DRAWS = 1000


@dataclass(frozen=True, eq=False)
class ScoreBands(GroupRule):
    """Bands of a private card's points, as a group of a question; made by its ``bands``."""

    bins: tuple[Bins, ...]
    points: tuple[tuple[int, ...], ...]
    edges: tuple[Any, ...]
    label: FittedLabel

    def given(self) -> dict[str, Any]:
        """Return the edges and the name."""
        numbers = {f"the edges of {self.label.name}": self.edges}
        return {"numbers": numbers, "names": (self.label.name,)}

    def group(self, scope: Scope) -> Group:
        """Return them resolved: the score is a row's own."""
        import ibis

        parts = [
            ibis.array(list(points))[bins.place(scope.source[bins.column])]
            for bins, points in zip(self.bins, self.points, strict=True)
        ]
        code = band_code(sum(parts[1:], start=parts[0]), [int(each) for each in self.edges])
        title = self.label.name.replace("_", " ").capitalize()
        dimension = Dimension(self.label.name, title, "band", self.label.values)
        meaning = RowCode(code, ["score", self.label.fingerprint])
        return Group(dimension, len(self.label.values), meaning, label=self.label)


def score_bands(card: Any, edges: Sequence[Any], name: str) -> ScoreBands:
    """Return bands of a fitted card's points."""
    ends = rising(edges, "the edges of score bands")
    if any(end != int(end) for end in ends):
        raise QuestionRefused("points are whole numbers, and so are the edges of their bands.")
    points = tuple(tuple(int(each) for each in bins) for bins in card._points)
    bins = tuple(card.bins_)
    label = FittedLabel(name, tuple(band_labels(ends)), card.provenance_, repr((bins, points)))
    return ScoreBands(bins, points, tuple(int(end) for end in ends), label)


@dataclass(frozen=True)
class PrivateValidation:
    """What one noisy table tells of a card; frames with 95 % intervals from noise and sampling.

    Attributes
    ----------
    discrimination : DataFrame
        ``gini`` and ``ks`` of each period, between bands: a little below those between scores.
    calibration : DataFrame
        Share of bad customers of each band, over all periods, and what its edges foretell.
    stability : DataFrame
        ``psi`` of each period's bands beside the first period's, and ``no_drift``: what it stays
        below in 95 of 100 periods where nothing changed.
    """

    discrimination: pd.DataFrame
    calibration: pd.DataFrame
    stability: pd.DataFrame


def validated(
    release: Release, band: str, chances: Callable[[Any], tuple[float, float]]
) -> PrivateValidation:
    """Return what a table of score band × outcome, and period, says.

    Parameters
    ----------
    band : str
        The dimension of score bands, the riskiest first.
    chances : callable
        From a band's place to the least and largest chance of being bad that its edges mean.
    """
    counts, sd, periods, labels = _table(release, band)
    _require_enough(counts, sd, periods)
    told = [
        {"period": period, "figure": name, **_figure(counts[i], sd[i], way)}
        for i, period in enumerate(periods)
        for name, way in (("gini", gini), ("ks", ks))
    ]
    whole, spread = counts.sum(axis=0), np.sqrt((sd**2).sum(axis=0))
    rates = [
        {"band": label, **_figure(whole[i], spread[i], _rate)} for i, label in enumerate(labels)
    ]
    for row, place in zip(rates, range(len(labels)), strict=True):
        row["foretold_low"], row["foretold_high"] = chances(place)
    drift = []
    both, noise = counts.sum(axis=2), np.sqrt((sd**2).sum(axis=2))
    for i, period in enumerate(periods[1:], 1):
        pair, of_pair = both[[0, i]], noise[[0, i]]
        shares = np.maximum(pair.sum(axis=0), 1.0) / max(pair.sum(), 1.0)
        alike = shares * np.maximum(pair.sum(axis=1, keepdims=True), 1.0)
        same = [psi(each) for each in _drawn(alike, of_pair)]
        found = {"period": period, "figure": "psi", **_figure(pair, of_pair, psi, least=0.0)}
        drift.append({**found, "no_drift": float(np.quantile(same, 0.95))})
    return PrivateValidation(pd.DataFrame(told), pd.DataFrame(rates), pd.DataFrame(drift))


def gini(table: Array) -> float:
    """Return the Gini of bands × (good, bad), the riskiest band first."""
    good, bad = (np.maximum(table, 0) / np.maximum(table, 0).sum(axis=0)).T
    safer = 1 - np.cumsum(good)
    return float((bad * (2 * safer + good)).sum() - 1)


def ks(table: Array) -> float:
    """Return the largest distance between the shares of good and bad up to a band."""
    shares = np.maximum(table, 0) / np.maximum(table, 0).sum(axis=0)
    return float(np.abs(np.cumsum(shares[:, 1] - shares[:, 0])).max())


def psi(table: Array) -> float:
    """Return the population stability index of two rows of counts."""
    held = np.maximum(table, 0.5)
    before, now = held / held.sum(axis=1, keepdims=True)
    return float(((now - before) * np.log(now / before)).sum())


def _rate(cell: Array) -> float:

    good, bad = np.maximum(cell, 0)
    return float(bad / max(good + bad, 1.0))


def _figure(
    table: Array, sd: Array, way: Callable[[Array], float], least: float = -1.0
) -> dict[str, float]:
    """Return a figure less its bias, with the ends of its interval."""
    shown = way(table)
    drawn = np.array([way(each) for each in _drawn(table, sd)])
    low, high = 2 * shown - np.quantile(drawn, [0.975, 0.025])
    value = 2 * shown - drawn.mean()
    floor = 0.0 if way in (ks, psi, _rate) else least
    ends = np.clip([value, low, high], floor, max(1.0, high) if way is psi else 1.0)
    return dict(zip(("value", "low", "high"), map(float, ends), strict=True))


def _drawn(table: Array, sd: Array) -> Array:
    """Return tables around one, with noise and sampling, by dice of their own."""
    dice = np.random.default_rng(0)  # of released figures alone: the same table, the same interval
    spread = np.sqrt(sd**2 + np.maximum(table, 0))
    return np.asarray(table + spread * dice.standard_normal((_DRAWS, *np.shape(table))))


def _table(release: Release, band: str) -> tuple[Array, Array, list[str], list[str]]:
    """Return counts and their noise, period × band × outcome, the riskiest band first."""
    by = {each.name: each for each in release.by}
    outcomes = [name for name, each in by.items() if set(each.values) in ({0, 1}, {False, True})]
    others = [name for name in by if name not in (band, *outcomes[:1])]
    if (
        band not in by
        or len(outcomes) != 1
        or len(others) > 1
        or "customers" not in release.columns
    ):
        raise QuestionRefused(
            f"{release.id} is grouped by {', '.join(by) or 'nothing'}; a card is validated by one "
            f"table of customers by '{band}', the outcome, and at most one period: wb.query(loans, "
            "by=[card.bands([560, 600, 640]), 'default_12m', 'month']).customers()."
        )
    axes = [*others, band, outcomes[0]]
    shape = tuple(len(by[name].values) for name in axes)
    places = tuple(
        np.array([by[name].values.index(value) for value in release.columns[name]]) for name in axes
    )
    counts, sd = np.zeros(shape), np.zeros(shape)
    margins = [np.nan if each is None else each for each in release.margin("customers")]
    counts[places] = [np.nan if each is None else each for each in release.columns["customers"]]
    sd[places] = np.array(margins) / quantile(0.95)
    if np.isnan(counts).any():
        raise QuestionRefused(f"{release.id} has figures taken out; validate the original.")
    if not others:
        counts, sd = counts[None], sd[None]
    periods = [str(each) for each in by[others[0]].values] if others else [release.period or "all"]
    return counts, sd, periods, [str(each) for each in by[band].values]


def _require_enough(counts: Array, sd: Array, periods: Sequence[str]) -> None:
    """Refuse a table whose figures would be noise, by its noisy counts alone."""
    totals, noise = counts.sum(axis=1), np.sqrt((sd**2).sum(axis=1))
    for period, found, spread in zip(periods, totals, noise, strict=True):
        least = max(LEAST, SURELY * float(spread.max()))
        if found.min() < least:
            good, bad = np.maximum(found, 0)
            raise QuestionRefused(
                f"{period} has about {good:,.0f} good and {bad:,.0f} bad customers, and validation "
                f"needs {least:,.0f} of each: {LEAST}, and {SURELY} times the noise of their "
                "number. Ask for fewer bands, longer periods, or at a larger epsilon."
            )
