"""Whether figures are true as worded: how often, over many draws, a margin holds the truth."""

from __future__ import annotations

import ast
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from benchmarks.catalogs import catalog_of
from benchmarks.harness import Result, Run, benchmark

if TYPE_CHECKING:
    from workbench.figures import Figure
    from workbench.privacy.columns import Measure
    from workbench.privacy.release import Release

Cell = tuple[str, tuple[Any, ...]]  # a measure and its group values
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
_BAR = "≥ 0.94"


@benchmark("coverage", bar=_BAR)
def coverage(run: Run) -> Iterator[Result]:
    """Share of figures, as worded, whose margin holds the truth, by what they are.

    Every figure of the reports of the sample bank, of CDNOW, Complete Journey and a shop with a
    heavy tail, as the notebooks draw them. The truth of what a figure says is the same notebook
    without noise, a total counted up to its last bound; ``plain`` holds that against hand-written
    SQL on the source files. At most 0.96 is informative: margins of chosen figures are wider.
    """
    draws = 3 if run.smoke else 60
    estates = _sample(run)
    if not run.smoke:
        estates = [*estates, *_imported(run), _shop(run)]
    for name, folder, notebooks in estates:
        bench = Bench(folder)
        if name == "bank":
            yield run.result("bank-plain", _plain(bench), bar="≤ 0.0001 of the total apart")
        held: dict[str, list[bool]] = defaultdict(list)
        for notebook, given in notebooks:
            for kind, found in _covered(bench, notebook, given, draws).items():
                held[kind] += found
        for kind, found in sorted(held.items()):
            share = sum(found) / len(found)
            few = run.smoke or len(found) < 400
            yield run.result(f"{name}-{kind}", share, informative=few)
            yield run.result(f"{name}-{kind}-most", share, bar="≤ 0.96", informative=True)


@dataclass
class Bench:
    """A loaded workspace whose notebooks run in this process, each time on a new ledger.

    What the engine computes does not change from draw to draw, so it is computed once.
    """

    folder: Path
    computed: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        import workbench as wb

        ws = wb.open_workspace(self.folder)
        ws.init()
        self.pristine = self.folder / "pristine"
        shutil.copytree(ws.private, self.pristine)

    def figures(
        self, notebook: Path, given: Mapping[str, Any], exact: bool = False
    ) -> tuple[list[Figure], dict[Cell, float | None]]:
        """Run a notebook; return its figures, and each cell of every release on the way to them."""
        import workbench as wb
        from workbench.privacy import margins
        from workbench.privacy.engine import answering, running
        from workbench.privacy.operations import consistency, ranking

        for each in (self.folder / ".workbench", self.folder / ".ledger"):
            shutil.rmtree(each, ignore_errors=True)
        shutil.copytree(self.pristine, self.folder / ".workbench")
        ws = wb.open_workspace(self.folder)
        shown: list[Any] = []
        compute = running.run

        def once(question: Any, sql: Any, *rest: Any) -> Any:
            key = json.dumps([sql, [each.canonical for each in question.parts]], sort_keys=True)
            if key not in self.computed:
                self.computed[key] = compute(question, sql, *rest)
            return self.computed[key]

        with ExitStack() as patched:
            patched.enter_context(patch.object(wb, "open_workspace", lambda: ws))
            patched.enter_context(patch.object(running, "run", once))
            if exact:
                silent: Callable[..., Any] = lambda _, size, *__: [0] * size  # noqa: E731
                patched.enter_context(patch.object(answering, "discrete_gaussian", silent))
                whole: Callable[..., int] = lambda form: len(form.rungs) - 1  # noqa: E731
                for module in (margins, consistency):  # of a ladder all layers are told
                    patched.enter_context(patch.object(module, "rung_of", whole))
                told: Callable[..., Any] = lambda _, total, *__: total  # noqa: E731
                patched.enter_context(patch.object(ranking, "_held", told))
            _execute(notebook, given, shown)
        figures = [each for each in shown if hasattr(each, "releases")]
        cells: dict[Cell, float | None] = {}
        if exact:
            for release in _ancestors(figures, ws.ledger.answer):
                for measure in release.measures:
                    cells.update(
                        ((measure.name, key), value) for key, value, _, _ in _rows(release, measure)
                    )
        return figures, cells


def _execute(notebook: Path, given: Mapping[str, Any], shown: list[Any]) -> None:
    names: dict[str, Any] = {"display": shown.append}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        last = tree.body[-1] if tree.body else None
        if isinstance(last, ast.Expr):
            tree.body.pop()
        exec(compile(tree, str(notebook), "exec"), names)  # noqa: S102  # why: our own notebooks
        if isinstance(last, ast.Expr):
            code = compile(ast.Expression(last.value), str(notebook), "eval")
            shown.append(eval(code, names))  # noqa: S307  # why: same
        if "parameters" in cell["metadata"].get("tags", ()):
            names.update(given)


def _ancestors(figures: list[Figure], find: Callable[[str], Release]) -> Iterator[Release]:
    """Yield releases, those a figure shows last, so that they say what a cell is."""
    found: dict[str, Release] = {}

    def add(release: Release) -> None:
        for parent in release.mechanism.get("parents", ()):
            if parent not in found:
                add(find(parent))
        found[release.id] = release

    for figure in figures:
        for release in figure.releases:
            add(release)
    yield from found.values()


def _rows(
    release: Release, measure: Measure
) -> Iterator[tuple[tuple[Any, ...], float | None, float | None, float | None]]:
    axes = [axis.name for axis in release.by]
    for row in range(len(release)):
        key = tuple(release.columns[name][row] for name in axes)
        value, low, high = (
            release.columns[measure.name + end][row] for end in ("", "_low", "_high")
        )
        yield key, value, low, high


def _covered(
    bench: Bench, notebook: Path, given: Mapping[str, Any], draws: int
) -> dict[str, list[bool]]:
    """Return for each kind of figure whether its margins held the truth, cell by cell."""
    figures, ways = bench.figures(notebook, given, exact=True)
    truth = {
        (at, measure.name, key): value
        for at, figure in enumerate(figures)
        for release, measure in _shown(figure)
        for key, value, _, _ in _rows(release, measure)
    }
    held: dict[str, list[bool]] = defaultdict(list)
    for _ in range(draws):
        for at, figure in enumerate(bench.figures(notebook, given)[0]):
            for release, measure in _shown(figure):
                for key, value, low, high in _rows(release, measure):
                    true = truth.get((at, measure.name, key), ways.get((measure.name, key)))
                    if None in (value, low, high, true):
                        continue
                    step = 0.5 * 10.0**-measure.digits  # answers are stored rounded
                    held[_kind(figure, release, measure)].append(low - step <= true <= high + step)  # type: ignore[operator]  # why: none is None
    return held


def _shown(figure: Figure) -> Iterator[tuple[Release, Measure]]:
    """Yield the private figures that one figure shows; exact ones have no margin."""
    for at, release in enumerate(figure.releases):
        wanted = set(figure.spec.measures(at, release))
        for measure in release.measures:
            if measure.name in wanted and measure.name + "_low" in release.columns:
                yield release, measure


def _kind(figure: Figure, release: Release, measure: Measure) -> str:
    recipe = json.dumps(release.mechanism.get("recipe", {}))
    if measure.at_bound_of:
        return "at-bound"
    if '"top"' in recipe or release.name.endswith("-top"):
        return "top"
    if measure.contrast:
        return "changes"
    if measure.kind == "rate":
        return "shares"
    if measure.kind in ("mean", "derived"):
        return "ratios"
    return {"kpis": "cards", "text": "sentences", "table": "tables"}.get(figure.kind, "charts")


def _sample(run: Run) -> list[tuple[str, Path, list[tuple[Path, Mapping[str, Any]]]]]:
    from workbench.estates.sample.build import generate

    folder = run.folder / "bank"
    generate(folder / "data", customers=2_000 if run.smoke else 5_000, months=18)
    (folder / "workbench.toml").write_text('catalog = "data/catalog.yaml"\nsource = "data"\n')
    names = ["customer-overview"] if run.smoke else ["customer-overview", "segmentation"]
    return [("bank", folder, [(NOTEBOOKS / f"{name}.ipynb", {}) for name in names])]


def _imported(run: Run) -> Iterator[tuple[str, Path, list[tuple[Path, Mapping[str, Any]]]]]:
    from workbench.estates.datasets import import_dataset

    for name in ("cdnow", "completejourney"):
        folder = run.folder / name
        import_dataset(name, folder)
        yield name, folder, [(folder / "notebooks/customer-overview.ipynb", _given(folder))]


def _given(folder: Path) -> dict[str, Any]:
    from workbench.documents import load_yaml
    from workbench.errors import DefinitionError
    from workbench.workspace import open_workspace

    path = folder / "reports/customer-overview.yaml"
    content = load_yaml(path, DefinitionError, "report").content
    given = {name: each["default"] for name, each in content["parameters"].items()}
    ws = open_workspace(folder)
    ws.init()
    return {**given, "period": ws.reports.last_complete_month().text}


_SHOP = catalog_of(
    "orders",
    """\
customer_id: {type: text, role: subject key, sensitivity: personal}
ordered_on: {type: date, role: time, bounds: [2011-01-01, 2011-12-31]}
country: {type: text, domain: [UK, DE, FR, elsewhere], values_per_customer: 1}
amount: {type: money, bounds: [0, 100000], customer_bounds: {ladder: [2000, 32000]}}
""",
    kept_from="ordered_on",
    cells=3,
    rows=40,
    suffix="parquet",
    more="time: ordered_on",
    limits="{month: 9, year: 9, lifetime: 9}",
    currency="GBP",
)


def _shop(run: Run) -> tuple[str, Path, list[tuple[Path, Mapping[str, Any]]]]:
    """Return a shop of 20,000 customers of whom one in a hundred brings a third of the turnover."""
    import duckdb

    folder = run.folder / "shop"
    (folder / "data").mkdir(parents=True)
    (folder / "workbench.toml").write_text('catalog = "catalog.yaml"\nsource = "data"\n')
    (folder / "catalog.yaml").write_text(_SHOP)
    with duckdb.connect() as connection:
        connection.execute("SELECT setseed(0.5)")
        connection.execute(
            f"""
            COPY (
                SELECT 'C' || (i % 20000) AS customer_id,
                    DATE '2011-01-01' + (random() * 364)::INT AS ordered_on,
                    ['UK', 'UK', 'UK', 'DE', 'FR', 'elsewhere'][1 + (i % 6)] AS country,
                    least(90000, 60 * exp(1.1 * sqrt(-2 * ln(1 - hash(i % 20000) / 2.0**64))
                        * cos(2 * pi() * random())))::DECIMAL(18, 2) AS amount
                FROM range(120000) r(i)
            ) TO '{folder / "data/orders.parquet"}' (FORMAT parquet)
            """
        )
    given = {
        "period": "2011-11",
        "table": "orders",
        "groups": ["country"],
        "caps": [32000],
        "size_cap": 32000,
        "bands": [20, 50, 200],
        "months": 6,
    }
    return "shop", folder, [(NOTEBOOKS / "customer-overview.ipynb", given)]


def _plain(bench: Bench) -> float:
    """Return how far the overview's months without noise are from SQL on the source file."""
    import duckdb

    from workbench.catalog_files import load_catalog

    _, cells = bench.figures(NOTEBOOKS / "customer-overview.ipynb", {}, exact=True)
    table = bench.folder / "data/transactions.parquet"
    bounds = (
        load_catalog(bench.folder / "data/catalog.yaml").tables["transactions"].columns["amount"]
    )
    last = float(bounds.customer_bounds[1])  # type: ignore[index]  # why: the sample's
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"""
            SELECT strftime(month, '%Y-%m'), count(*),
                sum(greatest(0, least(coalesce(spent, 0), {last})))
            FROM (SELECT date_trunc('month', booked_on) AS month, customer_id,
                    sum(amount)::DOUBLE AS spent FROM '{table}'
                WHERE NOT is_refund GROUP BY ALL)
            GROUP BY ALL ORDER BY 1 DESC LIMIT 20
            """
        ).fetchall()
    apart: list[float] = []
    for month, customers, spent in rows:
        for measure, true in (("customers", customers), ("amount_sum", spent)):
            found = cells.get((measure, (month,)))
            if found is not None:
                apart.append(abs(found - true) / true)
    if len(apart) < 10:
        raise AssertionError("the overview shows fewer months than it should")
    return max(apart)
