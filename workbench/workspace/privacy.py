"""Questions asked of a workspace, answered privately and paid for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import reporting
from workbench.errors import PeriodError, QuestionRefused
from workbench.workspace.base import Opened

if TYPE_CHECKING:
    import ibis

    from workbench.privacy.books.entries import Part
    from workbench.privacy.budget import Share
    from workbench.privacy.clipping import Suggestion
    from workbench.privacy.grouping.grouped import Labelled
    from workbench.privacy.query import Marginals, Query
    from workbench.privacy.question import Question
    from workbench.privacy.release import Release
    from workbench.privacy.releasing import Asked
    from workbench.reporting.budget_table import BudgetTable


class Private(Opened):
    """Private releases, what they cost, and what officers decided about them."""

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
            What it may cost, one of the two: epsilon at the catalog's delta, or rho. In a
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
        return self._released([(name, query, epsilon, rho)], pure=pure)[0]

    def _released(
        self, wanted: Sequence[tuple[str, Query, object, object]], *, pure: bool = False
    ) -> list[Release]:
        """Answer named questions at their prices: all checked first, then paid for, or none."""
        from workbench.privacy.accounting import Cost
        from workbench.privacy.books.answers import handed_out
        from workbench.privacy.engine.running import nobodys, run, statements
        from workbench.privacy.planning import priced
        from workbench.privacy.question import resolve
        from workbench.privacy.releasing import Asked, Payer, release, series_of

        now = self.now()
        prices, known = os.environ.get(reporting.PRICES_FILE), self.ledger.gaussian
        checked: list[Asked] = []
        planned: list[Release] = []
        for name, query, epsilon, rho in wanted:
            question = resolve(query, self.catalog, now.date(), pure=pure)
            self.catalog.purpose(question.purpose, now.date())
            self.access.require_role(question.purpose, now=now)
            exceptions = self._require_private(question)
            cost = priced(question, epsilon, rho, prices=prices, gaussian=known)
            sql = statements(question)
            self._require_loaded(question)
            versions = [self._data_version(question, part) for part in question.parts]
            series = series_of(question, self.access.versions, versions)
            if reporting.PLAN_FILE in os.environ:
                foreseen = Asked(name, question, versions, cost or Cost(), series)
                planned.append(self._planned(foreseen))
                continue
            if cost is None:
                raise QuestionRefused(
                    "epsilon='auto' splits a report's budget over its questions, so it needs a "
                    "report: run 'workbench run' or 'workbench report plan', or give epsilon=… "
                    "here."
                )
            totals = partial(run, question, sql, self.access, now)
            told = self.catalog.table(question.table).without_customer
            nobody = partial(nobodys, question, told, self.access, now)
            checked.append(
                Asked(name, question, versions, cost, series, totals, exceptions, nobody)
            )
        if planned:
            return planned
        payer = Payer(self.ledger, run_share(), now)
        answers = release(checked, payer=payer, earlier=reporting.REUSE_ANSWERS in os.environ)
        for asked, answer in zip(checked, answers, strict=True):
            table, purpose = asked.question.table, asked.question.purpose
            event = {"table": table, "purpose": purpose, "release": answer.id}
            held = self.access.held([table])
            self.events.record("release", {**event, "held": held}, now=now)
            current = "+".join(dict.fromkeys(asked.data_versions))
            if file := os.environ.get(reporting.ANSWERS_FILE):  # of the run this works for
                on_earlier = reporting.EARLIER if answer.data_version != current else ""
                with Path(file).open("a", encoding="utf-8") as answered:
                    answered.write(f"{answer.id}{on_earlier}\n")
        return [handed_out(answer, self.ledger, self.now) for answer in answers]

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

        Raises
        ------
        QuestionRefused
            One of them cannot be answered as asked, two are the same, or they are too many to be
            made to agree; nothing was spent.
        BudgetExhausted
            A limit does not cover all of them; nothing was spent.
        """
        from workbench.privacy.accounting import PICO, price
        from workbench.privacy.operations.consistency import agreeing
        from workbench.privacy.planning import require_apart
        from workbench.privacy.question import resolve

        today = self.now().date()
        require_apart([resolve(each, self.catalog, today) for each in marginals.queries])
        cost = price(epsilon, rho, delta=self.catalog.privacy.delta, gaussian=self.ledger.gaussian)
        each = Decimal(cost.pico // len(marginals.queries)) / PICO
        wanted = enumerate(marginals.queries, 1)
        found = self._released([(f"{name}-{i}", query, None, each) for i, query in wanted])
        adding = ("customers", "rows", "sum", "mean", "rate")
        measures = [m.name for m in found[0].measures if m.kind in adding and not m.at_bound_of]
        try:
            return agreeing(found, measures)
        except QuestionRefused:
            sums = [measure for measure in measures if measure != "customers"]
        try:
            return agreeing(found, sums) if sums else found
        except QuestionRefused:
            return found  # why: they are paid for, and true as drawn

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
            A number or money column with declared ``bounds``.
        epsilon, rho : number or str
            What it may cost.
        share : float
            Share of customers whose total the bound should not cut.
        period : str or pair of str, optional
            The span whose totals are meant.

        Returns
        -------
        Suggestion
            The bounds, the lower one below 0 only where values may be, and the release they were
            read off.
        """
        from workbench.privacy.clipping import edges_of, read_off
        from workbench.privacy.grouping.bands import bands
        from workbench.privacy.grouping.opened import source_of
        from workbench.privacy.query import query

        name, _ = source_of(table)
        edges = edges_of(column, self.catalog.table(name))
        by = bands(column, edges, of="customer")
        asked = replace(query(table, by=by, period=period), given={}).customers()  # the catalog's
        found = self.release(asked, name=f"bounds-of-{column}", epsilon=epsilon, rho=rho)
        return read_off(found, column, edges, share)

    def clipping(
        self,
        query: Query,
        *,
        epsilon: object = None,
        rho: object = None,
        times: int = 4,
        name: str = "clipping",
    ) -> Release:
        """Estimate privately how much the contribution bounds cut off an answer.

        The question is asked once more with every bound ``times`` as wide, and the answer as
        bounded is taken off. What one customer has beyond the wider bounds too stays unseen.

        Parameters
        ----------
        query : Query
            Of ``.customers()``, ``.count()`` and ``.sum(…)``.
        epsilon, rho : number or str
            What the wider question may cost. The question as bounded costs as much, and nothing
            where it was answered as exactly before.
        times : int
            How many times as wide; the margin grows with it.
        name : str
            What to call the result.

        Returns
        -------
        Release
            ``<measure>_cut_off`` for every count, total and cell, with the margin of the estimate;
            add cells up with ``.derive(over=…)``.

        Raises
        ------
        QuestionRefused
            It asks for something bounds do not cut; nothing was spent.
        """
        from workbench.privacy.clipping import cut_off, wider
        from workbench.privacy.question import resolve

        wide = wider(query, resolve(query, self.catalog, self.now().date()), times)
        bounded = self.release(query, name=f"{name}-bounded", epsilon=epsilon, rho=rho)
        found = self.release(wide, name=f"{name}-{times}-times-wider", epsilon=epsilon, rho=rho)
        return found.derive(*cut_off(bounded, found, times), name=name)

    def budget(self, period: str | None = None) -> BudgetTable:
        """Return every limit with what is spent and left, for a period (this month by default).

        In a notebook it shows itself as a table; else it is a tuple of lines.
        """
        from workbench.reporting.budget_table import BudgetTable

        now = self.now()
        return BudgetTable(self.ledger.status(period or f"{now:%Y-%m}", now, run_share()))

    def _require_private(self, question: Question) -> list[str]:
        """Refuse groups fitted on raw rows; return what readers must know of exceptions."""
        from workbench.privacy.provenance import require_private

        # a plan's answers are in no ledger
        lookup = None if reporting.PLAN_FILE in os.environ else self.ledger.answer
        notes = [
            require_private(label.what, label, approvals=self.ledger.approvals(), lookup=lookup)
            for group in question.groups
            for label in (group.label,)
            if label is not None
        ]
        return [note for note in notes if note]

    def _planned(self, asked: Asked) -> Release:
        """Note what a question would cost, and return it without values."""
        from workbench.privacy.clipping import likely_cut
        from workbench.privacy.planning import blank, keep_blank, planned

        file = Path(os.environ[reporting.PLAN_FILE])
        question, now = asked.question, self.now()
        wanted = asked.orders if asked.cost.pico else []
        unpaid, earlier = (
            self.ledger.unanswered(wanted, earlier=reused, now=now)
            for reused in (reporting.REUSE_ANSWERS in os.environ, True)
        )
        answers = map(self.ledger.answer, reversed(self.ledger.releases()))
        cut = tuple(likely_cut(question, answers))
        line = planned(asked, unpaid, len(earlier) < len(unpaid), cut)
        with file.open("a", encoding="utf-8") as out:
            out.write(line.to_json() + "\n")
        made = blank(question, asked.name, len(file.read_text(encoding="utf-8").splitlines()), file)
        if question.one_row is None or not wanted or unpaid:
            return made
        # what a card asks next, and its bands, stand on what its tables told: as a run will ask
        return keep_blank(replace(self.ledger.answer_of(wanted[0]), origin=made.origin), file)

    def _require_loaded(self, question: Question) -> None:
        """Refuse a period that lies before the first month of its table: there is no data of it."""
        changes = [c for c in self.access.versions.changes if c.table == question.table]
        loaded = sorted(changes[-1].months) if changes else []
        asked = [month for part in question.parts for month in part.months or ()]
        if loaded and asked and max(asked) < loaded[0]:
            raise PeriodError(
                f"table '{question.table}' has no data of {max(asked)}: loaded is "
                f"{loaded[0]} to {loaded[-1]}. Ask about those months; nothing was spent."
            )

    def _data_version(self, question: Question, part: Part) -> str:
        versions = self.access.versions
        months = part.months
        if question.once and months:  # who is first in a month is told by the months before, too
            months = (*versions.before(question.table, months[0]), *months)
        if question.stocks and months:  # and who is in a stock by those since it begins
            months = tuple(each for each in question.stocks.months if each <= months[0])
        version = versions.of(question.table, months)
        ruled = {group.table for group in question.groups if group.rule is not None}
        joined = {group.table for group in question.groups if group.rule is None}
        rest = [each for each in question.tables[1:] if each not in ruled - joined]
        version += "".join(f"+{versions.of(table)}" for table in rest)
        for group in question.groups:
            if group.rule is not None and group.table is not None:
                months = group.rule.months
                if group.rule.ever and months:
                    months = (*versions.before(group.table, months[0]), *months)
                version += f"+{versions.of(group.table, months or None)}"
            if group.labels is not None:
                version += f"+{self._labels_version(group.labels)}"
        purpose = self.catalog.purposes[question.purpose]
        if purpose.consent and self.catalog.consents:
            return f"{version}+{versions.of(self.catalog.consents.table)}"
        return version

    def _labels_version(self, given: Labelled) -> str:
        """Return what tells labels given to customers from others; keyed, for it is published."""
        import hashlib
        import hmac

        from workbench.store.keys.master import derive

        pairs = sorted(zip(map(str, given.customers), map(str, given.labels), strict=True))
        text = "\n".join("\t".join(pair) for pair in pairs)
        key = derive(self.store.master_key, "labels")
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:16]


def run_share() -> Share | None:
    """Return the share of the report this process runs for, set by the runner."""
    from workbench.privacy.budget import Share

    report, epsilon = os.environ.get(reporting.RUN_REPORT), os.environ.get(reporting.RUN_SHARE)
    return Share(report, Decimal(epsilon)) if report and epsilon else None
