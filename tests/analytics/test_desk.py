"""Two dates side by side, and customers as dots that no page shows."""

import duckdb
import ibis
import pandas as pd
import pytest
from factories.notebooks import code, displayed, markdown, notebook
from factories.pages import RELEASES, page

import workbench as wb
from workbench import figures
from workbench.analytics.desk import NOT_PUBLISHED
from workbench.errors import InputError, RunFailed, UnknownName

NOW = pd.DataFrame({"customer_id": ["a", "b"], "monetary": [100.0, 50.0], "persona": ["x", "y"]})
BEFORE = pd.DataFrame({"customer_id": ["a", "c"], "monetary": [70.0, 9.0], "persona": ["y", "y"]})


@pytest.fixture
def tables():
    connection = duckdb.connect()
    for name, frame in (("now", NOW), ("before", BEFORE)):
        connection.register("given", frame)
        connection.execute(f"CREATE TABLE {name} AS FROM given")
    backend = ibis.duckdb.from_connection(connection)
    return backend.table("now"), backend.table("before")


def test_two_dates_stand_side_by_side(tables):
    found = wb.compare(*tables).order_by("customer_id").execute().set_index("customer_id")
    assert list(found.columns) == [
        "monetary", "monetary_before", "monetary_change", "persona", "persona_before",
    ]  # fmt: skip
    assert found.loc["a"].to_list() == [100, 70, 30, "x", "y"]
    assert found.index.to_list() == ["a", "b", "c"]
    assert pd.isna(found.loc["c", "monetary"])
    assert pd.isna(found.loc["b", "monetary_change"])


def test_tables_of_other_features_are_not_compared(tables):
    now, before = tables
    with pytest.raises(InputError, match="differ in their columns: persona"):
        wb.compare(now, before.drop("persona"))


def test_dots_say_that_they_are_not_for_publication():
    figure = wb.scatter(NOW, x="monetary", y="monetary", color="persona")
    assert figure.layout.title.text == NOT_PUBLISHED
    assert [trace.name for trace in figure.data] == ["x", "y"]
    many = pd.DataFrame({"a": range(50_001), "b": range(50_001)})
    assert len(wb.scatter(many, x="a", y="b").data[0].x) <= 20_000
    with pytest.raises(UnknownName, match="Did you mean 'monetary'"):
        wb.scatter(NOW, x="monetry", y="monetary")


def dots():
    """Return the output of a scatter, as a notebook stores it, with a number to search for."""
    frame = NOW.assign(monetary=[987654.25, 123456.75])
    figure = wb.scatter(frame, x="monetary", y="monetary")
    content = {"data": [{"type": "scatter", "x": [987654.25], "y": [123456.75]}], "layout": {}}
    bundle = {"application/vnd.plotly.v1+json": content, "text/html": figure.to_html()}
    return displayed(bundle)


def test_of_dots_nothing_reaches_a_page():
    bar = figures.bar(RELEASES["r-000005"], x="category", y="customers")
    executed = notebook(markdown("# Who?"), code("wb.scatter(…)", dots()), code("bar", bar))
    for text in (page(executed).at("../"), page(executed).alone()):
        assert "987654" not in text
        assert NOT_PUBLISHED not in text


def test_a_notebook_with_nothing_but_dots_is_not_published():
    with pytest.raises(RunFailed, match="showed no released figure"):
        page(notebook(markdown("# Who?"), code("wb.scatter(…)", dots())))


def test_dots_are_no_figure_of_releases():
    with pytest.raises(wb.errors.QuestionRefused, match="drawn from a release"):
        figures.bar(NOW, x="persona", y="monetary")
