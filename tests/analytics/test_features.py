"""What customers' rows say of them as of a date, and nothing of what came later."""

import datetime as dt
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import ibis
import numpy as np
import pandas as pd
import pytest
from ibis.expr.types import Table
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

import workbench as wb
from workbench.analytics.features import features
from workbench.catalog import Catalog
from workbench.catalog_files import load_catalog
from workbench.errors import InputError, UnknownName

KEY = {"type": "text", "role": "subject key"}
TABLES = {
    "sales": (
        "transactions", "booked_on",
        {
            "customer_id": KEY, "sale": {"type": "integer", "rules": [{"unique": True}]},
            "booked_on": {"type": "date"},
            "category": {"type": "text", "domain": ["food", "home", "toys"]},
            "channel": {"type": "text", "domain": ["app", "web shop"]},
            "amount": {"type": "money", "role": "measure"}, "is_refund": {"type": "boolean"},
        },
    ),
    "people": ("identity", None, {"customer_id": KEY, "opened_on": {"type": "date"}}),
    "visits": ("usage", "month", {
        "customer_id": KEY, "month": {"type": "date"},
        "logins": {"type": "integer", "role": "measure"}}),
    "voices": ("feedback", "given_on", {
        "customer_id": KEY, "given_on": {"type": "date"},
        "topic": {"type": "text", "domain": ["fees", "app"]},
        "score": {"type": "integer", "role": "measure"}, "is_complaint": {"type": "boolean"}}),
    "contacts": ("feedback", "sent_on", {
        "customer_id": KEY, "sent_on": {"type": "date"},
        "responded": {"type": "boolean", "role": "target"}}),
    "alarms": ("operational", None, {"alarm": {"type": "text"}}),
}  # fmt: skip
SQL = {"text": "VARCHAR", "integer": "BIGINT", "money": "DECIMAL(18,2)", "date": "DATE",
       "boolean": "BOOLEAN", "timestamp": "TIMESTAMP"}  # fmt: skip
SALES = [
    # customer, sale, day, category, channel, amount, refund
    ("a", 1, "2026-09-30", "food", "app", 100, False),
    ("a", 2, "2026-09-30", "food", "app", 50, False),
    ("a", 3, "2026-09-10", "home", "web shop", 30, True),
    ("a", 4, "2026-09-20", "mars", "app", None, None),
    ("b", 5, "2025-10-01", "toys", "web shop", 80, False),
    ("b", 6, "2025-09-30", "toys", "web shop", 80, False),  # a day before the span
]


class Shop:
    """Tables of given rows, and the catalog that declares them."""

    def __init__(self, **rows):
        self.tables = {**TABLES, **rows.pop("tables", {})}
        self.connection = duckdb.connect()
        for name, (_, _, columns) in self.tables.items():
            declared = ", ".join(f"{each} {SQL[of['type']]}" for each, of in columns.items())
            self.connection.execute(f"CREATE TABLE {name} ({declared})")
            for row in rows.get(name, ()):
                marks = ", ".join("?" for _ in row)
                self.connection.execute(f"INSERT INTO {name} VALUES ({marks})", list(row))
        self.backend = ibis.duckdb.from_connection(self.connection)
        self.catalog = Catalog.model_validate(
            {
                "version": 1, "title": "Shop", "currency": "EUR",
                "privacy": {"unit": "customer", "key": "customer_id", "delta": "1e-6",
                            "limits": {"month": 2, "year": 8, "lifetime": 24}},
                "purposes": {"segmentation": {"title": "x", "basis": "contract", "audience": "x",
                                              "expires": "2035-12-31"}},
                "tables": {name: self._declared(name) for name in self.tables},
            }
        )  # fmt: skip

    def _declared(self, name):
        kind, time, columns = self.tables[name]
        first = next(iter(columns))
        about = {"operational": True} if kind == "operational" else {
            "subject_key": "customer_id", "contribution": {"cells": 1, "rows": 1}}  # fmt: skip
        return {"kind": kind, "title": name, "owner": "x", "source": f"{name}.csv", "time": time,
                "retention": {"months": 9, "after": time or first}, "purposes": ["segmentation"],
                "columns": columns, **about}  # fmt: skip

    def features(self, *others, **options):
        given = {name: self.backend.table(table) for name, table in others}
        sales = options.pop("sales", self.backend.table("sales"))
        options = {"as_of": "2026-09", **options}
        return features(sales, self.catalog, **given, **options)

    def of(self, who, *others, **options):
        frame = self.features(*others, **options).execute().set_index("customer_id")
        return frame.loc[who].to_dict()


ALL = (("customers", "people"), ("usage", "visits"), ("feedback", "voices"),
       ("campaigns", "contacts"))  # fmt: skip
PEOPLE = [("a", "2020-09-30"), ("b", "2026-09-01"), ("quiet", "2026-09-29")]
VISITS = [("a", "2026-08-01", 4), ("a", "2026-09-01", 8)]
VOICES = [("a", "2026-09-01", "fees", 4, True), ("a", "2026-09-02", "fees", 8, False)]
CONTACTS = [("a", "2026-08-31", True), ("b", "2026-08-01", False)]
EVERYTHING = {"sales": SALES, "people": PEOPLE, "visits": VISITS, "voices": VOICES,
              "contacts": CONTACTS}  # fmt: skip


def test_every_feature_by_hand():
    shop = Shop(**EVERYTHING)
    assert shop.of("a", *ALL) == pytest.approx(
        {
            "recency_days": 0, "frequency_days": 3, "monetary": 120, "gap_days": 10,
            "transactions": 4, "returns_share": 0.25, "basket_breadth": 2,
            "channel_app": 0.75, "channel_web_shop": 0.25, "tenure_days": 2191,
            "logins_monthly": 6, "feedback_count": 2, "feedback_score": 6, "complaints": 1,
            "topic_fees": 2, "topic_app": 0, "contacts": 1, "responses": 1,
        }
    )  # fmt: skip
    b = shop.of("b", *ALL)
    assert (b["recency_days"], b["frequency_days"], b["monetary"]) == (364, 1, 80)
    assert np.isnan(b["gap_days"])
    assert (b["contacts"], b["responses"], b["feedback_count"]) == (1, 0, 0)


def test_it_is_one_lazy_expression_and_each_table_is_optional():
    shop = Shop(**EVERYTHING)
    assert isinstance(shop.features(*ALL), Table)
    alone = shop.of("a")
    assert alone["tenure_days"] == 20  # since the first row of the span
    assert {"logins_monthly", "feedback_score", "contacts"}.isdisjoint(alone)
    for other in ALL:
        assert len(shop.features(other).execute()) >= 2


def test_customers_without_a_transaction_are_there_when_customers_are_given():
    quiet = Shop(**EVERYTHING).of("quiet", *ALL)
    assert (quiet["frequency_days"], quiet["monetary"], quiet["tenure_days"]) == (0, 0, 1)
    assert pd.isna(quiet["recency_days"])


def test_no_row_after_the_date_can_enter():
    later = {
        "sales": [("a", 9, "2026-10-01", "toys", "app", 999, True)],
        "people": [("new", "2026-10-01")],
        "visits": [("a", "2026-10-01", 99)],
        "voices": [("a", "2026-10-01", "app", 0, True)],
        # contacted before, but it may have been answered after
        "contacts": [("a", "2026-09-01", True)],
    }
    leaking = Shop(**{name: rows + later[name] for name, rows in EVERYTHING.items()})
    before = Shop(**EVERYTHING).features(*ALL, mix=("channel", "category"))
    after = leaking.features(*ALL, mix=("channel", "category"))
    frames = [
        each.execute().sort_values("customer_id", ignore_index=True) for each in (before, after)
    ]
    pd.testing.assert_frame_equal(*frames)


def test_a_month_of_usage_counts_once_it_is_over():
    shop = Shop(**EVERYTHING)
    assert shop.of("a", ("usage", "visits"), as_of="2026-09-30")["logins_monthly"] == 6
    assert shop.of("a", ("usage", "visits"), as_of="2026-09-29")["logins_monthly"] == 4


def test_the_engine_computes_them_without_what_frames_need():
    code = (
        "import sys; from workbench.analytics.features import features\n"
        "assert not {'numpy', 'pandas', 'pyarrow'} & set(sys.modules)"  # 100 MB of them
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_distinct_days_are_those_that_counting_finds(size):
    dice = np.random.default_rng(4)
    days = [dt.date(2024, 1, 1) + dt.timedelta(int(n)) for n in dice.integers(0, 1004, 500)]
    rows = [(f"c{i % 7}", i, day, "food", "app", 1, False) for i, day in enumerate(days)]
    shop = Shop(sales=rows)
    for months in (1, 12, 24, 40):  # 40 months are counted one by one
        found = shop.features(months=months).execute().set_index("customer_id").frequency_days
        start = pd.Timestamp(2026, 10, 1) - pd.DateOffset(months=months)
        frame = pd.DataFrame(rows).assign(day=pd.to_datetime([row[2] for row in rows]))
        held = frame[(frame.day >= start) & (frame.day < "2026-10-01")]
        assert found.to_dict() == held.groupby(0).day.nunique().to_dict()


# ---------------------------------------------------------------------- what data can be like


def test_an_empty_period_has_no_customers_but_its_columns():
    frame = Shop(**EVERYTHING).features(*ALL[1:], as_of="2020-01").execute()
    assert len(frame) == 0
    assert {"recency_days", "logins_monthly", "responses"} <= set(frame.columns)
    assert len(Shop().features().execute()) == 0


def test_one_customer_and_one_row():
    one = Shop(sales=SALES[4:5]).of("b")
    assert (one["frequency_days"], one["transactions"], one["basket_breadth"]) == (1, 1, 1)
    assert np.isnan(one["gap_days"])


def test_customers_who_are_all_alike_have_equal_features():
    rows = [(who, i, "2026-09-03", "food", "app", 10, False) for i, who in enumerate("abcde")]
    frame = Shop(sales=rows).features().execute().drop(columns="customer_id")
    assert len(frame) == 5
    assert (frame.fillna(0).nunique() == 1).all()


def test_negative_amounts_and_returns_are_taken_off_once():
    rows = [("a", 1, "2026-09-01", "food", "app", 100, False),
            ("a", 2, "2026-09-02", "food", "app", -30, False),
            ("a", 3, "2026-09-03", "food", "app", -20, True),
            ("a", 4, "2026-09-04", "food", "app", 10, True)]  # fmt: skip
    a = Shop(sales=rows).of("a")
    assert (a["monetary"], a["returns_share"]) == (40, 0.75)


def test_rows_without_a_customer_are_left_out():
    shop = Shop(**{name: [*rows, (None, *rows[0][1:])] for name, rows in EVERYTHING.items()})
    frame = shop.features(*ALL).execute()
    assert sorted(frame.customer_id) == ["a", "b", "quiet"]
    assert shop.of("a", *ALL)["transactions"] == 4


def test_rows_that_came_twice_count_once_where_asked():
    twice = Shop(sales=[*SALES, SALES[0]])
    assert twice.of("a")["transactions"] == 5
    assert twice.of("a", duplicates="drop") == pytest.approx(Shop(sales=SALES).of("a"), nan_ok=True)
    unreadable = twice.backend.table("sales").drop("sale")
    same = [("a", 7, *SALES[0][2:])]  # another sale that looks alike
    assert twice.of("a", sales=unreadable, duplicates="drop")["transactions"] == 4
    assert Shop(sales=[*SALES, *same]).of("a", duplicates="drop")["transactions"] == 5


LATE = [
    ("a", 1, "2026-09-30 15:30:00", "food", "app", 10, False),  # 23:30 in Shanghai
    ("a", 2, "2026-09-30 16:30:00", "food", "app", 10, False),  # 00:30 of October there
]


class TestTimeZones:
    def shop(self):
        columns = {**TABLES["sales"][2], "booked_on": {"type": "timestamp"}}
        return Shop(sales=LATE, tables={"sales": ("transactions", "booked_on", columns)})

    def test_a_day_ends_where_the_customers_clock_says(self):
        assert self.shop().of("a")["transactions"] == 2
        assert self.shop().of("a", timezone="Asia/Shanghai")["transactions"] == 1
        later = self.shop().of("a", timezone="Asia/Shanghai", as_of="2026-10-01")
        assert (later["frequency_days"], later["recency_days"]) == (2, 0)
        assert self.shop().of("a")["frequency_days"] == 1

    def test_an_unknown_one_is_refused(self):
        with pytest.raises(InputError, match="timezone='Mars/Olympus' is not known"):
            self.shop().features(timezone="Mars/Olympus")

    def test_a_day_without_a_time_cannot_move(self):
        with pytest.raises(InputError, match="booked_on' is date, a day without a time"):
            Shop(sales=SALES).features(timezone="Asia/Shanghai")


# ---------------------------------------------------------------------- what is refused


def without(table, column=None, **changes):
    """Return a shop whose table lacks a column, or has it declared otherwise."""
    kind, time, columns = TABLES[table]
    columns = {name: {**of, **changes.get(name, {})} for name, of in columns.items()}
    columns.pop(column, None)
    return Shop(tables={table: (kind, None if column == time else time, columns)})


@pytest.mark.parametrize(
    ("shop", "options", "message"),
    [
        (lambda: Shop(), {"months": 0}, "months is a whole number"),
        (lambda: without("sales", "booked_on"), {}, "'sales' has no time column"),
        (lambda: without("sales", "amount"), {}, "'sales' has no column of money"),
        (lambda: without("sales", category={"domain": None}), {}, "'category' of 'sales' has no"),
    ],
)
def test_what_features_cannot_be_made_of_is_refused(shop, options, message):
    with pytest.raises(InputError, match=message):
        shop().features(**options)


def test_tables_that_are_not_of_customers_or_of_several():
    shop = Shop(**EVERYTHING)
    with pytest.raises(InputError, match="'alarms' is operational"):
        shop.features(("usage", "alarms"))
    sales, people = (shop.backend.table(name) for name in ("sales", "people"))
    with pytest.raises(InputError, match="this is made of people, sales"):
        shop.features(sales=sales.join(people, "customer_id"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"returns": "refnd"}, "refnd"),
        ({"mix": ("chanel",)}, "Did you mean 'channel'"),
        ({"opened": "opened"}, "Did you mean 'opened_on'"),
        ({"topics": ["fee"]}, "Did you mean 'fees'"),
    ],
)
def test_columns_and_topics_that_are_not_there(options, message):
    with pytest.raises(UnknownName, match=re.escape(message)):
        Shop(**EVERYTHING).features(*ALL, **options)


def test_topics_may_be_a_list_of_ones_own():
    a = Shop(**EVERYTHING).of("a", ("feedback", "voices"), topics=["app"])
    assert a["topic_app"] == 0
    assert "topic_fees" not in a


# ---------------------------------------------------------------------- on the sample bank


def test_on_the_sample_bank_through_the_door(sample_source, tmp_path):
    assert wb.features is features
    connection = duckdb.connect()
    for name in ("transactions", "service_usage"):
        connection.execute(f"CREATE TABLE {name} AS FROM '{sample_source}/{name}.parquet'")
    backend = ibis.duckdb.from_connection(connection)
    frame = features(
        backend.table("transactions"),
        load_catalog(Path(sample_source) / "catalog.yaml"),
        as_of="2026-09",
        months=18,
        usage=backend.table("service_usage"),
        mix=("channel", "category"),
    ).execute()
    truth = pd.read_parquet(sample_source / "truth" / "customers.parquet")
    frame = frame.merge(truth, on="customer_id").fillna(0)
    assert len(frame) > 4_900
    shares = [name for name in frame if name.startswith(("channel_", "category_"))]
    level = pd.DataFrame(
        {
            "often": np.log1p(frame.transactions / frame.tenure_days.clip(lower=30)),
            "each": np.log1p(frame.monetary.astype(float).clip(lower=0) / frame.transactions),
            "logins": np.log1p(frame.logins_monthly),
        }
    )
    values = np.hstack([StandardScaler().fit_transform(level), 4 * np.sqrt(frame[shares])])
    planted = frame.segment.nunique()
    labels = KMeans(planted, n_init=5, random_state=0).fit_predict(values)
    assert adjusted_rand_score(frame.segment, labels) >= 0.9
