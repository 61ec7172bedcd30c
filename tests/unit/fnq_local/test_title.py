"""What `ps` shows for a process that was forked."""

from __future__ import annotations

import subprocess
import sys


def test_a_process_shows_the_title_that_it_was_given() -> None:
    """Name and command line are replaced, and cut to the room there is."""
    code = (
        "from fnq_local import title\n"
        "title.set_title('fnq-worker add 3')\n"
        "print(open('/proc/self/cmdline').read().strip(chr(0)))\n"
        "print(open('/proc/self/comm').read().strip())\n"
        "title.set_title('x' * 10_000)\n"
        "print(set(open('/proc/self/cmdline').read().rstrip(chr(0))))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["fnq-worker add 3", "fnq-worker", "{'x'}"]
