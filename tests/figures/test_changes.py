"""Arrows of a page: judged together, with their own margin, and by the draws they stand on."""

from dataclasses import replace

import pytest
from factories.noisy import ALL, MONTH, Books, answer, drawn
from factories.noisy import CUSTOMERS as DRAWN
from factories.releases import CUSTOMERS, RATE, release

import workbench as wb
from workbench import figures
from workbench.figures.changes import Together
from workbench.figures.language import Language
from workbench.privacy.columns import Dimension
from workbench.privacy.tables import columns_of, sheet_of


def two(now, before, margin, measure=CUSTOMERS):
    made = []
    for number, value in enumerate((before, now), start=1):
        name = measure.name
        columns = {name: [value], f"{name}_low": [value - margin], f"{name}_high": [value + margin]}
        period = f"2026-0{number + 7}"
        made.append(release((), (measure,), number=number, period=period, columns=columns))
    return made


def card(now, before, margin, measure=CUSTOMERS, language=None):
    earlier, later = two(now, before, margin, measure)
    figure = figures.kpis(later, previous=earlier)
    return figure.spec.draw(figure.releases, language).cards[0]


@pytest.mark.parametrize(
    ("now", "before", "margin", "direction", "change", "behind"),
    [
        (972, 1000, 22, "same", "no clear change since Aug 2026", "(−2.8% ± 3.1%)"),
        (900, 1000, 22, "down", "down 10.0% since Aug 2026", "(± 3.0%)"),
        (1100, 1000, 22, "up", "up 10.0% since Aug 2026", "(± 3.3%)"),
        (115, 100, 10, "up", "up 15.0% since Aug 2026", "(+0.8% to +31.5%)"),
        (1000, 1000, 0, "same", "no clear change since Aug 2026", ""),
        (1001, 1000, 0, "up", "up 0.1% since Aug 2026", ""),
        (60, 5, 20, "up", "up 55 since Aug 2026", "(± 28)"),
    ],
)
def test_a_change_has_its_own_margin(now, before, margin, direction, change, behind):
    made = card(now, before, margin)
    assert (made.direction, made.change, made.change_margin) == (direction, change, behind)


def test_points_and_other_languages_have_margins_too():
    made = card(0.6, 0.5, 0.01, RATE)
    assert (made.change, made.change_margin) == ("up 10.0 pp since Aug 2026", "(± 1.4 pp)")
    made = card(0.6, 0.5, 0.01, RATE, Language("zh"))
    assert made.change_margin == "（± 1.4 个百分点）"


def page(seed, cards=1, true=1.0):
    """Return key figures of two months, several questions of four figures each."""
    found = []
    for at in range(cards):
        pair = []
        for month, factor in enumerate((1.0, true)):
            truth = {"n": [1000.0 * factor], "amount": [-200.0], "rows": [-300.0]}
            noise = drawn(1, 12.0, (seed, at, month))
            one = answer([], truth, sigma=12.0, noise=noise, number=2 * at + month + 1)
            one = replace(one, period=f"2026-0{8 + month}")
            pair.append(replace(one, columns=columns_of(sheet_of(one))))
        figure = figures.kpis(pair[1], measures=[each.name for each in ALL], previous=pair[0])
        found.append((figure.spec, figure.releases))
    return found


def arrows(seed, cards, true=1.0):
    found = page(seed, cards, true)
    together = Together.of(found)
    shown = [spec.draw(of, None, together) for spec, of in found]
    return sum(each.direction in ("up", "down") for one in shown for each in one.cards)


@pytest.mark.parametrize("cards", [1, 3])
def test_without_a_true_change_a_page_in_twenty_has_an_arrow_at_most(cards, size):
    pages = (400 if cards == 1 else 150) if size == "smoke" else 20_000
    false = sum(arrows(seed, cards) > 0 for seed in range(pages)) / pages
    assert false <= 0.05 + 2.5 * (0.05 * 0.95 / pages) ** 0.5
    assert false > 0.005  # not by never showing one


def test_a_true_change_has_its_arrow():
    assert all(arrows(seed, 3, true=1.3) >= 3 for seed in range(20))


def test_the_same_figure_shown_twice_is_one_change():
    once, twice = page(1), page(1) * 2
    assert Together.of(once).wider == Together.of(twice).wider
    assert Together.of(page(1, 2)).wider > Together.of(once).wider > 1


def test_two_arrows_on_one_draw_are_no_two_signs():
    ((spec, of),) = page(3, true=1.4)
    first, second, *_ = spec.draw(of).cards
    assert (first.direction, second.direction) == ("up", "up")
    assert "draw" not in first.change_margin
    assert second.change_margin.endswith("on the same random draw as Customers, so no second sign")


def test_what_both_figures_share_is_in_the_margin_of_their_change():
    books = Books()
    months = books.put(answer([MONTH], {"n": [100.0, 100.0, 130.0]}, sigma=8.0, measures=(DRAWN,)))
    later = months.derive("customers", where={"month": "2026-09"}, name="later")
    whole = months.derive(
        (wb.column("customers", of=later) * 1.0 + 0.0).named("customers"), name="again"
    )
    last = whole.derive("customers", where={"month": "2026-08"}, name="earlier")
    figure = figures.kpis(later, previous=last)
    (change,) = figure.spec.changes(figure.releases, None)
    assert change.shared == pytest.approx(1.0)
    assert change.ends(1.0) == pytest.approx((0.0, 0.0))


def test_a_figure_without_noise_is_no_change_that_could_be_noise():
    earlier, later = two(1001, 1000, 0)
    figure = figures.kpis(later, previous=earlier)
    assert Together.of([(figure.spec, figure.releases)] * 9).wider == 1.0


def compared(seed, groups, true=1.0):
    """Return the table of a change by group, whose true change is none, and its true groups."""
    regions = Dimension("region", "Region", "category", tuple("ABCDEFGHI"[:groups]), exclusive=True)
    books, found = Books(), []
    for number, factor in enumerate((1.0, true)):
        noise = drawn(groups, 12.0, (seed, number))
        truth = {"n": [1000.0 * factor] * groups}
        found.append(
            books.put(answer([regions], truth, sigma=12.0, noise=noise, number=number + 1))
        )
    made = found[1].derive("customers", wb.difference("customers", against=found[0], name="change"))
    return figures.table(made), books


def told(figure, together=None):
    grid = figure.spec.draw(figure.releases, None, together).grid
    return [row[-1].text for row in grid.rows]


def test_the_changes_of_a_table_are_judged_together(size):
    tables = 80 if size == "smoke" else 4_000
    false = sum(
        any(each != "not known" for each in told(compared(seed, 9)[0])) for seed in range(tables)
    )
    assert false / tables <= 0.05 + 2.5 * (0.05 * 0.95 / tables) ** 0.5
    assert all("not known" not in told(compared(seed, 9, 1.3)[0]) for seed in range(5))


def test_the_changes_of_a_page_are_judged_together_wherever_they_stand():
    figure, books = compared(1, 9)
    apart = Together.of(page(1, 3))
    both = Together.of([*page(1, 3), (figure.spec, figure.releases)], books.answers.get)
    assert both.wider > apart.wider
    again = [(figure.spec, figure.releases)] * 2
    assert Together.of(again).wider == Together.of(again[:1]).wider  # the same figures, shown twice
    (release,) = figure.releases
    (judged, alone) = (both.judged(release), Together().judged(release))
    for name, wider in (("customers", 1.0), ("change", both.wider)):
        value, low = judged.columns[name][0], judged.columns[f"{name}_low"][0]
        was = value - alone.columns[f"{name}_low"][0]
        assert value - low == pytest.approx(wider * was)
