"""The guarantee, attacked: an expert who knows everybody else guesses whether one customer is in.

Neighbouring shops are loaded through the public door; their exact bounded totals are drawn from
many times. For the Gaussian mechanism, no test can separate the two better than two normals whose
means lie ``sqrt(2·rho)`` standard deviations apart (Dong, Roth & Su 2022); for pure mechanisms, no
event may be ``e^epsilon`` times as likely. Bounds are Clopper–Pearson at 99 %. The same attack has
to succeed against builds that are broken on purpose, or it would prove nothing.
"""

from fractions import Fraction
from math import exp, log, sqrt
from statistics import NormalDist

import pytest
from scipy.stats import beta
from support.shop import make_shop

import workbench as wb
from workbench.privacy import answering, bounding, mechanisms
from workbench.privacy.ledger import Ledger
from workbench.privacy.question import resolve
from workbench.privacy.releasing import statements
from workbench.privacy.running import run

CUSTOMERS = 60
DRAWS = {"smoke": 4_000, "full": 100_000}
PICO = 2 * 10**12  # rho of 2: the customer moves what is released by two standard deviations
MONTHS = ("2026-01", "2026-09")
NORMAL = NormalDist()


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    """Two shops: the second has one customer more, with all their rows."""
    opened = []
    for customers in (CUSTOMERS, CUSTOMERS + 1):
        folder = make_shop(tmp_path_factory.mktemp("neighbour") / "shop", customers)
        ws = wb.open_workspace(folder)
        ws.init()
        opened.append(ws)
    return opened


def _exact(shops, ask, **options):
    """Return a question and its exact bounded totals in both shops."""
    found = []
    for ws in shops:
        tx = ws.open("transactions", "reporting")
        question = resolve(ask(tx), ws.catalog, ws.now().date(), **options)
        (computed,) = run(question, statements(question), ws.access, ws.now())
        found.append((question, computed))
    return found


def _high(hits, draws):
    return 1.0 if hits == draws else float(beta.ppf(0.995, hits + 1, draws - hits))


def _low(hits, draws):
    return 0.0 if hits == 0 else float(beta.ppf(0.005, hits, draws - hits + 1))


# ---------------------------------------------------------------- the vector of counts and sums

VECTORS = {
    "customers": lambda tx: wb.query(tx, by="category", period="2026-09").customers(),
    "rows": lambda tx: wb.query(tx, by="region", period=MONTHS).count(),
    "sum": lambda tx: wb.query(tx, by="category", period=MONTHS).sum("amount"),
    "mean": lambda tx: wb.query(tx, by="region", period=MONTHS).mean("amount"),
    "std": lambda tx: wb.query(tx, period=MONTHS).std("amount"),
    "rate": lambda tx: wb.query(tx, by="region", period=MONTHS).rate(dear=tx.amount > 50),
    "many cells": lambda tx: wb.query(
        tx, by=["category", "month"], period=MONTHS, cells=2, together=True
    ).customers(),
    "customer bands": lambda tx: wb.query(
        tx, by=wb.bands("amount", [200, 500], of="customer"), period=MONTHS
    ).customers(),
    "distinct": lambda tx: wb.query(tx, period=MONTHS).distinct("note", most=1),
}


def separation(shops, ask, draws, pico=PICO):
    """Return by how many standard deviations at least the two shops differ, as an attacker sees.

    The attacker projects what is released on the direction in which the exact totals differ.
    """
    (question, without), (_, with_one) = _exact(shops, ask)
    names = ["n", *(each.name for each in question.coordinates)]
    width = len(names)

    def vector(computed):
        if question.distincts:
            return [computed.distinct[0].get(cell, 0) for cell in range(question.size)]
        zeros = (0,) * width
        return [
            computed.vector.get(cell, zeros)[i]
            for i in range(width)
            for cell in range(question.size)
        ]

    direction = [b - a for a, b in zip(vector(without), vector(with_one), strict=True)]
    assert any(direction)

    def seen(computed):
        figures = answering.answer(question, computed, pico)
        if question.distincts:
            noisy = figures.columns[question.distincts[0].name]
        else:
            noisy = [x for name in names for x in figures.mechanism["noisy"][name]]
        return sum(a * b for a, b in zip(direction, noisy, strict=True))

    out = sorted(seen(without) for _ in range(draws))
    inside = sorted(seen(with_one) for _ in range(draws))
    middle = (out[draws // 2] + inside[draws // 2]) / 2
    hits = sum(x > middle for x in inside)
    false = sum(x > middle for x in out)
    power, alarm = _low(hits, draws), _high(false, draws)
    return NORMAL.inv_cdf(min(max(power, 1e-9), 1 - 1e-9)) - NORMAL.inv_cdf(
        min(max(alarm, 1e-9), 1 - 1e-9)
    )


def claimed(pico=PICO):
    """Return how far apart the price allows the two shops to be."""
    return sqrt(2 * pico / 1e12)


@pytest.mark.parametrize("measure", VECTORS)
def test_nobody_tells_the_shops_apart_better_than_was_paid_for(shops, measure, size):
    draws = DRAWS[size] if measure == "customers" else max(1_000, DRAWS[size] // 20)
    # a distinct count moves by whole numbers, which are like a normal only where noise is wide
    pico = PICO // 10 if measure == "distinct" else PICO
    assert separation(shops, VECTORS[measure], draws, pico) <= claimed(pico)


def test_half_the_noise_is_caught(shops, monkeypatch):
    honest = mechanisms.discrete_gaussian
    monkeypatch.setattr(
        answering,
        "discrete_gaussian",
        lambda sigma_squared, count, randbelow: honest(sigma_squared / 4, count, randbelow),
    )
    assert separation(shops, VECTORS["customers"], 4_000) > claimed()


def test_a_bound_that_is_off_is_caught(shops, monkeypatch):
    """The customer is in nine cells; with two bought and not scaled down, all nine are seen."""
    honest = bounding.norm_squared
    assert separation(shops, VECTORS["many cells"], 500) <= claimed()
    with monkeypatch.context() as broken:
        # the SQL scales to nine cells, the noise is for two
        broken.setattr(bounding, "norm_squared", lambda question: honest(question) * 9 // 2)
        exact = _exact(shops, VECTORS["many cells"])
    monkeypatch.setitem(globals(), "_exact", lambda *_: exact)
    assert separation(shops, VECTORS["many cells"], 1_000) > claimed()


# ---------------------------------------------------------------- pure mechanisms


def epsilon_seen(shops, ask, outcome, draws, epsilon, **options):
    """Return the most an event's chance differs between the shops, as a lower bound of epsilon."""
    (question, without), (_, with_one) = _exact(shops, ask, **options)

    def counted(computed):
        found = {}
        for _ in range(draws):
            if options.get("pure"):
                figures = answering.answer(question, computed, 1, Fraction(epsilon))
            else:
                figures = answering.answer(question, computed, int(epsilon * epsilon / 8 * 10**12))
            value = outcome(figures)
            found[value] = found.get(value, 0) + 1
        return found

    one, other = counted(without), counted(with_one)
    worst = 0.0
    for value in {*one, *other}:
        a, b = one.get(value, 0), other.get(value, 0)
        for more, less in ((a, b), (b, a)):
            low = _low(more, draws)
            if low > 0:
                worst = max(worst, log(low / _high(less, draws)))
    return worst


def _count(tx):
    return wb.query(tx, period="2026-09", cells=1).customers()


def _median(tx):
    return wb.query(tx, period="2026-09").median("amount", candidates=[20, 40, 69, 80])


def test_pure_counts_keep_their_epsilon(shops, size):
    draws = DRAWS[size]

    def event(figures):
        return figures.columns["customers"][0] > CUSTOMERS

    assert epsilon_seen(shops, _count, event, draws, 1, pure=True) <= 1


def test_a_pure_count_with_half_the_noise_is_caught(shops, monkeypatch):
    honest = mechanisms.geometric
    monkeypatch.setattr(
        answering, "geometric", lambda value, epsilon, most: honest(value, 2 * epsilon, most)
    )
    seen = epsilon_seen(
        shops, _count, lambda f: f.columns["customers"][0] > CUSTOMERS, 20_000, 1, pure=True
    )
    assert seen > 1


def test_quantiles_keep_their_epsilon(shops, size):
    draws = DRAWS[size]

    def event(figures):
        return figures.columns["amount_q50"][0]

    assert epsilon_seen(shops, _median, event, draws, 2) <= 2


def test_the_choice_is_exactly_as_likely_as_it_says(size):
    """With utilities 0 and -1 at sensitivity 1 and epsilon 2 the odds are e to 1."""
    draws = DRAWS[size]
    hits = sum(mechanisms.exponential_choice([0, -1], Fraction(2), 1) == 0 for _ in range(draws))
    right = exp(1) / (1 + exp(1))
    assert _low(hits, draws) <= right <= _high(hits, draws)


# ---------------------------------------------------------------- asking again


def noises(ws, times):
    """Return how many different answers one question gets when it is asked so often."""
    tx = ws.open("transactions", "reporting")
    question = wb.query(tx, by="region", period="2026-09").customers()
    answers = {
        tuple(ws.release(question, name=f"again {i}", epsilon="0.01").columns["customers"])
        for i in range(times)
    }
    return len(answers)


def test_asking_again_gains_nothing(shop):
    assert noises(shop, 20) == 1


def test_a_ledger_that_forgets_is_caught(shop, monkeypatch):
    honest = Ledger.reserve

    def forgetful(self, parts, data_versions, *args, **kwargs):
        import uuid

        return honest(self, parts, [uuid.uuid4().hex for _ in data_versions], *args, **kwargs)

    monkeypatch.setattr(Ledger, "reserve", forgetful)
    assert noises(shop, 20) > 1
