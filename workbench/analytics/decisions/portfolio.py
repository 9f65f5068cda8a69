"""Losses of a portfolio from released grades, by scenario, with what their uncertainty is made of.

Noise and who was in the table move the inputs; they are carried over by the tangent of the loss of
a large portfolio, in closed form. The simulation has its own error, and scenarios are assumptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, NotKnown, QuestionRefused, UnknownName, require_known
from workbench.privacy.arguments import checked, require_currency, require_totals, require_types
from workbench.privacy.columns import Dimension, Measure, noted
from workbench.privacy.expressions import is_number
from workbench.privacy.margins import Affine, Fixed, Form, quantile, tangent, times, weighted
from workbench.privacy.operations.sampling import drawn_into, drawn_variance
from workbench.privacy.sheets import Sheet, operation
from workbench.privacy.tables import derived

if TYPE_CHECKING:
    import numpy as np

    from workbench.privacy.release import Release

BASE = "as released"
_NODES = 200  # of the tail
_Z = quantile(0.95)
_FIGURES = {
    "expected_loss": "Expected loss",
    "value_at_risk": "Value at risk",
    "expected_shortfall": "Expected shortfall",
}
_SCENARIO = {  # what a scenario assumes, and within which limits
    "pd_times": (0.0, 1000.0),
    "lgd_times": (0.0, 1000.0),
    "ead_times": (0.0, 1000.0),
    "correlation": (0.0, 0.999),
    "factor_shift": (-10.0, 10.0),
}
_INPUTS = {
    "pd": ("pd_times", "assumption: probability of default"),
    "lgd": ("lgd_times", "assumption: loss given default"),
    "ead": ("ead_times", "assumption: exposure"),
    "factor": ("factor_shift", "assumption: state of the economy"),
    "correlation": ("correlation", "model: correlation"),
}
_Scenarios = Sequence[tuple[str, Mapping[str, float]]]


@dataclass(frozen=True)
class Portfolio:
    """Loans by released grade, with what is declared of them, to simulate their losses at no cost.

    Loans default together through one common factor: the one-factor Gaussian copula, as in the
    law's capital formula. Attributes are what it is made with.

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
    level : float
        Of the value at risk and the expected shortfall.
    unit : str, optional
        The currency's code.

    Examples
    --------
    >>> # grades = ws.release(wb.query(loans, by=card.bands([560, 600])).count().rate(
    >>> #     bad=loans.default_12m), …)
    >>> # book = wb.Portfolio(grades, pd="bad_rate", count="rows", lgd=0.4, ead=40_000,
    >>> #     correlation=0.15)
    >>> # book.losses({"downturn": {"factor_shift": -1.0, "lgd_times": 1.2}})
    """

    grades: Release
    _: KW_ONLY
    pd: str
    lgd: float | Mapping[str, float]
    ead: float | str
    correlation: float
    count: str = "customers"
    level: float = 0.999
    unit: str | None = None

    def __post_init__(self) -> None:
        require_types(Portfolio, vars(self))

    @checked
    def losses(
        self,
        scenarios: Mapping[str, Mapping[str, float]] | None = None,
        *,
        draws: int = 100_000,
        name: str | None = None,
    ) -> Release:
        """Simulate losses, by scenario.

        Parameters
        ----------
        scenarios : mapping of str to mapping
            Name to what is assumed: ``pd_times``, ``lgd_times``, ``ead_times``, ``correlation``,
            ``factor_shift`` (standard deviations of the common factor, below 0 for bad years).
        draws : int
            Simulated years, up to a million.
        name : str, optional
            What to call the result.

        Returns
        -------
        Release
            By ``scenario``, the first ``as released``: ``expected_loss``, ``value_at_risk`` and
            ``expected_shortfall``. Margins hold noise, the chance of who was in the table, and the
            simulation's error; what is assumed is in no margin. Where a grade is suppressed, or
            not surely of any loan, no loss is known, and a note says so.

        Raises
        ------
        InputError
            What is declared or assumed is beyond what it can be.
        QuestionRefused
            The release is not by one group column.
        """
        asked = {"draws": draws, "scenarios": [list(each) for each in (scenarios or {}).items()]}
        return self._derived("portfolio_loss", asked, name or f"{self.grades.name}-losses")

    @checked
    def tornado(
        self, by: Mapping[str, float], *, of: str = "value_at_risk", name: str | None = None
    ) -> Release:
        """Say what moves a loss the most: noise, who was there, the model, or what is assumed.

        Parameters
        ----------
        by : mapping of str to float
            How far each may be off: ``pd``, ``lgd`` and ``ead`` as a part of itself,
            ``correlation`` and ``factor`` as they are: ``{"lgd": 0.1, "correlation": 0.05}``.
        of : str
            ``expected_loss``, ``value_at_risk`` or ``expected_shortfall``, of a large portfolio.
        name : str, optional
            What to call the result.

        Returns
        -------
        Release
            ``change`` by ``input``, the widest first, and ``end`` (``less`` or ``more`` of it).
        """
        asked = {"spans": [list(each) for each in by.items()], "of": of}
        return self._derived("tornado", asked, name or f"{self.grades.name}-tornado")

    def _derived(self, operation: str, asked: Mapping[str, Any], name: str) -> Release:
        require_currency(self.grades, self.ead, self.unit)
        require_totals(self.grades, self.count, self.ead)
        given = {key: value for key, value in vars(self).items() if key != "grades"}
        given |= {"by_ends": True, "capped": True}
        return derived(operation, [self.grades], {"book": given, **asked}, name)


@operation("portfolio_loss")
def _portfolio_loss(
    sheet: Sheet, *, book: Mapping[str, Any], draws: int, scenarios: _Scenarios
) -> Sheet:
    _require("draws", draws, 1, 1_000_000)
    if BASE in dict(scenarios) or "" in dict(scenarios):
        raise InputError(f"'{BASE}' is what nothing is assumed in; call a scenario otherwise.")
    labels = (BASE, *(label for label, _ in scenarios))
    forms: dict[str, list[Form]] = {each: [None] * len(labels) for each in _FIGURES}
    if not sheet.unknown:
        forms = _simulated(_Book.of(sheet, book), draws, [(BASE, {}), *scenarios])
    by = Dimension("scenario", "Scenario", "category", labels)
    made = {
        Measure(name, "derived", title, book["unit"], 0, 0.0): forms[name]
        for name, title in _FIGURES.items()
    }
    told = noted("losses", level=100 * book["level"], draws=draws)
    return sheet.anew((by,), made, told, noted("losses margin"))


def _simulated(base: _Book, draws: int, scenarios: _Scenarios) -> dict[str, list[Form]]:
    from workbench.analytics.decisions.losses import simulate_losses

    forms = {each: list[Form]() for each in _FIGURES}
    for label, assumed in scenarios:
        there = base.under(assumed, label)
        losses = simulate_losses(
            there.pd, lgd=there.lgd, ead=there.each, correlation=there.assumed["correlation"],
            count=there.loans, factor_shift=there.assumed["factor_shift"], draws=draws,
        )  # fmt: skip
        forms["expected_loss"].append(there.carried("expected_loss"))
        for name in ("value_at_risk", "expected_shortfall"):
            found = getattr(losses, name)(base.level)
            line = there.carried(name)
            draw = (f"simulated {name} {label} {sorted(line.terms.items())}", 0, "")
            error = (found.upper - found.lower) / 2 / quantile(0.95)
            forms[name].append(Affine(found.estimate, {**line.terms, draw: error}, True))
    return forms


@operation("tornado")
def _tornado(
    sheet: Sheet, *, book: Mapping[str, Any], spans: Sequence[tuple[str, float]], of: str
) -> Sheet:
    require_known("figure of a loss", _FIGURES, of)
    for name, span in spans:
        require_known("input of a tornado", _INPUTS, name)
        _require(f"span of {name}", span, 1e-9, 10 if name == "factor" else 1)
    found = {_INPUTS[name][1]: (0.0, 0.0) for name, _ in spans}
    if not sheet.unknown:
        found = _moved(_Book.of(sheet, book), spans, of)
    order = tuple(sorted(found, key=lambda each: (-max(map(abs, found[each])), each)))
    said = ", ".join(f"{each} ± {span:g}" for each, span in spans) or "–"
    by = (
        Dimension("input", "Input", "category", order),
        Dimension("end", "Of it", "category", ("less", "more")),
    )
    change = Measure("change", "derived", f"{_FIGURES[of]}, change", book["unit"], 0)
    moved: list[Form] = [
        None if sheet.unknown else Fixed(each) for label in order for each in found[label]
    ]
    return sheet.anew(by, {change: moved}, noted("tornado", spans=said))


def _moved(
    base: _Book, spans: Sequence[tuple[str, float]], of: str
) -> dict[str, tuple[float, float]]:
    """Return how much less and more a loss is at the ends of each span, and by chance."""
    line = base.carried(of)
    chance = sum(each**2 for draw, each in line.terms.items() if draw in base.chances)
    noise = {"noise of the releases": line.variance - chance, "who was in the table": chance}
    wide = {label: quantile(0.95) * sqrt(max(0.0, each)) for label, each in noise.items()}
    found = {label: (-each, each) for label, each in wide.items()}
    for name, span in spans:
        key, label = _INPUTS[name]
        less, more = (
            base.under({key: base.assumed[key] + side * span}, label).carried(of).value - line.value
            for side in (-1, 1)
        )
        found[label] = less, more
    return found


@dataclass(frozen=True, eq=False)
class _Book:
    """Grades with what is assumed of them.

    ``rates`` and ``exposures`` are forms whose noise is carried over; ``chances`` the draws of who
    was in the table; ``loans`` and ``severity`` are arrays, one entry a grade.
    """

    rates: list[Affine]
    exposures: list[Affine]
    chances: set[Any]
    loans: np.ndarray
    severity: np.ndarray
    level: float
    by_ends: bool
    capped: bool
    assumed: Mapping[str, float]

    @classmethod
    def of(cls, sheet: Sheet, book: Mapping[str, Any]) -> _Book:
        """Return the grades of a sheet with what a portfolio declares of them."""
        import numpy as np

        pd, lgd, ead, count, level = (book[x] for x in ("pd", "lgd", "ead", "count", "level"))
        if len(sheet.by) != 1 or sheet.measure(pd).kind != "rate":
            names = ", ".join(each.name for each in sheet.by) or "nothing"
            raise QuestionRefused(
                "a portfolio is of loans by one group column, such as grade, and pd= is a rate of "
                f"them; here '{pd}' is by {names}. Keep one value of the other columns with "
                ".derive(where=…), or add them up with over=…."
            )
        _require("level", level, 0.5, 0.99999)
        sheet.measure(count)
        if isinstance(ead, str):
            sheet.measure(ead)
        else:
            _require("ead", ead, 0.0, 1e30)
        rates, exposures, chances, loans, parts = [], [], set(), [], []
        for row, (key,) in enumerate(sheet.keys):
            rate, size = (tangent(sheet.forms[each][row]) for each in (pd, count))
            whole = sheet.forms[ead][row] if isinstance(ead, str) else times(size, Affine(ead))
            exposure = tangent(whole)
            if rate is None or size is None or exposure is None:
                raise NotKnown(noted("grade not known", where=key))
            if isinstance(lgd, Mapping) and str(key) not in lgd:
                raise UnknownName("grade with a loss given default", str(key), lgd)
            parts.append(lgd[str(key)] if isinstance(lgd, Mapping) else lgd)
            _require("lgd", parts[-1], 0.0, 1.0)
            share, many = min(max(rate.value, 0.0), 1.0), max(size.value, 1.0)
            draw = drawn_into(rate)
            rates.append(Affine(share, {**rate.terms, draw: sqrt(drawn_variance(share, many))}))
            exposures.append(replace(exposure, value=max(0.0, exposure.value)))
            chances.add(draw)
            loans.append(max(0, round(size.value)))
        usual = {"pd_times": 1.0, "lgd_times": 1.0, "ead_times": 1.0, "factor_shift": 0.0}
        # answers of before lack some of it, and come out as they did
        ends = book.get("by_ends", False), book.get("capped", False)
        given = rates, exposures, chances, np.array(loans), np.array(parts)
        made = cls(*given, level, *ends, usual)
        return made.under({"correlation": book["correlation"]}, BASE)

    def under(self, assumed: Mapping[str, float], label: str) -> _Book:
        """Return the book as a scenario sees it."""
        for key, value in assumed.items():
            require_known(f"assumption of '{label}'", _SCENARIO, key)
            _require(f"{key} of '{label}'", value, *_SCENARIO[key])
        return replace(self, assumed={**self.assumed, **assumed})

    @property
    def pd(self) -> np.ndarray:
        """Probabilities of default as they are assumed."""
        import numpy as np

        rates = np.array([each.value for each in self.rates])
        return np.clip(rates * self.assumed["pd_times"], 0.0, 1.0)

    @property
    def lgd(self) -> np.ndarray:
        """Losses given default as they are assumed."""
        import numpy as np

        return np.clip(self.severity * self.assumed["lgd_times"], 0.0, 1.0)

    @property
    def each(self) -> np.ndarray:
        """The exposure of one loan of each grade, as it is assumed; none where there is no loan."""
        import numpy as np

        whole = np.array([each.value for each in self.exposures]) * self.assumed["ead_times"]
        return np.where(self.loans > 0, whole / np.maximum(self.loans, 1), 0.0)

    def carried(self, of: str) -> Affine:
        """Return a figure of so many loans that only the factor matters, and its noise.

        The noise is that of every input, by its tangent; of a rate by its ends, from one to the
        other, since near none the tangent is too steep by far.
        """
        import numpy as np
        from scipy.special import ndtr, ndtri

        root, own = sqrt(self.assumed["correlation"]), sqrt(1 - self.assumed["correlation"])
        factor = np.array([self.assumed["factor_shift"]])
        if of == "expected_loss":  # the mean over all years is known in closed form
            own = 1.0
        else:
            beyond = (np.arange(_NODES) + 0.5) / _NODES if of == "expected_shortfall" else [1.0]
            factor = factor + ndtri((1 - self.level) * np.array(beyond))

        def bad(pd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            reach = ndtri(np.clip(pd, 1e-9, 1 - 1e-9))
            at = (reach - root * factor[:, None]) / own
            return ndtr(at).mean(axis=0), np.exp((reach**2 - at**2) / 2).mean(axis=0) / own

        shares, slopes = bad(self.pd)
        if self.by_ends:
            sds = np.sqrt([each.variance for each in self.rates]) * self.assumed["pd_times"]
            middle = np.array([x.value for x in self.rates]) * self.assumed["pd_times"]
            middle = middle if self.capped else self.pd
            low, high = (np.clip(middle + z * sds, 0.0, 1.0) for z in (-_Z, _Z))
            apart = high - low
            secant = (bad(high)[0] - bad(low)[0]) / np.maximum(apart, 1e-6)
            # why none: what is assumed is at its end wherever the rate may lie
            at_end = self.capped and (apart <= 1e-6) & (2 * _Z * sds > 1e-6)
            slopes = np.where(apart > 1e-6, secant, np.where(at_end, 0.0, slopes))
        slopes = slopes * self.assumed["pd_times"]
        whole, lost = self.each * self.loans, self.lgd * shares
        weights = [*whole * self.lgd * slopes, *lost * self.assumed["ead_times"]]
        line = weighted(zip(map(float, weights), self.rates + self.exposures, strict=True))
        return Affine(float(whole @ lost), line.terms, approximate=True)


def _require(name: str, value: Any, least: float, most: float) -> None:
    if not is_number(value) or not least <= value <= most:
        raise InputError(f"{name} is a number from {least:g} to {most:g}, not {value!r}.")
