"""Notes stand by the figures they concern, in the page's language."""

from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest
from factories.live import asked
from factories.noisy import REGION, Books
from factories.releases import AMOUNT, CUSTOMERS, MEAN, MONTH, release

import workbench
import workbench as wb
from workbench import figures
from workbench.figures.language import LANGUAGES, Language
from workbench.figures.notes import notes_about, translated
from workbench.privacy import columns

BOUND = "Amount: one customer counts for at most 3,000.00 CNY in a cell."
ROWS = "One customer counts for at most 20 rows in a cell."
BOUND_READ = (
    "Amount: one customer counts for at most 3,000 CNY in each group counted; where groups are "
    "added up, for as much in each."
)
ROWS_READ = (
    "One customer counts for at most 20 records in each group counted; where groups are added up, "
    "for as many in each."
)
MONTHLY = release((MONTH,), (CUSTOMERS, AMOUNT, MEAN), notes=(BOUND, ROWS))
TOTAL = release((), (CUSTOMERS, AMOUNT), notes=(BOUND,))
ENGLISH, CHINESE = Language(), Language("zh", {"Amount": "金额", "CNY": "元"})


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        (figures.line(MONTHLY, x="month", y="customers"), ()),
        (figures.line(MONTHLY, x="month", y="amount_sum"), (BOUND_READ, ROWS_READ)),
        (figures.bar(MONTHLY, x="month", y="amount_mean"), (BOUND_READ, ROWS_READ)),
        (figures.table(MONTHLY, columns=["month", "customers"]), ()),
        (figures.table(MONTHLY), (BOUND_READ, ROWS_READ)),
        (figures.kpis(TOTAL, measures=["customers"]), ()),
        (figures.kpis(TOTAL), (BOUND_READ,)),
        (figures.text("{customers:,}", TOTAL), ()),
        (figures.text("{customers:,} ± {amount_sum_margin:,.0f}", TOTAL), (BOUND_READ,)),
        (figures.text("{0.customers}, {1.customers}", TOTAL, replace(TOTAL, id="r-0009")), ()),
        (
            figures.text("{0.customers}, {1.amount_sum}", TOTAL, replace(TOTAL, id="r-0009")),
            (BOUND_READ,),
        ),
    ],
)
def test_a_note_stands_by_figures_of_its_measure_only(figure, shown):
    assert notes_about(figure.spec, figure.releases, ENGLISH) == shown


def test_a_note_that_begins_like_no_measure_is_about_all():
    made = replace(TOTAL, notes=("Region: values below 20 are merged.", "Nothing: in particular."))
    figure = figures.kpis(made, measures=["customers"])
    assert notes_about(figure.spec, figure.releases, ENGLISH) == made.notes


@pytest.mark.parametrize(
    ("note", "about"),
    [
        (BOUND, [AMOUNT]),
        (ROWS, [AMOUNT]),
        ("One customer counts for at most 1 rows in a cell.", [AMOUNT]),
        ("One customer counts for at most nobody: a title of somebody's.", []),
        ("Customers: not known as yet. About 9 contacts, instead of 3, would tell an effect of 1 "
         "points from none, 4 times in 5.", [CUSTOMERS]),
        ("Customers: the level changes in 2026-04; chance of a false alarm: at most 1.0%.",
         [CUSTOMERS]),
        ("Amount: in words of one's own.", [AMOUNT]),
        ("Amount", []),
    ],
)  # fmt: skip
def test_a_note_concerns_the_measure_that_it_names(note, about):
    assert [each for each in (CUSTOMERS, AMOUNT) if columns.concerns(note, [each])] == about


def test_a_note_without_a_title_of_its_own_concerns_the_one_that_it_begins_with():
    note = columns.noted("everybody")
    chosen = replace(AMOUNT, title=note.partition(": ")[0])
    assert columns.concerns(note, [chosen])
    assert not columns.concerns(note, [AMOUNT])


def test_a_chart_of_one_measure_says_nothing_of_what_only_the_others_are_made_of():
    books = Books()
    about = "Amount: one customer counts for at most 400.00 CNY in a cell."
    paid = books.put(replace(asked(books, [REGION], 1, seed=1), notes=(about,)))
    both = paid.derive("customers", wb.ratio("amount_sum", "rows", name="each", title="Each"))
    assert about in both.notes
    of_counts, of_amounts = (figures.bar(both, x="region", y=y) for y in ("customers", "each"))
    assert notes_about(of_counts.spec, [both], Language()) == ()
    assert len(notes_about(of_amounts.spec, [both], Language())) == 1
    planned = replace(both, id="p-900001", origin=None)  # stands on what nobody can look up
    assert len(notes_about(of_counts.spec, [planned], Language())) == 1


def test_notes_are_chinese_on_a_chinese_page():
    further = "；各组相加时，每组各计至多"
    assert translated(BOUND, CHINESE) == (
        f"金额：每位客户在每个计数组中最多计 3,000 元{further}这么多。"
    )
    assert translated(ROWS, CHINESE) == f"每位客户在每个计数组中最多计 20 条记录{further} 20 条。"
    assert translated(BOUND.replace("3,000.00 CNY", "0.50"), CHINESE) == (
        f"金额：每位客户在每个计数组中最多计 0.50{further}这么多。"
    )
    assert translated("Some other note.", CHINESE) == "Some other note."
    assert translated("Mine.", Language("zh", {"Mine.": "我的。"})) == "我的。"


@pytest.mark.parametrize(
    ("note", "read"),
    [
        (
            "Stability: by the lower end of the margin of kept it since: A from 0.7, not so from "
            "0.",
            "稳定性：以“保持”误差范围的下端为准：A 自 0.7 起、否 自 0 起。",
        ),
        (
            "All together: the level changes in 2026-04; chance of a false alarm: at most 1.0%.",
            "合计：水平自 2026年4月 起改变；误报概率至多 1.0%。",
        ),
        (
            "1 of 9 rows are not shown: their noisy number of customers is below 2 standard "
            "deviations of its noise.",
            "9 行中有 1 行未显示：其带噪客户数低于其噪声标准差的 2 倍。",
        ),
        (
            "1 of 9 rows are not shown: their noisy number of customers is below 20 or 2 standard "
            "deviations of its noise, whichever is more.",
            "9 行中有 1 行未显示：其带噪客户数低于 20 与其噪声标准差的 2 倍中的较大者。",
        ),
        (
            "Adjusted by least squares so that totals agree with their parts: Amount, total; Rows.",
            "已在噪声范围内调整，使合计与各部分一致（金额总计、记录数）。",
        ),
        (
            "Within a band customers count as equal; margins are first-order approximations.",
            "同一区间内的客户视为相同；误差范围为近似值。",
        ),
        (
            "The noise leaves the order of the 6 open: compare margins.",
            "噪声之下，这 6 项的次序未定：请比较误差范围。",
        ),
        (
            "The noise leaves the order and the choice of the 6 open: compare margins.",
            "噪声之下，这 6 项的次序与入选均未定：请比较误差范围。",
        ),
        (
            "Chance that the order of the 2 is wrong: at most 0.0%.",
            "这 2 项次序有误的概率：至多 0.0%。",
        ),
        (
            "Chance that the order of the 2 is wrong: at most 0.0%; that another belongs among "
            "them: at most 36.2%.",
            "这 2 项次序有误的概率：至多 0.0%；另有他项应列其中的概率：至多 36.2%。",
        ),
    ],
)
def test_what_is_said_of_derived_figures_is_chinese_too(note, read):
    words = {"Stability": "稳定性", "Kept it since": "保持", "not so": "否", "Amount": "金额",
             "Rows": "记录数"}  # fmt: skip
    assert translated(note, Language("zh", words)) == read


OLDER = {"one row", "adjusted all"}  # read, and no longer written, or by another key


@pytest.mark.parametrize("key", columns.notes())
def test_a_note_is_found_again_by_its_sentence_and_read_in_each_language(key):
    each = columns.notes()[key]
    fields = [(name, form) for _, name, form, _ in Formatter().parse(each["stored"]) if name]
    values = {name: 12 if form else f"a {name}" for name, form in fields}
    stored = columns.noted(key, **values)
    assert columns.read(stored)[0] == key
    assert set(columns.read(stored)[1]) == set(values)
    for code in LANGUAGES:
        assert {name for _, name, _, _ in Formatter().parse(each[code]) if name} <= set(values)
        assert "{" not in translated(stored, Language(code))


def test_every_note_is_one_that_is_written():
    sources = " ".join(
        path.read_text(encoding="utf-8") for path in Path(workbench.__file__).parent.rglob("*.py")
    )
    assert {key for key in columns.notes() if f'"{key}"' not in sources} == OLDER
