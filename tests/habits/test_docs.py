"""Nothing that a user can type ships undocumented, and no link leads nowhere."""

import functools
import importlib
import inspect
import itertools
import re
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
from markdown_it import MarkdownIt
from pydantic import BaseModel

import workbench
from workbench import catalog, errors
from workbench.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
USER_PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OTHER_PAGES = [
    *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    ROOT / "benchmarks" / "README.md",
]
REFERENCE = ROOT / "docs" / "reference.md"


@functools.cache
def _tokens(page):
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def _code(page):
    """Return all code of a page, fenced, indented and inline."""
    texts = [t.content for t in _tokens(page) if t.type in ("fence", "code_block")]
    for token in _tokens(page):
        texts += [child.content for child in token.children or [] if child.type == "code_inline"]
    return "\n".join(texts)


@functools.cache
def _all_code():
    return "\n".join(_code(page) for page in USER_PAGES)


def _shown(words, text):
    """Return whether ``words`` stand in ``text`` as words of their own."""
    return re.search(rf"(?<![\w-]){re.escape(words)}(?![\w-])", text) is not None


def _commands():
    """Return every command of the command line as (words, click command)."""
    try:
        main = importlib.import_module("workbench.cli").main
    except ModuleNotFoundError as missing:
        pytest.fail(f"no command line to read: {missing}")
    pending, found = [("workbench", main)], []
    while pending:
        words, command = pending.pop()
        if not command.hidden:
            found.append((words, command))
            if isinstance(command, click.Group):
                pending += [(f"{words} {n}", each) for n, each in command.commands.items()]
    return found


def _models(module):
    found = [m for _, m in inspect.getmembers(module, inspect.isclass) if issubclass(m, BaseModel)]
    return [model for model in found if model.__module__ == module.__name__]


def test_every_command_is_documented():
    missing = [words for words, _ in _commands() if not _shown(words, _all_code())]
    assert missing == []


def test_every_option_is_documented():
    missing = [
        f"{words} {option}"
        for words, command in _commands()
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for option in parameter.opts
        if option.startswith("--") and not _shown(option, _all_code())
    ]
    assert missing == []


@pytest.mark.parametrize("page", [*USER_PAGES, *OTHER_PAGES], ids=lambda page: page.name)
def test_what_a_page_says_to_type_can_be_typed(page):
    """Each ``workbench …`` in code names a command there is, and options that it has."""
    commands, wrong = dict(_commands()), []
    typed = r"(?:(?<![\w/.-])|(?<=bin/))(?<!import )(?<!engine )(?<!load_ext )workbench +[^\n]*"
    for line in re.findall(typed, _code(page)):
        words = re.split(r"[|&;#'()]", line)[0].split()
        name = words.pop(0)
        while words and f"{name} {words[0]}" in commands:
            name = f"{name} {words.pop(0)}"
        command = commands[name]
        known = {option for each in command.params for option in each.opts}
        known |= {"--help", "-h", "--version"}
        if command.context_settings.get("ignore_unknown_options"):  # they are another program's
            continue
        strange = [word for word in words if re.fullmatch(r"--?[a-z][\w-]*", word)]
        wrong += [f"{name} {word}" for word in strange if word not in known]
        if isinstance(command, click.Group) and words and re.fullmatch(r"[a-z]+", words[0]):
            wrong.append(f"{name} {words[0]}")
    assert wrong == []


def test_every_command_and_option_has_a_help_text():
    for words, command in _commands():
        assert command.help, words
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{words} {parameter.opts}"


def test_every_setting_is_documented():
    settings = set(Settings.model_fields) - {"root"}  # root is where the file lies, not in it
    assert {name for name in settings if not _shown(name, _all_code())} == set()


def test_every_catalog_key_is_documented():
    keys = {name for model in _models(catalog) for name in model.model_fields}
    assert {"subject_key", "bounds", "lifetime"} <= keys
    assert {key for key in keys if not _shown(key, _all_code())} == set()


def test_every_error_is_documented_with_its_exit_code():
    lines = [line for page in USER_PAGES for line in page.read_text(encoding="utf-8").splitlines()]
    missing = []
    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, errors.WorkbenchError):
            if name == "ProblemsError":  # a way to list problems, never raised itself
                continue
            told = [line for line in lines if _shown(name, line)]
            if not any(_shown(str(kind.exit_code), line) for line in told):
                missing.append(f"{name}: exit code {kind.exit_code}")
    assert missing == []


def test_the_reference_names_what_the_door_offers():
    assert REFERENCE.is_file(), "docs/reference.md shows each name as `wb.NAME`"
    assert set(re.findall(r"\bwb\.(\w+)", _code(REFERENCE))) == set(workbench.__all__)


def test_the_door_offers_what_it_names():
    assert sorted(workbench.__all__) == list(workbench.__all__)
    for name in workbench.__all__:
        assert inspect.getdoc(getattr(workbench, name)), f"wb.{name} says nothing about itself"


def _slug(heading):
    """Return the anchor a heading gets where these pages are read."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def _anchors(page):
    tokens = _tokens(page)
    found = []
    for opening, inline in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(c.content for c in inline.children if c.type in ("text", "code_inline"))
            slug = _slug(text)
            times = found.count(slug)
            found.append(f"{slug}-{times}" if times else slug)
    found += re.findall(r'(?:id|name)="([^"]+)"', page.read_text(encoding="utf-8"))
    return found


def _links(page):
    for token in _tokens(page):
        for child in token.children or []:
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                yield str(target)
    yield from re.findall(r'<img[^>]+src="([^"]+)"', page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "page", [*USER_PAGES, *OTHER_PAGES], ids=lambda p: str(p.relative_to(ROOT))
)
def test_links_lead_somewhere(page):
    broken = []
    for link in _links(page):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = unquote(link).partition("#")
        target = (page.parent / name).resolve() if name else page
        page_of_ours = target.exists() and target.suffix == ".md"
        if not target.exists() or (anchor and page_of_ours and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_anchors_are_those_of_the_pages():
    page = ROOT / "benchmarks" / "README.md"
    assert _anchors(page) == ["benchmarks", "adding-one"]
