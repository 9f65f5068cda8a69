"""What the summary asks about customers: by person, from registers, logs and rows of their own."""

import datetime as dt

import pytest
from support.shop import CATALOG

import workbench as wb
from workbench.periods import Period
from workbench.reporting.summary import estimates
from workbench.store.logs.chain import Entry

SEPTEMBER = Period.parse("2026-09")
LOADED = [
    (1, dt.datetime(2026, 9, 1, 6, tzinfo=dt.UTC)),
    (2, dt.datetime(2026, 9, 10, 6, tzinfo=dt.UTC)),
    (3, dt.datetime(2026, 9, 12, 7, tzinfo=dt.UTC)),
]


def opened(day, snapshot, purpose="marketing", table="transactions"):
    at = dt.datetime(2026, 9, day, 12, tzinfo=dt.UTC)
    body = {"purpose": purpose, "table": table, "snapshot": snapshot}
    return Entry(day, at, "open", body, "")


def reads(shop, *entries):
    return estimates.reads_on_consent(
        shop.catalog, entries, LOADED, SEPTEMBER, dt.date(2026, 9, 30)
    )


def withdrawn(shop, column_type, *days):
    """Return a shop of which every tenth customer withdrew on each of ten days, or never."""
    path = shop.settings.path("catalog")
    text = CATALOG.replace("withdrawn_on: {type: date}", f"withdrawn_on: {{type: {column_type}}}")
    path.write_text(text)
    lines = [f"K-{i:06d},marketing,2026-01-05,{days[i % 10]}" for i in range(600)]
    content = "customer_id,purpose,given_on,withdrawn_on\n" + "\n".join(lines) + "\n"
    (shop.settings.path("source") / "consents.csv").write_text(content)
    shop = wb.open_workspace(shop.settings.root, now=shop.now)
    shop.init()
    return shop


def asked(shop, query):
    return shop.release(query, name="consents", epsilon="1")


# in 10: one withdrew before the first load, four between it and the read, two after the second
# load and before the next read, one after all of it, two never
DAYS = ["2026-08-15", *["2026-09-03"] * 4, *["2026-09-11"] * 2, "2026-09-20", "", ""]


@pytest.mark.parametrize("kind", ["date", "timestamp"])
def test_people_are_counted_whose_consent_was_withdrawn_before_they_were_read(shop, kind):
    shop = withdrawn(
        shop, kind, *(day and (f"{day} 12:00:00" if kind == "timestamp" else day) for day in DAYS)
    )
    table = shop.open("consents", "service")
    first = reads(shop, opened(5, 1))
    live = estimates.live(asked(shop, estimates.live_consents(shop.catalog, table, first)))
    assert live.denominator == pytest.approx(540, abs=40)
    assert live.value == pytest.approx(1 - 240 / 540, abs=0.08)
    both = reads(shop, opened(5, 1), opened(12, 2), opened(12, 3))
    live = estimates.live(asked(shop, estimates.live_consents(shop.catalog, table, both)))
    assert live.denominator == pytest.approx(540, abs=40)
    assert live.value == pytest.approx(1 - 360 / 540, abs=0.08)


@pytest.mark.parametrize("kind", ["date", "timestamp"])
def test_a_withdrawal_in_a_row_of_its_own_counts(shop, kind):
    """What is asked of rows one by one, and what the register shows, know of it."""
    shop = withdrawn(shop, kind, *[""] * 10)
    at = " 12:00:00" if kind == "timestamp" else ""
    rows = [f"K-{i:06d},marketing,,2026-09-0{3 + i % 2}{at}" for i in range(300)]
    rows += [f"K-{i:06d},other,,2026-09-03{at}" for i in range(600)]  # of another purpose
    rows += [f"K-{i:06d},marketing,,2025-09-03{at}" for i in range(600)]  # before it was given
    source = shop.settings.path("source") / "consents.csv"
    source.write_text(source.read_text() + "\n".join(rows) + "\n")
    shop = wb.open_workspace(shop.settings.root, now=shop.now)
    shop.init()
    table = shop.open("consents", "service")
    given = table.filter(table.given_on.notnull()).execute()
    assert given.withdrawn_on.notna().sum() == 300
    live = estimates.live(
        asked(shop, estimates.live_consents(shop.catalog, table, reads(shop, opened(5, 1))))
    )
    assert live.denominator == pytest.approx(600, abs=40)
    assert live.value == pytest.approx(0.5, abs=0.08)


def test_withdrawals_are_in_time_where_the_register_was_loaded_soon_after(shop):
    shop = withdrawn(shop, "date", *DAYS)
    table = shop.open("consents", "service")
    question = estimates.withdrawals(shop.catalog, table, reads(shop, opened(5, 1)), SEPTEMBER)
    day, three = estimates.in_time(asked(shop, question))
    assert day.denominator == pytest.approx(420, abs=50)  # who withdrew in September
    assert day.value == pytest.approx(120 / 420, abs=0.1)  # on the 11th: loaded on the 12th
    assert three.value == pytest.approx(120 / 420, abs=0.1)


def test_only_reads_on_consent_of_the_month_count(shop):
    entries = [
        opened(2, 1),
        opened(5, 1),
        opened(6, 1, purpose="reporting"),
        opened(7, 1, table="incidents"),
        opened(8, 0),  # before the register was loaded
    ]
    found = reads(shop, *entries)
    assert found.asked == 3
    assert found.ages_hours == [30.0, 102.0]
    assert found.spans == {("marketing", LOADED[0][1]): entries[1].at}
    assert reads(shop).spans == {}


def test_nothing_is_asked_or_paid_where_nobody_was_read_on_consent(shop):
    assert shop.consents_at_reads("2026-09", purpose="service", epsilon="0.1") == {}
    assert shop.budget("2026-09")[0].spent == 0


def test_a_month_with_reads_is_asked_by_person_and_stands_in_the_summary(shop):
    def clock():
        return dt.datetime.now(dt.UTC)

    today = wb.open_workspace(shop.settings.root, now=clock)
    today.init()
    month = f"{clock():%Y-%m}"
    today.open("transactions", "marketing")
    consents = today.consents_at_reads(month, purpose="service", epsilon="1")
    assert set(consents) == {"live", "withdrawn"}
    lines = today.compliance(month, consents=consents).indicators.frame.set_index("indicator")
    line = lines.loc["consent-live"]
    assert line.denominator == pytest.approx(240, abs=40)  # of 300, 60 withdrew in March
    assert line.value == pytest.approx(1, abs=0.1)
    assert line.light == "green"  # the register was just loaded, and applied to every read
    assert lines.light["consent-applied"] == lines.light["withdrawal-lag"] == "green"


def test_the_register_is_as_old_as_its_last_load_whatever_was_erased_since(shop):
    at = [dt.datetime(2026, 10, 2, hour, tzinfo=dt.UTC) for hour in (10, 11, 15, 16)]
    clock = iter(at)

    def opened_at(moment):
        return wb.open_workspace(shop.settings.root, now=lambda: moment)

    opened_at(next(clock)).init()  # nothing is new: then it is known that nothing is
    opened_at(next(clock)).open("transactions", "marketing")

    def told():
        made = opened_at(at[-1]).compliance("2026-10")
        lines = made.indicators.frame.set_index("indicator")
        return lines.value["withdrawal-lag"], lines.value["consent-applied"]

    assert told() == (1.0, 1.0)
    erased = opened_at(next(clock))
    erased.office.erase_subject("K-000003", verified_by="id card")
    opened_at(next(clock)).open("transactions", "marketing")
    assert told() == (6.0, 1.0)


def test_every_table_is_asked_how_many_customers_are_past_their_time(shop):
    path = shop.settings.path("catalog")
    text = path.read_text().replace(
        "{months: 84, after: booked_on}", "{months: 6, after: booked_on}"
    )
    path.write_text(
        text.replace("purposes: [reporting, marketing, old-partner]", "purposes: [service]")
    )
    shop = wb.open_workspace(shop.settings.root, now=shop.now)
    found = shop.past_retention("2026-09", purpose="service", epsilon="1.5")
    assert list(found) == ["customers", "transactions", "consents"]
    shares = estimates.past(found)
    assert shares["customers"].denominator == pytest.approx(600, abs=60)
    assert shares["transactions"].value == pytest.approx(1, abs=0.1)  # everybody bought in January
    assert shares["consents"].value == pytest.approx(0, abs=0.1)
    made = shop.compliance("2026-09", retention=found)
    rows = made.retention.frame.set_index("table")
    assert rows.customers["Purchases"] == pytest.approx(600, abs=60)
    assert rows.rows["Incidents"] == 0
    line = made.indicators.frame.set_index("indicator").loc["past-retention"]
    assert (line.light, line.value > 0.8) == ("red", True)
