"""Sums over one row of each customer: counts of several groups at once, or products of two scores.

A customer's row is the latest asked about; of several on one day the one whose places come last. It
is chosen among that customer's own rows alone, so nobody else's move it.

Counts. In each of ``d`` groups the row is in one of ``K`` places and adds there ``a`` (a customer)
and ``c`` or ``-c`` (bad, good), less a ``K``-th of that to every place: what all places have in
common says only how many there are, and two totals, of ``t`` times ``a`` and ``c``, tell that once
for all groups. So the vector has the squared length ``(a² + c²)·(Σ (1 - 1/K) + t²)``, up to the
rounding of a ``K``-th, which `OneRow.norm_squared` counts exactly.

Products. The row's places have whole-number scores, scaled down together to a declared length ``R``
where they are longer; to each pair of groups it adds the product of two. With scores ``z`` that
vector has the squared length ``Σ_{i<j} z_i²z_j² = ((Σ z_i²)² - Σ z_i⁴) / 2``, at most
``R⁴·(d - 1) / (2d)``, since ``Σ z_i⁴ ≥ (Σ z_i²)² / d``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import isqrt, sqrt
from typing import TYPE_CHECKING, Any

from workbench.privacy.columns import Measure
from workbench.privacy.grouping.codes import Code

if TYPE_CHECKING:
    import numpy as np

    from workbench.privacy.question import Question

LATTICE = 2**20  # of all sums, as `workbench.privacy.engine.bounding` has it
UNIT = 2**10  # of scores, so that products of two are on that lattice


@dataclass(frozen=True, eq=False)
class OneRow(Code):
    """What one row of each customer adds to a table of cells.

    Attributes
    ----------
    places : tuple of (Ibis expression, str)
        Where a row stands in each group, from 0, never NULL: what is read of the row, and SQL of
        it, in which that stands as ``{}``.
    sizes : tuple of int
        How many places each has.
    outcome : Ibis expression
        1 for bad, 0 for good; a row without is nobody's.
    order : Ibis expression or None
        The latest row counts.
    told : tuple of str
        All that determines places and outcome, besides the data.
    counts : (int, int)
        Of counts: what a customer is worth, and what bad and good are, on the `LATTICE`.
    scores : tuple of tuple of int
        Of products: each place's score in `UNIT`; empty for counts.
    longest_squared : int
        Of products: how long scores of a row may be, squared, in ``UNIT²``.
    """

    places: tuple[tuple[Any, str], ...]
    sizes: tuple[int, ...]
    outcome: Any
    order: Any
    told: tuple[str, ...]
    counts: tuple[int, int] = (0, 0)
    scores: tuple[tuple[int, ...], ...] = ()
    longest_squared: int = 0

    @property
    def identity(self) -> list[str]:
        """See `Code`."""
        asked = [self.counts, *self.scores, self.longest_squared]
        return ["a row each", *self.told, *map(str, asked)]

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

    @property
    def figures(self) -> list[tuple[Measure, dict[str, Any]]]:
        """What its sums are called; see `workbench.privacy.engine.coordinates.vector_measures`."""
        measure = Measure("sums", "sum", "Sums over one row a customer", None, 3)
        return [(measure, {"linear": {"n": 1.0}})]


def sums_sql(question: Question, code: OneRow) -> str:
    """Return the SQL of ``part, cell, n``: sums on the lattice over one row of each customer."""
    import ibis

    rows = question.source
    for predicate in question.predicates:
        rows = rows.filter(predicate)
    wanted: Mapping[str, Any] = {
        "k": question.source[question.key],
        "t": code.outcome.cast("int8"),
        **({} if code.order is None else {"o": code.order}),
        **{f"v{i}": value for i, (value, _) in enumerate(code.places)},
    }
    count = len(code.places)
    places = [f"g{i}" for i in range(count)]
    chosen = ", ".join(f"{each} := {each}" for each in [*(set(wanted) & {"o"}), *places, "t"])
    kept = ", ".join([*places, "t"])
    # why text: of hundreds of comparisons, Ibis takes longer to write them than the engine to run
    placed = ", ".join(
        f"CAST({sql.format(f'v{i}')} AS {'SMALLINT' if size < 2**15 else 'INTEGER'}) AS g{i}"
        for i, ((_, sql), size) in enumerate(zip(code.places, code.sizes, strict=True))
    )
    # why apart: most customers have one row, and to compare rows is slow
    source = f"""
        WITH rows_ AS MATERIALIZED (
            SELECT {", ".join(sorted(set(wanted) & {"k", "o", "t"}))}{", " * bool(count)}{placed}
            FROM ({ibis.to_sql(rows.select(**wanted), dialect="duckdb")})
            WHERE t IS NOT NULL
        ),
        several AS MATERIALIZED (
            SELECT k AS who FROM rows_ GROUP BY k HAVING count(*) > 1
        ),
        latest AS (
            SELECT max(struct_pack({chosen})) AS r
            FROM rows_ JOIN several ON k IS NOT DISTINCT FROM who GROUP BY k
        ),
        one AS MATERIALIZED (
            SELECT {kept} FROM rows_ ANTI JOIN several ON k IS NOT DISTINCT FROM who
            UNION ALL SELECT {kept}
            FROM (SELECT {", ".join(f"r.{each} AS {each}" for each in [*places, "t"])} FROM latest)
        )"""
    if not code.scores:
        return f"{source}, {_counts(code)}"
    scored = ", ".join(
        f"{list(scores)}[{place} + 1]::BIGINT AS z{i}"
        for i, (place, scores) in enumerate(zip(places, code.scores, strict=True))
    )
    squares = " + ".join(f"z{i} * z{i}" for i in range(count))
    cap = isqrt(code.longest_squared)
    # why + 1: the square root is a float; one more than its ceiling is never too small
    length = f"CASE WHEN s > {cap * cap} THEN ceil(sqrt(s::DOUBLE))::BIGINT + 1 ELSE {cap} END"
    scaled = ", ".join(f"z{i} * {cap} // length AS z{i}" for i in range(count))
    pairs = list(combinations(range(count), 2))
    sums = ", ".join(f"coalesce(sum(z{i} * z{j}), 0)" for i, j in pairs)
    return f"""{source},
        scored AS (SELECT {scored} FROM one),
        long AS (SELECT *, {length} AS length FROM (SELECT *, {squares} AS s FROM scored) AS s_),
        short AS (SELECT {scaled} FROM long)
        SELECT 0, unnest(range({len(pairs)})), unnest([{sums}]) FROM short"""


def _counts(code: OneRow) -> str:
    """Return the SQL of ``part, cell, n``: two totals, then a cell for each sum of each place."""
    told = [(figure, worth) for figure, worth in zip("nm", code.counts, strict=True) if worth]
    tall, cells, start = [], [], 2
    for i, worth in enumerate(code.totals):
        cells.append(f"SELECT {i} AS c, {worth} * {'nm'[i]} AS sums FROM whole")
    for place, size in enumerate(code.sizes):
        cell = f"{start} + {len(told)} *"
        tall.append(
            f"SELECT {cell} g{place}::BIGINT AS c, count(*) AS n, sum(2 * t - 1) AS m "
            f"FROM one GROUP BY g{place}"
        )
        cells += [
            f"SELECT {cell} p + {at}, -{worth // size} * {figure} FROM range({size}) AS _(p), whole"
            for at, (figure, worth) in enumerate(told)
        ]
        start += len(told) * size
    for at, (figure, worth) in enumerate(told if tall else ()):
        cells.append(f"SELECT c + {at}, {worth}::HUGEINT * {figure} FROM tall")
    return f"""
        whole AS MATERIALIZED (
            SELECT count(*)::HUGEINT AS n, coalesce(sum(2 * t - 1), 0)::HUGEINT AS m FROM one
        ),
        tall AS ({" UNION ALL ".join(tall) or "SELECT 1"})
        SELECT 0, c, sum(sums) FROM ({" UNION ALL ".join(cells)}) AS cells GROUP BY c"""


def shortened(scores: np.ndarray, longest_squared: int) -> np.ndarray:
    """Return whole scores by row, scaled down where they are too long, as the SQL does."""
    import numpy as np

    cap, squared = isqrt(longest_squared), (scores.astype(np.int64) ** 2).sum(axis=1)
    length = np.where(squared > cap * cap, np.ceil(np.sqrt(squared)).astype(np.int64) + 1, cap)
    short: np.ndarray = np.sign(scores) * (np.abs(scores) * cap // length[:, None])
    return short
