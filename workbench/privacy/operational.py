"""Exact figures of the organisation's own work, kept in the ledger beside the private answers.

Pages draw every figure from the ledger by its id, exact ones too. They cost customers nothing since
no customer's rows are in them: an exact figure names what it was counted from, and only tables
declared operational, which hold no customer's key, and the workbench's own registers are accepted.
People on the staff are no customers, but are not shown either: a column declared personal is
refused, under whatever name it is shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.catalog import Catalog, Table
from workbench.errors import QuestionRefused, require_known
from workbench.privacy.accounting import Cost
from workbench.privacy.columns import Dimension, Measure, noted
from workbench.privacy.release import Release

if TYPE_CHECKING:
    from workbench.privacy.books.ledger import Ledger

# What the workbench itself records. Requests, incidents and shares are of customers: they are shown
# as counts and in bands, and their sheets say so (the note ``people``).
REGISTERS = (
    "audit log",
    "backups",
    "catalog",
    "decision register",
    "incident register",
    "ledger",
    "quality history",
    "request register",
    "retention register",
    "review register",
    "settings",
    "share register",
    "store",
)
KIND = "operational"


@dataclass(frozen=True)
class Exact:
    """Exact figures on their way into the ledger.

    Attributes
    ----------
    name : str
    sources : tuple of str
        Operational tables of the catalog, or `REGISTERS`.
    columns : mapping of str to list
        Group columns and figures, all of one length; further columns are kept, not drawn by
        themselves.
    by, measures : tuple
        As of a release.
    origins : mapping of str to tuple of str
        From which columns of the source tables a group column was made, where it does not bear
        the name of one.
    period : str or None
    private : tuple of str
        Ids of private answers some of the figures were computed from.
    notes : tuple of str
    said : tuple of str
        Words and figures in it that a person told: on a page they are searched as prose is.
    typed : tuple of str
        Those of them that a notebook told: on a page they stand written.
    waits : tuple of (str, str)
        Of decisions that wait, the private answer and its measure that each rests on, row by row.
    """

    name: str
    sources: tuple[str, ...]
    columns: Mapping[str, Sequence[Any]]
    by: tuple[Dimension, ...] = ()
    measures: tuple[Measure, ...] = ()
    period: str | None = None
    private: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    said: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()
    waits: tuple[tuple[str, str], ...] = ()
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def operational(exact: Exact, catalog: Catalog, data_version: str) -> Release:
    """Return exact figures as a release that says so.

    Raises
    ------
    QuestionRefused
        A source is about customers, a group is made from a column that names people, or it is not
        said from which column it is made.
    UnknownName
        A source is neither a table nor a register, or a group is made from no column of them.
    """
    _require_operational(exact, catalog)
    columns: dict[str, list[Any]] = {name: list(values) for name, values in exact.columns.items()}
    for measure in exact.measures:
        for end in ("_low", "_high"):  # no noise, so no margin
            columns.setdefault(f"{measure.name}{end}", [None] * len(columns[measure.name]))
    return Release(
        id="",
        name=exact.name,
        table=", ".join(exact.sources),
        purpose="compliance",
        period=exact.period,
        by=exact.by,
        measures=exact.measures,
        columns=columns,
        cost=Cost(),
        delta=float(catalog.privacy.delta),
        data_version=data_version,
        notes=exact.notes if exact.private or exact.said else (noted("exact"), *exact.notes),
        mechanism={
            "kind": KIND,
            "sources": list(exact.sources),
            "private": list(exact.private),
            **({"said": list(exact.said)} if exact.said else {}),
            **({"given": {"names": list(exact.typed)}} if exact.typed else {}),
            **({"waits": [list(each) for each in exact.waits]} if exact.waits else {}),
        },
    )


def _require_operational(exact: Exact, catalog: Catalog) -> None:
    tables = [name for name in exact.sources if name in catalog.tables]
    known = [*catalog.tables, *REGISTERS]
    require_known("operational table or register", known, *exact.sources)
    about = [name for name in tables if not catalog.tables[name].operational]
    if about:
        raise QuestionRefused(
            f"'{exact.name}' would show exact figures of {', '.join(about)}, which is about "
            "customers. Exact figures are for tables declared 'operational: true'; of customers "
            "ask with wb.query(…) and ws.release(…). Nothing was kept."
        )
    _require_no_staff(exact, {name: catalog.tables[name] for name in tables})


def _require_no_staff(exact: Exact, tables: Mapping[str, Table]) -> None:
    """Refuse what shows people on the staff, by the columns it was made from."""
    if not tables:
        return
    declared = [each for table in tables.values() for each in table.columns.items()]
    columns = {name for name, _ in declared}
    people = {name for name, each in declared if each.sensitivity in ("personal", "sensitive")}
    made_from = {name for names in exact.origins.values() for name in names}
    require_known(f"column of {', '.join(tables)}", columns, *sorted(made_from))
    shown = sorted(people & (made_from | set(exact.columns) | {axis.name for axis in exact.by}))
    if shown:
        raise QuestionRefused(
            f"'{exact.name}' would show {', '.join(shown)}, which names people on the staff. Group "
            "by role, owner department or kind. Nothing was kept."
        )
    untold = [a.name for a in exact.by if a.name not in columns and not exact.origins.get(a.name)]
    if untold:
        raise QuestionRefused(
            f"'{exact.name}' groups by {', '.join(untold)}, which is no column of "
            f"{', '.join(tables)}, so nobody can tell whether it names people. Say from which "
            f"columns it is made: origins={{'{untold[0]}': ('column',)}}. Nothing was kept."
        )


def kept(ledger: Ledger, name: str) -> list[tuple[dt.datetime, Release]]:
    """Return exact figures of a name with the time they were kept, oldest first."""
    found = [
        (entry.at, Release.from_json(entry.body["answer"]))
        for entry in ledger.chain.entries("operational")
    ]
    return [(at, release) for at, release in found if release.name == name]
