"""Series that cost once: of first events, each in one month, and of stocks, each for one stay."""

import datetime as dt
import math

import pytest
from support import ledgers
from support.lab import Lab, cents, exactly
from support.line import OPENING, write_report

import workbench as wb
from workbench.errors import QuestionRefused
from workbench.privacy.margins import covariance
from workbench.privacy.releasing import series_of
from workbench.privacy.tables import sheet_of

SPAN = {"period": ("2026-08", "2026-09")}


@pytest.fixture
def tx(shop):
    return shop.open("transactions", "reporting")


def visit(who, month, kind="p", day=5):
    when = None if month is None else dt.date(2026, month, day)
    return {"customer_id": who, "day": when, "kind": kind, "region": "a", "amount": cents(5)}


def first(tx, **options):
    return wb.query(tx, by="month", **{**SPAN, **options}, once=True).customers()


def test_customers_count_in_their_first_month_of_all_and_in_no_other():
    lab = Lab(
        [
            *(visit("before", month) for month in (1, 2, 3)),
            *(visit("filtered", month, kind) for month, kind in ((1, "q"), (2, "p"), (3, "p"))),
            *(visit("twice", 3, day=day) for day in (2, 9)),
            *(visit("undated", month) for month in (None, 2)),
            *(visit(None, month) for month in (2, 3)),  # nobody's are one customer's
        ]
    )
    asked = wb.query(
        lab.table, by=["month", "region"], where={"kind": "p"}, period=("2026-02", "2026-03"),
        once=True,
    ).customers().count()  # fmt: skip
    found = {row["month"]: (row["customers"], row["rows"]) for row in lab.ask(asked)
             if row["region"] == "a"}  # fmt: skip
    assert found == {"2026-02": (3, 3), "2026-03": (1, 2)}


class Versions:
    """Data of which a row without a month may have come."""

    def __init__(self, whole="as before"):
        self.whole = whole

    def of(self, table, months=None):
        return self.whole if months is None else "as before"

    def before(self, table, month):
        return ["2026-01"]


def register(consents):
    """Return a lab whose table is the one of consents, or none is."""
    lab = Lab([])
    if consents is not None:
        source = {"table": consents, "purpose": "kind", "given": "day", "withdrawn": "day"}
        lab.catalog = lab.catalog.model_validate({**lab.catalog.model_dump(), "consents": source})
    return lab


@pytest.mark.parametrize("consents", [None, "visits"])
def test_of_a_register_whose_rows_tell_of_others_every_row_counts_as_one_seen(consents):
    """A withdrawal may stand in a row of its own month, and end an agreement of another's."""
    lab = register(consents)
    question = lab.resolve(first(lab.table, period=("2026-01", "2026-01")))
    before, after = (series_of(question, Versions(whole), ["v"])[0] for whole in ("one", "two"))
    assert (before.rows == after.rows) is (consents is None)


@pytest.mark.parametrize("consents", [None, "visits"])
def test_who_is_in_a_stock_is_told_by_other_tables_of_a_register_too(consents):
    lab = register(consents)
    asked = wb.query(lab.table, by="month", period=("2026-01", "2026-01"), changes=2).customers()
    question = lab.resolve(asked)
    before, after = (series_of(question, Versions(), [f"v+{each}"])[0] for each in ("one", "two"))
    assert before.rows != after.rows


@pytest.mark.parametrize("options", [{"by": []}, {"by": "month", "together": True}])
def test_a_series_is_by_month(options):
    lab = Lab([])
    asked = wb.query(lab.table, period=("2026-01", "2026-02"), once=True, **options).customers()
    with pytest.raises(QuestionRefused, match="group by 'month', without together=True"):
        lab.resolve(asked)


def test_months_share_one_price_and_each_has_the_noise_of_all_of_it(shop, tx):
    series = shop.release(first(tx), name="first", epsilon="0.3")
    assert series.epsilon == pytest.approx(0.3, abs=1e-4)
    monthly = shop.release(wb.query(tx, by="month", **SPAN).customers(), name="m", epsilon="0.3")
    one, other = (shop.ledger.answer(each.mechanism["parts"][0]) for each in (series, monthly))
    assert other.mechanism["sigma"] / one.mechanism["sigma"] == pytest.approx(math.sqrt(2))
    exact = [row["customers"] for row in exactly(shop, first(tx))]
    assert all(
        abs(a - b) < 8 * one.mechanism["sigma"] + 1
        for a, b in zip(series.frame.customers, exact, strict=True)
    )
    assert any("month of their first row" in note for note in series.notes)


def test_a_month_of_a_later_edition_is_free_and_drawn_by_itself(shop, tx):
    shop.release(first(tx, period="2026-08"), name="a", rho="0.01")
    paid = ledgers.spent(shop.ledger)
    both = shop.release(first(tx), name="b", rho="0.01")
    assert ledgers.spent(shop.ledger) == paid == 10**10
    assert (both.epsilon, both.cost.pico) == (pytest.approx(0.5751, abs=1e-4), paid)
    august, september = map(shop.ledger.answer, both.mechanism["parts"])
    assert (august.cost.pico, september.cost.pico, september.epsilon) == (paid, 0, 0.0)
    assert august.mechanism["sigma"] == september.mechanism["sigma"]
    assert shop.ledger.verify() > 0


def test_the_charge_counts_in_the_month_that_is_reported(shop, tx):
    shop.release(first(tx), name="a", rho="0.01")
    (august, september) = (ledgers.spent(shop.ledger, each, each) for each in SPAN["period"])
    assert (august, september) == (0, 10**10)


def test_it_is_another_question_than_the_months_themselves(shop, tx):
    monthly = shop.release(wb.query(tx, by="month", **SPAN).customers(), name="m", rho="0.01")
    series = shop.release(first(tx), name="s", rho="0.005")
    assert set(series.mechanism["parts"]).isdisjoint(monthly.mechanism["parts"])


def test_a_plan_prices_a_series_once_and_later_months_at_nothing(warm_shop):
    shop, tx = warm_shop, warm_shop.open("transactions", "reporting")
    cells = [
        OPENING,
        'asked = wb.query(tx, by="month", period=("2026-07", period), once=True).customers()\n'
        'answer = ws.release(asked, name="first", epsilon=epsilon)',
        'wb.figures.line(answer, x="month", y="customers", title="First purchases")',
    ]
    write_report(shop.settings.root, *cells)
    (planned,) = shop.reports.plan("customers", period="2026-09").answers
    assert planned.epsilon == pytest.approx(0.1, abs=1e-6)
    got = shop.release(
        wb.query(tx, by="month", period=("2026-07", "2026-08"), once=True).customers(),
        name="x", epsilon="0.1",
    )  # fmt: skip
    margin = got.columns["customers_high"][0] - got.columns["customers"][0]
    assert planned.margins["customers"] == pytest.approx(margin, abs=1)
    (again,) = shop.reports.plan("customers", period="2026-09").answers
    assert (again.pico, again.epsilon, again.unpaid) == (0, 0.0, ())


# ------------------------------------------------------------------ stocks


def stocks(tx, last="2026-08", **options):
    return wb.query(
        tx, by="month", period=("2026-04", last), until="2027-03", changes=2, **options
    ).customers()


def test_a_month_of_a_series_of_stocks_is_free_and_decoded_by_those_before(shop, tx):
    first = shop.release(stocks(tx), name="stock", rho="0.01")
    paid = ledgers.spent(shop.ledger)
    again = shop.release(stocks(tx, "2026-09"), name="later", rho="0.01")
    assert ledgers.spent(shop.ledger) == paid == 10**10
    assert again.mechanism["parts"][:-1] == list(first.mechanism["parts"])
    assert again.frame.customers.to_list()[:-1] == first.frame.customers.to_list()
    newest = shop.ledger.answer(again.mechanism["parts"][-1])
    assert [drawn for drawn, _ in newest.mechanism["drawn"].values()] == again.mechanism["parts"]
    exact = [row["customers"] for row in exactly(shop, stocks(tx, "2026-09"))]
    for value, low, high, truth in zip(
        *(again.columns[f"customers{end}"] for end in ("", "_low", "_high")), exact, strict=True
    ):
        assert abs(value - truth) < 2.5 * (high - low) / 2
    assert shop.ledger.verify() > 0
    spends = list(shop.ledger.chain.entries("spend"))
    assert spends[-1].body["event"]["vector"]["horizon"] == ["2026-04", "2027-03"]
    assert spends[-1].body["series"]["months"][-1] == "2026-09"


def test_what_is_derived_from_stocks_knows_the_draws_they_share(shop, tx):
    """A change is of one draw and of what is left of the others, not of two months apart."""
    found = shop.release(stocks(tx), name="stock", rho="0.01")
    one, other = sheet_of(found, shop.ledger.answer).forms["customers"][-2:]
    spreads = [math.sqrt(each.variance) for each in (one, other)]
    shared = covariance(one, other)
    change = math.sqrt(one.variance + other.variance - 2 * shared)
    assert shared > 0.2 * spreads[0] * spreads[1]
    assert change < 1.15 * spreads[1] < math.hypot(*spreads)


def test_a_plan_prices_a_series_of_stocks_once(warm_shop):
    shop, tx = warm_shop, warm_shop.open("transactions", "reporting")
    cells = [
        OPENING,
        'asked = wb.query(tx, by="month", period=("2026-04", period), changes=2).customers()\n'
        'answer = ws.release(asked, name="stock", epsilon=epsilon)',
        'wb.figures.line(answer, x="month", y="customers", title="Active customers")',
    ]
    write_report(shop.settings.root, *cells)
    (planned,) = shop.reports.plan("customers", period="2026-09").answers
    assert planned.epsilon == pytest.approx(0.1, abs=1e-6)
    asked = wb.query(tx, by="month", period=("2026-04", "2026-09"), changes=2).customers()
    got = shop.release(asked, name="x", epsilon="0.1")
    sides = [a - b for a, b in zip(got.columns["customers_high"], got.columns["customers"],
                                   strict=True)]  # fmt: skip
    mean = math.sqrt(sum(each**2 for each in sides) / len(sides))
    assert planned.margins["customers"] == pytest.approx(mean, abs=1)
    (again,) = shop.reports.plan("customers", period="2026-09").answers
    assert (again.pico, again.unpaid) == (0, ())
