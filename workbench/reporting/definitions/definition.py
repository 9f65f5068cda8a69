"""What a report is: ``reports/NAME.yaml``, its fields and its editions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from workbench.documents import Strict
from workbench.errors import ParameterError, suggest
from workbench.periods import Period
from workbench.reporting.definitions.fields import (
    FORMS,
    Parameter,
    PeriodRule,
    Scalar,
    Schedule,
    Value,
    typed,
)

Code = Literal["en", "zh"]
_FOLDER = re.compile(r"[a-z0-9]", re.IGNORECASE)  # by what a published folder's name begins
_UNFIT = re.compile(r"[^A-Za-z0-9._+]+")


class Share(Strict):
    """The report's own share of one period's privacy budget, as epsilon."""

    epsilon: Decimal = Field(gt=0)


class Limits(Strict):
    """What a run may take: seconds of the whole notebook and of a cell, megabytes.

    ``memory_mb`` is of the kernel with its children, and None sets no limit; ``output_mb`` is
    all that its cells print.
    """

    run_seconds: int = Field(default=3600, gt=0)
    cell_seconds: int = Field(default=1800, gt=0)
    memory_mb: int | None = Field(default=None, ge=100)
    output_mb: int = Field(default=100, gt=0)


class Hooks(Strict):
    """Whom to tell: commands that get JSON on standard input, and an address that gets it by POST.

    Attributes
    ----------
    published, failed : str or None
        A command, split into words as a shell would; no shell runs it.
    webhook : str or None
        An http or https address, told of both.

    ``${NAME}`` in any of them stands for a variable of the environment, put in when it is told.
    """

    published: str | None = Field(default=None, min_length=1)
    failed: str | None = Field(default=None, min_length=1)
    webhook: str | None = Field(default=None, pattern=r"^(https?://[^\s/]+|\$\{\w+\})\S*$")

    def hears(self, event: str) -> bool:
        """Return whether anybody is told of an event."""
        return bool(getattr(self, event) or self.webhook)

    @field_validator("published", "failed")
    @classmethod
    def _words(cls, command: str | None) -> str | None:
        import shlex

        try:
            if command is not None and not shlex.split(command):
                raise ValueError("the command is empty")
        except ValueError as problem:
            raise ValueError(f"'{command}' is no command: {problem}") from None
        return command


class Alert(Strict):
    """A rule over a key figure of the page: it holds where the whole margin is past the limit.

    Attributes
    ----------
    figure : str
        A measure that ``wb.figures.kpis`` shows; ``RELEASE/MEASURE`` where two have its name.
    below, above : float or None
        One limit; of a rate, a fraction.
    say : str
        What to add for readers.
    """

    figure: str = Field(min_length=1, max_length=120)
    below: float | None = Field(default=None, allow_inf_nan=False)
    above: float | None = Field(default=None, allow_inf_nan=False)
    say: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _has_one_limit(self) -> Alert:
        if (self.below is None) == (self.above is None):
            raise ValueError("an alert has one limit, 'below' or 'above'")
        return self


@dataclass(frozen=True)
class Variant:
    """One edition of a report's grid: its name, empty without a grid, and its parameters."""

    name: str
    values: Mapping[str, Value]

    def place(self, period: Period) -> str:
        """Return where it stands in its report's folder: ``2026-09/region=north``."""
        return f"{period.text}/{self.name}" if self.name else period.text


class Definition(Strict):
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
    grid : mapping
        Parameter to the values that get an edition each; ``choices`` means all of its choices.
    schedule : Schedule or None
    reuse_answers : bool
        Whether answers that were paid for before the data changed serve again.
    catch_up : int or None
        How many missed periods before the newest are caught up; None: those since its last
        edition, three at most.
    after : tuple of str or "all"
        Reports whose edition of the same period must be there first; of periods of another length,
        the last that is over. ``all``: in a run with others it is made last, and alone.
    limits : Limits
    retries : int
        How often a run whose kernel died is tried again.
    hooks : Hooks
    alerts : tuple of Alert
        Rules over key figures, told where they hold.
    lang : tuple of str
        Languages of the page, the first to be opened.
    translations : mapping
        Language to declared words in it.
    """

    name: Annotated[str, Field(exclude=True)]
    title: str
    subtitle: str = ""
    notebook: str = Field(pattern=r"^[\w.-]+\.ipynb$")
    audience: str
    period: PeriodRule = PeriodRule()
    budget: Share
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")], Parameter] = Field(
        default={}
    )
    grid: dict[str, Literal["choices"] | tuple[bool | Scalar, ...]] = Field(default={})
    reuse_answers: bool = False
    schedule: Schedule | None = None
    catch_up: int | None = Field(default=None, ge=0, le=120)
    after: tuple[str, ...] | Literal["all"] = ()
    limits: Limits = Limits()
    retries: int = Field(default=1, ge=0, le=10)
    hooks: Hooks = Hooks()
    alerts: tuple[Alert, ...] = ()
    lang: tuple[Code, ...] = Field(default=("en",), min_length=1)
    translations: dict[Code, dict[str, str]] = Field(default={})

    @field_validator("lang", mode="before")
    @classmethod
    def _one_or_several(cls, lang: Any) -> Any:
        return [lang] if isinstance(lang, str) else lang

    @model_validator(mode="after")
    def _fits_together(self) -> Definition:
        """Tell everything that does not fit, in one message."""
        problems = [*self._wrong_names(), *self._wrong_grid()]
        if not problems:
            problems += self._wrong_variants()
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _wrong_names(self) -> Iterator[str]:
        if "period" in self.parameters:
            yield "parameter 'period' is always there; do not declare it"
        if len(set(self.lang)) < len(self.lang):
            yield "a language is listed twice in 'lang'"
        for code in self.translations:
            if code not in self.lang:
                yield f"'translations' has '{code}', which is not in 'lang'"
        if len(set(self.reports_before)) < len(self.reports_before):
            yield "a report is listed twice in 'after'"
        if self.schedule is not None:
            for name, parameter in self.parameters.items():
                if parameter.required and name not in self.grid:
                    yield (
                        f"a schedule gives no value to the required parameter '{name}'; give it a "
                        "default, or take it into the grid"
                    )

    def _wrong_grid(self) -> Iterator[str]:
        for name, values in self.grid.items():
            parameter = self.parameters.get(name)
            if parameter is None:
                yield f"the grid has no parameter '{name}' to vary.{suggest(name, self.parameters)}"
            elif values == "choices":
                if not parameter.choices and parameter.type != "boolean":
                    yield f"the grid takes the choices of '{name}', which declares none"
            elif not values:
                yield f"the grid lists no value of '{name}'"
            else:
                for value in values:
                    try:
                        parameter.read(name, typed(value))
                    except ParameterError as problem:
                        yield f"in the grid, {problem}"[:-1]

    def _wrong_variants(self) -> Iterator[str]:
        seen: dict[str, str] = {}
        for name, *_ in self._variants():
            if name and not _FOLDER.match(name):
                yield f"an edition of the grid has a name that no folder can have: '{name}'"
            if name.casefold() in seen:
                yield f"two editions of the grid are both named '{name}'"
            elif len(name) > 120:
                yield f"an edition of the grid has a name of more than 120 letters: '{name}'"
            seen[name.casefold()] = name

    def _variants(self) -> Iterator[tuple[str, dict[str, Value]]]:
        """Yield every combination of the grid: its name and its values."""
        axes = []
        for name, declared in self.grid.items():
            parameter = self.parameters[name]
            if declared == "choices":
                declared = parameter.choices or (True, False)
            values = [parameter.read(name, typed(each)) for each in declared]
            axes.append(
                [(name, value, _word(value, place)) for place, value in enumerate(values, 1)]
            )
        for cell in product(*axes):
            words = ",".join(f"{name}={word}" for name, _, word in cell)
            yield words, {name: value for name, value, _ in cell}

    @property
    def languages(self) -> dict[str, dict[str, str]]:
        """Language to the translations declared for it, the first to be opened."""
        return {code: self.translations.get(code, {}) for code in self.lang}

    @property
    def reports_before(self) -> tuple[str, ...]:
        """The reports that must be there first."""
        return () if self.after == "all" else self.after

    @property
    def variants(self) -> tuple[Variant, ...]:
        """Every edition of a period, also where a parameter must still be given."""
        values = self.values(missing=self.parameters)
        return tuple(Variant(word, {**values, **cell}) for word, cell in self._variants())

    @property
    def size(self) -> int:
        """How many editions a period has."""
        return len(self.variants)

    def editions(self, given: Sequence[str] = ()) -> tuple[Variant, ...]:
        """Return the editions of one period: one without a grid, else one a combination.

        Parameters
        ----------
        given : sequence of str
            ``name=value`` texts; of a parameter in the grid, it chooses the editions with it.

        Raises
        ------
        ParameterError
            As for `values`, or the grid has no edition with such a value.
        """
        names = {text.partition("=")[0] for text in given}
        values = self.values(given, missing=self.grid)
        if not self.grid:
            return (Variant("", values),)
        chosen = {name: values[name] for name in self.grid if name in names}
        found = tuple(
            Variant(word, {**values, **cell})
            for word, cell in self._variants()
            if all(cell[name] == value for name, value in chosen.items())
        )
        if not found:
            known = ", ".join(word for word, _ in self._variants())
            asked = ", ".join(f"{name}={typed(value)}" for name, value in chosen.items())
            raise ParameterError(
                f"report '{self.name}' has no edition with {asked}. Its grid has: {known}."
            )
        return found

    def values(
        self, given: Sequence[str] = (), missing: Mapping[str, Any] | None = None
    ) -> dict[str, Value]:
        """Return every parameter's value: ``name=value`` texts over the defaults.

        Parameters
        ----------
        given : sequence of str
        missing : mapping, optional
            Required parameters that come from elsewhere.

        Raises
        ------
        ParameterError
            A text is not ``name=value``, a name is unknown or given twice, a required one is
            missing, or a value is of the wrong type.
        """
        values: dict[str, Value] = {n: p.initial() for n, p in self.parameters.items()}
        seen: set[str] = set(missing or ())
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
            if name in seen and name not in (missing or ()):
                raise ParameterError(f"parameter '{name}' is given twice.")
            seen.add(name)
            values[name] = self.parameters[name].read(name, value)
        for name, parameter in self.parameters.items():
            if parameter.required and name not in seen:
                raise ParameterError(
                    f"report '{self.name}' needs -p {name}={FORMS[parameter.type]}."
                )
        return values


def _word(value: Value, place: int) -> str:
    """Return a value as part of a folder's name; its place in the grid where nothing fits."""
    return folder_word(typed(value)) or str(place)


def folder_word(text: str) -> str:
    """Return what of a typed value may stand in a folder's name; empty where nothing fits."""
    return _UNFIT.sub("-", text).strip("-.")
