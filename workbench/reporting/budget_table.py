"""The privacy budget as a notebook shows it: every limit, what is spent, what is left."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from workbench.privacy.budget import Line

_EMPTY = "no limit is declared"


class BudgetTable(tuple[Line, ...]):
    """Limits that show themselves as a table; otherwise a tuple of `Line`.

    Examples
    --------
    >>> BudgetTable([Line("2026-09", 2.0, 60_000_000_000, 15_000_000_000, 1e-6)])
    scope    limit  spent   left
    2026-09   2.00   0.71   1.29
    """

    __slots__ = ()

    def __new__(cls, lines: Iterable[Line] = ()) -> BudgetTable:
        """Make a table of lines."""
        return super().__new__(cls, tuple(lines))

    def __repr__(self) -> str:
        if not self:
            return _EMPTY
        wide = max(len("scope"), *(len(line.scope) for line in self))
        rows = [f"{'scope':{wide}}  limit  spent   left"]
        rows += [
            f"{line.scope:{wide}} {line.limit:6.2f} {line.spent:6.2f} {line.left:6.2f}"
            for line in self
        ]
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>{_EMPTY}</p>"
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(line.scope)}</th>"
            f"<td>{line.limit:.2f}</td><td>{line.spent:.2f}</td><td><b>{line.left:.2f}</b></td>"
            f"<td><meter min='0' max='1' value='{_used(line):.3f}' "
            f"title='{_used(line):.0%} of what may be spent'></meter></td></tr>"
            for line in self
        )
        caption = f"Privacy budget of the customers (ε at δ = {self[0].delta:g})"
        heads = "".join(f"<th>{each}</th>" for each in ("", "limit", "spent", "left", "used"))
        return (
            f"<table><caption>{caption}</caption><thead><tr>{heads}</tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )


def _used(line: Line) -> float:
    return min(1.0, line.spent_pico / line.limit_pico) if line.limit_pico else 1.0
