"""Reports of a workspace: planned, rendered, published, and what is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypedDict, Unpack

from workbench.errors import DefinitionError, ParameterError, PeriodError, RunFailed
from workbench.periods import Period
from workbench.store import Tell, quiet
from workbench.workspace.exports import Exports

if TYPE_CHECKING:
    from workbench.reporting.cost import Plan
    from workbench.reporting.definitions.definition import Definition, Variant
    from workbench.reporting.definitions.due import Due, Span
    from workbench.reporting.desk import Asked, Desk
    from workbench.reporting.runner import Edition
    from workbench.reporting.suite import Outcome

WAIT_SECONDS = 3600.0


class How(TypedDict, total=False):
    """How one edition is made, and which."""

    period: str | None
    parameters: Sequence[str]
    force: bool
    reuse_answers: bool
    wait_seconds: float
    progress: Tell


class Reports(Exports):
    """`ws.reports`: editions planned, rendered for a period, published, and what is due."""

    def render(self, name: str, **how: Unpack[How]) -> Edition:
        """Render one edition of a report and publish it, as ``workbench run NAME``.

        Parameters
        ----------
        name : str
            A definition in the reports folder.
        period : str, optional
            ``2026-09``; the last complete one when left out.
        parameters : sequence of str
            ``name=value`` texts; they choose one edition of a grid.
        force : bool
            Render even when the edition is there. Answers are still not paid for twice.
        reuse_answers : bool
            Show answers from before rows were erased, corrected, removed or came late again, where
            there are, and pay for none of them; the page says so. As in the definition.
        wait_seconds : float
            How long to wait for another run.
        progress : callable
            Told each step.

        Returns
        -------
        Edition
            Where the page is, what this run spent, what is left.

        Raises
        ------
        BudgetExhausted
            The whole of it does not fit what is left; nothing was asked and nothing spent.
        RunFailed
            A cell failed or nothing released was shown; the last good page stays.
        Busy
            Another run held this workspace for longer than that.
        LeakFound
            The page held an identifier; nothing was published.
        PublishError
            The published folder cannot be written.
        """
        self._require_one(name, how.get("parameters", ()))
        done = self.run(name, **how)
        for failure in done.failures:
            raise failure.error
        return done.editions[0]

    def run(
        self,
        name: str | None = None,
        *,
        due: bool = False,
        period: str | None = None,
        parameters: Sequence[str] = (),
        jobs: int | None = None,
        force: bool = False,
        reuse_answers: bool = False,
        wait_seconds: float = WAIT_SECONDS,
        progress: Tell = quiet,
    ) -> Outcome:
        """Render all editions of a report, of every report, or what is due.

        Parameters
        ----------
        name : str, optional
            A report; every one when left out.
        due : bool
            Only what is missing, of the periods whose time has come.
        period, parameters, force, reuse_answers, wait_seconds, progress
            As for `render`.
        jobs : int, optional
            How many editions at a time; as many as there are cores, four at most, when left out.

        Returns
        -------
        Outcome
            Editions, failures, what waits for data, and what is wrong with definitions: these are
            told first, and keep no other report from running.

        Raises
        ------
        Busy
            Another run held this workspace for longer than ``wait_seconds``.
        PeriodError
            The period is not there to be reported on; or the clock was set back, with ``due``.
        """
        from workbench.reporting.desk import turn
        from workbench.reporting.forking import forking
        from workbench.reporting.telling import require_running_clock

        definitions, problems = self._tellable(name, reuse_answers)
        if name is not None and problems:
            raise DefinitionError(f"report '{name}' cannot run here:", problems)
        for problem in problems:
            progress(problem)
        for each in definitions.values():
            each.editions(parameters)  # what is wrong is told before anybody is waited for
        what = "what is due" if due else f"'{name}'" if name else "all reports"
        what = f"{what} {period}" if period else what
        turns = turn(self.ws.private, what, self.ws.now(), wait_seconds=wait_seconds, tell=progress)
        with turns, ExitStack() as held:
            waiting: Sequence[Due] = ()
            if not due:  # it imports while this does, and opens the data
                held.enter_context(forking(self.ws.settings))
            from workbench.reporting.suite import Outcome, run_suite

            if due:
                require_running_clock(self.ws.private, self.ws.now())
                asked, waiting = self._due(definitions, period)
            else:
                asked = self._asked(definitions, period, parameters, progress)
            self._withdraw_failures()
            done = Outcome()
            if asked:
                held.enter_context(forking(self.ws.settings))
                done = run_suite(asked, self.desk(), jobs=jobs, force=force, tell=progress)
        return Outcome(done.editions, done.failures, tuple(waiting), problems)

    def due(self) -> tuple[Due, ...]:
        """Return the editions that are missing, oldest period first.

        Read off what is published, not off the clock: whoever calls `run` with ``due=True``, and
        however often, gets each edition once.
        """
        return self._owed(self._definitions(None)[0])

    def wrong_definitions(self) -> tuple[str, ...]:
        """Return everything that is wrong with report definitions; those named do not run."""
        return self._tellable()[1]

    def schedule(self, scheduler: str) -> str:
        """Return what to install so that what is due is run, for one scheduler.

        Parameters
        ----------
        scheduler : {"cron", "systemd", "airflow", "kubernetes"}
        """
        from workbench.reporting.definitions.due import schedule_for

        definitions, _ = self._definitions(None)
        return schedule_for(scheduler, definitions.values(), self.ws.settings.root)

    def plan(
        self,
        name: str,
        *,
        period: str | None = None,
        parameters: Sequence[str] = (),
        reuse_answers: bool = False,
        progress: Tell = quiet,
    ) -> Plan:
        """Return what an edition would cost and how exact it would be; nothing is spent.

        Parameters
        ----------
        name, period, parameters, reuse_answers, progress
            As for `render`.

        Returns
        -------
        Plan
            Each question's cost, expected margins, margin relative to a group of a stated size,
            and every limit as it stands.
        """
        from workbench.reporting.cost import aside, plan

        self._require_one(name, parameters)
        definitions, _ = self._definitions(name, reuse_answers)
        (asked,) = self._asked(definitions, period, parameters)
        progress(f"{asked.words}: planning; nothing is paid")
        desk = self.desk()
        with aside(desk.folder(asked)) as folder:
            return plan(asked, desk, folder, progress)

    def rehearse(self, name: str, progress: Tell = quiet) -> tuple[str, ...]:
        """Return what the next edition of a report would fail by, found without paying anything.

        Its notebook is planned and its page drawn without figures; of a grid, the first edition's.
        What was found sound is not looked at again before it changes.
        """
        from workbench.reporting.cost import aside, plan
        from workbench.reporting.facts import edition_identity

        definitions, _ = self._definitions(name)
        try:
            asked = self._asked(definitions, None, ())[0]
        except PeriodError:
            return ()  # none of its periods is over yet, so there is nothing to draw
        desk = self.desk()
        identity = edition_identity(asked, desk.notebook(asked).read_bytes(), desk)
        with aside(desk.folder(asked)) as folder:
            sound = folder / "sound"
            if sound.is_file() and sound.read_text(encoding="utf-8") == identity:
                return ()
            progress(f"{asked.words}: rehearsing; nothing is paid")
            try:
                wrong = plan(asked, desk, folder).wrong
            except RunFailed as failure:  # before it asked anything
                return (str(failure),)
            if not wrong:
                sound.write_text(identity, encoding="utf-8")
            return wrong

    def last_complete_month(self) -> Period:
        """Return the last month that the data covers to its end, give or take three quiet days."""
        from workbench.reporting.notebooks.reads import whole

        return whole(self._spans().values()).last_complete("month")

    def _spans(self) -> Mapping[str, Span]:
        """Return what is loaded of each table."""
        from workbench.reporting.notebooks.reads import spans_of

        ws = self.ws
        return spans_of(ws.private, ws.catalog.tables, ws.now().date(), lambda: ws.access)

    def _definitions(
        self, name: str | None, reuse_answers: bool = False
    ) -> tuple[Mapping[str, Definition], tuple[str, ...]]:
        """Return the reports that are meant, and what is wrong with others."""
        from workbench.reporting.definitions.reading import find_definition, load_all

        reports, notebooks = self.ws.settings.path("reports"), self.ws.settings.path("notebooks")
        problems: tuple[str, ...] = ()
        if name is not None:
            found = {name: find_definition(name, reports, notebooks)}
        else:
            found, problems = load_all(reports, notebooks)
        if reuse_answers:
            changed = {"reuse_answers": True}
            found = {each: found[each].model_copy(update=changed) for each in found}
        return found, problems

    def _tellable(
        self, name: str | None = None, reuse_answers: bool = False
    ) -> tuple[Mapping[str, Definition], tuple[str, ...]]:
        """Return the reports whose hooks can be told here, and what is wrong with others."""
        from workbench.reporting.telling import tellable

        definitions, problems = self._definitions(name, reuse_answers)
        able, mute = tellable(definitions, self.ws.settings.path("reports"))
        return able, (*problems, *mute)

    def _require_one(self, name: str, parameters: Sequence[str]) -> None:
        definitions, _ = self._definitions(name)
        variants = definitions[name].editions(parameters)
        if len(variants) > 1:
            known = "; ".join(each.name for each in variants)
            raise ParameterError(
                f"report '{name}' has {len(variants)} editions a period: {known}. Choose one with "
                "-p, or run them all with 'workbench run' or ws.reports.run."
            )

    def _asked(
        self,
        definitions: Mapping[str, Definition],
        period: str | None,
        parameters: Sequence[str],
        tell: Tell = quiet,
    ) -> list[Asked]:
        """Return the editions of a period; a report that has none then is left out, and told.

        Raises
        ------
        PeriodError
            None of the reports can be about it.
        """
        from workbench.reporting.definitions.due import choose_period
        from workbench.reporting.desk import Asked

        today, asked, left_out = self.ws.now().date(), list[Asked](), dict[str, PeriodError]()
        for name, definition in definitions.items():
            for variant in definition.editions(parameters):
                span = self._span(definition, [variant])
                try:
                    chosen = choose_period(period, definition.period, span, today)
                    if chosen.end <= span.start:
                        raise PeriodError(
                            f"the data has no {chosen.kind} to report on yet: it begins with "
                            f"{span.start:%Y-%m} and ends on {span.last_day}. Load more first."
                        )
                except PeriodError as refused:
                    left_out[name] = refused
                else:
                    asked.append(Asked(definition, chosen, variant))
        if left_out and not asked:
            raise next(iter(left_out.values()))
        for name, problem in left_out.items():
            tell(f"'{name}' is left out: {problem}")
        return asked

    def _owed(self, definitions: Mapping[str, Definition]) -> tuple[Due, ...]:
        """Return which of the reports' editions are missing, oldest period first."""
        from workbench.reporting.definitions.due import due

        published, now = self.ws.settings.path("published"), self.ws.now()
        found = [
            each
            for definition in definitions.values()
            if definition.schedule
            for each in due([definition], published, now, self._span(definition))
        ]
        return tuple(sorted(found, key=lambda each: each.period.end))

    def _due(
        self, definitions: Mapping[str, Definition], period: str | None
    ) -> tuple[list[Asked], list[Due]]:
        from workbench.reporting.desk import Asked

        found = [d for d in self._owed(definitions) if period in (None, d.period.text)]
        able = [d for d in found if not d.waiting]
        asked = [Asked(d.definition, d.period, d.variant, scheduled=True) for d in able]
        return asked, [d for d in found if d.waiting]

    def _withdraw_failures(self) -> None:
        """Take back that an edition failed where it is no longer due, or its report is gone."""
        from workbench.reporting.definitions.reading import definition_paths
        from workbench.reporting.published import failures
        from workbench.reporting.published.files import FAILED

        published = self.ws.settings.path("published")
        if not any(published.glob(f"*/{FAILED}")):
            return
        definitions, _ = self._definitions(None)
        # one that is wrong is to be mended; nobody can say what is due of it
        unread = {*definition_paths(self.ws.settings.path("reports"))} - {*definitions}
        owed = self._owed(definitions)
        places = {(each.definition.name, each.variant.place(each.period)) for each in owed}
        failures.withdraw_failures(
            published, lambda report, place: report in unread or (report, place) in places
        )

    def _span(self, definition: Definition, variants: Sequence[Variant] = ()) -> Span:
        """Return what the data covers of the tables that a report reads."""
        from workbench.reporting.notebooks.reads import span_of

        notebook = self.ws.settings.path("notebooks") / definition.notebook
        editions = variants or definition.variants
        return span_of(notebook, [each.values for each in editions], self._spans())

    def desk(self) -> Desk:
        """Return what a run needs of its workspace."""
        from workbench.reporting.runner import Desk
        from workbench.store.reading.identifying import remembered

        ws, access, now = self.ws, self.ws.access, self.ws.now()
        return Desk(
            settings=ws.settings,
            catalog=ws.catalog,
            ledger=ws.ledger,
            private=ws.private,
            data_version=ws.seal.version(access.versions.of_all()),
            as_of=max(filter(None, access.as_of.values()), default=now.date().isoformat()),
            snapshot=access.snapshot,
            find=remembered(access.find_identifiers),
            now=now,
            begins=lambda definition: self._span(definition).start,
        )
