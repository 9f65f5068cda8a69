"""One customer more moves what noise is added to by no more than was booked: always, exactly.

For every kind of question, random estates of the worst sort, with and without one customer. What is
compared are the bounded integers as they leave the engine, every coordinate of them; what they are
held against is the event that the ledger books, not the code that bounds.
"""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.lab import COLUMNS, Lab, booked, cents

import workbench as wb
from workbench.catalog import Catalog
from workbench.privacy.engine import answering
from workbench.privacy.engine.answering import scores
from workbench.privacy.engine.onerow import Sums
from workbench.privacy.engine.running import compute, statements
from workbench.privacy.grouping.grouped import labels_table
from workbench.privacy.models.axes import Axis
from workbench.privacy.models.bins import Bins
from workbench.privacy.models.card_tables import CardCells, sizes_of
from workbench.privacy.models.density import NoisyCounts
from workbench.privacy.models.grid_kmeans import GridKMeans

WHO = ("u1", "u2", "", None)
PERIOD = {"period": ("2026-01", "2026-02")}
DAYS = [dt.date(2025, 12, 31), *(dt.date(2026, m, d) for m in (1, 2) for d in (1, 28)), None]
AMOUNTS = [0, 1, -1, 50, 199, 200, 201, 10**6, -(10**6), 10**13]
visits = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from(WHO),
            "day": st.sampled_from(DAYS),
            "region": st.sampled_from(["a", "b", "c", "elsewhere", None]),
            "kind": st.sampled_from(["p", "q", "r", "s", None]),
            "note": st.none() | st.sampled_from(["n1", "n2", "n3"]),
            "amount": st.none() | st.sampled_from(AMOUNTS).map(cents),
            "weight": st.none() | st.sampled_from([0.0, 1.5, -80.0, 1e300, float("nan")]),
            "level": st.none() | st.sampled_from([1, 2, 3, 7]),
        }
    ),
    max_size=12,
)
people = st.lists(
    st.tuples(st.sampled_from(WHO), st.sampled_from(["a", "b", "c", None])), max_size=8
)
# One customer who is in every cell of every month, on one day of each: so many rows, of an amount.
crowds = st.none() | st.tuples(
    st.sampled_from(WHO), st.sampled_from([24, 300, 3000]), st.sampled_from(AMOUNTS)
)
AT_THE_END = [
    (who, [], [(who, "a"), (who, "b")], (who, 100_000, amount))
    for who, amount in (("", 10**6), (None, -(10**6)))
]


class Estate(Lab):
    """The lab's table, a second one of the same customers, and labels handed in."""

    def __init__(self):
        super().__init__([])
        content = self.catalog.model_dump(mode="json", exclude_defaults=True)
        names = ("customer_id", "region")
        content["tables"]["people"] = {
            **content["tables"]["visits"],
            "source": "people.csv",
            "kind": "identity",
            "time": None,
            "retention": {"months": 84, "after": "day"},
            "columns": {name: COLUMNS[name] for name in (*names, "day")},
        }
        content["tables"]["people"]["columns"]["day"] = {"type": "date"}
        self.catalog = Catalog.model_validate(content)
        run = self.connection.execute
        run("CREATE TABLE reporting.people (customer_id VARCHAR, region VARCHAR, day DATE)")
        run(f"CREATE TABLE {labels_table(SEGMENT)} AS FROM (VALUES ('u1', 0), ('u2', 1), ('', 1)) "
            "AS t(customer_id, code)")  # fmt: skip
        self.people = self.table.get_backend().table("people", database="reporting")

    def put(self, rows, others, crowd):
        """Replace everybody."""
        run = self.connection.execute
        self.fill(rows)
        run("DELETE FROM reporting.people")
        for who, region in others:
            run("INSERT INTO reporting.people VALUES (?, ?, NULL)", [who, region])
        if crowd is not None:
            who, count, amount = crowd
            run(
                "INSERT INTO reporting.visits BY NAME SELECT ?::VARCHAR AS customer_id, "
                "DATE '2026-01-01' + ((i // 12) % 2 * 31)::INTEGER AS day, "
                "['a', 'b', 'c'][i % 3 + 1] AS region, "
                "['p', 'q', 'r', 's'][i // 3 % 4 + 1] AS kind, 'n' || i AS note, "
                "?::DECIMAL(18, 2) AS amount, 1e9 AS weight, i % 3 + 1 AS level "
                "FROM range(?) AS t(i)",
                [who, amount, count],
            )

    def leave(self, who):
        """Take one customer out of every table."""
        for table in ("visits", "people"):
            self.connection.execute(
                f"DELETE FROM reporting.{table} WHERE customer_id IS NOT DISTINCT FROM ?", [who]
            )


@pytest.fixture(scope="module")
def estate():
    return Estate()


def grouped(by, measure=lambda q, tx: q.sum("amount"), **options):
    return lambda e: measure(wb.query(e.table, by=by, **(PERIOD | options)), e.table)


def everything(q, tx):
    """Return every measure of the vector in one question."""
    return (
        q.customers().count().mean("amount").mean("weight").var("level", bounds=(0, 9))
        .rate(big=tx.amount > 100)
    )  # fmt: skip


def kmeans(level):
    axes = [Axis("amount", 1, 1000, cells=4), Axis("recency_days", 0, 60, cells=4)]
    return lambda e: GridKMeans(2, axes=axes, levels=2).question(e.table, **PERIOD).queries[level]


def clustered(e):
    import numpy as np

    axes = [Axis("amount", 0, 80, cells=4, scale="linear"), Axis("frequency_days", 1, 9, cells=4)]
    coarse, fine = np.zeros((2, 2)), np.zeros((4, 4))
    coarse[0, 0] = fine[0, 0] = 50
    coarse[1, 1] = fine[3, 3] = 40
    counts = [NoisyCounts(each, 1.0) for each in (coarse, fine)]
    model = GridKMeans(2, axes=axes, levels=2).fit(counts)
    by = [model.label(e.table, period=("2026-01", "2026-02")), "region"]
    return wb.query(e.table, by=by, **PERIOD).sum("amount")


COUNTS = (331_591, 2**19)  # no multiple of any number of bins


def card(count=3, longest_squared=900**2, **products):
    bins = (
        Bins("region", values=("a", "b", "c")),
        Bins("kind", values=("p", "q", "r", "s")),
        Bins("amount", edges=(Decimal(50), Decimal(201)), special=((Decimal(-1), "unknown"),)),
    )[:count]
    asking = {"longest_squared": longest_squared, **products}
    asking = asking if "scores" in asking else {"counts": COUNTS, **products}

    def asked(e):
        cells = CardCells(bins, (e.table.level > 2).name("bad"), Sums(sizes_of(bins), **asking))
        return wb.query(e.table, by=cells, cells=count, **PERIOD).customers()

    return asked


def named(tx, as_of="2026-02", name="persona"):
    rules = ["persona | money | frequency", "much | 2 | any", "often | 1 | 2", "little | 1 | 1"]
    made = wb.personas(tx, rules, as_of="2026-02", money=[3000], frequency=[2])
    return made if as_of == "2026-02" else made.at(as_of, name=name)


SEGMENT = wb.FittedLabel("segment", ("x", "y"), wb.Provenance("raw"), "handed in")


def labelled(e):
    by = [wb.labelled(SEGMENT, ["u1", "u2", ""], ["x", "y", "y"]), "kind"]
    return wb.query(e.table, by=by, **PERIOD).sum("amount")


SPEND = wb.bands("amount", [0, 50, 3000], of="customer")
QUESTIONS = {
    "customers": grouped(["region", "kind"], lambda q, tx: q.customers()),
    "everything": grouped(["region", "kind"], everything, rows=5),
    "of few": grouped("region", everything, cells=1),
    "total": grouped([], everything),
    "bounds on both sides": grouped("kind", lambda q, tx: q.sum("amount", bounds=(-300, 700))),
    "bounds below zero": grouped("kind", lambda q, tx: q.mean("amount", bounds=(-300, -100))),
    "ladder": grouped(
        ["region", "kind"], lambda q, tx: q.sum("amount", bounds=wb.ladder(50, 400))
    ),
    "ladder both ways": grouped(
        "kind",
        lambda q, tx: q.sum("amount", bounds=wb.ladder(50, 400, negative=True)).count(),
        cells=1,
    ),
    "months apart": grouped(["month", "kind"], everything),
    "months together": grouped(["month", "kind"], everything, together=True),
    "once": grouped(["month", "kind"], everything, once=True),
    "once, of few": grouped(
        ["month", "kind"], everything, once=True, cells=1, where={"level": [1, 2]}
    ),
    "median once": grouped(["month", "kind"], lambda q, tx: q.median("amount"), once=True),
    "distinct once": grouped("month", lambda q, tx: q.distinct("note", most=2), once=True),
    "pure once": grouped(["month", "kind"], lambda q, tx: q.customers().count(), once=True),
    "conditions": lambda e: everything(
        wb.query(
            e.table,
            by=[(e.table.amount > 100).name("large"), "weekday"],
            where={"kind": ["p", "q"]},
        ),
        e.table,
    ),
    "histogram": grouped([], lambda q, tx: q.histogram("amount", [0, 50, 200])),
    "bands of customers": grouped([SPEND, "kind"]),
    "days of customers": grouped(
        [
            wb.bands("recency_days", [5, 40], of="customer"),
            wb.bands("frequency_days", [2], of="customer"),
            "month",
        ]
    ),
    "joined": lambda e: wb.query(e.table, by=[e.people.region, "kind"], **PERIOD).sum("amount"),
    "personas": lambda e: wb.query(
        e.table, by=[named(e.table), named(e.table, "2025-12", "before"), "kind"], **PERIOD
    ).sum("amount"),
    "cohorts": lambda e: wb.query(
        e.table, by=[wb.cohorts(e.table, ("2025-Q4", "2026-Q1")), "kind"], **PERIOD
    ).sum("amount"),
    "pairs": lambda e: wb.query(e.table, by=wb.pairs("kind"), **PERIOD).customers(),
    "pairs by bands": lambda e: wb.query(
        e.table, by=[wb.pairs("kind"), SPEND], **PERIOD
    ).customers(),
    "labels": labelled,
    "clusters": clustered,
    "k-means, coarse": kmeans(0),
    "k-means, fine": kmeans(1),
    "marginals": lambda e: wb.marginals(
        e.table, [[], "region", ["region", "kind"]], **PERIOD
    ).count().sum("amount").queries[2],
    "quantile": grouped(
        ["region", "kind"], lambda q, tx: q.quantile("amount", "0.9", candidates=[0, 50, 200])
    ),
    "median of months": grouped(["month", "kind"], lambda q, tx: q.median("amount"), cells=1),
    "distinct": grouped("region", lambda q, tx: q.distinct("note", most=2)),
    "distinct of all": grouped([], lambda q, tx: q.distinct("note", most=3)),
    "distinct of months": grouped(["month"], lambda q, tx: q.distinct("note", most=1)),
    "found": lambda e: wb.query(
        e.table, by=wb.discovered("note", delta="1e-8"), cells=3
    ).customers(),
    "card ranges": card(counts=(COUNTS[0], 0)),
    "card counts": card(),
    "card products": card(
        scores=((900, -3000, 17, 0), (-250, 1, 700, -700, 0), (5, 2**12, -1, 0, 3)),
        longest_squared=1100**2,
    ),
    "card products of two": card(scores=((900, -900, 637, 1), (-900, 1, 700, -637, 900)), count=2),
    "pure": grouped(["region", "kind"], lambda q, tx: q.customers().count()),
    "pure of months": grouped(["month", "kind"], lambda q, tx: q.customers().count(), cells=1),
}  # fmt: skip


def moved(question, event, one, other):
    """Return by how much a customer moves a part, over what was booked: for each mechanism."""
    if question.discovered is not None:
        values = {*one.found, *other.found}
        squared = sum((one.found.get(v, 0) - other.found.get(v, 0)) ** 2 for v in values)
        yield Fraction(squared, event["found"]["norm_squared"])
        return
    cells = {*one.vector, *other.vector}
    none = (0,) * len(next(iter([*one.vector.values(), *other.vector.values()]), ()))
    changes = [
        a - b
        for cell in cells
        for a, b in zip(one.vector.get(cell, none), other.vector.get(cell, none), strict=True)
    ]
    if question.pure:
        yield Fraction(sum(map(abs, changes)), event["counts"]["sensitivity"])
        return
    if question.counts:
        squared = sum(each * each for each in changes)
        yield Fraction(squared, event["vector"]["norm_squared"])
    for choice, mine, theirs in zip(question.choices, one.weights, other.weights, strict=True):
        booked_for, touched = event[choice.name], 0
        for cell in {*mine, *theirs}:
            a, b = (
                scores(each.get(cell, {}), len(booked_for["candidates"]), choice.q)
                for each in (mine, theirs)
            )
            most = max(abs(x - y) for x, y in zip(a, b, strict=True))
            touched += most > 0
            yield Fraction(most, booked_for["sensitivity"])
        yield Fraction(touched, booked_for["cells"])
    for distinct, mine, theirs in zip(
        question.distincts, one.distinct, other.distinct, strict=True
    ):
        cells = {*mine, *theirs}
        squared = sum((mine.get(c, 0) - theirs.get(c, 0)) ** 2 for c in cells)
        yield Fraction(squared, event[distinct.name]["norm_squared"])


def worst(estate, name, examples):
    """Return the most that any customer of many estates moved anything, over what was booked."""
    pure = name.startswith("pure")
    question = estate.resolve(QUESTIONS[name](estate), pure=pure)
    event = booked(question, 10**12, Fraction(1) if pure else None)
    sql, reached = statements(question), [Fraction(0)]

    def totals():
        return compute(question, sql, estate.connection.execute)

    def check(who, rows, others, crowd):
        estate.put(rows, others, crowd)
        everybody = totals()
        estate.leave(who)
        changed = 0
        for one, other in zip(everybody, totals(), strict=True):
            shares = list(moved(question, event, one, other))
            for share in shares:
                assert share <= 1, f"{name}: moved {float(share):.4f} of what was booked"
            reached.extend(shares)
            changed += any(shares)
        assert changed <= question.shares, f"{name}: a customer is in {changed} months"

    for example in AT_THE_END:
        check(*example)
    drawn = given(st.sampled_from(WHO), visits, people, crowds)(check)
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
    phases = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
    settings(max_examples=examples, deadline=None, suppress_health_check=quiet, phases=phases)(
        drawn
    )()
    return max(reached)


@pytest.mark.parametrize("name", QUESTIONS)
def test_one_customer_moves_no_more_than_was_booked(estate, name, size):
    reached = worst(estate, name, 400 if size == "full" else 5)
    assert 0 < reached <= 1


@pytest.mark.parametrize(
    "name",
    [
        "everything",
        "ladder",
        "pure",
        "distinct of all",
        "found",
        "quantile",
        "card counts",
        "card ranges",
        "card products of two",
    ],
)
def test_a_booking_that_is_too_small_is_caught(estate, name, monkeypatch):
    """The bound is met: what is booked cannot be less."""
    event_of = answering.event_of

    def less(question, cost):
        event = event_of(question, cost)
        smaller = {"norm_squared": Fraction(4, 5), "sensitivity": Fraction(4, 5)}
        return {
            name: {key: int(value * smaller[key]) if key in smaller else value
                   for key, value in each.items()}
            for name, each in event.items()
        }  # fmt: skip

    monkeypatch.setattr("support.lab.event_of", less)
    with pytest.raises(AssertionError, match="of what was booked"):
        worst(estate, name, 1)
