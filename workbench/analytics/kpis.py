"""The indicators of the compliance summary as they are defined: one file, read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from workbench.documents import packaged
from workbench.errors import one_of

Light = Literal["green", "amber", "red", "not measured", "information"]
LIGHTS: tuple[Light, ...] = ("red", "amber", "not measured", "green", "information")
Unit = Literal["share", "count", "hours", "days", "ratio", "people"]


@dataclass(frozen=True)
class Kpi:
    """One indicator.

    Attributes
    ----------
    id, section : str
    title, definition : mapping of language to str
    source, owner : str
        Where it is counted from; which department answers for it.
    law : tuple of str
        Provisions, as `workbench.lifecycle.law.articles` names them.
    unit : str
        ``share`` and ``ratio`` are fractions.
    better : {"high", "low", "none"}
        Which way is better; none: it has no threshold and is for the reader to judge.
    green, amber : float or None
        Thresholds, themselves still green and amber.
    """

    id: str
    section: str
    title: Mapping[str, str]
    definition: Mapping[str, str]
    source: str
    owner: str
    law: tuple[str, ...]
    unit: Unit
    better: Literal["high", "low", "none"]
    green: float | None = None
    amber: float | None = None

    def light(
        self, value: float | None, low: float | None = None, high: float | None = None
    ) -> Light:
        """Return the light of a value; of an estimate by where its whole interval lies.

        An estimate is green when all of its interval is, and red when all of it is; anything
        between is amber: nobody knows.

        Examples
        --------
        >>> kpi("requests-on-time").light(0.97), kpi("requests-on-time").light(None)
        ('amber', 'not measured')
        >>> kpi("impact-ratio").light(0.93, 0.85, 1.01)
        'amber'
        """
        if value is None:
            return "not measured"
        if self.better == "none":
            return "information"
        ends = {self._light(value if end is None else end) for end in (low, high)}
        if len(ends) == 1:
            return ends.pop()
        return "amber"

    def _light(self, value: float) -> Light:
        sign = 1 if self.better == "high" else -1
        if self.green is not None and sign * value >= sign * self.green:
            return "green"
        if self.amber is not None and sign * value >= sign * self.amber:
            return "amber"
        return "red"


def _content() -> dict[str, Any]:
    return packaged("analytics/data/kpis.yaml")


@cache
def kpis() -> Mapping[str, Kpi]:
    """Return every indicator by its id, in the order of the summary."""
    return {
        name: Kpi(id=name, **{**each, "law": tuple(each["law"])})
        for name, each in _content()["kpis"].items()
    }


def kpi(name: str) -> Kpi:
    """Return one indicator, or raise `UnknownName` with a suggestion."""
    return one_of("indicator", kpis(), name)


@cache
def sections() -> Mapping[str, Mapping[str, str]]:
    """Return the summary's sections with their titles, in order."""
    return dict(_content()["sections"])


def has_words(text: str) -> bool:
    """Whether a text is one of the fixed ones that stand here."""
    return text in _content()["words"]


def word(text: str, language: str) -> str:
    """Return a source, an owner or a reason in a language; itself where it has no translation."""
    if language == "zh":
        return str(_content()["words"].get(text, text))
    return text.replace("_", " ")
