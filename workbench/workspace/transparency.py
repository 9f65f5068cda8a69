"""What the office tells others: the privacy notice, the record of processing, unread columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import UnknownName

if TYPE_CHECKING:
    from workbench.lifecycle.minimisation import Minimisation
    from workbench.workspace.office import Office


def privacy_notice(office: Office, *, lang: str = "en", contact: str = "") -> str:
    """Return the plain-language privacy notice, from the catalog, as Markdown.

    Parameters
    ----------
    lang : {"en", "zh"}
        Words of the catalog are put into it by the translations of the report definitions.
    contact : str
        Whom to ask.
    """
    from workbench.lifecycle.letters.notice import privacy_notice as written

    return written(
        office.catalog,
        lang=lang,
        controller=office.settings.title,
        contact=contact,
        today=office.now.date(),
        transfers=_present_transfers(office),
        say=_words(office, lang),
    )


def record_of_processing(office: Office, form: str = "csv", *, contact: str = "") -> str:
    """Return the record of processing (GDPR 30, PIPL 55-56) as CSV or Fides YAML.

    Parameters
    ----------
    form : {"csv", "fides"}
    contact : str
        Of the controller, its representative and data protection officer.
    """
    from workbench.lifecycle.letters.record import processings, to_csv, to_fides

    if form not in ("csv", "fides"):
        raise UnknownName("form of the record", form, ("csv", "fides"))
    record = processings(
        office.catalog,
        office.settings.title,
        contact=contact,
        transfers=_present_transfers(office),
        assessments=office.ws.rows_of("assessments"),
    )
    if form == "csv":
        return to_csv(record)
    return to_fides(office.catalog, record, office.now.date())


def minimisation(office: Office, months: int = 12) -> Minimisation:
    """Return the columns about customers that no purpose read in the last months."""
    from workbench.lifecycle.minimisation import minimisation as unread

    return unread(office.catalog, office.events.entries(), today=office.now.date(), months=months)


def _present_transfers(office: Office) -> list[Mapping[str, Any]]:
    """Return the transfers that have not ended, of the table and of the share register."""
    from workbench.lifecycle.sharing import shares

    today = office.now.date()
    present = [
        each
        for each in office.ws.rows_of("transfers")
        if each["until"] is None or each["until"] >= today
    ]
    present += [
        each.terms
        for each in shares(office.shares)
        if each.kind == "extract" and dt.date.fromisoformat(each.terms["expires"]) >= today
    ]
    return present


def _words(office: Office, lang: str) -> Callable[[str], str]:
    """Return what says a declared word in a language, by the reports' own translations."""
    from workbench.reporting.definitions.reading import definition_paths, load_definition

    words: dict[str, str] = {}
    if lang != "en":
        notebooks = office.settings.path("notebooks")
        for path in definition_paths(office.settings.path("reports")).values():
            declared = load_definition(path, notebooks).translations
            mine = [each for code, each in declared.items() if code == lang]
            words = {**(mine[0] if mine else {}), **words}
    return lambda text: words.get(text, text)
