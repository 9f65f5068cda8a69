"""Figures to be derived from releases, as an analyst writes them. Nothing is computed here.

>>> ratio("amount_sum", "customers", name="spend").name
'spend'
>>> (column("defaults") / column("customers")).op
'ratio'
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from sys import float_info
from typing import TYPE_CHECKING, Any

from workbench.errors import QuestionRefused

if TYPE_CHECKING:
    from workbench.privacy.release import Release


@dataclass(frozen=True, eq=False)
class Expression:
    """A figure to be computed from released ones; ``+ - * /`` make further ones.

    Attributes
    ----------
    op : str
        ``column``, ``number``, ``add``, ``multiply``, ``ratio``, ``difference``, ``share``,
        ``rank``, ``top``.
    args : tuple of Expression
    options : mapping
        Plain values only.
    other : Release or None
        Another release the figure is taken from or compared with.
    name, title, unit, digits
        How the result is called and shown; made up from the parts when None.
    """

    op: str
    args: tuple[Expression, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    other: Release | None = None
    name: str | None = None
    title: str | None = None
    unit: str | None = None
    digits: int | None = None

    def named(
        self,
        name: str,
        title: str | None = None,
        unit: str | None = None,
        digits: int | None = None,
    ) -> Expression:
        """Return the expression with a name, and a title, unit and digits where given."""
        return replace(self, name=name, title=title, unit=unit, digits=digits)

    def __add__(self, other: Expression | str | float) -> Expression:
        return Expression("add", (self, expression(other)), {"sign": 1})

    def __radd__(self, other: str | float) -> Expression:
        return expression(other) + self

    def __sub__(self, other: Expression | str | float) -> Expression:
        return Expression("add", (self, expression(other)), {"sign": -1})

    def __rsub__(self, other: str | float) -> Expression:
        return expression(other) - self

    def __mul__(self, other: Expression | str | float) -> Expression:
        return Expression("multiply", (self, expression(other)))

    def __rmul__(self, other: str | float) -> Expression:
        return expression(other) * self

    def __truediv__(self, other: Expression | str | float) -> Expression:
        return Expression("ratio", (self, expression(other)))

    def __rtruediv__(self, other: str | float) -> Expression:
        return expression(other) / self

    def releases(self) -> list[Release]:
        """Return the other releases it takes figures from."""
        mine = [] if self.other is None else [self.other]
        return mine + [each for arg in self.args for each in arg.releases()]

    def written(self) -> dict[str, Any]:
        """Return the expression as plain JSON; other releases by their id."""
        content: dict[str, Any] = {"op": self.op}
        if self.args:
            content["args"] = [each.written() for each in self.args]
        if self.options:
            content["options"] = dict(self.options)
        if self.other is not None:
            content["other"] = self.other.id
        for key in ("name", "title", "unit", "digits"):
            if getattr(self, key) is not None:
                content[key] = getattr(self, key)
        return content


def expression(given: Expression | str | float) -> Expression:
    """Return a name as a column and a number as itself."""
    if isinstance(given, Expression):
        return given
    if isinstance(given, str):
        return column(given)
    if not is_number(given):
        raise QuestionRefused(
            f"a figure is a measure's name, an expression or a finite number, not {given!r}."
        )
    return Expression("number", options={"value": given})


def asked(
    figures: Sequence[Expression], where: Mapping[str, Any], over: Sequence[str], simultaneous: bool
) -> dict[str, Any]:
    """Return the arguments of a derivation, as they are stored."""
    if not figures and not where and not over and not simultaneous:
        raise QuestionRefused(
            "say what to derive: wb.ratio(…), wb.difference(…), wb.share(…), wb.rank(…), "
            "wb.top(…), or rows with where=… or over=…."
        )
    arguments: dict[str, Any] = {
        "figures": [each.written() for each in figures],
        "where": dict(where),
        "over": list(over),
    }
    if simultaneous:
        arguments["simultaneous"] = True
    if any(each.op == "top" for each in figures):
        arguments["among"] = True
    return arguments


def column(name: str, of: Release | None = None) -> Expression:
    """Return a measure as it is, of the release at hand or of another one.

    Parameters
    ----------
    name : str
        A measure.
    of : Release, optional
        The release that has it; its rows are found by their group values.
    """
    return Expression("column", options={"measure": name}, other=of)


def ratio(
    top: Expression | str | float,
    bottom: Expression | str | float,
    *,
    name: str | None = None,
    title: str | None = None,
    unit: str | None = None,
    digits: int | None = None,
    percent: bool = False,
) -> Expression:
    """Divide one figure by another; the interval is Fieller's.

    Parameters
    ----------
    top, bottom : expression, str or number
    name, title, unit, digits
        How the result is called and shown.
    percent : bool
        Show it as a percentage: the top is part of the bottom.

    Examples
    --------
    >>> spend = ratio("amount_sum", "customers", name="spend", title="Spend per customer")
    """
    options = {"percent": True} if percent else {}
    args = (expression(top), expression(bottom))
    return Expression("ratio", args, options, None, name, title, unit, digits)


def difference(
    figure: Expression | str,
    *,
    against: Release | None = None,
    by: str | None = None,
    shift: int = 1,
    relative: bool = False,
    sampling: bool = False,
    name: str | None = None,
    title: str | None = None,
) -> Expression:
    """Compare a figure with another release's, or with an earlier value of an ordered column.

    Parameters
    ----------
    figure : expression or str
    against : Release, optional
        The release compared with, by the same groups or fewer.
    by : str, optional
        An ordered group column such as ``"month"``; one of ``against`` and ``by``.
    shift : int
        How many values earlier.
    relative : bool
        The change as a fraction of the earlier figure instead of in its unit.
    sampling : bool
        Of two rates, such as treated and control customers': let the margin hold also the chance
        of who happened to be drawn into each, not only the noise.
    name, title : str, optional
        How the result is called; ``<measure>_change`` when left out.

    Examples
    --------
    >>> change = difference("customers", by="month", relative=True)
    """
    if (against is None) == (by is None):
        raise QuestionRefused(
            "say what a figure is compared with: against=another release, or by='month' for the "
            "value before; exactly one of the two."
        )
    if not _whole(shift) or shift == 0:
        raise QuestionRefused(f"shift is a whole number of steps back, not {shift!r}.")
    if relative and sampling:
        raise QuestionRefused(
            "sampling=True is for the difference of two rates; leave relative=True out."
        )
    options: dict[str, Any] = {"relative": relative}
    if by is not None:
        options |= {"by": by, "shift": shift}
    if sampling:
        options["sampling"] = True
    return Expression("difference", (expression(figure),), options, against, name, title)


def share(
    figure: Expression | str,
    *,
    across: str | Sequence[str] | None = None,
    of: Release | None = None,
    name: str | None = None,
    title: str | None = None,
) -> Expression:
    """Divide a figure by its total: a percentage with Fieller's interval.

    Parameters
    ----------
    figure : expression or str
    across : str or sequence of str, optional
        Group columns that the total is over; all of them when left out. Distinct customers have no
        total over groups they can be in several of.
    of : Release, optional
        The release that holds the total, instead.
    name, title : str, optional
        How the result is called; ``<measure>_share`` when left out.
    """
    if across is not None and of is not None:
        raise QuestionRefused("the total of a share is across=columns or of=release, not both.")
    options = {} if across is None else {"across": names(across)}
    return Expression("share", (expression(figure),), options, of, name, title)


def rank(
    figure: Expression | str,
    *,
    across: str | Sequence[str] | None = None,
    level: float = 0.95,
    name: str | None = None,
    title: str | None = None,
) -> Expression:
    """Rank a figure, the largest first, with the range of ranks its noise leaves open.

    Parameters
    ----------
    figure : expression or str
    across : str or sequence of str, optional
        Group columns whose values are ranked, within each value of the others; all when left out.
    level : float
        The chance that all ranges of a ranking hold the rank without noise.
    name, title : str, optional
        How the result is called; ``<measure>_rank`` when left out.
    """
    options: dict[str, Any] = {"level": level, "as_told": True}
    if across is not None:
        options["across"] = names(across)
    return Expression("rank", (expression(figure),), options, None, name, title)


def top(figure: Expression | str, n: int) -> Expression:
    """Keep the ``n`` rows with the largest figures, with the chance that their order is wrong.

    Gives the figure, its ``<measure>_rank``, and ``<measure>_order_risk``: the chance that the next
    row is in truth the larger one.

    Parameters
    ----------
    figure : expression or str
    n : int
        How many rows.
    """
    if not _whole(n) or n < 1:
        raise QuestionRefused(f"n is a whole number of rows, 1 or more, not {n!r}.")
    return Expression("top", (expression(figure),), {"n": n, "as_told": True})


def names(given: str | Sequence[str]) -> list[str]:
    """Return one name or several as a list."""
    if not isinstance(given, Iterable):
        raise QuestionRefused(f"a name is a string, and several are a list, not {given!r}.")
    return [given] if isinstance(given, str) else list(given)


def is_number(given: object) -> bool:
    """Whether something is a finite number, and not True or False."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return False
    return abs(given) <= float_info.max


def _whole(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool)


# ---------------------------------------------------------------------- what is assumed


class Assumed(float):
    """A number of an operation that a reader may change; arithmetic on it gives a plain number.

    In a recipe stands the number itself, and under ``assumed`` where it is and what it may be.
    ``about``: its name and title; ``low``, ``high``, ``step`` of a slider, ``values`` of a choice.
    """

    about: Mapping[str, Any]

    def __new__(cls, value: float, about: Mapping[str, Any] | None = None) -> Assumed:
        """Return a number with what it may be instead."""
        made = super().__new__(cls, value)
        made.about = about or {}
        return made


def assumptions(arguments: Any, place: tuple[str | int, ...] = ()) -> Iterator[dict[str, Any]]:
    """Yield the assumed numbers of an operation's arguments, each with where it stands."""
    if isinstance(arguments, Assumed):
        yield {"at": list(place), **arguments.about}
    elif isinstance(arguments, Mapping):
        for key, part in arguments.items():
            yield from assumptions(part, (*place, str(key)))
    elif isinstance(arguments, Sequence) and not isinstance(arguments, str):
        for index, part in enumerate(arguments):
            yield from assumptions(part, (*place, index))


def restated(arguments: Mapping[str, Any], values: Mapping[str, float]) -> dict[str, Any]:
    """Return a recipe's arguments with other numbers in place of those that are assumed."""
    made = {key: part for key, part in arguments.items() if key != "assumed"}
    for each in arguments.get("assumed", ()):
        if each["name"] in values:
            made = _put(made, each["at"], values[each["name"]])
    return made


def _put(content: Any, place: Sequence[str | int], value: float) -> Any:
    if not place:
        return value
    first, *rest = place
    if isinstance(content, Mapping):
        return {k: _put(v, rest, value) if k == first else v for k, v in content.items()}
    return [_put(v, rest, value) if i == first else v for i, v in enumerate(content)]
