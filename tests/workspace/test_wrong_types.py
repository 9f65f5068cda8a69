"""Arguments of wrong types are refused in words, by what decides, foretells, spends or asks."""

import datetime as dt

import pytest
from factories.live import asked
from factories.noisy import CUSTOMERS, MONTH, RATE, REGION, Books, answer

import workbench as wb
from workbench.analytics.decisions.losses import simulate_losses
from workbench.errors import InputError, WorkbenchError
from workbench.figures import choice, kpis, slider, table
from workbench.privacy.columns import Dimension

WRONG = ("60", None, float("nan"), float("inf"), -1, 10**400, True, "", [], {}, [None], {"a": 1},
         object())  # fmt: skip
BOOKS = Books()
REGIONS = asked(BOOKS, [REGION], 1, seed=1)
MONTHS = asked(BOOKS, [MONTH], 2, seed=1)
ARMS = BOOKS.put(answer([Dimension("arm", "Arm", "category", ("treated", "control"))],
                        measures=(CUSTOMERS, RATE), number=3))  # fmt: skip
LIMIT = {"where": {"region": "North"}, "at_least": 1, "at_most": 9, "of": "customers"}
GRADES = {
    "grades": REGIONS,
    "pd": "app_rate",
    "lgd": 0.5,
    "ead": 9.0,
    "correlation": 0.2,
    "level": 0.99,
}
CALLS = {
    "allocate": (wb.allocate, {"gains": REGIONS, "cost": 4.0, "budget": 9.0, "gain": "rows"},
                 ("gains", "cost", "budget", "gain", "limits")),
    "frontier": (lambda **given: wb.frontier(REGIONS, gain="rows", **given),
                 {"cost": 4.0, "budgets": [9.0]}, ("cost", "budgets", "limits")),
    "limit": (lambda **limit: wb.allocate(REGIONS, cost=4.0, budget=9.0, gain="rows",
                                          limits={"a": limit}), LIMIT, tuple(LIMIT)),
    "forecast": (wb.forecast, {"release": MONTHS, "measure": "rows", "horizon": 3, "rule": None,
                 "name": None}, ("release", "measure", "horizon", "rule", "name")),
    "readout": (wb.readout, {"arms": ARMS, "measure": "app_rate", "worth": 0.1, "arm": "arm"},
                ("arms", "measure", "worth", "arm")),
    "qini": (wb.qini, {"arms": ARMS}, ("arms",)),
    "next_best_action": (wb.next_best_action, {"gains": REGIONS, "action": "region",
                         "gain": "rows"}, ("gains", "action", "gain")),
    "expected_gain": (wb.expected_gain, {"groups": REGIONS, "value_each": 9.0, "assumed": 0.1,
                      "effect": None, "also": ["rows"]}, ("groups", "value_each", "assumed",
                                                          "effect", "also")),
    "campaign_effect": (wb.campaign_effect, {"arms": ARMS, "arm": "arm"}, ("arms", "arm")),
    "recommendations": (wb.recommendations, {"affinity": REGIONS}, ("affinity",)),
    "backtest": (wb.backtest, {"series": [float(x) for x in range(9)], "sigma": 1.0, "horizon": 3,
                               "season": 1}, ("series", "sigma", "horizon",
                                                                "season")),
    "losses": (lambda **given: wb.Portfolio(**given).losses(draws=2000), GRADES, tuple(GRADES)),
    "scenarios": (lambda **given: wb.Portfolio(**GRADES).losses(**given),
                  {"scenarios": {"a": {}}, "draws": 2000}, ("scenarios", "draws")),
    "tornado": (wb.Portfolio(**GRADES).tornado, {"by": {"lgd": 0.1}}, ("by",)),
    "simulate_losses": (simulate_losses, {"pd": [0.01], "lgd": 0.5, "ead": 1.0, "correlation": 0.2,
                                          "count": [3], "draws": 9, "seed": 0},
                        ("pd", "lgd", "ead", "correlation", "count", "draws", "seed")),
    "table": (table, {"release": REGIONS, "columns": None}, ("release", "columns")),
    "kpis": (lambda release=ARMS, **given: kpis(release, **given), {"previous": (), "target": {},
             "lights": {}, "measures": None}, ("release", "previous", "target", "lights",
                                               "measures")),
    "slider": (lambda **given: slider("x", **given), {"value": 2, "low": 1, "high": 5, "step": 1},
               ("value", "low", "high", "step")),
    "choice": (lambda **given: choice("x", **given), {"values": {"a": 1.0, "b": 2.0},
               "chosen": "a"}, ("values", "chosen")),
}  # fmt: skip
DECIDED = {"title": "Try", "owner": "sales", "measure": "Customers", "expected": 60.0, "low": 50.0,
           "high": 70.0, "unit": "%", "editions": [], "releases": ["r-000001"],
           "on": dt.date(2026, 8, 1), "due": None}  # fmt: skip
OF_A_WORKSPACE = {
    "record": (lambda ws: ws.decisions.record, DECIDED, tuple(DECIDED)),
    "review": (lambda ws: ws.decisions.review, {"name": "DC-2026-001", "value": 60.0, "margin": 1.0,
               "on": dt.date(2026, 9, 2)}, ("name", "value", "margin", "on")),
    "review-by-release": (lambda ws: ws.decisions.review, {"name": "DC-2026-001",
                          "release": "r-000001", "of": "customers", "where": {}},
                          ("release", "of", "where")),
    "results": (lambda ws: ws.decisions.results, {"period": "2026-09"}, ("period",)),
    "propose": (lambda ws: ws.decisions.propose, {"title": "x", "of": REGIONS, "measure": "rows",
                "if_wrong": "x", "evidence": "daily"}, ("title", "of", "measure", "if_wrong",
                                                        "evidence")),
    "waiting": (lambda ws: ws.decisions.waiting, {"period": "2026-09", "proposals": []},
                ("period", "proposals")),
    "foresee": (lambda ws: ws.foresee, {"table": "transactions", "purpose": "reporting",
                "measures": ["customers"], "by": ["region"], "where": None, "period": "2026-09"},
                ("table", "purpose", "measures", "by")),
}  # fmt: skip


def _raw(call, given, places):
    """Return every wrong argument that raises something of Python's own."""
    found = []
    for place in places:
        for value in WRONG:
            try:
                call(**{**given, place: value})
            except WorkbenchError:
                pass
            except Exception as problem:  # noqa: BLE001  # why: any other is what is looked for
                found.append((place, value, repr(problem)))
    return found


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_type_is_refused(name):
    assert _raw(*CALLS[name]) == []


@pytest.mark.parametrize("name", OF_A_WORKSPACE)
def test_a_workspace_refuses_a_wrong_type(shop, release, name):
    method, given, places = OF_A_WORKSPACE[name]
    if "releases" in given or "release" in given:
        given = {key: release.id if value == "r-000001" else value for key, value in given.items()}
    shop.decisions.record(**{**DECIDED, "releases": release.id})
    assert _raw(method(shop), given, places) == []


@pytest.fixture
def release(shop):
    query = wb.query(shop.open("transactions", "reporting"), period="2026-09").customers()
    return shop.release(query, name="active", epsilon=0.5)


def test_a_refusal_says_which_argument_and_what_it_takes(shop, release):
    given = {**DECIDED, "releases": release.id}
    for name, value, takes in (
        ("expected", "60", "a valid number"),
        ("low", True, "a valid number"),
        ("title", 1, "a valid string"),
        ("due", "2027-01-01", "a valid date"),
    ):
        with pytest.raises(InputError, match=f"^{name}= Input should be {takes}"):
            shop.decisions.record(**{**given, name: value})
    assert shop.decisions.all() == ()
    for call, said in (
        (lambda: wb.expected_gain(REGIONS, value_each="60", assumed=0.1),
         "value_each= takes float, not '60'"),
        (lambda: wb.readout(None), "arms= takes Release, not None. Ask with wb.query"),
        (lambda: shop.decisions.waiting("2026-09", [1]), "takes Sequence.Proposal., not this list"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            call()
