"""No value of a customer can be read in any file of the workspace, spill and leftovers included."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import workbench as wb

PLANTED = (b"K-0000", b"Given1", b"Family", b"@example.org", b"note 1")
SPILL = """\
import os, signal, sys
import workbench as wb
ws = wb.open_workspace(sys.argv[1])
connection = ws.store.connect()
ws.store.attach(connection, ws.store.latest_snapshot())
connection.execute("SET memory_limit = '60MB'; SET threads = 1")
if sys.argv[2] == "plain":
    connection.execute("SET temp_file_encryption = false")
many = "SELECT c.*, n FROM lake.customers c, range(2000) r(n)"
connection.execute(f"CREATE TEMP TABLE many AS {many}")
os.kill(os.getpid(), signal.SIGKILL)
"""


def holding(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    return {path.name for path in files if any(word in path.read_bytes() for word in PLANTED)}


@pytest.mark.parametrize("kind", ["encrypted", "plain"])
def test_a_life_in_full_leaves_nothing_readable(shop, kind):
    shop.open("customers", "service").execute()
    question = wb.query(shop.open("transactions", "reporting"), period="2026-03").customers()
    shop.release(question, name="n", epsilon=0.1)
    shop.office.correct_subject(
        "K-000007", {"customers.email": "person7@example.org"}, verified_by="id card"
    )
    shop.office.restrict_subject("K-000008", verified_by="id card")
    shop.office.hold("dispute", subject="K-000009")
    shop.office.erase_subject("K-000010", verified_by="id card")
    made = shop.office.back_up()
    shop.office.restore_test(made.file)
    done = subprocess.run([sys.executable, "-c", SPILL, shop.settings.root, kind], check=False)
    assert done.returncode == -signal.SIGKILL
    spilled = list((shop.private / "tmp").rglob("*"))
    assert sum(path.stat().st_size for path in spilled) > 1_000_000
    found = holding(shop.private)
    if kind == "plain":  # the control: it would be found
        assert found
    else:
        assert found == set()
    content = Path(made.file).read_bytes()
    assert not any(word in content for word in PLANTED)
