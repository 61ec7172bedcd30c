"""An orchestrator that runs nothing, and says what a test has told it to say."""

from __future__ import annotations

import asyncio

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.seam import Explanation, Outlook, Placed

__all__ = ["House"]


class House:
    """Writes down what it was asked for. `refusal` is raised by `ensure`, while there is one."""

    active: frozenset[str] = frozenset()

    def __init__(self, outlook: Outlook = Outlook.ABSENT, reason: str = "") -> None:
        self.explanation = Explanation(outlook, reason)
        self.asked: list[tuple[str, int]] = []
        self.stopped: list[str] = []
        self.explained = 0
        #: Versions whose logs were read.
        self.read: list[str] = []
        self.refusal: Exception | None = None
        #: Raised by what only asks.
        self.fault: Exception | None = None
        self.placed: list[Placed] = []
        #: Closed, it does not say what it has placed.
        self.gate = asyncio.Event()
        self.gate.set()
        self.lines: list[str] = []

    async def ensure(
        self, namespace: str, version: str, spec: spec_pb2.FunctionSpec, replicas: int
    ) -> None:
        """Write it down, or refuse."""
        self.asked.append((version, replicas))
        if self.refusal is not None:
            raise self.refusal

    async def scale(
        self, namespace: str, version: str, spec: spec_pb2.FunctionSpec, replicas: int
    ) -> None:
        """Write it down, or refuse."""
        await self.ensure(namespace, version, spec, replicas)

    async def stop(self, namespace: str, version: str) -> None:
        """Write it down."""
        self.stopped.append(version)

    async def status(self) -> list[Placed]:
        """Return what the test has placed."""
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return self.placed

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
