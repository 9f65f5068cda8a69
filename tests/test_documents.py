"""YAML 1.2 with the line of every problem."""

import datetime as dt

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML

from workbench.documents import load_yaml
from workbench.errors import CatalogError


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int
    colour: str | None = None


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    one: Inner | None = None
    many: dict[str, Inner] = {}
    listed: tuple[Inner, ...] = ()
    pair: tuple[int | dt.date, int | dt.date] | None = None


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "doc.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_yaml(path, CatalogError, "paper")

    return read


@pytest.fixture
def problems(read):
    def problems(text):
        document = read(text)
        with pytest.raises(ValidationError) as caught:
            Outer.model_validate(document.content)
        found = list(document.explain(caught.value, Outer))
        assert all(line.startswith(f"{document.path}:") for line in found)
        return [line.removeprefix(f"{document.path}:") for line in found]

    return problems


def test_scalars_are_those_of_yaml_1_2(read):
    document = read(
        "clock: 12:30\nword: yes\nswitch: on\nfloat: 1e3\nday: 2026-01-01\nmonth: 2026-09\n"
        "code: '01'\nnumber: 01\nnothing: ~\ntrue: true\n"
    )
    assert document.content == {
        "clock": "12:30",
        "word": "yes",
        "switch": "on",
        "float": 1000.0,
        "day": dt.date(2026, 1, 1),
        "month": "2026-09",
        "code": "01",
        "number": 1,
        "nothing": None,
        True: True,
    }


def test_a_place_is_the_line_of_the_key(read):
    document = read(
        "# a comment\nname: x\n\nmany:\n  a:\n    size: 1\nlisted:\n- size: 1\n- size: 2\n"
    )
    end = [document.where(*keys).rpartition(":")[2] for keys in (("name",), ("many", "a", "size"))]
    assert end == ["2 (name)", "6 (many.a.size)"]
    assert document.where("listed", 1, "size").endswith(":9 (listed.1.size)")


def test_a_place_that_is_not_there_is_the_deepest_that_is(read):
    document = read("many:\n  a:\n    size: 1\n")
    assert document.where("many", "a", "colour").endswith(":2 (many.a)")
    assert document.where("nothing").endswith("doc.yaml:1")


def test_an_unknown_key_gets_the_nearest_known_one_of_its_place(problems):
    assert problems("name: x\nmany:\n  a:\n    size: 1\n    color: red\n") == [
        "5 (many.a.color): unknown key 'color'. Did you mean 'colour'? Known: 'colour', 'size'."
    ]
    assert problems("name: x\none: {size: 1, color: red}\n")[0].endswith("Known: 'colour', 'size'.")
    assert problems("name: x\nlisted:\n- {size: 1, siz: 2}\n")[0].startswith("3 (listed.0.siz): ")


def test_every_problem_is_told_at_once(problems):
    assert problems("one: {size: big}\nmany: {a: 3}\nlisted: no\n") == [
        "1: 'name' is missing.",
        "1 (one.size): Input should be a valid integer, unable to parse string as an integer "
        "(got 'big').",
        "2 (many.a): Input should be a mapping of keys to values (got 3).",
        "3 (listed): Input should be a valid tuple (got 'no').",
    ]


def test_a_value_of_two_possible_types_is_told_once(problems):
    (line,) = problems("name: x\npair: [soon, 2]\n")
    assert line.startswith("2 (pair.0): ")
    assert line.count("; or: ") == 1
    assert line.endswith("(got 'soon').")


def test_a_value_missing_from_a_pair_is_counted_from_one(problems):
    assert problems("name: x\npair: [1]\n") == ["2 (pair): value 2 is missing."]


def test_a_huge_value_is_shortened(problems):
    (line,) = problems(f"name: {list(range(1000))}\n")
    assert len(line) < 120


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(CatalogError, match=r"no paper at .*absent.yaml. Create it"):
        load_yaml(tmp_path / "absent.yaml", CatalogError, "paper")


@pytest.mark.parametrize(
    "text",
    [
        "a: {b: [c:d, http://e]}",  # refused by the parser in C
        "a: x\u2028y",
        "a: \u2028b: 1",
        "a: \x85b: 1\nc: x",
        "%YAML 1.1\n---\na: yes",
        "a: &x [1, 0o14, 0x1F, 1_000, .inf, -0]\nb: *x",
        "<<: {b: 1}\na: >-\n  x\n\n  y\n",
        "? a\n: !!binary aGk=\n7: 2026-01-01 10:00:00\ntrue: '中文'",
    ],
)
def test_both_parsers_say_the_same(read, text):
    assert read(text).content == YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 100_000,
        "a:\n" + "- " * 100_000 + "b",
        "{a: " * 2000 + "b" + "}" * 2000,
        "\n".join(" " * depth + "a:" for depth in range(3500)),
    ],
)
def test_what_is_nested_too_deeply_is_refused(read, text):
    with pytest.raises(CatalogError, match="nested too deeply"):
        read(text)


def test_a_tab_between_words_is_refused_with_its_line(read):
    with pytest.raises(CatalogError, match=r"not valid YAML:\n.*yaml:2: "):
        read("name: x\nother: a\tb\n")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(CatalogError, match=r"cannot be read: .*directory"):
        load_yaml(tmp_path, CatalogError, "paper")


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n- b\n", "words\n", "~\n"])
def test_what_is_no_mapping_is_refused(read, text):
    with pytest.raises(CatalogError, match="is empty or not a mapping"):
        read(text)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb: [1\n", 3, "expected ',' or ']'"),
        ("a: 1\nb: 2\na: 3\n", 3, 'found duplicate key "a"'),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", 4, 'found duplicate key "c"'),
        ("a: 1\n\tb: 2\n", 2, "cannot start any token"),
        ("a: 1\n---\nb: 2\n", 2, "found another document"),
        ("a: !!python/object:os.system x\n", 1, "could not determine a constructor"),
        (b"a: \x00\n", 1, "special characters are not allowed"),
    ],
)
def test_broken_yaml_is_refused_with_its_line(read, text, line, reason):
    with pytest.raises(CatalogError, match=r"the paper .* is not valid YAML:") as caught:
        read(text)
    (problem,) = caught.value.problems
    assert f"doc.yaml:{line}: " in problem
    assert reason in problem


def test_bytes_that_are_no_text_are_refused(read):
    with pytest.raises(CatalogError, match="cannot be read: 'utf-8'"):
        read(b"\xff\xfea: 1")


def test_a_document_that_repeats_itself_without_end_is_refused(tmp_path):
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for here, before in zip("bcdefghi", "abcdefgh", strict=True):
        lines.append(f"{here}: &{here} [{', '.join([f'*{before}'] * 9)}]")
    path = tmp_path / "catalog.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(CatalogError, match=r"its aliases \(\*name\) repeat it to .* values"):
        load_yaml(path, CatalogError, "catalog")
    path.write_text("b: 1\na: &a [x, *a]")
    with pytest.raises(
        CatalogError, match=r"nested too deeply[\s\S]*catalog.yaml:2 \(a\): an alias"
    ):
        load_yaml(path, CatalogError, "catalog")
    path.write_text("a: &a [x, y]\nb: *a\n")
    assert load_yaml(path, CatalogError, "catalog").content["b"] == ["x", "y"]
