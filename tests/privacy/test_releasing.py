"""Pay, commit, compute, draw, store, show; and nothing is paid or drawn twice."""

import math

import pytest
from support import ledgers
from support.lab import Lab, exactly

import workbench as wb
from workbench.errors import BudgetExhausted, QuestionRefused
from workbench.privacy import releasing
from workbench.privacy.engine import running
from workbench.privacy.engine.running import statements

SPAN = {"period": ("2026-08", "2026-09")}


@pytest.fixture
def tx(shop):
    return shop.open("transactions", "reporting")


def spent(shop):
    """Return what was ever spent, in pico-rho."""
    return ledgers.spent(shop.ledger)


def test_an_answer_is_near_the_exact_one_by_its_stated_noise(shop, tx):
    query = wb.query(tx, by="region", period="2026-09").customers().sum("amount")
    release = shop.release(query, name="spend", epsilon="1.5")
    sigma = release.mechanism["sigma"]
    for row, exact in zip(release.frame.to_dict("records"), exactly(shop, query), strict=True):
        assert row["region"] == exact["region"]
        assert abs(row["customers"] - exact["customers"]) < 8 * sigma + 1
        assert abs(row["amount_sum"] - exact["amount_sum"]) < 8 * sigma * math.hypot(100, 100)


def test_the_same_question_is_the_same_answer_whatever_it_is_called_and_however_written(shop, tx):
    def ask(by, name):
        query = wb.query(tx, by=by, where=[{"is_online": True}, tx.amount > 20], period="2026-09")
        return shop.release(query.customers().sum("amount"), name=name, epsilon="0.2")

    first = ask(["region", "category"], "first")
    paid = spent(shop)
    second = ask(["category", "region"], "renamed")
    assert second == first
    assert spent(shop) == paid > 0


def test_months_in_another_order_of_groups_keep_their_figures(shop, tx):
    def ask(by):
        query = wb.query(tx, by=by, **SPAN).customers()
        return shop.release(query, name="grid", epsilon="0.4")

    first = ask(["month", "region", "category"])
    paid = spent(shop)
    second = ask(["category", "month", "region"])
    assert spent(shop) == paid
    keys = ["month", "region", "category"]
    assert [each.name for each in second.by] == ["category", "month", "region"]
    one = first.frame.set_index(keys).customers
    other = second.frame.set_index(keys).customers
    assert one.to_dict() == other.to_dict()
    assert len(set(one)) > 10  # they differ from each other, so the comparison means something
    assert second.derive("customers").frame.customers.to_list() == pytest.approx(
        second.frame.customers.to_list(), abs=0.5
    )


def test_a_month_that_was_answered_costs_nothing_in_a_longer_span(shop, tx):
    august = shop.release(
        wb.query(tx, by="month", period="2026-08").customers(), name="a", epsilon="0.2"
    )
    paid = spent(shop)
    both = shop.release(wb.query(tx, by="month", **SPAN).customers(), name="b", rho="0.002")
    assert spent(shop) - paid == 10**9  # half of 0.002, for September alone
    assert both.frame.customers[0] == august.frame.customers[0]


def test_other_names_of_groups_and_rates_are_the_same_noise_at_no_cost(shop, tx):
    def ask(group, first, second):
        query = wb.query(tx, by=(tx.amount > 50).name(group), period="2026-09", rows=1)
        query = query.rate(**{first: tx.amount > 20, second: tx.amount > 80})
        return shop.release(query, name="rates", epsilon="1.9")

    one = ask("large", "over_20", "over_80")
    paid = spent(shop)
    other = ask("big", "b", "a")
    swapped = ask("large", "over_80", "over_20")
    assert spent(shop) == paid
    assert [each.name for each in other.by] == ["big"]
    assert {each.title for each in other.measures} == {"Customers", "A, share", "B, share"}
    assert other.columns["big"] == one.columns["large"]
    for end in ("", "_low", "_high"):
        assert other.columns[f"b_rate{end}"] == one.columns[f"over_20_rate{end}"]
        assert other.columns[f"a_rate{end}"] == one.columns[f"over_80_rate{end}"]
        assert swapped.columns[f"over_80_rate{end}"] == one.columns[f"over_20_rate{end}"]
    # and is found by its id, as pages find it
    assert shop.ledger.answer(other.id) == other
    assert shop.ledger.parents(other.id) == [one.id]


def test_a_column_under_another_name_is_the_same_answer(shop, tx):
    def ask(by):
        return shop.release(wb.query(tx, by=by, period="2026-09").customers(), name="a", rho="0.01")

    plain, named = ask("region"), ask(tx.region.name("area"))
    assert spent(shop) == 10**10
    assert named.columns["area"] == plain.columns["region"]
    assert named.columns["customers"] == plain.columns["customers"]


def test_a_renamed_answer_knows_that_its_noise_is_the_others(shop, tx):
    def ask(name):
        query = wb.query(tx, period="2026-09", rows=1).rate(
            same=tx.amount > 20, **{name: tx.amount > 80}
        )
        return shop.release(query, name="rates", epsilon="1.9")

    one, other = ask("dear"), ask("costly")
    gone = other.derive(wb.difference("same_rate", against=one, name="gone"))
    assert other.id != one.id
    assert gone.columns["gone"] == pytest.approx([0], abs=1e-9)
    assert gone.margin("gone") == pytest.approx([0], abs=1e-9)


def test_other_names_of_months_rates_too(shop, tx):
    def ask(name):
        query = wb.query(tx, by="month", rows=1, **SPAN).rate(**{name: tx.amount > 50})
        return shop.release(query, name="rates", epsilon="1.9")

    one, other = ask("dear"), ask("costly")
    for end in ("", "_low", "_high"):
        assert other.columns[f"costly_rate{end}"] == one.columns[f"dear_rate{end}"]
    assert other.margin("costly_rate") == pytest.approx(one.margin("dear_rate"))


def test_nothing_is_computed_before_it_is_paid_for_or_after_it_was_answered(shop, tx, monkeypatch):
    seen = []
    compute = running.compute

    def spy(question, sql, run):
        seen.append(spent(shop))
        return compute(question, sql, run)

    monkeypatch.setattr(running, "compute", spy)
    query = wb.query(tx, by="region", period="2026-09").customers()
    shop.release(query, name="a", rho="0.01")
    assert seen == [10**10]
    shop.release(query, name="b", rho="0.01")
    assert seen == [10**10]
    with pytest.raises(BudgetExhausted):
        shop.release(wb.query(tx, period="2026-09").count(), name="c", epsilon=7)
    assert seen == [10**10]


def test_a_failure_after_paying_stays_paid_and_is_taken_up_again(shop, tx, monkeypatch):
    query = wb.query(tx, by="region", period="2026-09").customers()
    with monkeypatch.context() as broken:
        broken.setattr(releasing, "answer", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            shop.release(query, name="a", rho="0.01")
    assert spent(shop) == 10**10
    release = shop.release(query, name="a", rho="0.01")
    assert spent(shop) == 10**10
    assert shop.release(query, name="a", rho="0.01") == release


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ({}, "exactly one of the two"),
        ({"epsilon": 1, "rho": 1}, "exactly one of the two"),
        ({"epsilon": 0}, "finite number above 0, not 0"),
        ({"epsilon": -0.5}, "finite number above 0"),
        ({"rho": -1}, "rho must be a finite number above 0"),
        ({"epsilon": float("nan")}, "finite number above 0, not nan"),
        ({"epsilon": float("inf")}, "finite number above 0, not inf"),
        ({"epsilon": "much"}, "must be a number above 0, not 'much'"),
        ({"epsilon": 1001}, "protects nobody"),
        ({"rho": "1e-13"}, "too small"),
    ],
)
@pytest.mark.parametrize("pure", [False, True])
def test_a_price_is_a_finite_number_above_0(shop, tx, price, message, pure):
    with pytest.raises(QuestionRefused, match=message):
        shop.release(wb.query(tx, period="2026-09").customers(), name="a", pure=pure, **price)
    assert spent(shop) == 0


@pytest.mark.parametrize(
    "ask",
    [
        lambda tx: wb.query(tx).sum("amount", bounds=(0, 10**12)),
        lambda tx: wb.query(tx).sum("amount", bounds=(200, 0)),
        lambda tx: wb.query(tx, by="note").customers(),
        lambda tx: wb.query(tx, where={"region": 3}).customers(),
        lambda tx: wb.query(tx, period="2026-12").customers(),
    ],
)
def test_what_is_refused_costs_nothing(shop, tx, ask):
    with pytest.raises(wb.errors.WorkbenchError):
        shop.release(ask(tx), name="a", epsilon="0.1")
    assert spent(shop) == 0


def test_the_answer_says_what_was_cut_and_how_it_was_drawn(shop, tx):
    query = wb.query(tx, by="region", period="2026-09").count().sum("amount")
    release = shop.release(query, name="a", epsilon="0.4")
    assert "Spend: one customer counts for at most 200.00 EUR in a cell." in release.notes
    assert "One customer counts for at most 20 rows in a cell." in release.notes
    assert release.mechanism["bounds"]["amount"] == ["0.00", "200.00"]
    assert release.mechanism["cells"] == 1
    assert release.epsilon == pytest.approx(0.4, abs=1e-4)


def test_pure_counts_are_paid_by_their_own_epsilon(shop, tx):
    query = wb.query(tx, by="region", period="2026-09").customers()
    release = shop.release(query, name="a", epsilon="0.3", pure=True)
    assert (release.mechanism["kind"], release.mechanism["epsilon"]) == ("geometric", "3/10")
    assert all(abs(each - 200) < 90 for each in release.columns["customers"])
    assert spent(shop) == -(-45 * 10**9 * 355 // 226)  # epsilon²/2, as Gaussian


def test_found_values_take_their_delta_out_of_the_customers(shop, tx):
    query = wb.query(tx, by=wb.discovered("category", delta="1e-8"), period="2026-09")
    release = shop.release(query.customers(), name="a", epsilon="0.9")
    assert release.columns["category"] == ["food", "home", "toys"]
    (price,) = shop.ledger.prices()
    assert price.delta == pytest.approx(1e-8)


def test_a_question_is_compiled_once_for_all_its_months():
    lab = Lab([])
    span = {"period": ("2026-01", "2026-09")}
    query = wb.query(lab.table, by=["month", "region"], **span)
    sql = statements(lab.resolve(query.sum("amount").median("amount").distinct("note", most=1)))
    assert set(sql) == {
        "vector", "fits", "wide vector", "choice amount_q50", "distinct note_distinct",
    }  # fmt: skip
    assert set(statements(lab.resolve(query.customers()))) == {"vector"}


def test_a_leading_zero_month_of_nobody_is_answered_like_any_other():
    lab = Lab([])
    query = wb.query(lab.table, by=["month", "region"], period=("2026-01", "2026-02"))
    assert [row["customers"] for row in lab.ask(query.customers())] == [0] * 6
