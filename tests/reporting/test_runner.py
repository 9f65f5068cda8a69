"""One edition: which period, when it is the same, what a failed run leaves."""

import datetime as dt
import json
from dataclasses import replace

import pytest
from factories.pages import SPENDING
from support.line import DEFINITION, OPENING, write_report

from workbench import figures
from workbench.errors import PeriodError, RunFailed
from workbench.periods import Period
from workbench.reporting.definitions.due import Span, choose_period
from workbench.reporting.definitions.fields import PeriodRule
from workbench.reporting.definitions.reading import find_definition
from workbench.reporting.desk import Asked
from workbench.reporting.facts import commit, edition_identity
from workbench.reporting.published.files import read_failures


@pytest.fixture
def shop(warm_shop):
    return warm_shop


SEPTEMBER = Period.parse("2026-09")
TODAY = dt.date(2026, 11, 24)
SPAN = Span(dt.date(2026, 1, 1), dt.date(2026, 9, 28))
MONTHLY = PeriodRule()


def test_the_period_is_the_last_complete_one_unless_another_is_named():
    assert choose_period(None, MONTHLY, SPAN, TODAY) == SEPTEMBER
    assert choose_period("2026-09", MONTHLY, SPAN, TODAY) == SEPTEMBER
    assert choose_period("2026-08", MONTHLY, SPAN, TODAY).text == "2026-08"


@pytest.mark.parametrize(
    ("rule", "period"),
    [
        ({"rule": "previous"}, "2026-08"),
        ({"kind": "quarter"}, "2026-Q3"),
        ({"kind": "quarter", "rule": "previous"}, "2026-Q2"),
        ({"kind": "year"}, "2025"),
        ({"kind": "week"}, "2026-W39"),  # it ends with Sunday, the 27th
    ],
)
def test_the_definition_says_which_period(rule, period):
    assert choose_period(None, PeriodRule(**rule), SPAN, TODAY).text == period


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-13", "'2026-13' is not a period. Write a month as 2026-09"),
        ("last month", "'last month' is not a period"),
        ("2026-Q3", "this report is about a month: give one such as 2026-09, not 2026-Q3"),
        (
            "2026-11",
            "2026-11 is not over: it ends on 2026-11-30 and today is 2026-11-24. The last "
            "complete month that is loaded is 2026-09",
        ),
        ("2031-01", "2031-01 is not over"),
        ("2026-10", "the data ends with 2026-09; 2026-10 is not loaded yet. Load it with"),
        ("2025-12", "the data begins with 2026-01, and 2025-12 is before it. What is loaded is"),
    ],
)
def test_other_periods_are_refused(text, message):
    with pytest.raises(PeriodError) as refusal:
        choose_period(text, MONTHLY, SPAN, TODAY)
    assert message in str(refusal.value)


@pytest.fixture
def report(shop):
    """Return a shop's folder with a report, and a function that reads its definition."""
    root = shop.settings.root
    write_report(root)
    return root, lambda: find_definition("customers", root / "reports", root / "notebooks")


def test_an_edition_is_the_same_while_nothing_it_is_made_of_changes(shop, report):
    root, read = report
    desk = shop.reports.desk()

    def identity(given=(), period=SEPTEMBER, **changes):
        definition = read()
        (variant,) = definition.editions(given)
        notebook = (root / "notebooks" / "customers.ipynb").read_bytes()
        return edition_identity(
            Asked(definition, period, variant), notebook, replace(desk, **changes)
        )

    first = identity()
    assert identity() == identity(["epsilon=0.1"]) == identity(as_of="2026-10-05") == first
    others = [
        identity(["epsilon=0.2"]),
        identity(period=SEPTEMBER.previous()),
        identity(data_version="another"),
    ]
    path = root / "reports" / "customers.yaml"
    path.write_text(path.read_text() + "retries: 5\nhooks: {failed: mail}\n")
    assert identity() == first  # when and how it runs does not change its page
    path.write_text(path.read_text().replace("title: Customers", "title: Buyers"))
    others.append(identity())
    write_report(root)
    assert identity() == first
    write_report(root, question="# Another question?")
    others.append(identity())
    assert len({first, *others}) == 6


def test_all_reports_leaves_out_what_is_not_about_the_period(shop):
    for name, kind in {"monthly": "month", "weekly": "week", "yearly": "year"}.items():
        more = f"period: {{{{kind: {kind}}}}}\n"
        write_report(shop.settings.root, "1 / 0", name=name, definition=DEFINITION + more)
    told = []
    done = shop.reports.run(period="2026-09", progress=told.append)
    assert [each.asked.words for each in done.failures] == ["'monthly' 2026-09"]
    assert "'weekly' is left out: this report is about a week: give one such as" in "".join(told)
    with pytest.raises(PeriodError, match="2026-10 is not over"):
        shop.reports.run(period="2026-10")
    with pytest.raises(PeriodError, match="has no year to report on yet: it begins with 2026-01"):
        shop.reports.run("yearly")
    with pytest.raises(PeriodError, match="this report is about a week"):
        shop.reports.run("weekly", period="2026-09")


def test_a_failed_run_by_hand_is_recorded_in_private_and_its_page_stays(shop, report):
    root, _ = report
    published = root / "reports" / "published"
    good = shop.reports.render("customers")
    page = good.page.read_bytes()
    write_report(root, OPENING, "1 / 0")
    with pytest.raises(RunFailed, match="failed in cell 4 with ZeroDivisionError"):
        shop.reports.render("customers")
    assert good.page.read_bytes() == page
    assert read_failures(published, "customers") == {}
    assert 'class="failure"' not in (published / "index.html").read_text()
    write_report(root)
    again = shop.reports.render("customers")
    assert again.spent_now == 0
    assert again.page.read_bytes() == page
    lines = (root / ".workbench" / "logs" / "runs.jsonl").read_text().splitlines()
    runs = [json.loads(line) for line in lines]
    assert [run["state"] for run in runs] == ["published", "failed"]
    told = {name: runs[1][name] for name in ("error", "cell", "kind", "exit_code")}
    assert told == {
        "error": "RunFailed",
        "cell": 4,
        "kind": "ZeroDivisionError",
        "exit_code": 4,
    }
    assert shop.reports.render("customers").unchanged


def test_a_figure_of_another_workspace_is_refused(shop):
    content = figures.table(SPENDING)._repr_mimebundle_()[figures.MIME]
    shown = f"display({{{figures.MIME!r}: {content!r}}}, raw=True)"
    write_report(shop.settings.root, shown)
    with pytest.raises(RunFailed, match="not in this workspace's ledger"):
        shop.reports.render("customers")


def test_facts_are_plain_values(shop, report):
    facts = shop.reports.render("customers").facts()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["spent_now"] == facts["epsilon"] == pytest.approx(0.1, abs=1e-3)
    assert set(facts["left"]) == {
        "report customers 2026-09",
        "2026-09",
        "rolling year",
        "lifetime",
    }


def test_the_commit_is_short_and_missing_where_there_is_none(repository, tmp_path, monkeypatch):
    assert commit(tmp_path) == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit(repository) == ""
