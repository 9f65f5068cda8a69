"""Personas of a year of invoices like those of an online shop: few champions, a long tail.

The data is invented here, in the form of the Online Retail data set (Chen, Sain & Guo 2012): one
table of invoice lines, returns as negative amounts under an invoice that begins with C, a quarter
of the lines without a customer, and lines that came twice.
"""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from support.lab import Lab

import workbench as wb

COLUMNS = {
    "customer_id": {"type": "text", "role": "subject key"},
    "invoice": {"type": "text"},
    "product": {"type": "text", "domain": ["bags", "gifts", "kitchen", "lights"]},
    "day": {"type": "date", "role": "time", "bounds": ["2010-01-01", "2011-12-31"]},
    "amount": {"type": "money", "role": "measure", "bounds": [-5000, 5000],
               "customer_bounds": [-20000, 200000]},
}  # fmt: skip
RULES = [
    "persona   | recency | frequency | money | action",
    "Champions | 3-4     | 4         | 4     | Thank",
    "Loyal     | 3-4     | 3-4       | 1-3   | Offer more",
    "Promising | 3-4     | 2-3       | 4     | Win their everyday orders",
    "Regular   | 3-4     | 2         | 1-3   | Remind",
    "New       | 3-4     | 1         | any   | Welcome",
    "At risk   | 1-2     | 2-4       | any   | Call",
    "One-time  | 1-2     | 1         | any   | Nothing",
]
CUTS = {"recency": [30, 90, 180], "frequency": [2, 4, 10], "money": [200, 1000, 4000]}
END = dt.date(2011, 11, 30)
KINDS = {  # customers, orders (least, most), last order days ago (most), size of an order
    "wholesaler": (60, (16, 40), 20, 600),
    "regular": (500, (4, 12), 120, 180),
    "one-time": (1400, (1, 1), 360, 150),
}


def lines():
    """Return a year of invoice lines before anything is wrong with them."""
    dice = np.random.default_rng(2011)
    rows, number, who = [], 536365, 12346
    for kind, (customers, orders, latest, size) in KINDS.items():
        for _ in range(customers):
            who += 1
            last = int(dice.integers(0, latest + 1))
            days = {last} | set(
                dice.integers(last, 365, int(dice.integers(orders[0], orders[1] + 1)) - 1).tolist()
            )
            for ago in sorted(days, reverse=True):
                number += 1
                total = size * dice.lognormal(0, 0.4)
                day, half = END - dt.timedelta(ago), round(total / 2, 2)
                for product in dice.choice(COLUMNS["product"]["domain"], 2, replace=False):
                    row = (str(who), str(number), product, day, half, kind)
                    rows.append(row)
    return pd.DataFrame(rows, columns=[*COLUMNS, "kind"])


def spoiled(clean):
    """Return the lines as a shop has them: returns, lines without a customer, lines twice."""
    dice = np.random.default_rng(7)
    returned = clean[(dice.random(len(clean)) < 0.05) & (clean.kind != "one-time")]
    returned = returned.assign(invoice="C" + returned.invoice, amount=-returned.amount)
    nobody = clean.sample(frac=0.33, random_state=7).assign(customer_id=None)
    nobody = nobody.assign(invoice="9" + nobody.invoice)
    twice = clean.sample(frac=0.02, random_state=8)
    return pd.concat([clean, returned, nobody, twice], ignore_index=True), returned


class Retail(Lab):
    """The invoices as a table opened for reporting, with the catalog that declares it."""

    def __init__(self, frame):
        super().__init__([], columns=COLUMNS, cells=1)
        self.connection.register("given", frame)
        self.connection.execute(
            "INSERT INTO reporting.visits SELECT customer_id, invoice, product, day, amount "
            "FROM given"
        )

    def who(self):
        return wb.personas(self.table, RULES, as_of=str(END), **CUTS)

    def personas(self):
        """Return the customers with their features, scores and personas."""
        found = wb.features(self.table, self.catalog, as_of=str(END), mix=(), duplicates="drop")
        return wb.assign_personas(found, self.who()).execute().set_index("customer_id")

    def counted(self):
        """Return what a release would count by persona, without its noise."""
        asked = wb.query(self.table, by=self.who(), period=("2010-12", "2011-11")).customers()
        return {row["persona"]: row["customers"] for row in self.ask(asked)}


@pytest.fixture(scope="module")
def clean():
    return lines()


@pytest.fixture(scope="module")
def named(clean):
    return Retail(spoiled(clean)[0]).personas()


def test_few_champions_hold_most_of_the_value(named):
    share = named.groupby("persona").monetary.sum().astype(float) / float(named.monetary.sum())
    size = named.persona.value_counts(normalize=True)
    assert size["Champions"] < 0.05
    assert share["Champions"] > 0.5
    assert share["Champions"] == share.max()


def test_a_long_tail_bought_once(named):
    once = named[named.frequency_days == 1]
    assert 0.6 < len(once) / len(named) < 0.8
    assert set(once.persona) <= {"New", "One-time"}
    assert named.persona.value_counts().idxmax() == "One-time"
    tail = float(once.monetary.sum()) / float(named.monetary.sum())
    assert tail < 0.25


def test_personas_are_those_the_customers_were_made_as(named, clean):
    kind = clean.drop_duplicates("customer_id").set_index("customer_id").kind
    both = pd.crosstab(kind, named.persona)
    assert both.loc["wholesaler", "Champions"] >= 0.9 * both.loc["wholesaler"].sum()
    assert both.loc["one-time", ["New", "One-time"]].sum() == KINDS["one-time"][0]
    assert both.loc["regular", "Champions"] <= 0.02 * KINDS["regular"][0]


def test_lines_without_a_customer_are_in_no_persona(named, clean):
    assert len(named) == clean.customer_id.nunique()
    assert named.index.notna().all()


def test_a_return_is_taken_off_and_a_line_that_came_twice_counts_once(named, clean):
    _, returned = spoiled(clean)
    net = pd.concat([clean, returned]).groupby("customer_id").amount.sum()
    assert (named.monetary.astype(float) - net).abs().max() < 0.01


def test_a_release_counts_the_same_personas(clean):
    # a release reads rows as they are stored; lines that came twice are for the import to refuse
    frame = spoiled(clean)[0].drop_duplicates()
    retail = Retail(frame)
    own = retail.personas().persona.value_counts().to_dict()
    counted = {name: count for name, count in retail.counted().items() if count}
    assert counted == own
