import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import harness
from benchmarks.harness import Bar, BenchmarkError, Run

PYTHON = sys.executable
ROOT = Path(__file__).resolve().parents[2]
KEYS = ["name", "size", "figure", "reference", "ratio", "bar", "holds"]


def _run(tmp_path, size="full", **options):
    return Run("probe", size, tmp_path, "≤ 2", **options)


def _benchmarks(*arguments):
    command = [PYTHON, "-m", "benchmarks", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.fixture
def registry(monkeypatch):
    fresh = {}
    monkeypatch.setattr(harness, "_REGISTRY", fresh)
    return fresh


class TestBar:
    @pytest.mark.parametrize(
        ("text", "holding", "failing"),
        [
            ("≤ 0.10", 0.10, 0.1001),
            ("< 1", 0.99, 1),
            ("≥ 6 times", 6, 5.99),
            ("> 2", 2.1, 2),
            ("= 0 identities", 0, 1),
            ("≤ 91,000", 91_000, 91_001),
            ("≤ 1e-6 at most", 1e-6, 2e-6),
            ("≥ -0.005 beside it", -0.005, -0.006),
        ],
    )
    def test_holds(self, text, holding, failing):
        assert Bar(text).holds(holding)
        assert not Bar(text).holds(failing)

    @pytest.mark.parametrize("text", ["", "fast", "<= 3", "≤3", "≤ three"])
    def test_nonsense_is_refused(self, text):
        with pytest.raises(BenchmarkError, match="is not understood; write a sign"):
            Bar(text)

    def test_nothing_holds_for_not_a_number(self):
        assert not Bar("≤ 1").holds(float("nan"))


class TestResult:
    def test_the_ratio_is_held_to_the_bar(self, tmp_path):
        row = _run(tmp_path).result("cpu", 3.0, reference=1.0)
        assert (row.name, row.ratio, row.holds) == ("probe/cpu", 3.0, False)

    def test_without_a_reference_the_figure_is(self, tmp_path):
        row = _run(tmp_path).result("peak-mb", 800.0, bar="≤ 1000 MB")
        assert (row.reference, row.ratio, row.holds) == (None, None, True)

    def test_an_informative_row_says_so_and_does_not_fail_the_run(self, tmp_path):
        row = _run(tmp_path, "smoke", smoke_informative=True).result("cpu", 3.0, reference=1.0)
        assert row.bar == "≤ 2 (informative)"
        assert not row.holds
        assert harness.failed([row]) == []

    def test_a_full_size_is_never_informative_by_default(self, tmp_path):
        row = _run(tmp_path, "full", smoke_informative=True).result("cpu", 3.0, reference=1.0)
        assert harness.failed([row]) == [row]

    def test_json_has_exactly_the_promised_keys(self, tmp_path):
        (row,) = json.loads(harness.as_json([_run(tmp_path).result("cpu", 1.0, reference=2.0)]))
        assert list(row) == KEYS
        assert row["ratio"] == 0.5


class TestRegistry:
    def test_a_benchmark_runs_in_an_empty_folder_that_is_removed(self, registry):
        folders = []

        @harness.benchmark("probe", bar="≤ 2")
        def probe(run):
            """Probe."""
            assert list(run.folder.iterdir()) == []
            folders.append(run.folder)
            yield run.result("cpu", 1.0)

        assert [row.name for row in registry["probe"].run("smoke")] == ["probe/cpu"]
        assert not folders[0].exists()

    def test_two_of_one_name_are_refused(self, registry):
        def probe(run):
            """Probe."""
            yield run.result("cpu", 1.0)

        harness.benchmark("probe", bar="≤ 2")(probe)
        with pytest.raises(BenchmarkError, match="two benchmarks are named 'probe'"):
            harness.benchmark("probe", bar="≤ 2")(probe)
        assert list(registry) == ["probe"]

    def test_one_without_a_docstring_is_refused(self, registry):
        with pytest.raises(BenchmarkError, match="needs a docstring"):
            harness.benchmark("probe", bar="≤ 2")(lambda run: iter(()))
        assert registry == {}

    def test_one_that_measures_nothing_is_refused(self, registry):
        @harness.benchmark("probe", bar="≤ 2")
        def probe(run):
            """Probe."""
            yield from ()

        with pytest.raises(BenchmarkError, match="yielded no row"):
            registry["probe"].run("full")


class TestMeasure:
    def test_cpu_time_is_the_child_s_and_its_children_s(self):
        burn = "import time\nwhile time.process_time() < 0.3: pass"
        nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
        assert harness.measure([PYTHON, "-c", burn]).cpu_seconds >= 0.3
        assert harness.measure([PYTHON, "-c", nested]).cpu_seconds >= 0.3

    def test_waiting_is_not_cpu_time(self):
        cost = harness.measure([PYTHON, "-S", "-c", "import time; time.sleep(0.4)"])
        assert cost.wall_seconds >= 0.4
        assert cost.cpu_seconds < 0.3

    def test_the_peak_is_the_child_s_not_ours(self):
        ballast = bytearray(os.urandom(1)) * 150_000_000
        small = harness.measure([PYTHON, "-S", "-c", "pass"]).peak_bytes
        large = harness.measure([PYTHON, "-S", "-c", "x = b'1' * 200_000_000"]).peak_bytes
        assert len(ballast) > small > 3_000_000
        assert 200_000_000 < large < 250_000_000

    def test_what_it_printed_is_kept(self, tmp_path):
        code = "import os, sys; print(os.getcwd()); print(os.environ['PROBE'], file=sys.stderr)"
        cost = harness.measure([PYTHON, "-c", code], cwd=tmp_path, env={"PROBE": "yes"})
        assert (cost.stdout.strip(), cost.stderr.strip()) == (str(tmp_path), "yes")

    def test_a_failing_command_is_told_with_its_words(self):
        code = "import sys; print('no such estate', file=sys.stderr); sys.exit(3)"
        with pytest.raises(BenchmarkError, match=r"(?s)exit code 3:.*no such estate"):
            harness.measure([PYTHON, "-c", code])
        assert harness.measure([PYTHON, "-c", code], check=False).stderr == "no such estate\n"

    def test_a_missing_command_is_told(self):
        with pytest.raises(BenchmarkError, match=r"(?s)exit code 127:.*No such file"):
            harness.measure(["no-such-command-anywhere"])

    def test_one_that_does_not_end_is_ended_with_its_children(self, tmp_path):
        mark = tmp_path / "alive"
        code = (
            f"import time, pathlib\nwhile 1: pathlib.Path({str(mark)!r}).touch(); time.sleep(.02)"
        )
        with pytest.raises(BenchmarkError, match=r"did not end within 0\.5 s"):
            harness.measure([PYTHON, "-c", code], timeout_seconds=0.5)
        mark.unlink(missing_ok=True)
        time.sleep(0.2)
        assert not mark.exists()


def test_turns_are_taken_and_warm_up_is_dropped():
    order = []

    def call(name, figures):
        def next_figure():
            order.append(name)
            return next(figures)

        return next_figure

    medians = harness.interleaved(
        {"a": call("a", iter([99, 1, 5, 2])), "b": call("b", iter([99, 7, 8, 9]))}, repeats=3
    )
    assert medians == {"a": 2, "b": 8}
    assert "".join(order) == "ab" * 4


class TestCommand:
    def test_list_names_them(self):
        run = _benchmarks("--list")
        assert run.returncode == 0
        assert any(line.startswith("startup ") for line in run.stdout.splitlines())

    def test_a_wrong_name_is_told_with_a_suggestion(self):
        run = _benchmarks("statup")
        assert run.returncode == 2
        assert "no benchmark named 'statup'. Did you mean 'startup'?" in run.stderr

    def test_no_name_is_told_what_to_type(self):
        run = _benchmarks()
        assert run.returncode == 2
        assert "--list names them" in run.stderr

    def test_startup_gives_its_row(self):
        run = _benchmarks("startup", "--size", "smoke", "--json")
        (row,) = json.loads(run.stdout)
        assert list(row) == KEYS
        assert (row["name"], row["size"]) == ("startup/help-cpu", "smoke")
        assert run.returncode == (0 if row["holds"] else 1)

    def test_list_imports_nothing_heavy(self):
        code = (
            "import sys; from benchmarks.harness import load_all; load_all();"
            "print(sorted({'pandas', 'duckdb', 'ibis', 'plotly', 'papermill'} & set(sys.modules)))"
        )
        command = [PYTHON, "-c", code]
        run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        assert run.stdout.strip() == "[]"
