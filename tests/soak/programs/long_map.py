"""One very long map; prints the memory of every process along the way."""

import json
import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import chalkcompute


@chalkcompute.function
def thrice(number: int) -> int:
    return 3 * number


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


def main(rows: int) -> None:
    thrice.wait_ready()
    weights = []
    seen = 0
    for result in thrice.map(count()):
        assert result == 3 * seen
        seen += 1
        if seen in (rows // 10, rows):
            weights.append(resident())
        if seen == rows:
            break
    print(json.dumps({"seen": seen, "early": weights[0], "late": weights[1]}))


main(int(sys.argv[1]))
