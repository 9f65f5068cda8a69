"""The generator: same seed, same estate; files and catalog agree; wrong sizes are refused."""

from __future__ import annotations

import csv
import datetime as dt
import re
from pathlib import Path

import pyarrow.parquet
import pytest

import workbench as wb
from workbench.catalog import Catalog
from workbench.catalog_files import load_catalog
from workbench.errors import InputError, PeriodError, StorageError
from workbench.estates.sample.build import CATALOG, generate, percent

SMALL = {"customers": 1_300, "months": 4, "seed": 5, "end": "2026-05"}


def bytes_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("estate")
    generate(out, **SMALL)
    return out


@pytest.fixture(scope="module")
def catalog(estate: Path) -> Catalog:
    return load_catalog(estate / "catalog.yaml")


def test_the_same_seed_gives_the_same_bytes(estate: Path, tmp_path: Path):
    generate(tmp_path, **SMALL)
    assert bytes_of(tmp_path) == bytes_of(estate)


def test_another_seed_gives_other_customers(estate: Path, tmp_path: Path):
    generate(tmp_path, **(SMALL | {"seed": 6}))
    assert bytes_of(tmp_path)["customers.parquet"] != bytes_of(estate)["customers.parquet"]


def test_content_does_not_depend_on_the_chunk(estate: Path, tmp_path: Path):
    generate(tmp_path, **SMALL, chunk_customers=1)
    whole, chunked = bytes_of(estate), bytes_of(tmp_path)
    assert set(whole) == set(chunked)
    for name in whole:
        if name.endswith(".parquet"):
            read = pyarrow.parquet.read_table
            assert read(tmp_path / name).equals(read(estate / name)), name
        else:
            assert whole[name] == chunked[name], name
    groups = pyarrow.parquet.ParquetFile(tmp_path / "transactions.parquet").num_row_groups
    assert groups == 2


def test_counts_are_the_rows_written_and_progress_ends_at_the_whole(tmp_path: Path):
    seen: list[tuple[int, int]] = []
    counts = generate(
        tmp_path, customers=30, months=2, progress=lambda done, all_: seen.append((done, all_))
    )
    assert seen == [(30, 30)]
    assert counts["customers"] == 30
    written = pyarrow.parquet.read_metadata(tmp_path / "transactions.parquet").num_rows
    assert counts["transactions"] == written > 0


def test_one_customer_in_one_month_is_an_estate(tmp_path: Path):
    assert generate(tmp_path, customers=1, months=1)["customers"] == 1
    load_catalog(tmp_path / "catalog.yaml")


def test_the_catalog_beside_the_data_is_the_one_in_the_package(estate: Path):
    written = (estate / "catalog.yaml").read_text(encoding="utf-8")
    kept = CATALOG.read_text(encoding="utf-8")
    volume = re.compile(r"expected_rows: .*")
    assert volume.sub("", written) == volume.sub("", kept)
    assert sum("of 1,300 customers" in line for line in written.splitlines()) == 4
    committed = Path(__file__).parents[2] / "data" / "sample" / "catalog.yaml"
    assert committed.read_text(encoding="utf-8") == kept


@pytest.mark.parametrize(("customers", "months"), [(400, 3), (1_300, 4)])
def test_a_bank_of_any_size_has_the_rows_and_days_it_expects(
    tmp_path: Path, customers: int, months: int
):
    generate(tmp_path / "data", **(SMALL | {"customers": customers, "months": months}))
    text = 'catalog = "data/catalog.yaml"\nsource = "data"\n'
    (tmp_path / "workbench.toml").write_text(text)
    ws = wb.open_workspace(tmp_path, now=lambda: dt.datetime(2026, 6, 4, 9, tzinfo=dt.UTC))
    ws.init()
    judged = [c for c in ws.quality().checks if c.rule in ("fresh", "volume") and c.checked]
    assert {(c.table, c.why) for c in judged if c.light != "green"} == set()
    assert len(judged) == 12


def test_every_column_of_every_file_is_declared_and_there(estate: Path, catalog: Catalog):
    for name, table in catalog.tables.items():
        path = estate / table.source
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                columns = next(csv.reader(file))
        else:
            columns = pyarrow.parquet.read_schema(path).names
        assert columns == list(table.columns), name


def test_every_data_file_is_declared_but_the_truth(estate: Path, catalog: Catalog):
    files = {path.name for path in estate.iterdir() if path.is_file()}
    declared = {table.source for table in catalog.tables.values()}
    assert files - declared == {"catalog.yaml", "README.md"}
    assert {p.name for p in (estate / "truth").iterdir()} == {
        "customers.parquet",
        "applications.parquet",
    }


def test_reporting_reads_no_direct_identifier_and_no_protected_attribute(catalog: Catalog):
    for name in catalog.tables:
        roles = {column.role for column in catalog.columns_for(name, "reporting").values()}
        assert not roles & {"direct identifier", "protected"}, name


def test_a_purpose_that_reads_a_customer_table_reads_its_key(catalog: Catalog):
    for name, table in catalog.tables.items():
        for purpose in catalog.purposes:
            columns = catalog.columns_for(name, purpose)
            if columns and table.subject_key:
                assert table.subject_key in columns, (name, purpose)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"customers": 0}, "0 customers cannot be made; ask for 1 to 9,000,000"),
        ({"months": 0}, "0 months up to 2026-09 cannot be made"),
        ({"months": 46}, "Ask for 1 to 45"),
        ({"seed": -1}, "seed -1 is negative"),
        ({"chunk_customers": 0}, "use 1 or more"),
    ],
)
def test_a_wrong_size_is_refused(tmp_path: Path, wrong: dict[str, int], says: str):
    with pytest.raises(InputError, match=says):
        generate(tmp_path, **wrong)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("end", ["2026-13", "September", "2026-9"])
def test_a_malformed_end_is_refused(tmp_path: Path, end: str):
    with pytest.raises(PeriodError, match="write it as 2026-09"):
        generate(tmp_path, customers=1, end=end)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="could not be written"):
        generate(tmp_path / "file" / "estate", customers=1, months=1)


def test_rates_are_printed_without_needless_zeros():
    assert [percent(rate) for rate in (0.0005, 0.004, 0.3, 1.0)] == [
        "0.05 %",
        "0.4 %",
        "30 %",
        "100 %",
    ]
