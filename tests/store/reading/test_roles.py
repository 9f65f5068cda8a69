"""Purposes bound to roles: who has one, who vouches for it, what is refused."""

import grp
import os
import pwd

import pytest

import workbench as wb
from workbench.errors import AccessRefused, SettingsError
from workbench.settings import Role
from workbench.store.reading.roles import CLAIM, HUB_GROUPS, HUB_USER, Account, Held, account, held

ROLES = {
    "analyst": Role(groups=("crm",), purposes=("reporting",)),
    "officer": Role(users=("dana",), purposes=("*",)),
    "guest": Role(purposes=("service",)),
}
NOBODY = Account("eve", frozenset({"users"}))


@pytest.fixture
def environment(monkeypatch):
    for name in (CLAIM, HUB_GROUPS, HUB_USER):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def declared(shop, text):
    path = shop.settings.root / "workbench.toml"
    path.write_text(path.read_text() + text)
    return wb.open_workspace(shop.settings.root, now=shop.now)


def me():
    return pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize(
    ("who", "said", "found"),
    [
        (Account("ana", frozenset({"crm"})), {}, [Held("analyst", "operating system")]),
        (Account("dana", frozenset()), {}, [Held("officer", "operating system")]),
        (NOBODY, {}, []),
        (NOBODY, {HUB_USER: "dana"}, [Held("officer", "self-declared")]),
        (NOBODY, {HUB_USER: "x", HUB_GROUPS: "a, crm"}, [Held("analyst", "self-declared")]),
        (NOBODY, {CLAIM: "guest"}, [Held("guest", "self-declared")]),
        (NOBODY, {CLAIM: "officer"}, []),  # it names users, so that a word is not enough
    ],
)
def test_who_has_a_role(who, said, found):
    assert held(ROLES, who, said) == found


def test_the_account_is_the_systems_and_not_the_environments(environment):
    environment.setenv("LOGNAME", "dana")
    environment.setenv("USER", "dana")
    assert account().user == me()
    assert grp.getgrgid(os.getgid()).gr_name in account().groups


def test_without_roles_everything_works_as_before(shop):
    shop.open("transactions", "reporting")
    assert "role" not in shop.events.entries("open")[0].body


def test_a_role_opens_its_purposes_and_stands_in_the_log(shop, environment):
    ws = declared(shop, f'[roles.reader]\nusers = ["{me()}"]\npurposes = ["reporting"]\n')
    assert ws.open("transactions", "reporting").count().execute() == 5400
    body = ws.events.entries("open")[0].body
    assert (body["role"], body["vouched_by"]) == ("reader", "operating system")
    with pytest.raises(
        AccessRefused, match=r"'marketing' is for the roles \(none\); .* has reader"
    ):
        ws.open("transactions", "marketing")
    refused = ws.events.entries("refused")[0].body
    assert (refused["purpose"], refused["why"]) == ("marketing", "AccessRefused")


def test_a_claimed_role_is_marked(shop, environment):
    ws = declared(shop, '[roles.guest]\npurposes = ["*"]\n')
    with pytest.raises(AccessRefused, match=r"has none of those declared, which may .*: nothing"):
        ws.open("transactions", "reporting")
    environment.setenv(CLAIM, "guest")
    ws.open("transactions", "reporting")
    assert ws.events.entries("open")[0].body["vouched_by"] == "self-declared"


def test_a_release_needs_the_role_too(shop, environment):
    environment.setenv(CLAIM, "guest")
    ws = declared(shop, '[roles.guest]\npurposes = ["reporting"]\n')
    question = wb.query(ws.open("transactions", "reporting"), period="2026-03").customers()
    environment.delenv(CLAIM)
    with pytest.raises(AccessRefused, match="'reporting' is for the roles guest"):
        ws.release(question, name="n", epsilon=0.1)
    assert ws.ledger.head()[0] == 0


def test_an_answer_is_looked_up_by_its_id_by_whom_its_purpose_is_for(shop, environment):
    question = wb.query(shop.open("transactions", "reporting"), period="2026-03").customers()
    paid = shop.release(question, name="n", epsilon=0.1)
    ws = declared(shop, f'[roles.reader]\nusers = ["{me()}"]\npurposes = ["marketing"]\n')
    with pytest.raises(AccessRefused, match=r"'reporting' is for the roles \(none\)"):
        ws.stored(paid.id)
    path = shop.settings.root / "workbench.toml"
    path.write_text(path.read_text().replace('["marketing"]', '["reporting"]'))
    again = wb.open_workspace(shop.settings.root, now=shop.now)
    assert again.stored(paid.id).id == paid.id


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[roles.a]\ngroup = ["x"]\npurposes = ["p"]', r"'roles.a.group' is unknown. Did you mean"),
        ('[roles.a]\ngroups = ["x"]', "'roles.a.purposes' is missing"),
        ('[roles.a]\npurposes = "p"', r"'roles.a.purposes' must be lists of texts, such as"),
        ("bulk_rows = 0", "'bulk_rows' must be a whole number above 0"),
        ('holidays = ["tomorrow"]', "'holidays.0' must be dates, such as"),
        ('key = "drawer"', """'key' must be "file", "environment" or "keyring" """),
    ],
)
def test_wrong_settings_are_refused_with_what_is_allowed(shop, text, told):
    with pytest.raises(SettingsError, match=told):
        declared(shop, text)
