"""Losses of a portfolio from released grades, by scenario, with what their uncertainty is made of.

Noise and who was in the table move the inputs; they are carried over by the tangent of the loss of
a large portfolio, in closed form. The simulation has its own error, and scenarios are assumptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, QuestionRefused, UnknownName
from workbench.privacy.columns import Dimension, Measure
from workbench.privacy.margins import Affine, Fixed, Form, quantile, tangent, times, weighted
from workbench.privacy.noted import noted
from workbench.privacy.operations.sampling import drawn_into
from workbench.privacy.sheets import Sheet, operation
from workbench.privacy.tables import derived

if TYPE_CHECKING:
    import numpy as np

    from workbench.privacy.release import Release

BASE = "as released"
_SCENARIO = ("pd_times", "lgd_times", "ead_times", "correlation", "factor_shift")
_NODES = 200  # of the tail, and of the common factor
_FIGURES = {
    "expected_loss": "Expected loss",
    "value_at_risk": "Value at risk",
    "expected_shortfall": "Expected shortfall",
}
_SPANS = {
    "pd": ("pd_times", "assumption: probability of default"),
    "lgd": ("lgd_times", "assumption: loss given default"),
    "ead": ("ead_times", "assumption: exposure"),
    "factor": ("factor_shift", "assumption: state of the economy"),
    "correlation": ("correlation", "model: correlation"),
}


def portfolio_loss(
    grades: Release,
    *,
    pd: str,
    lgd: float | Mapping[str, float],
    ead: float | str,
    correlation: float,
    count: str = "customers",
    scenarios: Mapping[str, Mapping[str, float]] | None = None,
    level: float = 0.999,
    draws: int = 100_000,
    unit: str | None = None,
    name: str | None = None,
) -> Release:
    """Simulate the losses of a portfolio of released grades, by scenario; costs nothing.

    Parameters
    ----------
    grades : Release
        By one group column, such as grade or score band.
    pd : str
        The rate of it that is the probability of default.
    lgd : float or mapping of group to float
        Loss given default, from 0 to 1, declared.
    ead : float or str
        Exposure of one loan, declared; or the measure that is the exposure of all of a grade.
    correlation : float
        With the common factor, from 0 to below 1; see `workbench.risk.simulate_losses`.
    count : str
        How many loans: ``customers`` or ``rows``.
    scenarios : mapping of str to mapping
        Name to what is assumed: ``pd_times``, ``lgd_times``, ``ead_times``, ``correlation``,
        ``factor_shift`` (in standard deviations of the common factor, below 0 for bad years).
    level : float
        Of the value at risk and the expected shortfall.
    draws : int
        Simulated years, up to a million.
    unit, name : str, optional
        The currency's code; what to call the result.

    Returns
    -------
    Release
        By ``scenario``, the first ``as released``: ``expected_loss``, ``value_at_risk`` and
        ``expected_shortfall``. Margins hold noise, the chance of who was in the table, and the
        simulation's error; what is assumed is told by scenario: see `tornado`.

    Raises
    ------
    InputError
        An assumption beyond what it can be.
    QuestionRefused
        The release is not by one group column, or a grade is not known.

    Examples
    --------
    >>> # grades = ws.release(wb.query(loans, by=card.bands([560, 600])).count().rate(
    >>> #     bad=loans.default_12m), …)
    >>> # wb.portfolio_loss(grades, pd="bad_rate", count="rows", lgd=0.45, ead=20_000,
    >>> #     correlation=0.15, scenarios={"downturn": {"factor_shift": -1.0, "lgd_times": 1.2}})
    """
    given = _given(pd, lgd, ead, correlation, count, level, unit)
    listed = [[each, dict(assumed)] for each, assumed in (scenarios or {}).items()]
    asked = {**given, "draws": draws, "scenarios": listed}
    return derived("portfolio_loss", [grades], asked, name or f"{grades.name}-losses")


def tornado(
    grades: Release,
    *,
    pd: str,
    lgd: float | Mapping[str, float],
    ead: float | str,
    correlation: float,
    by: Mapping[str, float],
    of: str = "value_at_risk",
    count: str = "customers",
    level: float = 0.999,
    unit: str | None = None,
    name: str | None = None,
) -> Release:
    """Say what moves a loss the most: noise, who was there, the model, or what is assumed.

    Parameters
    ----------
    grades, pd, lgd, ead, correlation, count, level, unit, name
        As of `portfolio_loss`.
    by : mapping of str to float
        How far each assumption may be off: ``pd``, ``lgd`` and ``ead`` as a part of itself,
        ``correlation`` and ``factor`` as they are: ``{"lgd": 0.1, "correlation": 0.05}``.
    of : str
        ``expected_loss``, ``value_at_risk`` or ``expected_shortfall``, of a large portfolio.

    Returns
    -------
    Release
        ``change`` by ``input``, the widest first, and ``end`` (``less`` or ``more`` of it).
    """
    given = _given(pd, lgd, ead, correlation, count, level, unit)
    spans = [[each, float(span)] for each, span in by.items()]
    called = name or f"{grades.name}-tornado"
    return derived("tornado", [grades], {**given, "spans": spans, "of": of}, called)


def _given(
    pd: str,
    lgd: float | Mapping[str, float],
    ead: float | str,
    correlation: float,
    count: str,
    level: float,
    unit: str | None,
) -> dict[str, Any]:
    of_grade = [list(each) for each in lgd.items()] if isinstance(lgd, Mapping) else lgd
    inputs = {"pd": pd, "lgd": of_grade, "ead": ead, "correlation": correlation, "count": count}
    return {"inputs": inputs, "level": level, "unit": unit}


@operation("portfolio_loss")
def _portfolio_loss(
    sheet: Sheet,
    *,
    inputs: Mapping[str, Any],
    level: float,
    unit: str | None,
    draws: int,
    scenarios: list[tuple[str, Mapping[str, float]]],
) -> Sheet:
    from workbench.analytics.decisions.losses import simulate_losses

    if type(draws) is not int or not 1 <= draws <= 1_000_000:
        raise InputError(f"draws is a number of simulated years up to 1,000,000, not {draws!r}.")
    book, forms = _Book.of(sheet, inputs), dict[str, list[Form]]({each: [] for each in _FIGURES})
    labels = [BASE, *(each for each, _ in scenarios)]
    for label, assumed in [(BASE, {}), *scenarios]:
        there = book.under(assumed, label)
        losses = simulate_losses(
            there.pd, lgd=there.lgd, ead=there.each, correlation=there.correlation,
            count=there.loans, factor_shift=there.shift, draws=draws,
        )  # fmt: skip
        found = losses.value_at_risk(level), losses.expected_shortfall(level)
        exact = there.pool("expected_loss", level)
        forms["expected_loss"].append(there.carried("expected_loss", level, exact))
        for name, each in zip(("value_at_risk", "expected_shortfall"), found, strict=True):
            error = (each.upper - each.lower) / 2 / quantile(0.95)
            line = there.carried(name, level, each.estimate)
            draw = (f"simulated {name} {label} {sorted(line.terms.items())}", 0, "")
            forms[name].append(replace(line, terms={**line.terms, draw: error}))
    measures = [Measure(each, "derived", title, unit, 0, 0.0) for each, title in _FIGURES.items()]
    notes = noted("losses", level=level, draws=draws), noted("losses margin")
    by = Dimension("scenario", "Scenario", "category", tuple(labels))
    keys = tuple((each,) for each in labels)
    told = (*sheet.notes, *notes)
    return Sheet((by,), keys, tuple(measures), forms, notes=told, about=sheet.about)


@operation("tornado")
def _tornado(
    sheet: Sheet,
    *,
    inputs: Mapping[str, Any],
    level: float,
    unit: str | None,
    spans: list[tuple[str, float]],
    of: str,
) -> Sheet:
    if of not in _FIGURES:
        raise UnknownName("figure of a loss", of, _FIGURES)
    book = _Book.of(sheet, inputs)
    base = book.pool(of, level)
    line = book.carried(of, level, base)
    chance = {draw: each for draw, each in line.terms.items() if draw in book.chances}
    found: dict[str, tuple[float, float]] = {}
    for label, variance in (
        ("noise of the releases", line.variance - sum(each**2 for each in chance.values())),
        ("who was in the table", sum(each**2 for each in chance.values())),
    ):
        wide = quantile(0.95) * sqrt(max(0.0, variance))
        found[label] = -wide, wide
    for each, span in spans:
        if each not in _SPANS or not span > 0:
            raise InputError(
                f"'{each}': {span} is no span of a tornado. Known are {', '.join(_SPANS)}, each "
                "above 0."
            )
        key, label = _SPANS[each]
        middle = {"correlation": book.correlation, "factor_shift": 0.0}.get(key, 1.0)
        ends = [
            book.under({key: middle + side * span}, label).pool(of, level) - base
            for side in (-1, 1)
        ]
        found[label] = ends[0], ends[1]
    order = sorted(found, key=lambda each: (-max(map(abs, found[each])), each))
    by = (
        Dimension("input", "Input", "category", tuple(order)),
        Dimension("end", "Of it", "category", ("less", "more")),
    )
    keys = tuple((label, end) for label in order for end in ("less", "more"))
    change = Measure("change", "derived", f"{_FIGURES[of]}, change", unit, 0)
    forms: list[Form] = [Fixed(each) for label in order for each in found[label]]
    said = ", ".join(f"{each} ± {span:g}" for each, span in spans) or "–"
    notes = (*sheet.notes, noted("tornado", spans=said))
    return Sheet(by, keys, (change,), {"change": forms}, notes=notes, about=sheet.about)


@dataclass(frozen=True, eq=False)
class _Book:
    """Grades with what is assumed of them: arrays of one length, and the draws beneath.

    ``rates`` and ``exposures`` are the forms whose noise is carried over; ``chances`` the draws of
    who was in the table.
    """

    rates: list[Affine]
    exposures: list[Affine]
    chances: frozenset[Any]
    loans: np.ndarray
    part: np.ndarray
    correlation: float
    pd_times: float = 1.0
    lgd_times: float = 1.0
    ead_times: float = 1.0
    shift: float = 0.0

    @classmethod
    def of(cls, sheet: Sheet, inputs: Mapping[str, Any]) -> _Book:
        import numpy as np

        if len(sheet.by) != 1:
            names = ", ".join(each.name for each in sheet.by) or "nothing"
            raise QuestionRefused(
                f"a portfolio is of loans by one group column, such as grade; these are by {names}."
                " Keep one value of the others with .derive(where=…), or add them up with over=…."
            )
        given, ead = inputs["lgd"], inputs["ead"]
        if sheet.measure(inputs["pd"]).kind != "rate":
            raise QuestionRefused(f"pd is a rate of defaults, and '{inputs['pd']}' is none.")
        named = {str(key): part for key, part in given} if isinstance(given, list) else {}
        rates, exposures, chances, loans, parts = [], [], set(), [], []
        sheet.measure(inputs["count"])
        for row, (key,) in enumerate(sheet.keys):
            rate, count = (tangent(sheet.forms[inputs[x]][row]) for x in ("pd", "count"))
            whole: Form = count
            if isinstance(ead, str):
                sheet.measure(ead)
                whole = sheet.forms[ead][row]
            elif count is not None:
                _require("ead", ead, 0.0, float("inf"))
                whole = times(count, Affine(float(ead)))
            line = tangent(whole)
            if rate is None or count is None or line is None:
                raise QuestionRefused(
                    f"grade '{key}' is not known: it is suppressed, or its number of loans is not "
                    "surely above 0. Merge it with .merge_small(…), or leave it out by where=…."
                )
            if named and str(key) not in named:
                raise UnknownName("grade with a loss given default", str(key), named)
            part = named.get(str(key), given) if named else given
            _require("lgd", part, 0.0, 1.0)
            share = min(max(rate.value, 0.0), 1.0)
            size = max(count.value, 1.0)
            draw = drawn_into(rate)
            # why + 1: none of few is no proof of never (Wilson's correction, to first order)
            shown = (share * size + 1) / (size + 2)
            sampled = {**rate.terms, draw: sqrt(shown * (1 - shown) / size)}
            rates.append(Affine(share, sampled))
            exposures.append(replace(line, value=max(0.0, line.value)))
            chances.add(draw)
            loans.append(max(0, round(count.value)))
            parts.append(part)
        _require("correlation", inputs["correlation"], 0.0, 0.999)
        return cls(
            rates, exposures, frozenset(chances), np.array(loans), np.array(parts, float),
            float(inputs["correlation"]),
        )  # fmt: skip

    def under(self, assumed: Mapping[str, float], label: str) -> _Book:
        """Return the book as a scenario sees it."""
        for key, value in assumed.items():
            if key not in _SCENARIO:
                raise UnknownName(f"assumption of '{label}'", key, _SCENARIO)
            if key == "factor_shift":
                _require(f"{key} of '{label}'", value, -10.0, 10.0)
            elif key == "correlation":
                _require(f"{key} of '{label}'", value, 0.0, 0.999)
            else:
                _require(f"{key} of '{label}'", value, 0.0, 1000.0)
        return replace(
            self,
            pd_times=float(assumed.get("pd_times", 1.0)),
            lgd_times=float(assumed.get("lgd_times", 1.0)),
            ead_times=float(assumed.get("ead_times", 1.0)),
            correlation=float(assumed.get("correlation", self.correlation)),
            shift=float(assumed.get("factor_shift", 0.0)),
        )

    @property
    def pd(self) -> np.ndarray:
        """Probabilities of default as they are assumed."""
        import numpy as np

        return np.clip(np.array([each.value for each in self.rates]) * self.pd_times, 0.0, 1.0)

    @property
    def lgd(self) -> np.ndarray:
        """Losses given default as they are assumed."""
        import numpy as np

        return np.clip(self.part * self.lgd_times, 0.0, 1.0)

    @property
    def whole(self) -> np.ndarray:
        """Exposures of all loans of a grade, as they are assumed."""
        import numpy as np

        return np.array([each.value for each in self.exposures]) * self.ead_times

    @property
    def each(self) -> np.ndarray:
        """The exposure of one loan of each grade; 0 where there is none."""
        import numpy as np

        return np.where(self.loans > 0, self.whole / np.maximum(self.loans, 1), 0.0)

    def _shares(self, of: str, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the part of each grade that defaults, and its slope by the probability.

        Of a large portfolio, in the mean over the years that the figure is about.
        """
        import numpy as np
        from scipy.special import ndtr, ndtri

        middles = (np.arange(_NODES) + 0.5) / _NODES
        bad = {
            "expected_loss": middles,
            "value_at_risk": np.array([1 - level]),
            "expected_shortfall": (1 - level) * middles,
        }[of]
        factor = ndtri(bad)[:, None] + self.shift
        held = np.clip(self.pd, 1e-9, 1 - 1e-9)
        root, own = sqrt(self.correlation), sqrt(1 - self.correlation)
        at = (ndtri(held) - root * factor) / own
        if of == "expected_loss":  # in closed form: the mean over all factors
            at, own = (ndtri(held) - root * self.shift)[None, :], 1.0
        slope = np.exp((np.square(ndtri(held)) - np.square(at)) / 2) / own * self.pd_times
        return ndtr(at).mean(axis=0), slope.mean(axis=0)

    def pool(self, of: str, level: float) -> float:
        """Return a figure of the loss of a portfolio so large that only the factor matters."""
        if not 0.5 <= level < 1:
            raise InputError(f"a level is from 0.5 to below 1, such as 0.999, not {level}.")
        shares, _ = self._shares(of, level)
        return float((self.whole * self.lgd) @ shares)

    def carried(self, of: str, level: float, value: float) -> Affine:
        """Return a figure with the noise of every input it depends on, by their tangents."""
        shares, slopes = self._shares(of, level)
        weights = [*self.whole * self.lgd * slopes, *self.lgd * shares * self.ead_times]
        line = weighted(zip(map(float, weights), self.rates + self.exposures, strict=True))
        return Affine(value, line.terms, approximate=True)


def _require(name: str, value: Any, least: float, most: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not least <= value <= most:
        raise InputError(f"{name} is a number from {least:g} to {most:g}, not {value!r}.")
