"""What the office hands over and tells: tables, extracts, the notice, the record of processing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from workbench.errors import InputError, require_known
from workbench.lifecycle.letters import privacy_notice as written
from workbench.lifecycle.letters.record import processings, to_csv, to_fides
from workbench.lifecycle.reads import Minimisation
from workbench.lifecycle.reads import minimisation as unread
from workbench.lifecycle.sharing import Deal, Terms, extract, shares, write_extract, write_tables
from workbench.store.quality.reidentification import agreed as strict

if TYPE_CHECKING:
    from workbench.workspace.office import Office


def share(office: Office, releases: Sequence[str], out: str | Path, **deal: Unpack[Deal]) -> str:
    """Hand over private tables that are in the ledger; return the share's id.

    Parameters
    ----------
    releases : sequence of str
        Ids of answers, paid for already.
    out : path
        A new folder for the CSV files and ``metadata.json``.
    **deal
        ``recipient``, ``country``, ``purpose``, ``terms``: texts; ``expires``: a date;
        ``mechanism``: of a transfer abroad.

    Raises
    ------
    QuestionRefused
        A word or a number of a release stands neither in a notebook or report of this workspace
        nor in the catalog, or a release is of no private answer.
    LeakFound
        What would be handed over holds an identifier of a customer.
    """
    from workbench.figures.language import Language
    from workbench.figures.notes import bounded
    from workbench.reporting.gate.sharing import require_publishable

    now = office.now
    agreed = Terms(**deal)
    agreed.require(office.catalog, now.date())
    if not releases:
        raise InputError("name at least one release to hand over: r-000041.")
    tables = {}
    found = [office.ws.ledger.checked(each) for each in releases]
    require_publishable(
        found,
        {**vars(agreed), "expires": str(agreed.expires)},
        settings=office.settings,
        catalog=office.catalog,
        lookup=office.ws.ledger.checked,
        find=office.ws.access.find_identifiers,
    )
    for each, release in zip(releases, found, strict=True):
        # why in the head: a table goes on without its metadata, and a bound must go with it
        said = {one.name: bounded(one, Language(), alone=True) for one in release.measures}
        heads = {name: f"{name} ({words})" for name, words in said.items() if words}
        frame = release.frame.rename(columns=heads)
        about = {
            "name": release.name,
            "period": release.period,
            "columns": list(frame.columns),
            "margins": "m_low and m_high are the ends of m's 95 % interval",
            "epsilon": release.epsilon,
            "delta": release.delta,
            "data_version": office.ws.seal.version(release.data_version),
            "notes": list(release.notes),
        }
        tables[each] = (frame, about)
    name = write_tables(office.shares, agreed, tables, office.apart(Path(out)), now=now)
    _record_share(office, name, agreed, rows=None)
    return name


def share_extract(
    office: Office,
    table: str,
    columns: Sequence[str],
    out: str | Path,
    *,
    people: int,
    k: int | None = None,
    l: int | None = None,  # noqa: E741  # why: the letter the field calls it by
    t: float | None = None,
    **deal: Unpack[Deal],
) -> str:
    """Hand over a minimised pseudonymised extract, where the purpose allows; return its id.

    Extracts of the same table that the recipient holds already stand in its record, as
    ``joinable_with``: their pseudonyms differ, but columns that both hold join them.

    Parameters
    ----------
    table : str
    columns : sequence of str
        What is handed over, beside a pseudonym of this share.
    out, **deal
        As for `share`.
    people : int
        Most people the terms allow it to hold.
    k : int, optional
        Least people with the same combinations of quasi-identifiers over all rows.
    l : int, optional
        Least values that a sensitive column has within each such group.
    t : float, optional
        Most distance of a group's values of a sensitive column from everybody's, up to 1.
        All three are the catalog's ``extract_terms`` of the purpose when left out, and may
        only be stricter.

    Raises
    ------
    AccessRefused
        The purpose does not declare ``share_extracts``.
    QuestionRefused
        A column identifies directly, or people do not hide as agreed.
    """
    now = office.now
    agreed = Terms(**deal, people=people)
    agreed.require(office.catalog, now.date())
    purpose = agreed.purpose
    office.ws.access.admitted(table, purpose, now=now)  # first: what is said is searched
    for text in vars(agreed).values():
        if isinstance(text, str):  # a number of people, and a day, are not somebody's key
            office.events.said(text)
    hidden = strict(office.catalog.purposes[purpose].extract_terms, purpose, k=k, l=l, t=t)
    source = office.ws.open(table, purpose)
    made = extract(source, office.catalog, table, columns, agreed, hidden)
    name = write_extract(office.shares, agreed, made, office.apart(Path(out)), now=now)
    _record_share(office, name, agreed, rows=len(made.frame), table=table)
    return name


def _record_share(
    office: Office, name: str, agreed: Terms, *, rows: int | None, table: str | None = None
) -> None:
    event = {"share": name, "purpose": agreed.purpose, "recipient": agreed.recipient}
    office.events.record("share", {**event, "rows": rows, "table": table}, now=office.now)


def privacy_notice(office: Office, *, lang: str = "en", contact: str = "") -> str:
    """Return the plain-language privacy notice, from the catalog, as Markdown.

    Parameters
    ----------
    lang : {"en", "zh"}
        Words of the catalog are put into it by the translations of the report definitions.
    contact : str
        Whom to ask.
    """
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
    require_known("form of the record", ("csv", "fides"), form)
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
    return unread(office.catalog, office.events.entries(), today=office.now.date(), months=months)


def _present_transfers(office: Office) -> list[Mapping[str, Any]]:
    """Return the transfers that have not ended, of the table and of the share register."""
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
    from workbench.reporting.definitions.reading import sound

    words: dict[str, str] = {}
    if lang != "en":
        for report in sound(office.settings):
            mine = [each for code, each in report.translations.items() if code == lang]
            words = {**(mine[0] if mine else {}), **words}
    return lambda text: words.get(text, text)
