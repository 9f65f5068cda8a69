"""A release is a value: what is stored comes back, and where it stands is no part of it."""

import json
from dataclasses import replace

import pytest
from factories.noisy import CUSTOMERS, REGION, Books, answer

from workbench.privacy.columns import Bound, Dimension, Measure
from workbench.privacy.release import Release


def test_a_release_comes_back_from_its_bytes():
    release = answer([REGION])
    again = Release.from_json(release.to_json())
    assert again == release
    assert again.to_json() == release.to_json()
    assert again.by[0].exclusive is True


def test_answers_stored_before_a_field_was_added_can_be_read():
    content = json.loads(answer([REGION]).to_json())
    for axis in content["by"]:
        del axis["exclusive"]
    for measure in content["measures"]:
        del measure["least"]
    again = Release.from_json(json.dumps(content))
    assert again.by[0].exclusive is False
    assert again.measures[0] == replace(CUSTOMERS, least=None)


def test_where_it_stands_and_what_is_left_are_not_part_of_the_answer():
    release = answer([REGION])
    handed_out = replace(Books().put(release), left={"lifetime": 3.0})
    assert handed_out == release
    assert handed_out.to_json() == release.to_json()
    assert "origin" not in json.loads(release.to_json())


def test_a_release_reads_as_a_table_with_cost():
    release = replace(answer([REGION], measures=(CUSTOMERS,)), left={"2026-09": 2.69})
    text = repr(release)
    assert "customers" in text.splitlines()[0]
    assert text.splitlines()[-1] == (
        "r-000001 'answer-1': epsilon 0.31 at delta 1e-06; left: 2026-09 2.69"
    )
    assert "<small>r-000001" in release._repr_html_()


@pytest.mark.parametrize("note", ["a <b> & c"])
def test_notes_are_escaped_in_html(note):
    page = replace(answer([REGION], measures=(CUSTOMERS,)), notes=(note,))._repr_html_()
    assert "a &lt;b&gt; &amp; c" in page


def test_new_fields_are_optional():
    assert Dimension("a", "A", "category", ("x",)).exclusive is False
    assert Measure("a", "sum", "A", None).least is None


def test_how_a_figure_is_bounded_comes_back_and_answers_without_it_keep_their_bytes():
    bound = Bound(0.0, 3000.0, "upper", (1500.0, 3000.0))
    bounded = replace(CUSTOMERS, bound=bound, at_bound_of="amount")
    release = answer([REGION], measures=(bounded,))
    assert Release.from_json(release.to_json()).measures == (bounded,)
    plain = json.loads(answer([REGION], measures=(CUSTOMERS,)).to_json())["measures"]
    assert all("bound" not in each and "at_bound_of" not in each for each in plain)


def test_the_share_at_a_bound_is_no_column_of_the_table_that_is_read():
    beside = replace(CUSTOMERS, at_bound_of="amount")
    assert list(answer([REGION], measures=(beside,)).shown()) == ["region"]
