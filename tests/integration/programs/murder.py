"""A function that kills the worker that runs it, agent and all."""

import os
import signal
import time

import chalkcompute


@chalkcompute.function(max_replicas=1)
def murder() -> None:
    with open(f"/proc/{os.getppid()}/stat") as file:
        agent = int(file.read().rpartition(")")[2].split()[1])
    os.kill(agent, signal.SIGKILL)
    time.sleep(60)


print(murder.spawn().id)
