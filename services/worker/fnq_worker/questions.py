"""What runners ask of a server: functions, calls by their ids, readiness."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any

import grpc
import grpc.aio

from fnq_wire import failure
from fnq_wire.version import is_divergent, is_repeatable, is_single
from fnq_worker.mates import Mates
from fnq_worker.nest import Nest

__all__ = ["Questions"]

#: What our errors are for what a server refuses.
_ERRORS = {
    grpc.StatusCode.NOT_FOUND: "NotFoundError",
    grpc.StatusCode.OUT_OF_RANGE: "ResultExpiredError",
}


class Questions:
    """Answers questions in the form that the pipe carries: {"ok": ...} or {"failure": ...}."""

    def __init__(self, nest: Nest, mates: Mates) -> None:
        self._nest = nest
        self._mates = mates

    async def answer(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer to one question."""
        verbs = {
            "lookup": self._lookup,
            "mates": self._mates_of,
            "wait_ready": self._wait_ready,
            "settle": self._settle,
            "show": self._show,
            "stop": self._stop,
            "lines": self._lines,
        }
        try:
            return await _told(verbs[str(asked.get("verb"))](asked))
        except (KeyError, TypeError, ValueError) as problem:
            return _refusal("ProtocolError", f"no such request: {asked!r}: {problem!r}")

    async def _lookup(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        found = await self._nest.lookup(str(asked["name"]), int(asked.get("number") or 0))
        spec = found.spec
        answer = {
            "version": found.id,
            "name": spec.name,
            "kind": spec.kind,
            "number": found.number,
            "repeatable": is_repeatable(spec),
            "divergent": is_divergent(spec),
            "set": found.set,
            "batch": spec.batching.max_size,
            "single": is_single(spec),
            "types": [each.type for each in spec.parameters],
            "returns": spec.returns,
            "parameters": [[each.name, each.kind, each.required] for each in spec.parameters],
        }
        return {"ok": answer}

    async def _mates_of(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"ok": await self._mates.of(int(asked["set"]))}

    async def _wait_ready(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        name, timeout_s = asked["name"], asked.get("timeout_s")
        ready = await self._nest.wait_ready(str(asked["version"]), timeout_s)
        if ready.state == "ready":
            return {"ok": True}
        if ready.state == "waiting":
            text = f"{name} was not ready within {timeout_s} s: {ready.reason}"
        else:
            text = f"{name} cannot run: {ready.reason}"
        return _refusal("NotReadyError", f"{text}\n{ready.traceback}".rstrip())

    async def _settle(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        await self._nest.settle(bytes.fromhex(asked["call"]))
        return {"ok": True}

    async def _show(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"ok": await self._nest.show(bytes.fromhex(asked["call"]))}

    async def _stop(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"ok": await self._nest.stop(bytes.fromhex(asked["call"]))}

    async def _lines(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"ok": await self._nest.lines(bytes.fromhex(asked["call"]))}


async def _told(work: Coroutine[Any, Any, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return what `work` answers, or the failure that a refusal of the server amounts to."""
    try:
        return await work
    except grpc.aio.AioRpcError as problem:
        error = _ERRORS.get(problem.code(), "ConnectionLostError")
        return _refusal(error, problem.details() or "")


def _refusal(error: str, message: str) -> Mapping[str, Any]:
    return {"failure": failure.make(error, message)}
