"""Why diffprivlib stays out: each leak is shown, and nothing of it is imported."""

import ast
import warnings

import numpy as np
import pytest

import workbench as wb
from workbench.errors import QuestionRefused
from workbench.privacy.provenance import provenance

BOUNDS = ([0.0, 0.0], [10.0, 10.0])


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 10, (200, 2))
    return X, (X[:, 0] > 5).astype(int)


def model(name, **parameters):
    import diffprivlib.models

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # why: it warns of parameters of its own parents
        return getattr(diffprivlib.models, name)(epsilon=0.01, **parameters)


def fitted(name, *data, **parameters):
    made = model(name, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return made.fit(*data)


def test_linear_regression_with_a_bound_of_zero_holds_exact_sums(rows):
    X, y = rows
    found = fitted("LinearRegression", X, y, bounds_X=BOUNDS, bounds_y=(0, 1), fit_intercept=False)
    squares = np.diag(found._obj_coefs[2])
    assert squares == pytest.approx((X**2).sum(axis=0), rel=1e-12)  # at epsilon 0.01


def test_kmeans_holds_every_rows_label_and_the_exact_inertia(rows):
    X, _ = rows
    found = fitted("KMeans", X, n_clusters=3, bounds=BOUNDS)
    squares = ((X[:, None, :] - found.cluster_centers_[None]) ** 2).sum(axis=2)
    assert found.inertia_ == pytest.approx(squares.min(axis=1).sum(), rel=1e-9)
    assert found.labels_.tolist() == squares.argmin(axis=1).tolist()


def test_naive_bayes_scaler_and_pca_hold_the_exact_number_of_rows(rows):
    X, y = rows
    assert fitted("GaussianNB", X, y, bounds=BOUNDS).class_count_.sum() == 200
    assert fitted("StandardScaler", X, bounds=BOUNDS).n_samples_seen_ == 200
    assert fitted("PCA", X, n_components=1, bounds=BOUNDS, data_norm=20).n_samples_ == 200


def test_a_forest_keeps_the_seeds_of_its_noise(rows):
    X, y = rows
    forest = fitted("RandomForestClassifier", X, y, n_estimators=3, bounds=BOUNDS, classes=[0, 1])
    first = (np.arange(200) // (200 / 3)).astype(int) == 0
    published = forest.estimators_[0]
    again = fitted(
        "DecisionTreeClassifier",
        X.astype(np.float32)[first],
        y[first].astype(float),
        bounds=BOUNDS,
        classes=[0, 1],
        random_state=published.random_state,
    )
    assert np.array_equal(again.tree_.threshold, published.tree_.threshold)


def test_one_row_more_changes_several_trees_of_a_forest(rows):
    # at an epsilon that leaves no noise, so that only the rows of a tree matter
    X, _ = rows
    y = np.random.default_rng(1).integers(0, 2, len(X))
    forests = []
    for extra in (0, 1):
        made = model("RandomForestClassifier", n_estimators=20, bounds=BOUNDS, classes=[0, 1])
        made.set_params(epsilon=1e6, random_state=5, max_depth=8)
        last = np.ones((extra, 2)), np.zeros(extra, dtype=int)  # a row after all others
        data = np.concatenate([X, last[0]]), np.concatenate([y, last[1]])
        forests.append(made.fit(*data).estimators_)
    pairs = zip(*forests, strict=True)
    changed = sum(not np.array_equal(a.tree_.value, b.tree_.value) for a, b in pairs)
    assert changed >= 5  # and its price is that of one


def test_logistic_regression_is_given_out_before_its_optimum(rows):
    X, y = rows
    found = fitted("LogisticRegression", X, y, data_norm=20, max_iter=1)
    assert found.n_iter_.tolist() == [1]
    assert np.isfinite(found.coef_).all()


def test_float_noise_tells_the_figure_beneath_in_a_fifth_of_draws():
    from diffprivlib.mechanisms import Laplace

    noise = Laplace(epsilon=1, sensitivity=1)
    drawn = {value: np.array([noise.randomise(value) for _ in range(3000)]) for value in (0.0, 1.0)}
    impossible_for_1 = {value: (each * 2.0**53 % 1 != 0).mean() for value, each in drawn.items()}
    assert impossible_for_1[1.0] == 0
    assert impossible_for_1[0.0] > 0.15


def test_its_geometric_noise_overflows_where_its_float_is_one_half():
    """A draw that may fail once it was paid for, and noise that ends at 53 bits."""
    from diffprivlib.mechanisms import Geometric

    noise = Geometric(epsilon=1, sensitivity=1)

    class Given:
        def __init__(self, drawn):
            self.drawn = drawn

        def random(self):
            return self.drawn

    noise._rng = Given(0.5)
    with pytest.raises(OverflowError), np.errstate(divide="ignore"):
        noise.randomise(0)
    nearest = []
    for drawn in (0.5 + 2.0**-53, 0.5 - 2.0**-54):
        noise._rng = Given(drawn)
        nearest.append(abs(noise.randomise(0)))
    assert max(nearest) < 40  # ours reaches every integer, as its proof asks for


def test_every_part_of_diffprivlib_has_its_reason_in_the_documentation(repository):
    import diffprivlib.models

    said = (repository / "docs" / "privacy.md").read_text(encoding="utf-8")
    offered = {n for n in diffprivlib.models.__dict__ if n[0].isupper()}
    assert len(offered) >= 7
    assert {name for name in offered if f"`{name}`" not in said} == set()


def test_labels_of_its_models_count_as_raw(shop, rows):
    X, _ = rows
    found = fitted("KMeans", X, n_clusters=2, bounds=BOUNDS)
    assert provenance(found).kind == "raw"
    tx = shop.open("transactions", purpose="reporting")
    label = wb.FittedLabel("segment", ("a", "b"), provenance(found), "diffprivlib's KMeans")
    group = wb.labelled(label, ["x"], ["a"])
    with pytest.raises(QuestionRefused, match="fitted on raw rows"):
        shop.release(wb.query(tx, by=group).customers(), name="segments", epsilon=0.1)


def test_the_package_imports_nothing_of_diffprivlib(repository):
    for path in (repository / "workbench").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("diffprivlib"), path
            if isinstance(node, ast.Import):
                assert not any(each.name.startswith("diffprivlib") for each in node.names), path
