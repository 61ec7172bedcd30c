"""Nothing is left for later, and no test is silenced without a reason."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.house import source

#: Put together here, so that this file does not find itself.
LATER = re.compile(
    r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error")) + r")\b"
)
SILENCERS = ("skip", "skipif", "xfail")


def test_nothing_is_left_for_later() -> None:
    """No source holds a note to finish it, or the exception of a stub."""
    found = [
        f"{source.place(path, number)}: {line.strip()}"
        for path in source.files()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if LATER.search(line)
    ]
    assert found == []


def test_a_silenced_test_says_why() -> None:
    """Every skip, skipif and xfail, as a mark or as a call, gives a reason."""
    assert [place for path in source.files() for place in _unreasoned(path)] == []


def _unreasoned(path: Path) -> list[str]:
    """Return where `path` silences a test without a reason."""
    tree = ast.parse(path.read_text())
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or node.attr not in SILENCERS:
            continue
        call = called.get(id(node))
        if ast.unparse(node).startswith("pytest.") and not (call and _has_reason(call)):
            found.append(f"{source.place(path, node.lineno)}: {ast.unparse(node)}")
    return found


def _has_reason(call: ast.Call) -> bool:
    """Tell whether the call names a reason: by keyword, or pytest.skip's first argument."""
    by_position = bool(call.args) and not ast.unparse(call.func).startswith("pytest.mark.")
    return by_position or any(word.arg == "reason" for word in call.keywords)
