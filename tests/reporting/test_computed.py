"""What is computed on raw rows reaches no page: numbers, words, names; what is written does."""

import datetime as dt
import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from factories.notebooks import code, notebook
from factories.pages import CONTEXT

import workbench as wb
from workbench import figures
from workbench.errors import DefinitionError, QuestionRefused
from workbench.privacy.given import given
from workbench.privacy.models.labels import NearestCentre
from workbench.privacy.provenance import RAW, FittedLabel
from workbench.reporting.exporter import export
from workbench.reporting.notebooks.chosen import Written
from workbench.reporting.notebooks.literals import plain_number, read_code


def shop_time():
    """Return the time it is in the shop."""
    return dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)


NUMBER = 587  # as somebody counted it on rows: no catalog, no parameter and no cell says it
SPOKEN = "price too high"


@pytest.fixture(scope="module")
def module_shop(shop_folder, tmp_path_factory):
    """Return one shop for all of these, with a budget that all of their questions fit in."""
    folder = Path(shutil.copytree(shop_folder, tmp_path_factory.mktemp("computed") / "shop"))
    return wb.open_workspace(folder, now=shop_time)


@pytest.fixture
def tx(module_shop):
    """Return the shop's purchases."""
    return module_shop.open("transactions", "reporting")


@pytest.fixture
def publish(module_shop):
    """Return a function that publishes a release from a notebook of some code."""

    def page(release, source="", parameters=None):
        shown = code(f"{source}\nwb.figures.table(x)", figures.table(release))
        made = notebook(code("import workbench as wb; period = '2026-09'"), shown)
        context = CONTEXT.__class__(declared=module_shop.catalog.words, parameters=parameters or {})
        return export(
            made, source_notebook=made, lookup=module_shop.ledger.answer, context=context
        ).html

    return page


def asked(shop, query, name="asked"):
    return shop.release(query, name=name, epsilon="0.02")


def by(tx, **more):
    return wb.query(tx, period="2026-09", **{"by": "region", **more}).customers()


def regions(shop, tx):
    return asked(shop, by(tx).sum("amount"), "regions")


QUESTIONS = {
    "bounds": lambda tx, n: by(tx).sum("amount", bounds=(0, n)),
    "bounds of a mean": lambda tx, n: by(tx).mean("amount", bounds=(0, n)),
    "edges of bands": lambda tx, n: by(tx, by=wb.bands("amount", [50, n])),
    "edges of customers' bands": lambda tx, n: by(
        tx, by=wb.bands("amount", [50, n], of="customer")
    ),
    "bounds of an axis": lambda tx, n: by(tx, by=wb.Axis("amount", 0, n, cells=4).bands()),
    "edges of days": lambda tx, n: by(tx, by=wb.bands("recency_days", [5, n % 100], of="customer")),
    "histogram": lambda tx, n: wb.query(tx, period="2026-09").histogram("amount", [50, n]),
    "candidates": lambda tx, n: by(tx).median("amount", candidates=[50, n]),
    "quantile": lambda tx, n: by(tx).quantile("amount", Decimal(n % 100) / 100),
    "distinct": lambda tx, n: by(tx).distinct("category", most=n),
    "rows": lambda tx, n: by(tx, rows=n).count(),
    "cells": lambda tx, n: by(tx, by=["region", "category", "weekday"], cells=n),
    "condition": lambda tx, n: by(tx, where=tx.amount > n),
    "condition of a mapping": lambda tx, n: by(tx, where={"amount": n}),
    "condition of a rate": lambda tx, n: by(tx).rate(large=tx.amount > n),
    "group by a condition": lambda tx, n: by(tx, by=(tx.amount > n).name("large")),
    "group by a shifted column": lambda tx, n: by(
        tx, by=(tx.amount + n).bucket([50, 200]).name("shifted")
    ),
    "bucket": lambda tx, n: by(tx, by=tx.amount.bucket([50, n])),
    "cut points of personas": lambda tx, n: by(
        tx,
        by=wb.personas(
            tx, ["persona | money", "Large | 2", "Small | 1"], as_of="2026-09", money=[n]
        ),
    ),
    "delta": lambda tx, n: wb.query(
        tx, by=wb.discovered("note", delta=f"{n}e-10"), period="2026-09"
    ).customers(),
}
# what the questions say besides the number that is tried
BESIDE = "a = [0, 4, 5, 50, 200]; 'large'; 'shifted'; 'Large'; 'Small'; 'persona | money | 2 | 1'\n"


@pytest.mark.parametrize("way", QUESTIONS)
def test_a_computed_number_in_a_question_is_not_published(module_shop, tx, publish, way):
    release = asked(module_shop, QUESTIONS[way](tx, NUMBER))
    with pytest.raises(DefinitionError, match="declare it as a parameter") as refused:
        publish(release, BESIDE)
    assert str(NUMBER) not in str(refused.value)


def test_what_a_slider_may_be_stands_written(module_shop, tx, publish):
    def priced(most, title="Price"):
        price = figures.slider("price", 3, low=1, high=most, step=1, title=title)
        made = regions(module_shop, tx).derive((wb.column("customers") * price).named("worth"))
        return publish(made, "'price', 'worth', 'Price', 3, 1, 5")

    assert priced(5)
    with pytest.raises(DefinitionError, match="what 'price' may be"):
        priced(NUMBER)
    with pytest.raises(DefinitionError, match="title or label that stands neither"):
        priced(5, SPOKEN)


def test_edges_of_an_axis_are_reckoned_from_written_bounds(module_shop, tx, publish):
    release = asked(module_shop, by(tx, by=wb.Axis("amount", 0, NUMBER, cells=4).bands()))
    assert publish(release, f"wb.Axis('amount', 0, {NUMBER}, cells=4)")


def test_labels_of_a_model_remember_the_bounds_they_stand_on(tx):
    label = FittedLabel("kind", ("one", "two"), RAW, "two centres")
    axes = (wb.Axis("amount", 0, NUMBER, cells=8),)
    rule = NearestCentre(tx, ("2026-08", "2026-09"), axes, ((0.1,), (0.9,)), label)
    assert given(wb.query(tx, by=rule).customers()) == {
        "numbers": {
            "the bounds of axis 'amount'": ["0", str(NUMBER), "8"],
            "the number of clusters": ["2"],
        },
        "names": ["kind"],
        "days": ["2026-08-01", "2026-09-30"],
    }


def test_cut_points_beside_those_of_a_release_are_given_as_others_are(module_shop, tx, publish):
    days = asked(module_shop, by(tx, by=wb.bands("frequency_days", [2, 3, 4, 5], of="customer")))
    fifths = replace(days, columns={**days.columns, "customers": [10.0] * 5})
    rules = ["persona | frequency | money", "Large | any | 2", "Small | any | 1"]
    mixed = wb.personas(tx, rules, as_of="2026-09", frequency=fifths, money=[NUMBER])
    release = asked(module_shop, by(tx, by=mixed))
    assert f"{days.id} (frequency)" in release.notes[0]
    said = f"{BESIDE}'frequency'\n"
    with pytest.raises(DefinitionError, match="the cut points of money"):
        publish(release, said)
    assert publish(release, f"{said}x = {NUMBER}")


WRITTEN = [
    ("a literal", "x = 587; y = 87; z = 0.87; d = 5.87e-8", None),
    (
        "arithmetic",
        "step = 600 - 13\ny = step % 100; z = y / 100; d = step * 1e-10",
        None,
    ),
    ("a parameter", "d = 587 * 1e-10; z = 87 / 100", {"x": "587, 87"}),
]


@pytest.mark.parametrize(
    ("source", "parameters"), [w[1:] for w in WRITTEN], ids=[w[0] for w in WRITTEN]
)
def test_the_same_numbers_written_are_published(module_shop, tx, publish, source, parameters):
    for way, question in QUESTIONS.items():
        assert publish(asked(module_shop, question(tx, NUMBER)), BESIDE + source, parameters), way


DERIVED = {
    "a constant added": lambda r, n: r.derive((wb.column("customers") + n).named("each")),
    "a constant nearly alone": lambda r, n: r.derive(
        (wb.column("customers") * 1e-9 + n).named("each")
    ),
    "a factor": lambda r, n: r.derive((wb.column("customers") * n).named("each")),
    "division by a raw count": lambda r, n: r.derive(wb.ratio("amount_sum", n, name="each")),
    "a number over a figure": lambda r, n: r.derive(wb.ratio(n, "customers", name="each")),
    "within another figure": lambda r, n: (
        r.derive(
            wb.difference(
                wb.column("customers") * n,
                against=r.derive("customers", name="o") if 0 else r,
                relative=True,
                name="each",
            )
        )
        if 0
        else r.derive(wb.share(wb.column("amount_sum") * n, name="each"))
    ),
    "the top n": lambda r, n: r.derive(wb.top("customers", n)),
    "a level": lambda r, n: r.derive(wb.rank("customers", level=n / 1000)),
    "a shift": lambda r, n: r.derive(wb.difference("customers", by="month", shift=n % 7)),
    "limits of grades": lambda r, n: r.grade("customers", {"A": n, "B": 0}),
    "small groups": lambda r, n: r.suppress(min_customers=n),
    "deviations": lambda r, n: r.suppress(deviations=n),
    "merged groups": lambda r, n: r.merge_small("region", min_customers=n),
    "a gain": lambda r, n: wb.expected_gain(r, value_each=n, assumed=0.5),
    "an assumption": lambda r, n: wb.expected_gain(r, value_each=5, assumed=n / 1000),
    "a response's worth": lambda r, n: wb.frontier(
        wb.expected_gain(r, value_each=5, assumed=0.5), cost=1, budgets=[5, n]
    ),
    "a contact's cost": lambda r, n: plan(r, cost={**dict.fromkeys(r.by[0].values, 5), "south": n}),
    "a budget": lambda r, n: plan(r, budget=n),
    "a limit of a plan": lambda r, n: plan(r, limits={"A": {"at_most": n}}),
    "derived again": lambda r, n: r.derive((wb.column("customers") * n).named("each")).derive(
        "each", where={"region": ["north", "south"]}
    ),
    "derived for another": lambda r, n: r.derive(
        wb.ratio(
            "customers",
            wb.column("each", of=r.derive((wb.column("customers") * n).named("each"))),
            name="ratio",
        )
    ),
}


def plan(release, **asked):
    gains = wb.expected_gain(release, value_each=5, assumed=0.5)
    return wb.allocate(gains, **{"cost": 5, "budget": 5, **asked})


@pytest.mark.parametrize("way", DERIVED)
def test_a_computed_number_in_a_derivation_is_not_published(module_shop, tx, publish, way):
    release = regions(module_shop, tx)
    if way == "a shift":
        release = asked(
            module_shop, wb.query(tx, by="month", period=("2026-03", "2026-09")).customers()
        )
    said = "a = [1e-9, 0.5, 5]; 'each'; 'ratio'; 'A'; 'B'; 'o'\n"
    with pytest.raises(DefinitionError, match="declare it as a parameter"):
        publish(DERIVED[way](release, NUMBER), said)
    assert publish(DERIVED[way](release, NUMBER), f"{said}x = [587, 587 / 1000, 587 % 7]")


def test_what_a_portfolio_assumes_stands_written(module_shop, tx, publish):
    query = by(tx, by=[(tx.amount > 0).name("paid")]).rate(large=tx.amount > 50)
    grades = module_shop.release(query, name="grades", epsilon="0.5").derive(where={"paid": [True]})

    def losses(lgd=0.5, label="downturn", unit="CNY", **assumed):
        book = wb.Portfolio(grades, pd="large_rate", lgd=lgd, ead=5, correlation=0.5, unit=unit)
        return book.losses({label: {"pd_times": 5, **assumed}}, draws=20_000)

    said = "'paid'; 'large'; 0; 0.5, 5, 20_000, 'downturn', 'CNY', 50\n"
    assert publish(losses(), said)
    for computed in ({"lgd": 0.587}, {"lgd_times": 0.587}, {"label": SPOKEN}, {"unit": SPOKEN}):
        with pytest.raises(DefinitionError, match="neither"):
            publish(losses(**computed), said)
        assert publish(losses(**computed), f"{said}0.587, {SPOKEN!r}")


@pytest.mark.parametrize(
    "figure",
    [
        wb.column("customers") * 0 + NUMBER,
        wb.column("customers") - wb.column("customers") + NUMBER,
        (wb.column("customers") - "customers") * 2 - NUMBER,
        NUMBER + wb.column("amount_sum") * 0.0,
    ],
)
def test_a_derived_figure_without_noise_is_refused(module_shop, tx, figure):
    with pytest.raises(QuestionRefused, match="its noise cancels out"):
        regions(module_shop, tx).derive(figure.named("each"))


NAMES = {
    "a rate": lambda tx, w: by(tx).rate(**{w.replace(" ", "_"): tx.amount > 50}),
    "a named condition": lambda tx, w: by(tx, by=tx.note.contains("x").name(w)),
    "a renamed column": lambda tx, w: by(tx, by=tx.region.name(w)),
    "a bucket": lambda tx, w: by(tx, by=tx.amount.bucket([50, 200]).name(w)),
    "personas": lambda tx, w: by(
        tx,
        by=wb.personas(
            tx, ["persona | money", "Large | 2", "Small | 1"], as_of="2026-09", money=[50], title=w
        ),
    ),
    "a persona": lambda tx, w: by(
        tx,
        by=wb.personas(
            tx, ["persona | money", f"{w} | 2", "Small | 1"], as_of="2026-09", money=[50]
        ),
    ),
    "cohorts": lambda tx, w: by(
        tx, by=wb.cohorts(tx, ("2026-01", "2026-06"), every="quarter", name=w)
    ),
}


@pytest.mark.parametrize("word", [SPOKEN, "diabetes", "Zorvane Quibletree"])
@pytest.mark.parametrize("way", NAMES)
def test_a_computed_name_of_a_group_or_rate_is_not_published(module_shop, tx, publish, way, word):
    release = asked(module_shop, NAMES[way](tx, word))
    with pytest.raises(DefinitionError, match="Write it out") as refused:
        publish(release, BESIDE)
    assert word not in str(refused.value)
    said = f"{BESIDE}{word!r}; {word.replace(' ', '_')!r}; {word + ' | 2'!r}"
    assert publish(release, said)


@pytest.mark.parametrize(
    "group",
    [
        lambda tx: tx.note.contains("diabetes"),
        lambda tx: tx.note == "diabetes",
        lambda tx: tx.amount > NUMBER,
        lambda tx: (tx.amount + NUMBER).bucket([50, 200]),
        lambda tx: ~(tx.note == "diabetes"),
        lambda tx: tx.note.isin(["diabetes"]),
    ],
)
def test_a_condition_without_a_name_is_no_group(module_shop, tx, group):
    with pytest.raises(QuestionRefused, match=r"needs a name of its own.*\.name\('large'\)"):
        asked(module_shop, by(tx, by=group(tx)))


WORDS = {
    "described": lambda r, w: r.describe("region", "what", {"north": w}),
    "title": lambda r, w: r.describe("region", "what", {"north": "up"}, title=w),
    "regrouped": lambda r, w: r.regroup(["region"], "part", {w: [["north"]], "up": [["south"]]}),
    "graded": lambda r, w: r.grade("customers", {w: 1, "up": 0}),
    "derived": lambda r, w: r.derive(wb.ratio("amount_sum", "customers", name="what", title=w)),
    "a unit": lambda r, w: r.derive(wb.ratio("amount_sum", "customers", name="what", unit=w)),
    "merged": lambda r, w: r.merge_small("region", min_customers=5, into=w),
    "a gain": lambda r, w: wb.expected_gain(r, value_each=5, assumed=0.5, title=w),
    "a limit": lambda r, w: plan(r, limits={w: {"at_most": 5}}),
    "a currency": lambda r, w: plan(r, unit=w),
}


@pytest.mark.parametrize(
    "word", [SPOKEN, "too high", "customers of a month", "noise", "587 customers"]
)
@pytest.mark.parametrize("way", WORDS)
def test_words_of_the_package_vouch_for_nobody(module_shop, tx, publish, way, word):
    release = WORDS[way](regions(module_shop, tx), word)
    said = "a = [1, 5, 0.5]; 'what'; 'up'; 'part'\n"
    with pytest.raises(DefinitionError):
        publish(release, said)
    assert publish(release, f"{said}{word!r}")


def test_what_workbench_calls_its_own_derivations_is_published(module_shop, tx, publish):
    who = wb.personas(
        tx,
        ["persona | money", "Large | 2", "Small | 1"],
        as_of="2026-09",
        money=[50],
        inactive="Off",
    )
    said = f"{BESIDE}'Off'; 'was'; 'Was'; money = 50"
    flows = asked(
        module_shop,
        wb.query(
            tx, by=[who.at("2026-06", name="was"), who], period=("2025-07", "2026-09")
        ).customers(),
    )
    moved = wb.movement(flows, lost=["Off"])
    came = wb.cohorts(tx, ("2026-01", "2026-06"), every="quarter")
    kept = wb.retention(
        asked(module_shop, wb.query(tx, by=[came, who], period=("2026-01", "2026-09")).customers()),
        lost=["Off"],
    )
    for each in (
        moved.moves,
        moved.by_persona,
        moved.churn,
        moved.kept,
        moved.stability,
        kept,
        flows,
    ):
        assert publish(each, said), each.name
    pairs = asked(module_shop, wb.query(tx, by=wb.pairs("category"), period="2026-09").customers())
    assert publish(pairs, said)
    assert publish(
        module_shop.clipping(wb.query(tx, period="2026-09").sum("amount"), epsilon="0.02"),
        "times = 4",
    )


def test_numbers_of_the_catalog_are_written(module_shop, tx, publish):
    assert publish(asked(module_shop, by(tx, rows=20).sum("amount", bounds=(0, 200))))
    found = module_shop.suggest_bounds(tx, "amount", epsilon="1", period="2026-09")
    assert publish(found.release)


@pytest.mark.parametrize(
    ("period", "fine"),
    [
        ("2026-08", True), (("2026-03", "2026-09"), True), ("2026-Q3", True), ("2026-W30", True),
        (("1026-01", "2026-09"), False),
    ],
)  # fmt: skip
def test_a_period_is_a_step_of_the_calendar_from_a_written_one(
    module_shop, tx, publish, period, fine
):
    release = asked(module_shop, wb.query(tx, by="region", period=period).customers())
    if fine:
        assert publish(release)
    else:
        with pytest.raises(DefinitionError, match="its period"):
            publish(release)


def test_a_day_is_written_or_the_edge_of_a_month(module_shop, tx, publish):
    import ibis

    def until(day):
        return asked(module_shop, by(tx, where=tx.booked_on <= ibis.date(day)))

    with pytest.raises(DefinitionError, match="a day"):
        publish(until("2026-09-17"))
    assert publish(until("2026-09-17"), "day = '2026-09-17'")
    assert publish(until("2026-09-17"), "day = ibis.date(2026, 9, 17)")
    assert publish(until("2026-08-31"))


def test_what_arithmetic_stands_written():
    source = """
n = raw.max()
step = 50
edges = [step * i for i in range(1, 4)]
for low, share in zip([7, 11], (0.3, 0.9)):
    top = low * 1000
half, other = 1 / 8, -edges[0]
scale = n * 13
text = f"{n} of 99"
def f(each): return each + 41
late = [each * 5 for each in raw]
step_more = 3
step_more += n
sized = step_more + 60
grid = list(raw) + [n]
round(n / 77, 0)
year = int(period[:4]) - 5
"""
    found = read_code([source], {"period": "2026-09", "rate": "0.25"}).numbers
    assert set(map(plain_number, (50, 100, 150, 7000, 11000, 0.125, -50, 2021, 0.9))) <= found
    written = Written.of([], [source], {}, [])
    for computed in (63, 99, 587, 54, 118, 0.87):
        assert not written.has_number(str(computed)), computed
    assert not Written.of([], ["# 587 customers"], {}, []).has_number("587")


@pytest.mark.parametrize(
    "bomb",
    [
        "9 ** 9 ** 9 ** 9",
        "[0] * 10 ** 9",
        "range(10 ** 12)",
        "x = x + 1",
        "'a' * 10 ** 9",
        "1 / 0",
        "a[0][0]",
        "sum([1, 'a'])",
        "10 ** 64 ** 2",
    ],
)
def test_reading_code_runs_away_with_nothing(bomb):
    assert read_code([bomb, f"y = {bomb.partition('=')[2] or bomb}"])
