"""Which tables a report reads, read off its notebook, and so which periods it can be about."""

import datetime as dt
import json

import pytest
from support.line import notebook

from workbench.errors import PeriodError
from workbench.reporting.definitions.due import Span, choose_period
from workbench.reporting.definitions.fields import PeriodRule
from workbench.reporting.notebooks.reads import span_of

LAST = dt.date(2026, 9, 30)
SPANS = {
    "feedback": Span(dt.date(2021, 10, 1), LAST),
    "transactions": Span(dt.date(2025, 4, 1), LAST),
    "usage": Span(dt.date(2025, 8, 1), dt.date(2026, 9, 1)),  # a row a month
}
TABLE = 'table = "transactions"\n'


@pytest.mark.parametrize(
    ("code", "given", "start"),
    [
        ('tx = ws.open("transactions", "reporting")', [{}], "2025-04-01"),
        ('tx = ws.open(table="transactions", purpose="reporting")', [{}], "2025-04-01"),
        ('a = ws.open("usage", "x")\nb = ws.open("transactions", "x")', [{}], "2025-04-01"),
        ('a = ws.open("usage", "x")\nopen("transactions")', [{}], "2025-08-01"),
        (TABLE + "tx = ws.open(table, purpose)", [{"table": "usage"}], "2025-08-01"),
        (TABLE + "ws.open(table)", [{"table": "usage"}, {"table": "feedback"}], "2021-10-01"),
        # it cannot be told for certain: whatever there is
        (TABLE + "tx = ws.open(table, purpose)", [{}], "2021-10-01"),
        (TABLE + "table += 's'\nws.open(table)", [{"table": "usage"}], "2021-10-01"),
        ("ws.open(*names)", [{}], "2021-10-01"),
        ('read = ws.open\nread("usage")', [{}], "2021-10-01"),
        ('!ls\nws.open("usage")', [{}], "2021-10-01"),
        ("ws.open(", [{}], "2021-10-01"),
        ('ws.open("customers")', [{}], "2021-10-01"),  # has no time
        ("1 + 1", [{}], "2021-10-01"),
    ],
)
def test_a_report_is_about_periods_of_the_tables_it_reads(tmp_path, code, given, start):
    path = tmp_path / "report.ipynb"
    path.write_text(json.dumps(notebook(code)))
    span = span_of(path, given, SPANS)
    assert (span.start.isoformat(), span.last_day) == (start, LAST)


def test_a_period_before_a_reports_own_tables_is_refused_before_it_starts(tmp_path):
    path = tmp_path / "report.ipynb"
    path.write_text(json.dumps(notebook('tx = ws.open("transactions", "reporting")')))
    today = dt.date(2026, 10, 5)
    with pytest.raises(PeriodError, match="the data begins with 2025-04, and 2024-01 is before it"):
        choose_period("2024-01", PeriodRule(), span_of(path, [{}], SPANS), today)
