"""Published editions of a workspace as files to send or print, and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from workbench.errors import InputError, UnknownName, WorkbenchError, one_of
from workbench.store import Tell, quiet

if TYPE_CHECKING:
    from workbench.reporting import runner
    from workbench.reporting.published.record import Edition
    from workbench.workspace.base import Opened


class Which(TypedDict, total=False):
    """Which published edition is meant, and which page of it."""

    period: str | None
    parameters: Sequence[str]
    language: str | None


@dataclass(frozen=True)
class Exports:
    """Copies of what is published, and its withdrawal; nothing is run and nothing is spent."""

    ws: Opened

    def export_pdf(self, name: str, out: str | Path, **which: Unpack[Which]) -> Path:
        """Print a published edition to an A4 PDF, by Chromium.

        Parameters
        ----------
        name : str
            A report that has an edition.
        out : path
            The file to write.
        period : str, optional
            ``2026-09``; its newest edition when left out.
        parameters : sequence of str
            ``name=value`` texts that choose an edition of a grid.
        language : str, optional
            ``zh``; the edition's first when left out.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        UnknownName
            No such edition, or not in that language.
        InputError
            Several editions of a grid are meant.
        PublishError
            No Chromium is installed, it failed, or the target cannot be written.
        """
        from workbench.reporting.published.copies import pdf

        return pdf(self._page(name, **which), Path(out))

    def export_slides(self, name: str, out: str | Path, **which: Unpack[Which]) -> Path:
        """Print a published edition as slides of 16:9, a section each, to a PDF, by Chromium.

        Parameters
        ----------
        name, out, period, parameters, language
            As for `export_pdf`, whose errors it raises.

        Returns
        -------
        Path
            The file.
        """
        from workbench.reporting.published.copies import slides

        return slides(self._page(name, **which), Path(out))

    def export_standalone(self, name: str, out: str | Path, **which: Unpack[Which]) -> Path:
        """Write a published edition as one HTML file with everything in it.

        Parameters
        ----------
        name, out, period, parameters, language
            As for `export_pdf`.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        UnknownName
            No such edition, or not in that language.
        InputError
            Several editions of a grid are meant.
        PublishError
            The target cannot be written.
        """
        from workbench.reporting.published.copies import write_standalone

        return write_standalone(self._page(name, **which), Path(out))

    def withdraw(
        self,
        name: str,
        *,
        period: str,
        reason: str,
        parameters: Sequence[str] = (),
        role: str | None = None,
        wait_seconds: float = 3600.0,
        progress: Tell = quiet,
    ) -> Path:
        """Take back a published edition, every revision of it, by an officer's recorded word.

        Its page says that it was withdrawn, when and why; the index and other pages lead to it no
        more. Its figures stay in the ledger. A run of the same period publishes it anew.

        Parameters
        ----------
        name, period, parameters
            As for `export_pdf`; a period must be named.
        reason : str
            What readers see; it is searched for identifiers.
        role : str, optional
            ``officer``; ``$WORKBENCH_ROLE`` when left out. It is self-declared.
        wait_seconds, progress
            As for `render`.

        Returns
        -------
        Path
            The page that says so.

        Raises
        ------
        UnknownName
            No such edition.
        InputError
            It was withdrawn already, several editions of a grid are meant, or no reason is given.
        Refused
            The role is not an officer's.
        LeakFound
            The reason holds an identifier; nothing was changed.
        """
        from workbench.reporting.desk import turn
        from workbench.reporting.gate.leaks import refuse, scan
        from workbench.reporting.pages.parts import Authored
        from workbench.reporting.published.failures import withdraw
        from workbench.reporting.published.record import Withdrawal
        from workbench.store.reading.roles import officers_word

        word = officers_word("to withdraw an edition", reason, role)
        what, now = f"the withdrawal of '{name}' {period}", self.ws.now()
        with turn(self.ws.private, what, now, wait_seconds=wait_seconds, tell=progress):
            edition = self._published(name, period, parameters)
            edition.standing()
            authored = [Authored("the reason", word["reason"])]
            find = self.ws.access.find_identifiers
            allowed = self.ws.catalog.declared_words
            refuse(scan({}, find, authored=authored, allowed=allowed))
            names = {key: getattr(edition, key) for key in ("report", "period", "variant")}
            self.ws.events.record("withdrawn", {**names, **word}, now=now)
            moment = now.isoformat(timespec="seconds")
            withdrawal = Withdrawal(at=moment, reason=word["reason"])
            return withdraw(self.ws.settings.path("published"), edition, withdrawal)

    def add_files(
        self,
        edition: runner.Edition,
        *,
        standalone: bool = False,
        pdf: bool = False,
        wait_seconds: float = 3600.0,
        progress: Tell = quiet,
    ) -> tuple[Path, ...]:
        """Put an edition beside itself as one HTML file, as a PDF, or both; return the files.

        Parameters
        ----------
        edition : Edition
            From `render`.
        standalone, pdf : bool
            Which, in each of its languages.
        wait_seconds, progress
            As for `render`: no run changes the edition meanwhile.

        Raises
        ------
        Busy
            A run held this workspace for longer than that.
        PublishError
            The folder cannot be written, no Chromium is installed, or it failed.
        """
        from workbench.reporting.desk import turn
        from workbench.reporting.published import editions

        if not standalone and not pdf:
            return ()
        published = self.ws.settings.path("published")
        report, period, *variant = edition.page.parent.relative_to(published).parts
        place = (published, report, period, "".join(variant))
        what = f"files of '{report}' {period}"
        with turn(self.ws.private, what, self.ws.now(), wait_seconds=wait_seconds, tell=progress):
            made = editions.add_standalone(*place) if standalone else ()
            return made + (editions.add_pdf(*place) if pdf else ())

    def _page(
        self,
        name: str,
        period: str | None = None,
        parameters: Sequence[str] = (),
        language: str | None = None,
    ) -> Path:
        """Return the page of the newest revision of one edition."""
        published = self.ws.settings.path("published")
        edition = self._published(name, period, parameters).standing()
        meant = next(iter(edition.languages)) if language is None else language
        file = one_of("language of this edition", edition.languages, meant)
        return published / edition.folder / file

    def _published(self, name: str, period: str | None, parameters: Sequence[str]) -> Edition:
        """Return the newest revision of the one published edition that is meant."""
        from workbench.reporting.published.record import editions, latest

        published = self.ws.settings.path("published")
        everything = {each.folder.as_posix(): each for each in editions(published)}
        asked = "/".join([name, period or "", ",".join(parameters)]).strip("/")
        mine = [each for each in everything.values() if each.report == name]
        meant = self._meant(name, parameters, {each.variant for each in mine})
        mine = [each for each in mine if each.variant in meant]
        stand = [each for each in mine if not each.withdrawn] or mine
        ends = max((each.ends for each in stand), default=None)
        newest = period or next((each.period for each in stand if each.ends == ends), "")
        chosen = [each for each in mine if each.period == newest]
        if not chosen:
            raise UnknownName("published edition", asked, list(everything))
        if len(chosen) > 1:
            variants = "; ".join(each.variant for each in chosen)
            raise InputError(
                f"'{name}' has several editions for {newest}: {variants}. Choose one with "
                "-p name=value."
            )
        return latest(published, name, newest, chosen[0].variant) or chosen[0]

    def _meant(self, name: str, parameters: Sequence[str], published: set[str]) -> set[str]:
        """Return which of a report's published variants some parameters choose."""
        from workbench.reporting.definitions.definition import folder_word
        from workbench.reporting.definitions.reading import find_definition

        if not parameters:
            return published
        given = dict(text.partition("=")[::2] for text in parameters)
        words = {f"{each}={folder_word(value)}" for each, value in given.items()}
        meant = {each for each in published if words <= set(each.split(","))}
        # why not only so: a name in other letters has its place in the grid for a word
        with suppress(WorkbenchError):  # it is gone, or has no such value any more
            definition = find_definition(
                name, self.ws.settings.path("reports"), self.ws.settings.path("notebooks")
            )
            if given.keys() <= definition.grid.keys():
                return {each.name for each in definition.editions(parameters)}
        return meant
