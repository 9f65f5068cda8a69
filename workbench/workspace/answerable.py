"""What is wanted in the catalog's words: what answers it, its code, and the form of `ws.ask()`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from math import inf
from typing import TYPE_CHECKING, Any

from workbench import reporting
from workbench.errors import WorkbenchError
from workbench.periods import Period, ends_of, months_between

if TYPE_CHECKING:
    from workbench.privacy.release import Release
    from workbench.privacy.sheets import Sheet
    from workbench.workspace.asking import Asking


# What JupyterLab does on a click. What a kernel says of the next cell comes with a cell that runs,
# which a click is not: the empty request takes it, so that it does not come twice.
NEXT_CELL = """
const app = window.jupyterapp, panel = app?.shell.currentWidget;
if (panel?.content?.activeCell) app.commands.execute("notebook:insert-cell-below").then(() => {
  panel.content.activeCell.model.sharedModel.setSource(%s);
  panel.sessionContext.session.kernel.requestExecute({ code: "", silent: true });
});
"""

# Of every table, with how a query asks it; of a column there are "amount_sum" and "amount_mean".
MEASURES = {"customers": "customers", "rows": "count"}


@dataclass(frozen=True)
class Answerable:
    """How a question can be answered: by a release, or for a price.

    Attributes
    ----------
    code : str
        What to run for the answer.
    release : str or None
        Id of the release it is computed from, at no cost; None: it has to be paid for.
    epsilon : float
        What it costs; 0 where a release will do.
    left : float
        What a single question could still cost.
    margins : mapping of str to float
        The 95 % margin of each measure: the widest row's of a release, or as it is to be expected.
    relative : mapping of str to float
        The same over a group of 1,000 customers, of what has to be paid for.
    told : str
        What a reader is told of it: on which bounds it stands, or that it does not fit.
    """

    code: str
    release: str | None
    epsilon: float
    left: float
    margins: Mapping[str, float]
    relative: Mapping[str, float] = field(default_factory=dict)
    told: str = ""

    def _repr_html_(self) -> str:
        """Return what answers a question, what it costs and how exact it is."""
        how = (
            f"Answered by release <b>{escape(self.release)}</b>: costs nothing."
            if self.release
            else f"No release answers it. It would cost epsilon <b>{self.epsilon:.2f}</b>; "
            f"{self.left:.2f} is left. Nothing is spent until its code runs."
        )
        margins = "".join(
            f"<li>{escape(name)} "
            + ("not known in every row" if margin == inf else f"± {margin:,.4g}")
            + (f", {self.relative[name]:.1%} of a group of 1,000" if name in self.relative else "")
            + "</li>"
            for name, margin in self.margins.items()
        )
        told = f"<p>{escape(self.told)}</p>" if self.told else ""
        return f"<p>{how}</p><ul>{margins}</ul>{told}<pre>{escape(self.code)}</pre>"


@dataclass(frozen=True)
class Wanted:
    """A question in the catalog's words."""

    table: str
    purpose: str
    measures: tuple[str, ...]
    by: tuple[str, ...]
    where: Mapping[str, Any]
    period: str | tuple[str, str]

    @property
    def span(self) -> str:
        """The period as a release says it."""
        first, last = (self.period,) * 2 if isinstance(self.period, str) else self.period
        return first if first == last else f"{first}..{last}"

    @property
    def months(self) -> tuple[str, ...]:
        """Return them in order."""
        return _months(self.span)


def derivation(release: Release, wanted: Wanted) -> dict[str, Any] | None:
    """Return what to derive of a release for a question; None where its columns do not serve."""
    axes = [each.name for each in release.by]
    names = {each.name for each in release.measures}
    monthly = any(each.kind == "month" for each in release.by)
    if release.period is None or not names.issuperset(wanted.measures):
        return None
    if not {*axes}.issuperset(wanted.by):
        return None
    # why a list: a column that is asked for stays, though it is of one value
    asked = {name: [value] if name in wanted.by else value for name, value in wanted.where.items()}
    where: dict[str, Any] = {name: value for name, value in asked.items() if name in axes}
    if monthly and "month" in wanted.by:
        months = _months(release.period)
        if not {*months}.issuperset(wanted.months):
            return None
        if months != wanted.months:
            where["month"] = list(wanted.months)
    elif monthly and wanted.months in [(each,) for each in _months(release.period)]:
        where["month"] = wanted.months[0]
    elif release.period != wanted.span:
        return None
    over = [name for name in axes if name not in wanted.by and name not in where]
    found = {"where": where, "over": over}
    return {key: value for key, value in found.items() if value}


def _months(span: str) -> tuple[str, ...]:
    first, last = ends_of(span)
    return months_between(first.start, last.end)


def widest(sheet: Sheet) -> dict[str, float]:
    """Return the widest margin of each measure over the rows: without end where one has none.

    A measure that no row knows is not there.
    """
    from workbench.privacy.columns import longer_side
    from workbench.privacy.tables import columns_of

    columns = columns_of(sheet)
    found = {}
    for measure in sheet.measures:
        sides = list(map(longer_side, *(columns[name] for name in measure.columns)))
        if {*sides} != {None}:
            found[measure.name] = max(inf if each is None else each for each in sides)
    return found


def name_of(wanted: Wanted) -> str:
    """Return what the answer is called."""
    return "-".join([wanted.table, *(("by", *wanted.by) if wanted.by else ())]).replace("_", "-")


def call_of(measure: str) -> tuple[str, tuple[str, ...]]:
    """Return how a query asks a measure: the method, and the columns it is given."""
    column, _, kind = measure.rpartition("_")
    return (MEASURES[measure], ()) if measure in MEASURES else (kind, (column,))


def code_for(wanted: Wanted, epsilon: object) -> str:
    """Return the lines that ask and pay."""
    asks = ""
    for method, columns in map(call_of, wanted.measures):
        asks += f".{method}(" + "".join(f'"{each}"' for each in columns) + ")"
    where = f", where={dict(wanted.where)!r}" if wanted.where else ""
    by = f", by={list(wanted.by)!r}" if wanted.by else ""
    return (
        f"table = ws.open({wanted.table!r}, purpose={wanted.purpose!r})\n"
        f"answer = ws.release(\n"
        f"    wb.query(table{by}{where}, period={wanted.period!r}){asks},\n"
        f"    name={name_of(wanted)!r}, epsilon={epsilon})\n"
        "answer\n"
    )


ALL = "(all)"


def form(ws: Asking) -> Any:
    """Return the form; None in a scheduled run, where nobody clicks."""
    if reporting.of_a_report():
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
    script = widgets.Output()
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
        shown.value = found._repr_html_()

    def put(_: Any) -> None:
        from IPython.core.getipython import get_ipython

        found, shell = state["found"], get_ipython()
        if found is not None and shell is not None:
            shell.set_next_input(found.code)
            with script:
                put_in = {"application/javascript": NEXT_CELL % json.dumps(found.code)}
                shell.display_pub.publish(put_in)
            script.clear_output()  # else a notebook that is opened again would run it again

    table.observe(of_table, "value")
    purpose.observe(of_purpose, "value")
    column.observe(of_column, "value")
    for each in (measures, by, value, first, last, epsilon):
        each.observe(look, "value")
    button.on_click(put)
    of_table()
    rows = [(table, purpose), (measures, by), (column, value), (first, last, epsilon)]
    return widgets.VBox([*map(widgets.HBox, rows), script, shown, button])
