"""The algebra of released tables: sheets of figures, and operations that make others of them.

A derived answer is an operation, its plain arguments and its parents. An operation is a pure
function of sheets: whoever wants the answer again applies it to the same sheets, so that what is
derived from derived figures knows exactly which noise they share.

Post-processing of private answers is private (Dwork & Roth 2014, Proposition 2.1), so operations
cost nothing, and none can see data: only sheets made of released figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, product
from typing import Any

from workbench.errors import NotKnown, QuestionRefused, UnknownName, require_known
from workbench.privacy.columns import Dimension, Measure
from workbench.privacy.margins import Fixed, Form, added

Key = tuple[Any, ...]
On = frozenset[Measure | Dimension]  # what a figure was made of
ORDERED = ("month", "date", "band")  # kinds of group columns whose values have an order


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
    about : mapping
        Id, name, table, purpose and period of the release it is of.
    filters, kinds : frozenset
        What was filtered in the paid answers it stands on; kinds of group columns on the way.
    stands_on : mapping
        Measure name to the paid measures that its figures were made of, with the group columns they
        were asked by, once it is of a release.
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
    about: Mapping[str, str | None] = field(default_factory=dict)
    filters: frozenset[tuple[str, ...]] = frozenset()
    kinds: frozenset[str] = frozenset()
    stands_on: Mapping[str, On] = field(default_factory=dict)

    @property
    def unknown(self) -> bool:
        """Whether no figure of it is known, as in a report that is planned."""
        return not any(form for forms in self.forms.values() for form in forms)

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

    def together(self, arguments: Mapping[str, Any]) -> float:
        """Return how many figures the stored margins of a derivation hold at once."""
        return self.figures if arguments.get("simultaneous") else self.chosen

    def measure(self, name: str) -> Measure:
        """Return a measure, or refuse with the reason why it is not there."""
        for each in self.measures:
            if each.name == name:
                return each
        if name in [*self.refused]:  # why a list: whatever was asked for can be looked for in one
            raise QuestionRefused(self.refused[name])
        raise UnknownName("measure", name, [each.name for each in self.measures])

    def axis(self, name: str) -> int:
        """Return the position of a group column."""
        names = [each.name for each in self.by]
        require_known("group column", names, name)
        return names.index(name)

    def anew(
        self,
        by: tuple[Dimension, ...],
        made: Mapping[Measure, Sequence[Form]],
        *notes: str,
        keys: Sequence[Key] | None = None,
        adds: frozenset[str] = frozenset(),
    ) -> Sheet:
        """Return new figures over new rows: all combinations of their values, or those of keys."""
        rows = tuple(product(*(each.values for each in by)) if keys is None else keys)
        forms = {each.name: figures for each, figures in made.items()}
        told = (*self.notes, *notes)
        return Sheet(by, rows, tuple(made), forms, adds, notes=told, about=self.about)

    def require_value(self, axis: int, value: Any) -> None:
        """Refuse what is no value of a group column."""
        dimension = self.by[axis]
        require_known(f"value of {dimension.name}", dimension.values, value)


# ---------------------------------------------------------------------- operations

Operation = Callable[..., Sheet]
OPERATIONS: dict[str, Operation] = {}


def operation(name: str) -> Callable[[Operation], Operation]:
    """Register a pure function of sheets and plain arguments under the name it is stored by.

    What a ledger holds is computed again by the arguments it was stored with, so the same arguments
    give the same figures for good: a change of how it computes comes with an argument of its own,
    and where a stored recipe lacks it the function computes as it did.
    """

    def registered(function: Operation) -> Operation:
        OPERATIONS[name] = function
        return function

    return registered


def apply(name: str, arguments: Mapping[str, Any], sheets: Sequence[Sheet]) -> Sheet:
    """Return what an operation makes of sheets.

    Where their figures leave nothing to tell, it has no figure, as in a report that is planned, and
    a note says why: what is not known this month is no fault of a page.
    """
    try:
        return OPERATIONS[name](*sheets, **arguments)
    except NotKnown as why:
        made = _blank(OPERATIONS[name](*map(_blank, sheets), **arguments))
        return replace(made, notes=(*made.notes, str(why)))


def _blank(sheet: Sheet) -> Sheet:
    return replace(sheet, forms={x: [None] * len(forms) for x, forms in sheet.forms.items()})


def stands_on(recipe: Mapping[str, Any], sheets: Sequence[Sheet], made: Sheet) -> Mapping[str, On]:
    """Return of each figure what it was made of: by its name, or by those that its recipe names.

    Where neither tells, it may be of any.
    """
    known = {x: any_of(s.stands_on.get(x, ()) for s in sheets) for s in sheets for x in s.stands_on}

    def named(written: Any) -> On:
        if isinstance(written, str):
            return known.get(written, On())
        inner = written.values() if isinstance(written, Mapping) else written
        return any_of(map(named, inner)) if isinstance(inner, Iterable) else On()

    figures = recipe.get("figures", ())
    if len(figures) != len(made.measures):  # none, or a top with its ranks
        figures = [[each.name, recipe] for each in made.measures]
    told = zip(made.measures, figures, strict=True)
    return {each.name: named(written) or any_of(known.values()) for each, written in told}


def any_of(sets: Iterable[Iterable[Measure | Dimension]]) -> On:
    """Return what is in any of some sets."""
    return On(chain.from_iterable(sets))


def without(items: tuple[Any, ...], axes: Iterable[int]) -> tuple[Any, ...]:
    """Return what is left of a row's group values, or of columns, without some of them."""
    return tuple(each for i, each in enumerate(items) if i not in set(axes))


def grouped(keys: Iterable[Key | None]) -> dict[Key, list[int]]:
    """Return rows by a key of theirs, in order; None is in no group."""
    groups: dict[Key, list[int]] = {}
    for row, key in enumerate(keys):
        if key is not None:
            groups.setdefault(key, []).append(row)
    return groups


def in_order(groups: Mapping[Key, list[int]], by: Sequence[Dimension]) -> dict[Key, list[int]]:
    """Return groups of rows in the order of their columns' values."""
    places = [{value: i for i, value in enumerate(each.values)} for each in by]
    order = sorted(groups, key=lambda key: [at[v] for at, v in zip(places, key, strict=True)])
    return {key: groups[key] for key in order}


def gathered(
    sheet: Sheet,
    by: tuple[Dimension, ...],
    groups: Mapping[Key, Sequence[int]],
    over: Sequence[Dimension],
    *,
    blank: bool = False,
) -> Sheet:
    """Return a sheet with one row a group of rows, whose figures are added up.

    Parameters
    ----------
    over : sequence of Dimension
        Group columns that are added up over; a figure that does not add up over them goes.
    blank : bool
        Keep such a figure, where a group is of one row; elsewhere it is not known.
    """
    forms: dict[str, list[Form]] = {}
    refused: dict[str, str] = {}
    for measure in sheet.measures:
        figures = sheet.forms[measure.name]
        reason = why_not_added(measure, measure.name in sheet.adds, over)
        if reason:
            refused[measure.name] = reason
        if reason and blank:
            forms[measure.name] = [figures[r[0]] if len(r) == 1 else None for r in groups.values()]
        elif not reason:
            forms[measure.name] = [added([figures[i] for i in rows]) for rows in groups.values()]
    if not forms:
        raise QuestionRefused(next(iter(refused.values())))
    return replace(
        sheet,
        by=by,
        keys=tuple(groups),
        measures=tuple(each for each in sheet.measures if each.name in forms),
        forms=forms,
        refused=sheet.refused if blank else {**sheet.refused, **refused},
    )


def why_not_added(measure: Measure, adds: bool, over: Sequence[Dimension]) -> str | None:
    """Return why a measure must not be added up over group columns, or None if it may."""
    if adds or not over:
        return None
    columns = " and ".join(each.name for each in over)
    if measure.kind != "customers":
        return (
            f"'{measure.name}' does not add up over {columns}: it is no total. Ask for it without "
            f"{columns} as one question."
        )
    if all(each.exclusive and each.kind not in ("month", "date") for each in over):
        return None
    months = any(each.kind in ("month", "date") for each in over)
    again = "comes back in another month" if months else "is in several of its groups"
    instead = (
        "for the whole span as one question: period=(first, last) without by='month'"
        if months
        else f"without {columns} as a question of its own, or declare values_per_customer: 1 for "
        "it in the catalog where that is so"
    )
    return (
        f"'{measure.name}' is a number of distinct customers and is not added up over {columns}: "
        f"whoever {again} would count again. Ask {instead}."
    )
