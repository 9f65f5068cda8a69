"""Labels that a model gave to customers, handed in as a group of a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.documents import canonical
from workbench.errors import QuestionRefused, UnknownName
from workbench.privacy.columns import Dimension
from workbench.privacy.grouping.codes import CustomerCode
from workbench.privacy.groups import Group, GroupRule, Scope
from workbench.privacy.provenance import FittedLabel, Provenance

# Why labels that are handed in are raw, whatever model they are of.
_FRAME = "labels were handed in, and what the features beneath them look at is not known"


@dataclass(frozen=True, eq=False)
class Labelled(GroupRule):
    """A group column whose values a model gave to customers, with where the model comes from."""

    label: FittedLabel
    customers: Any
    labels: Any

    def given(self) -> Mapping[str, Any]:
        """Return the name."""
        return {"names": (self.label.name,)}

    def group(self, scope: Scope) -> Group:
        """Return them resolved; the release engine alone knows whose they are."""
        import ibis

        label, kind = self.label, scope.source[scope.key].type()
        given = ibis.table({scope.key: kind, "code": "int64"}, name=labels_table(label))
        codes = given.select(joined_k=given[scope.key], code=given.code)
        code = CustomerCode(codes, ("labels", canonical(label.canonical())))
        title = label.name.replace("_", " ").capitalize()
        dimension = Dimension(label.name, title, "category", label.values)
        return Group(dimension, 1, code, label=label, labels=self)


def labels_table(label: FittedLabel) -> str:
    """Return the name of the engine's table of a label's values: the key and ``code``."""
    return f"fitted_labels_{label.fingerprint}"


def labelled(label: FittedLabel, customers: Any, labels: Any) -> Labelled:
    """Group by labels that a model gave to customers, such as segments.

    Parameters
    ----------
    label : FittedLabel
        Name and values of the labels. Labels that are handed in count as raw, whatever model gave
        them, since a feature may look at other customers; they are refused when they are asked
        about, and an officer may approve an exception with ``ws.office.approve``. Labels of a
        private model are made inside the engine: ``model.label(tx, period=…)``.
    customers : sequence of str
        Pseudonyms, as in the table the model was given; under the question's own purpose.
    labels : sequence of str
        The label of each.
    """
    unknown = {each for each in labels if isinstance(each, str)} - set(label.values)
    if unknown:
        raise UnknownName(f"value of {label.name}", min(unknown), label.values)
    if len(customers) != len(labels):
        raise QuestionRefused(
            f"there are {len(customers):,} customers and {len(labels):,} labels; give one each."
        )
    words = "; ".join(filter(None, (label.provenance.description, _FRAME)))
    return Labelled(replace(label, provenance=Provenance("raw", (), words)), customers, labels)
