"""How well people hide in a table: k-anonymity, l-diversity, t-closeness, and what was agreed.

A group is everybody whose rows hold the same combinations of quasi-identifiers, all of them: rows
of a person stay together under the pseudonym, so that whoever knows several of them looks for all.
A missing value is a value.

- k: people in the smallest group (Samarati & Sweeney 1998).
- l: fewest distinct values of a sensitive column within a group (Machanavajjhala et al. 2007,
  distinct l-diversity); 1 where all people of a group share a value, whatever else some have.
- t: largest distance between a sensitive column's distribution within a group and over all people
  (Li, Li & Venkatasubramanian 2007): for text and truth values half the sum of differences, for
  numbers and dates the earth mover's distance over their order, in a hundred steps at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.catalog import ExtractTerms
from workbench.errors import QuestionRefused
from workbench.store import Connection

if TYPE_CHECKING:
    import pandas as pd


LEAST_K = 5
_STEPS = 100
_ORDERED = ("INT", "DECIMAL", "DOUBLE", "FLOAT", "REAL", "DATE", "TIMESTAMP", "TIME")


@dataclass(frozen=True)
class Sensitive:
    """How one sensitive column spreads within groups: least distinct values, greatest distance."""

    l: int  # noqa: E741  # why: the letter the field calls it by
    t: float


@dataclass(frozen=True)
class Reidentification:
    """The risk that a person in a table is recognised.

    Attributes
    ----------
    quasi_identifiers : tuple of str
    people, groups : int
    smallest : int
        People in the smallest group: the k of k-anonymity; 0 of an empty table.
    alone : int
        Groups of one person.
    under : int
        The size below which a group counts as small.
    people_under : int
        People in small groups.
    sensitive : mapping of column to Sensitive
        Its l and t.
    """

    quasi_identifiers: tuple[str, ...]
    people: int
    groups: int
    smallest: int
    alone: int
    people_under: int
    under: int = LEAST_K
    sensitive: Mapping[str, Sensitive] = field(default_factory=dict)

    @property
    def share_under(self) -> float | None:
        """Share of people in groups smaller than ``under``; None of nobody."""
        return self.people_under / self.people if self.people else None

    def to_frame(self) -> pd.DataFrame:
        """Return figure by figure, with a row of l and t for each sensitive column."""
        import pandas as pd

        share = self.share_under
        rows: list[tuple[str, Any]] = [
            ("people", self.people),
            ("groups", self.groups),
            ("smallest group (k)", self.smallest),
            ("groups of one", self.alone),
            (f"people in groups under {self.under}", self.people_under),
            (f"share in groups under {self.under}", share),
        ]
        for column, spread in self.sensitive.items():
            rows += [(f"{column}: l", spread.l), (f"{column}: t", spread.t)]
        return pd.DataFrame(rows, columns=["figure", "value"])


def reidentification(
    connection: Connection,
    relation: str,
    *,
    person: str,
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str] = (),
    under: int = LEAST_K,
    linked: bool = True,
) -> Reidentification:
    """Measure a relation's risk.

    Parameters
    ----------
    relation : str
        SQL of what would leave: a table's name or a SELECT in brackets.
    person : str
        The column that says whose row it is.
    quasi_identifiers, sensitive : sequence of str
        Columns by which people are known from elsewhere, and columns that must not be learned.
        Without a quasi-identifier everybody is one group.
    under : int
        A group of fewer people is small.
    linked : bool
        Whether the rows of a person can be told to be of one. Else, as in counts by cell, a group
        is everybody with one combination, and a person is in several.
    """
    named = [f"q{place} := {_quoted(column)}" for place, column in enumerate(quasi_identifiers)]
    columns = ", ".join(f"{_quoted(column)} AS s{place}" for place, column in enumerate(sensitive))
    picked = f"struct_pack({', '.join(named) or 'everybody := true'})"
    base = (
        f"SELECT DISTINCT {_quoted(person)} AS p, {picked} AS g{', ' if columns else ''}{columns} "
        f"FROM {relation} AS source WHERE {_quoted(person)} IS NOT NULL"
    )
    if linked:
        base = (
            f"WITH source_rows AS ({base}), ways AS (SELECT p, list(DISTINCT g ORDER BY g) AS way "
            "FROM source_rows GROUP BY p) "
            "SELECT DISTINCT source_rows.* REPLACE (way AS g) FROM source_rows JOIN ways USING (p)"
        )
    # why a table: several questions are asked of it, and the relation may cost much
    connection.execute(f"CREATE OR REPLACE TEMP TABLE _people AS {base}")
    try:
        row = connection.execute(_COUNTED, [under, under]).fetchone() or (0,) * 5
        people = connection.execute("SELECT count(DISTINCT p) FROM _people").fetchone()
        spread = {
            column: _spread(connection, f"s{place}") for place, column in enumerate(sensitive)
        }
    finally:
        connection.execute("DROP TABLE IF EXISTS temp._people")
    groups, smallest, alone, small = (int(value or 0) for value in row)
    known = int(people[0]) if people else 0
    found = (groups, smallest, alone, small, under, spread)
    return Reidentification(tuple(quasi_identifiers), known, *found)


_COUNTED = """
WITH sizes AS (SELECT g, count(DISTINCT p) AS size FROM _people GROUP BY g)
SELECT count(*), min(size), count(*) FILTER (size = 1),
    (SELECT count(DISTINCT p) FROM _people JOIN sizes USING (g) WHERE size < ?)
FROM sizes WHERE ? > 0
"""


def _spread(connection: Connection, column: str) -> Sensitive:
    """Return a sensitive column's l and t."""
    kind = connection.execute(f"SELECT typeof({column}) FROM _people LIMIT 1").fetchone()
    if kind is None:
        return Sensitive(0, 0.0)
    ordered = str(kind[0]).upper().startswith(_ORDERED) or "INT" in str(kind[0]).upper()
    least = connection.execute(_DIVERSITY.format(column=column)).fetchone()
    sql = (_EARTH_MOVER if ordered else _VARIATION).format(column=column, steps=_STEPS)
    row = connection.execute(sql).fetchone()
    return Sensitive(int(least[0]) if least else 0, float(row[0] or 0) if row else 0.0)


_DIVERSITY = """
WITH sizes AS (
    SELECT g, count(DISTINCT p) AS size FROM _people GROUP BY g
), held AS (
    SELECT g, row({column}) AS v, count(DISTINCT p) AS people FROM _people GROUP BY g, v
)
SELECT min(n) FROM (
    SELECT CASE WHEN max(people) = any_value(size) THEN 1 ELSE count(*) END AS n
    FROM held JOIN sizes USING (g) GROUP BY g
)
"""

_VARIATION = """
WITH everybody AS (
    SELECT row({column}) AS v, count(*) / sum(count(*)) OVER () AS share FROM _people GROUP BY v
), within AS (
    SELECT g, row({column}) AS v, count(*) / sum(count(*)) OVER (PARTITION BY g) AS share
    FROM _people GROUP BY g, v
)
SELECT max(distance) FROM (
    SELECT (sum(abs(within.share - everybody.share)) + 1 - sum(everybody.share)) / 2 AS distance
    FROM within JOIN everybody USING (v) GROUP BY g
)
"""

# The distance over an order: the sum over all steps but the last of |F_group - F_everybody|, over
# steps - 1. Missing values stand in front.
_EARTH_MOVER = """
WITH ranked AS (
    SELECT v, CASE WHEN n <= {steps} THEN place ELSE (place - 1) * {steps} // n + 1 END AS step
    FROM (
        SELECT v, row_number() OVER (ORDER BY v NULLS FIRST) AS place, count(*) OVER () AS n
        FROM (SELECT DISTINCT {column} AS v FROM _people)
    )
), placed AS (
    SELECT g, step FROM _people JOIN ranked ON {column} IS NOT DISTINCT FROM v
), steps AS (
    SELECT step, sum(count(*)) OVER (ORDER BY step) / sum(count(*)) OVER () AS reached
    FROM placed GROUP BY step
), counted AS (
    SELECT g, step, count(*) AS n FROM placed GROUP BY g, step
), every AS (
    SELECT g, steps.step, steps.reached FROM (SELECT DISTINCT g FROM placed), steps
), reached AS (
    SELECT every.g, every.reached AS all_people,
        sum(coalesce(n, 0)) OVER (PARTITION BY every.g ORDER BY every.step)
            / sum(coalesce(n, 0)) OVER (PARTITION BY every.g) AS in_group
    FROM every LEFT JOIN counted ON counted.g = every.g AND counted.step = every.step
)
SELECT max(distance) FROM (
    SELECT sum(abs(in_group - all_people)) / greatest(count(*) - 1, 1) AS distance
    FROM reached GROUP BY g
)
"""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_NOTHING = "Nothing was handed over."


def agreed(
    declared: ExtractTerms,
    purpose: str,
    *,
    k: int | None = None,
    l: int | None = None,  # noqa: E741  # why: the letter the field calls it by
    t: float | None = None,
) -> ExtractTerms:
    """Return the terms of one extract: those of the catalog, or stricter ones.

    Raises
    ------
    QuestionRefused
        A term is less strict than the catalog's.

    Examples
    --------
    >>> agreed(ExtractTerms(k=10), "partner", l=3)
    ExtractTerms(k=10, l=3, t=None)
    """
    for letter, given, least in (("k", k, declared.k), ("l", l, declared.l)):
        if given is not None and given < least:
            raise QuestionRefused(
                f"{letter} is at least {least} for purpose '{purpose}', not {given}. Ask for more, "
                f"or have extract_terms changed in the catalog. {_NOTHING}"
            )
    most = 1.0 if declared.t is None else declared.t
    if t is not None and not 0 < t <= most:
        raise QuestionRefused(
            f"t is above 0 and at most {most:g} for purpose '{purpose}', not {t:g}. Ask for less, "
            f"or have extract_terms changed in the catalog. {_NOTHING}"
        )
    return ExtractTerms(
        k=declared.k if k is None else k,
        l=declared.l if l is None else l,
        t=declared.t if t is None else t,
    )


def require_hidden(found: Reidentification, terms: ExtractTerms) -> None:
    """Refuse an extract in which people do not hide as agreed.

    Raises
    ------
    QuestionRefused
        A group is too small, or tells a sensitive column of its people: too few values, or
        values too far from everybody's.
    """
    known_by = ", ".join(found.quasi_identifiers) or "no column"
    if found.smallest < terms.k:
        raise QuestionRefused(
            f"by all their combinations of {known_by} together, the smallest group has "
            f"{found.smallest} people; at least {terms.k} are needed. Leave columns out, make them "
            f"coarser, or share private tables instead. {_NOTHING}"
        )
    alike = [name for name, spread in found.sensitive.items() if spread.l < terms.l]
    if alike:
        least = min(found.sensitive[name].l for name in alike)
        raise QuestionRefused(
            f"sensitive columns would be told of people by their group: {', '.join(alike)}. Among "
            f"people alike by {known_by} there is a group with so many values of it: {least}; at "
            f"least l = {terms.l} are needed. Leave the sensitive column out, leave out or make "
            f"coarser what people are known by, or share private tables instead. {_NOTHING}"
        )
    if terms.t is None:
        return
    far = [name for name, spread in found.sensitive.items() if spread.t > terms.t]
    if far:
        most = max(found.sensitive[name].t for name in far)
        raise QuestionRefused(
            f"a group's values differ too much from everybody's: {', '.join(far)}. Among people "
            f"alike by {known_by} the distance reaches {most:.2f}; at most t = {terms.t:g} was "
            "agreed. Leave the column out, leave out or make coarser what people are known by, "
            f"agree on a larger t, or share private tables instead. {_NOTHING}"
        )


def measured(found: Reidentification) -> dict[str, Any]:
    """Return how well people hide, as it is kept: counts of groups, and no value of a row."""
    return {
        "smallest_group": found.smallest,
        "sensitive": {
            name: {"l": spread.l, "t": round(spread.t, 4)}
            for name, spread in found.sensitive.items()
        },
    }
