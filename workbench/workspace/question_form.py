"""The form of `ws.ask()`: widgets that fill in a question; code on a click, nothing spent."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.periods import Period
from workbench.reporting import environment

if TYPE_CHECKING:
    from workbench.workspace.answerable import Answerable
    from workbench.workspace.asking import Asking

ALL = "(all)"


def form(ws: Asking) -> Any:
    """Return the form; None in a scheduled run, where nobody clicks."""
    if environment.of_a_report():
        return None
    import ipywidgets as widgets

    tables = [name for name, each in ws.catalog.tables.items() if each.subject_key and each.time]
    table = widgets.Dropdown(options=tables, description="Table")
    purpose = widgets.Dropdown(description="Purpose")
    measures = widgets.SelectMultiple(description="Measures", rows=5)
    by = widgets.SelectMultiple(description="By", rows=5)
    column, value = widgets.Dropdown(description="Only"), widgets.Dropdown(description="is")
    month = Period.containing(ws.now().date()).previous().text
    first = widgets.Text(month, description="From", continuous_update=False)
    last = widgets.Text(month, description="To", continuous_update=False)
    epsilon = widgets.BoundedFloatText(0.1, min=0.001, max=8, step=0.05, description="Epsilon")
    shown = widgets.HTML()
    button = widgets.Button(description="Put the code into the next cell", disabled=True)
    button.layout.width = "auto"
    state: dict[str, Answerable | None] = {"found": None}

    def of_table(_: Any = None) -> None:
        today = ws.now().date()
        purpose.options = [
            name
            for name, each in ws.catalog.purposes.items()
            if each.expires >= today and len(ws.catalog.columns_for(table.value, name)) > 1
        ]
        purpose.value = next(iter(purpose.options), None)

    def of_purpose(_: Any = None) -> None:
        column.options = ()
        if purpose.value is None:
            return
        known = ws.choices(table.value, purpose.value)
        measures.options, by.options = known["measures"], known["by"]
        measures.value = known["measures"][:1]
        column.options = [ALL, *(each for each in known["by"] if each != "month")]
        column.value = ALL

    def of_column(_: Any = None) -> None:
        columns = ws.catalog.tables[table.value].columns
        value.options = () if column.value in (None, ALL) else columns[column.value].values
        value.value = next(iter(value.options), None)
        look()

    def look(_: Any = None) -> None:
        state["found"], button.disabled = None, True
        if column.value is None:  # half filled: a list is filled anew
            return
        try:
            found = ws.foresee(
                table.value,
                purpose.value,
                measures=measures.value,
                by=by.value,
                where={} if column.value == ALL else {column.value: value.value},
                period=first.value if first.value == last.value else (first.value, last.value),
                epsilon=str(epsilon.value),
            )
        except WorkbenchError as refusal:
            shown.value = f"<p>{escape(str(refusal))}</p>"
            return
        state["found"], button.disabled = found, False
        shown.value = described(found)

    def put(_: Any) -> None:
        found, shell = state["found"], _shell()
        if found is not None and shell is not None:
            shell.set_next_input(found.code)

    table.observe(of_table, "value")
    purpose.observe(of_purpose, "value")
    column.observe(of_column, "value")
    for each in (measures, by, value, first, last, epsilon):
        each.observe(look, "value")
    button.on_click(put)
    of_table()
    rows = [(table, purpose), (measures, by), (column, value), (first, last, epsilon)]
    return widgets.VBox([*map(widgets.HBox, rows), shown, button])


def described(found: Answerable) -> str:
    """Return in HTML what answers a question, what it costs and how exact it is."""
    how = (
        f"Answered by release <b>{escape(found.release)}</b>: costs nothing."
        if found.release
        else f"No release answers it. It would cost epsilon <b>{found.epsilon:.2f}</b>; "
        f"{found.left:.2f} is left. Nothing is spent until its code runs."
    )
    margins = "".join(
        f"<li>{escape(name)} ± {margin:,.4g}"
        + (f", {found.relative[name]:.1%} of a group of 1,000" if name in found.relative else "")
        + "</li>"
        for name, margin in found.margins.items()
    )
    told = f"<p>{escape(found.told)}</p>" if found.told else ""
    return f"<p>{how}</p><ul>{margins}</ul>{told}<pre>{escape(found.code)}</pre>"


def _shell() -> Any:
    from IPython.core.getipython import get_ipython

    return get_ipython()
