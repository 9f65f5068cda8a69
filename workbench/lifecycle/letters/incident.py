"""Drafts of notices about an incident, to the authority and to the people, in English and Chinese.

A draft says what the register knows and leaves in brackets what a person must write or check. It is
a draft: nobody is notified by it, and no legal advice is claimed.
"""

import datetime as dt

from workbench.lifecycle.incidents.cases import Incident
from workbench.lifecycle.law import UNCHECKED, Clock, laws
from workbench.lifecycle.letters.templates import require_language, written

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
