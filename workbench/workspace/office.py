"""`ws.office`: what the data protection office and the operator do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from workbench.lifecycle import office as lifecycle

if TYPE_CHECKING:
    from workbench.workspace import Workspace


@dataclass(frozen=True)
class Office(lifecycle.Office):
    """What the data protection office and the operator do, at the time it is.

    Every name is a function of the module that it is written in, with the office in hand.

    Examples
    --------
    >>> import workbench as wb
    >>> ws = wb.open_workspace()  # doctest: +SKIP
    >>> ws.office.back_up()  # doctest: +SKIP
    """

    does: ClassVar[dict[str, str]] = {
        **lifecycle.Office.does,
        "reads": "workspace.watching.reads",
        "detect": "workspace.watching.detect",
        "assess": "workspace.watching.assess",
        "requests_of_table": "workspace.watching.requests_of_table",
        "review": "workspace.watching.review",
        "look_over": "workspace.watching.look_over",
        "verify_logs": "workspace.watching.verify_logs",
        "privacy_notice": "workspace.transparency.privacy_notice",
        "record_of_processing": "workspace.transparency.record_of_processing",
        "minimisation": "workspace.transparency.minimisation",
        "share": "workspace.sharing.share",
        "share_extract": "workspace.sharing.share_extract",
        "acknowledge": "workspace.acknowledging.acknowledge",
        "set_clock": "workspace.acknowledging.set_clock",
        "approve": "workspace.acknowledging.approve",
    }
    ws: Workspace = field(kw_only=True)


def office_of(ws: Workspace) -> Office:
    """Return the office of a workspace."""
    return Office(
        ws.settings,
        ws.catalog,
        ws.store,
        ws.events,
        ws.private,
        ws.now(),
        look_anew=lambda: ws.__dict__.pop("access", None),
        fitted=lambda: [each.what for each in ws.ledger.approvals()],
        ws=ws,
    )
