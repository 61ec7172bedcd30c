"""What people ask and do with volumes, over the wire."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from fnq.v1 import control_pb2, control_pb2_grpc, spec_pb2, volumes_pb2, volumes_pb2_grpc
from fnq_core.rpc import channel
from fnq_server.demand import Demand
from fnq_server.volume import beneath, folders
from fnq_server.volume.folders import VolumeFolders
from fnq_server.volume.seam import VolumeError
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service

#: Bytes of a part.
PART = 1 << 20
BUNDLE = hashlib.sha256(b"x").hexdigest()


@pytest.fixture(autouse=True)
def _can_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the server think that anything can be mounted."""
    monkeypatch.setattr(folders, "_TRIES", ("true",))


@asynccontextmanager
async def asking(server: RedisServer, folder: Path) -> AsyncIterator[tuple[Any, Any]]:
    """Give the stubs of a server's Volumes and Control, whose volumes lie in `volumes`."""
    store = VolumeFolders(str(folder / "volumes"), [])
    async with (
        service.server(server, folder, volumes=store) as (_, address),
        channel(address) as link,
    ):
        yield volumes_pb2_grpc.VolumesStub(link), control_pb2_grpc.ControlStub(link)


def _entry(path: bytes, kind: str = "file", **more: Any) -> volumes_pb2.VolumeEntry:
    return volumes_pb2.VolumeEntry(path=path, kind=kind, **more)


async def _sent(*parts: volumes_pb2.PutPart) -> AsyncIterator[volumes_pb2.PutPart]:
    yield volumes_pb2.PutPart(volume="v")
    for part in parts:
        yield part


async def _get(stub: Any, path: bytes) -> dict[bytes, tuple[str, bytes]]:
    """Return what lies at a path: kind and content by path."""
    found: dict[bytes, tuple[str, bytes]] = {}
    name = b""
    async for part in stub.Get(volumes_pb2.GetRequest(volume="v", path=path)):
        if part.HasField("entry"):
            name = part.entry.path
            found[name] = (part.entry.kind, part.entry.target)
        found[name] = (found[name][0], found[name][1] + part.data)
    return found


async def test_what_was_put_is_listed_and_comes_back(server: RedisServer, tmp_path: Path) -> None:
    """Files of any size, empty ones too, folders and links, with their modes."""
    large = os.urandom(3 * PART + 5)
    async with asking(server, tmp_path) as (stub, _):
        parts = [volumes_pb2.PutPart(entry=_entry(b"d/large", mode=0o640))]
        parts += [volumes_pb2.PutPart(data=large[i : i + PART]) for i in range(0, len(large), PART)]
        parts += [
            volumes_pb2.PutPart(last=True),
            volumes_pb2.PutPart(entry=_entry(b"d/empty", mode=0o755), last=True),
            volumes_pb2.PutPart(entry=_entry(b"d/sub", "folder", mode=0o755)),
            volumes_pb2.PutPart(entry=_entry(b"d/link", "link", target=b"large")),
        ]
        reply = await stub.Put(_sent(*parts))
        assert (reply.files, reply.bytes) == (2, len(large))
        assert await _get(stub, b"d") == {
            b"": ("folder", b""),
            b"empty": ("file", b""),
            b"large": ("file", large),
            b"link": ("link", b"large"),
            b"sub": ("folder", b""),
        }
        assert await _get(stub, b"d/large") == {b"": ("file", large)}
        [look] = [each async for each in stub.Look(volumes_pb2.LookRequest(volume="v", path=b"d"))]
        assert [(each.path, each.kind, each.bytes, each.mode) for each in look.entries[:2]] == [
            (b"empty", "file", 0, 0o755),
            (b"large", "file", len(large), 0o640),
        ]
        [state] = (await stub.List(volumes_pb2.ListVolumesRequest())).volumes
        assert (state.volume, state.files, state.bytes) == ("v", 2, len(large))
        assert state.free > 0


async def test_a_file_that_is_not_sent_to_its_end_is_not_there(
    server: RedisServer, tmp_path: Path
) -> None:
    """The one before stays, and nothing of the new one is left."""
    folder = tmp_path / "volumes" / "default" / "v"
    async with asking(server, tmp_path) as (stub, _):
        whole = volumes_pb2.PutPart(entry=_entry(b"f", mode=0o600), data=b"first", last=True)
        await stub.Put(_sent(whole))
        waits = asyncio.Event()

        async def broken() -> AsyncIterator[volumes_pb2.PutPart]:
            async for part in _sent(volumes_pb2.PutPart(entry=_entry(b"f"), data=b"second")):
                yield part
            await waits.wait()

        call = stub.Put(broken())
        await eventually(lambda: len(_open_in(folder)) > 1)
        call.cancel()
        await eventually(lambda: not _open_in(folder))
        # Ended in order, but without the last part.
        await stub.Put(_sent(volumes_pb2.PutPart(entry=_entry(b"f"), data=b"third")))
        assert await _get(stub, b"f") == {b"": ("file", b"first")}
        assert os.listdir(folder) == ["f"]


def _open_in(folder: Path) -> list[str]:
    """Return what this process, which is the server, has open of a volume."""
    found = []
    for each in os.listdir("/proc/self/fd"):
        try:
            path = os.readlink(f"/proc/self/fd/{each}")
        except OSError:
            continue
        if path.startswith(str(folder)):
            found.append(path)
    return found


@pytest.mark.parametrize("path", [b"../secret", b"/../../secret", b"out/secret", b"a/../../x"])
async def test_nothing_outside_a_volume_is_reached(
    server: RedisServer, tmp_path: Path, path: bytes
) -> None:
    """Whatever is asked, and whatever links user code left in the volume."""
    (tmp_path / "secret").write_text("secret")
    async with asking(server, tmp_path) as (stub, _):
        await stub.Put(_sent())
        (tmp_path / "volumes" / "default" / "v" / "out").symlink_to(tmp_path)
        for ask in (
            lambda: _get(stub, path),
            lambda: stub.Put(_sent(volumes_pb2.PutPart(entry=_entry(path), last=True))),
            lambda: stub.Put(_sent(volumes_pb2.PutPart(entry=_entry(path + b"/d", "folder")))),
            lambda: stub.Remove(volumes_pb2.RemoveRequest(volume="v", path=path, recursive=True)),
            lambda: _drain(stub.Look(volumes_pb2.LookRequest(volume="v", path=path))),
            lambda: _drain(stub.Look(volumes_pb2.LookRequest(volume="..", path=b""))),
            lambda: stub.Delete(volumes_pb2.DeleteVolumeRequest(volume="../default")),
        ):
            with pytest.raises(grpc.aio.AioRpcError, match=r"link|'\.\.'|128 letters"):
                await ask()
        assert list((await stub.List(volumes_pb2.ListVolumesRequest(namespace=".."))).volumes) == []
    assert (tmp_path / "secret").read_text() == "secret"


async def _drain(call: Any) -> None:
    async for _ in call:
        pass


async def test_a_folder_of_many_files_is_told_in_parts(server: RedisServer, tmp_path: Path) -> None:
    """By name, each once."""
    async with asking(server, tmp_path) as (stub, _):
        await stub.Put(_sent())
        for number in range(1_100):
            (tmp_path / "volumes" / "default" / "v" / f"{number:04}").touch()
        replies = [each async for each in stub.Look(volumes_pb2.LookRequest(volume="v"))]
        names = [each.path for reply in replies for each in reply.entries]
        assert names == [b"%04d" % number for number in range(1_100)]
        assert len(replies) > 1


async def _deploy(stub: Any, *specs: spec_pb2.FunctionSpec) -> control_pb2.DeployEvent:
    async def bundle() -> AsyncIterator[control_pb2.BundlePart]:
        yield control_pb2.BundlePart(hash=BUNDLE, data=b"x")

    await stub.PutBundle(bundle())
    events: list[control_pb2.DeployEvent] = [
        each async for each in stub.Deploy(control_pb2.DeployRequest(specs=specs))
    ]
    return events[-1]


def _spec(path: str = "/data") -> spec_pb2.FunctionSpec:
    mount = spec_pb2.VolumeMount(volume="v", path=path)
    return spec_pb2.FunctionSpec(name="f", kind="function", bundle=BUNDLE, volumes=[mount])


async def test_a_volume_that_functions_mount_is_deleted_by_force(
    server: RedisServer, tmp_path: Path
) -> None:
    """The refusal names them, as a list of all volumes does."""
    async with asking(server, tmp_path) as (stub, control):
        assert (await _deploy(control, _spec())).HasField("reply")
        [state] = (await stub.List(volumes_pb2.ListVolumesRequest())).volumes
        assert list(state.functions) == ["f"]
        request = volumes_pb2.DeleteVolumeRequest(volume="v")
        with pytest.raises(grpc.aio.AioRpcError, match=r"'v' is mounted by f: .* --force"):
            await stub.Delete(request)
        request.force = True
        await stub.Delete(request)
        with pytest.raises(grpc.aio.AioRpcError, match="no volume 'v'") as told:
            await stub.Delete(request)
        assert told.value.code() is grpc.StatusCode.NOT_FOUND


async def test_nobodys_workers_end_for_a_volume_that_is_not_deleted(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that belongs to an operator, also by force."""

    def refuse(store: object, namespace: str, name: str) -> None:
        raise VolumeError("it is the cluster operator's")

    ended: list[str] = []

    async def end(self: object, namespace: str, version: str) -> bool:
        ended.append(version)
        return True

    monkeypatch.setattr(VolumeFolders, "insist_ours", refuse)
    monkeypatch.setattr(Demand, "begin_again", end)
    async with asking(server, tmp_path) as (stub, control):
        await _deploy(control, _spec())
        ended.clear()
        with pytest.raises(grpc.aio.AioRpcError, match="it is the cluster operator's"):
            await stub.Delete(volumes_pb2.DeleteVolumeRequest(volume="v", force=True))
    assert ended == []


async def test_a_deploy_makes_its_volumes_or_fails_with_the_reason(
    server: RedisServer, tmp_path: Path
) -> None:
    """A function whose volume no worker could mount is not deployed."""
    async with asking(server, tmp_path) as (_, control):
        failure = (await _deploy(control, _spec(str(tmp_path)))).failure
        assert (failure.function, failure.error) == ("f", "DeployError")
        assert "volume 'v': mounted at" in failure.message
        with pytest.raises(grpc.aio.AioRpcError, match="no function"):
            await control.Lookup(control_pb2.LookupRequest(name="f"))
        await _deploy(control, _spec())
        assert (tmp_path / "volumes" / "default" / "v").is_dir()


async def test_a_disk_that_fills_while_files_come_is_told_with_the_volume(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its free bytes and what to do; nothing of the file is left."""

    def full(self: beneath.Upload, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(beneath.Upload, "write", full)
    async with asking(server, tmp_path) as (stub, _):
        part = volumes_pb2.PutPart(entry=_entry(b"f"), data=b"x", last=True)
        with pytest.raises(grpc.aio.AioRpcError, match=r"'v' is full: .* bytes left") as told:
            await stub.Put(_sent(part))
        assert told.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert os.listdir(tmp_path / "volumes" / "default" / "v") == []


async def test_a_server_without_volumes_says_how_to_have_them(
    server: RedisServer, tmp_path: Path
) -> None:
    """To whatever it is asked."""
    async with service.server(server, tmp_path) as (_, address), channel(address) as link:
        stub = volumes_pb2_grpc.VolumesStub(link)
        for ask in (
            lambda: stub.List(volumes_pb2.ListVolumesRequest()),
            lambda: stub.Put(_sent()),
            lambda: _get(stub, b""),
        ):
            with pytest.raises(grpc.aio.AioRpcError, match="start it with --volumes DIR"):
                await ask()
