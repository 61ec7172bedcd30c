"""The Sessions RPC: one stream per client, many calls."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any, TypeAlias

import grpc
import grpc.aio
import structlog

from fnq.v1 import session_pb2, session_pb2_grpc
from fnq_core import keys
from fnq_core.blobs import Blobs
from fnq_core.connection import FULL_TRIES, FullError, insist
from fnq_core.results import Mailboxes
from fnq_core.rpc import EOF
from fnq_core.sessions import SessionRecords
from fnq_server.accept import Accepter
from fnq_server.deleter import Deleter
from fnq_server.relay import Relay
from fnq_server.session import Session
from fnq_server.track import Track
from fnq_server.watches import Watches
from fnq_wire import callid
from fnq_wire.protocol import PROTOCOL, version_problem

__all__ = ["INTEREST_S", "Sessions"]

#: Seconds that the calls of a client that vanished go on.
INTEREST_S = 30.0
_INBOX = keys.inbox("")
_log = structlog.get_logger()

Context: TypeAlias = "grpc.aio.ServicerContext[session_pb2.ClientFrame, session_pb2.ServerFrame]"


class Sessions(session_pb2_grpc.SessionsServicer):
    """Clients' streams, and their sessions while a stream is broken."""

    def __init__(
        self,
        records: SessionRecords,
        mailboxes: Mailboxes,
        relay: Relay,
        accepter: Accepter,
        blobs: Blobs,
        deleter: Deleter,
        watches: Watches,
    ) -> None:
        self._records = records
        self._mailboxes = mailboxes
        self._relay = relay
        self._accepter = accepter
        self._blobs = blobs
        self._deleter = deleter
        self._watches = watches
        self._proof = secrets.token_bytes(16) if blobs.spool is not None else b""
        self._untended = False
        self._sessions: dict[int, Session] = {}
        self.tend_spool()

    @property
    def open(self) -> int:
        """Sessions of scripts whose stream is open."""
        return sum(each.detached_at is None and not each.agent for each in self._sessions.values())

    async def Open(  # noqa: N802 - the name in the contract of the wire
        self, request_iterator: Any, context: Context
    ) -> None:
        """Serve one stream until either end closes it."""
        frame = await context.read()
        if frame is EOF or not frame.HasField("hello"):
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, "the first frame of a session must be a hello"
            )
        problem = version_problem("fnq-server", frame.hello.client, frame.hello.protocol)
        if problem is not None:
            _log.warning("a client was refused", problem=problem)
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, problem)
        try:
            session, mark = await self._admit(frame.hello)
        except FullError as full:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, full.advice)
        await context.write(session_pb2.ServerFrame(welcome=self._welcome(session, mark)))
        writer = asyncio.get_running_loop().create_task(_write(session, context))
        session.writer, session.detached_at = writer, None
        try:
            async with _tied_to(writer):
                await self._hear(session, writer, context)
        except _WriterError as problem:
            _log.error("a client's stream cannot be written", problem=str(problem))
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the stream cannot be written")
        finally:
            writer.cancel()
            if session.writer is writer:
                self._watches.forget(session)
                session.writer = None
                session.detached_at = asyncio.get_running_loop().time()

    async def _hear(self, session: Session, writer: asyncio.Task[None], context: Context) -> None:
        """Take what a client says, until it ends or has another stream."""
        # What a client still says where it has a newer stream, it says there as well.
        while (frame := await context.read()) is not EOF and session.writer is writer:
            if any(len(each.call) != callid.SIZE for each in frame.submissions):
                await context.abort(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    f"the id of a call has {callid.SIZE} bytes: nobody could be answered",
                )
            await self._take(session, frame)
            if frame.bye:
                await self._bury(session)
                break

    async def _admit(self, hello: session_pb2.Hello) -> tuple[Session, int]:
        """Return the session that `hello` asks for, taken over from another server if need be."""
        old = self._sessions.get(hello.session)
        if old is not None and secrets.compare_digest(old.secret, hello.secret):
            async with old.door:
                mark = await self._take_back(old)
            if mark is not None:
                return old, mark
        resumed = await self._resume(hello) if hello.session else None
        session, accepted = resumed or (await self._begin(hello.namespace), 0)
        session.agent = hello.agent
        self._sessions[session.tag] = session
        return session, accepted

    async def _take_back(self, session: Session) -> int | None:
        """Return the accepted mark of a session; None when it is not of this server any more."""
        if self._sessions.get(session.tag) is not session:
            return None
        self._deleter.discard(session.incoming.values())
        self._watches.forget(session)
        session.interrupt()
        if session.appending is not None:
            await session.appending
        mark = await insist(
            "reading a mark", lambda: self._records.mark(session.tag, session.generation)
        )
        if mark is None:
            self._sessions.pop(session.tag, None)
            self._relay.let_go(session)
        return mark

    async def _resume(self, hello: session_pb2.Hello) -> tuple[Session, int] | None:
        """Take a session over; from now on the server that had it is fenced."""
        found = await insist(
            "resuming a session", lambda: self._records.take_over(hello.session, hello.secret)
        )
        if found is None:
            return None
        namespace = hello.namespace or "default"
        session = Session(hello.session, hello.secret, namespace, found.generation, self._blobs)
        session.lapsed = found.lapsed
        return session, found.mark

    async def _begin(self, namespace: str) -> Session:
        granted = await insist("granting a session", self._records.grant, full_tries=FULL_TRIES)
        return Session(granted.tag, granted.secret, namespace or "default", 1, self._blobs)

    def _welcome(self, session: Session, mark: int) -> session_pb2.Welcome:
        return session_pb2.Welcome(
            protocol=PROTOCOL,
            inbox=self._relay.inbox,
            session=session.tag,
            secret=session.secret,
            now_ms=time.time_ns() // 1_000_000,
            mark=mark,
            spool=self._blobs.spool.directory if self._blobs.spool is not None else "",
            nonce=self._proof,
        )

    async def _take(self, session: Session, frame: session_pb2.ClientFrame) -> None:
        relay = self._relay
        if not await self._take_parts(session, frame.parts):
            return
        if frame.resumptions or frame.resumed:
            session.spools = frame.spools
            session.resumed.update(each.call for each in frame.resumptions)
        if frame.resumed:
            self._forget_others(session)
        if frame.submissions:
            self._accepter.offer(session, list(frame.submissions))
        if frame.resumptions:
            await self._resume_calls(session, frame.resumptions)
        if frame.resumed:
            session.lapsed = False
        for watch in frame.watches:
            self._watches.open(session, watch)
        ours = session.calls
        for credit in frame.credits:
            if credit.call in ours:
                relay.credit(credit)
            else:
                self._watches.grant(session, credit.call, credit.chunks)
        for cancellation in frame.cancellations:
            track = relay.get(cancellation.call)
            if track is not None and cancellation.call in ours:
                relay.cancel(track, cancellation.reason)
        for acknowledgement in frame.acknowledgements:
            if acknowledgement.call in ours:
                relay.acknowledge(acknowledgement.call, acknowledgement.position)
        for start in range(0, len(frame.ended), callid.SIZE):
            call = frame.ended[start : start + callid.SIZE]
            if call in ours:
                relay.end(call)
            else:
                self._watches.close(session, call)

    async def _take_parts(self, session: Session, parts: Iterable[session_pb2.Part]) -> bool:
        """Store parts of large values; False when the client has a newer stream meanwhile.

        It says there again whatever it said here. A value that Redis has no room for is
        noted: its call will be refused.
        """
        incoming, overflow = session.incoming, session.overflow
        for part in parts:
            if part.blob in overflow:
                continue
            reference = incoming.get(part.blob)
            if reference is None:
                reference = incoming[part.blob] = self._blobs.begin()
            try:
                await self._blobs.append(reference, part.data, full_tries=FULL_TRIES)
            except FullError as problem:
                overflow[part.blob] = problem.advice
                incoming.pop(part.blob, None)
                self._deleter.discard([reference])
            if incoming is not session.incoming:
                self._deleter.discard([reference])
                return False
        return True

    def _forget_others(self, session: Session) -> None:
        for call in session.calls - session.resumed:
            self._relay.end(call)
        session.resumed.clear()

    async def _resume_calls(
        self, session: Session, resumptions: Iterable[session_pb2.Resumption]
    ) -> None:
        """Go on with calls where the SDK says they are."""
        relay = self._relay
        unknown = {each.inbox for each in resumptions if relay.get(each.call) is None}
        # A client may name any key: what is no inbox is not read.
        inboxes = {inbox for inbox in unknown if inbox.startswith(_INBOX)}
        gone = await insist("looking for inboxes", lambda: self._mailboxes.missing(inboxes))
        gone |= unknown - inboxes
        for each in resumptions:
            track = relay.get(each.call)
            if track is not None and track.session is not session:
                continue
            if track is not None:
                await relay.replay(track, each.position)
            else:
                self._take_up(session, each, session.lapsed or each.inbox in gone)
            if each.HasField("credit"):
                relay.credit(each.credit)
        if unknown:
            await relay.look_again()

    def _take_up(self, session: Session, resumption: session_pb2.Resumption, gone: bool) -> None:
        inbox = resumption.inbox
        if not inbox.startswith(_INBOX):
            inbox = self._relay.inbox
        track = Track(resumption.call, session, inbox, resumption.repeatable, resumption.divergent)
        track.next, track.epoch = resumption.position, resumption.epoch
        track.consumer = resumption.consumer
        track.fingerprint = resumption.fingerprint
        self._relay.take_up(track)
        if gone:
            text = "its result is gone: the client was away for too long"
            self._relay.decree(track, "ResultExpiredError", text)

    def _part(self, session: Session, reason: str) -> None:
        """Cancel what a client left behind."""
        self._sessions.pop(session.tag, None)
        self._deleter.discard(session.incoming.values())
        for call in list(session.calls):
            track = self._relay.get(call)
            if track is not None:
                self._relay.cancel(track, reason)
                self._relay.drop(track)

    async def _bury(self, session: Session) -> None:
        """Forget a client that said goodbye."""
        self._part(session, "its caller has ended")
        await insist("ending a session", lambda: self._records.delete(session.tag))

    async def expire(self, now: float) -> None:
        """Cancel the calls of clients that have been away longer than INTEREST_S."""
        for session in list(self._sessions.values()):
            if session.detached_at is None or now - session.detached_at < INTEREST_S:
                continue
            if session.door.locked():
                continue  # It comes back in this moment.
            async with session.door:
                # First: should it come back, its calls are not waited for in vain.
                if await self._records.lapse(session.tag, session.generation):
                    _log.info("a client is gone", session=session.tag, calls=len(session.calls))
                    self._part(session, "its caller is gone")
                else:
                    self._sessions.pop(session.tag, None)
                    self._relay.let_go(session)

    async def renew(self) -> None:
        """Keep the records of open sessions from expiring."""
        await self._records.renew(self._sessions)

    def tend_spool(self) -> None:
        """Renew the proof in the spool, and delete what a crash left there.

        Where that fails nobody shares the spool who does not yet, and it is tried again.
        """
        if self._blobs.spool is None:
            return
        try:
            self._blobs.spool.offer(self._proof)
            self._blobs.spool.sweep()
        except OSError as problem:
            if not self._untended:
                _log.error("the spool cannot be tended", problem=str(problem))
            self._untended = True
        else:
            self._untended = False

    def close(self) -> None:
        """Take the proof of a shared spool away."""
        if self._blobs.spool is not None:
            with contextlib.suppress(OSError):
                self._blobs.spool.withdraw(self._proof)

    def send_away(self) -> None:
        """Ask every client to go to another server: this one ends."""
        for session in self._sessions.values():
            session.send_goaway()


class _WriterError(Exception):
    """What goes out to a client cannot be written."""


@contextlib.asynccontextmanager
async def _tied_to(writer: asyncio.Task[None]) -> AsyncIterator[None]:
    """End the block when the writer of a stream fails. Raises _WriterError then."""
    reader = asyncio.current_task()
    assert reader is not None
    failed: list[BaseException] = []

    def end(_: asyncio.Task[None]) -> None:
        problem = None if writer.cancelled() else writer.exception()
        if problem is not None:
            failed.append(problem)
            reader.cancel()

    writer.add_done_callback(end)
    try:
        yield
    except asyncio.CancelledError:
        if not failed:
            raise
        reader.uncancel()
        raise _WriterError(repr(failed[0])) from failed[0]
    finally:
        writer.remove_done_callback(end)


async def _write(session: Session, context: Context) -> None:
    async for frame in session.frames():
        await context.write(frame)
