"""What goes into a cell of a CSV file: text that no spreadsheet takes for a formula."""

import re
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*")


def cell(value: Any) -> Any:
    """Return a value; a text that a spreadsheet would run is led by an apostrophe.

    Examples
    --------
    >>> [cell(each) for each in ("=1+1", "-12.50", "+49 30 1234", "North", -3, None)]
    ["'=1+1", '-12.50', "'+49 30 1234", 'North', -3, None]
    """
    if not isinstance(value, str) or not value.startswith(_FORMULA) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"
