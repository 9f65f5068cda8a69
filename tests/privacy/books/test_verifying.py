"""What stands as derived is computed again from its parents, or it is not believed."""

import json
from dataclasses import replace

import numpy as np
import pytest
from factories.noisy import in_ledger
from factories.noisy import ledger as empty_ledger
from support.ledgers import NOW, tamper

import workbench as wb
from workbench.errors import LedgerError, QuestionRefused, UnknownName, WorkbenchError
from workbench.privacy.release import Release
from workbench.privacy.replaying import require_replayed
from workbench.privacy.sheets import OPERATIONS

# What `derive` is made of; it is stored as a whole.
WITHIN = {"add", "column", "difference", "multiply", "number", "over", "rank", "ratio", "share"}
WITHIN |= {"top", "where"}
# Of a card, and of more customers than a shop has: tests/privacy/models, tests/analytics/decisions.
ELSEWHERE = {"points", "portfolio_loss", "qini", "readout", "tornado"}
SPAN = {"period": ("2026-08", "2026-09")}


@pytest.fixture
def shop(warm_shop):
    return warm_shop


@pytest.fixture
def derived(shop):
    """Return an answer derived by every operation there is, by its name."""
    tx = shop.open("transactions", "reporting")

    def ask(by, more=lambda query: query, epsilon="0.3", **options):
        query = wb.query(tx, by=by, **({"period": "2026-09"} | options))
        return shop.release(more(query.customers()), name="asked", epsilon=epsilon)

    grid = ask(["region", "category"], lambda query: query.sum("amount"))
    spend = wb.bands("amount", [100, 200, 400, 800], of="customer")
    total = ask([], lambda query: query.sum("amount"))
    region = ask("region", lambda query: query.sum("amount"))
    bands = ask(spend, lambda query: query.sum("amount"))
    rate = {"big": tx.amount > 50}
    ask("region", lambda query: query.rate(**rate))
    regions, deep = region.by[0].values, region.by[0].name
    score = wb.bands("amount", [50, 100])
    told = ask([score, (tx.region == "north").name("north")], epsilon="1.4")
    scored = ask(score)
    groups = {"first": [[regions[0]]], "others": [[each] for each in regions[1:]]}
    words = {str(each): f"in {each}" for each in regions}
    return {
        "derive": grid.derive(
            wb.ratio("amount_sum", "customers"), wb.share("amount_sum"), name="shares",
            simultaneous=True),
        "derive again": grid.derive("amount_sum", over="category").derive(wb.rank("amount_sum")),
        "suppress": grid.suppress(20),
        "merge": grid.merge_small("category", 50),
        "consistent": wb.consistent([region, total], "amount_sum")[0],
        "rename": ask("region", lambda query: query.rate(large=tx.amount > 50)),
        "regroup": region.regroup([deep], "part", groups),
        "describe": region.describe(deep, "words", words),
        "grade": grid.grade("customers", {"many": 50, "few": 0}),
        "deciles": bands.deciles("amount_sum"),
        "affinity": ask(wb.pairs("category")).affinity(of=total),
        "joined": ask(["month", "region"], **SPAN),
        "discrimination": told.discrimination("north", measure="customers"),
        "cutoffs": told.cutoffs("north", gain=1, loss=2, measure="customers"),
        "stability": scored.stability(scored, measure="customers"),
        "impact": grid.impact("customers"),
        "forecast": wb.forecast(ask("month", period=("2025-10", "2026-09")), "customers"),
        "next": wb.next_best_action(grid, action="category", gain="amount_sum"),
        "allocate": wb.allocate(region, cost=1.0, gain="amount_sum", budget=10.0),
        "frontier": wb.frontier(region, cost=1.0, gain="amount_sum", budgets=[5.0, 10.0]),
    }  # fmt: skip


def test_every_operation_is_computed_again_and_holds(shop, derived):
    done = {each.mechanism.get("recipe", {}).get("op", "joined") for each in derived.values()}
    assert done | WITHIN | ELSEWHERE == {*OPERATIONS, "joined"}
    assert all(each.id.startswith("d-") for each in derived.values())
    for each in derived.values():
        assert shop.ledger.checked(each.id) == each
    assert shop.ledger.verify() == shop.ledger.head()[0]


def changed(release, name, by=1.0):
    """Return an answer with the first figure of a column changed."""
    column = list(release.columns[name])
    row = next(i for i, value in enumerate(column) if isinstance(value, int | float))
    column[row] += by
    return replace(release, columns={**release.columns, name: column})


def test_a_figure_of_any_operation_that_was_written_by_hand_is_found(shop, derived):
    """A figure, an end of its margin, a further column, another group: of every operation."""
    ledger, forged = shop.ledger, []
    for true in derived.values():
        measure = true.measures[-1].name
        name = next(m.name for m in true.measures if any(
            isinstance(value, int | float) for value in true.columns[f"{m.name}_low"])) if any(
            isinstance(value, int | float) for m in true.measures
            for value in true.columns[f"{m.name}_low"]) else None  # fmt: skip
        wrong = [replace(true, columns={**true.columns, "raw": [1234] * len(true)})]
        numbers = [m.name for m in true.measures if any(
            isinstance(value, int | float) for value in true.columns[m.name])]  # fmt: skip
        wrong += [changed(true, numbers[0])] if numbers else []
        wrong += [changed(true, f"{name}_low")] if name else []
        wrong.append(replace(true, measures=(*true.measures, replace(true.measures[0], name="x"))))
        if true.by:
            axis = replace(true.by[0], values=(*true.by[0].values[:-1], "by hand"))
            wrong.append(replace(true, by=(axis, *true.by[1:])))
        assert measure
        below = true.mechanism.get("parents") or true.mechanism["parts"]
        forged += [ledger.derive(each, below, NOW) for each in wrong]
    assert len(forged) >= 4 * len(derived)
    for each in forged:
        with pytest.raises(LedgerError, match="is not what its operation makes"):
            ledger.checked(each.id)
    with pytest.raises(LedgerError, match=f"{forged[0].id}, .*is not what its operation makes"):
        ledger.verify()


@pytest.fixture
def book(tmp_path):
    return empty_ledger(tmp_path)


@pytest.fixture
def paid(book):
    from factories.noisy import REGION, answer

    return in_ledger(answer([REGION]), book)


def by_hand(paid, **mechanism):
    """Return raw counts as somebody may write them down."""
    columns = {**paid.columns, "customers": [1234, 5, 6]}
    return replace(paid, id="", columns=columns, mechanism=mechanism)


RECIPE = {"op": "derive", "figures": [], "where": {}, "over": []}


@pytest.mark.parametrize(
    ("mechanism", "message"),
    [
        ({}, "does not say by which operation"),
        ({"kind": "by hand"}, "does not say by which operation"),
        ({"kind": "derived", "recipe": {"op": "guess"}, "parents": ["{paid}"]}, "does not say"),
        ({"kind": "derived", "recipe": RECIPE}, "does not say by which operation"),
        ({"kind": "derived", "recipe": RECIPE, "parents": []}, "computed from nothing"),
        ({"kind": "derived", "recipe": RECIPE, "parents": ["r-999999"]}, "from other answers"),
        ({"kind": "discrete gaussian", "noisy": {}}, "does not say by which operation"),
    ],
)
def test_raw_counts_are_not_kept_as_derived(book, paid, mechanism, message):
    mechanism = json.loads(json.dumps(mechanism).replace("{paid}", paid.id))
    with pytest.raises(QuestionRefused, match=message):
        book.derive(by_hand(paid, **mechanism), [paid.id], NOW)
    assert book.head()[0] == 2


def test_what_a_derived_answer_stands_on_is_in_the_ledger(book, paid):
    unknown = by_hand(paid, kind="derived", recipe=RECIPE, parents=["r-999999"])
    with pytest.raises(UnknownName):
        book.derive(unknown, ["r-999999"], NOW)


def test_exact_figures_are_no_parents_of_private_ones(shop):
    """Neither where they are derived, nor beside a private answer, nor through a hand's entry."""
    tx = shop.open("transactions", "reporting")
    total = shop.release(wb.query(tx, period="2026-09").customers(), name="t", epsilon=1)
    columns = {"customers": [77], "customers_low": [None], "customers_high": [None]}
    exact = shop.ledger.derive(
        replace(total, columns=columns, by=(),
                mechanism={"kind": "operational", "sources": ["ledger"], "private": []}),
        [], NOW, kind="operational")  # fmt: skip
    assert exact.id.startswith("e-")
    handed = replace(exact, origin=total.origin)
    with pytest.raises(WorkbenchError, match="computed from e-"):
        handed.derive("customers", name="no longer exact")
    both = [total.id, exact.id]
    beside = by_hand(total, kind="derived", recipe=RECIPE, parents=both)
    with pytest.raises(WorkbenchError, match="computed from e-"):
        shop.ledger.derive(beside, both, NOW)
    assert shop.ledger.verify() == shop.ledger.head()[0]


def test_an_entry_that_plays_a_paid_answer_is_no_parent(book, paid, tmp_path):
    """Written past the door: a derived entry with noise of its own would be believed by others."""
    true = paid.derive("customers", name="true")
    again = true.derive("customers", name="again")
    forged = replace(paid, id=true.id).to_json()
    tamper(tmp_path, "PRAGMA writable_schema = 0")
    for entry in book.chain.entries("derived"):
        if entry.body["release"] == true.id:
            body = {**entry.body, "answer": forged}
            text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            quoted = text.replace("'", "''")
            tamper(tmp_path, f"UPDATE ledger SET body = '{quoted}' WHERE seq = {entry.seq}")
    for name in (true.id, again.id):
        with pytest.raises(LedgerError):
            book.checked(name)


def test_entries_of_before_are_checked_by_their_figures(book, paid, tmp_path):
    """Ends of intervals follow rules that were mended since; values did not change."""
    from workbench.privacy.books import entries as module

    older = pytest.MonkeyPatch()
    older.setattr(module, "DERIVED", 2)
    true = paid.derive("customers", name="true")
    below = true.mechanism["parents"]
    kept = book.derive(
        replace(changed(true, "customers_low"), name="floored"), below, NOW)  # fmt: skip
    forged = book.derive(
        replace(changed(true, "customers"), name="forged"), below, NOW)  # fmt: skip
    older.undo()
    assert book.checked(kept.id) == kept
    with pytest.raises(LedgerError, match="'customers' has other figures"):
        book.checked(forged.id)


def test_months_answered_before_and_after_shares_at_bounds_were_are_one_answer(shop):
    tx = shop.open("transactions", "reporting")
    asked = wb.query(tx, by="month", **SPAN).customers().sum("amount")
    whole = shop.release(asked, name="both", epsilon="0.3")

    def without(release):
        kept = [each for each in release.columns if not each.startswith("amount_at_bound")]
        assert len(kept) < len(release.columns)
        measures = [each for each in release.measures if each.name in kept]
        columns = {name: release.columns[name] for name in kept}
        return replace(release, columns=columns, measures=tuple(measures))

    for old in whole.mechanism["parts"]:
        parts = {each: shop.ledger.answer(each) for each in whole.mechanism["parts"]}
        parts[old] = without(parts[old])
        require_replayed(without(whole), parts.__getitem__)


def test_machines_that_differ_in_the_last_digits_agree(book, paid):
    true = paid.derive("customers", name="true")
    near = {
        name: [each * (1 + 1e-13) if isinstance(each, float) else each for each in column]
        for name, column in true.columns.items()
    }
    kept = book.derive(replace(true, columns=near), true.mechanism["parents"], NOW)
    assert isinstance(book.checked(kept.id), Release)
    assert np.isfinite(kept.columns["customers"]).all()


def test_a_page_shows_no_derived_answer_that_was_written_by_hand(book, paid):
    """The exporter computes again what it draws, wherever it looks answers up."""
    from factories.notebooks import code, notebook
    from factories.pages import page

    true = paid.derive("customers", name="true")
    below = true.mechanism["parents"]
    forged = book.derive(changed(true, "customers"), below, NOW)
    shown = page(notebook(code("x", wb.figures.table(true))), lookup=book.answer).html
    assert true.id in shown
    for lookup in (book.answer, book.checked):
        with pytest.raises(LedgerError, match="is not what its operation makes"):
            page(notebook(code("x", wb.figures.table(forged))), lookup=lookup)
