"""Whether an edition can be paid to its end, settled before its first question is.

A run that is refused half-way has paid for its first questions, and pays for them again each time
the data changes. So what an edition needs is known beforehand, by the cheapest sure way:

1. An edition that is made again of the very same data and notebook finds all its answers.
2. Where the most its notebook can cost is written in it, and fits every limit, it may run.
3. Else its notebook is run without releasing first, and the prices of what is not answered are
   added up by the month that pays.

What running editions may still pay is promised to them, so that two side by side do not count on
the same rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from workbench.errors import BudgetExhausted, RunFailed
from workbench.periods import Period
from workbench.privacy.accounting import Cost
from workbench.privacy.budget import Need, Short, need_of, shortfalls
from workbench.reporting.definition import Definition
from workbench.reporting.desk import Desk, Detail, Tell
from workbench.reporting.parameters import Value
from workbench.reporting.planner import Plan, plan, settle_prices, settled_pico, share_of
from workbench.reporting.written_prices import most_pico


@contextmanager
def affordable(
    definition: Definition,
    period: Period,
    values: Mapping[str, Value],
    desk: Desk,
    tell: Tell,
    *,
    folder: Path,
    words: str,
    answered: bool,
) -> Iterator[Path | None]:
    """Yield the file of its settled prices, if it has any, to an edition that can be paid for.

    Parameters
    ----------
    words : str
        The edition's name in messages.
    answered : bool
        Whether it is there already, of the same data: all its answers are.

    Raises
    ------
    BudgetExhausted
        What it needs does not fit a limit; nothing was asked and nothing spent.
    """
    prices, known = settle_prices(definition, period, values, desk, tell, folder=folder)
    if answered:
        yield prices
        return
    share = share_of(definition)

    def short(need: Need, others: Sequence[Need]) -> tuple[Short, ...]:
        return shortfalls(desk.ledger, need, desk.now, others)

    notebook = desk.settings.path("notebooks") / definition.notebook
    most = most_pico(notebook, values, desk.catalog.privacy.delta, settled_pico(prices))
    need = Need(share, anywhere=Cost(most or 0))
    if most is None or not desk.promises.fits(need, short):
        found: Sequence[Short] = ()
        for _ in range(2):  # why: what it waited for may have answered some of its questions
            alone = not desk.promises
            planned = known or _planned(definition, period, values, desk, tell, folder)
            need, known = need_of(share, planned.answers if planned else ()), None
            found = desk.promises.wait(need, short)
            if alone or not found:
                break
        if found and planned:
            raise BudgetExhausted(_refusal(words, definition, period, planned, found))
    try:
        yield prices
    finally:
        desk.promises.end(need)


def _planned(
    definition: Definition,
    period: Period,
    values: Mapping[str, Value],
    desk: Desk,
    tell: Tell,
    folder: Path,
) -> Plan | None:
    """Return what an edition would cost; None where its notebook fails before it asks anything."""
    tell(Detail(f"{definition.name} {period.text}: working out what it costs before it is paid"))
    try:
        return plan(definition, period, values, desk, folder=folder)
    except RunFailed:
        return None  # the run itself says why


def _refusal(
    words: str, definition: Definition, period: Period, planned: Plan, found: Sequence[Short]
) -> str:
    """Return what an operator is told: what the edition needs, what is left, what to do."""
    asked = len(planned.answers)
    unpaid = sum(1 for each in planned.answers if each.unpaid)
    lines = "; ".join(
        f"it needs epsilon {each.epsilon:.2f}, and {each.line.left:.2f} of {each.line.limit:.2f} "
        f"is left for {each.line.scope}"
        for each in found
    )
    ways = []
    if planned.renewed and not definition.reuse_answers:
        ways.append(
            f"{planned.renewed} of them were answered before rows were erased, corrected, removed "
            "or came late: --reuse-answers shows those answers again, says so on the page, and "
            "costs nothing for them"
        )
    own = [each for each in found if each.line.scope.startswith("report ")]
    if len(own) == len(found):
        enough = max(each.enough for each in own)
        ways.append(
            f"'budget: {{epsilon: {enough:.2f}}}' in reports/{definition.name}.yaml would be enough"
        )
    ways.append(
        f"'workbench report plan {definition.name} --period {period.text}' shows the price of each"
    )
    return (
        f"{words} was not started, and nothing was spent: {unpaid} of its {asked} questions are "
        f"not answered on this data, and {lines}. A page that is there stays. What helps: "
        f"{'; '.join(ways)}."
    )
