"""Of a report that is only planned no figure is known: operations give their rows without any."""

from dataclasses import replace

import pytest
from factories.noisy import CUSTOMERS, answer

import workbench.analytics.operations  # noqa: F401  # why: it registers them
from workbench.periods import Period
from workbench.privacy.columns import Dimension, Measure
from workbench.privacy.sheets import apply
from workbench.privacy.tables import sheet_of

ARM = Dimension("arm", "Arm", "category", ("treated", "control"), exclusive=True)
BAND = Dimension("score_band", "Score", "band", ("low", "middle", "high"), exclusive=True)
GRADE = Dimension("grade", "Grade", "category", ("A", "B"), exclusive=True)
ACTION = Dimension("action", "Action", "category", ("call", "mail"), exclusive=True)
MONTHS = tuple(Period.parse(f"2026-{month:02d}").text for month in range(1, 13))
MONTH = Dimension("month", "Month", "month", MONTHS, exclusive=True)
RATE = Measure("bad_rate", "rate", "Bad, share", None, 4)
GAIN = Measure("gain", "sum", "Gain", "CNY", 0)
BOOK = {
    "pd": "bad_rate",
    "lgd": 0.45,
    "ead": 20_000,
    "correlation": 0.15,
    "count": "customers",
    "level": 0.999,
    "unit": "CNY",
}
PAIR = {"measure": "bad_rate", "arm": "arm", "values": ["treated", "control"]}
OFFERS = {"cost": 2.0, "gain": "gain", "limits": [["at risk", {"at_least": 50.0}]]}
CASES = [
    ("forecast", {"measure": "customers", "horizon": 3, "rule": None}, (MONTH,), 27),
    ("portfolio_loss", {"book": BOOK, "draws": 100, "scenarios": [["bad", {}]]}, (GRADE,), 2),
    ("tornado", {"book": BOOK, "spans": [["pd", 0.2]], "of": "expected_loss"}, (GRADE,), 2),
    ("readout", {**PAIR, "worth": 0.01}, (ARM,), 1),
    ("qini", PAIR, (BAND, ARM), 8),
    ("next_best", {"action": "action", "measure": "gain"}, (GRADE, ACTION), 2),
]


def planned(by):
    cells = 1
    for each in by:
        cells *= len(each.values)
    made = answer(list(by), {"n": [1.0] * cells}, sigma=1.0, measures=(CUSTOMERS,))
    sheet = sheet_of(made)
    measures = (CUSTOMERS, RATE, GAIN)
    return replace(sheet, measures=measures, forms={m.name: [None] * cells for m in measures})


@pytest.mark.parametrize(("name", "arguments", "by", "rows"), CASES, ids=[c[0] for c in CASES])
def test_rows_without_figures(name, arguments, by, rows):
    made = apply(name, arguments, [planned(by)])
    assert len(made.keys) == rows
    figures = {each: forms for each, forms in made.forms.items() if each not in ("lead", "wrong")}
    assert not any(form for forms in figures.values() for form in forms)


@pytest.mark.parametrize("name", ["allocate", "frontier"])
def test_a_limit_that_nobody_is_known_to_meet_does_not_end_a_plan(name):
    money = {"budget": 100.0} if name == "allocate" else {"budgets": [100.0]}
    made = apply(name, {"offers": OFFERS, "unit": None, **money}, [planned((GRADE,))])
    assert made.keys
