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

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Any

from workbench.errors import QuestionRefused, UnknownName
from workbench.figures.live.answering import alike, answer, lower, variance
from workbench.figures.values import Value
from workbench.lifecycle.decisions import advised
from workbench.privacy.columns import Measure
from workbench.privacy.expressions import restated
from workbench.privacy.margins import Affine, Form, Noise, tangent
from workbench.privacy.release import Release
from workbench.privacy.sheets import Key, Sheet, apply
from workbench.privacy.shown import placed
from workbench.privacy.tables import columns_of, keys_of, recipe_of, sheet_of
from workbench.privacy.tables import restated as remade

Find = Callable[[str], Release]
FOLLOWED = frozenset(
    ("derive", "regroup", "describe", "rename", "suppress", "cutoffs", "consistent", "waiting")
)
_FIGURES = frozenset(("column", "number", "add", "multiply", "ratio", "difference", "share"))
_ABOUT = ("id", "name", "table", "purpose", "period")
_LESS = 1 - 1e-9  # of a variance: smaller, and not only by how it was added up


class NotFollowed(Exception):  # why: no error, but why a figure keeps what it shows
    """Why a figure does not follow: ``no table``, ``own way`` or ``too fine``.

    Of what is too fine, the release, measure and row that come nearest to telling something.
    """

    def __init__(self, reason: str, nearest: tuple[Release, str, int] | None = None) -> None:
        super().__init__(reason)
        self.nearest = nearest


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
class Node:
    """A derived answer: its operation, arguments, parents, and which group columns it uses up.

    One that cannot be computed anew has no operation; it still knows what is assumed beneath it.
    """

    op: str
    arguments: Mapping[str, Any]
    parents: tuple[str, ...]
    used: frozenset[str]
    measures: tuple[str, ...]
    about: Mapping[str, str | None]


@dataclass(frozen=True)
class Tables:
    """The released tables beneath a page's figures.

    Attributes
    ----------
    leaves : mapping of str to Sheet
        Paid answers, and single figures that are derived in other ways and of which nothing is
        assumed; figures of groups that the page suppressed or merged are not in them.
    paid : mapping of str to tuple of Release
        Of each leaf, the paid answers it is made of; none of a figure that is derived.
    nodes : mapping of str to Node
        What is derived from them.
    """

    leaves: Mapping[str, Sheet]
    paid: Mapping[str, tuple[Release, ...]]
    nodes: Mapping[str, Node]

    @classmethod
    def of(cls, shown: Iterable[Release], find: Find) -> Tables:
        """Return the tables beneath the releases that a page shows."""
        leaves, paid = dict[str, Sheet](), dict[str, tuple[Release, ...]]()
        nodes, hidden = dict[str, Node](), list[tuple[str, Release, Sheet]]()
        waiting, seen = list(shown), set[str]()
        while waiting:
            release = waiting.pop(0)
            if release.id in seen or release.planned:
                continue
            seen.add(release.id)
            kind = release.mechanism.get("kind")
            waits = release.mechanism.get("waits", ())
            if waits:
                nodes[release.id] = _waiting(release, waits)
                waiting += [find(name) for name, _ in waits]
            if kind == "operational" or not release.mechanism:
                continue
            if kind != "derived":
                leaves[release.id] = sheet_of(release, find)
                parts = release.mechanism.get("parts", ()) if kind == "joined" else ()
                paid[release.id] = tuple(map(find, parts)) or (release,)
                continue
            parents = release.mechanism["parents"]
            op, arguments = recipe_of(release)
            waiting += map(find, parents)
            if op in ("suppress", "merge"):
                hidden.append((op, release, sheet_of(find(parents[0]), find)))
            about = {x: getattr(release, x) for x in _ABOUT}
            if op not in FOLLOWED or not all(map(_followed, arguments.get("figures", ()))):
                moved = [{"name": name} for name in sorted(_assumed(release, find))]
                constant = None if moved else _constant(release, find)
                if constant is not None:
                    leaves[release.id], paid[release.id] = constant, ()
                else:
                    nodes[release.id] = Node("", {"assumed": moved}, (), frozenset(), (), about)
            else:
                full = {k: v for k, v in release.mechanism["recipe"].items() if k != "op"}
                used = _used(op, arguments, find(parents[0]))
                names = tuple(each.name for each in release.measures)
                full |= arguments
                if op == "consistent":
                    full, parents = {}, parents[:1]
                nodes[release.id] = Node(op, full, tuple(parents), used, names, about)
        for op, release, before in hidden:
            gone = [(before, set(_hidden(op, release, before)))]
            beneath = set(_beneath(release.id, find)) & set(leaves)
            for name in beneath:
                sheet = leaves[name] = _masked(leaves[name], *gone[0])
                gone.append((sheet, set(_unknown(sheet))))
            # why others too: a finer table adds up to the figures that were taken out
            for name in set(leaves) - beneath:
                for other, keys in gone:
                    if _holds(leaves[name], other):
                        leaves[name] = _masked(leaves[name], other, keys)
        return cls(leaves, paid, nodes)

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
        if node is None or not node.op or node.used & set(state.filters):
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
        if node.op == "derive" and asked["figures"]:  # each that can follow does
            singly = {**asked, "where": {}}
            asked["figures"] = [
                each
                for each in asked["figures"]
                if _applied("derive", {**singly, "figures": [each]}, sheets)
            ]
            if not asked["figures"]:
                raise NotFollowed("no table")
        made = _applied(node.op, asked, sheets)
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

    @property
    def _paid(self) -> list[Sheet]:
        return [sheet for name, sheet in self.leaves.items() if self.paid[name]]

    def _filtered(self, name: str, filters: Mapping[str, Any]) -> Sheet:
        mine = self.leaves[name]
        if not filters:
            return mine
        own = [(i, filters[each.name]) for i, each in enumerate(mine.by) if each.name in filters]
        keys = [key for key in mine.keys if all(key[i] == value for i, value in own)]
        forms: dict[str, list[Form]] = {}
        bound: float | None = None
        for less in (False, True):  # why twice: a lower bound only where no table has the same
            for measure in mine.measures:
                best: tuple[int, float, list[Form], float | None] | None = None
                for other in self._paid if measure.name not in forms else ():
                    theirs = lower(mine, other) if less else dict.fromkeys(alike(mine, other))
                    if measure.name not in theirs:
                        continue
                    high = theirs[measure.name]
                    found = answer(mine, keys, other, filters, measure)
                    if found is None or bound not in (None, high):
                        continue
                    unknown = sum(form is None for form in found)
                    noise = sum(map(variance, found))
                    if (
                        best is None
                        or unknown < best[0]
                        or (unknown == best[0] and noise < best[1] * _LESS)
                    ):
                        best = unknown, noise, found, high
                if best is not None:
                    forms[measure.name], bound = best[2:]
        left = tuple(each for each in mine.measures if each.name in forms)
        if not left:
            raise NotFollowed("no table")
        about = {**mine.about, "bound": f"{bound:.12g}" if bound is not None else ""}
        return replace(mine, keys=tuple(keys), measures=left, forms=forms, about=about)

    def restated(
        self,
        release: Release,
        state: State,
        shown: Sequence[str],
        rows: Sequence[int] | None = None,
        *,
        bounds: bool = False,
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
        for name in shown:
            for row in rows:
                if full.forms[name][row] is None and release.columns[name][row] is not None:
                    raise NotFollowed("no table")
        figures = sheet.together(node.arguments if node else {})
        known = columns_of(replace(sheet, measures=_held(release, sheet)), figures=figures)
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
        if shown and state.filters:
            _require_tells(made, shown, rows)
        return made


def _followed(figure: Mapping[str, Any]) -> bool:
    return (
        figure["op"] in _FIGURES
        and not figure.get("options", {}).get("sampling")
        and all(map(_followed, figure.get("args", ())))
    )


def _assumed(release: Release, find: Find) -> set[str]:
    """Return the names of what is assumed in a release or beneath it."""
    recipe = release.mechanism.get("recipe", {})
    below = (_assumed(find(each), find) for each in release.mechanism.get("parents", ()))
    return {each["name"] for each in recipe.get("assumed", ())}.union(*below)


def _constant(release: Release, find: Find) -> Sheet | None:
    """Return the sheet of one row of figures, each with noise of its own name; None of others.

    What they share with the figures beneath them is left out.
    """
    if len(release) != 1:
        return None
    sheet = sheet_of(release, find)
    forms: dict[str, list[Form]] = {}
    try:
        for name, (form,) in sheet.forms.items():
            line = tangent(form)
            if line is not None:
                noise: Noise = (release.id, 0, name)
                forms[name] = [Affine(line.value, {noise: sqrt(line.variance)})]
    except QuestionRefused:
        return None
    measures = tuple(each for each in sheet.measures if each.name in forms)
    return replace(sheet, measures=measures, forms=forms, adds=frozenset()) if forms else None


def _used(op: str, arguments: Mapping[str, Any], parent: Release) -> frozenset[str]:
    """Return the group columns that an operation means by name: a filter on one says nothing."""
    if op == "cutoffs":
        return frozenset(each.name for each in parent.by)
    named = [*arguments.get("where", ()), *arguments.get("columns", ())]
    waiting = list(arguments.get("figures", ()))
    while waiting:
        figure = waiting.pop()
        waiting += figure.get("args", ())
        options = figure.get("options", {})
        named += [*options.get("across", ()), *([options["by"]] if options.get("by") else [])]
    return frozenset(named)


def _hidden(op: str, release: Release, before: Sheet) -> Iterator[Key]:
    """Yield the groups that a page took out or merged."""
    if op == "merge":
        axis = before.axis(release.mechanism["recipe"]["column"])
        left = set(release.by[axis].values)
        yield from (key for key in before.keys if key[axis] not in left)
        return
    shown = release.columns["customers"]
    for key, value, form in zip(before.keys, shown, before.forms["customers"], strict=True):
        if value is None and form is not None:
            yield key


def _beneath(name: str, find: Find) -> Iterator[str]:
    release = find(name)
    parents = release.mechanism.get("parents", ())
    if release.mechanism.get("recipe", {}).get("op") == "consistent":
        parents = parents[:1]  # what the others hold of it is found by their groups
    for each in parents:
        yield each
        yield from _beneath(each, find)


def _holds(sheet: Sheet, other: Sheet) -> bool:
    """Return whether a table of the same rows is by all group columns of another."""
    monthly = any(each.kind == "month" for each in sheet.by)
    same = ("table", "purpose") if monthly else ("table", "purpose", "period")
    return (
        all(sheet.about[each] == other.about[each] for each in same)
        and sheet.filters == other.filters
        and {each.name for each in other.by} <= {each.name for each in sheet.by}
    )


def _unknown(sheet: Sheet) -> Iterator[Key]:
    for key, *forms in zip(sheet.keys, *sheet.forms.values(), strict=True):
        if all(form is None for form in forms):
            yield key


def _masked(sheet: Sheet, other: Sheet, hidden: set[Key]) -> Sheet:
    """Return a sheet without the figures of another's hidden groups, by the columns they share.

    Where they share none, its groups were renamed or put together: none of its figures stays.
    """
    named = [each.name for each in other.by]
    shared = [(i, named.index(each.name)) for i, each in enumerate(sheet.by) if each.name in named]
    if not hidden or (named and not sheet.by):  # all together are no hidden group
        return sheet
    gone = {tuple(key[there] for _, there in shared) for key in hidden}
    out = [tuple(key[here] for here, _ in shared) in gone for key in sheet.keys]
    forms = {
        name: [None if off else form for form, off in zip(column, out, strict=True)]
        for name, column in sheet.forms.items()
    }
    return replace(sheet, forms=forms)


def _held(release: Release, sheet: Sheet) -> tuple[Measure, ...]:
    return tuple(each for each in release.measures if each.name in sheet.forms)


def _applied(op: str, arguments: Mapping[str, Any], sheets: Sequence[Sheet]) -> Sheet | None:
    try:
        return apply(op, arguments, sheets)
    except (QuestionRefused, UnknownName, KeyError, ZeroDivisionError):
        return None


def _lowered(measure: Measure, high: float) -> Measure:
    return replace(measure, bound=measure.bound and replace(measure.bound, high=high))


def _waiting(release: Release, waits: Sequence[Sequence[str]]) -> Node:
    """Return how decisions that wait are computed: a figure of another release each."""
    about = {x: getattr(release, x) for x in _ABOUT}
    measures = {"measures": [measure for _, measure in waits]}
    parents = tuple(name for name, _ in waits)
    return Node("waiting", measures, parents, frozenset(), ("expected",), about)


def _side_by_side(sheets: Sequence[Sheet], measures: Sequence[str]) -> Sheet:
    """Return one figure of each sheet, whose margins hold for all of them at once."""
    try:
        forms = [sheet.forms[name][0] for sheet, name in zip(sheets, measures, strict=True)]
    except KeyError:
        raise NotFollowed("no table") from None
    found = replace(sheets[0].measure(measures[0]), name="expected")
    keys = tuple((row,) for row in range(len(sheets)))
    return Sheet((), keys, (found,), {"expected": forms}, among=len(sheets))


def _require_tells(release: Release, shown: Sequence[str], rows: Sequence[int]) -> None:
    """Refuse where no figure is more than its margin; of differences every answer tells."""
    judged, nearest = False, None
    for measure in release.measures:
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
