"""Plans before spending, automatic prices, bounds learned privately, marginals, fitted labels."""

import json
import re
from decimal import Decimal
from fractions import Fraction

import pytest
from support.line import OPENING, SHOWING, write_report

import workbench as wb
from workbench.errors import BudgetExhausted, QuestionRefused, UnknownName
from workbench.privacy.planning import PlannedAnswer, priced, question_key, split
from workbench.privacy.question import resolve


@pytest.fixture
def shop(warm_shop):
    return warm_shop


def planned(key, pico, auto=False, weight=1.0):
    return PlannedAnswer(key, "t", "all", 1, key, pico, 0.0, auto, {}, {}, weight)


def test_automatic_prices_share_what_the_priced_questions_leave():
    answers = [planned("a", 40), planned("b", 0, True, 1.0), planned("c", 0, True, 3.0)]
    assert split(answers, 100) == {"b": 15, "c": 45}


def test_a_question_asked_twice_is_priced_once():
    answers = [planned("b", 0, True), planned("b", 0, True)]
    assert split(answers, 100) == {"b": 100}


def test_nothing_left_to_split_is_refused():
    with pytest.raises(QuestionRefused, match="used up by its priced questions"):
        split([planned("a", 100), planned("b", 0, True)], 100)


def test_auto_needs_a_report(shop):
    tx = shop.open("transactions", "reporting")
    with pytest.raises(QuestionRefused, match="needs a report"):
        shop.release(wb.query(tx).customers(), name="x", epsilon="auto")


@pytest.fixture
def planned_shop(shop):
    asking = (
        'total = ws.release(wb.query(tx, period=period).customers(), name="t", epsilon="auto")\n'
        'answer = ws.release(wb.query(tx, by="region", period=period).customers().sum("amount"),\n'
        '    name="r", epsilon="auto")'
    )
    write_report(shop.settings.root, OPENING, asking, SHOWING)
    return shop


def test_auto_splits_a_reports_budget_and_equalises_relative_error(planned_shop):
    plan = planned_shop.reports.plan("customers", period="2026-09")
    total, by_region = plan.answers
    assert total.auto is by_region.auto is False  # settled
    spent = sum(answer.pico for answer in plan.answers)
    share = plan.left[0].limit_pico
    assert 0.999 * share <= spent <= share
    # customers spread evenly: a third of them in each region
    assert by_region.margins["customers"] * 3 == pytest.approx(total.margins["customers"], rel=1e-3)
    assert planned_shop.ledger.head()[0] == 0


def test_a_run_pays_what_was_planned(planned_shop):
    plan = planned_shop.reports.plan("customers", period="2026-09")
    planned_shop.reports.render("customers", period="2026-09")
    spends = planned_shop.ledger.chain.entries("spend")
    assert [s.body["pico_rho"] for s in spends] == [a.pico for a in plan.answers]
    again = planned_shop.reports.plan("customers", period="2026-09")
    assert [answer.pico for answer in again.answers] == [0, 0]


def test_a_changed_notebook_settles_what_is_new(planned_shop):
    planned_shop.reports.render("customers", period="2026-09")
    asking = (
        'answer = ws.release(wb.query(tx, by="category", period=period).customers(),\n'
        '    name="c", epsilon="auto")'
    )
    showing = SHOWING.replace('x="region"', 'x="category"')
    report = planned_shop.settings.root / "reports" / "customers.yaml"
    write_report(planned_shop.settings.root, OPENING, asking, showing)
    report.write_text(report.read_text().replace("epsilon: 1.5", "epsilon: 1.7"))
    assert planned_shop.reports.render("customers", period="2026-09").spent_now > 0


def test_a_price_settled_for_found_values_carries_their_own_delta(shop, tmp_path):
    tx = shop.open("transactions", "reporting")
    asked = wb.query(tx, by=wb.discovered("note", delta="1e-8"), period="2026-09").customers()
    question = resolve(asked, shop.catalog, shop.now().date())
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({question_key(question): 10**9}))
    settled = priced(question, "auto", None, prices=str(file))
    given = priced(question, "0.1", None)
    assert settled.pico == 10**9
    assert settled.delta == given.delta == Fraction("1e-8")


def test_a_plan_states_margins_that_a_release_has(shop):
    write_report(shop.settings.root)
    (answer,) = shop.reports.plan("customers", period="2026-09").answers
    tx = shop.open("transactions", "reporting")
    question = wb.query(tx, by="region", period="2026-09").customers().sum("amount")
    got = shop.release(question, name="x", epsilon="0.1")
    for measure in ("customers", "amount_sum"):
        margin = got.columns[f"{measure}_high"][0] - got.columns[measure][0]
        assert margin == pytest.approx(answer.margins[measure], rel=0.02)


def test_bounds_are_learned_from_noisy_counts(shop):
    tx = shop.open("transactions", "reporting")
    found = shop.suggest_bounds(tx, "amount", epsilon=1.5, share=0.9, period="2026-09")
    assert found.low == 0
    assert found.high == 100  # totals lie between 10 and 99
    assert found.release.id in shop.ledger.releases()


@pytest.mark.parametrize(
    ("column", "options", "message"),
    [
        ("is_online", {}, "declared bounds"),
        ("amount", {"share": 1.5}, "between 0 and 1"),
        ("amount", {"epsilon": "0.0001"}, "hardly more than noise"),
    ],
)
def test_bounds_that_cannot_be_learned_are_refused(shop, column, options, message):
    tx = shop.open("transactions", "reporting")
    with pytest.raises(QuestionRefused, match=message):
        shop.suggest_bounds(tx, column, **{"epsilon": 1, "period": "2026-09", **options})


def test_marginals_agree_with_their_total_and_cost_their_price(shop):
    tx = shop.open("transactions", "reporting")
    tables = wb.marginals(tx, [[], "region", ["region", "category"]], period="2026-09")
    total, region, both = shop.release_marginals(
        tables.count().sum("amount"), name="m", epsilon=1.5
    )
    for measure in ("rows", "amount_sum"):
        whole = total.columns[measure][0]
        assert sum(region.columns[measure]) == pytest.approx(whole, abs=2)
        assert sum(both.columns[measure]) == pytest.approx(whole, abs=5)
    assert len(shop.ledger.releases()) == 3
    with pytest.raises(QuestionRefused, match="two tables or more"):
        wb.marginals(tx, ["region"])


@pytest.mark.parametrize(
    ("sets", "more", "message"),
    [
        ([[], "region", "nowhere"], {}, "nowhere"),
        (["region", ["region"]], {}, "tables 1 and 2 are the same question"),
        ([["region", "category"], ["category", "region"]], {}, "the same question"),
        ([[], [wb.bands("amount", range(1, 101)), "region", "weekday"]], {}, "at most 1,000"),
        ([[], [wb.bands("amount", range(1, 201))]], {}, "at most 100 edges"),
        ([[], "region"], {"epsilon": 100}, "needs epsilon"),
    ],
)
def test_marginals_are_paid_all_or_none_and_never_refused_after(shop, sets, more, message):
    """Everything that is wrong with any table is found before the first is paid for."""
    tx = shop.open("transactions", "reporting")
    tables = wb.marginals(tx, sets, period="2026-09").count().sum("amount")
    with pytest.raises((QuestionRefused, UnknownName, BudgetExhausted), match=message):
        shop.release_marginals(tables, name="m", **({"epsilon": 1} | more))
    assert shop.ledger.head()[0] == 0


def test_a_limit_that_covers_the_first_table_only_pays_for_none(shop):
    tx = shop.open("transactions", "reporting")
    tables = wb.marginals(tx, [[], "region", ["region", "category"]], period="2026-09").count()
    month = next(line for line in shop.budget("2026-09") if line.scope == "2026-09")
    rho = Decimal(month.left_pico) * Decimal("1.5") / 10**12
    with pytest.raises(BudgetExhausted):
        shop.release_marginals(tables, name="m", rho=rho)
    assert shop.ledger.head()[0] == 0


def test_grids_of_other_bands_are_answered_and_left_as_drawn(shop):
    tx = shop.open("transactions", "reporting")
    grids = [range(1, 101), range(1, 101, 2)]
    sets = [[wb.bands("amount", each, of="customer"), "region", "category"] for each in grids]
    found = shop.release_marginals(
        wb.marginals(tx, sets, period="2026-09").customers(), name="grid", epsilon=1
    )
    assert [each.id[0] for each in found] == ["r", "r"]


def test_labels_of_a_raw_model_are_refused_until_an_officer_approves(shop):
    tx = shop.open("transactions", "reporting")
    people = sorted(tx.select("customer_id").distinct().execute()["customer_id"])
    label = wb.FittedLabel("segment", ("a", "b"), wb.Provenance("raw"), "first letter")
    labels = ["a" if who < "8" else "b" for who in people]
    question = wb.query(tx, by=wb.labelled(label, people, labels), period="2026-09").customers()
    with pytest.raises(QuestionRefused, match=re.escape(f"ws.office.approve({label.what!r}")):
        shop.release(question, name="s", epsilon=1)
    assert shop.ledger.head()[0] == 0
    shop.office.approve(label.what, "the board asked", role="officer")
    got = shop.release(question, name="s", epsilon=1.5)
    assert any("the board asked" in note for note in got.notes)
    assert got.columns["customers"][0] == pytest.approx(labels.count("a"), abs=60)
    with pytest.raises(QuestionRefused, match="give one each"):
        wb.labelled(label, people, labels[1:])


def test_a_plan_file_is_lines_of_json(planned_shop):
    planned_shop.reports.plan("customers", period="2026-09")
    file = planned_shop.private / "runs" / "customers" / "2026-09" / "aside" / "plan" / "plan.jsonl"
    assert [json.loads(line)["name"] for line in file.read_text().splitlines()] == ["t", "r"]


DERIVED = """\
span = ("2026-07", "2026-09")
t = ws.release(
    wb.query(tx, by="month", period=span).customers().sum("amount"), name="t", epsilon=0.1)
r = ws.release(
    wb.query(tx, by="region", period="2026-09").customers().count(), name="r", epsilon=0.1)
each = t.derive(wb.ratio("amount_sum", "customers", name="each"))
now = each.derive(where={"month": "2026-09"})
change = t.derive(wb.difference("customers", by="month"), wb.rank("customers"))
whole = r.derive(over="region")
part = r.derive(wb.ratio("rows", wb.column("rows", of=whole)), wb.share("rows"))
few = r.suppress(min_customers=5).derive(wb.top("rows", 2))
agreed, _ = wb.consistent([r, whole], "rows")"""
DRAWN = """\
display(wb.figures.kpis(t, each))
display(wb.figures.line(change, x="month", y="customers_change"))
display(wb.figures.bar(part, x="region", y="rows_share"))
display(wb.figures.table(few))
display(wb.text("{each} in {period}", now))
last = ws.release(wb.query(tx, period="2026-09").count(), name="last", epsilon=0.1)"""


def test_a_plan_goes_on_beyond_what_is_derived(shop):
    write_report(shop.settings.root, OPENING, DERIVED, DRAWN)
    planned = shop.reports.plan("customers", period="2026-09")
    assert planned.incomplete == ""
    assert [each.name for each in planned.answers] == ["t", "r", "last"]
    assert shop.ledger.head()[0] == 0


def test_other_labels_are_another_question(shop):
    tx = shop.open("transactions", "reporting")
    people = sorted(tx.customer_id.execute().unique())
    label = wb.FittedLabel("halves", ("a", "b"), wb.Provenance("raw"), "a coin")
    shop.office.approve(label.what, "A test of labels.", role="officer")

    def asked(labels):
        by = wb.labelled(label, people, labels)
        return shop.release(
            wb.query(tx, by=by, period="2026-09").customers(), name="x", epsilon="0.5"
        )

    one, other = asked(["a"] * len(people)), asked(["b"] * len(people))
    assert one.columns["customers"][0] > one.columns["customers"][1]
    assert other.columns["customers"][0] < other.columns["customers"][1]
    assert asked(["a"] * len(people)).id == one.id
