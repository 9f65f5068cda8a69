"""What begins like a formula is data in every CSV file that leaves the workspace."""

import csv

import pandas as pd
import pytest

from workbench.documents import cell
from workbench.lifecycle import sharing
from workbench.lifecycle.rights import subjects

TEXTS = ["=1+1", "+49 30 1234", "-cmd|x", "@SUM(A1)", "\tx", "North", "-12.50", "+7", ""]
TOLD = ["'=1+1", "'+49 30 1234", "'-cmd|x", "'@SUM(A1)", "'\tx", "North", "-12.50", "+7", ""]


@pytest.mark.parametrize(("text", "told"), list(zip(TEXTS, TOLD, strict=True)))
def test_text_is_no_formula_and_numbers_stay(text, told):
    assert cell(text) == told


def test_files_hold_no_formula(tmp_path):
    frame = pd.DataFrame({"=name": TEXTS, "amount": range(len(TEXTS))})
    sharing._write(tmp_path, {"share.csv": frame})
    subjects._write_csv(tmp_path / "own.csv", frame.columns, frame.values.tolist())
    for name in ("share.csv", "own.csv"):
        with (tmp_path / name).open(newline="", encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        assert head == ["'=name", "amount"]
        assert [row[0] for row in rows] == TOLD
        assert [row[1] for row in rows] == [str(at) for at in range(len(TEXTS))]
