"""Arithmetic over one row's columns, as the catalog declares it and as the engine computes it.

What may stand in it is listed here and everything else is refused, so that nothing of its text
becomes SQL but names of declared columns, numbers and the four operations.
"""

import ast
from collections.abc import Callable, Iterator
from decimal import Decimal

_OPERATIONS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_LONGEST = 200  # characters; what is longer is no arithmetic that a reader checks
_DIGITS_MOST = 15  # of a number: as many as the engine computes with exactly


def columns_in(text: str) -> list[str]:
    """Return the columns that an expression is of, each once.

    Raises
    ------
    ValueError
        It is not arithmetic; says what is wrong.

    Examples
    --------
    >>> columns_in("quantity * unit_price - discount")
    ['quantity', 'unit_price', 'discount']
    """
    names = dict.fromkeys(_names(_parsed(text)))
    if not names:
        raise ValueError("it names no column")
    return list(names)


def computed_sql(text: str, value_of: Callable[[str], str]) -> str:
    """Return an expression as SQL; empty values make an empty one.

    Parameters
    ----------
    value_of : callable
        SQL of a column's value.

    Examples
    --------
    >>> computed_sql("2 * (a - b)", lambda name: f'"{name}"')
    '(2 * ("a" - "b"))'
    """
    return _sql(_parsed(text), value_of)


def _parsed(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(
            "it is not arithmetic: write column names, numbers, + - * / and ( )"
        ) from None
    for _ in _names(tree):  # looks at every part
        pass
    return tree


def _names(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        yield from _names(node.left)
        yield from _names(node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield from _names(node.operand)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        number = Decimal(str(node.value))
        if not number.is_finite() or len(f"{number:f}".replace(".", "")) > _DIGITS_MOST:
            raise ValueError(f"a number in it has at most {_DIGITS_MOST} digits")
    else:
        raise ValueError("only column names, numbers, + - * / and ( ) may stand in it")


def _sql(node: ast.expr, value_of: Callable[[str], str]) -> str:
    if isinstance(node, ast.Name):
        return value_of(node.id)
    if isinstance(node, ast.BinOp):
        left, right = _sql(node.left, value_of), _sql(node.right, value_of)
        return f"({left} {_OPERATIONS[type(node.op)]} {right})"
    if isinstance(node, ast.UnaryOp):
        return f"(-{_sql(node.operand, value_of)})"
    assert isinstance(node, ast.Constant)  # noqa: S101  # why: `_names` let nothing else through
    return f"{Decimal(str(node.value)):f}"
