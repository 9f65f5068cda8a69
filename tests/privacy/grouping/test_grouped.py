"""Values put together, by a declared rest and by a question's own groups; cohorts."""

import datetime as dt

import pytest
from support.lab import COLUMNS, Lab

import workbench as wb
from workbench.errors import PeriodError, QuestionRefused, UnknownName

ROWS = [
    {"customer_id": who, "note": country, "kind": kind}
    for who, country, kind in (
        ("u1", "Norway", "p"), ("u2", "Sweden", "q"), ("u3", "Peru", "r"), ("u4", None, None),
        ("u5", "Elsewhere", "p"), ("u1", "Sweden", "p"),
    )
]  # fmt: skip
NORTH = {"Nordics": ["Norway", "Sweden"], "Andes": ["Peru", "Chile"]}


def _by(found, name):
    return {row[name]: row["customers"] for row in found}


def test_groups_of_a_question_hold_their_values_and_the_rest_all_others():
    lab = Lab(ROWS)
    asked = wb.query(lab.table, by=wb.grouped("note", NORTH, rest="Other")).customers()
    assert _by(lab.ask(asked), "note_group") == {"Nordics": 2, "Andes": 1, "Other": 1}
    asked = wb.query(lab.table, by=wb.grouped("note", NORTH)).customers()
    assert _by(lab.ask(asked), "note_group") == {"Nordics": 2, "Andes": 1}


def test_a_declared_rest_holds_what_the_domain_leaves_out():
    note = {"type": "text", "domain": ["Norway", "Sweden"], "rest": "Elsewhere"}
    lab = Lab(ROWS, columns={**COLUMNS, "note": note})
    asked = wb.query(lab.table, by="note").customers()
    # who has no country is not known to be elsewhere
    assert _by(lab.ask(asked), "note") == {"Norway": 1, "Sweden": 2, "Elsewhere": 2}
    listed = {"type": "text", "domain": ["Norway", "Sweden", "Elsewhere"]}
    closed = Lab(ROWS, columns={**COLUMNS, "note": listed})
    other = wb.query(closed.table, by="note").customers()
    # the same values, and not the same question: its answers must never serve for each other
    ours, theirs = lab.resolve(asked), closed.resolve(other)
    assert ours.parts[0].canonical != theirs.parts[0].canonical


@pytest.mark.parametrize(
    ("column", "groups", "rest", "error", "told"),
    [
        ("note", {}, None, QuestionRefused, "by name"),
        ("note", {"A": "Norway"}, None, QuestionRefused, "a list of values"),
        ("note", {"A": []}, None, QuestionRefused, "always be empty"),
        ("note", {"A": ["x"], "B": ["x"]}, None, QuestionRefused, "in two groups"),
        ("note", {"A": ["x"]}, "A", QuestionRefused, "a name of its own"),
        ("note", {"A": [1]}, None, QuestionRefused, "is text"),
        ("level", {"A": ["1"]}, None, QuestionRefused, "is integer"),
        ("amount", {"A": [1]}, None, QuestionRefused, "wb.bands"),
        ("customer_id", {"A": ["u1"]}, None, QuestionRefused, "its values name customers"),
        ("kind", {"A": ["pp"]}, None, UnknownName, "pp"),
        ("nothing", {"A": ["x"]}, None, UnknownName, "nothing"),
    ],
)
def test_what_is_no_group_is_refused(column, groups, rest, error, told):
    lab = Lab(ROWS)
    with pytest.raises(error, match=told):
        lab.ask(wb.query(lab.table, by=wb.grouped(column, groups, rest=rest)).customers())


DAYS = {"u1": ["2026-01-05", "2026-06-01"], "u2": ["2026-03-31"], "u3": ["2026-04-01"],
        "u4": ["2025-12-31", "2026-04-01"], None: ["2026-01-05"]}  # fmt: skip
SPAN = ("2026-Q1", "2026-Q2")


@pytest.fixture(scope="module")
def lab():
    rows = [{"customer_id": who, "day": dt.date.fromisoformat(day)} for who, days in DAYS.items()
            for day in days]  # fmt: skip
    return Lab(rows, cells=12)


def counts(lab, **options):
    by = wb.cohorts(lab.table, **{"span": SPAN, **options})
    return {r["cohort"]: r["customers"] for r in lab.ask(wb.query(lab.table, by=by).customers())}


def test_a_customer_is_in_the_cohort_of_their_first_date(lab):
    assert counts(lab) == {"2026-Q1": 2, "2026-Q2": 1}
    months = counts(lab, span=("2026-01", "2026-04"), every="month")
    assert months == {"2026-01": 1, "2026-02": 0, "2026-03": 1, "2026-04": 1}
    assert counts(lab, span=("2025", "2026"), every="year") == {"2025": 1, "2026": 3}


def test_by_month_they_are_a_table_of_who_comes_back(lab):
    by = ["month", wb.cohorts(lab.table, SPAN)]
    rows = lab.ask(wb.query(lab.table, by=by, period=("2026-01", "2026-06")).customers())
    assert {(r["month"], r["cohort"]) for r in rows if r["customers"]} == {
        ("2026-01", "2026-Q1"), ("2026-03", "2026-Q1"), ("2026-04", "2026-Q2"),
        ("2026-06", "2026-Q1"),
    }  # fmt: skip


def test_by_a_date_of_another_table(shop):
    people = shop.open("customers", "service")
    by = wb.cohorts(people, ("2025-Q1", "2025-Q4"), column="opened_on")
    answer = shop.release(wb.query(people, by=by).customers(), name="x", epsilon=1)
    assert list(answer.by[0].values) == ["2025-Q1", "2025-Q2", "2025-Q3", "2025-Q4"]
    assert answer.by[0].exclusive


@pytest.mark.parametrize("span", [("2026-Q1", "2027-Q1"), ("2044-Q1", "2044-Q4")])
@pytest.mark.parametrize("column", [None, "day"])
def test_a_span_that_has_not_begun_is_refused(lab, span, column):
    with pytest.raises(PeriodError, match=r"today is 2026-10-02.*The last to ask for is 2026-Q4"):
        counts(lab, span=span, column=column)


def test_a_span_that_has_begun_looks_and_is_paid_no_further_than_this_month(lab):
    """What looks into the year 2044 would be paid from a month that nobody spends on."""
    late = {"customer_id": "late", "day": dt.date(2026, 12, 5)}
    rows = [late, {"customer_id": "now", "day": dt.date(2026, 10, 1)}]
    for every, span in (("quarter", ("2026-Q1", "2026-Q4")), ("year", ("2025", "2026"))):
        here = Lab(rows)
        by = wb.cohorts(here.table, span, every=every)
        question = here.resolve(wb.query(here.table, by=by, period="2026-09").customers())
        assert question.groups[0].rule.months[-1] == "2026-10"
        assert [part.paced_by for part in question.parts] == ["2026-10"]
        (last,) = here.ask(wb.query(here.table, by=by).customers())[-1:]
        assert last["customers"] == 1


def test_no_part_is_paid_from_a_month_that_has_not_come(lab):
    """Months of a catalog's bounds, too: those to come are paid now."""
    by_month = lab.resolve(wb.query(lab.table, by="month").customers())
    assert by_month.parts[-1].period == "2026-12"
    assert {part.paced_by for part in by_month.parts} == {f"2026-{m:02}" for m in range(1, 11)}
    rules = ["persona | money", "much | 2", "little | 1"]
    late = wb.personas(lab.table, rules, as_of="2026-12", money=[3000])
    with pytest.raises(PeriodError, match="looks at rows until 2026-12, and today is 2026-10-02"):
        lab.resolve(wb.query(lab.table, by=late).customers())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": "week"}, "every month, quarter or year"),
        ({"span": ("2026-Q2", "2026-Q1")}, "reversed"),
        ({"column": "region"}, "cohorts are by a date"),
    ],
)
def test_what_is_no_cohort_is_refused(lab, options, message):
    with pytest.raises(QuestionRefused, match=message):
        counts(lab, **options)


def test_a_date_column_is_asked_for(lab, shop):
    with pytest.raises(UnknownName, match="Did you mean 'day'"):
        counts(lab, column="dya")
    people = shop.open("customers", "service")
    asked = wb.query(people, by=wb.cohorts(people, SPAN)).customers()
    with pytest.raises(QuestionRefused, match="declares no time column"):
        shop.release(asked, name="x", epsilon=1)
