"""The one place of risk functions opens all of them, each saying what it is for."""

import inspect

import pytest

import workbench as wb


@pytest.mark.parametrize("name", dir(wb.risk))
def test_every_name_is_there_and_says_what_it_is_for(name):
    assert len(inspect.getdoc(getattr(wb.risk, name))) > 30


def test_every_name_is_in_the_docs_page(repository):
    page = (repository / "docs" / "validation.md").read_text(encoding="utf-8")
    functions = [name for name in dir(wb.risk) if name.islower()]
    assert [name for name in functions if name not in page] == []


def test_a_name_it_does_not_have_is_said():
    with pytest.raises(AttributeError, match=r"'wb\.risk' has no attribute 'gin'"):
        _ = wb.risk.gin
