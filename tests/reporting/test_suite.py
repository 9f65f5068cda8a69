"""Several editions in one run: grids, what is due, order, failures, hooks, late data."""

import datetime as dt
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading

import duckdb
import pytest
from support.line import (
    ASKING,
    DEFINITION,
    OPENING,
    PARAMETERS,
    SHOWING,
    command,
    contents,
    write_report,
)

import workbench as wb
from workbench.errors import Busy, DefinitionError, ParameterError, PeriodError, RunFailed
from workbench.reporting.definitions.definition import Hooks
from workbench.reporting.desk import turn
from workbench.reporting.pages import template
from workbench.reporting.published.files import read_failures
from workbench.reporting.suite import default_jobs
from workbench.reporting.telling import tell_hooks


@pytest.fixture
def shop(warm_shop):
    return warm_shop


SCHEDULE = (
    "schedule: {{cron: 0 6 2 * *, time_zone: Asia/Shanghai}}\n"  # the shop's today is the 2nd
)
REGIONS = "  region: {{type: text, required: true, choices: [north, south, west]}}\n"
BY_REGION = ASKING.replace(
    'by="region", period=period)', "where=tx.region == region, period=period)"
)
FAILING = "if period == '2026-08':\n    1 / 0"


def _report(root, more="", name="customers", cells=(OPENING, ASKING, SHOWING), **words):
    return write_report(root, *cells, name=name, definition=DEFINITION + more, **words)


def _grid(root, more="", name="regions", cells=None):
    cells = cells or (OPENING, BY_REGION, 'wb.figures.table(answer, title="Customers")')
    parameters = f'{PARAMETERS}\nregion = "north"'
    more = f"{REGIONS}grid: {{{{region: choices}}}}\n{more}"
    return _report(root, more, name, cells, parameters=parameters)


def _at(shop, text):
    """Return the shop at another time."""
    now = dt.datetime.fromisoformat(text)
    return wb.open_workspace(shop.settings.root, now=lambda: now)


def _runs(shop):
    lines = (shop.private / "logs" / "runs.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def _spends(shop):
    return shop.ledger.chain.entries("spend")


# ---------------------------------------------------------------- grids and jobs


def test_a_grid_makes_an_edition_each_and_each_knows_its_own_cost(shop):
    _grid(shop.settings.root)
    done = shop.reports.run("regions", jobs=3)
    left = [each for each in threading.enumerate() if each.name == "edition"]
    assert not left  # one that closes the store while its process ends would abort it
    assert done.exit_code == 0
    assert [each.variant for each in done.editions] == [
        "region=north",
        "region=south",
        "region=west",
    ]
    assert [each.spent_now for each in done.editions] == [pytest.approx(0.1, abs=1e-3)] * 3
    assert len(_spends(shop)) == 3
    for each in done.editions:
        assert each.page.parent.name == each.variant
    again = shop.reports.run("regions", jobs=1)
    assert all(each.unchanged and each.spent_now == 0 for each in again.editions)
    one = shop.reports.run("regions", parameters=["region=south"], force=True)
    assert [each.variant for each in one.editions] == ["region=south"]
    assert len(_spends(shop)) == 3
    with pytest.raises(ParameterError, match="'regions' has 3 editions a period: region=north"):
        shop.reports.render("regions")
    assert shop.reports.render("regions", parameters=["region=west"]).unchanged


def test_every_edition_of_a_grid_has_its_share_of_an_automatic_price(shop):
    asking = BY_REGION.replace("epsilon=epsilon", 'epsilon="auto"')
    _grid(shop.settings.root, cells=(OPENING, asking, 'wb.figures.table(answer, title="One")'))
    done = shop.reports.run("regions", jobs=1)
    spent = [each.spent_now for each in done.editions]
    assert max(spent) == pytest.approx(min(spent), rel=1e-6)
    assert done.editions[-1].left[0].left < 0.05  # together, the report's whole budget


def test_what_an_analyst_spends_meanwhile_is_not_the_editions_cost(shop):
    root = shop.settings.root
    meanwhile = (
        "import os\nos.environ.pop('WORKBENCH_ANSWERS')\n"
        "ws.release(wb.query(tx, period=period).count(), name='other', epsilon=0.5)"
    )
    _report(root, cells=(OPENING, ASKING, SHOWING, meanwhile))
    edition = shop.reports.render("customers")
    assert len(_spends(shop)) == 2
    assert edition.spent_now == pytest.approx(0.1, abs=1e-3)


def test_jobs_are_as_many_as_cores_but_not_too_many():
    assert 1 <= default_jobs() <= 4


# ---------------------------------------------------------------- what is due


def test_what_is_due_is_run_once_oldest_first(shop):
    _report(shop.settings.root, SCHEDULE + "catch_up: 2\n")
    _report(shop.settings.root, name="unscheduled")
    assert [each.period.text for each in shop.reports.due()] == ["2026-07", "2026-08", "2026-09"]
    done = shop.reports.run(due=True)
    assert [each.period for each in done.editions] == ["2026-07", "2026-08", "2026-09"]
    assert [run["period"] for run in _runs(shop)] == ["2026-07", "2026-08", "2026-09"]
    assert shop.reports.due() == ()
    assert shop.reports.run(due=True).editions == ()
    assert len(_spends(shop)) == 3


def test_two_schedulers_at_once_make_each_edition_once(shop):
    _report(shop.settings.root, SCHEDULE)
    words = command("run", "--due", "--json", "-w", shop.settings.root)
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [json.loads(each.communicate(timeout=300)[0]) for each in both]
    assert [each.returncode for each in both] == [5, 5]  # October's data is not there yet
    assert sorted(len(each["editions"]) for each in told) == [0, 1]
    assert len(_spends(shop)) == 1
    assert [run["state"] for run in _runs(shop)] == ["published"]


def test_a_period_without_data_waits_and_is_to_be_tried_again(shop):
    _report(shop.settings.root, SCHEDULE)
    later = _at(shop, "2026-11-24T00:00+00:00")
    done = later.reports.run(due=True)
    assert [each.period for each in done.editions] == ["2026-09"]
    assert [each.period.text for each in done.waiting] == ["2026-10"]
    assert done.exit_code == 5
    assert done.facts()["waiting"][0]["state"] == "waiting for data"


def test_a_clock_set_back_is_told_and_nothing_is_rendered_twice(shop):
    _report(shop.settings.root, SCHEDULE)
    shop.reports.run(due=True)
    back = _at(shop, "2026-09-01T00:00+00:00")
    with pytest.raises(PeriodError, match=r"the last run.*what is due cannot be told"):
        back.reports.run(due=True)
    assert len(_runs(shop)) == 1
    assert (
        _at(shop, "2026-10-02T08:55+00:00").reports.run(due=True).editions == ()
    )  # set right by a bit


def test_a_report_that_failed_stays_due_and_the_next_period_is_caught_up_after_it(shop):
    root = shop.settings.root
    _report(root, SCHEDULE, cells=(OPENING, FAILING, ASKING, SHOWING))
    august = _at(shop, "2026-09-02T09:00+00:00").reports.run(due=True)
    assert august.exit_code == 4
    assert [each.state for each in shop.reports.due()] == ["failed", "missing"]
    done = shop.reports.run(due=True, jobs=2)
    assert [each.period for each in done.editions] == ["2026-09"]
    (failure,) = done.failures
    assert failure.facts()["cell"] == 4
    assert failure.facts()["kind"] == "ZeroDivisionError"
    assert failure.facts()["exit_code"] == 4
    assert failure.facts()["log"].endswith("2026-08/customers.ipynb")
    _report(root, SCHEDULE)
    assert [each.period for each in shop.reports.run(due=True).editions] == ["2026-08"]
    assert read_failures(root / "reports/published", "customers") == {}


def test_a_wrong_definition_is_told_first_and_keeps_no_other_from_running(shop):
    _report(shop.settings.root, SCHEDULE)
    _report(shop.settings.root, "schedule: {{cron: never, time_zone: UTC}}\n", name="wrong")
    told = []
    done = shop.reports.run(due=True, progress=told.append)
    assert "wrong.yaml" in told[0]
    assert [each.report for each in done.editions] == ["customers"]
    assert done.exit_code == 2
    assert "has 1 fields" in done.problems[0]


# ---------------------------------------------------------------- order


def test_a_report_comes_after_another_and_not_without_it(shop):
    root = shop.settings.root
    _report(root, "after: [zebra]\n", name="alpha")
    _report(root, name="zebra")
    with pytest.raises(RunFailed, match="it comes after 'zebra', which has no edition of it yet"):
        shop.reports.render("alpha")
    done = shop.reports.run(jobs=2)
    assert [run["report"] for run in _runs(shop)] == ["alpha", "zebra", "alpha"]
    assert done.exit_code == 0
    _report(root, name="zebra", cells=(OPENING, "1 / 0"))
    failed = shop.reports.run(force=True, jobs=2)
    assert [each.asked.definition.name for each in failed.failures] == ["alpha", "zebra"]
    assert "it comes after 'zebra', which failed" in str(failed.failures[0].error)


# ---------------------------------------------------------------- failures


def test_a_kernel_that_died_is_tried_again_and_a_cells_error_is_not(shop):
    root = shop.settings.root
    mark = root / "died"
    dying = (
        f"import os, pathlib, signal\nmark = pathlib.Path({str(mark)!r})\n"
        "if not mark.exists():\n    mark.touch()\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    _report(root, cells=(OPENING, ASKING, dying, SHOWING))
    told = []
    edition = shop.reports.render("customers", progress=told.append)
    assert "'customers' 2026-09: its kernel died; trying again, 1 of 1" in told
    assert len(_spends(shop)) == 1
    assert edition.spent_now == pytest.approx(0.1, abs=1e-3)
    mark.unlink()
    _report(root, "retries: 0\n", cells=(OPENING, ASKING, dying, SHOWING))
    with pytest.raises(RunFailed, match="its kernel died"):
        shop.reports.render("customers", force=True)
    _report(root, cells=(OPENING, f"open({str(root / 'count')!r}, 'a').write('x')\n1 / 0"))
    with pytest.raises(RunFailed, match="in cell 4 with ZeroDivisionError"):
        shop.reports.render("customers")
    assert (root / "count").read_text() == "x"


def test_readers_of_a_failed_period_are_led_to_the_last_good_one(shop):
    root = shop.settings.root
    failing = (OPENING, FAILING.replace("08", "09"), ASKING, SHOWING)
    _report(root, SCHEDULE + "lang: [en, zh]\n", cells=failing)
    published = root / "reports" / "published" / "customers"
    assert shop.reports.run(due=True).exit_code == 4
    page = (published / "2026-09" / "index.html").read_text()
    assert "September 2026: failed; no edition has been published yet" in page
    shop.reports.render("customers", period="2026-08")
    page = (published / "2026-09" / "index.html").read_text()
    assert "September 2026: failed; last good edition: August 2026" in page
    assert 'href="../../customers/2026-08/index.html"' in page
    assert (published / "2026-09" / "../../customers/2026-08/index.html").resolve().is_file()
    assert "2026年9月：失败" in (published / "2026-09" / "index.zh.html").read_text()
    assert "September 2026: failed" in (published.parent / "index.html").read_text()
    _report(root)
    assert shop.reports.render("customers").revision == 1
    assert "failed;" not in (published / "2026-09" / "index.html").read_text()
    assert not (published / "2026-09" / "index.zh.html").exists()


def test_a_broken_template_is_told_and_the_last_good_page_stays(shop, monkeypatch):
    from jinja2 import ChoiceLoader, DictLoader

    root = shop.settings.root
    _report(root)
    good = shop.reports.render("customers")
    before = good.page.read_bytes()
    sound = template.environment()
    page = DictLoader({"page.html.j2": "<html>\n{% if %}", "failed.html.j2": ""})
    broken = sound.overlay(loader=ChoiceLoader([page, sound.loader]))
    monkeypatch.setattr(template, "environment", lambda: broken)
    with pytest.raises(RunFailed) as refusal:
        shop.reports.render("customers", force=True)
    assert "a template of the page is broken (page.html.j2, line 2)" in str(refusal.value)
    assert good.page.read_bytes() == before


def test_a_read_only_target_keeps_the_last_good_page_and_spends_nothing(shop, small_disk):
    root = shop.settings.root
    published, good = root / "reports" / "published", root / "good"
    _report(root, "hooks: {{failed: /no/such/program}}\n")
    shop.reports.render("customers")
    published.rename(good)
    small_disk(30_000_000, published)
    shutil.copytree(good, published, dirs_exist_ok=True)
    subprocess.run(["mount", "-o", "remount,ro", str(published)], check=True)
    before = contents(published)
    (failure,) = shop.reports.run("customers", parameters=["epsilon=0.2"]).failures
    assert failure.error.exit_code == 7
    assert "could not clear what an interrupted run left in" in str(failure.error)
    assert "It cannot be written (Read-only file system). Let this user" in str(failure.error)
    assert "did not start" in failure.hooks[0]
    assert contents(published) == before
    assert len(_spends(shop)) == 1


# ---------------------------------------------------------------- hooks


HOOK = "import sys; open({file!r}, 'ab').write(sys.stdin.buffer.read() + b'\\n')"


def _hook(root, name):
    script = root / f"{name}.py"
    script.write_text(HOOK.format(file=str(root / f"{name}.json")))
    return f"{sys.executable} {script}"


def test_hooks_are_told_what_happened_and_no_value(shop):
    root = shop.settings.root
    hooks = "hooks: {{{{published: {}, failed: {}}}}}\n".format(
        _hook(root, "published"), _hook(root, "failed")
    )
    row = "row = tx.note.execute().iloc[17]\nraise ValueError(row)"
    _report(root, hooks)
    shop.reports.render("customers")
    shop.reports.render("customers")
    (line,) = (root / "published.json").read_text().splitlines()  # not for what was there
    told = json.loads(line)
    assert told["event"] == "published"
    assert (told["report"], told["period"], told["audience"]) == (
        "customers",
        "2026-09",
        "managers",
    )
    assert told["page"].endswith("customers/2026-09/index.html")
    _report(root, hooks, cells=(OPENING, row))
    with pytest.raises(RunFailed):
        shop.reports.render("customers")
    told = json.loads((root / "failed.json").read_text())
    assert (told["error"], told["kind"], told["cell"]) == ("RunFailed", "ValueError", 4)
    assert told["exit_code"] == 4
    assert told["log"].endswith("2026-09/customers.ipynb")
    assert "note " not in json.dumps(told)


def test_a_failure_is_told_once_for_each_cause_and_again_after_a_week(shop):
    root = shop.settings.root
    hooks = f"hooks: {{{{failed: {_hook(root, 'failed')}}}}}\n"

    def told(cell, when="2026-10-02T09:00+00:00"):
        _report(root, SCHEDULE + hooks, cells=(OPENING, cell))
        (failure,) = _at(shop, when).reports.run(due=True).failures
        assert failure.hooks == ()
        return [json.loads(line) for line in (root / "failed.json").read_text().splitlines()]

    assert len(told("1 / 0")) == 1
    assert len(told("1 / 0", "2026-10-02T10:00+00:00")) == 1  # the same: nobody is called again
    assert [each["kind"] for each in told("[][1]", "2026-10-02T11:00+00:00")][1:] == ["IndexError"]
    assert len(told("[][1]", "2026-10-09T10:30+00:00")) == 2
    assert len(told("[][1]", "2026-10-09T11:30+00:00")) == 3  # a week later
    _report(root, SCHEDULE + hooks)
    assert len(_at(shop, "2026-10-09T12:00+00:00").reports.run(due=True).editions) == 1
    _report(root, hooks, cells=(OPENING, "[][1]"))
    _at(shop, "2026-10-09T12:30+00:00").reports.run("customers")
    assert len((root / "failed.json").read_text().splitlines()) == 4  # it had been good meanwhile


def test_a_failure_that_nobody_heard_of_is_told_the_next_time(shop):
    root = shop.settings.root
    _report(root, "hooks: {{failed: /no/such/program}}\n", cells=(OPENING, "1 / 0"))
    (failure,) = shop.reports.run("customers").failures
    assert "did not start" in failure.hooks[0]
    _report(root, f"hooks: {{{{failed: {_hook(root, 'failed')}}}}}\n", cells=(OPENING, "1 / 0"))
    assert shop.reports.run("customers").failures[0].hooks == ()
    assert len((root / "failed.json").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (f"{sys.executable} -c 'raise SystemExit(3)'", "failed with exit code 3"),
        ("/no/such/program", "did not start: No such file or directory"),
    ],
)
def test_a_hook_that_fails_is_reported_and_undoes_nothing(shop, command, message):
    _report(shop.settings.root, f'hooks: {{{{published: "{command}"}}}}\n')
    edition = shop.reports.render("customers")
    assert edition.page.is_file()
    (problem,) = edition.hooks
    assert message in problem
    assert shop.reports.render("customers").unchanged


@pytest.mark.parametrize(
    ("address", "said"),
    [("https://[s3cr3t/x", "ValueError"), ("https://s3cr3t\u2100/x", "ValueError"),
     ("http://s3cr3t:s3cr3t/x", "InvalidURL")],
)  # fmt: skip  # why: one line an address
def test_an_address_that_is_none_is_reported_without_it(tmp_path, monkeypatch, address, said):
    monkeypatch.setenv("CHAT", address)
    problems = tell_hooks(Hooks(webhook="${CHAT}"), "failed", {}, tmp_path)
    assert problems == [f"the webhook was not reached: {said}."]


def test_a_webhook_gets_json_and_its_refusal_is_reported(shop):
    got = []

    class Address(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204 if len(got) == 1 else 500)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Address) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/secret-path"
        _report(shop.settings.root, f"hooks: {{{{webhook: '{address}'}}}}\n")
        assert shop.reports.render("customers").hooks == ()
        (problem,) = shop.reports.render("customers", force=True).hooks
        server.shutdown()
    assert problem == "the webhook was not reached: 500."
    assert [each["event"] for each in got] == ["published", "published"]


def test_a_secret_of_a_hook_comes_from_the_environment_and_is_written_nowhere(shop, monkeypatch):
    root, secret, got = shop.settings.root, "S3cret-of-the-chat", []

    class Address(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204 if len(got) < 3 else 500)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Address) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("CHAT_TOKEN", secret)
        monkeypatch.setenv("CHAT", f"http://127.0.0.1:{server.server_port}/{secret}")
        (root / "told.py").write_text("import sys; open(sys.argv[2], 'w').write(sys.argv[1])")
        command = f"{sys.executable} told.py '${{CHAT_TOKEN}} $CHAT' {root / 'words'}"
        where = f"'http://127.0.0.1:{server.server_port}/${{CHAT_TOKEN}}'"
        hooks = {"published": f'"{command}"', "webhook": where}
        text = ", ".join(f"{name}: {value}" for name, value in hooks.items())
        more = f"hooks: {{{text}}}\n".replace("{", "{{").replace("}", "}}")
        _report(root, more)
        assert shop.reports.render("customers").hooks == ()
        assert (root / "words").read_text() == f"{secret} $CHAT"
        (root / "words").unlink()
        _report(root, "hooks: {{webhook: '${{CHAT}}'}}\n")
        assert shop.reports.render("customers", force=True).hooks == ()
        (problem,) = shop.reports.render("customers", force=True).hooks
        server.shutdown()
    monkeypatch.setenv("CHAT", f"http://127.0.0.1:1/{secret} with a blank")
    (other,) = shop.reports.render("customers", force=True).hooks
    assert got == [f"/{secret}"] * 3
    assert (
        other == "the webhook was not reached: with its variables it is no http or https address."
    )
    assert secret not in problem
    everything = {**contents(shop.private), **contents(root / "reports")}
    assert len(everything) > 20
    assert [name for name, each in everything.items() if secret.encode() in each] == []


def test_a_hook_without_its_variable_is_told_before_anything_runs(shop, monkeypatch):
    root = shop.settings.root
    monkeypatch.delenv("CHAT_TOKEN", raising=False)
    _report(
        root,
        "hooks: {{failed: 'page ${{CHAT_TOKEN}}', webhook: 'https://x.org/${{CHAT_TOKEN}}'}}\n",
    )
    with pytest.raises(DefinitionError, match="'customers' cannot run here") as refusal:
        shop.reports.render("customers")
    assert "customers.yaml: hooks: ${CHAT_TOKEN} is not set. Set it in the env" in str(
        refusal.value
    )
    _report(root, name="other")
    done = shop.reports.run()
    assert ([each.report for each in done.editions], done.exit_code) == (["other"], 2)
    assert done.problems == shop.reports.wrong_definitions()
    assert len(done.problems) == 1


# ---------------------------------------------------------------- late data


def test_late_data_makes_a_revision_that_says_so_and_shows_what_changed(shop):
    root = shop.settings.root
    _report(root, cells=(OPENING, ASKING, SHOWING))
    first = shop.reports.render("customers", period="2026-08")
    old = first.page.read_text()
    rows = root / "data" / "transactions.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE t AS FROM '{rows}'; INSERT INTO t SELECT 'K-9' || i, "
            "DATE '2026-08-30', 'north', 'food', 'late', 50, false FROM range(900) r(i);"
            f"COPY t TO '{rows}.new' (FORMAT parquet)"
        )
    shutil.move(f"{rows}.new", rows)
    later = _at(shop, "2026-10-02T10:00+00:00")
    later.init()
    second = later.reports.render("customers", period="2026-08")
    assert second.revision == 2
    assert second.changed[0].startswith(
        "Rows of this period came or changed after it was published"
    )
    changed = [line for line in second.changed if line.startswith("Customers, north")]
    (line,) = changed
    now, before = (
        int(each.replace(",", "")) for each in re.findall(r"(?:north[^:]*:|before,) ([\d,]+)", line)
    )
    assert now > before + 300  # of 900, with noise of about 60
    page = second.page.read_text()
    assert line in page
    assert "Revision 2" in page
    kept = (second.page.parent / "r1" / "index.html").read_text()
    assert "A later revision replaces this one." in kept
    unmarked = re.sub(r'\n<p class="banner superseded">.*?</p>', "", kept)
    assert unmarked.replace("../../../", "../../") == old
    assert later.reports.due() == ()
    assert len(_spends(shop)) == 2


# ---------------------------------------------------------------- turns


def test_a_turn_names_who_has_it_and_gives_up_in_time(tmp_path):
    now = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
    told = []
    first = turn(tmp_path, "'customers' 2026-09", now)
    second = turn(tmp_path, "what is due", now, wait_seconds=0.5, tell=told.append)
    with first, pytest.raises(Busy) as refusal, second:
        pass
    (waited,) = told
    assert re.fullmatch(
        r"waiting for 'customers' 2026-09, process \d+, since 2026-10-02T09:00:00\+00:00", waited
    )
    assert f"in this workspace: {waited.removeprefix('waiting for ')}. Wait" in str(refusal.value)
    with turn(tmp_path, "what is due", now, wait_seconds=0):
        pass
