"""Analysts' own view of customers and products: dots, two dates, what goes together.

Dots and two dates stand on single customers' rows. A page shows releases only, so neither can reach
a reader; the picture says so itself, for whoever copies it.
"""

from collections.abc import Mapping
from typing import Any

import ibis
import pandas as pd
import plotly.graph_objects as go

from workbench.errors import InputError, QuestionRefused, require_known
from workbench.privacy.columns import AND, plain
from workbench.privacy.release import Release

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
    require_known("column", frame.columns, *filter(None, (x, y, color)))
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


def recommendations(affinity: Release | Mapping[str, Release], *, most: int = 3) -> pd.DataFrame:
    """Return what to offer to whom has a product: what surely goes with it more than by chance.

    Parameters
    ----------
    affinity : Release or mapping of str to Release
        From `Release.affinity`; or persona to that of its customers alone.
    most : int
        Products a list is long at most.

    Returns
    -------
    DataFrame
        ``product``, ``offer``, ``lift``, ``lift_low``, the surest first; of several, ``persona``.
        Pairs whose margin holds 1, the lift of chance, are left out. It stands on released figures
        alone.

    Raises
    ------
    QuestionRefused
        The release has no lifts, or there is none.
    """
    if isinstance(affinity, Mapping):
        if not affinity:
            raise QuestionRefused("recommendations are of one persona's lifts or more; none given.")
        lists = {persona: recommendations(each, most=most) for persona, each in affinity.items()}
        return pd.concat(lists, names=["persona"]).reset_index(level=0).reset_index(drop=True)
    if "lift" not in affinity.columns or len(affinity.by) != 1:
        raise QuestionRefused(
            f"recommendations are made of lifts; '{affinity.name}' has none. Ask "
            "wb.query(…, by=wb.pairs(…)).customers() and take .affinity(of=…) of the release."
        )
    frame = affinity.frame[[affinity.by[0].name, "lift", "lift_low"]].dropna()
    frame = frame[frame.lift_low > 1]
    names = frame[affinity.by[0].name].str.split(AND, expand=True, regex=False)
    one, other = (names[i] if i in names else names.get(0) for i in (0, 1))
    both = pd.concat(
        [frame.assign(product=one, offer=other), frame.assign(product=other, offer=one)]
    )[["product", "offer", "lift", "lift_low"]]
    ranked = both.sort_values(["lift_low", "product", "offer"], ascending=[False, True, True])
    best = ranked.groupby("product", sort=False).head(most)
    return best.sort_values(["product", "lift_low"], ascending=[True, False], ignore_index=True)
