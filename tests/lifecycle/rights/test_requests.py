"""Requests: deadlines with the calendar's corners, the register, what is refused."""

import datetime as dt

import pytest

import workbench as wb
from workbench.errors import InputError, UnknownName
from workbench.lifecycle.law import clock
from workbench.lifecycle.rights.requests import due_date

D = dt.date


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (D(2026, 3, 10), D(2026, 4, 10)),  # the same day of the next month
        (D(2026, 8, 31), D(2026, 9, 30)),  # which is shorter
        (D(2025, 1, 31), D(2025, 2, 28)),
        (D(2028, 1, 31), D(2028, 2, 29)),  # a leap year
        (D(2026, 1, 31), D(2026, 3, 2)),  # 28 February 2026 is a Saturday
        (D(2026, 11, 26), D(2026, 12, 28)),  # a Saturday, after two holidays
        (D(2026, 12, 31), D(2027, 2, 1)),  # over the year's end, and a Sunday
    ],
)
def test_gdpr_gives_one_calendar_month(received, due):
    christmas = [D(2026, 12, 25), D(2026, 12, 26)]
    assert due_date(clock("gdpr-request"), received, christmas) == due


@pytest.mark.parametrize(
    ("received", "due"),
    [(D(2026, 3, 10), D(2026, 6, 10)), (D(2025, 11, 28), D(2026, 3, 2))],
)
def test_gdpr_may_be_extended_by_two_months(received, due):
    assert due_date(clock("gdpr-request"), received, extended=True) == due


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (D(2026, 9, 1), D(2026, 9, 21)),  # a Sunday in between is worked
        (D(2026, 9, 4), D(2026, 9, 24)),  # a Friday
        (D(2026, 9, 5), D(2026, 9, 24)),  # a Saturday
        (D(2026, 9, 21), D(2026, 10, 19)),  # over the national holidays
    ],
)
def test_pipl_is_reckoned_in_working_days_of_china(received, due):
    assert due_date(clock("pipl-request"), received) == due


def held(shop, **asked):
    return shop.office.subject_held("K-000003", **asked)


def test_a_request_is_registered_served_and_closed(shop):
    request, found = held(shop, verified_by="id card, branch 12", law="GDPR")
    assert request.id == "R-0001"
    assert (request.received, request.due) == (D(2026, 10, 2), D(2026, 11, 2))
    assert (request.closed, request.verified_by) == (D(2026, 10, 2), "id card, branch 12")
    assert [each.table for each in found] == ["customers", "transactions"]
    assert shop.office.requests() == [request]


def test_the_earlier_deadline_counts_where_no_law_is_named(shop):
    made = shop.office.open_request("erasure", "K-000003", received=D(2026, 9, 1))
    assert (made.law, made.due) == ("PIPL", D(2026, 9, 21))
    assert (made.days_left(D(2026, 10, 2)), made.on_time(D(2026, 10, 2))) == (-11, False)


def test_holidays_of_the_settings_count(shop):
    path = shop.settings.root / "workbench.toml"
    path.write_text(path.read_text() + "holidays = [2026-11-02, 2026-11-03]\n")
    ws = wb.open_workspace(shop.settings.root, now=shop.now)
    assert ws.office.open_request("access", "K-000003", law="gdpr").due == D(2026, 11, 4)
    assert ws.office.open_request("access", "K-000003", law="pipl").due == D(2026, 10, 27)


def test_without_an_identity_check_nothing_is_done_or_registered(shop):
    with pytest.raises(InputError, match="say with --verified-by how the person's identity"):
        held(shop, verified_by=" ")
    assert shop.office.requests() == []


def test_an_unknown_customer_gets_no_request(shop):
    with pytest.raises(InputError, match="no table holds anything of this customer"):
        shop.office.subject_held("K-nobody", verified_by="x")
    assert shop.office.requests() == []


def test_a_registered_request_is_served_by_its_name(shop):
    made = shop.office.open_request("access", "K-000003", received=D(2026, 9, 25), law="GDPR")
    request, _ = held(shop, verified_by="x", request=made.id)
    assert (request.id, request.due) == ("R-0001", D(2026, 10, 26))
    with pytest.raises(InputError, match="'R-0001' was closed on 2026-10-02"):
        held(shop, verified_by="x", request=made.id)


def test_another_customers_request_is_not_served(shop):
    made = shop.office.open_request("access", "K-000004")
    with pytest.raises(InputError, match="'R-0001' is another customer's"):
        held(shop, verified_by="x", request=made.id)


def test_a_request_whose_act_is_refused_stays_open(shop):
    told = r"names no column.* R-0001 stays open: go on with --request R-0001\."
    with pytest.raises(InputError, match=told):
        shop.office.correct_subject("K-000003", {"email": "x"}, verified_by="x")
    assert [each.closed for each in shop.office.requests()] == [None]


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (lambda ws, **who: ws.office.subject_held("K-000003", **who), "access"),
        (lambda ws, **who: ws.office.export_subject("K-000003", ws.private.parent / "x", **who),
         "portability"),
        (lambda ws, **who: ws.office.correct_subject(
            "K-000003", {"customers.email": "n@x.org"}, **who), "correction"),
        (lambda ws, **who: ws.office.erase_subject("K-000003", **who), "erasure"),
        (lambda ws, **who: ws.office.restrict_subject("K-000003", **who), "restriction"),
        (lambda ws, **who: ws.office.restrict_subject("K-000003", kind="objected", **who),
         "objection"),
        (lambda ws, **who: ws.office.restrict_subject("K-000003", lift=True, **who), "restriction"),
    ],
)  # fmt: skip
def test_what_a_command_does_of_a_right_the_method_does(shop, act, kind):
    for nobody in ({}, {"verified_by": " "}):
        with pytest.raises((TypeError, InputError), match=r"verified_by|say with --verified-by"):
            act(shop, **nobody)
    assert (shop.office.requests(), shop.store.marks.all()) == ([], [])
    request, _ = act(shop, verified_by="id card, branch 12")
    assert (request.kind, request.verified_by) == (kind, "id card, branch 12")
    assert [request] == shop.office.requests()
    told = [entry.kind for entry in shop.events.entries() if "request" in entry.body]
    for wanted in ("request opened", "identity checked", "request closed"):
        assert wanted in told


def test_an_extension_needs_the_person_told_in_time(shop):
    made = shop.office.open_request("access", "K-000003", received=D(2026, 9, 1), law="GDPR")
    with pytest.raises(InputError, match="the person had to be told by 2026-10-01, and 2026-10-02"):
        shop.office.extend_request(made.id, told_on=D(2026, 10, 2), reason="many systems")
    with pytest.raises(InputError, match="say with --reason why it takes longer"):
        shop.office.extend_request(made.id, told_on=D(2026, 9, 30), reason=" ")
    with pytest.raises(InputError, match="came on 2026-09-01; nobody was told on 2026-08-31"):
        shop.office.extend_request(made.id, told_on=D(2026, 8, 31), reason="many systems")
    extended = shop.office.extend_request(made.id, told_on=D(2026, 9, 30), reason="many systems")
    assert (extended.due, extended.extended) == (D(2026, 12, 1), True)
    with pytest.raises(InputError, match="was extended before; answer by 2026-12-01"):
        shop.office.extend_request(made.id, told_on=D(2026, 9, 30), reason="more")


def test_pipl_knows_no_extension(shop):
    made = shop.office.open_request("access", "K-000003", law="PIPL")
    with pytest.raises(InputError, match="PIPL knows no extension"):
        shop.office.extend_request(made.id, told_on=D(2026, 10, 2), reason="x")


def test_what_is_wrong_about_a_request_is_told(shop):
    with pytest.raises(InputError, match="the request is of 2026-10-03 and today is 2026-10-02"):
        shop.office.open_request("access", "K-000003", received=D(2026, 10, 3))
    with pytest.raises(InputError, match="the request is of 0026-10-01 and today is 2026-10-02"):
        shop.office.open_request("access", "K-000003", received=D(26, 10, 1))
    with pytest.raises(UnknownName, match=r"no kind of request named 'acces'. Did you mean"):
        shop.office.open_request("acces", "K-000003")
    with pytest.raises(UnknownName, match="no law with a deadline for requests named 'CCPA'"):
        shop.office.open_request("access", "K-000003", law="CCPA")
    with pytest.raises(UnknownName, match="no request named 'R-0007'"):
        shop.office.close_request("R-0007", "x")


def test_a_request_may_be_closed_otherwise(shop):
    made = shop.office.open_request("access", "K-000003")
    with pytest.raises(InputError, match="say with --outcome how it ended, such as 'refused"):
        shop.office.close_request(made.id, " ")
    closed = shop.office.close_request(made.id, "refused: not theirs")
    assert (closed.outcome, closed.closed) == ("refused: not theirs", D(2026, 10, 2))
    with pytest.raises(
        InputError, match=r"'R-0001' was closed on 2026-10-02 \(refused: not theirs"
    ):
        shop.office.close_request(made.id, "done after all")
    assert [entry.kind for entry in shop.events.entries()] == [
        "load",
        "request opened",
        "request closed",
    ]
