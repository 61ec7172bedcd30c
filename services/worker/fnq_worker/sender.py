"""Sends runs to their runner, with their arguments."""

from __future__ import annotations

from collections.abc import Callable

from fnq.v1 import result_pb2
from fnq_core.blobs import Blobs
from fnq_core.service import Spawn
from fnq_wire import failure
from fnq_wire.limits import MOST_SPOOLED
from fnq_wire.pieces import Spooled
from fnq_worker.batch import Batch
from fnq_worker.run import Run
from fnq_worker.runner import Runner

__all__ = ["Sender"]

_SPOOL = result_pb2.Reference.SPOOL


class Sender:
    """The way of a run into its runner's pipe.

    Arguments that lie in the spool the runner reads by itself, those that lie elsewhere are
    read first; `unsendable` is told of a run whose arguments are gone, and why. `spawn`
    starts what takes a while.
    """

    def __init__(self, spawn: Spawn, unsendable: Callable[[Run, failure.Envelope], None]) -> None:
        self._spawn = spawn
        self._unsendable = unsendable
        self.blobs: Blobs

    def send(self, run: Run, runner: Runner) -> None:
        """Send a run, now or once its arguments are read."""
        run.runner = runner
        if isinstance(run, Batch):
            self._send_batch(run)
            return
        at_hand = self._at_hand(run, runner)
        if at_hand is None:
            self._spawn(self._fetch_and_send(run), "fetch arguments")
        else:
            self._dispatch(run, at_hand)

    async def _read(self, run: Run) -> bytes | None:
        """Return arguments that lie elsewhere; None where they are gone."""
        reference = run.call.payload.reference
        if reference.house == _SPOOL:
            await self.blobs.known.wait()
        return await self.blobs.read(reference)

    async def _fetch_and_send(self, run: Run) -> None:
        """Send a run whose arguments lie elsewhere."""
        data = await self._read(run)
        if run.ended:
            return
        if data is None:
            self._unsendable(run, _gone(run))
        else:
            self._dispatch(run, data)

    def _dispatch(self, run: Run, payload: bytes | Spooled) -> None:
        assert run.runner is not None
        run.sent = True
        run.runner.send(run.frame(payload))

    def _send_batch(self, batch: Batch) -> None:
        payloads = [(each, self._at_hand(each, batch.runner)) for each in batch.parts]
        found = [(each, payload) for each, payload in payloads if payload is not None]
        if len(found) == len(payloads):
            self._dispatch_batch(batch, found)
        else:
            self._spawn(self._fetch_and_send_batch(batch), "fetch arguments")

    def _at_hand(self, run: Run, runner: Runner | None) -> bytes | Spooled | None:
        """Return what the runner is sent of a run's arguments; None: they are read first."""
        payload = run.call.payload
        if not payload.HasField("reference"):
            return payload.inline
        reference = payload.reference
        spooled = reference.house == _SPOOL and runner is not None and runner.spool is not None
        return Spooled(reference.key, reference.size) if spooled else None

    async def _fetch_and_send_batch(self, batch: Batch) -> None:
        """Send a batch where arguments of some lie elsewhere; who has none left goes without."""
        payloads: list[tuple[Run, bytes | Spooled]] = []
        for each in batch.parts:
            data = self._at_hand(each, batch.runner)
            data = await self._read(each) if data is None else data
            if data is not None:
                payloads.append((each, data))
            elif not each.ended:
                self._unsendable(each, _gone(each))
        self._dispatch_batch(batch, [pair for pair in payloads if not pair[0].ended])

    def _dispatch_batch(self, batch: Batch, payloads: list[tuple[Run, bytes | Spooled]]) -> None:
        size = sum(len(data) for _, data in payloads if isinstance(data, bytes))
        if size > MOST_SPOOLED:
            text = (
                f"the arguments of a batch have {size} bytes, the most is {MOST_SPOOLED}: "
                "lower max_batching_size="
            )
            for each, _ in payloads:
                self._unsendable(each, failure.make("PayloadTooLargeError", text))
        if batch.parts and not batch.ended:
            assert batch.runner is not None
            batch.sent = True
            batch.runner.send(batch.frame_of(payloads))


def _gone(run: Run) -> failure.Envelope:
    run.log().warning("the arguments of a call are gone")
    text = "the call's arguments are gone: they were kept for a day"
    return failure.make("ResultExpiredError", text)
