"""The rules of a report applied to features: the same personas that releases count."""

import duckdb
import ibis
import pytest
from support.lab import Lab, exactly

import workbench as wb
from workbench.errors import InputError
from workbench.estates.datasets import import_dataset

RULES = [
    "persona | recency | frequency | money | action",
    "Best    | 2-3     | 3         | 2     | Thank",
    "Steady  | 2-3     | 3         | 1     | Offer more",
    "Seldom  | 2-3     | 1-2       | any   | Remind",
    "Gone    | 1       | any       | any   | Ask why",
]
CUTS = {"recency": [30, 90], "frequency": [2, 8], "money": [500]}


def named(table, as_of="2026-09", **options):
    return wb.personas(table, RULES, as_of=as_of, months=9, **CUTS, **options)


def test_the_desk_counts_what_a_release_counts(shop):
    tx = shop.open("transactions", "reporting")
    for as_of in ("2026-09", "2026-06-15"):
        who = named(tx, as_of)
        asked = wb.query(tx, by=who, period=("2026-01", "2026-09")).customers()
        released = {row["persona"]: row["customers"] for row in exactly(shop, asked)}
        own = wb.assign_personas(_features(shop, tx, as_of), who)
        counted = own.group_by("persona").agg(n=own.count()).execute()
        assert dict(zip(counted.persona, counted.n, strict=True)) == {
            name: count for name, count in released.items() if count
        }
        assert sum(released.values()) == 600


def _features(shop, tx, as_of):
    # the shop's transactions name their money column as a measure: features look for one
    return wb.features(tx, shop.catalog, as_of=as_of, months=9)


def test_scores_stand_beside_the_persona(shop):
    tx = shop.open("transactions", "reporting")
    frame = wb.assign_personas(_features(shop, tx, "2026-09"), named(tx)).execute()
    assert {"recency_score", "frequency_score", "money_score", "persona"} <= set(frame.columns)
    assert set(frame.frequency_score) == {3}
    assert (frame.money_score == 1 + (frame.monetary.astype(float) >= 500)).all()


def test_customers_without_a_transaction_are_inactive():
    rows = [("a", None, 0, 0.0), ("b", 3, 9, 10.0)]
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE f (customer_id VARCHAR, recency_days BIGINT, frequency_days BIGINT, "
        "monetary DOUBLE)"
    )
    connection.executemany("INSERT INTO f VALUES (?, ?, ?, ?)", rows)
    table = ibis.duckdb.from_connection(connection).table("f")
    lab = Lab([])
    frame = wb.assign_personas(table, named(lab.table)).execute().set_index("customer_id")
    assert frame.persona.to_dict() == {"a": "Inactive", "b": "Steady"}
    left_out = wb.assign_personas(table, named(lab.table, inactive=None)).execute()
    assert left_out.persona.isna().sum() == 1


def test_features_without_what_the_rules_need_are_refused():
    table = ibis.memtable({"customer_id": ["a"], "recency_days": [1]})
    with pytest.raises(InputError, match="the frame lacks frequency_days, monetary; the rules"):
        wb.assign_personas(table, named(Lab([]).table))


@pytest.fixture(scope="module")
def cdnow(tmp_path_factory):
    """Return a workspace on CDNOW."""
    folder = tmp_path_factory.mktemp("cdnow")
    import_dataset("cdnow", folder)
    workspace = wb.open_workspace(folder)
    workspace.init()
    return workspace


def test_personas_of_cdnow_have_the_shape_fader_hardie_and_lee_2005_published(cdnow):
    # repeat purchases of the 2,357 customers of the sample in the first 39 weeks, 0 to 6 and more:
    # Fader, Hardie & Lee 2005
    published = [1411, 439, 214, 100, 62, 38, 29, 64]
    rows = [f"{n} repeats | {n + 1}" for n in range(8)]
    tx = cdnow.open("transactions", "segmentation")
    people = cdnow.open("customers", "segmentation")
    who = wb.personas(
        tx, ["persona | frequency", *rows], as_of="1997-09-30", frequency=list(range(2, 9))
    )
    asked = wb.query(tx, by=[who, people.in_sample], period=("1997-01", "1997-09")).customers()
    counted = [row["customers"] for row in exactly(cdnow, asked) if row["in_sample"]]
    assert counted == [*published, 0]
