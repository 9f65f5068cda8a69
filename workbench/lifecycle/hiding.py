"""Whether people hide well enough in an extract: what was agreed, and a refusal with a way out."""

from typing import Any

from workbench.catalog import ExtractTerms
from workbench.errors import QuestionRefused
from workbench.store.quality.reidentification import Reidentification

_NOTHING = "Nothing was handed over."


def agreed(
    declared: ExtractTerms,
    purpose: str,
    *,
    k: int | None = None,
    l: int | None = None,  # noqa: E741  # why: the letter the field calls it by
    t: float | None = None,
) -> ExtractTerms:
    """Return the terms of one extract: those of the catalog, or stricter ones.

    Raises
    ------
    QuestionRefused
        A term is less strict than the catalog's.

    Examples
    --------
    >>> agreed(ExtractTerms(k=10), "partner", l=3)
    ExtractTerms(k=10, l=3, t=None)
    """
    for letter, given, least in (("k", k, declared.k), ("l", l, declared.l)):
        if given is not None and given < least:
            raise QuestionRefused(
                f"{letter} is at least {least} for purpose '{purpose}', not {given}. Ask for more, "
                f"or have extract_terms changed in the catalog. {_NOTHING}"
            )
    most = 1.0 if declared.t is None else declared.t
    if t is not None and not 0 < t <= most:
        raise QuestionRefused(
            f"t is above 0 and at most {most:g} for purpose '{purpose}', not {t:g}. Ask for less, "
            f"or have extract_terms changed in the catalog. {_NOTHING}"
        )
    return ExtractTerms(
        k=declared.k if k is None else k,
        l=declared.l if l is None else l,
        t=declared.t if t is None else t,
    )


def require_hidden(found: Reidentification, terms: ExtractTerms) -> None:
    """Refuse an extract in which people do not hide as agreed.

    Raises
    ------
    QuestionRefused
        A group is too small, or tells a sensitive column of its people: too few values, or
        values too far from everybody's.
    """
    known_by = ", ".join(found.quasi_identifiers) or "no column"
    if found.smallest < terms.k:
        raise QuestionRefused(
            f"by all their combinations of {known_by} together, the smallest group has "
            f"{found.smallest} people; at least {terms.k} are needed. Leave columns out, make them "
            f"coarser, or share private tables instead. {_NOTHING}"
        )
    alike = [name for name, spread in found.sensitive.items() if spread.l < terms.l]
    if alike:
        least = min(found.sensitive[name].l for name in alike)
        raise QuestionRefused(
            f"sensitive columns would be told of people by their group: {', '.join(alike)}. Among "
            f"people alike by {known_by} there is a group with so many values of it: {least}; at "
            f"least l = {terms.l} are needed. Leave the sensitive column out, leave out or make "
            f"coarser what people are known by, or share private tables instead. {_NOTHING}"
        )
    if terms.t is None:
        return
    far = [name for name, spread in found.sensitive.items() if spread.t > terms.t]
    if far:
        most = max(found.sensitive[name].t for name in far)
        raise QuestionRefused(
            f"a group's values differ too much from everybody's: {', '.join(far)}. Among people "
            f"alike by {known_by} the distance reaches {most:.2f}; at most t = {terms.t:g} was "
            "agreed. Leave the column out, leave out or make coarser what people are known by, "
            f"agree on a larger t, or share private tables instead. {_NOTHING}"
        )


def measured(found: Reidentification) -> dict[str, Any]:
    """Return how well people hide, as it is kept: counts of groups, and no value of a row."""
    return {
        "smallest_group": found.smallest,
        "sensitive": {
            name: {"l": spread.l, "t": round(spread.t, 4)}
            for name, spread in found.sensitive.items()
        },
    }
