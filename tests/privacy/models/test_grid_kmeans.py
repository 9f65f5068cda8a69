"""Private k-means: fitted on released counts, paid once, and its labels may be published."""

import numpy as np
import pytest
from sklearn.base import clone
from support.lab import exactly

import workbench as wb
from workbench.errors import InputError, PeriodError, QuestionRefused
from workbench.privacy.models.axes import Axis
from workbench.privacy.models.density import NoisyCounts
from workbench.privacy.models.grid_kmeans import GridKMeans
from workbench.privacy.planning import question_key
from workbench.privacy.provenance import provenance
from workbench.privacy.question import resolve

AXES = (
    Axis("amount", 80, 1000, cells=8, scale="linear"),
    Axis("recency_days", 0, 32, cells=8, scale="linear"),
)
SPAN = ("2026-01", "2026-09")


def counts_of(values, axes, levels=3, sd=0.0, seed=0):
    """Return counts of customers' features, coarsest first."""
    rng, found = np.random.default_rng(seed), []
    for level in range(levels - 1, -1, -1):
        counts = np.zeros([axis.cells >> level for axis in axes])
        cells = [axis.cell(values[:, i]) >> level for i, axis in enumerate(axes)]
        np.add.at(counts, tuple(cells), 1)
        found.append(NoisyCounts(counts + rng.normal(0, sd, counts.shape), max(sd, 1e-3) ** 2))
    return found


@pytest.fixture
def people():
    """Return three groups of customers, and which each belongs to."""
    rng = np.random.default_rng(0)
    centers = np.array([[900, 4], [500, 28], [150, 10]])
    group = np.repeat([0, 1, 2], [500, 800, 1200])
    return centers[group] + rng.normal(0, [25, 1.2], (len(group), 2)), group


def test_planted_groups_are_found_through_the_noise(people):
    values, group = people
    model = GridKMeans(3, axes=AXES).fit(counts_of(values, AXES, sd=8))
    assert (model.predict(values) == group).mean() > 0.99
    assert model.cluster_centers_ == pytest.approx(
        np.array([[900, 4], [500, 28], [150, 10]]), rel=0.1, abs=2
    )
    assert model.weights_ == pytest.approx([0.2, 0.32, 0.48], abs=0.03)


def test_it_looks_like_scikit_learn_and_keeps_nothing_of_rows(people):
    values, _ = people
    model = GridKMeans(3, axes=AXES, n_init=5)
    fresh = clone(model)
    assert fresh.get_params() == model.get_params()
    fitted = model.fit(counts_of(values, AXES))
    assert fitted is model
    assert model.transform(values[:4]).shape == (4, 3)
    assert model.n_features_in_ == 2
    assert model.feature_names_in_.tolist() == ["amount", "recency_days"]
    assert not hasattr(model, "labels_")
    assert not hasattr(model, "inertia_")
    assert not hasattr(fresh, "cluster_centers_")


def test_the_same_counts_give_the_same_clusters(people):
    counts = counts_of(people[0], AXES, sd=8)
    one, two = (GridKMeans(3, axes=AXES).fit(counts) for _ in range(2))
    assert np.array_equal(one.cluster_centers_, two.cluster_centers_)


def test_counts_no_ledger_knows_of_make_a_raw_model(people):
    model = GridKMeans(3, axes=AXES).fit(counts_of(people[0], AXES))
    assert provenance(model).kind == "raw"
    assert "3 clusters on amount, recency_days" in provenance(model).description


class TestInAShop:
    def features(self, tx):
        frame = tx.group_by("customer_id").agg(amount=tx.amount.sum(), last=tx.booked_on.max())
        frame = frame.execute()
        frame["amount"] = frame["amount"].astype(float)
        last = frame["last"].astype("datetime64[ns]")
        frame["recency_days"] = (np.datetime64("2026-09-30") - last).dt.days
        return frame

    def test_it_is_fitted_on_releases_paid_once_and_its_labels_are_released(self, shop):
        tx = shop.open("transactions", purpose="reporting")
        model = GridKMeans(2, axes=AXES)
        question = model.question(tx, period=SPAN)
        before = shop.budget("2026-09")[0].left
        found = shop.release_marginals(question, name="segments", epsilon=1.5)
        paid = shop.budget("2026-09")[0].left
        assert paid < before
        again = shop.release_marginals(question, name="segments", epsilon=1.5)
        assert shop.budget("2026-09")[0].left == paid
        model.fit(found)
        assert np.array_equal(
            model.cluster_centers_, GridKMeans(2, axes=AXES).fit(again).cluster_centers_
        )
        assert provenance(model).kind == "private"
        assert provenance(model).releases == tuple(each.id for each in found)

        features = self.features(tx)
        group = model.label(tx, period=SPAN)
        released = shop.release(
            wb.query(tx, by=group, period=SPAN).customers(), name="sizes", epsilon=0.3
        )
        assert released.frame["cluster"].tolist() == ["cluster 1", "cluster 2"]
        exact = np.bincount(model.predict(features), minlength=2)
        assert released.frame["customers"].to_numpy() == pytest.approx(exact, abs=90)

    def test_labels_made_in_the_engine_are_those_of_predict(self, shop):
        model, tx = self.fitted(shop), shop.open("transactions", purpose="reporting")
        features = self.features(tx)
        exact = np.bincount(model.predict(features), minlength=2)
        rows = exactly(shop, wb.query(tx, by=model.label(tx, period=SPAN), period=SPAN).customers())
        assert [row["customers"] for row in rows] == exact.tolist()
        assert min(exact) > 0

    def fitted(self, shop):
        tx = shop.open("transactions", purpose="reporting")
        model = GridKMeans(2, axes=AXES)
        question = model.question(tx, period=SPAN)
        return model.fit(shop.release_marginals(question, name="segments", epsilon=1.5))

    def test_labels_of_a_frame_are_raw_whatever_model_gave_them(self, shop):
        """Scaled by the largest amount, one customer more moves everybody's label."""
        model, tx = self.fitted(shop), shop.open("transactions", purpose="reporting")
        features = self.features(tx)
        features["amount"] *= 1000 / features["amount"].max()
        given = model.label(features["customer_id"], features)
        assert (provenance(model).kind, given.label.provenance.kind) == ("private", "raw")
        label = wb.FittedLabel("mine", ("a", "b"), provenance(model), "private, it says")
        own = wb.labelled(label, features["customer_id"], ["a"] * len(features))
        before = shop.ledger.head()
        for group in (given, own):
            with pytest.raises(QuestionRefused, match=r"labels were handed in.*Nothing was spent"):
                shop.release(wb.query(tx, by=group).customers(), name="sizes", epsilon=1)
        assert shop.ledger.head() == before
        shop.office.approve(given.label.what, "looked at by the team", role="officer")
        shop.release(wb.query(tx, by=given).customers(), name="sizes", epsilon="0.1")

    def test_labels_of_counts_that_no_ledger_knows_are_refused_here_too(self, shop, people):
        tx = shop.open("transactions", purpose="reporting")
        group = GridKMeans(2, axes=AXES).fit(counts_of(people[0], AXES)).label(tx, period=SPAN)
        with pytest.raises(QuestionRefused, match="fitted on raw rows"):
            shop.release(wb.query(tx, by=group).customers(), name="sizes", epsilon=1)

    @pytest.mark.parametrize(
        ("period", "message"),
        [
            (None, "labels are made of rows of a span"),
            (("2026-09", "2026-08"), "reversed"),
            ("2044", "is not over"),
        ],
    )
    def test_a_span_that_is_none_is_refused(self, shop, people, period, message):
        tx = shop.open("transactions", purpose="reporting")
        model = GridKMeans(2, axes=AXES).fit(counts_of(people[0], AXES))
        with pytest.raises((QuestionRefused, PeriodError), match=message):
            shop.release(
                wb.query(tx, by=model.label(tx, period=period)).customers(), name="x", epsilon=1
            )

    def test_the_span_and_the_model_are_part_of_what_is_asked(self, shop, people):
        tx = shop.open("transactions", purpose="reporting")
        models = [GridKMeans(n, axes=AXES).fit(counts_of(people[0], AXES)) for n in (2, 3)]
        keys = {
            question_key(resolve(wb.query(tx, by=model.label(tx, period=span)).customers(),
                                 shop.catalog, shop.now().date()))
            for model in models for span in ("2026-08", "2026-09")
        }  # fmt: skip
        assert len(keys) == 4

    def test_answers_to_another_question_are_refused(self, shop):
        tx = shop.open("transactions", purpose="reporting")
        by = wb.bands("amount", [500], of="customer")
        one = shop.release(wb.query(tx, by=by, period=SPAN).customers(), name="one", epsilon=0.1)
        with pytest.raises(QuestionRefused, match="grouped by amount_total_band; these axes need"):
            GridKMeans(2, axes=AXES).fit([one] * 3)
        with pytest.raises(QuestionRefused, match="other bands of 'amount_total_band'"):
            GridKMeans(2, axes=AXES[:1]).fit([one] * 3)


def test_rows_are_refused(people):
    with pytest.raises(QuestionRefused, match="released counts, never on rows"):
        GridKMeans(3, axes=AXES).fit(people[0])


def test_counts_in_another_order_are_refused(people):
    with pytest.raises(QuestionRefused, match="coarsest first"):
        GridKMeans(3, axes=AXES).fit(counts_of(people[0], AXES)[::-1])


@pytest.mark.parametrize("customers", [0, 1, 20])
def test_counts_that_are_noise_alone_are_refused(people, customers):
    counts = counts_of(people[0][:customers], AXES, sd=20)
    with pytest.raises(QuestionRefused, match="hardly more than their noise"):
        GridKMeans(3, axes=AXES).fit(counts)


def test_customers_who_are_all_alike_are_no_clusters():
    counts = counts_of(np.full((5000, 2), 300.0), AXES)
    with pytest.raises(QuestionRefused, match="fewer cells than 3 clusters need"):
        GridKMeans(3, axes=AXES).fit(counts)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"axes": ()}, "needs axes="),
        ({"axes": ("amount",)}, "needs axes="),
        ({"axes": AXES[:1] * 2}, "named twice: amount, amount"),
        ({"axes": AXES, "levels": 1}, "levels must be 2 or more"),
        ({"axes": AXES, "levels": 4}, "must be 16, 24, 32"),
        ({"axes": AXES, "n_clusters": 1}, "whole number from 2 on, not 1"),
        ({"axes": [Axis(f"a{i}", 0, 99, cells=64) for i in range(3)]}, "262,144 cells"),
    ],
)
def test_parameters_no_grid_can_be_made_of_are_refused(parameters, message):
    with pytest.raises(QuestionRefused, match=message):
        GridKMeans(**parameters).fit([])


def test_features_a_model_was_not_fitted_on_are_refused(people):
    import pandas as pd

    model = GridKMeans(3, axes=AXES).fit(counts_of(people[0], AXES))
    with pytest.raises(InputError, match="lacks recency_days; the axes are"):
        model.predict(pd.DataFrame({"amount": [1.0]}))
    with pytest.raises(InputError, match="2 columns, amount, recency_days"):
        model.predict([[1.0]])
    with pytest.raises(InputError, match="1 customers lack a feature"):
        model.predict([[1.0, 2.0], [float("nan"), 2.0]])
