"""Figures are shown no finer than their margin, and never below what they can be."""

import pytest
from factories.noisy import AMOUNT, CUSTOMERS, RATE, REGION, answer
from hypothesis import given
from hypothesis import strategies as st

from workbench.privacy.columns import (
    Measure,
    decimals,
    digits_of,
    floored,
    limits,
    longer_side,
    number,
    placed,
    with_margin,
)

CHANGE = Measure("amount_sum_change", "derived", "Change", "CNY", 2)
GROWTH = Measure("growth", "derived", "Growth", "fraction", 4)


def test_a_large_margin_rounds_to_thousands():
    digits = decimals([72_009.3], AMOUNT.digits)
    assert digits == -3
    assert with_margin(AMOUNT, 3_283_417.2, 3_211_407.9, 3_355_426.5, digits) == (
        "3,283,000 ± 72,000"
    )


@pytest.mark.parametrize(
    ("margin", "most", "digits"),
    [
        (72.0, 2, 0),
        (7.2, 2, 1),
        (7.2, 0, 0),
        (0.072, 2, 2),
        (0.072, 4, 3),
        (9.96, 2, 0),
        (9.94, 2, 1),
        (100.0, 0, -1),
        (0.0, 2, 2),
    ],
)
def test_two_digits_of_the_margin(margin, most, digits):
    assert decimals([margin], most) == digits


def test_the_finest_row_decides_for_the_column():
    assert decimals([72_009.0, None, 4.2, 900.0], 2) == 1
    assert decimals([None], 2) == 2


@given(st.floats(1e-3, 1e9), st.floats(-1e9, 1e9))
def test_rounding_moves_no_figure_by_more_than_a_tenth_of_its_margin(margin, value):
    digits = decimals([margin], most=9)
    assert abs(float(number(value, digits).replace(",", "")) - value) <= 0.06 * margin + 1e-9


def test_floors():
    assert limits(CUSTOMERS) == (0.0, None)
    assert limits(RATE) == (0.0, 1.0)
    assert limits(AMOUNT) == (0.0, None)
    assert limits(CHANGE) == (None, None)
    assert (floored(CUSTOMERS, -3), floored(RATE, 1.2), floored(CHANGE, -3)) == (0.0, 1.0, -3)
    assert floored(CUSTOMERS, None) is None


def test_words():
    assert with_margin(CUSTOMERS, -3.0, -11.0, 5.0, 0) == "0 to 8"
    assert with_margin(RATE, 0.5, 0.41, 0.6, 3) == "50.0 ± 9.5 %"
    assert with_margin(RATE, 0.9, 0.7, 1.1, 3) == "90.0 (70.0 to 100.0) %"
    assert with_margin(GROWTH, -0.053, -0.064, -0.042, 3) == "-5.3 ± 1.1 %"
    assert with_margin(CUSTOMERS, 4.0, None, None, 0) == "4"
    assert with_margin(CUSTOMERS, None, None, None, 0) == "–"
    assert number(-0.2, 0) == "0"


def test_a_release_is_shown_so_and_stored_as_drawn():
    release = answer([REGION], {"n": [-2.0, 100.0, 3000.0]}, sigma=12.0)
    release = release.__class__(**{**vars(release), "columns": release.intervals().to_dict("list")})
    shown = release.shown()
    assert shown.customers.tolist() == ["0 to 24", "100 ± 24", "3,000 ± 24"]
    assert shown.amount_sum.tolist() == ["0 to 3,300", "10,000 ± 3,300", "300,000 ± 3,300"]
    assert release.columns["customers"][0] == -2.0


@pytest.mark.parametrize(
    ("measure", "figure", "shown"),
    [
        (AMOUNT, (-60_000.0, -108_000.0, -12_000.0), "0 to 48,000"),
        (AMOUNT, (10_000.0, -38_000.0, 58_000.0), "10,000 (0 to 58,000)"),
        (CUSTOMERS, (-90.0, -114.0, -66.0), "0 to 24"),
        (RATE, (1.02, 1.012, 1.028), "99.20 to 100.00 %"),
        (RATE, (-0.03, -0.05, -0.01), "0.0 to 2.0 %"),
        (RATE, (1.00002, 1.0, 1.00004), "99.998 to 100.000 %"),
        (CHANGE, (-60_000.0, -108_000.0, -12_000.0), "-60,000 ± 48,000"),
    ],
)
def test_an_interval_that_meets_a_limit_keeps_its_length(measure, figure, shown):
    value, low, high = placed(measure, *figure)
    assert low <= value <= high
    digits = digits_of(measure, [longer_side(value, low, high)])
    assert with_margin(measure, *figure, digits) == shown


@pytest.mark.parametrize("measure", [CUSTOMERS, AMOUNT, RATE, CHANGE, GROWTH])
@given(st.floats(-10, 10), st.floats(1e-5, 5), st.floats(1e-5, 5))
def test_no_interval_is_shorter_than_its_noise(measure, value, below, above):
    scale = 1.0 if measure in (RATE, GROWTH) else 1e6
    drawn = value * scale, (value - below) * scale, (value + above) * scale
    middle, low, high = placed(measure, *drawn)
    least, most = limits(measure)
    bottom, top = -1e99 if least is None else least, 1e99 if most is None else most
    assert bottom <= low <= middle <= high <= top
    # all that was drawn and can be is held, and the open side is as long as it was drawn
    if drawn[1] <= top and drawn[2] >= bottom:
        assert low <= max(drawn[1], bottom) + 1e-9
        assert high >= min(drawn[2], top) - 1e-9
    assert high == top or high - middle >= above * scale * (1 - 1e-6)
    assert low == bottom or middle - low >= below * scale * (1 - 1e-6)
    digits = digits_of(measure, [longer_side(middle, low, high)])
    ends = {number(each, digits) for each in (low, high)}
    assert len(ends) == 2, "an interval that looks like none"
