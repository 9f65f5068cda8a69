"""Sums over one row of each customer: counts of several groups at once, or products of two scores.

A customer's row is the latest asked about; of several on one day one is chosen by what they hold.
It is chosen among that customer's own rows alone, so nobody else's move it.

Counts. In each of ``d`` groups the row is in one of ``K`` places and adds there ``a`` (a customer)
and ``c`` or ``-c`` (bad, good), less a ``K``-th of that to every place: what all places have in
common says only how many there are, and two totals, of ``t`` times ``a`` and ``c``, tell that once
for all groups. So the vector has the squared length ``(a² + c²)·(Σ (1 - 1/K) + t²)``, up to the
rounding of a ``K``-th, which `Sums.norm_squared` counts exactly.

Products. The row's places have whole-number scores, scaled down together to a declared length ``R``
where they are longer; to each pair of groups it adds the product of two. With scores ``z`` that
vector has the squared length ``Σ_{i<j} z_i²z_j² = ((Σ z_i²)² - Σ z_i⁴) / 2``, at most
``R⁴·(d - 1) / (2d)``, since ``Σ z_i⁴ ≥ (Σ z_i²)² / d``.

Rows are read once and kept as places: all sums of one card are of the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt, sqrt
from typing import TYPE_CHECKING, Any

from workbench.privacy.columns import Measure
from workbench.privacy.grouping.codes import Code

if TYPE_CHECKING:
    import numpy as np

    from workbench.privacy.question import Question

LATTICE = 2**20  # of all sums, as `workbench.privacy.engine.bounding` has it
UNIT = 2**10  # of scores, so that products of two are on that lattice
_BLOCK = 2**16  # rows at a time: floats add their products exactly, and none of it fills memory

Placed = tuple["Sequence[np.ndarray]", "np.ndarray"]  # of each group by row; who is bad, as 1 or 0


@dataclass(frozen=True)
class Sums:
    """Which sums, and how long what one row adds to them is at most.

    Attributes
    ----------
    sizes : tuple of int
        How many places each group has.
    counts : (int, int)
        Of counts: what a customer is worth, and what bad and good are, on the `LATTICE`.
    scores : tuple of tuple of int
        Of products: each place's score in `UNIT`; empty for counts.
    longest_squared : int
        Of products: how long scores of a row may be, squared, in ``UNIT²``.
    """

    sizes: tuple[int, ...] = ()
    counts: tuple[int, int] = (0, 0)
    scores: tuple[tuple[int, ...], ...] = ()
    longest_squared: int = 0

    @property
    def totals(self) -> tuple[int, int]:
        """What a customer, and bad and good, are worth in the two totals.

        Half as exact as if every place of every group told of them; without groups, all there is.
        """
        if not self.sizes:
            return self.counts
        if not self.counts[1]:
            return (int(self.counts[0] * sqrt(len(self.sizes)) / 2),) * 2
        customer, bad = (
            int(each * sqrt(sum(1 / k for k in self.sizes)) / 2) for each in self.counts
        )
        return customer, bad

    @property
    def norm_squared(self) -> int:
        """The squared length, in `LATTICE`, of what one customer adds, at most."""
        if self.scores:
            return self.longest_squared**2 * (len(self.scores) - 1) // (2 * len(self.scores))
        own = sum(each**2 for each in self.totals)
        for each in self.counts:
            own += sum((each - each // k) ** 2 + (k - 1) * (each // k) ** 2 for k in self.sizes)
        return own

    def of(self, places: Sequence[np.ndarray], bad: np.ndarray) -> np.ndarray:
        """Return two totals, then the sums of each place; or, of scores, those of each pair."""
        import numpy as np

        if self.scores:
            return self._products(places)
        worst = bad == 1
        every = len(bad), 2 * int(worst.sum()) - len(bad)
        found = [np.multiply(self.totals, every)]
        for size, own in zip(self.sizes, places, strict=True):
            there = np.bincount(own, minlength=size)
            told = there, 2 * np.bincount(own[worst], minlength=size) - there
            sums = [
                worth * each - worth // size * whole
                for worth, each, whole in zip(self.counts, told, every, strict=True)
                if worth
            ]
            found.append(np.column_stack(sums).ravel())
        return np.concatenate(found)

    def _products(self, places: Sequence[np.ndarray]) -> np.ndarray:
        import numpy as np

        sums = np.zeros((len(places), len(places)), dtype=np.int64)
        for start in range(0, len(places[0]), _BLOCK):
            rows = [
                np.array(score)[own[start : start + _BLOCK]]
                for score, own in zip(self.scores, places, strict=True)
            ]
            # exact: whole numbers whose sums stay far below 2⁵³
            short = shortened(np.column_stack(rows), self.longest_squared).astype(float)
            sums += (short.T @ short).astype(np.int64)
        return sums[np.triu_indices(len(places), 1)]


@dataclass(frozen=True, eq=False)
class OneRow(Code):
    """What one row of each customer adds to a table of cells.

    Attributes
    ----------
    sums : Sums
    read : tuple of (Ibis expression, callable)
        Of each column of a card: what is read of a row, a number, and from an array of such the
        places in the column's finest groups.
    groups : tuple of (int, array)
        Of each group: its column's number, and where that one's places go.
    outcome : Ibis expression
        1 for bad, 0 for good; a row without is nobody's.
    order : Ibis expression or None
        The latest row counts.
    told : tuple of str
        All that determines places and outcome, besides the data.
    held : dict
        The SQL that reads rows, by what it reads, and rows that were read; the tables of one card
        have it in common.
    """

    sums: Sums
    read: tuple[tuple[Any, Callable[[np.ndarray], np.ndarray]], ...]
    groups: tuple[tuple[int, np.ndarray], ...]
    outcome: Any
    order: Any
    told: tuple[str, ...]
    held: dict[Any, Any]

    @property
    def identity(self) -> list[str]:
        """See `Code`."""
        asked = [self.sums.counts, *self.sums.scores, self.sums.longest_squared]
        return ["a row each", *self.told, *map(str, asked)]

    @property
    def figures(self) -> list[tuple[Measure, dict[str, Any]]]:
        """What its sums are called; see `workbench.privacy.engine.coordinates.vector_measures`."""
        measure = Measure("sums", "sum", "Sums over one row a customer", None, 3)
        return [(measure, {"linear": {"n": 1.0}})]

    def vector(self, rows: Placed) -> dict[int, tuple[int, ...]]:
        """Return its sums by cell."""
        places, bad = rows
        own = [to[places[column]] for column, to in self.groups]
        return {cell: (int(each),) for cell, each in enumerate(self.sums.of(own, bad))}

    def standing(self, rows: Any) -> Placed:
        """Return rows of `rows_sql`, as DuckDB hands them out, by their places."""
        import numpy as np

        parts = [[np.zeros(0, np.uint8)] * (len(self.read) + 1)]
        while len(part := rows.fetch_df_chunk(_BLOCK // 2048)):  # why: not all rows as wide numbers
            own = [each(part[f"v{i}"].to_numpy()) for i, (_, each) in enumerate(self.read)]
            parts.append([*own, part["t"].to_numpy(np.uint8)])
        *places, bad = (np.concatenate(each) for each in zip(*parts, strict=True))
        return places, bad


def rows_sql(question: Question, code: OneRow) -> str:
    """Return the SQL of ``t, v0, v1, …``: one row of each customer, unplaced."""
    read = (question.source, *question.predicates, code.outcome, *(each for each, _ in code.read))
    key = tuple(each.op() for each in read)
    if key not in code.held:
        code.held[key] = _rows_sql(question, code)
    return str(code.held[key])


def _rows_sql(question: Question, code: OneRow) -> str:
    import ibis

    rows = question.source
    for predicate in question.predicates:
        rows = rows.filter(predicate)
    own = [f"v{i}" for i in range(len(code.read))]
    wanted: Mapping[str, Any] = {
        "k": question.source[question.key],
        "t": code.outcome.cast("int8"),
        **({} if code.order is None else {"o": code.order}),
        **{name: value for name, (value, _) in zip(own, code.read, strict=True)},
    }
    chosen = ", ".join(f"{each} := {each}" for each in [*(set(wanted) & {"o"}), "t", *own])
    kept = ", ".join(["t", *own])
    # why apart: most customers have one row, and to compare rows is slow
    return f"""
        WITH rows_ AS (
            SELECT * FROM ({ibis.to_sql(rows.select(**wanted), dialect="duckdb")})
            WHERE t IS NOT NULL
        ),
        several AS MATERIALIZED (
            SELECT k AS who FROM rows_ GROUP BY k HAVING count(*) > 1
        ),
        latest AS (
            SELECT max(struct_pack({chosen})) AS r
            FROM rows_ JOIN several ON k IS NOT DISTINCT FROM who GROUP BY k
        )
        SELECT {kept} FROM rows_ ANTI JOIN several ON k IS NOT DISTINCT FROM who
        UNION ALL SELECT {", ".join(f"r.{each} AS {each}" for each in ["t", *own])} FROM latest"""


def shortened(scores: np.ndarray, longest_squared: int) -> np.ndarray:
    """Return whole scores by row, scaled down where they are too long."""
    import numpy as np

    cap, short = isqrt(longest_squared), scores.astype(np.int64)
    squared = (short**2).sum(axis=1)
    (far,) = np.nonzero(squared > cap * cap)
    # why + 1: the square root is a float; one more than its ceiling is never too small
    length = np.ceil(np.sqrt(squared[far])).astype(np.int64) + 1
    short[far] = np.sign(short[far]) * (np.abs(short[far]) * cap // length[:, None])
    return short
