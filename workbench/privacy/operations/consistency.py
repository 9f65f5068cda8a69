"""Make totals agree with their parts, by least squares over everything that was released.

Several noisy tables of one measure (by region, by month, by both, the total) contradict each other
by their noise. Generalised least squares finds the one underlying table that fits all of them best,
each figure weighing as its noise allows, and gives back each table as the sum of that one: parts
then sum to totals, and no figure has more noise than before (Gauss–Markov). For trees this is what
Hay, Rastogi, Miklau & Suciu, *Boosting the accuracy of differentially private histograms through
consistency* (VLDB 2010) do; here tables may overlap in any way.

The underlying table is never built: all that matters of it is how many of its cells two released
figures share, which their group values tell.

All this is true where the tables count the same rows. `wb.marginals` asks them so; of releases that
were asked apart only their residual tells, the part of the figures no underlying table explains.
Its squared length, in the noise's own measure, has a chi-square distribution, and where it is far
beyond that the tables are left as they were drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.errors import QuestionRefused
from workbench.privacy.columns import Dimension, noted
from workbench.privacy.expressions import names
from workbench.privacy.margins import Affine, Laddered, Noise, Ratio, rung_of
from workbench.privacy.sheets import Sheet, operation, why_not_added
from workbench.privacy.tables import kept, sheet_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from workbench.privacy.release import Release

    Matrix = npt.NDArray[np.floating[Any]]

# The chance that tables which count the same rows are held to differ, for each measure.
IMPLAUSIBLE = 0.0005
MAX_FIGURES = 1000  # the work grows with the cube, and every figure comes to depend on every draw


@dataclass(frozen=True)
class Fit:
    """Least squares on figures: the matrix that adjusts them, and their variances before, after.

    ``whiten`` turns figures into ones of unit noise; ``freedom``: in how many ways they can differ.
    """

    adjust: Matrix
    before: Matrix
    after: Matrix
    whiten: Matrix
    freedom: int

    def plausibility(self, figures: Matrix) -> float:
        """Return the chance of a residual as large as theirs, of tables that do agree."""
        from scipy.stats import chi2

        residual = self.whiten @ (figures - self.adjust @ figures)
        return float(chi2.sf(residual @ residual, self.freedom)) if self.freedom else 1.0


def consistent(
    releases: Sequence[Release], measure: str | Sequence[str], *, exclusive: Sequence[str] = ()
) -> list[Release]:
    """Adjust releases of one measure so that totals agree with parts; costs nothing.

    Parameters
    ----------
    releases : sequence of Release
        Tables of the same thing by different group columns, over the same span and filter.
    measure : str or sequence of str
        What to adjust: sums, rows, means or rates of rows, or customers. Others stay as drawn.
    exclusive : sequence of str
        Group columns of whose values one customer has one only, besides those the catalog declares;
        only over these may distinct customers be added.

    Returns
    -------
    list of Release
        As given, with adjusted figures and their exact, smaller margins.

    Raises
    ------
    QuestionRefused
        The measure does not add up over the columns that some releases have and others have not,
        or the releases are not about the same thing, or differ by more than their noise.

    Examples
    --------
    >>> # wb.consistent([by_region, by_month, both, total], "amount_sum")
    """
    return _kept(releases, names(measure), list(exclusive), "refuse")


def agreeing(releases: Sequence[Release], measures: Sequence[str]) -> list[Release]:
    """Adjust the tables of one question; a measure that does not fit is left as drawn, and said."""
    return _kept(releases, measures, [], "leave")


def _kept(
    releases: Sequence[Release], wanted: Sequence[str], exclusive: list[str], implausible: str
) -> list[Release]:
    if len(releases) < 2:
        raise QuestionRefused("consistency is between two releases or more.")
    if all(each.planned for each in releases):
        return list(releases)  # there is no figure to adjust
    find = releases[0].origin.find if releases[0].origin else None
    arguments = {
        "among": [each.id for each in releases],
        "measures": list(wanted),
        "exclusive": exclusive,
        "implausible": implausible,
    }
    sheets = [sheet_of(each, find) for each in releases]
    adjusted = _adjusted(sheets, wanted, exclusive, implausible)
    return [
        kept(
            "consistent",
            [release, *(each for each in releases if each is not release)],
            {**arguments, "index": index},
            sheet,
        )
        for index, (release, sheet) in enumerate(zip(releases, adjusted, strict=True))
    ]


@operation("consistent")
def consistently(
    *sheets: Sheet,
    among: Sequence[str],
    index: int,
    measures: Sequence[str],
    exclusive: Sequence[str],
    implausible: str | None = None,  # adjusted before residuals were looked at: as published
) -> Sheet:
    """Return one of several tables of the same thing, adjusted so that all of them agree."""
    by_id = {each.about["id"]: each for each in sheets}
    return _adjusted([by_id[each] for each in among], measures, exclusive, implausible)[index]


def _adjusted(
    sheets: Sequence[Sheet],
    wanted: Sequence[str],
    exclusive: Sequence[str],
    implausible: str | None,
) -> list[Sheet]:
    _about_the_same(sheets)
    dimensions = _dimensions(sheets)
    for name in wanted:
        for sheet in sheets:
            _may_add(sheet, name, dimensions, exclusive)
    overlap = overlaps(sheets, dimensions)
    found: list[dict[str, list[Any]]] = [{} for _ in sheets]
    unfit = []
    for name in wanted:
        forms = [form for sheet in sheets for form in sheet.forms[name]]
        fitted, chance = _fitted(forms, overlap)
        if implausible is not None and chance < IMPLAUSIBLE:
            unfit.append(sheets[0].measure(name).title)
            continue
        for column, sheet_forms in zip(found, _split(fitted, sheets), strict=True):
            column[name] = sheet_forms
    left = noted("apart", titles="; ".join(unfit))
    if unfit and implausible == "refuse":
        raise QuestionRefused(
            f"{left} Rows without a value of a group are in a total and in none of its parts, and "
            "another filter or bound counts something else: ask all tables as one question with "
            "wb.marginals(…), or show them as they were drawn."
        )
    adjusted: list[Sheet] = []
    for sheet, mine in zip(sheets, found, strict=True):
        titles = "; ".join(each.title for each in sheet.measures if each.name in mine)
        note = noted("adjusted", titles=titles)
        notes = [*([note] if titles else []), *([left] if unfit else [])]
        adjusted.append(replace(sheet, forms={**sheet.forms, **mine}, notes=(*sheet.notes, *notes)))
    return adjusted


def _about_the_same(sheets: Sequence[Sheet]) -> None:
    for what in ("table", "purpose", "period"):
        values = dict.fromkeys(each.about[what] for each in sheets)
        if len(values) > 1:
            shown = " and ".join(str(each) for each in values)
            raise QuestionRefused(
                f"these releases are not about the same {what}: {shown}. Totals and parts can only "
                "agree when they count the same thing."
            )
    if len(set().union(*(each.filters for each in sheets))) > 1:
        raise QuestionRefused(
            "these releases were asked with other filters each (where=…), so a total of one is "
            "none of the other. Ask all of them with the same."
        )


def _dimensions(sheets: Sequence[Sheet]) -> dict[str, Dimension]:
    found: dict[str, Dimension] = {}
    for sheet in sheets:
        for each in sheet.by:
            if found.setdefault(each.name, each).values != each.values:
                raise QuestionRefused(
                    f"'{each.name}' has other values in one release than in another, so a total of "
                    "one is none of the other."
                )
    return found


def _may_add(
    sheet: Sheet, name: str, dimensions: Mapping[str, Dimension], exclusive: Sequence[str]
) -> None:
    mine = {each.name for each in sheet.by}
    over = [
        replace(each, exclusive=each.exclusive or each.name in exclusive)
        for each in dimensions.values()
        if each.name not in mine
    ]
    if not over and name in {each.name for each in sheet.measures}:
        return
    reason = why_not_added(sheet.measure(name), name in sheet.adds, over)
    if reason:
        raise QuestionRefused(reason)


def overlaps(sheets: Sequence[Sheet], dimensions: Mapping[str, Dimension]) -> Matrix:
    """Return how many cells of the underlying table each two figures share."""
    import numpy as np

    size = sum(len(sheet.keys) for sheet in sheets)
    if size > MAX_FIGURES:
        raise QuestionRefused(
            f"{size:,} figures are too many to adjust at once; at most {MAX_FIGURES:,}. Leave the "
            "finest table out, or adjust over fewer group columns."
        )
    shared = np.ones((size, size))
    for name, dimension in dimensions.items():
        place = {value: i for i, value in enumerate(dimension.values)}
        codes: list[int] = []
        for sheet in sheets:
            axis = next((i for i, each in enumerate(sheet.by) if each.name == name), None)
            codes += [-1 if axis is None else place[key[axis]] for key in sheet.keys]
        code = np.array(codes)
        whole = code == -1
        same = (code[:, None] == code[None, :]) | whole[:, None] | whole[None, :]
        shared *= np.where(whole[:, None] & whole[None, :], len(dimension.values), same)
    return shared


def least_squares(noise: Matrix, overlap: Matrix) -> Fit:
    """Return how to adjust figures with a noise covariance so that they agree.

    Parameters
    ----------
    noise : array of (m, m)
        Covariance of the figures' noise; positive definite.
    overlap : array of (m, m)
        From `overlaps`: the Gram matrix of the figures as sums of underlying cells.
    """
    import numpy as np

    scale = np.sqrt(np.diag(overlap))  # a total of many cells and a cell get the same say
    sizes, directions = np.linalg.eigh(overlap / np.outer(scale, scale))
    reachable = directions[:, sizes > 1e-9 * sizes[-1]] * scale[:, None]
    spread = np.sqrt(np.diag(noise))
    # rounding hides an exact dependence from a Cholesky factor, but not from the correlations
    if not spread.all() or np.linalg.eigvalsh(noise / np.outer(spread, spread))[0] < 1e-9:
        raise QuestionRefused(
            "some of these releases stand on the same answers, so that one tells nothing the "
            "others do not. Give each paid answer once."
        )
    root = np.linalg.cholesky(noise)
    basis, _ = np.linalg.qr(np.linalg.solve(root, reachable))
    projection = basis @ basis.T
    adjust = root @ np.linalg.solve(root.T, projection.T).T  # root · projection · root⁻¹
    after = root @ projection @ root.T
    freedom = len(noise) - reachable.shape[1]
    return Fit(adjust, np.diag(noise).copy(), np.diag(after).copy(), np.linalg.inv(root), freedom)


_fits: dict[str, Fit] = {}
_FITS_KEPT = 4  # of at most 1,000 figures each


def _fit(noise: Matrix, overlap: Matrix) -> Fit:
    """Return `least_squares`, once for tables of one make: shown tables are computed again."""
    key = hashlib.sha256(noise.tobytes() + overlap.tobytes()).hexdigest()
    if key not in _fits:
        while len(_fits) >= _FITS_KEPT:
            del _fits[next(iter(_fits))]
        _fits[key] = least_squares(noise, overlap)
    return _fits[key]


def _fitted(forms: Sequence[Any], overlap: Matrix) -> tuple[list[Any], float]:
    """Return forms adjusted by least squares, ratios above and below the line, and the chance."""
    if any(form is None for form in forms):
        raise QuestionRefused(
            "a figure is suppressed or not defined, so totals cannot agree with it. Make releases "
            "consistent first and suppress small groups after."
        )
    if all(isinstance(form, Laddered) for form in forms):
        return _laddered(forms, overlap)
    if all(isinstance(form, Ratio) for form in forms):
        tops, above = _lines([form.top for form in forms], overlap)
        bottoms, below = _lines([form.bottom for form in forms], overlap)
        ratios = [
            Ratio(top, bottom, form.offset)
            for top, bottom, form in zip(tops, bottoms, forms, strict=True)
        ]
        return ratios, min(above, below)
    if not all(isinstance(form, Affine) for form in forms):
        raise QuestionRefused("only totals, and ratios of totals, can agree with their parts.")
    return _lines(forms, overlap)


def _laddered(forms: Sequence[Laddered], overlap: Matrix) -> tuple[list[Any], float]:
    """Adjust totals up to each rung among themselves, and tell all of them up to the same one.

    A total told up to another rung than its parts would not be their sum.
    """
    heights = {len(form.rungs) for form in forms}
    if len(heights) > 1:
        raise QuestionRefused(
            "these totals have ladders of different heights, so one is no part of another. Ask "
            "all of them with the same bounds."
        )
    fits = [_fitted([form.rungs[i] for form in forms], overlap) for i in range(heights.pop())]
    found = [
        replace(form, rungs=tuple(rungs[place] for rungs, _ in fits))
        for place, form in enumerate(forms)
    ]
    highest = max(rung_of(form) for form in found)
    # why the last: layers left out may disagree by their noise alone, all of them may not
    return [replace(form, at=highest) for form in found], fits[-1][1]


def _lines(forms: Sequence[Affine], overlap: Matrix) -> tuple[list[Any], float]:
    import numpy as np

    draws: dict[Noise, int] = {}
    for form in forms:
        for draw in form.terms:
            draws.setdefault(draw, len(draws))
    weights = np.zeros((len(forms), len(draws)))
    for i, form in enumerate(forms):
        for draw, weight in form.terms.items():
            weights[i, draws[draw]] = weight
    fit = _fit(weights @ weights.T, overlap)
    given = np.array([form.value for form in forms])
    values = fit.adjust @ given
    adjusted = fit.adjust @ weights
    known = list(draws)
    lines = [
        Affine(
            float(values[i]),
            {known[j]: float(adjusted[i, j]) for j in np.flatnonzero(adjusted[i])},
            forms[i].approximate,
        )
        for i in range(len(forms))
    ]
    return lines, fit.plausibility(given)


def _split(forms: Sequence[Any], sheets: Sequence[Sheet]) -> list[list[Any]]:
    found, start = [], 0
    for sheet in sheets:
        found.append(list(forms[start : start + len(sheet.keys)]))
        start += len(sheet.keys)
    return found
