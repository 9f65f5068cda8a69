"""Noisy tables of a private scorecard, asked or counted in a frame, and bands of its points."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import InputError, QuestionRefused, one_of
from workbench.privacy.accounting import PICO, rho_fraction
from workbench.privacy.columns import Dimension
from workbench.privacy.engine.answering import ROUNDING
from workbench.privacy.engine.mechanisms import RandBelow, discrete_gaussian
from workbench.privacy.engine.onerow import LATTICE, Groups, OneRow, Placed, Sums
from workbench.privacy.grouping.codes import RowCode, band_code
from workbench.privacy.grouping.opened import row_by_row
from workbench.privacy.groups import Group, GroupRule, Scope
from workbench.privacy.identity import named, normal_form
from workbench.privacy.models.bins import Bins, numbers_of, values_of
from workbench.privacy.provenance import FittedLabel
from workbench.privacy.query import query
from workbench.privacy.release import Release

# Of the price, what each table has: customers by range, good and bad by bin, products of scores.
SHARES = {"customers": 0.02, "counts": 0.91, "products": 0.07}
WHY_NOT = {  # of a column's role: why it must not enter a card
    "subject key": "says who it is",
    "direct identifier": "says who it is",
    "target": "is what a card foretells",
    "after-outcome": "is known only after the decision or the outcome",
    "price": "was set by somebody who knew the risk",
    "protected": "must not decide",
    "time": "goes on while a card stays",
}
Noisy = tuple[Any, float]  # figures, and the standard deviation of the noise of each


@dataclass(frozen=True, eq=False)
class CardCells(GroupRule):
    """Cells of a card's tables, as a group of a question: bins by outcome, or pairs of features."""

    bins: tuple[Bins, ...]
    target: Any
    sums: Sums
    finest: tuple[Bins, ...] = ()  # of all tables of a card; these alone, where there are none
    held: dict[Any, Any] = field(default_factory=dict)

    def given(self) -> Mapping[str, Any]:
        """Return edges and values."""
        edges = {f"the edges of '{each.column}'": each.edges for each in self.bins if each.edges}
        values = [v for each in self.bins for v in each.values if isinstance(v, str)]
        return {"numbers": edges, "names": values}

    def group(self, scope: Scope) -> Group:
        """Return them resolved against a question."""
        finest = {each.column: each for each in self.finest or self.bins}
        for each in finest.values():
            require_feature(each, scope)
        source, names = scope.source, [each.column for each in self.bins]
        outcome, meaning = outcome_of(self.target, scope)
        # kind band: the edges and values in its labels are looked at where they were given
        if self.sums.scores:
            cells = [f"{one} × {other}" for one, other in combinations(names, 2)]
            dimension = Dimension("pair", "Two features", "band", tuple(cells))
        else:
            places = [f"{each.column}: {label}" for each in self.bins for label in each.labels]
            told = ("customers", "bad less good")
            of_bins = told if self.sums.counts[1] else told[:1]
            cells = [f"all, {each}" for each in told]
            cells += [f"{place}, {each}" for place in places for each in of_bins]
            dimension = Dimension("cell", "Bin and outcome", "band", tuple(cells))
        code = OneRow(
            self.sums,
            tuple(each.read(source[each.column]) for each in finest.values()),
            groups_of(self.bins, tuple(finest.values())),
            outcome,
            None if scope.table.time is None else source[scope.table.time],
            (named([repr(each) for each in self.bins]), named(meaning)),
            self.held,
        )
        return Group(dimension, max(1, len(names)), code)


def require_feature(bins: Bins, scope: Scope) -> None:
    """Refuse a column that must not foretell the outcome, or that the bins do not fit."""
    column = one_of("column", scope.allowed, bins.column)
    if column.role in WHY_NOT:
        raise QuestionRefused(
            f"'{bins.column}' is declared as {column.role}, and no feature of a scorecard: it "
            f"{WHY_NOT[column.role]}. Leave it out."
        )
    bins.require(scope.source[bins.column].type())


def outcome_of(target: Any, scope: Scope) -> tuple[Any, Any]:
    """Return whether a row is bad, as 1, 0 or NULL, and what that means."""
    if isinstance(target, str):
        column, value = one_of("column", scope.allowed, target), scope.source[target]
        if column.type == "boolean":
            return value.cast("int8"), ["of", target]
        if column.type == "integer":
            return value.isin([0, 1]).ifelse(value, None), ["of", target]
    elif hasattr(target, "op"):
        row_by_row(target, scope.source)
        if target.type().is_boolean():
            return target.cast("int8"), normal_form(target.op())
    raise QuestionRefused(
        "a scorecard's target is a column that is true or false, or 1 or 0, for bad or good, or a "
        f"condition such as (loans.days_past_due > 90).name('bad'), not {target!r}."
    )


def groups_of(bins: Sequence[Bins], finest: Sequence[Bins]) -> Groups:
    """Return of each the number of its column, and where places of the finest go."""
    columns = [each.column for each in finest]
    at = [columns.index(each.column) for each in bins]
    return [(column, each.within(finest[column])) for column, each in zip(at, bins, strict=True)]


def sizes_of(bins: Sequence[Bins]) -> tuple[int, ...]:
    """Return how many places each has."""
    return tuple(len(each.labels) for each in bins)


class Asked:
    """A card's tables, asked of a workspace; ``finest`` as `CardCells` has it."""

    def __init__(
        self, ws: Any, table: Any, target: Any, name: str, pico: int, **asked: Any
    ) -> None:
        self._ws, self._table, self._target = ws, table, target
        self._name, self._pico, self._asked = name, pico, asked
        self.finest: Sequence[Bins] = ()
        self.releases: list[Release] = []
        self._rows: dict[Any, Any] = {}  # read once, and only here: exact ones go no further

    def noisy(self, what: str, bins: Sequence[Bins], sums: Sums) -> Noisy:
        """Return sums of one of the tables; what of the finest bins is refused is so unpaid."""
        cells = CardCells(tuple(bins), self._target, sums, tuple(self.finest), self._rows)
        asked = query(self._table, cells, **self._asked).customers()
        rho = Decimal(int(self._pico * SHARES[what])) / PICO
        found = self._ws.release(asked, name=f"{self._name}-{what}", rho=rho)
        self.releases.append(found)
        if found.planned:  # there is no figure, so any will do: what is asked next costs the same
            return np.resize([1000.0, 0.0], len(found)), 1.0
        mechanism = found.mechanism
        return np.array(mechanism["noisy"]["n"], float) / LATTICE, float(mechanism["sigma"])


class Counted:
    """A card's tables, counted in a frame of one row a customer; no ledger knows of them."""

    releases: Sequence[Release] = ()
    finest: Sequence[Bins] = ()

    def __init__(
        self, frame: pd.DataFrame, bad: Any, pico: int, randbelow: RandBelow = secrets.randbelow
    ) -> None:

        # why no error for other values: it would tell that somebody has one
        outcome = numbers_of(bad)
        if len(outcome) != len(frame):
            raise InputError(
                f"{len(outcome):,} outcomes were given for {len(frame):,} rows. Give 1 for bad and "
                "0 for good, one a row; whatever else stands there is not known yet."
            )
        known = np.isin(outcome, [0, 1])
        self._frame, self._bad = frame[known], outcome[known].astype(int)
        self._pico, self._randbelow = pico, randbelow

    @cached_property
    def _rows(self) -> Placed:
        own = [each.places(values_of(self._frame, each.column)) for each in self.finest]
        return Placed(own, self._bad)

    def noisy(self, what: str, bins: Sequence[Bins], sums: Sums) -> Noisy:
        """Return sums of one of the tables."""
        exact = sums.of(self._rows, groups_of(bins, self.finest))
        rho = rho_fraction(int(self._pico * SHARES[what]))
        sigma_squared = Fraction(sums.norm_squared) / (2 * rho) + ROUNDING
        noise = discrete_gaussian(sigma_squared, len(exact), self._randbelow)
        noisy = [int(each) + more for each, more in zip(exact, noise, strict=True)]
        return np.array(noisy, float) / LATTICE, sqrt(sigma_squared) / LATTICE


@dataclass(frozen=True, eq=False)
class ScoreBands(GroupRule):
    """Bands of points, the riskiest first; made by `PrivateScorecard.bands`."""

    bins: tuple[Bins, ...]
    points: tuple[tuple[int, ...], ...]
    edges: tuple[int, ...]
    label: FittedLabel

    def given(self) -> Mapping[str, Any]:
        """Return the edges and the name."""
        numbers = {f"the edges of {self.label.name}": self.edges}
        return {"numbers": numbers, "names": (self.label.name,)}

    def group(self, scope: Scope) -> Group:
        """Return them resolved against a question."""
        import ibis

        for each in self.bins:
            require_feature(each, scope)
        parts = [
            ibis.array(list(points)).cast("array<int64>")[bins.place(scope.source[bins.column])]
            for bins, points in zip(self.bins, self.points, strict=True)
        ]
        title = self.label.name.replace("_", " ").capitalize()
        dimension = Dimension(self.label.name, title, "band", self.label.values)
        code = band_code(sum(parts[1:], start=parts[0]), self.edges)
        meaning = RowCode(code, ["score", self.label.fingerprint])
        return Group(dimension, len(self.label.values), meaning, label=self.label)
