"""The plain-language privacy notice, from the catalog: what is held, why, how long, whom to ask.

It has a place for everything that GDPR 13-14 and PIPL 17, 23, 30 and 39 ask for. What the catalog
cannot know stands in brackets, for a person to write before it is published.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.catalog import Catalog, Table
from workbench.lifecycle.letters.templates import words, written

Say = Callable[[str], str]


def privacy_notice(
    catalog: Catalog,
    *,
    lang: str,
    controller: str,
    contact: str,
    today: dt.date,
    transfers: Sequence[Mapping[str, Any]] | None = None,
    say: Say = str,
) -> str:
    """Return the notice as Markdown.

    Parameters
    ----------
    catalog : Catalog
    lang : {"en", "zh"}
    controller, contact : str
    today : date
        Purposes that expired before are left out: nothing is read for them.
    transfers : sequence of mapping, optional
        Recipient, country, purpose, mechanism of each transfer that has not ended.
    say : callable
        From a word of the catalog to the same in the language.
    """
    held = [table for table in catalog.tables.values() if not table.operational]
    present = {n: each for n, each in catalog.purposes.items() if each.expires >= today}
    columns = [column for table in catalog.tables.values() for column in table.columns.values()]
    return written(
        "notices",
        "notice.md",
        lang,
        controller=say(controller),
        contact=say(contact) if contact else "",
        day=today,
        dictionary=catalog.hash[:12],
        tables=[_held(table, say) for table in held],
        sensitive=sorted(
            {
                say(column.title or name.replace("_", " "))
                for table in held
                for name, column in table.columns.items()
                if column.sensitivity == "sensitive"
            }
        ),
        linked=[say(table.title) for table in held if table.kind == "linked"],
        purposes=[
            {
                "title": say(each.title),
                "basis": each.basis,
                "kinds": kinds,
                "audience": say(each.audience),
            }
            for name, each in present.items()
            if (kinds := _kinds(catalog, name))
        ],
        interest=any(each.basis == "legitimate interests" for each in present.values()),
        transfers=[_transfer(catalog, each, say) for each in transfers or ()],
        decides=any(column.role == "target" for column in columns),
    )


def _held(table: Table, say: Say) -> dict[str, Any]:
    kept = table.retention
    after = table.columns.get(kept.after)
    return {
        "kind": table.kind,
        "title": say(table.title),
        "columns": [
            say(column.title or name.replace("_", " "))
            for name, column in table.columns.items()
            if name != table.subject_key
        ],
        "months": kept.months,
        "after": say((after.title if after and after.title else kept.after).lower()),
    }


def _kinds(catalog: Catalog, purpose: str) -> list[str]:
    """Return which kinds of data about customers a purpose may read."""
    kinds = {
        table.kind
        for name, table in catalog.tables.items()
        if not table.operational and catalog.columns_for(name, purpose)
    }
    return [kind for kind in words("en")["kind"] if kind in kinds]


def _transfer(catalog: Catalog, each: Mapping[str, Any], say: Say) -> dict[str, Any]:
    name = str(each["purpose"])
    purpose = catalog.purposes.get(name)
    return {
        "recipient": say(str(each["recipient"])),
        "country": say(str(each["country"])),
        "purpose": say(purpose.title if purpose else name),
        "mechanism": say(str(each["mechanism"])) if each["mechanism"] else "",
        "kinds": _kinds(catalog, name) if purpose else None,
    }
