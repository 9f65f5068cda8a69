"""A question in the catalog's words: found among what was released, else with its price."""

from math import inf

import pytest

import workbench as wb
from workbench.errors import BudgetExhausted, QuestionRefused, UnknownName
from workbench.privacy.columns import Dimension, Measure
from workbench.privacy.margins import Fixed
from workbench.privacy.sheets import Sheet
from workbench.privacy.tables import columns_of
from workbench.workspace.answerable import Answerable, widest

PAID = {"table": "transactions", "purpose": "reporting", "period": "2026-09"}


def released(shop, by=(), period="2026-09", epsilon=0.5, where=()):
    tx = shop.open("transactions", "reporting")
    query = wb.query(tx, by=by, period=period, where=where)
    return shop.release(query.customers().count().sum("amount"), name="paid", epsilon=epsilon)


def ran(code, shop):
    """Return what code of the next cell leaves as its answer."""
    scope = {"ws": shop, "wb": wb}
    exec(code, scope)  # noqa: S102  # why: it is meant to be run
    return scope["answer"]


def spent(shop):
    return shop.ledger.status("2026-09", shop.now())[1].spent_pico


def test_what_nothing_released_answers_has_a_price_and_a_margin_before_it_is_paid(shop):
    found = shop.foresee(**PAID, measures=["customers"], by=["region"], epsilon=0.2)
    assert found.release is None
    assert found.epsilon == pytest.approx(0.2, rel=1e-6)
    assert spent(shop) == 0
    answer = ran(found.code, shop)
    assert answer.columns["region"] == ["north", "south", "west"]
    assert answer.margin("customers") == pytest.approx([found.margins["customers"]] * 3, abs=1)
    assert found.relative["customers"] == found.margins["customers"] / 1000
    again = shop.foresee(**PAID, measures=["customers"], by=["region"], epsilon=0.2)
    assert (again.release, again.epsilon) == (answer.id, 0)


FOUND = {  # what is asked of a table by region and category, or of months
    "as-it-is": (["region", "category"], "2026-09", {"by": ["region", "category"]}),
    "added-up": (["region", "category"], "2026-09", {"by": ["region"], "measures": ["rows"]}),
    "one-row": (["region"], "2026-09", {"where": {"region": "west"}}),
    "one-row-with-its-group": (
        ["region"],
        "2026-09",
        {"where": {"region": "west"}, "by": ["region"]},
    ),
    "a-filter": (
        ["region", "category"],
        "2026-09",
        {"by": ["region"], "where": {"category": "food"}, "measures": ["amount_sum"]},
    ),
    "one-month": (["month"], ("2026-07", "2026-09"), {}),
    "some-months": (
        ["month"],
        ("2026-06", "2026-09"),
        {"by": ["month"], "period": ("2026-08", "2026-09")},
    ),
    "month-and-filter": (
        ["month", "region"],
        ("2026-08", "2026-09"),
        {"where": {"region": "north"}, "measures": ["customers", "rows"]},
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_release_that_will_do_is_found_and_costs_nothing(shop, name):
    by, period, asked = FOUND[name]
    released(shop, by, period)
    before = spent(shop)
    found = shop.foresee(**{**PAID, **asked})
    assert found.release is not None
    answer = shop.answer(**{**PAID, **asked})
    assert answer.columns == ran(found.code, shop).columns
    assert spent(shop) == before
    (measure, *_) = asked.get("measures", ["customers"])
    assert max(answer.margin(measure)) == pytest.approx(found.margins[measure], rel=1e-6)
    assert [each.name for each in answer.by] == asked.get("by", [])


def test_of_several_the_most_exact_is_taken(shop):
    released(shop, ["region", "category"], epsilon=0.5)
    whole = released(shop, ["region"], epsilon=0.5)
    found = shop.foresee(**PAID, measures=["rows"], by=["region"])
    assert found.release == whole.id


NOT = {
    "distinct-customers-do-not-add": ({"by": ["region"]}, ["region", "category"], ()),
    "another-month": ({"period": "2026-08"}, [], ()),
    "other-rows": ({}, [], {"is_online": True}),
    "another-filter": ({"where": {"region": "west"}}, [], {"region": "north"}),
    "another-purpose": ({"purpose": "marketing"}, [], ()),
    "no-such-group": ({"by": ["region"]}, [], ()),
}


@pytest.mark.parametrize("name", NOT)
def test_what_no_release_can_answer_is_not_answered_by_one(shop, name):
    asked, by, where = NOT[name]
    released(shop, by, where=where)
    assert shop.foresee(**{**PAID, **asked}).release is None


def test_a_filter_that_it_was_released_with_is_the_same_question(shop):
    made = released(shop, ["region"], where={"category": "food"})
    found = shop.foresee(**PAID, by=["region"], where={"category": "food"})
    assert found.release == made.id


def test_a_name_alone_is_one_name_and_one_named_twice_is_asked_once(shop):
    made = released(shop, ["region"])
    assert shop.foresee(**PAID, measures="customers", by="region").release == made.id
    assert (
        "'customers', name=" in shop.foresee(**PAID, measures=["customers"] * 2, by="region").code
    )


def test_a_figure_that_is_not_known_answers_nothing_and_has_no_margin_of_nought(shop):
    tx = shop.open("transactions", "reporting")
    asks = {"by": ["region"], "where": {"category": "toys"}}
    thin = [
        shop.release(wb.query(tx, **asks, period=month).mean("amount"), name="a", epsilon=0.00001)
        for month in ("2026-06", "2026-07", "2026-08", "2026-09")
    ]
    for made in thin:  # by chance the noise of one may leave something known
        known = any(value is not None for value in made.columns["amount_mean"])
        asked = {**PAID, **asks, "period": made.period, "measures": ["amount_mean"]}
        assert shop.foresee(**asked).release == (made.id if known else None)
    seen = Answerable("", "r-000001", 0.0, 2.0, {"amount_mean": inf})
    assert "amount_mean not known in every row" in seen._repr_html_()
    shown = {"a": [1.0, None], "a_low": [0.0, None], "a_high": [2.5, None]}
    forms = [Fixed(1.0, 0.0, 2.5), None]
    measure, axis = Measure("a", "sum", "A", None), Dimension("x", "X", "category", ("p", "q"))
    sheet = Sheet((axis,), (("p",), ("q",)), (measure,), {"a": forms})
    assert columns_of(sheet) == {"x": ["p", "q"], **shown}
    assert widest(sheet) == {"a": inf}


def test_an_answer_on_data_that_changed_is_not_taken(shop):
    released(shop, ["region"])
    shop.office.erase_subject("K-000001", verified_by="id card")
    ws = wb.open_workspace(shop.settings.root, now=shop.now)
    assert ws.foresee(**PAID, by=["region"]).release is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"measures": ["customer"]}, "Did you mean 'customers'"),
        ({"measures": ["note_sum"]}, "no measure of 'transactions' named 'note_sum'"),
        ({"by": ["note"]}, "no group column of 'transactions' named 'note'"),
        ({"by": ["full_name"]}, "no group column of 'transactions' named"),
        ({"where": {"region": "nroth"}}, "Did you mean 'north'"),
        ({"where": {"month": "2026-09"}}, "no value of month"),
    ],
)
def test_what_the_catalog_does_not_declare_cannot_be_asked(shop, changed, said):
    with pytest.raises(UnknownName, match=said):
        shop.foresee(**{**PAID, **changed})


def test_no_measure_and_no_budget(shop):
    with pytest.raises(QuestionRefused, match="ask for one measure or more"):
        shop.foresee(**PAID, measures=[])
    with pytest.raises(QuestionRefused, match="of a period"):
        shop.foresee(**{**PAID, "period": None})
    dear = shop.foresee(**PAID, by=["category"], epsilon=3)
    assert dear.told == "It does not fit: 2.00 is left."
    with pytest.raises(BudgetExhausted, match=r"2\.00"):
        shop.answer(**PAID, by=["category"], epsilon=3)


def test_the_form_asks_looks_and_hands_over_its_code_and_pays_nothing(shop, monkeypatch):
    pytest.importorskip("ipywidgets")
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    try:
        made = shop.ask()
        table, purpose = made.children[0].children
        measures, by = made.children[1].children
        column, value = made.children[2].children
        epsilon = made.children[3].children[2]
        table.value, purpose.value = "transactions", "reporting"
        assert "No release answers it" in made.children[-2].value
        by.value = ("region",)
        column.value = "category"
        value.value = "toys"
        measures.value = ("customers", "amount_sum")
        epsilon.value = 0.25
        code = shop.foresee(
            **PAID, measures=measures.value, by=by.value, where={"category": "toys"}, epsilon=0.25
        ).code
        made.children[-1].click()
        assert shell.rl_next_input == code
        made.children[3].children[0].value = "2031-01"
        assert made.children[-1].disabled
        assert spent(shop) == 0
    finally:
        InteractiveShell.clear_instance()
    monkeypatch.setenv("WORKBENCH_RUN_REPORT", "x")
    assert shop.ask() is None


def test_what_is_described_is_escaped(shop):
    found = shop.foresee(**PAID, by=["region"], epsilon=0.2)
    assert "&#x27;region&#x27;" in found._repr_html_()
    assert "epsilon <b>0.20</b>" in found._repr_html_()
