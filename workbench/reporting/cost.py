"""What an edition would cost, whether it can be paid, and its page drawn without values before.

The notebook runs in a kernel where ``ws.release`` spends and draws nothing: it notes the question
and returns a release without values. Its page is drawn from these by the exporter itself, so that
whatever the exporter refuses is refused already.

A run that is refused half-way has paid for its first questions, and pays for them again each time
the data changes. So what an edition needs is known beforehand, by the cheapest sure way:

1. An edition that is made again of the very same data and notebook finds all its answers.
2. Where the most its notebook can cost is written in it, and fits every limit, it may run.
3. Else its notebook is planned, and the prices of what is not answered are added up by the month
   that pays.

What running editions may still pay is promised to them, so that two side by side do not count on
the same rest.
"""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workbench.documents import read_json
from workbench.errors import BudgetExhausted, RunFailed, WorkbenchError, one_of
from workbench.periods import Period
from workbench.privacy.accounting import Cost, epsilon_of
from workbench.privacy.budget import Line, Need, Share, Short, need_of, shortfalls
from workbench.privacy.planning import PlannedAnswer, beside, read_prices, split
from workbench.privacy.release import Release
from workbench.reporting import PLAN_FILE, PRICES_FILE
from workbench.reporting.definitions.definition import Definition
from workbench.reporting.desk import Asked, Desk, Detail, Tell
from workbench.reporting.execution import execute
from workbench.reporting.facts import page_context
from workbench.reporting.forking import import_light
from workbench.reporting.notebooks.literals import source_of
from workbench.reporting.notebooks.reads import most_pico
from workbench.store.durable import file_lock

_PRICES, _WAIT_SECONDS = "prices.json", 600.0


@dataclass(frozen=True)
class Plan:
    """What an edition would cost.

    Attributes
    ----------
    report, period : str
    answers : tuple of PlannedAnswer
        Its questions, in order; prices of ``epsilon="auto"`` ones settled.
    epsilon : float
        What it would spend now.
    left : tuple of Line
        Every limit, as it stands before.
    incomplete : str
        Why some questions may be missing; empty when the notebook ran to its end.
    short : tuple of Short
        Limits that do not cover it; a run would be refused.
    wrong : tuple of str
        What a run would fail by, whatever its figures are: code, columns, computed titles.
    dropped : tuple of str
        What the notebook shows and its page would not.
    """

    report: str
    period: str
    answers: tuple[PlannedAnswer, ...]
    epsilon: float
    left: tuple[Line, ...]
    incomplete: str = ""
    short: tuple[Short, ...] = ()
    wrong: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def renewed(self) -> int:
        """How many questions were answered before the data changed, and would be paid for again."""
        return sum(each.renewed for each in self.answers)


def plan(asked: Asked, desk: Desk, folder: Path, tell: Tell = lambda _: None) -> Plan:
    """Run a report's notebook without releasing, and return what it would cost.

    A first pass finds ``epsilon="auto"`` questions whose prices are not settled yet; where there
    are any, a second one shows what they give. The editions of a grid share the report's budget
    equally.
    """
    folder = folder / "plan"
    settled = folder / _PRICES
    answers, failure = _pass(asked, desk, tell, folder)
    share = share_of(asked.definition)
    left = desk.ledger.status(paced_by(asked.period), desk.now, share)
    if any(each.auto for each in answers):
        each = left[0].limit_pico // asked.definition.size
        budget = split(answers, min(left[0].left_pico, each))
        made = settled.with_suffix(".new")  # all or nothing: somebody else may read it
        made.write_text(json.dumps({**read_prices(settled), **budget}), encoding="utf-8")
        made.replace(settled)
        answers, failure = _pass(asked, desk, tell, folder)
    need = need_of(share, answers)
    wrong, left_out = rehearsed(asked, desk, folder, failure)
    return Plan(
        asked.definition.name,
        asked.period.text,
        tuple(answers),
        epsilon_of(need.whole.pico, float(desk.catalog.privacy.delta), desk.ledger.gaussian),
        left,
        str(failure or ""),
        shortfalls(desk.ledger, need, desk.now),
        wrong,
        left_out,
    )


@contextmanager
def aside(run: Path) -> Iterator[Path]:
    """Yield a folder for plans that no run uses, one plan after the other; it knows its prices.

    Parameters
    ----------
    run : Path
        The folder of the edition's runs, which may be at work.
    """
    folder, prices = run / "aside", run / "plan" / _PRICES
    make_private(folder / "plan")
    with file_lock(folder / "plan.lock", wait_seconds=_WAIT_SECONDS):
        own = folder / "plan" / _PRICES
        own.unlink(missing_ok=True)
        if prices.is_file():
            own.write_bytes(prices.read_bytes())
        yield folder


def make_private(folder: Path) -> None:
    """Make a folder below the private one, with mode 0700 on the way."""
    for each in (*reversed(folder.parents), folder):
        each.mkdir(exist_ok=True, mode=0o700)


def settle_prices(
    asked: Asked, desk: Desk, tell: Tell, folder: Path
) -> tuple[Path | None, Plan | None]:
    """Return a file with the prices of a report's ``epsilon="auto"`` questions, if it has any.

    With it comes the plan that was made to settle them, if one was. Prices are settled once for a
    notebook and its parameters, so that rendering again asks the same questions at the same prices;
    a changed notebook or parameter settles what is new.
    """
    notebook, kept = desk.notebook(asked), folder / "plan" / _PRICES
    auto_default = any(p.default == "auto" for p in asked.definition.parameters.values())
    cells = read_json(notebook)["cells"]
    code = "\n".join(source_of(each) for each in cells if each["cell_type"] == "code")
    if not auto_default and '"auto"' not in code and "'auto'" not in code:
        return None, None
    content = json.dumps(dict(asked.values), sort_keys=True).encode() + notebook.read_bytes()
    done = kept.with_name(f"settled-{hashlib.sha256(content).hexdigest()[:16]}")
    planned = None
    if not done.is_file():
        planned = plan(asked, desk, folder, tell)
        done.touch()
    return kept if kept.is_file() else None, planned


def settled_pico(prices: Path | None) -> int:
    """Return what all questions whose prices were settled cost together, in pico-rho."""
    return sum(read_prices(prices).values()) if prices else 0


def share_of(definition: Definition) -> Share:
    """Return a report's share of one period's budget."""
    return Share(definition.name, definition.budget.epsilon)


def paced_by(period: Period) -> str:
    """Return the month whose allowance an edition draws on: the one with its last day."""
    return Period.containing(period.end - dt.timedelta(days=1)).text


def _pass(
    asked: Asked, desk: Desk, tell: Tell, folder: Path
) -> tuple[list[PlannedAnswer], RunFailed | None]:
    make_private(folder)
    file = folder / PLAN
    file.unlink(missing_ok=True)
    beside(file).unlink(missing_ok=True)
    environment = {PLAN_FILE: str(file)}
    if (prices := folder / _PRICES).is_file():
        environment[PRICES_FILE] = str(prices)
    failed: RunFailed | None = None
    try:
        execute(asked, desk, tell, folder, environment)
    except RunFailed as failure:
        failed = failure
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    if failed and not lines:
        raise failed
    return [PlannedAnswer.from_json(line) for line in lines], failed


@contextmanager
def affordable(
    asked: Asked, desk: Desk, tell: Tell, folder: Path, *, answered: bool
) -> Iterator[Path | None]:
    """Yield the file of its settled prices, if it has any, to an edition that can be paid for.

    Parameters
    ----------
    answered : bool
        Whether it is there already, of the same data: all its answers are.

    Raises
    ------
    BudgetExhausted
        What it needs does not fit a limit; nothing was asked and nothing spent.
    """
    prices, known = settle_prices(asked, desk, tell, folder)
    if answered:
        yield prices
        return
    share = share_of(asked.definition)

    def short(need: Need, others: Sequence[Need]) -> tuple[Short, ...]:
        return shortfalls(desk.ledger, need, desk.now, others)

    delta = desk.catalog.privacy.delta
    most = most_pico(
        desk.notebook(asked), asked.values, delta, settled_pico(prices), desk.ledger.gaussian
    )
    need = Need(share, anywhere=Cost(most or 0))
    if most is None or not desk.promises.fits(need, short):
        found: Sequence[Short] = ()
        for _ in range(2):  # why: what it waited for may have answered some of its questions
            alone = not desk.promises
            planned = known or _planned(asked, desk, tell, folder)
            need, known = need_of(share, planned.answers if planned else ()), None
            found = desk.promises.wait(need, short)
            if alone or not found:
                break
        if found and planned:
            raise BudgetExhausted(_refusal(asked, planned, found))
    try:
        yield prices
    finally:
        desk.promises.end(need)


def _planned(asked: Asked, desk: Desk, tell: Tell, folder: Path) -> Plan | None:
    """Return what an edition would cost; None where its notebook fails before it asks anything."""
    tell(Detail(f"{asked.short}: working out what it costs before it is paid"))
    try:
        return plan(asked, desk, folder)
    except RunFailed:
        return None  # the run itself says why


def _refusal(asked: Asked, planned: Plan, found: Sequence[Short]) -> str:
    """Return what an operator is told: what the edition needs, what is left, what to do."""
    definition, count = asked.definition, len(planned.answers)
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
        f"'workbench report plan {definition.name} --period {asked.period.text}' shows the price "
        "of each"
    )
    return (
        f"{asked.words} was not started, and nothing was spent: {unpaid} of its {count} questions "
        f"are not answered on this data, and {lines}. A page that is there stays. What helps: "
        f"{'; '.join(ways)}."
    )


PLAN = "plan.jsonl"
# What a calculation with figures that are not there says; with figures it may well succeed.
_FOR_WANT_OF_FIGURES = re.compile(r"NoneType|\bNone\b|NaN|\bnan\b|NAType|empty|zero", re.IGNORECASE)


def rehearsed(
    asked: Asked, desk: Desk, folder: Path, failure: RunFailed | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what a run would fail by, and what its page would not hold, of a notebook planned.

    Parameters
    ----------
    folder : Path
        Where it was planned.
    failure : RunFailed or None
        What kept the notebook from its end. A failure for want of figures is not told: a run has
        them.
    """
    from workbench.reporting.exporter import export_languages
    from workbench.reporting.notebooks.remarks import dropped

    nbformat = import_light("nbformat")
    source = nbformat.read(str(desk.notebook(asked)), as_version=4)
    if failure is not None:
        told = _told(failure, source)
        return ((told,) if told else ()), ()
    notebook = nbformat.read(str(folder / asked.definition.notebook), as_version=4)
    planned = _releases(folder / PLAN)

    def lookup(name: str) -> Release:
        return one_of("release", planned, name)

    wrong: tuple[str, ...] = ()
    try:
        export_languages(
            notebook,
            source_notebook=source,
            lookup=lookup,
            context=page_context(asked, desk, None),
            languages=asked.definition.languages,
        )
    except WorkbenchError as refusal:
        wrong = (str(refusal),)
    return wrong, dropped(notebook)


def _told(failure: RunFailed, source: Mapping[str, object]) -> str:
    """Return what a failure is told as; nothing where figures would have kept it from failing."""
    from workbench.reporting.notebooks.remarks import names_in

    words = ""
    if failure.log and str(failure.log).endswith(
        ".ipynb"
    ):  # the executed notebook, which is private
        executed = import_light("nbformat").read(str(failure.log), as_version=4)
        outputs = [each for cell in executed.cells for each in cell.get("outputs", ())]
        words = next((each.evalue for each in reversed(outputs) if each.output_type == "error"), "")
    if _FOR_WANT_OF_FIGURES.search(words):
        return ""
    names = names_in(source, words)
    about = f" It is about {', '.join(names)}." if names and words not in str(failure) else ""
    return f"{failure}{about}"


def _releases(file: Path) -> dict[str, Release]:
    """Return what a plan's notebook was answered and derived, by id."""
    kept = beside(file)
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.is_file() else []
    return {each.id: each for each in map(Release.from_json, lines)}
