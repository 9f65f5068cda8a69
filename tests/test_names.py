"""What a folder is called changes nothing: no sign of a name is a pattern, an escape or an end."""

import csv
import datetime as dt
from pathlib import Path

import pytest
from support.line import write_report
from support.shop import SETTINGS, make_shop

import workbench as wb
from workbench.checks import check
from workbench.errors import StorageError
from workbench.lifecycle.rights.erasure import still_findable

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
HEADER = "customer_id,booked_on,region,category,note,amount,is_online"


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("bank[1]", "bank1"),
        ("{name}%(name)s%20$HOME#1&a;b", "{name}"),
        ('the bank\'s "own"', "the bank"),
        ("region=south", "region=north"),
    ],
)
def test_a_workspace_may_stand_in_any_folder(tmp_path, warmed, name, beside):
    make_shop(tmp_path / "others", customers=60).rename(tmp_path / beside)
    folder = warmed(make_shop(tmp_path / "made").rename(tmp_path / name))
    write_report(folder)

    def ws():
        return wb.open_workspace(folder, now=lambda: NOW)

    def rows(table, purpose):
        return ws().open(table, purpose).count().execute()

    ws().init()
    assert rows("customers", "service") == 600
    for number, file in enumerate((name, beside)):
        (folder / file).mkdir()
        line = f"K-00000{number},2026-09-15,south,food,,1,true"
        (folder / file / f"{file}.csv").write_text(f"{HEADER}\n{line}\n", newline="")
    assert ws().ingest("transactions", folder / name / f"{name}.csv").added == 1
    assert rows("transactions", "reporting") == 5401
    ws().reports.render("customers")
    out = tmp_path / f"out {name}"
    out.mkdir()
    page = ws().reports.export_standalone("customers", out / f"{name}.html")
    assert "Customers by region" in page.read_text()
    held = out / name
    ws().office.export_subject("K-000000", held, verified_by="id card")
    with next(held.glob("transactions.csv")).open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 10
    made = ws().office.back_up(out)
    assert Path(made.file).parent == out
    assert ws().office.restore_test(made.file).rows["transactions"] == 5401
    ws().office.erase_subject("K-000000", verified_by="id card")
    assert ws().office.restore(made.file, over=True).rows["transactions"] == 5391
    ws().office.rotate_key(data=True)
    assert still_findable(ws().office) == {}
    assert rows("transactions", "reporting") == 5391
    assert check(ws(), quick=True) == []


@pytest.mark.parametrize("name", ["bank?", "bank\\1"])
def test_a_name_that_the_engine_cannot_take_is_refused_before_anything_is_written(tmp_path, name):
    folder = make_shop(tmp_path / "made").rename(tmp_path / name)
    with pytest.raises(StorageError, match="Rename the folder, or name another one"):
        wb.open_workspace(folder).init()
    assert not (folder / ".workbench").exists()
    (folder / "workbench.toml").write_text(f"{SETTINGS}private = '{tmp_path}/private'\n")
    wb.open_workspace(folder, now=lambda: NOW).init()
    ws = wb.open_workspace(folder, now=lambda: NOW)
    assert ws.open("customers", "service").count().execute() == 600
