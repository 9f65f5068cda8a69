"""Two thousand planted identities, every way a notebook can show them, none in a published byte."""

import base64
import gzip
import json
import os
import random
import re
import zlib
from pathlib import Path

import pytest
from factories.notebooks import written
from factories.pages import CONTEXT
from factories.releases import MONTH, release

from workbench.errors import DefinitionError, LeakFound
from workbench.reporting import editions, page_assets
from workbench.reporting.exporter import export
from workbench.reporting.leaks import key, refuse_leaks

TESTS = Path(__file__).resolve().parents[1]
IDENTITIES = 2000
SETUP = """
import sys; sys.path.insert(0, TESTS)
import pandas as pd, numpy as np, logging, warnings, json
from IPython.display import display, HTML, Markdown, Javascript, Image, SVG
from factories.releases import MONTH, release
from workbench import figures
people = pd.read_csv(PEOPLE, dtype=str)
person = people.iloc[7]
safe = release((MONTH,), number=1)
"""
SHOWING = """
people
===
print(people.to_string())
===
logging.warning(people.to_csv()); sys.stderr.write(people.to_csv())
===
warnings.warn(person["name"])
===
raise ValueError(people.to_string())
===
display(HTML(people.to_html()))
display(Markdown(people.to_csv())); display(Javascript(people.to_json()))
===
import plotly.express as px
keys = people["customer_id"].str[1:].astype(int)
numbers = people.assign(id=keys, n=range(len(people)))
display(px.scatter(numbers, x="n", y="id", hover_name="name", custom_data=["email"]))
===
px.box(numbers, y="id", hover_data=["name"])
===
px.histogram(numbers, x="id", hover_data=["phone"], title=person["name"])
===
import plotly.graph_objects as go
bars = go.Bar(x=people["name"], y=numbers["id"])
figure = go.Figure(bars, layout={"meta": people.to_dict("list")})
figure.show(renderer="notebook"); figure
===
widget = {"version_major": 2, "version_minor": 0, "model_id": person["customer_id"]}
view = {"application/vnd.jupyter.widget-view+json": widget, "text/plain": person["name"]}
display(view, raw=True)
===
display({"application/json": people.to_dict("list")}, raw=True)
===
other = {"application/vnd.workbench.other+json": {"name": person["name"]}}
display({"text/html": people.to_html(), **other}, raw=True)
===
metadata = {"name": person["name"], "rows": people.to_dict("list")}
display(figures.line(safe, x="month", y="customers"), metadata=metadata)
===
bundle = figures.line(safe, x="month", y="customers")._repr_mimebundle_()
bundle["text/plain"] = people.to_string(); bundle["text/html"] = people.to_html()
bundle["application/vnd.plotly.v1+json"]["data"][0]["text"] = list(people["name"])
display(bundle, raw=True)
===
handle = display(people.to_string(), display_id=person["name"]); handle.update(person["name"])
===
safe.left
figures.line(safe, x="month", y="customers")
"""
COMPUTED = """
figures.line(safe, x="month", y="customers", title=person["name"])
===
figures.kpis(safe, labels={"customers": person["phone"]})
===
figures.text("{customers} " + person["email"], release(number=2))
===
bundle = figures.table(safe)._repr_mimebundle_()
bundle[figures.MIME]["spec"]["title"] = person["name"]; display(bundle, raw=True)
===
bundle = figures.table(safe)._repr_mimebundle_()
bundle[figures.MIME]["spec"]["hover"] = list(people["name"]); display(bundle, raw=True)
===
bundle = figures.table(safe)._repr_mimebundle_()
bundle[figures.MIME]["releases"] = [person["name"]]; display(bundle, raw=True)
===
bundle = figures.table(safe)._repr_mimebundle_()
bundle[figures.MIME][person["name"]] = 1; display(bundle, raw=True)
"""


def _people():
    dice = random.Random(4)
    sur, given = (
        "王李张刘陈杨黄赵吴周徐孙马朱胡郭何",
        "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英",
    )
    for number in range(IDENTITIES):
        if number % 2:
            name = dice.choice(sur) + dice.choice(given) + dice.choice(given)
        else:
            name = "".join(
                dice.choice("bdfgklmnrst") + dice.choice("aeiou") for _ in range(4)
            ).title()
            name += (
                " "
                + "".join(
                    dice.choice("bdfgklmnrst") + dice.choice("aeiou") for _ in range(4)
                ).title()
            )
        phone = f"13{dice.randrange(10**9):09d}"
        yield {
            "customer_id": f"C{700_000 + number}",
            "name": name,
            "phone": phone,
            "email": f"u{dice.randrange(10**8):08d}@mail.example",
            "resident_id": f"{dice.randrange(10**17):017d}X",
        }


@pytest.fixture(scope="module")
def people():
    return list(_people())


def _execute(cells, people, folder):
    """Run cells in a kernel and return the notebook, as an analyst's run leaves it."""
    import nbformat
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    file = folder / "people.csv"
    header = list(people[0])
    rows = [",".join(person[name] for name in header) for person in people]
    file.write_text("\n".join([",".join(header), *rows]), encoding="utf-8")
    setup = SETUP.replace("TESTS", repr(str(TESTS))).replace("PEOPLE", repr(str(file)))
    person = people[7]
    made = new_notebook(
        cells=[
            new_markdown_cell(
                f"# Report\n\nAll is well. <!-- {person['name']} --> "
                f"![{person['name']}](attachment:{person['customer_id']}.png)",
                attachments={f"{person['customer_id']}.png": {"image/png": person["phone"]}},
                metadata={"note": person["name"]},
            ),
            new_code_cell(f"name = {person['name']!r}", metadata={"tags": ["injected-parameters"]}),
            new_code_cell(setup),
            *(
                new_code_cell(
                    cell.strip(), metadata={"who": person["name"], "tags": [person["phone"]]}
                )
                for cell in cells.split("===")
            ),
        ],
        metadata={
            "papermill": {"parameters": {"name": person["name"]}, "exception": person["email"]},
            "widgets": {"application/vnd.jupyter.widget-state+json": {"state": person}},
            "author": person["name"],
        },
    )
    client = NotebookClient(
        made, allow_errors=True, timeout=120, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return nbformat.from_dict(made)


def _lookup(name):
    return release((MONTH,), number=1) if name == "r-000001" else release(number=2)


def _finder(people):
    known = {key(value): column for person in people for column, value in person.items()}
    return lambda candidates: [("people", known[each], each) for each in candidates & set(known)]


def _decoded(content, depth=0):
    """Yield a file's bytes and whatever base64, gzip and zlib blocks within it hold."""
    yield content
    if depth == 3:
        return
    for block in re.findall(rb"[A-Za-z0-9+/_-]{16,}={0,2}", content):
        padded = block.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        try:
            raw = base64.b64decode(padded + b"=" * (-len(padded) % 4))
        except ValueError:
            continue
        for unpack in (gzip.decompress, zlib.decompress):
            try:
                raw = unpack(raw)
            except (OSError, EOFError, zlib.error):
                continue
        yield from _decoded(raw, depth + 1)


@pytest.fixture(scope="module")
def shown(people, tmp_path_factory):
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    return _execute(SHOWING, people, tmp_path_factory.mktemp("shown"))


def test_the_notebook_does_hold_them(shown, people):
    """Otherwise the test below would prove nothing."""
    text = json.dumps(shown, ensure_ascii=False)
    assert all(person["name"] in text and person["phone"] in text for person in people)
    kinds = {
        kind
        for cell in shown["cells"]
        for out in cell.get("outputs", [])
        for kind in out.get("data", {})
    }
    assert {"application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"} <= kinds
    assert {"error", "stream", "display_data", "execute_result"} == {
        out["output_type"] for cell in shown["cells"] for out in cell.get("outputs", [])
    }


@pytest.mark.parametrize("standalone", [False, True])
def test_nothing_a_notebook_shows_reaches_a_published_byte(shown, people, standalone, tmp_path):
    page = export(
        shown,
        source_notebook=written(shown),
        lookup=_lookup,
        context=CONTEXT,
        standalone=standalone,
    )
    refuse_leaks(page, _finder(people))
    editions.publish(tmp_path, "report", "2026-09", page)
    published = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(published) >= 4
    own = (page_assets.bundle().script, page_assets.bundle().packed.encode())
    contents = [path.name.encode() + b"\n" + path.read_bytes() for path in published]
    for script in own:  # the committed script, whose hash another test holds; for speed
        contents = [content.replace(script, b"") for content in contents]
    everything = (
        b"\n".join(text for content in contents for text in _decoded(content))
        .decode("utf-8", "replace")
        .casefold()
    )
    values = {value.casefold() for person in people for value in person.values()}
    assert len(values) > 4 * IDENTITIES
    assert [value for value in values if value in everything] == []
    assert page.html.count('class="chart ') == 3  # the honest figures of the three last cells


@pytest.fixture(scope="module")
def computed(people, tmp_path_factory):
    return _execute(COMPUTED, people, tmp_path_factory.mktemp("computed"))


@pytest.mark.parametrize("number", range(COMPUTED.count("===") + 1))
def test_a_value_within_a_figures_own_words_stops_the_page(computed, people, number):
    first = 3
    cells = [*computed["cells"][:first], computed["cells"][first + number]]
    executed = {**computed, "cells": cells}
    assert cells[-1]["outputs"][0]["output_type"] != "error"
    with pytest.raises(DefinitionError, match=r"^cell 3: ") as refusal:
        export(executed, source_notebook=written(executed), lookup=_lookup, context=CONTEXT)
    values = {value for person in people for value in person.values()}
    assert [value for value in values if value in str(refusal.value)] == []


def test_a_value_written_into_the_prose_stops_the_publication(shown, people):
    executed = {**shown, "cells": [*shown["cells"]]}
    executed["cells"][0] = {**executed["cells"][0], "source": f"Ask {people[7]['name']}."}
    page = export(executed, source_notebook=written(executed), lookup=_lookup, context=CONTEXT)
    with pytest.raises(LeakFound, match=r"cell 1 holds a value of people.name"):
        refuse_leaks(page, _finder(people))
