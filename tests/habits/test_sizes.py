"""A slow test always has a small size that runs every time."""

import ast
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def test_slow_is_given_by_size_only():
    strays = [
        f"{path.relative_to(TESTS)}:{node.lineno}"
        for path in sorted(TESTS.rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "pytest.mark.slow"
    ]
    assert strays == [], "ask for the fixture 'size' ('smoke' or 'full') and choose the draws by it"


def test_size_comes_small_by_default(size):
    assert size in ("smoke", "full")
