"""Rows without a customer: in no private figure, and said where they are left out."""

import datetime as dt

import pytest
from support.lab import exactly

import workbench as wb
from benchmarks.catalogs import catalog_of
from workbench.errors import SourceError
from workbench.figures.language import Language
from workbench.figures.notes import translated
from workbench.privacy.columns import of_nobody, together

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
COLUMNS = """\
customer_id: {type: text, role: subject key, sensitivity: personal}
day: {type: date, role: time}
amount: {type: money, role: measure, customer_bounds: [0, 100]}
"""
# 8 rows a customer and month; in August 30 rows of nobody, in September 12
ROWS = [f"K{n % 40},2026-0{8 + n % 2}-{1 + n % 28:02d},5" for n in range(320)]
ROWS += [f",2026-08-{1 + n % 28:02d},90" for n in range(30)]
ROWS += [f",2026-09-{1 + n % 28:02d},90" for n in range(12)]


def _shop(folder, declared):
    (folder / "data").mkdir()
    (folder / "workbench.toml").write_text("fork_kernels = false\n")
    more = "time: day" + (f"\n    without_customer: {declared}" if declared else "")
    catalog = catalog_of("lines", COLUMNS, cells=3, more=more)
    (folder / "catalog.yaml").write_text(catalog)
    path = folder / "data" / "lines.csv"
    path.write_text("customer_id,day,amount\n" + "\n".join(ROWS) + "\n")
    return wb.open_workspace(folder, now=lambda: NOW), path


@pytest.mark.parametrize(
    ("declared", "notes"),
    [
        ("tell", {"trend": "42 rows of 2026-08..2026-09", "month": "12 rows of 2026-09"}),
        ("keep", {"trend": "Rows without a customer", "month": "Rows without a customer"}),
        (None, {}),
    ],
)
def test_what_is_left_out_is_said_as_far_as_it_is_allowed(tmp_path, declared, notes):
    ws, _ = _shop(tmp_path, declared or "keep")
    ws.init()
    if not declared:  # as a store of before may have them
        catalog = tmp_path / "catalog.yaml"
        catalog.write_text(catalog.read_text().replace("without_customer: keep", ""))
        ws = wb.open_workspace(tmp_path, now=lambda: NOW)
    rows = ws.open("lines", "reporting")
    span = ("2026-08", "2026-09")
    asked = {
        "trend": wb.query(rows, by="month", period=span).customers().sum("amount"),
        "month": wb.query(rows, period="2026-09").customers(),
    }
    for name, query in asked.items():
        found = ws.release(query, name=name, epsilon="0.4")
        told = [note for note in found.notes if "without a customer" in note]
        assert len(told) == bool(notes)
        assert all(notes[name] in note for note in told)
    exact = exactly(ws, asked["trend"])  # 20 customers a month, each of 8 rows of 5
    # undeclared, all of nobody's rows together are taken for one customer more, up to the bound
    wanted = (20, 800) if declared else (21, 900)
    assert [(row["customers"], row["amount_sum"]) for row in exact] == [wanted] * 2


@pytest.mark.parametrize(("declared", "kept", "aside"), [("keep", 362, 0), (None, 320, 42)])
def test_ingest_keeps_them_where_that_is_declared(tmp_path, declared, kept, aside):
    ws, path = _shop(tmp_path, declared)
    taken = ws.ingest("lines", path)
    assert (taken.added, taken.quarantined) == (kept, aside)


@pytest.mark.parametrize("rules", ["", ", rules: [{not_null: true, tolerance: 0.5}]"])
def test_undeclared_they_are_loaded_neither_way(tmp_path, rules):
    ws, path = _shop(tmp_path, None)
    catalog = tmp_path / "catalog.yaml"
    was = "sensitivity: personal"
    catalog.write_text(catalog.read_text().replace(was, was + rules))
    ws = wb.open_workspace(tmp_path, now=lambda: NOW)
    with pytest.raises(SourceError, match=r"'customer_id' is empty in 42 rows .*without_customer"):
        ws.init()
    taken = ws.ingest("lines", path)
    assert (taken.added, taken.quarantined) == (320, 42)


def test_parts_add_up_and_the_words_are_known_in_chinese():
    parts = [of_nobody(1200, "2026-08"), "Another note.", of_nobody(34, "2026-09")]
    whole = together(parts, "2026-08..2026-09")
    assert whole == ("Another note.", of_nobody(1234, "2026-08..2026-09"))
    assert translated(whole[1], Language("zh")) == (
        "2026-08..2026-09 有 1,234 条没有客户的记录，不计入任何数字。"
    )
    assert translated(of_nobody(None, None), Language("zh")) == "没有客户的记录不计入任何数字。"
