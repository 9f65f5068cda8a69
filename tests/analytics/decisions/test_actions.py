"""The next best action of each group: the surest gain, or none; and lists by persona."""

from dataclasses import replace
from itertools import product

import pytest
from factories.noisy import AMOUNT, MEAN, Books, answer, in_ledger, ledger

import workbench as wb
from workbench.errors import UnknownName
from workbench.privacy.columns import Dimension
from workbench.privacy.margins import Affine
from workbench.privacy.sheets import OPERATIONS, Sheet

PERSONA = Dimension("persona", "Persona", "category", ("Loyal", "New"), exclusive=True)
ACTION = Dimension("action", "Action", "category", ("call", "post", "app"))


def gains(figures, sigma=1.0):
    amounts = [each / 100 - 1000.0 for each in figures]
    truth = {"n": [1000.0] * 6, "amount": amounts}
    return answer((PERSONA, ACTION), truth, sigma=sigma, measures=(AMOUNT,))


def best(release, **options):
    return wb.next_best_action(Books().put(release), **{"gain": "amount_sum", **options})


def test_each_group_gets_the_action_that_gains_most_with_its_lead():
    found = best(gains([5000.0, 9000, 1000, 8000, 300, 200])).frame
    assert list(found.persona) == ["Loyal", "New"]
    assert list(found.action) == ["post", "call"]
    assert list(found.amount_sum) == pytest.approx([9000, 8000], rel=1e-4)
    assert list(found.lead) == pytest.approx([4000, 7700], rel=1e-4)
    assert max(found.wrong) < 1e-3


def test_where_no_gain_is_sure_it_says_so_and_the_margin_is_that_of_the_best_of_three():
    found = best(gains([100.0, 200, 150, 8000, 300, 200])).frame
    assert list(found.action) == ["none is sure: test first", "call"]
    assert found.wrong[0] > 0.5
    wide = (found.amount_sum_high - found.amount_sum) / (2**0.5 * 100)
    assert wide[1] == pytest.approx(2.388, abs=0.01)  # Šidák of three at 95 %


def test_it_is_computed_again(tmp_path):
    book = ledger(tmp_path)
    wb.next_best_action(in_ledger(gains([1.0, 2, 3, 4, 5, 6]), book), gain="amount_sum")
    assert book.verify() > 0


def test_bad_input():
    with pytest.raises(UnknownName, match="offer"):
        best(gains([1.0] * 6), action="offer")


def test_a_group_of_which_no_gain_is_known_waits_beside_the_others():
    truth = {"n": [0.0] * 3 + [1000.0] * 3, "amount": [0.0] * 3 + [-900.0, -980, -990]}
    made = answer((PERSONA, ACTION), truth, sigma=1.0, measures=(MEAN,))
    found = best(made, gain="amount_mean").columns
    assert found["action"] == ["none is sure: test first", "call"]
    assert found["amount_mean"][0] is None
    assert found["amount_mean"][1] is not None


def test_what_was_chosen_before_widens_the_margin_of_the_best_too():
    by, gain = (PERSONA, ACTION), replace(AMOUNT, name="gain")
    keys = tuple(product(PERSONA.values, ACTION.values))
    forms = {"gain": [Affine(1000.0 * at, {("noise", at): 1.0}) for at in range(len(keys))]}
    sheet = Sheet(by, keys, (gain,), forms, kept=0.25)  # of four rows one was kept for its figures
    found = OPERATIONS["next_best"](sheet, action="action", measure="gain")
    assert (found.among, found.kept, found.chosen) == (3, 0.25, 12)
