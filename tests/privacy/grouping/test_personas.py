"""Personas by declared rules: one a customer, from that customer's own rows up to a date."""

import datetime as dt
from dataclasses import replace

import duckdb
import pytest
from factories.noisy import CUSTOMERS, REGION, Books, answer
from support.lab import COLUMNS, Lab, cents, exactly
from support.ledgers import spent

import workbench as wb
from workbench.errors import PeriodError, QuestionRefused, UnknownName
from workbench.privacy.columns import Dimension
from workbench.privacy.grouping.bands import cut_points, read_rules

RULES = ["persona | recency | money | action", "Gold | 2 | 2 | Thank", "Silver | 2 | 1 | Offer",
         "Lost | 1 | any | Call"]  # fmt: skip
CUTS = {"recency": [90], "money": [50]}


def bought(who, day, amount, **more):
    return {"customer_id": who, "day": dt.date.fromisoformat(day), "amount": cents(amount), **more}


ROWS = [
    bought("gold", "2026-09-30", 30), bought("gold", "2026-08-01", 20),
    bought("silver", "2026-07-03", 49.99),
    bought("lost", "2026-07-02", 500), bought("gone", "2025-09-30", 500),
]  # fmt: skip


@pytest.fixture(scope="module")
def lab():
    return Lab(ROWS, cells=12)


def personas(lab, **changes):
    return wb.personas(lab.table, **{"rules": RULES, "as_of": "2026-09", **CUTS, **changes})


def counts(lab, by, **options):
    rows = lab.ask(wb.query(lab.table, by=by, **options).customers())
    return {row[by.name]: row["customers"] for row in rows}


def test_every_customer_has_one_persona_as_of_the_date(lab):
    assert counts(lab, personas(lab)) == {"Gold": 1, "Silver": 1, "Lost": 1, "Inactive": 1}
    assert counts(lab, personas(lab, inactive=None)) == {"Gold": 1, "Silver": 1, "Lost": 1}
    named = personas(lab, inactive="Not a customer")
    assert counts(lab, named)["Not a customer"] == 1


def test_no_row_after_the_date_can_enter():
    later = [bought("silver", "2026-10-01", 400), bought("lost", "2026-10-01", 1)]
    before, after = Lab(ROWS), Lab(ROWS + later)
    assert counts(before, personas(before)) == counts(after, personas(after))


def test_a_day_is_a_date_or_the_end_of_a_month(lab):
    for as_of in ("2026-09-30", dt.date(2026, 9, 30), dt.datetime(2026, 9, 30, 23, tzinfo=dt.UTC)):
        assert personas(lab, as_of=as_of).as_of == personas(lab).as_of
    assert personas(lab).start == dt.date(2025, 10, 1)
    assert personas(lab, as_of="2026-02-15", months=1).start == dt.date(2026, 1, 16)
    assert personas(lab, as_of="2026-03-30", months=1).start == dt.date(2026, 2, 28)
    with pytest.raises(PeriodError, match="is not a period"):
        personas(lab, as_of="yesterday")
    with pytest.raises(PeriodError, match="as_of is a day such as 2026-09-30"):
        personas(lab, as_of=20260930)


def test_the_same_rules_as_of_another_date(lab):
    before = personas(lab).at("2026-06", name="before")
    assert (before.as_of, before.start) == (dt.date(2026, 6, 30), dt.date(2025, 7, 1))
    rows = lab.ask(wb.query(lab.table, by=[before, personas(lab)]).customers())
    cells = {(r["before"], r["persona"]): r["customers"] for r in rows if r["customers"]}
    assert cells == {
        ("Inactive", "Gold"): 1, ("Inactive", "Silver"): 1, ("Inactive", "Lost"): 1,
        ("Lost", "Inactive"): 1,
    }  # fmt: skip


def test_the_persona_is_of_all_the_customers_rows_whatever_is_asked_about(lab):
    asked = {"where": lab.table.amount > 25, "period": "2026-09"}
    assert counts(lab, personas(lab), **asked) == {"Gold": 1, "Silver": 0, "Lost": 0, "Inactive": 0}


def test_frequency_counts_days_and_returns_are_taken_off():
    rows = [bought("a", "2026-09-01", 80), bought("a", "2026-09-01", 80),
            bought("a", "2026-09-02", 30, flag=True), bought("b", "2026-09-01", 60),
            bought("b", "2026-09-02", -20), bought("b", "2026-09-03", 5)]  # fmt: skip
    lab = Lab(rows)
    often = wb.personas(lab.table, ["persona | frequency", "often | 2", "seldom | 1"],
                        as_of="2026-09", frequency=[3])  # fmt: skip
    assert counts(lab, often) == {"often": 1, "seldom": 1, "Inactive": 0}
    much = ["persona | money", "more | 3", "some | 2", "less | 1"]
    net = wb.personas(lab.table, much, as_of="2026-09", money=[46, 130], returns="flag")
    assert counts(lab, net) == {"more": 1, "some": 0, "less": 1, "Inactive": 0}


def test_rows_without_a_customer_are_nobodys_persona():
    lab = Lab([*ROWS, bought(None, "2026-09-30", 400)])
    assert counts(lab, personas(lab)) == {"Gold": 1, "Silver": 1, "Lost": 1, "Inactive": 1}


def test_numbers_that_are_none_or_huge_and_no_rows_at_all():
    weights = [float("nan"), float("inf"), 1e308, -1e308, None]
    rows = [{"customer_id": f"u{w}", "day": dt.date(2026, 9, 1), "weight": w} for w in weights]
    lab = Lab(rows)
    much = ["persona | money", "much | 2", "little | 1"]
    by = wb.personas(lab.table, much, as_of="2026-09", money=[10], of="weight")
    assert counts(lab, by) == {"much": 1, "little": 4, "Inactive": 0}
    empty = Lab([])
    assert set(counts(empty, personas(empty)).values()) == {0}


def test_days_end_where_the_clock_says_in_a_column_of_times():
    columns = {**COLUMNS, "day": {**COLUMNS["day"], "type": "timestamp"}}
    rows = [{"customer_id": "in", "day": "2026-09-30 23:59:59"},
            {"customer_id": "out", "day": "2026-10-01 00:00:00"}]  # fmt: skip
    lab = Lab(rows, columns=columns)
    by = wb.personas(lab.table, ["persona | recency", "new | 2", "old | 1"], as_of="2026-09",
                     recency=[1])  # fmt: skip
    assert counts(lab, by) == {"new": 1, "old": 0, "Inactive": 1}


def test_all_that_determines_a_persona_is_part_of_the_answers_identity(lab):
    def identity(by):
        return lab.resolve(wb.query(lab.table, by=by).customers()).parts[0].canonical

    plain = identity(personas(lab))
    assert identity(personas(lab, name="who", title="Who")) == plain
    renamed = [row.replace("Gold", "Best") for row in RULES]
    for other in (
        {"as_of": "2026-08"}, {"months": 6}, {"recency": [60]}, {"money": [51]},
        {"returns": "flag"}, {"of": "score"}, {"inactive": None}, {"rules": renamed},
    ):  # fmt: skip
        assert identity(personas(lab, **other)) != plain, other


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rules": RULES[:-1]}, "recency 1, money 1 belongs to no persona"),
        ({"rules": [*RULES, "Twice | 1 | 2 | x"]}, "recency 1, money 2 belongs to Lost and Twice"),
        ({"rules": [*RULES, "Lost | 1 | 2 | x"]}, "two personas have one name"),
        ({"rules": ["name | recency", "A | 1"]}, "the head of the rules is 'persona'"),
        ({"rules": RULES[:1]}, "a head such as"),
        ({"rules": "persona"}, "a head such as"),
        ({"rules": [*RULES[:-1], "Lost | 1"]}, "has 2 columns and the head has 4"),
        ({"rules": [*RULES[:-1], "Lost | 0-1 | any | x"]}, "write scores from 1 to 2"),
        ({"rules": [*RULES[:-1], "| 1 | any | x"]}, "a persona has no name"),
        ({"rules": [*RULES[:-1], f"Lost | 1 | any | {'x' * 61}"]}, "at most 60 characters"),
        ({"money": None}, "cut points are given for recency; give one for each"),
        ({"frequency": [3]}, "cut points are given for recency, frequency, money"),
        ({"recency": [90, 30]}, "must be finite numbers, rising"),
        ({"recency": [1.5]}, "whole numbers of days"),
        ({"recency": list(range(1, 200))}, "at most 100 cut points"),
        ({"inactive": "Gold"}, "'Gold' is a persona already"),
        ({"months": 0}, "months is a whole number, 1 or more"),
        ({"name": "Who is"}, "small letters, digits and _"),
        ({"of": "region"}, "only numbers have a money score"),
        ({"returns": "region"}, "names a boolean column"),
    ],
)
def test_rules_that_cannot_be_read_are_refused(lab, changes, message):
    with pytest.raises(QuestionRefused, match=message):
        lab.resolve(wb.query(lab.table, by=personas(lab, **changes)).customers())


def test_columns_that_are_not_there(lab):
    for changes in ({"of": "amuont"}, {"returns": "flga"}):
        with pytest.raises(UnknownName, match="Did you mean"):
            lab.resolve(wb.query(lab.table, by=personas(lab, **changes)).customers())


def test_a_date_after_the_questions_period_is_refused(lab):
    with pytest.raises(QuestionRefused, match="looks at rows until 2026-09-30, and the question"):
        lab.resolve(wb.query(lab.table, by=personas(lab), period="2026-08").customers())


def test_a_table_without_days_or_of_another_purpose(shop):
    tx = shop.open("transactions", "marketing")
    own = shop.open("transactions", "reporting")
    rules = ["persona | recency", "new | 2", "old | 1"]
    by = wb.personas(tx, rules, as_of="2026-09", recency=[90])
    with pytest.raises(QuestionRefused, match="cannot be joined across purposes"):
        shop.release(wb.query(own, by=by).customers(), name="x", epsilon=1)
    people = shop.open("customers", "service")
    by = wb.personas(people, rules, as_of="2026-09", recency=[90])
    with pytest.raises(QuestionRefused, match="declares no time column"):
        shop.release(wb.query(people, by=by).customers(), name="x", epsilon=1)
    operational = shop.open("incidents", "reporting")
    by = wb.personas(operational, rules, as_of="2026-09", recency=[90])
    with pytest.raises(QuestionRefused, match="has no customers to group"):
        shop.release(wb.query(own, by=by).customers(), name="x", epsilon=1)


def test_rules_may_be_written_with_spaces_and_long_dashes():
    (one, two) = read_rules(["persona|money", "A|2–3", "B| 1 "], {"money": 3})
    assert (one.scores["money"], two.scores["money"]) == ({2, 3}, {1})


def test_in_the_shop_keys_never_leave_the_engine_and_the_answer_is_free_again(shop):
    tx = shop.open("transactions", "reporting")
    rules = ["persona | money", "big | 2", "small | 1"]

    def by(**changes):
        return wb.personas(tx, rules, as_of="2026-09", months=9, money=[500], **changes)

    asked = wb.query(tx, by=by()).customers()
    big = sum(9 * (10 + i % 90) >= 500 for i in range(600))  # nine purchases each
    truth = {row["persona"]: row["customers"] for row in exactly(shop, asked)}
    assert truth == {"big": big, "small": 600 - big, "Inactive": 0}
    first = shop.release(asked, name="sizes", epsilon=1)
    before = spent(shop.ledger)
    again = shop.release(wb.query(tx, by=by(name="who")).customers(), name="again", epsilon=1)
    assert again.by[0].name == "who"
    assert again.columns["customers"] == first.columns["customers"]
    assert spent(shop.ledger) == before


def test_personas_of_rows_up_to_a_closed_month_are_not_paid_again_when_more_is_loaded(shop):
    tx = shop.open("transactions", "reporting")
    rules = ["persona | money", "big | 2", "small | 1"]
    by = wb.personas(tx, rules, as_of="2026-06", months=3, money=[500])
    asked = wb.query(tx, by=by, period="2026-06").customers()
    first = shop.release(asked, name="sizes", epsilon=1)
    with duckdb.connect() as connection:
        file = shop.settings.path("source") / "transactions.parquet"
        connection.execute(
            f"COPY (FROM '{file}' WHERE booked_on < '2026-09-15') TO '{file}.new' (FORMAT parquet)"
        )
    (file.parent / f"{file.name}.new").replace(file)
    later = wb.open_workspace(shop.settings.root, now=shop.now)
    later.init()
    tx = later.open("transactions", "reporting")
    by = wb.personas(tx, rules, as_of="2026-06", months=3, money=[500])
    again = later.release(wb.query(tx, by=by, period="2026-06").customers(), name="x", epsilon=1)
    assert again.id == first.id
    more = wb.personas(tx, rules, as_of="2026-06", months=6, money=[500])
    other = later.release(wb.query(tx, by=more, period="2026-06").customers(), name="x", epsilon=1)
    assert other.id != first.id


BAND = Dimension("t", "T", "band", ("< 10", "10 to 1,000", "1,000 to 2,000", "≥ 2,000"))


class TestCutPoints:
    def release(self, counts, by=BAND):
        return Books().put(answer([by], {"n": counts}, measures=(CUSTOMERS,)))

    def of(self, counts):
        release = self.release(counts)
        columns = {**release.columns, "customers": counts}
        return replace(release, columns=columns)

    def test_they_are_the_edges_nearest_to_the_shares(self):
        assert cut_points(self.of([20.0, 30.0, 30.0, 20.0]), (0.2, 0.75)) == [10, 2000]

    def test_noise_below_zero_is_nobody(self):
        assert cut_points(self.of([-5.0, 50.0, 50.0, -1.0]), (0.5,)) == [1000]

    def test_bands_too_coarse_are_refused(self):
        with pytest.raises(QuestionRefused, match="too coarse for 4 cut points"):
            cut_points(self.of([97.0, 1.0, 1.0, 1.0]))

    def test_only_customers_by_bands_have_them(self):
        with pytest.raises(QuestionRefused, match="read off customers by bands"):
            cut_points(self.release([1, 2, 3], REGION))

    def test_personas_take_them_from_a_release_and_say_so(self, lab):
        release = self.of([20.0, 30.0, 30.0, 20.0])
        five = Dimension("t", "T", "band", ("< 1", "1 to 2", "2 to 3", "3 to 4", "≥ 4"))
        columns = {"t": list(five.values), "customers": [20.0] * 5}
        release = replace(release, by=(five,), columns=columns)
        rules = ["persona | money", "big | 4-5", "small | 1-3"]
        made = wb.personas(lab.table, rules, as_of="2026-09", money=release)
        assert made.cuts == {"money": (1, 2, 3, 4)}
        assert made.sources == {"money": release.id}

    def test_a_reader_is_told_where_they_come_from(self, shop):
        tx = shop.open("transactions", "reporting")
        bands = wb.bands("amount", list(range(100, 900, 50)), of="customer")
        asked = wb.query(tx, by=bands, period=("2026-01", "2026-09")).customers()
        spread = shop.release(asked, name="spread", epsilon=1)
        rules = ["persona | money", "big | 4-5", "small | 1-3"]
        who = wb.personas(tx, rules, as_of="2026-09", months=9, money=spread)
        sizes = shop.release(wb.query(tx, by=who).customers(), name="sizes", epsilon=0.5)
        assert f"Persona: cut points were read off {spread.id} (money)." in sizes.notes
        shares = sizes.columns["customers"][0] / sum(sizes.columns["customers"])
        assert shares == pytest.approx(0.4, abs=0.12)  # the two best of five fifths


def test_rules_in_words(lab):
    rules = [
        "persona | recency | frequency | money", "A | 3 | 1 | 2-3", "B | 3 | 2 | 2-3",
        "C | 2 | any | 1", "D | 1 | any | 1", "E | 1-2 | any | 2-3", "F | 3 | any | 1",
    ]  # fmt: skip
    made = personas(lab, rules=rules, recency=[30, 90], frequency=[5], money=[1000, "2500.5"])
    assert made.words("recency") == {
        "A": "< 30 days", "B": "< 30 days", "C": "30 to 90 days", "D": "≥ 90 days",
        "E": "≥ 30 days", "F": "< 30 days",
    }  # fmt: skip
    assert made.words("frequency") == {
        "A": "< 5 days", "B": "≥ 5 days", "C": "any", "D": "any", "E": "any", "F": "any",
    }  # fmt: skip
    assert made.words("money")["A"] == "≥ 1,000"
    assert made.words("money")["C"] == "< 1,000"
    with pytest.raises(UnknownName, match="Did you mean 'money'"):
        made.words("mony")


@pytest.mark.parametrize("by_month", [True, False])
def test_the_month_that_a_rule_looks_at_pays(shop, by_month):
    tx = shop.open("transactions", "reporting")
    late = wb.cohorts(tx, ("2026-08", "2026-09"), every="month")
    by = ["month", late] if by_month else late
    shop.release(wb.query(tx, by=by, period="2026-01").customers(), name="x", epsilon="0.5")

    def spent(month):
        lines = {line.scope: line.spent for line in shop.ledger.status(month, shop.now(), None)}
        return lines[month]

    assert spent("2026-01") == 0
    assert spent("2026-09") == pytest.approx(0.5, rel=1e-3)


def test_the_least_integer_there_is_breaks_nothing():
    columns = {**COLUMNS, "big": {"type": "integer"}}
    rows = [{"customer_id": who, "day": dt.date(2026, 9, 1), "big": big, "flag": True}
            for who, big in (("least", -(2**63)), ("some", 5))]  # fmt: skip
    lab = Lab(rows, columns=columns)
    rules = ["persona | money", "A | 2", "B | 1"]
    made = wb.personas(lab.table, rules, as_of="2026-09", money=[10], of="big", returns="flag")
    assert counts(lab, made) == {"A": 0, "B": 2, "Inactive": 0}
