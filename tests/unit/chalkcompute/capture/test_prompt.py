"""Python's own prompt, on a real terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.chalkcompute.capture.clean import PROJECT, ROOTS
from tests.unit.chalkcompute.capture.workshop import Workshop

TYPED = """
import fake, re
PAT = re.compile('old')
PAT = re.compile('a+')
LIMIT = 3
class Base:
    def name(self):
        return 'base'

class Child(Base): pass

def helper(): return 'old'

def helper():
    if LIMIT:
        return Child().name()
    else:
        return None

@fake.function(cpu=LIMIT)
def f(x):
    return PAT.findall(x), helper(), LIMIT

from chalkcompute.capture import capture
_ = open({out!r}, 'wb').write(capture([f.body]).data)
exit()
"""


@pytest.mark.skipif(
    sys.version_info < (3, 13) and not __import__("importlib.util").util.find_spec("readline"),
    reason="this Python has no readline, so its prompt keeps nothing",
)
def test_what_was_typed_at_the_prompt_is_shipped(workshop: Workshop, tmp_path: Path) -> None:
    """From linecache since 3.13, from readline's history before."""
    out = tmp_path / "bundle"
    paths = [str(workshop.folder), *(str(PROJECT / each) for each in ROOTS)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "TERM": "dumb"}
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-i", "-q"], stdin=slave, stdout=slave, stderr=slave, env=environment,
        cwd=tmp_path, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(slave)
        os.write(master, TYPED.format(out=str(out)).encode())
        shown = read_all(master)
        process.wait(30)
    os.close(master)
    assert out.exists(), shown
    bundle: Any = SimpleNamespace(data=out.read_bytes())
    root = workshop.unpacked(bundle)
    assert workshop.interpreter.call(root, ("__main__", "f"), "aab") == (["aa"], "base", 3)


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
