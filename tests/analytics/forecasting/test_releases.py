"""A forecast of a release: lines, agreement, one that anybody can compute again, and refusals."""

import numpy as np
import pytest
from factories.noisy import (
    CHANNEL,
    CUSTOMERS,
    MEDIAN,
    REGION,
    Books,
    answer,
    in_ledger,
    ledger,
)  # fmt: skip

import workbench as wb
from workbench.errors import InputError, LedgerError, QuestionRefused, UnknownName
from workbench.periods import Period
from workbench.privacy.columns import Dimension
from workbench.privacy.replaying import require_replayed
from workbench.privacy.sheets import apply
from workbench.privacy.tables import sheet_of

SIGMA = 20.0


def periods(count, first="2024-01"):
    found = [Period.parse(first)]
    while len(found) < count:
        found.append(found[-1].next())
    return tuple(each.text for each in found)


def month(count=30, first="2024-01"):
    name = Period.parse(first).kind
    return Dimension(name, name.capitalize(), "month", periods(count, first))


def sales(by=None, *, rise=0.0, sigma=SIGMA, seed=0, books=None):
    """Return customers by region and month: a level each, and a rise planted in the South."""
    by = by or (REGION, month())
    dice = np.random.default_rng(seed)
    times = next(len(each.values) for each in by if each.kind == "month")
    groups = int(np.prod([len(each.values) for each in by])) // times
    level = 1000.0 * (1 + np.arange(groups))[:, None] + np.zeros((groups, times))
    level[min(1, groups - 1)] += rise * np.maximum(0, np.arange(times) - times + 3)
    shown = level + dice.normal(0, sigma, level.shape)
    cells = list(shown.ravel() if by[0].kind != "month" else shown.T.ravel())
    return (books or Books()).put(answer(by, {"n": cells}, sigma=sigma, measures=(CUSTOMERS,)))


def figures(found, line, **where):
    frame = found.frame
    for name, value in {"line": line, **where}.items():
        frame = frame[frame[name] == value]
    return frame.customers.to_numpy(float)


def test_parts_and_totals_agree_line_by_line_and_the_released_stay():
    asked = sales()
    found = wb.forecast(asked, "customers", horizon=4)
    assert found.name == "answer-1-forecast"
    assert not found.cost.pico
    for line in ("released", "smoothed", "forecast"):
        parts = sum(figures(found, line, region=each) for each in REGION.values)
        np.testing.assert_allclose(figures(found, line, region="All together"), parts, rtol=1e-9)
    np.testing.assert_allclose(
        figures(found, "released", region="North"),
        asked.derive("customers").frame.customers[:30],
        rtol=1e-9,
    )
    coming = found.frame[found.frame.line == "forecast"]
    assert list(coming.month.unique()) == ["2026-07", "2026-08", "2026-09", "2026-10"]


@pytest.mark.parametrize(("at", "line"), [(15, 4000.0), (0, None), (17, None)])
def test_a_month_that_stands_out_is_left_out_of_the_line_unless_it_is_an_end(at, line):
    shown = 4000 + np.random.default_rng(0).normal(0, SIGMA, 18)
    shown[at] = 0.0  # nothing was loaded, say
    made = answer((month(18),), {"n": list(shown)}, sigma=SIGMA, measures=(CUSTOMERS,))
    found = wb.forecast(Books().put(made), "customers")
    told = [note for note in found.notes if "stands out" in note or "level changes" in note]
    assert len(told) == 1
    assert ("leave it out" in told[0]) is bool(line)
    assert figures(found, "released")[at] == pytest.approx(0, abs=1)
    if line:
        np.testing.assert_allclose(figures(found, "smoothed"), line, atol=3 * SIGMA)
        np.testing.assert_allclose(figures(found, "forecast"), line, atol=3 * SIGMA)
        low, high = (found.frame[f"customers_{end}"].iloc[18 + at] for end in ("low", "high"))
        assert low <= line <= high


def test_a_forecast_of_before_comes_out_as_it_did():
    shown = 4000 + np.random.default_rng(0).normal(0, SIGMA, 18)
    shown[15] = 0.0
    made = answer((month(18),), {"n": list(shown)}, sigma=SIGMA, measures=(CUSTOMERS,))
    asked = {"measure": "customers", "horizon": 3, "rule": "level"}
    before, now = (
        apply("forecast", asked | more, [sheet_of(made)]) for more in ({}, {"apart": True})
    )
    assert before.forms["customers"][18 + 15].value < 3000 < now.forms["customers"][18 + 15].value


def test_margins_of_a_total_are_those_of_the_sum_of_its_parts():
    found = wb.forecast(sales(), "customers", horizon=2).derive(where={"line": "forecast"})
    sides = [found.derive("customers", where={"region": each}) for each in REGION.values]
    added = sides[0].derive(
        (wb.column("customers") * 1.0 - wb.column("customers", of=sides[1]) * -1.0).named(
            "both", "Both"
        )
    )
    total = found.derive("customers", where={"region": "All together"})
    rest = total.derive(wb.difference("customers", against=sides[2], name="both", title="Both"))
    np.testing.assert_allclose(rest.frame.both, added.frame.both, rtol=1e-9)
    np.testing.assert_allclose(rest.frame.both_high, added.frame.both_high, rtol=1e-6)


def test_smoothed_lines_are_narrower_and_revisions_say_what_a_month_changed():
    books = Books()
    found = wb.forecast(sales(books=books), "customers")
    frame = found.frame[found.frame.region == "North"]
    width = (frame.customers_high - frame.customers_low).groupby(frame.line).mean()
    assert width["smoothed"] < 0.7 * width["released"]
    smoothed = frame[frame.line == "smoothed"]
    assert smoothed.customers_revision.notna().sum() == 29
    assert smoothed.customers_revision.iloc[-1] is None or np.isnan(
        smoothed.customers_revision.iloc[-1]
    )
    assert 0 < smoothed.customers_revision[:-1].abs().max() < SIGMA


def test_a_forecast_is_stored_and_computed_again_and_another_is_refused(tmp_path):
    book = ledger(tmp_path)
    asked = in_ledger(sales(), book)
    found = wb.forecast(asked, "customers")
    assert found.id.startswith("d-")
    assert wb.forecast(asked, "customers").id == found.id
    assert book.verify() > 0
    changed = {**found.columns, "customers": [1.0, *found.columns["customers"][1:]]}
    with pytest.raises(LedgerError, match="other figures"):
        require_replayed(
            type(found)(**{**vars(found), "columns": changed}), asked.origin.find
        )  # fmt: skip


def test_a_planted_break_and_the_rule_are_said():
    found = wb.forecast(sales(rise=150.0), "customers")
    said = " ".join(found.notes)
    assert "seasonal naive rule" in said
    assert "95 % margins held" in said
    assert "South: the trend breaks in 2026-05" in said


def test_a_line_chart_draws_it_in_both_languages():
    from workbench.figures.language import Language

    found = wb.forecast(sales(), "customers").derive("customers", where={"region": "All together"})
    spec = wb.figures.line(found, x="month", y="customers", color="line").spec
    drawn = spec.draw([found], Language("zh"))
    names = {trace.get("name") for trace in drawn.figure["data"]}
    assert {"已发布", "平滑", "预测"} <= names


@pytest.mark.parametrize("first", ["2024-W40", "2023-Q1"])
def test_weeks_and_quarters_go_on_as_their_calendar_does(first):
    axis = month(14, first)
    found = wb.forecast(sales((axis,)), "customers", horizon=2, name="weekly")
    last = Period.parse(axis.values[-1])
    coming = found.frame[found.frame.line == "forecast"][axis.name]
    assert list(coming) == [last.next().text, last.next().next().text]


def test_one_group_has_no_total_and_two_group_columns_have_all_of_them():
    alone = Dimension("region", "Region", "category", ("North",), exclusive=True)
    found = wb.forecast(sales((month(12), alone)), "customers", horizon=1)
    assert set(found.frame.region) == {"North"}
    both = Dimension("channel", "Channel", "category", ("app", "branch"), exclusive=True)
    two = wb.forecast(sales((month(12), REGION, both)), "customers", horizon=1)
    app = [figures(two, "forecast", region=each, channel="app")[0] for each in REGION.values]
    whole = figures(two, "forecast", region="All together", channel="app")[0]
    assert whole == pytest.approx(sum(app))


def test_customers_who_may_be_in_several_groups_are_not_added():
    found = wb.forecast(sales((month(12), CHANNEL)), "customers", horizon=1)
    assert set(found.frame.channel) == {"app", "branch"}


def test_a_negative_figure_is_noise_and_is_shown_as_none():
    small = sales((month(12),), sigma=3000.0, seed=4)
    assert min(wb.forecast(small, "customers").frame.customers_low) < 0
    assert "-" not in "".join(wb.forecast(small, "customers").shown().customers)


@pytest.mark.parametrize(
    ("by", "options", "error", "message"),
    [
        ((REGION,), {}, QuestionRefused, "by month or week, and these are by region"),
        ((month(7),), {}, InputError, "at least 8 figures"),
        (
            (Dimension("month", "Month", "month", (*periods(9), "2025-01")),),
            {},
            InputError,
            "after 2024-09 comes 2024-10, not 2025-01",
        ),
        ((month(9),), {"horizon": 0}, InputError, "1 to 53"),
        ((month(9),), {"rule": "arima"}, InputError, "one of seasonal naive"),
        ((month(9),), {"measure": "amount_sum"}, UnknownName, "amount_sum"),
    ],
)
def test_what_cannot_be_foretold_is_refused(by, options, error, message):
    asked = answer(
        by, {"n": [100.0] * np.prod([len(each.values) for each in by])}, measures=(CUSTOMERS,)
    )
    with pytest.raises(error, match=message):
        wb.forecast(Books().put(asked), **{"measure": "customers", **options})


def test_a_median_is_not_foretold():
    asked = answer((month(9),), measures=(MEDIAN,))
    with pytest.raises(QuestionRefused, match="does not add up"):
        wb.forecast(Books().put(asked), "amount_q50")


def test_a_backtest_of_a_release_is_by_group():
    found = wb.backtest(sales((month(14), REGION)), "customers", horizon=2)
    assert list(found.columns[:3]) == ["region", "rule", "horizon"]
    assert len(found) == 4 * 3 * 2
    with pytest.raises(InputError, match="which figure"):
        wb.backtest(sales((month(14),)))


@pytest.mark.parametrize("rule", [None, "level", "trend", "seasonal naive"])
def test_a_series_that_begins_too_late_for_a_season_is_foretold_without_one(rule):
    dice = np.random.default_rng(2)
    shown = np.r_[1000 + dice.normal(0, 20, 20), np.zeros(10), 1000 + dice.normal(0, 20, 10)]
    two = Dimension("region", "Region", "category", ("N", "S"), exclusive=True)
    made = answer((two, month(20)), {"n": list(shown)}, sigma=SIGMA, measures=(CUSTOMERS,))
    found = wb.forecast(
        Books().put(made).suppress(min_customers=100), "customers", horizon=2, rule=rule
    )
    for region in ("N", "S"):
        assert abs(figures(found, "forecast", region=region) - 1000).max() < 5 * SIGMA
    told = [note for note in found.notes if note.startswith("Forecast")]
    assert ("as was asked, though another erred 0." in told[0]) is (rule == "seasonal naive")
    assert "nan" not in told[0]


def test_a_forecast_of_before_keeps_the_season_that_it_had():
    shown = np.r_[[-5.0] * 10, 1000 + np.random.default_rng(1).normal(0, 20, 10)]
    made = answer((month(20),), {"n": list(shown)}, sigma=SIGMA, measures=(CUSTOMERS,))
    sheet = sheet_of(Books().put(made).suppress(min_customers=100))
    asked = {"measure": "customers", "horizon": 2, "rule": "seasonal naive", "apart": True}
    before, now = (apply("forecast", asked | x, [sheet]) for x in ({}, {"late": True}))
    assert [form is None for form in before.forms["customers"]][-2:] == [False, False]
    assert np.isnan(before.forms["customers"][-1].value)
    assert now.forms["customers"][-1].value == pytest.approx(1000, abs=5 * SIGMA)
