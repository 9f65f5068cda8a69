"""What is typed counts as it was typed, or is refused with the nearest that would."""

import datetime as dt
from dataclasses import replace

import pytest
from factories.noisy import REGION, Books, answer
from support import ledgers
from support.lab import COLUMNS, Lab, cents

import workbench as wb
from workbench.errors import LedgerError, QuestionRefused, UnknownName
from workbench.privacy.release import Release
from workbench.privacy.replaying import require_replayed
from workbench.privacy.tables import sheet_of

DAY = dt.date(2026, 1, 15)
BANDS = {"of": "customer"}


@pytest.fixture(scope="module")
def lab():
    # nine customers with one more in each: who is in the pair, and how much they spend
    rows = [
        {"customer_id": f"u{i}", "day": DAY, "kind": kind, "region": "a", "amount": cents(i),
         "score": i / 10, "weight": i / 2, "level": 1}
        for i in range(1, 10)
        for kind in ("p", "q", "r")[: 1 + i % 3]
    ]  # fmt: skip
    return Lab(rows, cells=12)


@pytest.mark.parametrize(
    ("ask", "what"),
    [
        (lambda q: wb.query(q, by=wb.bands("weight", [0.5, 1.5], **BANDS)).customers(), "0.5"),
        (lambda q: wb.query(q, by=wb.bands("level", [1, 1.5], **BANDS)).customers(), "1.5"),
        (lambda q: wb.query(q, by=wb.bands("amount", [9.999], **BANDS)).customers(), "9.999"),
        (lambda q: wb.query(q).median("amount", candidates=[1, 2.345]), "2.345"),
        (lambda q: wb.query(q).median("weight", candidates=[0.25, 0.75]), "0.25"),
        (lambda q: wb.query(q).quantile("level", 0.9, candidates=[1.5]), "1.5"),
        (lambda q: wb.query(q).sum("weight", bounds=(0, 0.5)), "0.5"),
        (lambda q: wb.query(q).mean("amount", bounds=(0, 0.005)), "0.005"),
        (lambda q: wb.query(q, by=wb.personas(q, ["persona | money", "Much | 2", "Little | 1"],
                                              as_of="2026-01", money=[10.005])).customers(),
         "10.005"),
    ],
)  # fmt: skip
def test_a_number_finer_than_its_column_is_counted_in_is_refused(lab, ask, what):
    with pytest.raises(QuestionRefused, match=f"counted in steps of .*{what} lies between"):
        lab.resolve(ask(lab.table))


@pytest.mark.parametrize(("column", "edges"), [("amount", [0.5, 1.25]), ("score", [0.125, 0.5])])
def test_a_number_as_fine_as_its_column_is_counted_as_it_stands(lab, column, edges):
    query = wb.query(lab.table, by=wb.bands(column, edges, of="customer")).customers()
    totals = {}
    for row in lab.connection.execute(
        f"SELECT customer_id, {column} FROM reporting.visits"
    ).fetchall():
        totals[row[0]] = totals.get(row[0], 0) + (row[1])
    counts = [sum(sum(t >= e for e in edges) == band for t in totals.values())
              for band in range(len(edges) + 1)]  # fmt: skip
    assert [row["customers"] for row in lab.ask(query)] == counts


def test_pairs_by_bands_of_customers_keep_every_pair(lab):
    by = [wb.pairs("kind"), wb.bands("amount", [10], of="customer")]
    found = {}
    for row in lab.ask(wb.query(lab.table, by=by, cells=50).customers()):
        pair, band = row["kind_pair"], row["amount_total_band"]
        found[pair, band] = row["customers"]
    # customers 1, 4, 7 have p and q, 2, 5, 8 have all three, 3, 6, 9 have p alone
    total = {i: i * (1 + i % 3) for i in range(1, 10)}
    for pair, members in {
        "p": range(1, 10),
        "p + q": (1, 2, 4, 5, 7, 8),
        "q + r": (2, 5, 8),
    }.items():
        assert found[pair, "≥ 10"] == sum(total[i] >= 10 for i in members)
        assert found[pair, "< 10"] == sum(total[i] < 10 for i in members)


WRONG = [
    (lambda t: {"where": {"region": "A"}}, "'a'"),
    (lambda t: {"where": {"region": ["a", "d"]}}, "'d'"),
    (lambda t: {"where": {"level": 4}}, "'4'"),
    (lambda t: {"where": t.region == "aa"}, "'a'"),
    (lambda t: {"where": ~(t.region != "z")}, "'z'"),
    (lambda t: {"where": (t.amount > 1) & t.kind.isin(["p", "x"])}, "'x'"),
    (lambda t: {"by": (t.kind == "P").name("large")}, "'P'"),
]


@pytest.mark.parametrize(("make", "said"), WRONG)
def test_a_value_outside_its_domain_is_refused_before_it_is_paid(lab, make, said):
    with pytest.raises(UnknownName, match=said):
        lab.resolve(wb.query(lab.table, **make(lab.table)).customers())
    with pytest.raises(UnknownName, match="'x'"):
        lab.resolve(wb.query(lab.table).rate(x=lab.table.kind == "x"))


def test_nothing_is_spent_on_a_value_that_does_not_exist(shop):
    tx = shop.open("transactions", "reporting")
    for ask in (
        lambda: shop.release(wb.query(tx, where={"region": "North"}).customers(), name="x", rho=1),
        lambda: shop.release_marginals(
            wb.marginals(tx, [[], "category"], where={"region": "North"}, period="2026-09").count(),
            name="x", rho=1,
        ),
    ):  # fmt: skip
        with pytest.raises(UnknownName, match="Did you mean 'north'"):
            ask()
    assert ledgers.spent(shop.ledger) == 0


def test_special_codes_are_values_too():
    columns = {**COLUMNS, "level": {**COLUMNS["level"], "special_codes": {"-1": "not asked"}}}
    lab = Lab([{"customer_id": "u1", "level": -1}], columns=columns)
    found = lab.ask(wb.query(lab.table, where={"level": -1}).customers())
    assert found == [{"customers": 1}]


@pytest.mark.parametrize(
    "make",
    [
        lambda t: wb.query(t).sum(t.amount),
        lambda t: wb.query(t).median(t.mutate(amount=t.weight).amount),
        lambda t: wb.query(t).distinct(t.note, most=1),
        lambda t: wb.bands(t.amount, [1]),
        lambda t: wb.discovered(t.note, delta="1e-8"),
        lambda t: wb.pairs(t.kind),
        lambda t: wb.cohorts(t, ("2026-Q1", "2026-Q2"), column=t.day),
    ],
)
def test_a_column_is_said_by_its_name(lab, make):
    with pytest.raises(QuestionRefused, match="say the column by its name"):
        make(lab.table)


def test_a_label_nobody_declared_is_refused():
    label = wb.FittedLabel("segment", ("a", "b"), wb.Provenance("raw"), "first letter")
    with pytest.raises(UnknownName, match="'A'"):
        wb.labelled(label, ["u1", "u2"], ["a", "A"])


@pytest.mark.parametrize("period", [("2026-01",), ("2026-01", "2026-02", "2026-03"), (), 2026])
def test_a_period_is_one_or_a_first_and_a_last(lab, period):
    with pytest.raises(QuestionRefused, match="a first and a last one"):
        lab.resolve(wb.query(lab.table, period=period).customers())


RULES = ["persona | recency", "Active | 2", "Lost | 1"]


@pytest.mark.parametrize(
    "make",
    [
        lambda t: wb.query(t, where={"day": "20260305"}).customers(),
        lambda t: wb.query(t, where={"day": "2026-W10-4"}).customers(),
        lambda t: wb.query(t, where={"day": "05/03/2026"}).customers(),
        lambda t: wb.query(t, where={"day": "2026-03-05T10:00"}).customers(),
        lambda t: wb.query(t, where={"amount": 1.005}).customers(),
        lambda t: wb.query(t, where={"amount": float("nan")}).customers(),
        lambda t: wb.query(t, where={"weight": float("inf")}).customers(),
        lambda t: wb.query(t, by=wb.bands("amount", "123")).customers(),
        lambda t: wb.query(t, by=wb.bands("amount", 5)).customers(),
        lambda t: wb.query(t).median("amount", candidates="123"),
        lambda t: wb.query(t, by=wb.cohorts(t, ("2026-01",))).customers(),
        lambda t: wb.query(t, by=wb.cohorts(t, "2026-01")).customers(),
        lambda t: wb.query(t, by=wb.personas(t, RULES, as_of="2026-01", recency=[9], months=2.5)),
        lambda t: wb.query(t, by=wb.personas(t, RULES, as_of="2026-01", recency=[9], months=True)),
    ],
)
def test_what_the_engine_would_read_otherwise_or_not_at_all_is_refused(lab, make):
    with pytest.raises(QuestionRefused):
        lab.resolve(make(lab.table))


def test_the_order_of_columns_and_of_regrouped_values_is_kept_in_the_ledger():
    books = Books()
    paid = books.put(answer([REGION], {"n": [10.0, 20.0, 30.0]}))
    again = Release.from_json(paid.to_json())
    names = ["customers", "amount_sum", "rows", "amount_mean"]
    expected = ["region", *(f"{name}{end}" for name in names for end in ("", "_low", "_high"))]
    assert list(again.columns) == list(again.frame.columns) == expected
    groups = {"we": [["West"]], "the north": [["North"]], "all else": [["South"]]}
    made = paid.regroup(["region"], "side", groups)
    assert list(made.frame["side"]) == list(groups)
    kept = books.origin.find(made.id)
    assert list(kept.frame["side"]) == list(groups)
    assert sheet_of(kept, books.origin.find).by[0].values == tuple(groups)
    chosen = made.derive("customers", where={"side": ["all else", "we"]})
    assert list(chosen.frame["side"]) == ["we", "all else"]
    require_replayed(made, books.origin.find)
    require_replayed(paid.derive(wb.top("customers", 2)), books.origin.find)
    # as it was stored when its groups were keys, which are sorted
    recipe = {**made.mechanism["recipe"], "groups": dict(sorted(groups.items()))}
    before = replace(made, mechanism={**made.mechanism, "recipe": recipe})
    require_replayed(before, books.origin.find)
    # and what was derived from it then is sorted; no other order is believed
    shares = made.derive(wb.share("customers"))
    known = shares.by[0].values
    for values in (tuple(sorted(known)), ("all else", "we", "the north")):
        rows = [known.index(each) for each in values]
        columns = {name: [column[row] for row in rows] for name, column in shares.columns.items()}
        stored = replace(shares, by=(replace(shares.by[0], values=values),), columns=columns)
        if list(values) in (sorted(values), list(known)):
            require_replayed(stored, books.origin.find)
        else:
            with pytest.raises(LedgerError, match="its groups are others"):
                require_replayed(stored, books.origin.find)
