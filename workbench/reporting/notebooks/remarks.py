"""What the author of a notebook is told: code that cannot run, and outputs that no page holds.

It is said to whoever runs, plans or previews, never on a page.
"""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.documents import read_json
from workbench.errors import RunFailed
from workbench.figures import MIME
from workbench.reporting.exporter import ANALYSTS_ONLY, numbered
from workbench.reporting.notebooks.literals import source_of
from workbench.reporting.notebooks.reads import ODD_CODE

WAY_OUT = (
    "Pages hold what wb.figures and wb.text draw of releases, and text. Tag a cell "
    f"'{ANALYSTS_ONLY}' if its output is meant for you."
)
# The first that an output has names it; richer forms stand before what they are also printed as.
_FORMS = (
    ("application/vnd.plotly", "a plotly figure"),
    ("application/vnd.jupyter.widget", "a widget"),
    ("application/vnd.vega", "an Altair chart"),
    ("application/vnd.bokeh", "a Bokeh figure"),
    ("application/vnd.holoviews", "a HoloViews figure"),
    ("image/", "a picture"),
    ("video/", "a video"),
    ("audio/", "a sound"),
    ("application/geo+json", "a map"),
    ("application/javascript", "a script"),
    ("text/html", "a table"),
    ("text/markdown", "a formatted text"),
    ("text/latex", "a formula"),
    ("text/plain", "a printed value"),
)
_PICTURE, _TAG = re.compile(r"!\[[^\]]*\][(\[]"), re.compile(r"<(?!!--|https?:)/?[a-zA-Z][^>]*>")


def dropped(notebook: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what an executed notebook shows and its page does not, in the notebook's order.

    Examples
    --------
    >>> output = {"output_type": "stream", "name": "stdout", "text": "7 rows"}
    >>> dropped({"cells": [{"cell_type": "code", "source": "", "outputs": [output]}]})
    ('cell 1: what was printed is not on the page',)
    """
    found: dict[str, None] = {}
    for number, cell in numbered(notebook):
        if ANALYSTS_ONLY not in (cell.get("metadata", {}).get("tags") or ()):
            for what in _left_out(cell):
                found[f"cell {number}: {what} is not on the page"] = None
    return tuple(found)


def _left_out(cell: Mapping[str, Any]) -> Iterator[str]:
    if cell.get("cell_type") == "raw" and source_of(cell).strip():
        yield "a raw cell"
    elif cell.get("cell_type") == "markdown":
        source = source_of(cell)
        if cell.get("attachments") or _PICTURE.search(source) or "<img" in source.lower():
            yield "a picture in the text"
        elif _TAG.search(re.sub(r"`[^`]*`", "", source)):
            yield "HTML in the text"
    for output in cell.get("outputs") or ():
        yield from _of(output)


def _of(output: Mapping[str, Any]) -> Iterator[str]:
    kind, data = output.get("output_type"), output.get("data") or {}
    if kind == "stream":
        yield "a warning" if output.get("name") == "stderr" else "what was printed"
    elif kind == "error":
        yield "an error"
    elif MIME not in data or kind not in ("display_data", "execute_result"):
        html = "".join(data.get("text/html", ""))
        if "plotly" in html.lower():
            yield "a plotly figure"
        elif data:
            forms = (told for start, told in _FORMS if any(each.startswith(start) for each in data))
            what = next(forms, "an output")
            yield "HTML" if what == "a table" and "<table" not in html.lower() else what


def miswritten(notebook: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the cells whose code is none, each with its line and Python's own words for it.

    Examples
    --------
    >>> miswritten({"cells": [{"cell_type": "code", "source": "total = (1"}]})
    ("cell 1, line 1: '(' was never closed",)
    """
    found = []
    for number, cell in numbered(notebook):
        if cell.get("cell_type") == "code":
            try:
                _compile(source_of(cell))
            except ODD_CODE as error:
                line, said = getattr(error, "lineno", None), getattr(error, "msg", None)
                found.append(f"cell {number}, line {line or 1}: {said or 'it is not Python'}")
    return tuple(found)


def require_code(notebook: Path, run: str) -> None:
    """Refuse a notebook with a cell that is no code, before its first question is paid."""
    wrong = miswritten(read_json(notebook))
    if wrong:
        raise RunFailed(
            f"{run} was not started: {'; '.join(wrong)}. Nothing was spent. Correct it; a page "
            "that is there stays.",
            cell=int(wrong[0].split()[1].rstrip(",")),
            kind="SyntaxError",
        )


def _compile(code: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # why: a warning of the code's is told when it runs
        try:
            compile(code, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except SyntaxError:
            from IPython.core.inputtransformer2 import TransformerManager

            plain = TransformerManager().transform_cell(code)  # type: ignore[no-untyped-call]  # why: IPython types a part
            if plain.rstrip() == code.rstrip():
                raise
            compile(plain, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


def names_in(notebook: Mapping[str, Any], message: str) -> Sequence[str]:
    """Return the names that an error quotes and that stand in the notebook's own code.

    Any other word of an error may be a value of a row.
    """
    code = "\n".join(source_of(cell) for _, cell in numbered(notebook))
    written = set(re.findall(r"\w+", code))
    return list(dict.fromkeys(n for n in re.findall(r"'(\w+)'", message) if n in written))
