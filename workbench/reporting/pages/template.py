"""Set a page's parts into its template."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from workbench.documents import templates
from workbench.figures import Chart, Sheet
from workbench.figures.kinds.indicators import SHAPES
from workbench.figures.language import LANGUAGES, Language
from workbench.reporting.pages import page_assets
from workbench.reporting.pages.layout import Layout
from workbench.reporting.pages.parts import ROOT, Context, Facts
from workbench.reporting.pages.text import Prose, read_markdown

if TYPE_CHECKING:
    from jinja2 import Environment

    from workbench.reporting.pages.page import Page

_SPARK_WIDTH, _SPARK_HEIGHT = 100, 28
LONG = 100  # letters of a parameter that are read in passing
SPARK_BOX = f"0 0 {_SPARK_WIDTH} {_SPARK_HEIGHT}"
SCRIPTS = ("page.js", "downloads.js", "index.js")
# What a file of figures says about itself, in the page's words.
_SAID = (
    *("csv", "xlsx", "margin", "note", "report", "edition", "figure", "filter", "releases"),
    *("figures", "what this is", "how to read"),
)


def render(page: Page) -> str:
    """Return the page's HTML."""
    layout, context, language, live = page.layout, page.context, page.words, page.live
    grids = _grids(layout)
    charts = [each for each in grids if isinstance(each, Chart) and not each.empty]
    heights = sorted({chart.figure["layout"]["height"] for chart in charts})
    style = compact("page.css") + "".join(f".h-{each}{{height:{each}px}}" for each in heights)
    style += context.brand.style
    answering = page_assets.asset("live.min.js").decode() if live else ""
    downloads = compact("downloads.js") if grids else ""
    script = compact("page.js") if charts or live or downloads else ""
    scripts = [each for each in (downloads, script, answering) if each]
    facts = context.facts
    return rendered(
        "page.html.j2",
        language,
        layout=layout,
        context=context,
        period=language.period(context.period, full=True) if context.period else "",
        policy=page_assets.policy(scripts, [style], bool(charts)),
        style=style,
        script=script,
        answering=answering,
        live=live,
        downloads=downloads,
        comment=_comment(context),
        alerts=page.alerts,
        said={key: language.word(key) for key in _SAID},
        draws=bool(charts),
        bundle=page_assets.bundle(),
        root=ROOT,
        contents=_contents(layout),
        anchors=_anchors(layout),
        tags={code: Language(code).tag for code in LANGUAGES},
        names={code: Language(code).word("language") for code in LANGUAGES},
        facts=facts,
        unit=_unit(facts, language) if facts else "",
        cost=_cost(facts, language) if facts else None,
        used=_used(facts, language) if facts else "",
        provenance=_provenance(context, page.releases, language) if facts else [],
        lists=long_lists(context, language) if facts else {},
    )


def rendered(template: str, language: Language, **facts: Any) -> str:
    """Return a template filled in, in a language."""
    made = environment().get_template(template)
    return made.render(language=language, word=language.word, **facts) + "\n"


@cache
def environment() -> Environment:
    """Return the templates: escaped by default, and an unknown name is an error."""
    made = templates("reporting/templates", line_end=False)
    made.globals["spark"] = spark
    made.globals["json"] = page_assets.plain_json
    made.globals["shapes"] = SHAPES
    made.filters["bound"] = bound
    return made


def bound(text: str) -> str:
    """Return a text in which no line breaks between a sign and its number.

    Examples
    --------
    >>> bound("4,195 ± 34") == "4,195 ±\N{NO-BREAK SPACE}34"
    True
    """
    return text.replace("± ", "±\N{NO-BREAK SPACE}")


@cache
def source(name: str) -> str:
    """Return one template file's text."""
    loader = environment().loader
    assert loader is not None  # noqa: S101  # why: set two functions above
    return loader.get_source(environment(), name)[0]


@cache
def compact(name: str) -> str:
    """Return a style sheet or script without comments on their own lines and indentation."""
    lines = (line.strip() for line in source(name).splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("/*", "//")))


def spark(points: tuple[float | int | None, ...]) -> Any:
    """Return a small line of earlier figures and the present one, as SVG."""
    from markupsafe import Markup

    known = [point for point in points if point is not None]
    low, high = (min(known), max(known)) if known else (0, 0)
    reach = (high - low) or 1
    places = [
        (
            round(at * _SPARK_WIDTH / max(1, len(points) - 1), 1),
            round(_SPARK_HEIGHT - 3 - (point - low) / reach * (_SPARK_HEIGHT - 6), 1),
        )
        for at, point in enumerate(points)
        if point is not None
    ]
    if len(places) < 2:
        return Markup("")
    way = "M" + "L".join(f"{x} {y}" for x, y in places)
    x, y = places[-1]
    return Markup(  # noqa: S704  # why: numbers only
        f'<svg class="spark" viewBox="{SPARK_BOX}" '
        f'preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="{way}"/><path class="dot" d="M{x} {y}h0"/></svg>'
    )


def _comment(context: Context) -> list[str]:
    """Return the comment's headings and paragraphs, as safe HTML."""
    from markupsafe import escape

    parts = read_markdown(context.comment) if context.comment else ()
    return [p.html if isinstance(p, Prose) else f"<h3>{escape(p.text)}</h3>" for p in parts]


def _grids(layout: Layout) -> list[Chart | Sheet]:
    shown = [item.drawn for item in (*layout.main, *layout.items)]
    return [drawn for drawn in shown if isinstance(drawn, Chart | Sheet)]


def _anchors(layout: Layout) -> frozenset[str]:
    """Return the places within tables that others may lead to."""
    sheets = [item.drawn for item in layout.items if isinstance(item.drawn, Sheet)]
    cells = (cell for sheet in sheets for row in sheet.grid.rows for cell in row)
    return frozenset(cell.anchor for cell in cells if cell.anchor)


def fact_texts(context: Context, releases: tuple[str, ...], language: Language) -> list[str]:
    """Return what the footer says of the system's own facts; parameters are a person's words."""
    facts = context.facts
    if facts is None:
        return []
    rows = _provenance(replace(context, parameters={}), releases, language)
    texts = [text for row in rows for text in row]
    return [*texts, _cost(facts, language) or "", _used(facts, language)]


def _contents(layout: Layout) -> list[tuple[str, str]]:
    """Return the sections, or the figures of a report without sections."""
    titled = [(each.anchor, each.title) for each in layout.sections if each.title]
    if not titled:
        named = [(each, each.heading or getattr(each.drawn, "title", "")) for each in layout.items]
        titled = [(item.anchor, title) for item, title in named if title]
    return titled if len(titled) > 1 else []


def _unit(facts: Facts, language: Language) -> str:
    known = {"customer": language.word("customer")}
    return known.get(facts.privacy_unit, language.say(facts.privacy_unit))


def _cost(facts: Facts, language: Language) -> str | None:
    if facts.share is None:
        return None
    if facts.share == 0:
        return language.word("cost none")
    return language.word("cost", share=_share(facts.share, language))


def _used(facts: Facts, language: Language) -> str:
    shares = [
        language.word(f"of {each.scope}", share=_share(each.used, language))
        for each in facts.budgets
    ]
    return language.word("used", shares=language.join(shares)) if shares else ""


def _share(value: float, language: Language) -> str:
    """Return a share of a budget: whole per cents, one decimal below ten."""
    if 0 < value < 0.001:
        return language.word("under", share=language.percent(0.001, 1))
    return language.percent(value, 0 if value >= 0.0995 or value == 0 else 1)


def _earlier(facts: Facts, language: Language) -> str:
    count = language.number(facts.earlier)
    return language.word("answers reused", count=count) if facts.earlier else ""


def long_lists(context: Context, language: Language) -> dict[str, list[str]]:
    """Return the parameters that are long lists, such as the rules of personas, by their entries.

    They stand folded below the others: their name and how many entries they have are enough.
    """
    return {
        language.say(name): [_said(entry, language) for entry in value.split(", ")]
        for name, value in context.parameters.items()
        if _is_long(value)
    }


def _is_long(value: str) -> bool:
    return len(value) > LONG and ", " in value


def _said(entry: str, language: Language) -> str:
    """Return a parameter's entry in a page's language, a rule cell by cell."""
    return " | ".join(language.say(cell.strip()) for cell in entry.split("|"))


def _provenance(
    context: Context, releases: tuple[str, ...], language: Language
) -> list[tuple[str, str]]:
    facts = context.facts
    assert facts is not None  # noqa: S101  # why: asked only where there are facts
    # why no prices: what an edition took is told as a share, and epsilons do not add up
    rows = [
        ("data version", facts.data_version),
        ("as of", language.period(facts.as_of)),
        ("earlier answers", _earlier(facts, language)),
        (
            "parameters",
            "; ".join(
                f"{language.say(name)} = {', '.join(_said(v, language) for v in value.split(', '))}"
                for name, value in context.parameters.items()
                if not _is_long(value) and not name.startswith("epsilon")
            ),
        ),
        ("catalog", facts.catalog_hash[:12]),
        ("commit", facts.commit[:12]),
        ("packages", ", ".join(f"{name} {version}" for name, version in facts.packages.items())),
        ("releases", ", ".join(releases)),
    ]
    return [(language.word(key), value) for key, value in rows if value]
