"""A ledger that is not the one it was spends nothing until an officer says what happened."""

import datetime as dt
import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from support.ledgers import NOW, answer_for, epsilon_for, make_ledger, reserve, spend, spent, tamper

from workbench.documents import canonical
from workbench.errors import BudgetExhausted, InputError, LedgerError, Refused
from workbench.privacy.accounting import Cost, pico_of
from workbench.privacy.books.witnesses import mounted, require_local
from workbench.privacy.budget import Share
from workbench.store.logs.chain import entry_hash

UNFIT = r"older copy, was cut or was altered.*'workbench office acknowledge.*Nothing is spent until"


@pytest.fixture
def ledger(tmp_path):
    """Return a ledger of four answers, each of its own cost, with a copy from after the second."""
    ledger = make_ledger(tmp_path / "now", published=tmp_path / "published")
    for number in range(4):
        if number == 2:
            shutil.copytree(tmp_path / "now", tmp_path / "old")
        spend(ledger, number, 1000 * 2**number)
    return ledger


def again(tmp_path, **more):
    """Return the ledger as a new process opens it."""
    return make_ledger(tmp_path / "now", published=tmp_path / "published", **more)


def publish(tmp_path, head, name="overview"):
    folder = tmp_path / "published" / name / "2026-09" / "r1"
    folder.mkdir(parents=True)
    (folder / "edition.json").write_text(json.dumps({"ledger_head": head}))


def restore(tmp_path, *, anchor=False):
    shutil.copy(tmp_path / "old" / "ledger.sqlite", tmp_path / "now" / "ledger.sqlite")
    if anchor:
        shutil.copytree(
            tmp_path / "old" / "anchor", tmp_path / "now" / "anchor", dirs_exist_ok=True
        )


def refuses(ledger):
    head = ledger.head()
    for act in (lambda: reserve(ledger, "new"), ledger.verify):
        with pytest.raises(LedgerError, match=UNFIT):
            act()
    assert ledger.head() == head


def acknowledge(ledger, **more):
    return ledger.acknowledge("The disk died on Friday.", role="officer", now=NOW, **more)


# ---------------------------------------------------------------- recognised


def test_an_older_copy_is_recognised_by_the_anchor(ledger, tmp_path):
    restore(tmp_path)
    refuses(again(tmp_path))
    with pytest.raises(LedgerError, match=UNFIT):
        again(tmp_path).status("2026-09", NOW)  # it would show less than was spent


def test_an_older_copy_is_recognised_by_whoever_saw_the_newer_one(ledger, tmp_path):
    restore(tmp_path, anchor=True)
    refuses(ledger)
    reserve(again(tmp_path), "a new process knows nothing, and that is said in the documentation")


def test_an_older_copy_with_its_anchor_is_recognised_by_a_published_edition(ledger, tmp_path):
    publish(tmp_path, ledger.head())
    restore(tmp_path, anchor=True)
    refuses(again(tmp_path))


def test_a_ledger_without_its_anchor_is_refused(ledger, tmp_path):
    shutil.rmtree(tmp_path / "now" / "anchor")
    refuses(again(tmp_path))


def test_a_vanished_ledger_is_refused(ledger, tmp_path):
    (tmp_path / "now" / "ledger.sqlite").unlink()
    refuses(again(tmp_path))


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"seq": 1}'])
def test_an_anchor_that_cannot_be_read_fits_nothing(ledger, tmp_path, content):
    (tmp_path / "now" / "anchor" / "ledger.head").write_text(content)
    refuses(again(tmp_path))


def test_a_cut_tail_is_recognised_by_the_databases_own_count(ledger, tmp_path):
    shutil.copy(tmp_path / "old" / "anchor" / "ledger.head", tmp_path / "now" / "anchor")
    tamper(tmp_path / "now", "DELETE FROM ledger WHERE seq > 4")
    fresh = again(tmp_path)
    with pytest.raises(LedgerError, match=r"the database's own count \(entry 8\).*" + UNFIT):
        reserve(fresh, "new")


def test_an_edition_that_fits_is_no_hindrance_nor_one_that_knows_nothing(ledger, tmp_path):
    publish(tmp_path, ledger.head(), "one")
    spend(ledger, "later")
    publish(tmp_path, None, "two")
    (tmp_path / "published" / "edition.json").write_text("{")
    assert again(tmp_path).verify() == 10
    reserve(again(tmp_path), "new")


def test_swapped_rows_are_recognised(ledger, tmp_path):
    tamper(
        tmp_path / "now",
        "UPDATE ledger SET seq = 99 WHERE seq = 7",
        "UPDATE ledger SET seq = 7 WHERE seq = 8",
        "UPDATE ledger SET seq = 8 WHERE seq = 99",
        "UPDATE sqlite_sequence SET seq = 8",
    )
    for act in (lambda: reserve(again(tmp_path), "new"), again(tmp_path).verify):
        with pytest.raises(LedgerError, match=f"does not fit the one before it|{UNFIT}"):
            act()


@pytest.mark.parametrize("seq", [1, 3, 7])
def test_an_edited_cost_is_found_and_lowers_no_sum(ledger, tmp_path, seq):
    tamper(
        tmp_path / "now",
        f"UPDATE ledger SET body = replace(body, 'pico_rho', 'pico_rh0') WHERE seq = {seq}",
    )
    with pytest.raises(LedgerError, match=rf"entry {seq} .*does not fit the one before it"):
        again(tmp_path).verify()
    if seq != 7:  # the next spend stands on the last one's sums
        spend(again(tmp_path), "new")
        assert spent(again(tmp_path)) == 16_000
    else:
        with pytest.raises(LedgerError, match="does not fit"):
            spend(again(tmp_path), "new")


def test_an_edited_answer_is_not_shown(ledger, tmp_path):
    tamper(tmp_path / "now", "UPDATE ledger SET body = replace(body, '1.0', '2.0') WHERE seq = 2")
    for act in (lambda: ledger.answer("r-000001"), lambda: reserve(ledger, 0)):
        with pytest.raises(LedgerError, match=r"entry 2 .*does not fit"):
            act()
    assert ledger.answer("r-000003").id == "r-000003"


def test_sums_that_were_wrong_when_written_are_found(ledger, tmp_path):
    """Whoever can hash an entry anew still has to get the sums right."""
    last = ledger.chain.entries()[-1]
    body = {**ledger.chain.entries("spend")[-1].body, "name": "forged"}
    at, seq = last.at.isoformat(timespec="microseconds"), last.seq + 1
    text = canonical(body)
    new = entry_hash(last.hash, seq, at, "spend", "s", "2026-09", text)
    ledger.chain.close()
    with closing(sqlite3.connect(tmp_path / "now" / "ledger.sqlite")) as connection:
        row = (seq, at, "spend", "s", "2026-09", text, new)
        connection.execute("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        connection.commit()
    with pytest.raises(LedgerError, match="entry 9 of the ledger carries a wrong sum"):
        again(tmp_path).verify()


# ---------------------------------------------------------------- acknowledged


def test_what_the_anchor_knew_is_charged_everywhere(ledger, tmp_path):
    restore(tmp_path)
    fresh = again(tmp_path)
    assert acknowledge(fresh) == Cost(12_000)
    share = Share("report", epsilon_for(10**9))
    for scope in ("lifetime", "rolling year", "2026-09"):
        assert spent(fresh, scope) == 15_000
    assert spent(fresh, "2026-10", "2026-10") == 12_000
    assert spent(fresh, "2019-01", "2019-01") == 12_000
    assert spent(fresh, "2026-11", "2026-11", now=NOW + dt.timedelta(60)) == 0
    assert spent(fresh, "report report 2026-09", share=share) == 12_000
    spend(fresh, "new", 500)
    assert spent(again(tmp_path)) == 15_500
    assert fresh.verify() == again(tmp_path).verify() == 7


def test_numbers_of_the_lost_end_are_not_given_away_again(ledger, tmp_path):
    restore(tmp_path)
    fresh = again(tmp_path)
    acknowledge(fresh)
    assert fresh.head()[0] == 9
    assert spend(fresh, "new").id == "r-000010"
    assert fresh.releases() == ["r-000001", "r-000003", "r-000010"]


def test_an_answer_that_was_lost_is_not_drawn_again_for_its_price(tmp_path):
    """Its payment is there, its text is not: somebody may have read another draw of it."""
    first = make_ledger(tmp_path / "now")
    paid = reserve(first, "q")
    shutil.copytree(tmp_path / "now", tmp_path / "old")
    first.store([(paid, answer_for(paid).to_json())], NOW)
    restore(tmp_path)
    ledger = make_ledger(tmp_path / "now")
    ledger.acknowledge("an old disk image", role="officer", now=NOW)
    drawn = reserve(ledger, "q")
    assert drawn.seq > paid.seq
    assert spent(ledger) == 2000
    assert reserve(ledger, "q").seq == drawn.seq  # after a crash of its own it is taken up


def test_the_entry_names_what_was_lost_and_who_says_so(ledger, tmp_path):
    restore(tmp_path)
    publish(tmp_path, ledger.head())
    fresh = again(tmp_path)
    head = fresh.head()
    acknowledge(fresh)
    [entry] = fresh.chain.entries("acknowledged")
    assert entry.body["reason"] == "The disk died on Friday."
    assert (entry.body["role"], entry.body["role_is"]) == ("officer", "self-declared")
    assert entry.body["head"] == list(head)
    assert [each[1] for each in entry.body["witnesses"]] == [8]


def test_a_lost_end_may_leave_nothing_to_spend(ledger, tmp_path):
    restore(tmp_path)
    fresh = again(tmp_path, month=epsilon_for(15_000))
    acknowledge(fresh)
    with pytest.raises(BudgetExhausted):
        reserve(fresh, "new", 1)


def test_the_old_process_goes_on_after_an_acknowledgement_by_another(ledger, tmp_path):
    restore(tmp_path)
    acknowledge(again(tmp_path))
    spend(ledger, "new", 500)
    assert spent(ledger) == 15_500


def test_editions_of_the_lost_end_are_acknowledged_and_later_found_ones_are_not(ledger, tmp_path):
    lost = ledger.chain.hash_at(6)
    publish(tmp_path, ledger.head(), "known")
    restore(tmp_path)
    acknowledge(again(tmp_path))
    spend(again(tmp_path), "new")
    publish(tmp_path, [6, lost], "found later")
    refuses(again(tmp_path))
    acknowledge(again(tmp_path), lost_rho="0")
    spend(again(tmp_path), "newer")


def test_a_loss_of_unknown_size_is_a_years_whole_limit(ledger, tmp_path):
    publish(tmp_path, ledger.head())
    restore(tmp_path, anchor=True)
    fresh = again(tmp_path)
    year = pico_of(fresh.limits.year, 1e-6)
    assert acknowledge(fresh) == Cost(year)
    with pytest.raises(BudgetExhausted):
        reserve(fresh, "new", 1)
    later = NOW + dt.timedelta(days=366)
    assert spent(fresh, "rolling year", now=later) == 0


def test_an_officer_may_state_a_loss_that_no_witness_knows(ledger, tmp_path):
    publish(tmp_path, ledger.head())
    restore(tmp_path, anchor=True)
    fresh = again(tmp_path)
    assert acknowledge(fresh, lost_rho="0.000001") == Cost(1_000_000)
    assert spent(fresh) == 1_003_000


def test_a_statement_does_not_lower_what_a_witness_knows(ledger, tmp_path):
    restore(tmp_path)
    assert acknowledge(again(tmp_path), lost_rho="0") == Cost(12_000)


def test_a_copy_that_went_on_elsewhere_is_charged_on_top(ledger, tmp_path):
    """Both went on from the second answer: what either spent since then counts."""
    elsewhere = make_ledger(tmp_path / "old")
    acknowledge(elsewhere)
    spend(elsewhere, "elsewhere", 64_000)
    shutil.copy(tmp_path / "old" / "ledger.sqlite", tmp_path / "now" / "ledger.sqlite")
    fresh = again(tmp_path)
    acknowledge(fresh)
    assert spent(fresh) == 1000 + 2000 + 64_000 + (4000 + 8000)


def test_a_second_loss_counts_the_first_one_again(ledger, tmp_path):
    restore(tmp_path)
    acknowledge(again(tmp_path))
    spend(again(tmp_path), "after the first", 500)
    restore(tmp_path)
    fresh = again(tmp_path)
    assert acknowledge(fresh) == Cost(12_500)
    assert spent(fresh) == 15_500
    assert fresh.verify() == 5


def test_cut_rows_may_be_acknowledged(ledger, tmp_path):
    tamper(tmp_path / "now", "DELETE FROM ledger WHERE seq > 4")
    fresh = again(tmp_path)
    assert acknowledge(fresh) == Cost(12_000)
    spend(fresh, "new")
    assert fresh.verify() == 7


def test_a_whole_ledger_has_nothing_to_acknowledge(ledger, tmp_path):
    with pytest.raises(InputError, match="nothing is lost"):
        acknowledge(again(tmp_path))
    assert ledger.verify() == 8


def test_an_altered_ledger_cannot_be_acknowledged(ledger, tmp_path):
    restore(tmp_path)
    tamper(tmp_path / "now", "UPDATE ledger SET at = '2020-01-01T00:00:00+00:00' WHERE seq = 1")
    with pytest.raises(LedgerError, match=r"entry 1 .*does not fit"):
        acknowledge(again(tmp_path))


def test_who_is_no_officer_acknowledges_nothing(ledger, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_ROLE", "analyst")
    restore(tmp_path)
    with pytest.raises(Refused, match=r"officer's decision, and you act as 'analyst'"):
        again(tmp_path).acknowledge("I want to go on.", now=NOW)
    with pytest.raises(InputError, match="say why"):
        again(tmp_path).acknowledge("", role="officer", now=NOW)
    refuses(again(tmp_path))


# ---------------------------------------------------------------- crashes


def test_a_crash_between_the_commit_and_the_anchor_is_no_loss(ledger, tmp_path):
    anchor = tmp_path / "now" / "anchor" / "ledger.head"
    before = anchor.read_text()
    spend(ledger, "more")
    anchor.write_text(before)
    fresh = again(tmp_path)
    assert fresh.verify() == 10
    spend(fresh, "and more")
    assert json.loads(anchor.read_text())["seq"] == 12


def test_a_tail_no_anchor_knows_is_hashed_again(ledger, tmp_path):
    anchor = tmp_path / "now" / "anchor" / "ledger.head"
    before = anchor.read_text()
    for number in range(2):
        spend(ledger, f"more {number}")
    anchor.write_text(before)
    tamper(tmp_path / "now", "UPDATE ledger SET ref = 'x' WHERE seq = 10")
    with pytest.raises(LedgerError, match=r"entry 10 .*does not fit"):
        reserve(again(tmp_path), "new")


def test_an_answer_whose_payment_vanished_is_dropped(ledger, tmp_path):
    shutil.copytree(tmp_path / "now", tmp_path / "old", dirs_exist_ok=True)
    open_one = reserve(ledger, "open")
    restore(tmp_path, anchor=True)
    with pytest.raises(LedgerError, match=r"no longer holds entry 9.*ask again"):
        again(tmp_path).store([(open_one, answer_for(open_one))], NOW)


# ---------------------------------------------------------------- where and when


def test_a_newer_versions_ledger_is_refused(ledger, tmp_path):
    with ledger.chain.writing() as write:
        last = ledger.chain.entries("spend")[-1].body
        write.append("spend", {**last, "schema": 3}, at=NOW, subject="s", ref="2026-09")
    with pytest.raises(
        LedgerError, match=r"newer version \(schema 3; .* Update workbench; nothing"
    ):
        reserve(again(tmp_path), "new")


def test_a_newer_versions_anchor_is_refused(ledger, tmp_path):
    anchor = tmp_path / "now" / "anchor" / "ledger.head"
    anchor.write_text(json.dumps({**json.loads(anchor.read_text()), "schema": 3}))
    with pytest.raises(LedgerError, match=r"newer version \(schema 3"):
        reserve(again(tmp_path), "new")


def test_a_ledger_from_before_sums_is_refused(ledger, tmp_path):
    with ledger.chain.writing() as write:
        write.append("spend", {"schema": 1}, at=NOW)
    with pytest.raises(LedgerError, match=r"unfinished version \(schema 1.*new private folder"):
        reserve(again(tmp_path), "new")


def test_a_clock_set_back_is_told(ledger):
    with pytest.raises(LedgerError, match=r"clock shows 2026-10-02 08:5\d.*last spend.*09:00"):
        reserve(ledger, "new", now=NOW - dt.timedelta(minutes=6))
    reserve(ledger, "new", now=NOW - dt.timedelta(minutes=4))


def test_a_ledger_that_is_no_database_is_told(ledger, tmp_path):
    (tmp_path / "now" / "ledger.sqlite").write_bytes(b"\x00garbage" * 1000)
    for act in (lambda: reserve(again(tmp_path), "new"), again(tmp_path).verify):
        with pytest.raises(LedgerError, match=r"not a readable log .*'workbench store restore'"):
            act()


@pytest.fixture
def disk(tmp_path):
    """Return the folder of a disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=2000000", "small", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine mounts no disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_read_only_ledger_is_told_and_can_be_read(disk):
    folder = disk
    ledger = make_ledger(folder / "private")
    answer = spend(ledger, 1)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    with pytest.raises(LedgerError, match="cannot be opened for writing: Read-only file system"):
        reserve(ledger, 2)
    assert make_ledger(folder / "private").answer(answer.id) == answer
    assert spent(ledger) == 1000


def test_an_anchor_that_cannot_be_written_is_told_and_the_spend_counts(ledger, tmp_path):
    anchors = tmp_path / "now" / "anchor"
    kept = anchors.rename(tmp_path / "kept")
    anchors.symlink_to(kept)
    (kept / f"ledger.head.{os.getpid()}.part").mkdir()
    with pytest.raises(LedgerError, match=r"anchor .* cannot be written: .*not paid for twice"):
        reserve(ledger, "new")
    next(kept.glob("ledger.head.*")).rmdir()
    assert spent(ledger) == 16_000
    assert reserve(ledger, "new").seq == 9
    assert spent(ledger) == 16_000


TABLE = """\
22 28 0:21 / /proc rw,nosuid shared:12 - proc proc rw
28 1 253:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
90 28 0:45 / /mnt/team rw,relatime shared:50 - nfs4 server:/export rw,vers=4.2
91 90 253:2 / /mnt/team/local rw shared:51 master:1 - xfs /dev/vdb rw
92 28 0:46 / /mnt/two\\040words rw - cifs //server/share rw
93 28 0:47 / /srv/me/remote rw - fuse.sshfs me@server:/ rw
94 28 0:48 / /mnt/usb rw - fuseblk /dev/sdb1 rw
95 28 0:49 / /mnt/over rw - ext4 /dev/vdc rw
96 28 0:50 / /mnt/over rw - 9p share rw
97 28 0:51 / /srv/me/cloud rw - fuse.rclone cloud: rw
98 28 0:52 / /srv/me/safe rw - fuse.gocryptfs /srv/me/.safe rw
a line that is none
"""


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/srv/private", "ext4", False),
        ("/mnt/team/private", "nfs4", True),
        ("/mnt/team", "nfs4", True),
        ("/mnt/teamwork", "ext4", False),
        ("/mnt/team/local/private", "xfs", False),
        ("/mnt/two words/x", "cifs", True),
        ("/srv/me/remote/x", "fuse.sshfs", True),
        ("/srv/me/cloud/x", "fuse.rclone", True),
        ("/srv/me/safe/x", "fuse.gocryptfs", False),
        ("/mnt/usb/x", "fuseblk", False),
        ("/mnt/over/x", "9p", True),
    ],
)
def test_the_mount_table_says_what_lies_where(path, kind, network):
    assert mounted(Path(path), TABLE)[0] == kind
    if not network:
        require_local(Path(path), TABLE)
        return
    with pytest.raises(LedgerError, match=rf"network file system \({kind} at /.*Set private"):
        require_local(Path(path), TABLE)


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "fuse.glusterfs", "vboxsf"]
)
def test_network_file_systems_are_known_by_name(kind):
    with pytest.raises(LedgerError, match="where locks do not hold"):
        require_local(Path("/x"), f"1 0 0:1 / / rw - {kind} source rw")


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs", "apfs"])
def test_local_file_systems_are_allowed(kind):
    require_local(Path("/x"), f"1 0 0:1 / / rw - {kind} source rw")


def test_an_empty_table_forbids_nothing():
    assert mounted(Path("/x"), "") is None
    require_local(Path("/x"), "")


def test_this_machines_own_table_is_read(tmp_path):
    kind, point = mounted(tmp_path, Path("/proc/self/mountinfo").read_text())
    assert kind
    assert Path(point) == tmp_path or Path(point) in tmp_path.parents
    require_local(tmp_path)
