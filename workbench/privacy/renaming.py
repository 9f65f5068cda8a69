"""The same answer under other names: what an analyst calls a group or a rate is not paid for.

A label is a name the analyst chose: of a group that is an expression, or of a rate. An answer is
stored under the labels it was first asked with, and remembers them by what they stand for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.privacy.forms import Find, Sheet, sheet_of
from workbench.privacy.release import Release


def relabelled(stored: Release, labels: Mapping[str, str]) -> Release:
    """Return a stored answer under the labels of the question asked now.

    Parameters
    ----------
    stored : Release
        Handed out by its ledger; its mechanism holds the labels it was stored with.
    labels : mapping
        What a label stands for, and the label.

    Returns
    -------
    Release
        ``stored`` itself where its labels are the same; else its very figures, stored as derived
        from it, at no cost.
    """
    had = stored.mechanism.get("labels", {})
    changed = {had[each]: label for each, label in labels.items() if had.get(each, label) != label}
    if not changed:
        return stored
    origin = stored.origin
    if origin is None:
        raise ValueError(f"{stored.id} was not handed out by a ledger")
    sheet = _renamed(sheet_of(stored), changed)
    names = [
        (f"{old.name}{end}", f"{new.name}{end}")
        for old, new in zip(stored.measures, sheet.measures, strict=True)
        for end in ("", "_low", "_high")
    ]
    names += [(old.name, new.name) for old, new in zip(stored.by, sheet.by, strict=True)]

    def content(release_id: str) -> Release:
        return replace(
            stored,
            id=release_id,
            by=sheet.by,
            measures=sheet.measures,
            columns={new: stored.columns[old] for old, new in names},  # the same bytes
            cost=replace(stored.cost, rho="0", epsilon=0.0),
            mechanism={
                "kind": "derived",
                "recipe": {"op": "rename", "labels": changed},
                "parents": [stored.id],
            },
        )

    return replace(origin.keep(content, [stored.id]), origin=origin)


def replay(recipe: Mapping[str, Any], parents: list[Release], find: Find) -> Sheet:
    """Compute a renamed answer again, as a sheet."""
    return _renamed(sheet_of(parents[0], find), recipe["labels"])


def _renamed(sheet: Sheet, labels: Mapping[str, str]) -> Sheet:
    by = tuple(
        replace(
            each,
            name=labels.get(each.name, each.name),
            title=labels.get(each.title, labels.get(each.name, each.title)),
        )
        for each in sheet.by
    )
    names = {f"{old}_rate": new for old, new in labels.items()}
    measures = tuple(
        replace(each, name=f"{names[each.name]}_rate", title=_title(names[each.name]))
        if each.kind == "rate" and each.name in names
        else each
        for each in sheet.measures
    )
    new = {old.name: now.name for old, now in zip(sheet.measures, measures, strict=True)}
    return replace(
        sheet,
        by=by,
        measures=measures,
        forms={new.get(name, name): forms for name, forms in sheet.forms.items()},
        adds=frozenset(new.get(name, name) for name in sheet.adds),
    )


def _title(name: str) -> str:
    return f"{name.replace('_', ' ').capitalize()}, share"
