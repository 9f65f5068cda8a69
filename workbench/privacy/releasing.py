"""The way from a question to a release: pay, commit, compute, draw, store, and only then show."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

from workbench.catalog import Catalog
from workbench.privacy.accounting import Price, epsilon_of, rho_fraction
from workbench.privacy.answering import draw, figures, measures
from workbench.privacy.bounding import LATTICE
from workbench.privacy.ledger import Ledger, Reservation, Share
from workbench.privacy.mechanisms import RandBelow
from workbench.privacy.question import Coordinate, Part, Question
from workbench.privacy.release import Cost, Release

Totals = Mapping[tuple[int, int], Sequence[int]]


@dataclass(frozen=True)
class Payer:
    """Who pays for an answer, and when."""

    ledger: Ledger
    name: str
    share: Share | None
    now: dt.datetime


def release(
    question: Question,
    compute: Callable[[], Totals],
    *,
    payer: Payer,
    catalog: Catalog,
    data_versions: Sequence[str],
    cost: Price,
    randbelow: RandBelow = secrets.randbelow,
) -> Release:
    """Answer a question privately, or return the answer it already has.

    Parameters
    ----------
    compute : callable
        Runs the bounded totals in the engine, by (part, cell); called only after the ledger has
        committed, and not at all when every part is answered.
    data_versions : sequence of str
        Of each part.
    cost : Price
        Of all parts together; each gets an equal share.

    Raises
    ------
    BudgetExhausted
        A limit does not cover the cost; nothing was computed or spent.
    """
    each = Price(max(1, cost.pico // len(question.parts)), cost.delta / len(question.parts))
    ledger, share, now = payer.ledger, payer.share, payer.now
    reservations = ledger.reserve(
        question.parts,
        data_versions,
        each,
        name=payer.name,
        share=share,
        now=now,
        label=f"'{share.report}'" if share else f"this question on '{question.table}'",
    )
    answers = [reservation.answer for reservation in reservations]
    open_parts = [i for i, answer in enumerate(answers) if answer is None]
    if open_parts:
        totals = compute()
        drawn = [
            _answer(
                question,
                i,
                reservations[i],
                {cell: values for (part, cell), values in totals.items() if part == i},
                each,
                data_versions[i],
                payer,
                catalog,
                randbelow,
            )
            for i in open_parts
        ]
        pairs = list(zip((reservations[i] for i in open_parts), drawn, strict=True))
        for i, answer in zip(open_parts, ledger.store(pairs, now), strict=True):
            answers[i] = answer
    parts = [answer for answer in answers if answer is not None]
    whole = parts[0] if question.month_axis is None else _joined(question, parts, payer)
    period = question.parts[-1].paced_by or f"{now:%Y-%m}"
    lines = ledger.status(period, now, share)
    return replace(whole, left={line.scope: round(line.left, 4) for line in lines})


def _answer(
    question: Question,
    index: int,
    reservation: Reservation,
    totals: Mapping[int, Sequence[int]],
    cost: Price,
    data_version: str,
    payer: Payer,
    catalog: Catalog,
    randbelow: RandBelow,
) -> Release:
    part: Part = question.parts[index]
    noisy = draw(question, totals, cost.pico, randbelow)
    wanted = measures(question, catalog.tables[question.table], catalog.currency)
    delta = float(catalog.privacy.delta)
    earlier = payer.ledger.earlier_answers(part, data_version)
    notes = [_bound_note(each, catalog, question) for each in question.coordinates]
    if earlier:
        notes.append(
            f"The data changed since {', '.join(earlier)} answered this: a new answer, paid again."
        )
    return Release(
        id=f"r-{reservation.seq:06d}",
        name=payer.name,
        table=question.table,
        purpose=question.purpose,
        period=part.period,
        by=question.within,
        measures=tuple(wanted),
        columns=figures(question, noisy, wanted),
        cost=Cost(str(rho_fraction(cost.pico)), round(epsilon_of(cost.pico, delta), 4), delta),
        data_version=data_version,
        notes=tuple(notes),
        mechanism={
            "kind": "discrete gaussian",
            "sigma": noisy.sigma / LATTICE,
            "cells": question.cells,
            "bounds": {
                each.name: [
                    str(Decimal(each.low).scaleb(-each.digits)),
                    str(Decimal(each.high).scaleb(-each.digits)),
                ]
                for each in question.coordinates
            },
            "lattice": LATTICE,
            "noisy": {"n": list(noisy.n), **{k: list(v) for k, v in noisy.x.items()}},
        },
    )


def _bound_note(coordinate: Coordinate, catalog: Catalog, question: Question) -> str:
    """Say what one customer counts for at most: what lies beyond is cut, not hidden."""
    top = Decimal(coordinate.high).scaleb(-coordinate.digits)
    if coordinate.kind != "sum":
        return f"One customer counts for at most {top:,} rows in a cell."
    columns = catalog.tables[question.table].columns
    column = columns[coordinate.name]
    unit = catalog.currency if column.type == "money" else column.unit
    title = column.title or coordinate.name
    return (
        f"{title}: one customer counts for at most {top:,}{f' {unit}' if unit else ''} in a cell."
    )


def _joined(question: Question, parts: Sequence[Release], payer: Payer) -> Release:
    """Return one release over months, put together from the answers of each."""
    axis = question.month_axis or 0
    months = question.dimensions[axis]
    within = list(product(*(dimension.values for dimension in question.within)))
    at = {key: i for i, key in enumerate(within)}
    columns: dict[str, list[Any]] = {dimension.name: [] for dimension in question.dimensions}
    figure_names = [name for name in parts[0].columns if name not in columns]
    columns |= {name: [] for name in figure_names}
    for key in product(*(dimension.values for dimension in question.dimensions)):
        for dimension, value in zip(question.dimensions, key, strict=True):
            columns[dimension.name].append(value)
        part = parts[months.values.index(key[axis])]
        row = at[key[:axis] + key[axis + 1 :]]
        for name in figure_names:
            columns[name].append(part.columns[name][row])
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
