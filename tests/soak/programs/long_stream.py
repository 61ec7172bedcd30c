"""One very long stream; prints the memory of every process along the way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import chalkcompute


@chalkcompute.function
def produce(upto: int):
    for number in range(upto):
        yield {"number": number, "text": "x"}


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


def main(chunks: int) -> None:
    produce.wait_ready()
    weights = []
    seen = 0
    for chunk in produce(chunks):
        assert chunk["number"] == seen
        seen += 1
        if seen in (chunks // 10, chunks):
            weights.append(resident())
    print(json.dumps({"seen": seen, "early": weights[0], "late": weights[1]}))


main(int(sys.argv[1]))
