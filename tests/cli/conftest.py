"""Commands as a person types them, in a workspace."""

import pytest
from support.commands import runner_in


@pytest.fixture
def run(shop):
    """Return a function that runs a command in the shop and returns its output."""
    return runner_in(shop.settings.root)
