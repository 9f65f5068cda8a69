"""Several editions in one turn: in order where one needs another, else side by side.

Each edition has a kernel, which is a process of its own; this process only waits for them, draws
and publishes, so threads are enough.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from graphlib import TopologicalSorter
from typing import Any

from workbench.errors import InputError, RunFailed, WorkbenchError
from workbench.periods import Period
from workbench.reporting.definitions.due import Due
from workbench.reporting.definitions.reading import find_definition
from workbench.reporting.desk import Asked, Desk, Tell
from workbench.reporting.published import editions
from workbench.reporting.published.files import revisions
from workbench.reporting.runner import Edition, Failure, fail, make

JOBS_AT_MOST = 4  # by default; each takes a core and some hundred megabytes
TRY_AGAIN = 5  # the exit code of what has to wait


@dataclass(frozen=True)
class Outcome:
    """What a suite made.

    Attributes
    ----------
    editions : tuple of Edition
    failures : tuple of Failure
    waiting : tuple of Due
        Editions that are due and whose data is not loaded yet.
    problems : tuple of str
        Everything that is wrong with definitions that could not run.
    """

    editions: tuple[Edition, ...] = ()
    failures: tuple[Failure, ...] = ()
    waiting: tuple[Due, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """The highest exit code of its failures; else 2 for a wrong definition, 5 to try again."""
        codes = [failure.error.exit_code for failure in self.failures]
        if self.problems:
            codes.append(2)
        return max(codes) if codes else TRY_AGAIN if self.waiting else 0

    def facts(self) -> dict[str, Any]:
        """Return plain values for machines."""
        return {
            "editions": [each.facts() for each in self.editions],
            "failures": [each.facts() for each in self.failures],
            "waiting": [each.facts() for each in self.waiting],
            "problems": list(self.problems),
        }


def default_jobs() -> int:
    """Return how many editions are made side by side when nobody says."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(JOBS_AT_MOST, cores))


def run_suite(
    asked: Sequence[Asked],
    desk: Desk,
    *,
    jobs: int | None = None,
    force: bool = False,
    tell: Tell = lambda _: None,
) -> Outcome:
    """Make editions, oldest period first; the caller has the workspace's turn.

    An edition waits for those it comes ``after``, and for the same report's edition of an earlier
    period. One that fails takes with it what comes after it, and nothing else. One that comes after
    ``all`` is made alone: what it sums up does not change meanwhile.

    Parameters
    ----------
    jobs : int, optional
        How many at a time; `default_jobs` when left out.
    """
    from workbench.reporting.gate.sharing import look_up

    ordered = sorted(asked, key=lambda each: each.period.end)
    try:
        editions.clean(desk.settings.path("published"))
        look_up(ordered, desk)
    except WorkbenchError as error:  # nothing can be published or searched: nothing is spent
        return Outcome(failures=tuple(fail(each, desk, error) for each in ordered))
    made: dict[int, Edition | Failure] = {}
    sorter = TopologicalSorter(_needs(ordered))
    sorter.prepare()
    at_once = min(jobs or default_jobs(), max(1, len(ordered)))

    def one(number: int) -> Edition | Failure:
        return _refused(number, ordered, made, desk) or make(
            ordered[number], desk, force=force, tell=tell
        )

    if at_once == 1:  # in this thread, where a signal reaches the kernel
        for number in _one_by_one(sorter):
            made[number] = one(number)
    else:
        _side_by_side(sorter, made, one, at_once)
    done = [made[number] for number in range(len(ordered))]
    return Outcome(
        tuple(each for each in done if isinstance(each, Edition)),
        tuple(each for each in done if isinstance(each, Failure)),
    )


def _needs(ordered: Sequence[Asked]) -> dict[int, set[int]]:
    """Return the editions each edition waits for, by their numbers."""
    needs: dict[int, set[int]] = {number: set() for number in range(len(ordered))}
    for number, each in enumerate(ordered):
        followers = _followers(each, ordered)
        for other, before in enumerate(ordered):
            name, ends = before.definition.name, before.period.end
            if name in each.definition.reports_before and ends <= each.period.end:
                needs[number].add(other)
            same = name == each.definition.name and before.variant.name == each.variant.name
            if same and other < number:
                needs[number].add(other)
            if each.definition.after == "all" != before.definition.after:
                # why both ways: what it sums up must not change while it does
                later = ends == each.period.end and name in followers
                if ends > each.period.end or later:
                    needs[other].add(number)
                else:
                    needs[number].add(other)
    return needs


def _followers(asked: Asked, ordered: Sequence[Asked]) -> set[str]:
    """Return the reports that come after an edition's, or after one that does; and its own."""
    before = {each.definition.name: {*each.definition.reports_before} for each in ordered}
    found: set[str] = set()
    more = {asked.definition.name}
    while more:
        found |= more
        more = {name for name, others in before.items() if others & found} - found
    return found


def _one_by_one(sorter: TopologicalSorter[int]) -> Iterator[int]:
    while sorter.is_active():
        for number in sorted(sorter.get_ready()):
            yield number
            sorter.done(number)


def _side_by_side(
    sorter: TopologicalSorter[int],
    made: dict[int, Edition | Failure],
    one: Callable[[int], Edition | Failure],
    at_once: int,
) -> None:
    running: dict[Future[Edition | Failure], tuple[int, threading.Thread]] = {}
    ready: list[int] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()])
        while ready and len(running) < at_once:
            number = ready.pop(0)
            future, thread = _started(partial(one, number))
            running[future] = number, thread
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            number, thread = running.pop(future)
            thread.join()  # why: what it closes at its end aborts a process that is ending too
            made[number] = future.result()
            sorter.done(number)


def _started(
    call: Callable[[], Edition | Failure],
) -> tuple[Future[Edition | Failure], threading.Thread]:
    """Call something in a thread that does not keep an interrupted run from ending."""
    from jupyter_core.utils import ensure_event_loop

    future: Future[Edition | Failure] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as fault:  # noqa: BLE001  # why: it is raised where it is waited for
            future.set_exception(fault)
        finally:
            ensure_event_loop().close()  # the one by which this thread spoke with its kernel

    thread = threading.Thread(target=work, name="edition", daemon=True)
    thread.start()
    return future, thread


def _refused(
    number: int, ordered: Sequence[Asked], made: Mapping[int, Edition | Failure], desk: Desk
) -> Failure | None:
    """Fail an edition that needs another one which is not there."""
    asked = ordered[number]
    for name in asked.definition.reports_before:
        why, failed = _lacking(asked, name, ordered, made, desk)
        if why:
            # why: readers are told of what was tried, not of what waits for another report
            waits = replace(asked, scheduled=asked.scheduled and failed)
            return fail(waits, desk, RunFailed(f"{asked.words} was not run: it comes after {why}"))
    return None


def _lacking(
    asked: Asked,
    name: str,
    ordered: Sequence[Asked],
    made: Mapping[int, Edition | Failure],
    desk: Desk,
) -> tuple[str, bool]:
    """Return what is not there of a report that comes before, if anything, and whether it failed.

    Of a report about periods of another length, it is the last that is over when this one is.
    """
    known = (each.definition for each in ordered if each.definition.name == name)
    try:
        before = next(known, None) or find_definition(
            name, desk.settings.path("reports"), desk.settings.path("notebooks")
        )
    except InputError as problem:
        return f"'{name}', which cannot run: {problem}", False
    period = Period.containing(asked.period.end, before.period.kind).previous()
    if period.end <= desk.begins(before):  # it can never be there
        return "", False
    failed = any(
        isinstance(each, Failure)
        and (each.asked.definition.name, each.asked.period) == (name, period)
        for each in list(made.values())
    )
    folder = desk.settings.path("published") / name
    places = [each.place(period) for each in before.variants]
    missing = [each for each in places if not revisions(folder / each)]
    if not failed and not missing:
        return "", False
    what = "it" if missing == [asked.period.text] else ", ".join(missing)
    why = "failed" if failed else f"has no edition of {what} yet"
    return (
        f"'{name}', which {why}. Run 'workbench run {name} --period {period.text}' first.",
        failed,
    )
