"""What a customer may ask for: each is a request that is registered, answered, closed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Unpack

from workbench.lifecycle.office import Office
from workbench.lifecycle.rights.correcting import correct
from workbench.lifecycle.rights.erasure import Erasure, erase
from workbench.lifecycle.rights.requests import Asked, Served, serve
from workbench.lifecycle.rights.subjects import HeldTable, bar, export, held


def subject_held(office: Office, subject: str, **asked: Unpack[Asked]) -> Served[list[HeldTable]]:
    """Serve a request of access: what every table holds, for what, from where, for whom.

    Parameters
    ----------
    subject : str
        The customer's key.
    **asked
        ``verified_by``: how the person's identity was checked, without which nothing is done.
        ``law``: whose deadline counts, the earliest of all when left out. ``received``: the
        day it came, today when left out. ``request``: one that is registered already.

    Returns
    -------
    (Request, list of HeldTable)
        The request, registered, answered and closed; and what is held.
    """
    return serve(office, "access", subject, lambda of, mark, _: held(of, mark), **asked)


def export_subject(
    office: Office, subject: str, out: str | Path, **asked: Unpack[Asked]
) -> Served[dict[str, int]]:
    """Write everything held of a customer as JSON and CSV into a new folder; rows by table.

    ``asked`` and the request returned are those of `subject_held`, here and below.
    """
    folder = Path(out)
    return serve(
        office, "portability", subject, lambda of, mark, _: export(of, mark, folder), **asked
    )


def correct_subject(
    office: Office,
    subject: str,
    changes: Mapping[str, str],
    where: Mapping[str, str] | None = None,
    **asked: Unpack[Asked],
) -> Served[dict[str, int]]:
    """Correct values of a customer, ``{"customers.email": "…"}``; rows changed, by table."""

    def act(of: Office, mark: str, _: str) -> dict[str, int]:
        return correct(of, mark, changes, where or {})

    return serve(office, "correction", subject, act, **asked)


def erase_subject(
    office: Office,
    subject: str,
    *,
    progress: Callable[[str], None] = lambda _: None,
    **asked: Unpack[Asked],
) -> Served[Erasure]:
    """Erase a customer from tables, files, snapshots, notebooks and future restores."""

    def act(of: Office, _: str, name: str) -> Erasure:
        return erase(of, subject, request=name, fitted=of.fitted(), progress=progress)

    return serve(office, "erasure", subject, act, **asked)


def restrict_subject(
    office: Office,
    subject: str,
    purposes: Sequence[str] = (),
    *,
    kind: Literal["restricted", "objected"] = "restricted",
    lift: bool = False,
    **asked: Unpack[Asked],
) -> Served[tuple[str, ...]]:
    """Leave a customer out of reads for some purposes, or for every one.

    Parameters
    ----------
    purposes : sequence of str
        None means every purpose; of an objection, every one that it reaches.
    lift : bool
        End it again, and not the other kind.
    """

    def act(of: Office, mark: str, _: str) -> tuple[str, ...]:
        return bar(of, kind, mark, purposes, lift=lift)

    what = "restriction" if kind == "restricted" else "objection"
    return serve(office, what, subject, act, **asked)
