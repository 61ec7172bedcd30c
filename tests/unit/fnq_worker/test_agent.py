"""A whole agent, from its start to its end: what it logs, and what it leaves."""

from __future__ import annotations

import asyncio
import hashlib
import io
import tempfile
import textwrap
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
import structlog
from structlog.testing import capture_logs

from fnq_core import keys
from fnq_core.connection import connect
from fnq_core.logs import Line, LogStreams
from fnq_core.presence import PresenceBoard
from fnq_core.registry import Registry
from fnq_wire import callid
from fnq_wire.limits import WINDOW_CHUNKS
from fnq_worker import agent as agent_module
from fnq_worker.agent import Agent, Settings
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.client import ToyClient
from tests.unit.fnq_runner.agent import CODEC, arguments

SOURCE = """
import os

def f(a):
    if a:
        os._exit(a)
    try:
        while True:
            yield a
    finally:
        print("in the end")
        1 / 0
"""


async def _deploy(server: RedisServer, source: str, **spec: object) -> str:
    """Record a version with a bundle of one module; return its id."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mod.py", textwrap.dedent(source))
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    client = connect(server.url)
    await Registry(client).put_bundle(digest, data)
    await client.aclose()
    facts: Any = {"bundle": digest, "module": "mod", "qualname": "f", **spec}
    return await service.deploy(server, **facts)


def _settings(
    server: RedisServer, folder: Path, zygote: Path, address: str, workers: str, version: str
) -> Settings:
    return Settings(
        consumer=workers, server=address, redis=server.url, namespace="default",
        version=version, replica=0, work=str(folder / "work"), zygote=str(zygote),
    )  # fmt: skip


@asynccontextmanager
async def at_work(
    server: RedisServer, folder: Path, zygote: Path, source: str, **spec: object
) -> AsyncIterator[tuple[Agent, ToyClient, str]]:
    """Give an agent that serves a function, a client, and the version."""
    version = await _deploy(server, source, **spec)
    fatal: list[BaseException] = []
    async with (
        service.server(server, folder) as (_, address),
        service.consumer(server, folder) as (_, workers),
        ToyClient() as client,
    ):
        agent = Agent(_settings(server, folder, zygote, address, workers, version), fatal.append)
        # In a task of its own, as a service is started.
        await asyncio.get_running_loop().create_task(agent.start())
        try:
            await client.connect(address)
            yield agent, client, version
        finally:
            await agent.stop()
    assert not fatal


async def test_an_agent_that_is_there_before_the_deploy_waits_for_it(
    server: RedisServer, tmp_path: Path, zygote: Path
) -> None:
    """As where its job was run by hand; it says so once."""
    version = await _deploy(server, SOURCE, kind="generator")
    client, key = connect(server.url), keys.version("default", version)
    await client.rename(key, "away")
    fatal: list[BaseException] = []
    async with (
        service.server(server, tmp_path) as (_, address),
        service.consumer(server, tmp_path) as (_, workers),
    ):
        agent = Agent(_settings(server, tmp_path, zygote, address, workers, version), fatal.append)
        with capture_logs() as logged:
            starting = asyncio.create_task(agent.start())
            await eventually(lambda: any("deployed" in each["event"] for each in logged))
            await client.rename("away", key)
            await starting
        await agent.stop()
    await client.aclose()
    assert [each["version"] for each in logged if "deployed" in each["event"]] == [version]
    assert not fatal


async def _printed(server: RedisServer, count: int) -> list[Line]:
    client = connect(server.url)
    lines: list[Line] = []
    async with asyncio.timeout(10.0):
        while len(lines) < count:
            lines = [line async for line in LogStreams(client).tail("default", ["f"], 100)]
            await asyncio.sleep(0.01)
    await client.aclose()
    return lines


async def test_lines_about_a_call_name_the_call_its_function_and_version(
    server: RedisServer, tmp_path: Path, zygote: Path
) -> None:
    """Those of the agent, and what the runner itself has to say; what user code prints is its."""
    merge = structlog.contextvars.merge_contextvars
    with capture_logs(processors=[merge]) as logged:
        async with at_work(server, tmp_path, zygote, SOURCE, kind="generator") as (_, client, v):
            given_up = client.submit(v, arguments(0))
            await eventually(lambda: len(given_up.chunks) == WINDOW_CHUNKS)
            client.cancel(given_up)
            lost = client.submit(v, arguments(7))
            assert (await lost.over()).failure.error == "WorkerLostError"
            lines = await _printed(server, 3)
    about = {each["event"]: each for each in logged if each.get("function")}
    for event, call in (
        ("a call was lost", lost),
        ("an error while a generator was closed", given_up),
    ):
        found = about[event]
        assert found["call"] == callid.text(call.call)
        assert (found["function"], found["version"], found["replica"]) == ("f", v, 0)
    assert about["a runner died"]["version"] == v
    assert "exited with code 7" in about["a call was lost"]["reason"]
    own = {line.text for line in lines if line.call == given_up.call and line.source == "stdout"}
    assert own == {"in the end"}
    told = [line for line in lines if line.source == "system"]
    assert told[0].text == "an error while a generator was closed:"
    assert told[-1].text == "ZeroDivisionError: division by zero"
    assert {line.call for line in told} == {given_up.call}


async def test_an_agent_that_stops_finishes_what_runs_and_leaves_nothing(
    server: RedisServer, tmp_path: Path, zygote: Path
) -> None:
    """Its presence and its session are gone at once."""
    source = "def f(a):\n    return a"
    async with at_work(server, tmp_path, zygote, source) as (agent, client, version):
        heard = client.submit(version, arguments("x"))
        assert CODEC.decode_result((await heard.over()).value.inline) == "x"
        await eventually(lambda: agent._nest.session.granted)
        sessions: Any = server.names("fnq:session:*")
        assert len(sessions) == 2
        await agent.stop()
        assert len(server.names("fnq:session:*")) == 1
        assert server.names("fnq:{default}:worker:*") == []


@pytest.mark.parametrize("how", ["threads", "processes"])
async def test_an_agent_that_stops_lets_all_end_that_run_at_once(
    server: RedisServer, tmp_path: Path, zygote: Path, how: str
) -> None:
    """In threads and in processes, also in a runner that has retired; none is lost or run twice."""
    source = """
    import os, time

    def f(a):
        with open(a + ".begun", "a") as file:
            file.write(".")
        while not os.path.exists(a):
            time.sleep(0.01)
        return a
    """
    paths = [tmp_path / name for name in ("stuck", "b", "c")]
    begun = [tmp_path / f"{path.name}.begun" for path in paths]
    facts: Any = {"concurrency": 3, "options": {"concurrency": how}}
    async with at_work(server, tmp_path, zygote, source, **facts) as (agent, client, version):
        stuck, *heard = [client.submit(version, arguments(str(path))) for path in paths]
        await eventually(lambda: all(path.exists() for path in begun))
        agent._workbench.cancelled(stuck.call, "enough")
        assert (await stuck.over()).failure.error == "CallCancelledError"
        stopping = asyncio.get_running_loop().create_task(agent.stop())
        await eventually(lambda: not agent._workbench.slots().free)
        for path in paths[1:]:
            path.touch()
        for path, each in zip(paths[1:], heard, strict=True):
            assert CODEC.decode_result((await each.over()).value.inline) == str(path)
        await stopping
        assert [path.read_text() for path in begun] == ["."] * 3


async def test_an_agent_that_is_not_needed_any_more_finishes_a_call_that_came_too_late(
    server: RedisServer, tmp_path: Path, zygote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes; another one gives back what takes longer than a drain."""
    monkeypatch.setattr(agent_module, "_DRAIN_S", 0.05)
    source = """
    import os, time

    def f(a):
        open(a + ".begun", "a").write(".")
        while not os.path.exists(a):
            time.sleep(0.01)
        return a
    """
    path, begun = tmp_path / "end", tmp_path / "end.begun"
    async with at_work(server, tmp_path, zygote, source) as (agent, client, version):
        heard = client.submit(version, arguments(str(path)))
        await eventually(begun.exists)
        # As when a cordon is drawn at its index, in the moment in which it gets the call.
        monkeypatch.setattr(PresenceBoard, "post", AsyncMock(return_value=True))
        await eventually(lambda: agent._workbench.activity.cordoned)
        loop = asyncio.get_running_loop()
        stopping, until = loop.create_task(agent.stop()), loop.time() + 0.2
        await eventually(lambda: loop.time() > until)
        path.touch()
        assert CODEC.decode_result((await heard.over()).value.inline) == str(path)
        await stopping
    assert begun.read_text() == "."


async def test_an_agent_that_was_not_started_stops(server: RedisServer) -> None:
    """Twice, too."""
    settings = Settings(
        consumer="unix:/c", server="unix:/s", redis=server.url, namespace="default",
        version="abc", replica=0, work="/w",
    )  # fmt: skip
    agent = Agent(settings, lambda problem: None)
    for _ in range(2):
        await agent.stop()


async def test_what_ends_while_redis_is_away_for_long_is_heard(
    tmp_path: Path, zygote: Path
) -> None:
    """The inbox has expired by then: it is made anew, and the end is offered until it is."""
    source = """
    import os, time

    def f(a):
        while not os.path.exists(a):
            time.sleep(0.01)
        return a
    """
    ending = tmp_path / "ending"
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        redis = RedisServer(Path(folder), durable=True)
        redis.start()
        try:
            async with at_work(redis, tmp_path, zygote, source) as (agent, client, version):
                heard = client.submit(version, arguments(str(ending)))
                await eventually(lambda: agent._workbench.busy)
                loop = asyncio.get_running_loop()
                expired_at = loop.time() + 0.5
                for inbox in redis.names("fnq:inbox:*"):
                    redis.ask("PEXPIRE", inbox, 400)
                redis.kill()
                ending.touch()
                await eventually(lambda: not agent._workbench.busy)
                await eventually(lambda: loop.time() > expired_at)
                redis.start()
                assert CODEC.decode_result((await heard.over()).value.inline) == str(ending)
        finally:
            redis.kill()
