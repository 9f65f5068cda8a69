"""Legal holds: what must be kept for a dispute or an authority, whatever else would remove it."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from workbench.errors import InputError, Refused
from workbench.lifecycle.office import Office
from workbench.lifecycle.register import Register
from workbench.lifecycle.rights.customers import identifiers, unknown_subject
from workbench.store.logs.events import Events


@dataclass(frozen=True)
class Hold:
    """One hold that is in force.

    Attributes
    ----------
    id : str
        ``H-0001``.
    reason : str
    since : datetime
    table : str or None
        The table it keeps; every table where none is named.
    mark : str or None
        Whose rows it keeps, by mark; everybody's where none is named.
    """

    id: str
    reason: str
    since: dt.datetime
    table: str | None = None
    mark: str | None = None

    def covers(self, table: str, mark: str | None = None) -> bool:
        """Return whether it keeps a table's rows: of one customer, or of any when none is asked."""
        if self.table not in (None, table):
            return False
        return self.mark is None or self.mark == mark


def holds(events: Events) -> list[Hold]:
    """Return the holds in force, oldest first."""
    return [
        Hold(name, first.body["reason"], first.at, first.body.get("table"), first.body.get("mark"))
        for name, (first, *released) in _register(events).items().items()
        if not released
    ]


def of_table(in_force: Iterable[Hold], table: str) -> list[Hold]:
    """Return the holds that are of a table, or of all."""
    return [each for each in in_force if each.table in (None, table)]


def kept_sql(in_force: Iterable[Hold], table: str, theirs: str) -> str:
    """Return SQL that is true for rows of a table that a hold keeps; ``theirs``: of held marks."""
    here = of_table(in_force, table)
    if any(each.mark is None for each in here):
        return "true"
    # why every held mark, also where its hold is of another table: keeping one too many is safe
    return theirs if here else "false"


def in_force(office: Office) -> list[Hold]:
    """Return the holds in force, oldest first."""
    return holds(office.events)


def _register(events: Events) -> Register:
    return Register(events, "H", "hold", called="hold", yearly=False)


def hold(
    office: Office, reason: str, *, table: str | None = None, subject: str | None = None
) -> Hold:
    """Keep rows until released: of a table, of a customer, or both.

    Raises
    ------
    InputError
        Neither is named, no reason is given, or no table knows the customer.
    UnknownName
        No such table.
    """
    if table is None and subject is None:
        raise InputError("say what to hold: a table with --table, a customer with --subject.")
    if table is not None:
        office.catalog.table(table)
    mark = None if subject is None else office.mark(subject)
    of = identifiers(office, mark) if mark is not None else set()
    if mark is not None and not of:
        raise unknown_subject(office)
    wanted = "say why with --reason: whoever reviews the hold needs to know."
    told = office.events.said(reason, wanted, of)
    body = {"reason": told, "table": table, "mark": mark}
    name = _register(office.events).begin("hold", body, now=office.now)
    return Hold(name, told, office.now, table, mark)


def release_hold(office: Office, name: str, reason: str) -> Hold:
    """End a hold.

    Raises
    ------
    InputError
        No such hold is in force, or no reason is given.
    """
    known = {each.id: each for each in holds(office.events)}
    if name not in known:
        raise InputError(f"no hold '{name}' is in force. In force: {', '.join(known) or 'none'}.")
    wanted = "say why with --reason: what the hold kept may be removed from now on."
    told = office.events.said(reason, wanted)
    _register(office.events).record(name, "hold released", {"reason": told}, now=office.now)
    return known[name]


def require_none_of(events: Events, table: str) -> None:
    """Refuse to empty the quarantine of a table of which a hold keeps rows, whosever they are.

    Raises
    ------
    Refused
        Names the holds.
    """
    if kept := of_table(holds(events), table):
        told = "; ".join(f"{each.id}: {each.reason}" for each in kept)
        raise Refused(
            f"a legal hold keeps rows of table '{table}' ({told}); nothing was removed. "
            "'workbench office retention apply' takes away what no hold keeps, or release the hold "
            "with 'workbench office retention release'."
        )


def require_no_hold(events: Events, tables: list[str], mark: str) -> None:
    """Refuse to erase what a hold keeps.

    Raises
    ------
    Refused
        Names the holds and the tables.
    """
    found = [
        f"{each.id} since {each.since:%Y-%m-%d} ({', '.join(kept)}): {each.reason}"
        for each in holds(events)
        if (kept := [table for table in tables if each.covers(table, mark)])
    ]
    if found:
        raise Refused(
            "a legal hold keeps rows of this customer, and nothing was erased: "
            + "; ".join(found)
            + ". Restrict the customer meanwhile ('workbench subject restrict'), or release the "
            "hold with 'workbench office retention release'."
        )
