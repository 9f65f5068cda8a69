"""What a fitted thing was learned from: private releases, or raw rows.

Segments, scorecards, cut points and encoders fitted on raw rows tell of single customers: a cluster
centre may be one customer, a cut point is somebody's amount. So grouping a release by such labels,
or publishing such parameters, is refused, whatever noise the counts carry. What was fitted
privately names the releases it was computed from; what says nothing counts as raw.

This guards against accidents: whoever tags a raw model as private has lied to the ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from workbench.documents import canonical
from workbench.errors import InputError, QuestionRefused

if TYPE_CHECKING:  # why: SQLAlchemy is slow to import, and features need none of it
    from workbench.store.logs.chain import Entry

EXCEPTION = "Exception: "  # begins the note of what an officer approved, in the officer's words
_ATTRIBUTE = "provenance_"  # as scikit-learn names what came of fitting; a clone has none


@dataclass(frozen=True)
class Approval:
    """A named exception by an officer, as the ledger records it.

    Attributes
    ----------
    what, reason : str
    role, who : str
        The role is self-declared; ``who`` is the operating system's user.
    at : str
        ISO time.
    seq : int
        The ledger's entry.
    """

    what: str
    reason: str
    role: str
    who: str
    at: str
    seq: int


def approval_of(entry: Entry) -> Approval:
    """Return an exception from the ledger's entry."""
    body, at = entry.body, entry.at.isoformat()
    return Approval(body["what"], body["reason"], body["role"], body["who"], at, entry.seq)


@dataclass(frozen=True)
class Provenance:
    """Where a fitted thing comes from.

    Attributes
    ----------
    kind : str
        ``private`` or ``raw``.
    releases : tuple of str
        Ids of the answers it was computed from, when private.
    description : str
        What was fitted, in words: "k-means with 5 centres on 3 columns".
    """

    kind: Literal["private", "raw"]
    releases: tuple[str, ...] = ()
    description: str = ""

    def __post_init__(self) -> None:
        if self.kind == "private" and not self.releases:
            raise InputError(
                "what is fitted privately names the releases it was computed from; name them, or "
                "leave it raw."
            )
        if self.kind == "raw" and self.releases:
            raise InputError(
                "what is fitted on raw rows and releases together is raw: name no releases."
            )

    def __add__(self, other: Provenance) -> Provenance:
        """Return the provenance of what was made from two things: private only if both are."""
        words = "; ".join(filter(None, (self.description, other.description)))
        if self.kind == "raw" or other.kind == "raw":
            return Provenance("raw", (), words)
        return Provenance("private", tuple(dict.fromkeys(self.releases + other.releases)), words)


RAW = Provenance("raw")


def provenance(thing: Any) -> Provenance:
    """Return where a fitted thing comes from; raw when it does not say.

    Parameters
    ----------
    thing : estimator, frame, `Fitted` label, or a collection of them
        Of a collection every part has to be private.

    Examples
    --------
    >>> provenance(object()).kind
    'raw'
    """
    if isinstance(thing, Provenance):
        return thing
    tag = getattr(thing, _ATTRIBUTE, None)
    if tag is None:
        attributes = getattr(thing, "attrs", None)  # of a pandas frame or series
        tag = attributes.get(_ATTRIBUTE) if isinstance(attributes, dict) else None
    if isinstance(tag, Provenance):
        return tag
    parts: Iterable[Any] = ()
    if isinstance(thing, Mapping):
        parts = thing.values()
    elif isinstance(thing, list | tuple | set | frozenset):
        parts = thing
    whole: Provenance | None = None
    for part in parts:
        mine = provenance(part)
        whole = mine if whole is None else whole + mine
    return whole or RAW


@dataclass(frozen=True)
class FittedLabel:
    """A group column whose values a model gives: a segment, a score band, a cluster.

    Attributes
    ----------
    name : str
        Column name.
    values : tuple of str
        Every label there may be, in order; an answer has a cell for each.
    provenance : Provenance
        Of the model.
    definition : str
        Whatever determines the labels: rules, centres, a model's hash. Two different models are
        two different groups, and an approval of one does not cover the other.
    """

    name: str
    values: tuple[str, ...]
    provenance: Provenance
    definition: str

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) != len(self.values):
            raise InputError(f"the labels of '{self.name}' must be different, and at least one.")
        object.__setattr__(self, _ATTRIBUTE, self.provenance)

    @property
    def what(self) -> str:
        """The name an exception for this very label is approved under."""
        return f"label {self.name}@{self.fingerprint}"

    @property
    def fingerprint(self) -> str:
        """Short hash of what determines the labels."""
        return hashlib.sha256(canonical(self._content()).encode()).hexdigest()[:12]

    def canonical(self) -> dict[str, Any]:
        """Return what of it belongs to a question's identity."""
        return {**self._content(), "releases": sorted(self.provenance.releases)}

    def _content(self) -> dict[str, Any]:
        return {"label": self.name, "values": list(self.values), "definition": self.definition}


def require_private(
    what: str,
    thing: Any,
    *,
    act: str = "grouping by",
    approvals: Iterable[Approval] = (),
    lookup: Callable[[str], object] | None = None,
) -> str | None:
    """Check that a fitted thing may shape or enter a release.

    Parameters
    ----------
    what : str
        Its name; an exception is approved under it.
    thing : Any
        What `provenance` understands.
    act : str
        ``grouping by`` or ``publishing the parameters of``.
    approvals : iterable of Approval
        The ledger's.
    lookup : callable, optional
        ``ledger.answer``: raises where a release named by the provenance is not there.

    Returns
    -------
    str or None
        None for what is private; for an approved exception the note its readers must see.

    Raises
    ------
    QuestionRefused
        It was fitted on raw rows and nobody approved it; says what would do.
    """
    tag = provenance(thing)
    if tag.kind == "private":
        if lookup is not None:
            for release in tag.releases:
                lookup(release)
        return None
    granted = [each for each in approvals if each.what == what]
    if granted:
        last = granted[-1]
        # why without its fingerprint: that is a hash of what was learned of raw rows
        named = what.partition("@")[0]
        return (
            f"{EXCEPTION}{named} was fitted on customers' rows and is not protected by noise. "
            f"{last.who} approved it as {last.role} on {last.at[:10]}: {last.reason}"
        )
    fitted = f" ({tag.description})" if tag.description else ""
    raise QuestionRefused(
        f"{act} '{what}' would tell what a model fitted on raw rows learned of single "
        f"customers{fitted}; noise on the counts does not hide that. What would do: a privately "
        "fitted model, whose provenance names its releases; rules with values of your own or from "
        "the catalog (wb.bands, a declared domain); or an officer's exception, "
        f"ws.office.approve({what!r}, reason=…, role='officer'), which the page shows. "
        "Nothing was spent."
    )
