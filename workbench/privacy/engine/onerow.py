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
from functools import cached_property
from math import isqrt, sqrt
from typing import TYPE_CHECKING, Any

from workbench.privacy.columns import Measure
from workbench.privacy.grouping.codes import Code

if TYPE_CHECKING:
    import numpy as np

    from workbench.privacy.question import Question

LATTICE = 2**20  # of all sums, as `workbench.privacy.engine.bounding` has it
UNIT = 2**10  # of scores, so that products of two are on that lattice
_READ = 2**16  # rows at a time
_BLOCK = 2**13  # rows at a time: floats add their products exactly, in a processor's cache

Groups = Sequence[tuple[int, "np.ndarray"]]  # each: a column's number, and where its places go


@dataclass(frozen=True, eq=False)
class Placed:
    """Rows: where each stands in the finest groups of every column, and who is bad, as 1 or 0."""

    places: Sequence[np.ndarray]
    bad: np.ndarray

    @cached_property
    def held(self) -> list[np.ndarray]:
        """Customers, and bad less good ones, of each place that a column has; counted once."""
        import numpy as np

        found = []
        for own in self.places:
            both = np.bincount(own.astype(np.intp) * 2 + self.bad)
            good, bad = both[::2], np.zeros(-(-len(both) // 2), dtype=np.int64)
            bad[: len(both) // 2] = both[1::2]
            found.append(np.column_stack([good + bad, bad - good]))
        return found


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

    def of(self, rows: Placed, groups: Groups) -> np.ndarray:
        """Return two totals, then the sums of each place; or, of scores, those of each pair."""
        import numpy as np

        if self.scores:
            return self._products(rows, groups)
        every = len(rows.bad), 2 * int(rows.bad.sum()) - len(rows.bad)
        found = [np.multiply(self.totals, every)]
        for size, (column, to) in zip(self.sizes, groups, strict=True):
            there, held = np.zeros((size, 2), dtype=np.int64), rows.held[column]
            np.add.at(there, to[: len(held)], held)
            sums = [
                worth * each - worth // size * whole
                for worth, each, whole in zip(self.counts, there.T, every, strict=True)
                if worth
            ]
            found.append(np.column_stack(sums).ravel())
        return np.concatenate(found)

    def _products(self, rows: Placed, groups: Groups) -> np.ndarray:
        import numpy as np

        scores = [
            (np.array(score, dtype=float)[to], rows.places[column])
            for score, (column, to) in zip(self.scores, groups, strict=True)
        ]
        sums = np.zeros((len(scores), len(scores)), dtype=np.int64)
        for start in range(0, len(rows.bad), _BLOCK):
            own = np.stack([score[place[start : start + _BLOCK]] for score, place in scores])
            # exact: whole numbers whose sums stay far below 2⁵³
            short = shortened(own, self.longest_squared)
            sums += (short @ short.T).astype(np.int64)
        return sums[np.triu_indices(len(scores), 1)]


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
    groups: Groups
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
        return {cell: (int(each),) for cell, each in enumerate(self.sums.of(rows, self.groups))}

    def standing(self, rows: Any) -> Placed:
        """Return rows of `rows_sql`, as DuckDB hands them out, by their places."""
        import numpy as np

        parts = [[np.zeros(0, np.uint8)] * (len(self.read) + 1)]
        for part in rows.to_arrow_reader(_READ):  # why: not all rows as wide numbers
            bad, *values = (each.to_numpy(zero_copy_only=False) for each in part.columns)
            own = [each(value) for value, (_, each) in zip(values, self.read, strict=True)]
            parts.append([*own, bad.astype(np.uint8)])
        *places, bad = (np.concatenate(each) for each in zip(*parts, strict=True))
        return Placed(places, bad)


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
    """Return whole scores, of each group by row, scaled down in rows where they are too long."""
    import numpy as np

    cap = isqrt(longest_squared)
    squared = np.einsum("ij,ij->j", scores, scores)
    (far,) = np.nonzero(squared > cap * cap)
    # why + 1: the square root is a float; one more than its ceiling is never too small
    length = np.ceil(np.sqrt(squared[far])).astype(np.int64) + 1
    long = scores[:, far].astype(np.int64)
    scores[:, far] = np.sign(long) * (np.abs(long) * cap // length)
    return scores
