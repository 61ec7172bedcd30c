"""Children that multiprocessing starts: how they end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import multiprocessing, sys
from chalkcompute import parting, runtime

class Session:
    over = False
    def close(self):
        print("closed", flush=True)
        return int(sys.argv[2])

def child(queue):
    queue.put("put")
    runtime._state.server = Session()
    parting.attend()

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    process.join()
    print(queue.get(), process.exitcode)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("lost", [0, 2])
def test_a_child_sends_what_it_spawned_before_it_ends(
    tmp_path: Path, method: str, lost: int
) -> None:
    """Such a child may end without exit handlers; what it could not send is told like any."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script, method, str(lost)], capture_output=True, text=True, timeout=30
    )
    assert done.stdout == f"closed\nput {1 if lost else 0}\n", done.stderr
    assert done.stderr.count("2 spawned calls are lost") == (1 if lost else 0)
