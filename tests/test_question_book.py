"""The question book, run for real: it answers its question, and pays only where that is said."""

from pathlib import Path

import nbformat
import papermill
import pytest

import workbench as wb

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "question-book.ipynb"


@pytest.mark.parametrize("there", [False, True])
def test_it_answers_from_what_is_there_and_else_says_the_price(shop, tmp_path, there):
    if there:
        tx = shop.open("transactions", "reporting")
        query = wb.query(tx, by="region", period="2026-09").customers()
        shop.release(query, name="regions", epsilon=0.3)
    before = shop.ledger.releases()
    papermill.execute_notebook(
        str(NOTEBOOK),
        str(tmp_path / "out.ipynb"),
        cwd=str(shop.settings.root),
        engine_name="workbench",
        kernel_name="python3",
        progress_bar=False,
    )
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    shown = str([output for cell in executed.cells for output in cell.get("outputs", [])])
    assert ("Answered by release <b>r-" in shown) is there
    assert ("It would cost epsilon <b>0.10</b>" in shown) is not there
    assert ("north" in shown) is there
    assert shop.ledger.releases() == before
