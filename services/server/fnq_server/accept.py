"""From submissions to call streams: each once, in order, at most one append a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from fnq.v1 import record_pb2, result_pb2, session_pb2
from fnq_core import keys
from fnq_core.calls import CallStreams, FencedError, Offer, Target
from fnq_core.connection import insist
from fnq_core.registry import Registry, Version
from fnq_server.relay import Relay
from fnq_server.session import Session
from fnq_server.track import Track
from fnq_wire.limits import MAX_DEPTH, WINDOW_BYTES, WINDOW_CHUNKS
from fnq_wire.protocol import PROTOCOL

__all__ = ["Accepter"]

#: Submissions appended by one command.
_MAX_OFFERS = 1_000
_log = structlog.get_logger()


class Accepter:
    """Appends what sessions offer. `wanted` is told of each version that gets calls."""

    def __init__(
        self,
        relay: Relay,
        calls: CallStreams,
        registry: Registry,
        wanted: Callable[[str, str], None],
    ) -> None:
        self._relay = relay
        self._calls = calls
        self._registry = registry
        self._wanted = wanted
        self._versions: dict[tuple[str, str], Version] = {}
        #: What a caller gets when the queue of a version is full.
        self._full: dict[str, bytes] = {}

    def offer(self, session: Session, submissions: list[session_pb2.Submission]) -> None:
        """Take up submissions; their calls are in flight from now on."""
        relay = self._relay
        for submission in submissions:
            track = relay.get(submission.call)
            if track is None:
                track = Track(submission.call, session, relay.inbox, submission.repeatable)
                relay.add(track)
            payload = submission.payload
            if payload.HasField("reference"):
                # Now: the stream may break before the call is appended.
                session.claim(payload.reference)
                if not submission.detached:
                    relay.note_arguments(track, payload.reference)
        session.offered += submissions
        if session.appending is None or session.appending.done():
            work = self._append_all(session)
            session.appending = asyncio.get_running_loop().create_task(work)

    async def _append_all(self, session: Session) -> None:
        try:
            while session.offered:
                await self._append(session, session.offered[:_MAX_OFFERS])
                del session.offered[:_MAX_OFFERS]
        except FencedError:
            session.offered.clear()
            self._relay.let_go(session)
            session.send_goaway()
        except Exception:  # noqa: BLE001 - whatever it is, the client offers again what has no mark
            _log.exception("calls cannot be accepted", session=session.tag)
            for submission in session.offered:
                track = self._relay.get(submission.call)
                if track is not None:
                    self._relay.forget(track)
            session.offered.clear()
            session.send_goaway()

    async def _append(self, session: Session, batch: list[session_pb2.Submission]) -> None:
        offers = [await self._offer(session, each) for each in batch]
        key = keys.session(session.tag)
        accepted = await insist(
            "accepting calls",
            lambda: self._calls.append(key, session.generation, self._relay.inbox, offers),
        )
        for offer, entry in zip(offers, accepted.entries, strict=True):
            target = offer.target
            if entry and target is not None:
                stream = keys.call_stream(target.namespace, target.version, target.depth)
                self._relay.place(offer.call, stream, entry)
        session.send_mark(accepted.mark)

    async def _offer(self, session: Session, submission: session_pb2.Submission) -> Offer:
        namespace = session.namespace
        version = await self._version(namespace, submission.version)
        if version is None:
            refusal = _refusal(
                "NotFoundError",
                f"no version {submission.version!r} in namespace {namespace!r}: deploy it first",
            )
            return Offer(submission.seq, submission.call, None, b"", refusal)
        if submission.depth >= MAX_DEPTH:
            refusal = _refusal(
                "NestingTooDeepError", f"calls are nested deeper than {MAX_DEPTH} levels"
            )
            return Offer(submission.seq, submission.call, None, b"", refusal)
        cap = version.spec.max_queue
        if version.id not in self._full:
            self._full[version.id] = _refusal(
                "QueueFullError",
                f"the queue of {version.spec.name!r} holds its most calls ({cap}): "
                "submit less at once, or raise max_queue=",
            )
        target = Target(namespace, version.id, submission.depth, cap)
        entry = self._entry(submission).SerializeToString()
        return Offer(submission.seq, submission.call, target, entry, self._full[version.id])

    def _entry(self, submission: session_pb2.Submission) -> record_pb2.Entry:
        return record_pb2.Entry(
            protocol=PROTOCOL,
            call=submission.call,
            version=submission.version,
            inbox=self._relay.inbox,
            depth=submission.depth,
            parent=submission.parent,
            parent_epoch=submission.parent_epoch,
            remaining_ms=submission.remaining_ms,
            rows=submission.rows or 1,
            payload=submission.payload,
            detached=submission.detached,
            window_chunks=WINDOW_CHUNKS,
            window_bytes=WINDOW_BYTES,
            root=submission.root or submission.call,
            tags=submission.tags,
            repeatable=submission.repeatable,
            set=submission.set,
        )

    async def _version(self, namespace: str, version_id: str) -> Version | None:
        found = self._versions.get((namespace, version_id))
        if found is None:
            found = await insist(
                "looking up a version", lambda: self._registry.version(namespace, version_id)
            )
            if found is not None:
                self._versions[namespace, version_id] = found
        if found is not None:
            self._wanted(namespace, version_id)
        return found


def _refusal(error: str, message: str) -> bytes:
    """Return a Result without its call: what the caller gets in place of an entry."""
    result = result_pb2.Result(decreed=True)
    result.end.failure.error = error
    result.end.failure.message = message
    return result.SerializeToString()
