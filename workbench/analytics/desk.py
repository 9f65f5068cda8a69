"""Analysts' own view of customers: two dates side by side, and customers as dots. Never published.

What is made here stands on single customers' rows. A page shows releases only, so none of it can
reach a reader; the picture says so itself, for whoever copies it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, UnknownName
from workbench.privacy.shown import plain

if TYPE_CHECKING:
    import ibis
    import pandas as pd

NOT_PUBLISHED = "Single customers: for your eyes, not for publication"
DOTS_AT_MOST = 20_000


def compare(now: ibis.Table, before: ibis.Table) -> ibis.Table:
    """Return features of two dates side by side, one row a customer who has either.

    Parameters
    ----------
    now, before : ibis.Table
        From `workbench.features` or `workbench.assign_personas`, as of two dates.

    Returns
    -------
    ibis.Table
        Lazy: every feature as it is now, as ``<feature>_before``, and of numbers
        ``<feature>_change``.

    Raises
    ------
    InputError
        They do not have the same columns.

    Examples
    --------
    >>> # wb.compare(wb.features(tx, ws.catalog, as_of="2026-09"),
    >>> #            wb.features(tx, ws.catalog, as_of="2026-06"))
    """
    if now.columns != before.columns:
        apart = sorted(set(now.columns) ^ set(before.columns))
        raise InputError(
            f"the two tables differ in their columns: {', '.join(apart) or 'their order'}. Take "
            "both from wb.features(…) with the same tables and options."
        )
    key, *names = now.columns
    earlier = before.rename({f"{name}_before": name for name in before.columns})
    joined = now.outer_join(earlier, now[key] == earlier[f"{key}_before"])
    columns: dict[str, Any] = {}
    for name in names:
        columns[name] = joined[name]
        columns[f"{name}_before"] = joined[f"{name}_before"]
        if joined[name].type().is_numeric():
            columns[f"{name}_change"] = joined[name] - joined[f"{name}_before"]
    return joined.select(joined[key].coalesce(joined[f"{key}_before"]).name(key), **columns)


def scatter(frame: pd.DataFrame, *, x: str, y: str, color: str | None = None) -> Any:
    """Draw customers as dots, for an analyst's eyes: no page will show it.

    Parameters
    ----------
    frame : DataFrame
        One row a customer.
    x, y : str
        Number columns.
    color : str, optional
        A column of few values, such as the persona.

    Returns
    -------
    plotly Figure
        Which says that it is not for publication. Of more than 20,000 customers every n-th is
        drawn.
    """
    import plotly.graph_objects as go

    for name in filter(None, (x, y, color)):
        if name not in frame.columns:
            raise UnknownName("column", name, [str(each) for each in frame.columns])
    shown = frame.iloc[:: -(-len(frame) // DOTS_AT_MOST) or 1]
    groups = [("", shown)] if color is None else list(shown.groupby(color, sort=True))
    figure = go.Figure(
        [
            go.Scatter(
                x=part[x].astype(float),
                y=part[y].astype(float),
                name=plain(str(name)),
                mode="markers",
                marker={"size": 5, "opacity": 0.5},
            )
            for name, part in groups
        ]
    )
    return figure.update_layout(
        title=NOT_PUBLISHED,
        xaxis_title=plain(x),
        yaxis_title=plain(y),
        showlegend=color is not None,
    )
