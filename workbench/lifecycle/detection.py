"""Unusual reads: found in a log of reads by four plain signals, with a measured false-alarm rate.

A reader's week is compared with what readers of the same role did before the span that is examined:

=========  ==========================================================================
volume     a read of far more rows than the role's reads have (robust z of log rows): results are
           compared with results, and openings, by what they can hand out at most, with openings
hour       reads at hours in which almost nobody ever read
new table  reads of a table no reader of the role had read
refused    more refused attempts than chance gives at the usual rate (Poisson tail)
=========  ==========================================================================

One signal happens to honest people: a reader's week is flagged for two of them, or for one that is
extreme. How often honest weeks are flagged is not promised but measured: the same rule is run on
the history, each part of it against the parts before, and everything flagged there counts as a
false alarm. That overstates the rate where the history had an unusual reader of its own.
"""

import datetime as dt
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workbench.errors import InputError
from workbench.lifecycle.reads import Read

VOLUME_Z = 5.0  # of log rows; an honest lognormal read passes it 3 times in 10 million
VOLUME_EXTREME_Z = 12.0
RARE_HOUR_SHARE = 0.002  # of all earlier reads
REFUSED_CHANCE = 1e-4
REFUSED_EXTREME = 1e-9
LEAST_HISTORY_READS = 200
SPREAD_LEAST = 0.2  # of log rows: a role that always reads alike still varies by a fifth


@dataclass(frozen=True)
class Unusual:
    """A reader's week that stands out.

    Attributes
    ----------
    reader, role : str
    week : date
        Its Monday.
    signals : tuple of str
        ``volume``, ``hour``, ``new table``, ``refused``.
    reads, refused, rows : int
        Rows at most: what was handed out, and of a table of which no result is on record what an
        opening can hand out.
    tables : tuple of str
    """

    reader: str
    role: str
    week: dt.date
    signals: tuple[str, ...]
    reads: int
    refused: int
    rows: int
    tables: tuple[str, ...]


@dataclass(frozen=True)
class Detection:
    """What was found, in how much, and how often the rule is wrong.

    Attributes
    ----------
    found : tuple of Unusual
    weeks : int
        Readers' weeks examined.
    since, until : date
    false_alarms, history_weeks : int
        Flagged and examined weeks of the history.
    false_alarm_at_most : float
        Upper end of the 95 % interval of the false-alarm rate.
    """

    found: tuple[Unusual, ...]
    weeks: int
    since: dt.date
    until: dt.date
    false_alarms: int
    history_weeks: int

    @property
    def readers(self) -> tuple[str, ...]:
        """The readers found, each once."""
        return tuple(dict.fromkeys(each.reader for each in self.found))

    @property
    def false_alarm_at_most(self) -> float:
        """Upper end of the one-sided 95 % interval of the false-alarm rate."""
        return upper_rate(self.false_alarms, self.history_weeks)


def detect(reads: Iterable[Read], since: dt.date, until: dt.date) -> Detection:
    """Return the readers' weeks of a span that stand out from the history before it.

    Parameters
    ----------
    reads : iterable of Read
        The whole log, in any order; what is later than ``until`` is left out.
    since, until : date
        The span examined, both days included.

    Raises
    ------
    InputError
        There is not enough history to say what is usual.
    """
    ordered = sorted((r for r in reads if r.at.date() <= until), key=lambda read: read.at)
    history = [read for read in ordered if read.at.date() < since]
    if len(history) < LEAST_HISTORY_READS:
        raise InputError(
            f"there are {len(history)} reads before {since}; what is usual shows from "
            f"{LEAST_HISTORY_READS} reads on. Begin later, or wait."
        )
    found, weeks = _examine(history, [read for read in ordered if read.at.date() >= since])
    alarms, past = _on_history(history)
    return Detection(tuple(found), weeks, since, until, alarms, past)


def upper_rate(events: int, trials: int, level: float = 0.95) -> float:
    """Return the upper end of a one-sided interval of a rate (Clopper and Pearson 1934).

    Examples
    --------
    >>> round(upper_rate(0, 300), 4)  # the rule of three
    0.0099
    """
    from scipy.special import betaincinv  # why not scipy.stats: it takes a second to import

    if trials == 0 or events >= trials:
        return 1.0
    return float(betaincinv(events + 1, trials - events, level))


class _Usual:
    """What readers of each role did."""

    def __init__(self, history: Sequence[Read]) -> None:
        logs: dict[tuple[str, bool], list[float]] = defaultdict(list)
        self.tables: dict[str, set[str]] = defaultdict(set)
        for read in history:
            if (size := read.rows or read.held) and not read.refused:
                logs[_likes(read)].append(math.log(size))
            if not read.refused:
                self.tables[read.role].add(read.table)
        self._volume = {likes: _middle_and_spread(values) for likes, values in logs.items()}
        hours = Counter(read.at.hour for read in history)
        self.rare_hours = {
            hour for hour in range(24) if hours[hour] < RARE_HOUR_SHARE * len(history)
        }
        refused = sum(read.refused for read in history)
        self.refused_rate = (refused + 1) / (len(_attempts(history)) + 1)

    def z(self, read: Read) -> float:
        size = read.rows or read.held
        if not size or read.refused or _likes(read) not in self._volume:
            return 0.0
        middle, spread = self._volume[_likes(read)]
        return (math.log(size) - middle) / spread


def _likes(read: Read) -> tuple[str, bool]:
    """Return what a read's size is compared with: its role's results, or its openings."""
    return read.role, read.rows is None


def _attempts(reads: Sequence[Read]) -> list[Read]:
    """Return reads without results of openings that are among them."""
    return [read for read in reads if not read.among_others]


def _middle_and_spread(values: Sequence[float]) -> tuple[float, float]:
    middle = statistics.median(values)
    away = statistics.median(abs(value - middle) for value in values)
    return middle, max(1.4826 * away, SPREAD_LEAST)


def _examine(history: Sequence[Read], span: Sequence[Read]) -> tuple[list[Unusual], int]:
    usual = _Usual(history)
    weeks: dict[tuple[str, dt.date], list[Read]] = defaultdict(list)
    for read in span:
        weeks[read.reader, read.at.date() - dt.timedelta(days=read.at.weekday())].append(read)
    found = []
    for (reader, week), reads in weeks.items():
        signals, extreme = _signals(reads, usual)
        if len(signals) > 1 or extreme:
            found.append(
                Unusual(
                    reader,
                    reads[0].role,
                    week,
                    tuple(signals),
                    sum(not read.refused for read in reads),
                    sum(read.refused for read in reads),
                    _rows(reads),
                    tuple(sorted({read.table for read in reads})),
                )
            )
    found.sort(key=lambda each: (each.week, each.reader))
    return found, len(weeks)


def _rows(reads: Sequence[Read]) -> int:
    allowed = [read for read in reads if not read.refused]
    told = {read.table for read in allowed if read.rows is not None}
    return sum(
        (read.held or 0 if read.table not in told else 0) if read.rows is None else read.rows
        for read in allowed
    )


def _signals(reads: Sequence[Read], usual: _Usual) -> tuple[list[str], bool]:
    """Return a week's signals, and whether one of them is extreme."""
    found = []
    largest = max((usual.z(read) for read in reads if read.rows is not None), default=0.0)
    opened = max((usual.z(read) for read in reads if read.rows is None), default=0.0)
    if max(largest, opened) > VOLUME_Z:
        found.append("volume")
    if any(read.at.hour in usual.rare_hours for read in reads):
        found.append("hour")
    known = usual.tables.get(reads[0].role)
    if known is not None and any(read.table not in known for read in reads):
        found.append("new table")
    refused = sum(read.refused for read in reads)
    expected = usual.refused_rate * len(_attempts(reads))
    chance = _at_least(refused, expected) if refused > 1 else 1.0
    if chance < REFUSED_CHANCE:
        found.append("refused")
    return found, largest > VOLUME_EXTREME_Z or chance < REFUSED_EXTREME


def _at_least(count: int, expected: float) -> float:
    """Return the chance of ``count`` events or more where ``expected`` are usual (Poisson)."""
    from scipy.special import gammainc

    return float(gammainc(count, expected))


def _on_history(history: Sequence[Read], parts: int = 6) -> tuple[int, int]:
    """Run the rule on the history: each later part against all before it."""
    first, last = history[0].at.date(), history[-1].at.date()
    step = max(7, (last - first).days // parts)
    alarms = weeks = 0
    start = first + dt.timedelta(days=step)
    while start <= last:
        end = start + dt.timedelta(days=step)
        before = [read for read in history if read.at.date() < start]
        part = [read for read in history if start <= read.at.date() < end]
        if len(before) >= LEAST_HISTORY_READS and part:
            found, count = _examine(before, part)
            alarms, weeks = alarms + len(found), weeks + count
        start = end
    return alarms, weeks
