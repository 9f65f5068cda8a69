"""Cells gathered, described and graded by declared rules, on released figures only."""

import pytest
from factories.noisy import CHANNEL, CUSTOMERS, REGION, Books, answer

import workbench as wb
from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.columns import Dimension

BEFORE = Dimension("before", "Before", "category", ("good", "bad"), exclusive=True)
NOW = Dimension("now", "Now", "category", ("good", "bad"), exclusive=True)
MOVES = {"stayed": [["good", "good"], ["bad", "bad"]], "fell": [["good", "bad"]]}


@pytest.fixture
def books():
    return Books()


@pytest.fixture
def moves(books):
    cells = [80.0, 20.0, 5.0, 45.0]
    return books.put(answer([BEFORE, NOW], {"n": cells}, sigma=4.0, measures=(CUSTOMERS,)))


class TestRegroup:
    def test_cells_are_added_up_and_the_others_left_out(self, moves):
        made = moves.regroup(["before", "now"], "move", MOVES, name="moves")
        assert made.columns["move"] == ["stayed", "fell"]
        assert made.columns["customers"] == [125.0, 20.0]
        margins = [high - value for value, high in zip(
            made.columns["customers"], made.columns["customers_high"], strict=True)]  # fmt: skip
        assert margins == pytest.approx([1.96 * 4 * 2**0.5, 1.96 * 4], rel=1e-3)

    def test_other_columns_stay_in_their_order(self, books):
        cells = [float(i) for i in range(12)]
        whole = books.put(answer([REGION, BEFORE, NOW], {"n": cells}, measures=(CUSTOMERS,)))
        made = whole.regroup(["before", "now"], "move", MOVES)
        assert made.columns["region"] == ["North"] * 2 + ["South"] * 2 + ["West"] * 2
        assert made.columns["move"] == ["stayed", "fell"] * 3
        assert made.columns["customers"] == [3.0, 1.0, 11.0, 5.0, 19.0, 9.0]

    def test_it_is_replayed_by_what_is_derived_from_it(self, moves):
        made = moves.regroup(["before", "now"], "move", MOVES)
        (one,) = made.derive("customers", where={"move": "stayed"}).columns["customers"]
        assert one == 125.0

    def test_customers_who_may_be_in_several_cells_are_not_added(self, books):
        some = books.put(answer([CHANNEL], measures=(CUSTOMERS,)))
        with pytest.raises(QuestionRefused, match="would count again"):
            some.regroup(["channel"], "any", {"both": [["app"], ["branch"]]})

    @pytest.mark.parametrize(
        ("groups", "error", "message"),
        [
            ({"a": [["good"]]}, QuestionRefused, "has 1 values for the 2 columns"),
            ({"a": [["good", "goood"]]}, UnknownName, "good"),
            ({"a": [["good", "bad"]], "b": [["good", "bad"]]}, QuestionRefused, "count twice"),
        ],
    )
    def test_groups_that_are_none_are_refused(self, moves, groups, error, message):
        with pytest.raises(error, match=message):
            moves.regroup(["before", "now"], "move", groups)


class TestDescribe:
    def test_words_stand_beside_their_group(self, moves):
        made = moves.describe("before", "action", {"good": "Thank them"})
        assert made.columns["action"] == ["Thank them", "Thank them", "–", "–"]
        assert [each.name for each in made.by] == ["before", "action", "now"]
        assert made.columns["customers"] == moves.derive("customers").columns["customers"]

    def test_words_of_no_group_and_long_ones_are_refused(self, moves):
        with pytest.raises(UnknownName, match="value of before"):
            moves.describe("before", "action", {"goood": "x"})
        with pytest.raises(QuestionRefused, match="at most 60 characters"):
            moves.describe("before", "action", {"good": "x" * 61})


class TestGrade:
    def test_the_lower_end_of_the_margin_decides(self, moves):
        low = moves.derive("customers").columns["customers_low"]
        assert 72 < low[0] < 80
        made = moves.grade("customers", {"A": 75, "B": 36, "C": 0}, "size", title="Size")
        assert made.columns["size"] == ["B", "C", "not known", "B"]
        assert made.notes[-1] == (
            "Size: by the lower end of the margin of customers: A from 75, B from 36, C from 0."
        )

    def test_limits_of_a_share_are_said_as_the_share_is_shown(self, moves):
        made = moves.derive(wb.share("customers", name="part")).grade("part", {"A": 0.125, "B": 0})
        assert made.notes[-1].endswith(": A from 12.5%, B from 0%.")

    def test_what_is_suppressed_has_no_grade(self, moves):
        made = moves.suppress(min_customers=50).grade("customers", {"A": 0})
        assert made.columns["grade"] == ["A", "not known", "not known", "not known"]

    def test_limits_fall(self, moves):
        with pytest.raises(QuestionRefused, match="from the highest limit to the lowest"):
            moves.grade("customers", {"A": 1, "B": 2})
        with pytest.raises(QuestionRefused, match="the least figure of each"):
            moves.grade("customers", {})
        with pytest.raises(UnknownName, match="customers"):
            moves.grade("custmers", {"A": 1})
