"""Every way workbench says no, as one tree.

::

    WorkbenchError
    ├── InputError                       exit 2   something written down is wrong
    │   ├── SettingsError                         workbench.toml
    │   ├── CatalogError                          catalog.yaml, all problems at once
    │   │   └── CatalogUnanswered                 a draft that still asks its owner something
    │   ├── DefinitionError                       reports/NAME.yaml, all problems at once
    │   ├── ParameterError                        -p name=value
    │   ├── PeriodError                           --period
    │   ├── DataError                             rows that nothing can be learned from, or scored
    │   ├── Renamed                               a name of before: says the one of now
    │   └── UnknownName                           table, column, report, dataset: with a suggestion
    ├── Refused                          exit 3   understood, and not allowed
    │   ├── AccessRefused                         purpose, consent, expiry
    │   ├── QuestionRefused                       undeclared domain, missing bounds, bad epsilon
    │   │   └── NotKnown                          released figures leave nothing to tell
    │   └── BudgetExhausted                       asked, left, what to do
    ├── RunFailed                        exit 4   a report did not run; the last good page stays
    ├── Busy                             exit 5   somebody else holds the workspace
    ├── LeakFound                        exit 6   a page held an identifier; nothing was published
    └── StorageError                     exit 7   a disk, a file or a store
        ├── SourceError                           corrupt, cut, empty or mismatched source file
        ├── StoreMissing                          no store, no key: what to run
        ├── LedgerError                           unreadable, altered, restored, read-only, too new
        └── PublishError                          disk full, target not writable

A message says what was asked, what is allowed and what to do next. Messages carry declared names
and counts, never a value read from a customer's row.
"""

import difflib
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any, TypeVar

Each = TypeVar("Each")


class WorkbenchError(Exception):
    """Root of everything workbench raises on purpose."""

    exit_code = 1


class InputError(WorkbenchError):
    """Something written down (a file, an option, a name) is wrong."""

    exit_code = 2


class SettingsError(InputError):
    """workbench.toml is missing or wrong."""


class ProblemsError(InputError):
    """Several problems of one document, told all at once.

    Parameters
    ----------
    summary : str
        What was being read.
    problems : iterable of str
        One line a problem, each with file and line where known.
    """

    def __init__(self, summary: str, problems: Iterable[str] = ()) -> None:
        self.summary = summary
        self.problems = tuple(problems)
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(f"{summary}{lines}")


class CatalogError(ProblemsError):
    """The catalog is missing or wrong."""


class CatalogUnanswered(CatalogError):
    """A drafted catalog still asks its owner something."""


class DefinitionError(ProblemsError):
    """A report definition is missing or wrong."""


class ParameterError(InputError):
    """A report parameter is unknown, missing, or of the wrong type."""


class PeriodError(InputError):
    """A period is malformed, in the future, or outside the data."""


class DataError(InputError, ValueError):
    """Rows that an estimator cannot learn from or score; to scikit-learn a ValueError."""


class UnknownName(InputError):
    """A name that is not declared, with the nearest ones that are."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name = kind, name
        super().__init__(f"no {kind} named '{name}'.{suggest(name, known)}")


class Renamed(InputError, AttributeError):
    """A name of before, with the one of now."""

    def __init__(self, before: str, now: str) -> None:
        super().__init__(f"'{before}' is now '{now}'.")


class Refused(WorkbenchError):
    """Understood, and not allowed."""

    exit_code = 3


class AccessRefused(Refused):
    """A purpose does not allow this read."""


class QuestionRefused(Refused):
    """A question cannot be answered privately as it was asked."""


class NotKnown(QuestionRefused):
    """Released figures leave nothing to tell; its message is a note of a release."""


class BudgetExhausted(Refused):
    """The privacy budget does not cover this question."""


class RunFailed(WorkbenchError):
    """A report did not run to its end; nothing was published.

    Parameters
    ----------
    message : str
        What happened, and what stays.
    cell : int, optional
        The number of the source notebook's cell it happened in.
    kind : str, optional
        The name of the error there.
    log : Path or str, optional
        The private file with all of it.
    kernel_died : bool
        Whether the kernel was gone, so that trying again may help.
    """

    exit_code = 4

    def __init__(
        self,
        message: str,
        *,
        cell: int | None = None,
        kind: str | None = None,
        log: object = None,
        kernel_died: bool = False,
    ) -> None:
        super().__init__(message)
        self.cell, self.kind, self.kernel_died = cell, kind, kernel_died
        self.log = None if log is None else str(log)


class Busy(WorkbenchError):
    """Another process holds the workspace."""

    exit_code = 5


class LeakFound(WorkbenchError):
    """A page to be published held an identifier; nothing was published."""

    exit_code = 6


class StorageError(WorkbenchError):
    """A disk, a file or a store failed."""

    exit_code = 7


class SourceError(StorageError):
    """A source file is corrupt, truncated, empty, or does not match the catalog."""


class StoreMissing(StorageError):
    """The store or its key is not there, or is lost."""


class LedgerError(StorageError):
    """The ledger cannot be trusted or written."""


class PublishError(StorageError):
    """An edition could not be written to its target."""


def escaped(text: str) -> str:
    r"""Return a text on one line of a log: what ends a line or moves a cursor is written out.

    The list of problems of one document keeps its lines, each of which is indented.

    Examples
    --------
    >>> print(escaped("a\nb\u2028c\x1b[2Jd:\n  - é 客户"))
    a\nb\u2028c\x1b[2Jd:
      - é 客户
    """
    shown = (
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
    return "".join(shown).replace("\\n  - ", "\n  - ")


def require_known(kind: str, known: Collection[Any], *names: Any) -> None:
    """Refuse a name that is not among the known ones."""
    for name in names:
        if not isinstance(name, Hashable) or name not in known:
            raise UnknownName(kind, str(name), map(str, known))


def one_of(kind: str, known: Mapping[str, Each], name: str) -> Each:
    """Return what a name stands for, or refuse one that is not among the known."""
    require_known(kind, known, name)
    return known[name]


def require_columns(frame: Any, names: Iterable[str], way_out: str) -> None:
    """Refuse a frame that lacks a column, and say what to do."""
    absent = [name for name in names if name not in getattr(frame, "columns", ())]
    if absent:
        raise InputError(f"the frame lacks {', '.join(absent)}; {way_out}")


def require_customers(frame: Any) -> None:
    """Refuse a frame, one row a customer, that has none or has one of them twice."""
    if frame.empty:
        raise InputError("the frame holds no customer; there is nothing to learn from.")
    if frame.index.has_duplicates:
        twice = int(frame.index.duplicated().sum())
        raise InputError(f"{twice:,} customers are there twice; the index names each once.")


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a sentence naming the closest known names, or all of them when few.

    Examples
    --------
    >>> suggest("regoin", ["region", "month"])
    " Did you mean 'region'? Known: 'month', 'region'."
    """
    names = sorted(known)
    if not names:
        return " None is declared."
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    shown = ", ".join(f"'{each}'" for each in names[:12])
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"{hint} Known: {shown}{more}."
