"""Figures under a reader's filters and assumptions, computed from a page's released tables alone.

A page's script does the same in the browser; a test compares both over random states. A filter on a
column that a figure shows picks its rows. Any other is answered by the released tables: of those
that hold what is asked, by the figure's own groups and the filtered column, each measure is taken
from the one with the least noise after adding up, and the figure's derivation is applied again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.errors import QuestionRefused, UnknownName
from workbench.figures.live.answering import answer, variance
from workbench.figures.values import Value
from workbench.privacy.columns import Measure
from workbench.privacy.expressions import restated
from workbench.privacy.margins import Form
from workbench.privacy.release import Release
from workbench.privacy.sheets import Key, Sheet, apply
from workbench.privacy.shown import placed
from workbench.privacy.tables import columns_of, keys_of, recipe_of, sheet_of
from workbench.privacy.tables import restated as remade

Find = Callable[[str], Release]
FOLLOWED = frozenset(("derive", "regroup", "describe", "rename", "suppress", "cutoffs"))
_FIGURES = frozenset(("column", "number", "add", "multiply", "ratio", "difference", "share"))
_LESS = 1 - 1e-9  # of a variance: smaller, and not only by how it was added up


class NotFollowed(Exception):  # why: no error, but why a figure keeps what it shows
    """Why a figure does not follow: ``no table``, ``own way`` or ``too fine``."""


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
    """A derived answer: its operation, arguments, parents, and which group columns it uses up."""

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
        Paid answers, and those made to agree; figures of groups that the page suppressed or merged
        are not in them.
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
        leaves, paid = dict[str, Sheet](), dict[str, tuple[Release, ...]]()
        nodes, hidden = dict[str, Node](), list[tuple[str, Release, Sheet]]()
        waiting, seen = list(shown), set[str]()
        while waiting:
            release = waiting.pop(0)
            if release.id in seen or release.planned:
                continue
            seen.add(release.id)
            kind = release.mechanism.get("kind")
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
            if op in FOLLOWED and all(map(_followed, arguments.get("figures", ()))):
                about = {
                    x: getattr(release, x) for x in ("id", "name", "table", "purpose", "period")
                }
                full = {k: v for k, v in release.mechanism["recipe"].items() if k != "op"}
                used = _used(op, arguments, find(parents[0]))
                names = tuple(each.name for each in release.measures)
                full |= arguments
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
        if name not in self.nodes:
            raise NotFollowed("own way")
        node = self.nodes[name]
        if node.used & set(state.filters):
            raise NotFollowed("own way")
        sheets = [self.under(each, state, whole=whole) for each in node.parents]
        if whole and node.op == "suppress":
            return replace(sheets[0], about=node.about)
        try:
            made = apply(node.op, restated(node.arguments, state.assumed), sheets)
        except (QuestionRefused, UnknownName, KeyError, ZeroDivisionError):
            raise NotFollowed("no table") from None
        return replace(made, about=node.about)

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

    def _filtered(self, name: str, filters: Mapping[str, Any]) -> Sheet:
        mine = self.leaves[name]
        if not filters:
            return mine
        own = [(i, filters[each.name]) for i, each in enumerate(mine.by) if each.name in filters]
        keys = [key for key in mine.keys if all(key[i] == value for i, value in own)]
        forms = {}
        for measure in mine.measures:
            best: tuple[int, float, list[Form]] | None = None
            for other in self.leaves.values():
                found = answer(mine, keys, other, filters, measure)
                if found is None:
                    continue
                unknown = sum(form is None for form in found)
                noise = sum(map(variance, found))
                if (
                    best is None
                    or unknown < best[0]
                    or (unknown == best[0] and noise < best[1] * _LESS)
                ):
                    best = unknown, noise, found
            if best is not None:
                forms[measure.name] = best[2]
        left = tuple(each for each in mine.measures if each.name in forms)
        if not left:
            raise NotFollowed("no table")
        return replace(mine, keys=tuple(keys), measures=left, forms=forms)

    def restated(
        self,
        release: Release,
        state: State,
        shown: Sequence[str],
        rows: Sequence[int] | None = None,
    ) -> Release:
        """Return a release under a state.

        Parameters
        ----------
        shown : sequence of str
            Measures that a figure shows of it.
        rows : sequence of int, optional
            Which rows it shows; all when left out.

        Raises
        ------
        NotFollowed
            What is shown cannot be known under that state, or only with margins as large as itself.
        """
        sheet, full = self.under(release.id, state), self.under(release.id, state, whole=True)
        rows = range(len(release)) if rows is None else rows
        if sheet.keys != keys_of(release) or any(name not in sheet.forms for name in shown):
            raise NotFollowed("no table")
        for name in shown:
            for row in rows:
                if full.forms[name][row] is None and release.columns[name][row] is not None:
                    raise NotFollowed("no table")
        node = self.nodes.get(release.id)
        figures = sheet.together(node.arguments if node else {})
        known = columns_of(replace(sheet, measures=_held(release, sheet)), figures=figures)
        nothing = [None] * len(release)
        columns = {name: known.get(name, nothing) for name in release.columns}
        made = remade(release, sheet, columns)
        if shown and state.filters and not _tells(made, shown, rows):
            raise NotFollowed("too fine")
        return made


def _followed(figure: Mapping[str, Any]) -> bool:
    return (
        figure["op"] in _FIGURES
        and not figure.get("options", {}).get("sampling")
        and all(map(_followed, figure.get("args", ())))
    )


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
    for each in release.mechanism.get("parents", ()):
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


def _tells(release: Release, shown: Sequence[str], rows: Sequence[int]) -> bool:
    """Whether any figure is more than its margin; of differences every answer tells."""
    judged = False
    for measure in release.measures:
        if measure.name not in shown or measure.contrast:
            continue
        for row in rows:
            triple = (release.columns[name][row] for name in measure.columns)
            value = Value(*placed(measure, *triple))
            judged = True
            if value.value is not None and not (value.margin or 0.0) >= abs(value.value):
                return True
    return not judged
