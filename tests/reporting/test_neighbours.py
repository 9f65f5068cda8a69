"""Two estates that differ in one customer: nothing that leaves tells them apart but through noise.

Whoever knows every row but one customer's can load both estates at home. So whatever two workspaces
of the same data would publish alike, a workspace of the neighbouring data must publish alike too.
"""

import datetime as dt
import json
import re
import shutil
import sys
from pathlib import Path

import duckdb
import pytest
from conftest import shop_time
from support.line import DEFINITION, contents, write_report
from support.shop import make_shop

import workbench as wb
from workbench.store.loading.ingest import current_digests
from workbench.store.versions import digest

HEXADECIMAL = re.compile(rb"(?<![0-9a-f])[0-9a-f]{10,64}(?![0-9a-f])")
HOOK = "import sys; open('told.json', 'wb').write(sys.stdin.buffer.read())"
DRAWN = {"cards", "headline", "sha256"}  # of released figures, noise and all


def publish(folder: Path) -> tuple[wb.Workspace, dict[str, bytes]]:
    """Load a shop, render a report and hand over its answer; return all that left, by file."""
    (folder / "hook.py").write_text(HOOK)
    hook = f"hooks: {{{{published: {sys.executable} {folder}/hook.py}}}}\n"
    write_report(folder, definition=DEFINITION + hook)
    ws = wb.open_workspace(folder, now=shop_time)
    ws.init()
    path = folder / "notebooks" / "customers.ipynb"
    notebook = json.loads(path.read_text())  # as an analyst saves it, raw rows and all
    rows = ws.open("transactions", "reporting").count().execute()
    shown = {"output_type": "stream", "name": "stdout", "text": f"{rows} rows"}
    notebook["cells"][-1]["outputs"] = [shown]
    path.write_text(json.dumps(notebook))
    ws.reports.render("customers")
    ws.reports.export_standalone("customers", folder / "shared.html")
    ws.office.share(
        ws.ledger.releases()[:1],
        folder / "shared",
        recipient="Auditor",
        country="DE",
        purpose="reporting",
        terms="for the audit",
        expires=dt.date(2027, 1, 1),
    )
    left = {
        name: content.replace(str(folder).encode(), b"HERE")
        for place in (folder / "reports" / "published", folder / "shared")
        for name, content in contents(place).items()
        if not name.endswith(".js")
    }
    alone = ("told.json", "shared.html")
    return ws, {**left, **{name: (folder / name).read_bytes() for name in alone}}


def without_one(data: Path) -> None:
    """Take one customer's rows out of every source file."""
    for path in data.glob("*.parquet"):
        kept = path.with_suffix(".kept")
        rows = f"SELECT * FROM '{path}' WHERE customer_id <> 'K-000017'"
        duckdb.execute(f"COPY ({rows}) TO '{kept}' (FORMAT parquet)")
        shutil.move(kept, path)
    path = data / "consents.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("K-000017")))


@pytest.fixture(scope="module")
def estates(tmp_path_factory, warmed):
    """Return what left two workspaces of the same shop, and one of its neighbour."""
    made = {}
    for name in ("one", "same", "neighbour"):
        folder = make_shop(tmp_path_factory.mktemp("estate") / "shop")
        if name == "neighbour":
            without_one(folder / "data")
        (folder / ".workbench").mkdir(mode=0o700)
        made[name] = publish(warmed(folder))
    return made


def hashes(left: dict[str, bytes]) -> set[bytes]:
    return {found for content in left.values() for found in HEXADECIMAL.findall(content)}


def test_no_hash_that_somebody_else_could_compute_tells_neighbours_apart(estates):
    one, same, neighbour = (hashes(estates[name][1]) for name in ("one", "same", "neighbour"))
    assert len(one) > 5  # there are some, and they are keyed
    assert one & same <= neighbour


def test_records_of_neighbours_are_the_same_but_for_what_is_drawn_or_keyed(estates):
    """Row counts, sizes, snapshots, order: all that an edition's record says is compared."""
    records = []
    for _, left in estates.values():
        (name,) = (name for name in left if name.endswith("r1/edition.json"))
        record = json.loads(left[name])
        for each in DRAWN | {"identity", "data_version", "made_of"}:
            assert record.pop(each)
        for each in ("ledger_head", "audit_head"):
            record[each] = record[each][0]  # how many entries; the hash is keyed
        records.append(record)
    assert records[0] == records[1] == records[2]
    assert {frozenset(left) for _, left in estates.values()} == {frozenset(estates["one"][1])}


def test_what_was_shared_and_told_is_the_same_but_for_what_is_drawn_or_keyed(estates):
    told = [json.loads(left["told.json"]) for _, left in estates.values()]
    shared = [json.loads(left["metadata.json"]) for _, left in estates.values()]
    for each in told:
        del each["page"]  # where it lies on this machine
    versions = {re.search(r'"data_version": "(\w+)"', json.dumps(each))[1] for each in shared}
    assert len(versions) == 3
    assert told[0] == told[1] == told[2]


def test_no_plain_version_digest_or_head_stands_in_anything_that_left(estates):
    for ws, left in estates.values():
        versions = ws.access.versions
        names = [change.table for change in versions.changes]
        plain = {versions.of_all(), *map(versions.of, names), *current_digests(ws.store).values()}
        plain |= {versions.of("transactions", [f"2026-{month:02}"]) for month in range(1, 10)}
        for change in versions.changes:
            plain |= set(map(digest, change.months.values()))
        for chain in (ws.ledger.chain, ws.events):
            plain |= {entry.hash for entry in chain.entries()}
        everything = b"".join(left.values())
        assert not [each for each in plain if each and each.encode() in everything]


def test_a_keyed_version_stays_while_the_data_does_and_the_key_is_changed(shop):
    first = shop.reports.desk().data_version
    assert re.fullmatch("[0-9a-f]{16}", first)
    shop.office.rotate_key()
    again = wb.open_workspace(shop.settings.root, now=shop_time)
    assert again.reports.desk().data_version == first
    rows = shop.settings.root / "data" / "incidents.csv"
    rows.write_text(rows.read_text() + "I-2,2026-02-04\n")
    again.init()
    fresh = wb.open_workspace(shop.settings.root, now=shop_time)
    assert fresh.reports.desk().data_version != first
