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
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from cronsim import CronSim

from workbench.errors import InputError, UnknownName
from workbench.reporting.definition import Definition
from workbench.reporting.schedule import Schedule

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
    return FORMATS[scheduler](named, root)


def _program() -> list[str]:
    """Return the words that call this workbench, in full."""
    beside = Path(sys.executable).with_name("workbench")
    if beside.is_file():
        return [str(beside)]
    found = shutil.which("workbench")
    return [found] if found else [sys.executable, "-m", "workbench"]


def _words(root: Path) -> list[str]:
    return [*_program(), "run", "--due", "--workspace", str(root)]


def _cron(named: Mapping[Schedule, list[str]], root: Path) -> str:
    command = shlex.join(_words(root)).replace("%", r"\%")  # cron ends a line at a bare %
    lines = [
        "# workbench: put these lines at the end of 'crontab -e' of the account that owns the",
        "# workspace. CRON_TZ holds for all lines below it.",
    ]
    for schedule, names in named.items():
        lines += [
            f"# {', '.join(names)}",
            f"CRON_TZ={schedule.time_zone}",
            f"{schedule.cron}  {command}",
        ]
    lines += [
        "# Once a day: what was missed while the machine was off. It does nothing when nothing is",
        "# due. Where cron knows no CRON_TZ (Debian's), this line is the one that counts.",
        f"37 7 * * *  {command}",
    ]
    return "\n".join(lines) + "\n"


def _systemd(named: Mapping[Schedule, list[str]], root: Path) -> str:
    words = " ".join(_unit_word(word) for word in _words(root))
    calendars = [f"OnCalendar={each}" for schedule in named for each in calendar_events(schedule)]
    reports = ", ".join(name for names in named.values() for name in names)
    lines = [
        "# ~/.config/systemd/user/workbench.service",
        "[Unit]",
        f"Description=Run the workbench reports that are due in {_unit_text(str(root))}",
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={words}",
        "",
        "# ~/.config/systemd/user/workbench.timer, started by:",
        "# systemctl --user enable --now workbench.timer",
        "[Unit]",
        f"Description=Times of the workbench reports {reports}",
        "",
        "[Timer]",
        *calendars,
        "# after the machine was off: at once",
        "Persistent=true",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return "\n".join(lines) + "\n"


def _unit_text(text: str) -> str:
    """Return a text as systemd reads it where it only shows it: ``%`` doubled."""
    return text.replace("%", "%%")


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


def _airflow(named: Mapping[Schedule, list[str]], root: Path) -> str:
    command = shlex.join(_words(root))
    lines = [
        '"""Reports of a workbench workspace; put this file into the folder of DAGs."""',
        "",
        "import datetime as dt",
        "",
        "from airflow import DAG",
        "from airflow.providers.standard.operators.bash import BashOperator",
        "from airflow.timetables.trigger import CronTriggerTimetable",
        "",
        "# from the environment, so that nothing in it is taken for a template",
        f"COMMAND = {command!r}",
        "",
    ]
    for number, (schedule, names) in enumerate(named.items(), 1):
        timetable = f"CronTriggerTimetable({schedule.cron!r}, timezone={schedule.time_zone!r})"
        lines += [
            f"# {', '.join(names)}",
            "with DAG(",
            f'    dag_id="workbench-due-{number}",',
            f"    schedule={timetable},",
            "    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc),",
            "    catchup=False,  # workbench itself catches up what was missed",
            "    max_active_runs=1,",
            '    tags=["workbench"],',
            ") as dag:",
            "    BashOperator(",
            '        task_id="run-due",',
            '        bash_command="eval \\"$WORKBENCH_COMMAND\\"",',
            '        env={"WORKBENCH_COMMAND": COMMAND},',
            "        append_env=True,",
            "        retries=3,  # exit code 5: try again later",
            "        retry_delay=dt.timedelta(minutes=30),",
            "    )",
            "globals()[dag.dag_id] = dag",
            "",
        ]
    return "\n".join(lines)


def _kubernetes(named: Mapping[Schedule, list[str]], root: Path) -> str:
    documents = []
    for number, (schedule, names) in enumerate(named.items(), 1):
        documents.append(
            "\n".join(
                [
                    f"# {', '.join(names)}",
                    "apiVersion: batch/v1",
                    "kind: CronJob",
                    "metadata:",
                    f"  name: workbench-due-{number}",
                    "spec:",
                    f"  schedule: {json.dumps(schedule.cron)}",
                    f"  timeZone: {json.dumps(schedule.time_zone)}",
                    "  concurrencyPolicy: Forbid",
                    "  jobTemplate:",
                    "    spec:",
                    "      backoffLimit: 3",
                    "      template:",
                    "        spec:",
                    "          restartPolicy: Never",
                    "          containers:",
                    "            - name: workbench",
                    "              image: workbench:latest  # an image of yours with workbench",
                    "              command: [workbench, run, --due, --workspace, "
                    f"{json.dumps(str(root))}]",
                    "              volumeMounts:",
                    f"                - {{name: workspace, mountPath: {json.dumps(str(root))}}}",
                    "          volumes:",
                    "            - name: workspace",
                    "              persistentVolumeClaim: {claimName: workbench}  # a local disk",
                ]
            )
        )
    return "\n---\n".join(documents) + "\n"


FORMATS: Mapping[str, Callable[[Mapping[Schedule, list[str]], Path], str]] = {
    "cron": _cron,
    "systemd": _systemd,
    "airflow": _airflow,
    "kubernetes": _kubernetes,
}
