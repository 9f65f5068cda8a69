"""A revision says why it differs, truly, and then each figure that changed, once."""

from dataclasses import replace

import pytest
from factories.pages import SPENDING, TOTAL, page

from workbench.figures.kinds.kpis import KpiSpec, KpisSpec
from workbench.figures.language import Language
from workbench.reporting.published.editions import publish
from workbench.reporting.published.record import Edition, causes, paired, read, what_changed

MADE = {"notebook": "a", "definition": "b", "catalog": "c", "software": "d"}
EN, ZH = Language(), Language("zh")


def again(release, shift=lambda at: 500, **changes):
    """Return another answer to the same question, of other figures."""
    measures = {each.name for each in release.measures}
    columns = {
        name: [each if each is None else each + shift(at) for at, each in enumerate(values)]
        if name.removesuffix("_low").removesuffix("_high") in measures
        else values
        for name, values in release.columns.items()
    }
    return replace(release, id="r-000099", columns=columns, **changes)


BOUNDED = replace(TOTAL, mechanism={"bounds": {"amount": ["0", "2000"]}})
WIDER = again(BOUNDED, mechanism={"bounds": {"amount": ["0", "3000"]}})


@pytest.mark.parametrize(
    ("before", "changed", "pair", "why"),
    [
        (MADE, {}, (TOTAL, again(TOTAL, data_version="v18")), ["Rows of this period"]),
        (MADE, {}, (BOUNDED, WIDER), ["A bound on what one customer"]),
        (MADE, {"notebook": "x"}, None, ["The report's notebook"]),
        (MADE, {"definition": "x"}, None, ["The report's definition"]),
        (MADE, {"catalog": "x"}, None, ["The catalog was"]),
        (MADE, {"software": "x"}, None, ["another version of the software"]),
        (MADE, {"catalog": "x", "software": "y"}, (BOUNDED, WIDER), ["A bound", "The catalog"]),
        ({}, {}, None, ["The report, its catalog or the software"]),
    ],
)
def test_the_cause_is_what_changed_and_nothing_else(before, changed, pair, why):
    pairs = [pair] if pair else []
    told = causes(before, {**MADE, **changed}, pairs, lambda _: TOTAL, EN)
    sentences = told.removesuffix(".").split(". ")
    assert len(sentences) == len(why)
    assert all(word in sentence for word, sentence in zip(why, sentences, strict=True))
    chinese = causes(before, {**MADE, **changed}, pairs, lambda _: TOTAL, ZH)
    assert not any(letter.isascii() and letter.isalpha() for letter in chinese)


def test_a_bound_of_what_an_answer_was_computed_from_counts_too():
    parents = {"r-1": BOUNDED, "r-2": WIDER}
    old, new = (
        replace(TOTAL, id=f"d-{each}", mechanism={"kind": "derived", "parents": [each]})
        for each in parents
    )
    assert causes(MADE, MADE, [(old, new)], parents.__getitem__, EN).startswith("A bound")


def test_a_figure_is_one_entry_by_the_group_that_changed_most():
    new = again(SPENDING, lambda at: 10**6 if at == 3 else 1000)
    pairs = paired([SPENDING], [new])
    lines = what_changed([], pairs, EN)
    groups = SPENDING.columns["category"]
    assert len(lines) == len(SPENDING.measures)
    assert all(f", {groups[3]}: " in line for line in lines)
    assert all(line.endswith(f"so did {len(groups) - 1} of its other groups") for line in lines)
    assert what_changed([], paired([SPENDING], [SPENDING]), EN) == ()


def test_what_a_key_figure_says_is_not_said_again():
    new = again(TOTAL)
    (measure, *_) = TOTAL.measures
    spec = KpisSpec(items=[KpiSpec(release=0, measure=measure.name, label="Buyers")])
    cards = [spec.draw([each]).cards[0] for each in (TOTAL, new)]
    told = what_changed([tuple(cards)], [(TOTAL, new)], EN)
    assert told[0] == f"Buyers: {cards[1].full}; before, {cards[0].full}"
    assert len(told) == len(TOTAL.measures)
    assert not any(line.startswith(f"{measure.title}:") for line in told)


def test_the_box_stands_below_the_answer_with_three_lines_and_the_rest_folded():
    said = ("The catalog was changed.", *(f"Figure {at}: 9; before, 8" for at in range(7)))
    html = page().revised(2, said, {"en": "index.html"}).html
    box = html.partition('<div class="banner changed">')[2].partition("</div>")[0]
    seen, _, folded = box.partition("<details>")
    assert "The catalog was changed." in seen
    assert (seen.count("<li>"), folded.count("<li>")) == (3, 4)
    assert "<summary>4 more</summary>" in folded
    places = [html.index(each) for each in ('class="answer"', "banner changed", 'class="kpis')]
    assert places == sorted(places)
    few = page().revised(2, said[:4], {"en": "index.html"}).html
    assert "<details>" not in few.partition("banner changed")[2].partition("</div>")[0]


def test_every_language_keeps_its_own_words_so_that_the_same_again_is_no_revision(tmp_path):
    def pages(title):
        return [page(title=title), page(title=title, language="zh")]

    publish(tmp_path, "overview", "2026-09", pages("One"), made_of=MADE)
    later = {**MADE, "notebook": "x"}
    made = publish(tmp_path, "overview", "2026-09", pages("Two"), made_of=later)
    assert made.edition.changed == ("The report's notebook was changed.", "No figure changed.")
    assert "报告的笔记本已变更。" in (made.page.parent / "index.zh.html").read_text()
    assert not publish(tmp_path, "overview", "2026-09", pages("Two"), made_of=later).new
    record = read(tmp_path / "overview" / "2026-09" / "r2")
    assert record == Edition.from_json(record.to_json())
    assert record.changed_in["zh"][0] == "报告的笔记本已变更。"
