"""Functions that are typed: in notebook cells, and at Python's own prompt."""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.livestack import Stack
from tests.spec.program import lines

pytestmark = pytest.mark.spec

CELLS = Path(__file__).with_name("cells.py")

IMPORTS = """
import asyncio
import chalkcompute
from chalkcompute import get_call_context
"""

FUNCTIONS = """
FACTOR = 3

def tripled(x):
    return x * FACTOR

@chalkcompute.function
def triple(x: int) -> int:
    return tripled(x)

@chalkcompute.function
async def rows(upto: int):
    for number in range(upto):
        yield {"number": number, "triple": triple(number)}
"""

CALLS = """
triple.wait_ready()
print(triple(5), triple.local(5))
for row in rows(3):
    print(row)
try:
    triple(None)
except TypeError as problem:
    print(problem)
"""

#: A cell may await, and its own loop runs between the cells.
AWAITS = """
print(await triple.aio(7))
print([row["triple"] async for row in rows(4)])
print(triple(8))
"""

#: Run again after it was changed, as one does in a notebook.
CHANGED = """
FACTOR = 100

@chalkcompute.function
def triple(x: int) -> int:
    return tripled(x) + 1
"""

TYPED = """
import chalkcompute
@chalkcompute.function
def double(x: int) -> int:
    return x * 2

print("said", double(21))
@chalkcompute.function
async def doubles(upto: int):
    for number in range(upto):
        yield double(number)

for each in doubles(3): print("said", each)

exit()
"""

keeps_nothing = pytest.mark.skipif(
    sys.version_info < (3, 13) and importlib.util.find_spec("readline") is None,
    reason="this Python has no readline, so its prompt keeps nothing",
)


def test_cells_of_a_notebook_deploy_call_and_change_functions(stack: Stack) -> None:
    """What a cell defines is called from later cells; a cell run again counts from then on."""
    cells = [IMPORTS, FUNCTIONS, CALLS, AWAITS, CHANGED, "print(triple(5), triple.local(5))"]
    assert lines(stack, CELLS, json.dumps(cells)) == [
        "15 15",
        "{'number': 0, 'triple': 0}",
        "{'number': 1, 'triple': 3}",
        "{'number': 2, 'triple': 6}",
        'triple() argument "x": expected int, got NoneType',
        "21",
        "[0, 3, 6, 9]",
        "24",
        "501 501",
    ]


@keeps_nothing
def test_functions_typed_at_a_terminal_are_deployed(stack: Stack, tmp_path: Path) -> None:
    """The prompt of Python itself, on a terminal."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-i", "-q"], stdin=slave, stdout=slave, stderr=slave,
        env=stack.env | {"TERM": "dumb"}, cwd=tmp_path, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(slave)
        os.write(master, TYPED.encode())
        shown = read_all(master)
        process.wait(30)
    os.close(master)
    said = [line.split("said ")[1] for line in shown.splitlines() if line.startswith("said ")]
    assert said == ["42", "0", "2", "4"], shown


def test_functions_piped_into_python_are_deployed_or_refused_with_the_reason(
    stack: Stack, tmp_path: Path
) -> None:
    """Where Python keeps no source of what it read, the error says what to do instead."""
    done = subprocess.run(
        [sys.executable, "-i", "-q"],
        input=TYPED,
        # A home without the history of another prompt.
        env=stack.env | {"HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=stack.patience_s,
        check=False,
    )
    if sys.version_info >= (3, 13):
        assert done.stdout.splitlines() == ["said 42", "said 0", "said 2", "said 4"], done.stderr
    else:
        assert done.stdout == ""
        assert "DeployError: <stdin>" in done.stderr
        assert "write it as a def, in a file" in done.stderr


def read_all(terminal: int) -> str:
    """Return what a terminal shows until its last user has gone."""
    shown = b""
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:  # Linux says so, others give nothing.
            data = b""
        if not data:
            return shown.decode(errors="replace")
        shown += data
