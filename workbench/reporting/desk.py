"""What a run needs of its workspace, as one value; workspaces make it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.catalog import Catalog
from workbench.privacy.ledger import Ledger
from workbench.settings import Settings

Find = Callable[[set[str]], list[tuple[str, str, str]]]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Desk:
    """What a run needs of its workspace.

    Attributes
    ----------
    settings : Settings
    catalog : Catalog
    ledger : Ledger
    private : Path
        For executed notebooks and logs.
    data_version, as_of : str
        Of the snapshot the run reads, as shown to readers.
    snapshot : int
        The snapshot the run reads.
    find : callable
        Which of some texts are identifiers of customers.
    now : datetime
    """

    settings: Settings
    catalog: Catalog
    ledger: Ledger
    private: Path
    data_version: str
    as_of: str
    snapshot: int
    find: Find
    now: dt.datetime

    def declared_words(self) -> set[str]:
        """Return the catalog's words that may stand on a page, whoever has them as a name."""
        return {
            str(value)
            for table in self.catalog.tables.values()
            for column in table.columns.values()
            for value in column.domain or ()
        }
