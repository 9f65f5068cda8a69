"""Personas of analysts' own customers: the rules of a report, applied to features in the engine.

The very rules that a private question groups by give every row of features its scores and its
persona, as one lazy expression, so counting them runs in the engine. What is counted here is exact
and for analysts' eyes; releases group by the rules themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.errors import InputError
from workbench.privacy.grouping.personas import Personas, score

if TYPE_CHECKING:
    import ibis

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
    missing = [name for name in needed.values() if name not in features.columns]
    if missing:
        raise InputError(
            f"the rules need {', '.join(missing)}, which these features do not have. Take them "
            "from wb.features(…)."
        )
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
