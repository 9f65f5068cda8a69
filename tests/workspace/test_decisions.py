"""The decision log: what a decision rests on is there, and what came of it beside the expected."""

import datetime as dt
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from factories.notebooks import code, markdown, notebook, written
from factories.pages import CONTEXT
from support.line import write_report

import workbench as wb
from workbench.errors import DefinitionError, InputError, StorageError, UnknownName
from workbench.lifecycle.decisions import Decision, Outcome
from workbench.reporting.exporter import export
from workbench.reporting.gate.leaks import refuse_leaks
from workbench.reporting.published.files import FILE
from workbench.reporting.published.record import Edition, Withdrawal

DAY = dt.date(2026, 8, 15)
WITHDRAWN = Withdrawal(at="2026-09-05T08:00:00+00:00", reason="wrong rows")
GONE = r"'daily/2026-08' was withdrawn on 2026-09-05 \(wrong rows\)\. .* publishes it anew"
ABOUT = {"owner": "sales", "measure": "Customers in a month", "expected": 600.0, "low": 570.0,
         "high": 630.0, "on": DAY}  # fmt: skip


def asked(shop, **more):
    tx = shop.open("transactions", "reporting")
    query = wb.query(tx, period="2026-09", **more).customers()
    return shop.release(query, name="active", epsilon=0.5)


@pytest.fixture
def release(shop):
    return asked(shop)


def decided(shop, release, **changed):
    about = {**ABOUT, "releases": [release.id], **changed}
    return shop.decisions.record("Open on Sundays", **about)


def test_a_decision_and_what_came_of_it_by_a_release(shop, release):
    name = decided(shop, release, due=dt.date(2026, 10, 1)).id
    assert name == "DC-2026-001"
    found = shop.decisions.review(name, release=release.id)
    (value,), (margin,) = release.columns["customers"], release.margin("customers")
    assert found.outcome.on == dt.date(2026, 9, 30)
    assert (found.outcome.value, found.outcome.release) == (value, release.id)
    assert found.difference == value - 600
    assert found.margin == pytest.approx(np.hypot(30, margin), rel=0.1)
    assert found.beyond_noise is (abs(value - 600) > found.margin)
    assert shop.decisions.all() == (found,)


def test_the_margin_of_the_difference_covers_what_noise_does(size):
    """Where nothing but noise is between them, 95 of 100 differences lie within their margin."""
    draws = 4_000 if size == "smoke" else 400_000
    random = np.random.default_rng(7)
    expected, actual = 100 + 5 * random.normal(size=(2, draws))
    half = 1.96 * 5
    beyond = [
        Decision("", "", "", DAY, (), (), "", "", e, e - half, e + half, None,
                 Outcome(DAY, a, a - half, a + half)).beyond_noise
        for e, a in zip(expected, actual, strict=True)
    ]  # fmt: skip
    assert np.mean(beyond) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / draws))


@pytest.mark.parametrize(
    ("actual", "margin", "beyond"),
    [(620, 0, False), (631, 0, True), (631, 10, False), (569, 0, True), (560, 40, False)],
)
def test_a_number_with_its_margin(shop, release, actual, margin, beyond):
    name = decided(shop, release).id
    found = shop.decisions.review(name, value=actual, margin=margin)
    assert found.beyond_noise is beyond


def test_the_newest_outcome_counts_and_the_earlier_stays_on_record(shop, release):
    name = decided(shop, release).id
    shop.decisions.review(name, value=700, margin=5, on=dt.date(2026, 9, 20))
    shop.decisions.review(name, value=610, margin=5, on=dt.date(2026, 9, 10))
    assert shop.decisions.all()[0].outcome.value == 700
    assert len(shop.decisions.register.of(name)) == 3


WRONG = {
    "no-release": ({"releases": ["r-00000x"]}, UnknownName, "Did you mean"),
    "no-edition": ({"editions": ["customers/2026-09"]}, UnknownName, "no published edition named"),
    "nothing-to-rest-on": ({"releases": []}, InputError, "say what it rests on"),
    "interval": ({"low": 601.0}, InputError, "601 to 630 does not hold 600"),
    "not-a-number": ({"expected": float("nan")}, InputError, "does not hold nan"),
    "no-owner": ({"owner": " "}, InputError, "say with --owner"),
    "no-title": ({"measure": ""}, InputError, "say with --measure"),
    "to-come": ({"on": dt.date(2026, 10, 3)}, InputError, "2026-10-03 is to come"),
    "due-before": ({"due": DAY}, InputError, "Give a later --due"),
    "withdrawn": ({"editions": ["daily/2026-08"]}, InputError, GONE),
    "withdrawn-revision": ({"editions": "daily/2026-08/r1"}, InputError, GONE),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_contradicts_itself_or_rests_on_nothing_is_refused(shop, release, name):
    gone = Edition(report="daily", period="2026-08", title="t", withdrawn=WITHDRAWN)
    folder = shop.settings.path("published") / "daily/2026-08/r1"
    folder.mkdir(parents=True)
    (folder / FILE).write_text(gone.to_json())
    changed, error, said = WRONG[name]
    with pytest.raises(error, match=said):
        decided(shop, release, **changed)
    assert shop.decisions.all() == ()


def test_what_is_named_twice_stands_once_and_what_is_not_known_is_no_ground(shop, release):
    name = decided(shop, release, releases=[release.id, release.id]).id
    assert shop.decisions.all()[0].releases == (release.id,)
    for _ in range(2):
        shop.decisions.review(name, value=610, margin=5)
    assert len(shop.decisions.register.of(name)) == 2
    nobody = asked(shop, by="region").suppress(min_customers=10_000)
    with pytest.raises(InputError, match=f"{nobody.id} knows no figure"):
        decided(shop, nobody)
    assert decided(shop, release, releases=release.id).id == "DC-2026-002"


REVIEWS = {
    "unknown-decision": ({"name": "DC-2026-002"}, UnknownName, "Did you mean 'DC-2026-001'"),
    "before": ({"on": DAY}, InputError, "decided on 2026-08-15: its outcome is of a day after"),
    "to-come": ({"on": dt.date(2026, 10, 3)}, InputError, "not of 2026-10-03"),
    "no-margin": ({"margin": None}, InputError, "--value with --margin"),
    "both": ({"release": "r-000001"}, InputError, "--value with --margin"),
    "margin-of-a-release": ({"value": None, "release": "r-000001"}, InputError, "and not both"),
    "figure-of-no-release": ({"of": "customers"}, InputError, "and not both"),
    "row-of-no-release": ({"where": {"region": "west"}}, InputError, "and not both"),
    "nothing": ({"value": None, "margin": None}, InputError, "--value with --margin"),
    "negative-margin": ({"margin": -1.0}, InputError, "does not hold 600"),
}


@pytest.mark.parametrize("name", REVIEWS)
def test_an_outcome_that_can_be_none_is_refused(shop, release, name):
    decided(shop, release)
    changed, error, said = REVIEWS[name]
    with pytest.raises(error, match=said):
        shop.decisions.review(**{"name": "DC-2026-001", "value": 600.0, "margin": 1.0, **changed})
    assert shop.decisions.all()[0].outcome is None


def test_a_release_of_several_rows_or_of_before_or_in_another_unit(shop, release):
    name = decided(shop, release).id
    regions = asked(shop, by="region")
    row = regions.columns["region"][0]
    for more, error, said in (
        ({}, InputError, r"Name it by its groups \(region\)"),
        ({"where": {"regoin": row}}, UnknownName, "Did you mean 'region'"),
        ({"of": "customer"}, UnknownName, "Did you mean 'customers'"),
    ):
        with pytest.raises(error, match=said):
            shop.decisions.review(name, release=regions.id, **more)
    found = shop.decisions.review(name, release=regions.id, where={"region": row})
    assert found.outcome.value == regions.columns["customers"][0]
    later = decided(shop, release, on=dt.date(2026, 10, 1)).id
    with pytest.raises(InputError, match="decided on 2026-10-01"):
        shop.decisions.review(later, release=release.id)
    share = regions.derive(wb.share("customers", name="part"), name="parts")
    with pytest.raises(InputError, match="counted in %, and what was expected in no unit"):
        shop.decisions.review(name, release=share.id, where={"region": row})
    euros = decided(shop, release, unit="EUR").id
    with pytest.raises(InputError, match="counted in customers, and what was expected in EUR"):
        shop.decisions.review(euros, release=release.id)
    percent = decided(shop, release, unit="%", expected=40, low=30, high=50).id
    found = shop.decisions.review(percent, release=share.id, where={"region": row})
    assert found.outcome.value == pytest.approx(100 * share.columns["part"][0])


def page(figure, ws, said=()):
    made = notebook(markdown("# What we decided"), code(repr(said), figure))
    return export(
        made,
        source_notebook=written(made),
        lookup=ws.ledger.checked,
        context=replace(CONTEXT, facts=None),
    )


def test_a_later_edition_shows_expected_against_actual(shop, release):
    first = decided(shop, release).id
    shop.decisions.review(first, value=700, margin=10)
    decided(shop, release, unit="EUR", on=dt.date(2026, 9, 1))
    shown = shop.decisions.results("2026-09")
    assert shown.columns["verdict"] == ["not known yet", "more than noise"]
    assert shown.columns["over_margin"][1] == pytest.approx(100 / np.hypot(30, 10))
    assert shown.columns["actual"] == ["–", "700 [690; 710]"]
    assert len(shop.decisions.results("2026-08")) == 1
    made = page(wb.figures.table(shown), shop)
    refuse_leaks(made, shop.access.find_identifiers)
    assert "600 [570; 630] EUR" in made.html
    assert release.id not in made.html.partition("700 [690")[2][:200]


@pytest.mark.parametrize("named", ["Ask Given7 Family7 first", "Close the account of K-000007"])
def test_a_customer_in_a_decisions_words_reaches_neither_log_nor_page(shop, release, named):
    with pytest.raises(InputError, match="holds a customer's key, name or other identifier"):
        shop.decisions.record(named, **ABOUT, releases=[release.id])
    assert shop.decisions.all() == ()


def test_what_a_person_told_is_said_to_be_no_released_figure(shop, release):
    decided(shop, release)
    (note,) = shop.decisions.results("2026-09").notes
    assert "no released figure" in note
    assert "but for 0 of 1 decisions" in note


@pytest.mark.parametrize("variable", ["WORKBENCH_RUN_REPORT", "WORKBENCH_PLAN"])
def test_a_report_records_nothing(shop, release, monkeypatch, variable):
    name = decided(shop, release).id
    monkeypatch.setenv(variable, "daily")
    for record in (
        lambda: decided(shop, release),
        lambda: shop.decisions.review(name, value=587, margin=0),
    ):
        with pytest.raises(InputError, match="not by a report that runs"):
            record()
    assert shop.decisions.all()[0].outcome is None


def test_a_log_that_is_gone_is_not_taken_for_an_empty_one(shop, release):
    decided(shop, release)
    (shop.private / "audit.sqlite").unlink()
    again = wb.open_workspace(shop.settings.root, now=shop.now)
    with pytest.raises(StorageError, match="is lost, was cut or begun anew"):
        again.decisions.all()


def offered(shop, gain, name):
    """Return a gain of one row, in euros."""
    each = asked(shop).derive(
        (wb.column("customers") * gain).named("gain", "Gain", "EUR", 0), name=name
    )
    return {"of": each, "measure": "gain", "if_wrong": "Nothing lost", "evidence": "daily"}


@pytest.fixture
def daily(shop):
    """Put a report beside the shop that decisions rest on."""
    write_report(shop.settings.root, name="daily")
    return shop


def test_advice_is_by_the_whole_margin_of_all_decisions_at_once(daily):
    release = asked(daily)
    all_, margin = release.columns["customers"][0], release.margin("customers")[0]
    proposals = [
        daily.decisions.propose(title, **{**offered(daily, 1, title), "of": release.derive(
            (wb.column("customers") - (all_ - above * margin)).named("gain", "Gain", "EUR", 0),
            name=title)})
        for title, above in {"sure": 1.5, "nearly": 1.1, "loss": -1.5}.items()
    ]  # fmt: skip
    alone = daily.decisions.waiting("2026-09", proposals[1:2])
    assert alone.columns["recommendation"] == ["Go ahead"]
    shown = daily.decisions.waiting("2026-09", proposals)
    assert shown.columns["recommendation"] == ["Go ahead", "Wait", "Leave it"]  # three at once
    wider = NormalDist().inv_cdf(0.5 + 0.95 ** (1 / 3) / 2) / NormalDist().inv_cdf(0.975)
    found = shown.columns["expected_high"][0] - shown.columns["expected"][0]
    assert found == pytest.approx(margin * wider, rel=0.01)


def test_what_is_not_known_waits_beside_the_others(daily):
    nobody = asked(daily, by="region").suppress(min_customers=10_000)
    gone = nobody.derive(
        (wb.column("customers") * 2).named("gain", "Gain", "EUR", 0),
        where={"region": nobody.columns["region"][0]}, name="gone",
    )  # fmt: skip
    shown = daily.decisions.waiting("2026-09", [
        daily.decisions.propose("gone", **{**offered(daily, 2, "x"), "of": gone}),
        daily.decisions.propose("there", **offered(daily, 2, "there")),
    ])  # fmt: skip
    assert shown.columns["recommendation"] == ["Wait", "Go ahead"]
    assert shown.columns["expected"][0] is None
    wb.figures.table(shown)


@pytest.mark.parametrize("where", ["title", "if_wrong"])
def test_computed_words_of_a_proposal_are_not_published(daily, where):
    one = {"title": "Call them", **offered(daily, 2, "gain")}
    said = ["Call them", "Nothing lost", "active", "gain", "Gain", "EUR", "2"]
    proposal = daily.decisions.propose(**{**one, where: f"{587} of them owe"})
    figure = wb.figures.table(daily.decisions.waiting("2026-09", [proposal]))
    with pytest.raises(DefinitionError, match="Write it out"):
        page(figure, daily, said)
    assert page(figure, daily, [*said, "587 of them owe"])


def test_a_computed_number_in_what_a_proposal_may_bring_is_not_published(daily):
    counted = asked(daily).derive(
        (wb.column("customers") * 1e-9 + 587).named("gain", "Gain", "EUR", 0), name="gain"
    )
    one = {**offered(daily, 2, "gain"), "of": counted}
    figure = wb.figures.table(
        daily.decisions.waiting("2026-09", [daily.decisions.propose("Call them", **one)])
    )
    said = ["Call them", "Nothing lost", "active", "gain", "Gain", "EUR", "1e-9"]
    with pytest.raises(DefinitionError, match="a number in a derived figure"):
        page(figure, daily, said)
    assert page(figure, daily, [*said, "587"])


def test_what_cannot_stand_beside_each_other_is_refused(daily):
    one = daily.decisions.propose("one", **offered(daily, 2, "one"))
    other = daily.decisions.propose("other", **{**offered(daily, 2, "two"), "of": asked(daily),
                                                "measure": "customers"})  # fmt: skip
    with pytest.raises(InputError, match="in EUR, customers"):
        daily.decisions.waiting("2026-09", [one, other])
    with pytest.raises(InputError, match="in none"):
        daily.decisions.waiting("2026-09", [])
    with pytest.raises(InputError, match="has 3 rows; a decision is of one"):
        daily.decisions.propose("x", **{**offered(daily, 2, "x"), "of": asked(daily, by="region"),
                                        "measure": "customers"})  # fmt: skip
    with pytest.raises(UnknownName, match="Did you mean 'gain'"):
        daily.decisions.propose("x", **{**offered(daily, 2, "x"), "measure": "gian"})
    wrong = daily.decisions.propose("x", **{**offered(daily, 2, "x"), "evidence": "dialy"})
    with pytest.raises(UnknownName, match="Did you mean 'daily'"):
        daily.decisions.waiting("2026-09", [wrong])


def test_a_table_keeps_the_order_of_its_columns_and_leads_to_editions(daily):
    proposal = daily.decisions.propose("one", **offered(daily, 2, "one"))
    withdrawn = Edition(report="daily", period="2026-09", title="t", withdrawn=WITHDRAWN)
    folder = daily.settings.path("published") / "daily/2026-09/r1"
    folder.mkdir(parents=True)
    for edition, way in ((withdrawn, ""), (withdrawn.model_copy(update={"withdrawn": None}),
                                           "daily/2026-09/index.html")):  # fmt: skip
        (folder / FILE).write_text(edition.to_json())
        shown = daily.decisions.waiting("2026-09", [proposal])
        assert shown.columns["evidence_en"] == [way]
    order = ["decision", "expected", "evidence"]
    grid = wb.figures.table(shown, columns=[*order, "recommendation", "if_wrong"]).drawn().grid
    assert [each.text for each in grid.heads][:3] == ["Decision", "Expected (EUR)", "Evidence"]
    assert (grid.row_heads, grid.rows[0][1].numeric) == (1, True)
    assert grid.rows[0][2].way == "daily/2026-09/index.html"
