"""Numbers, months and words in both languages."""

import string

import pytest

from workbench.errors import UnknownName
from workbench.figures.language import LANGUAGES, Language, spoken
from workbench.figures.values import label
from workbench.privacy.columns import Dimension

EN, ZH = Language("en"), Language("zh")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (EN.number(1234567.891, 2), "1,234,567.89"),
        (EN.number(-0.4), "0"),
        (EN.number(-12), "−12"),
        (EN.percent(0.1234), "12.3%"),
        (EN.compact(999_999), "999,999"),
        (EN.compact(12_345_678), "12.35M"),
        (ZH.compact(12_345_678), "1234.57万"),
        (ZH.compact(800_000), "80万"),
        (ZH.compact(99_999), "99,999"),
        (ZH.compact(73_000, least=ZH.least_beside(3_389_000)), "7.3万"),
        (EN.compact(73_000, least=EN.least_beside(338_900)), "73,000"),
        (EN.money("−5", "EUR"), "−€5"),
        (ZH.money("5", "CNY"), "¥5"),
        (EN.period("2026-09"), "Sep 2026"),
        (EN.period("2026-09", full=True), "September 2026"),
        (ZH.period("2026-09"), "2026年9月"),
        (EN.period("2026-09-30"), "Sep 30, 2026"),
        (EN.period("2026-Q3"), "Q3 2026"),
        (EN.period("2026-13"), "2026-13"),
        (EN.month_tick("2026-01", with_year=True), "Jan<br>2026"),
        (EN.month_tick("2026-02", with_year=False), "Feb"),
    ],
)
def test_said_as_a_reader_expects(said, expected):
    assert said == expected


def test_languages_say_the_same_things():
    messages = [spoken(code)["messages"] for code in LANGUAGES]
    for key in messages[0]:
        names = [
            {name for _, name, _, _ in string.Formatter().parse(words[key]) if name}
            for words in messages
        ]
        assert all(each == names[0] for each in names), key
    assert all(set(words) == set(messages[0]) for words in messages)


def test_declared_words_are_translated_and_others_stay():
    zh = Language("zh", {"North": "北部"})
    assert (zh.say("North"), zh.say("East")) == ("北部", "East")


def test_an_unknown_language_is_refused():
    with pytest.raises(UnknownName, match=r"no language named 'fr'.*'en', 'zh'"):
        Language("fr")


def test_bands_of_a_questions_own_edges_are_said_in_the_language():
    band = Dimension("amount_band", "Amount, band", "band", ("< 50", "50 to 200", "≥ 1,000"))
    said = [label(band, value, Language("zh")) for value in band.values]
    assert said == ["< 50", "50 至 200", "≥ 1,000"]
    assert label(band, "50 to 200", Language()) == "50 to 200"


def test_titles_are_translated_by_their_parts():
    chinese = Language("zh", {"Amount": "金额", "Amount, mean": "人均金额"})
    assert chinese.measure("Amount, total") == "金额总计"
    assert chinese.measure("Amount, mean") == "人均金额"
    assert chinese.measure("Amount, band") == "金额区间"
    assert chinese.measure("Amount, total, change") == "金额总计变化"
    assert chinese.measure("Risk, appetite") == "Risk, appetite"
    assert Language("en", {}).measure("Amount, total") == "Amount, total"


def test_what_a_rule_asks_in_days_is_said_in_the_language():
    said = ("≥ 48 days", "< 1,200 days", "12 to 48 days", "any days")
    asked = Dimension("frequency", "Frequency", "category", said)
    assert [label(asked, each, EN) for each in said] == list(said)
    assert [label(asked, each, ZH) for each in said] == [
        "≥ 48 天", "< 1,200 天", "12 至 48 天", "any days",
    ]  # fmt: skip
