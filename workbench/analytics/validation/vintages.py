"""Vintage curves, transitions between delinquency states, roll rates, and the loss to come.

Frames have a row a loan and month: ``application_id``, ``month``, ``month_on_book``,
``days_past_due``, and ``balance`` for the loss. A loan whose rows end before the data do, without a
code that says why, has matured. A month that was not reported is nobody's evidence.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from workbench.analytics.validation.estimates import Array, share_interval, shares
from workbench.errors import InputError, require_known

LOAN = "application_id"
CODES = {997: "settled early", 998: "written off", 999: "not reported"}
BEHIND = ("current", "1-29", "30-59", "60-89", "90+")
ENDED = ("settled early", "written off", "matured")
STATES = (*BEHIND, *ENDED)
_DRAWS = 500


def _histories(performance: pd.DataFrame, codes: Mapping[int, str]) -> pd.DataFrame:
    """Return rows by loan and month with their state and the next month's; -1 is not known."""
    needed = [LOAN, "month", "month_on_book", "days_past_due"]
    require_known("column of the performance", performance.columns, *needed)
    frame = performance.drop_duplicates(needed[:2]).sort_values(needed[:2])
    days = frame["days_past_due"]
    special = days.map({int(code): meaning for code, meaning in codes.items()})
    strange = sorted(days[(special.isna()) & ((days < 0) | (days >= 900))].unique())
    if strange:
        raise InputError(
            f"days_past_due has the codes {', '.join(map(str, strange))}, which nothing explains; "
            "give codes={code: 'settled early', 'written off' or 'not reported'}."
        )
    require_known("meaning of a code", [*ENDED, "not reported"], *sorted(set(special.dropna())))
    places = {name: place for place, name in enumerate(STATES)}
    behind = np.searchsorted([1, 30, 60, 90], days.to_numpy(dtype=float), side="right")
    behind = np.where(days.isna(), -1, behind)
    state = np.where(special.isna(), behind, special.map(places).fillna(-1)).astype(int)
    month = pd.PeriodIndex(frame["month"], freq="M").astype("int64").to_numpy()
    last = ~frame[LOAN].duplicated(keep="last").to_numpy()
    following = np.where(~last & (np.roll(month, -1) == month + 1), np.roll(state, -1), -1)
    matured = last & (month < month.max()) & (state >= 0) & (state < len(BEHIND))
    following = np.where(matured, places["matured"], following)
    return frame.assign(_state=state, _next=following, _month=month, _last=last)


def vintage_curves(
    performance: pd.DataFrame,
    *,
    days_past_due: int = 90,
    freq: str = "Q",
    codes: Mapping[int, str] = CODES,
) -> pd.DataFrame:
    """Return by vintage and month on book the share of loans that were ever so far behind.

    Loans that settle early or mature stay in the share as good ones; those still young leave it at
    their last month only, and those first seen later enter it then (Aalen and Johansen's
    estimate). A vintage of which nobody is seen in the first month has no curve.

    Parameters
    ----------
    performance : DataFrame
    days_past_due : int
        What counts; written off always does.
    freq : str
        Width of a vintage, as pandas names periods: "M", "Q", "Y".
    codes : mapping of int to str
        What special codes of ``days_past_due`` mean: the catalog's ``special_codes``.

    Returns
    -------
    DataFrame
        Index ``vintage`` and ``month_on_book``: ``at_risk`` (loans), ``share`` with ``lower`` and
        ``upper``.

    References
    ----------
    Aalen & Johansen, *An empirical transition matrix for non-homogeneous Markov chains based on
    censored observations*, Scand. J. Statist. 5, 1978.
    """
    frame = _histories(performance, codes)
    state, age = frame["_state"].to_numpy(), frame["month_on_book"].to_numpy()
    days = np.where((state >= 0) & (state < len(BEHIND)), frame["days_past_due"], -1)
    bad = (days >= days_past_due) | (state == STATES.index("written off"))
    before = pd.Series(bad).groupby(frame[LOAN].to_numpy()).cumsum().to_numpy() - bad
    entry = frame.groupby(LOAN)["month_on_book"].transform("min").to_numpy()
    # why: who is so far behind when first seen became so at an age that nobody knows
    at_risk = (before == 0) & ~(bad & (age == entry) & (age > 1))
    following = frame["_next"].to_numpy()
    leaves = (state == STATES.index("settled early")) | (following == STATES.index("matured"))
    origin = pd.PeriodIndex.from_ordinals(frame["_month"].to_numpy() - age, freq="M").asfreq(freq)
    columns = {"vintage": origin, "month_on_book": age, "bad": bad, "leaves": leaves & ~bad}
    grouped = pd.DataFrame(columns)[at_risk].groupby(["vintage", "month_on_book"])
    counts = grouped.agg(at_risk=("bad", "size"), bad=("bad", "sum"), leaves=("leaves", "sum"))
    from_start = [each for _, each in counts.groupby("vintage") if each.index[0][1] <= 1]
    if not from_start:
        raise InputError(
            "no vintage is seen from its first month on book; give performance that reaches "
            "back, or vintages of a wider freq."
        )
    return pd.concat([_incidence(each) for each in from_start])


def _incidence(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the cumulative share of one vintage, and its interval by the delta method."""
    n = counts["at_risk"].to_numpy(dtype=float)
    bad, leaves = counts["bad"].to_numpy() / n, counts["leaves"].to_numpy() / n
    stay = 1 - bad - leaves
    before = np.concatenate([[1.0], np.cumprod(stay)[:-1]])
    total = np.cumsum(before * bad)
    variance = np.empty_like(total)
    for place, reached in enumerate(total):
        of = slice(place + 1)
        later = (reached - total[of]) / np.where(stay[of] > 0, stay[of], np.inf)
        on_bad, on_leaving = before[of] - later, -later
        mixed = on_bad * bad[of] + on_leaving * leaves[of]
        squares = on_bad**2 * bad[of] + on_leaving**2 * leaves[of]
        variance[place] = ((squares - mixed**2) / n[of]).sum()
    alike = np.divide(total * (1 - total), variance, out=n.copy(), where=variance > 0)
    lower, upper = share_interval(total * alike, alike)
    return counts[["at_risk"]].assign(share=total, lower=lower, upper=upper)


def transitions(performance: pd.DataFrame, *, codes: Mapping[int, str] = CODES) -> pd.DataFrame:
    """Return how loans move between delinquency states from one month to the next.

    Returns
    -------
    DataFrame
        Index ``state`` and ``next``: ``n`` moves of ``of``, their ``share`` with ``lower`` and
        ``upper`` (Jeffreys; moves of a loan are taken as independent given its state).
        ``["share"].unstack()`` is the matrix.
    """
    counts = _counted(_histories(performance, codes)).sum(axis=0)
    index = pd.MultiIndex.from_product([BEHIND, STATES], names=["state", "next"])
    table = pd.DataFrame({"n": counts.ravel()}, index=index)
    table["of"] = np.repeat(counts.sum(axis=1), len(STATES))
    return table.join(shares(table["n"], table["of"]))


def roll_rates(moves: pd.DataFrame) -> pd.DataFrame:
    """Return from `transitions` how often each state rolls to a worse one, or gets better.

    Returns
    -------
    DataFrame
        Index ``state``: ``of`` months, ``worse`` with ``lower`` and ``upper``, and ``better``.
    """
    counts = moves["n"].unstack().reindex(index=list(BEHIND), columns=list(STATES))
    behind = counts[list(BEHIND)].to_numpy()
    of = counts.sum(axis=1)
    worse = np.triu(behind, 1).sum(axis=1) + counts["written off"]
    table = shares(worse, of, name="worse")
    table.insert(0, "of", of)
    gone = counts[["settled early", "matured"]].sum(axis=1)
    return table.assign(better=(np.tril(behind, -1).sum(axis=1) + gone) / of.where(of > 0))


def loss_to_come(
    performance: pd.DataFrame, *, horizon_months: int, lgd: float, codes: Mapping[int, str] = CODES
) -> pd.DataFrame:
    """Return what loans open in the last month will lose within a horizon.

    Loans walk on by the moves seen so far: those of loans that are up to date by month on book,
    others by their state. The balance of today is at risk, which is too much where it is repaid.

    Parameters
    ----------
    performance : DataFrame
        With ``balance``.
    horizon_months : int
    lgd : float
        Share of the balance lost of a loan that is written off.

    Returns
    -------
    DataFrame
        Index ``state`` and a row ``total``: ``loans``, ``balance``, ``written_off`` (expected
        number), ``loss`` with ``lower`` and ``upper``, which hold what the moves do not tell
        exactly and the chance of the outcome; not the years that will be better or worse.
    """
    if horizon_months < 1 or not 0 <= lgd <= 1:
        raise InputError("a horizon is a month or more, and lgd a share from 0 to 1.")
    frame = _histories(performance, codes)
    state = frame["_state"].where(frame["_state"] >= 0).groupby(frame[LOAN]).ffill()
    now = (frame["_month"] == frame["_month"].max()) & (state < len(BEHIND))
    if not now.any():
        raise InputError("no loan is open in the last month of the data: there is nothing to lose.")
    dice = np.random.default_rng(0)
    moves = _drawn_moves(_counted(frame), dice)
    value = np.zeros((_DRAWS, moves.shape[1], len(STATES)))
    value[:, :, STATES.index("written off")] = 1.0
    for _ in range(horizon_months):
        later = np.concatenate([value[:, 1:], value[:, -1:]], axis=1)
        value[:, :, : len(BEHIND)] = np.einsum("dast,dat->das", moves, later)
    book = pd.DataFrame({"state": state[now].astype(int), "age": frame.loc[now, "month_on_book"]})
    balance = frame.loc[now, "balance"].to_numpy(dtype=float)
    chance = value[:, book["age"], book["state"]]
    spread = np.sqrt(chance * (1 - chance)) * balance * lgd
    rows = {}
    for place, name in [*enumerate(BEHIND), (-1, "total")]:
        own = (book["state"] == place).to_numpy() | (name == "total")
        drawn = lgd * chance[:, own] @ balance[own]
        middle = float(drawn.mean())
        drawn = drawn + np.sqrt((spread[:, own] ** 2).sum(axis=1)) * dice.standard_normal(_DRAWS)
        lower, upper = np.quantile(drawn, [0.025, 0.975])
        gone = float(chance[:, own].mean(axis=0).sum())
        rows[name] = (own.sum(), balance[own].sum(), gone, middle, max(lower, 0.0), upper)
    columns = ["loans", "balance", "written_off", "loss", "lower", "upper"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("state")


def _counted(frame: pd.DataFrame) -> Array:
    """Return the moves seen, shape (months on book, states, next states)."""
    known = frame[(frame["_state"] >= 0) & (frame["_state"] < len(BEHIND)) & (frame["_next"] >= 0)]
    counts = np.zeros((int(frame["month_on_book"].max()) + 1, len(BEHIND), len(STATES)), dtype=int)
    np.add.at(counts, (known["month_on_book"], known["_state"], known["_next"]), 1)
    return counts


def _drawn_moves(counts: Array, dice: np.random.Generator) -> Array:
    """Return drawn chances of moves, shape (draws, months on book, states, next states)."""
    pooled = counts.sum(axis=0) + 1e-3  # a state that nobody was in moves anywhere alike
    moves = np.empty((_DRAWS, *counts.shape))
    for place in range(len(BEHIND)):
        moves[:, :, place] = dice.dirichlet(pooled[place], _DRAWS)[:, None]
    typical = pooled[0] / pooled[0].sum()
    for age in range(len(counts)):
        moves[:, age, 0] = dice.dirichlet(counts[age, 0] + typical, _DRAWS)
    return moves
