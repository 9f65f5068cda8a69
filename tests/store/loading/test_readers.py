"""Files as the engine reads them: no line and no fraction is lost on the way."""

import pytest

import workbench as wb
from benchmarks.catalogs import catalog_of
from workbench.errors import SourceError

CATALOG = catalog_of(
    "counts",
    """\
customer_id: {type: text, role: subject key, sensitivity: personal}
counted_on: {type: date}
amount: {type: integer, role: measure, bounds: [-9000000000000000000, 9000000000000000000]}
note: {type: text}
""",
    kept_from="counted_on",
)
WHOLE = {"12": 12, "0": 0, "-7": -7, "007": 7, "+12": 12, "12.": 12, "12.0": 12, "1.5e3": 1500,
         "150e-1": 15, "1.5e10": 15_000_000_000, "-12.00": -12, "1000000000000000000": 10**18,
         "12.00000000000000000000": 12}  # fmt: skip  # why: a table
NOT_WHOLE = [
    "12.7",
    "-12.7",
    ".5",
    "15e-1",
    "15E-1",
    "1.23456e3",
    "100000.5",
    "9.99",
    "many",
    "12.70000000000000000000",
    "1.00005e4",
    "99999999999999999999",
]


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "workbench.toml").write_text("")
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    return wb.open_workspace(tmp_path)


def write(desk, lines):
    path = desk.settings.root / "counts.csv"
    with path.open("w") as file:
        file.write("customer_id,counted_on,amount,note\n")
        file.writelines(lines)
    return path


def test_only_whole_numbers_are_whole_numbers(desk):
    texts = [*WHOLE, *NOT_WHOLE]
    path = write(desk, [f"K-{n},2026-01-05,{text},x\n" for n, text in enumerate(texts)])
    taken = desk.ingest("counts", path)
    assert (taken.added, taken.quarantined) == (len(WHOLE), len(NOT_WHOLE))
    with desk.store.reading() as connection:
        rows = connection.execute("SELECT customer_id, amount FROM lake.counts").fetchall()
    assert {texts[int(key[2:])]: amount for key, amount in rows} == WHOLE


@pytest.mark.parametrize("before_bytes", [0, 5_000_000, 9_400_000, 15_900_000, 30_000_000])
@pytest.mark.parametrize("length", [2_100_000, 7_700_000])
def test_a_long_line_is_kept_aside_wherever_it_stands(desk, before_bytes, length):
    usual = "K-1,2026-01-05,1," + "y" * 80 + "\n"
    rows = before_bytes // len(usual)
    path = write(desk, [usual * rows, "K-2,2026-01-05,1," + "x" * length + "\n", usual * 9])
    taken = desk.ingest("counts", path)
    assert (taken.added, taken.quarantined) == (rows + 9, 1)
    assert list(desk.quarantine("counts", "reporting").line) == [rows + 2]


def test_a_longer_one_is_refused_wherever_it_stands(desk):
    usual = "K-1,2026-01-05,1,x\n"
    path = write(desk, [usual * 700_000, "K-2,2026-01-05,1," + "x" * 9_000_000 + "\n", usual])
    with pytest.raises(SourceError, match=r"line 700,002 of .* is longer than 8 MB"):
        desk.ingest("counts", path)
