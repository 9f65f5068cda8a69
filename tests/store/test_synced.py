"""What is said to be done is on the disk, by the recorded order of system calls."""

import shutil

import pytest
from support.shop import make_shop
from support.syscalls import traced, unsynced

# why: a lock holds nothing, and what is spilled into tmp is for the process that does
_NOTHING = (".lock", "/lock", ".turn", "/.workbench/tmp")  # why: a workspace's own


def test_nothing_that_was_written_renamed_or_removed_waits_for_the_disk(tmp_path):
    if not shutil.which("strace"):
        pytest.skip("this machine records no system calls: strace is not there")
    shop = make_shop(tmp_path / "shop")
    runs = shop / ".workbench" / "runs" / "r"
    runs.mkdir(parents=True)
    (runs / "kernel.log").write_text("K-000001")
    (runs / "cut.ipynb").write_text("K-000001")
    kept = str(tmp_path / "kept" / "one.backup")
    acts = {
        "loaded": "init()",
        "taken in": f"ingest('transactions', {str(tmp_path / 'more.csv')!r})",
        "backed up": f"office.back_up({kept!r})",
        "erased": "office.erase_subject('K-000001', verified_by='id card')",
        "restored": f"office.restore({kept!r}, over=True)",
        "rotated": "office.rotate_key(data=True)",
        "kept to time": "office.apply_retention()",
        "shredded": "office.shred_keys()",
    }
    (tmp_path / "more.csv").write_text(
        "customer_id,booked_on,region,category,note,amount,is_online\n"
        "K-000002,2026-10-01,north,food,,5,true\n"
    )
    lines = ["import os, datetime as dt", "import workbench as wb"]
    for act, call in acts.items():
        year = 2032 if act in ("kept to time", "shredded") else 2026
        lines += [
            f"now = dt.datetime({year}, 10, 2, 9, tzinfo=dt.UTC)",
            f"wb.open_workspace({str(shop)!r}, now=lambda: now).{call}",
            f"os.mkdir({str(tmp_path / act)!r})",
        ]
    there = {str(each) for each in tmp_path.rglob("*")}
    made = traced("\n".join(lines), tmp_path / "calls")
    marks = {str(tmp_path / act) for act in acts}
    left = {
        act: {path for path in paths if not path.partition("/spill-")[0].endswith(_NOTHING)}
        for act, paths in unsynced(made, tmp_path, marks, there)
    }
    assert left == {act: set() for act in acts}


@pytest.mark.parametrize(
    ("calls", "left"),
    [
        (["write(3<ROOT/a>, ''..., 5) = 5"], {"a"}),
        (["write(3<ROOT/a>, ''..., 5) = 5", "fsync(3<ROOT/a>) = 0"], set()),
        (["write(3<ROOT/a>, ''..., 5 <unfinished ...>", "fsync(4<ROOT/b>) = 0"], {"a"}),
        (["fsync(3<ROOT/a>) = 0", "pwrite64(3<ROOT/a>, ''..., 5, 0) = 5"], {"a"}),
        (["write(3<ROOT/b>, ''..., 5) = 5", 'rename("ROOT/b", "ROOT/a") = 0'], {"a", ""}),
        (['unlink("ROOT/b") = 0'], {""}),
        (['unlink("ROOT/b") = 0', "fsync(3<ROOT>) = 0"], set()),
        (["write(3<ROOT/d/b>, ''..., 5) = 5", 'unlinkat(4<ROOT/d>, "b", 0) = 0'], {"d"}),
        (['unlink("ROOT/b") = -1 ENOENT (No such file or directory)'], set()),
        (['openat(AT_FDCWD<ROOT>, "ROOT/new", O_WRONLY|O_CREAT, 0600) = 3<ROOT/new>'], {""}),
    ],
)
def test_the_record_tells_what_was_not_synced(tmp_path, calls, left):
    lines = [f"77 {call}".replace("ROOT", str(tmp_path)) for call in calls]
    lines.append(f'77 mkdir("{tmp_path}/done", 0777) = 0')
    ((mark, found),) = unsynced(lines, tmp_path, {f"{tmp_path}/done"}, {f"{tmp_path}/a"})
    assert (mark, found) == ("done", {str(tmp_path / name) for name in left})
