"""The README beside a generated estate: every figure in it comes from `planted`."""

from __future__ import annotations

from pathlib import Path

from workbench.catalog import Catalog
from workbench.estates.sample import planted
from workbench.estates.sample.window import Window

_TEMPLATE = Path(__file__).with_name("README.md.jinja")


def readme(catalog: Catalog, counts: dict[str, int], window: Window, seed: int) -> str:
    """Return what was generated and what is planted, as Markdown."""
    import jinja2  # why: not needed before an estate is written

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  # why: Markdown, from our own constants
        keep_trailing_newline=True,
    )
    environment.filters["rate"] = percent
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(p=planted, catalog=catalog, counts=counts, window=window, seed=seed)


def percent(rate: float) -> str:
    """Return a rate in percent without needless zeros.

    Examples
    --------
    >>> percent(0.0005), percent(0.3), percent(0.0)
    ('0.05 %', '30 %', '0 %')
    """
    return f"{round(100 * rate, 6):g} %"
