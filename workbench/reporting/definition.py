"""What a report is: ``reports/NAME.yaml`` read, checked, and its parameters typed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workbench.documents import load_yaml
from workbench.errors import DefinitionError, InputError, ParameterError, UnknownName, suggest
from workbench.periods import Period

ParameterType = Literal["text", "integer", "number", "boolean", "date", "month", "list"]
Scalar = str | int | float
Value = Scalar | list[Scalar] | None
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Parameter(_Declared):
    """One typed parameter of a report, as its notebook's parameters cell takes it."""

    type: ParameterType
    default: Any = None
    required: bool = False
    choices: tuple[str | int | float, ...] | None = None
    range: tuple[float, float] | None = None
    help: str = ""

    @model_validator(mode="after")
    def _fits_its_type(self) -> Parameter:
        if self.required and self.default is not None:
            raise ValueError("a required parameter has no default")
        if self.range is not None and self.type not in ("integer", "number"):
            raise ValueError(f"a range is for integers and numbers, not for {self.type}")
        if self.range is not None and not self.range[0] <= self.range[1]:
            raise ValueError(f"the range {self.range[0]:g} to {self.range[1]:g} is reversed")
        for choice in self.choices or ():
            if _convert(self.type, _typed(choice)) not in (choice, [choice]):
                raise ValueError(f"the choice {choice!r} is not {self.type}")
        try:
            self.initial()
        except ParameterError as problem:
            raise ValueError(str(problem)) from None
        return self

    def initial(self) -> Value:
        """Return the default as a value of this type; None where there is none."""
        return None if self.default is None else self.read("default", _typed(self.default))

    def read(self, name: str, text: str) -> Value:
        """Turn what was typed into a value of this type.

        Raises
        ------
        ParameterError
            It is not of this type, not one of the choices, or out of range.
        """
        value = _convert(self.type, text)
        if value is None:
            raise ParameterError(f"parameter '{name}' takes {_FORMS[self.type]}, not '{text}'.")
        if self.choices is not None:
            for each in value if isinstance(value, list) else [value]:
                if each not in self.choices:
                    allowed = [str(choice) for choice in self.choices]
                    hint = suggest(str(each), allowed)
                    raise ParameterError(f"parameter '{name}' does not take '{each}'.{hint}")
        if self.range is not None and isinstance(value, int | float):
            low, high = self.range
            if not low <= value <= high:
                raise ParameterError(f"parameter '{name}' takes {low:g} to {high:g}, not {text}.")
        return value


_FORMS = {
    "text": "text",
    "integer": "a whole number such as 5",
    "number": "a number such as 0.25",
    "boolean": "true or false",
    "date": "a date such as 2026-09-30",
    "month": "a month such as 2026-09",
    "list": "names or numbers with commas between, such as region,category",
}


def _convert(kind: ParameterType, text: str) -> Value:
    """Return the value, or None when the text is not of this type."""
    try:
        if kind == "integer":
            return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None
        if kind == "number":
            number = Decimal(text)
            return float(number) if isfinite(number) else None
        if kind == "boolean":
            return {"true": True, "false": False}.get(text)
        if kind == "date":
            return dt.date.fromisoformat(text).isoformat()
        if kind == "month":
            return text if Period.parse(text).kind == "month" else None
    except (ValueError, InvalidOperation, InputError):
        return None
    if kind == "list":
        return [_scalar(part.strip()) for part in text.split(",") if part.strip()]
    return text


def _scalar(text: str) -> Scalar:
    """Return an element of a list: a number where it is written as one, else text."""
    if re.fullmatch(r"[+-]?(0|[1-9][0-9]*)", text):  # 007 is a code, not a number
        return int(text)
    return float(text) if re.fullmatch(r"[+-]?[0-9]+\.[0-9]+", text) else text


def _typed(value: Any) -> str:
    """Return a value of a definition as one would type it after ``-p name=``."""
    if isinstance(value, list | tuple):
        return ",".join(_typed(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


class PeriodRule(_Declared):
    """Which period an edition is about when none is named."""

    kind: Literal["month"] = "month"
    rule: Literal["last-complete"] = "last-complete"


class Share(_Declared):
    """The report's own share of one period's privacy budget, as epsilon."""

    epsilon: Decimal = Field(gt=0)


class Definition(_Declared):
    """A report definition.

    Attributes
    ----------
    name : str
        The file's name without ``.yaml``.
    title, subtitle : str
        Heading of the page.
    notebook : str
        File in the notebooks folder.
    audience : str
        Who reads it.
    period : PeriodRule
    budget : Share
    parameters : mapping
        Typed parameters; ``period`` is always given and is not declared.
    lang : str
        Language of the page.
    """

    name: Annotated[str, Field(exclude=True)]
    title: str
    subtitle: str = ""
    notebook: str = Field(pattern=r"^[\w.-]+\.ipynb$")
    audience: str
    period: PeriodRule = PeriodRule()
    budget: Share
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")], Parameter] = {}
    lang: Literal["en", "zh"] = "en"

    @model_validator(mode="after")
    def _period_is_ours(self) -> Definition:
        if "period" in self.parameters:
            raise ValueError("parameter 'period' is always there; do not declare it")
        return self

    def values(self, given: Sequence[str] = ()) -> dict[str, Value]:
        """Return every parameter's value: ``name=value`` texts over the defaults.

        Raises
        ------
        ParameterError
            A text is not ``name=value``, a name is unknown or given twice, a required one is
            missing, or a value is of the wrong type.
        """
        values: dict[str, Value] = {n: p.initial() for n, p in self.parameters.items()}
        seen: set[str] = set()
        for text in given:
            name, sign, value = text.partition("=")
            if not sign:
                raise ParameterError(f"write parameters as name=value, not '{text}'.")
            if name == "period":
                raise ParameterError("the period is given with --period, not with -p.")
            if name not in self.parameters:
                raise ParameterError(
                    f"report '{self.name}' has no parameter '{name}'."
                    f"{suggest(name, self.parameters)}"
                )
            if name in seen:
                raise ParameterError(f"parameter '{name}' is given twice.")
            seen.add(name)
            values[name] = self.parameters[name].read(name, value)
        for name, parameter in self.parameters.items():
            if parameter.required and name not in seen:
                raise ParameterError(
                    f"report '{self.name}' needs -p {name}={_FORMS[parameter.type]}."
                )
        return values


def load_definition(path: Path, notebooks: Path) -> Definition:
    """Read one report definition and check its notebook.

    Raises
    ------
    DefinitionError
        Everything that is wrong, each with its line.
    """
    document = load_yaml(path, DefinitionError, "report definition")
    summary = f"the report definition {path} is wrong:"
    if "name" in document.content:
        raise DefinitionError(summary, [f"{document.where('name')}: the file's name is the name."])
    try:
        definition = Definition.model_validate({"name": path.stem, **document.content})
    except ValidationError as error:
        raise DefinitionError(summary, document.explain(error, Definition)) from None
    problems = []
    if not _NAME.fullmatch(path.stem):
        problems.append(f"{path}: name it with small letters, digits and dashes.")
    problems += [
        f"{document.where('notebook')}: {problem}"
        for problem in notebook_problems(notebooks / definition.notebook, definition)
    ]
    if problems:
        raise DefinitionError(summary, problems)
    return definition


def notebook_problems(path: Path, definition: Definition) -> list[str]:
    """Return what keeps a notebook from being this report."""
    import json

    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return [f"no notebook at {path}."]
    except (OSError, ValueError):
        return [f"{path} is not a notebook."]
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or notebook.get("nbformat") != 4:
        return [f"{path} is not a notebook of format 4. Open it in JupyterLab and save it."]
    code = [c for c in cells if isinstance(c, dict) and c.get("cell_type") == "code"]
    tagged = [c for c in code if "parameters" in ((c.get("metadata") or {}).get("tags") or ())]
    if len(tagged) != 1:
        return [f"{path} has {len(tagged)} code cells tagged 'parameters'; it needs exactly one."]
    source = "".join(tagged[0]["source"])
    assigned = set(re.findall(r"^([A-Za-z_]\w*)\s*(?::[^=]+)?=", source, re.MULTILINE))
    missing = sorted({"period", *definition.parameters} - assigned)
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        return [f"the parameters cell of {path} does not set {names}."]
    return []


def definition_paths(reports: Path) -> Mapping[str, Path]:
    """Return the report definitions of a folder by name."""
    return {path.stem: path for path in sorted(reports.glob("*.yaml"))}


def find_definition(name: str, reports: Path, notebooks: Path) -> Definition:
    """Return the definition of one report.

    Raises
    ------
    UnknownName
        There is none of that name.
    DefinitionError
        It is wrong.
    """
    paths = definition_paths(reports)
    if name not in paths:
        raise UnknownName("report", name, paths)
    return load_definition(paths[name], notebooks)
