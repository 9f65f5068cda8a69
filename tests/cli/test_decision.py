"""The decision log as a person types it."""

import json

import workbench as wb


def test_a_decision_from_taken_to_judged(run, shop):
    tx = shop.open("transactions", "reporting")
    release = shop.release(
        wb.query(tx, period="2026-09").customers(), name="active", epsilon=0.3
    ).id
    assert run("decision", "list") == "No decision is on the log.\n"
    words = ["decision", "record", "Open on Sundays", "--owner", "sales", "--measure",
             "Customers in a month", "--expected", "600", "--low", "580", "--high", "620",
             "--on", "2026-08-15", "--due", "2026-09-30"]  # fmt: skip
    assert "say what it rests on" in run(*words, code=2)
    assert "Did you mean" in run(*words, "--release", release[:-1] + "z", code=2)
    name = run(*words, "--release", release).split()[0].rstrip(":")
    assert name == "DC-2026-001"
    listed = run("decision", "list")
    assert "expected 600 [580; 620]; actual –: not known yet" in listed
    assert f"rests on {release}" in listed
    assert "its outcome was due on 2026-09-30" in listed
    assert "is of a day after that" in run(
        "decision", "review", name, "--value", "1", "--margin", "1", "--on", "2026-08-01", code=2
    )
    told = run("decision", "review", name, "--value", "900", "--margin", "1", "--on", "2026-09-30")
    assert "actual 900.0 [899.0; 901.0]: more than noise" in told
    (facts,) = json.loads(run("decision", "list", "--json"))
    assert (facts["beyond_noise"], facts["difference"]) == (True, 300.0)
    assert "DC-2026-002" in run(*words, "--release", release)
    assert "DC-2026-002" in run("decision", "list").splitlines()[0]  # its outcome is still due
