"""Templates: every language has all of them, and all of the words."""

from pathlib import Path

import pytest

from workbench.lifecycle import letters
from workbench.lifecycle.letters import LANGUAGES, words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_language_has_every_template_and_every_word(lang):
    folder = Path(letters.__file__).parent
    names = [sorted(path.name for path in (folder / each).iterdir()) for each in (lang, "en")]
    assert names[0] == names[1]
    told = [{of: list(found) for of, found in words(each).items()} for each in (lang, "en")]
    assert told[0] == told[1]
    assert all(word for found in words(lang).values() for word in found.values())
