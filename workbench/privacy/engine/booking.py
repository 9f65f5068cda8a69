"""What is booked of an answer before it is drawn: its mechanisms, with every parameter of theirs.

A draw takes its parameters from the booked event and from nowhere else, so nothing that is asked
between paying and drawing changes what is drawn. An event is plain JSON and keeps its meaning.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import isqrt, sqrt
from typing import Any

from workbench.privacy.accounting import PICO, PURE_AS_GAUSSIAN, Cost, rho_fraction
from workbench.privacy.books.entries import Event
from workbench.privacy.engine.bounding import LATTICE, norm_squared
from workbench.privacy.engine.truncation import WEIGHT, threshold
from workbench.privacy.question import Question

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
