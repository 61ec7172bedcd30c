"""`python -m tests.bench.cold`: how long a cold call takes on a cluster, and where the time goes.

Ten calls each of a function that is scaled to zero, as a plain process and in a container
whose image the node has.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fnq_server.orchestrator.nomad.story import TERMINAL
from jobs.cluster import Cluster
from jobs.http import ask
from tests import agents
from tests.bench import coldparts, machine
from tests.bench.figure import Figure
from tests.livestack import wait_until

__all__ = ["main"]

_SCRIPT = Path(__file__).with_name("coldscript.py")
_CALLS = 10
#: Seconds in which a function that nobody calls has no worker.
_REST_S = 30.0
_DRIVERS = ("raw_exec", "docker")
_WHOLE = "cold call"


def main(*drivers: str) -> int:
    """Measure and print; return the exit code."""
    print(json.dumps(machine.describe()))
    for driver in drivers or _DRIVERS:
        with agents.cluster(workers=driver) as cluster:
            cluster.up()
            figures = _measured(cluster)
        print(f"\n| {driver}, ms | median (least-greatest) |\n| --- | --- |")
        for name, figure in figures.items():
            print(f"| {name} | {figure.text} |")
    return 0


def _measured(cluster: Cluster) -> Mapping[str, Figure]:
    figures = {name: Figure() for name in (_WHOLE, *coldparts.PARTS)}
    env = {"FNQ_ADDR": f"consul://{cluster.consul.address}", "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        [sys.executable, str(_SCRIPT)],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as script:
        assert script.stdin is not None
        assert script.stdout is not None
        json.loads(script.stdout.readline())
        for number in range(_CALLS):
            sys.stderr.write(f"[cold] {cluster.worker_driver}: call {number + 1} of {_CALLS}\n")
            wait_until("no worker", lambda: not _alive(cluster), _REST_S)
            script.stdin.write("call\n")
            script.stdin.flush()
            told = json.loads(script.stdout.readline())
            allocation = _started(cluster)
            found = coldparts.moments(told, _evaluations(cluster, allocation), allocation)
            figures[_WHOLE].values.append((told["ended"] - told["begun"]) * 1000)
            for name, spent_ms in coldparts.parts(found).items():
                figures[name].values.append(spent_ms)
        script.stdin.close()
    return figures


def _started(cluster: Cluster) -> Any:
    """Return the allocation that answered, once its node has told of its start."""
    wait_until("a start", lambda: [each for each in _alive(cluster) if _has_started(each)])
    [found] = _alive(cluster)
    return found


def _has_started(allocation: Mapping[str, Any]) -> bool:
    task = (allocation["TaskStates"] or {}).get("worker") or {}
    return any(each["Type"] == "Started" for each in task.get("Events") or ())


def _alive(cluster: Cluster) -> list[Any]:
    """Return the allocations of the function that have not ended, as their node told last."""
    found = ask("GET", f"{cluster.nomad.address}/v1/allocations")
    return [
        each
        for each in found
        if each["JobID"].startswith("fnq-rest-") and each["ClientStatus"] not in TERMINAL
    ]


def _evaluations(cluster: Cluster, allocation: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = ask(
        "GET", f"{cluster.nomad.address}/v1/job/{allocation['JobID']}/evaluations"
    )
    return found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
