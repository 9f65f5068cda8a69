"""Files of ours, read as if somebody else had written them: one odd file stops nothing else."""

import json

import pytest
from factories.pages import page

from workbench.documents import load_yaml
from workbench.errors import DefinitionError
from workbench.reporting.published import editions
from workbench.reporting.published.failures import show_failures
from workbench.reporting.published.places import FAILED, read_failures
from workbench.reporting.record import last_of, last_run, runs_file

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
