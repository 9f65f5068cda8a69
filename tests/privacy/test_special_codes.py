"""A special code, such as "not reported", is no number: wherever numbers are read it is missing."""

import datetime as dt
from decimal import Decimal

import pytest
from support.lab import COLUMNS, Lab, cents

import workbench as wb
from workbench.catalog import Column
from workbench.privacy.books.entries import identity_of
from workbench.privacy.grouping.opened import number

CODES = {"997": "settled", "999": "not reported"}
COLUMNS_WITH_CODES = {
    **COLUMNS,
    "amount": {**COLUMNS["amount"], "special_codes": {"-1": "not stated"}},
    "level": {"type": "integer", "bounds": [0, 360], "customer_bounds": [0, 360],
              "special_codes": CODES},
    "score": {**COLUMNS["score"], "special_codes": {"9.5": "none"}},
}  # fmt: skip
PLAIN = {
    name: {key: value for key, value in column.items() if key != "special_codes"}
    for name, column in COLUMNS_WITH_CODES.items()
}


def rows(told):
    """Return rows; ``told`` says what stands where there is a code."""
    codes = {
        "amount": [None, cents(-1)],
        "level": [None, 997, 999],
        "score": [None, Decimal("9.5")],
    }
    return [
        {
            "customer_id": f"u{who % 9}",
            "day": dt.date(2026, 1, 1 + who),
            "amount": codes["amount"][told] if who % 4 == 0 else cents(who),
            "level": codes["level"][told * (1 + who % 2)] if who % 3 == 0 else who * 7,
            "score": codes["score"][told] if who % 5 == 0 else Decimal(who) / 100,
        }
        for who in range(28)
    ]


@pytest.fixture(scope="module")
def labs():
    return Lab(rows(1), columns=COLUMNS_WITH_CODES), Lab(rows(0), columns=PLAIN)


ASKED = {
    "sum": lambda tx: wb.query(tx).sum("amount"),
    "sum of integers": lambda tx: wb.query(tx).sum("level"),
    "sum of numbers": lambda tx: wb.query(tx).sum("score"),
    "ladder": lambda tx: wb.query(tx).sum("amount", bounds=wb.ladder(50, 200)),
    "mean": lambda tx: wb.query(tx).mean("level"),
    "spread": lambda tx: wb.query(tx).std("amount"),
    "distinct values": lambda tx: wb.query(tx).distinct("level", most=9),
    "quantile": lambda tx: wb.query(tx).median("level"),
    "bands of rows": lambda tx: wb.query(tx, by=wb.bands("level", [1, 30, 90])).count(),
    "bands of numbers": lambda tx: wb.query(tx, by=wb.bands("score", [0.1, 0.2])).count(),
    "bands of customers": lambda tx: wb.query(
        tx, by=wb.bands("amount", [20, 40], of="customer")
    ).customers(),
    "personas": lambda tx: wb.query(
        tx,
        by=wb.personas(
            tx, ["persona | money", "much | 2", "little | 1"], as_of="2026-01", months=1,
            money=[30],
        ),
        period="2026-01",
    ).customers(),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_codes_count_as_missing(labs, name):
    coded, plain = (lab.totals(lab.resolve(ASKED[name](lab.table))) for lab in labs)
    assert str(coded) == str(plain)


@pytest.mark.parametrize("name", [name for name in ASKED if name != "personas"])
def test_it_is_another_question_than_one_that_counts_them(labs, name):
    coded, plain = (lab.resolve(ASKED[name](lab.table)) for lab in labs)
    assert list(coded.coded.values()) in ([["-1"]], [["997", "999"]], [["9.5"]])
    assert plain.coded == {}
    ids = [identity_of(each.parts[0].canonical, "v1") for each in (coded, plain)]
    assert ids[0] != ids[1]


def test_what_reads_no_such_number_stays_the_same_question(labs):
    ids = [
        identity_of(lab.resolve(wb.query(lab.table, by="region").count()).parts[0].canonical, "v1")
        for lab in labs
    ]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    ("column", "code", "missing"),
    [
        ("level", "9223372036854775807", 2**63 - 1),
        ("level", "9.5", None),  # no value is that; ten is a number
        ("level", "99999999999999999999", None),
        ("amount", "9999999999999999.99", Decimal("9999999999999999.99")),
        ("amount", "9.995", None),
        ("amount", "1e30", None),
        ("weight", "9.9999", 9.9999),
        ("weight", "1e30", 1e30),
    ],
)
def test_a_code_is_missing_to_its_last_digit_and_what_is_near_is_not(column, code, missing):
    told = {**COLUMNS[column], "special_codes": {code: "none"}}
    others = [0, 9, 10]
    values = others if missing is None else [*others, missing]
    table = Lab([{column: each} for each in values], columns={**COLUMNS, column: told}).table
    kept = number(table, column, Column.model_validate(told)).name("x").execute().dropna()
    assert sorted(map(int, kept)) == others
