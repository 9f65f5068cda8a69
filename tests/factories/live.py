"""Reports whose pages answer back: three made by hand, and editions of a workspace."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import product

import numpy as np
from factories.noisy import CHANNEL, CUSTOMERS, LATTICE, MONTH, REGION, Books, answer
from factories.notebooks import code, markdown, notebook, written

import workbench as wb
from workbench import figures
from workbench.figures.changes import Together
from workbench.figures.kinds import read_payload
from workbench.figures.language import Language
from workbench.figures.live.states import Tables
from workbench.figures.spec import Figure
from workbench.privacy.columns import Bound, Dimension, Measure, advised
from workbench.privacy.tables import columns_of, sheet_of
from workbench.reporting.definitions.reading import find_definition
from workbench.reporting.exporter import export
from workbench.reporting.pages.parts import Context

BAND = Dimension("score_band", "Score", "band", ("< 520", "520 to 560", "560 to 600", "≥ 600"))
BAD = Dimension("bad", "Bad", "category", (False, True), exclusive=True)
TIER = Dimension("tier", "Tier", "category", ("basic", "plus", "premium"), exclusive=True)
UPPER = Bound(0.0, 400.0, "upper", (200.0, 400.0), "CNY")
AMOUNT = Measure("amount_sum", "sum", "Amount, total", "CNY", 2, 0.0, UPPER)
ROWS = Measure("rows", "rows", "Rows", "rows")
MEAN = Measure("amount_mean", "mean", "Amount, mean", "CNY", 2, 0.0, UPPER)
RATE = Measure("app_rate", "rate", "App, share", None, 4)
BEYOND = Measure(
    "amount_at_bound", "rate", "Amount, share beyond the bound", None, 4, at_bound_of="amount"
)
MEASURES = (CUSTOMERS, AMOUNT, ROWS, MEAN, RATE, BEYOND)
LESS = Bound(0.0, 300.0, "upper", (150.0, 300.0), "CNY")
LOWERED = (CUSTOMERS, replace(AMOUNT, bound=LESS), replace(MEAN, bound=LESS), RATE, BEYOND)
LOW, HIGH = {"low": 100.0, "n": 100.0}, {"low": 100.0, "high": 100.0, "n": 120.0}
EXPECTED = Measure("expected", "derived", "Expected", "CNY")
CHINESE = {
    "Region": "地区",
    "North": "北部",
    "South": "南部",
    "West": "西部",
    "Customers": "客户数",
}


def asked(
    books, by, number, *, seed, sigma=4.0, period="2026-09", size=700.0, table="transactions",
    measures=MEASURES,
):  # fmt: skip
    """Return a paid answer with noise, its figures as a ledger would hold them."""
    dice = np.random.default_rng(seed * 1000 + number)
    cells = len(list(product(*(each.values for each in by))))
    truth = {
        "n": dice.uniform(0.3, 1.6, cells) * size / cells**0.7,
        "low": dice.normal(0, 0.05, cells) * size,
        "high": np.abs(dice.normal(0, 0.02, cells)) * size,
        "rows": dice.normal(0, 0.05, cells) * size,
    }
    truth["app"], truth["bound"] = 0.4 * truth["n"], 0.06 * truth["n"]
    noisy = {
        name: [int(x) for x in np.rint((v + dice.normal(0, sigma, cells)) * LATTICE)]
        for name, v in truth.items()
    }
    made = answer(by, sigma=sigma, measures=measures, number=number, period=period, table=table)
    mechanism = {
        "kind": "discrete gaussian",
        "sigma": sigma,
        "lattice": LATTICE,
        "noisy": noisy,
        "linear": {"customers": {"n": 1.0}, "rows": {"rows": 5.0, "n": 5.0}},
        "ratio": {
            "app_rate": {"top": {"app": 1.0}, "bottom": {"n": 1.0}, "offset": 0.0},
            "amount_at_bound": {"top": {"bound": 1.0}, "bottom": {"n": 1.0}, "offset": 0.0},
        },
        "ladder": {
            "amount_sum": {"ladder": [LOW, HIGH], "under": True},
            "amount_mean": {
                "ladder": [LOW, HIGH],
                "bottom": {"rows": 5.0, "n": 5.0},
                "under": True,
            },
        },
    }
    made = replace(made, mechanism=mechanism)
    return books.put(replace(made, columns=columns_of(sheet_of(made))))


def waiting(books, **waits):
    """Return decisions that wait, each for the one figure of a release, as a workspace does."""
    level = 0.95 ** (1 / len(waits))
    found = [[float(x) for x in each.intervals(level).iloc[0]] for each in waits.values()]
    columns = {
        "decision": [name.replace("_", " ") for name in waits],
        "recommendation": [advised(low, high) for _, low, high in found],
        **{name: [each[at] for each in found] for at, name in enumerate(EXPECTED.columns)},
    }
    by = tuple(
        Dimension(name, name.capitalize(), "category", tuple(dict.fromkeys(columns[name])))
        for name in ("decision", "recommendation")
    )
    waits = [[each.id, each.measures[0].name] for each in waits.values()]
    made = replace(
        answer(number=900), id="e-000900", by=by, measures=(EXPECTED,), columns=columns,
        mechanism={"kind": "operational", "sources": ["decision register"], "waits": waits},
    )  # fmt: skip
    return books.put(made)


class Answering:
    """What is asked of a report that answers back: its `figures`, and `find` for releases."""

    @cached_property
    def tables(self):
        """The tables that its page carries."""
        shown = [each for figure in self.figures for each in figure.releases]
        return Tables.of(shown, self.find)

    @cached_property
    def together(self):
        """How its changes are judged."""
        pairs = [(each.spec, each.releases) for each in self.figures]
        return Together.of(pairs, self.find)

    @property
    def shown(self):
        """Its figures as a page embeds them."""
        return [Figure(each.spec, each.releases) for each in self.figures]


@dataclass(frozen=True)
class Edition(Answering):
    """A published edition, its figures read from its executed notebook and its ledger."""

    name: str
    figures: tuple
    find: Callable
    languages: dict

    @classmethod
    def of(cls, folder, name, period="2026-09"):
        """Return an edition of a workspace."""
        ws = wb.open_workspace(folder)
        settings, find = ws.settings, cache(ws.ledger.checked)
        reports, notebooks = settings.path("reports"), settings.path("notebooks")
        executed = folder / ".workbench/runs" / name / period / f"{name}.ipynb"
        outputs = (
            output
            for cell in json.loads(executed.read_text(encoding="utf-8"))["cells"]
            for output in cell.get("outputs", ())
            if figures.MIME in output.get("data", {})
        )
        drawn = (read_payload(each["data"][figures.MIME], name) for each in outputs)
        shown = tuple(Figure(each.spec, tuple(map(find, each.releases))) for each in drawn)
        return cls(name, shown, find, find_definition(name, reports, notebooks).languages)

    def language(self, code_="en"):
        """Return one of its languages."""
        return Language(code_, self.languages[code_])


@dataclass(frozen=True)
class Report(Answering):
    """A report made by hand: its figures, and the ledger beneath them."""

    name: str
    figures: tuple
    books: Books

    @property
    def find(self):
        """From a release's id to the release."""
        return self.books.answers.__getitem__

    def language(self, code_="en"):
        """Return one of its languages."""
        return language_of(code_)

    def page(self, language="en"):
        """Return its page."""
        # what is written out in a notebook stands in one cell of it
        said = [
            text
            for each in self.figures
            for release in each.releases
            for text in _said(release, self.books)
        ]
        cells = [code(f"{list(each.spec.words())!r}", each) for each in self.figures]
        made = notebook(markdown("# What happens if?"), code(repr(said)), *cells)
        return export(
            made,
            source_notebook=written(made),
            lookup=self.books.answers.__getitem__,
            context=Context(
                title=self.name,
                period="2026-09",
                language=language,
                translations=CHINESE if language == "zh" else {},
            ),
        )


def language_of(code_):
    """Return a page's language."""
    return Language(code_, CHINESE if code_ == "zh" else {})


def _said(release, books):
    yield from (text for each in release.by for text in (each.name, each.title))
    yield from (m.title for m in release.measures)
    yield release.period
    mechanism = release.mechanism
    yield from _strings(mechanism.get("recipe", {}))
    for each in (*mechanism.get("parents", ()), *(name for name, _ in mechanism.get("waits", ()))):
        yield from _said(books.answers[each], books)


def _strings(content):
    if isinstance(content, dict):
        for key, value in content.items():
            yield key
            yield from _strings(value)
    elif isinstance(content, list):
        for each in content:
            yield from _strings(each)
    elif isinstance(content, str):
        yield content
    elif isinstance(content, int | float):
        yield repr(content)


@cache
def overview(seed=1):
    """Return a report of totals, months, regions and channels, and tables of several of these."""
    books = Books()
    months = "2026-07..2026-09"
    total = asked(books, [], 1, seed=seed)
    regions = asked(books, [REGION], 2, seed=seed)
    channels = asked(books, [CHANNEL], 3, seed=seed)
    both = asked(books, [REGION, CHANNEL], 4, seed=seed, sigma=7.0)
    trend = asked(books, [MONTH], 5, seed=seed, period=months)
    split = asked(books, [MONTH, REGION], 6, seed=seed, period=months, sigma=6.0)
    tiers = asked(books, [TIER], 7, seed=seed, measures=LOWERED)
    each = trend.derive(
        wb.ratio("amount_sum", "customers", name="per_customer", title="Spend each"),
        wb.difference("customers", by="month", relative=True, name="growth", title="Growth"),
        "app_rate",
        name="each",
    )
    return Report(
        "Overview",
        (
            figures.text(
                "{customers} customers (± {customers_margin}) spent {amount_sum:,.0f} "
                "(± {amount_sum_margin:,.0f}); {app_rate:.1%} by app.",
                total,
            ),
            figures.kpis(
                trend, each, measures=["customers", "amount_sum", "per_customer", "app_rate"]
            ),
            figures.line(trend, x="month", y="amount_sum", title="Spend"),
            figures.line(split, x="month", y="customers", color="region"),
            figures.bar(channels, x="channel", y="customers"),
            figures.bar(regions, x="region", y="amount_mean", horizontal=True),
            figures.bar(tiers, x="tier", y="amount_sum"),
            figures.heatmap(both, rows="region", columns="channel", value="rows"),
            figures.table(channels, title="By channel"),
            figures.table(each, columns=["month", "per_customer", "growth"], title="Each"),
        ),
        books,
    )


@cache
def products(seed=2):
    """Return a report of shares, gathered and small groups."""
    books = Books()
    tiers = asked(books, [TIER], 1, seed=seed, size=90.0, sigma=2.0)
    regions = asked(books, [REGION], 2, seed=seed, size=90.0, sigma=2.0)
    both = asked(books, [TIER, REGION], 3, seed=seed, size=90.0, sigma=3.0)
    fine = asked(books, [TIER, REGION, CHANNEL], 4, seed=seed, size=90.0, sigma=3.0)
    small = fine.suppress(deviations=3, name="small")
    none = both.suppress(min_customers=10**6, name="none")
    parts = tiers.derive(
        "customers", wb.share("rows", name="share", title="Of all rows"), name="parts"
    ).describe("tier", "action", {"plus": "call"}, title="What to do")
    paying = tiers.regroup(
        ["tier"], "paying", {"no": [["basic"]], "yes": [["plus"], ["premium"]]}, title="Paying"
    )
    share = paying.derive(
        "customers",
        wb.ratio("amount_sum", wb.column("customers") + 10, name="plus_ten", title="Each"),
        where={"paying": "yes"}, name="who-pays",
    )  # fmt: skip
    gap = tiers.derive(wb.difference("amount_mean", against=share_of(tiers)), name="gap")
    return Report(
        "Products",
        (
            figures.text("Of those who pay there are {customers} (± {customers_margin}).", share),
            figures.table(parts, title="Parts"),
            figures.bar(tiers, x="tier", y="amount_sum", title="Spend by tier"),
            figures.heatmap(both, rows="tier", columns="region", value="customers"),
            figures.table(regions, columns=["region", "customers", "amount_sum"], title="Regions"),
            figures.table(paying, columns=["paying", "customers", "amount_mean"], title="Paying"),
            figures.table(small, columns=["tier", "region", "channel", "customers"], title="Small"),
            figures.kpis(share, labels={"customers": "Who pay"}),
            figures.table(gap, title="Gap"),
            figures.heatmap(none, rows="tier", columns="region", value="customers", title="None"),
            figures.bar(none, x="region", y="customers", color="tier", title="None as bars"),
        ),
        books,
    )


def share_of(tiers):
    """Return the rate of all tiers together."""
    return tiers.derive("amount_mean", over="tier", name="all-tiers")


@cache
def cutoffs(seed=3):
    """Return a report of what a cut-off earns, with what is assumed on sliders."""
    books = Books()
    tables = [
        asked(books, by, number, seed=seed, size=6000.0, table="loans")
        for number, by in enumerate(([BAND, BAD], [BAND, BAD, REGION], [REGION], [TIER]), 1)
    ]
    gain = figures.slider(
        "gain", 2500, low=500, high=5000, step=250, title="A good loan earns", unit="CNY"
    )
    loss = figures.choice(
        "loss", {"as now": 16000, "half": 8000, "twice": 32000}, title="A bad one costs", unit="CNY"
    )
    price = figures.slider("price", 0.5, low=0, high=2, step=0.05, title="A letter costs")
    cuts = tables[0].cutoffs("bad", gain=gain, loss=loss, unit="CNY", measure="customers")
    best = cuts.derive("profit", "more", where={"cutoff": "from 560"}, name="from-560")
    ahead = cuts.derive("profit", where={"cutoff": "from 560"}, name="ahead")
    letters = tables[2].derive(
        "customers", (wb.column("customers") * price).named("cost", "Letters", "CNY", 2),
        name="letters",
    )  # fmt: skip
    sent = letters.derive("cost", where={"region": "South"}, name="sent")
    waits = waiting(books, Approve_from_560_on=ahead, Send_letters=sent)
    return Report(
        "Cut-offs",
        (
            figures.text("From 560 up, {profit} (± {profit_margin}), {more} more.", best),
            figures.kpis(best),
            figures.table(cuts, title="Every cut-off"),
            figures.bar(cuts, x="cutoff", y="profit", title="Profit"),
            figures.table(letters, title="Letters"),
            figures.table(waits, title="What waits"),
            figures.bar(tables[3], x="tier", y="customers"),
        ),
        books,
    )


REPORTS = {"overview": overview, "products": products, "cutoffs": cutoffs}
