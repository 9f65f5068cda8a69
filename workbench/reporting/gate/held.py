"""What a person wrote of an edition, searched before its name is seen anywhere.

A title, a parameter, the name of a grid's edition stand on its page, and would on the page that
says that it failed, on the index, in a folder's name and in what a hook is told. So they are
searched before anything is paid, and once more before a failure is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from workbench.errors import WorkbenchError
from workbench.reporting.definitions.remarks import NOTES
from workbench.reporting.desk import Asked, Desk
from workbench.reporting.facts import in_words
from workbench.reporting.gate.leaks import check, scan
from workbench.reporting.pages.parts import Authored


def refuse_held(asked: Asked, desk: Desk) -> None:
    """Refuse an edition whose own words hold an identifier.

    Raises
    ------
    LeakFound
        Says which words, never the value.
    """
    written = [*_written(asked, desk), *_remarked(asked, desk)]
    check({}, desk.find, authored=written, allowed=desk.declared_words())


def look_up(several: Iterable[Asked], desk: Desk) -> None:
    """Ask the store about the words of several editions at once, before each is searched."""
    written = [words for asked in several for words in _written(asked, desk)]
    scan({}, desk.find, authored=written, allowed=desk.declared_words())


def _remarked(asked: Asked, desk: Desk) -> Iterator[Authored]:
    """Yield what was added to an edition: told where it failed is none of it."""
    remarks, name = desk.remarks(asked), asked.definition.name
    for text in remarks.comments.values():
        yield Authored(f"the comment {name}/{asked.period.text}.md", text)
    for period, note in remarks.notes.items():
        yield Authored(f"the note on {period} in {name}/{NOTES}", note)


def holds(asked: Asked, desk: Desk, *, kind: str | None) -> bool:
    """Whether an edition's words or an error's name hold an identifier, or nobody can say."""
    written = [*_written(asked, desk), Authored("the error's name", kind or "")]
    try:
        return bool(scan({}, desk.find, authored=written, allowed=desk.declared_words()))
    except WorkbenchError:  # the store cannot be read, and nothing of what is unsure is told
        return True


def _written(asked: Asked, desk: Desk) -> Iterator[Authored]:
    definition = asked.definition
    yield Authored("the report's name", definition.name)
    yield Authored("the title", definition.title)
    yield Authored("the subtitle", definition.subtitle)
    yield Authored("the audience", definition.audience)
    for rule in definition.alerts:
        yield Authored("an alert", f"{rule.figure} {rule.say}")
    yield Authored("the workspace's title", desk.settings.title)
    for words in definition.translations.values():
        for text, said in words.items():
            yield from (Authored("the translations", each) for each in (text, said))
    for name, value in asked.values.items():
        yield Authored(f"parameter '{name}'", in_words(value))
    yield Authored("the name of an edition of the grid", asked.variant.name)
