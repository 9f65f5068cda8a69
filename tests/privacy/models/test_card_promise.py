"""The promise of a private card, attacked: who is in the data, by all a fit shows or says.

Cards are fitted again and again with and without one row, or one value of a row, that nobody else
has. The best test of which world a card is of is chosen on half of the fits, and on the other half
held against what was paid; and nothing a card shows or an error says names what only one row has.
"""

import random
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from privacy.engine.test_guarantee import GuaranteeBroken, require_guarantee

from workbench.errors import QuestionRefused
from workbench.privacy.accounting import epsilon_of, price
from workbench.privacy.models import card_tables as tables
from workbench.privacy.models.card_tables import Counted
from workbench.privacy.models.private_scorecard import PrivateScorecard

SECRET = "collector of stamps"
DECLARED = {"home": ["own", "rent"], "income": [2000], "age": [40]}  # never fewer ranges
NUMBERS = 1 + 9 * 8 + 3 + 1  # whether it was made; of 9 bins, 3 features, one card
PRICE = price("1", delta=Decimal("1e-6"))


def everybody():
    dice = np.random.default_rng(0)
    home, income = dice.choice(["own", "rent"], 400), dice.uniform(500, 6000, 400)
    bad = (dice.random(400) < 0.2 + 0.3 * (home == "rent")).astype(float)
    age = dice.integers(20, 70, 400).astype(float)
    return pd.DataFrame({"home": home, "income": income, "age": age, "bad": bad})


def with_row(**values):
    """Return everybody and one customer more."""
    row = {"home": "own", "income": 1500.0, "age": 40.0, "bad": 1.0, **values}
    return pd.concat([everybody(), pd.DataFrame([row])], ignore_index=True)


WORLDS = {
    "one row": (with_row(), everybody()),
    "a category of one row": (with_row(home=SECRET), everybody()),
    "a missing value": (with_row(home=None, income=np.nan, age=np.nan), everybody()),
    "an extreme value": (with_row(income=1e300, age=-np.inf), everybody()),
    "no outcome": (with_row(bad=np.nan), everybody()),
}


class Fits:
    """Fits of one world, again and again."""

    def __init__(self, frame):
        self._frame = frame

    def claimed(self, delta):
        """Return the epsilon that was paid for at a delta."""
        return epsilon_of(PRICE.pico, delta)

    def drawn(self, count, seed):
        """Return every number of so many cards, one row each."""
        dice = random.Random(seed).randrange
        return np.array([self._once(dice) for _ in range(count)])

    def _once(self, dice):
        card = PrivateScorecard(features=DECLARED)
        try:
            card._fit(Counted(self._frame, self._frame["bad"], PRICE.pico, dice), {}, PRICE.pico)
        except QuestionRefused as refusal:
            return [2.0 if SECRET in str(refusal) else 0.0, *[0.0] * (NUMBERS - 1)]
        shown = card.table_
        assert shown["bin"].tolist() == [
            "own", "rent", "None of these", "< 2,000", "≥ 2,000", "None of these",
            "< 40", "≥ 40", "None of these",
        ]  # fmt: skip
        held = {name: each for name, each in vars(card).items() if each is not shown}
        assert SECRET not in repr(held)
        numbers = shown.drop(columns=["feature", "bin"]).to_numpy().ravel()
        return [1.0, *numbers, *card.coefficients_, card.intercept_]


@pytest.mark.parametrize("world", WORLDS)
def test_nothing_a_fit_shows_tells_more_than_was_paid_for(world, size):
    present, absent = (Fits(each) for each in WORLDS[world])
    count = 10_000 if size == "full" else 80
    reached, claimed = require_guarantee(present, absent, count)
    assert reached <= claimed


def test_a_refusal_tells_no_more():
    """Of ten rows nearly every fit is refused, with noisy numbers alone."""
    few = Fits(with_row(home=SECRET)[-10:])
    told = few.drawn(40, 0)
    assert (told[:, 0] == 0).mean() > 0.5
    assert (told[:, 0] < 2).all()


def test_noise_of_a_thousandth_is_caught(monkeypatch):
    gaussian = tables.discrete_gaussian
    monkeypatch.setattr(
        tables, "discrete_gaussian", lambda sigma, *rest: gaussian(sigma / 10**6, *rest)
    )
    present, absent = (Fits(each) for each in WORLDS["a missing value"])
    with pytest.raises(GuaranteeBroken):
        require_guarantee(present, absent, 120)
