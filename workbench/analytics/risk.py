"""Validation, decisions, fraud and fairness of risk models: what an analyst types as ``wb.risk``.

Functions take plain arrays and frames, so they serve any scikit-learn estimator: ``y_true`` is 1
for a bad outcome, ``y_prob`` the chance of it, ``score`` anything that rises with the risk.
"""

from __future__ import annotations

from workbench.analytics.validation.calibration import (
    Cox,
    brier,
    calibration_table,
    cox,
    expected_calibration_error,
    hosmer_lemeshow,
    long_run_average,
    spiegelhalter,
    to_long_run,
)
from workbench.analytics.validation.capital import capital_gap, irb_risk_weight
from workbench.analytics.validation.decisions import (
    Cutoff,
    best_cutoff,
    decide,
    decision_bands,
    override_table,
    split_gain,
    swap_set,
)
from workbench.analytics.validation.discrimination import (
    auc,
    curves,
    discrimination,
    gini,
    gini_difference,
    ks,
)
from workbench.analytics.validation.drift import csi, psi, psi_by_period
from workbench.analytics.validation.estimates import Estimate, Significance
from workbench.analytics.validation.grades import (
    assign_grades,
    backtest_grades,
    backtest_power,
    low_default_pd,
    master_scale,
)
from workbench.analytics.validation.vintages import (
    loss_to_come,
    roll_rates,
    transitions,
    vintage_curves,
)

__all__ = [
    "Cox",
    "Cutoff",
    "Estimate",
    "Significance",
    "assign_grades",
    "auc",
    "backtest_grades",
    "backtest_power",
    "best_cutoff",
    "brier",
    "calibration_table",
    "capital_gap",
    "cox",
    "csi",
    "curves",
    "decide",
    "decision_bands",
    "discrimination",
    "expected_calibration_error",
    "gini",
    "gini_difference",
    "hosmer_lemeshow",
    "irb_risk_weight",
    "ks",
    "long_run_average",
    "loss_to_come",
    "low_default_pd",
    "master_scale",
    "override_table",
    "psi",
    "psi_by_period",
    "roll_rates",
    "spiegelhalter",
    "split_gain",
    "swap_set",
    "to_long_run",
    "transitions",
    "vintage_curves",
]
