"""Decisions that wait: what each may bring, advice by its whole margin, a way to its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, require_known
from workbench.privacy.arguments import checked
from workbench.privacy.columns import advised

if TYPE_CHECKING:
    from workbench.privacy.operational import Exact
    from workbench.privacy.release import Release
    from workbench.workspace import Workspace

SOURCE, _KINDS = "decision register", {"decided": "date"}


@dataclass(frozen=True)
class Proposal:
    """A decision that waits: what it is expected to bring, what if that is wrong, and why."""

    title: str
    of: Release
    measure: str
    if_wrong: str
    evidence: str


class Proposals:
    """What stands before managers to be decided."""

    def __init__(self, ws: Workspace) -> None:
        self.ws = ws

    @checked
    def propose(
        self, title: str, *, of: Release, measure: str, if_wrong: str, evidence: str
    ) -> Proposal:
        """Return a decision that waits, for `waiting`.

        Parameters
        ----------
        title : str
            What to do.
        of, measure : Release and str
            What it is expected to bring: a figure of a release of one row.
        if_wrong : str
            What it costs where the expectation is wrong.
        evidence : str
            The report that its figures stand in; the page leads to its edition of the period.
        """
        require_known("measure", [each.name for each in of.measures], measure)
        if len(of) != 1:
            raise InputError(f"'{of.name}' has {len(of)} rows; a decision is of one. Pick it.")
        return Proposal(title, of, measure, if_wrong, evidence)

    @checked
    def waiting(self, period: str, proposals: Sequence[Proposal]) -> Release:
        """Return the decisions that wait, for ``wb.figures.table``.

        Returns
        -------
        Release
            A row a decision, in order: ``expected`` with a margin that holds for all of them at
            once (Šidák), and ``recommendation`` by it: go ahead where the whole margin is above 0,
            leave it where it is below, else wait.

        Raises
        ------
        InputError
            There is none, or they are counted in several units.
        """
        from workbench.privacy.columns import Measure, noted
        from workbench.privacy.operational import Exact

        figures = [
            next(one for one in each.of.measures if one.name == each.measure) for each in proposals
        ]
        units = dict.fromkeys(each.unit for each in figures)
        if len(units) != 1:
            raise InputError(
                "decisions that wait stand side by side by what they bring, in one unit; these are "
                f"in {', '.join(map(str, units)) or 'none'}. Give each worth in money."
            )
        measure = Measure("expected", "derived", "Expected", figures[0].unit)
        level = 0.95 ** (1 / len(proposals))
        columns: dict[str, list[Any]] = {}
        for each in proposals:
            ends = _ends(each, level)
            advice = None if each.of.planned else advised(*ends[1:])
            row: dict[str, Any] = {"decision": each.title, "recommendation": advice}
            row |= {"if_wrong": each.if_wrong, **self._evidence(each.evidence, period)}
            row |= dict(zip(measure.columns, ends, strict=True))
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
        heads = {"decision": "Decision", "recommendation": "Advice",
                 "if_wrong": "If that is wrong", "evidence": "Evidence"}  # fmt: skip
        private = tuple(dict.fromkeys(each.of.id for each in proposals))
        notes = (noted("at once", figures=len(proposals)),)
        typed = tuple(text for each in proposals for text in (each.title, each.if_wrong))
        waits = tuple((each.of.id, each.measure) for each in proposals)
        named = "decisions-that-wait", (SOURCE,)
        rows = Exact(
            *named, columns, (), (measure,), period, private, notes, typed=typed, waits=waits
        )
        return self.keep(rows, heads)

    def _evidence(self, report: str, period: str) -> dict[str, str]:
        """Return a report's title, and for each language the way to its edition."""
        from workbench.figures.language import LANGUAGES
        from workbench.reporting.definitions.reading import find_definition
        from workbench.reporting.published.record import latest

        settings = self.ws.settings
        reports, notebooks = settings.path("reports"), settings.path("notebooks")
        title = find_definition(report, reports, notebooks).title
        edition = latest(settings.path("published"), report, period)
        ways = {
            f"evidence_{code}": edition.way(code) if edition and not edition.withdrawn else ""
            for code in LANGUAGES
        }
        return {"evidence": title, **ways}

    def keep(self, rows: Exact, heads: Mapping[str, str]) -> Release:
        """Keep rows in the ledger as they are told now, with what heads them."""
        from workbench.privacy.columns import Dimension, noted
        from workbench.reporting.summary.summarising import keep as kept

        by = tuple(
            Dimension(x, title, _KINDS.get(x, "category"), tuple(dict.fromkeys(rows.columns[x])))
            for x, title in heads.items()
        )
        mixed = (noted("mixed"),) if rows.private and not rows.said else ()
        return kept(self.ws, replace(rows, by=by, notes=(*mixed, *rows.notes)))


def _ends(each: Proposal, level: float) -> list[float | None]:
    """Return what a decision is expected to bring, with the ends of its interval at a level."""
    if each.of.columns[each.measure][0] is None:  # planned, or not known
        return [None, None, None]
    frame = each.of.intervals(level)
    return [float(frame[f"{each.measure}{end}"].iloc[0]) for end in ("", "_low", "_high")]
