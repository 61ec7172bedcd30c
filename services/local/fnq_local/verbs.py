"""What visitors may ask of the supervisor, and what they are told."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any

from fnq_local.agents import Wanted
from fnq_local.child import Child
from fnq_local.supervisor import Supervisor
from fnq_wire.error import StackError

__all__ = ["Verbs"]

#: Seconds for which somebody may wait for the stack.
_MOST_WAIT_S = 60.0


class Verbs:
    """Answers one request at a time for each visitor.

    Raises StackError for a bad one, and UnschedulableError for what can never be done.

    ping     {"wait_s", "touch"} -> {"ready", "waiting", "server", "pid", "prefix", "builder"}
    ensure   {"namespace", "version", "function", "replicas", "exact", "grace_s", "image",
             "secrets", "volumes", "cpu_millis", "memory_bytes", "gpus"} -> {"agents"}
    agents   {"namespace", "version"} -> {"agents"}
    stop     {"namespace", "version", "grace_s"} -> {"stopped"}
    status   -> {"processes", "pid", "waiting"}
    machine  -> {"cores", "memory_bytes", "gpus", "python", "enforced", "obstacle"}
    touch    -> {"again_s"}
    down     -> {"pid"} when everything has ended
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._verbs = {
            "ping": self._ping,
            "ensure": self._ensure,
            "agents": self._agents,
            "stop": self._stop,
            "status": self._status,
            "machine": self._machine,
            "touch": self._touch,
            "down": self._down,
        }

    async def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to `request`. Raises StackError when it cannot be done."""
        verb = self._verbs.get(str(request.get("verb")))
        if verb is None:
            raise StackError(
                f"expected a verb of {', '.join(self._verbs)}; got {request.get('verb')!r}"
            )
        try:
            return await verb(request)
        except (KeyError, TypeError, ValueError) as problem:
            raise StackError(
                f"the request {request['verb']!r} lacks or mistypes {problem}"
            ) from problem

    async def _ping(self, request: dict[str, Any]) -> dict[str, Any]:
        supervisor = self._supervisor
        if request.get("touch"):
            supervisor.idle.touch(time.monotonic())
        wait_s = min(float(request.get("wait_s", 0.0)), _MOST_WAIT_S)
        if wait_s > 0 and supervisor.missing():
            try:
                async with asyncio.timeout(wait_s):
                    await supervisor.settled.wait()
            except TimeoutError:
                pass
        if supervisor.failure:
            raise StackError(supervisor.failure)
        missing = supervisor.missing()
        return {
            "ready": not missing,
            "waiting": missing,
            "server": supervisor.place.address("server"),
            "pid": os.getpid(),
            "prefix": sys.prefix,
            "builder": supervisor.builder,
        }

    async def _ensure(self, request: dict[str, Any]) -> dict[str, Any]:
        self._insist_staying()
        wanted = Wanted(
            namespace=str(request["namespace"]),
            version=str(request["version"]),
            function=str(request["function"]),
            replicas=int(request["replicas"]),
            exact=bool(request.get("exact", True)),
            secrets={str(name): str(value) for name, value in request["secrets"].items()},
            image=str(request["image"]),
            volumes=tuple((str(name), str(path)) for name, path in request["volumes"]),
            cpu_millis=int(request["cpu_millis"]),
            memory_bytes=int(request["memory_bytes"]),
            gpus=tuple((str(name), int(count)) for name, count in request["gpus"]),
        )
        staying = self._supervisor.agents.ensure(wanted, float(request["grace_s"]))
        return {"agents": [_agent(child) for child in staying]}

    async def _agents(self, request: dict[str, Any]) -> dict[str, Any]:
        namespace, version = str(request["namespace"]), str(request["version"])
        return {"agents": [_agent(each) for each in self._supervisor.agents.of(namespace, version)]}

    async def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        namespace, version = str(request["namespace"]), str(request["version"])
        stopped = self._supervisor.agents.stop(namespace, version, float(request["grace_s"]))
        return {"stopped": stopped}

    async def _status(self, _request: dict[str, Any]) -> dict[str, Any]:
        supervisor = self._supervisor
        return {
            "processes": supervisor.processes(),
            "pid": os.getpid(),
            "waiting": supervisor.missing(),
        }

    async def _machine(self, _request: dict[str, Any]) -> dict[str, Any]:
        return await self._supervisor.machine()

    async def _touch(self, _request: dict[str, Any]) -> dict[str, Any]:
        return {"again_s": self._supervisor.idle.touch(time.monotonic())}

    async def _down(self, _request: dict[str, Any]) -> dict[str, Any]:
        self._supervisor.leaving.set()
        await self._supervisor.gone.wait()
        return {"pid": os.getpid()}

    def _insist_staying(self) -> None:
        if self._supervisor.leaving.is_set():
            raise StackError("the stack is leaving; run the script again to start a new one")


def _agent(child: Child) -> dict[str, Any]:
    return {
        "replica": child.facts.replica,
        "pid": child.pid or None,
        "state": child.state,
        "reason": child.reason,
        "crashing": child.crashing,
        "ending": child.ending,
        "log": child.log.path,
    }
