"""What is left of customers outside the tables, cleared and searched."""

import json

from workbench.lifecycle import traces


def test_a_search_sees_texts_in_both_encodings_and_over_blocks(tmp_path):
    (tmp_path / "plain").write_bytes(b"x" * ((1 << 24) - 3) + b"K-000010")
    (tmp_path / "wide").write_bytes("K-000010".encode("utf-16-le"))
    (tmp_path / "none").write_bytes(b"K-00001")
    found = traces.search([tmp_path], ["K-000010"])
    assert [path.name for path in found] == ["plain", "wide"]


def test_short_texts_are_found_anywhere_and_not_searched(tmp_path):
    (tmp_path / "x").write_text("7")
    assert traces.search([tmp_path], ["7"]) == []


def test_signs_of_patterns_mean_themselves(tmp_path):
    (tmp_path / "x").write_text("a.b*c")
    assert traces.search([tmp_path], ["a.b*c"]) == [tmp_path / "x"]
    assert traces.search([tmp_path], ["axb*c"]) == []


def test_a_notebook_without_outputs_is_left_alone(tmp_path):
    path = tmp_path / "runs" / "a.ipynb"
    path.parent.mkdir()
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": "x"}]}))
    before = path.stat().st_mtime_ns
    assert traces.clear(tmp_path) == 0
    assert path.stat().st_mtime_ns == before


def test_what_a_crash_left_of_a_notebook_goes(tmp_path):
    (tmp_path / "half.ipynb").write_text('{"cells": [{"outputs": ["K-000010')
    assert traces.clear(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_histories_of_kernels_go(tmp_path):
    folder = tmp_path / "ipython" / "profile_default"
    folder.mkdir(parents=True)
    (folder / "history.sqlite").write_bytes(b"K-000010")
    assert traces.clear(tmp_path) == 1
    assert list(folder.iterdir()) == []
