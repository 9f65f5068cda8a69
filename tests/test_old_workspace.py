"""A workspace that an older workbench wrote opens, verifies, and asks for nothing twice."""

import tarfile

import pytest
from support.line import here, here_json

# spent and limit of rolling year and lifetime, in pico-rho, as the workbench showed that wrote them
AS_BEFORE = ((68_822_548_643, 1_052_358_004_556), (68_822_548_643, 6_374_516_930_431))
OFFICER = ("--reason", "moved to another disk", "--role", "officer")


@pytest.fixture(scope="module")
def old(tmp_path_factory, repository, warmed):
    """Return the old workspace, unpacked in a folder of its own and loaded again."""
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(repository / "tests/assets/workspace-2026-11/workspace.tar.xz") as packed:
        packed.extractall(folder, filter="tar")
    refused = here("run", "first-page", "-w", folder)
    assert refused.returncode == 7, "a moved ledger asks for an officer's word"
    assert here("office", "acknowledge", *OFFICER, "-w", folder).returncode == 0
    assert here("init", "-w", folder).returncode == 0
    return folder


def test_logs_and_ledger_verify(old):
    assert here("office", "audit", "verify", "-w", old).returncode == 0
    checked = here("check", "-w", old)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_answers_paid_for_are_free(old):
    before = here_json("office", "budget", "-w", old)
    assert len(before["answers"]) == 16
    shown = {each["scope"]: (each["spent_pico"], each["limit_pico"]) for each in before["limits"]}
    assert (shown["rolling year"], shown["lifetime"]) == AS_BEFORE
    for report in ("first-page", "personas"):
        facts = here_json("run", report, "--period", "2026-09", "-w", old)
        assert facts["period"] == "2026-09"
    after = here_json("office", "budget", "-w", old)
    assert after["limits"] == before["limits"]
    assert after["answers"] == before["answers"]


def test_editions_are_listed(old):
    published = old / "reports" / "published"
    index = (published / "index.html").read_text(encoding="utf-8")
    for report in ("first-page", "personas"):
        assert f"{report}/2026-09/" in index
        assert (published / report / "2026-09" / "r1" / "edition.json").is_file()


def test_what_the_officer_recorded_is_there(old):
    requests = here_json("subject", "requests", "--all", "-w", old)
    kinds = {"access", "restriction", "objection", "correction", "erasure"}
    assert {each["kind"] for each in requests} >= kinds
    assert [each["title"] for each in here_json("office", "risk", "list", "-w", old)] == [
        "Key lost"
    ]
    incidents = here_json("office", "incident", "list", "-w", old)
    assert [each["title"] for each in incidents] == ["A laptop was lost"]
    held = here("office", "retention", "plan", "-w", old).stdout
    assert "Court file 12" in held


def test_the_erased_stay_erased_and_the_corrected_corrected(old):
    gone = here("subject", "access", "C0005", "--verified-by", "passport", "-w", old)
    assert gone.returncode != 0
    out = old / "of-C0004"
    exported = here(
        "subject", "export", "C0004", "--verified-by", "passport", "--out", out, "-w", old
    )
    assert exported.returncode == 0, exported.stderr
    assert any("Ada Right" in each.read_text("utf-8") for each in out.rglob("*.csv"))
