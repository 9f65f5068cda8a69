"""The line from end to end: a workspace, its report, the page a manager opens."""

import array
import base64
import contextlib
import gzip
import hashlib
import html
import json
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import duckdb
import pytest
from support.line import (
    ASKING,
    DEFINITION,
    OPENING,
    SHOWING,
    at_work,
    command,
    contents,
    here,
    here_json,
    workbench,
    workbench_json,
    write_report,
)

import workbench as wb
from workbench.estates.datasets import import_dataset
from workbench.reporting.pages.parts import ROOT

PAGE = "customer-overview/2026-09/index.html"
SHOP_PAGE = "reports/published/customers/2026-09/index.html"
# Every column of the sample that names a person, written out here so as not to trust the catalog.
IDENTIFYING = (
    "customer_id",
    "full_name",
    "resident_id",
    "iban",
    "card_number",
    "phone",
    "email",
)


# ---------------------------------------------------------------- the sample bank


@pytest.fixture(scope="module")
def bank(repository, tmp_path_factory):
    """Return a workspace on the sample estate with the customer report of its last month."""
    folder = tmp_path_factory.mktemp("bank")
    parts = {
        "title": "Sample bank",
        "catalog": repository / "data" / "sample" / "catalog.yaml",
        "source": repository / "data" / "sample",
        "notebooks": repository / "notebooks",
        "reports": repository / "reports",
        "published": folder / "published",
    }
    lines = (f'{name} = "{value}"\n' for name, value in parts.items())
    (folder / "workbench.toml").write_text("".join(lines))
    assert workbench_json("init", "-w", folder)["loaded"]["customers"] == 5000
    facts = workbench_json("run", "customer-overview", "-w", folder)
    assert facts["period"] == "2026-09"
    assert facts["page"] == str(folder / "published" / PAGE)
    assert facts["unchanged"] is False
    assert facts["spent_now"] == facts["epsilon"] > 0
    return folder


def _is_drawn(browser, page, charts):
    browser.show(page)
    assert browser.state() == "drawn"
    marks = browser.marks()
    assert len(marks) >= charts
    assert min(marks) > 0, marks
    assert browser.complaints() == []
    assert {address.partition(":")[0] for address in browser.requests()} <= {"file", "data", "blob"}


def test_the_published_page_opens_from_disk_with_the_network_off(bank, browser):
    _is_drawn(browser, bank / "published" / PAGE, charts=6)


def _main(page):
    """Return a page's own part, without what a script draws."""
    text = page.read_text(encoding="utf-8")
    main = text[text.index("<main") : text.index("</main>")]
    return re.sub(r"<script.*?</script>", "", main, flags=re.DOTALL)


def test_the_first_screen_answers_the_question(bank):
    first, chart, _ = _main(bank / "published" / PAGE).partition('class="chart ')
    assert chart
    assert first.count('<p class="answer"') == 1
    assert re.search(
        r"In Sep 2026, 4,\d{3} customers \(±\s\d+\) spent CN¥3,\d{3},000 \([±\d]", first
    )
    assert 4 <= first.count('<li class="kpi">') <= 6
    assert first.count('<p class="change ') == first.count('<li class="kpi">')
    assert first.count('<svg class="spark"') == first.count('<li class="kpi">')


def test_a_refund_is_no_payment_and_is_not_spent(bank):
    """Amounts are positive both ways, so a sum of all rows would count money back as spent."""
    ws = wb.open_workspace(bank)
    tx, before = ws.open("transactions", "reporting"), ws.budget("2026-09")[0].spent
    span = wb.trailing("2026-09", 6)
    asked = wb.query(tx, by="month", period=span, where={"is_refund": False})
    asked = asked.customers().count().sum("amount")
    shown = ws.release(asked, name="monthly-activity", epsilon=0.28)
    assert ws.budget("2026-09")[0].spent == before > 0  # so it is the very question of the page
    assert "In Sep 2026" in (page := _main(bank / "published" / PAGE))
    assert f"{round(shown.columns['customers'][-1]):,} customers" in page


def test_the_chinese_page_has_the_same_figures_and_no_english_word(bank):
    english, chinese = (
        _main(bank / "published" / PAGE.replace("index", name)) for name in ("index", "index.zh")
    )
    said = html.unescape(re.sub(r"<[^>]*>", " ", chinese))
    assert re.findall(r"[A-Za-z]{2,}", said) == []
    labels = re.findall(r'aria-label="([^"]*)"', chinese)
    assert [label for label in labels if re.search(r"[A-Za-z]{2,}", label)] == []
    cells = [re.findall(r'<td class="n">([^<]*)<', page) for page in (english, chinese)]
    assert cells[0] == cells[1]
    assert len(cells[0]) > 60


def test_the_index_leads_to_the_page(bank, browser):
    browser.driver.get((bank / "published" / "index.html").as_uri())
    browser.driver.find_element("css selector", "main a.open, a.open").click()
    assert browser.driver.current_url.endswith(PAGE)


def _readings(content):
    """Yield a file's text, and what its base64 blocks hold: text, packed text, numbers."""
    text = content.decode("utf-8", "replace")
    yield text
    for block in re.findall(r"[A-Za-z0-9+/]{8,}={0,2}", text):
        letters = block.rstrip("=")
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]
        raw = base64.b64decode(letters + "=" * (-len(letters) % 4))
        with contextlib.suppress(OSError, EOFError):
            raw = gzip.decompress(raw)
        yield raw.decode("utf-8", "replace")
        yield raw.decode("utf-16-le", "replace")
        for kind in "iIqQfd":
            whole = raw[: len(raw) - len(raw) % array.array(kind).itemsize]
            yield " ".join(f"{number:.0f}" for number in array.array(kind, whole))


def _found(files, identifiers):
    texts = {reading for content in files.values() for reading in _readings(content)}
    short, whole = [t for t in texts if len(t) < 1000], [t for t in texts if len(t) >= 1000]
    texts = ["\n".join(short), *whole]
    begin = {each[:6] for each in identifiers}  # a text is read once for these, not for each value
    sizes = {len(each) for each in begin}
    there = begin.intersection(
        text[at : at + size] for text in texts for size in sizes for at in range(len(text))
    )
    likely = (each for each in identifiers if each[:6] in there)
    return sorted(each for each in likely if any(each in text for text in texts))


@pytest.fixture(scope="module")
def identifiers(sample_source):
    """Return every value of the sample's files that names a person."""
    values = set()
    for path in sorted(sample_source.glob("*.*")):
        if path.suffix not in (".parquet", ".csv"):
            continue
        reader = "read_parquet" if path.suffix == ".parquet" else "read_csv"
        for column, *_ in duckdb.sql(f"DESCRIBE FROM {reader}('{path}')").fetchall():
            if column in IDENTIFYING:
                rows = duckdb.sql(
                    f"SELECT DISTINCT {column}::VARCHAR FROM {reader}('{path}') "
                    f"WHERE {column} IS NOT NULL"
                ).fetchall()
                values |= {value for (value,) in rows}
    phones = {value.removeprefix("+86") for value in values if value.startswith("+86")}
    return values | phones


def test_nothing_published_names_a_customer(bank, identifiers):
    assert len(identifiers) > 25_000
    files = contents(bank / "published")
    assert {"index.html", PAGE, PAGE.replace("index", "r1/index")} <= set(files)
    packaged = Path(wb.__file__).parent / "reporting" / "assets" / "plotly.min.js.gz"
    (script,) = (name for name in files if re.fullmatch(r"assets/plotly-\w+\.min\.js", name))
    # the same bytes in every workspace, whoever its customers are
    assert files.pop(script) == gzip.decompress(packaged.read_bytes())
    assert _found(files, identifiers) == []


@pytest.mark.parametrize(
    "hide",
    [
        lambda value: value.encode(),
        lambda value: base64.b64encode(f"a row of {value}".encode()),
        lambda value: base64.b64encode(gzip.compress(f"x {value} y".encode())),
        lambda value: base64.b64encode(f"“{value}”".encode("utf-16-le")),
    ],
    ids=["text", "base64", "packed", "wide"],
)
def test_the_search_of_the_test_above_finds_what_is_hidden(hide, identifiers):
    planted = random.Random(7).sample(sorted(identifiers), 50)
    for value in planted:
        files = {"index.html": b"<p>" + hide(value) + b"</p>"}
        assert value in _found(files, planted)
    number = "15407368787"
    packed = base64.b64encode(array.array("d", [1.5, float(number), 3.0]).tobytes())
    assert _found({"index.html": packed}, [number]) == [number]


def test_the_same_period_again_spends_nothing_and_changes_nothing(bank, warmed):
    before, ledger = contents(bank / "published"), wb.open_workspace(bank).ledger.head()
    again = here_json("run", "customer-overview", "-w", bank, "--period", "2026-09")
    assert (again["unchanged"], again["spent_now"]) == (True, 0)
    forced = here_json("run", "customer-overview", "-w", bank, "--force")
    assert (forced["unchanged"], forced["spent_now"]) == (False, 0)
    assert forced["epsilon"] == again["epsilon"]
    assert contents(bank / "published") == before
    assert wb.open_workspace(bank).ledger.head() == ledger


# ---------------------------------------------------------------- real data


def test_the_report_renders_on_real_data(tmp_path, browser, warmed):
    import_dataset("cdnow", tmp_path)
    assert here("init", "-w", tmp_path).returncode == 0
    facts = here_json("run", "customer-overview", "-w", tmp_path)
    assert facts["period"] == "1998-06"
    _is_drawn(browser, tmp_path / "reports/published/customer-overview/1998-06/index.html", 4)


# ---------------------------------------------------------------- paid once


@pytest.fixture(scope="module")
def rendered_shop(shop_folder, tmp_path_factory):
    """Return a shop with the tests' own report, rendered once: copied, never written to."""
    folder = tmp_path_factory.mktemp("rendered") / "shop"
    shutil.copytree(shop_folder, folder)
    write_report(folder)
    facts = workbench_json("run", "customers", "-w", folder)
    assert facts["spent_now"] == facts["epsilon"] > 0
    assert _spent(folder) == 1
    return folder


@pytest.fixture
def folder(rendered_shop, tmp_path):
    """Return a shop of the test's own with one good page."""
    folder = Path(shutil.copytree(rendered_shop, tmp_path / "shop", symlinks=True))
    wb.open_workspace(folder).office.acknowledge("A copy to go on with.", role="officer")
    return folder


@pytest.fixture
def warm(folder, warmed):
    """Return such a shop, whose runs in this process fork their kernels."""
    return warmed(folder)


def _ledger(folder):
    """Return the ledger's entries; they must hold together."""
    ledger = wb.open_workspace(folder).ledger
    ledger.verify()
    entries = [(each.seq, each.hash, each.kind) for each in ledger.chain.entries()]
    ledger.chain.close()
    return entries


def _spent(folder):
    return sum(kind == "spend" for _, _, kind in _ledger(folder))


def test_a_renamed_question_in_another_report_is_free_and_answered_alike(warm):
    renamed = ASKING.replace("by-region", "where-they-live")
    write_report(warm, OPENING, renamed, SHOWING, name="renamed")
    facts = here_json("run", "renamed", "-w", warm)
    assert facts["spent_now"] == 0
    assert facts["epsilon"] > 0
    assert _spent(warm) == 1
    charts = [
        re.findall(r'<script type="application/json">(.*?)</script>', _read(page))
        for page in (warm / SHOP_PAGE, facts["page"])
    ]
    assert charts[0] == charts[1] != []


def _read(path):
    return Path(path).read_text(encoding="utf-8")


# ---------------------------------------------------------------- kills


def test_a_kill_at_any_moment_leaves_a_whole_page_and_an_honest_ledger(folder, warmed, size):
    """Kill runs, each asking something new, at moments spread over the time a run takes."""
    kills = 4 if size == "smoke" else 200
    _allow_much(folder)
    start = time.monotonic()
    workbench_json("run", "customers", "-w", folder, "--force")
    seconds = time.monotonic() - start
    published, dice = folder / "reports" / "published", random.Random(20260901)
    ledger = _ledger(folder)
    for kill in range(kills):
        words = ["run", "customers", "-w", folder, "-p", f"epsilon={0.11 + kill / 1000}"]
        process = subprocess.Popen(
            command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(seconds * 1.1 * (kill + dice.random()) / kills)
        process.send_signal(signal.SIGKILL)
        process.wait()
        _is_whole(published)
        now = _ledger(folder)
        assert now[: len(ledger)] == ledger, "an entry is gone"
        ledger = now
    _nobody_is_left(folder)
    before = wb.open_workspace(folder).ledger.chain.entries("spend")
    facts = here_json("run", "customers", "-w", warmed(folder), "-p", "epsilon=0.105")
    assert facts["unchanged"] is False
    _is_whole(published)
    after = wb.open_workspace(folder).ledger.chain.entries("spend")
    assert after[: len(before)] == before
    assert not list(published.rglob(".staging"))
    _nobody_is_left(folder)


def _allow_much(folder):
    catalog = folder / "catalog.yaml"
    limits = "limits: {month: 900, year: 900, lifetime: 900}"
    catalog.write_text(re.sub(r"limits: \{.*\}", limits, catalog.read_text()))
    report = folder / "reports" / "customers.yaml"
    report.write_text(report.read_text().replace("epsilon: 1.5", "epsilon: 800"))


def _is_whole(published):
    """Check that all a manager can open is what was published, to the last byte."""
    edition = published / "customers" / "2026-09"
    revisions = sorted(edition.glob("r*"), key=lambda path: int(path.name[1:]))
    hashes = []
    for revision in revisions:
        record = json.loads((revision / "edition.json").read_text(encoding="utf-8"))
        hashes.append(record["sha256"]["index.html"])
        assert _hash(revision / "index.html", "../../../") == hashes[-1]
    # the newest, or the one before it where the kill fell between the two
    assert _hash(edition / "index.html", "../../") in hashes[-2:]
    assert _read(published / "index.html").endswith("</html>\n")


def _hash(page, root):
    """Return a page's hash as its record keeps it: before links were set for its place.

    An older revision says that it was replaced; that banner came later.
    """
    text = re.sub(r'\n<p class="banner superseded">.*?</p>', "", _read(page))
    return hashlib.sha256(text.replace(root, ROOT).encode()).hexdigest()


def _nobody_is_left(folder, seconds=15):
    """Wait until no process works for the workspace."""
    until = time.monotonic() + seconds
    while left := at_work(folder):
        assert time.monotonic() < until, left
        time.sleep(0.1)


# ---------------------------------------------------------------- two at once


def test_two_runs_at_once_are_one_run_and_one_message(folder):
    write_report(folder, OPENING, "import time\ntime.sleep(60)", name="slow")
    words = command("run", "slow", "-w", folder)
    first = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert first.stderr.readline() == "'slow' 2026-09: started\n"
        second = workbench("run", "customers", "-w", folder, "--wait", "0")
        assert second.returncode == 5
        held = f"'slow', process {first.pid}, since 20"
        assert f"Busy: another run is at work in this workspace: {held}" in second.stderr
        assert "Wait until it is done; nothing was started." in second.stderr
        words = command("run", "customers", "-w", folder)
        waiting = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert waiting.stderr.readline().startswith(f"waiting for {held}")
    finally:
        first.kill()
        first.communicate()
    told, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert "was published already" in told
    _nobody_is_left(folder)


# ---------------------------------------------------------------- full disks


def _fill(folder):
    """Fill a disk to its last byte; return what to remove."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1_000_000, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass
    return filler


def test_a_full_published_disk_keeps_the_last_good_page(folder, warmed, small_disk):
    warmed(folder)
    published = folder / "reports" / "published"
    good = folder / "good"
    published.rename(good)
    small_disk(3_000_000, published)
    shutil.copytree(good, published, dirs_exist_ok=True)
    before, filler = contents(published), _fill(published)
    full = here("run", "customers", "-w", folder, "-p", "epsilon=0.2")
    assert full.returncode == 7
    assert "PublishError: could not publish customers/2026-09, revision 2" in full.stderr
    assert "The disk is full. Free some space and run the report again" in full.stderr
    filler.unlink()
    assert contents(published) == before
    assert _spent(folder) == 2
    done = here_json("run", "customers", "-w", folder, "-p", "epsilon=0.2")
    assert (done["unchanged"], done["spent_now"]) == (False, 0)
    assert (published / "customers/2026-09/r2/index.html").is_file()


def test_a_full_private_disk_keeps_the_last_good_page_and_the_ledger(folder, warmed, small_disk):
    warmed(folder)
    private = folder / "private"
    small_disk(40_000_000, private)
    shutil.copytree(folder / ".workbench", private, dirs_exist_ok=True, symlinks=True)
    private.chmod(0o700)
    with (folder / "workbench.toml").open("a") as settings:
        settings.write('private = "private"\n')
    wb.open_workspace(folder).office.acknowledge("It has a disk of its own.", role="officer")
    before, ledger, filler = contents(folder / "reports"), _ledger(folder), _fill(private)
    full = here("run", "customers", "-w", folder, "-p", "epsilon=0.2")
    assert full.returncode in (4, 7), full.stderr
    assert "disk is full" in full.stderr
    assert "fault" not in full.stderr
    filler.unlink()
    assert _is_last_good(folder, before)
    assert _ledger(folder)[: len(ledger)] == ledger
    done = here_json("run", "customers", "-w", folder, "-p", "epsilon=0.2")
    assert done["unchanged"] is False
    assert _spent(folder) == 2


def _is_last_good(folder, before):
    """Whether pages are as before; the index may say that a run failed."""
    now = contents(folder / "reports")
    mine = [name for name in before if not name.endswith(("published/index.html", "failed.json"))]
    return {name: now.get(name) for name in mine} == {name: before[name] for name in mine}


# ---------------------------------------------------------------- what a failure says


def _run(*words):
    """Run a command in this process; return exit code and messages."""
    done = here(*words)
    return done.returncode, done.stderr


TOLD = {
    "unknown table": ("table=transaction", "UnknownName", "Did you mean 'transactions'?"),
    "unknown purpose": ("purpose=reportin", "UnknownName", "Did you mean 'reporting'?"),
    "unknown column": ("group=regoin", "UnknownName", "Did you mean 'region'?"),
    "undeclared domain": ("group=note", "QuestionRefused", "Declare domain: [...] for it in the"),
    "expired purpose": ("purpose=old-partner", "AccessRefused", "expired on 2025-12-31"),
}


@pytest.mark.parametrize("case", TOLD)
def test_a_refusal_in_a_cell_is_told_in_its_own_words(warm, case):
    given, name, words = TOLD[case]
    definition = """\
title: Refused
notebook: {name}.ipynb
audience: managers
budget: {{epsilon: 0.2}}
parameters:
  table: {{type: text, default: transactions}}
  purpose: {{type: text, default: reporting}}
  group: {{type: text, default: region}}
  epsilon: {{type: number, default: 0.1}}
"""
    parameters = (
        'period = "2026-09"\ntable = "transactions"\npurpose = "reporting"\ngroup = "region"\n'
        "epsilon = 0.1"
    )
    cells = (
        OPENING.replace('"transactions", "reporting"', "table, purpose"),
        ASKING.replace('"region"', "group"),
        SHOWING,
    )
    write_report(warm, *cells, name="refused", definition=definition, parameters=parameters)
    code, said = _run("run", "refused", "-w", warm, "-p", given)
    assert code == 4
    cell = 3 if case in ("unknown table", "unknown purpose", "expired purpose") else 4
    assert f"RunFailed: 'refused' for 2026-09 failed in cell {cell} with {name}: " in said
    assert words in said
    assert "(private). The last good page stays." in said
    assert _spent(warm) == 1  # of the page before


SCHEDULED = DEFINITION + "schedule: {{cron: 0 6 5 * *, time_zone: Asia/Shanghai}}\n"


def test_an_error_that_quotes_a_row_stays_in_the_private_notebook(folder):
    taking = 'row = tx.note.execute().iloc[17]\nassert row.startswith("note")'
    telling = "\n".join(
        [
            "import logging, os, subprocess, sys, warnings",
            "print(row); sys.stderr.write(row); sys.__stderr__.write(row)",
            "os.write(2, row.encode()); subprocess.run(['echo', row])",
            "logging.error(row); warnings.warn(row)",
            "raise ValueError(f'cannot read the row {row}')",
        ]
    )
    write_report(folder, OPENING, taking, telling, name="telling", definition=SCHEDULED)
    failed = workbench("run", "--due", "-w", folder)
    assert failed.returncode == 4
    assert "failed in cell 5 with ValueError. The executed notebook with all details is" in (
        failed.stderr
    )
    row = re.compile(rb"note \d")
    told = failed.stdout.encode() + failed.stderr.encode()
    published = contents(folder / "reports" / "published")
    assert not row.search(told)
    assert [name for name, content in published.items() if row.search(content)] == []
    assert "telling/failed.json" in published
    executed = folder / ".workbench" / "runs" / "telling" / "2026-09" / "telling.ipynb"
    assert row.search(executed.read_bytes())
    for private in executed.parents[:4]:
        assert private.stat().st_mode & 0o777 == 0o700
    logged = (folder / ".workbench" / "logs" / "runs.jsonl").read_bytes()
    assert not row.search(logged)


def test_a_refusal_that_repeats_a_customer_does_not_tell_them(warm):
    asking = (
        'people = ws.open("customers", "service")\n'
        "ws.open(people.full_name.execute().iloc[17], 'reporting')"
    )
    write_report(warm, OPENING, asking, name="named")
    code, said = _run("run", "named", "-w", warm)
    assert code == 4
    assert "failed in cell 4 with UnknownName, whose words hold an identifier." in said
    assert "Given" not in said


def test_a_page_that_names_a_customer_is_not_published(warm):
    before = contents(warm / "reports" / "published")
    write_report(warm, question="# How many are like Given17 Family17?")
    code, said = _run("run", "customers", "-w", warm)
    assert code == 6
    assert "LeakFound: nothing was published" in said
    assert "customers.full_name" in said
    assert "Given17" not in said
    assert _is_last_good(warm, {f"published/{name}": each for name, each in before.items()})
    assert "Given17" not in _read(warm / "reports" / "published" / "index.html")


def test_a_notebook_that_shows_nothing_released_is_not_published(warm):
    before = contents(warm / "reports" / "published")
    write_report(warm, OPENING, "tx.note.execute()", name="raw", definition=SCHEDULED)
    code, said = _run("run", "raw", "-w", warm)
    assert code == 4
    assert "RunFailed: the notebook showed no released figure" in said
    assert contents(warm / "reports" / "published") == before  # nobody waits for a run by hand
    code, said = _run("run", "--due", "-w", warm)
    assert code == 4
    assert "the notebook showed no released figure" in said
    page = _read(warm / "reports" / "published" / "raw" / "2026-09" / "index.html")
    assert "failed" in page  # readers are told so, and nothing else
    assert "note 17" not in page
