"""From submissions to call streams: each once, in order, at most one append a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

import structlog
from redis.exceptions import ResponseError

from fnq.v1 import record_pb2, result_pb2, session_pb2
from fnq_core import keys
from fnq_core.calls import CallStreams, FencedError, Offer, Target, VersionGoneError
from fnq_core.connection import FULL_TRIES, FullError, insist
from fnq_core.registry import RecordError, Registry, Version
from fnq_core.results import InboxGoneError
from fnq_server.detached import admission, detach
from fnq_server.relay import Relay
from fnq_server.session import NO_ROOM, Session
from fnq_server.stranded import Stranded
from fnq_server.track import Track
from fnq_wire.fitting import fitting
from fnq_wire.limits import MAX_DEPTH, WINDOW_BYTES, WINDOW_CHUNKS
from fnq_wire.protocol import PROTOCOL

__all__ = ["Accepter"]

#: Submissions appended by one command.
_MAX_OFFERS = 1_000
#: Seconds after a refusal in which a Redis that is still full is not given time.
_STILL_FULL_S = 1.0
_log = structlog.get_logger()


class Accepter:
    """Appends what sessions offer.

    `wanted` is told of each version that gets calls, `stranded` of calls with a deadline.
    """

    def __init__(
        self,
        relay: Relay,
        calls: CallStreams,
        registry: Registry,
        wanted: Callable[[str, str], None],
        stranded: Stranded,
    ) -> None:
        self._relay = relay
        self._calls = calls
        self._registry = registry
        self._wanted = wanted
        self._stranded = stranded
        self._versions: dict[tuple[str, str], Version] = {}
        #: What a caller gets when the queue of a version is full.
        self._full: dict[str, bytes] = {}
        #: Loop time at which Redis was full last.
        self._full_at = -_STILL_FULL_S
        calls.conflict = _refusal(
            "KeyConflictError",
            "another call has this idempotency key, with other arguments: a key stands for one "
            "function and its arguments, for as long as its result is kept",
        )

    def offer(self, session: Session, submissions: list[session_pb2.Submission]) -> None:
        """Take up submissions; their calls are in flight from now on."""
        relay = self._relay
        for submission in submissions:
            payload = submission.payload
            if payload.HasField("reference"):
                # Now: the stream may break before the call is appended.
                session.claim(payload.reference)
            if submission.detached:
                if payload.HasField("reference"):
                    session.keep(payload.reference)
                continue
            track = relay.get(submission.call)
            if track is None:
                track = Track(
                    submission.call,
                    session,
                    relay.inbox,
                    submission.repeatable,
                    submission.divergent,
                )
                relay.add(track)
            track.offered = True
            if payload.HasField("reference"):
                relay.note_arguments(track, payload.reference)
        session.offered += submissions
        if session.appending is None or session.appending.done():
            work = self._append_all(session)
            session.appending = asyncio.get_running_loop().create_task(work)

    def forget(self, namespace: str, version_id: str) -> None:
        """Look a version up again when a call of it comes: it was deleted, or is another now."""
        self._versions.pop((namespace, version_id), None)

    async def _append_all(self, session: Session) -> None:
        while session.offered:
            offered = session.offered[:_MAX_OFFERS]
            count = fitting(len(each.payload.inline) for each in offered)
            batch = session.offered[:count]
            del session.offered[:count]
            try:
                await self._append(session, [await self._offer(session, each) for each in batch])
            except FencedError:
                session.fenced = True
                session.offered.clear()
                self._relay.let_go(session)
                session.send_goaway()
            except Exception as problem:  # noqa: BLE001 - offered again, it would fail again
                _log.exception("calls cannot be accepted", session=session.tag)
                reason = f"the server cannot accept the call: {problem!r}"
                self._give_up(session, [each.call for each in batch], "NotAcceptedError", reason)

    async def _append(self, session: Session, offers: list[Offer]) -> None:
        """Append all of them; what Redis refuses to take is refused to its caller."""
        key = keys.session(session.tag)
        while offers:
            try:
                accepted = await insist(
                    "accepting calls",
                    lambda: self._calls.append(key, session.generation, self._relay.inbox, offers),
                    full_tries=self._full_tries(),
                )
            except InboxGoneError:
                await insist("opening the inbox", self._relay.keep)
                continue
            except VersionGoneError:
                offers = self._refuse_gone(offers)
                continue
            except ResponseError as problem:
                offers = self._refuse(session, offers, problem)
                continue
            for offer, entry in zip(offers, accepted.entries, strict=False):
                self._relay.accept(offer.call)
                target = offer.target
                if entry and target is not None:
                    stream = keys.call_stream(target.namespace, target.version, target.depth)
                    if not offer.kept:
                        self._relay.place(offer.call, stream, entry)
                    if offer.remaining_ms:
                        self._stranded.watch(
                            offer.call,
                            target,
                            stream,
                            entry,
                            offer.remaining_ms / 1000,
                            detached=bool(offer.kept),
                        )
            session.send_mark(accepted.mark)
            offers = offers[len(accepted.entries) :]

    def _full_tries(self) -> int:
        """Return how often to ask: a Redis that was full a moment ago still is, or is not."""
        still = asyncio.get_running_loop().time() - self._full_at < _STILL_FULL_S
        return 1 if still else FULL_TRIES

    def _refuse(self, session: Session, offers: list[Offer], problem: ResponseError) -> list[Offer]:
        """Return what to append in the place of offers the first of which Redis refused.

        A full Redis takes none of them, a broken stream none of those that go there. A
        refusal that is refused as well is told without a record: its mark does not move, and
        a client that has not heard of it when its stream breaks offers the call again.
        """
        full = isinstance(problem, FullError)
        error, reason = "NotAcceptedError", f"Redis refuses to take the call: {problem}"
        if isinstance(problem, FullError):
            self._full_at = asyncio.get_running_loop().time()
            error, reason = "QueueFullError", problem.advice
        _log.error("redis refuses calls", problem=str(problem))
        if all(each.target is None for each in offers):
            self._give_up(session, [each.call for each in offers], error, reason)
            return []
        culprit, refusal = offers[0].target, _refusal(error, reason)
        return [
            replace(each, target=None, refusal=refusal)
            if each.target is not None and (full or culprit in (None, each.target))
            else each
            for each in offers
        ]

    def _refuse_gone(self, offers: list[Offer]) -> list[Offer]:
        """Return what to append in the place of offers the first of which has no version."""
        gone = offers[0].target
        assert gone is not None
        self.forget(gone.namespace, gone.version)
        refusal = _no_version(gone.namespace, gone.version)
        return [
            replace(each, target=None, refusal=refusal)
            if each.target is not None and each.target.version == gone.version
            else each
            for each in offers
        ]

    def _give_up(self, session: Session, calls: Iterable[bytes], error: str, reason: str) -> None:
        """End calls for their callers, and leave it at that."""
        for call in calls:
            track = self._relay.get(call)
            if track is None:
                session.send(b"\x0a\x10" + call + _refusal(error, reason))
            elif not track.ended:
                self._relay.decree(track, error, reason)

    async def _offer(self, session: Session, submission: session_pb2.Submission) -> Offer:
        namespace = session.namespace
        refused = _problem(submission)
        version = None
        if refused is None:
            try:
                version = await self._version(namespace, submission.version)
            except RecordError as problem:
                refused = _refusal("NotAcceptedError", str(problem))
        if refused is None and version is None:
            refused = _no_version(namespace, submission.version)
        if version is None or refused is not None:
            kept = admission(namespace, submission, None)
            return Offer(submission.seq, submission.call, None, b"", refused or b"", kept=kept)
        cap = version.spec.max_queue
        if version.id not in self._full:
            self._full[version.id] = _refusal(
                "QueueFullError",
                f"the queue of {version.spec.name!r} holds its most calls ({cap}): "
                "submit less at once, or raise max_queue=",
            )
        target = Target(namespace, version.id, submission.depth, cap)
        entry = self._entry(submission)
        if submission.detached:
            detach(entry, namespace, version)
        body = entry.SerializeToString()
        full, remaining_ms = self._full[version.id], submission.remaining_ms
        kept = admission(namespace, submission, version)
        return Offer(submission.seq, submission.call, target, body, full, remaining_ms, kept)

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
            timeout_ms=submission.timeout_ms,
            rows=submission.rows or 1,
            payload=submission.payload,
            detached=submission.detached,
            window_chunks=WINDOW_CHUNKS,
            window_bytes=WINDOW_BYTES,
            root=submission.root or submission.call,
            tags=submission.tags,
            repeatable=submission.repeatable,
            set=submission.set,
            packed=submission.packed,
        )

    async def _version(self, namespace: str, version_id: str) -> Version | None:
        found = self._versions.get((namespace, version_id))
        if found is None:
            found = await insist(
                "looking up a version", lambda: self._registry.version(namespace, version_id)
            )
            if found is not None and found.deleted:
                return None
            if found is not None:
                self._versions[namespace, version_id] = found
        if found is not None:
            self._wanted(namespace, version_id)
        return found


def _problem(submission: session_pb2.Submission) -> bytes | None:
    """Return the refusal of a submission that no version could take, else None."""
    if submission.depth >= MAX_DEPTH:
        return _refusal("NestingTooDeepError", f"calls are nested deeper than {MAX_DEPTH} levels")
    payload = submission.payload
    if not payload.HasField("reference") or payload.reference.house:
        return None
    if payload.reference.key.startswith(NO_ROOM):
        return _refusal("QueueFullError", payload.reference.key.removeprefix(NO_ROOM))
    return _refusal("NotAcceptedError", "the arguments of the call did not arrive: call again")


def _no_version(namespace: str, version_id: str) -> bytes:
    words = f"no version {version_id!r} in namespace {namespace!r}: deploy it first"
    return _refusal("NotFoundError", words)


def _refusal(error: str, message: str) -> bytes:
    """Return a Result without its call: what the caller gets in place of an entry."""
    result = result_pb2.Result(decreed=True)
    result.end.failure.error = error
    result.end.failure.message = message
    return result.SerializeToString()
