"""One edition from definition to published page: execute, export, search for leaks, publish."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import RunFailed, StorageError, WorkbenchError
from workbench.privacy.accounting import epsilon_of
from workbench.privacy.budget import Line
from workbench.reporting import ANSWERS_FILE, EARLIER, PRICES_FILE, telling
from workbench.reporting.cost import affordable, make_private, paced_by, share_of
from workbench.reporting.desk import Asked, Detail, Tell
from workbench.reporting.desk import Desk as Desk  # made by workspaces, for a run
from workbench.reporting.execution import execute
from workbench.reporting.facts import edition_identity, facts_of, made_of, page_context, releases_in
from workbench.reporting.forking import import_light
from workbench.reporting.telling import is_news, tell_hooks
from workbench.store.durable import content_of, refusal
from workbench.store.logs.events import Events

if TYPE_CHECKING:
    from workbench.reporting.pages.page import Page
    from workbench.reporting.published.editions import Published

_ANSWERS = "answers.txt"
_publishing = threading.Lock()  # editions of one suite are published one after the other


@dataclass(frozen=True)
class Edition:
    """What a run made or found.

    Attributes
    ----------
    report, period, variant, page, index : str or Path
    revision : int
    unchanged : bool
        Whether it was there already.
    spent_now : float
        Epsilon this edition's answers cost in this run.
    epsilon : float
        Epsilon its figures cost when they were first answered.
    left : tuple of Line
        What is left of every limit.
    changed : tuple of str
        What its revision changed.
    hooks : tuple of str
        What went wrong with telling its hooks.
    dropped : tuple of str
        What its notebook shows and its page does not, for the author.
    alerts : tuple of str
        Its rules that hold, in words.
    mail : str
        It as a mail's text, in its first language.
    """

    report: str
    period: str
    page: Path
    index: Path
    unchanged: bool
    spent_now: float
    epsilon: float
    left: tuple[Line, ...]
    variant: str = ""
    revision: int = 1
    changed: tuple[str, ...] = ()
    hooks: tuple[str, ...] = field(default=(), compare=False)
    dropped: tuple[str, ...] = field(default=(), compare=False)
    alerts: tuple[str, ...] = ()
    mail: str = field(default="", compare=False)

    def facts(self) -> dict[str, Any]:
        """Return plain values for machines."""
        facts = {each.name: getattr(self, each.name) for each in fields(self)}
        listed = {name: list(each) for name, each in facts.items() if isinstance(each, tuple)}
        left = {line.scope: line.left for line in self.left}
        return {**facts, **listed, "page": str(self.page), "index": str(self.index), "left": left}


@dataclass(frozen=True)
class Failure:
    """An edition that was not made, and why.

    Attributes
    ----------
    asked : Asked
    error : WorkbenchError
        What a person must know: of a cell's error its number and name, never its words.
    log : Path
        The record of runs.
    hooks : tuple of str
        What went wrong with telling its hooks.
    """

    asked: Asked
    error: WorkbenchError
    log: Path
    hooks: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return plain values for machines; no word of a cell's own error is among them."""
        return {**self.asked.facts(), **_told(self.error), "runs": str(self.log)}


def make(
    asked: Asked, desk: Desk, *, force: bool = False, tell: Tell = lambda _: None
) -> Edition | Failure:
    """Render and publish one edition, or return the one that is there; the caller has its turn.

    A failure is noted for readers, kept in the record of runs, and told to the report's hooks.
    """
    started = time.monotonic()
    tell(f"{asked.words}: started")
    try:
        edition = _make(asked, desk, force, tell)
    except WorkbenchError as error:
        seconds = time.monotonic() - started
        tell(f"{asked.words}: failed after {seconds:.1f} s, exit code {error.exit_code}")
        return fail(asked, desk, error, seconds)
    except Exception as fault:
        unknown = RunFailed(
            f"{asked.words} failed: a fault in workbench itself.", kind=type(fault).__name__
        )
        fail(asked, desk, unknown, time.monotonic() - started)
        raise
    if edition.unchanged:
        tell(f"{asked.words}: was published already")
        return edition
    seconds = round(time.monotonic() - started, 3)
    tell(f"{asked.words}: published after {seconds:.1f} s")
    facts = edition.facts()
    kept = ("revision", "spent_now", "epsilon")
    done = {**asked.facts(), "state": "published", **{name: facts[name] for name in kept}}
    telling.note(desk.private, desk.now, {**done, "seconds": seconds})
    told = {**done, "page": str(edition.page), "audience": asked.definition.audience}
    told |= {"exit_code": 0, "alerts": facts["alerts"], "mail": edition.mail}
    problems = tell_hooks(asked.definition.hooks, "published", told, desk.settings.root)
    return replace(edition, hooks=tuple(problems))


def fail(asked: Asked, desk: Desk, error: WorkbenchError, seconds: float = 0.0) -> Failure:
    """Note that an edition failed: in the record of runs, by its hooks, and for those who wait.

    What may not stand on a page is in the record alone, which is private.
    """
    from workbench.reporting.gate.sharing import holds
    from workbench.reporting.published import failures

    definition, published = asked.definition, desk.settings.path("published")
    facts = {**asked.facts(), **_told(error)}
    tellable = not holds(asked, desk, kind=facts["kind"])
    # why suppressed: on a full disk it cannot be written, and the failure says so
    with contextlib.suppress(WorkbenchError), _publishing:
        if not tellable:
            gone = (definition.name, asked.variant.place(asked.period))
            failures.withdraw_failures(published, lambda *edition: edition != gone)
        elif asked.scheduled:
            failures.record_failure(
                published,
                definition.name,
                asked.period.text,
                definition.title,
                asked.variant.name,
                definition.languages,
            )
    log = telling.runs_file(desk.private)
    noted = {**facts, "state": "failed", "seconds": round(seconds, 3)}
    last = telling.last_of(desk.private, asked.facts())
    news, problems = is_news(noted, last, desk.now), []
    if news and definition.hooks.hears("failed"):
        told = {**facts, "audience": definition.audience}
        if not tellable:
            told = {name: facts[name] for name in ("period", "error", "exit_code")}
        problems = tell_hooks(
            definition.hooks, "failed", {**told, "runs": str(log)}, desk.settings.root
        )
    # why not where a hook failed: whoever was to be told does not know, so it is tried again
    heard = definition.hooks.hears("failed") and not problems
    when = "" if not heard else desk.now.isoformat() if news else (last or {})["told"]
    telling.note(desk.private, desk.now, {**noted, "message": str(error), "told": when})
    return Failure(asked, error, log, tuple(problems))


def _told(error: WorkbenchError) -> dict[str, Any]:
    """Return what of an error may go anywhere: its names and numbers, not its words."""
    cell, kind, log = (getattr(error, name, None) for name in ("cell", "kind", "log"))
    return {
        "error": type(error).__name__,
        "cell": cell,
        "kind": kind,
        "log": log,
        "exit_code": error.exit_code,
    }


def _make(asked: Asked, desk: Desk, force: bool, tell: Tell) -> Edition:
    from workbench.reporting.gate.sharing import refuse_held
    from workbench.reporting.published import editions

    names = asked.facts()
    published = desk.settings.path("published")
    before = desk.ledger.head()[0]
    notebook = desk.notebook(asked).read_bytes()
    identity = edition_identity(asked, notebook, desk)
    there = editions.latest(published, **names)
    if there is not None and there.edition.withdrawn:
        there = None  # whoever asks for it again has it published anew
    if there is not None and there.edition.identity == identity and not force:
        return _edition(asked, there, True, 0, there.edition.releases, desk)
    # before its name is written or a question paid: the page would be refused for the same words
    refuse_held(asked, desk)
    folder = desk.folder(asked)
    events = Events(desk.private)
    events.record("run", names, now=desk.now)
    own = desk.with_notebooks(_copied(folder / "source", asked.definition.notebook, notebook))
    answered = there is not None and there.edition.identity == identity
    with affordable(asked, own, tell, folder, answered=answered) as prices:
        pages, releases, left_out = _render(asked, own, folder, tell, prices)
    with _publishing:
        made = editions.publish(
            published,
            pages=pages,
            **names,
            identity=identity,
            releases=releases,
            ledger_head=desk.ledger.sealed(desk.ledger.head()),
            audit_head=desk.ledger.sealed(events.head()),
            lookup=desk.ledger.checked,
            made_of=made_of(asked, notebook, desk),
            now=desk.now,
        )
    spent_pico = desk.ledger.spent_by(_answers(folder), after=before)
    return replace(_edition(asked, made, False, spent_pico, releases, desk), dropped=left_out)


def _copied(folder: Path, name: str, notebook: bytes) -> Path:
    """Keep the notebook as it was read: all of a run is of this text, whoever saves another."""
    try:
        make_private(folder)
        (folder / name).write_bytes(notebook)
    except OSError as problem:
        raise StorageError(
            f"the run cannot keep its notebook in {folder}: {refusal(problem)}. Make room or "
            "let this user write there, and run the report again; nothing was spent."
        ) from None
    return folder


def _answers(folder: Path, mark: str = "") -> list[str]:
    """Return the ids of what a run's kernel was answered; with a mark, of those that have it."""
    lines = (content_of(folder / _ANSWERS) or b"").decode().splitlines()
    return sorted({line.partition(" ")[0] for line in lines if line.endswith(mark)})


def _render(
    asked: Asked, desk: Desk, folder: Path, tell: Tell, prices: Path | None
) -> tuple[Sequence[Page], list[str], tuple[str, ...]]:
    """Return pages, searched for identifiers, the releases they draw, and what they do not hold."""
    from jinja2 import TemplateError

    from workbench.reporting.exporter import export_languages
    from workbench.reporting.gate.leaks import refuse_leaks
    from workbench.reporting.notebooks.remarks import dropped

    executed = _executed(asked, desk, folder, tell, prices)
    tell(Detail(f"{asked.short}: drawing the page"))
    nbformat = import_light("nbformat")
    notebook = nbformat.read(str(executed), as_version=4)
    source = nbformat.read(str(desk.notebook(asked)), as_version=4)
    releases = releases_in(notebook)
    facts = facts_of(desk, releases, earlier=len(_answers(folder, EARLIER)))
    context = page_context(asked, desk, facts)
    try:
        pages = export_languages(
            notebook,
            source_notebook=source,
            lookup=desk.ledger.checked,
            context=context,
            languages=asked.definition.languages,
        )
    except TemplateError as problem:
        name, line = getattr(problem, "name", None), getattr(problem, "lineno", None)
        where = f" ({name}, line {line})" if name else ""
        raise RunFailed(
            f"{asked.words} failed: a template of the page is broken{where}: {problem.message}. "
            "Install workbench again. Its figures are in the ledger and cost nothing a second "
            "time; the last good page stays.",
            kind=type(problem).__name__,
            log=executed,
        ) from None
    refuse_leaks(pages, desk.find, desk.catalog.declared_words)
    return pages, releases, dropped(notebook)


def _executed(asked: Asked, desk: Desk, folder: Path, tell: Tell, prices: Path | None) -> Path:
    """Run the notebook, again where its kernel died; what it released is not paid for twice."""
    retries = asked.definition.retries
    answers = folder / _ANSWERS
    answers.unlink(missing_ok=True)
    environment = {ANSWERS_FILE: str(answers)}
    if prices:
        environment[PRICES_FILE] = str(prices)
    for attempt in range(retries + 1):
        try:
            return execute(asked, desk, tell, folder, environment)
        except RunFailed as failure:
            if not failure.kernel_died or attempt == retries:
                raise
            tell(f"{asked.words}: its kernel died; trying again, {attempt + 1} of {retries}")
    raise AssertionError  # the loop returns or raises


def _edition(
    asked: Asked,
    made: Published,
    unchanged: bool,
    spent_pico: int,
    releases: Sequence[str],
    desk: Desk,
) -> Edition:
    from workbench.reporting.published.index import mail_text

    delta, known = float(desk.catalog.privacy.delta), desk.ledger.gaussian
    return Edition(
        report=asked.definition.name,
        period=asked.period.text,
        variant=asked.variant.name,
        revision=made.edition.revision,
        page=made.page,
        index=desk.settings.path("published") / "index.html",
        unchanged=unchanged,
        changed=() if unchanged else made.edition.changed,
        alerts=next(iter(made.edition.alerts.values()), ()),
        mail=mail_text(made.edition, next(iter(made.edition.languages)), desk.settings.address),
        spent_now=round(epsilon_of(spent_pico, delta, known), 4),
        epsilon=round(epsilon_of(desk.ledger.spent_by(releases), delta, known), 4),
        left=desk.ledger.status(paced_by(asked.period), desk.now, share_of(asked.definition)),
    )
