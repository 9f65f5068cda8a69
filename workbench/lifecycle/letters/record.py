"""The record of processing (GDPR 30, PIPL 55-56): a line a purpose and table, CSV or Fides YAML.

A line holds what GDPR 30(1) a to g lists: controller and contact, purpose, people, kinds of data,
recipients, transfers with their safeguards, retention, security; and more: basis and assessment.

The YAML follows Fides' resources (https://github.com/ethyca/fideslang): datasets with the data
category of every field, and one system a purpose with its privacy declaration.
"""

import csv
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from workbench.catalog import Catalog, Column, Table
from workbench.documents import cell, packaged
from workbench.lifecycle.letters import written

NO_CONTACT = "[contact, data protection officer and representative: to be filled in]"
MEASURES = "encrypted files; pseudonyms by purpose; access by purpose, audited; private releases"


@dataclass(frozen=True)
class Processing:
    """One purpose's reading of one table."""

    controller: str
    contact: str
    purpose: str
    purpose_title: str
    lawful_basis: str
    purpose_expires: str
    table: str
    table_title: str
    owner: str
    source: str
    people: str
    kinds_of_data: str
    columns: str
    sensitive_columns: str
    audience: str
    recipients: str
    countries: str
    transfer_mechanisms: str
    retention: str
    impact_assessment: str
    security: str


def processings(
    catalog: Catalog,
    controller: str,
    *,
    contact: str = "",
    transfers: Sequence[Mapping[str, Any]] = (),
    assessments: Sequence[Mapping[str, Any]] = (),
) -> list[Processing]:
    """Return the record's lines, purposes and tables in declared order.

    Parameters
    ----------
    contact : str
        Of the controller, of its representative and data protection officer where there are any.
    transfers : sequence of mapping
        Recipient, country, purpose, mechanism of each transfer that has not ended.
    assessments : sequence of mapping
        Purpose, whether required, and done_on of each impact assessment.
    """
    found = []
    for name, purpose in catalog.purposes.items():
        sent = [each for each in transfers if each["purpose"] == name]
        assessed = [each for each in assessments if each["purpose"] == name]
        for table_name, table in catalog.tables.items():
            columns = catalog.columns_for(table_name, name)
            if table.operational or not columns or set(columns) == {table.subject_key}:
                continue
            found.append(
                Processing(
                    controller=controller,
                    contact=contact or NO_CONTACT,
                    purpose=name,
                    purpose_title=purpose.title,
                    lawful_basis=purpose.basis,
                    purpose_expires=purpose.expires.isoformat(),
                    table=table_name,
                    table_title=table.title,
                    owner=table.owner,
                    source=table.source,
                    people="customers",
                    kinds_of_data=table.kind,
                    columns=" ".join(columns),
                    sensitive_columns=" ".join(
                        n for n, each in columns.items() if each.sensitivity == "sensitive"
                    ),
                    audience=purpose.audience,
                    recipients="; ".join(str(each["recipient"]) for each in sent),
                    countries="; ".join(dict.fromkeys(str(each["country"]) for each in sent)),
                    transfer_mechanisms="; ".join(
                        str(each["mechanism"] or "none") for each in sent
                    ),
                    retention=f"{table.retention.months} months after {table.retention.after}",
                    impact_assessment=_assessment(assessed),
                    security=MEASURES,
                )
            )
    return found


def to_csv(record: Sequence[Processing]) -> str:
    """Return the record as CSV with a line of names.

    Values that a spreadsheet would take for a formula are led by an apostrophe.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, [each.name for each in fields(Processing)], lineterminator="\n")
    writer.writeheader()
    for line in record:
        writer.writerow({name: cell(value) for name, value in asdict(line).items()})
    return out.getvalue()


def to_fides(catalog: Catalog, record: Sequence[Processing], today: dt.date) -> str:
    """Return the record as Fides resources in YAML."""
    systems: dict[str, list[Processing]] = {}
    categories: dict[str, set[str]] = {}
    for line in record:
        systems.setdefault(line.purpose, []).append(line)
        columns = catalog.columns_for(line.table, line.purpose).values()
        found = {category(each, catalog.tables[line.table]) for each in columns}
        categories[line.purpose] = categories.get(line.purpose, set()) | found
    return written(
        "records",
        "fides.yaml",
        "en",
        catalog=catalog,
        today=today,
        fides=_fides(),
        systems=systems,
        categories={name: sorted(each) for name, each in categories.items()},
        category=category,
        key=_key,
        kept=lambda lines: "; ".join(
            dict.fromkeys(f"{line.table}: {line.retention}" for line in lines)
        ),
    )


def _fides() -> Mapping[str, Mapping[str, str]]:
    """Return Fides' words for kinds of data and for bases."""
    return packaged("lifecycle/letters/fides.yaml")


def category(column: Column, table: Table) -> str:
    """Return the Fides data category of a column, as close as its declaration says."""
    if column.role == "subject key":
        return "user.unique_id"
    if column.role == "direct identifier":
        return "user.contact" if column.sensitivity == "personal" else "user.government_id"
    if column.role in ("protected", "quasi-identifier"):
        return "user.demographic"
    return _fides()["category"][table.kind]


def _assessment(assessed: Sequence[Mapping[str, Any]]) -> str:
    if not assessed:
        return "none on record"
    done = [str(each["done_on"]) for each in assessed if each["done_on"]]
    if done:
        return f"done on {max(done)}"
    return "required, not done" if any(each["required"] for each in assessed) else "not required"


def _key(text: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in text.lower()).strip("_")
