"""What answers would cost and how exact they would be, before anything is spent.

Margins depend on the question, its bounds and its price alone, so they are known beforehand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from math import prod, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.documents import parse_json, read_json
from workbench.errors import QuestionRefused
from workbench.privacy.accounting import Cost, epsilon_of, price
from workbench.privacy.books.entries import identity_of
from workbench.privacy.columns import Dimension, cells, noted
from workbench.privacy.engine.answering import Z_95, sigma_of
from workbench.privacy.engine.stocks import spread_of
from workbench.privacy.operations.consistency import MAX_FIGURES
from workbench.privacy.question import Question
from workbench.privacy.release import Origin, Release

if TYPE_CHECKING:  # why: a ledger is slow to import, and a plan's lines are read without one
    from workbench.privacy.releasing import Asked

AUTO = "auto"
GROUP_SIZE = 1000  # customers of the group that relative margins of a plan are stated for
Unpaid = tuple[str, str, Cost]
# Releases without values of this process, by id: what is derived from them is planned too.
_BLANK: dict[str, Release] = {}


@dataclass(frozen=True)
class PlannedAnswer:
    """One question of a plan.

    Attributes
    ----------
    name, table, by : str
        What is asked.
    cells : int
        Cells released.
    key : str
        Identifies the question, whatever the data.
    pico : int
        What it would cost now, in pico-rho; 0 where every part is answered already.
    epsilon : float
        The same as epsilon at the catalog's delta.
    auto : bool
        Whether its price is a share of the report's budget.
    margins : mapping of str to float
        Expected 95 % margin of each figure that is a count or a total.
    relative : mapping of str to float
        Margin over the figure of a group of ``group_size`` customers: for counts the group's
        size, for totals the size times the middle of one customer's bounds.
    weight : float
        Cost at which its relative margin, customers spread evenly, would be 1.
    unpaid : sequence of (str, str, Cost)
        Its parts that are not answered yet: identity, the period that paces it, what it costs.
    renewed : bool
        Whether some of these were answered before the data changed.
    warnings : sequence of str
        What bounds will likely cut.
    """

    name: str
    table: str
    by: str
    cells: int
    key: str
    pico: int
    epsilon: float
    auto: bool
    margins: Mapping[str, float]
    relative: Mapping[str, float]
    weight: float
    unpaid: Sequence[Unpaid] = ()
    renewed: bool = False
    warnings: Sequence[str] = ()

    def to_json(self) -> str:
        """Return one line of a plan file."""
        unpaid = [[identity, period, cost.to_json()] for identity, period, cost in self.unpaid]
        return json.dumps({**asdict(self), "unpaid": unpaid}, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> PlannedAnswer:
        """Rebuild it from a line of a plan file."""
        content = parse_json(line)
        unpaid = tuple((name, at, Cost.from_json(cost)) for name, at, cost in content["unpaid"])
        return cls(**{**content, "unpaid": unpaid, "warnings": tuple(content["warnings"])})


def question_key(question: Question) -> str:
    """Return a name of a question that does not depend on the data."""
    return identity_of({"parts": [dict(part.canonical) for part in question.parts]}, "")[:24]


def planned(
    asked: Asked,
    unanswered: Sequence[tuple[str, str | None]],
    renewed: bool = False,
    warnings: Sequence[str] = (),
) -> PlannedAnswer:
    """Return what a question would cost and give; at cost 0 its price is not settled yet.

    Parameters
    ----------
    unanswered : sequence of (str, str or None)
        Identity and pacing period of the parts that are to be paid for.
    renewed : bool
        Whether some of these were answered before the data changed.
    warnings : sequence of str
        What bounds will likely cut.
    """
    question, cost = asked.question, asked.cost
    each, month = cost.pico // question.shares, f"{question.scope.today:%Y-%m}"
    unpaid = tuple((identity, period or month, asked.each) for identity, period in unanswered)
    margins: dict[str, float] = {}
    relative: dict[str, float] = {}
    if question.counts and not question.pure and question.discovered is None and each:
        spread = sigma_of(question, each)
        if question.stocks is not None:
            spread *= spread_of(len(question.parts))
        for measure, plan in question.vector:
            if "linear" not in plan and ("ladder" not in plan or "bottom" in plan):
                continue
            # of a ladder the widest: where all its layers are added up
            coefficients = plan["linear"] if "linear" in plan else plan["ladder"][-1]
            margin = Z_95 * spread * sqrt(sum(c * c for c in coefficients.values()))
            typical = GROUP_SIZE * (
                1.0 if measure.kind == "customers" else coefficients.get("n", 0)
            )
            margins[measure.name] = margin
            if typical:
                relative[measure.name] = margin / typical
    each_cell = 1 + sum(each.weight**2 for each in question.coordinates)
    width = question.cells * each_cell * question.blocks
    delta = float(question.scope.catalog.privacy.delta)
    return PlannedAnswer(
        asked.name,
        question.table,
        ", ".join(dimension.name for dimension in question.dimensions) or "all",
        max(1, prod(len(d.values) for d in question.dimensions)),
        question_key(question),
        each * len(unpaid),
        epsilon_of(each * len(unpaid), delta, cost.gaussian),
        not cost.pico,
        margins,
        relative,
        float(max(1, question.size) ** 2 * width * question.shares),
        unpaid,
        renewed,
        tuple(warnings),
    )


def split(answers: Sequence[PlannedAnswer], share_pico: int) -> dict[str, int]:
    """Split what a report may spend over its ``epsilon="auto"`` questions.

    The relative error of a question whose customers are spread evenly over its cells falls with
    the square root of its price; prices in proportion to the squares of what they multiply make
    all of them equal.

    Raises
    ------
    QuestionRefused
        The priced questions leave nothing.

    Examples
    --------
    >>> split([], 10)
    {}
    """
    automatic = {each.key: each for each in answers if each.auto}
    if not automatic:
        return {}
    left = share_pico - sum(each.pico for each in answers if not each.auto)
    total = sum(each.weight for each in automatic.values())
    prices = {key: int(left * each.weight / total) for key, each in automatic.items()}
    if left <= 0 or not all(prices.values()):
        raise QuestionRefused(
            "the report's budget is used up by its priced questions; nothing is left to split "
            "over those with epsilon='auto'. Raise the report's budget, or lower a price."
        )
    return prices


def require_apart(questions: Sequence[Question]) -> None:
    """Refuse tables of one question that could never be made to agree, before they are paid for.

    Raises
    ------
    QuestionRefused
        Two of them are the same, or they have too many figures.
    """
    keys = [question_key(each) for each in questions]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            raise QuestionRefused(
                f"tables {keys.index(key) + 1} and {place + 1} are the same question. Ask it once; "
                "nothing was spent."
            )
    axes: dict[str, Dimension] = {}
    dimensions = [each for question in questions for each in question.dimensions]
    if any(axes.setdefault(each.name, each).values != each.values for each in dimensions):
        return  # grids of several resolutions, say: they are never adjusted
    figures = sum(prod(len(d.values) for d in question.dimensions) for question in questions)
    if figures > MAX_FIGURES:
        raise QuestionRefused(
            f"these tables have {figures:,} cells, and at most {MAX_FIGURES:,} can be made to "
            "agree. Leave the finest table out, or ask each with ws.release(…); nothing was spent."
        )


def blank(question: Question, name: str, number: int, file: Path) -> Release:
    """Return a release without values, for drawing a report that is only planned.

    ``file`` takes it and what is derived from it, by which the page is drawn.
    """
    rows = prod(len(each.values) for each in question.dimensions)
    measures = question.measures
    columns = cells(question.dimensions)
    columns |= {name: [None] * rows for each in measures for name in each.columns}
    made = Release(
        id=f"p-{number:06d}",
        name=name,
        table=question.table,
        purpose=question.purpose,
        period=question.period,
        by=question.dimensions,
        measures=tuple(measures),
        columns=columns,
        cost=Cost(),
        data_version="",
        notes=(noted("planned"),),
        mechanism={"given": question.given},
        origin=Origin(_BLANK.__getitem__, lambda made, parents: keep_blank(made, file)),
    )
    return keep_blank(made, file)


def keep_blank(made: Release, file: Path, start: str = "p") -> Release:
    """Keep what a plan shows beside its file, for drawing alone: nothing of it is in the ledger."""
    if not made.id:  # beyond those of questions, counted from 1
        made = replace(made, id=f"{start}-{900_000 + len(_BLANK)}")
    _BLANK[made.id] = made
    with beside(file).open("a", encoding="utf-8") as out:
        out.write(made.to_json() + "\n")
    return made


def beside(file: Path) -> Path:
    """Return where the releases of a plan's file are kept."""
    return file.with_suffix(".releases.jsonl")


def priced(
    question: Question,
    epsilon: object,
    rho: object,
    *,
    prices: str | None = None,
    gaussian: bool = True,
) -> Cost | None:
    """Return what a question may cost; None for an ``auto`` one that is not settled yet.

    Parameters
    ----------
    prices : str or None
        File of settled prices, in pico-rho by `question_key`.
    gaussian : bool
        How the ledger counts.

    Raises
    ------
    QuestionRefused
        The price is no price; see `workbench.privacy.accounting.price`.
    """
    own = sum((Fraction(group.delta or 0) for group in question.groups), Fraction(0))
    if epsilon == AUTO and rho is None:
        settled = read_prices(Path(prices)) if prices else {}
        pico = settled.get(question_key(question))
        return None if pico is None else Cost(pico, own, gaussian=gaussian)
    delta, pure = question.scope.catalog.privacy.delta, question.pure
    return price(epsilon, rho, delta=delta, pure=pure, own_delta=own, gaussian=gaussian)


def read_prices(file: Path) -> dict[str, int]:
    """Return the prices that a plan settled, in pico-rho; none where the file has no such."""
    try:
        settled = read_json(file)
    except (OSError, ValueError):
        return {}
    whole = isinstance(settled, dict) and all(type(pico) is int for pico in settled.values())
    return settled if whole else {}
