"""Rules over key figures: true where the whole margin is past the limit, told where it is read."""

import json
import random
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from factories.notebooks import code, notebook
from factories.pages import CHINESE, MONTHLY, page
from factories.releases import AMOUNT, CUSTOMERS, RATE, release
from support.line import DEFINITION, OPENING, write_report

from workbench import figures
from workbench.errors import DefinitionError
from workbench.figures.language import Language
from workbench.reporting.definitions.definition import Alert, Definition
from workbench.reporting.pages.parts import raised
from workbench.reporting.published import editions

CARDS = notebook(code("wb.figures.kpis(m)", figures.kpis(MONTHLY)))


def _card(low, value, high, measure=CUSTOMERS, **changes):
    columns = {measure.name: [value], f"{measure.name}_low": [low], f"{measure.name}_high": [high]}
    return figures.kpis(release((), (measure,), columns=columns, **changes)).drawn().cards[0]


@pytest.mark.parametrize(
    ("card", "rule", "holds"),
    [
        (_card(3900, 3950, 3999), {"below": 4000}, True),
        (_card(3900, 3950, 4000), {"below": 4000}, False),
        (_card(3900, 3990, 4080), {"below": 4000}, False),  # the figure alone would be
        (_card(4001, 4050, 4099), {"above": 4000}, True),
        (_card(3990, 4040, 4090), {"above": 4000}, False),
        (_card(None, 3000, None), {"below": 4000}, False),  # a quantile: nobody knows
        (_card(None, None, None), {"below": 4000}, False),
        (_card(None, 3, None, mechanism={"kind": "operational"}), {"above": 2}, True),
        (_card(None, 2, None, mechanism={"kind": "operational"}), {"above": 2}, False),
        (_card(0.11, 0.12, 0.13, RATE), {"above": 0.1}, True),
    ],
)
def test_a_rule_holds_where_the_whole_margin_is_past_its_limit(card, rule, holds):
    alerts = raised([Alert(figure=card.key, **rule)], [card], Language())
    assert bool(alerts) is holds


def test_a_figure_at_its_limit_raises_no_more_false_alarms_than_is_said():
    dice, wrong, draws = random.Random(7), 0, 4_000
    rule = SimpleNamespace(figure="customers", below=4000, above=None, say="")
    card = _card(3900, 4000, 4100)
    for _ in range(draws):
        value = round(dice.gauss(4000, 100 / 1.96), -1)  # the truth is the limit
        shown = replace(card, value=value, interval=(value - 100, value + 100), step=10.0)
        wrong += bool(raised([rule], [shown], Language()))
    assert wrong <= 0.025 * draws + 3 * (0.025 * 0.975 * draws) ** 0.5
    assert wrong > 0.01 * draws  # it can fail


def test_it_is_told_on_page_record_index_and_mail_in_every_language(tmp_path):
    rules = [
        Alert(figure="customers", above=1200, say="Ask sales."),
        Alert(figure="active_rate", below=0.5),
    ]
    words = {**CHINESE, "Ask sales.": "请询问销售部。"}
    pages = [
        page(CARDS, alerts=rules),
        page(CARDS, alerts=rules, language="zh", translations=words),
    ]
    made = editions.publish(tmp_path, "overview", "2026-09", pages)
    said = "Customers: 1,259 ± 25, above 1,200. Ask sales."
    assert made.edition.alerts["en"] == (said,)
    assert made.edition.alerts["zh"] == ("客户数：1,259 ± 25，高于 1,200。 请询问销售部。",)
    shown = said.replace("± ", "±\N{NO-BREAK SPACE}")
    english = made.page.read_text("utf-8")
    assert shown in english
    assert "at most 2.5 of 100 editions" in english
    index = (tmp_path / "index.html").read_text("utf-8")
    assert shown in index.partition('aria-labelledby="alerts"')[2].partition("</section>")[0]
    assert f"- {said}" in (made.page.parent / "mail.txt").read_text("utf-8")
    assert "请询问销售部" in (made.page.parent / "mail.zh.txt").read_text("utf-8")


def test_an_amount_and_its_limit_say_their_currency():
    card = _card(1_000_000, 1_100_000, 1_200_000, AMOUNT)
    (alert,) = raised([Alert(figure="amount_sum", below=1_500_000)], [card], Language())
    assert "CN¥1,100,000 ± 100,000, below CN¥1,500,000." in alert.text


def test_nothing_is_said_where_no_rule_holds(tmp_path):
    made = editions.publish(
        tmp_path, "overview", "2026-09", page(CARDS, alerts=[Alert(figure="customers", below=1200)])
    )
    assert made.edition.alerts == {"en": ()}
    assert ">Alerts<" not in made.page.read_text("utf-8") + (tmp_path / "index.html").read_text()


def test_a_rule_about_no_figure_of_the_page_is_refused():
    rule = Alert(figure="costumers", below=5)
    with pytest.raises(DefinitionError, match=r"'costumers' is no key figure .* 'customers'"):
        page(CARDS, alerts=[rule])


@pytest.mark.parametrize(
    "rule",
    [{"figure": "x"}, {"figure": "x", "below": 1, "above": 2}, {"figure": "x", "below": "nan"}],
)
def test_a_rule_has_one_limit(rule):
    with pytest.raises(ValueError, match=r"alert|number"):
        Definition(
            name="x",
            title="X",
            notebook="x.ipynb",
            audience="all",
            budget={"epsilon": 1},
            alerts=[rule],
        )


def test_hooks_are_told_alerts_and_the_mail(warm_shop):
    root = warm_shop.settings.root
    told = root / "told.json"
    (root / "hook.py").write_text(
        f"import sys; open({str(told)!r}, 'wb').write(sys.stdin.buffer.read())"
    )
    more = f"hooks: {{{{published: '{sys.executable} {root / 'hook.py'}'}}}}\n"
    rule = "alerts:\n  - {{figure: customers, below: 100000}}\n"
    total = (
        "total = ws.release(wb.query(tx, period=period).customers(), name='total', epsilon=epsilon)"
    )
    definition = DEFINITION + more + rule
    write_report(root, OPENING, total, "wb.figures.kpis(total)", definition=definition)
    made = warm_shop.reports.render("customers")
    content = json.loads(told.read_text("utf-8"))
    assert content["alerts"] == list(made.alerts)
    assert content["alerts"][0].endswith(", below 100,000.")
    assert content["mail"].startswith("Customers, September 2026\n\nCustomers: ")
    assert content["mail"].rstrip().endswith("customers/2026-09/index.html")
