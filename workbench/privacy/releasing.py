"""The way from a question to a release: pay, commit, compute, draw, store, and only then show."""

from __future__ import annotations

import datetime as dt
import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import product
from math import ceil
from typing import Any

from workbench.catalog import Catalog
from workbench.privacy.accounting import PICO, Price, epsilon_of, rho_fraction
from workbench.privacy.answering import Computed, answer
from workbench.privacy.bounding import bounded_totals, fits, rows_sql
from workbench.privacy.budget import Share
from workbench.privacy.forms import handed_out
from workbench.privacy.ledger import Ledger
from workbench.privacy.measuring import Coordinate
from workbench.privacy.mechanisms import RandBelow
from workbench.privacy.question import Part, Question
from workbench.privacy.release import Cost, Dimension, Release
from workbench.privacy.renaming import relabelled
from workbench.privacy.stored import Reservation
from workbench.privacy.truncation import (
    customers_by_value,
    distinct_values,
    pure_totals,
    weights_below,
)

Run = Callable[[str], Sequence[tuple[Any, ...]]]


@dataclass(frozen=True)
class Payer:
    """Who pays for an answer, and when."""

    ledger: Ledger
    name: str
    share: Share | None
    now: dt.datetime


def statements(question: Question) -> dict[str, str]:
    """Return the SQL a question needs, before anything is paid for it."""
    if question.discovered is not None:
        return {"found": customers_by_value(question, question.discovered)}
    if question.pure:
        return {"vector": pure_totals(question)}
    found: dict[str, str] = {}
    if question.counts:
        rows, check = rows_sql(question), fits(question)
        found["vector"] = bounded_totals(question, rows=rows)
        if check is not None:
            found |= {"fits": check, "wide vector": bounded_totals(question, wide=True, rows=rows)}
    found |= {f"choice {c.name}": weights_below(question, c) for c in question.choices}
    found |= {f"distinct {d.name}": distinct_values(question, d) for d in question.distincts}
    return found


def compute(question: Question, sql: Mapping[str, str], run: Run) -> list[Computed]:
    """Return the exact bounded totals of every part: what noise is added to."""
    chosen = dict(sql)
    check, wide = chosen.pop("fits", None), chosen.pop("wide vector", None)
    if check is not None and wide is not None and not run(check)[0][0]:
        chosen["vector"] = wide
    rows = {name: run(text) for name, text in chosen.items()}
    if question.discovered is not None:
        return [Computed(found={value: int(count) for value, count in rows["found"]})]
    vectors: dict[int, dict[int, tuple[int, ...]]] = defaultdict(dict)
    for part, cell, *totals in rows.get("vector", ()):
        vectors[int(part)][int(cell)] = tuple(int(total) for total in totals)
    weights: dict[tuple[int, str], dict[int, dict[tuple[int, bool], int]]] = {}
    for choice in question.choices:
        for part, cell, place, exact, weight in rows[f"choice {choice.name}"]:
            cells = weights.setdefault((int(part), choice.name), {})
            cells.setdefault(int(cell), {})[(int(place), bool(exact))] = int(weight)
    counts: dict[tuple[int, str], dict[int, int]] = defaultdict(dict)
    for distinct in question.distincts:
        for part, cell, count in rows[f"distinct {distinct.name}"]:
            counts[int(part), distinct.name][int(cell)] = int(count)
    return [
        Computed(
            vectors.get(part, {}),
            [weights.get((part, choice.name), {}) for choice in question.choices],
            [counts.get((part, distinct.name), {}) for distinct in question.distincts],
        )
        for part in range(len(question.parts))
    ]


def release(
    question: Question,
    totals: Callable[[], Sequence[Computed]],
    *,
    payer: Payer,
    catalog: Catalog,
    data_versions: Sequence[str],
    cost: Price,
    exceptions: Sequence[str] = (),
    earlier: bool = False,
    randbelow: RandBelow = secrets.randbelow,
) -> Release:
    """Answer a question privately, or return the answer it already has.

    Parameters
    ----------
    totals : callable
        Runs the bounded totals in the engine, for each part; called only after the ledger has
        committed, and not at all when every part is answered.
    data_versions : sequence of str
        Of each part.
    cost : Price
        Of all parts together; each gets an equal share.
    exceptions : sequence of str
        What readers must know of groups fitted on raw rows and approved.
    earlier : bool
        Take answers on data before it changed, where there are none on this data.

    Raises
    ------
    BudgetExhausted
        A limit does not cover the cost; nothing was computed or spent.
    """
    parts = len(question.parts)
    each = shared(cost, parts)
    ledger, share, now = payer.ledger, payer.share, payer.now
    reservations = ledger.reserve(
        question.parts,
        data_versions,
        each,
        name=payer.name,
        share=share,
        now=now,
        label=f"'{share.report}'" if share else f"this question on '{question.table}'",
        earlier=earlier,
    )
    answers = [reservation.answer for reservation in reservations]
    open_parts = [i for i, each_answer in enumerate(answers) if each_answer is None]
    if open_parts:
        computed = totals()
        pairs = []
        for i in open_parts:
            figures = answer(
                question,
                computed[i],
                each.pico,
                each.pure_epsilon,
                randbelow,
            )
            figures.notes.extend(exceptions)
            made = _release(
                question, i, reservations[i], figures, each, data_versions[i], payer, catalog
            )
            pairs.append((reservations[i], made))
        for i, stored in zip(open_parts, ledger.store(pairs, now), strict=True):
            answers[i] = stored
    done = [
        relabelled(handed_out(each_answer, ledger, lambda: now), _labels(question, each_answer))
        for each_answer in answers
        if each_answer is not None
    ]
    whole = done[0] if question.month_axis is None else _joined(question, done, payer)
    period = question.parts[-1].paced_by or f"{now:%Y-%m}"
    lines = ledger.status(period, now, share)
    return replace(whole, left={line.scope: round(line.left, 4) for line in lines})


def _labels(question: Question, stored: Release) -> Mapping[str, str]:
    """Return a question's labels by what stood for them when its answer was stored."""
    known = stored.mechanism.get("labels", {}).keys() <= question.labels.keys()
    return question.labels if known else question.earlier_labels()


def shared(cost: Price, parts: int) -> Price:
    """Return the price of each of so many equal parts."""
    pure = None if cost.pure_epsilon is None else cost.pure_epsilon / parts
    if pure is not None:  # rho of a pure epsilon is epsilon²/2, rounded up
        return Price(ceil(pure * pure / 2 * PICO), cost.delta / parts, pure)
    return Price(max(1, cost.pico // parts), cost.delta / parts)


def _release(
    question: Question,
    index: int,
    reservation: Reservation,
    figures: Any,
    cost: Price,
    data_version: str,
    payer: Payer,
    catalog: Catalog,
) -> Release:
    part: Part = question.parts[index]
    delta = float(catalog.privacy.delta)
    earlier = payer.ledger.earlier_answers(part, data_version)
    notes = [_bound_note(each, question) for each in question.coordinates]
    notes += [group.rule.note for group in question.groups if group.rule is not None]
    notes += figures.notes
    if earlier:
        notes.append(
            f"The data changed since {', '.join(earlier)} answered this: a new answer, paid again."
        )
    by = question.within
    if question.discovered is not None:
        found = by[0]
        by = (Dimension(found.name, found.title, found.kind, tuple(figures.columns[found.name])),)
    return Release(
        id=f"r-{reservation.seq:06d}",
        name=payer.name,
        table=question.table,
        purpose=question.purpose,
        period=part.period,
        by=by,
        measures=tuple(figures.measures),
        columns=figures.columns,
        cost=Cost(
            str(rho_fraction(cost.pico)), round(cost.epsilon(catalog.privacy.delta), 4), delta
        ),
        data_version=data_version,
        notes=tuple(note for note in notes if note),
        mechanism={
            **figures.mechanism,
            **({"labels": dict(question.labels)} if question.labels else {}),
            "cells": question.cells,
            "where": part.canonical["where"],
            "bounds": {
                each.name: [
                    str(Decimal(each.low).scaleb(-each.digits)),
                    str(Decimal(each.high).scaleb(-each.digits)),
                ]
                for each in question.coordinates
            },
        },
    )


def _bound_note(coordinate: Coordinate, question: Question) -> str:
    """Say what one customer counts for at most: what lies beyond is cut, not hidden."""
    top = Decimal(coordinate.high).scaleb(-coordinate.digits)
    if coordinate.value is None:
        return f"One customer counts for at most {top:,} rows in a cell."
    value = question.values[coordinate.value]
    if coordinate.kind != "sum" or value.condition:
        return ""
    unit = f" {value.unit}" if value.unit else ""
    return f"{value.title}: one customer counts for at most {top:,}{unit} in a cell."


def _joined(question: Question, parts: Sequence[Release], payer: Payer) -> Release:
    """Return one release over months, put together from the answers of each."""
    axis = question.month_axis or 0
    months = question.dimensions[axis]
    # why by name: a part may have been answered before, with its groups in another order
    names = [dimension.name for dimension in question.within]
    at: list[dict[tuple[Any, ...], int]] = [
        {key: i for i, key in enumerate(zip(*(part.columns[name] for name in names), strict=True))}
        if names
        else {(): 0}
        for part in parts
    ]
    columns: dict[str, list[Any]] = {dimension.name: [] for dimension in question.dimensions}
    figure_names = [name for name in parts[0].columns if name not in columns]
    columns |= {name: [] for name in figure_names}
    for key in product(*(dimension.values for dimension in question.dimensions)):
        for dimension, value in zip(question.dimensions, key, strict=True):
            columns[dimension.name].append(value)
        month = months.values.index(key[axis])
        row = at[month][key[:axis] + key[axis + 1 :]]
        for name in figure_names:
            columns[name].append(parts[month].columns[name][row])
    rho = sum((Fraction(part.cost.rho) for part in parts), start=Fraction(0))
    pico = int(rho * 10**12)
    delta = parts[0].cost.delta

    def joined(release_id: str) -> Release:
        return Release(
            id=release_id,
            name=payer.name,
            table=question.table,
            purpose=question.purpose,
            period=question.period,
            by=question.dimensions,
            measures=parts[0].measures,
            columns=columns,
            cost=Cost(str(rho), round(epsilon_of(pico, delta), 4), delta),
            data_version="+".join(dict.fromkeys(part.data_version for part in parts)),
            notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
            mechanism={"kind": "joined", "parts": [part.id for part in parts]},
        )

    return payer.ledger.derive(joined, [part.id for part in parts], payer.now)
