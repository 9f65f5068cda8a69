"""Patterns as the engine's GLOB match exactly the texts that the regular expression finds."""

import random

import duckdb
import pytest

from workbench.store.quality.rules import as_glob, pattern_sql

SIMPLE = [
    "^C-[0-9]{8}$", "^[0-9]{2}$", "[a-c]x", "^a", "b$", "^[A-Fa-f0-9]{4}-\\d\\d$", "^\\+49[0-9]{3}",
    "", "^$", "^", "^a{0}b$", "^[ab]$", "^x\\.y$",
]  # fmt: skip  # why: one list
NOT_SIMPLE = [
    "^[0-9]{6,}$", "^a+$", "^(A|B)$", "^.$", "^[^a]$", "a|b", "^[a\\d]$", "^西$", "^a?$", "\\$",
    "^[0-9]{80}$", "^[]a]$", "^[!a]$", "^a*$", "(?i)a", "\\w", "^it's.$",
]  # fmt: skip  # why: one list
LETTERS = "aAbcxyCF01289-+.\\$ *?[]西é\n"


@pytest.mark.parametrize("pattern", SIMPLE)
def test_simple_patterns_are_globs(pattern):
    assert as_glob(pattern) is not None


@pytest.mark.parametrize("pattern", NOT_SIMPLE)
def test_others_stay_regular_expressions(pattern):
    assert as_glob(pattern) is None
    assert "regexp_full_match" in pattern_sql("x", pattern)


@pytest.mark.parametrize("pattern", SIMPLE + NOT_SIMPLE)
def test_what_is_found_is_what_the_regular_expression_finds(pattern, size):
    dice = random.Random(3)
    count = 2_000 if size == "smoke" else 200_000
    texts = ["", "C-01234567", "C-0123456", "C-012345678", "C-01234567\n", "C-0123456x", "+49123",
             "00", "12", "ab12-99", "x.y", "xay", "it's!", "b", "aa", "é", "西"]  # fmt: skip
    texts += ["".join(dice.choices(LETTERS, k=dice.randrange(6))) for _ in range(count)]
    with duckdb.connect() as engine:
        engine.execute("CREATE TABLE given AS SELECT unnest(?) AS x", [texts])
        plain = "'" + pattern.replace("'", "''") + "'"
        differ = engine.execute(
            f"SELECT x FROM given WHERE ({pattern_sql('x', pattern)}) <> regexp_matches(x, {plain})"
        ).fetchall()
    assert differ == []
