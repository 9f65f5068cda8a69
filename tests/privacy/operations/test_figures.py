"""What is computed from releases alone: right margins, no cost, stored once, refusals that help."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from factories.noisy import (
    AMOUNT,
    CHANNEL,
    CUSTOMERS,
    MEDIAN,
    MONTH,
    RATE,
    REGION,
    Books,
    answer,
    drawn,
    in_ledger,
    ledger,
)
from support.ledgers import spent

from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.columns import Dimension
from workbench.privacy.expressions import column, difference, rank, ratio, share, top
from workbench.privacy.margins import Affine, Laddered, fieller, interval, quantile
from workbench.privacy.operations.ranking import top as top_rows
from workbench.privacy.release import Release
from workbench.privacy.sheets import Sheet

Z = quantile(0.95)
COUNTS = [60.0, 90.0, 120.0]


@pytest.fixture
def books():
    return Books()


@pytest.fixture
def regions(books):
    return books.put(answer([REGION], {"n": COUNTS, "amount": [3.0, 0.0, -6.0]}))


def months(books, counts=((60.0, 90.0, 120.0), (66.0, 81.0, 118.0), (70.0, 80.0, 130.0)), **more):
    """Return a release by region and month, one paid answer for all of it."""
    cells = [counts[m][r] for r in range(3) for m in range(3)]
    return books.put(answer([REGION, MONTH], {"n": cells}, period="2026-07..2026-09", **more))


# ---------------------------------------------------------------------- ratios and arithmetic


def test_a_ratio_has_fiellers_interval_with_the_shared_noise(regions):
    spend = regions.derive(ratio("amount_sum", "customers", name="spend", title="Spend"))
    variance = 16.0 * (100**2 + 100**2)
    expected = fieller(100 * (60 + 3), 60, variance, 16.0, 100 * 16.0)
    row = spend.frame.iloc[0]
    assert [row.spend, row.spend_low, row.spend_high] == pytest.approx(expected, rel=1e-11)
    assert spend.measures[0] == replace(
        AMOUNT, name="spend", kind="derived", title="Spend", least=0.0
    )


def test_a_ratio_of_parts_is_a_percentage_where_said(regions):
    made = regions.derive(ratio("rows", "customers", percent=True, name="active")).measures[0]
    assert (made.kind, made.unit) == ("rate", None)
    assert regions.derive(ratio("rows", "rows")).measures[0].unit is None


def test_arithmetic_follows_the_noise(regions):
    figures = regions.derive(
        (column("customers") - column("customers") / 2).named("half"),
        (100 * column("customers")).named("hundred"),
        (1 - ratio("customers", "customers")).named("nothing"),
        (column("customers") - 5).named("fewer"),
        (2 / column("customers")).named("inverse"),
    )
    row = figures.frame.iloc[0]
    assert [row.half, row.half_low, row.half_high] == pytest.approx([30, 30 - 2 * Z, 30 + 2 * Z])
    assert row.hundred_high - row.hundred == pytest.approx(400 * Z)
    assert (row.nothing, row.nothing_low, row.nothing_high) == pytest.approx((0, 0, 0), abs=1e-9)
    assert row.fewer_low == pytest.approx(55 - 4 * Z)
    assert row.inverse == pytest.approx(2 / 60)


def test_money_and_people_are_not_added(regions):
    with pytest.raises(QuestionRefused, match="'amount_sum' is in CNY and 'customers' in customer"):
        regions.derive(column("amount_sum") + "customers")


def test_quantiles_are_not_computed_with(books):
    columns = {"amount_q50": [12.5], "amount_q50_low": [None], "amount_q50_high": [None]}
    release = books.put(answer(measures=(MEDIAN,), columns=columns))
    with pytest.raises(QuestionRefused, match="noise does not add up"):
        release.derive(column("amount_q50") * 2)
    kept = release.derive("amount_q50", name="kept")
    assert kept.columns == columns


# ---------------------------------------------------------------------- differences


def test_a_change_over_months_by_hand(books):
    release = months(books)
    change = release.derive(difference("customers", by="month"))
    frame = change.frame.set_index(["region", "month"])
    assert frame.loc[("North", "2026-07")].isna().all()
    row = frame.loc[("North", "2026-08")]
    assert row.customers_change == 6.0
    assert row.customers_change_high - 6.0 == pytest.approx(Z * 4 * sqrt(2))
    growth = release.derive(
        difference("customers", by="month", relative=True), where={"month": "2026-09"}
    )
    assert growth.period == "2026-09"
    assert [axis.name for axis in growth.by] == ["region"]
    expected = fieller(70, 66, 16, 16, 0)
    row = growth.frame.iloc[0]
    ends = [row.customers_change_rate, *growth.frame.iloc[0, 2:4]]
    assert ends == pytest.approx([end - 1 for end in expected])
    assert growth.measures[0].unit == "fraction"


def test_two_steps_back(books):
    change = months(books).derive(difference("customers", by="month", shift=2))
    known = change.frame.dropna()
    assert list(known.month) == ["2026-09"] * 3
    assert list(known.customers_change) == [10.0, -10.0, 10.0]


def test_a_difference_between_releases_finds_its_rows(books, regions):
    before = books.put(answer([REGION], {"n": [50.0, 95.0, 120.0]}, number=2, sigma=3.0))
    change = regions.derive(difference("customers", against=before))
    assert list(change.frame.customers_change) == [10.0, -5.0, 0.0]
    assert change.margin("customers_change") == pytest.approx([Z * 5.0] * 3)  # 3-4-5
    assert change.mechanism["parents"] == ["r-000001", "r-000002"]


def test_a_difference_of_an_expression_is_computed_on_both_sides(books, regions):
    before = books.put(answer([REGION], {"n": COUNTS}, number=2))
    change = regions.derive(
        difference(ratio("amount_sum", "customers"), against=before, name="d"), name="spend"
    )
    assert change.columns["d"] == pytest.approx([100 * 3 / 60, 0.0, -100 * 6 / 120])
    assert "Margins of figures computed from ratios are first-order approximations." in change.notes


def test_a_figure_minus_itself_is_nothing_however_it_was_derived(regions):
    half = regions.derive((column("amount_sum") / 2).named("x"), name="half")
    rest = half.derive((column("x") - column("amount_sum", of=regions) / 2).named("zero"))
    assert (
        rest.columns["zero"] == rest.columns["zero_low"] == rest.columns["zero_high"] == [0.0] * 3
    )


def test_points_that_were_made_money_are_an_amount(regions):
    apart = difference(share("customers"), against=regions) * 6300
    (points,), (money,) = (
        regions.derive(each, name=name).measures
        for name, each in [("d", apart), ("m", apart.named("capital", "Capital", "CNY", 0))]
    )
    assert (points.contrast, money.contrast) == ("points", "amount")


def test_a_difference_says_what_it_needs(regions):
    with pytest.raises(QuestionRefused, match="exactly one of the two"):
        difference("customers")
    with pytest.raises(QuestionRefused, match="'region' has no order"):
        regions.derive(difference("customers", by="region"))
    with pytest.raises(QuestionRefused, match="whole number of steps"):
        difference("customers", by="month", shift=0)
    with pytest.raises(UnknownName, match="Did you mean 'region'"):
        regions.derive(difference("customers", by="regoin"))


def test_rows_that_cannot_be_found_are_refused(books, regions):
    finer = books.put(answer([REGION, CHANNEL], number=2))
    with pytest.raises(QuestionRefused, match="a row for each channel, this release has not"):
        regions.derive(difference("customers", against=finer))
    assert len(finer.derive(column("customers", of=regions))) == 6


@pytest.mark.parametrize(
    ("figure", "true"),
    [
        (difference("amount_sum", by="month", name="y"), 100.0 * -3),
        (difference("amount_sum", by="month", relative=True, name="y"), 82 / 85 - 1),
        (difference(ratio("amount_sum", "customers"), by="month", name="y"), 100 * (82 - 85) / 80),
        (ratio("amount_sum", "customers", name="y"), 100 * 82 / 80),
    ],
    ids=["change", "growth", "change of a ratio", "ratio"],
)
def test_derived_margins_hold_95_times_in_100(figure, true):
    """Against simulated noise through the whole path, a thousand regions at once."""
    regions = replace(REGION, values=tuple(range(1000)))
    two = replace(MONTH, values=MONTH.values[1:])
    truth = {"n": [80.0] * 2000, "amount": [5.0, 2.0] * 1000}
    release = Books().put(answer([regions, two], truth, noise=drawn(2000, 4.0, 8)))
    frame = release.derive(figure, where={"month": "2026-09"}).frame
    held = (frame.y_low <= true) & (true <= frame.y_high)
    assert held.mean() == pytest.approx(0.95, abs=3.3 * sqrt(0.0475 / 1000))


# ---------------------------------------------------------------------- shares and adding up


def test_a_share_of_a_sum_by_hand(regions):
    made = regions.derive(share("amount_sum"))
    parts = [100 * 63.0, 100 * 90.0, 100 * 114.0]
    assert made.columns["amount_sum_share"] == pytest.approx([p / sum(parts) for p in parts])
    variance = 16.0 * 2 * 100**2
    expected = fieller(parts[0], sum(parts), variance, 3 * variance, variance)
    assert made.columns["amount_sum_share_low"][0] == pytest.approx(expected[1])
    assert made.measures[0].kind == "rate"


def test_customers_are_shared_out_only_where_nobody_is_twice(books, regions):
    assert sum(regions.derive(share("customers")).columns["customers_share"]) == pytest.approx(1)
    channels = books.put(answer([CHANNEL], {"n": [70.0, 60.0]}, number=2))
    with pytest.raises(QuestionRefused, match=r"not added up over channel.*several of its groups"):
        channels.derive(share("customers"))
    total = books.put(answer((), {"n": [100.0]}, number=3))
    of_total = channels.derive(share("customers", of=total))
    assert of_total.columns["customers_share"] == pytest.approx([0.7, 0.6])


def test_a_share_within_each_month(books):
    made = months(books).derive(share("customers", across="region"), where={"month": "2026-07"})
    assert made.columns["customers_share"] == pytest.approx([c / 270 for c in COUNTS])


def test_customers_are_never_added_over_months(books):
    release = months(books)
    for attempt in (
        lambda: release.derive("customers", over="month"),
        lambda: release.derive(share("customers", across="month")),
        lambda: release.derive(ratio("amount_sum", "customers"), over=["month", "region"]),
    ):
        with pytest.raises(QuestionRefused, match="comes back in another month") as refusal:
            attempt()
        assert "period=(first, last) without by='month'" in str(refusal.value)
    with pytest.raises(QuestionRefused, match="numbers of distinct customers and are not added"):
        release.derive(column("customers") + column("customers"))


def test_sums_and_means_are_added_over_months_and_customers_left_out(books):
    release = months(books)
    year = release.derive(over="month", name="quarter")
    assert [m.name for m in year.measures] == ["amount_sum", "rows", "amount_mean"]
    first = year.frame.iloc[0]
    assert first.amount_sum == 100 * (60 + 66 + 70)
    assert first.amount_sum_high - first.amount_sum == pytest.approx(Z * 4 * 100 * sqrt(6))
    assert first.amount_mean == pytest.approx(100 * 196 / (5 * 196))
    assert any("'customers' is a number of distinct customers" in note for note in year.notes)
    assert year.derive("amount_sum", over="region").columns["amount_sum"] == [100 * 815.0]


def test_customers_may_be_added_over_a_column_that_holds_each_once(regions):
    assert regions.derive("customers", over="region").columns["customers"] == [270.0]


def test_rates_of_customers_do_not_add_up(books):
    release = books.put(answer([REGION], measures=(CUSTOMERS, RATE)))
    with pytest.raises(QuestionRefused, match="'app_rate' does not add up over region"):
        release.derive("app_rate", over="region")


def test_a_mean_has_no_share(regions):
    with pytest.raises(QuestionRefused, match="no total to be a share of"):
        regions.derive(share("amount_mean"))


# ---------------------------------------------------------------------- ranks


def test_ranks_are_open_where_noise_leaves_them_open(books):
    release = books.put(answer([REGION], {"n": [60.0, 62.0, 200.0]}))
    made = release.derive(rank("customers"))
    figures = [made.columns[f"customers_rank{each}"] for each in ("", "_low", "_high")]
    assert figures == [[3, 2, 1], [2, 2, 1], [3, 3, 1]]


def test_noise_that_all_share_leaves_no_rank_open(books, regions):
    vague = books.put(answer((), {"n": [1000.0]}, sigma=400.0, number=2))
    gaps = (column("customers") - column("customers", of=vague)).named("gap")
    made = regions.derive(rank(gaps, name="place"), rank("customers", name="alone"))
    for end in ("", "_low", "_high"):
        assert made.columns[f"place{end}"] == made.columns[f"alone{end}"]
    assert made.columns["alone_high"] == [3.0, 2.0, 1.0]


def test_ranges_of_ranks_hold_the_true_ranks_together():
    """Klein, Wright & Wieczorek 2020: joint, so whole rankings are counted."""
    regions = replace(REGION, values=tuple(f"R{i}" for i in range(8)))
    counts = [100.0, 104.0, 108.0, 112.0, 130.0, 131.0, 160.0, 200.0]
    true = np.arange(8, 0, -1)
    right = []
    for seed in range(300):
        noise = drawn(8, 4.0, seed)
        release = Books().put(answer([regions], {"n": counts}, noise=noise))
        columns = release.derive(rank("customers", level=0.9)).columns
        low, high = (np.array(columns[f"customers_rank_{end}"]) for end in ("low", "high"))
        right.append(bool(np.all((low <= true) & (true <= high))))
    assert np.mean(right) >= 0.9 - 3.3 * sqrt(0.09 / 300)
    assert np.mean(high - low) < 4  # and they still say something


def test_ranks_within_months(books):
    made = months(books).derive(rank("customers", across="region")).frame
    assert sorted(made[made.month == "2026-08"].customers_rank) == [1, 2, 3]


def test_the_top_two_by_hand(books):
    release = books.put(answer([REGION], {"n": [60.0, 62.0, 200.0]}))
    made = release.derive(top("customers", n=2))
    assert made.columns["region"] == ["West", "South"]
    assert made.by[0].values == ("West", "South")
    assert made.columns["customers"] == [200.0, 62.0]
    risk = 0.36183680491588155  # Φ(-2 / (4·√2))
    assert made.columns["customers_order_risk"][1] == pytest.approx(risk)
    assert made.columns["customers_order_risk"][0] == pytest.approx(0, abs=1e-12)
    assert made.notes[-1] == (
        "Chance that the order of the 2 is wrong: at most 0.0%; that another belongs among them: "
        "at most 36.2%."
    )


def test_an_order_that_the_noise_leaves_open_is_said_to_be_open(books):
    close = books.put(answer([REGION], {"n": [60.0, 60.5, 61.0]}))
    assert close.derive(top("customers", n=2)).notes[-1] == (
        "The noise leaves the order and the choice of the 2 open: compare margins."
    )
    two = books.put(answer([CHANNEL], {"n": [60.0, 60.0]}))
    assert two.derive(top("customers", n=2)).notes[-1] == (
        "The noise leaves the order of the 2 open: compare margins."
    )


def test_the_chance_of_a_wrong_order_is_right():
    """With nothing known beforehand: true gaps spread evenly, noise as declared."""
    dice = np.random.default_rng(5)
    sigma, claimed, wrong = 4.0, [], []
    gaps = dice.uniform(-60, 60, 4000)
    noise = dice.normal(0, sigma, (2, 4000))
    near = [(g, n0 - n1) for g, n0, n1 in zip(gaps, *noise, strict=True) if abs(g + n0 - n1) < 9]
    for gap, error in near[:250]:
        shown = gap + error
        release = Books().put(answer([CHANNEL], {"n": [500.0 + shown, 500.0]}, sigma=sigma))
        claimed.append(release.derive(top("customers", n=1)).columns["customers_order_risk"][0])
        wrong.append((gap > 0) != (shown > 0))
    band = 3.3 * sqrt(np.mean(np.array(claimed) * (1 - np.array(claimed))) / len(claimed))
    assert len(claimed) == 250
    assert np.mean(wrong) == pytest.approx(np.mean(claimed), abs=band)


def test_margins_of_a_top_hold_for_whichever_the_noise_puts_there():
    """Ten equal groups: the three that come out largest are those the noise helped most."""
    groups = replace(REGION, values=tuple(f"g{i}" for i in range(10)))
    held, draws = [], 300
    for seed in range(draws):
        books = Books()
        paid = books.put(answer([groups], {"n": [500.0] * 10}, noise=drawn(10, 4.0, seed)))
        made = paid.derive(top("customers", n=3))
        again = made.derive(ratio("customers", 5.0, name="share"))
        ends = zip(made.columns["customers_low"], made.columns["customers_high"], strict=True)
        held.append(all(low <= 500 <= high for low, high in ends))
        assert made.intervals().equals(made.frame)
        low, high = (again.columns[f"share_{end}"][0] for end in ("low", "high"))
        assert (low <= 100 <= high) >= held[-1]
    assert np.mean(held) >= 0.95 - 3.3 * sqrt(0.0475 / draws)
    assert "those of all 10 rows hold at once" in made.notes[0]
    # 520 is above 510 by its own margin, and not by that of the largest of ten
    paid = books.put(answer([groups], {"n": [520.0] + [500.0] * 9}, number=2))
    limits = {"above": 510.0, "below": 0.0}
    assert paid.grade("customers", limits).frame.grade[0] == "above"
    assert paid.derive(top("customers", n=1)).grade("customers", limits).frame.grade[0] == "below"


def test_a_top_is_of_one_column_and_stands_alone(books):
    release = months(books)
    with pytest.raises(QuestionRefused, match="rows by region and month"):
        release.derive(top("customers", n=1))
    kept = release.derive(top("amount_sum", n=1), "customers", where={"month": "2026-07"})
    assert kept.columns["region"] == ["West"]
    assert kept.columns["customers"] == [120.0]
    with pytest.raises(QuestionRefused, match="one top at a time"):
        release.derive(top("customers", n=1), top("rows", n=1))
    with pytest.raises(QuestionRefused, match="stands by itself"):
        release.derive(top("customers", n=1) * 2)
    with pytest.raises(QuestionRefused, match="1 or more, not 0"):
        top("customers", n=0)


# ---------------------------------------------------------------------- asking well


def test_mistakes_are_told(regions):
    with pytest.raises(QuestionRefused, match="say what to derive"):
        regions.derive()
    with pytest.raises(UnknownName, match="Did you mean 'customers'"):
        regions.derive("custmers")
    with pytest.raises(UnknownName, match=r"no value of region named 'Nroth'\. Did you mean 'N"):
        regions.derive("customers", where={"region": "Nroth"})
    with pytest.raises(QuestionRefused, match="two columns are called 'customers'"):
        regions.derive("customers", "customers")
    with pytest.raises(QuestionRefused, match="letters, digits and _, not 'a b'"):
        regions.derive(column("customers").named("a b"))
    with pytest.raises(QuestionRefused, match="not nan"):
        column("customers") + float("nan")
    with pytest.raises(QuestionRefused, match=r"ws\.release"):
        answer([REGION]).derive("customers")
    with pytest.raises(QuestionRefused, match="across=columns or of=release"):
        share("customers", across="region", of=regions)


def test_simultaneous_margins_can_be_stored_to_be_drawn(regions):
    made = regions.derive("customers", rank("customers"), simultaneous=True)
    assert made.columns["customers_high"][0] == pytest.approx(60 + 4 * quantile(0.95, 3))
    assert made.notes[-1] == "Margins hold for all 3 figures at once, 95 times in 100 (Šidák)."
    # what is derived further starts from the noise, not from the wider margin
    assert made.margin("customers")[0] == pytest.approx(4 * Z)


def test_rows_are_kept_by_value(regions):
    one = regions.derive(where={"region": "South"})
    assert (len(one), one.by, one.columns["customers"]) == (1, (), [90.0])
    two = regions.derive("customers", where={"region": ["West", "North"]})
    assert two.by[0].values == ("North", "West")


# ---------------------------------------------------------------------- in the ledger


def test_what_is_derived_costs_nothing_and_is_stored_once(tmp_path):
    book = ledger(tmp_path)
    paid = in_ledger(answer([REGION], {"n": COUNTS}), book)
    entries = len(book.chain.entries())
    first = paid.derive(share("customers"), name="shares")
    again = paid.derive(share("customers"), name="shares")
    assert first == again == book.answer(first.id)
    assert len(book.chain.entries()) == entries + 1
    assert (first.cost.rho, first.epsilon) == (0, 0.0)
    assert spent(book) == 10**9  # the paid answer alone
    assert book.parents(first.id) == [paid.id]
    assert first.summary == f"{first.id} 'shares': costs nothing, computed from {paid.id}"


def test_what_is_derived_from_derived_is_computed_again_from_its_recipe(tmp_path):
    """From the stored bytes alone, a year later: same figures, same noise beneath them."""
    book = ledger(tmp_path)
    paid = in_ledger(
        answer([REGION, MONTH], {"n": [50.0 + i for i in range(9)]}, noise=drawn(9, 4.0, 1)), book
    )
    spend = paid.derive(
        ratio("amount_sum", "customers", name="spend"),
        difference("customers", by="month"),
        rank("amount_sum", across="region"),
        share("rows", across=["region"]),
        "customers",
        where={"month": ["2026-08", "2026-09"]},
    )
    later = replace(Release.from_json(book.answer(spend.id).to_json()), origin=paid.origin)
    frame, stored = later.intervals(), later.frame
    assert frame.astype(object).where(frame.notna(), None).to_dict("list") == (
        stored.astype(object).where(stored.notna(), None).to_dict("list")
    )
    further = later.derive(top("spend", n=2), where={"month": "2026-09"})
    assert book.parents(further.id) == [paid.id]
    assert further.period == "2026-09"


def test_an_unknown_recipe_is_refused_not_guessed(books, regions):
    made = regions.derive("customers")
    other = replace(made, mechanism={**made.mechanism, "recipe": {"op": "newer"}})
    with pytest.raises(QuestionRefused, match="derived by 'newer', which this version"):
        other.margin("customers")


class TestADifferenceOfRatesOfWhoWasDrawn:
    """Treated and control customers differ by chance as well as by noise."""

    ARM = Dimension("arm", "Arm", "category", ("control", "treated"))

    def apart(self, books, rates, sizes, sigma=0.001, number=1, **options):
        taken = [size * rate for size, rate in zip(sizes, rates, strict=True)]
        truth = {"n": list(map(float, sizes)), "app": taken}
        whole = books.put(
            answer([self.ARM], truth, sigma=sigma, measures=(CUSTOMERS, RATE), number=number)
        )
        control, treated = (whole.derive("app_rate", where={"arm": arm}) for arm in self.ARM.values)
        return treated.derive(difference("app_rate", against=control, **options))

    def gap(self, *given, **options):
        made = self.apart(*given, **options)
        return [made.columns[f"app_rate_change{end}"][0] for end in ("", "_low", "_high")]

    def test_without_noise_the_margin_is_that_of_two_proportions(self, books):
        value, low, high = self.gap(books, [0.1, 0.2], [400, 900], sampling=True)
        sd = (0.1 * 0.9 / 400 + 0.2 * 0.8 / 900) ** 0.5
        assert value == pytest.approx(0.1)
        assert (high - low) / 2 == pytest.approx(1.96 * sd, rel=0.03)

    def test_noise_comes_on_top(self, books):
        quiet = self.gap(books, [0.1, 0.2], [400, 900], sampling=True)
        loud = self.gap(Books(), [0.1, 0.2], [400, 900], sigma=20, sampling=True)
        only = self.gap(Books(), [0.1, 0.2], [400, 900], sigma=20)
        widths = [(high - low) ** 2 for _, low, high in (quiet, loud, only)]
        assert widths[1] == pytest.approx(widths[0] + widths[2], rel=0.01)

    def test_that_of_other_answers_is_a_chance_of_its_own(self, books):
        asked = {"rates": [0.1, 0.2], "sizes": [400, 900], "sampling": True}
        one, other = (self.apart(books, number=number, **asked) for number in (1, 2))
        for against, times in ((other, 2**0.5), (one, 0.0)):
            made = one.derive(difference("app_rate_change", against=against)).columns
            margin = one.columns["app_rate_change_high"][0] - one.columns["app_rate_change"][0]
            found = made["app_rate_change_change_high"][0]
            assert found == pytest.approx(times * margin, abs=1e-9)

    def test_nobody_who_responded_is_no_proof_of_never(self, books):
        _, low, high = self.gap(books, [0.0, 0.0], [50, 50], sampling=True)
        assert high - low > 0.05

    def test_it_holds_95_times_in_100(self, size):
        dice, hits = np.random.default_rng(3), 0
        draws = 300 if size == "smoke" else 5_000
        for _ in range(draws):
            seen = [dice.binomial(300, 0.1) / 300, dice.binomial(700, 0.25) / 700]
            _, low, high = self.gap(Books(), seen, [300, 700], sampling=True)
            hits += low <= 0.15 <= high
        assert 0.90 < hits / draws < 0.99

    def test_it_is_for_rates_alone(self, books):
        whole = books.put(answer([self.ARM]))
        one, other = (whole.derive("amount_sum", where={"arm": arm}) for arm in self.ARM.values)
        with pytest.raises(QuestionRefused, match="'amount_sum' is none: how much single"):
            one.derive(difference("amount_sum", against=other, sampling=True))
        with pytest.raises(QuestionRefused, match="leave relative=True out"):
            difference("app_rate", against=other, sampling=True, relative=True)


def test_what_is_ordered_is_what_is_shown_of_a_ladder_too():
    whole = [Affine(10.0, {("w", row, ""): 8.0}) for row in range(4)]
    # told up to the first rung: layers above hold no more than noise, and are in another order
    forms = [
        Laddered((Affine(first, {("f", row, ""): 1.0}), replace(whole[row], value=all_)))
        for row, (first, all_) in enumerate([(9.0, 12.0), (10.0, 11.0), (8.0, 15.0), (7.0, 14.0)])
    ]
    towns = Dimension("town", "Town", "category", ("A", "B", "C", "D"))
    sheet = Sheet(
        (towns,), tuple((each,) for each in towns.values), (AMOUNT,), {"amount_sum": forms}
    )
    found = top_rows(sheet, measure="amount_sum", n=3, wide=True, as_told=True)
    told = [interval(form, 1.96)[0] for form in found.forms["amount_sum"]]
    assert told == [10.0, 9.0, 8.0]
    assert [form.value for form in found.forms["amount_sum_rank"]] == [1.0, 2.0, 3.0]
    ranges = [(form.low, form.high) for form in found.forms["amount_sum_rank"]]
    assert ranges == [(1.0, 4.0)] * 3  # by all layers nothing is clear
    before = top_rows(
        sheet, measure="amount_sum", n=3, wide=True, as_told=False
    )  # as it was published
    assert [interval(form, 1.96)[0] for form in before.forms["amount_sum"]] == [8.0, 7.0, 9.0]
