"""Incidents: scope from the log, clocks, drafts, and nothing closed before its time."""

import datetime as dt
from dataclasses import replace

import duckdb
import pytest

import workbench as wb
from workbench.errors import InputError, UnknownName
from workbench.lifecycle.incidents import Incidents
from workbench.lifecycle.law import clock, clocks
from workbench.lifecycle.letters import draft
from workbench.lifecycle.reads import Read, scope_of
from workbench.store.logs.events import Events, verify

NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
SEEN = NOW - dt.timedelta(hours=3)
FACTS = {"personal_data": True, "cyber": True, "critical_infrastructure": False}


@pytest.fixture
def incidents(tmp_path):
    return Incidents(Events(tmp_path))


@pytest.fixture
def opened(incidents):
    return incidents.open(
        "Open folder", nature="leak", detected_at=SEEN, occurred_at=None, facts=FACTS, now=NOW
    )


def reads():
    at = dt.datetime.fromisoformat("2026-09-01T02:00")
    return [
        Read(at, "eve", "contractor", "transactions", "reporting", 400, False),
        Read(at, "eve", "contractor", "customers", "reporting", 100, False),
        Read(at, "eve", "contractor", "customers", "reporting", 0, True),
        Read(at, "ana", "analyst", "transactions", "reporting", 9, False),
    ]


def scope(shop, **chosen):
    return scope_of(reads(), shop.catalog, lambda _: 600, **chosen)


def test_scope_is_worked_out_from_who_read_what(shop):
    found = scope(shop, readers=["eve"])
    assert (found.tables, found.kinds) == (
        ("customers", "transactions"),
        ("identity", "transactions"),
    )
    assert (found.reads, found.refused, found.sensitivities) == (
        2,
        1,
        ("internal", "personal"),
    )
    assert found.subjects_at_most == 500  # no more rows were read than that
    assert found.records_at_most == 500
    assert scope(shop, readers=["ana"]).subjects_at_most == 9
    assert scope(shop, tables=["incidents"]).subjects_at_most is None  # nobody read it
    with pytest.raises(UnknownName, match=r"no reader on record named 'evee'\. Did you mean 'eve'"):
        scope(shop, readers=["evee"])
    with pytest.raises(UnknownName, match=r"no table named 'incident'\. Did you mean 'incidents'"):
        scope(shop, tables=["incident"])


def test_people_are_counted_once_over_tables(shop):
    from workbench.lifecycle.reads import people

    count = people(shop.store, shop.catalog, 1, ["customers", "transactions", "incidents"])
    assert count == 600
    assert people(shop.store, shop.catalog, 1, ["transactions"]) == 600  # who have many rows each


def test_whatever_hands_out_rows_is_a_read_with_its_volume(shop):
    tx = shop.open("transactions", "reporting")
    again = wb.open_workspace(shop.settings.root, now=shop.now)
    again.access._bulk_rows = 100
    again.open("transactions", "reporting").execute()
    someone = tx.limit(1).execute().customer_id[0]
    again.look_up(someone, "reporting", reason="complaint 1")
    again.quarantine("customers", "service")
    again.possible_duplicates("customers", "service")
    told = [(e.kind, e.body.get("rows")) for e in again.events.entries() if e.kind != "load"]
    assert ("bulk read", 5400) in told
    found = again.office.reads()
    assert 5400 in [read.rows for read in found if read.table == "transactions"]
    # opened three times, handed out three times, looked up once
    assert [read.table for read in found].count("transactions") == 7
    assert [read.table for read in found].count("customers") == 2
    assert [read for read in found if read.rows is None and read.held is None] == []
    opened = [read.held for read in found if read.table == "transactions" and read.rows is None]
    assert sorted(opened) == [1000, 1000, 5400, 5400]  # a look-up takes no more of a table
    whole = scope_of(found, shop.catalog, lambda names: 600 * len(names))
    assert whole.tables == ("customers", "transactions")
    assert (whole.subjects_at_most, whole.records_at_most) == (1200, 5400)
    for small in (read for read in found if read.among_others):  # its opening may lie before
        alone = scope_of([small], shop.catalog, lambda _: 6000)
        assert (alone.subjects_at_most, alone.records_at_most) == (5400, 5400)
    old = [replace(read, held=None, snapshot=None) for read in found if read.rows == 5400]
    alone = scope_of(old, shop.catalog, lambda _: 6000)
    assert (alone.subjects_at_most, alone.records_at_most) == (6000, None)  # smaller ones went too


HANDING_OUT = {
    "execute": lambda table, _: table.limit(7).execute(),
    "column": lambda table, _: table.limit(7).region.to_pandas(),
    "to_pyarrow": lambda table, _: table.limit(7).to_pyarrow(),
    "batches": lambda table, _: next(iter(table.limit(7).to_pyarrow_batches(chunk_size=1))),
    "to_csv": lambda table, path: table.limit(7).to_csv(path / "x.csv"),
    "one text": lambda table, _: table.limit(7).note.group_concat().execute(),
    "a list a group": lambda table, _: table.limit(7).pipe(
        lambda seven: seven.group_by("region").agg(notes=seven.note.collect()).execute()
    ),
}


@pytest.mark.parametrize("way", HANDING_OUT)
def test_a_small_result_is_a_read_with_its_rows(shop, tmp_path, way):
    HANDING_OUT[way](shop.open("transactions", "reporting"), tmp_path)
    opening, result = shop.office.reads()
    assert (opening.rows, opening.held, opening.snapshot) == (None, 5400, 1)
    assert (result.rows, result.held, result.purpose) == (7, 5400, "reporting")


def test_an_export_of_a_customer_is_a_read(shop, tmp_path):
    shop.office.export_subject("K-000010", tmp_path / "out", verified_by="id card")
    told = {(read.table, read.held) for read in shop.office.reads()}
    assert told == {("customers", 1), ("transactions", 9), ("consents", 1)}


def others_come(shop):
    """Put other people in the place of every customer."""
    source = shop.settings.path("source") / "customers.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE c AS SELECT * FROM '{source}'")
        connection.execute("UPDATE c SET customer_id = replace(customer_id, 'K-', 'N-')")
        connection.execute(f"COPY c TO '{source}' (FORMAT parquet)")
    shop.init(reload=["customers"])


@pytest.mark.parametrize(
    ("after", "people"),
    [
        ([], 600),
        (["erased"], 600),
        (["reloaded"], 1200),  # whom the older snapshot has are counted, each once
        (["reloaded", "erased"], 1201),  # it has ended: as many as it held, and who went since
    ],
)
def test_people_who_were_read_count_though_they_are_gone(shop, after, people):
    shop.open("customers", "service").execute()
    if "reloaded" in after:
        others_come(shop)
        shop = wb.open_workspace(shop.settings.root, now=shop.now)
        shop.open("customers", "service").execute()
    if "erased" in after:
        name = "N-000010" if "reloaded" in after else "K-000010"
        shop.office.erase_subject(name, verified_by="id card")
    now = wb.open_workspace(shop.settings.root, now=shop.now)
    facts = {"detected_at": NOW, "occurred_at": None, "facts": {}, "now": NOW}
    name = now.office.incidents.open("leak", nature="leak", **facts).id
    found = now.office.assess(name, severity="low", tables=["customers"]).scope
    assert found["records_at_most"] == (1200 if "reloaded" in after else 600)
    assert found["subjects_at_most"] == min(people, found["records_at_most"])


def test_people_of_lines_kept_aside_are_in_no_table(shop, tmp_path):
    bad = tmp_path / "more.csv"
    lines = [f"X-{n:06d},A,b,soon" for n in range(40)]
    lines = ["customer_id,full_name,email,opened_on", *lines, "X-1,A,b,2026-01-01", ""]
    bad.write_text("\n".join(lines))
    shop.ingest("customers", bad)
    now = wb.open_workspace(shop.settings.root, now=shop.now)
    assert len(now.quarantine("customers", "service")) == 40
    found = scope_of(now.office.reads(), shop.catalog, lambda _: 3)
    assert (found.records_at_most, found.subjects_at_most) == (40, 40)
    now.open("customers", "service").execute()
    found = scope_of(now.office.reads(), shop.catalog, lambda _: 600)
    assert (found.records_at_most, found.subjects_at_most) == (641, 640)


def test_a_log_without_rows_means_everybody(shop):
    one = [
        Read(
            dt.datetime.fromisoformat("2026-09-01"), "eve", "x", "customers", "service", None, False
        )
    ]
    found = scope_of(one, shop.catalog, lambda _: 600)
    assert (found.subjects_at_most, found.records_at_most) == (600, None)


def test_clocks_run_and_stop(incidents, opened, shop):
    running = {each.clock.id: each.state(NOW) for each in opened.deadlines()}
    assert running["gdpr-authority"] == "running"
    assert running["cirm-operator"] == "running"  # how many people is not known yet
    assert running["pipl-authority"] == "running"  # at once: a day's grace
    assessed = incidents.assess(
        opened.id, scope(shop), severity="high", facts={"high_risk": False}, now=NOW
    )
    left = {each.clock.id for each in assessed.deadlines()}
    assert "cirm-operator" not in left
    assert "gdpr-subjects" not in left
    late = {each.clock.id: each.state(NOW + dt.timedelta(days=4)) for each in assessed.deadlines()}
    assert set(late.values()) == {"overdue"}


def test_a_whole_life_with_lessons(incidents, opened, shop):
    name = opened.id
    incidents.assess(name, scope(shop), severity="low", facts={"high_risk": False}, now=NOW)
    with pytest.raises(InputError, match="say with --how what stopped it"):
        incidents.contain(name, " ", at=NOW, now=NOW)
    with pytest.raises(InputError, match=r"to do first: contain, notify --clock pipl-authority"):
        incidents.close(name, ["lock folders"], now=NOW)
    incidents.contain(name, "folder closed", at=NOW, now=NOW)
    for each in incidents.get(name).deadlines():
        incidents.notify(name, each.clock.id, at=NOW, now=NOW)
    with pytest.raises(InputError, match="to do first: say at least one lesson"):
        incidents.close(name, [" "], now=NOW)
    closed = incidents.close(name, ["lock folders"], now=NOW)
    assert (closed.state, closed.lessons) == ("closed", ("lock folders",))
    assert {each.state(NOW) for each in closed.deadlines()} == {"met"}
    verdict = verify(incidents.register.events)
    assert (verdict.holds, verdict.entries) == (True, len(incidents.register.of(name)))
    with pytest.raises(InputError, match="was closed on 2026-10-02"):
        incidents.contain(name, "again", at=NOW, now=NOW)


def test_ids_count_within_the_year(incidents, opened):
    again = incidents.open(
        "Another", nature="loss", detected_at=SEEN, occurred_at=None, facts=FACTS, now=NOW
    )
    assert [each.id for each in incidents.all()] == ["IN-2026-001", "IN-2026-002"]
    assert again.state == "open"


def test_an_incident_has_a_title(incidents):
    with pytest.raises(InputError, match="say in a few words what happened"):
        incidents.open(
            " ", nature="leak", detected_at=SEEN, occurred_at=None, facts={}, now=NOW
        )  # fmt: skip  # why: two lines


def test_times_must_be_in_order(incidents):
    with pytest.raises(InputError, match="happens, is detected, then recorded"):
        incidents.open(
            "x",
            nature="leak",
            detected_at=NOW + dt.timedelta(1),
            occurred_at=None,
            facts={},
            now=NOW,
        )


def test_a_clock_that_does_not_run_is_not_notified(incidents, opened):
    with pytest.raises(InputError, match=r"clock 'gdpr-request' does not run for IN-2026-001"):
        incidents.notify(opened.id, "gdpr-request", at=NOW, now=NOW)


@pytest.mark.parametrize("hours", [-12, -4, 1])
def test_a_notice_before_the_detection_or_in_the_future_is_refused(incidents, opened, hours):
    at = NOW + dt.timedelta(hours=hours)
    with pytest.raises(InputError, match=r"but from 2026-10-02 06:00 to 2026-10-02 09:00 UTC"):
        incidents.notify(opened.id, "gdpr-authority", at=at, now=NOW)


@pytest.mark.parametrize(
    ("occurred", "at", "allowed"),
    [
        (None, dt.datetime(2031, 1, 1, tzinfo=dt.UTC), False),
        (None, NOW + dt.timedelta(minutes=1), False),
        (None, NOW, True),
        (None, SEEN, True),
        (None, SEEN - dt.timedelta(hours=1), False),
        (None, dt.datetime(2026, 10, 2, tzinfo=dt.UTC), True),  # its day alone is known
        (None, dt.datetime(2026, 10, 1, tzinfo=dt.UTC), False),
        (SEEN - dt.timedelta(days=2), SEEN - dt.timedelta(days=1), True),
        (SEEN - dt.timedelta(days=2), SEEN - dt.timedelta(days=3), False),
    ],
)
def test_it_is_contained_after_it_began_and_not_in_the_future(incidents, occurred, at, allowed):
    made = incidents.open(
        "x", nature="leak", detected_at=SEEN, occurred_at=occurred, facts=FACTS, now=NOW
    )
    if allowed:
        assert incidents.contain(made.id, "closed", at=at, now=NOW).contained_at == at
        return
    with pytest.raises(InputError, match=r"is contained after it began.* to 2026-10-02 09:00 UTC"):
        incidents.contain(made.id, "closed", at=at, now=NOW)
    assert incidents.get(made.id).contained_at is None


@pytest.mark.parametrize(
    ("occurred", "assessed", "told"),
    [
        (None, False, {"en": "[not known]", "zh": "〔尚不清楚〕"}),
        (None, True, {"en": "[not known; first read or attempt in its scope: 2026-09-01 02:00]",
                      "zh": "〔尚不清楚；其范围内最早的读取或尝试：2026-09-01 02:00〕"}),
        (SEEN, True, {"en": "began on 2026-10-02 06:00", "zh": "发生于 2026-10-02 06:00"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_notice_says_when_it_began_only_where_somebody_did(
    incidents, shop, occurred, assessed, told, lang
):
    made = incidents.open(
        "x", nature="leak", detected_at=SEEN, occurred_at=occurred, facts=FACTS, now=NOW
    )
    if assessed:
        incidents.assess(made.id, scope(shop), severity="low", facts={}, now=NOW)
    found = incidents.get(made.id)
    for name in ("gdpr-authority", "cirm-operator"):
        text = draft(found, clock(name), lang=lang, controller="x", contact="", now=NOW)
        assert told[lang] in text
        assert (" 0 reads" in text, "读取 0 次" in text) == (False, False)


@pytest.mark.parametrize(("hours", "began"), [(0, None), (2, SEEN - dt.timedelta(hours=2))])
def test_an_older_register_has_detection_where_nothing_was_said(incidents, hours, began):
    at = (SEEN - dt.timedelta(hours=hours)).isoformat()
    body = {"title": "x", "nature": "leak", "occurred_at": at, "detected_at": SEEN.isoformat()}
    name = incidents.register.begin("opened", {**body, "facts": {}}, now=NOW)
    assert incidents.get(name).occurred_at == began


def test_a_scope_of_no_days_is_refused(shop):
    with pytest.raises(InputError, match="reads from 2026-09-02 to 2026-09-01 are none"):
        scope(shop, since=dt.date(2026, 9, 2), until=dt.date(2026, 9, 1))


def test_a_notice_whose_day_alone_is_known_is_taken(incidents, opened):
    day = dt.datetime(2026, 10, 2, tzinfo=dt.UTC)
    told = incidents.notify(opened.id, "gdpr-authority", at=day, now=NOW)
    assert {each.clock.id for each in told.deadlines() if each.done} == {"gdpr-authority"}


def test_people_at_high_risk_are_told_before_it_is_closed(incidents, opened, shop):
    incidents.assess(opened.id, scope(shop), severity="high", facts={"high_risk": True}, now=NOW)
    incidents.contain(opened.id, "folder closed", at=NOW, now=NOW)
    with pytest.raises(InputError, match="notify --clock gdpr-subjects"):
        incidents.close(opened.id, ["lock folders"], now=NOW)


def test_an_incident_that_is_not_there(incidents):
    with pytest.raises(UnknownName, match="no incident named 'IN-1'"):
        incidents.get("IN-1")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", [each.id for each in clocks("incident")])
def test_drafts_say_what_is_known_and_leave_the_rest_open(incidents, opened, shop, lang, name):
    incidents.assess(opened.id, scope(shop), severity="high", facts={}, now=NOW)
    text = draft(
        incidents.get(opened.id), clock(name), lang=lang, controller="Shop", contact="", now=NOW
    )
    assert "DRAFT" in text or "草稿" in text
    assert "IN-2026-001" in text
    assert ("[contact]" if lang == "en" else "〔联系方式〕") in text
    assert clock(name).article in text
    assert "{" not in text


def drafted(incidents, opened, shop, name, lang, *, contact="dpo@shop.example"):
    incidents.assess(opened.id, scope(shop), severity="high", facts={}, now=NOW)
    found = incidents.get(opened.id)
    return draft(found, clock(name), lang=lang, controller="Shop", contact=contact, now=NOW)


@pytest.mark.parametrize(
    ("clock", "lang", "parts"),
    [
        (
            "gdpr-authority",
            "en",
            {
                "a: nature": "disclosure of or access to data without permission",
                "a: categories and number of people": "Customers, at most 509 of them",
                "a: categories and number of records": "identity data, transactions; at most",
                "b: officer or other contact": "officer or other contact: dpo@shop.example",
                "c: likely consequences": "Likely consequences.",
                "d: measures taken or proposed": "Measures taken and proposed.",
                "d: mitigation": "reduce harm",
                "paragraph 4: in phases": "in phases",
                "a: number of records": "509 records, in",
                "PIPL 57 (1): cause": "Cause, as far as known",
            },
        ),
        (
            "gdpr-authority",
            "zh",
            {
                "a: nature": "泄露或未经授权的访问",
                "a: categories and number of people": "客户，至多 509 人",
                "a: categories and number of records": "至多 509 条记录",
                "b: officer or other contact": "联系方式：dpo@shop.example",
                "PIPL 57 (1): kinds": "信息种类：身份信息、交易信息",
                "PIPL 57 (1): cause": "已知原因",
                "PIPL 57 (1): possible harm": "可能造成的危害",
                "PIPL 57 (2): measures": "已采取和拟采取的措施",
                "PIPL 57 (2): what people can do": "个人可以采取的减轻危害的措施",
                "paragraph 4: in phases": "分阶段补报",
            },
        ),
        (
            "pipl-subjects",
            "en",
            {
                "GDPR 34(2): nature": "disclosure of or access to data without permission",
                "GDPR 33(3)b: officer or other contact": "other contact: dpo@shop.example",
                "GDPR 33(3)c: consequences": "What it may mean for you",
                "GDPR 33(3)d: measures": "What we have done",
                "GDPR 33(3)d: proposed": "what we are going to do",
                "PIPL 57 (1): kinds and cause": "kinds may be concerned: identity data",
                "PIPL 57 (1): cause": "as far as known",
                "PIPL 57 (2): what people can do": "What you can do",
            },
        ),
        (
            "pipl-subjects",
            "zh",
            {
                "PIPL 57 (1): kinds": "以下信息：身份信息、交易信息",
                "PIPL 57 (1): cause": "已知原因",
                "PIPL 57 (1): possible harm": "可能对您造成的影响",
                "PIPL 57 (2): measures": "我们已采取的措施",
                "PIPL 57 (2): what people can do": "您可以采取的措施",
                "PIPL 57 (3): contact": "dpo@shop.example",
            },
        ),
    ],
)
def test_a_notice_holds_what_gdpr_33_3_or_34_2_and_pipl_57_ask(
    incidents, opened, shop, clock, lang, parts
):
    text = drafted(incidents, opened, shop, clock, lang)
    assert [part for part, said in parts.items() if said not in text] == []


@pytest.mark.parametrize(
    ("people", "level"),
    [
        (999_999, "Level: [by the annex: …]"),
        (1_000_000, "Level: relatively major, from 1,000,000 people."),
        (10_000_000, "Level: major, from 10,000,000 people."),
        (100_000_000, "Level: especially major, from 100,000,000 people."),
    ],
)
def test_a_report_names_the_level_of_the_annex_to_the_measures_of_2025(
    incidents, opened, shop, people, level
):
    found = replace(scope(shop), subjects_at_most=people)
    incidents.assess(opened.id, found, severity="high", facts={}, now=NOW)
    text = draft(
        incidents.get(opened.id),
        clock("cirm-operator"),
        lang="en",
        controller="Shop",
        contact="c",
        now=NOW,
    )
    assert level in text
    assert "Points 3 to 6 may follow" in text  # article 7


def test_a_closing_report_holds_what_article_8_of_the_measures_of_2025_asks(
    incidents, opened, shop
):
    name = opened.id
    incidents.assess(name, scope(shop), severity="low", facts={"high_risk": False}, now=NOW)
    incidents.contain(name, "folder closed", at=NOW, now=NOW)
    for each in incidents.get(name).deadlines():
        incidents.notify(name, each.clock.id, at=NOW, now=NOW)
    closed = incidents.close(name, ["lock folders"], now=NOW)
    text = draft(closed, clock("cirm-closing"), lang="zh", controller="Shop", contact="c", now=NOW)
    asked = (
        "发生原因",
        "应急处置措施",
        "造成的危害",
        "责任追究",
        "完善整改情况",
        "教训。lock folders",
    )
    assert [each for each in asked if each not in text] == []


def test_a_late_notice_gives_reasons(opened):
    later = NOW + dt.timedelta(days=5)
    text = draft(opened, clock("gdpr-authority"), lang="en", controller="S", contact="c", now=later)
    assert "Reasons for the delay" in text
    assert "[to be assessed]" in text


def test_drafts_know_two_languages(opened):
    with pytest.raises(UnknownName, match="no language of notices named 'de'"):
        draft(opened, clock("gdpr-authority"), lang="de", controller="S", contact="c", now=NOW)
