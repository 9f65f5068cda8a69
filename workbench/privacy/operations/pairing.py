"""Which values of a column go together more than by chance, of customers who have both.

The *lift* of a pair is how many times as often it occurs as it would if one value said nothing of
the other. Its margin holds the noise of all four figures it is made of.
"""

from __future__ import annotations

from dataclasses import replace

from workbench.errors import QuestionRefused
from workbench.privacy.columns import AND, Measure
from workbench.privacy.margins import Form, divided, tangent, times
from workbench.privacy.sheets import Sheet, operation


@operation("affinity")
def affinity(sheet: Sheet, whole: Sheet | None = None) -> Sheet:
    """Return of every pair the customers with both, their share of the first's, and the lift."""
    if whole is None or len(sheet.by) != 1 or not sheet.by[0].name.endswith("_pair") or whole.by:
        raise QuestionRefused(
            "affinity is of customers by wb.pairs(column) alone, and of= is all customers of the "
            "same question, without by=."
        )
    at = {str(key[0]): form for key, form in zip(sheet.keys, sheet.forms["customers"], strict=True)}
    every = whole.forms["customers"][0]
    pairs = [pair for pair in at if AND in pair]
    shares, lifts = list[Form](), list[Form]()
    for pair in pairs:
        one, other = pair.split(AND)
        expected = times(tangent(at[one]), tangent(at[other]))
        shares.append(divided(at[pair], at[one]))
        lifts.append(divided(times(at[pair], every), expected))
    return replace(
        sheet,
        by=(replace(sheet.by[0], values=tuple(pairs), exclusive=False),),
        keys=tuple((pair,) for pair in pairs),
        measures=(
            Measure("customers", "customers", "Customers with both", "customers"),
            Measure("both_rate", "rate", "Of the first, have both", None, 4),
            Measure("lift", "derived", "Times as often as by chance", None, 2, 0.0),
        ),
        forms={"customers": [at[pair] for pair in pairs], "both_rate": shares, "lift": lifts},
        adds=frozenset(),
        refused={},
        among=1,
        kept=1.0,
    )
