"""Words an analyst chose for a release stand written, or the figure is not published."""

from dataclasses import replace

import pytest
from factories.notebooks import code, notebook
from factories.pages import CONTEXT

import workbench as wb
from workbench import figures
from workbench.errors import DefinitionError
from workbench.reporting.exporter import export
from workbench.reporting.notebooks.chosen import Written, unwritten

RULES = ["persona | recency | action", "Active | 2 | Thank them", "Lost | 1 | Win back"]
CODE = """
rules = ["persona | recency | action", "Active | 2 | Thank them", "Lost | 1 | Win back"]
recency = [20]
words = {"north": "up there", "south": "down there", "west": "over there"}
"""


@pytest.fixture
def regions(shop):
    """Return customers by region."""
    tx = shop.open("transactions", "reporting")
    query = wb.query(tx, by="region", period="2026-09").customers().sum("amount")
    return shop.release(query, name="regions", epsilon="0.1")


@pytest.fixture
def shown(shop):
    """Return a function that publishes one table of a release from a notebook of some code."""
    words = frozenset({"region", "north", "south", "west", "Spend", "amount", "EUR", "2026"})

    def page(release, source=CODE, **more):
        made = notebook(code(source + "wb.figures.table(x)", figures.table(release)))
        context = more.get("context") or CONTEXT.__class__(declared=words)
        return export(made, source_notebook=made, lookup=shop.ledger.answer, context=context).html

    return page


def computed(tx):
    """Return what somebody counted on raw rows, as text."""
    rows = tx.execute()
    return f"{rows.customer_id.nunique()} customers, {rows.amount.sum()} EUR"


SMUGGLED = {
    "described": lambda r, text: r.describe("region", "what", {"north": text}),
    "title of a description": lambda r, text: r.describe(
        "region", "what", {"north": "up there"}, title=text
    ),
    "regrouped": lambda r, text: r.regroup(
        ["region"], "part", {text: [["north"]], "rest": [["south"], ["west"]]}
    ),
    "graded": lambda r, text: r.grade("customers", {text: 1, "few": 0}, "size"),
    "derived": lambda r, text: r.derive(
        (wb.column("amount_sum") / wb.column("customers")).named("each", text)
    ),
    "derived again": lambda r, text: r.describe("region", "what", {"north": text}).derive(
        "customers", name="again"
    ),
}


@pytest.mark.parametrize("way", SMUGGLED)
def test_a_computed_word_of_a_release_is_not_published(shop, regions, shown, way):
    raw = computed(shop.open("transactions", "reporting"))
    with pytest.raises(DefinitionError, match="stands neither in the notebook") as refused:
        shown(SMUGGLED[way](regions, raw))
    assert "600" not in str(refused.value)


@pytest.mark.parametrize("part", ["name", "title"])
def test_a_computed_persona_is_not_published(shop, shown, part):
    tx = shop.open("transactions", "reporting")
    raw = computed(tx).replace(",", "")
    rules = [RULES[0], RULES[1].replace("Active", raw), RULES[2]] if part == "name" else RULES
    title = raw if part == "title" else None
    who = wb.personas(tx, rules, as_of="2026-09", recency=[20], title=title)
    query = wb.query(tx, by=who, period="2026-09").customers()
    with pytest.raises(DefinitionError, match="computed string"):
        shown(shop.release(query, name="personas", epsilon="0.1"))


def test_what_is_written_is_published(shop, regions, shown):
    words = {"north": "up there", "south": "down there", "west": "over there"}
    assert "down there" in shown(regions.describe("region", "words", words))
    tx = shop.open("transactions", "reporting")
    who = wb.personas(tx, RULES, as_of="2026-09", recency=[20])
    found = shop.release(
        wb.query(tx, by=who, period="2026-09").customers(), name="p", epsilon="0.1"
    )
    page = shown(
        found.describe("persona", "action", who.actions).describe(
            "persona", "recency", who.words("recency")
        )
    )
    assert "Win back" in page
    assert "≥ 20 days" in page


def test_a_limit_may_be_set_beside_a_group_and_a_count_may_not():
    written = Written.of(["a title"], ["cuts = [12, 4000]"], {"top": "30"}, ["Spend"])
    assert all(map(written.holds, ["a title", "≥ 12 days", "12 to 4,000", "< 30", "spend title"]))
    assert not any(map(written.holds, ["12 customers", "≥ 13 days", "Lotus", "a 12"]))


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (("cluster 1", "cluster 2"), None),
        (("cluster 0", "cluster 1", "cluster 2"), None),
        (("cluster 12", "cluster 588"), "cluster 12"),  # these do not count up
        (("Lotus 1", "Lotus 2"), "Lotus "),
    ],
)
def test_labels_that_count_up_are_names(regions, labels, told):
    written = Written.of([], ["cluster", "region"], {}, ["Region"])
    group = replace(regions.by[0], values=labels)
    assert unwritten(replace(regions, by=(group,)), None, written) == told
