"""How a figure is to be drawn: column names, release ids and literal words, and nothing else.

This is all that travels from a notebook to a published page. Everything is checked strictly, so an
output that was edited by hand or written by other code is refused, not guessed at.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workbench.errors import DefinitionError

MIME = "application/vnd.workbench.figure+json"

# A tuple in a model is a list in JSON, so validation is strict except for sequences.
Column = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$", strict=True)]
ReleaseId = Annotated[str, Field(pattern=r"^[a-z]{1,3}-[0-9a-f]{4,40}$", strict=True)]
Words = Annotated[str, Field(min_length=1, max_length=400, strict=True)]
Kind = Literal["line", "bar", "heatmap", "sankey", "table", "kpis", "text", "indicators"]
Lights = Literal["green", "amber", "red", "not measured", "information"]
Index = Annotated[int, Field(ge=0, le=31, strict=True)]


class Spec(BaseModel):
    """What every kind of figure has; `words` are its strings for a reader."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Words | None = None

    def words(self) -> tuple[str, ...]:
        """Every string of the specification a reader would see."""
        return (self.title,) if self.title else ()


class LineSpec(Spec):
    """A line over an ordered column, one a value of ``color``."""

    x: Column
    y: Column
    color: Column | None = None


class BarSpec(Spec):
    """Bars, grouped by ``color``; lying down when ``horizontal``, as fits when None."""

    x: Column
    y: Column
    color: Column | None = None
    horizontal: Annotated[bool, Field(strict=True)] | None = None


class HeatmapSpec(Spec):
    """A field of rows and columns, shaded by value."""

    rows: Column
    columns: Column
    value: Column


class SankeySpec(Spec):
    """Flows from the values of one group column to those of another."""

    source: Column
    target: Column
    value: Column


class TableSpec(Spec):
    """A table of the named columns, or of all."""

    columns: tuple[Column, ...] | None = Field(None, min_length=1)
    first: Annotated[bool, Field(strict=True)] | None = None


class KpiSpec(BaseModel):
    """One key figure: a measure of a release, and the release it is compared with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    release: Index
    measure: Column
    label: Words | None = None
    previous: Index | None = None
    light: Lights | None = None


class KpisSpec(Spec):
    """A row of key figures."""

    items: tuple[KpiSpec, ...] = Field(min_length=1, max_length=12)

    def words(self) -> tuple[str, ...]:
        """Every string of the specification a reader would see."""
        return super().words() + tuple(item.label for item in self.items if item.label)


class TextSpec(Spec):
    """A sentence whose ``{fields}`` are measures of one-row releases."""

    template: Words

    def words(self) -> tuple[str, ...]:
        """Every string of the specification a reader would see."""
        return (*super().words(), self.template)


class IndicatorsSpec(Spec):
    """Indicators of the compliance summary, by light or section.

    ``brief``: a line each; ``first``: what, why, who and by when, on the first screen; ``define``:
    what each is, from where and under which provision, and no figure.
    """

    lights: tuple[Lights, ...] | None = Field(None, min_length=1)
    section: Column | None = None
    brief: Annotated[bool, Field(strict=True)] = False
    first: Annotated[bool, Field(strict=True)] | None = None
    define: Annotated[bool, Field(strict=True)] | None = None


SPECS: dict[str, type[Spec]] = {
    "line": LineSpec,
    "bar": BarSpec,
    "heatmap": HeatmapSpec,
    "sankey": SankeySpec,
    "table": TableSpec,
    "kpis": KpisSpec,
    "text": TextSpec,
    "indicators": IndicatorsSpec,
}


class Payload(BaseModel):
    """The content of a notebook output of type `MIME`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    kind: Kind
    releases: tuple[ReleaseId, ...] = Field(min_length=1, max_length=32)
    spec: Spec

    @model_validator(mode="before")
    @classmethod
    def _spec_of_kind(cls, content: Any) -> Any:
        if isinstance(content, dict) and isinstance(content.get("spec"), dict):
            model = SPECS.get(content["kind"]) if isinstance(content.get("kind"), str) else None
            if model is not None:
                return {**content, "spec": model.model_validate(content["spec"])}
        return content

    def to_json(self) -> dict[str, Any]:
        """Return the payload as plain JSON, without what was not set."""
        spec = self.spec.model_dump(mode="json", exclude_none=True)
        return {
            "version": self.version,
            "kind": self.kind,
            "releases": list(self.releases),
            "spec": spec,
        }


def read_payload(content: object, where: str) -> Payload:
    """Check one output's payload.

    Raises
    ------
    DefinitionError
        It is not what ``wb.figures`` writes. Names the place and the fields, never their values,
        which may have been read from a row.
    """
    try:
        return Payload.model_validate(content)
    except ValidationError as error:
        # pydantic's messages quote pattern and input; only the field's declared name is safe
        fields = {part for one in error.errors() for part in one["loc"] if isinstance(part, str)}
        models: list[type[BaseModel]] = [*SPECS.values(), Payload, KpiSpec]
        known = {name for model in models for name in model.model_fields}
        wrong = ", ".join(f"'{name}'" for name in sorted(fields & known)) or "its fields"
        raise DefinitionError(
            f"{where}: the figure is not one that wb.figures draws: {wrong} missing, unknown or of "
            "the wrong form. Draw it with wb.figures from a release, and do not edit outputs."
        ) from None
