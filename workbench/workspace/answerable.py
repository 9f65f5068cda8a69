"""What is wanted in the catalog's words, what a release says of it, and the code that asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.periods import ends_of, months_between

if TYPE_CHECKING:
    from workbench.privacy.release import Release
    from workbench.privacy.sheets import Sheet

# Of every table, with how a query asks it; of a column there are "amount_sum" and "amount_mean".
MEASURES = {"customers": "customers", "rows": "count"}


@dataclass(frozen=True)
class Answerable:
    """How a question can be answered: by a release, or for a price.

    Attributes
    ----------
    code : str
        What to run for the answer.
    release : str or None
        Id of the release it is computed from, at no cost; None: it has to be paid for.
    epsilon : float
        What it costs; 0 where a release will do.
    left : float
        What a single question could still cost.
    margins : mapping of str to float
        The 95 % margin of each measure: the widest row's of a release, or as it is to be expected.
    relative : mapping of str to float
        The same over a group of 1,000 customers, of what has to be paid for.
    told : str
        What a reader is told of it: on which bounds it stands, or that it does not fit.
    """

    code: str
    release: str | None
    epsilon: float
    left: float
    margins: Mapping[str, float]
    relative: Mapping[str, float] = field(default_factory=dict)
    told: str = ""

    def _repr_html_(self) -> str:
        from workbench.workspace.question_form import described

        return described(self)


@dataclass(frozen=True)
class Wanted:
    """A question in the catalog's words."""

    table: str
    purpose: str
    measures: tuple[str, ...]
    by: tuple[str, ...]
    where: Mapping[str, Any]
    period: str | tuple[str, str]

    @property
    def span(self) -> str:
        """The period as a release says it."""
        first, last = (self.period,) * 2 if isinstance(self.period, str) else self.period
        return first if first == last else f"{first}..{last}"

    @property
    def months(self) -> tuple[str, ...]:
        """Return them in order."""
        return _months(self.span)


def derivation(release: Release, wanted: Wanted) -> dict[str, Any] | None:
    """Return what to derive of a release for a question; None where its columns do not serve."""
    axes = [each.name for each in release.by]
    names = {each.name for each in release.measures}
    monthly = any(each.kind == "month" for each in release.by)
    if release.period is None or not names.issuperset(wanted.measures):
        return None
    if not {*axes}.issuperset(wanted.by):
        return None
    where = {name: value for name, value in wanted.where.items() if name in axes}
    if monthly and "month" in wanted.by:
        months = _months(release.period)
        if not {*months}.issuperset(wanted.months):
            return None
        if months != wanted.months:
            where["month"] = list(wanted.months)
    elif monthly and wanted.months in [(each,) for each in _months(release.period)]:
        where["month"] = wanted.months[0]
    elif release.period != wanted.span:
        return None
    over = [name for name in axes if name not in wanted.by and name not in where]
    found = {"where": where, "over": over}
    return {key: value for key, value in found.items() if value}


def _months(span: str) -> tuple[str, ...]:
    first, last = ends_of(span)
    return months_between(first.start, last.end)


def widest(sheet: Sheet) -> dict[str, float]:
    """Return the widest margin of each measure over the rows."""
    from workbench.privacy.shown import longer_side
    from workbench.privacy.tables import columns_of

    columns = columns_of(sheet)
    found = {}
    for measure in sheet.measures:
        sides = map(longer_side, *(columns[name] for name in measure.columns))
        found[measure.name] = max((each for each in sides if each is not None), default=0.0)
    return found


def name_of(wanted: Wanted) -> str:
    """Return what the answer is called."""
    return "-".join([wanted.table, *(("by", *wanted.by) if wanted.by else ())]).replace("_", "-")


def call_of(measure: str) -> tuple[str, tuple[str, ...]]:
    """Return how a query asks a measure: the method, and the columns it is given."""
    column, _, kind = measure.rpartition("_")
    return (MEASURES[measure], ()) if measure in MEASURES else (kind, (column,))


def code_for(wanted: Wanted, epsilon: object) -> str:
    """Return the lines that ask and pay."""
    asks = ""
    for method, columns in map(call_of, wanted.measures):
        asks += f".{method}(" + "".join(f'"{each}"' for each in columns) + ")"
    where = f", where={dict(wanted.where)!r}" if wanted.where else ""
    by = f", by={list(wanted.by)!r}" if wanted.by else ""
    return (
        f"table = ws.open({wanted.table!r}, purpose={wanted.purpose!r})\n"
        f"answer = ws.release(\n"
        f"    wb.query(table{by}{where}, period={wanted.period!r}){asks},\n"
        f"    name={name_of(wanted)!r}, epsilon={epsilon})\n"
        "answer\n"
    )
