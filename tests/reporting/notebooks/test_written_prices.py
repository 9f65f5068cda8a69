"""What a notebook costs at most, read off its code; and when that cannot be told."""

import inspect
import json
from decimal import Decimal

import pytest
from support.line import notebook

from workbench.privacy.accounting import PICO, pico_of
from workbench.reporting.notebooks.reads import PAYING, most_pico
from workbench.workspace import Workspace

DELTA = Decimal("1e-6")
VALUES = {"epsilon": 0.1, "groups": ["region", "category"], "caps": [1, 2, 3], "price": "auto"}
ONE = 'ws.release(wb.query(tx), name="a", epsilon=epsilon)'


def _pico(epsilon):
    return pico_of(Decimal(epsilon), float(DELTA))


def _most(tmp_path, *cells, auto_pico=0):
    path = tmp_path / "report.ipynb"
    path.write_text(json.dumps(notebook(*cells, parameters='period = "2026-09"\nepsilon = 0.5')))
    return most_pico(path, VALUES, DELTA, auto_pico)


@pytest.mark.parametrize(
    ("cells", "times"),
    [
        ([ONE], 1),
        ([ONE, "if period:\n    " + ONE], 2),
        (["for each in groups:\n    " + ONE], 2),
        (["for each, cap in zip(groups, unknown):\n    " + ONE], 2),
        (["for n, each in enumerate(sorted(caps)):\n    " + ONE], 3),
        (["by = {'a': 1, 'b': 2}\nfound = [" + ONE + " for name, each in by.items()]"], 2),
        (["for each in range(2, 6):\n    for other in groups:\n        " + ONE], 8),
        ([f"for each in [{ONE}]:\n    print(each)"], 1),
        (["ws.clipping(wb.query(tx), epsilon=epsilon)"], 2),
        (["%load_ext workbench\n%budget 2026-09", ONE], 1),
        (["ws = wb.open_workspace()", ONE], 1),
        (["1 + 1"], 0),
    ],
)
def test_prices_are_added_as_often_as_they_are_asked(tmp_path, cells, times):
    assert _most(tmp_path, *cells) == times * _pico("0.1")


def test_a_price_may_be_a_number_a_parameter_or_made_of_such(tmp_path):
    assert _most(tmp_path, 'ws.release(q, name="a", epsilon=0.3)') == _pico("0.3")
    assert _most(tmp_path, 'ws.release(q, name="a", epsilon=1.5 * epsilon)') == _pico("0.15")
    assert _most(tmp_path, 'ws.release(q, name="a", epsilon=epsilon / 2 + 0.1)') == _pico("0.15")
    assert _most(tmp_path, "each = '0.2'\nws.release(q, name='a', epsilon=each)") == _pico("0.2")
    assert _most(tmp_path, 'ws.release(q, name="a", rho=0.02)') == PICO // 50
    assert _most(tmp_path, 'ws.release(q, name="a", epsilon=1, pure=True)') == -(-PICO * 355 // 452)


def test_automatic_prices_are_what_was_settled_for_all_of_them(tmp_path):
    cells = [
        ONE,
        'ws.release(q, name="b", epsilon="auto")',
        "ws.release(q, name='c', epsilon=price)",
    ]
    assert _most(tmp_path, *cells, auto_pico=77) == _pico("0.1") + 77


@pytest.mark.parametrize(
    "cell",
    [
        "while more():\n    " + ONE,
        "def asked():\n    return " + ONE,
        "for each in rows():\n    " + ONE,
        "for each in {**by}:\n    " + ONE,
        "for each in [*groups]:\n    " + ONE,
        "groups.append('third')\nfor each in groups:\n    " + ONE,
        "for each in zip(rows(), other()):\n    " + ONE,
        "epsilon = 3\n" + ONE,
        "for epsilon in (1, 2):\n    " + ONE,
        "each = first()\nws.release(q, name='a', epsilon=each)",
        "ws.release(q, name='a', epsilon=0.1 - each)",
        "ws.release(q, name='a', epsilon='much')",
        "ws.release(q, name='a', epsilon=-1)",
        "ws.release(q, **given)",
        "ws.release(q, name='a')",
        "ws.release(q, name='a', epsilon=1, pure=maybe)",
        "ask = ws.release\nask(q, name='a', epsilon=1)",
        "ws = wb.open_workspace()\ntheirs.fill(ws)",
        "ws.release(wb.query(tx, by=wb.discovered('note', delta='1e-8')), name='a', epsilon=1)",
        "%run other.ipynb",
        "this is no Python",
    ],
)
def test_what_cannot_be_read_for_certain_is_not_told(tmp_path, cell):
    assert _most(tmp_path, cell) is None


def test_every_method_of_a_workspace_that_has_a_price_is_known():
    methods = inspect.getmembers(Workspace, inspect.isfunction)
    priced = {name for name, each in methods if "epsilon" in inspect.signature(each).parameters}
    assert {name for name in priced if not name.startswith("_")} == set(PAYING)


def test_the_price_of_the_report_that_comes_with_workbench_is_known(repository):
    values = {"epsilon_month": 0.27, "epsilon_months": 0.28, "epsilon_group": 0.14}
    values |= {"period": "2026-09", "groups": ["a", "b", "c"], "caps": [1, 2, 3]}
    most = most_pico(repository / "notebooks" / "customer-overview.ipynb", values, DELTA)
    assert most == _pico("0.27") + _pico("0.28") + 4 * _pico("0.14")


def test_the_price_of_the_compliance_summary_is_known(repository):
    prices = {"decisions": "0.11", "retention": "0.07", "consents": "0.06", "quality": "0.06"}
    values = {f"epsilon_{name}": price for name, price in prices.items()}
    values |= {"period": "2026-09", "purpose": "compliance"}
    most = most_pico(repository / "notebooks" / "compliance-summary.ipynb", values, DELTA)
    assert most == sum(map(_pico, prices.values()))
