"""What every test may ask for."""

import datetime as dt
import gc
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from support.browser import browsing
from support.screen import Screen
from support.shop import make_shop

import workbench as wb
from workbench.reporting.forking import forking
from workbench.settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent

# Shared machines pause a test for seconds, which is no failure; a found example can be replayed.
# Continuous integration tries the same examples at every run: what fails there fails here, too.
hypothesis.settings.register_profile(
    "workbench", deadline=None, print_blob=True, derandomize="CI" in os.environ
)
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


def shop_time() -> dt.datetime:
    """Return the time it is in the shop: all of September 2026 is over and loaded."""
    return dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC)


@pytest.fixture(scope="session")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a loaded shop (`support.shop`), shared: nothing writes to it."""
    folder = make_shop(tmp_path_factory.mktemp("shop"))
    wb.open_workspace(folder, now=shop_time).init()
    return folder


@pytest.fixture
def shop(shop_folder: Path, tmp_path: Path) -> wb.Workspace:
    """Return a loaded shop of the test's own."""
    folder = tmp_path / "shop"
    shutil.copytree(shop_folder, folder)
    return wb.open_workspace(folder, now=shop_time)


@pytest.fixture(scope="session")
def warmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Path]]:
    """Return a function by which a shop's runs in this process fork their kernels from one process.

    A kernel holds nothing of the process it is forked from; starting one takes seconds.
    """

    def warm(folder: Path) -> Path:
        settings = folder / "workbench.toml"
        settings.write_text(settings.read_text().replace("fork_kernels = false\n", ""))
        return folder

    root = tmp_path_factory.mktemp("warmed")
    with forking(Settings(root=root, private=root)):
        yield warm


@pytest.fixture
def warm_shop(shop_folder: Path, tmp_path: Path, warmed: Callable[[Path], Path]) -> wb.Workspace:
    """Return a loaded shop of the test's own, whose reports run in forked kernels."""
    folder = warmed(Path(shutil.copytree(shop_folder, tmp_path / "shop")))
    return wb.open_workspace(folder, now=shop_time)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """Return a browser, shared; `Screen.show` opens a page as a reader of some screen has it."""
    with browsing(tmp_path_factory.mktemp("profile")) as started:
        yield Screen(started.driver)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Return a function that mounts a disk of so many bytes, and undoes it afterwards."""
    mounted: list[Path] = []

    def mount(size_bytes: int, folder: Path | None = None) -> Path:
        folder = folder or tmp_path / f"disk-{len(mounted)}"
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != 0:
            pytest.skip("only root may mount a small disk")
        words = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "small", str(folder)]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            pytest.skip("this machine mounts no small disk")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def pytest_collection_finish() -> None:
    """Leave what was imported out of the search for garbage, which takes a fourteenth."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that lie nearest to the root: they run whole reports, and take longest."""
    items.sort(key=lambda item: len(item.path.parts))
