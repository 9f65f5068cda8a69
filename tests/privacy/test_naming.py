"""A question is known by what it computes, however written, and never by another's answer."""

import copy
import dataclasses
import datetime as dt
from decimal import Decimal
from functools import partial

import ibis
import pytest
from support import ledgers
from support.lab import Lab, exactly

import workbench as wb
from workbench.errors import QuestionRefused
from workbench.privacy import releasing
from workbench.privacy.engine import running
from workbench.privacy.identity import earlier_labels, fingerprint
from workbench.privacy.planning import priced
from workbench.privacy.question import resolve

DAY = dt.date(2026, 1, 15)


@pytest.fixture(scope="module")
def lab():
    return Lab([{"customer_id": f"u{i}", "day": DAY, "region": "abc"[i % 3], "kind": "pqrs"[i % 4],
                 "amount": i} for i in range(24)], cells=12)  # fmt: skip


# Pairs that no row can tell apart, and pairs that some row does.
SAME = [
    (lambda t: t.amount > 100, lambda t: t.amount > 100),
    (lambda t: t.amount > 100, lambda t: t.amount > Decimal("100.00")),
    (lambda t: t.amount > 9.5, lambda t: ~(t.amount <= Decimal("9.50"))),
    (lambda t: t.region == "a", lambda t: t.region.isin(["a", "a"])),
    (lambda t: t.region.isin(["b", "a"]), lambda t: (t.region == "a") | (t.region == "b")),
    (lambda t: t.region != "a", lambda t: ~t.region.isin(["a"])),
    (lambda t: (t.amount > 1) & t.flag, lambda t: t.flag & (t.amount > 1) & t.flag),
    (lambda t: t.amount.between(1, 2), lambda t: (t.amount <= 2) & (t.amount >= 1)),
    (lambda t: t.day >= "2026-01-05", lambda t: t.day >= ibis.date("2026-01-05")),
    (lambda t: t.day == "2026-01-05", lambda t: t.day.isin([dt.date(2026, 1, 5)])),
    (lambda t: t.amount + t.weight > 1, lambda t: (t.weight + t.amount).name("x") > 1),
    (lambda t: ~~t.flag, lambda t: t.flag),
]
OTHER = [
    (lambda t: t.amount > 100, lambda t: t.amount >= 100),
    (lambda t: t.amount - t.weight > 1, lambda t: t.weight - t.amount > 1),
    (lambda t: t.amount + t.amount > 1, lambda t: t.amount > 1),
    (lambda t: t.weight == 1, lambda t: t.weight == 1.0000001),
    (lambda t: (t.amount > 1) & t.flag, lambda t: (t.amount > 1) | t.flag),
    (lambda t: ~((t.amount > 1) & t.flag), lambda t: (t.amount > 1) & t.flag),
    (lambda t: t.note.upper() == "A", lambda t: t.note.lower() == "A"),
    (lambda t: t.note.cast("int8") == 1, lambda t: t.note.cast("int64") == 1),
    (lambda t: t.day.year() == 2026, lambda t: t.day.month() == 2026),
    (lambda t: t.amount == 1, lambda t: t.level == 1),
    (lambda t: t.level / 2 > 1, lambda t: t.level // 2 > 1),
    (lambda t: t.region.isnull(), lambda t: t.region.notnull()),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_condition_in_two_spellings_is_one(lab, one, other):
    assert fingerprint(one(lab.table)) == fingerprint(other(lab.table))


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_conditions_that_a_row_tells_apart_are_two(lab, one, other):
    assert fingerprint(one(lab.table)) != fingerprint(other(lab.table))


def canonical(lab, query):
    return [part.canonical for part in lab.resolve(query).parts]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"where": lambda t: {"region": "a"}}, {"where": lambda t: t.region == "a"}),
        ({"where": lambda t: [t.amount > 1, t.flag]}, {"where": lambda t: t.flag & (t.amount > 1)}),
        ({"where": lambda t: {"amount": 9.5}}, {"where": lambda t: {"amount": Decimal("9.50")}}),
        ({"where": lambda t: {"day": "2026-01-05"}},
         {"where": lambda t: {"day": dt.date(2026, 1, 5)}}),
        ({"by": lambda t: t.region.name("area")}, {"by": lambda t: "region"}),
        ({"rows": 2}, {"rows": 3}),  # of customers no rows are counted
        ({"period": "2026-Q1"}, {"period": ("2026-01", "2026-03")}),
    ],
)  # fmt: skip
def test_what_an_answer_does_not_depend_on_is_no_part_of_its_name(lab, one, other):
    def asked(options):
        made = {k: v(lab.table) if callable(v) else v for k, v in options.items()}
        return wb.query(lab.table, **made).customers()

    assert canonical(lab, asked(one)) == canonical(lab, asked(other))


def test_limits_of_a_row_are_part_of_a_spread(lab):
    def asked(bounds):
        columns = dict(lab.catalog.tables["visits"].model_dump()["columns"])
        columns["score"] = {**columns["score"], "bounds": bounds}
        other = Lab([], columns=columns)
        return canonical(other, wb.query(other.table).std("score"))

    assert asked([-1, 1]) != asked([0, 1])  # the widest value is the same, what is cut is not


DERIVED = {
    "mutated": lambda t: t.mutate(region=t.kind).region,
    "renamed": lambda t: t.rename(region="kind", kind="region").region,
    "filtered": lambda t: t.filter(t.amount > 3).region,
    "viewed": lambda t: t.view().region,
    "selected": lambda t: t.select("region").region,
    "joined": lambda t: t.join(t.view(), "customer_id").region,
    "aggregated": lambda t: t.group_by("customer_id").agg(region=t.region.min()).region,
    "distinct": lambda t: t.distinct().region,
    "limited": lambda t: t.limit(3).region,
    "called as a time": lambda t: t.mutate(month=t.kind).month,
    "renamed after": lambda t: t.filter(t.amount > 3).region.name("area"),
}


@pytest.mark.parametrize("make", DERIVED)
def test_a_column_of_a_changed_table_is_never_taken_for_the_opened_tables(lab, make):
    column = DERIVED[make](lab.table)
    with pytest.raises(QuestionRefused, match=r"changed after ws\.open|where=…"):
        lab.resolve(wb.query(lab.table, by=column).customers())
    for options in ({"where": column == "a"}, {"by": (column == "a").name("x")}):
        with pytest.raises(QuestionRefused, match=r"as ws\.open|own row"):
            lab.resolve(wb.query(lab.table, **options).customers())
    with pytest.raises(QuestionRefused, match=r"as ws\.open|own row"):
        lab.resolve(wb.query(lab.table).rate(x=column == "a"))


def test_a_column_of_another_tables_expression_is_never_taken_for_the_tables(shop):
    consents, people = shop.open("consents", "service"), shop.open("customers", "service")
    for column in (
        people.filter(people.opened_on > "2025-03-01").customer_id,
        people.mutate(customer_id=people.opened_on.cast("string")).customer_id.name("since"),
    ):
        with pytest.raises(QuestionRefused, match=r"ws\.open\('customers'"):
            shop.release(wb.query(consents, by=column).customers(), name="x", rho="0.001")


def test_a_week_by_month_is_the_answer_of_a_week(shop):
    tx = shop.open("transactions", "reporting")

    def ask(**options):
        query = wb.query(tx, by="month", **options).customers()
        return shop.release(query, name="visits", rho="0.01")

    week = ask(period="2026-W06")
    assert week.columns["customers"][0] == pytest.approx(150, abs=50)
    for found in (ask(period="2026-02"), ask(period=("2026-01", "2026-03"))):
        at = found.columns["month"].index("2026-02")
        assert found.columns["customers"][at] == pytest.approx(600, abs=50)
    two = ask(period="2026-W05")  # from January into February
    assert two.columns["month"] == ["2026-01", "2026-02"]
    weeks = wb.query(tx, by="month", period="2026-W05").customers()
    exact = [row["customers"] for row in exactly(shop, weeks)]
    assert two.columns["customers"] == pytest.approx(exact, abs=50)
    assert ask(period="2026-W06") == week  # and is free


def test_months_of_no_period_are_whole_months():
    last = [{"customer_id": "u1", "day": dt.date(2026, 12, 31)}]
    found = Lab(last).ask(wb.query(Lab(last).table, by="month").customers())
    assert [row["month"] for row in found if row["customers"]] == ["2026-12"]


def resolved(shop, query):
    return resolve(query, shop.catalog, shop.now().date())


@pytest.mark.parametrize(
    ("table", "purpose", "column", "by_month"),
    [
        ("transactions", "reporting", None, True),
        ("transactions", "reporting", "booked_on", True),
        ("customers", "service", "opened_on", False),
    ],
)
def test_cohorts_by_another_date_than_the_tables_time_know_of_every_row(
    shop, table, purpose, column, by_month
):
    rows = shop.open(table, purpose)
    by = wb.cohorts(rows, ("2026-01", "2026-03"), every="month", column=column)
    (group,) = resolved(shop, wb.query(rows, by=by).customers()).groups
    assert (group.rule.months != ()) == by_month


def test_cohorts_know_of_rows_before_the_first_of_their_spans(shop):
    rows = shop.open("transactions", "reporting")
    versions = set()
    for first in ("2026-03", "2026-08"):
        by = wb.cohorts(rows, (first, "2026-09"), every="month")
        question = resolved(shop, wb.query(rows, by=by).customers())
        (group,) = question.groups
        assert group.rule.ever
        versions.add(shop._data_version(question, question.parts[0]))
    assert len(versions) == 1  # of all months up to September, whatever the first span is


def ask_as_before(shop, query, name):
    """Release as answers were stored when questions were known by the SQL of their conditions."""
    question = resolved(shop, query)
    spans = [[p.canonical["period"][0][:7]] * 2 if question.month_axis is not None
             else p.canonical["period"] for p in question.parts]  # fmt: skip
    first = question.parts[0]
    named = first.earlier or resolved(shop, dataclasses.replace(
        query, period="2026-02")).parts[0].earlier  # fmt: skip
    parts = [
        dataclasses.replace(
            part, canonical={**named(), "period": span}, earlier=None,
            period=span[0] if question.month_axis is not None else part.period,
        )
        for part, span in zip(question.parts, spans, strict=True)
    ]  # fmt: skip
    old = copy.copy(question)
    object.__setattr__(old, "parts", tuple(parts))
    cost = priced(old, None, "0.01")
    totals = partial(running.run, old, running.statements(old), shop.access, shop.now())
    versions = [shop._data_version(old, part) for part in old.parts]
    payer = releasing.Payer(shop.ledger, None, shop.now())
    asked = releasing.Asked(name, old, versions, cost, totals=totals)
    with pytest.MonkeyPatch.context() as then:
        then.setattr(releasing, "labels", earlier_labels)
        (made,) = releasing.release([asked], payer=payer)
    return made


def test_answers_of_before_are_found_where_they_were_right(shop):
    tx = shop.open("transactions", "reporting")

    def asked(rate, group, **options):
        by = [(tx.amount > 50).name(group), *options.pop("by", [])]
        query = wb.query(tx, by=by, where=tx.is_online, **options)
        return query.rate(**{rate: tx.amount > 20})

    for options in ({"period": "2026-02"}, {"period": ("2026-03", "2026-04"), "by": ["month"]}):
        before = ask_as_before(shop, asked("over", "large", **options), "before")
        paid = ledgers.spent(shop.ledger)
        now = shop.release(asked("over", "large", **options), name="now", rho="0.01")
        assert now.columns == before.columns
        other = shop.release(asked("b", "big", **options), name="now", rho="0.01")
        assert other.columns["b_rate"] == before.columns["over_rate"]
        assert other.columns["big"] == before.columns["large"]
        assert ledgers.spent(shop.ledger) == paid


def test_a_week_that_was_stored_as_its_month_never_serves_the_month(shop):
    tx = shop.open("transactions", "reporting")
    weeks = wb.query(tx, by="month", period="2026-W06").customers()
    before = ask_as_before(shop, weeks, "week")
    assert before.columns["customers"][0] == pytest.approx(150, abs=50)
    for query in (wb.query(tx, by="month", period="2026-02"), wb.query(tx, period="2026-02")):
        found = shop.release(query.customers(), name="month", rho="0.01")
        assert found.columns["customers"][0] == pytest.approx(600, abs=50)
    # the week itself is asked anew too: what it was stored as is not its name
    assert shop.release(weeks, name="week", rho="0.01").mechanism != before.mechanism
