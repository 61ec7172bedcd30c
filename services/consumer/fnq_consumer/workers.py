"""The Workers RPC: one stream per agent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import grpc.aio
import structlog

from fnq.v1 import worker_pb2, worker_pb2_grpc
from fnq_consumer.attachment import Attachment
from fnq_core.rpc import EOF
from fnq_core.service import Spawn
from fnq_wire.protocol import PROTOCOL, version_problem

if TYPE_CHECKING:
    from fnq_consumer.consumer import Consumer

__all__ = ["Workers"]

_log = structlog.get_logger()
Context: TypeAlias = "grpc.aio.ServicerContext[worker_pb2.AgentFrame, worker_pb2.ConsumerFrame]"


class Workers(worker_pb2_grpc.WorkersServicer):
    """The agents that are attached."""

    def __init__(self, consumer: Consumer, spawn: Spawn) -> None:
        self._consumer = consumer
        self._spawn = spawn
        self._attachments: set[Attachment] = set()
        #: The latest stream of each agent, kept while its end is mourned.
        self._by_agent: dict[str, Attachment] = {}
        self._changed = asyncio.Event()
        self._leaving = False

    async def Attach(  # noqa: N802 - the name in the contract of the wire
        self, request_iterator: Any, context: Context
    ) -> None:
        """Serve one agent until its stream ends."""
        announce = await self._announced(context)
        attachment = Attachment(announce)
        loop = asyncio.get_running_loop()
        ends: tuple[asyncio.Task[None], ...] = ()
        try:
            await self._consumer.learn(attachment.namespace, attachment.version)
            await self._take_over(attachment, list(announce.running))
            # Only now: the agent tells servers that its runs are reached here, and what they
            # order at once, credit say, must find them.
            attached = worker_pb2.Attached(protocol=PROTOCOL, consumer=self._consumer.name)
            await context.write(worker_pb2.ConsumerFrame(attached=attached))
            ends = (
                loop.create_task(_write(attachment, context)),
                loop.create_task(self._serve(attachment, context)),
            )
            # Either may fail: the agent must learn of it, and attach again.
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in ends:
                each.cancel()
            attachment.gone = True
            if attachment in self._attachments:
                self._attachments.remove(attachment)
                self._consumer.queue(attachment.namespace, attachment.version).detach(attachment)
            self._changed.set()
            if not self._leaving:
                self._spawn(self._lose(attachment), "mourn")
            await asyncio.gather(*ends, return_exceptions=True)

    async def _announced(self, context: Context) -> worker_pb2.Announce:
        """Return what an agent says of itself first; end its stream where it cannot be served."""
        frame = await context.read()
        if frame is EOF or not frame.HasField("announce"):
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, "the first frame of an agent must announce it"
            )
        announce: worker_pb2.Announce = frame.announce
        problem = version_problem("fnq-consumer", "fnq-worker", announce.protocol)
        if problem is not None:
            _log.warning("an agent was refused", agent=announce.agent, problem=problem)
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, problem)
        if self._leaving:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "this consumer ends")
        return announce

    async def _serve(self, attachment: Attachment, context: Context) -> None:
        """Dispatch to an agent, and hear what it says until its stream ends."""
        if self._leaving:
            # Since it was announced: it was not among those that were sent away.
            return
        queue = self._consumer.queue(attachment.namespace, attachment.version)
        self._attachments.add(attachment)
        queue.attach(attachment)
        _log.info("an agent attached", agent=attachment.agent, version=attachment.version)
        while (frame := await context.read()) is not EOF:
            for report in frame.reports:
                self._consumer.ledger.report(attachment, report)
            if frame.HasField("slots"):
                attachment.rooms.state(frame.slots)
                queue.wake()

    async def _take_over(self, attachment: Attachment, running: list[worker_pb2.Running]) -> None:
        """Take up what the agent brings; what got lost on its broken stream goes out again."""
        ledger = self._consumer.ledger
        await ledger.adopt(attachment, running)
        before = self._by_agent.get(attachment.agent)
        self._by_agent[attachment.agent] = attachment
        if before is not None:
            for held in ledger.of(before):
                ledger.give_again(held, held.count.again())

    async def _lose(self, attachment: Attachment) -> None:
        await self._consumer.lose(attachment)
        if self._by_agent.get(attachment.agent) is attachment:
            del self._by_agent[attachment.agent]

    def send_away(self) -> None:
        """Ask every agent to attach elsewhere; none is served from now on."""
        self._leaving = True
        for attachment in self._attachments:
            attachment.send_away()

    async def empty(self) -> None:
        """Return when no agent is attached."""
        while self._attachments:
            self._changed.clear()
            await self._changed.wait()


async def _write(attachment: Attachment, context: Context) -> None:
    while True:
        await context.write(await attachment.next_frame())
