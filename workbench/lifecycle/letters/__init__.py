"""What the office writes: answers to requests, drafts of notices about incidents, the notice.

It is a folder of templates and words a language, for a translator to read. A new language is a
further folder: every template of ``en``, and ``words.yaml`` with the catalog's own vocabulary in
words that a reader without it understands.

The answer to a request of access (Regulation (EU) 2016/679, article 15(1)) has no values: the copy
of the data is the export. A draft about an incident says what the register knows and leaves in
brackets what a person must write or check: nobody is notified by it, and no legal advice is
claimed. The privacy notice has a place for everything that GDPR 13-14 and PIPL 17, 23, 30 and 39
ask for; what the catalog cannot know stands in brackets.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.catalog import Catalog, Table
from workbench.documents import packaged, templates
from workbench.errors import InputError, StorageError, require_known
from workbench.lifecycle.incidents import Incident
from workbench.lifecycle.law import UNCHECKED, Clock, laws
from workbench.lifecycle.office import Office
from workbench.lifecycle.rights.subjects import HeldTable
from workbench.store.durable import new_file

if TYPE_CHECKING:
    from jinja2 import Environment


LANGUAGES = ("en", "zh")


def require_language(what: str, lang: str) -> None:
    """Refuse a language that nobody wrote this in."""
    require_known(f"language of {what}", LANGUAGES, lang)


def written(what: str, template: str, lang: str, **values: Any) -> str:
    """Return a template of a language with its values; ``what`` it is called if there is none."""
    require_language(what, lang)
    return _templates(lang).get_template(f"{template}.j2").render(values)


def words(lang: str) -> Mapping[str, Mapping[Any, str]]:
    """Return a language's words, by what they are of."""
    return packaged(f"lifecycle/letters/{lang}/words.yaml")


@cache
def _templates(lang: str) -> Environment:
    made = templates(f"lifecycle/letters/{lang}", "lifecycle/letters")
    known = words(lang)
    made.filters |= {
        # why itself: a catalog may have words that nobody translated
        "word": lambda key, of: known[of].get(key, key),
        "json": partial(json.dumps, ensure_ascii=False),
        "number": lambda number, unknown="": unknown if number is None else f"{number:,}",
        "minute": lambda at: f"{at:%Y-%m-%d %H:%M}",
        "zone": lambda at: f"{at:%Z}".replace("UTC", known["zone"]["UTC"]),
    }
    return made


def letter(office: Office, found: Sequence[HeldTable], lang: str, contact: str = "") -> str:
    """Return the answer to a request of access, of what is held of the customer, as Markdown."""
    return written(
        "letters",
        "answer.md",
        lang,
        controller=office.settings.title,
        day=office.now.date(),
        held=[(each, _declared(office, each.table)) for each in found],
        contact=contact,
    )


def _declared(office: Office, name: str) -> dict[str, Any]:
    table = office.catalog.tables[name]
    titles = {name: column.title or name for name, column in table.columns.items()}
    after = table.retention.after
    return {
        "columns": [*titles.values()],
        "months": table.retention.months,
        "after": titles.get(after, after),
    }


def require_place(office: Office, out: Path) -> Path:
    """Return where a letter is to be written; refuse a file that is there, or a folder of ours."""
    target = office.apart(out)
    if target.exists():
        raise InputError(f"{out} is there already. Name a file that is not.")
    return target


def write_letter(target: Path, text: str) -> None:
    """Write a letter, mode 0600."""
    try:
        with new_file(target) as file:
            file.write(text)
    except OSError as problem:
        raise StorageError(f"{target} cannot be written: {problem.strerror}.") from None


# The numbers of the annex to CIRM: people whose information leaked, and the level from there.
_LEVELS = (100_000_000, 10_000_000, 1_000_000)
_UNKNOWN = dict.fromkeys(("subjects_at_most", "records_at_most", "reads", "first"))


def draft(
    incident: Incident, clock: Clock, *, lang: str, controller: str, contact: str, now: dt.datetime
) -> str:
    """Return the draft of one notice.

    Parameters
    ----------
    clock : Clock
        One of the incident's; its ``to`` says to whom.
    lang : {"en", "zh"}
    controller, contact : str
        Who writes, and whom to ask.
    """
    require_language("notices", lang)
    scope = {**_UNKNOWN, "kinds": (), "tables": (), **(incident.scope or {})}
    if scope["first"] is not None:
        scope["first"] = dt.datetime.fromisoformat(scope["first"])
    people = scope["subjects_at_most"] or 0
    return written(
        "notices",
        f"{_template(clock)}.txt",
        lang,
        incident=incident,
        scope=scope,
        level=next((least for least in _LEVELS if people >= least), None),
        provision=clock.article if clock.checked else f"{clock.article}, {UNCHECKED[lang]}",
        law=laws()[clock.law].title[lang],
        duty=clock.says[lang],
        controller=controller,
        contact=contact,
        late=bool(clock.hours) and now > clock.due(incident.detected_at),
    )


def _template(clock: Clock) -> str:
    if clock.to != "authority":
        return "subjects"
    if clock.law != "CIRM":
        return "authority"
    return "closing" if clock.start == "closing" else "report"


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
