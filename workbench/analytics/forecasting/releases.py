"""A released series with its smoothed line and its forecast, as a release that may be published."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product
from math import isfinite, nan, sqrt
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, NotKnown, PeriodError, QuestionRefused
from workbench.periods import Period
from workbench.privacy.columns import Dimension, Measure, noted
from workbench.privacy.margins import Affine, Fixed, Form, added, quantile, tangent
from workbench.privacy.sheets import Key, Sheet, operation, why_not_added, without
from workbench.privacy.tables import derived, sheet_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from workbench.privacy.release import Release

ALL = "All together"
RELEASED, SMOOTHED, FORECAST = "released", "smoothed", "forecast"
_LINE = Dimension("line", "Line", "category", (RELEASED, SMOOTHED, FORECAST))
_SEASONS = {"month": 12, "week": 52, "quarter": 4, "year": 1}
_HORIZON_AT_MOST = 53
_ALARM = 0.05  # the chance that a page names a break that is none


def forecast(
    release: Release,
    measure: str,
    *,
    horizon: int = 3,
    rule: str | None = None,
    name: str | None = None,
) -> Release:
    """Foretell a released series by month or week, and smooth it; costs nothing.

    The noise of each figure is known, so a structural model (level, slope, season) tells change
    from noise. A season is twelve months or 52 weeks, used once a quarter of it was seen twice.
    Where the groups add up, a row of all together comes with them, and figures and margins of
    parts and totals agree (MinT). Forecasts share their errors over months and groups, so that
    `Release.derive` computes with them as with any figures.

    Parameters
    ----------
    release : Release
        By ``month``, and by groups where wanted.
    measure : str
        A figure of it, such as ``amount_sum``.
    horizon : int
        Months, or weeks, to foretell: 1 to 53.
    rule : str, optional
        ``seasonal naive``, ``level`` or ``trend``; when left out, the one with the least error
        over all starts in the past, and the naive one unless it is beaten: see `backtest`.
    name : str, optional
        What to call the result.

    Returns
    -------
    Release
        By ``line`` (``released``, ``smoothed``, ``forecast``), the months up to the horizon and
        the groups: the measure with its 95 % margin, and ``<measure>_revision``, by how much the
        last month changed the smoothed line. Notes name the rule and its error, how often its
        margins held, and what broke, with the chance of a false alarm. A month that stands out is
        left out of the line and the forecast, unless it is the last: others like it may follow.

    Raises
    ------
    InputError
        Fewer than 8 figures, or months left out.
    QuestionRefused
        The release has no months, or the figure's noise does not add up.

    Examples
    --------
    >>> # sales = ws.release(wb.query(tx, by=["month", "region"], period=…).sum("amount"), …)
    >>> # wb.figures.line(wb.forecast(sales, "amount_sum").derive(where={"region": "All together"}),
    >>> #                 x="month", y="amount_sum", color="line")
    """
    asked = {"measure": measure, "horizon": horizon, "rule": rule, "apart": True, "late": True}
    return derived("forecast", [release], asked, name or f"{release.name}-forecast")


def backtest(
    series: Release | pd.Series | Sequence[float],
    measure: str | None = None,
    *,
    sigma: float | Sequence[float] = 0.0,
    horizon: int = 3,
    season: int = 1,
) -> pd.DataFrame:
    """Return how far each rule of forecasting was off, from all starts in the past.

    Parameters
    ----------
    series : Release, Series or sequence of float
        A release by month or week, with ``measure``; or figures, with the ``sigma`` of their noise.
    measure : str, optional
        A figure of the release.
    sigma : float or sequence of float
        Standard deviation of the noise of plain figures.
    horizon : int
        Steps ahead.
    season : int
        Of plain figures: 12 for months, say; 1 for none.

    Returns
    -------
    DataFrame
        By group, ``rule`` and ``horizon``: ``forecasts``, ``mae``, ``mase`` (over the mean error
        of the seasonal naive rule within the series: Hyndman & Koehler 2006), ``coverage_80``
        and ``coverage_95``: how many margins held.

    Raises
    ------
    InputError
        Fewer than 8 figures, periods left out, or a negative ``sigma``.
    """
    import pandas as pd

    from workbench.analytics.forecasting import rules
    from workbench.privacy.release import Release

    if isinstance(series, Release):
        if measure is None:
            raise InputError("say which figure of the release: wb.backtest(sales, 'amount_sum').")
        table, frames = _Series(sheet_of(series), measure), []
        for row, key in enumerate(table.keys):
            values, noise = table.checked(row)
            seen = rules.season_known(table.season, values)
            found = pd.DataFrame(rules.scored(values, noise, seen, _steps(horizon)))
            for at, each in enumerate(table.groups):
                found.insert(at, each.name, key[at])
            frames.append(found)
        return pd.concat(frames, ignore_index=True)
    if isinstance(series, pd.Series):
        rules.contiguous(series)
    values, noise = rules.checked(series, sigma)
    seen = rules.season_known(rules.season_seen(season, len(values)), values)
    return pd.DataFrame(rules.scored(values, noise, seen, _steps(horizon)))


def _steps(horizon: int) -> int:
    if type(horizon) is not int or not 1 <= horizon <= _HORIZON_AT_MOST:
        raise InputError(f"a horizon is 1 to {_HORIZON_AT_MOST} steps ahead, not {horizon!r}.")
    return horizon


@operation("forecast")
def _forecast(
    sheet: Sheet,
    *,
    measure: str,
    horizon: int,
    rule: str | None,
    apart: bool = False,
    late: bool = False,
) -> Sheet:
    from workbench.analytics.forecasting import rules

    table, steps = _Series(sheet, measure), _steps(horizon)
    if sheet.unknown:
        return table.unknown(steps)
    data = [table.checked(row) for row in range(len(table.keys))]
    if late:  # answers of before have a season also where a series begins too late for it
        table.season = min(rules.season_known(table.season, values) for values, _ in data)
    broke = _broken(table, data, apart)
    tables = [rules.scored(*each, table.season, steps) for each in data]
    chosen = rules.require_rule(rule) if rule else rules.best(tables)
    notes = [rules.told(chosen, tables), noted("forecast goes on")]
    notes += [noted("forecast revised"), *broke]
    past, future = _agreeing(table, data, chosen, steps)
    months = (*table.months, *table.coming(steps))
    forms: dict[tuple[Key, Any, str], tuple[Form, Form]] = {}
    for row, key in enumerate(table.keys):
        for at, month in enumerate(table.months):
            line, sd, earlier = (float(each[row, at]) for each in past)
            wide = quantile(0.95) * sd
            revised = None if at == len(table.months) - 1 else Fixed(line - earlier)
            forms[key, month, RELEASED] = table.forms[row][at], None
            forms[key, month, SMOOTHED] = Fixed(line, line - wide, line + wide), revised
        for step, month in enumerate(months[-steps:]):
            forms[key, month, FORECAST] = future[row][step], None
    return table.sheet(months, forms, notes)


class _Series:
    """Figures of a sheet over time, group by group, and of all sums of groups that add up."""

    def __init__(self, sheet: Sheet, measure: str) -> None:
        from workbench.analytics.forecasting.rules import season_seen

        self._source, self.measure = sheet, sheet.measure(measure)
        times = [axis for axis, each in enumerate(sheet.by) if _kind(each)]
        if len(times) != 1:
            names = ", ".join(each.name for each in sheet.by) or "nothing"
            raise QuestionRefused(
                f"a forecast is of figures by month or week, and these are by {names}. Ask "
                "wb.query(…, by=['month', …], period=wb.trailing(last, 24))."
            )
        self._time = sheet.by[times[0]]
        self._axis = times[0]
        self.months = tuple(str(each) for each in self._time.values)
        self.groups = without(sheet.by, {self._axis})
        _require_all(self.months)
        at = dict(zip(sheet.keys, sheet.forms[measure], strict=True))
        bottom = list(product(*(each.values for each in self.groups)))
        known = {key: [at.get(self._key(key, month)) for month in self.months] for key in bottom}
        adds = not why_not_added(self.measure, measure in sheet.adds, self.groups)
        self._summed = [adds and len(each.values) > 1 for each in self.groups]
        values = [
            (*each.values, ALL) if more else each.values
            for each, more in zip(self.groups, self._summed, strict=True)
        ]
        self.keys: list[Key] = list(product(*values))
        self.parts = [
            [place for place, low in enumerate(bottom) if _within(low, key)] for key in self.keys
        ]
        self.forms = [
            [added(forms) for forms in zip(*(known[bottom[part]] for part in parts), strict=True)]
            if len(parts) > 1
            else known[bottom[parts[0]]]
            for parts in self.parts
        ]
        self.season = season_seen(_SEASONS[Period.parse(self.months[0]).kind], len(self.months))

    def _key(self, key: Key, month: str) -> Key:
        return (*key[: self._axis], month, *key[self._axis :])

    def checked(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a series' figures and the standard deviations of their noise."""
        from workbench.analytics.forecasting import rules

        lines = [tangent(form) for form in self.forms[row]]
        if len(lines) >= rules.FEWEST and (sum(map(bool, lines)) < rules.FEWEST or not lines[-1]):
            raise NotKnown(
                noted("series not known", where=", ".join(map(str, self.keys[row])) or ALL)
            )
        values = [float("nan") if each is None else each.value for each in lines]
        noise = [0.0 if each is None else sqrt(each.variance) for each in lines]
        return rules.checked(values, noise)

    def coming(self, steps: int) -> tuple[str, ...]:
        """Return the periods after the last."""
        found, last = list[str](), Period.parse(self.months[-1])
        for _ in range(steps):
            last = last.next()
            found.append(last.text)
        return tuple(found)

    def unknown(self, steps: int) -> Sheet:
        """Return all its lines without figures."""
        months, nothing = (*self.months, *self.coming(steps)), (None, None)
        past = [(month, line) for line in (RELEASED, SMOOTHED) for month in self.months]
        lines = [*past, *((month, FORECAST) for month in months[-steps:])]
        return self.sheet(months, {(k, *line): nothing for k in self.keys for line in lines}, ())

    def sheet(
        self,
        months: tuple[str, ...],
        forms: dict[tuple[Key, Any, str], tuple[Form, Form]],
        notes: Sequence[str],
    ) -> Sheet:
        """Return lines of each group over the past and what comes."""
        groups = [
            replace(each, values=(*each.values, ALL), exclusive=False) if more else each
            for each, more in zip(self.groups, self._summed, strict=True)
        ]
        by = [*groups[: self._axis], replace(self._time, values=months), *groups[self._axis :]]
        order = [
            (line, key, month)
            for line, key, month in product(_LINE.values, self.keys, months)
            if (key, month, line) in forms
        ]
        told = [forms[key, month, str(line)] for line, key, month in order]
        name, title = f"{self.measure.name}_revision"[-63:], f"{self.measure.title}, revision"
        revision = Measure(name, "derived", title, self.measure.unit, self.measure.digits)
        figures = {
            replace(self.measure, at_bound_of=None): [one for one, _ in told],
            revision: [more for _, more in told],
        }
        keys = [(line, *self._key(key, month)) for line, key, month in order]
        return self._source.anew((_LINE, *by), figures, *notes, keys=keys)


def _kind(dimension: Dimension) -> str | None:
    """Return month, week, quarter or year where all values are such periods."""
    try:
        kinds = {Period.parse(str(each)).kind for each in dimension.values}
    except PeriodError:
        return None
    return kinds.pop() if len(kinds) == 1 and dimension.values else None


def _within(low: Key, key: Key) -> bool:
    return all(wanted in (ALL, value) for value, wanted in zip(low, key, strict=True))


def _require_all(months: Sequence[str]) -> None:
    for one, other in pairwise(months):
        if Period.parse(one).next().text != other:
            raise InputError(
                f"a series is foretold from periods without gaps, in order: after {one} comes "
                f"{Period.parse(one).next().text}, not {other}."
            )


def _broken(
    table: _Series, data: Sequence[tuple[np.ndarray, np.ndarray]], apart: bool
) -> list[str]:
    """Say what broke; take figures that stand out from the data, where they are told ``apart``."""
    from workbench.analytics.forecasting.rules import FEWEST
    from workbench.analytics.forecasting.structural import OUTLIER, breaks

    told = []
    for key, (values, noise) in zip(table.keys, data, strict=True):
        found = breaks(tuple(values), tuple(noise), table.season, _ALARM / len(data))
        where = ", ".join(map(str, key)) or ALL
        for each in found:
            words = {"month": table.months[each.at], "chance": each.false_alarm * len(data)}
            enough = sum(map(isfinite, values)) > FEWEST and 0 < each.at < len(values) - 1
            alone = apart and each.kind == OUTLIER and enough
            if alone:
                values[each.at], noise[each.at] = nan, 0.0
            told.append(noted("outlier apart" if alone else each.kind, where=where, **words))
    return told


def _agreeing(
    table: _Series, data: Sequence[tuple[np.ndarray, np.ndarray]], rule: str, steps: int
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], list[list[Affine]]]:
    """Return smoothed lines, their deviations, those of a month ago, and forecasts; all agree."""
    import numpy as np

    from workbench.analytics.forecasting import rules
    from workbench.analytics.forecasting.structural import structural

    season, n = table.season, len(table.months)
    models = [structural(tuple(v), tuple(s), season, steps, rule == rules.TREND) for v, s in data]
    chosen = [rules.rule_of(rule, values, noise, season, steps) for values, noise in data]
    errors = [
        (values - mean[:-1, 0]) / np.sqrt(sd[:-1, 0] ** 2 + noise**2)
        for (values, noise), (mean, sd) in zip(data, (each.origins for each in models), strict=True)
    ]
    sums = np.zeros((len(data), max(max(each) for each in table.parts) + 1))
    for row, parts in enumerate(table.parts):
        sums[row, parts] = 1.0
    start = max(6, season)
    alike = rules.shrunk_correlation(np.stack(errors, axis=1)[start:])
    now = [each.smoothed(n) for each in models]
    earlier = np.stack([np.append(each.smoothed(n - 1)[0], np.nan) for each in models])
    line, sd = (np.stack([each[i] for each in now]) for i in (0, 1))
    for at in range(n):
        agree = rules.mapped(sums, sd[:, at], alike)
        spread = agree @ (alike * np.outer(sd[:, at], sd[:, at])) @ agree.T
        line[:, at], earlier[:, at] = agree @ line[:, at], agree @ earlier[:, at]
        sd[:, at] = np.sqrt(np.maximum(np.diag(spread), 0.0))
    ends = [each.ahead for each in chosen]
    means = np.stack([mean for mean, _ in ends])
    paths = np.stack([_root(spread) for _, spread in ends])  # series × steps × draws of its own
    shared = np.linalg.cholesky(alike)
    draws = _draws(data, rule)
    future: list[list[Affine]] = [[] for _ in data]
    for step in range(steps):
        wide = np.sqrt(np.square(paths[:, step]).sum(axis=1))
        agree = rules.mapped(sums, wide, alike)
        told = agree @ means[:, step]
        for row in range(len(data)):
            # a path of a series is its own factor times draws that it shares with the others
            weights = np.einsum("s,sd,sj->jd", agree[row], paths[:, step], shared).ravel()
            terms = {(draws, i, ""): float(each) for i, each in enumerate(weights) if each}
            future[row].append(Affine(float(told[row]), terms))
    return (line, sd, earlier), future


def _root(spread: np.ndarray) -> np.ndarray:
    import numpy as np

    values, vectors = np.linalg.eigh(spread)
    # why whole: the root of a covariance is the same on every machine, its vectors are not
    root: np.ndarray = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return root


def _draws(data: Sequence[tuple[np.ndarray, np.ndarray]], rule: str) -> str:
    """Name the errors of a forecast by what it stands on: the same wherever it is told again."""
    text = repr([(list(map(float, v)), list(map(float, s))) for v, s in data]) + rule
    return f"forecast {hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"
