"""Who is told that an edition failed: readers of scheduled ones, in words that were searched."""

import json
import sys

import pytest
from support.line import DEFINITION, OPENING, PARAMETERS, contents, write_report

from workbench.errors import LeakFound, RunFailed
from workbench.reporting.published import failures
from workbench.reporting.published.files import FAILED, read_failures
from workbench.reporting.published.index import rebuild_index

SCHEDULE = "schedule: {{cron: 0 6 2 * *, time_zone: Asia/Shanghai}}\n"
FAILING = (OPENING, "1 / 0")
FAILURE = 'class="failure"'  # on the index
NAME, KEY = "Given17 Family17", "K-000017"
CHINESE = f"lang: [en, zh]\ntranslations: {{{{zh: {{{{Managers: {NAME}}}}}}}}}\n"


@pytest.fixture
def shop(warm_shop):
    return warm_shop


def _published(shop):
    return shop.settings.path("published")


def _seen(folder):
    """Return everything that stands in public: names of files and folders, and what is in them."""
    names = [str(path.relative_to(folder)) for path in folder.rglob("*")]
    return "\n".join([*names, *(each.decode() for each in contents(folder).values())])


def _hook(root):
    script = root / "hook.py"
    told = str(root / "told.json")
    script.write_text(f"import sys; open({told!r}, 'ab').write(sys.stdin.buffer.read() + b'\\n')")
    return f"hooks: {{{{failed: '{sys.executable} {script}'}}}}\n"


# ---------------------------------------------------------------- what the gate refused


@pytest.mark.parametrize(
    ("name", "changed", "more"),
    [
        ("customers", ("title: Customers", f"title: About {NAME}"), ""),
        ("customers", ("audience: managers", f"audience: {NAME}"), ""),
        ("customers", ("title: Customers", f"title: Customers\nsubtitle: Asked by {KEY}"), ""),
        ("customers", None, CHINESE),
        ("customers", ("parameters:", f"parameters:\n  w: {{{{type: text, default: {KEY}}}}}"), ""),
        (
            "customers",
            ("parameters:", "parameters:\n  who: {{type: text, required: true}}"),
            f"grid: {{{{who: [anybody, {KEY}]}}}}\n",
        ),
        ("k-000017", None, ""),
    ],
    ids=["title", "audience", "subtitle", "translation", "parameter", "grid", "name"],
)  # fmt: skip  # why: one line a case
def test_what_the_gate_refuses_is_told_to_the_operator_alone(shop, name, changed, more):
    root = shop.settings.root
    text = DEFINITION.replace(*changed) if changed else DEFINITION
    parameters = f'{PARAMETERS}\nwho = "someone"\nw = "someone"'
    write_report(
        root,
        *FAILING,
        name=name,
        definition=text + SCHEDULE + more + _hook(root),
        parameters=parameters,
    )
    done = shop.reports.run(due=True, jobs=1)
    refused = [each for each in done.failures if isinstance(each.error, LeakFound)]
    assert len(refused) == 1
    assert "holds a value of customers." in str(refused[0].error)
    assert shop.ledger.chain.entries("spend") == []
    runs = (shop.private / "logs" / "runs.jsonl").read_text().splitlines()
    assert "LeakFound" in {json.loads(line)["error"] for line in runs}
    told = (root / "told.json").read_text()
    for text in (_seen(_published(shop)), told):
        for word in (NAME, "Given17", "000017"):
            assert word not in text
    by_hand = shop.reports.run(name, jobs=1, parameters=[f"who={KEY}"] if "grid" in more else [])
    assert [type(each.error) for each in by_hand.failures] == [LeakFound]
    assert "000017" not in _seen(_published(shop))


def test_what_was_told_before_of_a_customer_is_taken_back(shop):
    root, published = shop.settings.root, _published(shop)
    definition = DEFINITION.replace("title: Customers", f"title: About {NAME}") + SCHEDULE
    write_report(root, *FAILING, definition=definition)
    failures.record_failure(published, "customers", "2026-09", f"About {NAME}")
    assert NAME in _seen(published)
    shop.reports.run(due=True)
    assert NAME not in _seen(published)
    assert not (published / "customers").exists()


def test_a_name_that_an_error_has_is_not_told(shop):
    root = shop.settings.root
    error = f"raise type({NAME!r}, (Exception,), {{{{}}}})('words')".replace("{{}}", "{}")
    write_report(root, OPENING, error, definition=DEFINITION + SCHEDULE + _hook(root))
    (failure,) = shop.reports.run(due=True).failures
    assert "failed in cell 4 with an error." in str(failure.error)  # no name of an error is like it
    assert NAME not in str(failure.error)
    assert NAME not in (root / "told.json").read_text() + _seen(_published(shop))


# ---------------------------------------------------------------- who is told at all


def test_only_scheduled_editions_fail_in_public(shop):
    root, published = shop.settings.root, _published(shop)
    write_report(root, *FAILING, definition=DEFINITION + SCHEDULE)
    for by_hand in ({"name": "customers", "period": "2026-08"}, {"period": "2026-09"}):
        (failure,) = shop.reports.run(**by_hand).failures
        assert isinstance(failure.error, RunFailed)
        assert not list(published.rglob("*"))
    shop.reports.run(due=True)
    assert list(read_failures(published, "customers")) == ["2026-09"]
    assert FAILURE in (published / "index.html").read_text()
    write_report(root, definition=DEFINITION + SCHEDULE)
    shop.reports.run("customers")
    assert read_failures(published, "customers") == {}
    assert FAILURE not in (published / "index.html").read_text()


def test_a_failure_that_nobody_waits_for_is_taken_back(shop):
    root, published = shop.settings.root, _published(shop)
    write_report(root, name="others")
    write_report(root, name="waited", definition=DEFINITION + SCHEDULE)
    write_report(root, name="unscheduled")
    write_report(root, name="wrong", definition=DEFINITION + SCHEDULE + "no such key: 1\n")
    noted = {
        ("waited", "2026-09"): True,
        ("waited", "2024-01"): False,  # before the data
        ("waited", f"2026-09/who={KEY}"): False,  # no longer in the grid
        ("unscheduled", "2026-08"): False,
        ("gone", "2026-09"): False,
        ("wrong", "2026-09"): True,  # nobody can say, until it is mended
    }
    for report, place in noted:
        period, _, variant = place.partition("/")
        failures.record_failure(published, report, period, "Customers", variant)
    shop.reports.run("others")
    for (report, place), stays in noted.items():
        assert (place in read_failures(published, report)) is stays
        assert (published / report / place).exists() is stays
    assert not (published / "gone").exists()
    assert (published / "index.html").read_text().count(FAILURE) == 2


def test_a_published_edition_is_not_failed_whatever_was_noted(shop):
    root, published = shop.settings.root, _published(shop)
    write_report(root, definition=DEFINITION + SCHEDULE)
    shop.reports.render("customers")
    before = contents(published)
    failures.record_failure(published, "customers", "2026-09", "Customers")
    assert contents(published) == before
    (published / "customers" / FAILED).write_text('{"2026-09": "Customers"}')  # of long ago
    rebuild_index(published)
    assert FAILURE not in (published / "index.html").read_text()
    shop.reports.run("customers")
    assert contents(published) == before
