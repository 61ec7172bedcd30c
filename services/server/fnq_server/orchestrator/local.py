"""Workers on this machine: what the server asks of the supervisor beside it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fnq_server.orchestrator.seam import GRACE_S, Explanation, Outlook, Placed
from fnq_wire.error import StackError, UnschedulableError

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["LocalOrchestrator", "explain"]

#: Seconds in which the supervisor must answer; it does so from memory.
_ANSWER_S = 5.0
#: Bytes of an answer: some thousands of processes.
_LONGEST = 8 << 20


class LocalOrchestrator:
    """Speaks JSON lines with the supervisor at the Unix socket `door`."""

    active: frozenset[str] = frozenset()

    def __init__(self, door: str) -> None:
        self._door = door

    async def ensure(
        self, namespace: str, version: str, spec: spec_pb2.FunctionSpec, replicas: int
    ) -> None:
        """See to it that at least `replicas` workers of the version are started, and stay."""
        await self._place(namespace, version, spec, replicas, exact=False)

    async def scale(
        self, namespace: str, version: str, spec: spec_pb2.FunctionSpec, replicas: int
    ) -> None:
        """See to it that exactly `replicas` workers run; those with the highest indexes go."""
        await self._place(namespace, version, spec, replicas, exact=True)

    async def _place(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        replicas: int,
        *,
        exact: bool,
    ) -> None:
        await self._ask(
            "ensure",
            namespace=namespace,
            version=version,
            function=spec.name,
            replicas=replicas,
            env=dict(spec.env),
            exact=exact,
            grace_s=GRACE_S,
        )

    async def stop(self, namespace: str, version: str) -> None:
        """Have all workers of the version end; those that are ensured afterwards are new."""
        await self._ask("stop", namespace=namespace, version=version, grace_s=GRACE_S)

    async def status(self) -> list[Placed]:
        """Return every worker that is run or to be run, whatever its state."""
        processes = (await self._ask("status"))["processes"]
        return [_placed(entry) for entry in processes if entry["role"] == "worker"]

    async def explain(self, namespace: str, version: str) -> Explanation:
        """Return what is known of the version's workers: of the best of them."""
        return explain(await self._agents(namespace, version))

    async def logs(self, namespace: str, version: str, tail: int) -> list[str]:
        """Return the last `tail` lines that each worker of the version itself wrote."""
        paths = [agent["log"] for agent in await self._agents(namespace, version)]
        return await asyncio.to_thread(_read_tails, paths, tail)

    async def touch(self) -> float:
        """Keep the stack from leaving; return the seconds after which to do it again."""
        return float((await self._ask("touch"))["again_s"])

    async def _agents(self, namespace: str, version: str) -> list[dict[str, Any]]:
        answer = await self._ask("agents", namespace=namespace, version=version)
        found: list[dict[str, Any]] = answer["agents"]
        return found

    async def _ask(self, verb: str, **request: object) -> dict[str, Any]:
        """Return the answer of the supervisor.

        Raises StackError when it refuses or is away, UnschedulableError when it
        refuses once and for all.
        """
        try:
            async with asyncio.timeout(_ANSWER_S):
                line = await self._exchange(json.dumps({"verb": verb, **request}).encode() + b"\n")
        except TimeoutError as problem:
            raise StackError(
                f"the supervisor did not answer {verb!r} in {_ANSWER_S:g} s"
            ) from problem
        except OSError as problem:
            raise StackError(f"no supervisor at {self._door}: {problem.strerror}") from problem
        if not line:
            raise StackError(f"the supervisor hung up on {verb!r}: the stack is leaving")
        answer: dict[str, Any] = json.loads(line)
        if answer.get("never"):
            raise UnschedulableError(answer["error"])
        if not answer["ok"]:
            raise StackError(f"the supervisor refused {verb!r}: {answer['error']}")
        return answer

    async def _exchange(self, line: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._door, limit=_LONGEST)
        try:
            writer.write(line)
            return await reader.readline()
        finally:
            writer.close()


def _placed(entry: dict[str, Any]) -> Placed:
    return Placed(
        namespace=entry["namespace"],
        function=entry["function"],
        version=entry["version"],
        replica=entry["replica"],
        state=entry["state"],
        pid=entry["pid"] or 0,
    )


def explain(agents: Sequence[Mapping[str, Any]]) -> Explanation:
    """Return what the supervisor's agents of a version say together. Pure."""
    if not agents:
        return Explanation(Outlook.ABSENT, "no worker was asked for")
    steady = [agent for agent in agents if not agent["crashing"]]
    if any(agent["state"] == "running" for agent in steady):
        return Explanation(Outlook.RUNNING)
    if steady:
        ending = steady[0]["ending"]
        again = f"its worker {ending}, and is started again" if ending else "its worker starts"
        return Explanation(Outlook.STARTING, again)
    ending = agents[0]["ending"]
    return Explanation(Outlook.CRASHING, f"its worker crashes whenever it is started: {ending}")


def _read_tails(paths: list[str], tail: int) -> list[str]:
    lines: list[str] = []
    for path in paths:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines += (line.rstrip("\n") for line in deque(file, maxlen=tail))
        except FileNotFoundError:
            continue
    return lines
