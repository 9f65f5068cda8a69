"""The lines of the compliance summary: each indicator's light, who answers for it, and by when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.analytics.compliance import Measured, unmeasured
from workbench.analytics.kpis import Light, kpis

DUE_DAYS = {"red": 14, "amber": 45}


@dataclass(frozen=True)
class Indicator:
    """One line of the summary."""

    id: str
    measured: Measured
    light: Light
    previous: float | None
    owner: str
    due: dt.date | None
    as_of: dt.date


def indicators(
    measured: Mapping[str, Measured],
    *,
    previous: Mapping[str, float | None],
    owners: Mapping[str, str],
    due: Mapping[str, dt.date],
    as_of: Mapping[str, dt.date],
    today: dt.date,
) -> tuple[Indicator, ...]:
    """Return the summary's lines, in order; what nobody measured is not left out.

    Parameters
    ----------
    measured : mapping of indicator to Measured
    previous : mapping
        The value one period before.
    owners : mapping
        Department that answers for it; the definition's own when left out.
    due : mapping
        Days that were set earlier for what is still not green: they stay.
    as_of : mapping
        The day each is looked at.
    today : date
        New days are reckoned from it.
    """
    found = []
    for name, definition in kpis().items():
        mine = measured.get(name, unmeasured("no record of it"))
        light = mine.light or definition.light(mine.value, mine.low, mine.high)
        if light == "green" and mine.denominator is not None and mine.denominator <= 0:
            light = "not measured"
        days = DUE_DAYS.get(light)
        fresh = today + dt.timedelta(days=days) if days else None
        found.append(
            Indicator(
                name,
                mine,
                light,
                previous.get(name),
                owners.get(name, definition.owner),
                (mine.due or due.get(name, fresh)) if days else None,
                as_of.get(name, today),
            )
        )
    return tuple(found)


def columns_of(lines: Sequence[Indicator]) -> dict[str, list[Any]]:
    """Return lines as plain columns, as they are kept."""
    measured = ("value", "low", "high", "numerator", "denominator")
    return {
        "indicator": [line.id for line in lines],
        **{name: [getattr(line.measured, name) for line in lines] for name in measured},
        **{
            name: [getattr(line, name) for line in lines] for name in ("light", "previous", "owner")
        },
        "due": [line.due.isoformat() if line.due else None for line in lines],
        "as_of": [line.as_of.isoformat() for line in lines],
        "why": [line.measured.why for line in lines],
        "failed": [list(line.measured.failed) for line in lines],
    }


def lights(lines: Sequence[Indicator]) -> dict[str, int]:
    """Return how many lines have each light."""
    return {
        light: sum(line.light == light for line in lines)
        for light in ("green", "amber", "red", "not measured", "information")
    }
