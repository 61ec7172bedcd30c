"""Many large values, there and back; prints the memory of every process along the way."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import chalkcompute


@chalkcompute.function
def again(values):
    return values * 1


@chalkcompute.function
def relay(values):
    return again(values)


def resident() -> dict[str, int]:
    """Return the resident memory of each process of the stack and of this one, in KiB."""
    fnq = Path(sys.executable).with_name("fnq")
    status = json.loads(subprocess.check_output([fnq, "status", "--json"]))
    pids = {f"{each['role']}-{each['pid']}": each["pid"] for each in status["processes"]}
    pids["caller"] = os.getpid()
    return {name: kib(pid) for name, pid in pids.items()}


def kib(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1])


def left(spool: str) -> list[str]:
    """Return the values in the spool, once those that are about to go are gone."""
    for _ in range(100):
        found = [name for name in os.listdir(spool) if name[:2] in ("v-", "k-")]
        if not found:
            break
        time.sleep(0.1)
    return found


def main(calls: int, spool: str) -> None:
    values = np.arange(1 << 20, dtype=np.float64)
    relay.wait_ready()
    again.wait_ready()
    weights = []
    for number in range(calls):
        assert relay(values)[-1] == values[-1]
        if number + 1 in (calls // 5, calls):
            weights.append(resident())
    found = {"calls": calls, "early": weights[0], "late": weights[1], "left": left(spool)}
    print(json.dumps(found))


main(int(sys.argv[1]), sys.argv[2])
