"""The risk reports and the decisions on them, from data to page: what is shown, its cost, truth."""

import ast
import html
import json
import re
import shutil

import pandas as pd
import pytest
from factories.live import Edition
from support.line import here_json
from support.live import compared

import workbench as wb
from workbench.errors import PeriodError
from workbench.reporting.published.copies import standalone

REPORTS = ("risk-scoring", "risk-monitoring")
BEFORE = (*REPORTS, "customer-overview", "segmentation")
DASHBOARD = "decision-dashboard"
DECIDED = [
    *("decision", "record", "Remind by app", "--owner", "collections", "--unit", "CNY"),
    *("--measure", "Saved by calls", "--expected", "30000", "--low", "20000", "--high", "40000"),
    *("--edition", "risk-monitoring/2026-09", "--on", "2026-09-06"),
]


@pytest.fixture(scope="module")
def bank(repository, tmp_path_factory, warmed):
    """Return a workspace on the sample bank, with both reports of its last month rendered."""
    folder = tmp_path_factory.mktemp("bank")
    shutil.copy(repository / "workbench.toml", folder)
    ignore = shutil.ignore_patterns("published")
    for kind in ("notebooks", "reports", "data"):
        shutil.copytree(repository / kind, folder / kind, ignore=ignore)
    here_json("init", "-w", folder)
    made = {each: here_json("run", each, "-w", folder) for each in BEFORE}
    here_json(*DECIDED, "-w", folder)
    came = ["--value", "52000", "--margin", "9000", "--on", "2026-10-31"]
    here_json("decision", "review", "DC-2026-001", *came, "-w", folder)
    return folder, made | {DASHBOARD: here_json("run", DASHBOARD, "-w", folder)}


def page(bank, name, language=""):
    return (bank[0] / f"reports/published/{name}/2026-09/index{language}.html").read_text()


def text(page):
    shown = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", shown)))


@pytest.mark.parametrize("name", ["risk-scoring", DASHBOARD])
def test_later_loans_are_none_that_the_card_learned_from(repository, name):
    """The notebook's own words for its months, read as they stand, of every period of two years."""
    _, lines = _months(repository, name)
    lengths = []
    for period in pd.period_range("2026-03", "2028-03", freq="M").astype(str):
        first, last = (pd.Period(each, "M") for each in _later(lines, period))
        assert first > pd.Period("2024-09", "M")
        assert last + 12 <= pd.Period(period, "M")  # twelve months are over
        lengths.append((last - first).n + 1)
    assert (lengths[0], lengths[6:]) == (6, [12] * 19)


@pytest.mark.parametrize("name", ["risk-scoring", DASHBOARD])
def test_a_period_without_later_loans_is_refused_before_anything_is_paid(repository, name):
    statements, lines = _months(repository, name)
    paid = [
        i for i, each in enumerate(statements) if re.search(r"release|fit\(", ast.unparse(each))
    ]
    assert statements.index(lines[-1]) < paid[0]
    for period in pd.period_range("2024-10", "2026-02", freq="M").astype(str):
        with pytest.raises(
            PeriodError, match=rf"no edition for {period}.*first period is 2026-03\."
        ):
            _later(lines, period)
    for last in pd.period_range("2024-01", "2025-12", freq="M").astype(str):
        with pytest.raises(PeriodError) as refused:
            _later(lines, "2024-01", last)
        first = pd.Period(str(refused.value)[-8:-1], "M")
        assert _later(lines, str(first), last)  # the first that is named is, and none before it
        with pytest.raises(PeriodError):
            _later(lines, str(first - 1), last)


def _months(repository, name):
    """Return all statements of a notebook, and those about its months up to its later loans."""
    cells = json.loads((repository / f"notebooks/{name}.ipynb").read_text())["cells"]
    code = "\n".join("".join(each["source"]) for each in cells if each["cell_type"] == "code")
    named, statements = ("settled", "known", "unseen", "later"), ast.parse(code).body
    lines = [each for each in statements if _target(each) in named or isinstance(each, ast.If)]
    return statements, lines


def _later(lines, period, last="2024-09"):
    there = {"wb": wb, "pd": pd, "period": period, "developed": ["2023-10", last]}
    exec(compile(ast.Module(lines, []), "months", "exec"), there)  # noqa: S102  # why: what we ship
    return there["later"]


def _target(statement):
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    return getattr(target, "id", None)


def test_each_costs_no_more_than_is_planned_for(bank):
    for name, most in zip((*REPORTS, DASHBOARD), (1.3, 0.62, 0.41), strict=True):
        assert 0 < bank[1][name]["spent_now"] <= most, name


@pytest.mark.parametrize("name", [*REPORTS, DASHBOARD])
def test_every_chart_is_drawn(bank, name, browser):
    browser.show(bank[0] / f"reports/published/{name}/2026-09/index.html")
    assert browser.state() == "drawn"
    assert min(browser.marks()) > 0
    assert browser.complaints() == []


@pytest.mark.parametrize("name", [*REPORTS, DASHBOARD])
def test_the_chinese_page_has_no_english_word(bank, name):
    told = text(page(bank, name, ".zh")).partition("数据来源")[0]  # then come names of packages
    told = told.partition("已作出的决定")[0].replace("Šidák", "")  # then come decisions as typed
    assert set(re.findall(r"[A-Za-z]{2,}", told)) <= {"English", "zh", "GDPR", "KS"}


def test_what_is_taken_for_capital_is_the_basel_formula(repository):
    """8 % of what the risk weight rises by, of each unit of loss, from 5 to 15 % of bad ones."""
    written = (repository / "notebooks/risk-scoring.ipynb").read_text()
    of_loss = float(re.search(r"sampling=True\) \* loss \* ([\d.]+)", written)[1])
    low, high = wb.risk.irb_risk_weight([0.05, 0.15], lgd=1, asset_class="other retail")
    assert of_loss == pytest.approx(0.08 * (high - low) / 0.10, rel=0.005)


def test_page_one_says_the_decision_and_how_sure_it_is(bank):
    told = text(page(bank, "risk-scoring"))
    for word in ("Gini, out of time", "Drift of the score (PSI)", "from 550", "Lead of the card"):
        assert word in told
    assert re.search(r"not as those it learned from: .{3,60}\d", told)
    first = told.partition("Contents")[0]
    for word in ("Gini, train", "Lead of the card", "Found less foretold", "Four-fifths rule",
                 "PSI without drift, at most", "No test sample was held back"):  # fmt: skip
        assert word in first
    cutoff = re.search(r"Recommended cut-off (\d+|–)", told)[1]  # a dash: everybody
    assert re.search(rf"{'everybody' if cutoff == '–' else f'from {cutoff}'} [\d.]+%", told)
    assert "Profit at that cut-off, out of time CN¥" in told


def test_the_card_is_shown_bin_by_bin_and_held_against_what_was_found(bank):
    told = text(page(bank, "risk-scoring"))
    for word in ("Points of the card", "Bureau score < 560", "Found less foretold", "Four-fifths"):
        assert word in told
    points = [
        int(re.search(rf"Bureau score {each} (-?\d+) ± \d+", told)[1])
        for each in ("< 560", "600 to 640", "≥ 680")
    ]
    assert points == sorted(points)  # the trend that was declared
    assert "Margins hold the noise and the chance of who was in the table" in told
    # known without noise: no dash, and no margin, which could not be
    assert re.search(r"everybody 100(\.0)?% [\d.]+% ± [\d.]+% \S+ ± \S+ 0 from 520", told)


def test_monitoring_shows_vintages_as_they_mature_roll_rates_drift_overrides_and_alerts(bank):
    told = text(page(bank, "risk-monitoring"))
    for word in ("Drift of arrears since", "Approved by the rule and by persons", "12 months"):
        assert word in told
    span = r"([\d.]+)% (?:± [\d.]+%|[\d.]+% to [\d.]+%)"
    for word in ("From 1 to 29 days on to 30", "From 60 to 89 days on to 90"):
        assert 0 < float(re.search(rf"{word} {span}", told)[1]) <= 100
    assert re.search(rf"In default 3 months {span} 6 months {span}", told)
    volume = re.search(r"fraud alert, by month Month Rows .*? Link", told)[0]
    assert len(re.findall(r"[A-Z][a-z]{2} 2026 \d", volume)) == 6


def test_figures_hold_the_truth_as_they_are_worded(bank):
    """Figures of the pages against the source files, each a little wider than its margin."""
    source = bank[0] / "data/sample"
    loans = pd.read_parquet(source / "loan_performance.parquet")
    asked = pd.read_parquet(source / "credit_applications.parquet")
    now = loans[loans.month.astype(str).str[:7] == "2026-09"]
    now = now[now.days_past_due <= 360]  # beyond are codes: settled, written off, not reported
    month = asked.applied_on.astype(str).str[:7]
    half = asked[month.between("2026-04", "2026-09")]
    later = asked[month.between("2024-10", "2025-09") & (asked.decision == "approved")]
    year = loans[loans.month.astype(str).str[:7].between("2025-10", "2026-09")]
    early, further = (
        year[year.days_past_due.between(*stage)].customer_id.nunique()
        for stage in ((1, 29), (30, 59))
    )
    rolled = further / early
    person, bad = half.decided_by == "person", later.default_12m.dropna().astype(bool)
    truth = [
        ("risk-monitoring", "90 days or more past due", (now.days_past_due >= 90).mean()),
        ("risk-monitoring", "Approved, six months", (half.decision == "approved").mean()),
        ("risk-monitoring", "Decided by a person, six months", person.mean()),
        (DASHBOARD, "Approved, six months", (half.decision == "approved").mean()),
        (DASHBOARD, "90 days or more past due", (now.days_past_due >= 90).mean()),
        ("risk-monitoring", "From 1 to 29 days on to 30", rolled),
        ("risk-monitoring", "Granted 13 to 18 months ago", _first(asked, "2025-04", "2025-09")),
        ("risk-scoring", "Approved, six months", (half.decision == "approved").mean()),
        ("risk-scoring", "Bad within twelve months", bad.mean()),
    ]
    for name, label, true in truth:
        value, low, high = card(text(page(bank, name)), label)
        wide = high - low  # one of twenty figures lies beyond its margin; none by as much again
        assert low - wide / 2 <= 100 * true <= high + wide / 2, (label, value, low, high, true)


def _first(asked, start, end):
    """Return the share of bad ones among customers' first loans that were granted in a span."""
    first = asked[asked.decision == "approved"].sort_values("applied_on")
    first = first.drop_duplicates("customer_id")
    within = first.applied_on.astype(str).str[:7].between(start, end)
    return first.default_12m[within].dropna().astype(bool).mean()


def card(told, label):
    """Return a key figure in percent with the ends of its margin, as a reader reads it."""
    found = re.search(re.escape(label) + r" ([\d.]+)% (?:± ([\d.]+)%|([\d.]+)% to ([\d.]+)%)", told)
    value = float(found[1])
    if found[2]:
        return value, value - float(found[2]), value + float(found[2])
    return value, float(found[3]), float(found[4])


def test_a_rerun_costs_nothing(bank):
    assert here_json("run", "risk-scoring", "-w", bank[0], "--force")["spent_now"] == 0


def test_the_dashboard_pays_for_no_answer_that_another_report_has(bank):
    ledger = wb.open_workspace(bank[0]).ledger
    paid = [each.body for each in ledger.chain.entries("spend")]
    mine = {each["name"] for each in paid if each["report"] == DASHBOARD}
    assert mine == {"history"}  # months before those that the others ask about


def test_decisions_that_wait_have_advice_by_their_whole_margin_and_lead_to_their_evidence(bank):
    shown = page(bank, DASHBOARD)
    told = text(shown)
    rows = re.findall(
        r"(Approve loans|Call everybody|Adviser calls|App rewards|Win-back letter)[^±]*?"
        r"(Go ahead|Wait|Leave it) (−?[\d,]+) (?:± ([\d,]+)|(−?[\d,]+) to (−?[\d,]+))",
        told.partition("The decisions that wait")[2],
    )
    assert len(rows) == 5
    for _, advice, *figures in rows:
        value, margin, low, high = (
            float(each.replace(",", "").replace("−", "-") or 0) for each in figures
        )
        low, high = (value - margin, value + margin) if margin else (low, high)
        if min(abs(low), abs(high)) < (high - low) / 50:
            continue  # an end is rounded to about zero, on either side of it
        assert advice == ("Go ahead" if low > 0 else "Leave it" if high < 0 else "Wait")
    links = re.findall(r'<a class="way" href="([^"]+)">', shown)
    folder = bank[0] / f"reports/published/{DASHBOARD}/2026-09"
    assert {(folder / each).resolve().is_file() for each in links} == {True}
    assert len(links) == 5  # of the reports that ran here


def test_filters_and_sliders_show_what_python_computes(bank, browser, tmp_path, size):
    for name in ("customer-overview", "segmentation", DASHBOARD):
        alone = tmp_path / f"{name}.html"
        alone.write_text(standalone(page(bank, name)), encoding="utf-8")
        assert alone.stat().st_size <= 750_000
        report, count = Edition.of(bank[0], name), 3 if size == "smoke" else 334
        tried, wrong = compared(browser, report, alone, count, name)
        assert tried
        assert wrong == []


def test_the_dashboard_shows_what_came_of_a_decision(bank):
    told = text(page(bank, DASHBOARD)).partition("Decisions taken, expected and actual")[2]
    for word in ("DC-2026-001: Remind by app", "30,000 [20,000; 40,000] CNY",
                 "52,000 [43,000; 61,000] CNY", "more than noise 1.6"):  # fmt: skip
        assert word in told


def test_the_dashboard_stands_alone_without_ways_to_other_pages(bank, tmp_path):
    out = tmp_path / "alone.html"
    here_json("report", "export", "standalone", DASHBOARD, "--out", out, "-w", bank[0])
    assert 'class="way"' not in out.read_text()
    assert "Risk scoring" in out.read_text()
