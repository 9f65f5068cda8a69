"""What every benchmark is made of: a registry, rows with a bar, and children measured apart.

A benchmark is a generator of rows. It measures its reference in the same run, on the same machine,
interleaved where noise matters, so that a ratio means something on any machine.
"""

from __future__ import annotations

import importlib
import json
import operator
import os
import pkgutil
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import benchmarks

Size = Literal["smoke", "full"]
Command = Sequence[str | os.PathLike[str]]

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "≤": operator.le,
    "<": operator.lt,
    "≥": operator.ge,
    ">": operator.gt,
    "=": operator.eq,
}
_BAR = re.compile(r"(?P<sign>[≤<≥>=]) (?P<limit>-?\d[\d_,]*(?:\.\d+)?(?:e-?\d+)?)(?: .*)?")
INFORMATIVE = " (informative)"


class BenchmarkError(Exception):
    """A benchmark was asked for, written or run wrongly."""


@dataclass(frozen=True)
class Bar:
    """A limit in words: a sign, a number, and whatever explains them.

    The ratio is held to it; a row without a reference holds its figure to it.

    Examples
    --------
    >>> Bar("≤ 0.10 of papermill").holds(0.08)
    True
    >>> Bar("≥ 6").holds(5.9)
    False
    """

    text: str

    def __post_init__(self) -> None:
        if not _BAR.fullmatch(self.text):
            raise BenchmarkError(
                f"bar '{self.text}' is not understood; write a sign (≤ < ≥ > =), a space and a "
                "number, then any words: '≤ 1.4', '≥ 6 times', '= 0 identities'."
            )

    def holds(self, value: float) -> bool:
        """Return whether ``value`` keeps to the bar."""
        match = _BAR.fullmatch(self.text)
        assert match is not None  # noqa: S101  # why: __post_init__ has checked it
        limit = float(match["limit"].replace("_", "").replace(",", ""))
        return _COMPARE[match["sign"]](value, limit)


@dataclass(frozen=True)
class Result:
    """One row: what was measured, beside what, and whether its bar holds.

    ``ratio`` is figure over reference; both are None where nothing is compared and the bar is
    about the figure itself.
    """

    name: str
    size: Size
    figure: float
    reference: float | None
    ratio: float | None
    bar: str
    holds: bool

    @property
    def counts(self) -> bool:
        """Whether a bar that does not hold fails the run."""
        return not self.bar.endswith(INFORMATIVE)


@dataclass(frozen=True)
class Run:
    """One run of one benchmark: its size, an empty folder of its own, and a maker of rows."""

    name: str
    size: Size
    folder: Path
    bar: str
    smoke_informative: bool = False

    @property
    def smoke(self) -> bool:
        """Whether this is the small size, for a check that everything still works."""
        return self.size == "smoke"

    def result(
        self,
        row: str,
        figure: float,
        *,
        reference: float | None = None,
        bar: str | None = None,
        informative: bool | None = None,
    ) -> Result:
        """Return one row.

        Parameters
        ----------
        row : str
            Short name; the row is called ``benchmark/row``.
        figure, reference : float
            What we measure, and what it is compared with, in the same unit.
        bar : str, optional
            The bar of this row, where it differs from the benchmark's.
        informative : bool, optional
            Report the bar without failing on it. Default: the benchmark's choice at smoke size,
            and never at full size.
        """
        text = self.bar if bar is None else bar
        ratio = None if reference is None else figure / reference
        if informative is None:
            informative = self.smoke and self.smoke_informative
        return Result(
            name=f"{self.name}/{row}",
            size=self.size,
            figure=figure,
            reference=reference,
            ratio=ratio,
            bar=text + (INFORMATIVE if informative else ""),
            holds=Bar(text).holds(figure if ratio is None else ratio),
        )


Body = Callable[[Run], Iterator[Result]]


@dataclass(frozen=True)
class Benchmark:
    """A registered benchmark."""

    name: str
    bar: str
    body: Body
    smoke_informative: bool

    @property
    def about(self) -> str:
        """First line of its docstring."""
        return (self.body.__doc__ or "").strip().splitlines()[0]

    def run(self, size: Size) -> list[Result]:
        """Run it in a folder of its own and return its rows."""
        with tempfile.TemporaryDirectory(prefix=f"benchmark-{self.name}-") as folder:
            run = Run(self.name, size, Path(folder), self.bar, self.smoke_informative)
            rows = list(self.body(run))
        if not rows:
            raise BenchmarkError(f"benchmark '{self.name}' yielded no row; it measured nothing.")
        return rows


_REGISTRY: dict[str, Benchmark] = {}


def benchmark(name: str, *, bar: str, smoke_informative: bool = False) -> Callable[[Body], Body]:
    """Register a generator of rows as the benchmark ``name``.

    Parameters
    ----------
    name : str
        What is typed: ``python -m benchmarks NAME``.
    bar : str
        Its bar, as in `Bar`; a row may carry its own.
    smoke_informative : bool
        Do not fail at smoke size, where fixed costs outweigh what is measured.
    """
    Bar(bar)

    def register(body: Body) -> Body:
        if not body.__doc__:
            raise BenchmarkError(f"benchmark '{name}' needs a docstring; --list shows its start.")
        if name in _REGISTRY:
            raise BenchmarkError(f"two benchmarks are named '{name}'; rename one.")
        _REGISTRY[name] = Benchmark(name, bar, body, smoke_informative)
        return body

    return register


def load_all() -> Mapping[str, Benchmark]:
    """Import every module of this folder and return the benchmarks by name."""
    for module in sorted(info.name for info in pkgutil.iter_modules(benchmarks.__path__)):
        if module not in ("__main__", "harness"):
            importlib.import_module(f"benchmarks.{module}")
    return dict(sorted(_REGISTRY.items()))


# The child is started by a small interpreter of its own: the peak a kernel reports for a process
# begins with that of the process it was started from, and a harness that has read data is large.
_LAUNCHER = """
import json, os, sys, time
start = time.monotonic()
child = os.fork()
if child == 0:
    try:
        os.execvp(sys.argv[2], sys.argv[2:])
    except OSError as error:
        sys.stderr.write(f"{sys.argv[2]}: {error.strerror}\\n")
    os._exit(127)
_, status, usage = os.wait4(child, 0)
wall = time.monotonic() - start
with os.fdopen(int(sys.argv[1]), "w") as report:
    json.dump([os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, wall,
               usage.ru_maxrss], report)
"""
_RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Measured:
    """What a child process cost.

    ``cpu_seconds`` is of the child and the children it waited for; ``peak_bytes`` is the largest
    of their peaks, not the sum.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)


def measure(
    command: Command,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout_seconds: float = 1800,
    check: bool = True,
) -> Measured:
    """Run a command as a child process and return what it cost.

    Raises
    ------
    BenchmarkError
        It ended with another exit code than 0 (unless ``check=False``) or did not end in time.
    """
    words = [os.fspath(part) for part in command]
    read_end, write_end = os.pipe()
    with (
        os.fdopen(read_end) as report,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(write_end), *words],
                pass_fds=(write_end,),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=cwd,
                env=None if env is None else dict(env),
                start_new_session=True,
            )
        finally:
            os.close(write_end)
        try:
            process.wait(timeout_seconds)
        except BaseException as reason:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(reason, subprocess.TimeoutExpired):
                text = f"'{' '.join(words)}' did not end within {timeout_seconds:g} s."
                raise BenchmarkError(text) from None
            raise
        line = report.read()
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    code, cpu, wall, peak = json.loads(line) if line else (process.returncode, 0.0, 0.0, 0)
    if check and code != 0:
        tail = "\n".join((texts[1] or texts[0]).strip().splitlines()[-15:])
        raise BenchmarkError(f"'{' '.join(words)}' ended with exit code {code}:\n{tail}")
    return Measured(cpu, wall, peak * _RSS_UNIT_BYTES, *texts)


def interleaved(
    calls: Mapping[str, Callable[[], float]], *, repeats: int, warm_up: int = 1
) -> dict[str, float]:
    """Return the median of each measurement, taken in turns: A B A B, not A A B B.

    Turns keep a machine that slows down for a while from favouring one side.

    Examples
    --------
    >>> interleaved({"ours": lambda: 1.0, "theirs": lambda: 4.0}, repeats=3)
    {'ours': 1.0, 'theirs': 4.0}
    """
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(warm_up + repeats):
        for name, call in calls.items():
            figure = call()
            if turn >= warm_up:
                taken[name].append(figure)
    return {name: statistics.median(figures) for name, figures in taken.items()}


def cpu_seconds(command: Command, **options: Any) -> float:
    """Return the CPU time of a child process, `measure` in one number."""
    return measure(command, **options).cpu_seconds


def wall_seconds(call: Callable[[], object]) -> float:
    """Return how long a call took by the clock."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def script(name: str) -> Path:
    """Return a command installed beside this Python, such as ``workbench`` or ``papermill``.

    Raises
    ------
    BenchmarkError
        It is not installed there.
    """
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise BenchmarkError(f"no command '{name}' beside {sys.executable}; run 'make env'.")
    return path


def as_json(rows: Sequence[Result]) -> str:
    """Return rows as one JSON list of objects with the keys of `Result`."""
    return json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=2)


def failed(rows: Sequence[Result]) -> list[Result]:
    """Return the rows whose bar counts and does not hold."""
    return [row for row in rows if row.counts and not row.holds]
