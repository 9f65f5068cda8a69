"""Reports of a workspace: planned, rendered, published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from workbench.errors import PeriodError
from workbench.periods import Period
from workbench.workspace.base import Opened

if TYPE_CHECKING:
    from workbench.reporting.definition import Definition
    from workbench.reporting.desk import Desk
    from workbench.reporting.parameters import Value
    from workbench.reporting.planner import Plan
    from workbench.reporting.runner import Edition

QUIET_DAYS = dt.timedelta(days=3)


class Reports(Opened):
    """Editions, rendered for a period."""

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

    def last_complete_month(self) -> Period:
        """Return the last month that the data covers to its end, give or take three quiet days."""
        days = [day for day in self.access.as_of.values() if day]
        if not days:
            raise PeriodError("no table of this estate declares a time column, so name a period.")
        first_after = dt.date.fromisoformat(max(days)) + QUIET_DAYS + dt.timedelta(days=1)
        return Period.containing(first_after).previous()

    def _asked(
        self, name: str, period: str | None, parameters: Sequence[str]
    ) -> tuple[Definition, dict[str, Value], Period]:
        from workbench.reporting.definition_files import find_definition
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
