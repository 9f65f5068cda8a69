"""The privacy notice and the record of processing: all of the catalog, in two languages."""

import csv
import datetime as dt
import io

import pytest
from ruamel.yaml import YAML

from workbench.catalog_files import load_catalog
from workbench.errors import UnknownName
from workbench.lifecycle.letters import privacy_notice
from workbench.lifecycle.letters.record import MEASURES, NO_CONTACT, processings, to_csv, to_fides

TODAY = dt.date(2026, 10, 2)
TRANSFER = {
    "recipient": "Call centre",
    "country": "Poland",
    "purpose": "service",
    "mechanism": None,
}


def notice(shop, lang="en", **other):
    given = {"controller": "Corner shop", "contact": "", "today": TODAY, **other}
    return privacy_notice(shop.catalog, lang=lang, **given)


def test_the_notice_says_what_why_how_long_and_whom_to_ask(shop):
    text = notice(shop, contact="privacy@shop.example")
    assert "| who you are: name, contact, numbers | Customers: full name, email" in text
    assert "7 years after opened_on" in text
    assert "you agreed; you can take it back at any time" in text
    assert "privacy@shop.example. You may also complain" in text
    assert "Nobody outside" in text
    assert "no legal advice" in text


def test_what_expired_or_is_no_data_of_customers_is_left_out(shop):
    text = notice(shop)
    assert "A partnership that ended" not in text
    assert "Incidents" not in text
    assert "incident_id" not in text


def test_transfers_without_a_mechanism_say_so(shop):
    text = notice(shop, transfers=[TRANSFER])
    assert "- Call centre, Poland: Answer a customer's call; no safeguard on record" in text


@pytest.mark.parametrize(
    ("provision", "said"),
    [
        ("GDPR 13(1)a controller", "Corner shop, ask@shop.example."),
        ("GDPR 13(1)b officer", "[Data protection officer, and representative"),
        ("GDPR 13(1)c purposes and basis", "| Answer a customer's call | it is needed for our"),
        ("GDPR 13(1)d interests", "it is the purpose in the same line, and you may object"),
        ("GDPR 13(1)e recipients", "- Call centre, Poland"),
        ("GDPR 13(1)f safeguards", "where a copy of the safeguards can be had"),
        ("GDPR 13(2)a time", "| 7 years after opened_on |"),
        ("GDPR 13(2)b access and portability", "also in a machine-readable form"),
        ("GDPR 13(2)b rectification", "correction of what is wrong"),
        ("GDPR 13(2)b erasure", "- erasure"),
        ("GDPR 13(2)b restriction and objection", "- restriction, or that we stop a use"),
        (
            "GDPR 13(2)c withdrawal",
            "to take a consent back, as easily as you gave it; what was done",
        ),
        ("GDPR 13(2)d complaint", "complain to a supervisory authority"),
        ("GDPR 13(2)e whether it must be given", "asks you to give us, and what follows"),
        ("GDPR 14(1)d categories", "Customers: full name, email"),
        ("PIPL 17 (2) manner", "By computer, in encrypted files."),
        ("PIPL 17 (3) how to ask", "Write to the contact below"),
        ("PIPL 23 kinds handed over", "no safeguard on record; who you are: name, contact"),
        ("PIPL 50 reasons", "If we refuse, we say why."),
    ],
)
def test_the_notice_holds_what_gdpr_13_and_14_and_pipl_17_ask(shop, provision, said):
    assert said in notice(shop, contact="ask@shop.example", transfers=[TRANSFER]), provision


@pytest.mark.parametrize(
    ("provision", "said"),
    [
        ("PIPL 17 (1) name and contact", "Corner shop，ask@shop.example。"),
        ("PIPL 17 (2) manner", "## 处理方式"),
        ("PIPL 17 (2) kinds and time", "opened_on后 7 年"),
        ("PIPL 17 (3) how to ask", "请通过下列联系方式提出您的请求"),
        ("PIPL 23 contact and manner of recipients", "〔各接收方的联系方式、处理方式"),
        ("PIPL 39 rights against recipients abroad", "向其行使权利的方式和程序"),
        ("PIPL 48 explanation", "要求对本规则作出解释说明"),
        ("PIPL 50 reasons and court", "依法提起诉讼"),
    ],
)
def test_the_chinese_notice_holds_what_pipl_17_and_23_ask(shop, provision, said):
    text = notice(shop, "zh", contact="ask@shop.example", transfers=[TRANSFER])
    assert said in text, provision


def test_a_notice_of_sensitive_linked_and_decided_data_says_more(sample_source):
    catalog = load_catalog(sample_source / "catalog.yaml")
    given = {"controller": "Bank", "contact": "c", "today": TODAY}
    text = privacy_notice(catalog, lang="en", **given)
    assert "[Why each is needed, and what it may mean for you.]" in text  # PIPL 30
    assert "From others we have: Credit bureau and area statistics." in text  # GDPR 14(2)f
    assert "[How it is made, and what it may lead to for you.]" in text  # GDPR 13(2)f
    assert "处理的必要性以及对您权益的影响" in privacy_notice(catalog, lang="zh", **given)


def test_a_notice_of_none_of_these_does_not_speak_of_them(shop):
    text = notice(shop)
    assert "Sensitive among it" not in text
    assert "From others we have" not in text
    assert "Decisions by machine" not in text
    assert "Contact of each of them" not in text  # nothing is handed to others


def test_the_notice_in_chinese_takes_words_where_they_are_translated(shop):
    text = notice(shop, "zh", say=lambda word: {"Purchases": "购买记录"}.get(word, word))
    assert "# Corner shop隐私告知书" in text
    assert "购买记录" in text
    assert "您的同意，可随时撤回" in text


def test_a_language_nobody_wrote(shop):
    with pytest.raises(UnknownName, match="no language of notices named 'fr'"):
        notice(shop, "fr")


def record(shop, **other):
    return processings(shop.catalog, "Corner shop", **other)


def test_the_record_has_a_line_a_purpose_and_table_that_it_reads(shop):
    lines = {(line.purpose, line.table) for line in record(shop)}
    assert ("service", "customers") in lines
    assert ("reporting", "transactions") in lines
    assert ("reporting", "customers") not in lines  # its key alone
    assert not any(table == "incidents" for _, table in lines)


def test_the_record_as_csv_names_recipients_and_assessments(shop):
    assessed = {"purpose": "service", "required": True, "done_on": None}
    text = to_csv(record(shop, transfers=[TRANSFER], assessments=[assessed]))
    rows = list(csv.DictReader(io.StringIO(text)))
    mine = next(r for r in rows if r["purpose"] == "service" and r["table"] == "customers")
    assert (mine["recipients"], mine["countries"]) == ("Call centre", "Poland")
    assert mine["transfer_mechanisms"] == "none"
    assert mine["impact_assessment"] == "required, not done"
    other = next(r for r in rows if r["purpose"] == "reporting")
    assert other["impact_assessment"] == "none on record"


@pytest.mark.parametrize(
    ("point", "column", "said"),
    [
        ("a: controller", "controller", "Corner shop"),
        ("a: contact and officer", "contact", "dpo@shop.example"),
        ("b: purposes", "purpose_title", "Answer a customer's call"),
        ("c: categories of people", "people", "customers"),
        ("c: categories of data", "kinds_of_data", "identity"),
        ("c: the data", "columns", "customer_id full_name email opened_on"),
        ("d: categories of recipients", "audience", "service desk"),
        ("d: recipients in third countries", "recipients", "Call centre"),
        ("e: third country", "countries", "Poland"),
        ("e: safeguards", "transfer_mechanisms", "none"),
        ("f: time limits", "retention", "84 months after opened_on"),
        ("g: security measures", "security", MEASURES),
    ],
)
def test_the_record_holds_what_gdpr_30_1_a_to_g_lists(shop, point, column, said):
    text = to_csv(record(shop, contact="dpo@shop.example", transfers=[TRANSFER]))
    rows = csv.DictReader(io.StringIO(text))
    mine = next(r for r in rows if r["purpose"] == "service" and r["table"] == "customers")
    assert mine[column] == said, point


def test_a_record_without_a_contact_leaves_a_place_for_it(shop):
    assert {line.contact for line in record(shop)} == {NO_CONTACT}


def test_a_cell_a_spreadsheet_would_run_is_disarmed(shop):
    evil = {**TRANSFER, "recipient": "=cmd()"}
    assert "'=cmd()" in to_csv(record(shop, transfers=[evil]))


def test_fides_yaml_has_a_dataset_and_a_system_a_purpose(sample_source):
    catalog = load_catalog(sample_source / "catalog.yaml")
    lines = processings(catalog, "Bank", transfers=[{**TRANSFER, "purpose": "reporting"}])
    content = YAML(typ="safe").load(to_fides(catalog, lines, TODAY))
    (dataset,) = content["dataset"]
    customers = next(each for each in dataset["collections"] if each["name"] == "customers")
    categories = {each["name"]: each["data_categories"] for each in customers["fields"]}
    assert categories["customer_id"] == ["user.unique_id"]
    assert categories["resident_id"] == ["user.government_id"]
    assert categories["phone"] == ["user.contact"]
    assert categories["gender"] == ["user.demographic"]
    systems = {each["fides_key"]: each["privacy_declarations"][0] for each in content["system"]}
    assert systems["sample_bank_credit_risk"]["legal_basis_for_processing"] == "Contract"
    assert systems["sample_bank_reporting"]["third_parties"] == (
        "Call centre (countries: Poland; safeguards: none)"
    )
    assert len(systems) == 7  # no table is granted to partner-analytics
