"""What every test may ask for."""

import os
from pathlib import Path

import hypothesis
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

# Shared machines pause a test for seconds, which is no failure; a found example can be replayed.
hypothesis.settings.register_profile("workbench", deadline=None, print_blob=True)
hypothesis.settings.load_profile("workbench")

# A workspace named in the developer's shell is not the one a test means.
os.environ.pop("WORKBENCH_WORKSPACE", None)


@pytest.fixture(params=["smoke", pytest.param("full", marks=pytest.mark.slow)])
def size(request: pytest.FixtureRequest) -> str:
    """Return the size of a statistical test, which chooses its draws by it; both are tests."""
    return request.param


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the folder of the project."""
    return REPOSITORY


@pytest.fixture(scope="session")
def sample_source(repository: Path) -> Path:
    """Return the committed sample estate; tests read it and never write to it."""
    return repository / "data" / "sample"
