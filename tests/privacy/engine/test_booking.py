"""What is drawn is what was booked, whatever is asked between paying and drawing."""

import datetime as dt
import json
from decimal import Decimal
from fractions import Fraction
from math import isqrt

import pytest
from support.lab import Lab, cents
from support.ledgers import make_ledger, spent

import workbench as wb
from workbench.privacy import releasing
from workbench.privacy.accounting import PICO, price
from workbench.privacy.engine import answering
from workbench.privacy.engine.bounding import norm_squared, threshold
from workbench.privacy.planning import priced
from workbench.privacy.releasing import Asked, Payer, release

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
DELTA = Decimal("1e-6")


@pytest.fixture(scope="module")
def lab():
    return Lab(
        [
            {"customer_id": f"u{i}", "day": dt.date(2026, 1 + i % 3, 5), "region": "abc"[i % 3],
             "kind": "pq"[i % 2], "note": f"n{i % 2}", "amount": cents(i)}
            for i in range(40)
        ]
    )  # fmt: skip


def totals(lab, **changes):
    """Return the question of every mechanism at once, or with something changed."""
    options = {"where": (), "period": ("2026-01", "2026-02"), "cells": 2, "rows": 3} | changes
    candidates, most = options.pop("candidates", (1, 5, 20)), options.pop("most", 2)
    bounds, by = options.pop("bounds", (0, 50)), options.pop("by", ["region", "kind"])
    name = options.pop("rate", "big")
    return (
        wb.query(lab.table, by=by, **options)
        .sum("amount", bounds=bounds)
        .rate(**{name: lab.table.amount > 20})
        .median("amount", candidates=list(candidates))
        .distinct("note", most=most)
    )


def months(lab, **changes):
    return totals(lab, **({"by": ["month", "region"]} | changes))


def together(lab, **changes):
    return totals(lab, **({"by": ["month", "region"], "together": True} | changes))


def found(lab, delta="1e-8", **changes):
    return wb.query(lab.table, by=wb.discovered("note", delta=delta), **changes).customers()


def pure(lab, **changes):
    options = {"by": ["region", "kind"], "cells": 2, "rows": 3} | changes
    return wb.query(lab.table, **options).customers().count()


MEASURED = [
    {},
    {"candidates": (1, 5, 21)},
    {"most": 1},
    {"most": 3},
    {"cells": 1},
    {"cells": 3},
    {"rows": 1},
    {"bounds": (0, 500)},
    {"bounds": (-50, 50)},
    {"where": {"kind": "p"}},
    {"period": "2026-01"},
    {"period": ("2026-01", "2026-03")},
    {"rate": "large"},
]
GROUPED = [{"by": ["region", "month"]}, {"period": "2026-01"}, {"period": ("2026-01", "2026-03")}]
CHANGES = [
    *[(totals, change) for change in [*MEASURED, {"by": ["kind", "region"]}, {"by": ["region"]}]],
    *[(months, change) for change in [{}, *GROUPED]],
    *[(together, change) for change in [{}, *GROUPED, {"together": False}]],
    *[(found, change) for change in ({}, {"delta": "5e-7"}, {"delta": "1e-12"}, {"cells": 3})],
    *[(pure, change) for change in ({}, {"cells": 1}, {"cells": 4}, {"rows": 9}, {"by": "kind"})],
]


class Killed(BaseException):
    """The process died between paying and drawing."""


def ask(lab, ledger, query, given, alive=True, name="asked"):
    """Ask as a workspace does; or die once it is paid for."""
    is_pure = "pure" in given
    question = lab.resolve(query, pure=is_pure)
    cost = priced(question, given.get("epsilon"), given.get("rho"))

    def computed():
        if not alive:
            raise Killed
        return lab.totals(question)

    asked = Asked(name, question, ["v1"] * len(question.parts), cost, totals=computed)
    (answer,) = release([asked], payer=Payer(ledger, None, NOW))
    return answer


@pytest.fixture
def drawn(monkeypatch):
    """Return what noise was drawn with: mechanism and parameters, one entry a draw."""
    seen = []

    def spied(name):
        draw = getattr(answering, name)

        def spy(*args):
            seen.append((name, args))
            return draw(*args)

        monkeypatch.setattr(answering, name, spy)

    for name in ("discrete_gaussian", "discrete_laplace", "exponential_choice"):
        spied(name)
    return seen


def cost_of(question, draws):
    """Return what draws for one part cost in rho: by the proofs, not by the code under test."""
    rho, half_pi = Fraction(0), Fraction(355, 226)
    gaussian = [args[0] for name, args in draws if name == "discrete_gaussian"]
    squared = [norm_squared(question)] if question.counts and not question.pure else []
    if question.discovered is not None:
        squared = [question.cells * 2**40]
    squared += [each.most**2 * 2**40 for each in question.distincts]  # in steps of 2⁻²⁰
    rho += sum(s / (2 * (sigma - 4)) for s, sigma in zip(squared, gaussian, strict=True))
    choices = [args for name, args in draws if name == "exponential_choice"]
    for i, choice in enumerate(question.choices):  # one customer is in so many cells at most
        epsilons = {args[1] for args in choices[i * question.size : (i + 1) * question.size]}
        (epsilon,) = epsilons
        assert choices[i * question.size][0] is not None
        rho += min(question.cells, question.size) * epsilon**2 / 8 * half_pi
        assert {args[2] for args in choices} == {max(choice.q, 1 - choice.q) * 100 * 2**20}
    laplace = {args[0] for name, args in draws if name == "discrete_laplace"}
    for scale in laplace:
        epsilon = question.cells * (1 + question.rows) / scale
        rho += epsilon**2 / 2 * half_pi
    return rho


def require_as_booked(lab, ledger, query, drawn, pure):
    """Check each stored answer against the entry that paid for it."""
    question = lab.resolve(query, pure=pure)
    entries = list(ledger.chain.entries("answer"))
    assert entries
    latest = entries[-len(question.parts) :]
    assert len(drawn) % len(latest) == 0
    each = len(drawn) // len(latest)
    for number, entry in enumerate(latest):
        body = ledger.chain.entries("spend")
        spend = next(spend for spend in body if spend.seq == entry.body["spend"])
        mine = drawn[number * each : (number + 1) * each]
        booked = Fraction(spend.body["pico_rho"], PICO)
        rho = cost_of(question, mine)
        assert rho <= booked * (1 + Fraction(1, 10**9))
        assert rho >= booked * (1 - Fraction(1, 10**4))
        answer = ledger.answer(entry.body["release"])
        assert answer.cost.rho == booked
        if question.discovered is not None:
            sigma, delta = answer.mechanism["sigma"], float(Fraction(spend.body["delta"]))
            assert answer.mechanism["delta"] == delta
            assert answer.mechanism["threshold"] == threshold(sigma, question.cells, delta)


def prices(asked):
    kind = "epsilon"
    more = {"pure": True} if asked is pure else {}
    return [{kind: each, **more} for each in ("0.05", "1", "1.5")]


@pytest.mark.parametrize(("asked", "change"), CHANGES)
def test_drawn_is_booked_whatever_changed_in_between(lab, tmp_path, drawn, asked, change, size):
    """Reserved, interrupted, asked again with something changed: the price, or any argument."""
    for then in range(3) if size == "full" else [CHANGES.index((asked, change)) % 3]:
        drawn.clear()
        interrupted(lab, make_ledger(tmp_path / str(then)), drawn, asked, change, then)


def interrupted(lab, ledger, drawn, asked, change, then):
    """Pay, die, and ask again with a change and at another price."""
    first, again = prices(asked)[1], prices(asked)[then]
    with pytest.raises(Killed):
        ask(lab, ledger, asked(lab), first, alive=False)
    assert not drawn
    query = asked(lab, **change)
    before = spent(ledger)
    ask(lab, ledger, query, again)
    require_as_booked(lab, ledger, query, drawn, asked is pure)
    if not change and then < 2:  # the very question, and no more exact: what was paid serves
        assert spent(ledger) == before
    drawn.clear()
    answers = len(list(ledger.chain.entries("answer")))
    ask(lab, ledger, query, again, name="once more")
    assert not drawn
    assert len(list(ledger.chain.entries("answer"))) == answers


def test_reserved_dear_and_taken_up_cheap_gives_the_dear_answer(lab, tmp_path):
    ledger = make_ledger(tmp_path)
    with pytest.raises(Killed):
        ask(lab, ledger, totals(lab), {"epsilon": 1}, alive=False)
    answer = ask(lab, ledger, totals(lab), {"epsilon": "0.05"})
    assert answer.epsilon == pytest.approx(1, abs=1e-3)
    whole = price(1, delta=DELTA).pico // 3
    question = lab.resolve(totals(lab))
    sigma = (norm_squared(question) / (2 * whole / PICO)) ** 0.5 / 2**20
    assert answer.mechanism["sigma"] == pytest.approx(sigma)


def test_a_smaller_chance_of_a_false_value_is_no_smaller_price(lab, tmp_path):
    """Asked at 1e-12, interrupted, asked again at 5e-7: the latter is booked before it is drawn."""
    ledger = make_ledger(tmp_path)
    with pytest.raises(Killed):
        ask(lab, ledger, found(lab, "1e-12"), {"rho": 1}, alive=False)
    answer = ask(lab, ledger, found(lab, "5e-7"), {"rho": 1})
    assert answer.mechanism["delta"] == 5e-7
    deltas = [Fraction(spend.body["delta"]) for spend in ledger.chain.entries("spend")]
    assert deltas == [Fraction("1e-12"), Fraction("5e-7")]
    assert ask(lab, ledger, found(lab, "1e-9"), {"rho": 1}) == answer  # it shows no less


def test_the_event_in_the_ledger_holds_every_parameter(lab, tmp_path):
    ledger = make_ledger(tmp_path)
    ask(lab, ledger, totals(lab), {"rho": 3})
    (spend,) = ledger.chain.entries("spend")
    assert spend.body["event"] == {
        "vector": {
            "mechanism": "discrete gaussian",
            "norm_squared": norm_squared(lab.resolve(totals(lab))),
            "sigma_squared": str(Fraction(norm_squared(lab.resolve(totals(lab))), 2) + 4),
            "coordinates": [
                [each.name, each.low, each.high]
                for each in lab.resolve(totals(lab)).coordinates
            ],
        },
        "amount_q50": {
            "mechanism": "exponential",
            "q": "0.5",
            "candidates": [100, 500, 2000],
            "cells": 2,
            "sensitivity": 50 * 2**20,
            "epsilon": str(Fraction(isqrt(4 * PICO**2 * 226 // 355), PICO)),  # 2, as Gaussian
        },
        "note_distinct": {
            "mechanism": "discrete gaussian",
            "norm_squared": 4,
            "sigma_squared": str(2 + Fraction(4, 2**40)),
            "steps": 2**20,
        },
    }  # fmt: skip
    ask(lab, ledger, found(lab), {"rho": 1})
    event = list(ledger.chain.entries("spend"))[-1].body["event"]["found"]
    assert (event["delta"], event["threshold"]) == ("1/100000000", threshold(1, 2, 1e-8))
    ask(lab, ledger, pure(lab), {"epsilon": "0.1", "pure": True})
    event = list(ledger.chain.entries("spend"))[-1].body["event"]["counts"]
    assert event == {"mechanism": "discrete laplace", "sensitivity": 8, "epsilon": "1/10"}


def _without_event(monkeypatch):
    """Write entries as they were before events were kept."""
    from workbench.store.logs import chain

    append = chain.Writer.append

    def old(self, kind, body, **more):
        return append(self, kind, {k: v for k, v in body.items() if k != "event"}, **more)

    monkeypatch.setattr(chain.Writer, "append", old)


@pytest.mark.parametrize("asked", [totals, months, found, pure])
def test_a_reservation_from_before_events_were_kept_is_drawn_at_its_price(
    lab, tmp_path, drawn, monkeypatch, asked
):
    ledger = make_ledger(tmp_path)
    first, cheap = prices(asked)[1], prices(asked)[0]
    with monkeypatch.context() as patch:
        _without_event(patch)
        with pytest.raises(Killed):
            ask(lab, ledger, asked(lab), first, alive=False)
    paid = spent(ledger)
    assert "event" not in json.dumps([dict(e.body) for e in ledger.chain.entries("spend")])
    query = found(lab, "1e-12") if asked is found else asked(lab)
    ask(lab, ledger, query, cheap)
    assert spent(ledger) == paid
    require_as_booked(lab, ledger, query, drawn, asked is pure)


def test_a_reservation_whose_noise_would_be_another_today_is_not_taken_up(
    lab, tmp_path, monkeypatch
):
    """Booked by a build that bounded otherwise: it stays paid, and the question is paid anew."""
    ledger = make_ledger(tmp_path)
    with monkeypatch.context() as patch:
        event_of = releasing.event_of

        def other(question, cost):
            return {**event_of(question, cost), "more": {"mechanism": "of another build"}}

        patch.setattr(releasing, "event_of", other)
        with pytest.raises(Killed):
            ask(lab, ledger, totals(lab), {"rho": 1}, alive=False)
    before = spent(ledger)
    answer = ask(lab, ledger, totals(lab), {"rho": 1})
    assert spent(ledger) == 2 * before
    assert answer.id == "r-000002"
