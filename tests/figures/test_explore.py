"""Sliders in JupyterLab draw what the page draws."""

import pytest
from factories.live import cutoffs, overview

from workbench import figures
from workbench.errors import QuestionRefused
from workbench.figures.live.redrawn import redrawn
from workbench.figures.live.states import State


@pytest.mark.parametrize("at", range(5))
def test_moving_a_slider_draws_the_figure_anew(at, capsys):
    report = cutoffs()
    figure = report.figures[at]
    box = figures.explore(figure)
    controls = {each.description: each for each in box.children[1:]}
    title, name, value = (
        ("A letter costs", "price", 1.5) if at == 4 else ("A good loan earns", "gain", 4000.0)
    )
    capsys.readouterr()
    controls[title].value = value
    said = capsys.readouterr().out
    found = redrawn(report.tables, figure.spec, figure.releases, State({}, {name: value}))
    if found.cards:
        assert all(card is None or card.text in said for card, _ in found.cards)
        assert any(card for card, _ in found.cards)
    else:
        assert repr(found.drawn.live())[:400] in said


def test_a_choice_is_a_list_of_names():
    box = figures.explore(cutoffs().figures[2])
    names = [label for each in box.children[1:] for label, _ in getattr(each, "options", ())]
    assert names == ["as now", "half", "twice"]


def test_a_figure_without_anything_assumed_is_refused():
    with pytest.raises(QuestionRefused, match="nothing in this figure is assumed"):
        figures.explore(overview().figures[2])
