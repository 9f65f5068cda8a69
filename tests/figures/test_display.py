"""What an analyst types, and what travels from the notebook."""

import json
from dataclasses import replace

import pytest
from factories.live import asked
from factories.noisy import Books
from factories.releases import BAND, CATEGORY, CUSTOMERS, MONTH, RATE, REGION, release

from workbench import figures
from workbench.errors import DefinitionError, InputError, QuestionRefused, UnknownName
from workbench.figures import MIME
from workbench.figures.kinds import read_payload
from workbench.figures.language import Language
from workbench.figures.values import series
from workbench.privacy.columns import Measure

TOTAL = release(number=1)
MONTHLY = release((MONTH,), number=2)
EVERY_KIND = [
    figures.line(MONTHLY, x="month", y="customers", title="Customers"),
    figures.bar(release((REGION,)), x="region", y="customers", horizontal=True),
    figures.heatmap(
        release((REGION, BAND)), rows="region", columns="value_band", value="customers"
    ),
    figures.table(release((CATEGORY,)), columns=["category", "customers"]),
    figures.kpis(MONTHLY, labels={"customers": "Active"}),
    figures.text("{customers:,} customers", TOTAL),
]


@pytest.mark.parametrize("figure", EVERY_KIND, ids=lambda figure: figure.kind)
def test_only_names_ids_and_words_travel(figure):
    content = figure._repr_mimebundle_()[MIME]
    read = read_payload(json.loads(json.dumps(content)), "here")
    assert replace(figure, spec=read.spec).payload == content
    assert read.releases == tuple(each.id for each in figure.releases)
    travelling = json.dumps(content)
    for made in figure.releases:
        for measure in made.measures:
            for value in made.columns[measure.name]:
                assert str(value) not in travelling


@pytest.mark.parametrize("figure", EVERY_KIND, ids=lambda figure: figure.kind)
def test_each_shows_itself_in_jupyterlab(figure):
    bundle = figure._repr_mimebundle_()
    assert bundle["text/plain"]
    assert ("application/vnd.plotly.v1+json" in bundle) != ("text/html" in bundle)
    assert figure._repr_mimebundle_(include={MIME}) == {MIME: bundle[MIME]}
    assert MIME not in figure._repr_mimebundle_(exclude={MIME})


def test_plotly_accepts_every_chart():
    from plotly.graph_objects import Figure

    for figure in EVERY_KIND[:3]:
        chart = figure.drawn().figure
        Figure(data=chart["data"], layout=chart["layout"])  # raises on an unknown property


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda: figures.line(MONTHLY, x="mouth", y="customers"), "Did you mean 'month'"),
        (lambda: figures.line(MONTHLY, x="month", y="custmers"), "Did you mean 'customers'"),
        (lambda: figures.table(MONTHLY, columns=["moth"]), "Did you mean 'month'"),
        (lambda: figures.kpis(TOTAL, measures=["customer"]), "Did you mean 'customers'"),
        (lambda: figures.text("{customer}", TOTAL), "Did you mean 'customers'"),
    ],
)
def test_an_unknown_column_is_met_with_a_suggestion(draw, said):
    with pytest.raises(UnknownName, match=said):
        draw()


def test_a_frame_is_not_a_release():
    with pytest.raises(QuestionRefused, match=r"given a DataFrame.*ws.release"):
        figures.line(MONTHLY.frame, x="month", y="customers")


def test_a_title_of_a_novel_is_refused():
    with pytest.raises(InputError, match=r"title.*400"):
        figures.table(MONTHLY, title="x" * 401)


def test_a_sentence_formats_figures_and_margins():
    figure = figures.text(
        "{period}: {customers:,} ± {customers_margin:.0f}, {amount_sum:,.2f}, {amount_sum}, {{}}",
        release(columns=_row(customers=1234, amount_sum=5678.5, margin=10)),
    )
    assert figure.drawn().text == "Sep 2026: 1,234 ± 10, 5,678.50, CN¥5,678, {}"


def test_a_sentence_tells_the_margin_that_a_table_tells():
    uneven = release(
        measures=(CUSTOMERS,),
        columns={"customers": [1000], "customers_low": [906], "customers_high": [1088]},
    )
    figures_of = series(uneven, "customers")
    text = figures.text("{customers} (± {customers_margin})", uneven).drawn().text
    assert text == "1,000 (± 91)"
    assert figures_of.margin_text(figures_of.values[0], Language()) == "± 91"


@pytest.mark.parametrize("seed", range(8))
def test_a_figure_has_one_margin_whether_it_is_paid_put_together_or_derived(seed):
    """A ledger keeps ends rounded: 4,201 ± 49 becomes 4,151 to 4,250, which is ± 50 of 4,200."""
    books = Books()
    made = asked(books, [REGION], seed, seed=seed, sigma=1.3 + seed)
    digits = {name: each.digits for each in made.measures for name in each.columns}
    kept = {
        name: column
        if name not in digits
        else [x if x is None else round(x, digits[name]) for x in column]
        for name, column in made.columns.items()
    }
    paid = books.put(replace(made, columns=kept))
    derived = paid.derive(where={"region": list(REGION.values)}, name="same")
    for each in paid.measures:
        of_paid, of_derived = series(paid, each.name), series(derived, each.name)
        assert of_paid.digits == of_derived.digits
        for one, other in zip(of_paid.values, of_derived.values, strict=True):
            assert of_paid.both(one, Language()) == of_derived.both(other, Language())
    assert paid.shown().equals(derived.shown())
    south = paid.derive(where={"region": "South"}, name="south")
    card = figures.kpis(south, measures=["customers"]).drawn().cards[0]
    told = figures.text("{customers} ± {customers_margin}", south).drawn().text
    row = figures.table(paid, columns=["region", "customers"]).drawn().grid.rows[2]
    assert row[0].text == "South"
    assert {card.full, told, f"{row[1].text} {row[1].margin}"} == {card.full}


@pytest.mark.parametrize(
    ("unit", "said"),
    [("CNY", "CN¥{}"), ("days", "{} days"), ("customers", "{}"), (None, "{}")],
)
def test_a_figure_beside_no_title_says_its_unit(unit, said):
    spent = Measure("spent", "sum", "Spent", unit, 0)
    made = release((), (spent,), columns=_row(spent=1234, margin=10))
    card = figures.kpis(made).drawn().cards[0]
    assert card.full == said.format("1,234 ± 10")


def _row(margin, **measures):
    return {
        name + end: [value + change]
        for name, value in measures.items()
        for end, change in (("", 0), ("_low", -margin), ("_high", margin))
    }


def test_a_sentence_takes_each_release_by_its_number():
    later = release(number=2, columns=_row(customers=20, amount_sum=2, margin=1))
    first = release(number=1, columns=_row(customers=10, amount_sum=1, margin=1))
    text = figures.text("{0.customers} then {1.customers}", first, later).drawn().text
    assert text == "10 then 20"
    with pytest.raises(QuestionRefused, match=r"2 releases.*\{0.customers\}"):
        figures.text("{customers}", first, later)


@pytest.mark.parametrize(
    "template",
    [
        "{customers",
        "{customers!r}",
        "{customers.real}",
        "{customers[0]}",
        "{}",
        "{customers:>99999}",
    ],
)
def test_a_template_is_not_a_program(template):
    with pytest.raises((QuestionRefused, UnknownName)):
        figures.text(template, TOTAL)


def test_a_sentence_of_many_rows_is_refused():
    with pytest.raises(QuestionRefused, match="has 18 rows"):
        figures.text("{customers}", MONTHLY)


def test_a_suppressed_figure_is_not_known():
    hidden = release(columns=_row(customers=0, amount_sum=0, margin=0) | {"customers": [None]})
    assert figures.text("{customers:,} customers", hidden).drawn().text == "not known customers"


def test_key_figures_show_the_last_month_against_the_one_before():
    values = [100] * 16 + [200, 300]
    columns = {
        "month": list(MONTH.values),
        "customers": values,
        "customers_low": [value - 10 for value in values],
        "customers_high": [value + 10 for value in values],
    }
    made = release((MONTH,), MONTHLY.measures[:1], columns=columns)
    (card,) = figures.kpis(made).drawn().cards
    assert (card.text, card.margin, card.change) == ("300", "± 10", "up 50.0% since Aug 2026")
    assert card.points == tuple(values)


def test_a_change_within_the_noise_is_no_change():
    now = release(number=2, period="2026-09", columns=_row(customers=114, amount_sum=1, margin=10))
    before = release(
        number=1, period="2026-08", columns=_row(customers=100, amount_sum=1, margin=10)
    )
    (card,) = figures.kpis(now, measures=["customers"], previous=before).drawn().cards
    assert card.change == "no clear change since Aug 2026"  # 14 is less than the root of 200
    more = replace(now, columns=_row(customers=115, amount_sum=1, margin=10))
    (card,) = figures.kpis(more, measures=["customers"], previous=before).drawn().cards
    assert card.direction == "up"


@pytest.mark.parametrize(
    ("value", "said", "direction"),
    [(0.01, "no clear difference", "same"), (0.03, "", ""), (-0.03, "", "")],
)
def test_a_difference_whose_margin_holds_zero_is_none(value, said, direction):
    effect = Measure("effect", "derived", "Responses, treated – control", "fraction", 4)
    columns = {"effect": [value], "effect_low": [value - 0.02], "effect_high": [value + 0.02]}
    recipe = {"op": "derive", "figures": [{"op": "difference", "name": "effect"}]}
    made = release((), (effect,), columns=columns, mechanism={"recipe": recipe})
    (card,) = figures.kpis(made).drawn().cards
    assert (card.change, card.direction) == (said, direction)
    unknown = (card.text, card.margin, card.value) == (
        "not known",
        "between −1.0 and +3.0 points",
        None,
    )
    assert unknown == bool(said)
    (plain,) = figures.kpis(replace(made, mechanism={})).drawn().cards
    assert plain.change == ""  # no difference, but a figure that may be zero


def test_key_figures_of_many_rows_are_refused():
    with pytest.raises(QuestionRefused, match=r"one row, or one a month.*5 rows by region"):
        figures.kpis(release((REGION,)))


def test_key_figures_may_count_lights():
    lights = {"customers": "not measured"}
    (first, second) = (
        figures.kpis(TOTAL, lights=lights, measures=["customers", "amount_sum"]).drawn().cards
    )
    assert (first.light, second.light) == ("not measured", "")
    with pytest.raises(UnknownName, match="no measure named 'client'"):
        figures.kpis(TOTAL, lights={"client": "red"})
    with pytest.raises(InputError, match=r"wb\.figures\.kpis: items\.0\.light"):
        figures.kpis(TOTAL, measures=["customers"], lights={"customers": "blue"})


def test_shares_change_by_points():
    columns = _row(active_rate=0.5, margin=0.01)
    before = release((), (RATE,), number=1, period="2026-08", columns=columns)
    now = release((), (RATE,), number=2, columns=_row(active_rate=0.6, margin=0.01))
    (card,) = figures.kpis(now, previous=before).drawn().cards
    assert (card.text, card.change) == ("60.0%", "up 10.0 pp since Aug 2026")


def test_a_lopsided_interval_is_shown_by_its_ends():
    columns = {"customers": [50], "customers_low": [45], "customers_high": [90]}
    (card,) = figures.kpis(release((), TOTAL.measures[:1], columns=columns)).drawn().cards
    assert card.margin == "45 to 90"


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        {"version": 2, "kind": "table", "releases": ["r-000001"], "spec": {}},
        {"version": 1, "kind": "scatter", "releases": ["r-000001"], "spec": {}},
        {"version": 1, "kind": "table", "releases": [], "spec": {}},
        {"version": 1, "kind": "table", "releases": ["Zhang Wei"], "spec": {}},
        {"version": 1, "kind": "table", "releases": ["r-000001"], "spec": {"note": "Zhang Wei"}},
        {
            "version": 1,
            "kind": "table",
            "releases": ["r-000001"],
            "spec": {"columns": ["Zhang Wei"]},
        },
        {"version": 1, "kind": "table", "releases": ["r-000001"], "spec": {}, "Zhang Wei": 1},
        {
            "version": 1,
            "kind": "line",
            "releases": ["r-000001"],
            "spec": {"x": "a", "y": 13800138000},
        },
        {"version": "1", "kind": "table", "releases": ["r-000001"], "spec": {}},
    ],
)
def test_what_wb_figures_did_not_write_is_refused_without_its_values(content):
    with pytest.raises(DefinitionError) as refusal:
        read_payload(content, "cell 5")
    assert str(refusal.value).startswith("cell 5: ")
    assert "Zhang" not in str(refusal.value)
    assert "13800138000" not in str(refusal.value)


def test_both_languages_draw_every_kind():
    for figure in EVERY_KIND:
        assert figure.spec.draw(figure.releases, Language("zh"))
