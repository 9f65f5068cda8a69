"""`ws.decisions`: what was decided, on which figures, and what came of it beside the expected."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import chain
from math import floor, log10
from typing import TYPE_CHECKING, Any

from workbench import reporting
from workbench.errors import InputError, UnknownName, one_of, require_known
from workbench.lifecycle import decisions as log
from workbench.lifecycle.decisions import Decision
from workbench.lifecycle.register import Register
from workbench.periods import Period, ends_of
from workbench.privacy.arguments import checked
from workbench.workspace.proposals import SOURCE, Proposals

if TYPE_CHECKING:
    from workbench.privacy.release import Release

VERDICTS = {None: "not known yet", False: "within the noise", True: "more than noise"}


class Decisions(Proposals):
    """The decision log of a workspace.

    Examples
    --------
    >>> import workbench as wb
    >>> ws = wb.open_workspace()  # doctest: +SKIP
    >>> wb.figures.table(ws.decisions.results("2026-09"))  # doctest: +SKIP
    """

    @property
    def register(self) -> Register:
        """Where the log is kept."""
        return Register(self.ws.events, "DC", "decision on the log")

    def all(self) -> tuple[Decision, ...]:
        """Return every decision as it stands, in the order they were recorded."""
        return log.decisions(self.register)

    def record(
        self,
        title: str,
        *,
        owner: str,
        measure: str,
        expected: float,
        low: float,
        high: float,
        unit: str = "",
        editions: Sequence[str] = (),
        releases: Sequence[str] = (),
        on: dt.date | None = None,
        due: dt.date | None = None,
    ) -> Decision:
        """Put a decision on the log.

        Parameters
        ----------
        title, owner : str
            What was decided, and which role or department decided it.
        measure, unit : str
            What is expected to come, in words, and in what it is counted: ``CNY``, ``%``.
        expected, low, high : float
            With the ends of its 95 % interval.
        editions, releases : sequence of str
            What it rests on: ``risk-scoring/2026-09`` and ids of releases; one at least.
        on : date, optional
            When it was decided; today when left out.
        due : date, optional
            When its outcome is to be looked at.

        Raises
        ------
        UnknownName
            No such edition is published, or no such release is in the ledger.
        InputError
            Something is missing, or contradicts itself; an edition was withdrawn, or a release
            knows no figure. Nothing was recorded.
        """
        from workbench.privacy.expressions import names

        now = self._now()
        known = tuple(dict.fromkeys(map(self._release, names(releases))))
        rests_on = tuple(dict.fromkeys(map(self._edition, names(editions)))), known
        decided = (title, owner, on or now.date(), *rests_on, measure, unit)
        made = log.Decision("", *decided, expected, low, high, due)
        return log.record(self.register, made, now=now)

    @checked
    def review(
        self,
        name: str,
        *,
        value: float | None = None,
        margin: float | None = None,
        release: str | None = None,
        of: str | None = None,
        where: Mapping[str, Any] | None = None,
        on: dt.date | None = None,
    ) -> Decision:
        """Record what came of a decision: a number with its margin, or a figure of a release.

        Parameters
        ----------
        name : str
            ``DC-2026-001``.
        value, margin : float, optional
            The outcome and half its 95 % interval; a margin of 0 says that it is exact.
        release, of, where : optional
            In their place a release's id, one of its measures, and the row where it has several:
            ``{"region": "Hubei"}``.
        on : date, optional
            The day the outcome is of: today, or the last day of the release's period, when left
            out.

        Raises
        ------
        UnknownName
            No such decision, release, measure or row.
        InputError
            The outcome lies before its decision, is in another unit, or is not said.
        """
        now = self._now()
        by_hand = value is not None, margin is not None
        if len({*by_hand, release is None}) > 1 or (not release and (of or where)):
            raise InputError(
                "say what came of it: --value with --margin (0 where it is exact), or --release "
                "with --of and --where, and not both. Nothing was recorded."
            )
        if value is not None and margin is not None:
            outcome = log.Outcome(on or now.date(), value, value - margin, value + margin)
        else:
            found = log.decision(name, self.register)
            released = self.ws.ledger.checked(self._release(str(release)))
            ends = _figure(released, of, where or {}, found.unit)
            outcome = log.Outcome(on or _last_day(released), *ends, release=released.id)
        return log.review(self.register, name, outcome, now=now)

    @checked
    def results(self, period: str) -> Release:
        """Return the decisions taken up to the end of a period, for ``wb.figures.table``.

        Parameters
        ----------
        period : str
            ``2026-09``.

        Returns
        -------
        Release
            A row a decision, the newest first: ``expected`` and ``actual`` in words with their
            intervals, ``verdict``, and ``over_margin``: the difference over its margin, beyond 1
            more than noise. In the ledger, at no cost; its words go through the gate of a page.
        """
        from workbench.privacy.columns import Measure, noted
        from workbench.privacy.operational import Exact

        taken = (each for each in self.all() if each.on < Period.parse(period).end)
        found = sorted(taken, key=lambda each: (-each.on.toordinal(), each.id))
        heads = {"decision": "Decision", "owner": "Owner", "decided": "Decided",
                 "of": "Expected of it", "expected": "Expected", "actual": "Actual",
                 "verdict": "Difference"}  # fmt: skip
        each_told = [told(each) for each in found]
        told_by = [each.outcome.release for each in found if each.outcome and each.outcome.release]
        private = tuple(x for x in sorted({*told_by}) if x[:2] != "e-" and self._still(x))
        columns = {name: [row[name] for row in each_told] for name in (*heads, "over_margin")}
        measure = Measure("over_margin", "count", "Difference over its margin", None, 1)
        told_words = ((each.title, each.owner, each.measure, each.unit) for each in found)
        words = tuple(filter(None, chain.from_iterable(told_words)))
        count = sum(each in private for each in told_by)
        notes = (noted("told", released=count, all=len(found)),) if found else ()
        rows = Exact("decisions", (SOURCE,), columns, (), (measure,), period, private, notes, words)
        return self.keep(rows, heads)

    def _now(self) -> dt.datetime:
        """Return the time; refuse a report, whose code could record what it counted on rows."""
        if reporting.of_a_report():
            raise InputError(
                "a decision and what came of it are recorded by whoever answers for it, not by a "
                "report that runs: workbench decision record, or review. Nothing was recorded."
            )
        return self.ws.now()

    def _release(self, name: str) -> str:
        found = self.ws.ledger.checked(name)
        if all(value is None for each in found.measures for value in found.columns[each.name]):
            raise InputError(f"{name} knows no figure to rest a decision on. Nothing was recorded.")
        return name

    def _still(self, name: str) -> bool:
        """Return whether the ledger holds a release: an acknowledged loss may have taken it."""
        try:
            return bool(self.ws.ledger.text(name))
        except UnknownName:
            return False

    def _edition(self, name: str) -> str:
        """Return an edition with the revision it is of."""
        from workbench.reporting.published.record import Edition, editions

        known: dict[str, Edition] = {}
        for each in editions(self.ws.settings.path("published")):  # the newest comes last
            folder = each.folder.as_posix()
            known |= {folder: each, f"{folder}/r{each.revision}": each}
        found = one_of("published edition", known, name).standing()
        return f"{found.folder.as_posix()}/r{found.revision}"


def _figure(
    release: Release, of: str | None, where: Mapping[str, Any], unit: str
) -> tuple[float, float, float]:
    """Return a figure of a release with the ends of its interval, in a decision's unit."""
    measures = {each.name: each for each in release.measures}
    of = next(iter(measures)) if of is None and len(measures) == 1 else of or ""
    require_known("measure", measures, of)
    require_known("group column", [each.name for each in release.by], *where)
    rows = [
        row
        for row in range(len(release))
        if all(str(release.columns[name][row]) == str(value) for name, value in where.items())
    ]
    if len(rows) != 1:
        groups = ", ".join(each.name for each in release.by)
        raise InputError(
            f"{len(rows)} rows of '{release.name}' are meant, and an outcome is one. Name it by "
            f"its groups ({groups}): --where {groups.split(', ')[0] or 'region'}=…"
        )
    measure = measures[of]
    value, low, high = (release.columns[name][rows[0]] for name in measure.columns)
    if value is None:
        raise InputError(f"'{of}' is not known in that row of {release.id}: it is no outcome yet.")
    rate = measure.percent
    counted = "%" if rate else measure.unit
    if counted != unit and (rate or unit == "%" or any(map(str.isupper, (unit, counted or "")))):
        raise InputError(
            f"'{of}' is counted in {counted or 'no unit'}, and what was expected in "
            f"{unit or 'no unit'}. Review with a figure of the same unit."
        )
    ends = (value, value if low is None else low, value if high is None else high)
    return tuple(each * 100 if rate else each for each in ends)


def _last_day(release: Release) -> dt.date:
    if release.period is None:
        raise InputError(f"{release.id} is of no period: say with --on which day it is of.")
    return ends_of(release.period)[1].end - dt.timedelta(days=1)


def told(each: Decision) -> dict[str, Any]:
    """Return a decision in a reader's words, by the columns of `Decisions.results`."""
    outcome, margin = each.outcome, each.margin
    # why 1e-9: an exact outcome of an exact expectation has no margin to be beyond
    over = None if outcome is None else abs(each.difference or 0.0) / max(margin or 0.0, 1e-9)
    ends = (outcome.value, outcome.low, outcome.high) if outcome else None
    return {
        "decision": f"{each.id}: {each.title}",
        "owner": each.owner,
        "decided": each.on.isoformat(),
        "of": each.measure,
        "expected": _words((each.expected, each.low, each.high), each.unit),
        "actual": "–" if ends is None else _words(ends, each.unit),
        "verdict": VERDICTS[each.beyond_noise],
        "over_margin": over,
    }


def _words(ends: tuple[float, float, float], unit: str) -> str:
    """Return a figure no finer than its interval, in signs that need no translation.

    Examples
    --------
    >>> _words((5.21, 4.08, 6.32), "%")
    '5.2 [4.1; 6.3] %'
    >>> _words((120_000, 100_000, 140_000), "CNY")
    '120,000 [100,000; 140,000] CNY'
    """
    wide = (ends[2] - ends[1]) / 2
    digits = max(0, 1 - floor(log10(wide))) if 0 < wide < 100 else 0 if wide else 2
    value, low, high = (f"{each:,.{digits}f}".replace("-", "−") for each in ends)
    return f"{value} [{low}; {high}] {unit}".rstrip() if wide else f"{value} {unit}".rstrip()
