"""A workspace: opened once, private, with its own clock."""

import datetime as dt
import shutil

import pytest
from support.shop import CATALOG, make_shop

import workbench as wb
from workbench.errors import (
    AccessRefused,
    CatalogError,
    Renamed,
    SettingsError,
    StorageError,
    StoreMissing,
    UnknownName,
)
from workbench.workspace import REPORTS
from workbench.workspace.office import Office

MOVED = [(name, "reports") for name in REPORTS] + [(name, "office") for name in Office.does]


@pytest.mark.parametrize(("name", "room"), MOVED)
def test_a_name_of_before_answers_with_the_one_of_now(shop, name, room):
    with pytest.raises(Renamed, match=rf"'ws\.{name}' is now 'ws\.{room}\.{name}'\."):
        getattr(shop, name)
    assert not hasattr(shop, name)  # as for any name there is not
    assert getattr(getattr(shop, room), name).__doc__
    assert name in dir(getattr(shop, room))


@pytest.mark.parametrize("name", ["audit", "journal"])
def test_two_logs_of_before_are_one(name, shop):
    with pytest.raises(Renamed, match=rf"'ws\.{name}' is now 'ws\.events'\."):
        getattr(shop, name)


def test_the_office_names_what_it_does_not_know(shop):
    with pytest.raises(AttributeError, match=r"no 'backup'. Did you mean 'backups'"):
        shop.office.backup()


def test_a_workspace_opens_by_folder_file_and_environment(shop_folder, monkeypatch):
    for path in (shop_folder, str(shop_folder), shop_folder / "workbench.toml"):
        assert wb.open_workspace(path).settings.title == "Corner shop"
    monkeypatch.setenv("WORKBENCH_WORKSPACE", str(shop_folder))
    assert wb.open_workspace().settings.root == shop_folder
    monkeypatch.delenv("WORKBENCH_WORKSPACE")
    monkeypatch.chdir(shop_folder / "data")
    assert wb.open_workspace().settings.root == shop_folder


def test_a_folder_without_settings_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"no workbench\.toml in"):
        wb.open_workspace(tmp_path)


def test_opening_reads_nothing_but_the_settings(tmp_path):
    (tmp_path / "workbench.toml").write_text("")
    wb.open_workspace(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["workbench.toml"]


def test_a_missing_catalog_is_told_when_it_is_needed(tmp_path):
    (tmp_path / "workbench.toml").write_text("")
    with pytest.raises(CatalogError, match="no catalog at"):
        wb.open_workspace(tmp_path).init()


def test_loading_tells_rows_and_steps_and_makes_a_private_folder(tmp_path):
    shop = wb.open_workspace(make_shop(tmp_path / "shop", 30))
    told = []
    assert shop.init(told.append) == {
        "customers": 30, "transactions": 270, "consents": 15, "incidents": 1,
    }  # fmt: skip
    tables = ["customers", "transactions", "consents", "incidents"]
    assert told == [f"loading {table}" for table in tables]
    assert shop.private.stat().st_mode & 0o777 == 0o700
    assert shop.init() == {}


def test_before_the_first_load_the_message_says_what_to_run(tmp_path):
    shop = wb.open_workspace(make_shop(tmp_path / "shop", 30))
    with pytest.raises(StoreMissing, match="Run 'workbench init' to load"):
        shop.open("customers", "service")


def test_a_table_opens_for_a_purpose(shop):
    assert shop.open("transactions", purpose="reporting").count().execute() == 5400


def test_names_and_purposes_are_checked(shop):
    with pytest.raises(UnknownName, match="Did you mean 'customers'"):
        shop.open("customer", "service")
    with pytest.raises(AccessRefused, match="expired"):
        shop.open("transactions", "old-partner")


def test_the_clock_is_handed_in(shop):
    early = wb.open_workspace(
        shop.settings.root, now=lambda: dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
    )
    assert early.open("transactions", "old-partner").count().execute() == 5400
    assert early.events.entries("open")[-1].at == dt.datetime(2025, 6, 1, tzinfo=dt.UTC)


def test_the_default_clock_is_in_utc(shop_folder):
    assert wb.open_workspace(shop_folder).now().tzinfo is dt.UTC


def test_the_last_complete_month_is_the_last_that_the_data_covers(shop):
    assert shop.reports.last_complete_month().text == "2026-09"


def test_data_without_a_time_are_as_they_are_now(tmp_path):
    folder = make_shop(tmp_path / "shop", 30)
    (folder / "catalog.yaml").write_text(CATALOG.replace("    time: booked_on\n", ""))
    shop = wb.open_workspace(folder, now=lambda: dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC))
    shop.init()
    assert shop.reports.last_complete_month().text == "2026-09"


def test_the_door_lists_what_it_lets_in():
    assert set(wb.__all__) <= set(dir(wb))
    for name in wb.__all__:
        assert getattr(wb, name) is not None
    with pytest.raises(AttributeError, match="module 'workbench' has no attribute 'open_workspce'"):
        _ = wb.open_workspce


@pytest.mark.parametrize("stands", ["a file", "a link"])
def test_a_private_folder_that_cannot_be_made_is_told(shop, tmp_path, stands):
    shutil.rmtree(shop.private)
    if stands == "a file":
        shop.private.write_text("x")
    else:
        shop.private.symlink_to(tmp_path / "not mounted")
    with pytest.raises(StorageError, match=r"cannot be made: File exists. Take away what stands"):
        wb.open_workspace(shop.settings.root).init()
