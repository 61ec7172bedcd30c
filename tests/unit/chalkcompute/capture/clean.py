"""A clean interpreter that loads bundles: what a worker's runner starts from.

It forks a child for each request, so that no test sees what another one imported.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOTS = ("proto", "sdk", "services/worker")
PROJECT = Path(__file__).resolve().parents[4]

_SERVER = """
import asyncio, inspect, io, json, os, sys, traceback

def answer(root, module, qualname, args):
    from fnq_runner.loader import load
    function = load(root, module, qualname)
    result = function(*args)
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    return list(result) if inspect.isgenerator(result) else result

for line in sys.stdin:
    request = json.loads(line)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        said = sys.stdout = io.StringIO()
        try:
            found = {"result": repr(answer(*request)), "error": ""}
        except BaseException:
            found = {"result": "", "error": traceback.format_exc()}
        os.write(writer, json.dumps(found | {"said": said.getvalue()}).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        sys.stdout.write(file.read().decode() + "\\n")
    sys.stdout.flush()
    os.waitpid(child, 0)
"""


class CleanInterpreter:
    """A process that has the project and nothing of the tests on its path."""

    def __init__(self) -> None:
        paths = os.pathsep.join(str(PROJECT / each) for each in ROOTS)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env=os.environ | {"PYTHONPATH": paths, "PYTHONSAFEPATH": "1"},
        )

    def ask(self, root: Path, where: tuple[str, str], *args: object) -> dict[str, str]:
        """Return what calling the function there gave: "result" (its repr), "error", "said"."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(root), *where, args]) + "\n")
        self._process.stdin.flush()
        answer: dict[str, str] = json.loads(self._process.stdout.readline())
        return answer

    def call(self, root: Path, where: tuple[str, str], *args: object) -> Any:
        """Return the result of the function there; nothing may go wrong."""
        answer = self.ask(root, where, *args)
        assert not answer["error"], answer["error"]
        return ast.literal_eval(answer["result"])

    def close(self) -> None:
        """End the process."""
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
