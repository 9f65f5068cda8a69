"""Indicators as a table: a light is a word and a shape; figures as they are kept."""

from dataclasses import replace

import pytest

import workbench as wb
from workbench.analytics.kpis import kpi
from workbench.errors import QuestionRefused, UnknownName
from workbench.figures.kinds.indicators import IndicatorsSpec, threshold, value_text
from workbench.figures.language import Language
from workbench.privacy.columns import Dimension
from workbench.privacy.release import Cost, Release

ROWS = {
    "coverage": (1.0, None, None, 135, 135, "green", None, "data protection", None, ""),
    "outside-purpose": (6, None, None, 6, 2748, "red", 2, "security", "2026-10-14", ""),
    "impact-ratio": (0.79, 0.6, 0.99, None, None, "amber", None, "risk", "2026-11-14", ""),
    "restore-test": (None, None, None, None, None, "not measured", None, "it", None, "never"),
}
NAMES = ("value", "low", "high", "numerator", "denominator", "light", "previous", "owner", "due")
NAMES += ("why",)


@pytest.fixture
def release():
    columns = {"indicator": list(ROWS), "as_of": ["2026-09-30"] * len(ROWS)}
    columns |= {name: [row[at] for row in ROWS.values()] for at, name in enumerate(NAMES)}
    axis = Dimension("indicator", "Indicator", "category", tuple(ROWS))
    return Release(
        "e-000001", "x", "catalog", "compliance", "2026-09", (axis,), (), columns,
        Cost(), "v",
    )  # fmt: skip  # why: one line of names, one of values


def rows(release, language="en", **spec):
    return IndicatorsSpec(**spec).draw([release], Language(language)).grid.rows


def test_a_line_says_value_fraction_light_threshold_law_owner_and_day(release):
    name, value, before, light, source, owner = rows(release)[1]
    assert (name.text, name.below[:10]) == ("Reads outside their purpose", "Reads that")
    assert (value.text, value.below, before.text) == ("6", "6 of 2,748", "2")
    assert (light.text, light.light, light.below) == ("■ Red", "red", "green up to 0")
    assert source.text == "access log, audit log"
    assert source.below == "GDPR 5(1)b; PIPL 6 · as of Sep 30, 2026"
    assert (owner.text, owner.below) == ("security", "by Oct 14, 2026")


def test_an_estimate_shows_its_interval_and_what_is_missing_says_why(release):
    assert rows(release)[2][1].margin == "(0.60 to 0.99)"
    missing = rows(release)[3]
    assert (missing[1].text, missing[1].below) == ("–", "never")
    assert (missing[3].text, missing[3].light) == ("○ Not measured", "not-measured")


def test_lights_are_chosen_and_the_gravest_come_first(release):
    chosen = rows(release, lights=("green", "red"))
    assert [row[3].light for row in chosen] == ["red", "green"]


def test_a_section_and_what_is_not_there(release):
    assert [row[0].text for row in rows(release, section="others")] == [
        "Selection-rate ratio of decisions"
    ]
    assert rows(release, section="rights")[0][0].text == "None."
    with pytest.raises(UnknownName, match="no section of indicators named 'law'"):
        rows(release, section="law")


def test_a_brief_line_has_its_interval_or_its_reason(release):
    assert [cell.text for cell in rows(release, brief=True)[2]] == [
        "Selection-rate ratio of decisions",
        "▲ Amber",
        "0.79",
        "(0.60 to 0.99)",
        "–",
        "risk",
        "Nov 14, 2026",
    ]
    assert rows(release, brief=True)[3][3].text == "never"


def test_on_the_first_screen_stand_what_who_and_when(release):
    shown = IndicatorsSpec(lights=("red",), first=True).draw([release], Language())
    assert shown.first
    ((what, why, who, when),) = shown.grid.rows
    assert (what.text, what.below, what.light) == (
        "■ Reads outside their purpose",
        "6 of 2,748 · before 2",
        "red",
    )
    assert (why.text, who.text, when.text) == ("green up to 0", "security", "Oct 14, 2026")
    (estimate,) = rows(release, lights=("amber",), first=True)
    assert estimate[0].below == "0.79 · (0.60 to 0.99)"
    assert estimate[1].text.startswith("its interval reaches across the threshold · green from")
    (missing,) = rows(release, lights=("not measured",), first=True)
    assert missing[1].text.startswith("never")


def test_a_light_says_which_checks_failed_and_a_day_that_is_past_is_told_so(release):
    failed = [[], ["access_log: fresh", "the ledger is whole"], [], []]
    columns = {**release.columns, "failed": failed}
    columns["due"] = [None, "2026-08-08", None, None]
    made = replace(release, columns=columns)
    ((_, why, _, when),) = rows(made, lights=("red",), first=True)
    assert why.text == "failed: access log: fresh, the ledger is whole · green up to 0"
    assert when.text == "at once; due Aug 8, 2026"
    ((_, why, _, when),) = rows(made, "zh", lights=("red",), first=True)
    assert why.text.startswith("未通过：访问日志: 及时、台账完整")
    assert when.text == "立即；期限 2026年8月8日"


def test_what_an_indicator_is_holds_no_figure_and_others_lead_to_it(release):
    defined = rows(release, define=True)
    assert defined[1][0].text == "Reads outside their purpose"
    assert defined[1][1].below == (
        "green up to 0 · access log, audit log · GDPR 5(1)b; PIPL 6 · as of Sep 30, 2026"
    )
    assert "2,748" not in "".join(cell.text + cell.below for row in defined for cell in row)
    places = [row[0].anchor for row in defined]
    assert [row[0].link for row in rows(release, brief=True)] == places
    assert rows(release, lights=("red",), first=True)[0][0].link == places[1]


def test_a_page_links_to_definitions_that_it_holds_and_to_no_other(release):
    from workbench.reporting.pages.page import Page
    from workbench.reporting.pages.parts import Context, Drawing
    from workbench.reporting.pages.text import Heading

    brief, defined = (
        Drawing(IndicatorsSpec(**{form: True}).draw([release], Language()), (release.id,))
        for form in ("brief", "define")
    )
    start = [Heading(1, "Kept?"), Heading(2, "All"), brief]
    html = Page([*start, Heading(2, "What each is"), defined], Context("Summary")).html
    assert '<a href="#what-is-coverage">' in html
    assert html.count('id="what-is-coverage"') == 1
    assert "what-is-coverage" not in Page(start, Context("Summary")).html


def test_a_figure_with_a_reason_keeps_what_it_is_of(release):
    columns = {**release.columns, "why": ["", "a transfer names no mechanism", "", "never"]}
    made = replace(release, columns=columns)
    assert rows(made)[1][1].below == "6 of 2,748 · a transfer names no mechanism"
    assert rows(made, brief=True)[1][3].text == "6 of 2,748 · a transfer names no mechanism"


def test_chinese_says_all_of_it(release):
    name, value, _, light, source, owner = rows(release, "zh")[1]
    assert (name.text, light.text, source.text) == ("超出目的的读取", "■ 红", "访问日志、审计日志")
    assert (value.below, owner.below) == ("6 / 2,748", "2026年10月14日 前")


def test_the_door_draws_it_and_checks_at_once(release):
    shown = wb.figures.indicators(release, lights=["red"])._repr_mimebundle_()
    assert "Reads outside their purpose" in shown["text/html"]
    with pytest.raises(QuestionRefused, match="'other' holds no indicators"):
        wb.figures.indicators(Release("e-1", "other", "", "", None, (), (), {}, Cost(), "v"))


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("coverage", 0.964, "96.4%"),
        ("coverage", 1.0, "100%"),
        ("detect-hours", 17.5, "17.5 h"),
        ("key-age", 41.0, "41 days"),
        ("impact-ratio", 0.871, "0.87"),
        ("quality-accuracy", 0.9797, "97.97%"),  # green from 98%, which this is not
        ("quality-accuracy", 0.98, "98%"),
        ("quality-accuracy", 0.97999999, "98.000%"),
        ("impact-ratio", 0.8991, "0.899"),
        ("past-retention", 0.0, "0%"),
        ("past-retention", 0.00097, "0.097%"),
        ("impact-ratio", 0.9, "0.90"),
        ("smallest-group", 104.0, "104"),
    ],
)
def test_values_are_read_in_their_unit(name, value, text):
    assert value_text(kpi(name), value, Language()) == text


def test_thresholds_in_words():
    assert threshold(kpi("detect-hours"), Language()) == "green up to 24 h, amber up to 72 h"
    assert threshold(kpi("encryption"), Language()) == "green from 100%"
    assert threshold(kpi("human-review"), Language()) == ""


def test_a_page_shows_lights_as_words_with_a_colour(release):
    from workbench.reporting.pages.page import Page
    from workbench.reporting.pages.parts import Context, Drawing
    from workbench.reporting.pages.text import Heading

    drawn = IndicatorsSpec().draw([release], Language())
    html = Page([Heading(1, "Kept?"), Drawing(drawn, (release.id,))], Context("Summary")).html
    assert '<span class="light red">■ Red</span>' in html
    assert '<small class="below">6 of 2,748</small>' in html
    assert '<th scope="row">Reads outside their purpose' in html
