"""From private answers about customers to the summary's estimates, each with its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.analytics.compliance import Measured, unmeasured

if TYPE_CHECKING:
    from workbench.privacy.release import Release


def decided(decisions: Release | None) -> dict[str, Measured]:
    """Return the ratio of the least to the most approved group, and the share people decided."""
    why = "it was not asked"
    if decisions is None or not len(decisions) or decisions.columns["approved_rate"][0] is None:
        return {"impact-ratio": unmeasured(why), "human-review": unmeasured(why)}
    rates = list(
        zip(
            *(decisions.columns[f"approved_rate{end}"] for end in ("", "_low", "_high")),
            strict=True,
        )
    )
    known = [each for each in rates if None not in each and each[0] > 0]
    if len(known) < 2:
        return {"impact-ratio": unmeasured(why), "human-review": _by_person(decisions)}
    least, most = min(known), max(known)
    ratio = least[0] / most[0]
    spread = math.hypot(*((high - low) / 2 / value for value, low, high in (least, most)))
    return {
        "impact-ratio": Measured(
            ratio, low=max(0.0, ratio * (1 - spread)), high=ratio * (1 + spread)
        ),
        "human-review": _by_person(decisions),
    }


def rate(release: Release | None, name: str) -> Measured:
    """Return a private rate of one row, with its interval."""
    if release is None or name not in release.columns or release.columns[name][0] is None:
        return unmeasured("it was not asked")
    value, low, high = (release.columns[f"{name}{end}"][0] for end in ("", "_low", "_high"))
    return Measured(value, low=low, high=high)


def _by_person(decisions: Release) -> Measured:
    axis = decisions.by[0].name
    total = decisions.derive("person_rate", over=axis, name="decided-by-a-person")
    value, low, high = (total.columns[f"person_rate{end}"][0] for end in ("", "_low", "_high"))
    return Measured(value, low=low, high=high)


def share_of_true(release: Release | None) -> Measured:
    """Return the share of customers in the group that is True, with its interval."""
    if release is None or not len(release) or release.columns["customers"][0] is None:
        return unmeasured("it was not asked")
    groups = release.columns[release.by[0].name]
    sizes = {
        bool(group): tuple(release.columns[f"customers{end}"][at] for end in ("", "_low", "_high"))
        for at, group in enumerate(groups)
    }
    (past, low, high), rest = sizes[True], sizes[False][0]
    everybody = max(past + rest, 1.0)
    ends = (max(0.0, each / everybody) for each in (past, low, high))
    value, low, high = ends
    return Measured(value, float(max(0.0, past)), float(everybody), low, high)
