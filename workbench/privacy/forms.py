"""From a release to the forms of its figures, whatever it was derived from, and back.

A `Sheet` is a release under work: rows, measures, and for each figure the noise beneath it. Paid
answers say in their mechanism how figures are put together from noisy integers; joined ones are
put together from their parts; derived ones are computed again by their recipe. So what is derived
from derived figures knows exactly which noise they share.
"""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.margins import (
    Affine,
    Fixed,
    Form,
    Ratio,
    covariance,
    interval,
    is_approximate,
    laddered,
    quantile,
    tangent,
)
from workbench.privacy.noted import noted
from workbench.privacy.release import Cost, Dimension, Measure, Origin, Release

if TYPE_CHECKING:  # why: see release.py
    import pandas as pd

    from workbench.privacy.ledger import Ledger

Find = Callable[[str], Release]
Key = tuple[Any, ...]
# How derived figures are computed again: the recipe's name to the function that does it.
REPLAYED_BY = {
    "derive": "workbench.privacy.derive",
    "suppress": "workbench.privacy.small_groups",
    "merge": "workbench.privacy.small_groups",
    "consistent": "workbench.privacy.consistency",
    "rename": "workbench.privacy.renaming",
    "regroup": "workbench.privacy.reshaping",
    "describe": "workbench.privacy.reshaping",
    "grade": "workbench.privacy.reshaping",
    "affinity": "workbench.privacy.pairs",
    "deciles": "workbench.privacy.deciles",
}


@dataclass(frozen=True)
class Sheet:
    """A release under work.

    Attributes
    ----------
    by, measures : tuple
        As of a release.
    keys : tuple of tuple
        Group values of each row.
    forms : mapping
        Measure name to the form of each row's figure.
    adds : frozenset of str
        Measures whose figures may be added over any group: sums, rows, and means of rows.
    refused : mapping
        Measures that are no longer there, and why.
    notes : tuple of str
        What happened on the way.
    among : int
        How many rows these were picked from by their noisy figures: margins hold for all of them.
    kept : float
        The part of the rows that a rule about noisy figures left: of the margins of those shown, as
        many hold as they say (Benjamini & Yekutieli, *False discovery rate-adjusted multiple
        confidence intervals for selected parameters*, JASA 100, 2005).
    """

    by: tuple[Dimension, ...]
    keys: tuple[Key, ...]
    measures: tuple[Measure, ...]
    forms: Mapping[str, Sequence[Form]]
    adds: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    among: int = 1
    kept: float = 1.0

    @property
    def chosen(self) -> float:
        """For how many figures at once a margin holds, for the choice of the rows alone."""
        return self.among / self.kept

    @property
    def figures(self) -> int:
        """How many figures have an interval of noise: all but quantiles, ranks and chances."""
        noisy = [
            each
            for each in self.measures
            if not any(isinstance(form, Fixed) for form in self.forms[each.name])
        ]
        return max(1, len(noisy) * max(len(self.keys), self.among))

    def together(self, recipe: Mapping[str, Any]) -> float:
        """Return how many figures the stored margins of a derivation hold at once."""
        return self.figures if recipe.get("simultaneous") else self.chosen

    def measure(self, name: str) -> Measure:
        """Return a measure, or refuse with the reason why it is not there."""
        if name in self.refused:
            raise QuestionRefused(self.refused[name])
        for each in self.measures:
            if each.name == name:
                return each
        raise UnknownName("measure", name, [each.name for each in self.measures])

    def axis(self, name: str) -> int:
        """Return the position of a group column."""
        names = [each.name for each in self.by]
        if name not in names:
            raise UnknownName("group column", name, names)
        return names.index(name)


def sheet_of(release: Release, find: Find | None = None) -> Sheet:
    """Return a release as a sheet.

    Parameters
    ----------
    find : callable, optional
        Id to release; that of the release's own origin when left out.

    Raises
    ------
    QuestionRefused
        It stands on other releases, and nobody says where they are.
    """
    find = find or (release.origin.find if release.origin else None)
    kind = release.mechanism.get("kind")
    if kind == "joined":
        return _joined(release, _finder(release, find))
    if kind == "derived":
        recipe = release.mechanism["recipe"]
        module = REPLAYED_BY.get(recipe["op"])
        if module is None:
            raise QuestionRefused(
                f"{release.id} was derived by '{recipe['op']}', which this version does not know. "
                "Update workbench."
            )
        if isinstance(recipe.get("groups"), Mapping):  # as stored when their order was lost
            order = next(each.values for each in release.by if each.name == recipe["into"])
            recipe = {**recipe, "groups": [[each, recipe["groups"][each]] for each in order]}
        replay: Callable[[Mapping[str, Any], list[Release], Find], Sheet]
        replay = importlib.import_module(module).replay
        known = _finder(release, find)
        return replay(recipe, [known(each) for each in release.mechanism["parents"]], known)
    forms = {each.name: paid(release, each) for each in release.measures}
    adds = frozenset(each.name for each in release.measures if _adds(release, each))
    return Sheet(release.by, _keys(release), release.measures, forms, adds)


def _finder(release: Release, find: Find | None) -> Find:
    if find is None:
        raise QuestionRefused(
            f"{release.id} stands on other answers, and this copy of it does not say in which "
            "ledger they are. Take it from the workspace, where nothing is paid twice."
        )
    return find


def _keys(release: Release) -> tuple[Key, ...]:
    if not release.by:
        return ((),) * len(release)
    return tuple(zip(*(release.columns[each.name] for each in release.by), strict=True))


def paid(release: Release, measure: Measure) -> list[Form]:
    """Return the forms of one measure of a paid answer."""
    mechanism, rows, name = release.mechanism, range(len(release)), measure.name
    linear, ratio = mechanism.get("linear", {}), mechanism.get("ratio", {})
    if name in linear:
        return [_affine(release, linear[name], row) for row in rows]
    if name in ratio:
        plan = ratio[name]
        return [
            Ratio(
                _affine(release, plan["top"], row),
                _affine(release, plan["bottom"], row),
                float(plan.get("offset", 0.0)),
            )
            for row in rows
        ]
    if name in mechanism.get("ladder", {}):
        plan = mechanism["ladder"][name]
        return [laddered(plan, lambda each, row=row: _affine(release, each, row)) for row in rows]  # type: ignore[misc]  # why: the row is bound at once
    columns = [release.columns[name + suffix] for suffix in ("", "_low", "_high")]
    triples = list(zip(*columns, strict=True))
    if measure.kind == "distinct" or mechanism.get("kind") == "selection":
        # an integer with Gaussian noise of its own: its stored interval says how much
        z = quantile(0.95)
        return [
            None
            if value is None or low is None or high is None
            else Affine(float(value), {(release.id, row, name): (high - low) / 2 / z})
            for row, (value, low, high) in enumerate(triples)
        ]
    return [None if triple[0] is None else Fixed(*triple) for triple in triples]


def _affine(release: Release, coefficients: Mapping[str, float], row: int) -> Affine:
    mechanism = release.mechanism
    noisy, step, sigma = mechanism["noisy"], mechanism["lattice"], mechanism["sigma"]
    value = sum(each * (noisy[name][row] / step) for name, each in coefficients.items())
    terms = {(release.id, row, name): each * sigma for name, each in coefficients.items() if each}
    return Affine(float(value), terms)


def _adds(release: Release, measure: Measure) -> bool:
    if measure.kind in ("rows", "sum") or measure.at_bound_of:
        return True  # at a bound lie totals in a cell, so that it is a share of customers' cells
    plans = {**release.mechanism.get("ratio", {}), **release.mechanism.get("ladder", {})}
    plan = plans.get(measure.name)
    # a mean or rate of rows adds up above and below the line; one of customers does not
    return plan is not None and measure.kind in ("mean", "rate") and set(plan["bottom"]) != {"n"}


def _joined(release: Release, find: Find) -> Sheet:
    """Put the parts of a release over months together: each month's rows from its part."""
    axis = next(i for i, each in enumerate(release.by) if each.kind == "month")
    parts = [sheet_of(find(each), find) for each in release.mechanism["parts"]]
    # why by name: a part may have been answered before, with its groups in another order
    names = [each.name for i, each in enumerate(release.by) if i != axis]
    at = [
        {tuple(key[part.axis(name)] for name in names): row for row, key in enumerate(part.keys)}
        for part in parts
    ]
    months = release.by[axis].values
    keys = _keys(release)
    places = [
        (months.index(key[axis]), at[months.index(key[axis])][key[:axis] + key[axis + 1 :]])
        for key in keys
    ]
    forms = {
        each.name: [parts[month].forms[each.name][row] for month, row in places]
        for each in release.measures
    }
    adds = frozenset.intersection(*(part.adds for part in parts))
    return Sheet(release.by, keys, release.measures, forms, adds)


def joined_columns(by: Sequence[Dimension], parts: Sequence[Release]) -> dict[str, list[Any]]:
    """Return the columns of a release over months, each month's rows from its part."""
    axis = next(i for i, each in enumerate(by) if each.kind == "month")
    # why by name: a part may have been answered before, with its groups in another order
    names = [each.name for i, each in enumerate(by) if i != axis]
    at: list[dict[Key, int]] = [
        {key: i for i, key in enumerate(zip(*(part.columns[name] for name in names), strict=True))}
        if names
        else {(): 0}
        for part in parts
    ]
    columns: dict[str, list[Any]] = {each.name: [] for each in by}
    # why of all: a month answered before shares at bounds were does not know them
    figures = [name for name in parts[0].columns if all(name in part.columns for part in parts)]
    figures = [name for name in figures if name not in columns]
    columns |= {name: [] for name in figures}
    for key in product(*(each.values for each in by)):
        for dimension, value in zip(by, key, strict=True):
            columns[dimension.name].append(value)
        month = by[axis].values.index(key[axis])
        row = at[month][key[:axis] + key[axis + 1 :]]
        for name in figures:
            columns[name].append(parts[month].columns[name][row])
    return columns


def columns_of(sheet: Sheet, level: float = 0.95, figures: float = 1) -> dict[str, list[Any]]:
    """Return a sheet's columns: group values, then value, low and high of each measure."""
    z = quantile(level, figures)
    columns: dict[str, list[Any]] = {
        each.name: [key[i] for key in sheet.keys] for i, each in enumerate(sheet.by)
    }
    for measure in sheet.measures:
        triples = [interval(form, z) for form in sheet.forms[measure.name]]
        for position, suffix in enumerate(("", "_low", "_high")):
            columns[measure.name + suffix] = [_stored(each[position]) for each in triples]
    return columns


def _stored(value: float | None) -> float | None:
    """Return a number at 12 significant digits: parts still add up, machines still agree."""
    return None if value is None else float(f"{value:.12g}") + 0.0


def keep(
    release: Release,
    sheet: Sheet,
    recipe: Mapping[str, Any],
    others: Sequence[Release] = (),
    name: str | None = None,
) -> Release:
    """Store a sheet as derived, parents named; the same derivation is stored once.

    Parameters
    ----------
    release : Release
        What it was derived from; its first parent.
    recipe : mapping
        How; plain JSON. Its ``op`` says who computes it again.
    others : sequence of Release
        Further parents.

    Raises
    ------
    QuestionRefused
        The release was not handed out by a workspace.
    """
    origin = release.origin
    if origin is None:
        raise QuestionRefused(
            f"{release.id} was not handed out by a workspace, so there is no ledger to keep "
            "what is derived from it. Take it from ws.release(…): nothing is paid twice."
        )
    parents = list(dict.fromkeys(each.id for each in (release, *others)))
    sources = (release, *others)
    month = next((i for i, each in enumerate(release.by) if each.kind == "month"), None)
    period = release.period
    if month is not None and all(each.kind != "month" for each in sheet.by):
        period = recipe.get("where", {}).get(release.by[month].name) or period
    approximate = any(is_approximate(f) for each in sheet.measures for f in sheet.forms[each.name])
    notes = [note for each in sources for note in each.notes]
    if sheet.among > 1:
        notes.append(noted("chosen", rows=f"{sheet.among:,}"))
    notes += sheet.notes
    together = sheet.together(recipe)
    if recipe.get("simultaneous") and together > 1:
        notes.append(f"Margins hold for all {together:,} figures at once, 95 times in 100 (Šidák).")
    if approximate:
        notes.append("Margins of figures computed from ratios are first-order approximations.")

    def content(release_id: str) -> Release:
        return Release(
            id=release_id,
            name=name or release.name,
            table="+".join(dict.fromkeys(each.table for each in sources)),
            purpose=release.purpose,
            period=period,
            by=sheet.by,
            measures=sheet.measures,
            columns=columns_of(sheet, figures=together),
            cost=Cost("0", 0.0, release.cost.delta),
            data_version="+".join(dict.fromkeys(each.data_version for each in sources)),
            notes=tuple(dict.fromkeys(notes)),
            mechanism={"kind": "derived", "recipe": dict(recipe), "parents": parents},
        )

    return replace(origin.keep(content, parents), origin=origin)


def handed_out(release: Release, ledger: Ledger, now: Callable[[], dt.datetime]) -> Release:
    """Return a stored release that knows its ledger, so that more can be derived from it."""
    origin = Origin(ledger.answer, lambda content, parents: ledger.derive(content, parents, now()))
    return replace(release, origin=origin)


def margins(release: Release, name: str, level: float) -> list[float | None]:
    """Return the longer side of each interval of a measure, at a level."""
    sheet = sheet_of(release)
    sheet.measure(name)
    z = quantile(level, sheet.chosen)
    ends = [interval(form, z) for form in sheet.forms[name]]
    return [
        None if value is None or low is None or high is None else max(value - low, high - value)
        for value, low, high in ends
    ]


def interval_frame(release: Release, level: float, together: bool) -> pd.DataFrame:
    """Return a release's frame with intervals at a level, of each figure or of all at once."""
    import pandas as pd

    sheet = sheet_of(release)
    figures = sheet.figures if together else sheet.chosen
    each = level ** (1 / figures)
    frame = pd.DataFrame(columns_of(sheet, level, figures))
    frame.attrs["margins"] = (
        f"{level:.0%} for all {figures:,} figures at once; {each:.4%} each (Šidák)"
        if together
        else f"{level:.0%} for each figure alone"
    )
    return frame


def covariances(release: Release, one: str, other: str) -> list[float | None]:
    """Return the covariance of two measures' noise in each row; ratios by their tangent."""
    sheet = sheet_of(release)
    sheet.measure(one), sheet.measure(other)
    pairs = zip(sheet.forms[one], sheet.forms[other], strict=True)
    straight = [(tangent(a), tangent(b)) for a, b in pairs]
    return [None if a is None or b is None else covariance(a, b) for a, b in straight]
