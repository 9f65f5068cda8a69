"""The search for identifiers: what it finds, what it does not take for one, what it never says."""

import array
import base64
import gzip
import json
import time
import zlib
from dataclasses import replace

import pytest
from factories.notebooks import code, markdown, notebook
from factories.pages import CHINESE, TOTAL, page
from factories.releases import REGIONS

from workbench import figures
from workbench.errors import LeakFound
from workbench.reporting.gate.leaks import Authored, key, refuse, refuse_leaks, scan

IDENTIFIERS = {
    "name": ["Zhang Wei", "王伟", "欧阳小明", "Anne-Marie O'Neil"],
    "phone": ["13800138000", "+8615414737574", "+44 20 7946 0958"],
    "email": ["li.wei@example.com"],
    "resident_id": ["11010519491231002X"],
    "customer_id": ["C000123", "481231", "77"],
    "address": ["12 High Street, Upper Slaughter, Cheltenham GL54 2JT"],
}
STORE = {
    key(value): ("customers", column) for column, values in IDENTIFIERS.items() for value in values
}


def find(candidates):
    """Ask the store, as the workspace does."""
    return [(*STORE[candidate], candidate) for candidate in candidates if candidate in STORE]


def _found(content, name="index.html", **options):
    content = content if isinstance(content, bytes) else content.encode()
    return scan({name: content}, find, **options)


def _b64(content):
    return base64.b64encode(content).decode()


SPELLINGS = [
    ("Zhang Wei", "name"),
    ("zhang  wei", "name"),
    ("ZHANG-WEI", "name"),
    ("Zhang&nbsp;Wei", "name"),
    ("Zhang\nWei", "name"),
    ("zhang_wei", "name"),
    ("&#90;hang Wei", "name"),
    ("Zhang%20Wei", "name"),
    (r"Zhang\u0020Wei", "name"),
    ("<b>Zhang</b> <i>Wei</i>", "name"),
    ("<td>Zhang</td><td>Wei</td>", "name"),
    ("客户王伟先生", "name"),
    ("王 伟", "name"),
    ("欧阳小明", "name"),
    ("anne-marie o’neil", "name"),
    ("138 0013 8000", "phone"),
    ("138-0013-8000", "phone"),
    ("１３８００１３８０００", "phone"),
    ("+442079460958", "phone"),
    ("+86 138 0013 8000", "phone"),
    ("154-1473-7574", "phone"),
    ("li.wei@example.com", "email"),
    ("mailto:Li.Wei@Example.COM", "email"),
    ("11010519491231002x", "resident_id"),
    ("c-000123", "customer_id"),
    ("customer 77", "customer_id"),
    ("客户号 77", "customer_id"),
    ("12 High Street, Upper Slaughter, Cheltenham GL54 2JT", "address"),
]


@pytest.mark.parametrize(("spelling", "column"), SPELLINGS)
def test_an_identifier_is_found_in_any_spelling(spelling, column):
    assert [each.column for each in _found(f"<p>before {spelling} after</p>")] == [column]


PLACES = {
    "text": "<p>{}</p>",
    "attribute": '<p title="{}">a</p>',
    "comment": "<!-- {} -->",
    "script": "<script>var a = '{}'</script>",
    "style": "<style>.a::before {{ content: '{}' }}</style>",
    "title": "<title>{}</title>",
    "meta": '<meta name="author" content="{}">',
    "json string": '<script type="application/json">{{"a": ["{}"]}}</script>',
    "json key": '<script type="application/json">{{"{}": 1}}</script>',
    "template": "<template>{}</template>",
    "textarea": "<textarea>{}</textarea>",
    "doctype": "<!doctype html {}>",
    "processing instruction": "<?x {}>",
    "unclosed": "<p {}",
}


@pytest.mark.parametrize("place", PLACES)
def test_an_identifier_is_found_anywhere_in_a_page(place):
    assert _found(PLACES[place].format("Zhang Wei")), place


ENCODINGS = {
    "base64": lambda raw: _b64(raw),
    "urlsafe base64": lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="),
    "data address": lambda raw: f"data:text/plain;base64,{_b64(raw)}",
    "hexadecimal": lambda raw: raw.hex(),
    "gzip": lambda raw: _b64(gzip.compress(raw)),
    "zlib": lambda raw: _b64(zlib.compress(raw)),
    "twice": lambda raw: _b64(_b64(raw).encode()),
    "packed twice": lambda raw: _b64(gzip.compress(_b64(zlib.compress(raw)).encode())),
    "wide characters": lambda raw: _b64(raw.decode().encode("utf-16-le")),
    "chinese bytes": lambda raw: _b64(raw.decode().encode("gb18030")),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("value", ["row of Zhang Wei,", "客户姓名：王伟，地址"])
def test_an_identifier_is_found_under_an_encoding(encoding, value):
    block = ENCODINGS[encoding](value.encode())
    for page_text in (f"<p>{block}</p>", f'<script type="application/json">["{block}"]</script>'):
        assert _found(page_text), page_text


@pytest.mark.parametrize("kind", "iIqQd")
def test_an_identifier_is_found_in_an_array_of_numbers_as_plotly_writes_them(kind):
    values = array.array(kind, [3, 481231, 5])
    chart = {"data": [{"x": {"dtype": f"{kind}", "bdata": _b64(values.tobytes())}}]}
    assert _found(f'<script type="application/json">{json.dumps(chart)}</script>')


def test_an_identifier_is_found_in_other_files_and_in_file_names():
    assert _found('{"a": "Zhang Wei"}', "edition.json")
    assert _found("Zhang Wei", "notes.txt")
    assert _found("nothing", "zhang-wei.html")
    assert _found(gzip.compress(b"nothing") + b"Zhang Wei", "a.bin")


def test_a_finding_names_place_and_column_and_never_the_value():
    with pytest.raises(LeakFound) as refusal:
        refuse(scan({"index.html": b'<p title="Zhang Wei">13800138000</p>'}, find))
    message = str(refusal.value)
    assert "index.html: attribute 'title' of <p> holds a value of customers.name" in message
    assert "index.html: the text holds a value of customers.phone" in message
    assert "Zhang" not in message
    assert "13800138000" not in message


def test_a_key_that_stands_in_many_tables_is_told_once():
    def asks(candidates):
        return [(table, "customer_id", "c000123") for table in ("loans", "customers")]

    (found,) = scan({"index.html": b"<p>C000123</p>"}, asks)
    assert found.table == "customers"


def test_a_leak_in_a_persons_words_names_the_cell():
    executed = notebook(
        markdown("All is well."), markdown("Ask Zhang Wei."), code("x", figures.table(TOTAL))
    )
    with pytest.raises(LeakFound, match=r"the text of cell 2 holds a value of customers.name"):
        refuse_leaks(page(executed), find)


@pytest.mark.parametrize(
    "executed",
    [
        notebook(code("'Zhang Wei'", figures.table(TOTAL, title="Zhang Wei"))),
        notebook(code("'Zhang Wei'", figures.kpis(TOTAL, labels={"customers": "Zhang Wei"}))),
        notebook(code("'{customers} Zhang Wei'", figures.text("{customers} Zhang Wei", TOTAL))),
        notebook(markdown("[a](https://example.org/zhang-wei)"), code("x", figures.table(TOTAL))),
        notebook(markdown("## Zhang Wei\n\na"), code("x", figures.table(TOTAL))),
        notebook(markdown("```\nZhang Wei\n```"), code("x", figures.table(TOTAL))),
    ],
)
def test_words_that_were_written_out_are_searched(executed):
    with pytest.raises(LeakFound):
        refuse_leaks(page(executed), find)


@pytest.mark.parametrize(
    "context",
    [
        {"title": "Zhang Wei"},
        {"subtitle": "for Zhang Wei"},
        {"house": "Zhang Wei"},
        {"parameters": {"name": "Zhang Wei"}},
        {"parameters": {"customer": "77"}},
        {"changed": ("Zhang Wei left",)},
        {"translations": {"Customers": "王伟"}, "language": "zh"},
    ],
)
def test_titles_parameters_and_translations_are_searched(context):
    with pytest.raises(LeakFound):
        refuse_leaks(page(**context), find)


def test_released_figures_are_not_identifiers():
    columns = {name: [481231] for name in TOTAL.columns}
    sentence = figures.text("{customers:,}", TOTAL)
    executed = notebook(code("'{customers:,}'", sentence), code("x", figures.table(TOTAL)))
    made = page(executed, lookup=lambda name: replace(TOTAL, columns=columns))
    assert "481,231" in made.html
    refuse_leaks(made, find)
    with pytest.raises(LeakFound):
        refuse(scan({"index.html": made.html.encode()}, find))  # were it not known to be released


@pytest.mark.parametrize("options", [{}, {"language": "zh", "translations": CHINESE}])
def test_an_honest_page_of_a_numbered_estate_passes(options):
    """Every customer number from 1 to a million is a key, and no page is refused for it."""

    def numbered(candidates):
        numbers = [each for each in candidates if each.isdigit() and int(each) <= 1_000_000]
        return [("customers", "customer_id", each) for each in numbers]

    refuse_leaks(page(**options), numbered, REGIONS)


@pytest.mark.parametrize("text", ["77 regions", "In May", "王", "26-77", "the customer, 2026-09"])
def test_what_no_reader_could_tell_from_a_word_or_a_figure_does_not_count(text):
    words = {**STORE, "may": ("customers", "name"), "王": ("customers", "name")}

    def asks(candidates):
        return [(*words[each], each) for each in candidates if each in words]

    assert scan({"index.html": f"<p>{text}</p>".encode()}, asks) == ()


def test_declared_words_may_stand():
    assert _found("<p>zhang wei</p>", allowed=["Zhang Wei"]) == ()


def test_the_words_of_the_page_itself_are_no_candidates():
    asked = set()

    def asks(candidates):
        asked.update(candidates)
        return []

    refuse_leaks(page(), asks)
    assert "howtoreadthemargins" not in asked
    assert len(asked) < 5_000


def test_encodings_within_encodings_end():
    block = b"Zhang Wei"
    for _ in range(50):
        block = base64.b64encode(block)
    started = time.monotonic()
    assert _found(f"<p>{block[:200_000].decode()}</p>") == ()
    assert time.monotonic() - started < 20


def test_authored_words_alone_are_searched():
    (found,) = scan({}, find, authored=[Authored("the text of cell 2", "Zhang Wei")])
    assert (found.place, found.column) == ("the text of cell 2", "name")
