"""The points of a private scorecard, bin by bin, from the noisy tables it was learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import TYPE_CHECKING

from workbench.privacy.columns import Dimension, Measure
from workbench.privacy.groups import REST
from workbench.privacy.margins import Fixed, Form, tangent
from workbench.privacy.noted import noted
from workbench.privacy.sheets import Sheet, operation

if TYPE_CHECKING:
    import numpy as np

_CUSTOMERS = ", customers"


@operation("points")
def points(
    counts: Sheet,
    products: Sheet | None = None,
    *,
    sizes: Sequence[int],
    ordered: Sequence[int],
    trends: Sequence[str | None],
    worth: tuple[int, int],
    scale: Mapping[str, float],
) -> Sheet:
    """Return points and the share of bad ones of every bin, as the card of these tables has them.

    ``sizes``, ``ordered``, ``trends``: of each feature. ``worth``: see `onerow`.
    """
    import numpy as np

    from workbench.privacy.operations.evidence import card_of, points_of, weights

    cells = [str(key[0]) for key in counts.keys if str(key[0]).endswith(_CUSTOMERS)][1:]
    keys = []
    for cell in cells:
        feature, _, told = cell.removesuffix(_CUSTOMERS).partition(": ")
        keys.append((feature.replace("_", " ").capitalize(), told))
    score: list[Form] = [None] * len(keys)
    rate = list(score)
    sums, sd = _drawn(counts)
    if len(sums):
        card = card_of(sums, sd, sizes, worth, ordered, trends)
        pairs, sd = (np.zeros(0), 0.0) if products is None else _drawn(products)
        weight, intercept = weights(card.found, pairs, sd, card.base)
        each = points_of(card.found, weight, intercept, **scale)
        score = [Fixed(*map(float, ends)) for feature in each for ends in feature.T]
        rate = [Fixed(*ends) for feature in card.found for ends in feature.rates(card.base).T]
    features, bins = (dict.fromkeys(key[axis] for key in keys) for axis in (0, 1))
    bins = {**{each: None for each in bins if each != REST}, REST: None}  # last of each feature
    by = (
        Dimension("feature", "Feature", "category", tuple(features)),
        Dimension("bin", "Bin", "category", tuple(bins)),
    )
    measures = (
        Measure("points", "derived", "Points", None, 0),
        Measure("bad_rate", "rate", "Bad among them", None, 4),
    )
    forms = {"points": score, "bad_rate": rate}
    notes = (*counts.notes, noted("sampled"))
    return Sheet(by, tuple(keys), measures, forms, notes=notes, about=counts.about)


def _drawn(sheet: Sheet) -> tuple[np.ndarray, float]:
    """Return a card table's noisy sums and the deviation of each; none where they are not known."""
    import numpy as np

    (figures,) = sheet.forms.values()
    lines = [tangent(form) for form in figures]
    known = [line for line in lines if line is not None]
    if len(known) < len(lines) or not known:
        return np.zeros(0), 0.0
    return np.array([line.value for line in known]), sqrt(known[0].variance)
