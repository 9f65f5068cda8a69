"""What is held of one customer: told, exported, corrected, restricted, objected to."""

import csv
import json
import shutil

import pytest
from click.testing import CliRunner

import workbench as wb
from workbench.cli import main
from workbench.errors import InputError, Refused, StorageError, UnknownName
from workbench.lifecycle.letters import letter
from workbench.lifecycle.rights.subjects import barred


def again(shop):
    return wb.open_workspace(shop.settings.root, now=shop.now)


def test_what_is_held_is_told_with_purposes_sources_recipients_and_retention(shop):
    customers, transactions, consents = shop.office.subject_held("K-000010", verified_by="id card")[
        1
    ]
    assert [each.rows for each in (customers, transactions, consents)] == [1, 9, 1]
    assert customers.source == "customers.parquet"
    assert customers.retention == "84 months after opened_on"
    assert set(customers.purposes) == {"service"}
    assert set(transactions.purposes) == {"reporting", "old-partner"}  # they took consent back
    _, transactions, _ = again(shop).office.subject_held("K-000012", verified_by="id card")[1]
    assert transactions.purposes["marketing"] == {
        "title": "Offers to those who agreed",
        "basis": "consent",
        "recipients": "marketing",
        "until": "2035-12-31",
    }


def test_an_export_holds_everything_for_machines_and_spreadsheets(shop, tmp_path):
    out = tmp_path / "for-the-customer"
    assert shop.office.export_subject("K-000010", out, verified_by="id card")[1] == {
        "customers": 1,
        "transactions": 9,
        "consents": 1,
    }
    content = json.loads((out / "subject.json").read_text())
    assert content["data"]["customers"] == [
        {
            "customer_id": "K-000010",
            "full_name": "Given10 Family10",
            "email": "person10@example.org",
            "opened_on": "2025-01-11",
        }
    ]
    assert {row["amount"] for row in content["data"]["transactions"]} == {"20.00"}
    assert [each["table"] for each in content["about"]] == [*content["data"]]
    with (out / "transactions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["booked_on"] for row in rows] == [f"2026-0{m}-11" for m in range(1, 10)]
    assert out.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in out.iterdir()} == {0o600}


def test_an_export_goes_where_nobody_publishes_or_keeps(shop, tmp_path):
    with pytest.raises(InputError, match="lies in the private folder"):
        shop.office.export_subject("K-000010", shop.private / "x", verified_by="id card")
    with pytest.raises(InputError, match="lies in the published folder"):
        shop.office.export_subject(
            "K-000010", shop.settings.path("published") / "x", verified_by="id card"
        )
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match="is there already"):
        shop.office.export_subject("K-000010", tmp_path / "there", verified_by="id card")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written: Not a directory"):
        shop.office.export_subject("K-000010", tmp_path / "file" / "x", verified_by="id card")
    (tmp_path / "project" / ".git").mkdir(parents=True)
    with pytest.raises(InputError, match=r"lies in the git work tree .*project, and could be com"):
        shop.office.export_subject(
            "K-000010", tmp_path / "project" / "exports" / "x", verified_by="id card"
        )
    assert not (tmp_path / "project" / "exports").exists()
    with pytest.raises(InputError, match="no table holds anything of this customer"):
        shop.office.export_subject("K-nobody", tmp_path / "none", verified_by="id card")
    assert not (tmp_path / "none").exists()


def row_of(shop, email):
    table = again(shop).open("customers", "service")
    return int(table.filter(table.email == email).count().execute())


def test_a_value_is_corrected(shop):
    before = shop.access.versions
    assert shop.office.correct_subject(
        "K-000010", {"customers.email": "new@example.org"}, verified_by="id card"
    )[1] == {"customers": 1}
    assert row_of(shop, "new@example.org") == 1
    assert row_of(shop, "person10@example.org") == 0
    after = again(shop).access.versions
    assert after.of("customers") != before.of("customers")
    assert after.of("transactions") == before.of("transactions")
    assert again(shop).init() == {}
    assert "new@example.org" not in str([e.body for e in shop.events.entries()])


def test_one_of_several_rows_is_corrected_where_it_is_named(shop):
    change, where = {"transactions.category": "toys"}, {"transactions.booked_on": "2026-03-11"}
    with pytest.raises(InputError, match=r"has 9 such rows of this customer. Say which one"):
        shop.office.correct_subject("K-000010", change, verified_by="id card")
    assert shop.office.correct_subject("K-000010", change, where, verified_by="id card")[1] == {
        "transactions": 1
    }
    with pytest.raises(InputError, match="has no such row of this customer"):
        shop.office.correct_subject(
            "K-000010", change, {"transactions.booked_on": "2026-03-12"}, verified_by="id card"
        )


def test_a_value_is_kept_as_it_reads_back(shop):
    where = {"transactions.booked_on": "2026-3-11"}
    changes = {"transactions.amount": " 07.500 ", "transactions.is_online": "false"}
    assert shop.office.correct_subject("\u200bK-000010 ", changes, where, verified_by="id card")[
        1
    ] == {"transactions": 1}
    (kept,) = shop.store.corrections.all()
    assert kept.where == {"booked_on": "2026-03-11"}
    assert kept.after["amount"] == "7.50"


def test_a_value_may_be_taken_away(shop):
    shop.office.correct_subject("K-000010", {"customers.email": ""}, verified_by="id card")
    table = again(shop).open("customers", "service")
    assert table.filter(table.email.isnull()).count().execute() == 1


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        ("transactions.category", "drink", "not in its domain: food, home, toys"),
        ("transactions.amount", "lots", "the value is not an amount"),
        ("transactions.amount", "900", "lies outside its bounds, 0 to 500"),
        ("transactions.booked_on", "2031-01-01", "lies outside its bounds"),
        ("customers.opened_on", "yesterday", "the value is not a date, such as 2026-09-30"),
        *(
            ("customers.opened_on", value, "the value is not a date")
            for value in ("epoch", "26-08-03", "2026-08-03 garbage", "2026-08-03 BC", "infinity")
        ),
        *(
            ("transactions.amount", value, "the value is not an amount")
            for value in ("1.234", "0.005", "0x10", "nan", "1e2", "1,5", "19.999")
        ),
        ("transactions.category", "Toys", "not in its domain"),
        ("customers.customer_id", "K-1", "is what the customer is known by"),
        ("incidents.opened_on", "2026-01-01", "'incidents' is not about customers"),
        ("email", "a", "'email' names no column: write table.column=value"),
    ],
)
def test_a_value_the_catalog_does_not_allow_is_refused_unrepeated(shop, place, value, told):
    with pytest.raises(InputError, match=told) as caught:
        shop.office.correct_subject("K-000010", {place: value}, verified_by="id card")
    assert value == "a" or value not in str(caught.value)


@pytest.fixture
def ruled(shop):
    """Return the shop with rules that one row, another row and another table decide on."""
    path = shop.settings.path("catalog")
    text = path.read_text()
    for old, new in [
        ("personal}\n      opened_on", "personal, rules: [{pattern: '@'}, {unique: true}]}\n"
         "      opened_on"),
        ("{not_null: true}", "{not_null: true}, {not_after: today}"),
        ("note: {type: text}", "note: {type: text, rules: [{references: customers.email}]}"),
    ]:  # fmt: skip
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_text(text)
    return again(shop)


@pytest.mark.parametrize(
    ("place", "value", "rule"),
    [
        ("customers.email", "nobody", "email: pattern"),
        ("customers.email", "person11@example.org", "email: another row has it already"),
        ("customers.opened_on", "2030-01-01", "opened_on: not_after today"),
        ("customers.opened_on", "", "opened_on: not_null"),
        ("transactions.note", "a stranger", "note: references customers.email"),
    ],
)
def test_a_value_that_an_ingest_would_keep_aside_is_no_correction(ruled, place, value, rule):
    which = {"transactions.booked_on": "2026-03-11"} if place.startswith("trans") else {}
    told = rf"would break a rule of the catalog \({rule}\)\. Check the value, or the catalog"
    with pytest.raises(InputError, match=told):
        ruled.office.correct_subject("K-000010", {place: value}, which, verified_by="id card")
    assert ruled.store.corrections.all() == []


def test_a_correction_that_keeps_the_rules_is_made(ruled):
    # why the second: the old note breaks the new reference, which is no matter of the amount
    assert ruled.office.correct_subject(
        "K-000010", {"customers.email": "n@example.org"}, verified_by="id card"
    )[1]
    which = {"transactions.booked_on": "2026-03-11"}
    assert ruled.office.correct_subject(
        "K-000010", {"transactions.amount": "5"}, which, verified_by="id card"
    )[1]


def test_a_value_that_stands_there_already_is_left(shop):
    before = shop.access.versions
    same = {"customers.email": "person10@example.org"}
    assert shop.office.correct_subject("K-000010", same, verified_by="id card")[1] == {
        "customers": 0
    }
    assert shop.store.corrections.all() == []
    assert again(shop).access.versions == before


def test_which_row_is_meant_is_told_in_the_columns_type(shop):
    change, where = {"transactions.category": "toys"}, {"transactions.booked_on": "in spring"}
    with pytest.raises(InputError, match=r"transactions\.booked_on: the value is not a date, such"):
        shop.office.correct_subject("K-000010", change, where, verified_by="id card")


def test_unknown_columns_are_refused_with_a_suggestion(shop):
    with pytest.raises(UnknownName, match=r"no column named 'emial'. Did you mean 'email'"):
        shop.office.correct_subject("K-000010", {"customers.emial": "x"}, verified_by="id card")


def counts(shop, table, purpose):
    return int(again(shop).open(table, purpose).count().execute())


def test_a_restricted_customer_is_left_out_of_the_next_opening(shop):
    shop.office.restrict_subject("K-000010", verified_by="id card")
    assert counts(shop, "customers", "service") == 599
    assert counts(shop, "transactions", "reporting") == 5391
    shop.office.restrict_subject("K-000010", lift=True, verified_by="id card")
    assert counts(shop, "customers", "service") == 600


def test_an_objection_is_to_a_purpose(shop):
    shop.office.restrict_subject("K-000002", ["marketing"], kind="objected", verified_by="id card")
    assert counts(shop, "transactions", "marketing") == 9 * 239
    assert counts(shop, "transactions", "reporting") == 5400


def left_out(ws, customer):
    return barred(ws.office, ws.office.mark(customer))


ASKED = {"verified_by": "id card"}
RESTRICTED, RESTRICTION_ENDS = ("restricted", False), ("restricted", True)
OBJECTED, OBJECTION_ENDS = ("objected", False), ("objected", True)


@pytest.mark.parametrize(
    ("acts", "left"),
    [
        ([RESTRICTED, OBJECTED, RESTRICTION_ENDS], "objected"),
        ([OBJECTED, RESTRICTED, RESTRICTION_ENDS], "objected"),
        ([RESTRICTED, OBJECTED, OBJECTION_ENDS], "restricted"),
        ([RESTRICTED, RESTRICTION_ENDS, OBJECTED], "objected"),
        ([OBJECTED, RESTRICTION_ENDS], "objected"),
        ([RESTRICTED, OBJECTION_ENDS], "restricted"),
        ([RESTRICTED, OBJECTED, RESTRICTION_ENDS, OBJECTION_ENDS], ""),
    ],
)
def test_a_restriction_and_an_objection_end_each_by_itself(shop, acts, left):
    for kind, lift in acts:
        shop.office.restrict_subject("K-000010", ["reporting"], kind=kind, lift=lift, **ASKED)
    assert left_out(shop, "K-000010") == ({"reporting": [left]} if left else {})
    assert counts(shop, "transactions", "reporting") == (5391 if left else 5400)


GROUNDS = "basis: legitimate interests\n    overriding_grounds: whoever steals would object\n"


@pytest.mark.parametrize(
    ("basis", "why"),
    [
        ("basis: contract\n", "it rests on contract"),
        ("basis: legal obligation\n", "it rests on legal obligation"),
        ("basis: vital interests\n", "it rests on vital interests"),
        (GROUNDS, "whoever steals would object"),
        ("basis: public task\n", None),
        ("basis: legitimate interests\n", None),
    ],
)
def test_an_objection_reaches_what_the_law_lets_it_reach(shop, basis, why):
    path = shop.settings.path("catalog")
    text = path.read_text()
    path.write_text(text.replace("basis: contract\n", basis))  # of the purpose service
    ws = again(shop)
    if why:
        with pytest.raises(Refused, match=rf"'service': {why}; GDPR 21.* may be made to reporting"):
            ws.office.restrict_subject(
                "K-000010", ["reporting", "service"], kind="objected", **ASKED
            )
        assert ws.store.marks.all() == []
    ws.office.restrict_subject(
        "K-000010", kind="objected", **ASKED
    )  # to every purpose that it reaches
    assert counts(shop, "customers", "service") == (600 if why else 599)
    assert counts(shop, "transactions", "reporting") == 5391
    assert ("service" in left_out(again(shop), "K-000010")) is (why is None)
    again(shop).office.restrict_subject(
        "K-000010", ["service"], **ASKED
    )  # a restriction reaches all
    assert counts(shop, "customers", "service") == 599


def test_a_restriction_outlives_the_private_folder(shop):
    made = shop.office.back_up()
    key = (shop.private / "keys" / "master.key").read_text()
    again(shop).office.restrict_subject("K-000010", **ASKED)
    again(shop).office.restrict_subject("K-000012", ["reporting"], kind="objected", **ASKED)
    shutil.rmtree(shop.private)
    handed = shop.settings.root / "handed.key"
    handed.write_text(key)
    handed.chmod(0o600)
    again(shop).office.restore(made.file, key_file=handed)
    assert counts(shop, "transactions", "reporting") == 5382
    assert counts(shop, "customers", "service") == 599


def test_a_workspace_that_is_open_leaves_them_out_from_the_next_opening_on(shop):
    assert shop.open("customers", "service").count().execute() == 600
    again(shop).office.restrict_subject("K-000010", verified_by="id card")
    assert shop.open("customers", "service").count().execute() == 599


def test_releases_leave_them_out(shop):
    shop.office.restrict_subject("K-000010", verified_by="id card")
    connection = again(shop).access.release_connection([("transactions", "reporting")], shop.now())
    assert connection.execute("SELECT count(*) FROM reporting.transactions").fetchone() == (5391,)
    connection.close()


def test_rows_without_a_customer_stay(shop):
    path = shop.settings.path("source") / "consents.csv"
    path.write_text(path.read_text() + ",marketing,2026-01-05,\n")
    catalog = shop.settings.path("catalog")
    kept = "source: consents.csv\n    without_customer: keep"
    catalog.write_text(catalog.read_text().replace("source: consents.csv", kept))
    again(shop).init()
    again(shop).office.restrict_subject("K-000010", verified_by="id card")
    assert counts(shop, "consents", "service") == 300


def test_what_cannot_be_restricted_is_refused(shop):
    with pytest.raises(UnknownName, match=r"no purpose named 'markting'. Did you mean 'marketing'"):
        shop.office.restrict_subject("K-000010", ["markting"], verified_by="id card")
    with pytest.raises(InputError, match="no table holds anything of this customer"):
        shop.office.restrict_subject("K-nobody", verified_by="id card")


def test_access_names_what_the_customer_agreed_to_and_what_leaves_them_out(shop, tmp_path):
    """Of K-000011 no consent is known, K-000012 agrees, K-000010 took it back."""
    ws = again(shop)
    purposes = {
        each: ws.office.subject_held(each, **ASKED)[1][1].purposes
        for each in ("K-000010", "K-000011", "K-000012")
    }
    assert [each for each in purposes if "marketing" in purposes[each]] == ["K-000012"]
    ws.office.restrict_subject("K-000012", ["marketing"], **ASKED)
    ws.office.restrict_subject("K-000012", ["reporting"], kind="objected", **ASKED)
    found = again(shop).office.subject_held("K-000012", **ASKED)[1]
    told = {name: each.get("left out") for name, each in found[1].purposes.items()}
    assert told == {"marketing": "restricted", "reporting": "objected", "old-partner": "ended"}
    english, chinese = (letter(ws.office, found, lang, "a@b.example") for lang in ("en", "zh"))
    for words in ("transactions.parquet", "you objected to it", "supervisory authority", "erasure",
                  "partner. Not used for this any more: it ended on 2025-12-31."):  # fmt: skip
        assert words in english
    for words in ("transactions.parquet", "您已表示拒绝", "投诉", "更正", "限制",
                  "已不再用于此目的：该目的已于 2025-12-31 终止。"):  # fmt: skip
        assert words in chinese
    out = tmp_path / "letter.md"
    words = ("subject", "access", "K-000012", "--verified-by", "x", "--out", str(out))
    done = CliRunner().invoke(main, [*words, "--language", "zh", "-w", str(shop.settings.root)])
    assert done.exit_code == 0, done.output
    assert out.read_text().startswith("# 我们持有的关于您的个人信息")
    assert out.stat().st_mode & 0o777 == 0o600
    again_ = CliRunner().invoke(main, [*words, "-w", str(shop.settings.root)])
    assert "is there already" in again_.output


def test_cells_that_a_spreadsheet_would_run_are_counted(shop, tmp_path):
    which = {"transactions.booked_on": "2026-03-11"}
    shop.office.correct_subject("K-000010", {"transactions.note": "=1+1"}, which, **ASKED)
    rows = again(shop).office.export_subject("K-000010", tmp_path / "out", **ASKED)[1]
    assert rows["formula-cells"] == 1
    assert "'=1+1" in (tmp_path / "out" / "transactions.csv").read_text()
    assert '"=1+1"' in (tmp_path / "out" / "subject.json").read_text()
