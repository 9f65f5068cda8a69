"""A workspace: settings, catalog, store and ledger, opened once."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.catalog import Catalog, load_catalog
from workbench.errors import PeriodError, QuestionRefused, SettingsError
from workbench.periods import Period
from workbench.reporting import environment
from workbench.settings import FILE_NAME, Settings, find_settings, load_settings

if TYPE_CHECKING:
    import ibis

    from workbench.privacy.accounting import Price
    from workbench.privacy.ledger import Ledger, Line, Share
    from workbench.privacy.provenance import Approval
    from workbench.privacy.query import Marginals, Query
    from workbench.privacy.question import Part, Question
    from workbench.privacy.release import Release
    from workbench.privacy.suggesting import Suggestion
    from workbench.reporting.definition import Definition, Value
    from workbench.reporting.desk import Desk
    from workbench.reporting.planner import Plan
    from workbench.reporting.runner import Edition
    from workbench.store.access import Access
    from workbench.store.audit import Audit
    from workbench.store.engine import Store

QUIET_DAYS = dt.timedelta(days=3)
GROUP_SIZE = 1000  # customers of the group that relative margins of a plan are stated for


def utc_now() -> dt.datetime:
    """Return the current time in UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Workspace:
    """Everything about one body of customer data, opened once.

    Attributes
    ----------
    settings : Settings
    now : callable
        The clock; tests hand in another.

    Examples
    --------
    >>> import workbench as wb
    >>> ws = wb.open_workspace()  # doctest: +SKIP
    >>> tx = ws.open("transactions", purpose="reporting")  # doctest: +SKIP
    """

    settings: Settings
    now: Callable[[], dt.datetime] = field(default=utc_now, compare=False)

    @cached_property
    def catalog(self) -> Catalog:
        """The declared data dictionary."""
        return load_catalog(self.settings.path("catalog"))

    @cached_property
    def private(self) -> Path:
        """The private folder: store, ledger, audit log, keys, runs; made with mode 0700."""
        path = self.settings.path("private")
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    @cached_property
    def store(self) -> Store:
        """The encrypted data."""
        from workbench.store.engine import Store

        return Store(self.private)

    @cached_property
    def audit(self) -> Audit:
        """Who read what."""
        from workbench.store.audit import Audit

        return Audit(self.private)

    @cached_property
    def ledger(self) -> Ledger:
        """What was spent, and every answer."""
        from workbench.privacy.ledger import Ledger

        privacy = self.catalog.privacy
        return Ledger(self.private, privacy.limits, privacy.delta, self.settings.path("published"))

    @cached_property
    def access(self) -> Access:
        """Purpose-bound reading of the newest snapshot, fixed when first used."""
        from workbench.store.access import Access

        pinned = os.environ.get(environment.SNAPSHOT)
        return Access(self.store, self.catalog, self.audit, int(pinned) if pinned else None)

    def init(self, progress: Callable[[str], None] = lambda _: None) -> Mapping[str, int]:
        """Make the key and load the estate's files where new or changed; rows per loaded table."""
        from workbench.store.ingest import load_estate

        catalog = self.catalog
        self.store.make_key()
        return load_estate(
            self.store,
            catalog,
            self.settings.path("source"),
            today=self.now().date(),
            progress=progress,
        )

    def open(self, table: str, purpose: str) -> ibis.Table:
        """Open a table for a purpose.

        Parameters
        ----------
        table, purpose : str
            Names declared in the catalog.

        Returns
        -------
        ibis.Table
            Lazy: only the purpose's columns, only customers whose consent holds now where that
            is the basis, customers under the purpose's own pseudonyms. An audit row is written
            before this returns, refusals included.

        Raises
        ------
        UnknownName
            No such table or purpose.
        AccessRefused
            The purpose expired or may not read this table.
        """
        return self.access.open(table, purpose, now=self.now())

    def release(
        self,
        query: Query,
        *,
        name: str,
        epsilon: object = None,
        rho: object = None,
        pure: bool = False,
    ) -> Release:
        """Answer a question with differential privacy, paid from the customers' budget.

        Parameters
        ----------
        query : Query
            From `workbench.query`.
        name : str
            What to call the answer; not part of its identity.
        epsilon, rho : number or str
            What it may cost, one of the two: epsilon at the catalog's delta, or zCDP rho. In a
            report ``epsilon="auto"`` takes its share of what the report may spend. A
            question grouped by month shares it equally among its months; months that were
            answered before cost nothing.
        pure : bool
            Answer with pure differential privacy: counts only, cells beyond the bound left out.

        Returns
        -------
        Release
            Every declared cell with its value, 95 % margin, cost, and what is left. The same
            question on the same data is answered from the ledger at no further cost.

        Raises
        ------
        QuestionRefused
            It cannot be answered privately as asked; nothing was spent.
        BudgetExhausted
            A limit does not cover it; nothing was spent.
        """
        from workbench.privacy.forms import handed_out
        from workbench.privacy.pricing import priced
        from workbench.privacy.question import resolve
        from workbench.privacy.releasing import Payer, release, statements
        from workbench.privacy.running import run

        now = self.now()
        question = resolve(query, self.catalog, now.date(), pure=pure)
        self.catalog.purpose(question.purpose, now.date())
        exceptions = self._require_private(question)
        prices = os.environ.get(environment.PRICES_FILE)
        delta = self.catalog.privacy.delta
        cost = priced(question, epsilon, rho, delta=delta, pure=pure, prices=prices)
        sql = statements(question)
        versions = [self._data_version(question, part) for part in question.parts]
        if environment.PLAN_FILE in os.environ:
            return self._planned(question, name, cost, versions)
        if cost is None:
            raise QuestionRefused(
                "epsilon='auto' splits a report's budget over its questions, so it needs a report: "
                "run 'workbench run' or 'workbench plan', or give epsilon=… here."
            )
        answer = release(
            question,
            lambda: run(question, sql, self.access, now),
            payer=Payer(self.ledger, name, run_share(), now),
            catalog=self.catalog,
            data_versions=versions,
            cost=cost,
            exceptions=exceptions,
        )
        self.audit.record(
            "release",
            {"table": question.table, "purpose": question.purpose, "release": answer.id},
            now=now,
        )
        return handed_out(answer, self.ledger, self.now)

    def _require_private(self, question: Question) -> list[str]:
        """Refuse groups fitted on raw rows; return what readers must know of exceptions."""
        from workbench.privacy.provenance import require_private

        notes = [
            require_private(
                group.labels.label.what,
                group.labels.label,
                approvals=self.ledger.approvals(),
                lookup=self.ledger.answer,
            )
            for group in question.groups
            if group.labels is not None
        ]
        return [note for note in notes if note]

    def approve(self, what: str, reason: str, *, role: str | None = None) -> Approval:
        """Record an officer's exception for something that was fitted on raw rows.

        Parameters
        ----------
        what : str
            As the refusal named it.
        reason : str
            Why it may be published; pages show it.
        role : str, optional
            ``officer``; ``$WORKBENCH_ROLE`` when left out. It is self-declared.
        """
        return self.ledger.approve(what, reason, role=role, now=self.now())

    def release_marginals(
        self, marginals: Marginals, *, name: str, epsilon: object = None, rho: object = None
    ) -> list[Release]:
        """Answer a set of tables together, and make totals agree with their parts.

        Parameters
        ----------
        marginals : Marginals
            From `workbench.marginals`.
        name, epsilon, rho
            As for `release`; the tables share the price equally.

        Returns
        -------
        list of Release
            One a table, in order. Distinct customers are adjusted only where every group column
            is declared to have one value a customer; else they stay as they were drawn.
        """
        from workbench.privacy.accounting import PICO, price
        from workbench.privacy.consistency import consistent

        cost = price(epsilon, rho, delta=self.catalog.privacy.delta)
        each = Decimal(cost.pico // len(marginals.queries)) / PICO
        found = [
            self.release(query, name=f"{name}-{number}", rho=each)
            for number, query in enumerate(marginals.queries, 1)
        ]
        adding = ("customers", "rows", "sum", "mean")
        measures = [m.name for m in found[0].measures if m.kind in adding]
        try:
            return consistent(found, measures)
        except QuestionRefused:
            sums = [measure for measure in measures if measure != "customers"]
            return consistent(found, sums) if sums else found

    def _planned(
        self, question: Question, name: str, cost: Price | None, versions: Sequence[str]
    ) -> Release:
        """Note what a question would cost, and return it without values."""
        from workbench.privacy.planning import blank, planned
        from workbench.privacy.releasing import shared

        file = Path(os.environ[environment.PLAN_FILE])
        pico = cost.pico if cost else 0
        parts = question.parts
        unpaid = self.ledger.unanswered(parts, versions, shared(cost, len(parts))) if cost else 0
        line = planned(question, name, pico, unpaid, self.catalog.privacy.delta, GROUP_SIZE)
        with file.open("a", encoding="utf-8") as out:
            out.write(line.to_json() + "\n")
        return blank(question, name, len(file.read_text(encoding="utf-8").splitlines()))

    def _data_version(self, question: Question, part: Part) -> str:
        versions = self.access.versions
        version = versions.of(question.table, part.months)
        version += "".join(f"+{versions.of(table)}" for table in question.tables[1:])
        purpose = self.catalog.purposes[question.purpose]
        if purpose.consent and self.catalog.consents:
            return f"{version}+{versions.of(self.catalog.consents.table)}"
        return version

    def render(
        self,
        name: str,
        *,
        period: str | None = None,
        parameters: Sequence[str] = (),
        force: bool = False,
        progress: Callable[[str], None] = lambda _: None,
    ) -> Edition:
        """Render a report and publish it, as ``workbench run NAME``.

        Parameters
        ----------
        name : str
            A definition in the reports folder.
        period : str, optional
            ``2026-09``; the last complete month when left out.
        parameters : sequence of str
            ``name=value`` texts.
        force : bool
            Render even when the edition is there. Answers are still not paid for twice.
        progress : callable
            Told each step.

        Returns
        -------
        Edition
            Where the page is, what this run spent, what is left.
        """
        from workbench.reporting.runner import run

        definition, values, chosen = self._asked(name, period, parameters)
        return run(definition, chosen, values, self._desk(), force=force, tell=progress)

    def plan(
        self,
        name: str,
        *,
        period: str | None = None,
        parameters: Sequence[str] = (),
        progress: Callable[[str], None] = lambda _: None,
    ) -> Plan:
        """Return what an edition would cost and how exact it would be; nothing is spent.

        Parameters
        ----------
        name, period, parameters, progress
            As for `render`.

        Returns
        -------
        Plan
            Each question's cost, expected margins, margin relative to a group of a stated size,
            and every limit as it stands.
        """
        from workbench.reporting.planner import plan

        definition, values, chosen = self._asked(name, period, parameters)
        return plan(definition, chosen, values, self._desk(), progress)

    def _asked(
        self, name: str, period: str | None, parameters: Sequence[str]
    ) -> tuple[Definition, dict[str, Value], Period]:
        from workbench.reporting.definition import find_definition
        from workbench.reporting.runner import choose_period

        definition = find_definition(
            name, self.settings.path("reports"), self.settings.path("notebooks")
        )
        values = definition.values(parameters)
        return (
            definition,
            values,
            choose_period(period, self.last_complete_month(), self.now().date()),
        )

    def suggest_bounds(
        self,
        table: ibis.Table,
        column: str,
        *,
        epsilon: object = None,
        rho: object = None,
        share: float = 0.98,
        period: str | tuple[str, str] | None = None,
    ) -> Suggestion:
        """Learn privately how much one customer's total may count for.

        Parameters
        ----------
        table : ibis.Table
            From `open`.
        column : str
            A number or money column with declared ``bounds``, not negative.
        epsilon, rho : number or str
            What it may cost.
        share : float
            Share of customers whose total the bound should not cut.
        period : str or pair of str, optional
            The span whose totals are meant.

        Returns
        -------
        Suggestion
            The upper bound, and the release it was read off.
        """
        from workbench.privacy.query import bands, query
        from workbench.privacy.question import source_of
        from workbench.privacy.suggesting import ladder, read_off

        name, _ = source_of(table)
        edges = ladder(column, self.catalog.table(name))
        asked = query(table, by=bands(column, edges, of="customer"), period=period).customers()
        found = self.release(asked, name=f"bounds-of-{column}", epsilon=epsilon, rho=rho)
        return read_off(found, column, edges, share)

    def _desk(self) -> Desk:
        from workbench.reporting.runner import Desk

        access = self.access
        return Desk(
            settings=self.settings,
            catalog=self.catalog,
            ledger=self.ledger,
            private=self.private,
            data_version=access.versions.of_all(),
            as_of=max(day for day in access.as_of.values() if day),
            snapshot=access.snapshot,
            find=access.find_identifiers,
            now=self.now(),
        )

    def budget(self, period: str | None = None) -> tuple[Line, ...]:
        """Return every limit with what is spent and left, for a period (this month by default)."""
        now = self.now()
        return self.ledger.status(period or f"{now:%Y-%m}", now, run_share())

    def last_complete_month(self) -> Period:
        """Return the last month that the data covers to its end, give or take three quiet days."""
        days = [day for day in self.access.as_of.values() if day]
        if not days:
            raise PeriodError("no table of this estate declares a time column, so name a period.")
        first_after = dt.date.fromisoformat(max(days)) + QUIET_DAYS + dt.timedelta(days=1)
        return Period.containing(first_after).previous()


def run_share() -> Share | None:
    """Return the share of the report this process runs for, set by the runner."""
    from workbench.privacy.ledger import Share

    report, epsilon = os.environ.get(environment.RUN_REPORT), os.environ.get(environment.RUN_SHARE)
    return Share(report, Decimal(epsilon)) if report and epsilon else None


def open_workspace(
    path: str | Path | None = None, *, now: Callable[[], dt.datetime] = utc_now
) -> Workspace:
    """Open a workspace.

    Parameters
    ----------
    path : path, optional
        Its folder or its workbench.toml. When left out: ``$WORKBENCH_WORKSPACE``, else the
        nearest workbench.toml in this folder or above.
    now : callable, optional
        The clock.

    Raises
    ------
    SettingsError
        There is none, or it is wrong.
    """
    if path is None:
        return Workspace(load_settings(find_settings()), now)
    given = Path(path)
    file = given if given.suffix == ".toml" else given / FILE_NAME
    if not file.is_file():
        raise SettingsError(f"no {FILE_NAME} in {given}. Name the folder of a workspace.")
    return Workspace(load_settings(file), now)


def lookup(folder: Path) -> Callable[[str], Release]:
    """Return the look-up of answers in the workspace that holds ``folder``, for exporters."""
    return open_workspace(find_settings(folder)).ledger.answer
