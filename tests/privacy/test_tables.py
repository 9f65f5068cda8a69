"""Notes of a paid answer go with the measures they are about, through whatever is derived."""

import pytest
from factories.noisy import AMOUNT, CUSTOMERS, MEAN, REGION, ROWS, Books, answer

import workbench as wb
from workbench.privacy.columns import Dimension

OF_AMOUNT = "Amount: one customer counts for at most 200.00 CNY in a cell."
OF_ROWS = "One customer counts for at most 10 rows in a cell."
OF_ALL = "Rows without a customer are in no figure."
BAND = Dimension("score_band", "Score", "band", ("< 560", "≥ 560"))
BAD = Dimension("bad", "Bad", "category", (False, True), exclusive=True)
SPAN = Dimension("month", "Month", "month", tuple(f"2026-{x:02}" for x in range(1, 10)))
PER_HEAD = wb.ratio("amount_sum", "customers", name="spend", title="A head", unit="CNY")
EACH = wb.column("customers").named("people", "People", None, 0)
MOVES = {"all": [["North"], ["South"], ["West"]]}


def by(*axes):
    cells = 1
    for each in axes:
        cells *= len(each.values)
    return Books().put(
        answer(
            axes,
            {"n": [400.0] * cells},
            measures=(CUSTOMERS, AMOUNT, ROWS, MEAN),
            notes=(OF_AMOUNT, OF_ROWS, OF_ALL),
        )
    )


def losses(made):
    both = made.derive("customers", wb.share("rows", name="bad_rate"))
    book = wb.Portfolio(both, pd="bad_rate", count="customers", lgd=1.0, ead=10, correlation=0.1)
    return book.losses(draws=10_000)


@pytest.mark.parametrize(
    ("axes", "made", "left"),
    [
        ([REGION], lambda r: r.derive("customers"), {OF_ALL}),
        ([REGION], lambda r: r.derive("rows"), {OF_ROWS, OF_ALL}),
        ([REGION], lambda r: r.derive(PER_HEAD), {OF_AMOUNT, OF_ROWS, OF_ALL}),
        ([REGION], lambda r: r.derive(PER_HEAD, EACH).derive("people"), {OF_ALL}),
        ([REGION], lambda r: r.derive(PER_HEAD, EACH).derive("spend"),
         {OF_AMOUNT, OF_ROWS, OF_ALL}),
        ([REGION], lambda r: r.derive(where={"region": "West"}), {OF_AMOUNT, OF_ROWS, OF_ALL}),
        ([REGION], lambda r: r.derive(wb.top("customers", n=2)), {OF_ALL}),
        ([REGION], lambda r: r.derive(wb.share("customers", name="part")), {OF_ALL}),
        ([REGION], lambda r: r.derive(wb.rank("amount_sum")), {OF_AMOUNT, OF_ROWS, OF_ALL}),
        ([REGION], lambda r: r.suppress(min_customers=5), {OF_AMOUNT, OF_ROWS, OF_ALL}),
        ([REGION], lambda r: r.regroup(["region"], "area", MOVES), {OF_AMOUNT, OF_ROWS, OF_ALL}),
        ([REGION], lambda r: r.derive("customers").regroup(["region"], "area", MOVES), {OF_ALL}),
        ([REGION], lambda r: r.derive("customers").derive(
            wb.column("amount_sum", of=r).named("gain", "Gain", "CNY", 0)),
         {OF_AMOUNT, OF_ROWS, OF_ALL}),
        ([SPAN], lambda r: wb.forecast(r, "customers", horizon=1), {OF_ALL}),
        ([SPAN], lambda r: wb.forecast(r, "amount_sum", horizon=1), {OF_AMOUNT, OF_ROWS, OF_ALL}),
        ([BAND, BAD], lambda r: r.discrimination("bad", measure="customers"), {OF_ALL}),
        ([BAND, BAD], lambda r: r.cutoffs("bad", gain=1, loss=9), {OF_ROWS, OF_ALL}),
        ([REGION], losses, {OF_ROWS, OF_ALL}),
    ],
)  # fmt: skip
def test_a_note_goes_with_the_measures_it_is_about(axes, made, left):
    told = (OF_AMOUNT, OF_ROWS, OF_ALL)
    assert {each for each in made(by(*axes)).notes if each in told} == left


def test_a_note_of_a_group_column_stays_whatever_measure_goes():
    coded = "Amount: special codes are no numbers and are left out: not told."
    bands = Dimension("amount_band", "Amount, band", "band", ("< 5", "≥ 5"))
    made = Books().put(answer([bands], measures=(CUSTOMERS, AMOUNT), notes=(coded,)))
    one = made.derive("customers", where={"amount_band": "≥ 5"})
    assert one.derive("customers", EACH).notes == (coded,)
