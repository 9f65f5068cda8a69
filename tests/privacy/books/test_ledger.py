"""The ledger: paid once, answered once, whoever asks, in whatever order, and whatever dies."""

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from factories.noisy import REGION, in_ledger
from factories.noisy import answer as noisy
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule
from support.ledgers import (
    NOW,
    answer_for,
    epsilon_for,
    make_ledger,
    many_at_once,
    order,
    part,
    reserve,
    spend,
    spent,
)

import workbench as wb
from workbench.errors import BudgetExhausted, InputError, LedgerError, UnknownName
from workbench.privacy.budget import Share
from workbench.privacy.release import Release


@pytest.fixture
def ledger(tmp_path):
    """Return an empty ledger."""
    return make_ledger(tmp_path)


# ---------------------------------------------------------------- paid once


def test_an_answer_is_paid_for_once_whatever_it_is_called(ledger):
    first = spend(ledger, "q", name="one")
    assert spend(ledger, "q", name="another", share=Share("report", epsilon_for(5))) == first
    assert spent(ledger) == 1000
    assert ledger.summary()[0]["name"] == "one"


def test_a_more_exact_answer_serves_a_smaller_price_and_not_the_other_way(ledger):
    exact = spend(ledger, "q", 2000)
    assert spend(ledger, "q", 1000) == exact
    better = spend(ledger, "q", 3000)
    assert better.id != exact.id
    assert spend(ledger, "q", 1) == better
    assert spent(ledger) == 5000


def test_other_data_is_another_answer_and_knows_the_earlier_one(ledger):
    first = spend(ledger, "q", version="v1")
    assert ledger.earlier_answers(part("q"), "v2") == [first.id]
    second = spend(ledger, "q", version="v2")
    assert second.id != first.id
    assert ledger.earlier_answers(part("q"), "v3") == [first.id, second.id]
    assert ledger.earlier_answers(part("other"), "v3") == []
    assert spent(ledger) == 2000


def test_an_answer_on_earlier_data_serves_where_that_is_asked_for(ledger):
    """The newest exact enough one, where this data has none: it is paid for, and public."""
    spend(ledger, "q", 2000, version="v1")
    newer = spend(ledger, "q", 1000, version="v2")

    def reserved(cost, version, earlier):
        asked = [order("q", cost, version=version)]
        return ledger.reserve(asked, share=None, now=NOW, label="it", earlier=earlier)[0]

    assert reserved(1000, "v3", True).answer == newer.to_json()
    assert newer.id not in reserved(1500, "v3", True).answer  # that one is not exact enough
    assert spent(ledger) == 3000
    asked = [order("q", version="v3")]
    assert (len(ledger.unanswered(asked)), ledger.unanswered(asked, earlier=True)) == (1, [])
    assert reserved(3000, "v3", True).answer is None  # none is exact enough: paid
    assert reserved(1000, "v4", False).answer is None
    assert spent(ledger) == 3000 + 3000 + 1000


def test_parts_are_paid_for_all_or_none(tmp_path):
    ledger = make_ledger(tmp_path, year=epsilon_for(2500))
    spend(ledger, "already", period="2026-07")
    asked = (("a", "2026-08"), ("already", "2026-07"), ("b", "2026-09"))
    orders = [order(question, period=period) for question, period in asked]
    with pytest.raises(BudgetExhausted):
        ledger.reserve(orders, share=None, now=NOW, label="this question")
    assert ledger.head()[0] == 2
    unanswered = ledger.unanswered(orders)
    assert [period for _, period in unanswered] == ["2026-08", "2026-09"]


def test_a_crash_before_the_answer_leaves_it_spent_and_is_taken_up(ledger, tmp_path):
    crashed = reserve(ledger, "q")
    assert crashed.answer is None
    assert spent(make_ledger(tmp_path)) == 1000
    taken_up = reserve(make_ledger(tmp_path), "q")
    assert (taken_up.seq, taken_up.answer) == (crashed.seq, None)
    assert spent(ledger) == 1000


def test_the_answer_stored_first_is_the_answer(ledger):
    one, two = reserve(ledger, "q"), reserve(ledger, "q")
    first, second = answer_for(one, 1.0), answer_for(two, 2.0)
    assert ledger.store([(two, second.to_json())], NOW) == [second.to_json()]
    assert ledger.store([(one, first.to_json())], NOW) == [second.to_json()]
    assert ledger.answer(second.id).columns["customers"] == [2.0]


def test_what_is_derived_is_stored_once_costs_nothing_and_names_its_parents(ledger):
    one, other = (in_ledger(noisy([REGION], number=number), ledger) for number in (1, 2))
    more = wb.difference("customers", against=other, name="more")
    derived, parents = one.derive(more), [one.id, other.id]
    assert one.derive(more) == derived
    assert ledger.parents(derived.id) == parents
    assert ledger.spent_by([derived.id, parents[0]]) == 2 * 10**9 == spent(ledger)
    assert ledger.answer(derived.id) == derived
    assert ledger.verify() == 5


def test_an_unknown_answer_is_told_with_the_nearest(ledger):
    spend(ledger, "q")
    with pytest.raises(UnknownName, match="Did you mean 'r-000001'"):
        ledger.answer("r-000002")
    with pytest.raises(UnknownName):
        ledger.answer("2026-09")  # a period is no answer


def test_what_was_spent_is_told_as_it_stood_after_an_answer(ledger):
    one = spend(ledger, 1, 1000)
    spend(ledger, 2, 2000, period="2026-08")
    assert spent(ledger) == 3000
    then = {line.scope: line.spent_pico for line in ledger.status_after([one.id])}
    assert then == {"2026-09": 1000, "rolling year": 1000, "lifetime": 1000}
    assert [line.spent_pico for line in ledger.status("2026-08", NOW)] == [2000, 3000, 3000]


def test_a_spend_reads_no_more_entries_of_a_longer_ledger(ledger):
    """Counted by the database: how many rows a spend visits does not grow with the ledger."""
    for number in range(30):
        spend(ledger, number)
    few = _steps(ledger, "few")
    more = [order(f"more {number}", 1) for number in range(300)]
    ledger.reserve(more, share=None, now=NOW, label="these")
    assert _steps(ledger, "many") < 1.5 * few


def _steps(ledger, question):
    """Return how many thousand virtual machine steps one spend takes."""
    from sqlalchemy import event

    count = 0

    def step():
        nonlocal count
        count += 1

    def listen(connection, _record):
        connection.set_progress_handler(step, 10)

    event.listen(ledger.chain._engine, "connect", listen)
    spend(ledger, question)
    event.remove(ledger.chain._engine, "connect", listen)
    assert count > 0
    return count


# ---------------------------------------------------------------- many at once


def test_16_processes_on_a_budget_for_100_spends_make_exactly_100(tmp_path):
    limit = epsilon_for(100_000)
    results = many_at_once(tmp_path, limit, 16, tries=10)
    accepted = [each[0] for each in results]
    assert sum(accepted) == 100
    assert sum(each[1] for each in results) == 60
    assert max(each[2] for each in results) < 10
    ledger = make_ledger(tmp_path, month=limit)
    assert spent(ledger) == spent(ledger, "2026-09") == 100_000
    assert ledger.verify() == 200


def test_threads_of_one_process_share_a_ledger(ledger):
    answers = []

    def work():
        answers.extend(spend(ledger, number) for number in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20
    assert len({answer.id for answer in answers}) == 5
    assert spent(ledger) == 5000


# ---------------------------------------------------------------- one noise


ASK = """
import datetime as dt, sys
import workbench as wb
NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
ws = wb.open_workspace(sys.argv[1], now=lambda: NOW)
tx = ws.open("transactions", purpose="reporting")
answer = ws.release(
    wb.query(tx, by=["category", "region"], period="2026-09").sum("amount").customers(),
    name=sys.argv[2], epsilon=0.25,
)
columns = (answer.columns[name] for name in ("region", "category", "amount_sum"))
print(sorted(zip(*columns)))
"""


def test_500_askings_draw_one_noise(shop, tmp_path):
    """Renamed, reordered, at smaller prices, in fresh and in forked processes: one answer."""
    tx = shop.open("transactions", purpose="reporting")
    by = ["region", "category"]

    def table(answer):
        columns = (answer.columns[name] for name in ("region", "category", "amount_sum"))
        return sorted(zip(*columns, strict=True))

    def ask(number):
        query = wb.query(tx, by=by[:: 1 - 2 * (number % 2)], period="2026-09")
        query = query.customers().sum("amount") if number % 3 else query.sum("amount").customers()
        return table(shop.release(query, name=f"asked {number}", epsilon=0.5 / (1 + number % 5)))

    first = ask(0)
    before = spent(shop.ledger)
    assert all(ask(number) == first for number in range(1, 25))
    for number in range(2):
        words = [sys.executable, "-c", ASK, str(shop.settings.root), f"fresh {number}"]
        told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        assert told.strip() == str(first)
    reader, writer = os.pipe()
    for number in range(2):
        child = os.fork()
        if child == 0:
            same = False
            try:
                same = ask(100 + number) == first
            finally:
                os.write(writer, b"1" if same else b"0")
                os._exit(0)
        os.waitpid(child, 0)  # not any child: a warm process of other tests may end meanwhile
    assert os.read(reader, 10) == b"11"
    for end in (reader, writer):
        os.close(end)
    assert spent(shop.ledger) == before
    _ask_the_ledger(tmp_path / "ledger", 471)


def _ask_the_ledger(folder, times):
    ledger = make_ledger(folder)
    first = spend(ledger, "q")
    for number in range(times):
        ledger = make_ledger(folder) if number % 10 == 0 else ledger
        again = reserve(ledger, "q", 1000 - number % 7, name=f"asked {number}")
        assert again.answer == first.to_json()
    assert spent(ledger) == 1000


def test_forks_never_draw_the_same_noise(tmp_path):
    """The generator is the system's: a fork copies no state that the next draw depends on."""
    from fractions import Fraction

    from workbench.privacy.engine.mechanisms import discrete_gaussian

    discrete_gaussian(Fraction(10**8), 5)
    files = [tmp_path / str(number) for number in range(4)]
    for file in files:
        child = os.fork()
        if child == 0:
            try:
                file.write_text(json.dumps(discrete_gaussian(Fraction(10**8), 50)))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    draws = [tuple(json.loads(file.read_text())) for file in files]
    draws.append(tuple(discrete_gaussian(Fraction(10**8), 50)))
    assert len(set(draws)) == 5
    same = [a == b for one, other in pairwise(draws) for a, b in zip(one, other, strict=True)]
    assert sum(same) < 20


def test_a_ledger_opened_before_a_fork_serves_both(tmp_path):
    ledger = make_ledger(tmp_path)
    spend(ledger, "before")
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                spend(ledger, f"child {number}")
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    spend(ledger, "parent")
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert ledger.verify() == 10
    assert spent(ledger) == 5000


# ---------------------------------------------------------------- any interleaving

LIMIT_PICO = 20_000


class Interleaving(RuleBasedStateMachine):
    """Everything that happens to a ledger, in any order; what was really drawn never exceeds."""

    copies = Bundle("copies")

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="ledger-"))
        self.limit = epsilon_for(LIMIT_PICO)
        self.now = NOW
        self.paid = {}  # every payment there ever was, in whatever ledger: (seq, question) -> pico
        self.seen = {}  # question -> answers that somebody saw
        self.open_ones = []
        self.copied = 0
        self.lost, self.newest = False, None
        self.start()

    def start(self):
        self.ledger = make_ledger(
            self.folder / "now", year=self.limit, published=self.folder / "published"
        )

    def teardown(self):
        shutil.rmtree(self.folder)

    @rule(question=st.integers(0, 5), pico=st.integers(1, 6000), crash=st.booleans())
    def ask(self, question, pico, crash):
        self.now += dt.timedelta(minutes=1)
        left = LIMIT_PICO - spent(self.ledger, "rolling year", now=self.now) if not self.lost else 0
        try:
            found = reserve(self.ledger, question, pico, now=self.now)
        except LedgerError:
            assert self.lost
            return
        except BudgetExhausted:
            assert not self.lost
            assert pico > left
            return
        assert not self.lost
        if found.answer is not None:
            assert Release.from_json(found.answer).columns["customers"] in self.seen[question]
            return
        self.paid.setdefault((found.seq, question, found.identity), pico)
        if crash:
            self.open_ones.append((found, question))
        else:
            self.answer(found, question)

    def answer(self, found, question):
        mine = answer_for(found, float(len(self.seen.get(question, ()))))
        [stored] = self.ledger.store([(found, mine.to_json())], self.now)
        self.seen.setdefault(question, []).append(Release.from_json(stored).columns["customers"])

    @precondition(lambda self: self.open_ones and not self.lost)
    @rule()
    def late_answer(self):
        """A slow process stores what it paid for, perhaps in a ledger that was replaced."""
        found, question = self.open_ones.pop()
        held = self.ledger.chain.entries("spend")
        if any(e.seq == found.seq and e.body["identity"] == found.identity for e in held):
            self.answer(found, question)
        else:
            with pytest.raises(LedgerError, match="no longer holds"):
                self.answer(found, question)

    @rule()
    def new_process(self):
        self.start()

    @precondition(lambda self: not self.lost and self.ledger.head()[0])
    @rule(target=copies)
    def copy(self):
        self.copied += 1
        target = self.folder / f"copy-{self.copied}"
        shutil.copytree(self.folder / "now", target)
        return target, self.ledger.head()

    @precondition(lambda self: not self.lost and self.ledger.head()[0])
    @rule()
    def publish(self):
        head = self.ledger.head()
        folder = self.folder / "published" / f"r{head[0]}-{head[1][:8]}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "edition.json").write_text(json.dumps({"ledger_head": head}))

    @rule(copy=copies, fresh=st.booleans())
    def restore(self, copy, fresh):
        """Put an older ledger back; its anchor, which lies elsewhere, stays."""
        folder, head = copy
        if not self.lost:
            self.newest = self.ledger.head()
        shutil.copy(folder / "ledger.sqlite", self.folder / "now" / "ledger.sqlite")
        self.lost = head != self.newest  # the newest one put back has lost nothing
        if fresh:
            self.start()

    @rule()
    def acknowledge(self):
        try:
            self.ledger.acknowledge("Restored.", role="officer", now=self.now, lost_rho="0")
        except InputError:
            self.lost = False
        else:
            self.lost = False

    @invariant()
    def nothing_more_than_the_limit_was_ever_drawn(self):
        assert sum(self.paid.values()) <= LIMIT_PICO

    @invariant()
    def never_less_is_shown_than_was_spent(self):
        try:
            shown = spent(self.ledger, now=self.now)
        except LedgerError:
            assert self.lost
        else:
            assert shown >= sum(self.paid.values())

    @precondition(lambda self: not self.lost)
    @invariant()
    def it_holds(self):
        self.ledger.verify()


Interleaving.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


class TestInterleaving(Interleaving.TestCase):
    """Runs the machine above."""


@pytest.mark.parametrize("ask", ["answer", "checked"])
@pytest.mark.parametrize("gone", ["ledger.sqlite", "ledger*"])
def test_an_answer_of_a_lost_ledger_is_no_slip_in_a_name(shop, ask, gone):
    tx = shop.open("transactions", "reporting")
    made = shop.release(wb.query(tx, period="2026-09").customers(), name="total", epsilon="0.1")
    with pytest.raises(UnknownName, match="no release named 'd-000013'"):
        getattr(shop.ledger, ask)("d-000013")
    for path in shop.private.glob(gone):
        path.unlink()
    again = wb.open_workspace(shop.settings.root, now=shop.now)
    for name in (made.id, "d-000013"):
        with pytest.raises(LedgerError, match="Nothing is spent until then"):
            getattr(again.ledger, ask)(name)
