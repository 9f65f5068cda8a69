"""What schedulers are given: each line is read by what will read it, or checked against cron."""

import ast
import datetime as dt
import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from cronsim import CronSim
from ruamel.yaml import YAML

from workbench.cli import main
from workbench.errors import InputError, UnknownName
from workbench.reporting.definitions.definition import Definition
from workbench.reporting.definitions.due import FORMATS, calendar_events, schedule_for
from workbench.reporting.definitions.fields import Schedule

ROOT = Path("/srv/our bank/100% {{here}}")


def _report(name, cron, zone="Asia/Shanghai"):
    content = {
        "name": name,
        "title": "Overview",
        "notebook": "overview.ipynb",
        "audience": "managers",
        "budget": {"epsilon": 1},
        "schedule": {"cron": cron, "time_zone": zone},
    }
    return Definition.model_validate(content)


REPORTS = [
    _report("monthly", "0 6 5 * *"),
    _report("too", "0 6 5 * *"),
    _report("weekly", "30 7 * * mon", "Europe/Berlin"),
]


def _words(command):
    words = shlex.split(command)
    assert words[-4:] == ["run", "--due", "--workspace", str(ROOT)]
    assert Path(words[0]).is_file()
    _taken(words[-4:])
    return words


def _taken(words):
    """Check that the command line takes these words: the command and its options are there."""
    name, *options = words
    with main.commands[name].make_context(name, options) as context:
        assert context.params["due"]
        assert context.params["workspace"] == str(ROOT)


def test_cron_gets_a_line_for_each_schedule_and_one_to_make_sure():
    text = schedule_for("cron", REPORTS, ROOT)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines[0::2][:2] == ["CRON_TZ=Asia/Shanghai", "CRON_TZ=Europe/Berlin"]
    jobs = [line for line in lines if not line.startswith("CRON_TZ")]
    assert [" ".join(job.split()[:5]) for job in jobs] == [
        "0 6 5 * *",
        "30 7 * * mon",
        "37 7 * * *",
    ]
    for job in jobs:
        *fields, command = job.split(maxsplit=5)
        CronSim(" ".join(fields), dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        assert "%" not in command.replace(r"\%", "")  # a bare one would end the command
        _words(command.replace(r"\%", "%"))
    assert "# monthly, too\n" in text


def test_cron_lines_are_taken_by_crontab_itself(tmp_path):
    crontab = shutil.which("crontab")
    if crontab is None:
        pytest.skip("no crontab here to read them")
    (tmp_path / "tab").write_text(schedule_for("cron", REPORTS, ROOT))
    done = subprocess.run([crontab, "-T", tmp_path / "tab"], capture_output=True, check=False)
    if b"invalid option" in done.stderr:
        pytest.skip("this crontab only installs, and reads nothing for a test")
    assert done.returncode == 0, done.stderr


def test_systemd_gets_a_service_and_a_timer(tmp_path):
    text = schedule_for("systemd", REPORTS, ROOT)
    service, timer = text.split("# ~/.config/systemd/user/workbench.timer")
    assert "OnCalendar=*-*-5 6:0:00 Asia/Shanghai\n" in timer
    assert "OnCalendar=Mon *-*-* 7:30:00 Europe/Berlin\n" in timer
    assert "Persistent=true" in timer
    assert '"/srv/our bank/100%% {{here}}"' in service
    described = (
        "Description=Run the workbench reports that are due in /srv/our bank/100%% {{here}}\n"
    )
    assert described in service
    assert "Description=Times of the workbench reports monthly, too, weekly\n" in timer
    analyze = shutil.which("systemd-analyze")
    if analyze is not None:
        (tmp_path / "workbench.service").write_text(service)
        (tmp_path / "workbench.timer").write_text("[Unit]" + timer.partition("[Unit]")[2])
        words = [analyze, "verify", "--man=no", str(tmp_path / "workbench.timer")]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert "workbench." not in done.stderr, done.stderr


CRONS = [
    "0 6 5 * *",
    "30 7 * * mon",
    "*/20 */6 * jan-mar,10 *",
    "5,35 8-18/5 1,15 * fri",  # either of the days
    "0 0 31 * *",
    "15 3 */10 * *",
    "0 12 * * 0",
    "0 12 * * 7",
    "0 12 * * 1-5",
    "10/25 4 * * *",
    "0 6 1-7 * */2",  # a star: both of the days
]


@pytest.mark.parametrize("cron", CRONS)
def test_systemd_comes_when_cron_comes(cron):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd here to ask")
    schedule = Schedule(cron=cron, time_zone="UTC")
    start, count = dt.datetime(2025, 12, 31, 23, 59, 59, tzinfo=dt.UTC), 12
    found = set()
    for event in calendar_events(schedule):
        words = [
            analyze,
            "calendar",
            f"--iterations={count}",
            "--base-time=2025-12-31 23:59:59 UTC",
        ]
        env = {"TZ": "UTC", "LC_ALL": "C"}
        done = subprocess.run(
            [*words, event], capture_output=True, text=True, check=True, env=env
        ).stdout
        for line in done.splitlines():
            label, _, when = line.partition(": ")
            if label.strip().startswith(("Next elapse", "Iter.")):
                _, date, time, _ = when.split()
                found.add(dt.datetime.fromisoformat(f"{date}T{time}+00:00"))
    simulated = CronSim(cron, start)
    assert sorted(found)[:count] == [next(simulated) for _ in range(count)]


def test_airflow_gets_a_dag_for_each_schedule_that_compiles():
    text = schedule_for("airflow", REPORTS, ROOT)
    compile(text, "dags/workbench.py", "exec")
    tree = ast.parse(text)
    values = {
        keyword.arg: keyword.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
    }
    assert values["dag_id"].value == "workbench-due-2"
    calls = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert "CronTriggerTimetable('0 6 5 * *', timezone='Asia/Shanghai')" in calls
    command = next(
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COMMAND"
    )
    _words(command)
    # only the environment carries it: what stands between {{ }} would be taken for a template
    assert "{{" not in ast.literal_eval(values["bash_command"])
    done = subprocess.run(
        ["bash", "-c", 'eval "$WORKBENCH_COMMAND"'],
        env={"WORKBENCH_COMMAND": f"printf '%s|' {shlex.quote(str(ROOT))}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{ROOT}|"


def test_kubernetes_gets_a_cron_job_for_each_schedule():
    documents = list(YAML(typ="safe").load_all(schedule_for("kubernetes", REPORTS, ROOT)))
    assert [each["kind"] for each in documents] == ["CronJob", "CronJob"]
    specs = [each["spec"] for each in documents]
    assert [(s["schedule"], s["timeZone"]) for s in specs] == [
        ("0 6 5 * *", "Asia/Shanghai"),
        ("30 7 * * mon", "Europe/Berlin"),
    ]
    assert {s["concurrencyPolicy"] for s in specs} == {"Forbid"}
    container = specs[0]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert container["command"] == ["workbench", "run", "--due", "--workspace", str(ROOT)]
    json.dumps(documents)  # plain values only


def test_nothing_to_schedule_and_an_unknown_scheduler_are_told():
    unscheduled = _report("plain", "0 6 5 * *").model_copy(update={"schedule": None})
    with pytest.raises(InputError, match=r"no report has a schedule. Give one to a definition"):
        schedule_for("cron", [unscheduled], ROOT)
    with pytest.raises(UnknownName, match=r"no scheduler named 'corn'. Did you mean 'cron'"):
        schedule_for("corn", REPORTS, ROOT)
    assert set(FORMATS) == {"cron", "systemd", "airflow", "kubernetes"}
