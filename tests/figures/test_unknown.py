"""A difference whose margin holds zero is not known, wherever it stands; it is never nothing."""

import pytest
from factories.releases import REGION, release

from workbench import figures
from workbench.figures.language import Language
from workbench.privacy.columns import Measure

POINTS = Measure("effect", "derived", "Effect", "fraction", 4, contrast="points")
GROWTH = Measure("growth", "derived", "Growth", "fraction", 4, contrast="relative")
CHANGE = Measure("change", "derived", "Change", "customers", 0, contrast="amount")
SPEND = Measure("spend", "derived", "Spend, change", "CNY", 2, contrast="amount")
GAIN = Measure("gain", "derived", "Expected gain", "CNY", 0, contrast="gain")
CUSTOMERS = Measure("customers", "customers", "Customers", "customers")


def one(measure, low, high, by=(), rows=1):
    name = measure.name
    columns = {name: [(low + high) / 2], f"{name}_low": [low], f"{name}_high": [high]}
    columns = {key: values * rows for key, values in columns.items()}
    if by:
        columns["region"] = list(REGION.values)
    return release(by, (measure,), columns=columns)


CASES = [
    (POINTS, -0.069, 0.069, "between −7 and +7 points", "在 −7 与 +7 个百分点之间"),
    (POINTS, -0.0012, 0.0301, "between −0.2 and +3.1 points", "在 −0.2 与 +3.1 个百分点之间"),
    (POINTS, 0.0, 0.04, "between 0.0 and +4.0 points", "在 0.0 与 +4.0 个百分点之间"),
    (
        POINTS,
        -0.0004,
        0.0002,
        "between −0.040 and +0.020 points",
        "在 −0.040 与 +0.020 个百分点之间",
    ),
    (GROWTH, -0.041, 0.032, "between −4.1% and +3.2%", "在 −4.1% 与 +3.2% 之间"),
    (CHANGE, -34.0, 50.0, "between −34 and +50", "在 −34 与 +50 之间"),
    (SPEND, -48_000.0, 31_000.0, "between −48,000 and +31,000", "在 −48,000 与 +31,000 之间"),
    (GAIN, -104.0, 96.0, "between −110 and +100", "在 −110 与 +100 之间"),
]


# where no heading says an amount's currency, its range does
PAID = {
    "between −48,000 and +31,000": "between −CN¥48,000 and +CN¥31,000",
    "在 −48,000 与 +31,000 之间": "在 −¥48,000 与 +¥31,000 之间",
    "between −110 and +100": "between −CN¥110 and +CN¥100",
    "在 −110 与 +100 之间": "在 −¥110 与 +¥100 之间",
}


@pytest.mark.parametrize(("measure", "low", "high", "en", "zh"), CASES)
def test_what_is_not_known_is_a_range_in_every_figure(measure, low, high, en, zh):
    made = one(measure, low, high)
    for language, word, said in ((Language(), "not known", en), (Language("zh"), "未知", zh)):
        colon = ": " if language.code == "en" else "："
        paid = PAID.get(said, said)

        def shown(figure, language=language):
            return figure.spec.draw(figure.releases, language)

        (card,) = shown(figures.kpis(made)).cards
        assert (card.text, card.margin, card.full) == (word, paid, f"{word}{colon}{paid}")
        name = measure.name
        told = shown(figures.text(f"{{{name}}} (± {{{name}_margin}})", made)).text
        assert (word in told, paid in told) == (True, True)
        alone = shown(figures.text(f"by {{{name}}}", made)).text
        assert alone == f"by {word}{colon}{paid}"
        assert shown(figures.text(f"by {{{name}:.1%}}", made)).text == f"by {word}{colon}{said}"
    table = one(measure, low, high, (REGION,), len(REGION.values))
    chart = figures.bar(table, x="region", y=measure.name).drawn()
    assert set(chart.figure["data"][0]["customdata"]) == {f"not known: {en}"}
    assert f"not known: {en}" in chart.alt
    if measure.contrast != "gain":
        cells = figures.table(table).drawn().grid.rows
        assert {(row[1].text, row[1].margin) for row in cells} == {("not known", en)}


@pytest.mark.parametrize(("measure", "low", "high", "en", "zh"), CASES)
def test_the_range_holds_the_margin(measure, low, high, en, zh):
    scale = 100 if measure.unit == "fraction" else 1
    numbers = [word.strip("%").replace("−", "-").replace(",", "") for word in en.split()]
    ends = [float(word) for word in numbers if word.strip("+-").replace(".", "").isdigit()]
    assert ends[0] <= low * scale + 1e-9
    assert ends[1] >= high * scale - 1e-9


def test_a_sentence_says_in_words_that_a_figure_is_not_known():
    columns = {"customers": [None], "customers_low": [None], "customers_high": [None]}
    made = release((), (CUSTOMERS,), columns=columns)
    written = figures.text("{customers} customers (± {customers_margin}) paid", made)
    said = "not known customers (too little to tell) paid"
    assert written.spec.draw(written.releases, Language()).text == said
    assert "未知" in written.spec.draw(written.releases, Language("zh")).text


@pytest.mark.parametrize(("low", "high"), [(0.01, 0.05), (-0.05, -0.01)])
def test_a_difference_beyond_its_margin_is_told(low, high):
    made = one(POINTS, low, high)
    (card,) = figures.kpis(made).drawn().cards
    assert "known" not in card.full
    assert card.text.strip("−") == "3.0%"


def test_what_may_be_nothing_is_no_figure_of_other_kinds():
    (card,) = figures.kpis(one(Measure("x", "derived", "X", "CNY", 2), -5.0, 5.0)).drawn().cards
    assert card.text != "not known"


def test_a_gain_of_an_effect_that_is_not_known_is_no_column():
    columns = {"region": list(REGION.values)}
    for name, half in (("customers", 20.0), ("gain", 90.0)):
        middle = 0.0 if name == "gain" else 400.0
        columns |= {name: [middle] * 5, f"{name}_low": [middle - half] * 5}
        columns[f"{name}_high"] = [middle + half] * 5
    made = release((REGION,), (CUSTOMERS, GAIN), columns=columns)
    sheet = figures.table(made, columns=["region", "customers", "gain"]).drawn()
    assert [head.text for head in sheet.grid.heads] == ["Region", "Customers"]
    assert "Expected gain (CNY): not known, not shown" in sheet.note
    some = dict(made.columns) | {"gain_low": [-90.0] * 4 + [10.0]}
    sheet = figures.table(release((REGION,), (CUSTOMERS, GAIN), columns=some)).drawn()
    assert [row[2].text for row in sheet.grid.rows] == ["not known"] * 4 + ["0"]
    assert sheet.note == "± : 95 % margin"
