"""The Workers RPC: one stream per agent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import grpc.aio
import structlog

from fnq.v1 import worker_pb2, worker_pb2_grpc
from fnq_consumer.attachment import Attachment
from fnq_core.lease import Count
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
        frame = await context.read()
        if frame is EOF or not frame.HasField("announce"):
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, "the first frame of an agent must announce it"
            )
        problem = version_problem("fnq-consumer", "fnq-worker", frame.announce.protocol)
        if problem is not None:
            _log.warning("an agent was refused", agent=frame.announce.agent, problem=problem)
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, problem)
        if self._leaving:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "this consumer ends")
        attachment = Attachment(frame.announce)
        attached = worker_pb2.Attached(protocol=PROTOCOL, consumer=self._consumer.name)
        await context.write(worker_pb2.ConsumerFrame(attached=attached))
        loop = asyncio.get_running_loop()
        ends = (
            loop.create_task(_write(attachment, context)),
            loop.create_task(self._serve(attachment, list(frame.announce.running), context)),
        )
        try:
            # Either may fail: the agent must learn of it, and attach again.
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in ends:
                each.cancel()
            attachment.gone = True
            self._consumer.queue(attachment.namespace, attachment.version).detach(attachment)
            self._attachments.discard(attachment)
            self._changed.set()
            if not self._leaving:
                self._spawn(self._lose(attachment), "mourn")
            await asyncio.gather(*ends, return_exceptions=True)

    async def _serve(
        self, attachment: Attachment, running: list[worker_pb2.Running], context: Context
    ) -> None:
        """Take over what an agent runs, and hear what it says until its stream ends."""
        await self._take_over(attachment, running)
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
                ledger.give_again(held, Count(held.count.epoch + 1, held.count.deaths))

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
