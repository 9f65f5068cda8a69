"""Files of ours, read as if somebody else had written them: one odd file stops nothing else."""

import json

import pytest
from factories.pages import page
from support.line import DEFINITION, write_report

import workbench as wb
from workbench.documents import load_yaml, parse_json
from workbench.errors import DefinitionError
from workbench.privacy.books.witnesses import read_anchor
from workbench.privacy.planning import read_prices
from workbench.reporting.definitions.reading import notebook_problems
from workbench.reporting.notebooks.remarks import miswritten
from workbench.reporting.published import editions
from workbench.reporting.published.failures import show_failures
from workbench.reporting.published.files import FAILED, read_failures
from workbench.reporting.telling import last_of, last_run, runs_file
from workbench.store.engine import one_commit
from workbench.store.logs.counted import known
from workbench.store.published_files import recorded
from workbench.store.rewriting import contents

DEEP = "[" * 100_000
LINE = DEEP[:10_000]
ODD = {
    "a list": "[]",
    "a text": '"x"',
    "deep": DEEP,
    "digits": f'{{"2026-08": {"9" * 5000}}}',
    "titles of another shape": '{"2026-08": {"en": ["x"]}}',
    "no title": '{"2026-08": {}}',
    "a language of none": '{"2026-08": {"../x": "T"}}',
    "half a surrogate": '{"2026-08": {"en": "\\ud800"}}',
    "outside": '{"../../../out": {"en": "T"}}',
    "outside by variant": '{"2026-08/..": {"en": "T"}}',
    "further outside": '{"2026-08/../../../../out": {"en": "T"}}',
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_a_note_of_failures_of_another_shape_is_none(tmp_path, text):
    published = tmp_path / "deep" / "published"
    editions.publish(published, "overview", "2026-09", page())
    (published / "overview" / FAILED).write_text(text)
    before = sorted(tmp_path.rglob("*"))
    assert read_failures(published, "overview") == {}
    show_failures(published, "overview")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_note_that_a_run_wrote_is_read(tmp_path):
    (tmp_path / "overview").mkdir()
    noted = {"2026-08": {"en": "T", "zh": "题"}, "2026-08/region=north": {"en": "T"}}
    (tmp_path / "overview" / FAILED).write_text(json.dumps(noted))
    assert read_failures(tmp_path, "overview") == noted


@pytest.mark.parametrize("text", [DEEP, "a: " + "[" * 5000, f"a: {'9' * 5000}"])
def test_a_deep_or_long_document_is_refused_in_words(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(DefinitionError, match=r"a\.yaml"):
        load_yaml(tmp_path / "a.yaml", DefinitionError, "definition")


@pytest.mark.parametrize(
    "line", [DEEP[:10_000], '{"at": "2026-01-01T00:00:00"}', "[]", '{"at": 1}']
)
def test_an_odd_line_of_the_record_of_runs_is_passed_over(tmp_path, line):
    runs_file(tmp_path).parent.mkdir()
    runs_file(tmp_path).write_text(f'{{"at": "2025-01-01T00:00:00+00:00", "a": 1}}\n{line}\n')
    assert last_run(tmp_path).tzinfo is not None
    assert last_of(tmp_path, {"a": 1})["a"] == 1


JSON = {
    "deep": DEEP,
    "digits": "9" * 5000,
    "half a surrogate": '{"a": "\\uD800"}',
    "cut": '{"a": ',
    "nothing": "",
}


@pytest.mark.parametrize("text", JSON.values(), ids=JSON)
def test_what_is_no_json_of_ours_is_a_value_error(text, tmp_path):
    for each in (text, text.encode()):
        with pytest.raises(ValueError, match=r"."):
            parse_json(each)
    (tmp_path / "file").write_text(text)
    assert read_prices(tmp_path / "file") == {}
    assert read_anchor(tmp_path / "file").hash == "unreadable"


def test_a_letter_of_two_halves_is_one():
    assert parse_json('"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


@pytest.mark.parametrize("text", [*JSON.values(), "[]", '{"a": "x"}', '{"a": 1.5}', "7"])
def test_files_of_another_shape_are_told_as_lost_or_are_none(text, tmp_path):
    (tmp_path / "keys").mkdir()
    for name in ("keys/audit.mark", "published.jsonl", "prices"):
        (tmp_path / name).write_text(text)
    assert known(tmp_path, "audit") == (0, "unreadable")
    assert recorded(tmp_path) == {}
    assert read_prices(tmp_path / "prices") == {}


CELLS = [[1], [None], [{"cell_type": "code"}], [{"cell_type": "code", "source": [1]}], {"a": 1}]
TAGS = [{"metadata": []}, {"metadata": {"tags": 1}}, {"metadata": 1}, {}]


@pytest.mark.parametrize(
    "cells", [*CELLS, *([{"cell_type": "code", "source": "", **t}] for t in TAGS)]
)
def test_a_notebook_of_another_shape_is_told(cells, tmp_path):
    (tmp_path / "a.ipynb").write_text(json.dumps({"nbformat": 4, "cells": cells}))
    assert len(notebook_problems(tmp_path / "a.ipynb", {})) == 1


@pytest.mark.parametrize("code", ["a\0b", "(" * 5000, "-" * 100_000 + "1", "x = " + "[" * 150])
def test_code_that_cannot_be_parsed_is_told_with_its_cell(code):
    [told] = miswritten({"cells": [{"cell_type": "code", "source": code}]})
    assert told.startswith("cell 1, line ")


def test_a_day_before_year_1_stops_no_report(shop):
    """Of a store of before the rule of years: its source's rows are kept aside now."""
    day = shop.catalog.tables["transactions"].time
    store, today = shop.store, shop.now().date()
    schedule = "schedule: {{cron: 0 6 2 * *, time_zone: UTC}}\n"
    write_report(shop.settings.root, definition=DEFINITION + schedule)
    with store.exclusive() as connection:
        with one_commit(store, connection, "of before") as writer:
            connection.execute(
                f"UPDATE lake.transactions SET {day} = DATE '0044-03-15 (BC)' "
                f"WHERE {day} = (SELECT min({day}) FROM lake.transactions)"
            )
            named = contents(connection, shop.catalog, "transactions", today)
            writer.carry({"transactions": named})
        store.end(connection)
    again = wb.open_workspace(shop.settings.root, now=shop.now)
    assert [each.period.text for each in again.reports.due()][-1] == "2026-09"
    assert again.reports.render("customers", period="2026-09").page.is_file()
