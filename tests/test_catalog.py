"""The catalog: what it declares, and every way it can be wrong, with file and line."""

import datetime as dt
import re

import pytest
from support.shop import CATALOG

from workbench.catalog_files import keep_checked, load_catalog, read_checked
from workbench.errors import AccessRefused, CatalogError, UnknownName

TODAY = dt.date(2026, 10, 2)


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "catalog.yaml"
        path.write_text(text)
        return load_catalog(path)

    return read


def altered(*changes):
    text = CATALOG
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    return text


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


@pytest.fixture
def shop_catalog(read):
    return read(CATALOG)


def test_columns_are_those_a_purpose_may_read(shop_catalog):
    assert list(shop_catalog.columns_for("customers", "marketing")) == ["customer_id"]
    assert list(shop_catalog.columns_for("customers", "service")) == [
        "customer_id", "full_name", "email", "opened_on",
    ]  # fmt: skip
    assert shop_catalog.columns_for("incidents", "marketing") == {}


def test_identifiers_are_subject_keys_and_direct_identifiers(shop_catalog):
    assert list(shop_catalog.identifiers()) == [
        ("customers", "customer_id"),
        ("customers", "full_name"),
        ("customers", "email"),
        ("transactions", "customer_id"),
        ("consents", "customer_id"),
    ]


def test_unknown_names_come_with_the_nearest(shop_catalog):
    with pytest.raises(
        UnknownName, match=r"no table named 'transaction'. Did you mean 'transactio"
    ):
        shop_catalog.table("transaction")
    with pytest.raises(UnknownName, match=r"no column named 'amont'. Did you mean 'amount'?"):
        shop_catalog.table("transactions").column("amont")
    with pytest.raises(UnknownName, match=r"no purpose named 'report'. Did you mean 'reporting'?"):
        shop_catalog.purpose("report", TODAY)


def test_a_purpose_holds_to_the_end_of_its_last_day(shop_catalog):
    last = dt.date(2025, 12, 31)
    assert shop_catalog.purpose("old-partner", last).audience == "partner"
    with pytest.raises(AccessRefused, match="expired on 2025-12-31; today is 2026-01-01") as caught:
        shop_catalog.purpose("old-partner", last + dt.timedelta(days=1))
    assert str(caught.value).endswith("another purpose: marketing, reporting, service.")


def test_digits_of_a_private_sum(read):
    columns = (
        read(altered(("note: {type: text}", "note: {type: number, scale: 3}")))
        .tables["transactions"]
        .columns
    )
    assert [columns[name].digits for name in ("amount", "note", "is_online")] == [2, 3, 0]


def test_the_hash_is_of_what_is_declared_not_of_how_it_is_written(read, shop_catalog):
    region = "      region: {type: text, domain: [north, south, west], values_per_customer: 1}\n"
    turned = "      region:\n        values_per_customer: 1\n        domain:\n        - north\n"
    turned += "        - south # the sea\n        - west\n        type: text\n"
    moved = CATALOG.replace(region, "").replace("      note: {type: text}\n", turned
        + "      note: {type: text, role: attribute, rules: []}\n")  # fmt: skip
    assert moved != CATALOG
    again = read("# the shop's data\n" + moved)
    assert again.hash == shop_catalog.hash
    assert len(again.hash) == 64


@pytest.mark.parametrize(
    ("old", "new"),
    [("[north, south, west]", "[north, south, east]"), ("lifetime: 24", "lifetime: 25"),
     ("[0, 200]", "[0, 201]"), ("[reporting, marketing, old-partner]", "[reporting, marketing]")],
)  # fmt: skip
def test_the_hash_changes_with_what_is_declared(read, shop_catalog, old, new):
    assert read(altered((old, new))).hash != shop_catalog.hash


def test_the_sample_bank_is_declared_without_a_problem(sample_source):
    catalog = load_catalog(sample_source / "catalog.yaml")
    assert {"customers", "transactions", "consents", "incidents"} <= set(catalog.tables)
    assert catalog.privacy.key == "customer_id"


def test_a_missing_catalog_is_refused(tmp_path):
    with pytest.raises(CatalogError, match=r"no catalog at .*Create it"):
        load_catalog(tmp_path / "catalog.yaml")


NOTE = "note: {type: text}"
# what is written, what is written instead, the place it is told at (a key on its line), the message
WRONG = {
    "bounds reversed": ("bounds: [0, 500]", "bounds: [500, 0]", "amount:",
        "bounds are reversed or equal: 500 is not below 0."),
    "bounds equal": ("bounds: [0, 500]", "bounds: [5, 5]", "amount:",
        "bounds are reversed or equal"),
    "customer bounds reversed": ("[0, 200]", "[200, 0]", "amount:", "customer_bounds are reversed"),
    "bounds of words": ("bounds: [0, 500]", "bounds: [low, 500]", "amount:", r"\(got 'low'\)"),
    "one bound": ("bounds: [0, 500]", "bounds: [0]", "amount:", "value 2 is missing"),
    "endless bounds": ("bounds: [0, 500]", "bounds: [0, .inf]", "amount:", "a finite number"),
    "dates for a number": ("bounds: [0, 500]", "bounds: [2026-01-01, 2026-02-01]", "amount:",
        "bounds must be two numbers"),
    "numbers for a date": ("[2026-01-01, 2027-01-01]", "[1, 2]", "booked_on: {",
        "must be two dates"),
    "bounds of a text": (NOTE, "note: {type: text, bounds: [0, 1]}", "note:",
        "a text column has no bounds"),
    "customer bounds of a date": ("2027-01-01]}", "2027-01-01], customer_bounds: [0, 1]}",
        "booked_on: {", "a date column has no customer_bounds"),
    "a number without scale": (NOTE, "note: {type: number, bounds: [0, 1]}", "note:",
        "a bounded number declares scale"),
    "domain twice": ("[food, home, toys]", "[food, home, food]", "category:",
        "lists a value twice"),
    "domain empty": ("[food, home, toys]", "[]", "category:", "the domain is empty"),
    "codes without quotes": ("[food, home, toys]", "[01, 02]", "category:",
        r"quote each value \(got 1, 2\)"),
    "yes and no": ("{type: boolean}", "{type: boolean, domain: [yes, no]}", "is_online:",
        r"write true or false \(got 'yes', 'no'\)"),
    "domain of a date": ("{type: date, role: time,", "{type: date, role: time, domain: [a],",
        "booked_on: {", "a date column has no domain"),
    "fractions in a domain": ("[food, home, toys]", "[1.5]", "category:", r"\(got 1.5\)"),
    "unknown key": (NOTE, "note: {typ: text, type: text}", "note:",
        "unknown key 'typ'. Did you mean 'type'?"),
    "unknown type": (NOTE, "note: {type: string}", "note:", r"'text', 'integer'.*\(got 'string'\)"),
    "no type": (NOTE, "note: {title: Note}", "note:", "'type' is missing"),
    "no mapping": (NOTE, "note: text", "note:", "a mapping of keys to values"),
    "capital name": (NOTE, "Note: {type: text}", "Note:", r"match pattern .*\(got 'Note'\)"),
    "unknown purpose of a table": ("[reporting, marketing, old-partner]", "[reportin]",
        "purposes: [reportin]", "no purpose 'reportin'. Did you mean 'reporting'?"),
    "unknown purpose of a column": (NOTE, "note: {type: text, purposes: [marketin]}", "note:",
        "no purpose 'marketin'. Did you mean 'marketing'?"),
    "reference to no table": (NOTE, "note: {type: text, rules: [{references: customer.email}]}",
        "note:", "no table 'customer'. Did you mean 'customers'?"),
    "reference to no column": (NOTE, "note: {type: text, rules: [{references: customers.mail}]}",
        "note:", "no column 'mail'. Did you mean 'email'?"),
    "reference to a table": (NOTE, "note: {type: text, rules: [{references: customers}]}",
        "note:", "write it as table.column"),
    "order of no column": (NOTE, "note: {type: text, rules: [{not_after: booked}]}", "note:",
        "no column 'booked' in its table. Did you mean 'booked_on'?"),
    "pattern": (NOTE, "note: {type: text, rules: [{pattern: '['}]}", "note:",
        "not a regular expression"),
    "unknown rule": (NOTE, "note: {type: text, rules: [{not_nul: true}]}", "note:",
        "unknown key 'not_nul'. Did you mean 'not_null'?"),
    "subject key of no column": ("subject_key: customer_id\n    time",
        "subject_key: customer\n    time", "  transactions:",
        "subject_key 'customer' is not one of its columns"),
    "subject key without role": ("{type: text, role: subject key}\n      booked_on",
        "{type: text}\n      booked_on", "customer_id: {type: text}\n", "needs role: subject key"),
    "another key than the unit's": ("key: customer_id\n  delta", "key: client_id\n  delta",
        "subject_key: customer_id", "the privacy unit's key is 'client_id'"),
    "neither subject nor operational": ("    operational: true\n", "", "  incidents:",
        "declare either subject_key: COLUMN or operational: true"),
    "subject and operational": ("operational: true\n",
        "operational: true\n    subject_key: incident_id\n", "  incidents:",
        "declare either subject_key: COLUMN or operational: true"),
    "customers declared operational": ("subject_key: customer_id\n    time: booked_on",
        "operational: true\n    time: booked_on", "customer_id: {type: text, role: subject key}\n",
        "says which customer a row is of"),
    "operational with the privacy key": ("incident_id: {type: text}", "customer_id: {type: text}",
        "customer_id: {type: text}\n", "Declare subject_key: customer_id instead of operational"),
    "operational with the key by another name": ("incident_id: {type: text}",
        "who: {type: text, rules: [{references: customers.customer_id}]}", "who:",
        "says which customer a row is of"),
    "operational with a subject key": ("incident_id: {type: text}",
        "who: {type: text, role: subject key}", "who:", "says which customer a row is of"),
    "time of no column": ("time: booked_on", "time: booked", "  transactions:",
        "time 'booked' is not one of its columns"),
    "time of a text": ("time: booked_on", "time: region", "  transactions:",
        "time 'region' must be a date or timestamp column"),
    "no contribution": ("    contribution: {cells: 12, rows: 20}\n", "", "  transactions:",
        "declares contribution"),
    "no consent key": ("    consent: marketing\n", "", "  marketing:", "names its consent key"),
    "consent key of a contract": ("basis: contract", "basis: contract\n    consent: x",
        "  service:", "names its consent key"),
    "no consents": ("consents: {table: consents, purpose: purpose, given: given_on, "
        "withdrawn: withdrawn_on}\n", "", "  marketing:", "it needs consents:"),
    "consents in no table": ("table: consents", "table: consent", "consents: {",
        "no table 'consent'. Did you mean 'consents'?"),
    "consents in no column": ("given: given_on", "given: given", "consents: {",
        "has no column 'given'. Did you mean 'given_on'?"),
    "consents at no time": ("given: given_on", "given: customer_id", "consents: {",
        "'customer_id' must be a date or timestamp column"),
    "consents of nobody": ("table: consents", "table: incidents", "consents: {",
        "'incidents' has no subject_key"),
    "unknown basis": ("basis: contract", "basis: whim", "basis: whim", r"\(got 'whim'\)"),
    "no date": ("expires: 2025-12-31", "expires: soon", "expires: soon", r"\(got 'soon'\)"),
    "limit below zero": ("month: 2,", "month: -2,", "limits:", r"greater than 0 \(got -2\)"),
    "limits that shrink": ("month: 2,", "month: 9,", "limits:", "must not shrink"),
    "delta of one": ("delta: 1e-6", "delta: 1", "delta:", "less than 1"),
    "another version": ("version: 1", "version: 2", "version:", r"should be 1 \(got 2\)"),
    "no title": ("title: Corner shop\n", "", "version:", "'title' is missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_catalog_is_refused_with_file_and_line(read, tmp_path, name):
    old, new, place, message = WRONG[name]
    text = altered((old, new))
    with pytest.raises(CatalogError, match=message) as caught:
        read(text)
    expected = re.escape(f"{tmp_path / 'catalog.yaml'}:{line_of(text, place)}") + r"\b.*" + message
    assert [each for each in caught.value.problems if re.match(expected, each)]


def test_problems_of_fields_are_told_all_at_once(read):
    text = altered(
        ("version: 1", "version: 3"), ("basis: contract", "basis: whim"),
        (NOTE, "note: {type: string}"), ("title: Purchases", "titel: Purchases"),
    )  # fmt: skip
    with pytest.raises(CatalogError, match="is wrong") as caught:
        read(text)
    lines = sorted(int(each.split(":")[1].split()[0]) for each in caught.value.problems)
    places = (
        "version:",
        "basis: whim",
        "  transactions:",
        "titel:",
        NOTE.replace("text", "string"),
    )
    assert lines == [line_of(text, place) for place in places]


def test_problems_between_fields_are_told_all_at_once(read):
    text = altered(
        ("month: 2,", "month: 9,"), ("given: given_on", "given: given"),
        ("[reporting, marketing, old-partner]", "[reportin]"), ("[0, 200]", "[3, 1]"),
        ("[food, home, toys]", "[food, food]"),
        (NOTE, "note: {type: text, rules: [{references: a.b}, {not_after: zzz}]}"),
    )  # fmt: skip
    with pytest.raises(CatalogError, match="is wrong") as caught:
        read(text)
    assert len(caught.value.problems) == 7


@pytest.mark.parametrize(
    "estate", ["data/sample/catalog.yaml", "workbench/estates/catalogs/cdnow.yaml"]
)
def test_a_checked_catalog_is_the_same_in_another_process(repository, tmp_path, estate):
    path, file = repository / estate, tmp_path / "catalog.json"
    catalog = load_catalog(path)
    keep_checked(catalog, path, file)
    again = read_checked(path, file)
    assert again == catalog
    assert again.hash == catalog.hash
    assert read_checked(tmp_path / "other.yaml", file) is None
    file.write_text(file.read_text().replace('"title": "', '"title": "not ', 1))
    assert read_checked(path, file) is None  # it is not what was checked
