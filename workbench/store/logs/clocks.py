"""A clock that shows less than it did: which mark says so, and the way out.

What remembers when it was written last refuses a clock that shows less: deadlines, retention and
budgets would be reckoned wrongly. A command under a clock that was ahead leaves such a mark in the
time to come; an officer's recorded word sets it back.
"""

import datetime as dt

from workbench.errors import WorkbenchError

BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)  # no workspace is older: a clock before it is wrong
CLOCK_SLACK = dt.timedelta(minutes=5)  # what clocks are set right by


def require_clock(
    now: dt.datetime, last: dt.datetime | None, what: str, nothing: str, error: type[WorkbenchError]
) -> None:
    """Refuse a clock that shows less than a mark.

    Parameters
    ----------
    last : datetime, optional
        The mark's time; nothing was marked yet when left out.
    what : str
        The mark, for the message.
    nothing : str
        What was not done.
    error : type
        What to raise.
    """
    if last is None or now >= last - CLOCK_SLACK:
        return
    raise error(
        f"this machine's clock shows {now:%Y-%m-%d %H:%M %Z}, and {what} is of "
        f"{last.astimezone(now.tzinfo):%Y-%m-%d %H:%M}: either the clock is behind now, or it was "
        "ahead then. Set the clock right. If it is right, an officer says so with 'workbench "
        "office acknowledge --clock --reason … --role officer'; what was spent stays spent. "
        f"{nothing} until then."
    )
