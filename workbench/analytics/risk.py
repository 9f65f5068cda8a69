"""Validation, decisions, fraud and fairness of risk models: what an analyst types as ``wb.risk``.

Functions take plain arrays and frames, so they serve any scikit-learn estimator: ``y_true`` is 1
for a bad outcome, ``y_prob`` the chance of it, ``score`` anything that rises with the risk.
"""

import importlib
from typing import Any

_HOME = {
    name: f"workbench.analytics.{module}"
    for module, names in {
        "validation.estimates": "Estimate Significance",
        "validation.discrimination": "auc csi curves discrimination gini gini_difference ks psi "
        "psi_by_period",
        "validation.calibration": "Cox brier calibration_table cox expected_calibration_error "
        "hosmer_lemeshow long_run_average spiegelhalter to_long_run capital_gap irb_risk_weight",
        "validation.grades": "assign_grades backtest_grades backtest_power low_default_pd "
        "master_scale",
        "validation.vintages": "loss_to_come roll_rates transitions vintage_curves",
        "validation.decisions": "Cutoff best_cutoff decide decision_bands override_table "
        "split_gain swap_set benchmark_reject_inference fuzzy parcelling",
        "decisions.losses": "Losses simulate_losses",
        "fraud": "behaviour_features fraud_alerts precision_at_capacity",
        "fairness": "automated_decision_notice calibration_by_group effect_of_leaving_out fairness "
        "proxies",
    }.items()
    for name in names.split()
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    # why: SciPy's distributions take a second to import, which a fairness figure need not wait for
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'wb.risk' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
