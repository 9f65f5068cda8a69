"""What a run may take, told by what it really went beyond."""

import time

import pytest

from workbench.reporting.definitions.definition import Limits
from workbench.reporting.forking import Watch


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"run_seconds": 1, "cell_seconds": 1000}, "longer than run_seconds: 1"),
        ({"run_seconds": 1000, "cell_seconds": 1}, "longer than cell_seconds: 1"),
        ({"run_seconds": 1000, "cell_seconds": 1000}, "did not arrive; let it print less"),
    ],
)
def test_a_cell_that_is_given_up_names_the_deadline_it_missed(monkeypatch, limits, told):
    watch = Watch(Limits(**limits))
    seconds = watch.seconds_for(None)
    now = time.monotonic()
    monkeypatch.setattr("time.monotonic", lambda: now + min(seconds, 1))
    assert told in watch.late()
