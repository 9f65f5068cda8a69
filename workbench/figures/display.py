"""What an analyst types: each function checks at once, and returns a figure that shows itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from pydantic import ValidationError

from workbench.errors import InputError, QuestionRefused, UnknownName
from workbench.figures.bounds import beside
from workbench.figures.cards import one_line
from workbench.figures.charts import Chart
from workbench.figures.draw import Cards, Drawn, Sentence, Sheet, draw
from workbench.figures.specs import (
    MIME,
    BarSpec,
    HeatmapSpec,
    IndicatorsSpec,
    Kind,
    KpisSpec,
    LineSpec,
    Payload,
    SankeySpec,
    Spec,
    TableSpec,
    TextSpec,
)
from workbench.figures.tables import Grid
from workbench.privacy.release import Release
from workbench.privacy.shown import plain

PLOTLY_MIME = "application/vnd.plotly.v1+json"


@dataclass(frozen=True)
class Figure:
    """A figure of released values.

    Attributes
    ----------
    kind : str
        ``line``, ``bar``, ``heatmap``, ``sankey``, ``table``, ``kpis``, ``text`` or ``indicators``.
    spec : Spec
        Column names and literal words.
    releases : tuple of Release
        What it draws.
    """

    kind: Kind
    spec: Spec
    releases: tuple[Release, ...]

    @property
    def payload(self) -> dict[str, Any]:
        """What a published page is drawn from: ids, column names and literal words."""
        return Payload(
            version=1,
            kind=self.kind,
            releases=tuple(release.id for release in self.releases),
            spec=self.spec,
        ).to_json()

    def drawn(self) -> Drawn:
        """Return what it draws: a chart, a table, key figures or a sentence."""
        return draw(self.spec, self.releases)

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, Any]:
        bundle = {MIME: self.payload, **_live(self.drawn())}
        wanted, unwanted = set(include or bundle), set(exclude or ())
        return {mime: data for mime, data in bundle.items() if mime in wanted - unwanted}


def line(
    release: Release, *, x: str, y: str, color: str | None = None, title: str | None = None
) -> Figure:
    """Draw lines over months or another ordered group column, with 95 % margins.

    Parameters
    ----------
    release : Release
        A private answer, grouped by ``x`` and, if given, ``color``.
    x, color : str
        Group columns.
    y : str
        A measure, such as ``customers`` or ``amount_sum``.
    title : str, optional
        A plain string; by default from the catalog's titles.

    Returns
    -------
    Figure

    Raises
    ------
    UnknownName
        The release has no such column.
    QuestionRefused
        The release has a row for more than the axes named.

    Examples
    --------
    >>> line(spend, x="month", y="amount_sum", color="region")  # doctest: +SKIP
    """
    return _figure("line", LineSpec, (release,), x=x, y=y, color=color, title=title)


def bar(
    release: Release,
    *,
    x: str,
    y: str,
    color: str | None = None,
    title: str | None = None,
    horizontal: bool | None = None,
) -> Figure:
    """Draw bars in declared order, with 95 % margins; parameters as `line`.

    ``horizontal`` lays the bars down; by default they lie when their labels are long or many.
    """
    return _figure(
        "bar", BarSpec, (release,), x=x, y=y, color=color, title=title, horizontal=horizontal
    )


def heatmap(
    release: Release, *, rows: str, columns: str, value: str, title: str | None = None
) -> Figure:
    """Draw a measure by two group columns as shaded cells, each with its 95 % margin."""
    return _figure(
        "heatmap", HeatmapSpec, (release,), rows=rows, columns=columns, value=value, title=title
    )


def sankey(
    release: Release, *, source: str, target: str, value: str, title: str | None = None
) -> Figure:
    """Draw flows from the values of one group column to those of another.

    Flows that the noise may explain are not drawn; the table beneath has them, with their margins.
    """
    return _figure(
        "sankey", SankeySpec, (release,), source=source, target=target, value=value, title=title
    )


def table(
    release: Release,
    *,
    columns: Sequence[str] | None = None,
    title: str | None = None,
    first: bool = False,
) -> Figure:
    """Show a release as a table.

    Parameters
    ----------
    release : Release
        A private answer.
    columns : sequence of str, optional
        Group columns and measures, by default all.
    title : str, optional
        A plain string.
    first : bool
        Show it on the page's first screen, where else the first chart stands.
    """
    return _figure(
        "table",
        TableSpec,
        (release,),
        columns=None if columns is None else tuple(columns),
        title=title,
        first=first or None,
    )


def kpis(
    *releases: Release,
    measures: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    previous: Release | Sequence[Release] = (),
    lights: Mapping[str, str] | None = None,
    title: str | None = None,
) -> Figure:
    """Show key figures in a row, each with its margin and its change.

    Parameters
    ----------
    *releases : Release
        Each of one row, or of one row a month: then the last month is shown, compared with the
        one before, and its history beside it.
    measures : sequence of str, optional
        Measures to show, in order; by default every one.
    labels : mapping of str to str, optional
        Plain strings to show for a measure, instead of the catalog's title.
    previous : Release or sequence of Release, optional
        The same questions for the period before.
    lights : mapping of str to str, optional
        The light of a measure: ``red``, ``amber``, ``not measured``, ``green``, ``information``;
        its card shows it as a shape and in colour.
    title : str, optional
        A plain string.
    """
    earlier = (previous,) if isinstance(previous, Release) else tuple(previous)
    labels, lights = labels or {}, lights or {}
    if not releases:
        raise QuestionRefused("key figures need a release: wb.figures.kpis(total).")
    for release in (*releases, *earlier):
        one_line(release)
    known = [measure.name for release in releases for measure in release.measures]
    for name in (*(measures or ()), *labels, *lights):
        if name not in known:
            raise UnknownName("measure", name, known)
    everything = (*releases, *earlier)
    items = []
    shown = dict.fromkeys(each.name for release in releases for each in beside(release))
    for name in measures or shown:
        at = next(i for i, release in enumerate(releases) if _has(release, name))
        before = next(
            (i for i, r in enumerate(everything) if i >= len(releases) and _has(r, name)), None
        )
        items.append(
            {
                "release": at,
                "measure": name,
                "label": labels.get(name),
                "previous": before,
                "light": lights.get(name),
            }
        )
    return _figure("kpis", KpisSpec, everything, items=tuple(items), title=title)


def text(template: str, *releases: Release) -> Figure:
    """Write a sentence with released figures in it.

    Parameters
    ----------
    template : str
        A plain string (not an f-string). Its fields are measures of the releases, each with an
        optional number format; ``_margin`` after a measure is its 95 % margin, ``period`` the
        release's month. With several releases ``{0.customers}`` names the first one's.
    *releases : Release
        Each of one row.

    Examples
    --------
    >>> text("{customers:,} customers spent {amount_sum:,.0f}", total)  # doctest: +SKIP
    """
    if not releases:
        raise QuestionRefused(
            "a sentence needs a release: wb.text('{customers:,} customers', total)."
        )
    return _figure("text", TextSpec, releases, template=template)


def indicators(
    release: Release,
    *,
    lights: Sequence[str] | None = None,
    section: str | None = None,
    brief: bool = False,
    first: bool = False,
    define: bool = False,
    title: str | None = None,
) -> Figure:
    """Show indicators of the compliance summary, each with its light, in a word and a shape.

    Parameters
    ----------
    release : Release
        ``ws.compliance(period).indicators``.
    lights : sequence of str, optional
        Only those that are ``red``, ``amber``, ``not measured``, ``green`` or ``information``;
        gravest first. All in their order when left out.
    section : str, optional
        Only those of one section, such as ``rights``.
    brief : bool
        A line each: without definition, source and thresholds.
    first : bool
        What, why, who answers and by when, on the page's first screen.
    define : bool
        What each is, from where, and under which provision, without its figures; other tables of
        the page lead to it.
    title : str, optional
        A plain string.
    """
    chosen = None if lights is None else tuple(lights)
    return _figure(
        "indicators",
        IndicatorsSpec,
        (release,),
        lights=chosen,
        section=section,
        brief=brief,
        first=first or None,
        define=define or None,
        title=title,
    )


def _figure(kind: Kind, model: type[Spec], releases: tuple[Release, ...], **spec: Any) -> Figure:
    for release in releases:
        if not isinstance(release, Release):
            raise QuestionRefused(
                f"a figure is drawn from a release; it was given a {type(release).__name__}. "
                "Ask with wb.query(…), then ws.release(…), and draw what that returns."
            )
    try:
        checked = model.model_validate(spec)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"wb.figures.{kind}: {where}: {first['msg']}. Columns are names of the release's "
            "columns; titles and templates are strings of at most 400 characters."
        ) from None
    figure = Figure(kind, checked, releases)
    figure.drawn()  # a wrong column is an error here, not in next month's report
    return figure


def _has(release: Release, measure: str) -> bool:
    return any(each.name == measure for each in release.measures)


def _live(drawn: Drawn) -> dict[str, Any]:
    """Return the outputs JupyterLab shows; a published page never reads them."""
    if isinstance(drawn, Chart):
        layout = {
            **drawn.figure["layout"],
            "title": {
                "text": f"<b>{plain(drawn.title)}</b><br>{plain(drawn.note)}",
                "x": 0,
                "xref": "container",
                "pad": {"l": 12},
                "font": {"size": 15},
            },
            "margin": {"l": 12, "r": 12, "t": 96, "b": 12, "pad": 4},
            "height": drawn.figure["layout"]["height"] + 90,
            "paper_bgcolor": "#ffffff",
        }
        figure = {"data": drawn.figure["data"], "layout": layout, "config": {"displaylogo": False}}
        return {PLOTLY_MIME: figure, "text/plain": drawn.alt}
    if isinstance(drawn, Sheet):
        return {"text/html": _table_html(drawn.grid), "text/plain": drawn.title}
    if isinstance(drawn, Cards):
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(card.label)}</th>"
            f"<td style='text-align:right'><b>{escape(card.text)}</b></td>"
            f"<td style='text-align:left'>{escape(f'{card.margin} {card.bound}')}</td>"
            f"<td style='text-align:left'>{escape(f'{card.change} {card.change_margin}')}</td></tr>"
            for card in drawn.cards
        )
        html = f"<table><caption>{escape(drawn.title)}</caption>{rows}</table>"
        return {"text/html": html, "text/plain": drawn.title}
    assert isinstance(drawn, Sentence)  # noqa: S101  # why: the last member of the union
    return {"text/html": f"<p>{escape(drawn.text)}</p>", "text/plain": drawn.text}


def _table_html(grid: Grid) -> str:
    def cells(row: Sequence[Any], head: bool) -> str:
        parts = []
        for at, cell in enumerate(row):
            tag = "th" if head or at < grid.row_heads else "td"
            align = "right" if cell.numeric else "left"
            words = escape(f"{cell.text} {cell.margin}".strip())
            below = f"<br><small>{escape(cell.below)}</small>" if cell.below else ""
            parts.append(f"<{tag} style='text-align:{align}'>{words}{below}</{tag}>")
        return f"<tr>{''.join(parts)}</tr>"

    body = "".join(cells(row, head=False) for row in grid.rows)
    return (
        f"<table><caption>{escape(grid.caption)}</caption>"
        f"<thead>{cells(grid.heads, head=True)}</thead><tbody>{body}</tbody></table>"
    )
