"""What releases tell of customers' moves between personas, and what an action may bring.

A movement is computed from one release of customers by persona before and persona now, in which a
customer is one cell; so it costs nothing further, and its parts share one noise.

The very rules that a private question groups by give every row of features its scores and its
persona, as one lazy expression, so counting them runs in the engine. What is counted here is exact
and for analysts' eyes; releases group by the rules themselves.

A gain is an effect in response, times the customers of a group, times what one response is worth.
The effect is the difference of treated and control customers' response rates, whose margin holds
noise and the chance of who was drawn; or it is an assumption, called so. What one response is worth
is declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, QuestionRefused, require_columns, require_known
from workbench.privacy.columns import Dimension
from workbench.privacy.expressions import Expression, column, difference, expression, ratio
from workbench.privacy.grouping.personas import Personas, score
from workbench.privacy.release import Release

if TYPE_CHECKING:
    import ibis


GRADES = {"A": 0.7, "B": 0.5, "C": 0.0}  # least share of customers who keep their persona


@dataclass(frozen=True)
class Movement:
    """What a table of movements says.

    Attributes
    ----------
    moves : Release
        Customers who stayed, rose, fell, came and left, and their share.
    by_persona : Release
        By persona: ``customers`` now, ``customers_change`` since before, ``kept_rate`` of those who
        had it before, ``came_rate`` of those who have it now.
    churn : Release
        One row: ``active`` customers before, how many of them are ``lost`` now, ``churn_rate``.
    kept : Release
        One row: ``kept_rate`` of all who were active before and are now.
    stability : Release
        The same with its ``stability`` grade.
    """

    moves: Release
    by_persona: Release
    churn: Release
    kept: Release
    stability: Release


def movement(flows: Release, *, lost: Sequence[str]) -> Movement:
    """Say what a release of customers by persona before and persona now tells.

    Parameters
    ----------
    flows : Release
        By two groups of the same personas, the earlier first, and ``.customers()``.
    lost : sequence of str
        Personas that mean a customer is no longer active: the definition of churn.

    Returns
    -------
    Movement

    Raises
    ------
    QuestionRefused
        The release is not by personas before and now.

    Examples
    --------
    >>> # by = [who.at("2026-06", name="before"), who]
    >>> # wb.movement(ws.release(wb.query(tx, by=by).customers(), …), lost=["Lost", "Inactive"])
    """
    before, now = _both(flows)
    names = [str(value) for value in now.values]
    require_known("persona", names, *lost)
    active = [each for each in names if each not in lost]
    if not active or not lost:
        raise QuestionRefused(
            "churn is from active personas to lost ones: lost=… names some of the personas, not "
            f"{'all' if lost else 'none'}."
        )
    both = [before.name, now.name]
    same = _one(flows, both, "kept", [[each, each] for each in active])
    still = _one(flows, both, "still-active", _cells(active, active))
    share = _rate("kept_rate", "Active customers who keep their persona", among=still)
    kept = same.derive(share, name=f"{flows.name}-stability")
    whole = _one(flows, both, "active", _cells(active, names))
    churn = _one(flows, both, "lost", _cells(active, lost)).derive(
        column("customers", of=whole).named("active", "Active before"),
        column("customers").named("lost", "Lost since"),
        _rate("churn_rate", "Churn", among=whole),
        name=f"{flows.name}-churn",
    )
    return Movement(
        _moves(flows, both, active, list(lost)),
        _by_persona(flows, both, now, names),
        churn,
        kept,
        kept.grade("kept_rate", GRADES, "stability", title="Stability", name=kept.name),
    )


def _both(flows: Release) -> tuple[Dimension, Dimension]:
    if len(flows.by) != 2 or flows.by[0].values != flows.by[1].values:
        raise QuestionRefused(
            f"movement is of customers by the same personas before and now; '{flows.name}' is by "
            f"{' and '.join(each.name for each in flows.by) or 'nothing'}. Ask "
            "wb.query(tx, by=[who.at(…, name='before'), who]).customers()."
        )
    return flows.by[0], flows.by[1]


def _cells(before: Iterable[str], now: Iterable[str]) -> list[list[str]]:
    later = list(now)
    return [[one, other] for one in before for other in later]


def _moves(flows: Release, both: list[str], active: list[str], lost: list[str]) -> Release:
    place = {each: i for i, each in enumerate(active)}
    pairs = _cells(active, active)
    groups = {
        "Stayed": [pair for pair in pairs if pair[0] == pair[1]],
        "Rose": [pair for pair in pairs if place[pair[1]] < place[pair[0]]],
        "Fell": [pair for pair in pairs if place[pair[1]] > place[pair[0]]],
        "Came": _cells(lost, active),
        "Left": _cells(active, lost),
    }
    groups = {label: cells for label, cells in groups.items() if cells}
    title = "Between the two dates"
    return flows.regroup(both, "move", groups, title=title, name=f"{flows.name}-moves")


def _by_persona(flows: Release, both: list[str], now: Dimension, names: list[str]) -> Release:
    def gathered(what: str, cells: dict[str, list[list[str]]]) -> Release:
        return flows.regroup(both, now.name, cells, title=now.title, name=f"{flows.name}-{what}")

    earlier = gathered("before", {each: _cells([each], names) for each in names})
    later = gathered("now", {each: _cells(names, [each]) for each in names})
    kept = gathered("kept", {each: [[each, each]] for each in names})
    came = gathered(
        "came", {each: _cells([n for n in names if n != each], [each]) for each in names}
    )
    return later.derive(
        "customers",
        difference("customers", against=earlier, title="Customers, change"),
        _rate("kept_rate", "Kept it since", of=kept, among=earlier),
        _rate("came_rate", "New to it", of=came),
        name=f"{flows.name}-by-persona",
    )


def _rate(
    name: str, title: str, *, of: Release | None = None, among: Release | None = None
) -> Expression:
    """Return the customers of one release among those of another; left out, of the one at hand."""
    part, whole = (column("customers", of=each) for each in (of, among))
    return ratio(part, whole, name=name, title=title, percent=True)


def _one(flows: Release, both: list[str], what: str, cells: list[list[str]]) -> Release:
    """Return the customers of some cells together, as one row."""
    gathered = flows.regroup(both, "who", {what: cells}, name=f"{flows.name}-{what}")
    return gathered.derive("customers", where={"who": what}, name=f"{flows.name}-{what}")


def retention(cohorts: Release, *, lost: Sequence[str]) -> Release:
    """Return what share of each cohort is still active, from customers by cohort and persona.

    Parameters
    ----------
    cohorts : Release
        By `workbench.cohorts` and a persona, and ``.customers()``.
    lost : sequence of str
        Personas that mean a customer is no longer active.

    Returns
    -------
    Release
        By cohort: ``customers``, ``retention_rate``.
    """
    if len(cohorts.by) != 2:
        raise QuestionRefused(
            f"retention is of customers by cohort and persona; '{cohorts.name}' is by "
            f"{' and '.join(each.name for each in cohorts.by) or 'nothing'}."
        )
    persona = cohorts.by[1]
    names = [str(value) for value in persona.values]
    require_known("persona", names, *lost)
    whole = cohorts.derive("customers", over=persona.name, name=f"{cohorts.name}-all")
    left = [[each] for each in names if each not in lost]
    return _one(cohorts, [persona.name], "active", left).derive(
        column("customers", of=whole).named("customers", "Customers of the cohort"),
        _rate("retention_rate", "Still active", among=whole),
        name=f"{cohorts.name}-retention",
    )


COLUMNS = {"recency": "recency_days", "frequency": "frequency_days", "money": "monetary"}


def assign_personas(features: ibis.Table, personas: Personas) -> ibis.Table:
    """Return features with their scores and persona.

    Parameters
    ----------
    features : ibis.Table
        From `workbench.features`, as of the same date.
    personas : Personas
        From `workbench.personas`.

    Returns
    -------
    ibis.Table
        Lazy: ``recency_score``, ``frequency_score``, ``money_score`` as far as the rules use them,
        and the persona under its own name.

    Raises
    ------
    InputError
        A feature that the rules need is not there.
    """
    import ibis

    needed = {each: COLUMNS[each] for each in personas.cuts}
    way_out = "the rules look at it. Take the features from wb.features(…)."
    require_columns(features, needed.values(), way_out)
    scores: dict[str, Any] = {}
    for each, name in needed.items():
        # why no digits: features show money in the currency, cut points are in it too
        value = features[name].fill_null(0) if each == "money" else features[name]
        scores[each] = score(value, each, personas.cuts[each], exact=True)
    scored = features.mutate(**{f"{each}_score": value for each, value in scores.items()})
    code = personas.code({each: scored[f"{each}_score"] for each in scores})
    names = ibis.array([rule.persona for rule in personas.rules])
    active = scored.frequency_days > 0 if "frequency_days" in scored.columns else code.notnull()
    inactive = ibis.null("string") if personas.inactive is None else personas.inactive
    named = (active & code.notnull()).ifelse(names[code], inactive)
    return scored.mutate(**{personas.name: named})


def campaign_effect(
    arms: Release,
    *,
    treated: str = "treated",
    control: str = "control",
    arm: str = "arm",
    measure: str = "responded_rate",
) -> Release:
    """Return how much more often treated customers respond than those of the control group.

    Parameters
    ----------
    arms : Release
        A rate by ``arm``, and by other groups where wanted.
    treated, control : str
        Values of ``arm``.
    arm, measure : str
        The group column and the rate.

    Returns
    -------
    Release
        ``effect``, in points of the rate; its margin holds noise and sampling. Where the margin
        holds zero, the campaigns do not show an effect.

    Examples
    --------
    >>> # asked = wb.query(contacts, by="arm").rate(responded=contacts.responded)
    >>> # wb.campaign_effect(ws.release(asked, …))
    """
    values = {each.name: each.values for each in arms.by}
    require_known("group column", values, arm)
    require_known(f"value of {arm}", values[arm], treated, control)
    one, other = (arms.derive(measure, where={arm: each}) for each in (treated, control))
    gap = difference(
        measure, against=other, sampling=True, name="effect", title="Responses, treated – control"
    )
    return one.derive(gap, name=f"{arms.name}-effect")


def expected_gain(
    groups: Release,
    *,
    value_each: float,
    effect: Release | None = None,
    assumed: float | None = None,
    also: Sequence[Expression | str] = ("customers",),
    unit: str | None = None,
    title: str | None = None,
) -> Release:
    """Return what contacting every customer of each group may bring.

    Parameters
    ----------
    groups : Release
        ``customers`` by group, such as persona.
    value_each : float
        What one response is worth, declared; in the catalog's currency.
    effect : Release
        From `campaign_effect`: by the same groups, or of all together.
    assumed : float
        The effect where no control group ever told it: an assumption. One of the two is given.
    also : sequence of figures
        What else of ``groups`` the result shows.
    unit : str, optional
        The currency's code.
    title : str, optional
        What to call the gain.

    Returns
    -------
    Release
        ``expected_gain`` beside ``also``. The title of an assumed one says so, with its inputs.
    """
    if (effect is None) == (assumed is None):
        raise InputError(
            "an expected gain stands on effect=campaign_effect(…), or on assumed=0.02 where there "
            "is no control group; give exactly one of the two."
        )
    if not 0 < value_each <= 1e15:
        raise InputError(f"value_each is what one response is worth, above 0, not {value_each}.")
    if assumed is not None and not -1 <= assumed <= 1:
        raise InputError(
            f"assumed is how many more of one customer respond, -1 to 1, not {assumed}: 0.02 for "
            "two more in a hundred."
        )
    if "customers" not in [measure.name for measure in groups.measures]:
        raise QuestionRefused(
            f"a gain is of customers by group, and '{groups.name}' does not show 'customers'."
        )
    chance = expression(float(assumed)) if assumed is not None else column("effect", of=effect)
    gain = column("customers") * chance * float(value_each)
    told = title or "Expected gain"
    if assumed is not None:  # an assumption is called one wherever it is shown
        told = f"{told}, assuming {assumed:.1%} more responses at {value_each:g} each"
    return groups.derive(
        *([also] if isinstance(also, str) else also),
        gain.named("expected_gain", told, unit, 0),
        name=f"{groups.name}-gain",
    )
