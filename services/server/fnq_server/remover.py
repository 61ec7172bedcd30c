"""Sees deleted versions off: ends what waits of them, and lets their keys go in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from redis.exceptions import ResponseError

from fnq.v1 import result_pb2, spec_pb2
from fnq_core.connection import FULL_TRIES, UNREACHABLE, insist
from fnq_core.registry import RecordError, Version
from fnq_core.removal import Deleted
from fnq_server.complaint import Complaint
from fnq_server.demand import Demand
from fnq_server.doors import Doors
from fnq_server.secrets.seam import SecretStore
from fnq_server.stranded import Stranded
from fnq_wire.error import StackError

__all__ = ["Remover"]

#: Seconds between two looks at what is deleted.
_LOOK_S = 1.0
#: Seconds after a deletion in which a server may still take calls: it has not looked yet.
SETTLED_S = 3.0
#: What callers are told of calls that waited.
_FAILURE = "its function was deleted while it waited"
_log = structlog.get_logger()


class Remover:
    """Every server looks after all that is deleted: whichever comes first is enough.

    `forgotten` is told of each deleted version, as long as it is not gone. From `secrets`
    goes what the deployer of a function gave it.
    """

    def __init__(
        self,
        doors: Doors,
        demand: Demand,
        stranded: Stranded,
        forgotten: Callable[[str, str], None],
        secrets: SecretStore | None = None,
    ) -> None:
        self._removal = doors.removal
        self._registry = doors.registry
        self._backlog = doors.backlog
        self._board = doors.board
        self._demand = demand
        self._stranded = stranded
        self._forgotten = forgotten
        self._secrets = secrets
        self._complaint = Complaint(_log.error, "what is deleted cannot be looked at")
        #: Whether there is anything to be seen off.
        self.busy = False

    async def delete(self, namespace: str, name: str) -> tuple[int, int]:
        """Delete a function; return the number of its versions, and of calls that were ended.

        Raises FullError.
        """
        versions = await insist(
            "deleting a function",
            lambda: self._removal.delete(namespace, name),
            full_tries=FULL_TRIES,
        )
        self.busy = True
        ended = 0
        for each in versions:
            self._forgotten(namespace, each)
            ended += await self._end(namespace, each)
        _log.info("a function was deleted", function=name, versions=len(versions), calls=ended)
        return len(versions), ended

    async def look_forever(self) -> None:
        """See off what is deleted, until cancelled."""
        while True:
            try:
                found = await self._removal.deleted()
                self.busy = bool(found)
                # All of them first: what is done about each may take its time.
                for each in found:
                    self._forgotten(each.namespace, each.version)
                for each in found:
                    try:
                        await self._see_off(each)
                    except UNREACHABLE:
                        raise
                    except ResponseError as problem:
                        # The others go.
                        self._complaint.make(problem)
            except UNREACHABLE:
                pass  # Looked at again in a moment.
            except ResponseError as problem:
                self._complaint.make(problem)
            await asyncio.sleep(_LOOK_S)

    async def _see_off(self, deleted: Deleted) -> None:
        namespace, identity = deleted.namespace, deleted.version
        version = await self._version(namespace, identity)
        if version is not None and not version.deleted:
            return  # It was deployed again since it was found.
        await self._stranded.end_version(namespace, identity, _failure())
        [counts] = await self._backlog.count([(namespace, identity)])
        if counts.waiting or counts.held:
            return
        if await self._board.of(namespace, identity):
            await self._demand.begin_again(namespace, identity)
            return
        if version is None:
            await self._removal.forget(namespace, identity)
            return
        if deleted.age_s < SETTLED_S:
            return
        # Without its record nobody would find what is left of it where its workers ran.
        if not await self._demand.see_off(namespace, identity):
            return
        if not await self._forget_secrets(namespace, version.spec):
            return
        if await self._removal.purge(namespace, version):
            _log.info("a deleted version is gone", function=version.spec.name, version=identity)

    async def _forget_secrets(self, namespace: str, spec: spec_pb2.FunctionSpec) -> bool:
        """Return whether nothing is left that only a deleted function was given."""
        if self._secrets is None or all(each.source != "local_env" for each in spec.secrets):
            return True
        if any(each.name == spec.name for each in await self._registry.functions([namespace])):
            return True  # It was deployed anew, and has them.
        try:
            await self._secrets.forget(namespace, spec.name)
        except StackError as problem:
            _log.warning("a deleted function's secrets stay", name=spec.name, problem=str(problem))
            return False
        return True

    async def _version(self, namespace: str, identity: str) -> Version | None:
        """Return a version; None where its record is gone, or cannot be read."""
        try:
            return await self._registry.version(namespace, identity)
        except RecordError as problem:
            _log.error("what is deleted cannot be read, and is left behind", problem=str(problem))
            return None

    async def _end(self, namespace: str, version: str) -> int:
        return await insist(
            "ending calls", lambda: self._stranded.end_version(namespace, version, _failure())
        )


def _failure() -> result_pb2.Failure:
    return result_pb2.Failure(error="NotFoundError", message=_FAILURE)
