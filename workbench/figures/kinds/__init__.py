"""One module a kind of figure: what it is asked with, its words and measures, and its drawing.

A new kind is one module here, and its specification's name in `Kind`. `Payload` is what an output
of type `MIME` holds, read strictly.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from workbench.documents import Strict
from workbench.errors import DefinitionError
from workbench.figures.kinds.bar import BarSpec
from workbench.figures.kinds.heatmap import HeatmapSpec
from workbench.figures.kinds.indicators import IndicatorsSpec
from workbench.figures.kinds.kpis import KpiSpec, KpisSpec
from workbench.figures.kinds.line import LineSpec
from workbench.figures.kinds.sankey import SankeySpec
from workbench.figures.kinds.table import TableSpec
from workbench.figures.kinds.text import TextSpec
from workbench.figures.spec import ReleaseId

Kind = (
    LineSpec | BarSpec | HeatmapSpec | SankeySpec | TableSpec | KpisSpec | TextSpec | IndicatorsSpec
)


class Payload(Strict):
    """The content of a notebook output of type `MIME`."""

    version: Literal[1]
    releases: tuple[ReleaseId, ...] = Field(min_length=1, max_length=32)
    spec: Annotated[Kind, Field(discriminator="kind")]

    @model_validator(mode="before")
    @classmethod
    def _kind_into_spec(cls, content: Any) -> Any:
        """Move the kind, which stands beside the specification, into it."""
        spec = content.get("spec") if isinstance(content, dict) else None
        if not isinstance(spec, dict) or "kind" in spec:
            return content
        rest = {key: value for key, value in content.items() if key != "kind"}
        return {**rest, "spec": {**spec, "kind": content.get("kind")}}


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
        models: list[type[BaseModel]] = [*get_args(Kind), Payload, KpiSpec]
        known = {name for model in models for name in model.model_fields}
        wrong = ", ".join(f"'{name}'" for name in sorted(fields & known)) or "its fields"
        raise DefinitionError(
            f"{where}: the figure is not one that wb.figures draws: {wrong} missing, unknown or of "
            "the wrong form. Draw it with wb.figures from a release, and do not edit outputs."
        ) from None
