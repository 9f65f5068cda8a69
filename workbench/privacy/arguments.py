"""Arguments of what an analyst types, looked at by the types that they are declared with."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, wraps
from inspect import Parameter, formatannotation, signature
from types import GenericAlias
from typing import Any, cast, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from workbench.errors import Each, InputError, QuestionRefused, WorkbenchError

_ASK = " Ask with wb.query(…), then ws.release(…), and give what that returns."
_TRIPS = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)


@cache
def checked(function: Each) -> Each:
    """Say in words which argument is of another type than is declared, where Python trips on it."""
    door = cast("Callable[..., Any]", function)

    @wraps(door)
    def looked_at(*args: Any, **options: Any) -> Any:
        try:
            return door(*args, **options)
        except _TRIPS as problem:
            if not isinstance(problem, WorkbenchError):
                with suppress(TypeError):  # what does not fit the signature Python itself says best
                    bound = signature(door).bind_partial(*args, **options)
                    require_types(door, bound.arguments)
            raise

    return cast("Each", looked_at)


def require_types(of: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Refuse an argument of another type than a function, or a dataclass, declares."""
    import ibis
    import pandas as pd

    from workbench.privacy.release import Release

    hints = get_type_hints(of, localns={"Release": Release, "ibis": ibis, "pd": pd})
    for name, value in given.items():
        hint = hints.get(name, Any)
        listed: Any = GenericAlias(tuple, (hint, ...))
        several = signature(of).parameters[name].kind is Parameter.VAR_POSITIONAL
        takes: Any = TypeAdapter(listed, config=ConfigDict(arbitrary_types_allowed=True))
        try:
            takes.validate_python(value if several else (value,), strict=True)
        except ValidationError:
            with suppress(ValidationError, AttributeError):  # an array is a sequence, too
                takes.validate_python((value.tolist(),), strict=True)
                continue
            # why no more of others: the rows of a table may be customers'
            plain = isinstance(value, str | int | float | None)
            shown = f"{value!r:.60}" if plain else f"this {type(value).__name__}"
            declared = re.sub(r"\w+\.", "", formatannotation(hint))
            way = _ASK if "Release" in declared else ""
            raise InputError(f"{name}= takes {declared}, not {shown}.{way}") from None


def require_currency(of: Any, measure: object, unit: str | None) -> None:
    """Refuse a figure of a release that would be told in another currency than it is in."""
    for each in of.measures:
        if each.name == measure and unit and (each.unit or "").isupper() and each.unit != unit:
            raise InputError(
                f"'{measure}' is in {each.unit}, and unit= says {unit}. Give unit='{each.unit}', "
                f"or a figure that is in {unit}."
            )


def require_totals(of: Any, count: str, ead: float | str) -> None:
    """Refuse what is no total of a group as its number of loans, or as their exposure."""
    for each in of.measures:
        if each.name in (count, ead) and each.kind in ("rate", "mean", "quantile"):
            raise QuestionRefused(
                f"'{each.name}' is no total of a grade: count= is how many loans there are, and "
                "ead= the exposure of all of them, such as 'balance_sum', or of one, in numbers."
            )
