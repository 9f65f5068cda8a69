"""The way from a question to a release: pay, commit, compute, draw, store, and only then show."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import islice
from typing import Any

from workbench.privacy.accounting import Cost, epsilon_of, pure_pico
from workbench.privacy.books.answers import AnswerLedger, handed_out, relabelled
from workbench.privacy.books.entries import Order, Part, Reservation, digest
from workbench.privacy.budget import Series, Share
from workbench.privacy.columns import Dimension, noted, together
from workbench.privacy.engine.answering import Computed, answer, event_of
from workbench.privacy.engine.coordinates import Coordinate
from workbench.privacy.engine.mechanisms import RandBelow, system_source
from workbench.privacy.engine.stocks import decoded
from workbench.privacy.identity import earlier_labels, labels
from workbench.privacy.question import Question
from workbench.privacy.release import Release
from workbench.privacy.tables import joined_columns
from workbench.store.versions import DataVersions


@dataclass(frozen=True)
class Payer:
    """Who pays for an answer, and when."""

    ledger: AnswerLedger
    share: Share | None
    now: dt.datetime


@dataclass(frozen=True)
class Asked:
    """A question that everything was checked of, and is only to be paid for.

    Attributes
    ----------
    name : str
        What to call the answer.
    question : Question
    data_versions : sequence of str
        Of each part.
    cost : Cost
        Of all parts together; each gets an equal share.
    series : sequence of Series
        Of what each part is a month, of a question whose months share one price.
    totals : callable
        Runs the bounded totals in the engine, for each part; called only after the ledger has
        committed, and not at all when every part is answered or it is only planned.
    exceptions : sequence of str
        What readers must know of groups fitted on raw rows and approved.
    nobody : callable
        What they must know of a part's rows without a customer.
    """

    name: str
    question: Question
    data_versions: Sequence[str]
    cost: Cost
    series: Sequence[Series | None] = ()
    totals: Callable[[], Sequence[Computed]] = tuple
    exceptions: Sequence[str] = ()
    nobody: Callable[[Part], str] = lambda _: ""

    @property
    def each(self) -> Cost:
        """What each part costs that is to be paid for."""
        return shared(self.cost, self.question.shares)

    @property
    def orders(self) -> list[Order]:
        """What is to be paid for: each part, at an equal share of the price."""
        parts, event = self.question.parts, partial(event_of, self.question)
        of = self.series or [None] * len(parts)
        return [
            Order(self.name, part, version, self.each, event, whole)
            for part, version, whole in zip(parts, self.data_versions, of, strict=True)
        ]


def series_of(
    question: Question, versions: DataVersions, told: Sequence[str]
) -> list[Series | None]:
    """Return of what each part is a month, of a question whose months share one price.

    ``told``: the data version of each part.
    """
    found: list[Series | None] = []
    for part, version in zip(question.parts, told, strict=True):
        if not part.months or not (question.once or question.stocks):
            found.append(None)
            continue
        (month,), whole = part.months, digest({**part.canonical, "period": None})
        upto = versions.before(question.table, f"{month}~")  # itself, too
        if question.stocks is not None:
            upto = [each for each in upto if each in question.stocks.months]
        rows = {each: versions.of(question.table, [each]) for each in upto}
        others = []
        if question.stocks is not None:  # which rows are in a group is told by other tables, too
            others.append(version.partition("+")[2])
        consents = question.scope.catalog.consents
        if consents is not None and consents.table == question.table:
            others.append(versions.of(question.table))  # a withdrawal's own row tells of other rows
        if others:
            rows[""] = "+".join(others)
        found.append(Series(whole, month, rows))
    return found


def release(
    asked: Sequence[Asked],
    *,
    payer: Payer,
    earlier: bool = False,
    randbelow: RandBelow | None = None,
) -> list[Release]:
    """Answer questions privately, or return the answers they have; all are paid for, or none.

    Parameters
    ----------
    earlier : bool
        Take answers on data before it changed, where there are none on this data.

    Raises
    ------
    BudgetExhausted
        A limit does not cover the cost; nothing was computed or spent.
    """
    ledger, share, now = payer.ledger, payer.share, payer.now
    label = f"'{share.report}'" if share else f"this question on '{asked[0].question.table}'"
    if len(asked) > 1 and not share:
        label = f"these {len(asked)} questions on '{asked[0].question.table}'"
    wanted = [each.orders for each in asked]
    reserved = iter(
        ledger.reserve(
            [order for each in wanted for order in each],
            share=share,
            now=now,
            label=label,
            earlier=earlier,
        )
    )
    found: list[list[Reservation]] = [list(islice(reserved, len(each))) for each in wanted]
    drawn: list[tuple[Reservation, Release]] = []
    for each, reservations in zip(asked, found, strict=True):
        drawn += _drawn(each, reservations, payer, randbelow or system_source())
    texts = [(reservation, release.to_json()) for reservation, release in drawn]
    stored = iter(ledger.store(texts, now) if texts else ())
    answers = [
        [Release.from_json(next(stored) if r.answer is None else r.answer) for r in reservations]
        for reservations in found
    ]
    return [
        _whole(each.question, each.name, parts, payer)
        for each, parts in zip(asked, answers, strict=True)
    ]


def _drawn(
    asked: Asked, reservations: Sequence[Reservation], payer: Payer, randbelow: RandBelow
) -> list[tuple[Reservation, Release]]:
    """Draw what is not answered yet, as it was booked."""
    drawn: list[tuple[Reservation, Release]] = []
    before: Mapping[str, Any] | None = None  # of the month before, which a stock is decoded by
    computed = asked.totals() if any(each.answer is None for each in reservations) else ()
    for i, reservation in enumerate(reservations):
        if reservation.answer is None:
            figures = answer(asked.question, computed[i], reservation.event, randbelow)
            figures.notes.extend([*asked.exceptions, asked.nobody(asked.question.parts[i])])
            if asked.question.stocks is not None:
                figures = decoded(asked.question, i, figures, reservation.release_id, before)
            drawn.append((reservation, _release(asked, i, reservation, figures, payer)))
            before = figures.mechanism
        elif asked.question.stocks is not None:
            before = Release.from_json(reservation.answer).mechanism
    return drawn


def _whole(question: Question, name: str, answers: Sequence[Release], payer: Payer) -> Release:
    """Return the answers of a question's parts as one release, with what is left of the budget."""
    ledger, now = payer.ledger, payer.now
    done = [
        relabelled(handed_out(each, ledger, lambda: now), _labels(question, each))
        for each in answers
    ]
    whole = done[0] if question.month_axis is None else _joined(question, name, done, payer)
    lines = ledger.status(question.parts[-1].paced_by or f"{now:%Y-%m}", now, payer.share)
    return replace(whole, left={line.scope: round(line.left, 4) for line in lines})


def _labels(question: Question, stored: Release) -> Mapping[str, str]:
    """Return a question's labels by what stood for them when its answer was stored."""
    found = labels(question)
    known = stored.mechanism.get("labels", {}).keys() <= found.keys()
    return found if known else earlier_labels(question)


def shared(cost: Cost, parts: int) -> Cost:
    """Return the price of each of so many equal parts."""
    pure = None if cost.pure_epsilon is None else cost.pure_epsilon / parts
    pico = max(1, cost.pico // parts) if pure is None else pure_pico(pure, cost.gaussian)
    return Cost(pico, cost.delta / parts, pure, cost.gaussian)


def _release(
    asked: Asked, index: int, reservation: Reservation, figures: Any, payer: Payer
) -> Release:
    question, cost, data_version = asked.question, reservation.cost, asked.data_versions[index]
    part, catalog = question.parts[index], question.scope.catalog
    earlier = payer.ledger.earlier_answers(part, data_version)
    notes = [_bound_note(each, question) for each in question.coordinates]
    notes += [group.rule.note for group in question.groups if group.rule is not None]
    joined = [str(group.table) for group in question.groups if group.joined]
    notes += [noted("not in", title=catalog.table(each).title) for each in dict.fromkeys(joined)]
    notes += [noted("once")] if question.once else []
    notes += [noted("stocks")] if question.stocks else []
    for name in question.coded:
        column = question.scope.allowed[name]
        codes = ", ".join(sorted(column.special_codes.values()))
        notes.append(noted("coded", title=column.title or name, codes=codes))
    notes += figures.notes
    if earlier:
        notes.append(noted("changed", earlier=", ".join(earlier)))
    by, called = question.within, labels(question)
    if question.discovered is not None:
        found = by[0]
        by = (Dimension(found.name, found.title, found.kind, tuple(figures.columns[found.name])),)
    return Release(
        id=reservation.release_id,
        name=asked.name,
        table=question.table,
        purpose=question.purpose,
        period=part.period,
        by=by,
        measures=tuple(figures.measures),
        columns=figures.columns,
        cost=replace(cost, delta=Fraction(0), pure_epsilon=None),
        epsilon=round(cost.epsilon_at(catalog.privacy.delta), 4),
        delta=float(catalog.privacy.delta),
        data_version=data_version,
        notes=tuple(note for note in notes if note),
        mechanism={
            **figures.mechanism,
            **({"labels": dict(called)} if called else {}),
            "given": question.given,
            "cells": question.cells,
            "where": part.canonical["where"],
            "bounds": {
                each.name: [str(Decimal(end).scaleb(-each.digits)) for end in each.ends]
                for each in question.coordinates
                if each.kind != "beyond"
            },
        },
    )


def _bound_note(coordinate: Coordinate, question: Question) -> str:
    """Say what one customer counts for at most: what lies beyond is cut, not hidden."""
    top = Decimal(coordinate.ends[1]).scaleb(-coordinate.digits)
    if coordinate.value is None:
        return noted("rows", top=top)
    value = question.values[coordinate.value]
    if coordinate.kind != "sum" or value.condition:
        return ""
    unit = f" {value.unit}" if value.unit else ""
    return noted("amount", title=value.title, top=top, unit=unit)


def _joined(question: Question, name: str, parts: Sequence[Release], payer: Payer) -> Release:
    """Return one release over months, put together from the answers of each."""
    columns = joined_columns(question.dimensions, parts)
    cost, delta = sum((part.cost for part in parts), start=Cost()), parts[0].delta

    joined = Release(
        id="",
        name=name,
        table=question.table,
        purpose=question.purpose,
        period=question.period,
        by=question.dimensions,
        measures=tuple(each for each in parts[-1].measures if each.name in columns),
        columns=columns,
        cost=cost,
        epsilon=round(epsilon_of(cost.pico, delta, payer.ledger.gaussian), 4),
        delta=delta,
        data_version="+".join(dict.fromkeys(part.data_version for part in parts)),
        notes=together((note for part in parts for note in part.notes), question.period),
        mechanism={"kind": "joined", "parts": [part.id for part in parts]},
    )
    return payer.ledger.derive(joined, [part.id for part in parts], payer.now)
