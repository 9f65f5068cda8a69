"""What to install so that ``workbench run --due`` is called when reports are due.

Each format calls the same command, which reads what is missing off what is published; so one call
too many does nothing, and one that was missed is made up for by the next.
"""

from __future__ import annotations

import datetime as dt
import json
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from cronsim import CronSim

from workbench.errors import InputError, UnknownName
from workbench.reporting.definitions.definition import Definition
from workbench.reporting.definitions.schedule import Schedule

FORMATS = ("cron", "systemd", "airflow", "kubernetes")  # each a template of this name
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def schedule_for(scheduler: str, definitions: Iterable[Definition], root: Path) -> str:
    """Return what to install for a scheduler.

    Parameters
    ----------
    scheduler : str
        One of `FORMATS`.
    definitions : iterable of Definition
    root : Path
        The workspace.

    Raises
    ------
    UnknownName
        No such format.
    InputError
        No report has a schedule.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    if scheduler not in FORMATS:
        raise UnknownName("scheduler", scheduler, FORMATS)
    named: dict[Schedule, list[str]] = {}
    for definition in definitions:
        if definition.schedule is not None:
            named.setdefault(definition.schedule, []).append(definition.name)
    if not named:
        raise InputError(
            "no report has a schedule. Give one to a definition: schedule: {cron: '0 6 5 * *', "
            "time_zone: Asia/Shanghai}."
        )
    templates = Environment(
        loader=PackageLoader("workbench.reporting"),
        autoescape=False,  # noqa: S701  # why: none of them is HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = {"json": json.dumps, "python": repr, "unit_word": _unit_word}
    templates.filters |= {**filters, "calendar_events": calendar_events}
    words = [*_program(), "run", "--due", "--workspace", str(root)]
    template = templates.get_template(f"schedule.{scheduler}.j2")
    return template.render(named=named, root=str(root), words=words, command=shlex.join(words))


def _program() -> list[str]:
    """Return the words that call this workbench, in full."""
    beside = Path(sys.executable).with_name("workbench")
    if beside.is_file():
        return [str(beside)]
    found = shutil.which("workbench")
    return [found] if found else [sys.executable, "-m", "workbench"]


def _unit_word(word: str) -> str:
    """Return a word as systemd reads it: ``%`` and ``$`` doubled, quoted where need be."""
    plain = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$")
    if plain and all(letter.isalnum() or letter in "/._-%$=+:,@" for letter in plain):
        return plain
    return '"' + plain.replace('"', '\\"') + '"'


def calendar_events(schedule: Schedule) -> Iterator[str]:
    """Yield a schedule as systemd's calendar events; together they come when cron's does.

    Two where cron's days of the month and of the week are both given: cron means either, systemd
    means both.

    Examples
    --------
    >>> list(calendar_events(Schedule(cron="0 6 5 * *", time_zone="Asia/Shanghai")))
    ['*-*-5 6:0:00 Asia/Shanghai']
    """
    minute, hour, day, month, weekday = schedule.cron.split()
    read = CronSim(schedule.cron, dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
    clock = f"{_listed(hour, read.hours)}:{_listed(minute, read.minutes)}:00"
    months, days = _listed(month, read.months), _listed(day, read.days)
    named = sorted({each % 7 for each in read.weekdays if isinstance(each, int)})
    weekdays = "" if weekday == "*" else ",".join(_DAYS[each] for each in named)
    if read.day_and:
        yield f"{weekdays} *-{months}-{days} {clock} {schedule.time_zone}".strip()
    else:
        yield f"*-{months}-{days} {clock} {schedule.time_zone}"
        yield f"{weekdays} *-{months}-* {clock} {schedule.time_zone}"


def _listed(field: str, numbers: Iterable[int]) -> str:
    """Return a field as systemd writes it: ``*``, or every number listed."""
    return "*" if field == "*" else ",".join(map(str, sorted(numbers)))
