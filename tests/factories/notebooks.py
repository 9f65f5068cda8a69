"""Executed notebooks made by hand, as papermill leaves them."""

from workbench.figures import MIME


def markdown(source, **metadata):
    """Return a Markdown cell."""
    return {"cell_type": "markdown", "metadata": metadata, "source": source}


def code(source, *outputs, **metadata):
    """Return a code cell; an output is a figure, or a ready output."""
    return {
        "cell_type": "code",
        "execution_count": 1,
        "metadata": metadata,
        "outputs": [each if isinstance(each, dict) else shown(each) for each in outputs],
        "source": source,
    }


def shown(figure):
    """Return the output of a figure that ends a cell."""
    data = figure._repr_mimebundle_()
    return {"output_type": "execute_result", "execution_count": 1, "data": data, "metadata": {}}


def displayed(data, **metadata):
    """Return the output of ``display``."""
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def figure_output(kind, releases, spec):
    """Return an output that claims to be a figure."""
    content = {"version": 1, "kind": kind, "releases": releases, "spec": spec}
    return displayed({MIME: content})


def notebook(*cells, **metadata):
    """Return a notebook."""
    cells = [{**cell, "id": f"cell-{at}"} for at, cell in enumerate(cells)]
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def written(executed):
    """Return a notebook as it was written: without outputs and injected parameters."""
    cells = [
        {**cell, "outputs": []} if cell["cell_type"] == "code" else cell
        for cell in executed["cells"]
        if "injected-parameters" not in cell["metadata"].get("tags", [])
    ]
    return {**executed, "cells": cells}
