"""What a notebook's questions cost together at most, read off its code without running it.

Every price is written in the call that asks: ``ws.release(…, epsilon=0.3)``, a parameter, or a
product of such. Where all of them can be read, and how often each is asked, their sum is the most a
run can cost. Where anything cannot be read for certain there is no sum, and the notebook has to be
run without releasing to tell.
"""

import ast
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path

from workbench.documents import read_json
from workbench.errors import QuestionRefused
from workbench.privacy.accounting import Cost, price
from workbench.privacy.planning import AUTO
from workbench.reporting.definitions.fields import Value
from workbench.reporting.notebooks.reads import ODD_CODE, Unknown, parsed

# Methods of a workspace that pay, and how often they pay their price.
PAYING = {
    "release": 1,
    "answer": 1,
    "foresee": 0,
    "release_marginals": 1,
    "suggest_bounds": 1,
    "clipping": 2,
    "past_retention": 1,
    "consents_at_reads": 1,
}
_OPENS = "open_workspace"
_SAME_LENGTH = {"enumerate", "reversed", "sorted", "list", "tuple", "set"}
_VIEWS = {"items", "keys", "values"}
# How often their body runs, or whether, is not told by where they stand.
_UNCOUNTED = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef),
    *(ast.While, ast.AsyncFor),
)


def most_pico(
    notebook: Path,
    values: Mapping[str, Value],
    delta: Decimal,
    auto_pico: int = 0,
    gaussian: bool = True,
) -> int | None:
    """Return the most that a run can cost, in pico-rho; None where only running it can tell.

    Parameters
    ----------
    notebook : Path
    values : mapping
        The parameters of the run.
    delta : Decimal
        The catalog's.
    auto_pico : int
        What its questions with ``epsilon="auto"`` cost together.
    gaussian : bool
        How the ledger counts.
    """
    try:
        tree = parsed(read_json(notebook)["cells"])
        return _Reader(tree, values, delta, auto_pico, gaussian).whole()
    except (Unknown, *ODD_CODE, QuestionRefused):  # what is refused here is refused by the run
        return None


class _Reader:
    def __init__(
        self,
        tree: ast.Module,
        values: Mapping[str, Value],
        delta: Decimal,
        auto_pico: int,
        gaussian: bool,
    ) -> None:
        self._tree, self._values = tree, values
        self._price: Callable[..., Cost] = partial(price, delta=delta, gaussian=gaussian)
        self._auto_pico = auto_pico
        self._above = {
            child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)
        }
        self._given: dict[str, list[ast.expr | None]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
                above = self._above[node]
                plain = isinstance(above, ast.Assign) and above.targets == [node]
                content = above.value if plain and isinstance(above, ast.Assign) else None
                self._given.setdefault(node.id, []).append(content)
        self._changed = {
            node.func.value.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.attr in ("append", "extend", "insert", "update", "add", "setdefault")
        }

    def whole(self) -> int:
        total = self._auto_pico
        spaces = {
            name
            for name, given in self._given.items()
            if any(each is not None and self._opens(each) for each in given)
        }
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Name) and node.id in spaces and isinstance(node.ctx, ast.Load):
                if not isinstance(self._above[node], ast.Attribute):
                    raise Unknown  # it is handed to something that may ask too
            elif isinstance(node, ast.Attribute) and node.attr in PAYING:
                call = self._above[node]
                if not isinstance(call, ast.Call) or call.func is not node:
                    raise Unknown
                total += self._paid(call, PAYING[node.attr]) * self._times(call)
            elif isinstance(node, ast.Attribute | ast.Name) and _name(node) == "discovered":
                raise Unknown  # it takes some of delta for itself
        return total

    def _opens(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and _name(node.func) == _OPENS

    def _paid(self, call: ast.Call, times: int) -> int:
        words = {each.arg: each.value for each in call.keywords}
        if "epsilon" in words and self._is_auto(words["epsilon"]):
            return 0  # it is in what they cost together
        pure = words.get("pure", ast.Constant(value=False))
        epsilon, rho = (
            self._number(words[name]) if name in words else None for name in ("epsilon", "rho")
        )
        if None in words or not isinstance(pure, ast.Constant):
            raise Unknown
        asked = self._price(epsilon, rho, pure=bool(pure.value))
        return times * asked.pico

    def _is_auto(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name) and node.id in self._values:
            return self._parameter(node.id) == AUTO
        return isinstance(node, ast.Constant) and node.value == AUTO

    def _times(self, node: ast.AST) -> int:
        """Return how often a node is reached at most."""
        times = 1
        while node in self._above:
            below, node = node, self._above[node]
            if isinstance(node, _UNCOUNTED):
                raise Unknown
            if isinstance(node, ast.For) and below in node.body:
                times *= self._length(node.iter)
            elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
                # why not of its iterators: those are reached as often as the whole or more
                times *= math.prod(self._length(each.iter) for each in node.generators)
        return times

    def _length(self, node: ast.expr) -> int:
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            if any(isinstance(each, ast.Starred) for each in node.elts):
                raise Unknown
            return len(node.elts)
        if isinstance(node, ast.Dict):
            if None in node.keys:
                raise Unknown
            return len(node.keys)
        if isinstance(node, ast.Name):
            return self._length_of(node.id)
        if isinstance(node, ast.Call):
            return self._length_called(node)
        raise Unknown

    def _length_of(self, name: str) -> int:
        if name in self._changed:
            raise Unknown
        if name in self._values:
            value = self._parameter(name)
            if not isinstance(value, list):
                raise Unknown
            return len(value)
        return self._length(self._content(name))

    def _length_called(self, node: ast.Call) -> int:
        if isinstance(node.func, ast.Attribute) and node.func.attr in _VIEWS and not node.args:
            return self._length(node.func.value)
        name = _name(node.func)
        if name == "zip" and node.args:
            return min(self._known(node.args))
        if name == "range" and node.args:
            numbers = [int(self._number(each)) for each in node.args]
            return len(range(*numbers))
        if name in _SAME_LENGTH and len(node.args) == 1:
            return self._length(node.args[0])
        raise Unknown

    def _known(self, nodes: Sequence[ast.expr]) -> Iterator[int]:
        """Yield the lengths that can be told; at least one."""
        told = 0
        for each in nodes:
            try:
                length = self._length(each)
            except Unknown:
                continue
            told += 1
            yield length
        if not told:
            raise Unknown

    def _number(self, node: ast.expr) -> Decimal:
        if isinstance(node, ast.Constant) and type(node.value) in (int, float, str):
            return self._decimal(node.value)
        if isinstance(node, ast.Name) and node.id in self._values:
            return self._decimal(self._parameter(node.id))
        if isinstance(node, ast.Name):
            return self._number(self._content(node.id))
        if isinstance(node, ast.BinOp):
            left, right = self._number(node.left), self._number(node.right)
            if isinstance(node.op, ast.Mult):
                return left * right
            if isinstance(node.op, ast.Div) and right:
                return left / right
            if isinstance(node.op, ast.Add):
                return left + right
        raise Unknown

    def _decimal(self, value: object) -> Decimal:
        try:
            return Decimal(str(value))
        except ArithmeticError:
            raise Unknown from None

    def _content(self, name: str) -> ast.expr:
        """Return what a name stands for, if it is given once, plainly."""
        given = self._given.get(name, [])
        if len(given) != 1 or given[0] is None:
            raise Unknown
        return given[0]

    def _parameter(self, name: str) -> object:
        """Return a parameter's value, which the code sets once: papermill puts the run's there."""
        if len(self._given.get(name, [])) > 1:
            raise Unknown
        return self._values[name]


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
