"""Numbers a reader may change: declared, stored beside the number, refused where they are odd."""

import pytest
from factories.noisy import REGION, Books, answer

import workbench as wb
from workbench import figures
from workbench.errors import QuestionRefused
from workbench.figures.language import Language
from workbench.figures.notes import translated
from workbench.privacy.expressions import restated
from workbench.privacy.release import Release
from workbench.privacy.tables import recipe_of


def priced(price):
    base = Books().put(answer([REGION]))
    return base.derive((wb.column("customers") * price).named("worth", "Worth"), name="worth")


def test_a_slider_is_stored_beside_its_number_and_the_number_is_what_is_computed():
    price = figures.slider("price", 3, low=1, high=5, step=0.5, title="Price of one", unit="CNY")
    made = priced(price)
    assert made.columns == priced(3).columns
    recipe = Release.from_json(made.to_json()).mechanism["recipe"]
    (assumed,) = recipe["assumed"]
    assert assumed == {
        "at": ["figures", 0, "args", 1, "options", "value"],
        "name": "price", "title": "Price of one", "unit": "CNY",
        "low": 1.0, "high": 5.0, "step": 0.5,
    }  # fmt: skip
    assert restated(recipe, {"price": 4.5})["figures"][0]["args"][1]["options"]["value"] == 4.5
    assert restated(recipe, {"other": 4.5})["figures"] == recipe["figures"]
    assert "assumed" not in recipe_of(made)[1]


def test_a_choice_is_one_of_named_numbers():
    case = figures.choice("case", {"as now": 1.0, "twice": 2.0}, chosen="twice")
    assert case == 2.0
    (assumed,) = priced(case).mechanism["recipe"]["assumed"]
    assert assumed["values"] == [["as now", 1.0], ["twice", 2.0]]
    assert assumed["title"] == "Case"


def test_what_is_assumed_is_said_in_both_languages():
    made = priced(figures.slider("price", 3, low=1, high=5, step=1, title="Price of one"))
    (note,) = (each for each in made.notes if "ssumed" in each)
    assert note.startswith("Assumed, and yours to change: Price of one.")
    zh = Language("zh", {"Price of one": "单价"})
    assert translated(note, zh) == "以下为假设，可自行调整：单价。误差范围只包含噪声，不包含假设。"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"low": 5, "high": 1, "step": 1}, "goes from low= to high="),
        ({"low": 1, "high": 5, "step": 0}, "goes from low= to high="),
        ({"low": 1, "high": float("inf"), "step": 1}, "goes from low= to high="),
        ({"low": 1, "high": 5, "step": 3}, "on no step of 3 between 1 and 5"),
        ({"low": 4, "high": 6, "step": 1}, "on no step"),
        ({"low": 0, "high": 3000, "step": 1}, "more than 1,000 steps"),
    ],
)
def test_an_odd_range_is_refused(given, says):
    with pytest.raises(QuestionRefused, match=says):
        figures.slider("price", 3, **given)


def test_an_odd_name_and_an_odd_choice_are_refused():
    with pytest.raises(QuestionRefused, match="letters, digits and _, not 'a price'"):
        figures.slider("a price", 3, low=1, high=5, step=1)
    with pytest.raises(QuestionRefused, match="between 2 and 12 named numbers"):
        figures.choice("case", {"alone": 1.0})
    with pytest.raises(QuestionRefused, match="has no 'half'; it has as now, twice"):
        figures.choice("case", {"as now": 1.0, "twice": 2.0}, chosen="half")
