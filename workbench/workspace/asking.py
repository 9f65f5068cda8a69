"""`ws.ask()`: what is wanted, from what was released where that will do, else with its price.

A question is asked in the catalog's own words: measures, groups and filters of a table. What was
released may answer more than what it was released for: finer tables add up, rows of them are
picked, months of a series stand alone. That is looked for first, since it costs nothing; only what
no release can answer has a price, and is paid on nobody's glance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.catalog import NUMERIC
from workbench.errors import PeriodError, QuestionRefused, UnknownName, require_known
from workbench.workspace.answerable import (
    MEASURES,
    Answerable,
    Wanted,
    call_of,
    code_for,
    derivation,
    form,
    name_of,
    widest,
)
from workbench.workspace.data import Data
from workbench.workspace.privacy import Private

if TYPE_CHECKING:
    from workbench.privacy.query import Query
    from workbench.privacy.release import Release
    from workbench.privacy.sheets import Sheet


class Asking(Data, Private):
    """Questions in the catalog's words."""

    def ask(self) -> Any:
        """Show a form in JupyterLab that asks a question in the catalog's words; pays nothing.

        It tells what answers the question and what that costs, and puts the code into the next
        cell on a click. Where no kernel is watched, as in a scheduled run, it shows nothing.
        """
        return form(self)

    def choices(self, table: str, purpose: str) -> dict[str, tuple[str, ...]]:
        """Return what can be asked of a table for a purpose.

        Returns
        -------
        dict
            ``measures``; ``by``: columns with declared values, and ``month``.
        """
        self.catalog.purpose(purpose, self.now().date())
        columns = self.catalog.columns_for(table, purpose)
        numbers = [
            name
            for name, each in columns.items()
            if each.type in NUMERIC and each.bounds and each.customer_bounds
        ]
        measures = (*MEASURES, *(f"{name}_{kind}" for name in numbers for kind in ("sum", "mean")))
        groups = [name for name, each in columns.items() if each.values]
        month = ["month"] if self.catalog.table(table).time else []
        return {"measures": measures, "by": (*month, *groups)}

    def foresee(
        self, table: str, purpose: str, *, epsilon: object = 0.1, **asked: Any
    ) -> Answerable:
        """Return what would answer a question, at what cost and how exactly; nothing is spent.

        Parameters
        ----------
        table, purpose : str
        measures : sequence of str
            ``customers``, ``rows``, ``amount_sum``, ``amount_mean``; see `choices`.
        by : sequence of str
            Columns with declared values, or ``month``.
        where : mapping, optional
            Column to one of its declared values.
        period : str or pair of str
            ``2026-09``, or first and last month.
        epsilon : number or str
            What it may cost where no release will do.

        Raises
        ------
        UnknownName
            A measure, group or value that the catalog does not declare for this purpose.
        """
        wanted = self._wanted(table, purpose, **asked)
        return self._found(wanted) or self._priced(wanted, epsilon)

    def answer(self, table: str, purpose: str, *, epsilon: object = 0.1, **asked: Any) -> Release:
        """Answer a question from what was released, else pay for it; parameters as `foresee`.

        Raises
        ------
        BudgetExhausted
            No release will do, and a limit does not cover it; nothing was spent.
        """
        wanted = self._wanted(table, purpose, **asked)
        best = next(self._candidates(wanted), None)
        if best is None:
            return self.release(self._query(wanted), name=name_of(wanted), epsilon=epsilon)
        _, release, arguments = best
        return release.derive(*wanted.measures, **arguments, name=name_of(wanted))

    def stored(self, release: str) -> Release:
        """Return an answer that is in the ledger by its id, to derive from and to draw.

        Raises
        ------
        UnknownName
            The ledger holds no such answer.
        AccessRefused
            No role of this user's allows the purpose it was asked for.
        """
        from workbench.privacy.books.answers import handed_out

        found = self.ledger.checked(release)
        if self.settings.roles:
            self.access.require_role(found.purpose, now=self.now())
        return handed_out(found, self.ledger, self.now)

    # ------------------------------------------------------------------ inside

    def _wanted(
        self,
        table: str,
        purpose: str,
        *,
        measures: Sequence[str] = ("customers",),
        by: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        period: str | tuple[str, str],
    ) -> Wanted:
        """Return what is wanted, checked against the catalog."""
        from workbench.privacy.expressions import names

        where, measures, by = where or {}, tuple(dict.fromkeys(names(measures))), names(by)
        known = self.choices(table, purpose)
        columns = self.catalog.columns_for(table, purpose)
        require_known(f"measure of '{table}'", known["measures"], *measures)
        require_known(f"group column of '{table}'", known["by"], *by, *where)
        for name, value in where.items():
            if name == "month" or value not in columns[name].values:
                values = [str(each) for each in columns[name].values] if name in columns else []
                raise UnknownName(f"value of {name}", str(value), values)
        if not measures or not period:
            raise QuestionRefused(
                "ask for one measure or more of a period: measures=['customers']."
            )
        return Wanted(table, purpose, measures, tuple(by), dict(where), period)

    def _query(self, wanted: Wanted, by: Sequence[str] | None = None, **changed: Any) -> Query:
        from workbench.privacy.query import query

        where, period = changed.get("where", wanted.where), changed.get("period", wanted.period)
        made = query(
            self.open(wanted.table, wanted.purpose),
            by=list(wanted.by if by is None else by),
            where=dict(where) or (),
            period=period,
        )
        for method, columns in map(call_of, wanted.measures):
            made = getattr(made, method)(*columns)
        return made

    def _found(self, wanted: Wanted) -> Answerable | None:
        from workbench.figures.language import Language
        from workbench.figures.notes import bounded

        best = next(self._candidates(wanted), None)
        if best is None:
            return None
        margins, release, arguments = best
        kept = [each for each in release.measures if each.name in margins]
        told = [bounded(each, Language(), alone=True) for each in kept]
        words = ", ".join(map(repr, wanted.measures))
        words += "".join(f", {key}={value!r}" for key, value in arguments.items())
        return Answerable(
            f"answer = ws.stored({release.id!r}).derive(\n    {words}, name={name_of(wanted)!r})\n"
            "answer\n",
            release.id,
            0.0,
            self._left(wanted),
            margins,
            told=", ".join(filter(None, dict.fromkeys(told))),
        )

    def _candidates(
        self, wanted: Wanted
    ) -> Iterator[tuple[dict[str, float], Release, dict[str, Any]]]:
        """Yield the releases that answer, the most exact first, with what to derive."""
        found = []
        for release in self._answers(wanted):
            arguments = derivation(release, wanted)
            sheet = None if arguments is None else self._derived(release, wanted, arguments)
            margins = {} if sheet is None else widest(sheet)
            if arguments is None or not margins.keys() >= {*wanted.measures}:
                continue  # why: what it knows nothing of it does not answer
            given = release.mechanism.get("given", {}).get("numbers", {})
            found.append((bool(given), sum(margins.values()), release.id, margins, arguments))
        for _, _, name, margins, arguments in sorted(found, key=lambda each: each[:3]):
            yield margins, self.stored(name), arguments

    def _answers(self, wanted: Wanted) -> Iterator[Release]:
        """Yield stored answers about the table for the purpose, of the data as it is now."""
        from workbench.privacy.release import Release

        for kind in ("answer", "derived"):
            for entry in self.ledger.chain.entries(kind):
                text = str(entry.body["answer"])
                if kind == "derived" and '"kind":"joined"' not in text:
                    continue
                release = Release.from_json(text)
                if (release.table, release.purpose) == (wanted.table, wanted.purpose):
                    yield release

    def _derived(
        self, release: Release, wanted: Wanted, arguments: Mapping[str, Any]
    ) -> Sheet | None:
        """Return what a release says of the question, if it was asked of the same rows."""
        from workbench.privacy.expressions import asked, expression
        from workbench.privacy.identity import labels
        from workbench.privacy.question import resolve
        from workbench.privacy.sheets import apply
        from workbench.privacy.tables import sheet_of

        axes = [each.name for each in release.by]
        rest = {name: value for name, value in wanted.where.items() if name not in axes}
        first, _, last = str(release.period).partition("..")
        try:
            query = self._query(wanted, axes, where=rest, period=(first, last or first))
            question = resolve(query, self.catalog, self.now().date())
        except (QuestionRefused, UnknownName, PeriodError):
            return None
        part = release
        if release.mechanism["kind"] == "joined":
            part = self.ledger.answer(release.mechanism["parts"][0])
        groups = {key for key in labels(question) if key.startswith("group ")}
        had = {key for key in part.mechanism.get("labels", {}) if key.startswith("group ")}
        versions = dict.fromkeys(self._data_version(question, each) for each in question.parts)
        same = groups == had and part.mechanism.get("where") == question.parts[0].canonical["where"]
        if not same or release.data_version != "+".join(versions):
            return None
        figures = [expression(each) for each in wanted.measures]
        recipe = asked(figures, arguments.get("where", {}), tuple(arguments.get("over", ())), False)
        try:
            return apply("derive", recipe, [sheet_of(release, self.ledger.answer)])
        except (QuestionRefused, UnknownName):
            return None  # why: distinct customers of groups do not add up, say

    def _priced(self, wanted: Wanted, epsilon: object) -> Answerable:
        """Return what a new answer costs and how exact it would be."""
        from workbench.privacy.accounting import price
        from workbench.privacy.planning import planned
        from workbench.privacy.question import resolve
        from workbench.privacy.releasing import Asked, series_of

        now, delta = self.now(), self.catalog.privacy.delta
        question = resolve(self._query(wanted), self.catalog, now.date())
        cost = price(epsilon, delta=delta, gaussian=self.ledger.gaussian)
        versions = [self._data_version(question, part) for part in question.parts]
        series = series_of(question, self.access.versions, versions)
        asked = Asked(name_of(wanted), question, versions, cost, series)
        line = planned(asked, self.ledger.unanswered(asked.orders, now=now))
        left = self._left(wanted)
        told = f"It does not fit: {left:.2f} is left." if line.epsilon > left else ""
        return Answerable(
            code_for(wanted, epsilon), None, line.epsilon, left, line.margins, line.relative, told
        )

    def _left(self, wanted: Wanted) -> float:
        last = wanted.span.rpartition("..")[2]
        return min(each.left for each in self.ledger.status(last, self.now()))
