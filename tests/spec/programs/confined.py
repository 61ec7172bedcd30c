"""Functions that take more than they asked for."""

from __future__ import annotations

import time

import chalkcompute
from chalkcompute.errors import WorkerLostError


@chalkcompute.function(memory="160Mi")
def hoard(mib: int) -> int:
    """Take so much memory, and give it back."""
    print(f"taking {mib} MiB")
    taken = [bytearray(b"x" * (1 << 20)) for _ in range(mib)]
    return len(taken)


@chalkcompute.function(cpu="250m")
def toil() -> tuple[float, bool]:
    """Work for half a second; return one's share of it, and whether a group holds one to it.

    On a machine that is busy the share alone tells nothing.
    """
    began, spent = time.monotonic(), time.process_time()
    while time.monotonic() < began + 0.5:
        pass
    share = (time.process_time() - spent) / (time.monotonic() - began)
    with open("/proc/self/cgroup") as file:
        groups = [line for line in file if line.split(":")[1] in ("", "cpu", "cpu,cpuacct")]
    return share, any("/fnq-" in line for line in groups)


print("a little", hoard(1))
try:
    hoard(500)
except WorkerLostError as error:
    print(error.reason, "|", error)
    print(*error.__notes__)
print("again", hoard(2))
share, grouped = toil()
print("held back", share < 0.6, grouped)
