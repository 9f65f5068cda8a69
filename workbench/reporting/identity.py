"""What an edition is made of, and so when it is the same again."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workbench.errors import PeriodError
from workbench.periods import Period
from workbench.reporting.definition import Definition, Variant
from workbench.reporting.desk import Desk
from workbench.reporting.due import Span
from workbench.reporting.schedule import PeriodRule

PACKAGES = ("workbench", "pandas", "plotly", "papermill", "ibis-framework", "duckdb")
# Of a definition, what says when and how it runs, and not what its page says.
_NOT_OF_THE_PAGE = {"schedule", "catch_up", "after", "limits", "retries", "hooks", "grid"}
_REUSE = "reuse_answers"


def choose_period(text: str | None, rule: PeriodRule, span: Span, today: dt.date) -> Period:
    """Return the period an edition is about.

    Parameters
    ----------
    text : str or None
        As it was typed; None takes the last one by the definition's rule.
    rule : PeriodRule
    span : Span
        What the data covers.
    today : date

    Raises
    ------
    PeriodError
        It is malformed, of another length, not over, or not within the data.
    """
    last = span.last_complete(rule.kind)
    if text is None:
        return last.previous() if rule.rule == "previous" else last
    period = Period.parse(text)
    if period.kind != rule.kind:
        raise PeriodError(
            f"this report is about a {rule.kind}: give one such as {last.text}, not {text}."
        )
    period.require_past(today, last)
    if not span.covers(period):
        raise PeriodError(
            f"the data ends with {last.text}; {text} is not loaded yet. Load it with "
            f"'workbench init', or render an earlier {rule.kind}."
        )
    if period.end <= span.start:
        first = Period.containing(span.start, rule.kind)
        raise PeriodError(
            f"the data begins with {first.text}, and {text} is before it. What is loaded is "
            f"{first.text} to {last.text}."
        )
    return period


def edition_identity(
    definition: Definition, period: Period, variant: Variant, notebook: bytes, desk: Desk
) -> str:
    """Return what makes an edition the same.

    Report, period, parameters, notebook, data version, catalog, package versions, and everything
    that is installed. A definition's schedule, deadlines and hooks do not change its pages.
    """
    content: dict[str, Any] = {
        "definition": definition.model_dump(mode="json", exclude={*_NOT_OF_THE_PAGE, _REUSE}),
        "report": definition.name,
        "period": period.text,
        "variant": variant.name,
        "parameters": dict(variant.values),
        "notebook": hashlib.sha256(notebook).hexdigest(),
        "data": desk.data_version,
        "catalog": desk.catalog.hash,
        "packages": {name: version(name) for name in PACKAGES},
        "lock": installed(),
    }
    if definition.reuse_answers:  # why only then: what was published without it stays the same
        content[_REUSE] = True
    # why sealed: a notebook may hold outputs, and its hash is published
    return desk.ledger.seal(
        hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    )


def made_of(
    definition: Definition, variant: Variant, notebook: bytes, desk: Desk
) -> dict[str, str]:
    """Return hashes of what an edition is made of beside rows, by which a revision tells why."""
    told = {
        "content": definition.model_dump(mode="json", exclude={*_NOT_OF_THE_PAGE, _REUSE}),
        "parameters": dict(variant.values),
    }
    content = {
        "notebook": notebook,
        "definition": json.dumps(told, sort_keys=True, default=str).encode(),
        "catalog": desk.catalog.hash.encode(),
        "software": installed().encode(),
    }
    return {
        name: desk.ledger.seal(hashlib.sha256(each).hexdigest())[:16]
        for name, each in content.items()
    }


@cache
def installed() -> str:
    """Return a hash of the names and versions of every installed package."""
    found = {
        path.name
        for place in sys.path
        for pattern in ("*.dist-info", "*.egg-info")
        for path in Path(place or ".").glob(pattern)
    }
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()
