"""Exit codes, and messages that show the way out."""

import pytest

from workbench import errors

EXIT_CODES = {
    errors.WorkbenchError: 1,
    errors.InputError: 2,
    errors.Refused: 3,
    errors.RunFailed: 4,
    errors.Busy: 5,
    errors.LeakFound: 6,
    errors.StorageError: 7,
}


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.WorkbenchError)
    ],
)
def test_an_error_exits_as_the_branch_it_hangs_on(name):
    kind = getattr(errors, name)
    branch = next(each for each in kind.__mro__ if each in EXIT_CODES)
    assert kind.exit_code == EXIT_CODES[branch]


def test_problems_are_told_all_at_once_one_a_line():
    message = r"wrong:\n  - a:1: one\n  - a:2: two$"
    with pytest.raises(errors.CatalogError, match=message) as caught:
        raise errors.CatalogError("the catalog is wrong:", iter(["a:1: one", "a:2: two"]))
    assert caught.value.problems == ("a:1: one", "a:2: two")


def test_an_unknown_name_comes_with_the_nearest_known_one():
    error = errors.UnknownName("column", "regoin", {"region": 1, "month": 2})
    assert str(error) == (
        "no column named 'regoin'. Did you mean 'region'? Known: 'month', 'region'."
    )


def test_a_name_like_no_other_gets_no_suggestion():
    assert errors.suggest("xyz", ["region", "month"]) == " Known: 'month', 'region'."


def test_where_nothing_is_declared_nothing_is_suggested():
    assert errors.suggest("region", []) == " None is declared."


def test_many_known_names_are_shortened():
    known = [f"column_{letter}" for letter in "abcdefghijklmnop"]
    text = errors.suggest("column_q", known)
    assert text.endswith("'column_l' and 4 more.")
    assert "column_m" not in text.partition("Known")[2]
