"""The segmentation report, from data to page: what a manager is shown, and at what cost."""

import html
import re
import shutil

import pytest
from support.line import here, here_json

PERSONAS = ("Champions", "Frequent", "Big spenders", "Regulars", "Occasional", "At risk",
            "Cooling", "Lost")  # fmt: skip


@pytest.fixture(scope="module")
def bank(repository, tmp_path_factory, warmed):
    """Return a workspace on a small sample bank, with the report of its last month rendered."""
    folder = tmp_path_factory.mktemp("bank")
    estate = folder / "data" / "sample"
    assert here("sample", "--customers", 900, "--out", estate).returncode == 0
    shutil.copy(repository / "workbench.toml", folder)
    ignore = shutil.ignore_patterns("published")
    for kind in ("notebooks", "reports"):
        shutil.copytree(repository / kind, folder / kind, ignore=ignore)
    here_json("init", "-w", folder)
    facts = here_json("run", "segmentation", "-w", folder)
    assert facts["period"] == "2026-09"
    return folder, facts


@pytest.fixture(scope="module")
def page(bank):
    return (bank[0] / "reports/published/segmentation/2026-09/index.html").read_text()


def text(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_it_stays_within_its_share(bank):
    assert 0 < bank[1]["spent_now"] <= 0.8


def test_page_one_says_who_they_are_how_they_move_and_what_to_do(page):
    told = text(page)
    for persona in PERSONAS:
        assert persona in told
    for word in ("Invite to premium", "Change", "Kept it since", "Expected gain", "Of all spend"):
        assert word in told
    assert "Stability: by the lower end of the margin" in told


def test_what_was_left_out_is_said_and_never_shown_as_zero(page):
    told = text(page)
    assert re.search(r"[1-9]\d* of 64 rows are not shown: their noisy number of customers", told)
    assert "a dash is not a zero" in told


def test_what_only_analysts_ask_about_does_not_reach_the_page(page):
    assert "is a number of distinct customers and is not added" not in page
    assert "Traceback" not in page


def test_every_chart_is_drawn(bank, browser):
    browser.show(bank[0] / "reports/published/segmentation/2026-09/index.html")
    assert browser.state() == "drawn"
    marks = browser.marks()
    assert len(marks) >= 6
    assert min(marks) > 0, marks
    assert browser.complaints() == []


def test_figures_in_cells_do_not_overlap_on_a_phone(bank, browser):
    within = (
        "return [...document.querySelectorAll('.chart')].filter((c) => c.querySelector("
        "'.heatmaplayer image')).flatMap((chart) => {"
        "const boxes = [...chart.querySelectorAll('.heatmap-label text')]"
        ".map((t) => t.getBoundingClientRect()).filter((b) => b.width);"
        "return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => a.left < b.right"
        " && b.left < a.right && a.top < b.bottom - 1 && b.top < a.bottom - 1)).length})"
    )
    for width in (1280, 390):
        browser.show(bank[0] / "reports/published/segmentation/2026-09/index.html", width=width)
        assert set(browser.run(within)) == {0}, width
        assert browser.run("return document.querySelectorAll('.heatmap-label text').length"), width


def test_the_market_is_personas_by_region_by_product_mix(bank, page):
    told = text(page)
    assert "Product mix: customers with plus or premium, by persona and region" in told
    assert "Adjusted within the noise so that totals agree with their parts: Customers." in told
    asked = here_json("office", "budget", "-w", bank[0])
    assert "personas-by-market" in str(asked)


def test_the_chinese_page_has_no_english_word(bank):
    page = bank[0] / "reports/published/segmentation/2026-09/index.zh.html"
    shown = re.sub(r"<(script|style)\b.*?</\1>", " ", page.read_text(), flags=re.DOTALL)
    told = html.unescape(text(shown)).partition("数据来源")[0]  # then come names of packages
    assert "核心客户" in told
    assert "邀请升级为尊享" in told
    assert set(re.findall(r"[A-Za-z]{2,}", told)) <= {"English", "zh"}


def test_running_it_again_costs_nothing(bank):
    again = here_json("run", "segmentation", "-w", bank[0], "--force")
    assert again["spent_now"] == 0


def test_the_rules_are_a_parameter(bank):
    refused = here("run", "segmentation", "-w", bank[0], "-p", "recency_days=7,30")
    assert refused.returncode == 4
    assert "write scores from 1 to 3" in refused.stderr


def test_its_cost_is_known_before_it_is_spent(bank):
    plan = here("report", "plan", "segmentation", "-w", bank[0], "--period", "2026-08")
    assert plan.returncode == 0, plan.stderr
    told = re.search(r"would spend epsilon (\d\.\d+)", plan.stdout + plan.stderr)
    assert 0 < float(told[1]) <= 0.8
