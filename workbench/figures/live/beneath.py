"""What lies beneath the figures of a page: released tables, and how figures come of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

from workbench.errors import QuestionRefused
from workbench.privacy.margins import tangent
from workbench.privacy.release import Release
from workbench.privacy.sheets import Key, Sheet
from workbench.privacy.tables import recipe_of, sheet_of

Find = Callable[[str], Release]
CONSTANT = "constant"
_FOLLOWED = frozenset(
    ("derive", "regroup", "describe", "rename", "suppress", "cutoffs", "consistent")
)
_FIGURES = frozenset(("column", "number", "add", "multiply", "ratio", "difference", "share"))


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

    @classmethod
    def of(cls, release: Release, op: str, asked: Mapping[str, Any], *parents: str) -> Node:
        """Return how a release is derived."""
        about = {x: getattr(release, x) for x in ("id", "name", "table", "purpose", "period")}
        names = tuple(each.name for each in release.measures)
        return cls(op, asked, parents, frozenset(), names, about)


def beneath(
    shown: Iterable[Release], find: Find
) -> tuple[dict[str, Sheet], dict[str, tuple[Release, ...]], dict[str, Node]]:
    """Return the tables beneath releases, the paid answers in them, and what is derived."""
    leaves, paid = dict[str, Sheet](), dict[str, tuple[Release, ...]]()
    nodes, hidden = dict[str, Node](), list[tuple[str, Release, Sheet]]()
    waiting, seen = list(shown), set[str]()
    while waiting:
        release = waiting.pop(0)
        if release.id in seen or release.planned:
            continue
        seen.add(release.id)
        kind = release.mechanism.get("kind")
        if waits := release.mechanism.get("waits", ()):
            parents, measures = zip(*waits, strict=True)
            nodes[release.id] = Node.of(release, "waiting", {"measures": measures}, *parents)
            waiting += map(find, parents)
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
        if op in _FOLLOWED and all(map(_followed, arguments.get("figures", ()))):
            full = {**release.mechanism["recipe"], **arguments}
            del full["op"]
            if op == "consistent":  # read as it was paid
                full, parents = {}, parents[:1]
            used = _used(op, arguments, find(parents[0]))
            nodes[release.id] = replace(Node.of(release, op, full, *parents), used=used)
        elif constant := _constant(release, find):
            leaves[release.id], paid[release.id] = sheet_of(constant), (constant,)
        else:
            moved = [{"name": name} for name in sorted(_assumed(release, find))]
            nodes[release.id] = Node.of(release, "", {"assumed": moved})
    for op, release, before in hidden:
        gone = [(before, set(_hidden(op, release, before)))]
        below = set(_beneath(release.id, find)) & set(leaves)
        for name in below:
            sheet = leaves[name] = _masked(leaves[name], *gone[0])
            gone.append((sheet, set(_unknown(sheet))))
        # why others too: a finer table adds up to the figures that were taken out
        for name in set(leaves) - below:
            for other, keys in gone:
                if _holds(leaves[name], other):
                    leaves[name] = _masked(leaves[name], other, keys)
    return leaves, paid, nodes


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


def _constant(release: Release, find: Find) -> Release | None:
    """Return one row of figures as a paid answer, each with noise of its own; None of others.

    What they share with the figures beneath them is left out.
    """
    if len(release) != 1 or _assumed(release, find):
        return None
    try:
        lines = {name: tangent(form) for name, (form,) in sheet_of(release, find).forms.items()}
    except QuestionRefused:
        return None
    known = {name: line for name, line in lines.items() if line is not None}
    mechanism = {
        "kind": CONSTANT,
        "lattice": 1,
        "sigma": 0.0,
        "noisy": {name: [line.value] for name, line in known.items()},
        "drawn": {name: (release.id, sqrt(line.variance)) for name, line in known.items()},
        "linear": {name: {name: 1.0} for name in known},
    }
    measures = tuple(each for each in release.measures if each.name in known)
    return replace(release, measures=measures, mechanism=mechanism) if known else None


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
