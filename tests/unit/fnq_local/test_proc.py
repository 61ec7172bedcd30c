"""What the kernel knows about processes."""

from __future__ import annotations

import os
import subprocess
import sys

from fnq_local import proc
from tests.unit.fnq_local.stack import until


def test_a_process_is_named_by_its_id_and_its_beginning() -> None:
    """A living one has a beginning that stays; one that has ended has none, reaped or not."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert proc.began(child.pid) == proc.began(child.pid) is not None
    assert child.pid in proc.children(os.getpid())
    assert child.stdin is not None
    child.stdin.close()
    until(lambda: proc.began(child.pid) is None, "the end of the child")
    assert child.pid not in proc.children(os.getpid())
    child.wait()
