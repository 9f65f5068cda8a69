"""Totals that equal the sums of their parts: minimum trace reconciliation, path by path.

Wickramasuriya, Athanasopoulos & Hyndman, *Optimal forecast reconciliation for hierarchical and
grouped time series through trace minimization*, JASA 114 (2019), with the shrunk correlation of
errors one step ahead (Schäfer & Strimmer 2005). The map is linear, so every path of errors of the
parts' and totals' own forecasts goes through it, and intervals agree as the figures do.
"""

from __future__ import annotations

import numpy as np

from workbench.analytics.forecasting.structural import Array

_LEAST_SHRUNK = 0.1


def shrunk_correlation(errors: Array) -> Array:
    """Return the correlation of standardised errors, times × series, drawn towards none."""
    known = np.where(np.isfinite(errors), errors, 0.0)
    known = known[np.abs(known).sum(axis=1) > 0]
    times, size = known.shape
    scale = np.sqrt(np.maximum(np.square(known).mean(axis=0), 1e-12)) if times else np.ones(size)
    unit = known / scale
    found = unit.T @ unit / max(1, times)
    chance = (np.square(unit).T @ np.square(unit) / max(1, times) - found**2) / max(1, times)
    apart = ~np.eye(size, dtype=bool)
    squares = float(np.square(found[apart]).sum())
    shrunk = float(chance[apart].sum()) / squares if squares else 1.0
    part = min(1.0, max(_LEAST_SHRUNK, shrunk))
    return np.where(apart, (1 - part) * found, 1.0)


def mapped(sums: Array, sd: Array, correlation: Array) -> Array:
    """Return the map from all series' own figures to agreeing ones.

    Parameters
    ----------
    sums : ndarray of shape (series, parts)
        Which parts each series is the sum of.
    sd : ndarray of shape (series,)
        Of the errors of each series' own figure.
    correlation : ndarray of shape (series, series)
    """
    # why a least: a figure without error would make all others superfluous
    wide = np.maximum(sd, 1e-6 * max(float(sd.max()), 1e-12))
    trusted = np.linalg.solve(correlation * np.outer(wide, wide), sums)
    return np.asarray(sums @ np.linalg.solve(sums.T @ trusted, trusted.T))
