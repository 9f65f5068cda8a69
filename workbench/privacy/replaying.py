"""What was derived is computed again, from the paid answers on, and compared with what is stored.

It names an operation, its plain arguments and its parents. No ledger is known here, so that a page
is drawn without one.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import zip_longest
from typing import Any

from workbench.errors import LedgerError, QuestionRefused, WorkbenchError
from workbench.privacy.release import Release
from workbench.privacy.sheets import OPERATIONS
from workbench.privacy.tables import Find, columns_of, joined_columns, renamed_columns, sheet_of

_Group = tuple[str, Sequence[Any]]  # a name and its values
_CLOSE = 1e-9  # of a column's largest figure: machines differ in the last digits


def parents_of(release: Release) -> tuple[str, ...]:
    """Return what a derived answer says it was computed from.

    Raises
    ------
    QuestionRefused
        It does not say how it was computed, or stands on exact figures.
    """
    mechanism = release.mechanism
    recipe = mechanism.get("recipe", {})
    if set(mechanism) == {"kind", "parts"} and mechanism["kind"] == "joined":
        below = mechanism["parts"]
    elif set(mechanism) == {"kind", "recipe", "parents"} and recipe.get("op") in OPERATIONS:
        below = mechanism["parents"]
    else:
        raise QuestionRefused(
            f"'{release.name}' does not say by which operation it was computed from which answers, "
            "so nobody could compute it again. Derive figures with release.derive(…) and the other "
            "methods of a release; nothing was kept."
        )
    exact = [each for each in below if each.startswith("e-")]
    if exact or not below:
        raise QuestionRefused(
            f"'{release.name}' is computed from {', '.join(exact) or 'nothing'}, and derived "
            "figures are computed from private answers: exact ones have no noise to hand on. "
            "Nothing was kept."
        )
    return tuple(below)


def believed(release: Release, lookup: Find) -> Release:
    """Return an answer that is about to be shown, a derived one once its figures come out again."""

    @cache
    def find(release_id: str) -> Release:
        below = lookup(release_id)
        if release_id.startswith("d-"):
            parents_of(below)
        return below

    if release.id.startswith("d-"):
        require_replayed(release, find, ends=False)
    return release


def require_replayed(release: Release, find: Find, *, ends: bool = True) -> None:
    """Compute a derived answer again and compare.

    Parameters
    ----------
    find : callable
        Id to stored answer; refuses what stands in the ledger as something else than it says.
    ends : bool
        Whether the ends of intervals are compared, as of entries from `DERIVED` on.

    Raises
    ------
    LedgerError
        It is not what its operation makes of its parents.
    """
    try:
        by, measures, columns = _again(release, find)
    except (WorkbenchError, LookupError, ValueError, TypeError, AttributeError) as problem:
        raise _other(release, f"it cannot be computed again ({problem})") from None
    stored = [(each.name, each.values) for each in release.by]
    if stored != by:
        before = _sorted_before(stored, by, columns)
        if before is None:
            raise _other(release, "its groups are others")
        columns = before
    if [each.name for each in release.measures] != measures or set(release.columns) != set(columns):
        raise _other(release, "its columns are others")
    for name, wanted in columns.items():
        of_margin = name.endswith(("_low", "_high"))
        if (ends or not of_margin) and not _same(release.columns[name], wanted):
            raise _other(release, f"'{name}' has other figures")
    if release.mechanism["kind"] == "derived" and release.cost.pico:
        raise _other(release, "it says that it was paid for")


def _again(
    release: Release, find: Find
) -> tuple[list[tuple[str, Any]], list[str], Mapping[str, Sequence[Any]]]:
    """Return groups, measures and columns, computed from the parents."""
    parents = [find(each) for each in parents_of(release)]
    sheet = sheet_of(release, find)
    if release.mechanism["kind"] == "joined":
        months = next(each for each in release.by if each.kind == "month")
        if len(months.values) != len(parents):
            raise ValueError("it has another number of months than of parts")
        apart = {each.name: each.values for each in parents[0].by}
        by = [
            (each.name, each.values if each is months else apart[each.name]) for each in release.by
        ]
        columns = joined_columns(release.by, parents)
        # why of columns: a month answered before shares at bounds were does not know them
        return by, [each.name for each in parents[-1].measures if each.name in columns], columns
    by, names = [(e.name, e.values) for e in sheet.by], [each.name for each in sheet.measures]
    recipe = release.mechanism["recipe"]
    if recipe["op"] == "rename":
        return by, names, renamed_columns(parents[0], sheet)
    return by, names, columns_of(sheet, figures=sheet.together(recipe))


def _sorted_before(
    stored: Sequence[_Group], by: Sequence[_Group], columns: Mapping[str, Sequence[Any]]
) -> Mapping[str, Sequence[Any]] | None:
    """Return columns as they stood when what was derived from regrouped values had these sorted.

    None where the groups are others. A sorted order tells nothing that the words do not.
    """
    for (name, values), (again, wanted) in zip_longest(stored, by, fillvalue=("", ())):
        if name != again or (values != wanted and list(values) != sorted(wanted, key=str)):
            return None
    places = [(columns[name], {v: i for i, v in enumerate(values)}) for name, values in stored]
    rows = range(len(places[0][0]))
    order = sorted(rows, key=lambda row: [at[column[row]] for column, at in places])
    return {name: [column[row] for row in order] for name, column in columns.items()}


def _same(stored: Sequence[Any], again: Sequence[Any]) -> bool:
    numbers = [abs(each) for each in again if _number(each)]
    close = _CLOSE * max([1.0, *numbers])
    return len(stored) == len(again) and all(
        abs(a - b) <= close if _number(a) and _number(b) else a == b
        for a, b in zip(stored, again, strict=True)
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _other(release: Release, why: str) -> LedgerError:
    return LedgerError(
        f"{release.id}, '{release.name}', is not what its operation makes of the answers it names: "
        f"{why}. It was not computed here, or was changed; it is not shown. Derive it again from "
        "the answers themselves."
    )
