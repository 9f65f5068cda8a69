"""Figures under a reader's filters and assumptions, computed from a page's released tables alone.

A page's script does the same in the browser; a test compares both over random states. A filter on a
column that a figure shows picks its rows. Any other is answered by the released tables: of those
that hold what is asked, by the figure's own groups and the filtered column, each measure is taken
from the one with the least noise after adding up, and the figure's derivation is applied again.
Where none holds a total as it is bounded, one that counts less of a customer may answer where the
bound stands in words beside the figure: on cards and in sentences. Tables made to agree are read as
they were paid.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

from workbench.errors import QuestionRefused, UnknownName
from workbench.figures.live.beneath import Find, Node, beneath
from workbench.figures.values import Value
from workbench.privacy.columns import Bound, Measure, advised, placed
from workbench.privacy.expressions import restated
from workbench.privacy.margins import Fixed, Form, Laddered, Ratio, added
from workbench.privacy.release import Release
from workbench.privacy.sheets import Key, Sheet, apply, why_not_added
from workbench.privacy.tables import columns_of, keys_of
from workbench.privacy.tables import restated as remade

_MONTH = re.compile(r"\d{4}-\d{2}")
_LESS = 1 - 1e-9  # of a variance: smaller, and not only by how it was added up


class NotFollowed(Exception):  # why: no error, but why a figure keeps what it shows
    """Why a figure does not follow: ``no table``, ``hidden``, ``own way``, ``too fine`` and others.

    Of what is too fine, the release, measure and row that come nearest to telling something; of
    what is released for an ``other period``, which.
    """

    def __init__(
        self, reason: str, nearest: tuple[Release, str, int] | None = None, period: str = ""
    ) -> None:
        super().__init__(reason)
        self.nearest, self.period = nearest, period


@dataclass(frozen=True)
class State:
    """What a reader chose: a value of some group columns, and other numbers for what is assumed."""

    filters: Mapping[str, Any] = field(default_factory=dict)
    assumed: Mapping[str, float] = field(default_factory=dict)

    def beyond(self, columns: Iterable[str]) -> State:
        """Return it without the columns that a figure shows itself."""
        shown = set(columns)
        return replace(self, filters={k: v for k, v in self.filters.items() if k not in shown})


@dataclass(frozen=True)
class Tables:
    """The released tables beneath a page's figures.

    Attributes
    ----------
    leaves : mapping of str to Sheet
        Paid answers, and single figures that are derived in other ways and of which nothing is
        assumed; figures of groups that the page suppressed or merged are not in them.
    paid : mapping of str to tuple of Release
        Of each leaf, the paid answers it is made of.
    nodes : mapping of str to Node
        What is derived from them.
    """

    leaves: Mapping[str, Sheet]
    paid: Mapping[str, tuple[Release, ...]]
    nodes: Mapping[str, Node]

    @classmethod
    def of(cls, shown: Iterable[Release], find: Find) -> Tables:
        """Return the tables beneath the releases that a page shows."""
        return cls(*beneath(shown, find))

    def under(self, name: str, state: State, *, whole: bool = False) -> Sheet:
        """Return a release's sheet under a state; ``whole`` leaves small groups in.

        Raises
        ------
        NotFollowed
            No released table can answer, or it was computed in a way that a page does not know.
        """
        if name in self.leaves:
            return self._filtered(name, state.filters)
        node = self.nodes.get(name)
        if node is None:
            raise NotFollowed("no table")
        if not node.op or node.used & set(state.filters):
            raise NotFollowed("own way")
        sheets = [self.under(each, state, whole=whole) for each in node.parents]
        bounds = [each.about["bound"] for each in sheets if each.about.get("bound")]
        if bounds and len(sheets) > 1:
            raise NotFollowed("no table")  # what counts less is not compared with what counts more
        about = {**node.about, "bound": "".join(map(str, bounds))}
        if (whole and node.op == "suppress") or node.op == "consistent":
            return replace(sheets[0], about=about)
        if node.op == "waiting":
            return replace(_side_by_side(sheets, node.arguments["measures"]), about=about)
        asked = dict(restated(node.arguments, state.assumed))
        if figures := asked.get("figures"):  # each that can follow does
            one = {**asked, "where": {}}
            able = [x for x in figures if _applied(node.op, {**one, "figures": [x]}, sheets)]
            asked["figures"] = able
        made = None if figures and not able else _applied(node.op, asked, sheets)
        if made is None:
            raise NotFollowed("no table")
        return replace(made, about=about)

    def moves(self, name: str, state: State) -> bool:
        """Whether a release is another one under a state."""
        return bool(state.filters) or bool(self.depends(name) & set(state.assumed))

    def depends(self, name: str) -> frozenset[str]:
        """Return the names of what is assumed beneath a release."""
        node = self.nodes.get(name)
        if node is None:
            return frozenset()
        mine = frozenset(each["name"] for each in node.arguments.get("assumed", ()))
        return mine.union(*(self.depends(each) for each in node.parents))

    def beneath(self, name: str) -> frozenset[str]:
        """Return the tables that a release is computed from."""
        if name in self.leaves:
            return frozenset((name,))
        node = self.nodes.get(name)
        return frozenset[str]().union(*map(self.beneath, node.parents if node else ()))

    def late(self, name: str) -> list[Sheet]:
        """Return the tables that would answer for one but for their period."""
        mine = self.leaves[name]
        return [
            other
            for other in self.leaves.values()
            if way(mine, other) is None
            and way(_whenever(mine), _whenever(other))
            and alike(mine, other)
        ]

    def _filtered(self, name: str, filters: Mapping[str, Any]) -> Sheet:
        mine = self.leaves[name]
        if not filters:
            return mine
        own = [(i, filters[each.name]) for i, each in enumerate(mine.by) if each.name in filters]
        keys = [key for key in mine.keys if all(key[i] == value for i, value in own)]
        forms: dict[str, list[Form]] = {}
        bound: Bound | None = None
        for measure in mine.measures:
            best: tuple[tuple[bool, int], float, list[Form], Bound | None] | None = None
            for other in self.leaves.values():
                same = measure.name in alike(mine, other)
                less = None if same else lower(mine, other).get(measure.name)
                if not same and (less is None or bound not in (None, less)):
                    continue
                found = answer(mine, keys, other, filters, measure)
                if found is None:
                    continue
                # why first: a lower bound answers only where no table has the same
                rank, noise = (not same, found.count(None)), sum(map(variance, found))
                if best is None or rank < best[0] or (rank == best[0] and noise < best[1] * _LESS):
                    best = rank, noise, found, less
            if best is not None:
                forms[measure.name], bound = best[2], bound or best[3]
        left = tuple(each for each in mine.measures if each.name in forms)
        if not left:
            for each in self.late(name):
                if set(filters) <= {column.name for column in each.by}:
                    raise NotFollowed("other period", period=str(each.about["period"]))
            raise NotFollowed("no table")
        about = {**mine.about, "bound": f"{bound.high:.12g}" if bound else ""}
        return replace(mine, keys=tuple(keys), measures=left, forms=forms, about=about)

    def restated(
        self,
        release: Release,
        state: State,
        shown: Sequence[str],
        rows: Sequence[int] | None = None,
        *,
        bounds: bool = False,
        tells: bool = True,
    ) -> Release:
        """Return a release under a state.

        Parameters
        ----------
        shown : sequence of str
            Measures that a figure shows of it.
        rows : sequence of int, optional
            Which rows it shows; all when left out.
        bounds : bool
            The figure says each bound beside it, so that a lower one may answer.
        tells : bool
            Refuse margins as large as the figures; a sentence is judged as a whole, later.

        Raises
        ------
        NotFollowed
            What is shown cannot be known under that state, or only with margins as large as itself.
        """
        sheet, full = self.under(release.id, state), self.under(release.id, state, whole=True)
        rows = range(len(release)) if rows is None else rows
        node = self.nodes.get(release.id)
        told = len(sheet.keys) if node and node.op == "waiting" else sheet.keys
        same = told in (len(release), keys_of(release))
        if not same or any(name not in sheet.forms for name in shown):
            raise NotFollowed("no table")
        high = sheet.about.get("bound")
        cut = {each.name for each in release.measures if each.bound is not None}
        if high and not bounds and cut & set(shown):
            raise NotFollowed("no table")
        pairs = ((full.forms[x][row], release.columns[x][row]) for x in shown for row in rows)
        if any(form is None and value is not None for form, value in pairs):
            raise NotFollowed("hidden")
        figures = sheet.together(node.arguments if node else {})
        held = tuple(each for each in release.measures if each.name in sheet.forms)
        known = columns_of(replace(sheet, measures=held), figures=figures)
        nothing = [None] * len(release)
        columns = {name: known.get(name, nothing) for name in release.columns}
        if node and node.op == "waiting":
            ends = zip(known["expected_low"], known["expected_high"], strict=True)
            advice = {"recommendation": [advised(*each) for each in ends]}
            columns = {**release.columns, **known, **advice}
        if high:
            lowered = tuple(_lowered(each, float(high)) for each in release.measures)
            release = replace(release, measures=lowered)
        made = remade(release, sheet, columns)
        if state.filters and tells:
            require_tells([(made, shown, rows)])
        return made


def _applied(op: str, arguments: Mapping[str, Any], sheets: Sequence[Sheet]) -> Sheet | None:
    try:
        return apply(op, arguments, sheets)
    except (QuestionRefused, UnknownName, KeyError, ZeroDivisionError):
        return None


def _lowered(measure: Measure, high: float) -> Measure:
    return replace(measure, bound=measure.bound and replace(measure.bound, high=high))


def _side_by_side(sheets: Sequence[Sheet], measures: Sequence[str]) -> Sheet:
    """Return one figure of each sheet, whose margins hold for all of them at once."""
    if any(name not in sheet.forms for sheet, name in zip(sheets, measures, strict=True)):
        raise NotFollowed("no table")
    forms = [sheet.forms[name][0] for sheet, name in zip(sheets, measures, strict=True)]
    found = replace(sheets[0].measure(measures[0]), name="expected")
    keys = tuple((row,) for row in range(len(sheets)))
    return Sheet((), keys, (found,), {"expected": forms}, among=len(sheets))


def require_tells(parts: Iterable[tuple[Release, Sequence[str], Sequence[int]]]) -> None:
    """Refuse where no figure is more than its margin; of differences every answer tells."""
    judged, nearest = False, None
    wanted = ((*part, each) for part in parts for each in part[0].measures)
    for release, shown, rows, measure in wanted:
        if measure.name not in shown or measure.contrast:
            continue
        for row in rows:
            triple = (release.columns[name][row] for name in measure.columns)
            value = Value(*placed(measure, *triple))
            judged = True
            if value.value is None:
                continue
            if not (value.margin or 0.0) >= abs(value.value):
                return
            size = abs(value.value) / (value.margin or 1.0)
            if nearest is None or size > nearest[0]:
                nearest = size, (release, measure.name, row)
    if judged:
        raise NotFollowed("too fine", nearest and nearest[1])


# ---------------------------------------------------------------------- which table answers


def answer(
    mine: Sheet, keys: Sequence[Key], other: Sheet, filters: Mapping[str, Any], measure: Measure
) -> list[Form] | None:
    """Return a measure of some rows under a filter, added up from another table by its groups."""
    there = way(mine, other)
    named = {each.name: i for i, each in enumerate(other.by)}
    if there is None or not set(filters) <= set(named):
        return None
    places, month = there
    picked = {**filters, **({month: str(mine.about["period"])} if month else {})}
    kept = {*places, *(named[name] for name in picked)}
    extra = [each for i, each in enumerate(other.by) if i not in kept]
    if why_not_added(other.measure(measure.name), measure.name in other.adds, extra):
        return None
    only = str(other.about["period"])
    groups: dict[Key, list[Form]] = {}
    for key, form in zip(other.keys, other.forms[measure.name], strict=True):
        if all(key[named[name]] == value for name, value in picked.items()):
            place = tuple(only if i < 0 else key[i] for i in places)
            groups.setdefault(place, []).append(form)
    found = [groups.get(key, [None]) for key in keys]
    return [each[0] if len(each) == 1 else added(each) for each in found]


def way(mine: Sheet, other: Sheet) -> tuple[list[int], str | None] | None:
    """Return where a table's group columns stand in another of the same rows; None if it is not.

    A table of one month is by that month, wherever it stands: -1 is the place of a month that all
    of the other table is about, and a month that is named is to be picked from it.
    """
    same = all(mine.about[x] == other.about[x] for x in ("table", "purpose"))
    if not same or mine.filters != other.filters:
        return None
    month, theirs = (
        next((e.name for e in each.by if e.kind == "month"), None) for each in (mine, other)
    )
    when, then = str(mine.about["period"]), str(other.about["period"])
    picked = None
    if month != theirs or month is None:
        if month is not None and (theirs is not None or not _MONTH.fullmatch(then)):
            return None
        if month is None and theirs is not None and _MONTH.fullmatch(when):
            picked = theirs
        elif month is None and when != then:
            return None
    named = {each.name: (i, each.values) for i, each in enumerate(other.by)}
    places = []
    for each in mine.by:
        if each.name == month and theirs is None:
            places.append(-1)
            continue
        at, values = named.get(each.name, (-1, ()))
        if at < 0 or (each.name != month and each.values != values):
            return None
        places.append(at)
    return places, picked


def _whenever(sheet: Sheet) -> Sheet:
    by = tuple(each for each in sheet.by if each.kind != "month")
    return replace(sheet, by=by, about={**sheet.about, "period": ""})


def alike(mine: Sheet, other: Sheet) -> list[str]:
    """Return the measures that mean the same in two tables."""
    return [name for name, here, there in _pairs(mine, other) if here == there]


def lower(mine: Sheet, other: Sheet) -> dict[str, Bound]:
    """Return the measures that differ in two tables by a lower bound alone, with that bound."""
    return {
        name: there
        for name, here, there in _pairs(mine, other)
        if here and there and here != there and there.high <= here.high
        and here.cuts == there.cuts == "upper" and (here.low, here.unit) == (there.low, there.unit)
    }  # fmt: skip


def _pairs(mine: Sheet, other: Sheet) -> Iterator[tuple[str, Bound | None, Bound | None]]:
    """Yield what two tables have in common but for its bound, with both bounds."""
    meaning = attrgetter("name", "kind", "unit", "at_bound_of")
    theirs = {meaning(each): each for each in other.measures}
    for each in mine.measures:
        if found := theirs.get(meaning(each)):
            yield each.name, _bound(mine, each), _bound(other, found)


def _bound(sheet: Sheet, measure: Measure) -> Bound | None:
    """Return a measure's bound; of the share beyond one, that of the totals it is told beside."""
    of = measure.at_bound_of
    if of is None:
        return measure.bound
    bounds = (e.bound for e in sheet.measures if e.name in (f"{of}_sum", f"{of}_mean"))
    return next(bounds, None)


def variance(form: Form) -> float:
    """Return how noisy a figure is; of a ratio, its top's noise by its bottom's size."""
    if form is None or isinstance(form, Fixed):
        return 0.0
    if isinstance(form, Laddered):
        return variance(form.rungs[-1])
    if isinstance(form, Ratio):
        return form.top.variance / (form.bottom.value * form.bottom.value or 1.0)
    return form.variance
