"""Axes are declared: bounds, scale and cells; every value has one place and one cell."""

import numpy as np
import pytest

from workbench.errors import QuestionRefused
from workbench.privacy.models.axes import Axis


def test_a_value_is_in_the_cell_a_question_counts_it_in():
    axis = Axis("amount", 5, 1000, cells=8)
    edges = axis.bands().edges
    values = [-3, 0, 5, edges[0] - 0.01, edges[0], edges[3], 999, 1e9]
    assert axis.cell(values).tolist() == [0, 0, 0, 0, 1, 4, 7, 7]


def test_coarser_levels_join_neighbouring_cells():
    axis = Axis("amount", 5, 1000, cells=8)
    assert axis.bands(1).edges == axis.edges[1::2]
    assert axis.bands(2).edges == (axis.edges[3],)
    assert axis.bands().of == "customer"


def test_places_run_from_0_to_1_and_back_and_stop_at_the_bounds():
    axis = Axis("amount", 5, 1000)
    assert axis.place([-10, 5, 1000, 10**6]).tolist() == [0, 0, 1, 1]
    assert np.allclose(axis.value(axis.place([7.5, 80, 900])), [7.5, 80, 900])
    linear = Axis("balance", -100, 100, cells=4, scale="linear")
    assert linear.place([-100, 0, 50]).tolist() == [0, 0.5, 0.75]


def test_days_have_whole_edges_each_at_least_a_day_apart():
    axis = Axis("frequency_days", 1, 30, cells=12)
    assert axis.edges == (2, 3, 4, 5, 6, 7, 9, 11, 15, 19, 24)
    assert all(isinstance(edge, int) for edge in axis.edges)


def test_what_stands_for_a_cell_of_whole_numbers_is_their_mean_place():
    axis = Axis("frequency_days", 1, 9, cells=4)  # cells 1 | 2 | 3 4 5 | 6 7 8 9
    assert axis.edges == (2, 3, 6)
    middles = axis.middles()
    assert middles[0] == axis.place(1) == 0
    assert middles[1] == axis.place(2)
    assert middles[2] == pytest.approx(axis.place([3, 4, 5]).mean())
    assert middles[3] == pytest.approx(axis.place([6, 7, 8, 9]).mean())
    # one value cannot be cut: both parts stand for it
    assert axis.middles(2)[:2].tolist() == [0, 0]
    assert np.allclose(axis.middles(2)[4:6], [axis.place([3, 4]).mean(), axis.place(5)])


def test_what_stands_for_a_cell_of_amounts_is_its_middle_on_the_scale():
    axis = Axis("amount", 0, 80, cells=4, scale="linear")
    assert axis.value(axis.middles()).tolist() == [10, 30, 50, 70]
    assert axis.value(axis.middles(2))[:2] == pytest.approx([5, 15])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"low": 5, "high": 5}, "two finite numbers, rising"),
        ({"low": float("nan"), "high": 5}, "two finite numbers, rising"),
        ({"low": 0, "high": float("inf")}, "two finite numbers, rising"),
        ({"low": 0, "high": 9, "scale": "sqrt"}, "'log1p' or 'linear', not 'sqrt'"),
        ({"low": -5, "high": 9}, "begins above -1"),
        ({"low": 0, "high": 9, "cells": 1}, "2 to 101 cells, not 1"),
        ({"low": 0, "high": 9, "cells": 1000}, "2 to 101 cells, not 1000"),
        ({"low": 0, "high": 9, "cells": 12, "digits": 0}, "more than there are values"),
    ],
)
def test_an_axis_that_cannot_be_is_refused(parameters, message):
    with pytest.raises(QuestionRefused, match=message):
        Axis("amount", **parameters)
