"""How a figure is to be drawn: column names, release ids and literal words, and nothing else.

This is all that travels from a notebook to a published page. Everything is checked strictly, so an
output that was edited by hand or written by other code is refused, not guessed at. Each kind of
figure is one module of `workbench.figures.kinds`.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from workbench.documents import Strict
from workbench.errors import InputError, QuestionRefused
from workbench.figures.changes import Change, Find, Together
from workbench.figures.drawn import Drawn
from workbench.figures.language import Language
from workbench.privacy.release import Release

MIME = "application/vnd.workbench.figure+json"

# A tuple in a model is a list in JSON, so validation is strict except for sequences.
Column = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$", strict=True)]
ReleaseId = Annotated[str, Field(pattern=r"^[a-z]{1,3}-[0-9a-f]{4,40}$", strict=True)]
Words = Annotated[str, Field(min_length=1, max_length=400, strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]
Index = Annotated[int, Field(ge=0, le=31, strict=True)]
Lights = Literal["green", "amber", "red", "not measured", "information"]


class Spec(Strict):
    """What every kind of figure has; a kind says its words, its measures, and draws itself."""

    kind: str
    title: Words | None = None

    def words(self) -> tuple[str, ...]:
        """Every string of the specification a reader would see."""
        return (self.title,) if self.title else ()

    def named(self, releases: Sequence[Release]) -> str:
        """Return what links call it: its title as it was written, else its kind and columns."""
        measures = list(self.measures(0, releases[0]))[:1]
        return self.title or " ".join([self.kind, *measures, *(x.name for x in releases[0].by)])

    def numbers(self) -> tuple[float, ...]:
        """Every number of the specification a reader would see."""
        return ()

    def prose(self) -> tuple[str, ...]:
        """What of its words was written by the analyst, without fields that are filled."""
        return self.words()

    def measures(self, at: int, release: Release) -> Iterator[str]:
        """Yield the measures shown of the ``at``-th release; none of one that has no margins."""
        yield from ()

    def changes(
        self,
        releases: Sequence[Release],  # why: most kinds compare nothing
        find: Find | None,  # why: same
    ) -> Iterable[Change | None]:
        """Return what is compared with an earlier figure."""
        return ()

    @abstractmethod
    def picture(self, releases: Sequence[Release], language: Language, together: Together) -> Drawn:
        """Return what it draws; differences already have their margins together."""

    def draw(
        self,
        releases: Sequence[Release],
        language: Language | None = None,
        together: Together | None = None,
    ) -> Drawn:
        """Return what a specification draws from its releases: the same inputs, the same result.

        Parameters
        ----------
        together : Together, optional
            How the changes of a whole page are judged; those of the figure alone when left out.

        Raises
        ------
        UnknownName
            A column, measure or field the release does not have.
        QuestionRefused
            The release does not fit the figure.
        """
        together = together or Together.of([(self, releases)])
        return self.picture(releases, language or Language(), together)


def the_one(releases: Sequence[Release], together: Together) -> Release:
    """Return the one release of a figure, its differences judged together with the page's."""
    if len(releases) != 1:
        raise QuestionRefused(f"this figure draws one release; it was given {len(releases)}.")
    return together.judged(releases[0])


@dataclass(frozen=True)
class Figure:
    """A figure of released values.

    Attributes
    ----------
    spec : Spec
        Column names and literal words.
    releases : tuple of Release
        What it draws.
    """

    spec: Spec
    releases: tuple[Release, ...]

    @property
    def kind(self) -> str:
        """Which of wb.figures it is, such as ``line``."""
        return self.spec.kind

    @property
    def payload(self) -> dict[str, Any]:
        """What a published page is drawn from: ids, column names and literal words."""
        return {
            "version": 1,
            "kind": self.kind,
            "releases": [release.id for release in self.releases],
            "spec": self.spec.model_dump(mode="json", exclude_none=True, exclude={"kind"}),
        }

    def drawn(self) -> Drawn:
        """Return what it draws: a chart, a table, key figures or a sentence."""
        return self._drawn

    @cached_property
    def _drawn(self) -> Drawn:
        return self.spec.draw(self.releases)

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, Any]:
        bundle = {MIME: self.payload, **self.drawn().live()}
        wanted, unwanted = set(include or bundle), set(exclude or ())
        return {mime: data for mime, data in bundle.items() if mime in wanted - unwanted}


def figure(model: type[Spec], releases: tuple[Release, ...], **spec: Any) -> Figure:
    """Return a figure, checked at once: a wrong column is no error of next month's report."""
    for release in releases:
        if not isinstance(release, Release):
            raise QuestionRefused(
                f"a figure is drawn from a release; it was given a {type(release).__name__}. "
                "Ask with wb.query(…), then ws.release(…), and draw what that returns."
            )
    try:
        checked = model.model_validate(spec)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"wb.figures.{model.model_fields['kind'].default}: {where}: {first['msg']}. Columns "
            "are names of the release's columns; titles and templates are strings of at most 400 "
            "characters."
        ) from None
    made = Figure(checked, releases)
    made.drawn()
    return made
