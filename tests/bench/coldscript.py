"""The script that makes cold calls on a cluster: one for each line of its standard input.

It answers with a line of JSON: when the call began and ended, and what its function saw, in
seconds of the wall clock. It is run by `cold`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import chalkcompute


@chalkcompute.function(suspend_cooldown_period=0.5, memory="256Mi")
def rest() -> dict[str, float]:
    """Return when the processes of this worker were started, and when this runs."""
    now_s = time.time()
    booted_s = now_s - time.clock_gettime(time.CLOCK_BOOTTIME)
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    found, pid = {"run": now_s}, os.getpid()
    for name in ("runner", "", "agent"):
        # What stands before is a name, which may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        # Between the two there is the zygote.
        found[name] = booted_s + int(fields[19]) * tick_s
        pid = int(fields[1])
    return found


def main() -> None:
    """Say when the function is deployed, then call it when told to."""
    rest()
    print(json.dumps({}), flush=True)
    for _ in sys.stdin:
        begun_s = time.time()
        seen = rest()
        print(json.dumps({"begun": begun_s, "ended": time.time(), **seen}), flush=True)


if __name__ == "__main__":
    main()
