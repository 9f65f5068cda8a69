"""One published folder to look at, for all tests of pages."""

import pytest
from factories.pages import CHINESE, page

from workbench.reporting.published import editions


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """Return a folder with two periods in two languages, and a page that stands alone; shared."""
    folder = tmp_path_factory.mktemp("published")
    for period in ("2026-08", "2026-09"):
        pages = [page(period=period), page(period=period, language="zh", translations=CHINESE)]
        editions.publish(folder, "overview", period, pages)
    (folder / "alone.html").write_text(page().alone(), encoding="utf-8")
    return folder
