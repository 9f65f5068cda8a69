"""The compliance summary of a workspace: planted faults found, a clean estate all green."""

import datetime as dt
import re
import subprocess
from decimal import Decimal

import duckdb
import pytest

import workbench as wb
from workbench.errors import QuestionRefused
from workbench.estates.sample import planted
from workbench.estates.sample.build import generate
from workbench.periods import Period
from workbench.privacy.accounting import pico_of
from workbench.privacy.operational import operational
from workbench.reporting.definitions.reading import load_definition
from workbench.reporting.published.copies import pdf
from workbench.reporting.summary.annexes import annexes
from workbench.reporting.summary.evidence import Evidence

PERIOD = "2026-09"
TOLD = ("indicator", "value", "numerator", "denominator", "light", "why")
PRIVATE = {"impact-ratio", "past-retention", "quality-accuracy", "quality-completeness"}


def now():
    return dt.datetime(2026, 10, 5, 9, tzinfo=dt.UTC)


def workspace(folder, source):
    folder.mkdir(parents=True)
    text = f'title = "Bank"\ncatalog = "{source}/catalog.yaml"\nsource = "{source}"\n'
    (folder / "workbench.toml").write_text(text)
    ws = wb.open_workspace(folder, now=now)
    ws.init()
    return ws


def summary(ws, epsilon):
    loans = ws.open("credit_applications", "compliance")
    tx = ws.open("transactions", "compliance")
    groups = [wb.bands("age", [30, 45, 60]), "gender", "household_registration"]
    decided = ws.release_marginals(
        wb.marginals(loans, groups, period=wb.trailing(PERIOD, 12), cells=1, rows=1).rate(
            approved=loans.decision == "approved", person=loans.decided_by == "person"
        ),
        name="decisions",
        epsilon=epsilon,
    )
    retention = ws.past_retention(PERIOD, epsilon=epsilon)
    quality = ws.release(
        wb.query(tx, period=PERIOD, rows=1).rate(
            accurate=tx.amount.between(1, 5000).fill_null(True), complete=tx.amount.notnull()
        ),
        name="quality",
        epsilon=epsilon,
    )
    return ws.compliance(
        PERIOD, decisions=decided, retention=retention, quality=quality, checks=ws.quality()
    )


def by_id(made):
    return made.indicators.frame.set_index("indicator")


@pytest.fixture(scope="module")
def bank(tmp_path_factory, sample_source):
    return workspace(tmp_path_factory.mktemp("bank") / "ws", sample_source)


@pytest.fixture(scope="module")
def found(bank):
    return summary(bank, 0.5)


def test_every_planted_fault_is_found(found):
    lines = by_id(found)
    faults = {
        "requests-overdue": planted.REQUESTS_OVERDUE_OPEN,
        "unusual-readers": 1,
        "outside-purpose": planted.UNUSUAL_READS // 3,  # of bureau, which reporting may not read
    }
    assert {name: lines.value[name] for name in faults} == faults
    red = {"requests-on-time", "requests-ageing", "assessments", "assessment-reviews"}
    red |= {"transfer-mechanism", "retention-run", *faults}
    assert red <= set(lines.index[lines.light == "red"])
    assert lines.light["purposes-in-force"] == "amber"  # partner-analytics expired
    assert lines.light["training"] == "amber"


def test_timeliness_is_told_and_is_red_when_nobody_loads(bank, found):
    line = by_id(found).loc["quality-timeliness"]
    assert (line.value, line.numerator, line.denominator, line.light) == (1, 2, 2, "green")
    later = wb.open_workspace(bank.settings.root, now=lambda: now() + dt.timedelta(days=50))
    again = by_id(later.compliance(PERIOD, checks=later.quality())).loc["quality-timeliness"]
    assert (again.value, again.denominator, again.light) == (0.5, 2, "red")


def test_undeclared_identifiers_of_customers_are_for_the_officer_alone(found, bank):
    (column,) = {(hint.table, hint.column) for hint in bank.quality().hints}
    assert column == ("feedback", "comment")
    line = by_id(found).loc["undeclared-identifiers"]
    assert line.light == "not measured"
    assert line.why == "checks of customers' rows are for the officer's eyes only"


def add(ws, table, rows):
    """Append rows to a source file of a shop and load it."""
    path = next(ws.settings.path("source").glob(f"{table}.*"))
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS SELECT * FROM '{path}'")
        marks = ", ".join("?" for _ in rows[0])
        connection.executemany(f"INSERT INTO t VALUES ({marks})", rows)
        connection.execute(f"COPY t TO '{path}'")
    ws.init()


def test_no_line_about_quality_changes_with_one_customers_rows(shop):
    path = shop.settings.path("catalog")
    text = path.read_text().replace(
        "    time: booked_on\n", "    time: booked_on\n    freshness_days: 4\n"
    )
    path.write_text(text)
    ws = wb.open_workspace(shop.settings.root, now=now)

    def told():
        made = ws.compliance(PERIOD, checks=ws.quality())
        columns = made.indicators.columns
        lines = zip(*(columns[each] for each in TOLD), strict=True)
        return made.quality.columns, [
            line for line in lines if line[0].startswith(("quality-", "undeclared-"))
        ]

    before, late = told(), ws.quality()
    mail = [
        ("K-999999", dt.date(2026, 10, day), "north", "food", "mail me at x@y.org", 10, False)
        for day in (1, 2, 3)
    ]
    add(ws, "transactions", mail)
    assert told() == before
    seen = ws.quality()
    assert [hint.column for hint in seen.hints] == ["note"]
    fresh = [
        next(check.light for check in each.checks if check.rule == "fresh") for each in (late, seen)
    ]
    assert fresh == ["red", "green"]


def test_what_is_encrypted_is_counted_in_tables_which_no_customers_rows_change(shop, tmp_path):
    def told():
        line = by_id(wb.open_workspace(shop.settings.root, now=now).compliance(PERIOD)).loc[
            "encryption"
        ]
        return line.numerator, line.denominator, line.light

    def files():
        return len(list((shop.private / "store" / "data").rglob("*.parquet")))

    before, few = told(), files()
    wb.open_workspace(shop.settings.root, now=now).office.correct_subject(
        "K-000005", {"customers.email": "new@example.org"}, {}, verified_by="id card"
    )
    late = tmp_path / "late.csv"
    late.write_text(
        "customer_id,booked_on,region,category,note,amount,is_online\n"
        "K-000005,2026-09-30,north,food,x,5,true\nK-000005,2026-09-30,nowhere,food,x,5,true\n"
    )
    wb.open_workspace(shop.settings.root, now=now).ingest("transactions", late)
    assert files() > few
    assert told() == before == (5, 5, "green")
    for place in ("main/customers", "intake/quarantine"):
        (shop.private / "store" / "data" / place / "plain.parquet").write_bytes(b"PAR1")
    assert told() == (3, 5, "red")


def test_undeclared_identifiers_of_operational_tables_are_counted(shop):
    mails = [(f"x{n}@example.org", dt.date(2026, 9, 1)) for n in (1, 2, 3)]
    add(shop, "incidents", mails)
    line = by_id(shop.compliance(PERIOD, checks=shop.quality())).loc["undeclared-identifiers"]
    assert (line.value, line.denominator, line.light) == (1, 2, "red")


def test_rows_past_retention_are_estimated_around_the_planted_share(found):
    rows = found.retention.frame.set_index("table")
    planted_people = planted.CUSTOMER_PAST_RETENTION_RATE * 5000
    assert rows.customers_low["Customers"] <= planted_people + 60
    assert rows.customers_high["Customers"] >= planted_people - 60
    assert len(rows) == 16  # every table: of ten customers, of six exact rows
    assert rows.rows.notna().sum() == 6
    assert rows.customers.notna().sum() == 10


def test_every_protected_attribute_has_its_ratio_and_the_lowest_leads(found, bank):
    columns = bank.catalog.columns_for("credit_applications", "compliance")
    protected = [each.title for each in columns.values() if each.role == "protected"]
    frame = found.decisions.frame
    assert {each.removesuffix(", band") for each in frame.attribute} == set(protected)
    known = frame.ratio.dropna()
    assert known.is_monotonic_increasing
    line = by_id(found).loc["impact-ratio"]
    assert line.value == known.min()
    assert line.high - line.low > (frame.ratio_high - frame.ratio_low)[known.idxmin()]
    (rural,) = frame[frame.attribute == "Household registration"].to_dict("records")
    assert (rural["least"], rural["most"]) == ("rural", "urban")  # declined more often, as planted
    assert rural["ratio_low"] < 0.85


def test_the_red_ones_are_named_first_with_owner_and_day(found):
    chosen = ["red", "amber"]
    shown = wb.figures.indicators(found.indicators, lights=chosen, first=True).drawn()
    assert shown.first
    red = by_id(found)
    assert len(shown.grid.rows) == red.light.isin(chosen).sum()
    assert [cell.text for cell in shown.grid.heads] == ["Indicator", "Why", "Owner", "Due"]
    assert all(cell.text for row in shown.grid.rows for cell in row)
    days = {row[0].text[2:]: row[3].text for row in shown.grid.rows}
    assert days["Training completed"].startswith("at once; due ")  # as its records say
    assert len(set(days.values())) > 3


def test_neither_requests_nor_staff_are_named(found, bank):
    assert sum(found.overdue.columns["requests"]) == planted.REQUESTS_OVERDUE_OPEN
    assert {axis.name for axis in found.overdue.by} == {"kind", "law", "late"}
    requests = bank.operational("subject_requests")
    everything = "".join(
        release.to_json()
        for release in vars(found).values()
    )  # fmt: skip  # why: the whole summary at once
    assert not [each for each in requests["request_id"] if f'"{each}"' in everything]
    assert planted.UNUSUAL_READER not in everything
    assert "officer-1" not in everything
    assert "staff-01" not in everything


def test_no_exact_figure_is_of_a_table_about_customers(found, bank):
    for release in vars(found).values():
        sources = release.mechanism["sources"]
        about = [s for s in sources if s in bank.catalog.tables]
        assert all(bank.catalog.tables[name].operational for name in about)


def test_it_costs_nothing_beyond_the_private_answers(found, bank):
    spent = bank.budget(PERIOD)[0].spent
    assert by_id(summary(bank, 0.5)).light["requests-overdue"] == "red"
    assert bank.budget(PERIOD)[0].spent == spent
    assert bank.ledger.verify() > 0


def test_days_once_set_stay_when_it_is_made_again(bank, found):
    later = wb.open_workspace(bank.settings.root, now=lambda: now() + dt.timedelta(days=20))
    again = by_id(later.compliance(PERIOD))
    assert again.due["retention-run"] == by_id(found).due["retention-run"] == "2026-10-19"
    overdue = [each.due["requests-overdue"] for each in (again, by_id(found))]
    assert overdue == ["2026-08-09", "2026-08-09"]  # the week in which the first was due


def test_without_private_answers_their_indicators_are_not_measured(bank):
    lines = by_id(bank.compliance(PERIOD))
    assert {lines.light[name] for name in PRIVATE - {"past-retention"}} == {"not measured"}


def test_a_month_before_shows_what_was(bank, found):
    lines = by_id(bank.compliance("2026-08"))
    assert lines.value["requests-overdue"] == by_id(found).previous["requests-overdue"] == 2


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    generate(folder / "data", customers=1500, faults=False)
    (folder / "data").chmod(0o700)
    catalog = folder / "data" / "catalog.yaml"
    text, changed = re.subn(
        "limits: {.*}", "limits: {month: 90, year: 90, lifetime: 90}", catalog.read_text()
    )
    assert changed == 1
    catalog.write_text(text)
    ws = workspace(folder / "ws", folder / "data")
    ws.office.apply_retention()
    ws.office.restore_test(ws.office.back_up().file)
    ws.office.review()
    ws.office.reviews.add_risk(
        "Paper files", owner="archive", likelihood=1, impact=3, treatment="accept", plan="",
        due=None, now=now(),
    )  # fmt: skip
    return ws


def test_a_clean_estate_is_all_green_and_nothing_is_flagged(clean):
    lines = by_id(summary(clean, 20))  # so little noise that no light is chance's
    exact = lines[~lines.index.isin(PRIVATE)]
    assert set(exact.light) <= {"green", "not measured", "information"}
    assert set(lines.light[list(PRIVATE)]) <= {"green", "amber"}  # amber: too few to be sure
    must = {"requests-on-time", "requests-overdue", "outside-purpose", "purposes-in-force"}
    must |= {"assessments", "transfer-mechanism", "training", "unusual-readers", "encryption"}
    must |= {"logs-whole", "retention-run", "restore-test", "access-review", "open-risks"}
    must |= {"quality-consistency", "quality-security", "quality-timeliness", "coverage"}
    assert must <= set(lines.index[lines.light == "green"])
    assert clean.office.detect(until=PERIOD).found == ()
    assert len(clean.compliance(PERIOD).overdue) == 0


def test_a_shop_without_any_of_the_tables_has_a_summary_too(shop):
    lines = by_id(shop.compliance(PERIOD))
    assert lines.light["requests-on-time"] == "not measured"
    assert lines.why["requests-on-time"] == "no table of that name"
    assert lines.light["encryption"] == "green"


def test_the_generator_plants_again_after_a_clean_estate(clean):
    assert planted.REQUESTS_OVERDUE_OPEN == 5


def test_what_workbench_keeps_itself_is_counted_with_the_tables(shop, tmp_path):
    path = shop.settings.path("catalog")
    path.write_text(
        path.read_text().replace(
            "audience: managers\n", "audience: managers\n    share_extracts: true\n"
        )
    )
    ws = wb.open_workspace(shop.settings.root, now=now)
    ws.office.share_extract(
        "transactions", ["region"], tmp_path / "out", recipient="Institute", country="Norway",
        purpose="reporting", terms="contract 7", expires=dt.date(2027, 3, 31), people=700,
        mechanism="adequacy decision",
    )  # fmt: skip
    seen = now() - dt.timedelta(days=7)
    opened = ws.office.incidents.open(
        "Lost stick", nature="loss", detected_at=seen, occurred_at=None, facts={}, now=now()
    )
    ws.office.assess(opened.id, severity="low")
    ws.office.incidents.notify(
        opened.id, "gdpr-authority", at=seen + dt.timedelta(hours=30), now=now()
    )
    made = ws.compliance("2026-09")
    lines = by_id(made)
    assert (lines.value["notify-hours"], lines.light["notify-hours"]) == (30.0, "green")
    (incident,) = made.incidents.frame.to_dict("records")
    assert (incident["incident"], incident["people"]) == (opened.id, "not known")
    october = ws.compliance("2026-10")
    (transfer,) = october.transfers.frame.to_dict("records")
    assert (transfer["recipient"], transfer["people"]) == ("Institute", "100 to 999")
    assert by_id(october).light["transfer-mechanism"] == "green"
    assert by_id(october).value["smallest-group"] == 5  # as asked
    (extract,) = october.extracts.frame.to_dict("records")
    assert (extract["k"], extract["people"]) == (5, 700)
    why = "no extract with a sensitive column"
    assert by_id(october).why["extract-diversity"] == why


def test_what_was_agreed_of_an_extract_is_shown_and_not_what_was_measured(shop, tmp_path):
    path = shop.settings.path("catalog")
    text = path.read_text().replace(
        "amount: {type: money,", "amount: {type: money, sensitivity: sensitive,"
    )
    path.write_text(
        text.replace("audience: managers\n", "audience: managers\n    share_extracts: true\n")
    )
    ws = wb.open_workspace(shop.settings.root, now=now)
    for folder, terms in (("a", {"l": 4, "t": 0.25}), ("b", {"k": 20})):
        ws.office.share_extract(
            "transactions", ["amount"], tmp_path / folder, recipient="Institute", country="Norway",
            purpose="reporting", terms="contract 7", expires=dt.date(2027, 3, 31), people=700,
            **terms,
        )  # fmt: skip
    made = ws.compliance("2026-10")
    lines = by_id(made)
    assert (lines.value["extract-diversity"], lines.light["extract-diversity"]) == (2, "amber")
    assert (lines.value["extract-closeness"], lines.light["extract-closeness"]) == (1, "amber")
    assert lines.value["smallest-group"] == 5
    told = made.extracts.frame
    assert [list(told[name].astype(object).where(told[name].notna(), None)) for name in "klt"] == [
        [5, 20],
        [4, 2],
        [0.25, None],
    ]


def test_the_report_is_published_in_two_languages_at_its_price(tmp_path, sample_source, repository):
    text = f'title = "Sample bank"\ncatalog = "{sample_source}/catalog.yaml"\n'
    text += f'source = "{sample_source}"\nnotebooks = "{repository}/notebooks"\n'
    text += f'reports = "{repository}/reports"\npublished = "published"\n'
    (tmp_path / "workbench.toml").write_text(text)
    ws = wb.open_workspace(tmp_path, now=now)
    ws.init()
    edition = ws.reports.render("compliance-summary", period=PERIOD)
    assert edition.epsilon <= 0.22
    english = edition.page.read_text()
    first = english.split('id="contents"')[0]
    name = '<a href="#what-is-requests-overdue">■ Requests open and overdue</a>'
    assert f'<span class="light red">{name}</span>' in first
    assert '<li class="kpi red">' in first
    body, _, definitions = english.partition("What each indicator is, and from where</h2>")
    assert body.count("Requests open and overdue") == 1  # and its figures with it
    assert 'id="what-is-requests-overdue"' in definitions
    assert planted.UNUSUAL_READER not in english
    chinese = edition.page.with_name("index.zh.html").read_text()
    assert '<span class="light red"><a href="#what-is-requests-overdue">■ ' in chinese
    for page in (edition.page, edition.page.with_name("index.zh.html")):
        said = subprocess.run(
            ["pdfinfo", pdf(page, tmp_path / f"{page.stem}.pdf")],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert re.search(r"Pages: +([1-4])\n", said), said
    for word in ("data protection", "Requests", "Exact:", "Red", "access_log", "Signed"):
        assert word not in chinese.split("<main")[1].split("</main>")[0], word


def test_six_editions_made_in_one_month_fit_its_budget(repository):
    path = repository / "reports" / "compliance-summary.yaml"
    declared = load_definition(path, repository / "notebooks")

    def cost(name):
        return pico_of(Decimal(str(declared.parameters[f"epsilon_{name}"].default)), 1e-6)

    share = pico_of(Decimal(str(declared.budget.epsilon)), 1e-6)
    # of no month of rows, so paid in the month they are asked; consents where there were reads
    assert 6 * cost("retention") + 2 * cost("consents") <= share
    assert sum(map(cost, ("decisions", "quality", "retention", "consents"))) <= share


def test_a_role_declared_personal_is_refused_under_the_name_the_page_gives_it(bank):
    log = bank.catalog.tables["access_log"]
    role = log.columns["role"].model_copy(update={"sensitivity": "personal"})
    table = log.model_copy(update={"columns": {**log.columns, "role": role}})
    catalog = bank.catalog.model_copy(
        update={"tables": {**bank.catalog.tables, "access_log": table}}
    )
    figures = annexes(Evidence(bank, Period.parse(PERIOD)))["accesses"]
    with pytest.raises(QuestionRefused, match="would show role, which names people on the staff"):
        operational(figures, catalog, "v")
