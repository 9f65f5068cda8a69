"""Annexes whose figures are estimates about customers, each with its interval, or terms agreed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.privacy.columns import Measure
from workbench.privacy.noted import noted
from workbench.privacy.operational import Exact
from workbench.summary.annexes import NONE, sheet

if TYPE_CHECKING:
    from workbench.analytics.compliance import Measured
    from workbench.summary.evidence import Evidence


def decisions(evidence: Evidence) -> Exact:
    """Return how decisions fell by every protected attribute, the lowest ratio first."""
    found = sorted(
        evidence.selections, key=lambda each: (each.ratio.value is None, each.ratio.value)
    )
    made = sheet(
        "decisions-by-attribute",
        evidence.period.text,
        ["ledger"],
        {"attribute": "Protected attribute", "least": "Least approved", "most": "Most approved"},
        {"ratio": ("Ratio of approval rates", None), "person": ("Decided by a person", None)},
        [(each.attribute, each.least or NONE, each.most or NONE, None, None) for each in found],
    )
    measures = (
        Measure("ratio", "count", "Ratio of approval rates", None, 2),
        Measure("person", "rate", "Decided by a person", None, 4),
    )
    columns = {
        **made.columns,
        **_estimates("ratio", [each.ratio for each in found]),
        **_estimates("person", [each.person for each in found]),
    }
    ids = tuple(each.id for each in evidence.decisions)
    return replace(made, measures=measures, columns=columns, private=ids, notes=(noted("mixed"),))


def retention(evidence: Evidence) -> Exact:
    """Return what is past its time by table: customers estimated, operational rows counted."""
    tables = evidence.ws.catalog.tables
    customers = evidence.past_retention
    rows = evidence.rows_past_retention
    names = [name for name in tables if name in customers or name in rows]
    made = sheet(
        "past-retention-by-table",
        evidence.period.text,
        ["store", "catalog"],
        {"table": "Table"},
        {"kept": ("Kept, months", None), "customers": ("", None), "rows": ("", None)},
        [
            (tables[name].title, tables[name].retention.months, None, rows.get(name))
            for name in names
        ],
    )
    measures = (
        made.measures[0],
        Measure("customers", "customers", "Customers past it", "customers"),
        Measure("rows", "rows", "Rows past it, operational", "rows"),
    )
    counted = [_number_of(customers.get(name)) for name in names]
    columns = {
        **made.columns,
        **{
            f"customers{end}": [None if each is None else each[at] for each in counted]
            for at, end in enumerate(("", "_low", "_high"))
        },
    }
    ids = tuple(each.id for each in evidence.retention.values())
    return replace(
        made,
        measures=measures,
        columns=columns,
        private=ids,
        notes=(noted("mixed"),) if ids else (),
    )


def extracts(evidence: Evidence) -> Exact:
    """Return the extracts handed over and not expired, with what was agreed of them."""
    rows = [
        (
            each.id,
            each.terms["recipient"],
            each.terms["country"],
            each.terms["expires"],
            each.people_at_most,
            each.k,
            each.l if each.measured.get("sensitive") else None,
            each.t if each.measured.get("sensitive") else None,
        )
        for each in evidence.all_extracts
        if each.at.date() <= evidence.as_of and each.terms["expires"] >= evidence.as_of.isoformat()
    ]
    made = sheet(
        "extracts-handed-over",
        evidence.period.text,
        ["share register"],
        {"extract": "Extract", "recipient": "To", "country": "Country", "until": "Until"},
        {
            "people": ("People at most", None),
            "k": ("k at least", None),
            "l": ("l at least", None),
            "t": ("t at most", None),
        },
        rows,
    )
    closeness = replace(made.measures[-1], digits=2)
    return replace(made, measures=(*made.measures[:-1], closeness))


def _estimates(name: str, found: list[Measured]) -> dict[str, list[Any]]:
    return {
        name: [each.value for each in found],
        f"{name}_low": [each.low for each in found],
        f"{name}_high": [each.high for each in found],
    }


def _number_of(found: Measured | None) -> tuple[float, float, float] | None:
    """Return a share of customers as their number, with its interval."""
    if found is None or found.value is None or found.denominator is None:
        return None
    everybody = found.denominator
    return tuple(  # type: ignore[return-value]  # why: three in, three out
        float(round((end or 0.0) * everybody)) for end in (found.value, found.low, found.high)
    )
