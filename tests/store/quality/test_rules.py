"""Rules as conditions in SQL mean what they mean in the catalog."""

import re

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.store.quality.rules import pattern_sql

PATTERNS = [
    "^C-[0-9]{3}$", "b",
    "^a|b$", "(?i)^AB", "a.b", "^$", "[^a]b|(a)(b)", "it's", r"\d\d", "^(a|b)+$",
]  # fmt: skip  # why: a list to look through


@pytest.fixture(scope="module")
def engine():
    with duckdb.connect() as connection:
        yield connection


@pytest.mark.parametrize("pattern", PATTERNS)
@given(texts=st.lists(st.text("abC-019' \nit's", max_size=8), min_size=1, max_size=200))
@settings(max_examples=10)
def test_a_pattern_is_found_wherever_python_finds_it(engine, pattern, texts):
    sql = f"SELECT {pattern_sql('x', pattern)} FROM (SELECT unnest(?::VARCHAR[]) AS x)"
    found = [found for (found,) in engine.execute(sql, [texts]).fetchall()]
    # why \\Z: Python's $ also stands before a last line end, the engine's does not
    assert found == [bool(re.search(pattern.replace("$", r"\Z"), text)) for text in texts]
