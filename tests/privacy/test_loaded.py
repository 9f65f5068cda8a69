"""A period of which nothing is loaded is refused before it is paid for."""

import pytest

import workbench as wb
from workbench.errors import PeriodError


def test_a_period_before_the_first_loaded_month_is_refused_and_costs_nothing(shop):
    tx = shop.open("transactions", "reporting")
    early = wb.query(tx, period="2025-12").customers()
    with pytest.raises(PeriodError) as refusal:
        shop.release(early, name="early", epsilon="0.1")
    assert "table 'transactions' has no data of 2025-12: loaded is 2026-01 to 2026-09. Ask" in (
        str(refusal.value)
    )
    assert shop.ledger.head()[0] == 0
    kept = wb.query(tx, by="month", period=("2025-12", "2026-01")).customers()
    assert len(shop.release(kept, name="both", epsilon="0.1")) == 2
