"""Where detached calls answer: their ends are kept, and what a generator yields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fnq.v1 import result_pb2
from fnq_core.blobs import Blobs
from fnq_core.connection import insist
from fnq_core.kept import By, Ending, KeptCalls
from fnq_wire import failure
from fnq_wire.limits import MOST_KEPT_BYTES, MOST_KEPT_CHUNKS, VALUE_TTL_S

if TYPE_CHECKING:
    from fnq_worker.intake import Value
    from fnq_worker.publisher import Draft
    from fnq_worker.run import Run

__all__ = ["Archive", "overflow"]


class Archive:
    """Writes the results of this agent's detached calls; a start of one is told to nobody."""

    def __init__(self, namespace: str, kept: KeptCalls, blobs: Blobs) -> None:
        self._namespace = namespace
        self._kept = kept
        self._blobs = blobs

    async def write(self, drafts: Sequence[Draft]) -> None:
        """Write results in their order; what a run says that is not the current one is dropped."""
        for draft in drafts:
            for reference in draft.references:
                # Chunks wait for their end, so they are kept for as long as a run may take.
                keep_s = draft.run.call.keep_s + VALUE_TTL_S
                await self._blobs.outlast(reference, keep_s)
        for draft in drafts:
            if draft.result.chunks:
                await self._emit(draft)
        ended = [draft for draft in drafts if draft.result.HasField("end")]
        if ended:
            await self._finish(ended)

    async def _emit(self, draft: Draft) -> None:
        """Append chunks; the end beside them follows by itself.

        Those of a call that has ended are read by nobody.
        """
        chunks = result_pb2.Result()
        chunks.CopyFrom(draft.result)
        chunks.ClearField("end")
        body, call = [chunks.SerializeToString()], draft.run.call.call
        if not await insist("keeping chunks", lambda: self._kept.emit(self._namespace, call, body)):
            await self._blobs.delete(each.reference for each in chunks.chunks)

    async def _finish(self, drafts: Sequence[Draft]) -> None:
        endings: list[Ending] = []
        for draft in drafts:
            end, run = result_pb2.Result(), draft.run
            end.CopyFrom(draft.result)
            end.position += len(end.chunks)
            end.ClearField("chunks")
            end.ClearField("started")
            _, count = run.tenure
            endings.append(Ending(run.call.call, end.SerializeToString(), By.RUN, count))
        found = await insist("keeping results", lambda: self._kept.finish(self._namespace, endings))
        for draft, finished in zip(drafts, found, strict=True):
            if finished is None:
                await self._blobs.delete([draft.result.end.value.reference])


def overflow(run: Run, value: Value, position: int) -> bool:
    """Whether a detached generator may yield no more: its readers set no pace. It ends then."""
    if not run.call.detached:
        return False
    run.yielded += len(value) if isinstance(value, bytes) else value.size
    if position < MOST_KEPT_CHUNKS and run.yielded <= MOST_KEPT_BYTES:
        return False
    text = (
        f"a detached generator may yield {MOST_KEPT_CHUNKS} chunks and {MOST_KEPT_BYTES} bytes, "
        "since they are kept: call it attached, or yield less"
    )
    run.foregone = position, failure.make("PayloadTooLargeError", text)
    return True
