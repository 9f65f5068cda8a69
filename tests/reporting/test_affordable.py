"""An edition that cannot be paid for to its end is refused before its first question."""

import json
import re
import threading

import pytest
from click.testing import CliRunner
from support.line import ASKING, DEFINITION, OPENING, SHOWING, contents, write_report

import workbench as wb
from workbench.cli import main
from workbench.errors import BudgetExhausted, RunFailed
from workbench.privacy.accounting import Cost
from workbench.privacy.budget import Need, Share, shortfalls
from workbench.reporting.desk import Promises

MORE = (
    'more = ws.release(wb.query(tx, by="category", period=period).customers(),\n'
    '    name="by-category", epsilon={})\n'
    'wb.figures.bar(more, x="category", y="customers")'
)
TREND = (
    'trend = ws.release(wb.query(tx, by="month", period=wb.trailing(period, 3)).customers(),\n'
    '    name="trend", epsilon=epsilon)\n'
    'wb.figures.line(trend, x="month", y="customers")'
)


@pytest.fixture
def shop(warm_shop):
    return warm_shop


def _report(shop, budget, *cells, more="", name="customers"):
    definition = DEFINITION.replace("epsilon: 1.5", f"epsilon: {budget}") + more
    write_report(shop.settings.root, *cells, name=name, definition=definition)


def _again(shop):
    return wb.open_workspace(shop.settings.root, now=shop.now)


def _spends(shop):
    return len(_again(shop).ledger.chain.entries("spend"))


def _executed(shop, name="customers", period="2026-09"):
    return shop.private / "runs" / name / period / f"{name}.ipynb"


@pytest.mark.parametrize("price", ["0.5", "float('0.5')"])  # to be read, and only to be run
def test_a_report_dearer_than_its_share_is_refused_before_its_first_question(shop, price):
    _report(shop, 0.45, OPENING, ASKING, SHOWING, MORE.format(price))
    with pytest.raises(BudgetExhausted) as refusal:
        shop.reports.render("customers")
    said = str(refusal.value)
    assert said.startswith("'customers' 2026-09 was not started, and nothing was spent: 2 of its 2")
    assert "is left for report customers 2026-09" in said
    assert _spends(shop) == 0
    assert not _executed(shop).exists()
    (enough,) = re.findall(r"budget: \{epsilon: ([\d.]+)\}' in reports/customers\.yaml", said)
    _report(shop, float(enough) - 0.01, OPENING, ASKING, SHOWING, MORE.format(price))
    with pytest.raises(BudgetExhausted, match="was not started"):
        shop.reports.render("customers")
    _report(shop, enough, OPENING, ASKING, SHOWING, MORE.format(price))
    assert shop.reports.render("customers").spent_now > 0
    assert _spends(shop) == 2


def test_what_the_customers_limits_do_not_cover_is_refused_too(shop):
    catalog = shop.settings.root / "catalog.yaml"
    catalog.write_text(catalog.read_text().replace("month: 2,", "month: 0.3,"))
    _report(shop, 1.5, OPENING, ASKING, SHOWING, MORE.format("0.3"))
    ws = _again(shop)
    plan = ws.reports.plan("customers")
    assert [each.line.scope for each in plan.short] == ["2026-09"]
    with pytest.raises(BudgetExhausted, match=r"0\.30 of 0\.30 is left for 2026-09") as refusal:
        ws.reports.render("customers")
    assert "reports/customers.yaml" not in str(refusal.value)  # its own share would do
    assert _spends(shop) == 0


def test_after_an_erasure_a_run_is_refused_whole_or_shows_earlier_answers(shop):
    _report(shop, 0.13, OPENING, ASKING, SHOWING, TREND)
    first = shop.reports.render("customers")
    assert _spends(shop) == 4
    _again(shop).office.erase_subject("K-000004", verified_by="id card")
    ws = _again(shop)
    head = ws.ledger.head()
    for _ in range(2):  # again and again: it costs nothing
        with pytest.raises(BudgetExhausted) as refusal:
            ws.reports.render("customers")
    assert "2 of them were answered before rows were erased" in str(refusal.value)
    assert "--reuse-answers" in str(refusal.value)
    assert ws.ledger.head() == head
    assert first.page.is_file()
    assert ws.reports.plan("customers", reuse_answers=True).epsilon == 0
    done = ws.reports.render("customers", reuse_answers=True)
    assert (done.revision, done.spent_now) == (2, 0)
    assert "2 of the answers are from before rows were erased" in done.page.read_text()
    assert ws.ledger.chain.entries("spend")[-1].seq <= head[0]
    assert ws.reports.render("customers", reuse_answers=True).unchanged


def test_a_new_month_needs_only_itself_where_earlier_answers_serve(shop):
    """One erased customer touches all months; a trend does not pay for all of them again."""
    cells = (OPENING, ASKING, SHOWING, TREND)
    _report(shop, 0.12, *cells)
    shop.reports.render("customers", period="2026-08")
    _again(shop).office.erase_subject("K-000004", verified_by="id card")
    with pytest.raises(BudgetExhausted, match="is left for report customers 2026-08"):
        _again(shop).reports.render("customers", period="2026-09")
    before = _spends(shop)
    _report(shop, 0.12, *cells, more="reuse_answers: true\n")
    done = _again(shop).reports.render("customers", period="2026-09")
    assert _spends(shop) == before + 2  # its own month and its part of the trend
    assert "1 of the answers are from before rows were erased" in done.page.read_text()


def test_room_in_the_definition_renews_what_changed(shop):
    _report(shop, 0.11, OPENING, ASKING, SHOWING)
    shop.reports.render("customers")
    _again(shop).office.erase_subject("K-000004", verified_by="id card")
    with pytest.raises(BudgetExhausted) as refusal:
        _again(shop).reports.render("customers")
    (enough,) = re.findall(r"budget: \{epsilon: ([\d.]+)\}", str(refusal.value))
    _report(shop, enough, OPENING, ASKING, SHOWING)
    done = _again(shop).reports.render("customers")
    assert done.revision == 2
    assert done.spent_now == pytest.approx(0.1, abs=1e-3)
    assert "Rows of this period came or changed" in done.page.read_text()


def test_a_forced_run_of_the_same_data_needs_nothing_and_works_nothing_out(shop):
    _report(shop, 0.11, OPENING, ASKING, SHOWING)
    shop.reports.render("customers")
    told = []
    again = shop.reports.render("customers", force=True, progress=told.append)
    assert again.spent_now == 0
    assert not any("working out" in each for each in told)


def test_a_notebook_that_fails_before_it_asks_fails_as_a_run(shop):
    _report(shop, 0.05, OPENING, "1 / 0", ASKING, SHOWING)
    with pytest.raises(RunFailed, match="failed in cell 4 with ZeroDivisionError"):
        shop.reports.render("customers")


def test_what_is_spent_meanwhile_may_still_stop_a_run_and_is_told_in_its_own_words(shop):
    meanwhile = (
        "import os\n"
        "if 'WORKBENCH_PLAN' not in os.environ:\n"
        "    ws.release(wb.query(tx, period=period).count(), name='other', epsilon=1)"
    )
    _report(shop, 0.2, OPENING, ASKING, SHOWING, meanwhile)
    with pytest.raises(RunFailed, match="failed in cell 6 with BudgetExhausted: 'customers' needs"):
        shop.reports.render("customers")
    assert _spends(shop) == 1


def test_the_command_ends_with_the_code_of_a_refusal_and_plan_says_so_before(shop):
    _report(shop, 0.05, OPENING, ASKING, SHOWING)
    words = ["-w", str(shop.settings.root), "--period", "2026-09"]
    told = CliRunner().invoke(main, ["report", "plan", "customers", *words])
    assert told.exit_code == 0
    assert "It does not fit report customers 2026-09: it needs epsilon 0.10" in told.output
    done = CliRunner().invoke(main, ["run", "customers", *words])
    assert done.exit_code == 3
    assert "BudgetExhausted: 'customers' 2026-09 was not started" in done.output
    short = json.loads(
        CliRunner().invoke(main, ["report", "plan", "customers", *words, "--json"]).output
    )
    assert [each["scope"] for each in short["short"]] == ["report customers 2026-09"]
    assert _spends(shop) == 0


# ---------------------------------------------------------------- side by side


def test_editions_side_by_side_do_not_count_on_the_same_rest(shop):
    """Each of the two fits alone; together they do not: one is made whole, one refused whole."""
    catalog = shop.settings.root / "catalog.yaml"
    catalog.write_text(catalog.read_text().replace("month: 2,", "month: 0.18,"))
    for name, asked, measure in (("one", "customers", "customers"), ("two", "count", "rows")):
        cells = [MORE.format("0.1").replace("customers()", f"{asked}()")]
        cells += [cells[0].replace("category", "region")]
        cells = [each.replace('y="customers"', f'y="{measure}"') for each in cells]
        _report(shop, 1, OPENING, *cells, name=name)
    done = _again(shop).reports.run(jobs=2, period="2026-09")
    (made,), (failure,) = done.editions, done.failures
    assert made.spent_now > 0.14
    assert isinstance(failure.error, BudgetExhausted)
    assert "was not started" in str(failure.error)
    assert _spends(shop) == 2


def test_who_does_not_fit_beside_others_waits_until_they_have_ended(shop):
    need = Need(Share("one", shop.catalog.privacy.limits.month), {"2026-09": Cost(6)})
    promises, told = Promises(), []

    def short(mine, others):
        return () if sum(each.whole.pico for each in (mine, *others)) <= 10 else ("short",)

    assert promises.fits(need, short)
    assert not promises.fits(need, short)
    thread = threading.Thread(target=lambda: told.append(promises.wait(need, short)))
    thread.start()
    thread.join(0.2)
    assert told == []
    promises.end(need)
    thread.join(5)
    assert told == [()]
    promises.end(need)
    assert promises.wait(Need(need.share, anywhere=Cost(11)), short) == ("short",)


def test_what_is_promised_counts_in_every_limit_it_is_of(shop):
    limit = shop.catalog.privacy.limits.month
    left = {line.scope: line.left_pico for line in shop.ledger.status("2026-09", shop.now())}
    half = Cost(left["2026-09"] // 2 + 1)
    mine = Need(Share("one", limit), {"2026-09": half})
    ledger, now = shop.ledger, shop.now()
    assert shortfalls(ledger, mine, now) == ()
    other = Need(Share("two", limit), {"2026-09": half})
    (short,) = shortfalls(ledger, mine, now, [other])
    assert (short.line.scope, short.pico) == ("2026-09", half.pico)
    assert shortfalls(ledger, mine, now, [Need(other.share, {"2026-08": half})]) == ()
    same = [each.line.scope for each in shortfalls(ledger, mine, now, [mine])]
    assert same == ["report one 2026-09", "2026-09"]
    anywhere = Need(mine.share, anywhere=Cost(left["2026-09"] + 1))
    assert [s.line.scope for s in shortfalls(ledger, anywhere, now)][1] == "0001-01"


def test_a_plan_touches_no_file_of_a_run(shop):
    asking = ASKING.replace("epsilon=epsilon", 'epsilon="auto"')
    write_report(shop.settings.root, OPENING, asking, SHOWING)
    shop.reports.render("customers")
    run = shop.private / "runs" / "customers" / "2026-09"
    before = contents(run)
    assert shop.reports.plan("customers").answers
    assert shop.reports.rehearse("customers") == ()
    after = {name: held for name, held in contents(run).items() if not name.startswith("aside/")}
    assert after == before
