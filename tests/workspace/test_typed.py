"""What a person types into the log names no customer: nobody can take it out of there again."""

import datetime as dt
import itertools
from pathlib import Path

import duckdb
import pytest
from conftest import shop_time
from support.shop import make_shop

import workbench as wb
from workbench.errors import AccessRefused, InputError, Refused, StorageError

DAY = dt.date(2026, 10, 1)
WHEN = dt.datetime(2026, 10, 1, 9, tzinfo=dt.UTC)
DEAL = {"country": "CN", "terms": "DPA 7", "expires": dt.date(2027, 1, 1), "purpose": "reporting"}
EXPIRED = {**DEAL, "purpose": "old-partner"}
RISK = {"likelihood": 2, "impact": 2, "treatment": "accept"}
MADE = {"owner": "risk", "measure": "less loss", "expected": 1.0, "low": 0.0, "high": 2.0}


def _doors(ws, kept):
    """Return every act that records words of whoever does it, by the name of the words."""
    office = ws.office
    incidents, reviews = office.incidents, office.reviews
    fresh = {
        "nature": "loss",
        "detected_at": WHEN,
        "occurred_at": None,
        "facts": {},
        "now": ws.now(),
    }
    return {
        "verified-by": lambda x: office.subject_held("K-000003", verified_by=x),
        "verified-by of one registered": lambda x: office.subject_held(
            "K-000003", verified_by=x, request=kept["request"]
        ),
        "outcome": lambda x: office.close_request(kept["request"], x),
        "reason to extend": lambda x: office.extend_request(
            kept["request"], told_on=dt.date(2026, 10, 2), reason=x
        ),
        "reason of a hold": lambda x: office.hold(x, table="transactions"),
        "reason to release": lambda x: office.release_hold(kept["hold"], x),
        "incident": lambda x: incidents.open(x, **fresh),
        "how contained": lambda x: incidents.contain(kept["incident"], x, at=WHEN, now=ws.now()),
        "lesson": lambda x: incidents.close(kept["incident"], [x], now=ws.now()),
        "risk": lambda x: reviews.add_risk(x, owner="it", plan="", due=None, now=ws.now(), **RISK),
        "owner of a risk": lambda x: reviews.add_risk(
            "fire", owner=x, plan="", due=None, now=ws.now(), **RISK
        ),
        "plan": lambda x: reviews.add_risk(
            "fire", owner="it", plan=x, due=None, now=ws.now(), **RISK
        ),
        "plan changed": lambda x: reviews.change_risk(kept["risk"], {"plan": x}, now=ws.now()),
        "risk closed": lambda x: reviews.close_risk(kept["risk"], x, now=ws.now()),
        "reason of a look-up": lambda x: ws.look_up("anybody", "reporting", reason=x),
        "terms of an extract": lambda x: office.share_extract(
            "transactions", ["region"], ws.settings.root / "out", people=1, recipient=x, **DEAL
        ),
        "decision": lambda x: ws.decisions.record(x, **MADE),
        "unit": lambda x: ws.decisions.record("cut-off", unit=x, **MADE),
        "lost": lambda x: office.acknowledge(x, role="officer"),
        "clock": lambda x: office.set_clock(x, role="officer"),
        "approved": lambda x: office.approve("a card", x, role="officer"),
        "what is approved": lambda x: office.approve(x, "pilot", role="officer"),
    }  # fmt: skip


SHARES = "audience: managers\n", "audience: managers\n    share_extracts: true\n"


def test_no_act_records_words_that_name_a_customer(shop):
    shop = _declared(shop, *SHARES)
    office, reviews = shop.office, shop.office.reviews
    risk = reviews.add_risk("fire", owner="it", plan="", due=None, now=shop.now(), **RISK)
    opened = office.incidents.open(
        "a lost laptop", nature="loss", detected_at=WHEN, occurred_at=None, facts={}, now=shop.now()
    )
    kept = {
        "request": office.open_request("access", "K-000003", law="GDPR").id,
        "hold": office.hold("case 7/2026", subject="K-000005").id,
        "incident": opened.id, "risk": risk.id,
    }  # fmt: skip
    before = shop.events.head()
    texts = itertools.cycle(
        ("for K-000004", "asked by person4@example.org", "customer 4, by phone", "Family4 Given4")
    )
    for (name, act), text in zip(_doors(shop, kept).items(), texts, strict=False):
        with pytest.raises(InputError, match="stay on record after an erasure"):
            act(text)
        assert shop.events.head() == before, (name, text)


@pytest.mark.parametrize(
    "text",
    ["Given3 Family3 came by", "K-000003", "ｋ－000003", "FAMILY3, GIVEN3", "person3@example.org?"],
)
def test_of_whom_it_is_about_every_spelling_is_refused(shop, text):
    made = shop.office.open_request("erasure", "K-000003", law="GDPR")
    for act in (
        lambda: shop.office.close_request(made.id, text),
        lambda: shop.office.hold(text, subject="K-000003"),
        lambda: shop.office.erase_subject("K-000003", verified_by=text),
    ):
        with pytest.raises(InputError, match="stay on record after an erasure"):
            act()
    assert len(shop.office.requests()) == 1
    assert shop.office.holds() == []


@pytest.mark.parametrize("sign", ["\0", "\x1b[31m", "\u202e", "\udcff", "\ufeff"])
def test_a_sign_that_cannot_be_shown_is_refused_in_words_and_no_key(shop, sign):
    with pytest.raises(InputError, match="a sign that cannot be shown"):
        shop.office.subject_held("K-000003", verified_by=f"id card{sign}")
    with pytest.raises(InputError, match=r"no table holds anything|name a customer by"):
        shop.office.subject_held(f"K-0{sign}00003", verified_by="id card")
    assert shop.office.requests() == []
    assert shop.office.hold("خانه\u200cها 👩\u200d🔬", table="customers").id == "H-0001"


def test_the_key_of_whom_was_erased_is_known_still(shop):
    made = shop.office.open_request("access", "K-000003", law="GDPR")
    shop.office.erase_subject("K-000003", verified_by="id card, branch 12")
    for text in ("K-000003", "k-000003", "K 000003", "K000003", "K_000003", "Ｋ－０００００３"):
        with pytest.raises(InputError, match="stay on record after an erasure"):
            shop.office.close_request(made.id, f"erased {text}, as asked")
    assert shop.office.close_request(made.id, "erased meanwhile, see R-0002").closed


def _declared(shop, old, new):
    """Return the workspace anew, its catalog changed."""
    path = shop.settings.path("catalog")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    return wb.open_workspace(shop.settings.root, now=shop.now)


def test_who_may_not_act_learns_nothing_of_what_a_reason_names(shop, tmp_path):
    for name in ("K-000004", "K-999999"):
        for act in (shop.office.acknowledge, lambda x: shop.office.approve("a card", x)):
            with pytest.raises(Refused, match="is an officer's decision"):
                act(name)
        with pytest.raises(AccessRefused, match="expired"):
            shop.look_up("anybody", "old-partner", reason=name)
        with pytest.raises(AccessRefused, match="expired"):
            shop.office.share_extract(
                "customers", ["region"], tmp_path / "out", people=1, recipient=name, **EXPIRED
            )
    assert [each.body["purpose"] for each in shop.events.entries("refused")] == ["old-partner"] * 2


def _data_files(ws):
    return list(ws.store.data.rglob("*.parquet"))


LOSSES = {
    "keys shredded": lambda ws: ws.office.shred_keys(),
    "data files gone": lambda ws: [each.unlink() for each in _data_files(ws)],
    "data files cut": lambda ws: [each.write_bytes(b"PAR1") for each in _data_files(ws)],
}


@pytest.mark.parametrize("loss", LOSSES)
def test_that_the_store_is_lost_can_be_recorded(shop, loss):
    LOSSES[loss](shop)
    opened = shop.office.incidents.open(
        "all keys lost", nature="loss", detected_at=WHEN, occurred_at=None, facts={}, now=shop.now()
    )
    assert opened.title == "all keys lost"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("      opened_on: {type: date", "      nick: {type: text, role: direct identifier}\n"
         "      opened_on: {type: date"),
        ("tables:\n  customers:\n", "tables:\n  cards:\n    kind: identity\n    title: Cards\n"
         "    owner: sales\n    source: cards.parquet\n    subject_key: customer_id\n"
         "    retention: {months: 84, after: made_on}\n    contribution: {cells: 1, rows: 1}\n"
         "    purposes: [service]\n    columns:\n"
         "      customer_id: {type: text, role: subject key}\n      made_on: {type: date}\n"
         "  customers:\n"),
    ],
    ids=["column", "table"],
)  # fmt: skip
def test_what_is_declared_and_not_loaded_yet_hinders_no_record(shop, old, new):
    office = _declared(shop, old, new).office
    assert office.hold("case 7/2026", table="transactions").id == "H-0001"
    with pytest.raises(InputError, match="stay on record after an erasure"):
        office.hold("for K-000004", table="transactions")


@pytest.mark.parametrize("text", ["refK-000004", "20261001K-000004", "xk-000004y"])
def test_a_key_glued_to_letters_and_digits_is_seen_by_its_pattern(shop, text):
    key = "customer_id: {type: text, role: subject key, "
    said = _declared(shop, key, f"{key}rules: [{{pattern: '^K-[0-9]{{6}}$'}}], ").events.said
    with pytest.raises(InputError, match="stay on record after an erasure"):
        said(text)
    assert said(text.replace("000004", "999999").replace("-", ""))


def test_after_another_process_erased_somebody_words_are_searched_still(shop):
    assert shop.events.said("case 7/2026")
    other = wb.open_workspace(shop.settings.root, now=shop.now)
    other.office.erase_subject("K-000003", verified_by="id card")
    with pytest.raises(InputError, match="stay on record after an erasure"):
        shop.events.said("for K-000004")


def test_words_that_cannot_be_searched_for_now_are_refused(shop):
    other = wb.open_workspace(shop.settings.root, now=shop.now)
    assert shop.store.master_key
    other.office.rotate_key()
    before = other.events.head()
    with pytest.raises(StorageError, match="was rotated since the workspace was opened"):
        shop.office.hold("for K-000004", table="transactions")
    assert other.events.head() == before


@pytest.fixture
def numbered(tmp_path):
    """Return a shop whose customers are numbered from 200001 on."""
    folder = make_shop(tmp_path / "numbered")
    for path in folder.rglob("*.parquet"):
        with duckdb.connect() as connection:
            rows = connection.from_parquet(str(path))
            if "customer_id" in rows.columns:
                number = "(200000 + CAST(replace(customer_id, 'K-', '') AS INT))::VARCHAR"
                rows = rows.project(f"* REPLACE ({number} AS customer_id)")
                rows.write_parquet(f"{path}.new")
                Path(f"{path}.new").replace(path)
    ws = wb.open_workspace(folder, now=shop_time)
    ws.init()
    return ws


def test_where_customers_are_numbered_an_amount_is_none(numbered, tmp_path):
    said = numbered.events.said
    for text in (
        "200,001 euros were lost", "EUR 200001 were lost", "亏损200001元", "200001 rows went",
    ):  # fmt: skip
        assert said(text) == text
    for text in (
        "200001 called",
        "customer 200,001 lost 5 euros",
        "客户200,001来电",
        "no. 200,001",
    ):
        with pytest.raises(InputError, match="stay on record after an erasure"):
            said(text)
    assert _declared(numbered, *SHARES).office.share_extract(  # its number names nobody
        "transactions", ["region"], tmp_path / "out", people=200_001, recipient="lab", **DEAL
    )
