"""The price of a question: given, or settled beforehand as its share of a report's budget."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from workbench.privacy.accounting import Price, price
from workbench.privacy.planning import AUTO, question_key, read_prices
from workbench.privacy.question import Question


def priced(
    question: Question,
    epsilon: object,
    rho: object,
    *,
    delta: Decimal,
    pure: bool,
    prices: str | None,
) -> Price | None:
    """Return what a question may cost; None for an ``auto`` one that is not settled yet.

    Parameters
    ----------
    prices : str or None
        File of settled prices, in pico-rho by `question_key`.

    Raises
    ------
    QuestionRefused
        The price is no price; see `workbench.privacy.accounting.price`.
    """
    own = sum((Fraction(group.delta or 0) for group in question.groups), Fraction(0))
    if epsilon == AUTO and rho is None:
        settled = read_prices(Path(prices)) if prices else {}
        pico = settled.get(question_key(question))
        return None if pico is None else Price(pico, own)
    return price(epsilon, rho, delta=delta, pure=pure, own_delta=own)
