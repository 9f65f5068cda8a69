"""Two thousand planted identities, every way a notebook can show them, none in a published byte."""

import base64
import datetime as dt
import gzip
import json
import os
import random
import re
import subprocess
import threading
import urllib.request
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories.notebooks import written
from factories.pages import CHINESE, CONTEXT
from factories.releases import MONTH, release
from support.line import ASKING, DEFINITION, OPENING, write_report
from support.line import SHOWING as FIGURE
from support.shop import make_shop

import workbench as wb
from workbench.errors import DefinitionError, LeakFound, RunFailed
from workbench.reporting.exporter import export, export_languages
from workbench.reporting.gate.leaks import key, refuse_leaks
from workbench.reporting.pages import page_assets
from workbench.reporting.published import editions
from workbench.reporting.published.serve import serve

TESTS = Path(__file__).resolve().parents[1]
IDENTITIES = 2000
NOW = dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)
SETUP = """
import sys; sys.path.insert(0, TESTS)
import base64, gzip, pandas as pd, numpy as np, logging, warnings, json
from IPython.display import display, FileLink, HTML, Markdown, Javascript, Image, SVG
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
hidden = "<!-- " + people.to_csv() + " -->"
display(HTML(hidden)); display(Markdown(hidden)); display(FileLink(PEOPLE))
===
picture = b"\\x89PNG\\r\\n\\x1a\\n" + people.to_csv().encode()
display(Image(data=picture, format="png"))
display(SVG(f"<svg xmlns='http://www.w3.org/2000/svg'><title>{person['name']}</title></svg>"))
===
packed = base64.b64encode(gzip.compress(people.to_csv().encode())).decode()
display(HTML(f'<a download="{person["name"]}.csv" href="data:text/csv;base64,{packed}">file</a>'))
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
bars = go.Bar(x=people["name"], y=numbers["id"], name=person["name"], ids=people["email"])
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
    if depth == 4:
        return
    for block in re.findall(rb"[A-Za-z0-9+/_-]{16,}={0,2}", content):
        padded = block.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        try:
            raw = base64.b64decode(padded + b"=" * (-len(padded) % 4))
        except ValueError:
            continue
        yield from _decoded(raw, depth + 1)
    for start in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]", content):
        unpacking = zlib.decompressobj(47)  # either header
        try:
            yield from _decoded(unpacking.decompress(content[start.start() :]), depth + 1)
        except zlib.error:
            continue


def _texts(blocks, values, code):
    """Return which values stand in blocks of bytes: by their first six bytes, then whole."""
    everything = b"\n".join(blocks).lower() + b"\0" * 8
    wanted = {value.encode(code).lower(): value for value in values}
    assert min(map(len, wanted)) >= 6
    codes = np.frombuffer(everything, np.uint8).astype(np.uint64)
    windows = sum(codes[at : len(codes) - 5 + at] << np.uint64(8 * at) for at in range(6))
    there = set(np.unique(windows).tolist())
    near = [each for each in wanted if int.from_bytes(each[:6], "little") in there]
    return {wanted[each] for each in near if each in everything}


def _numbers(raw, wanted):
    """Return which numbers a block of bytes holds as an array, of whatever kind a page might."""
    found = set()
    for kind in ("<i4", "<f4", "<i8", "<f8"):
        values = np.frombuffer(raw[: len(raw) // 8 * 8], kind)
        small = wanted[wanted < 2**24] if kind.endswith("4") else wanted  # exact in that kind
        there = set(values[np.isin(values, small.astype(kind))].tolist())
        if len(there) > 1:  # among millions of random bytes one may look like a number
            found |= there
    return found


def _of_ours(content):
    """Return a file without the committed script, whose hash another test holds."""
    for script in (page_assets.bundle().script, page_assets.bundle().packed.encode()):
        content = content.replace(script, b"")
    return content


def _published(folder):
    """Return every byte of a folder, decoded, the names of its files, and what its PDFs say."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = _of_ours(path.read_bytes())
        found += [str(path.relative_to(folder)).encode(), *_decoded(content)]
        if path.suffix == ".pdf":
            for tool in (["pdftotext", path, "-"], ["pdfinfo", path]):
                found.append(subprocess.run(tool, capture_output=True, check=True).stdout)
    return found


def _found(blocks, people):
    """Return the planted values that stand in blocks of bytes, as text or as numbers."""
    values = {value.casefold() for person in people for value in person.values()}
    there = set().union(*(_texts(blocks, values, code) for code in ("utf-8", "utf-16-le")))
    numbers = {
        float(digits)
        for person in people
        for name, value in person.items()
        if name in ("customer_id", "phone") and (digits := re.sub(r"\D", "", value))
    }
    wanted = np.array(sorted(numbers))
    counted = set().union(*(_numbers(block, wanted) for block in blocks))
    return sorted(there) + sorted(numbers & counted)


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


def test_what_is_planted_is_found_however_it_is_packed(people):
    """Otherwise the test below would prove nothing."""
    person = people[7]
    name, number = person["name"].encode(), int(person["customer_id"][1:])
    packed = zlib.compress(name)
    for block in (
        name,
        person["name"].encode("utf-16-le"),
        b"%PDF stream\n" + packed,
        b"x: " + base64.b64encode(gzip.compress(b"packed: " + base64.b64encode(packed))),
    ):
        assert _found(list(_decoded(block)), people) == [person["name"].casefold()]
    for kind in ("<i4", "<f8"):
        array = base64.b64encode(np.array([1, number, number + 1, 4], kind).tobytes())
        assert _found(list(_decoded(b'"bdata":"' + array)), people) == [number, number + 1]


def test_nothing_a_notebook_shows_reaches_a_published_byte(shown, people, tmp_path):
    pages = export_languages(
        shown,
        source_notebook=written(shown),
        lookup=_lookup,
        context=CONTEXT,
        languages={"en": {}, "zh": CHINESE},
    )
    refuse_leaks(pages, _finder(people))
    made = editions.publish(tmp_path, "report", "2026-09", pages)
    alone = editions.add_standalone(tmp_path, "report", "2026-09")
    printed = editions.add_pdf(tmp_path, "report", "2026-09")
    assert len(alone) == len(printed) == 2
    blocks = _published(tmp_path)
    assert any("客户概览".encode() in block for block in blocks)
    assert _found(blocks, people) == []
    for page in pages:
        assert page.html.count('class="chart ') == 3  # the honest figures of the three last cells
    with serve(tmp_path) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        served = []
        for path in ("", "index.zh.html", "report/2026-09/", *(each.name for each in alone)):
            place = path if not path.startswith("standalone") else f"report/2026-09/{path}"
            address = "http://{}:{}/".format(*server.server_address) + place
            with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310  # why: our own
                served += [str(answer.headers).encode(), *_decoded(_of_ours(answer.read()))]
        server.shutdown()
    assert made.page.read_bytes() in served
    assert _found(served, people) == []


LEAKING = """\
import duckdb, logging, sys
from IPython.display import HTML
source = ws.settings.path("source")
people = duckdb.sql(f"SELECT * FROM '{source}/customers.parquet'").df()
print(people.to_string()); sys.stderr.write(people.to_csv())
logging.warning(people.to_csv())
display(people); display(HTML(people.to_html()))"""
DRAWING = """\
import plotly.express as px
display(px.scatter(people, x=people.index, y=people.index, hover_name="full_name"))
display(px.histogram(people, x="opened_on", title=people["full_name"][7]))
display(px.box(people, y=people.index, hover_data=["email"]))"""
RAISING = "raise ValueError(people.to_string())"
BILINGUAL = DEFINITION + "lang: [en, zh]\ntranslations:\n  zh:\n    Customers: 客户\n"


def test_no_run_publishes_what_its_notebook_read(tmp_path, warmed):
    """The whole way: a kernel that reads the source files, a run, a failed run, its records."""
    root = make_shop(tmp_path / "shop", customers=IDENTITIES)
    wb.open_workspace(root, now=lambda: NOW).init()
    ws = wb.open_workspace(warmed(root), now=lambda: NOW)
    cells = (OPENING, LEAKING, DRAWING, ASKING)
    write_report(root, *cells, FIGURE, definition=BILINGUAL)
    write_report(root, *cells, FIGURE, RAISING, name="raising")
    edition = ws.reports.render("customers", period="2026-09")
    ws.reports.add_files(edition, standalone=True, pdf=True)
    with pytest.raises(RunFailed) as failure:
        ws.reports.render("raising", period="2026-09")
    executed = (root / ".workbench/runs/customers/2026-09/customers.ipynb").read_bytes()
    people = [
        {
            "customer_id": f"K-{number:06d}",
            "name": f"Given{number} Family{number}",
            "email": f"person{number}@example.org",
        }
        for number in range(IDENTITIES)
    ]
    assert len(_found([executed], people)) > 2 * IDENTITIES  # the private notebook holds them
    published = _published(root / "reports/published")
    assert len(published) > 20
    people = [{k: v for k, v in each.items() if k != "customer_id"} for each in people] + [
        {"id": each["customer_id"]} for each in people
    ]  # whose numbers are below 2,000, as are those of honest figures
    assert _found([*published, str(failure.value).encode()], people) == []


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


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("the parameters", lambda name: {"parameters": {"region": name}}),
        ("the title", lambda name: {"title": f"About {name}"}),
        ("the translations", lambda name: {"translations": {"Spend": name}}),
    ],
)
def test_a_value_in_what_was_declared_or_given_stops_the_publication(shown, people, where, change):
    context = replace(CONTEXT, **change(people[7]["name"]))
    page = export(shown, source_notebook=written(shown), lookup=_lookup, context=context)
    with pytest.raises(LeakFound, match=rf"{where} .*people\.name"):
        refuse_leaks(page, _finder(people))
