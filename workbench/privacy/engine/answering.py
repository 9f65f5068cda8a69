"""From bounded totals to figures: what is booked and drawn as noise, values, margins."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import partial
from math import floor, isqrt, log, sqrt
from typing import TYPE_CHECKING, Any

from workbench.privacy.accounting import PICO, PURE_AS_GAUSSIAN, Cost, rho_fraction
from workbench.privacy.books.entries import Event
from workbench.privacy.columns import Measure, cells, noted
from workbench.privacy.engine.bounding import LATTICE, WEIGHT, norm_squared, threshold
from workbench.privacy.engine.mechanisms import (
    RandBelow,
    discrete_gaussian,
    discrete_laplace,
    exponential_choice,
)
from workbench.privacy.margins import Affine, form_of, interval, quantile

if TYPE_CHECKING:
    from workbench.privacy.measuring import Choice
    from workbench.privacy.question import Question

Z_95 = quantile(0.95)
Triple = tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class Computed:
    """Exact bounded totals of one part, as the engine returned them: never shown.

    Attributes
    ----------
    vector : mapping of cell to integers
        Customers first, then the coordinates in order.
    weights : sequence of mapping of cell to mapping of (place, exact) to weight
        For each quantile.
    distinct : sequence of mapping of cell to count
    found : mapping of value to customers
        For a column whose values are to be found.
    """

    vector: Mapping[int, Sequence[int]] = field(default_factory=dict)
    weights: Sequence[Mapping[int, Mapping[tuple[int, bool], int]]] = ()
    distinct: Sequence[Mapping[int, int]] = ()
    found: Mapping[Any, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """What is drawn and put together for one part: all that a release holds."""

    measures: list[Measure]
    columns: dict[str, list[Any]]
    mechanism: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def answer(
    question: Question, computed: Computed, event: Event, randbelow: RandBelow = secrets.randbelow
) -> Figures:
    """Add noise to every cell of one part, empty ones too, and put figures together.

    Parameters
    ----------
    event : mapping
        What was booked for this part: every parameter of the noise is taken from it.
    """
    if question.discovered is not None:
        return _found(question, computed, event["found"], randbelow)
    if question.pure:
        return _pure(question, computed, event["counts"], randbelow)
    figures = Figures([], cells(question.within), {"kind": "several"})
    if question.counts:
        sigma_squared = Fraction(event["vector"]["sigma_squared"])
        _vector(question, computed, sigma_squared, randbelow, figures)
    for choice, weights in zip(question.choices, computed.weights, strict=True):
        _quantile(question, choice, weights, event[choice.name], randbelow, figures)
    for distinct, counts in zip(question.distincts, computed.distinct, strict=True):
        sigma_squared = Fraction(event[distinct.name]["sigma_squared"])
        noise = _noise(event[distinct.name], question.size, randbelow)
        noisy = [float(counts.get(cell, 0) + noise[cell]) for cell in range(question.size)]
        margin = Z_95 * sqrt(sigma_squared)
        add(figures, distinct.measure, [(n, n - margin, n + margin) for n in noisy])
        figures.notes.append(noted("distinct", title=distinct.title, top=distinct.most))
    return figures


def sigma_of(question: Question, pico: int) -> float:
    """Return the noise's standard deviation on one coordinate, one customer being 1."""
    squared = Fraction(norm_squared(question)) / (2 * rho_fraction(pico // question.blocks))
    return sqrt(squared) / LATTICE


def _vector(
    question: Question,
    computed: Computed,
    sigma_squared: Fraction,
    randbelow: RandBelow,
    figures: Figures,
) -> None:
    names = ["n", *(each.name for each in question.coordinates)]
    width, size = len(names), question.size
    noise = discrete_gaussian(sigma_squared, size * width, randbelow)
    zeros = (0,) * width
    noisy = {
        name: [
            computed.vector.get(cell, zeros)[i] + noise[cell * width + i] for cell in range(size)
        ]
        for i, name in enumerate(names)
    }
    spread = sqrt(sigma_squared) / LATTICE
    linear: dict[str, Any] = {}
    ratio: dict[str, Any] = {}
    ladder: dict[str, Any] = {}
    for measure, plan in question.vector:
        at = [{name: noisy[name][cell] / LATTICE for name in names} for cell in range(size)]
        add(figures, measure, [figure(measure.kind, plan, each, spread) for each in at])
        if "linear" in plan:
            linear[measure.name] = plan["linear"]
        elif "ladder" in plan:
            ladder[measure.name] = plan
        elif "squares" not in plan:
            ratio[measure.name] = {**plan, "offset": 0.0}
    figures.mechanism.update(
        {
            "kind": "discrete gaussian",
            "sigma": spread,
            "lattice": LATTICE,
            "noisy": noisy,
            "linear": linear,
            "ratio": ratio,
            **({"ladder": ladder} if ladder else {}),
        }
    )


def figure(kind: str, plan: Mapping[str, Any], at: Mapping[str, float], spread: float) -> Triple:
    """Return one figure and its 95 % margin from a cell's noisy coordinates."""
    affine = partial(_affine, at, spread)
    if "squares" in plan:
        return _spread(kind, plan, affine, spread)
    return interval(form_of(plan, affine), Z_95)


def _affine(at: Mapping[str, float], spread: float, coefficients: Mapping[str, float]) -> Affine:
    value = sum(each * at[name] for name, each in coefficients.items())
    return Affine(value, {("", 0, name): each * spread for name, each in coefficients.items()})


def _spread(
    kind: str,
    plan: Mapping[str, Any],
    affine: Callable[[Mapping[str, float]], Affine],
    spread: float,
) -> Triple:
    """Return a variance or standard deviation, with a margin by the delta method."""
    bottom = affine(plan["bottom"])
    rows = bottom.value
    if rows <= 0 or rows * rows <= Z_95 * Z_95 * bottom.variance:
        return None, None, None
    mean = affine(plan["top"]).value / rows
    second = affine(plan["squares"]).value / rows
    variance = second - mean * mean
    # derivative of (squares/rows - (top/rows)²) by each noisy coordinate
    slopes: dict[str, float] = {}
    for name, by in (("squares", 1.0), ("top", -2 * mean), ("bottom", 2 * mean * mean - second)):
        for coordinate, each in plan[name].items():
            slopes[coordinate] = slopes.get(coordinate, 0.0) + by * each / rows
    margin = Z_95 * spread * sqrt(sum(each * each for each in slopes.values()))
    # why moved first: cut at 0 at both ends, a margin of noise would become "0 ± 0"
    variance = max(0.0, variance)
    low, high = max(0.0, variance - margin), variance + margin
    if kind == "var":
        return variance, low, high
    return sqrt(variance), sqrt(low), sqrt(high)


def _quantile(
    question: Question,
    choice: Choice,
    weights: Mapping[int, Mapping[tuple[int, bool], int]],
    booked: Mapping[str, Any],
    randbelow: RandBelow,
    figures: Figures,
) -> None:
    epsilon, sensitivity = Fraction(booked["epsilon"]), int(booked["sensitivity"])
    candidates = booked["candidates"]
    values = []
    for cell in range(question.size):
        utility = scores(weights.get(cell, {}), len(candidates), choice.q)
        place = exponential_choice(utility, epsilon, sensitivity, randbelow)
        values.append((candidates[place] / 10**choice.digits, None, None))
    add(figures, choice.measure, values)
    surely = log(len(candidates)) + log(20)
    rank = floor(2 * sensitivity / WEIGHT / 100 / float(epsilon) * surely) + 1
    figures.notes.append(noted("quantile", title=choice.title, rank=rank))


def scores(weights: Mapping[tuple[int, bool], int], candidates: int, q: Decimal) -> list[int]:
    """Return how well each candidate splits the customers at ``q``, 0 at best.

    What is missing from a split is how far the share below is above ``q``, or the share above is
    above ``1 - q``; so a value that many customers share is as good as any inside its ties. In
    hundredths of a customer's weight: one customer moves a score by at most
    ``100·max(q, 1 - q)·WEIGHT``.
    """
    hundred = int(q * 100)
    total = sum(weights.values())
    below, found = weights.get((-1, False), 0), []
    for place in range(candidates):
        at, after = weights.get((place, True), 0), weights.get((place, False), 0)
        above = total - below - at
        short = (100 * below - hundred * total, 100 * above - (100 - hundred) * total)
        found.append(-max(0, *short))
        below += at + after
    return found


def _pure(
    question: Question, computed: Computed, booked: Mapping[str, Any], randbelow: RandBelow
) -> Figures:
    figures = Figures([], cells(question.within), {"kind": "geometric"})
    epsilon, sensitivity = Fraction(booked["epsilon"]), int(booked["sensitivity"])
    names = [("customers", "Customers"), ("rows", "Rows")][: 1 + bool(question.coordinates)]
    margin = _geometric_margin(float(epsilon), sensitivity)
    for i, (name, title) in enumerate(names):
        exact = [
            int(computed.vector.get(cell, (0,) * len(names))[i]) for cell in range(question.size)
        ]
        noise = discrete_laplace(sensitivity / epsilon, question.size, randbelow)
        noisy = [each + more for each, more in zip(exact, noise, strict=True)]
        add(figures, Measure(name, name, title, name), [(n, n - margin, n + margin) for n in noisy])
    figures.mechanism.update({"epsilon": str(epsilon), "sensitivity": sensitivity})
    return figures


def _geometric_margin(epsilon: float, sensitivity: int) -> int:
    """Return the least m with P(|noise| > m) ≤ 5 % for two-sided geometric noise."""
    rate = epsilon / sensitivity
    return max(0, floor(log(0.05 * (1 + 2.718281828459045**-rate) / 2) / -rate))


def _found(
    question: Question, computed: Computed, booked: Mapping[str, Any], randbelow: RandBelow
) -> Figures:
    group, sigma_squared = question.groups[0], Fraction(booked["sigma_squared"])
    sigma, least, delta = sqrt(sigma_squared), int(booked["threshold"]), Fraction(booked["delta"])
    values = sorted(computed.found, key=str)
    noise = _noise(booked, len(values), randbelow)
    noisy = {
        value: round(computed.found[value] + noise[i])
        for i, value in enumerate(values)
        if computed.found[value] + noise[i] >= least
    }
    figures = Figures([], {group.dimension.name: list(noisy)}, {"kind": "selection"})
    margin = Z_95 * sigma
    measure = Measure("customers", "customers", "Customers", "customers")
    add(figures, measure, [(n, n - margin, n + margin) for n in noisy.values()])
    figures.mechanism.update({"sigma": sigma, "threshold": least, "delta": float(delta)})
    figures.notes.append(noted("found", least=least))
    return figures


def _noise(booked: Mapping[str, Any], count: int, randbelow: RandBelow) -> list[Fraction]:
    """Return draws as they were booked: integers, or so many parts of one."""
    steps, sigma_squared = booked.get("steps", 1), Fraction(booked["sigma_squared"])
    drawn = discrete_gaussian(sigma_squared * steps * steps, count, randbelow)
    return [Fraction(each, steps) for each in drawn]


def add(figures: Figures, measure: Measure, values: Sequence[Triple]) -> None:
    """Add a measure's figures with their ends, rounded as it is shown."""
    figures.measures.append(measure)
    for position, name in enumerate(measure.columns):
        figures.columns[name] = [_rounded(each[position], measure.digits) for each in values]


def _rounded(value: float | None, digits: int) -> float | int | None:
    if value is None:
        return None
    return round(value) if digits == 0 else round(value, digits)


# ---------------------------------------------------------------------- what is booked
# A draw takes its parameters from the booked event and from nowhere else, so nothing that is asked
# between paying and drawing changes what is drawn. An event is plain JSON and keeps its meaning.


# Variance, in steps of the integers drawn, that makes a discrete draw as private as a Gaussian one
# without it, but for a factor within 1 ± 3·10⁻³⁴ (docs/privacy.md, Lemma 1).
ROUNDING = 4


def event_of(question: Question, cost: Cost) -> Event:
    """Return what is drawn for one part of a question at a price, by what it is drawn for.

    Parameters
    ----------
    cost : Cost
        Of the part, all of it: its mechanisms share it equally.
    """
    if question.discovered is not None:
        drawn_as = _gaussian(question.cells, cost.pico, cost.gaussian, LATTICE)
        sigma = sqrt(Fraction(drawn_as["sigma_squared"]))
        least = threshold(sigma, question.cells, float(cost.delta))
        return {
            "found": {
                **drawn_as,
                "mechanism": "discrete gaussian above a threshold",
                "delta": str(cost.delta),
                "threshold": least,
            }
        }
    if question.pure:
        # a customer adds at most 1, and with rows `rows` more, to each of at most `cells` cells
        most = question.cells * (1 + question.rows if question.coordinates else 1)
        return {
            "counts": {
                "mechanism": "discrete laplace",
                "sensitivity": most,
                "epsilon": str(cost.pure_epsilon or Fraction(0)),
            }
        }
    share = cost.pico // question.blocks
    drawn: dict[str, Mapping[str, Any]] = {}
    if question.counts:
        drawn["vector"] = _gaussian(norm_squared(question), share, cost.gaussian) | {
            "coordinates": [[each.name, each.low, each.high] for each in question.coordinates],
            **(question.stocks.told if question.stocks else {}),
        }
    for choice in question.choices:
        hundred = int(choice.q * 100)
        # each of a customer's at most `cells` cells is one choice of epsilon²/8-zCDP
        zcdp = share / PURE_AS_GAUSSIAN if cost.gaussian else share
        epsilon = Fraction(isqrt(int(8 * zcdp * PICO / question.cells)), PICO)
        drawn[choice.name] = {
            "mechanism": "exponential",
            "q": str(choice.q),
            "candidates": list(choice.candidates),
            "cells": question.cells,
            "sensitivity": max(hundred, 100 - hundred) * WEIGHT,
            "epsilon": str(epsilon),
        }
    for distinct in question.distincts:
        drawn[distinct.name] = _gaussian(distinct.most**2, share, cost.gaussian, LATTICE)
    return drawn


def _gaussian(squared: int, pico: int, gaussian: bool, steps: int = 1) -> dict[str, Any]:
    """Return a vector's event by its squared L2 norm, which is the square of its sensitivity.

    ``steps``: as so many parts of one the integers are drawn, where these are not parts already.
    """
    sigma_squared = Fraction(squared) / (2 * rho_fraction(pico))
    event = {"mechanism": "discrete gaussian", "norm_squared": squared}
    if not gaussian:
        return event | {"sigma_squared": str(sigma_squared)}
    event["sigma_squared"] = str(sigma_squared + Fraction(ROUNDING, steps * steps))
    return event if steps == 1 else event | {"steps": steps}
