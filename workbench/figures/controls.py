"""What a reader may change on a page: numbers that are assumed, within what stands written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isclose
from typing import Any

from workbench.errors import QuestionRefused
from workbench.figures.drawn import Cards
from workbench.figures.language import Language
from workbench.figures.live.embedded import assumed
from workbench.figures.live.redrawn import redrawn
from workbench.figures.live.states import State, Tables
from workbench.figures.spec import Figure
from workbench.privacy.arguments import checked
from workbench.privacy.expressions import Assumed, is_number

_STEPS_AT_MOST = 1000
_CHOICES_AT_MOST = 12


def slider(
    name: str,
    value: float,
    *,
    low: float,
    high: float,
    step: float,
    title: str | None = None,
    unit: str | None = None,
) -> Assumed:
    """Return a number that a reader may change on the page: a price, a cost, a budget.

    Use it as it stands, where an operation takes a number: ``gain=`` of `Release.cutoffs`, or in
    ``wb.column("customers") * price``. Every figure that is derived with it follows the reader's
    hand, and says that it is assumed. Arithmetic on the number itself gives a plain one, which
    nothing follows.

    Parameters
    ----------
    name : str
        The same name is one slider, wherever it stands.
    value : float
        What the page begins with; on a step between ``low`` and ``high``.
    low, high, step : float
        Written out in the notebook, or parameters.
    title : str, optional
        A plain string; made of the name when left out.
    unit : str, optional
        A currency's code, or a word.

    Examples
    --------
    >>> slider("gain", 2500, low=1000, high=5000, step=500, unit="CNY") * 1
    2500.0
    """
    numbers = (value, low, high, step)
    if not all(map(is_number, numbers)) or not low < high or not step > 0:
        raise QuestionRefused(
            f"slider '{name}' goes from low= to high= by step=, in numbers: "
            "wb.figures.slider('gain', 2500, low=1000, high=5000, step=500)."
        )
    steps = (value - low) / step
    if not low <= value <= high or not isclose(steps, round(steps), abs_tol=1e-6):
        raise QuestionRefused(
            f"slider '{name}' begins at {value:g}, which is on no step of {step:g} between {low:g} "
            f"and {high:g}. Begin on a step."
        )
    if (high - low) / step > _STEPS_AT_MOST:
        raise QuestionRefused(
            f"slider '{name}' has more than {_STEPS_AT_MOST:,} steps; take a larger step=."
        )
    about = {"low": float(low), "high": float(high), "step": float(step)}
    return Assumed(float(value), {**_named(name, title, unit), **about})


@checked
def choice(
    name: str,
    values: Mapping[str, float],
    *,
    chosen: str | None = None,
    title: str | None = None,
    unit: str | None = None,
) -> Assumed:
    """Return one of several named numbers, which a reader may choose on the page; see `slider`.

    Parameters
    ----------
    name : str
    values : mapping of str to float
        Plain strings to numbers: ``{"as now": 1.0, "twice the defaults": 2.0}``.
    chosen : str, optional
        What the page begins with; the first when left out.
    title, unit : str, optional
        As of `slider`.
    """
    if not 2 <= len(values) <= _CHOICES_AT_MOST or not all(map(is_number, values.values())):
        raise QuestionRefused(
            f"choice '{name}' is between 2 and {_CHOICES_AT_MOST} named numbers: "
            "wb.figures.choice('scenario', {'as now': 1.0, 'twice the defaults': 2.0})."
        )
    first = next(iter(values)) if chosen is None else chosen
    if str(first) not in values:
        raise QuestionRefused(f"choice '{name}' has no '{first}'; it has {', '.join(values)}.")
    listed = [[str(label), float(value)] for label, value in values.items()]
    return Assumed(float(values[first]), {**_named(name, title, unit), "values": listed})


def _named(name: str, title: str | None, unit: str | None) -> dict[str, str]:
    if not name.isidentifier() or len(name) > 40:
        raise QuestionRefused(f"a slider's name is letters, digits and _, not '{name}'.")
    said = {"name": name, "title": title or name.replace("_", " ").capitalize()}
    return {**said, "unit": unit} if unit else said


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
