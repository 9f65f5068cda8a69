"""workbench: customer analytics that can be published without betraying a customer.

The one door. What an analyst types is here; the house behind it::

    cli/          commands, each one call
    workspace/    settings, catalog, store and ledger, opened once
    reporting/    definitions, runs, pages, editions; in it the compliance summary
    analytics/    learns from frames, knows nothing of ledgers
    figures/      releases drawn as charts, tables, sentences
    privacy/      questions, bounding, noise, accounting, the ledger
    lifecycle/    the data's life: rights, retention, erasure, keys, backups, incidents, law
    store/        encrypted data at exact snapshots, purpose-bound and audited
    estates/      sample and public data
    catalog       the declared data dictionary
    errors        every way to be told no
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench import errors, figures
    from workbench.analytics import risk
    from workbench.analytics.clusters import find_clusters
    from workbench.analytics.decisions.portfolio import Portfolio
    from workbench.analytics.decisions.readout import next_best_action, qini, readout
    from workbench.analytics.decisions.spending import allocate, frontier
    from workbench.analytics.desk import compare, recommendations, scatter
    from workbench.analytics.features import features
    from workbench.analytics.forecasting.releases import backtest, forecast
    from workbench.analytics.gains import campaign_effect, expected_gain
    from workbench.analytics.lifetime_value import BetaGeoModel, GammaGammaModel, lifetime_value
    from workbench.analytics.movement import assign_personas, movement, retention
    from workbench.analytics.purchases import holdout_check, purchase_summary
    from workbench.analytics.scoring.guarding import development_sample
    from workbench.analytics.scoring.scorecard import Scorecard
    from workbench.analytics.scoring.woe import WoeEncoder
    from workbench.figures import text
    from workbench.periods import trailing
    from workbench.privacy.expressions import column, difference, rank, ratio, share, top
    from workbench.privacy.grouping.bands import bands
    from workbench.privacy.grouping.cohorts import cohorts
    from workbench.privacy.grouping.grouped import discovered, grouped, labelled, pairs
    from workbench.privacy.grouping.personas import personas
    from workbench.privacy.models.axes import Axis
    from workbench.privacy.models.grid_kmeans import GridKMeans
    from workbench.privacy.models.private_scorecard import PrivateScorecard
    from workbench.privacy.operations.consistency import consistent
    from workbench.privacy.provenance import FittedLabel, Provenance
    from workbench.privacy.query import Query, ladder, marginals, query
    from workbench.privacy.release import Release
    from workbench.workspace import Workspace, open_workspace

__version__ = "0.1.0"

__all__ = [
    "Axis",
    "BetaGeoModel",
    "FittedLabel",
    "GammaGammaModel",
    "GridKMeans",
    "Portfolio",
    "PrivateScorecard",
    "Provenance",
    "Query",
    "Release",
    "Scorecard",
    "WoeEncoder",
    "Workspace",
    "allocate",
    "assign_personas",
    "backtest",
    "bands",
    "campaign_effect",
    "cohorts",
    "column",
    "compare",
    "consistent",
    "development_sample",
    "difference",
    "discovered",
    "errors",
    "expected_gain",
    "features",
    "figures",
    "find_clusters",
    "forecast",
    "frontier",
    "grouped",
    "holdout_check",
    "labelled",
    "ladder",
    "lifetime_value",
    "marginals",
    "movement",
    "next_best_action",
    "open_workspace",
    "pairs",
    "personas",
    "purchase_summary",
    "qini",
    "query",
    "rank",
    "ratio",
    "readout",
    "recommendations",
    "retention",
    "risk",
    "scatter",
    "share",
    "text",
    "top",
    "trailing",
]

_HOME = {
    "Axis": "workbench.privacy.models.axes",
    "BetaGeoModel": "workbench.analytics.lifetime_value",
    "FittedLabel": "workbench.privacy.provenance",
    "GammaGammaModel": "workbench.analytics.lifetime_value",
    "GridKMeans": "workbench.privacy.models.grid_kmeans",
    "Portfolio": "workbench.analytics.decisions.portfolio",
    "PrivateScorecard": "workbench.privacy.models.private_scorecard",
    "Provenance": "workbench.privacy.provenance",
    "Query": "workbench.privacy.query",
    "Release": "workbench.privacy.release",
    "Scorecard": "workbench.analytics.scoring.scorecard",
    "WoeEncoder": "workbench.analytics.scoring.woe",
    "Workspace": "workbench.workspace",
    "allocate": "workbench.analytics.decisions.spending",
    "assign_personas": "workbench.analytics.movement",
    "backtest": "workbench.analytics.forecasting.releases",
    "bands": "workbench.privacy.grouping.bands",
    "campaign_effect": "workbench.analytics.gains",
    "cohorts": "workbench.privacy.grouping.cohorts",
    "column": "workbench.privacy.expressions",
    "compare": "workbench.analytics.desk",
    "consistent": "workbench.privacy.operations.consistency",
    "development_sample": "workbench.analytics.scoring.guarding",
    "difference": "workbench.privacy.expressions",
    "discovered": "workbench.privacy.grouping.grouped",
    "expected_gain": "workbench.analytics.gains",
    "features": "workbench.analytics.features",
    "find_clusters": "workbench.analytics.clusters",
    "forecast": "workbench.analytics.forecasting.releases",
    "frontier": "workbench.analytics.decisions.spending",
    "grouped": "workbench.privacy.grouping.grouped",
    "holdout_check": "workbench.analytics.purchases",
    "labelled": "workbench.privacy.grouping.grouped",
    "ladder": "workbench.privacy.query",
    "lifetime_value": "workbench.analytics.lifetime_value",
    "marginals": "workbench.privacy.query",
    "movement": "workbench.analytics.movement",
    "next_best_action": "workbench.analytics.decisions.readout",
    "open_workspace": "workbench.workspace",
    "pairs": "workbench.privacy.grouping.grouped",
    "personas": "workbench.privacy.grouping.personas",
    "purchase_summary": "workbench.analytics.purchases",
    "qini": "workbench.analytics.decisions.readout",
    "query": "workbench.privacy.query",
    "rank": "workbench.privacy.expressions",
    "ratio": "workbench.privacy.expressions",
    "readout": "workbench.analytics.decisions.readout",
    "recommendations": "workbench.analytics.desk",
    "retention": "workbench.analytics.movement",
    "scatter": "workbench.analytics.desk",
    "share": "workbench.privacy.expressions",
    "text": "workbench.figures",
    "top": "workbench.privacy.expressions",
    "trailing": "workbench.periods",
}

_ROOMS = {
    "errors": "workbench.errors",
    "figures": "workbench.figures",
    "risk": "workbench.analytics.risk",
}


def load_ipython_extension(shell: Any) -> None:
    """Add ``%preview`` and ``%budget`` to a notebook: ``%load_ext workbench``."""
    from workbench.lab import load

    load(shell)


def __getattr__(name: str) -> Any:
    # why: names load on first use, so that 'workbench --help' does not wait for pandas
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _ROOMS:
        return importlib.import_module(_ROOMS[name])
    raise AttributeError(f"module 'workbench' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
