"""What stands beside a figure is for its reader: no code, and all of it in their language."""

import re

import pytest
from factories.releases import MONTH, REGION, release

from workbench.figures.kinds.table import TableSpec
from workbench.figures.language import Language
from workbench.figures.notes import notes_about, translated
from workbench.privacy.columns import Measure
from workbench.privacy.grouping.bands import CUSTOMER_DAYS
from workbench.privacy.groups import WEEKDAYS
from workbench.privacy.sheets import why_not_added

ZH = Language("zh", {"Amount": "金额", "north": "北", "south": "南"})
CUSTOMERS = Measure("customers", "customers", "Customers", "customers")
MEDIAN = Measure("amount_median", "quantile", "Amount, median", "CNY")
CODE = re.compile(r"\w=|\b(wb|ws)\.|\w\(|`|\b[a-z]+_[a-z_]+\b|'workbench")


@pytest.mark.parametrize(
    "note",
    [
        *(
            why_not_added(each, False, [axis])
            for each in (CUSTOMERS, MEDIAN)
            for axis in (MONTH, REGION)
        ),
        "Ask period=(first, last) without by='month'.",
        "See `workbench data quality`.",
        "Ask with wb.query(tx).",
    ],
)
def test_what_tells_an_analyst_what_to_ask_does_not_reach_a_reader(note):
    found = release(notes=(note, "Only a sample."))
    spec = TableSpec()
    for language in (Language(), ZH):
        told = notes_about(spec, [found], language)
        assert len(told) == 1
        assert not any(CODE.search(each) for each in told)


def test_an_exception_always_stands():
    note = "Exception: k_means(3) was fitted on customers' rows; see ws.office.approve."
    found = release(notes=(note,))
    assert notes_about(TableSpec(), [found], Language()) == (note,)


@pytest.mark.parametrize(
    ("note", "chinese"),
    [
        (
            "Margins hold for all 12 figures at once, 95 times in 100 (Šidák).",
            "误差范围对全部 12 个数字同时成立，100 次中有 95 次（Šidák）。",
        ),
        (
            "Region: values whose noisy number of customers is below 20 are merged; merged: Other "
            "(north, south).",
            "Region：带噪客户数低于 20 的取值已合并：其他（北、南）。",
        ),
        (
            "Month: values whose noisy number of customers is below 2 standard deviations of its "
            "noise are merged; none had to be merged.",
            "月份：带噪客户数低于其噪声标准差的 2 倍的取值已合并：无需合并。",
        ),
        (
            "Amount, mean: not shown for merged values, because it does not add up over them.",
            "金额均值：不可相加，故合并后的取值不显示。",
        ),
        ("Amount: cut points were read off r-000001.", "金额：分界点取自 r-000001。"),
    ],
)
def test_notes_of_the_product_are_chinese_on_a_chinese_page(note, chinese):
    assert translated(note, ZH) == chinese


@pytest.mark.parametrize(
    "title",
    [
        *("Month", "Weekday", "Other", "Customers", "Rows", "Customers, by tenths", "Persona"),
        *WEEKDAYS,
        *CUSTOMER_DAYS.values(),
        *(
            f"Amount, {each}"
            for each in ("total", "mean", "share", "rank", "change", "band", "pair")
        ),
        "Amount of a customer, band",
        "Amount, total × Customers",
        "Amount, chance that the next is larger",
        "Customers with both",
        "Of the first, have both",
        "Times as often as by chance",
        "Cohort by year",
    ],
)
def test_words_of_the_product_are_chinese_without_a_translation(title):
    assert not re.search(r"[A-Za-z]", ZH.measure(title))
    assert Language().measure(title) == title


def test_a_definition_may_still_say_it_otherwise():
    assert Language("zh", {"Month": "月"}).measure("Month") == "月"
