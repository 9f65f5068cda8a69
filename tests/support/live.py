"""States of a page that answers back, and what it shows in each beside what Python draws."""

import random
import re

from factories.live import language_of

from workbench.figures.drawn import Cards, Chart, Sentence, Sheet
from workbench.figures.kinds.table import TableSpec
from workbench.figures.live.embedded import embedded
from workbench.figures.live.redrawn import CHARTS, picked, redrawn
from workbench.figures.live.states import State
from workbench.figures.plotting import Axis
from workbench.reporting.pages.template import spark

SETTLED = "return document.documentElement.dataset.answers !== 'moving'"
SEEN = """
const text = (node) => (node?.textContent ?? "").replace(/\\s+/g, " ").trim();
const shown = (list) => [...list].filter((each) => !each.hidden);
const path = ".spark:not([hidden]) path";
return [...document.querySelectorAll("[data-live]")].map((root) => {
  const chart = root.querySelector(".chart"), table = root.querySelector("table");
  const answer = root.matches(".answer");
  const after = answer ? [root.nextElementSibling] : [...root.children];
  const lies = (each) => each.orientation === "h";
  return {
    at: Number(root.dataset.live),
    text: text(answer ? root : root.querySelector(".sentence")),
    stays: text(after.find((each) => each?.matches(".live-not"))),
    cards: [...root.querySelectorAll(".kpi")].map((card) => ({
      figure: text(card.querySelector(".figure")),
      margin: text(card.querySelector(".margin")),
      change: text(card.querySelector(".change:not([hidden], .target)")),
      spark: card.querySelector(path)?.getAttribute("d") ?? "",
      stays: text(card.querySelector(".live-not")),
    })),
    rows: table ? shown(table.tBodies[0].rows).map((row) =>
      shown(row.cells).map((each) => text(each).replaceAll(" ", ""))) : [],
    alt: chart?.getAttribute("aria-label") ?? "",
    note: text(root.querySelector(".note span:last-child")),
    traces: (chart?.data ?? []).filter((each) => each.customdata).map((each) => ({
      values: [lies(each) ? each.x : each.z ?? each.y, each.customdata, each.text ?? null],
      ends: ["array", "arrayminus"].map((end) => each[lies(each) ? "error_x" : "error_y"]?.[end]),
    })),
    axes: chart && ["xaxis", "yaxis"].map((axis) => [...(chart.layout[axis]?.ticktext ?? [])]),
  };
});
"""


def states(report, count, seed):
    """Yield states of a page's filters and sliders: every column alone, and random ones."""
    dice = random.Random(seed)
    made = embedded(report.shown, language_of("en"), report.together, report.find)
    for _ in range(count):
        filters = {
            each["n"]: dice.choice(each["v"]) for each in made["filters"] if dice.random() < 0.5
        }
        assumed = {}
        for each in made["assumed"]:
            if dice.random() < 0.6:
                steps = round((each.get("high", 0) - each.get("low", 0)) / each.get("step", 1))
                value = (
                    dice.choice(each["v"])[1]
                    if "v" in each
                    else float(f"{each['low'] + dice.randint(0, steps) * each['step']:.12g}")
                )
                if value != each["at"]:
                    assumed[each["n"]] = value
        yield State(filters, assumed)


def address(state):
    """Return a state as it stands in an address."""
    pairs = [*state.filters.items(), *((k, f"{v:.12g}") for k, v in state.assumed.items())]
    return "#" + ("".join(f"~{name}={value}" for name, value in pairs) or "~")


def go(browser, fragment):
    """Go to an address, and wait until the page has answered."""
    browser.run(
        "document.documentElement.dataset.answers = 'moving'; location.hash = arguments[0]",
        fragment,
    )
    browser.wait(SETTLED)


def compared(screen, report, page, count, seed):
    """Show a page in random states; return how many, every difference, complaint and request."""
    screen.show(page)
    tried, wrong, last = 0, [], None
    for state in states(report, count, seed):
        if state != last:
            go(screen, address(state))
            wrong += differences(report, state, screen.run(SEEN), report.language())
            tried, last = tried + 1, state
    wrong += screen.complaints()
    wrong += [x for x in screen.requests() if not x.startswith(("file:", "data:", "blob:"))]
    return tried, wrong


def cell(each):
    return f"{each.text}{each.margin}{each.below}".replace(" ", "")


def table_of(grid, keep):
    return [[cell(each) for each in row] for row, kept in zip(grid.rows, keep, strict=True) if kept]


def flat(text):
    return " ".join(text.replace("\xa0", " ").split())


def expected(report, at, state, language):
    """Return what a figure shows under a state, as its page says it."""
    figure = report.figures[at]
    found = redrawn(report.tables, figure.spec, figure.releases, state, language, report.together)
    base = figure.spec.draw(figure.releases, language, report.together)
    return found, found.drawn or base, base


def differences(report, state, seen, language):
    """Return every place where a page shows something else than Python draws."""
    wrong = []
    for each in seen:
        found, drawn, base = expected(report, each["at"], state, language)
        spec, releases = report.figures[each["at"]].spec, report.figures[each["at"]].releases
        reasons = {reason for _, reason in found.cards}
        once = reasons.pop() if len(reasons) == 1 else ""
        check = [("stays", each["stays"], flat(found.stays or once))]
        own = {} if found.stays else {
            axis.name: state.filters[axis.name]
            for axis in picked(spec, releases)
            if axis.name in state.filters
        }  # fmt: skip
        if isinstance(drawn, Sentence):
            check.append(("text", each["text"], flat(drawn.text)))
        elif isinstance(drawn, Cards):
            check += list(_cards(found, base, each["cards"], bool(once)))
        elif isinstance(drawn, Sheet):
            release = releases[0]
            order = sorted(
                range(len(release)),
                key=lambda row: [a.values.index(release.columns[a.name][row]) for a in release.by],
            )
            keep = [all(release.columns[n][r] == v for n, v in own.items()) for r in order]
            if not keep or not isinstance(spec, TableSpec):  # nothing, or indicators by section
                keep = [True] * len(drawn.grid.rows)
            check.append(("rows", each["rows"], table_of(drawn.grid, keep)))
        elif isinstance(drawn, Chart) and (base.empty or not isinstance(spec, CHARTS)):
            # flows, and charts of which there is nothing to draw: never drawn anew
            check.append(
                ("rows", each["rows"], table_of(drawn.grid, [True] * len(drawn.grid.rows)))
            )
        elif isinstance(drawn, Chart):
            check += list(_chart(spec, releases[0], drawn, base, own, each, bool(found.drawn)))
        wrong += [(each["at"], *one) for one in check if one[1] != one[2]]
    return wrong


def _cards(found, base, seen, once):
    pairs = found.cards or ((None, ""),) * len(base.cards)
    for at, ((now, reason), card, shown) in enumerate(zip(pairs, base.cards, seen, strict=True)):
        card = now or card
        signs = {"up": "▲ ", "down": "▼ ", "same": "≈ ", "": ""}
        change = (
            flat(f"{signs[card.direction]}{card.change} {card.change_margin}")
            if card.change
            else ""
        )
        yield f"card {at}", shown["figure"], card.text
        yield f"card {at} line", shown["spark"], _spark(card.points)
        yield (
            f"card {at} margin",
            shown["margin"].replace(" ", ""),
            f"{card.margin}{card.bound}".replace(" ", ""),
        )
        yield f"card {at} change", shown["change"], change
        yield f"card {at} stays", shown["stays"], "" if once else flat(reason)


def _spark(points):
    drawn = re.search(r'<path d="([^"]*)"', str(spark(points)))
    return drawn[1] if drawn else ""


def _chart(spec, release, drawn, base, own, seen, moved):
    _, first, second = spec.axes
    axes = [Axis.of(release, name, language_of("en")) for name in (first, second) if name]
    keep = [[own.get(a.column.name, v) == v for v in a.values] for a in axes]
    only = lambda items, kept: [x for x, k in zip(items, kept, strict=True) if k]  # noqa: E731
    rows = [
        [cell(row[0]), *only([cell(each) for each in row[1:]], keep[1] if second else [True])]
        for row in drawn.grid.rows
    ]
    yield "table", seen["rows"], only(rows, keep[0])
    traces = [each for each in drawn.figure["data"] if "customdata" in each]
    if spec.kind == "heatmap":
        wanted = [
            [
                [only(row, keep[1]) for row in only(traces[0][key], keep[0])]
                for key in ("z", "customdata", "text")
            ]
        ]
        yield "cells", [seen["traces"][0]["values"][:2]], [wanted[0][:2]]
    else:
        lying = traces[0].get("orientation") == "h"
        if second:
            traces = only(traces, keep[1])
        value, error = ("x", "error_x") if lying else ("y", "error_y")
        yield (
            "values",
            [each["values"][:2] for each in seen["traces"]],
            [[only(each[value], keep[0]), only(each["customdata"], keep[0])] for each in traces],
        )
        yield "margins", [each["ends"] for each in seen["traces"]], [
            [only(each[error]["array"], keep[0]), only(each[error]["arrayminus"], keep[0])]
            if error in each else [None, None]
            for each in traces
        ]  # fmt: skip
        ticks = drawn.figure["layout"]["xaxis" if lying else "yaxis"]["ticktext"]
        if not lying:  # page.js leaves out what does not fit beneath bars that lie
            yield "ticks", seen["axes"][1], list(ticks)
    yield "alt", seen["alt"], drawn.alt
    yield "note", seen["note"], flat(drawn.note)
