"""What one table of score band × outcome says of a score, and a private card's points.

Bands are of points, so the lowest is the riskiest. Margins hold noise and the chance of who was in
the table: each count has a draw of its own, as wide as its root, beside its noise. Gini and
Kolmogorov–Smirnov carry both over by their tangent (the delta method).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf, sqrt
from typing import TYPE_CHECKING, Any

from workbench.errors import QuestionRefused
from workbench.privacy.columns import Dimension, Measure, noted
from workbench.privacy.groups import REST
from workbench.privacy.margins import Affine, Fixed, Form, divided, plus, tangent, weighted
from workbench.privacy.operations.ranking import carried
from workbench.privacy.operations.sampling import drawn_into
from workbench.privacy.sheets import Sheet, operation, without

if TYPE_CHECKING:
    import numpy as np


LEAST = 50  # good and bad ones of a period, each
SURELY = 5  # times the noise of their number
_DRAWS = 4000
_GINI = Measure("gini", "derived", "Gini", None, 2, -1.0)
_KS = Measure("ks", "derived", "Kolmogorov–Smirnov", None, 2, 0.0)


@operation("discrimination")
def discrimination(
    sheet: Sheet, *, measure: str, outcome: str, unknown_if_few: bool = True
) -> Sheet:
    """Return how well bands of a score tell good from bad, of each other group.

    Of too few it is not known, and a note says so; of other groups it stays known, so that it is no
    `NotKnown`, which is about a whole sheet. ``unknown_if_few`` stands in recipes of before alone,
    when too few could be refused.
    """
    table = _Table(sheet, measure, outcome)
    made, few = {_GINI: list[Form](), _KS: list[Form]()}, dict[str, None]()
    for forms, counts, sd in table.groups():
        if forms and (lacking := _too_few(counts, sd)):
            forms, few = [], few | {noted("few", **lacking): None}
        found = carried(_judged, forms, 1.0) if forms else [None, None]
        for measure_, figure in zip(made, found, strict=True):
            made[measure_].append(figure)
    made = table.bounded(made)
    return table.source.anew(table.others, made, noted("sampled"), *few, keys=table.keys)


@operation("stability")
def stability(
    sheet: Sheet,
    before: Sheet | None = None,
    *,
    measure: str,
    without_replacement: bool = False,
    by_shares: bool = False,
) -> Sheet:
    """Return how far bands of a score moved from another table, of each other group.

    ``without_replacement``, ``by_shares``: how the index without drift is drawn, and that it is
    told as it is found, drift or none; answers of before lack them, and come out as they did.
    """
    import numpy as np

    table, other = _Table(sheet, measure), _Table(before or sheet, measure)
    if other.others or other.band.values != table.band.values:
        raise QuestionRefused(
            f"stability is against a table of the same bands of '{table.band.name}' alone: add "
            "others up with .derive(over=…) first."
        )
    ((those, first, first_sd),) = other.groups()
    found, limits = list[Form](), list[Form]()
    for forms, counts, sd in table.groups():
        if not forms or not those:
            found.append(None)
            limits.append(None)
            continue
        pair = np.stack([first[:, 0], counts[:, 0]])
        draw = partial(unchanged, by_shares=by_shares) if without_replacement else _unchanged_before
        same = draw(pair, np.stack([first_sd[:, 0], sd[:, 0]]))
        limit = float(np.quantile(same, 0.95, method="linear" if without_replacement else "higher"))
        shown = float(psi(*pair))
        # its root is nearly the length of a vector, which noise moves by no more than its own
        ends = (max(0.0, sqrt(shown) - sqrt(limit)) ** 2, (sqrt(shown) + sqrt(limit)) ** 2)
        told = shown if by_shares else min(max(shown - float(same.mean()), ends[0]), ends[1])
        found.append(Fixed(told, *ends))
        limits.append(Fixed(limit))
    made = {
        Measure("psi", "derived", "Population stability index", None, 3, 0.0, table.bound): found,
        Measure("no_drift", "derived", "Without drift, at most", None, 3, 0.0): limits,
    }
    note = noted("drift or chance" if by_shares else "drift")
    return table.source.anew(table.others, made, note, keys=table.keys)


@operation("cutoffs")
def cutoffs(
    sheet: Sheet,
    *,
    measure: str,
    outcome: str,
    gain: float,
    loss: float,
    unit: str | None,
    best: bool = False,
    unknown_if_few: bool = False,
) -> Sheet:
    """Return of each cut-off what approving from there up would have kept and earned.

    ``best``: of the one with the most profit alone, margins holding for all it was chosen from.
    ``unknown_if_few``: that it is not known of few; answers of before lack it.
    """
    table = _Table(sheet, measure, outcome)
    if table.others or not (gain > 0 and loss > 0):
        raise QuestionRefused(
            "cut-offs are of one table of score bands by outcome alone, with gain= a good one and "
            "loss= a bad one, both above 0."
        )
    ((forms, counts, sd),) = table.groups()
    lacking = _too_few(counts, sd) if forms and unknown_if_few else {}
    forms = [] if lacking else forms
    good, bad = forms[::2], forms[1::2]
    everyone = weighted((1.0, each) for each in forms)
    kept, rates, profits = list[Form](), list[Form](), list[Form]()
    for place in range(len(table.band.values)) if forms else ():
        goods, bads = (weighted((1.0, each) for each in side[place:]) for side in (good, bad))
        approved = weighted([(1.0, goods), (1.0, bads)])
        kept.append(divided(approved, everyone) if place else Affine(1.0))
        rates.append(divided(bads, approved))
        profits.append(weighted([(gain, goods), (-loss, bads)]))
    if not forms:
        kept = rates = profits = [None] * len(table.band.values)
    more = [plus(each, profits[0], -1.0) for each in profits]
    labels = ("everybody", *(f"from {_lower(str(each))}" for each in table.band.values[1:]))
    made = {
        Measure("kept_share", "rate", "Still approved", None, 4): kept,
        Measure("bad_rate", "rate", "Bad among them", None, 4): rates,
        Measure("profit", "derived", "Profit", unit, 0): profits,
        Measure("more", "derived", "More than from everybody", unit, 0, contrast="amount"): more,
    }
    made = table.bounded(made)
    by = Dimension("cutoff", "Cut-off", "band", labels, table.band.exclusive)
    if not best:
        return sheet.anew((by,), made, noted("sampled"))
    lines = [tangent(form) for form in profits]
    earned = [-inf if line is None else line.value for line in lines]
    place = earned.index(max(earned))
    edge: Form = Fixed(float(_lower(labels[place].removeprefix("from ")))) if place else None
    cutoff = Measure("cutoff", "derived", "Recommended cut-off", "points", 0)
    chosen = {cutoff: [edge], **{each: [figures[place]] for each, figures in made.items()}}
    why = [noted("few to choose by", **lacking)] if lacking else []
    if forms and not place and unknown_if_few:
        why = [noted("everybody")]
    return replace(sheet.anew((), chosen, noted("sampled"), *why), among=len(labels))


def _too_few(counts: np.ndarray, sd: np.ndarray) -> dict[str, float]:
    """Return the good and bad ones found and the least to judge by; empty where they are enough."""
    least = max(LEAST, SURELY * float(((sd**2).sum(axis=0) ** 0.5).max()))
    good, bad = (max(0.0, float(each)) for each in counts.sum(axis=0))
    return {"good": good, "bad": bad, "least": least} if min(good, bad) < least else {}


class _Table:
    """Figures by score band, and by outcome where one is named, group by group.

    Forms know of sampling.
    """

    def __init__(self, sheet: Sheet, measure: str, outcome: str | None = None) -> None:
        bands = [each for each in sheet.by if each.kind == "band"]
        ways = [] if outcome is None else [sheet.axis(outcome)]
        wrong = any(set(sheet.by[axis].values) != {False, True} for axis in ways)
        counted = {each.name for each in sheet.measures if each.kind in ("customers", "rows")}
        if len(bands) != 1 or measure not in counted or wrong:
            raise QuestionRefused(
                f"a score is judged by '{measure}' by one column of bands, and by an outcome that "
                "is true of bad ones: wb.query(loans, by=[card.bands([560, 600]), 'default_12m'])"
                f".count(); this is by {', '.join(each.name for each in sheet.by) or 'nothing'}."
            )
        self.band, self.source, self.bound = bands[0], sheet, sheet.measure(measure).bound
        place = sheet.by.index(self.band)
        self.others = without(sheet.by, {place, *ways})
        self.keys = tuple(dict.fromkeys(without(key, {place, *ways}) for key in sheet.keys))
        cells: dict[tuple[Any, ...], tuple[Affine, float] | None] = {}
        for key, form in zip(sheet.keys, sheet.forms[measure], strict=True):
            at = (without(key, {place, *ways}), key[place], *(key[axis] for axis in ways))
            line = tangent(form)
            if line is not None:
                chance = {drawn_into(line): sqrt(max(line.value, 0.0))}
                drawn = Affine(line.value, {**line.terms, **chance})
                cells[at] = drawn, sqrt(line.variance)
        outcomes: list[tuple[Any, ...]] = [(False,), (True,)] if ways else [()]
        self._cells = [
            [cells.get((group, band, *each)) for band in self.band.values for each in outcomes]
            for group in self.keys
        ]

    def bounded(self, made: Mapping[Measure, list[Form]]) -> dict[Measure, list[Form]]:
        """Return figures that say how one customer's part in what they are made of is bounded."""
        return {replace(each, bound=self.bound): forms for each, forms in made.items()}

    def groups(self) -> Iterator[tuple[list[Affine], np.ndarray, np.ndarray]]:
        """Yield of every group its cells band by band, their counts and their noise.

        There are no cells where one of them is not known.
        """
        import numpy as np

        for cells in self._cells:
            known = [each for each in cells if each is not None]
            if len(known) < len(cells):
                yield [], np.zeros(0), np.zeros(0)
                continue
            both = np.array([(form.value, sd) for form, sd in known]).T
            counts, sds = both.reshape(2, len(self.band.values), -1)
            yield [form for form, _ in known], counts, sds


def gini(table: np.ndarray) -> float:
    """Return the Gini of bands × (good, bad), the riskiest band first."""
    import numpy as np

    good, bad = (_held(table) / _held(table).sum(axis=0)).T
    return float((bad * (2 * (1 - np.cumsum(good)) + good)).sum() - 1)


def _judged(cells: Sequence[float]) -> tuple[float, float]:
    import numpy as np

    table = np.reshape(cells, (-1, 2))  # good and bad ones of each band
    return gini(table), ks(table)


def ks(table: np.ndarray) -> float:
    """Return the largest distance between the shares of good and bad up to a band."""
    import numpy as np

    shares = _held(table) / _held(table).sum(axis=0)
    return float(np.abs(np.cumsum(shares[:, 1] - shares[:, 0])).max())


def psi(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Return the population stability index of counts, along their last axis."""
    import numpy as np

    one, other = (_held(each) / _held(each).sum(axis=-1, keepdims=True) for each in (before, now))
    return np.asarray(((other - one) * np.log(other / one)).sum(axis=-1))


def unchanged(pair: np.ndarray, sd: np.ndarray, *, by_shares: bool = True) -> np.ndarray:
    """Return drawn values of the index where nothing changed from one row of counts to the other.

    The second is then a draw without replacement from both, whatever their common shares are.
    ``sd``: of the noise of each count. ``by_shares``: what noise adds to a total moves each band by
    its share of it; before, all alike, which found drift where bands are uneven.
    """
    import numpy as np

    # why half: a band that noise hides may hold some, of whom more may be in one table by chance
    hidden = np.hypot(*sd) / 2 if by_shares else 0
    both = np.maximum(np.rint(pair.sum(axis=0)), np.rint(hidden)).astype(np.int64)
    both[both.argmax()] += max(0, 2 - both.sum())
    n = int(np.clip(round(pair[1].sum()), 1, both.sum() - 1))
    # why: the same counts have the same limit, and what drawing gets wrong differs by period
    dice = np.random.default_rng(np.abs(pair).ravel().astype(np.int64))
    drawn = dice.multivariate_hypergeometric(both, n, _DRAWS, method="marginals")
    noise = sd[:, None] * dice.standard_normal((2, *drawn.shape))
    # why: the totals drawn for hold their noise already
    part = both / both.sum() if by_shares else np.full(len(both), 1 / len(both))
    noise -= noise.sum(axis=2, keepdims=True) * part
    # why: of bands that noise drowns the index is noise; with as many more in each as the noise may
    # hide its limit is right, and the index is as far from its own
    totals = np.maximum(pair.sum(axis=1, keepdims=True), 1)
    hides = by_shares * 2 * ((sd / totals) ** 2).sum(axis=0) * totals.prod() / totals.sum() * totals
    one, other = both - drawn + noise[0], drawn + noise[1]
    calm = psi(one + hides[0], other + hides[1])
    found, calmed = psi(*pair), psi(*(pair + hides))
    times = found / calmed if calmed else psi(one, other).mean() / calm.mean()
    return np.asarray(calm * times)


def _unchanged_before(pair: np.ndarray, sd: np.ndarray) -> np.ndarray:
    import numpy as np

    shares = _held(pair.sum(axis=0)) / _held(pair.sum(axis=0)).sum()
    alike = shares * _held(pair.sum(axis=1, keepdims=True))
    dice, spread = np.random.default_rng(0), np.sqrt(sd**2 + np.maximum(alike, 0))
    drawn = alike + spread * dice.standard_normal((1000, *alike.shape))
    return psi(drawn[:, 0], drawn[:, 1])


def _held(table: np.ndarray) -> np.ndarray:
    """Return counts that are none below half of one: shares of them have a logarithm."""
    import numpy as np

    held: np.ndarray = np.maximum(table, 0.5)
    return held


def _lower(label: str) -> str:
    """Return where a band begins, by what it is called."""
    return label.removeprefix("≥ ").split(" to ")[0]


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
    discriminant: bool = False,
) -> Sheet:
    """Return points and the share of bad ones of every bin, as the card of these tables has them.

    ``sizes``, ``ordered``, ``trends``: of each feature. ``worth``: see `onerow`. Points kept before
    weights were a ``discriminant`` stay as they were published.
    """
    import numpy as np

    from workbench.privacy.operations.evidence import card_of, points_of, weights
    from workbench.privacy.operations.evidence_before import weights_before

    cells = [str(key[0]) for key in counts.keys if str(key[0]).endswith(_CUSTOMERS)][1:]
    keys = []
    for cell in cells:
        feature, _, told = cell.removesuffix(_CUSTOMERS).partition(": ")
        keys.append((feature.replace("_", " ").capitalize(), told))
    score: list[Form] = [None] * len(keys)
    rate = list(score)
    sums, sd = _drawn(counts)
    asked = (sums, sd, sizes, worth, ordered, trends, not discriminant)
    card = card_of(*asked) if len(sums) else None
    few = []
    if card and discriminant and not card.known:
        good, bad, spread = card.people
        few.append(noted("no card", good=max(good, 0), bad=max(bad, 0), noise=2 * spread))
    elif card:
        pairs, sd = (np.zeros(0), 0.0) if products is None else _drawn(products)
        way = weights if discriminant else weights_before
        weight, intercept = way(card.found, pairs, sd, card.cautious)
        each = points_of(card.found, weight, intercept, **scale)
        score = [Fixed(*map(float, ends)) for feature in each for ends in feature.T]
        if card.known == 2:
            rate = [Fixed(*ends) for feature in card.found for ends in feature.rates(card.base).T]
    features, bins = (dict.fromkeys(key[axis] for key in keys) for axis in (0, 1))
    bins = {**{each: None for each in bins if each != REST}, REST: None}  # last of each feature
    by = (
        Dimension("feature", "Feature", "category", tuple(features)),
        Dimension("bin", "Bin", "category", tuple(bins)),
    )
    made = {
        Measure("points", "derived", "Points", None, 0): score,
        Measure("bad_rate", "rate", "Bad among them", None, 4): rate,
    }
    return counts.anew(by, made, noted("sampled"), *few, keys=keys)


def _drawn(sheet: Sheet) -> tuple[np.ndarray, float]:
    """Return a card table's noisy sums and the deviation of each; none where they are not known."""
    import numpy as np

    (figures,) = sheet.forms.values()
    lines = [tangent(form) for form in figures]
    known = [line for line in lines if line is not None]
    if len(known) < len(lines) or not known:
        return np.zeros(0), 0.0
    return np.array([line.value for line in known]), sqrt(known[0].variance)
