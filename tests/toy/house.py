"""An orchestrator that runs nothing, and says what a test has told it to say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.seam import (
    Caveats,
    Draft,
    Explanation,
    Gpu,
    Outlook,
    Placed,
    Provision,
)
from fnq_wire.finding import Finding, ok

__all__ = ["House"]


class House:
    """Writes down what it was asked for. `refusal` is raised by `ensure`, while there is one."""

    active: frozenset[str] = frozenset()
    most_replicas = 256

    def __init__(self, outlook: Outlook = Outlook.ABSENT, reason: str = "") -> None:
        self.explanation = Explanation(outlook, reason)
        self.asked: list[tuple[str, int]] = []
        #: What the workers of each version were last to be given.
        self.provisions: dict[str, Provision] = {}
        #: What was asked for exactly, of that.
        self.scaled: list[tuple[str, int]] = []
        self.stopped: list[str] = []
        self.explained = 0
        #: Versions whose logs were read.
        self.read: list[str] = []
        self.refusal: Exception | None = None
        #: Raised by `stop`, while there is one.
        self.reluctance: Exception | None = None
        #: Raised for whatever is to be deployed.
        self.bar: Exception | None = None
        #: What was to be deployed last.
        self.admitted: list[spec_pb2.FunctionSpec] = []
        #: Raised by what only asks.
        self.fault: Exception | None = None
        self.placed: list[Placed] = []
        #: Closed, it does not say what it has placed.
        self.gate = asyncio.Event()
        self.gate.set()
        self.lines: list[str] = []
        self.cards: list[Gpu] = []
        #: What it says of whatever is to be deployed.
        self.doubts = Caveats()

    async def caveats(self, specs: Sequence[spec_pb2.FunctionSpec]) -> Caveats:
        """Return what the test says."""
        return self.doubts

    async def admit(self, specs: Sequence[spec_pb2.FunctionSpec]) -> None:
        """Write them down; bar them while the test says so."""
        self.admitted = list(specs)
        if self.bar is not None:
            raise self.bar

    async def ensure(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        provision: Provision,
        replicas: int,
    ) -> None:
        """Write it down, or refuse."""
        self.asked.append((version, replicas))
        self.provisions[version] = provision
        if self.refusal is not None:
            raise self.refusal

    async def scale(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        provision: Provision,
        replicas: int,
    ) -> None:
        """Write it down, or refuse."""
        self.scaled.append((version, replicas))
        await self.ensure(namespace, version, spec, provision, replicas)

    async def plan(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        image: str,
        replicas: int,
    ) -> Draft:
        """Name all of it."""
        if self.bar is not None:
            raise self.bar
        text = f"{replicas} of {namespace}/{spec.name} {version} in {image!r}"
        return Draft(text, {f"{spec.name}.txt": text}, ["all is well"])

    async def stop(self, namespace: str, version: str) -> None:
        """Write it down, or refuse."""
        self.stopped.append(version)
        if self.reluctance is not None:
            raise self.reluctance

    async def status(self) -> list[Placed]:
        """Return what the test has placed."""
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return self.placed

    async def gpus(self) -> list[Gpu]:
        """Return what the test says."""
        return self.cards

    async def check(self, token: str | None) -> list[Finding]:
        """Say whether there is a token."""
        return [ok("workers", "shown a token" if token else "shown no token")]

    async def explain(self, namespace: str, version: str) -> Explanation:
        """Return what the test says."""
        self.explained += 1
        if self.fault is not None:
            raise self.fault
        return self.explanation

    async def logs(self, namespace: str, version: str, tail: int) -> list[str]:
        """Return the last lines that the test gave it."""
        self.read.append(version)
        return self.lines[-tail:]

    async def touch(self) -> float:
        """Never leave."""
        return 60.0
