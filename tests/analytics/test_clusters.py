"""Clusters as a second view: the planted ones are found, k needs stability, the result is raw."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

import workbench as wb
from workbench.analytics.clusters import find_clusters
from workbench.errors import InputError, QuestionRefused
from workbench.privacy.provenance import provenance


@pytest.fixture(scope="module")
def planted():
    """Return 900 customers of four kinds, and each one's kind."""
    rng = np.random.default_rng(0)
    kinds = np.repeat(["star", "regular", "new", "lapsed"], [100, 300, 200, 300])
    middle = {
        "star": (3.7, 7.5, 5),
        "regular": (2.6, 5.8, 20),
        "new": (0.8, 4.0, 10),
        "lapsed": (1.0, 4.2, 200),
    }
    spread = np.array([0.12, 0.2, 4])
    data = np.array([middle[kind] for kind in kinds]) + rng.normal(0, spread, (len(kinds), 3))
    frame = pd.DataFrame(
        {
            "frequency_days": np.expm1(data[:, 0]),
            "monetary": np.expm1(data[:, 1]),
            "recency_days": data[:, 2].clip(0),
        },
        index=[f"c{i}" for i in range(len(kinds))],
    )
    return frame, pd.Series(kinds, index=frame.index)


LOGS = ("frequency_days", "monetary")


@pytest.fixture(scope="module")
def found(planted):
    return find_clusters(planted[0], log1p=LOGS, n_clusters=range(3, 7), bootstraps=6)


def test_planted_segments_are_found_at_their_number(found, planted):
    assert found.n_clusters == 4
    assert adjusted_rand_score(planted[1], found.labels) >= 0.9
    assert found.stable
    assert found.grade == "stable"
    assert found.choice.loc[4, "silhouette"] == found.choice["silhouette"].max()


def test_the_segments_planted_in_the_sample_are_found_at_their_number(sample_source):
    import duckdb

    shares = {
        **{f"by_{each}": f"channel = '{each}'" for each in ("app", "web", "branch")},
        **{f"on_{each}": f"category = '{each}'" for each in ("groceries", "dining", "travel")},
        "on_education": "category = 'education'",
        "on_bills": "category IN ('housing', 'utilities')",
    }
    figures = ", ".join(f"avg(({rule})::INT) AS {name}" for name, rule in shares.items())
    frame = duckdb.sql(
        f"""SELECT customer_id, any_value(segment) AS segment, count(*) AS visits,
            median(amount::DOUBLE) AS spend, {figures}
            FROM '{sample_source}/transactions.parquet'
            JOIN '{sample_source}/truth/customers.parquet' USING (customer_id)
            GROUP BY customer_id HAVING count(*) >= 3 ORDER BY customer_id"""
    ).df()
    frame = frame.set_index("customer_id")
    segments = frame.pop("segment")
    planted = segments.nunique()
    result = find_clusters(frame, log1p=["visits", "spend"], n_clusters=planted, bootstraps=3)
    assert planted == 6
    assert adjusted_rand_score(segments, result.labels) >= 0.9
    assert result.stable


def test_clusters_are_numbered_by_size_and_predicted_alike(found, planted):
    frame, _ = planted
    sizes = found.labels.value_counts().sort_index()
    assert sizes.is_monotonic_decreasing
    assert found.predict(frame).equals(found.labels)
    assert found.predict(frame.iloc[[5]]).tolist() == [found.labels.iloc[5]]


def test_a_profile_has_sizes_and_medians(found, planted):
    frame, kinds = planted
    table = found.profile(frame)
    assert table["customers"].sum() == 900
    assert table["share"].sum() == pytest.approx(1)
    star = found.labels[kinds == "star"].mode()[0]
    assert table.loc[star, "monetary"] == frame.loc[kinds == "star", "monetary"].median()
    assert found.centers.loc[star, "monetary"] == pytest.approx(np.expm1(7.5), rel=0.1)


def test_every_cluster_has_its_nearest_persona(found, planted):
    frame, kinds = planted
    table = found.nearest_persona(kinds, frame)
    assert set(table["persona"]) == {"star", "regular", "new", "lapsed"}
    assert (table["overlap"] > 0.9).all()
    assert (table["distance"] < 0.3).all()
    with pytest.raises(InputError, match="900 customers have no persona"):
        found.nearest_persona(kinds.head(0), frame)


def test_clusters_that_do_not_come_back_are_not_chosen_for_their_silhouette():
    rng = np.random.default_rng(1)
    cloud = pd.DataFrame(rng.normal(size=(300, 4)), columns=list("abcd"))
    result = find_clusters(cloud, n_clusters=[4, 6, 8], bootstraps=6)
    assert not result.stable
    assert result.grade in ("shaky", "unstable")
    assert result.choice.loc[result.n_clusters, "stability"] == result.choice["stability"].max()


def test_the_same_customers_give_the_same_clusters(planted):
    one, two = (find_clusters(planted[0], log1p=LOGS, n_clusters=4, bootstraps=2) for _ in range(2))
    assert one.labels.equals(two.labels)
    assert one.choice.equals(two.choice)


def test_everything_it_gives_is_raw(found, planted):
    for each in (found, found.profile(planted[0]), found.choice):
        assert provenance(each).kind == "raw"
        assert provenance(each).description.startswith("k-means with 4 clusters")


def test_a_release_by_clusters_is_refused_and_says_what_to_use(shop):
    tx = shop.open("transactions", purpose="reporting")
    spent = tx.group_by("customer_id").agg(spent=tx.amount.sum()).execute()
    frame = spent.set_index("customer_id").astype(float)
    clusters = find_clusters(frame, n_clusters=3, bootstraps=2)
    question = wb.query(tx, by=clusters.group(), period="2026-09").customers()
    with pytest.raises(QuestionRefused, match="privately fitted model"):
        shop.release(question, name="clusters", epsilon=0.1)
    assert shop.budget("2026-09")[0].left == pytest.approx(2)


def bad(**changes):
    return pd.DataFrame({"a": [1.0, 2, 3, 9, 8, 7], "b": [3.0, 1, 2, 2, 9, 9]}).assign(**changes)


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (bad().head(0), {}, "the frame holds no customer"),
        (bad().head(1), {"n_clusters": 2}, "1 customers of 1 different kinds are too few"),
        (bad(a=1.0, b=2.0), {"n_clusters": 2}, "6 customers of 1 different kinds"),
        (bad(a=[1, None, 3, 4, 5, 6]), {"n_clusters": 2}, "1 of 6 customers lack a feature"),
        (bad(a=[1, np.inf, 3, 4, 5, 6]), {"n_clusters": 2}, "1 of 6 customers lack a feature"),
        (bad(a=[-5, 2, 3, 4, 5, 6]), {"n_clusters": 2, "log1p": ["a"]}, "lie above -1"),
        (bad(), {"features": ["c"]}, "lacks the feature c; it has a, b"),
        (bad(), {"features": ["a"], "log1p": ["b"]}, "log1p names b"),
        (bad(), {"n_clusters": 1}, "clusters are two or more"),
        (bad().set_axis([1, 1, 2, 3, 4, 5]), {"n_clusters": 2}, "1 customers are there twice"),
        (pd.DataFrame({"name": ["x"]}), {}, "no number column"),
    ],
)
def test_customers_that_cannot_be_clustered_are_refused(frame, options, message):
    with pytest.raises(InputError, match=message):
        find_clusters(frame, **options)


@pytest.mark.parametrize("others", [[], [2.0], [2.0, 3.0, 4.0], [1 + 1e-15, 1 - 1e-15, 1 + 3e-15]])
def test_customers_who_are_all_but_alike_make_no_stable_clusters(others):
    """Five hundred equal points, and a few that most draws leave out."""
    values = [1.0] * 500 + others
    frame = pd.DataFrame({"visits": values, "spend": [7.0] * len(values)})
    kinds = len({round(each, 9) for each in values})
    if kinds <= 3:
        with pytest.raises(InputError, match=f"of {kinds} different kinds are too few"):
            find_clusters(frame, n_clusters=[2, 3], bootstraps=5)
        return
    found = find_clusters(frame, n_clusters=[3], bootstraps=20)
    assert not found.stable
    assert found.grade == "unstable"


@pytest.mark.parametrize("wrong", [3.5, [2.5], True, 1, "3"])
def test_a_number_of_clusters_is_a_whole_one(wrong):
    frame = pd.DataFrame({"visits": [1.0, 2, 3, 4, 5] * 4})
    with pytest.raises(InputError, match="two or more, a whole number"):
        find_clusters(frame, n_clusters=wrong, bootstraps=2)
