"""Risk weights of the Basel Committee's own table, and the cost of chances that are off."""

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError, UnknownName

# Basel Committee, International convergence of capital measurement, Annex 3 "Illustrative IRB risk
# weights": LGD 45 %, maturity 2.5 years, no scaling factor
ANNEX_3 = {
    "corporate": {0.0003: 14.44, 0.01: 92.32, 0.20: 238.23},
    "residential mortgage": {0.0003: 4.15, 0.01: 56.40, 0.20: 253.12},
    "other retail": {0.0003: 4.45, 0.01: 45.77, 0.20: 100.28},
    "qualifying revolving": {0.0003: 0.98, 0.01: 17.22, 0.20: 117.99},
}


@pytest.mark.parametrize("asset_class", ANNEX_3)
def test_risk_weights_of_basel_annex_3(asset_class):
    pd, expected = map(list, zip(*ANNEX_3[asset_class].items(), strict=True))
    found = 100 * wb.risk.irb_risk_weight(pd, lgd=0.45, asset_class=asset_class)
    assert found.round(2).tolist() == expected


def test_chances_half_as_large_as_they_should_be_cost_capital():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 8, 4_000)
    y = rng.random(4_000) < p
    ask = {"exposure": 10_000, "lgd": 0.45, "asset_class": "other retail"}
    right, low = (wb.risk.capital_gap(y, chance, **ask) for chance in (p, p / 2))
    assert right.lower < 0 < right.upper
    assert 0 < low.lower < low.estimate < low.upper
    assert low.words.startswith("predicted 5.5%, observed 11.")
    assert f"{low.estimate:+,.0f}" in low.words


@pytest.mark.parametrize(("pd", "lgd"), [(0, 0.45), (1.2, 0.45), (0.01, 45), (np.nan, 0.45)])
def test_percent_and_what_is_no_chance_are_said(pd, lgd):
    with pytest.raises(InputError, match="one percent"):
        wb.risk.irb_risk_weight(pd, lgd=lgd, asset_class="other retail")


def test_an_unknown_asset_class_is_said():
    with pytest.raises(UnknownName, match="Did you mean 'other retail'"):
        wb.risk.irb_risk_weight(0.01, lgd=0.45, asset_class="other retial")
