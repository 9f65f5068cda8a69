"""What a reader may change, in JupyterLab."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.errors import QuestionRefused
from workbench.figures.drawn import Cards
from workbench.figures.language import Language
from workbench.figures.live.embedded import assumed
from workbench.figures.live.redrawn import redrawn
from workbench.figures.live.states import State, Tables
from workbench.figures.spec import Figure


def explore(figure: Figure) -> Any:
    """Show a figure above the sliders and choices it depends on, as its published page has them.

    Parameters
    ----------
    figure : Figure
        Of a release that was derived with `slider` or `choice`.

    Returns
    -------
    ipywidgets.VBox

    Raises
    ------
    QuestionRefused
        Nothing in it is assumed.
    """
    import ipywidgets

    origin = figure.releases[0].origin
    tables = Tables.of(figure.releases, origin.find) if origin else Tables({}, {}, {})
    told = {each["n"]: each for each in assumed(tables, Language())}
    if not told:
        raise QuestionRefused(
            "nothing in this figure is assumed, so there is nothing to change. Derive it with "
            "wb.figures.slider(…) or wb.figures.choice(…), and show the figure as it is otherwise."
        )

    def show(**values: float) -> None:
        from IPython.display import display

        moved = {name: x for name, x in values.items() if x != told[name]["at"]}
        found = redrawn(tables, figure.spec, figure.releases, State({}, moved))
        drawn = found.drawn or figure.drawn()
        if found.cards and isinstance(drawn, Cards):
            pairs = zip(found.cards, drawn.cards, strict=True)
            drawn = replace(drawn, cards=tuple(now or base for (now, _), base in pairs))
        display(drawn.live(), raw=True)  # type: ignore[no-untyped-call]  # why: IPython has none

    controls = {name: _control(each) for name, each in told.items()}
    return ipywidgets.VBox([ipywidgets.interactive_output(show, controls), *controls.values()])


def _control(about: Mapping[str, Any]) -> Any:
    import ipywidgets

    made: dict[str, Any] = {"description": about["t"], "style": {"description_width": "initial"}}
    if "v" in about:
        return ipywidgets.Dropdown(
            options=[tuple(each) for each in about["v"]], value=about["at"], **made
        )
    ends = {"min": about["low"], "max": about["high"], "step": about["step"]}
    return ipywidgets.FloatSlider(value=about["at"], **ends, **made)
