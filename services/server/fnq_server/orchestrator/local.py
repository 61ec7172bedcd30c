"""Workers on this machine: what the server asks of the supervisor beside it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fnq_server.orchestrator.machine import Machine, shortfalls, unenforced
from fnq_server.orchestrator.seam import (
    GRACE_S,
    Caveats,
    Draft,
    Explanation,
    Gpu,
    Outlook,
    Placed,
    Provision,
)
from fnq_wire.error import StackError, UnschedulableError
from fnq_wire.finding import Finding, missing, ok
from fnq_wire.gpu import asks
from fnq_wire.limits import MOST_REPLICAS

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["LocalOrchestrator", "explain"]

#: Seconds in which the supervisor must answer; it does so from memory.
_ANSWER_S = 5.0
#: Seconds that a worker has which is not needed any more: until what it runs has ended.
_SURPLUS_GRACE_S = 7 * 86_400.0
#: Bytes of an answer: some thousands of processes.
_LONGEST = 8 << 20


class LocalOrchestrator:
    """Speaks JSON lines with the supervisor at the Unix socket `door`.

    `contained`: functions with an image run in containers, whose engine holds them to what
    they ask for.
    """

    #: What this machine lacks of them is told by `caveats`.
    active: frozenset[str] = frozenset({"cpu", "memory", "gpu", "secrets", "volumes"})
    most_replicas = MOST_REPLICAS

    def __init__(self, door: str, *, contained: bool = False) -> None:
        self._door = door
        self._contained = contained

    async def caveats(self, specs: Sequence[spec_pb2.FunctionSpec]) -> Caveats:
        """Return what this machine lacks, and what its workers are not held to."""
        machine = _machine(await self._ask("machine"))
        found = {each.name: shortfalls(each, machine) for each in specs}
        ours = [each for each in specs if not (self._contained and each.image)]
        notes = dict.fromkeys(note for each in ours for note in unenforced(each, machine))
        return Caveats({name: lacks for name, lacks in found.items() if lacks}, tuple(notes))

    async def admit(self, specs: Sequence[spec_pb2.FunctionSpec]) -> None:
        """Take them all: whose machine it is decides for itself."""

    async def ensure(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        provision: Provision,
        replicas: int,
    ) -> None:
        """See to it that at least `replicas` workers of the version are started, and stay."""
        await self._place(namespace, version, spec, provision, replicas, exact=False)

    async def scale(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        provision: Provision,
        replicas: int,
    ) -> None:
        """See to it that exactly `replicas` workers run; those with the highest indexes go.

        They may finish what they run, however long that takes.
        """
        await self._place(namespace, version, spec, provision, replicas, exact=True)

    async def _place(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        provision: Provision,
        replicas: int,
        *,
        exact: bool,
    ) -> None:
        order = _order(namespace, version, spec, provision.image, replicas)
        await self._ask(
            "ensure",
            **order,
            secrets=dict(provision.secrets),
            exact=exact,
            grace_s=_SURPLUS_GRACE_S,
        )

    async def plan(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        image: str,
        replicas: int,
    ) -> Draft:
        """Return what the supervisor would be told, field by field, but for what is empty."""
        order = _order(namespace, version, spec, image, replicas)
        order["secrets"] = [each.name for each in spec.secrets]
        order["gpus"] = ", ".join(map(str, asks(spec.resources)))
        return Draft("\n".join(f"{name}: {value}" for name, value in order.items() if value))

    async def stop(self, namespace: str, version: str) -> None:
        """Have all workers of the version end; those that are ensured afterwards are new."""
        await self._ask("stop", namespace=namespace, version=version, grace_s=GRACE_S)

    async def status(self) -> list[Placed]:
        """Return every worker that is run or to be run, whatever its state."""
        processes = (await self._ask("status"))["processes"]
        return [_placed(entry) for entry in processes if entry["role"] == "worker"]

    async def gpus(self) -> list[Gpu]:
        """Return the GPUs of this machine, and who has them."""
        models, processes = await asyncio.gather(self._ask("machine"), self._ask("status"))
        holders: dict[int, list[Placed]] = {}
        for entry in processes["processes"]:
            for number in entry.get("gpus", ()):
                holders.setdefault(number, []).append(_placed(entry))
        return [
            Gpu(str(number), model, workers=holders.get(number, ()))
            for number, model in enumerate(models["gpus"])
        ]

    async def check(self, token: str | None) -> list[Finding]:
        """Return that they need nothing but the supervisor, if it answers."""
        try:
            await self._ask("status")
        except StackError as problem:
            return [missing("workers", str(problem), "run fnq down, then fnq up")]
        return [ok("workers", "the supervisor of this machine starts them")]

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


def _order(
    namespace: str, version: str, spec: spec_pb2.FunctionSpec, image: str, replicas: int
) -> dict[str, object]:
    """Return what the supervisor is told of a version's workers, secrets apart."""
    return {
        "namespace": namespace,
        "version": version,
        "function": spec.name,
        "replicas": replicas,
        "image": image,
        "volumes": [[each.volume, each.path] for each in spec.volumes],
        "cpu_millis": spec.resources.cpu_millis,
        "memory_bytes": spec.resources.memory_bytes,
        "gpus": [[each.name, each.number] for each in asks(spec.resources)],
    }


def _machine(answer: Mapping[str, Any]) -> Machine:
    return Machine(
        cores=answer["cores"],
        memory_bytes=answer["memory_bytes"],
        gpus=tuple(answer["gpus"]),
        python=answer["python"],
        enforced=frozenset(answer["enforced"]),
        obstacle=answer["obstacle"],
    )


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
