"""What is left of customers outside the tables, cleared and searched."""

import base64
import bz2
import gzip
import io
import json
import lzma
import random
import zipfile
import zlib

import duckdb
import pyarrow as pa
import pytest
from pyarrow import feather, orc

from workbench.lifecycle.rights import traces


def test_a_search_sees_texts_in_both_encodings_and_over_blocks(tmp_path):
    (tmp_path / "plain").write_bytes(b"x" * ((1 << 24) - 3) + b"K-000010")
    (tmp_path / "wide").write_bytes("K-000010".encode("utf-16-le"))
    (tmp_path / "none").write_bytes(b"K-00001")
    found = traces.search([tmp_path], ["K-000010"])
    assert [path.name for path in found] == ["plain", "wide"]


def test_short_texts_are_found_anywhere_and_not_searched(tmp_path):
    (tmp_path / "x").write_text("7")
    assert traces.search([tmp_path], ["7"]) == []


def test_signs_of_patterns_mean_themselves(tmp_path):
    (tmp_path / "x").write_text("a.b*c")
    assert traces.search([tmp_path], ["a.b*c"]) == [tmp_path / "x"]
    assert traces.search([tmp_path], ["axb*c"]) == []


def test_a_notebook_without_outputs_is_left_alone(tmp_path):
    path = tmp_path / "runs" / "a.ipynb"
    path.parent.mkdir()
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": "x"}]}))
    before = path.stat().st_mtime_ns
    assert traces.clear(tmp_path) == 0
    assert path.stat().st_mtime_ns == before


def test_what_a_kernel_wrote_goes_in_whatever_form(tmp_path):
    folder = tmp_path / "runs" / "overview" / "2026-09" / "files" / "more"
    folder.mkdir(parents=True)
    (folder / "scores.npy").write_bytes(b"anything")
    (folder.parents[1] / "catalog.json").write_text("{}")
    (tmp_path / "kernels.log").write_text("anything")
    assert traces.clear(tmp_path) == 2
    left = {path.name for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size}
    assert left == {"catalog.json"}


def test_what_a_crash_left_of_a_notebook_goes(tmp_path):
    (tmp_path / "half.ipynb").write_text('{"cells": [{"outputs": ["K-000010')
    assert traces.clear(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_histories_of_kernels_go(tmp_path):
    folder = tmp_path / "ipython" / "profile_default"
    folder.mkdir(parents=True)
    (folder / "history.sqlite").write_bytes(b"K-000010")
    assert traces.clear(tmp_path) == 1
    assert list(folder.iterdir()) == []


ERASED = (
    "王伟",
    "欧阳娜",
    "李娜",
    "13800138000",
    "wei.wang@例子.中国",
    "1990-02-03",
    "Ann-Li",
    "K-17",
)
ENCODINGS = ("utf-8", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le")


def zipped(content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", content)
    return packed.getvalue()


def framed(content):
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "lz4") as stream:
        stream.write(content)
    return packed.getvalue().to_pybytes()


PACKERS = {
    "plain": bytes, "gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zip": zipped,
    "zip in gzip": lambda content: gzip.compress(zipped(content)),
    "zip cut off": lambda content: zipped(content + bytes(99))[:-90],
    "within a picture or PDF": lambda content: b"%PDF\n<<>>stream\n" + zlib.compress(content * 3),
    "gzip within": lambda content: b"." + gzip.compress(content * 3),
    "base64": base64.b64encode, "base64 in lines": base64.encodebytes,
    "base64 in json": lambda content: json.dumps(base64.encodebytes(content).decode()).encode(),
    "base64 within a path": lambda content: b"a/" + base64.urlsafe_b64encode(content),
    "gzip in base64": lambda content: base64.b64encode(gzip.compress(content * 2)),
    "zstd": lambda content: pa.compress(content, "zstd", asbytes=True), "lz4": framed,
}  # fmt: skip


@pytest.mark.parametrize("value", ERASED)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_names_of_two_signs_are_found_in_every_encoding_and_container(tmp_path, value, encoding):
    lines = f"编号,姓名\n一二三,客户{value}来电\n"
    for name, pack in PACKERS.items():
        (tmp_path / name).write_bytes(pack(lines.encode(encoding)))
    (tmp_path / "other").write_bytes("编号,姓名\n一二三,客户来电\n".encode(encoding))
    found = {path.name for path in traces.search([tmp_path], [value])}
    assert found == set(PACKERS)


@pytest.mark.parametrize("value", ERASED)
def test_values_are_found_in_tables_and_as_json_and_xml_write_them(tmp_path, value):
    (tmp_path / "a.json").write_text(json.dumps({"name": value}))
    (tmp_path / "a.xml").write_bytes(f"<a>{value}</a>".encode("ascii", "xmlcharrefreplace"))
    with duckdb.connect(tmp_path / "a.duckdb") as connection:
        connection.execute(
            f"CREATE TABLE t AS SELECT '{value}/' || i % 3 AS c FROM range(5000) r(i)"
        )
        connection.execute(f"COPY t TO '{tmp_path}/a[1].parquet' (COMPRESSION zstd)")
    table = pa.table({"n": range(5000), "c": [f"{value}/{n % 3}" for n in range(5000)]})
    feather.write_feather(table, tmp_path / "a.feather", compression="zstd")
    feather.write_feather(table, tmp_path / "b.feather", compression="lz4", chunksize=1000)
    cut = (tmp_path / "b.feather").read_bytes()
    (tmp_path / "c.feather").write_bytes(cut[: len(cut) // 2])
    orc.write_table(table, tmp_path / "a.orc", compression="zstd")
    packed = zipfile.ZipFile(tmp_path / "a.zip", "w")
    with packed:
        packed.write(tmp_path / "a.orc")
    found = {path.name for path in traces.search([tmp_path], [value])}
    assert found == {path.name for path in tmp_path.iterdir()}
    assert traces.search([tmp_path], ["李四"]) == []


SPELLED = {
    "Wei.Wang@example.org": ["WEI.WANG@example.org", "wei.wang%40example.org"],
    "+86 138-0013-8000": [
        "8613800138000",
        "+86 138-0013-8000",
        "13800138000",
        "138 0013 8000",
        "(138) 0013.8000",
        "0086 138\u20110013\u20118000",
        "138\u00a00013\u00a08000",
    ],
    "13800138000": ["+86 138-0013-8000", "138-0013-8000", "0086 13800138000"],
    "+49 (0)30 123 45 67": ["030/1234567", "0049301234567", "+49 (0) 30 1234567"],
    "0151 23456789": ["+4915123456789", "0049 151 23456789", "tel:+49151-23456789"],
    "123-4567": ["1234567", "(123) 4567"],
    "1990-02-03": [
        "19900203",
        "1990/2/3",
        "3.2.1990",
        "02/03/1990",
        "1990年2月3日",
        "3 February 1990",
        "Feb 3, 1990",
    ],
    "王伟": ["王　伟", "王 伟"],
    "Ann Li": ["LI, Ann", "ann\u00a0\u00a0li", "Ann\nLi"],
    "Renée": [
        "RENÉE",
        "Rene\u0301e",
        "Ren\\u00E9e",
        "Ren\\\\u00e9e",
        "Ren&#xe9;e",
        "Ren%C3%A9e",
        "Ren=C3=A9e",
        r"Ren\xc3\xa9e",
        "52656ec3a965",
        "Ren&eacute;e",
        "Ren%E9e",
    ],
    'Bo "B" O\'Ne & Co': ['"Bo ""B"" O\'Ne & Co"', "Bo &quot;B&quot; O&#x27;Ne &amp; Co"],
}


ANOTHERS = {
    "13800138000": ["1380013800", "138-0013-80001", "99 913800138-000"],
    "+49 30 1234567": ["149301234567", "+43 30 12345670"],
    "123-4567": ["+1 (555) 123 4567", "order 2001234567"],
    "0151 23456789": ["512-345-6789"],
    "1000017": ["10000.17", "t=100 0017"],
    "1990-02-03": ["11990/2/3", "1990-02-30", "3.21.1990", "13.2.1990"],
    "Ann Li": ["Annli", "Joann  Li", "Ann  Lindt"],
}


@pytest.mark.parametrize("value", ANOTHERS)
def test_what_is_longer_or_shorter_is_anothers(tmp_path, value):
    for number, other in enumerate(ANOTHERS[value]):
        (tmp_path / f"{number}").write_text(f"客户,{other},来电\n")
    assert traces.search([tmp_path], [value]) == []


@pytest.mark.parametrize("value", SPELLED)
def test_another_spelling_of_a_value_is_found(tmp_path, value):
    for number, spelled in enumerate(SPELLED[value]):
        (tmp_path / f"{number:02}").write_text(f"客户,{spelled},来电\n")
    (tmp_path / "other").write_text("客户,李四,来电\n")
    found = [path.name for path in traces.search([tmp_path], [value])]
    assert found == [f"{number:02}" for number in range(len(SPELLED[value]))]


@pytest.mark.parametrize("value", ERASED)
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_what_a_cut_archive_still_holds_is_searched(tmp_path, pack, value):
    noise = random.Random(2026).randbytes(
        1 << (20 if pack is bz2.compress else 17)
    )  # why: of bz2 a whole block
    packed = pack(f"客户{value}来电\n".encode() + noise)
    (tmp_path / "cut").write_bytes(packed[: len(packed) * 99 // 100])
    assert traces.search([tmp_path], [value]) == [tmp_path / "cut"]


def test_what_is_packed_is_searched_beyond_one_block(tmp_path):
    noise, value = random.Random(2026).randbytes(17 << 20), b"\nwei.wang@example.org\n"
    (tmp_path / "long").write_bytes(b"%PDF stream\n" + zlib.compress(noise + value, 0))
    (tmp_path / "wide").write_bytes(zlib.compress(bytes(24 << 20) + value))
    found = traces.search([tmp_path], ["wei.wang@example.org"])
    assert [path.name for path in found] == ["long", "wide"]


def test_a_name_of_a_file_or_folder_is_searched(tmp_path):
    (tmp_path / "王伟").mkdir()
    (tmp_path / "王伟" / "x").write_text("")
    (tmp_path / "of-wei.wang@example.org.csv").write_text("")
    found = traces.search([tmp_path], ["王伟", "wei.wang@example.org"])
    assert [path.name for path in found] == ["of-wei.wang@example.org.csv", "x"]


def test_chance_bytes_are_no_name_and_two_names_are_no_chance(tmp_path):
    names = [chr(0x4E00 + 7 * n) + chr(0x4E00 + 11 * n + 5) for n in range(20)]
    (tmp_path / "noise").write_bytes(random.Random(2026).randbytes(1 << 22))
    noise = b"\xff\x00\x81\xfe\x00\x01" * 40
    (tmp_path / "one").write_bytes(noise + "王伟".encode("gb18030") + noise)
    (tmp_path / "two").write_bytes(
        noise + "王伟".encode("gb18030") + noise + "李娜".encode("gb18030") + noise
    )
    assert traces.search([tmp_path], names) == []
    assert traces.search([tmp_path], ["王伟", "李娜"]) == [tmp_path / "two"]


@pytest.mark.parametrize("content", [b"PK\x03\x04cut", b"\x1f\x8bcut", b"BZhcut", b"PAR1cut", b""])
def test_what_only_begins_like_an_archive_is_none(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    assert traces.search([tmp_path], ["王伟"]) == []


def test_folders_of_encrypted_files_are_left(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "x").write_text("王伟")
    assert traces.search([tmp_path], ["王伟"], leave=[tmp_path / "store"]) == []
