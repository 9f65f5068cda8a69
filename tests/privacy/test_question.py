"""A question is resolved against the catalog, or refused with what would do, unseen data or not."""

import datetime as dt
import json
from decimal import Decimal

import ibis
import pytest
from support.lab import COLUMNS, TODAY, Lab, catalog_of, cents

import workbench as wb
from workbench.catalog import Catalog
from workbench.errors import PeriodError, QuestionRefused, UnknownName
from workbench.privacy.books.entries import identity_of
from workbench.privacy.identity import labels
from workbench.privacy.question import MAX_CELLS, resolve


@pytest.fixture(scope="module")
def lab():
    return Lab([{"customer_id": "u1", "day": dt.date(2026, 1, 5), "region": "a"}])


def identities(lab, query, **options):
    """Return what an answer to a question is known by, part by part."""
    question = lab.resolve(query, **options)
    return [identity_of(part.canonical, "v1") for part in question.parts]


class TestIdentity:
    def test_names_and_order_do_not_matter(self, lab):
        tx = lab.table
        base = wb.query(tx, by=["region", "kind", (tx.amount > 9).name("a")], where={"flag": True})
        first = identities(lab, base.customers().sum("amount").rate(x=tx.level > 1, y=tx.level > 2))
        other = wb.query(
            tx, by=[(tx.amount > 9).name("b"), "kind", "region"], where=[{"flag": [True, True]}]
        )
        other = other.rate(q=tx.level > 2).sum("amount").rate(p=tx.level > 1)
        assert identities(lab, other) == first

    def test_conditions_that_swap_their_names_keep_their_meaning(self, lab):
        tx = lab.table
        one = lab.resolve(wb.query(tx).rate(x=tx.level > 1, y=tx.level > 2))
        other = lab.resolve(wb.query(tx).rate(y=tx.level > 1, x=tx.level > 2))
        assert one.parts == other.parts
        assert set(labels(one)) == set(labels(other))
        assert labels(one) != labels(other)

    def test_the_order_of_filters_and_of_their_values_does_not_matter(self, lab):
        tx = lab.table
        one = wb.query(tx, where=[{"region": ["a", "b"]}, tx.amount > 3]).customers()
        other = wb.query(tx, where=[tx.amount > 3, {"region": {"b", "a"}}]).customers()
        assert identities(lab, one) == identities(lab, other)

    def test_everything_that_changes_an_answer_changes_it(self, lab):
        tx = lab.table
        span = {"period": "2026-01"}
        asked = [
            wb.query(tx, **span).customers(),
            wb.query(tx, period="2026-02").customers(),
            wb.query(tx, period=("2026-01", "2026-02")).customers(),
            wb.query(tx).customers(),
            wb.query(tx, **span).count(),
            wb.query(tx, rows=9, **span).count(),
            wb.query(tx, **span).sum("amount"),
            wb.query(tx, **span).sum("amount", bounds=(0, 100)),
            wb.query(tx, **span).mean("amount"),
            wb.query(tx, **span).std("amount"),
            wb.query(tx, **span).median("amount"),
            wb.query(tx, **span).median("amount", candidates=[1, 2]),
            wb.query(tx, **span).quantile("amount", 0.9),
            wb.query(tx, **span).distinct("note", most=1),
            wb.query(tx, **span).distinct("note", most=2),
            wb.query(tx, **span).rate(x=tx.amount > 1),
            wb.query(tx, **span).rate(x=tx.amount > 2),
            wb.query(tx, by="region", **span).customers(),
            wb.query(tx, by="region", cells=1, **span).customers(),
            wb.query(tx, by="kind", **span).customers(),
            wb.query(tx, by="kind", where={"region": "a"}, **span).customers(),
            wb.query(tx, by="kind", where={"region": "b"}, **span).customers(),
            wb.query(tx, by=wb.bands("amount", [1]), **span).customers(),
            wb.query(tx, by=wb.bands("amount", [2]), **span).customers(),
            wb.query(tx, by=wb.bands("amount", [2], of="customer"), **span).customers(),
            wb.query(tx, by=wb.discovered("note", delta="1e-8"), **span).customers(),
            wb.query(tx, by="weekday", **span).customers(),
        ]
        found = [identities(lab, query)[0] for query in asked]
        found.append(identities(lab, asked[0], pure=True)[0])
        assert len(set(found)) == len(found)

    def test_a_month_is_one_answer_whatever_months_it_was_asked_with(self, lab):
        def by(span):
            return identities(lab, wb.query(lab.table, by="month", period=span).customers())

        quarter, january = by(("2026-01", "2026-03")), by("2026-01")
        assert len(quarter) == 3
        assert january == quarter[:1]

    def test_it_is_plain_json(self, lab):
        (part,) = lab.resolve(wb.query(lab.table, period="2026-01").sum("amount")).parts
        assert json.loads(json.dumps(part.canonical)) == part.canonical


class TestBoundsAreTheCatalogs:
    def test_cells_and_rows_come_from_the_catalog_and_may_be_given(self, lab):
        query = wb.query(lab.table, by=["region", "kind"]).customers()
        assert (lab.resolve(query).cells, lab.resolve(query).rows) == (2, 3)
        query = wb.query(lab.table, by=["region", "kind"], cells=5, rows=7).customers()
        assert (lab.resolve(query).cells, lab.resolve(query).rows) == (5, 7)

    def test_nobody_is_in_more_cells_than_there_are(self, lab):
        tx = lab.table
        assert lab.resolve(wb.query(tx, cells=9).customers()).cells == 1
        assert lab.resolve(wb.query(tx, by="region", cells=9).customers()).cells == 3
        months = wb.query(tx, by="month", period=("2026-01", "2026-09"), cells=9)
        assert lab.resolve(months.customers()).cells == 1

    def test_values_per_customer_lower_the_bound(self):
        columns = {**COLUMNS, "region": {**COLUMNS["region"], "values_per_customer": 1}}
        lab = Lab([], columns=columns, cells=12)
        assert lab.resolve(wb.query(lab.table, by=["region", "kind"]).customers()).cells == 4

    @pytest.mark.parametrize("given", [0, -1, 2.5, "3", True])
    @pytest.mark.parametrize("name", ["cells", "rows"])
    def test_they_are_whole_numbers_above_0(self, lab, name, given):
        with pytest.raises(QuestionRefused, match=f"{name} must be a whole number, 1 or more"):
            lab.resolve(wb.query(lab.table, **{name: given}).customers())


class TestRefusals:
    def test_a_question_that_asks_for_nothing(self, lab):
        with pytest.raises(QuestionRefused, match=r"asks for nothing\. Add \.customers\(\)"):
            lab.resolve(wb.query(lab.table, by="region"))

    def test_a_table_without_a_privacy_unit(self, lab):
        operational = catalog_of(COLUMNS, subject_key=None, operational=True, contribution=None)
        with pytest.raises(QuestionRefused, match="operational: it has no privacy unit"):
            resolve(wb.query(lab.table).customers(), operational, TODAY)

    @pytest.mark.parametrize("derived", ["filtered", "aggregated", "joined", "in memory"])
    def test_a_table_that_ws_open_did_not_return(self, lab, derived):
        tx = lab.table
        table = {
            "filtered": lambda: tx.filter(tx.amount > 1),
            "aggregated": lambda: tx.group_by("region").aggregate(amount=tx.amount.sum()),
            "joined": lambda: tx.join(tx.view(), "customer_id"),
            "in memory": lambda: ibis.memtable({"customer_id": ["u1"]}),
        }[derived]()
        with pytest.raises(QuestionRefused, match=r"the table that ws\.open\(…\) returned"):
            lab.resolve(wb.query(table).customers())

    def test_more_cells_than_are_answered_at_once(self):
        domain = [f"v{i}" for i in range(3163)]
        columns = {
            **COLUMNS,
            "region": {"type": "text", "domain": domain},
            "kind": {"type": "text", "domain": domain},
        }
        lab = Lab([], columns=columns)
        with pytest.raises(QuestionRefused, match="10,004,569 cells; at most 1,000,000"):
            lab.resolve(wb.query(lab.table, by=["region", "kind"]).customers())
        assert MAX_CELLS == 1_000_000

    def test_a_group_called_like_a_figure(self, lab):
        tx = lab.table
        for name, query in [
            ("customers", wb.query(tx).customers()),
            ("amount_sum", wb.query(tx).sum("amount")),
            ("customers_low", wb.query(tx).customers()),
            ("amount_q50", wb.query(tx).median("amount")),
        ]:
            grouped = wb.query(tx, by=(tx.amount > 1).name(name))
            grouped = type(grouped)(tx, grouped.by, asks=query.asks)
            with pytest.raises(QuestionRefused, match=f"'{name}' is called like a figure"):
                lab.resolve(grouped)

    def test_found_values_with_anything_else(self, lab):
        found = wb.discovered("note", delta="1e-8")
        for query in (
            wb.query(lab.table, by=["region", found]).customers(),
            wb.query(lab.table, by=found).sum("amount"),
            wb.query(lab.table, by=found).median("amount"),
        ):
            with pytest.raises(QuestionRefused, match=r"alone: ask \.customers\(\) by it only"):
                lab.resolve(query)

    def test_pure_answers_of_what_is_no_count(self, lab):
        tx = lab.table
        for query in (wb.query(tx).sum("amount"), wb.query(tx).rate(x=tx.amount > 1)):
            with pytest.raises(QuestionRefused, match="pure=True answers"):
                lab.resolve(query, pure=True)
        for query in (
            wb.query(tx).median("amount"),
            wb.query(tx).distinct("note", most=1),
            wb.query(tx, by=wb.discovered("note", delta="1e-8")).customers(),
        ):
            with pytest.raises(QuestionRefused, match="have mechanisms of their own"):
                lab.resolve(query, pure=True)


class TestWhere:
    def test_a_mapping_keeps_its_values(self):
        lab = Lab([
            {"customer_id": "u1", "region": "a", "flag": True, "level": 1},
            {"customer_id": "u2", "region": "b", "flag": True, "level": 2},
            {"customer_id": "u3", "region": "c", "flag": False, "level": 3},
            {"customer_id": "u4", "region": None, "flag": None, "level": None},
        ])  # fmt: skip
        for where, customers in [
            ({"region": "a"}, 1), ({"region": ["a", "b"]}, 2), ({"flag": True, "level": [2, 3]}, 1),
            ({"region": []}, 0), (lab.table.region.isnull(), 1), (lab.table.level > 1, 2),
            ([{"flag": True}, lab.table.level > 1], 1), (~lab.table.flag, 1),
        ]:  # fmt: skip
            assert lab.ask(wb.query(lab.table, where=where).customers()) == [
                {"customers": customers}
            ]

    def test_values_of_every_type(self):
        row = {
            "customer_id": "u1", "region": "a", "day": dt.date(2026, 1, 5), "amount": cents(9.5),
            "weight": 2.5, "level": 2, "flag": False, "score": Decimal("0.125"),
        }  # fmt: skip
        lab = Lab([row])
        for column in ("region", "day", "amount", "weight", "level", "flag", "score"):
            found = lab.ask(wb.query(lab.table, where={column: row[column]}).customers())
            assert found == [{"customers": 1}]
        found = lab.ask(wb.query(lab.table, where={"day": "2026-01-05"}).customers())
        assert found == [{"customers": 1}]

    @pytest.mark.parametrize(
        "where",
        [
            {"region": 5}, {"region": None}, {"level": "x"}, {"level": True}, {"level": 1.5},
            {"flag": 1}, {"flag": "yes"}, {"amount": "much"}, {"day": "garbage"}, {"day": 2026},
            {"region": [["a"]]},
        ],
    )  # fmt: skip
    def test_a_value_its_column_cannot_have(self, lab, where):
        (column,) = where
        with pytest.raises(QuestionRefused, match=f"where={{'{column}': .* no value of it"):
            lab.resolve(wb.query(lab.table, where=where).customers())

    def test_a_column_that_is_not_declared(self, lab):
        with pytest.raises(UnknownName, match="Did you mean 'region'"):
            lab.resolve(wb.query(lab.table, where={"regoin": "a"}).customers())

    @pytest.mark.parametrize(
        "make", ["aggregate", "window", "subquery", "random", "other table", "rank"]
    )
    def test_a_condition_that_looks_beyond_its_row(self, lab, make):
        tx = lab.table
        other = ibis.table({"customer_id": "string", "amount": "int64"}, name="other")
        where = {
            "aggregate": lambda: tx.amount > tx.amount.mean(),
            "window": lambda: tx.amount.sum().over(ibis.window(group_by="customer_id")) > 5,
            "subquery": lambda: tx.customer_id.isin(tx.filter(tx.amount > 5).customer_id),
            "random": lambda: ibis.random() < 0.5,
            "other table": lambda: other.amount > 1,
            "rank": lambda: ibis.rank() < 5,
        }[make]()
        with pytest.raises(
            QuestionRefused, match=r"own row|only columns of the table|columns of this"
        ):
            lab.resolve(wb.query(tx, where=where).customers())

    @pytest.mark.parametrize("where", [7, "region = 'a'", [3], object()])
    def test_what_is_no_condition(self, lab, where):
        with pytest.raises(QuestionRefused, match=r"where=… must be a (mapping|condition)"):
            lab.resolve(wb.query(lab.table, where=where).customers())

    def test_a_number_is_no_condition(self, lab):
        with pytest.raises(QuestionRefused, match="true or false for every row"):
            lab.resolve(wb.query(lab.table, where=lab.table.amount).customers())


class TestPeriod:
    @pytest.mark.parametrize(
        ("period", "message"),
        [
            ("2026-13", "2026-13"),
            ("soon", "soon"),
            ("2026-10", "2026-10"),
            ("2027-01", "2027-01"),
            (("2026-01", "2026-10"), "2026-10"),
        ],
    )
    def test_one_that_is_malformed_or_not_over(self, lab, period, message):
        with pytest.raises(PeriodError, match=message):
            lab.resolve(wb.query(lab.table, period=period).customers())

    def test_one_that_runs_backwards(self, lab):
        with pytest.raises(QuestionRefused, match="reversed: 2026-03 is after 2026-01"):
            lab.resolve(wb.query(lab.table, period=("2026-03", "2026-01")).customers())

    def test_one_of_a_table_without_time(self, lab):
        timeless = Catalog.model_validate(
            {**(content := catalog_of(COLUMNS).model_dump()), "tables": {
                "visits": {**content["tables"]["visits"], "time": None}
            }}
        )  # fmt: skip
        with pytest.raises(QuestionRefused, match="declares no time column"):
            resolve(wb.query(lab.table, period="2026-01").customers(), timeless, TODAY)
        with pytest.raises(UnknownName, match="'month'"):
            resolve(wb.query(lab.table, by="month").customers(), timeless, TODAY)

    def test_months_need_a_span(self):
        columns = {**COLUMNS, "day": {"type": "date", "role": "time"}}
        lab = Lab([], columns=columns)
        with pytest.raises(QuestionRefused, match=r"give period=\('2026-01', '2026-09'\)"):
            lab.resolve(wb.query(lab.table, by="month").customers())

    def test_a_time_column_that_is_called_month_has_months(self):
        columns = {"customer_id": COLUMNS["customer_id"], "month": COLUMNS["day"]}
        table = {"time": "month", "retention": {"months": 84, "after": "month"}}
        lab = Lab([{"customer_id": "u1", "month": dt.date(2026, 2, 1)}], columns=columns, **table)
        query = wb.query(lab.table, by="month", period=("2026-01", "2026-03")).customers()
        months = lab.resolve(query).dimensions[0].values
        assert [str(each) for each in months] == ["2026-01", "2026-02", "2026-03"]
        assert len(identities(lab, query)) == 3
