"""The noisy tables a private scorecard is made of, asked of a workspace or counted in a frame."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import InputError, QuestionRefused, UnknownName
from workbench.privacy.accounting import PICO, rho_fraction
from workbench.privacy.columns import Dimension
from workbench.privacy.engine.booking import ROUNDING
from workbench.privacy.engine.mechanisms import RandBelow, discrete_gaussian
from workbench.privacy.engine.onerow import LATTICE, OneRow, shortened
from workbench.privacy.grouping.opened import row_by_row
from workbench.privacy.groups import Group, GroupRule, Scope
from workbench.privacy.identity import named, normal_form
from workbench.privacy.models.bins import Bins, numbers_of, values_of
from workbench.privacy.provenance import RAW, Provenance
from workbench.privacy.query import Query, query
from workbench.privacy.question import resolve
from workbench.privacy.release import Release

# Of the price, what each table has: customers by range, good and bad by bin, products of scores.
SHARES = (0.02, 0.91, 0.07)
BARRED = ("target", "after-outcome", "price", "protected", "subject key", "direct identifier")
Noisy = tuple[Any, float]  # figures, and the standard deviation of the noise of each


Scores = Sequence[tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class CardCells(GroupRule):
    """Cells of a card's tables, as a group of a question: bins by outcome, or pairs of features."""

    bins: tuple[Bins, ...]
    target: Any
    counts: tuple[int, int] = (0, 0)
    scores: tuple[tuple[int, ...], ...] = ()
    longest_squared: int = 0

    def given(self) -> Mapping[str, Any]:
        """Return edges and values."""
        edges = {f"the edges of '{each.column}'": each.edges for each in self.bins if each.edges}
        values = [v for each in self.bins for v in each.values if isinstance(v, str)]
        return {"numbers": edges, "names": values}

    def group(self, scope: Scope) -> Group:
        """Return them resolved against a question."""
        for each in self.bins:
            require_feature(each, scope)
        source, names = scope.source, [each.column for each in self.bins]
        outcome, meaning = outcome_of(self.target, scope)
        # kind band: the edges and values in its labels are looked at where they were given
        if self.scores:
            cells = [f"{one} × {other}" for one, other in combinations(names, 2)]
            dimension = Dimension("pair", "Two features", "band", tuple(cells))
        else:
            places = [f"{each.column}: {label}" for each in self.bins for label in each.labels]
            told = ("customers", "bad less good")
            of_bins = told if self.counts[1] else told[:1]
            cells = [f"all, {each}" for each in told]
            cells += [f"{place}, {each}" for place in places for each in of_bins]
            dimension = Dimension("cell", "Bin and outcome", "band", tuple(cells))
        code = OneRow(
            tuple(each.placed(source[each.column]) for each in self.bins),
            tuple(len(each.labels) for each in self.bins),
            outcome,
            None if scope.table.time is None else source[scope.table.time],
            (named([repr(each) for each in self.bins]), named(meaning)),
            self.counts,
            self.scores,
            self.longest_squared,
        )
        return Group(dimension, max(1, len(names)), code)


def require_feature(bins: Bins, scope: Scope) -> None:
    """Refuse a column that must not foretell the outcome, or that the bins do not fit."""
    column = scope.allowed.get(bins.column)
    if column is None:
        raise UnknownName("column", bins.column, scope.allowed)
    if column.role in BARRED:
        raise QuestionRefused(
            f"'{bins.column}' is declared as {column.role}, and no feature of a scorecard: it is "
            "known only after the decision, or must not enter it. Leave it out."
        )
    bins.require(scope.source[bins.column].type())


def outcome_of(target: Any, scope: Scope) -> tuple[Any, Any]:
    """Return whether a row is bad, as 1, 0 or NULL, and what that means."""
    if isinstance(target, str):
        column = scope.allowed.get(target)
        if column is None:
            raise UnknownName("column", target, scope.allowed)
        value = scope.source[target]
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


def worth_of_all(fine: Sequence[Bins]) -> tuple[int, int]:
    """Return what a customer, and bad and good, are worth in the first table."""
    return (LATTICE, 0) if fine else (LATTICE, LATTICE)


class Asked:
    """A card's tables, asked of a workspace."""

    def __init__(
        self, ws: Any, table: Any, target: Any, name: str, pico: int, **asked: Any
    ) -> None:
        self._ws, self._table, self._target = ws, table, target
        self._catalog, self._today = ws.catalog, ws.now().date()
        self._name, self._pico, self._asked = name, pico, asked
        self.releases: list[Release] = []

    def customers(self, bins: Sequence[Bins], fine: Sequence[Bins]) -> Noisy:
        """Return all, and bad less good, then customers of each range of the ``fine`` ones.

        What would be refused later, of all bins, is refused here, unpaid.
        """
        resolve(self._asking(CardCells(tuple(bins), self._target)), self._catalog, self._today)
        asked = self._asking(CardCells(tuple(fine), self._target, worth_of_all(fine)))
        return self._answer(asked, "customers", SHARES[0])

    def counts(self, bins: Sequence[Bins], worth: tuple[int, int]) -> Noisy:
        """Return two totals, and two sums of each bin; see `workbench.privacy.engine.onerow`."""
        asked = self._asking(CardCells(tuple(bins), self._target, worth))
        return self._answer(asked, "counts", SHARES[1])

    def products(self, bins: Sequence[Bins], scores: Scores, longest_squared: int) -> Noisy:
        """Return sums of products of the scores of two features, of each pair."""
        cells = CardCells(tuple(bins), self._target, (0, 0), tuple(scores), longest_squared)
        return self._answer(self._asking(cells), "products", SHARES[2])

    @property
    def provenance(self) -> Provenance:
        """Where these come from."""
        return Provenance("private", tuple(each.id for each in self.releases))

    def _asking(self, cells: CardCells) -> Query:
        return query(self._table, cells, **self._asked).customers()

    def _answer(self, asked: Query, what: str, share: float) -> Noisy:

        rho = Decimal(int(self._pico * share)) / PICO
        found = self._ws.release(asked, name=f"{self._name}-{what}", rho=rho)
        self.releases.append(found)
        if found.planned:  # there is no figure, so any will do: what is asked next costs the same
            return np.resize([1000.0, 0.0], len(found)), 1.0
        mechanism = found.mechanism
        return np.array(mechanism["noisy"]["n"], float) / LATTICE, float(mechanism["sigma"])


class Counted:
    """A card's tables, counted in a frame of one row a customer; no ledger knows of them."""

    provenance = RAW
    releases: Sequence[Release] = ()

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
        self._places: list[np.ndarray] = []

    def customers(self, bins: Sequence[Bins], fine: Sequence[Bins]) -> Noisy:
        """Return all, and bad less good, then customers of each range of the ``fine`` ones."""
        for each in bins:
            values_of(self._frame, each.column)
        return self._sums(fine, worth_of_all(fine), SHARES[0])

    def counts(self, bins: Sequence[Bins], worth: tuple[int, int]) -> Noisy:
        """Return two totals, and two sums of each bin; see `workbench.privacy.engine.onerow`."""
        return self._sums(bins, worth, SHARES[1])

    def _sums(self, bins: Sequence[Bins], worth: tuple[int, int], share: float) -> Noisy:
        self._places = [each.places(values_of(self._frame, each.column)) for each in bins]
        code = OneRow((), tuple(len(each.labels) for each in bins), None, None, (), worth)
        signs = [np.ones(len(self._bad), dtype=np.int64), 2 * self._bad - 1]
        sums = [np.array([w * sign.sum() for w, sign in zip(code.totals, signs, strict=True)])]
        for size, places in zip(code.sizes, self._places, strict=True):
            pair = [
                one * np.bincount(places, sign, size).astype(np.int64) - one // size * sign.sum()
                for one, sign in zip(worth, signs, strict=True)
                if one
            ]
            sums.append(np.column_stack(pair))
        exact = np.concatenate([np.ravel(each) for each in sums])
        return self._noisy(exact, code.norm_squared, share)

    def products(self, bins: Sequence[Bins], scores: Scores, longest_squared: int) -> Noisy:
        """Return sums of products of the scores of two features, of each pair."""
        rows = np.column_stack(
            [np.array(score)[place] for score, place in zip(scores, self._places, strict=True)]
        )
        short = shortened(rows, longest_squared).astype(float)
        # exact: whole numbers whose sums stay far below 2⁵³
        sums = (short.T @ short)[np.triu_indices(len(bins), 1)].astype(np.int64)
        code = OneRow((), (), None, None, (), (0, 0), tuple(scores), longest_squared)
        return self._noisy(sums, code.norm_squared, SHARES[2])

    def _noisy(self, exact: np.ndarray, norm_squared: int, share: float) -> Noisy:

        sigma_squared = Fraction(norm_squared) / (2 * rho_fraction(int(self._pico * share)))
        sigma_squared += ROUNDING
        noise = discrete_gaussian(sigma_squared, len(exact), self._randbelow)
        noisy = [int(each) + more for each, more in zip(exact, noise, strict=True)]
        return np.array(noisy, float) / LATTICE, sqrt(sigma_squared) / LATTICE
