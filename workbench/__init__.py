"""workbench: customer analytics that can be published without betraying a customer.

The one door. What an analyst types is here; the house behind it::

    cli/          commands, each one call
    workspace/    settings, catalog, store and ledger, opened once
    reporting/    definitions, runs, pages, editions; in it the compliance summary
    analytics/    learns from frames, knows nothing of ledgers
    figures/      releases drawn as charts, tables, sentences
    privacy/      questions, bounding, noise, accounting, the ledger
    lifecycle/    the data's life: rights, retention, erasure, backups, incidents, law, decisions
    store/        encrypted data at exact snapshots, purpose-bound and audited; its keys and logs
    estates/      sample and public data, a first catalog of one's own
    checks        everything that is wrong, at once; status, one look at everything; lab, JupyterLab
    catalog       the declared data dictionary; beside it settings, periods, documents
    errors        every way to be told no
"""

from __future__ import annotations

import importlib
from inspect import isfunction
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
    from workbench.analytics.lifetime_value import BetaGeoModel, GammaGammaModel, lifetime_value
    from workbench.analytics.movement import (
        assign_personas,
        campaign_effect,
        expected_gain,
        movement,
        retention,
    )
    from workbench.analytics.purchases import holdout_check, purchase_summary
    from workbench.analytics.scoring.guarding import development_sample
    from workbench.analytics.scoring.scorecard import Scorecard
    from workbench.analytics.scoring.woe import WoeEncoder
    from workbench.figures import text
    from workbench.periods import trailing
    from workbench.privacy.expressions import column, difference, rank, ratio, share, top
    from workbench.privacy.grouping.bands import bands
    from workbench.privacy.grouping.grouped import cohorts, discovered, grouped, labelled, pairs
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

_HOME = {
    name: f"workbench.{module}"
    for module, names in {
        "analytics.clusters": "find_clusters",
        "analytics.decisions.portfolio": "Portfolio",
        "analytics.decisions.readout": "next_best_action qini readout",
        "analytics.decisions.spending": "allocate frontier",
        "analytics.desk": "compare recommendations scatter",
        "analytics.features": "features",
        "analytics.forecasting.releases": "backtest forecast",
        "analytics.lifetime_value": "BetaGeoModel GammaGammaModel lifetime_value",
        "analytics.movement": "assign_personas campaign_effect expected_gain movement retention",
        "analytics.purchases": "holdout_check purchase_summary",
        "analytics.scoring.guarding": "development_sample",
        "analytics.scoring.scorecard": "Scorecard",
        "analytics.scoring.woe": "WoeEncoder",
        "figures": "text",
        "periods": "trailing",
        "privacy.expressions": "column difference rank ratio share top",
        "privacy.grouping.bands": "bands",
        "privacy.grouping.grouped": "cohorts discovered grouped labelled pairs",
        "privacy.grouping.personas": "personas",
        "privacy.models.axes": "Axis",
        "privacy.models.grid_kmeans": "GridKMeans",
        "privacy.models.private_scorecard": "PrivateScorecard",
        "privacy.operations.consistency": "consistent",
        "privacy.provenance": "FittedLabel Provenance",
        "privacy.query": "Query ladder marginals query",
        "privacy.release": "Release",
        "workspace": "Workspace open_workspace",
    }.items()
    for name in names.split()
}
_ROOMS = {"errors": "errors", "figures": "figures", "risk": "analytics.risk"}
__all__ = sorted([*_HOME, *_ROOMS])


def load_ipython_extension(shell: Any) -> None:
    """Add ``%preview`` and ``%budget`` to a notebook: ``%load_ext workbench``."""
    from workbench.lab import load

    load(shell)


def __getattr__(name: str) -> Any:
    # why: names load on first use, so that 'workbench --help' does not wait for pandas
    if name in _HOME:
        found = getattr(importlib.import_module(_HOME[name]), name)
        if not isfunction(found) or hasattr(found, "__wrapped__"):  # as it is at home
            return found
        found = importlib.import_module("workbench.privacy.arguments").checked(found)
        found.__module__ = __name__  # where a pickle finds it
        return found
    if name in _ROOMS:
        return importlib.import_module(f"workbench.{_ROOMS[name]}")
    raise AttributeError(f"module 'workbench' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
