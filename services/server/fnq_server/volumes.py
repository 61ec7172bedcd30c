"""The Volumes RPC: what lies in volumes, put there and taken from there."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, TypeVar

from fnq.v1 import volumes_pb2, volumes_pb2_grpc
from fnq_core.registry import Version
from fnq_server.mounting import Mounting
from fnq_server.refusals import Context, told
from fnq_server.volume.beneath import Beneath, Entry, Upload
from fnq_server.volume.seam import (
    Store,
    VolumeElsewhereError,
    VolumeError,
    VolumeMissingError,
)
from fnq_wire.limits import PART

__all__ = ["Volumes"]

#: Entries of a folder that one message holds.
_MOST_ENTRIES = 500
_NONE = "this server keeps no volumes: start it with --volumes DIR on the machine of its workers"
#: What the kernel says of a disk or a quota that is used up.
_FULL = (errno.ENOSPC, errno.EDQUOT)
_T = TypeVar("_T")


class Volumes(volumes_pb2_grpc.VolumesServicer):
    """What people ask and do with volumes."""

    def __init__(self, mounting: Mounting, end: Callable[[str, str], Awaitable[object]]) -> None:
        """Serve volumes; `end` has the workers of a version (namespace, id) end."""
        self._mounting = mounting
        self._end = end

    async def List(  # noqa: N802 - the name in the contract of the wire
        self, request: volumes_pb2.ListVolumesRequest, context: Context
    ) -> volumes_pb2.ListVolumesReply:
        """Return the volumes of a namespace, how much is in them, and who mounts them."""
        namespace = request.namespace or "default"
        reply = volumes_pb2.ListVolumesReply()
        async with told(context):
            store = self._insist()
            users = await self._mounting.users(namespace)
            await _begin(context)
            for name in await _done(store.names, namespace):
                with contextlib.suppress(VolumeMissingError):
                    state = await _done(_measure, store, namespace, name)
                    state.functions.extend(_names(users.get(name, ())))
                    reply.volumes.append(state)
        return reply

    async def Look(  # noqa: N802
        self, request: volumes_pb2.LookRequest, context: Context
    ) -> AsyncIterator[volumes_pb2.LookReply]:
        """Say what lies in a folder, or what a file is."""
        namespace = request.namespace or "default"
        async with told(context), _opened(self._insist(), namespace, request.volume) as files:
            await _begin(context)
            found = await _done(files.entry, request.path)
            if found.kind != "folder":
                yield volumes_pb2.LookReply(entries=[_message(found)])
                return
            entries = files.look(request.path)
            while some := await _done(_some, entries):
                yield volumes_pb2.LookReply(entries=map(_message, some))

    async def Put(  # noqa: N802
        self, request_iterator: AsyncIterator[volumes_pb2.PutPart], context: Context
    ) -> volumes_pb2.PutReply:
        """Make what comes, entry by entry; a file is there once its last part has come."""
        reply = volumes_pb2.PutReply()
        async with told(context):
            first = await anext(aiter(request_iterator), volumes_pb2.PutPart())
            namespace, name, store = first.namespace or "default", first.volume, self._insist()
            await _done(store.make, namespace, name)
            async with _opened(store, namespace, name) as files, _room(store, namespace, name):
                await _begin(context)
                writer = _Writer(files, reply)
                try:
                    await _done(writer.take, first)
                    async for part in request_iterator:
                        await _done(writer.take, part)
                finally:
                    writer.close()
        return reply

    async def Get(  # noqa: N802
        self, request: volumes_pb2.GetRequest, context: Context
    ) -> AsyncIterator[volumes_pb2.GetPart]:
        """Send a file, or a folder with all that is in it."""
        namespace = request.namespace or "default"
        async with told(context), _opened(self._insist(), namespace, request.volume) as files:
            await _begin(context)
            parts = _parts(files, request.path)
            while (part := await _done(next, parts, None)) is not None:
                yield part

    async def Remove(  # noqa: N802
        self, request: volumes_pb2.RemoveRequest, context: Context
    ) -> volumes_pb2.RemoveReply:
        """Remove a file, a link or a folder."""
        namespace = request.namespace or "default"
        async with told(context), _opened(self._insist(), namespace, request.volume) as files:
            await _begin(context)
            await _done(files.remove, request.path, recursive=request.recursive)
        return volumes_pb2.RemoveReply()

    async def Delete(  # noqa: N802
        self, request: volumes_pb2.DeleteVolumeRequest, context: Context
    ) -> volumes_pb2.DeleteVolumeReply:
        """Delete a volume; one that functions mount only by force."""
        namespace, name = request.namespace or "default", request.volume
        async with told(context):
            store = self._insist()
            await _done(store.insist_ours, namespace, name)
            users = (await self._mounting.users(namespace)).get(name, [])
            if users and not request.force:
                raise VolumeError(
                    f"volume {name!r} is mounted by {', '.join(_names(users))}: delete these "
                    "functions first, or say --force, and they lose their files"
                )
            await _begin(context)
            # A place that lends volumes to workers keeps what one has; ...
            await asyncio.gather(*(self._end(namespace, each.id) for each in users))
            await _done(store.delete, namespace, name)
            # ... elsewhere one that came meanwhile has mounted what is gone.
            await asyncio.gather(*(self._end(namespace, each.id) for each in users))
        return volumes_pb2.DeleteVolumeReply()

    def _insist(self) -> Store:
        if self._mounting.store is None:
            raise VolumeError(_NONE)
        return self._mounting.store


def _names(versions: Iterable[Version]) -> list[str]:
    """Return the functions of versions, each once."""
    return list(dict.fromkeys(each.spec.name for each in versions))


class _Writer:
    """Makes entries of the parts that come."""

    def __init__(self, files: Beneath, reply: volumes_pb2.PutReply) -> None:
        self._files = files
        self._reply = reply
        self._upload: Upload | None = None

    def take(self, part: volumes_pb2.PutPart) -> None:
        """Go on with the entry at hand, or begin the one that the part names."""
        if part.HasField("entry"):
            self._begin(part.entry)
        if self._upload is not None:
            self._upload.write(part.data)
            self._reply.bytes += len(part.data)
            if part.last:
                self._upload.commit()
                self._reply.files += 1
                self.close()

    def _begin(self, entry: volumes_pb2.VolumeEntry) -> None:
        self.close()
        if entry.kind == "folder":
            self._files.make_folder(entry.path, entry.mode)
        elif entry.kind == "link":
            self._files.make_link(entry.path, entry.target)
        else:
            self._upload = self._files.begin(entry.path, entry.mode)

    def close(self) -> None:
        """Let go of a file that is not whole."""
        if self._upload is not None:
            upload, self._upload = self._upload, None
            upload.close()


async def _begin(context: Context) -> None:
    """Let whoever asks know that this is at it: what follows takes as long as it takes."""
    await context.send_initial_metadata(())


async def _done(work: Callable[..., _T], *args: Any, **more: Any) -> _T:
    """Return what a function returns that takes its time; it has ended when this does.

    Whoever is cancelled closes descriptors next, which must not be in use any more.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **more))
    try:
        return await asyncio.shield(task)
    finally:
        await asyncio.wait({task})


def _measure(store: Store, namespace: str, name: str) -> volumes_pb2.VolumeState:
    try:
        with store.open(namespace, name) as files:
            total, count = files.usage()
    except VolumeElsewhereError:
        folder = f"{store.folder(namespace, name)} (not counted from here)"
        return volumes_pb2.VolumeState(volume=name, folder=folder)
    return volumes_pb2.VolumeState(
        volume=name,
        bytes=total,
        files=count,
        free=store.free(namespace, name),
        folder=store.folder(namespace, name),
    )


def _some(entries: Iterator[Entry]) -> list[Entry]:
    return list(itertools.islice(entries, _MOST_ENTRIES))


def _parts(files: Beneath, path: bytes) -> Iterator[volumes_pb2.GetPart]:
    """Yield the parts of what lies at a path; the bytes of a file are read as they go."""
    found = files.entry(path)
    yield volumes_pb2.GetPart(entry=_message(found, b""))
    if found.kind == "file":
        with files.reading(path) as descriptor:
            yield from _read(descriptor)
    elif found.kind == "folder":
        for entry, descriptor in files.walk(path):
            yield volumes_pb2.GetPart(entry=_message(entry))
            if entry.kind == "file":
                yield from _read(descriptor)


def _read(descriptor: int) -> Iterator[volumes_pb2.GetPart]:
    while data := os.read(descriptor, PART):
        yield volumes_pb2.GetPart(data=data)


def _message(entry: Entry, path: bytes | None = None) -> volumes_pb2.VolumeEntry:
    return volumes_pb2.VolumeEntry(
        path=entry.path if path is None else path,
        kind=entry.kind,
        bytes=entry.size,
        mode=entry.mode,
        changed_ms=entry.changed_ms,
        target=entry.target,
    )


@contextlib.asynccontextmanager
async def _opened(store: Store, namespace: str, name: str) -> AsyncIterator[Beneath]:
    """Have the files of a volume at hand; where they are is found out in a thread."""
    with contextlib.ExitStack() as stack:
        yield await _done(stack.enter_context, store.open(namespace, name))


@contextlib.asynccontextmanager
async def _room(store: Store, namespace: str, name: str) -> AsyncIterator[None]:
    """Raise VolumeFullError where the disk of a volume is full."""
    try:
        yield
    except OSError as problem:
        if problem.errno not in _FULL:
            raise
        raise await _done(store.full, namespace, name) from problem
