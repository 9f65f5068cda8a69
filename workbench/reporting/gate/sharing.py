"""What leaves beside pages is searched as they are: tables as files, a person's words.

A share has no notebook of its own, so its words and numbers stand in any notebook or report of the
workspace, or in the catalog.

An edition's title, a parameter, its name in a grid stand on its page, and would on the page that
says that it failed, on the index, in a folder's name and in what a hook is told. So they are
searched before anything is paid, and once more before a failure is told.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from workbench.catalog import Catalog
from workbench.documents import read_json
from workbench.errors import QuestionRefused, WorkbenchError
from workbench.privacy.operational import KIND
from workbench.privacy.release import Release
from workbench.reporting.definitions.reading import NOTES, sound
from workbench.reporting.desk import Asked, Desk
from workbench.reporting.exporter import Lookup
from workbench.reporting.facts import in_words
from workbench.reporting.gate.leaks import refuse, scan
from workbench.reporting.notebooks import chosen
from workbench.reporting.pages.parts import Authored, strings_of
from workbench.settings import Settings
from workbench.store.reading.identifying import Find


def require_publishable(
    releases: Sequence[Release],
    terms: Mapping[str, Any],
    *,
    settings: Settings,
    catalog: Catalog,
    lookup: Lookup,
    find: Find,
) -> None:
    """Refuse to hand over what no page may show.

    Raises
    ------
    QuestionRefused
        A word or number of a release stands nowhere, or it holds exact figures.
    LeakFound
        A release, or the terms it is handed over under, holds an identifier.
    """
    written = written_anywhere(settings, catalog)
    for each in releases:
        if _is_exact(each, lookup):
            raise QuestionRefused(
                f"{each.id} holds exact figures of operational records, and only private tables "
                "are handed over: what ws.release(…) answered, or is derived from it. Nothing was "
                "handed over."
            )
        what = chosen.computed_number(each, lookup, written)
        if chosen.unwritten(each, lookup, written) is not None or not written.holds(each.name):
            what = "a name, group, title or label"
        if what is not None:
            raise QuestionRefused(
                f"{each.id} is made with what stands neither in a notebook or report of this "
                f"workspace nor in the catalog: {what}. It was computed, and what is computed can "
                "hold what was read or counted on rows. Write it into the notebook that asks, in "
                f"{settings.path('notebooks')}, and save it. Nothing was handed over."
            )
    told = [text for each in releases for text in (each.name, *chosen.spoken(each, lookup))]
    told += strings_of(terms)
    strings = [text for each in releases for text in _strings(each)]
    found = scan(
        {"the tables.json": json.dumps(strings).encode()},
        find,
        known=strings,
        authored=[Authored("a release or the terms", text) for text in told],
        allowed={
            *catalog.declared_words,
            *(value for each in releases for value in chosen.found_values(each, lookup)),
        },
    )
    refuse(found)


def written_anywhere(settings: Settings, catalog: Catalog) -> chosen.Written:
    """Return what stands in the notebooks, the reports and the catalog of a workspace."""
    code = []
    for path in sorted(settings.path("notebooks").glob("*.ipynb")):
        try:
            cells = read_json(path)["cells"]
        except (OSError, ValueError, KeyError, TypeError):  # no notebook, so nothing is written
            continue
        code += ["".join(each["source"]) for each in cells if each["cell_type"] == "code"]
    parameters = [each for report in sound(settings) for each in report.parameters.values()]
    words = {text for each in parameters for text in strings_of(each.default)}
    return chosen.Written.of([], code, {}, catalog.words | words)


def _is_exact(release: Release, lookup: Lookup) -> bool:
    parents = release.mechanism.get("parents", ())
    return release.mechanism.get("kind") == KIND or any(
        _is_exact(lookup(each), lookup) for each in parents
    )


def _strings(release: Release) -> Iterator[str]:
    """Yield the texts of a release's files, but for its figures."""
    yield from (release.name, *release.notes)
    for dimension in release.by:
        yield from strings_of([dimension.name, dimension.title, dimension.values])
    for measure in release.measures:
        yield from strings_of([measure.name, measure.title, measure.unit])
    for values in release.columns.values():
        yield from (value for value in values if isinstance(value, str))


def refuse_held(asked: Asked, desk: Desk) -> None:
    """Refuse an edition whose own words hold an identifier.

    Raises
    ------
    LeakFound
        Says which words, never the value.
    """
    written = [*_written(asked, desk), *_remarked(asked, desk)]
    refuse(scan({}, desk.find, authored=written, allowed=desk.catalog.declared_words))


def look_up(several: Iterable[Asked], desk: Desk) -> None:
    """Ask the store about the words of several editions at once, before each is searched."""
    written = [words for asked in several for words in _written(asked, desk)]
    scan({}, desk.find, authored=written, allowed=desk.catalog.declared_words)


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
        return bool(scan({}, desk.find, authored=written, allowed=desk.catalog.declared_words))
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
