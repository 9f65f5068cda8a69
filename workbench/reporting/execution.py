"""Run a report's notebook through papermill, and tell what kept it from its end.

A cell's error may quote a row, so its words stay in the executed notebook, which is private. The
words of a refusal of workbench's own are told: they name what was asked and what is allowed. But a
cell may have asked for a customer, and mails, the record of runs and logs cannot be erased: of what
was typed only what stands in the program or is declared is quoted.
"""

import contextlib
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from workbench import errors, reporting
from workbench.catalog_files import keep_checked
from workbench.documents import read_json
from workbench.errors import RunFailed, StorageError, WorkbenchError
from workbench.reporting.desk import Asked, Desk, Detail, Tell
from workbench.reporting.forking import Watch, forking, import_light
from workbench.reporting.notebooks.literals import tags_of
from workbench.store.durable import refusal

FILES = "files"  # where a run's kernel stands
_ENGINE, _KERNEL = "workbench", "python3"
_ERROR = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}")  # what an error is called; a cell may say more


def execute(
    asked: Asked,
    desk: Desk,
    tell: Tell,
    folder: Path | None = None,
    further: Mapping[str, str] | None = None,
) -> Path:
    """Run the notebook through papermill; return the executed copy, which is private.

    Parameters
    ----------
    folder : Path, optional
        Where the executed copy goes; by default the edition's own.
    further : mapping, optional
        Variables for the kernel.

    Raises
    ------
    RunFailed
        A cell failed: its number, its error's name, and where all of it is. A refusal is told in
        its own words.
    StorageError
        The executed copy cannot be written.
    """
    from workbench.reporting.notebooks.remarks import require_code

    definition, period = asked.definition, asked.period
    folder = folder or desk.folder(asked)
    executed = folder / definition.notebook
    notebook = desk.notebook(asked)
    variables = {
        "WORKBENCH_WORKSPACE": str(desk.settings.root),
        reporting.SNAPSHOT: str(desk.snapshot),
        reporting.RUN_REPORT: definition.name,
        reporting.RUN_SHARE: str(definition.budget.epsilon),
        "IPYTHONDIR": str(desk.private / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        reporting.CATALOG_FILE: str(folder / "catalog.json"),
        **({reporting.REUSE_ANSWERS: "1"} if definition.reuse_answers else {}),
        **(further or {}),
    }
    require_code(notebook, f"'{definition.name}' for {period.text}")
    watch, at = Watch(definition.limits), [0]

    def on_cell(number: int, total: int) -> None:
        at[0] = number
        tell(Detail(f"{asked.short}: cell {number} of {total}"))

    with contextlib.ExitStack() as held:
        server = held.enter_context(forking(desk.settings))
        papermill = import_light("papermill")  # meanwhile the process to fork from imports
        held.enter_context(_failing(asked, executed, desk, watch, at))
        below = [each for each in folder.parents if desk.private in each.parents]
        for each in (*reversed(below), folder):
            each.mkdir(exist_ok=True, mode=0o700)
        shutil.rmtree(folder / FILES, ignore_errors=True)
        (folder / FILES).mkdir(mode=0o700)
        keep_checked(desk.catalog, desk.settings.path("catalog"), folder / "catalog.json")
        papermill.execute_notebook(
            _verbatim(notebook),
            _verbatim(executed),
            parameters={"period": period.text, **asked.values},
            engine_name=_ENGINE,
            kernel_name=_KERNEL,
            language="python",
            progress_bar=False,
            kernel_env=variables,
            kernel_log=folder / "kernel.log",
            kernel_folder=folder / FILES,
            on_cell=on_cell,
            watch=watch,
            server=server,
        )
    with contextlib.suppress(OSError):  # something was left there
        (folder / FILES).rmdir()
    return executed


@contextlib.contextmanager
def _failing(
    asked: Asked, executed: Path, desk: Desk, watch: Watch, at: Sequence[int]
) -> Iterator[None]:
    """Tell what kept a notebook from its end, without a word that could quote a row."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    run = f"'{asked.definition.name}' for {asked.period.text} failed"
    rest = f"What ran so far is in {executed} (private). The last good page stays."
    try:
        yield
    except PapermillExecutionError as failure:
        number = _number_in_source(executed, failure.cell_index)
        kind = failure.ename if _ERROR.fullmatch(failure.ename) else "an error"
        raise RunFailed(
            f"{run} in cell {number} with {kind}"
            f"{_said(kind, failure.evalue, desk, number)} The executed notebook with all details "
            f"is {executed} (private). The last good page stays.",
            cell=number,
            kind=kind,
            log=executed,
        ) from None
    except (DeadKernelError, CellTimeoutError) as ended:
        died = isinstance(ended, DeadKernelError)
        why = "its kernel died, most likely for want of memory" if died else watch.late()
        number = _number_in_source(executed, max(0, at[0] - 1))
        raise RunFailed(
            f"{run} in cell {number}: {watch.beyond or why}. {rest}",
            cell=number,
            kind=type(ended).__name__,
            log=executed,
            kernel_died=died and not watch.beyond,
        ) from None
    except RuntimeError:
        log = executed.with_name("kernel.log")
        raise RunFailed(
            f"{run}: its kernel did not start. What it said is in {log} (private). The last good "
            "page stays.",
            kind="KernelNotStarted",
            log=log,
            kernel_died=True,
        ) from None
    except OSError as problem:
        raise StorageError(
            f"{run} at {executed.parent}: {refusal(problem)}. Make room or let this user "
            "write there, and run the report again; what it released is in the ledger and costs "
            "nothing a second time."
        ) from None


def _verbatim(path: Path) -> str:
    """Return a path that papermill takes as it is; it fills in parameters between braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _number_in_source(executed: Path, index: int) -> int:
    """Return the number in the source notebook of an executed notebook's cell, counted from 1."""
    from workbench.reporting.exporter import INJECTED

    tags = [tags_of(cell) for cell in read_json(executed)["cells"]]
    cells_before = [each for each in tags if "papermill-error-cell-tag" not in each][:index]
    return index + 1 - sum(INJECTED in each for each in cells_before)


def _said(name: str, message: str, desk: Desk, cell: int) -> str:
    """Return how a sentence ends: with a refusal's own words, but not with an error's of others."""
    from workbench.reporting.gate.leaks import scan

    ours = getattr(errors, name, None)
    if not (isinstance(ours, type) and issubclass(ours, WorkbenchError)):
        return "."
    # why: a refusal repeats the name it was asked for, and a cell may have asked for a customer's
    held = scan({"refusal.txt": message.encode()}, desk.find, allowed=desk.catalog.declared_words)
    if held:
        return ", whose words hold an identifier."
    return f": {untold(message, desk.names(), f'cell {cell}')}"


_QUOTED = re.compile(r"""(?<!\w)(?P<quote>['"])(?P<said>.*?)(?P=quote)(?!\w)""", re.DOTALL)
_DIGITS_AT_MOST = 8  # of a day or of a number in a message; longer ones may be somebody's
_CODE = ("workbench ", "ws.", "wb.")


def untold(message: str, known: Collection[str], place: str) -> str:
    """Return a refusal's words with what neither we nor the catalog call so told by its place.

    Examples
    --------
    >>> untold("no table named 'Anna Schmidt'. Known: 'customers'.", {"customers"}, "cell 4")
    "no table named [what cell 4 gave]. Known: 'customers'."
    >>> untold("not anna@example.org, a number", (), "cell 4")
    'not [what cell 4 gave] a number'
    """
    gap = f"[what {place} gave]"
    words, quoted = _ours()
    declared = {word for name in known for word in _words(name)}

    def of(match: re.Match[str]) -> str:
        said = match["said"]
        ours = said in known or match[0] in quoted or said.startswith(_CODE)
        return match[0] if ours else gap

    def plain(chunk: str) -> str:
        digits = sum(each.isdigit() for each in chunk) <= _DIGITS_AT_MOST
        ours = all(
            word in declared or word in words or (word.isdigit() and len(word) <= 4)
            for word in _words(chunk)
        )
        return chunk if digits and ours else gap

    parts = _QUOTED.sub(of, message).split(gap)
    told = gap.join(re.sub(r"\S+", lambda match: plain(match[0]), part) for part in parts)
    return re.sub(rf"{re.escape(gap)}(?:\s*{re.escape(gap)})+", gap, told)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


@cache
def _ours() -> tuple[frozenset[str], frozenset[str]]:
    """Return every word of the program, and everything it has in quotes.

    Estates and docstrings have people's names for examples, so these are no words of ours.
    """
    package = Path(__file__).parents[1]
    files = [p for p in package.rglob("*.py") if "estates" not in p.relative_to(package).parts]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    text = re.sub(r'"""(?!\\).*?"""', "", text, flags=re.DOTALL)
    return frozenset(_words(text)), frozenset(re.findall(r"""(?<!\w)'[^'\n{}]+'(?!\w)""", text))
