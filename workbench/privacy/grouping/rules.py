"""The table of rules that personas are, and cut points read off a release."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from workbench.errors import PeriodError, QuestionRefused
from workbench.periods import Period, add_months
from workbench.privacy.columns import between
from workbench.privacy.release import Release

SCORED = ("recency", "frequency", "money")
_ANY = ("any", "*", "")
_RANGE = re.compile(r"([0-9]+)(?:\s*[-–]\s*([0-9]+))?")  # why: both are typed
_NAME_AT_MOST = 60  # characters of a persona or its action, as a page shows them


@dataclass(frozen=True)
class Rule:
    """One persona: the scores it holds, from 1 (worst) up, and what to do for it."""

    persona: str
    scores: Mapping[str, frozenset[int]]
    action: str = ""


def read_rules(rows: Sequence[str], scores: Mapping[str, int]) -> tuple[Rule, ...]:
    """Read a table of rules; refuse any that overlap or leave a combination of scores out.

    Parameters
    ----------
    scores : mapping of str to int
        Score to how many there are.

    Examples
    --------
    >>> [rule.persona for rule in read_rules(["persona | money", "A | 2", "B | 1"], {"money": 2})]
    ['A', 'B']
    """
    if isinstance(rows, str) or len(rows) < 2:
        raise QuestionRefused(
            "the rules of personas are rows of text: a head such as 'persona | recency | money', "
            "then a row a persona."
        )
    head, *body = ([cell.strip() for cell in str(row).split("|")] for row in rows)
    known = ("persona", *SCORED, "action")
    if head[:1] != ["persona"] or len(set(head)) != len(head) or set(head) - set(known):
        raise QuestionRefused(
            f"the head of the rules is 'persona', then some of {', '.join(known[1:])}, "
            f"with | between; not '{rows[0]}'."
        )
    missing = [each for each in head if each in SCORED and each not in scores]
    unused = [each for each in scores if each not in head]
    if missing or unused:
        raise QuestionRefused(
            f"the rules name {', '.join(each for each in head if each in SCORED) or 'no score'} "
            f"and cut points are given for {', '.join(scores) or 'none'}; give one for each."
        )
    found = tuple(_rule(head, cells, scores) for cells in body)
    names = [rule.persona for rule in found]
    if len(set(names)) != len(names):
        raise QuestionRefused(f"two personas have one name: {', '.join(names)}.")
    _require_partition(found, scores)
    return found


def _rule(head: Sequence[str], cells: Sequence[str], scores: Mapping[str, int]) -> Rule:
    if len(cells) != len(head):
        raise QuestionRefused(
            f"the row of '{cells[0]}' has {len(cells)} columns and the head has {len(head)}."
        )
    row = dict(zip(head, cells, strict=True))
    for each in (row["persona"], row.get("action", "")):
        if len(each) > _NAME_AT_MOST:
            raise QuestionRefused(
                f"a persona or action has at most {_NAME_AT_MOST} characters; '{each}' has more."
            )
    if not row["persona"]:
        raise QuestionRefused("a persona has no name.")
    wanted = {each: _scores(row[each], row["persona"], each, scores[each]) for each in scores}
    return Rule(row["persona"], wanted, row.get("action", ""))


def _scores(cell: str, persona: str, each: str, most: int) -> frozenset[int]:
    if cell in _ANY:
        return frozenset(range(1, most + 1))
    match = _RANGE.fullmatch(cell)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= low <= high <= most:
        raise QuestionRefused(
            f"'{persona}' has {each} '{cell}'; write scores from 1 to {most}: '{most}', "
            f"'1-{most}' or 'any'."
        )
    return frozenset(range(low, high + 1))


def _require_partition(rules: Sequence[Rule], scores: Mapping[str, int]) -> None:
    for combination in product(*(range(1, most + 1) for most in scores.values())):
        at = dict(zip(scores, combination, strict=True))
        holding = [
            rule.persona
            for rule in rules
            if all(value in rule.scores[each] for each, value in at.items())
        ]
        if len(holding) != 1:
            words = ", ".join(f"{each} {value}" for each, value in at.items())
            belongs = f"belongs to {' and '.join(holding)}" if holding else "belongs to no persona"
            raise QuestionRefused(
                f"the rules must hold every customer once: {words} {belongs}. Change a row."
            )


def asked(rule: Rule, score: str, cuts: Sequence[Decimal]) -> str:
    """Return in words what a score asks of a customer.

    Examples
    --------
    >>> rule = Rule("Champions", {"money": frozenset({2, 3})})
    >>> asked(rule, "money", [Decimal(1000), Decimal(4000)])
    '≥ 1,000'
    """
    least, most, best = min(rule.scores[score]), max(rule.scores[score]), len(cuts) + 1
    rising = [f"{cut:,f}" for cut in cuts]
    if score == "recency":  # few days are the best score
        low = None if most == best else rising[best - most - 1]
        high = None if least == 1 else rising[best - least]
    else:
        low = None if least == 1 else rising[least - 2]
        high = None if most == best else rising[most - 1]
    unit = "" if score == "money" else " days"
    return "any" if low is None and high is None else between(low, high, unit)


def cut_points(release: Release, shares: Sequence[float] = (0.2, 0.4, 0.6, 0.8)) -> list[Decimal]:
    """Return the edges of a release's bands that come nearest to shares of its customers.

    Computed from noisy numbers alone, so it costs nothing; take bands finer than the shares.

    Parameters
    ----------
    release : Release
        Customers by `bands` alone.
    shares : sequence of float
        Rising, between 0 and 1.

    Raises
    ------
    QuestionRefused
        The release is not by bands, or too coarse to tell the shares apart.
    """
    if len(release.by) != 1 or release.by[0].kind != "band" or "customers" not in release.columns:
        raise QuestionRefused(
            f"cut points are read off customers by bands, alone; '{release.name}' is by "
            f"{', '.join(each.name for each in release.by) or 'nothing'}. Release "
            "wb.query(tx, by=wb.bands(…, of='customer'), …).customers()."
        )
    labels = [str(value) for value in release.by[0].values]
    edges = [Decimal(label.removeprefix("≥ ").split(" to ")[0].replace(",", "")) for label in
             labels[1:]]  # fmt: skip
    counts = [max(0.0, float(each or 0)) for each in release.columns["customers"]]
    whole = sum(counts)
    if release.planned or not whole:
        step = len(edges) / (len(shares) + 1)
        return [edges[int(step * (i + 1))] for i in range(len(shares))]
    below = [sum(counts[: i + 1]) / whole for i in range(len(edges))]
    found = [min((abs(at - share), i) for i, at in enumerate(below))[1] for share in shares]
    if len(set(found)) != len(found):
        raise QuestionRefused(
            f"the bands of '{release.name}' are too coarse for {len(shares)} cut points: two fall "
            "on one edge. Ask for finer bands, or declare the cut points."
        )
    return [edges[i] for i in found]


def day_of(as_of: str | dt.date) -> dt.date:
    """Return a day, or the last one of a month."""
    if isinstance(as_of, dt.datetime):
        return as_of.date()
    if isinstance(as_of, dt.date):
        return as_of
    try:
        return dt.date.fromisoformat(as_of)
    except ValueError:
        period = Period.parse(as_of)
        return period.end - dt.timedelta(days=1)
    except TypeError:
        raise PeriodError(
            f"as_of is a day such as 2026-09-30 or a month such as 2026-09, not {as_of!r}."
        ) from None


def span_start(as_of: dt.date, months: int) -> dt.date:
    """Return the first of so many months that end on a day."""
    after = as_of + dt.timedelta(days=1)
    first = add_months(after, -months)
    last = add_months(first, 1) - dt.timedelta(days=1)
    return first.replace(day=min(after.day, last.day))


def span_months(start: dt.date, as_of: dt.date) -> int:
    """Return how many months there are from a first day to a last one."""
    after = as_of + dt.timedelta(days=1)
    return (after.year - start.year) * 12 + after.month - start.month
