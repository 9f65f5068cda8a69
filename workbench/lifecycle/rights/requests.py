"""Requests of data subjects: when one came, who checked the person, when it is due, how it ended.

Deadlines come from the file of laws, which also says how they are reckoned
(`workbench.lifecycle.law`). No legal advice is claimed.
"""

import datetime as dt
import itertools
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Required, TypedDict, TypeVar

from workbench.errors import InputError, Refused, UnknownName, require_known
from workbench.lifecycle.law import Clock, clocks
from workbench.lifecycle.office import Office
from workbench.lifecycle.register import Register, told_of
from workbench.lifecycle.rights.customers import identifiers, unknown_subject
from workbench.store.loading.values import normal_key
from workbench.store.logs.chain import Entry
from workbench.store.reading.identifying import normal

Answer = TypeVar("Answer")
IN_TABLE = "subject_requests"  # the operational table of requests that others keep
Served = tuple["Request", Answer]
KINDS = ("access", "portability", "correction", "erasure", "restriction", "objection")
OPENED, CHECKED = "request opened", "identity checked"
EXTENDED, CLOSED = "request extended", "request closed"


class Asked(TypedDict, total=False):
    """What is said of a request beside what is asked for."""

    verified_by: Required[str]
    law: str | None
    received: dt.date | None
    request: str | None


@dataclass(frozen=True)
class Request:
    """One request as it stands.

    Attributes
    ----------
    id : str
        ``R-0001``.
    kind, law : str
    mark : str
        Whose it is, by mark; empty where another register has it.
    received, due : date
    extended : bool
        Whether the person was told in time that it takes longer.
    verified_by : str
        How the person's identity was checked; empty while it was not.
    closed : date or None
    outcome : str
    """

    id: str
    kind: str
    law: str
    mark: str
    received: dt.date
    due: dt.date
    extended: bool = False
    verified_by: str = ""
    closed: dt.date | None = None
    outcome: str = ""

    def days_left(self, today: dt.date) -> int:
        """Return the days until it is due; negative once it is overdue."""
        return (self.due - today).days

    def on_time(self, today: dt.date) -> bool:
        """Return whether it was closed in time, or still can be."""
        return (self.closed or today) <= self.due


def due_date(
    clock: Clock, received: dt.date, holidays: Collection[dt.date] = (), *, extended: bool = False
) -> dt.date:
    """Return the last day for an answer.

    Examples
    --------
    >>> from workbench.lifecycle.law import clock
    >>> due_date(clock("gdpr-request"), dt.date(2027, 1, 29))  # February ends on a Sunday
    datetime.date(2027, 3, 1)
    >>> due_date(clock("pipl-request"), dt.date(2026, 9, 28))  # over the national holidays
    datetime.date(2026, 10, 23)
    """
    start = dt.datetime.combine(received, dt.time())
    return clock.due(start, holidays, extended=extended).date()


def open_request(
    office: Office,
    kind: str,
    mark: str,
    *,
    law: str | None = None,
    received: dt.date | None = None,
    verified_by: str = "",
) -> Request:
    """Register a request; return it with its deadline.

    Parameters
    ----------
    law : str, optional
        Whose deadline counts: GDPR, PIPL. Left out, the earliest of all.
    received : date, optional
        When it came; today when left out.
    verified_by : str
        How the person's identity was checked, where it was.

    Raises
    ------
    InputError
        It came in the future, or no law of that name has a deadline for requests.
    """
    require_known("kind of request", KINDS, kind)
    today = office.now.date()
    came = received or today
    if came > today or came.year < 1000:
        raise InputError(f"the request is of {came} and today is {today}. Correct one of the two.")
    clock = _clock(law, came, office)
    body = {"kind": kind, "law": clock.law, "clock": clock.id, "received": came}
    name = _register(office).begin(OPENED, {**body, "mark": mark}, now=office.now)
    if verified_by:
        check_identity(office, name, verified_by)
    return find_request(office, name)


def open_for(
    office: Office,
    kind: str,
    subject: str,
    *,
    law: str | None = None,
    received: dt.date | None = None,
) -> Request:
    """Register a customer's request that is answered later."""
    return open_request(office, kind, office.mark(subject), law=law, received=received)


def serve(
    office: Office,
    kind: str,
    subject: str,
    act: Callable[[Office, str, str], Answer],
    *,
    verified_by: str,
    law: str | None = None,
    received: dt.date | None = None,
    request: str | None = None,
) -> Served[Answer]:
    """Register a request, do what it asks for, close it; return both.

    Parameters
    ----------
    act : callable
        Does it; told the office, the customer's mark and the request's name. Where it refuses, the
        request stays open, and the refusal says so.
    request : str, optional
        One that is registered already.

    Raises
    ------
    InputError
        Nothing is held of this customer, or the request is somebody else's or closed.
    """
    mark = office.mark(subject)
    if not identifiers(office, mark) and mark not in office.store.marks.erased():
        raise unknown_subject(office)
    if request is None:
        require_said(office, mark, verified_by)
        request = open_request(office, kind, mark, law=law, received=received).id
    found = find_request(office, request)
    if found.mark != mark or found.closed:
        what = f"was closed on {found.closed}" if found.closed else "is another customer's"
        raise InputError(f"'{request}' {what}. Name an open request of theirs, or none.")
    if not found.verified_by:
        check_identity(office, request, verified_by)
    try:
        answer = act(office, mark, request)
    except (InputError, Refused) as refusal:
        # Nothing was done. Said here, lest a slip of the pen becomes an overdue request unseen.
        refusal.args = (f"{refusal} {request} stays open: go on with --request {request}.",)
        raise
    office.look_anew()
    return close(office, request, "done"), answer


def require_said(office: Office, mark: str, verified_by: str) -> str:
    """Return how a person was identified, in one line; refuse an empty text, or one naming them."""
    return _said(
        office,
        mark,
        verified_by,
        "say with --verified-by how the person's identity was checked, such as 'id card, "
        "branch 12': whoever asks for somebody else's data must not get it.",
    )


def check_identity(office: Office, name: str, verified_by: str) -> None:
    """Record how the person behind a request was identified.

    Raises
    ------
    InputError
        Nothing is said.
    """
    told = require_said(office, find_request(office, name).mark, verified_by)
    _register(office).record(name, CHECKED, {"verified_by": told}, now=office.now)


def extend(office: Office, name: str, *, told_on: dt.date, reason: str) -> Request:
    """Extend a request's time, the person having been told.

    Raises
    ------
    InputError
        The law allows none, it was extended before, no reason is given, or the person was not told
        in time.
    """
    request = find_request(office, name)
    _require_open(request)
    clock = next(each for each in clocks("request") if each.law == request.law)
    if not clock.extension_months:
        raise InputError(
            f"{clock.law} knows no extension ({clock.article}); answer by {request.due}."
        )
    if request.extended:
        raise InputError(f"'{name}' was extended before; answer by {request.due}.")
    if told_on < request.received:
        raise InputError(
            f"'{name}' came on {request.received}; nobody was told on {told_on}. Correct the day."
        )
    if told_on > request.due or told_on > office.now.date():
        raise InputError(
            f"the person had to be told by {request.due}, and {told_on} is later or still to come. "
            "It stays overdue; answer now."
        )
    wanted = "say with --reason why it takes longer: the person has to be told it too."
    told = _said(office, request.mark, reason, wanted)
    body = {"told_on": told_on, "reason": told}
    _register(office).record(name, EXTENDED, body, now=office.now)
    return find_request(office, name)


def close(office: Office, name: str, outcome: str) -> Request:
    """Close a request; return it.

    Raises
    ------
    InputError
        It is closed already, or nothing is said of how it ended.
    """
    request = find_request(office, name)
    _require_open(request)
    wanted = "say with --outcome how it ended, such as 'refused: not theirs'."
    told = _said(office, request.mark, outcome, wanted)
    _register(office).record(name, CLOSED, {"outcome": told}, now=office.now)
    return find_request(office, name)


def _said(office: Office, mark: str, text: str, wanted: str) -> str:
    """Return what was typed of a customer; refuse what names them, also who was erased since."""
    told = " ".join(text.split())
    gone = [told] if mark in office.store.marks.of_each(_keys_in(told)) else []
    return office.events.said(text, wanted, [*identifiers(office, mark), *gone])


def _keys_in(text: str) -> set[str]:
    """Return what in a text may be a key, as it was kept: of an erased one the mark is all left."""
    found = {word for each in re.split(r"[^\w-]+", text) if (word := normal_key(each))}
    words = re.findall(r"[^\W\d_]+|\d+", normal(text))
    for count, sign in itertools.product((1, 2, 3), ("", "-", "_", " ", ".", "/")):
        runs = (sign.join(words[at : at + count]) for at in range(len(words)))
        found |= {spelled for run in runs for spelled in (run, run.upper())}
    return found


def _require_open(request: Request) -> None:
    """Refuse what would change when a request was answered, or how: deadlines are counted by it."""
    if request.closed:
        raise InputError(
            f"'{request.id}' was closed on {request.closed} ({request.outcome}). Register a new "
            "one with 'workbench subject register' if there is more to answer."
        )


def find_request(office: Office, name: str) -> Request:
    """Return one request, or raise `UnknownName`."""
    return _request(name, _register(office).of(name), office.settings.holidays)


def on_record(office: Office) -> list[Request]:
    """Return every request of a customer, oldest first, with its deadline and how it ended."""
    items = _register(office).items().items()
    return [_request(name, events, office.settings.holidays) for name, events in items]


def _register(office: Office) -> Register:
    return Register(office.events, "R", "request", called="request", yearly=False)


def _request(name: str, events: Sequence[Entry], holidays: Collection[dt.date]) -> Request:
    opened, *later = events
    clock = next(each for each in clocks("request") if each.id == opened.body["clock"])
    received = dt.date.fromisoformat(opened.body["received"])
    told: dict[str, Any] = {entry.kind: entry.body for entry in later}
    return told_of(
        Request,
        {**opened.body, **told.get(CHECKED, {}), **told.get(CLOSED, {})},
        id=name,
        due=due_date(clock, received, holidays, extended=EXTENDED in told),
        extended=EXTENDED in told,
        closed=next((each.at.date() for each in later if each.kind == CLOSED), None),
    )


def _clock(law: str | None, received: dt.date, office: Office) -> Clock:
    known = clocks("request")
    if law is None:
        return min(known, key=lambda each: due_date(each, received, office.settings.holidays))
    for each in known:
        if each.law.lower() == law.lower():
            return each
    raise UnknownName("law with a deadline for requests", law, {each.law for each in known})
