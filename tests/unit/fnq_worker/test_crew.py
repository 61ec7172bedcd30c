"""A crew with real runners: born, fed, dying in every way, replaced, drained."""

from __future__ import annotations

import os
import signal
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import record_pb2, worker_pb2
from fnq_core.connection import connect
from fnq_core.logs import Line, LogStreams
from fnq_worker import crew as crew_module
from fnq_worker import stopper
from fnq_worker.crew import Crew
from fnq_worker.printer import Printer
from tests.loop import eventually
from tests.redis import RedisServer
from tests.unit.fnq_runner.agent import CODEC, arguments
from tests.unit.fnq_worker.kin import Kin, kin

SOURCE = """
import ctypes, os, sys, time

def f(a):
    if a == "leave":
        os._exit(3)
    if a == "crash":
        ctypes.string_at(0)
    if a == "babble":
        os.write(3, b"nonsense" * 100)
        time.sleep(60)
    if a == "shut":
        os.closerange(3, 1000)
        time.sleep(60)
    if a == "shut and go on":
        os.closerange(3, 1000)
    if a == "sleep":
        open("asleep", "w").close()
        time.sleep(60)
    while a.startswith("/") and not os.path.exists(a):
        time.sleep(0.01)
    print("told", a)
    return [a, os.getpid()]
"""


#: Says one word before it ends its process.
DYING = "import os\nos.write(1, b'goodbye')\nos._exit(7)"


class Post:
    """A crew at work on one function, and what becomes of it."""

    def __init__(self, k: Kin, crew: Crew) -> None:
        self.k = k
        self.crew = crew
        self.bench = k.bench
        self.standing: list[tuple[str, str, str, int]] = []

    def states(self) -> list[str]:
        """Return how the runner was, in order."""
        return [state for state, *_ in self.standing]

    @property
    def pid(self) -> int:
        """The process that is or will be the runner."""
        return self.standing[-1][3]

    async def ready(self, times: int = 1) -> None:
        """Wait until a runner was ready for the n-th time."""
        await eventually(lambda: self.states().count("ready") == times, 20.0)

    async def all_ready(self, *, but: int = 0) -> None:
        """Wait until three runners are ready, none of them process `but`."""
        await eventually(
            lambda: [each.ready and each.pid != but for each in self.crew.runners] == [True] * 3,
            20.0,
        )

    def call(self, name: str, argument: Any) -> bytes:
        """Dispatch a call of the function; return its id."""
        call = name.encode().ljust(16, b".")
        entry = record_pb2.Entry(call=call, inbox="inbox", rows=1)
        entry.payload.inline = arguments(argument)
        dispatch = worker_pb2.Dispatch(stream="s", entry=f"{name}-1", epoch=1, call=entry)
        self.bench.bench.dispatched(dispatch)
        return call

    async def begun(self, call: bytes) -> None:
        """Wait until a call has begun."""
        run = self.bench.bench.get(call, 1)
        await eventually(lambda: run is not None and run.started_at)

    async def value(self, argument: Any) -> Any:
        """Return what a call of the function returns."""
        call = self.call(f"v{len(self.bench.ends)}", argument)
        await eventually(lambda: self.bench.ends and self.bench.ends[-1][0] == call)
        return CODEC.decode_result(self.bench.ends[-1][2].value.inline)

    async def lost(self, count: int = 1) -> str:
        """Return why the last call was lost, once as many are."""
        await eventually(lambda: self.bench.what().count("lost") == count)
        [*_, report] = [each for each in self.bench.reports if each.HasField("lost")]
        return report.lost.message


@asynccontextmanager
async def post(
    server: RedisServer,
    folder: Path,
    zygote: Path,
    source: str = SOURCE,
    slots: int = 1,
    count: int = 1,
) -> AsyncIterator[Post]:
    """Give a crew that has been started."""
    (folder / "mod.py").write_text(textwrap.dedent(source))
    hello = {
        "root": str(folder), "module": "mod", "qualname": "f", "name": "f", "version": "abc012",
        "namespace": "default", "kind": "function", "concurrency": slots, "env": {},
        "set": "", "mates": {},
    }  # fmt: skip
    client = connect(server.url)
    printer = Printer(client, "default", "f")
    async with kin(server, folder, slots=slots, runners=count) as k:
        # The crew brings runners of its own.
        for toy in k.bench.runners:
            k.bench.part_with(toy)
        made: Post
        crew = Crew(
            hello, str(zygote), k.bench.bench, k.children, printer,
            lambda *how: made.standing.append(how), k.fatal.append, count,
        )  # fmt: skip
        made = Post(k, crew)
        k.bench.tasks.start(printer.print_forever(), "print")
        try:
            await crew.start()
            yield made
        finally:
            await crew.stop()
    await client.aclose()


async def test_a_runner_is_forked_and_takes_calls(
    server: RedisServer, tmp_path: Path, zygote: Path
) -> None:
    """It is starting, then ready; what it prints is kept with its call."""
    async with post(server, tmp_path, zygote) as p:
        await p.ready()
        assert p.states() == ["starting", "ready"]
        assert await p.value("x") == ["x", p.pid]
        logs = LogStreams(p.k.agent._redis)
        lines: list[Line] = []
        while not lines:
            lines = [line async for line in logs.tail("default", ["f"], 10)]
        [line] = lines
        assert (line.source, line.text) == ("stdout", "told x")
        assert line.call == p.bench.ends[-1][0]


async def test_a_call_waits_for_its_runner(
    server: RedisServer, tmp_path: Path, zygote: Path
) -> None:
    """It was dispatched while the function was imported."""
    async with post(server, tmp_path, zygote) as p:
        assert await p.value("early") == ["early", p.pid]


DEATHS = {
    "leave": "it exited with code 3",
    "crash": "it was killed by SIGSEGV",
    "babble": "it sent something else than frames",
    "shut and go on": "its connection to the worker was closed, and it was ended",
    "shut": "its connection to the worker was closed, and it was ended",
}


@pytest.mark.parametrize("how", DEATHS)
async def test_a_runner_that_dies_is_replaced(
    server: RedisServer, tmp_path: Path, zygote: Path, how: str
) -> None:
    """Its call is lost, with the cause; nested calls that it made by itself are ended."""
    async with post(server, tmp_path, zygote) as p:
        await p.ready()
        first = p.pid
        nested = p.k.call(runner=next(iter(p.crew.runners)))  # type: ignore[arg-type]  # a real one
        await p.k.run(nested)
        p.call("lost", how)
        text = await p.lost()
        assert text.startswith("the process that ran the call was lost: ")
        assert DEATHS[how] in text
        assert "memory" not in text
        await p.ready(2)
        assert p.pid != first
        assert await p.value("next") == ["next", p.pid]
        await eventually(lambda: p.k.server._relay.in_flight == 0)


async def test_a_runner_killed_from_outside_may_have_run_out_of_memory(
    server: RedisServer, tmp_path: Path, zygote: Path
) -> None:
    """The text says that this is how it looks."""
    async with post(server, tmp_path, zygote) as p:
        await p.ready()
        await p.begun(p.call("lost", "sleep"))
        os.kill(p.pid, signal.SIGKILL)
        assert await p.lost() == (
            "the process that ran the call was lost: it was killed by SIGKILL, "
            "as happens when memory runs out"
        )


async def test_each_of_several_runners_is_replaced_alone(
    server: RedisServer, tmp_path: Path, zygote: Path
) -> None:
    """The others keep their calls; nobody says that the agent was not ready meanwhile."""
    async with post(server, tmp_path, zygote, count=3) as p:
        await p.all_ready()
        first, *others = p.crew.runners
        calls = [p.call(name, str(tmp_path / "go")) for name in ("a", "b", "c")]
        for call in calls:
            await p.begun(call)
        first.kill(signal.SIGKILL)
        assert "SIGKILL" in await p.lost()
        await p.all_ready(but=first.pid)
        assert set(p.crew.runners) > set(others)
        (tmp_path / "go").touch()
        await eventually(lambda: p.bench.ended_with() == ["value"] * 2)
        pids = {CODEC.decode_result(end.value.inline)[1] for _, _, end in p.bench.ends}
        assert pids == {other.pid for other in others}
        assert "starting" not in p.states()[p.states().index("ready") :]


async def test_an_import_that_fails_beside_runners_that_work_is_tried_again(
    server: RedisServer, tmp_path: Path, zygote: Path
) -> None:
    """Calls go on in the others, and nobody is told that the function cannot run."""
    source = "import os\nassert not os.path.exists('no'), 'not now'" + SOURCE
    async with post(server, tmp_path, zygote, source, count=3) as p:
        await p.all_ready()
        first = next(iter(p.crew.runners))
        (tmp_path / "no").touch()
        first.kill(signal.SIGKILL)
        await eventually(lambda: p.crew._stillbirths > 3)
        assert (await p.value("x"))[0] == "x"
        (tmp_path / "no").unlink()
        await p.all_ready(but=first.pid)
        assert "failed" not in p.states()


async def test_runners_that_live_at_once_never_name_calls_alike(
    server: RedisServer, tmp_path: Path, zygote: Path
) -> None:
    """Whoever comes after one that died has numbers of its own as well."""
    async with post(server, tmp_path, zygote, count=3) as p:
        await p.all_ready()
        # As after very many deaths: the next in turn is the number of one that lives.
        p.crew._number = 1
        first = next(iter(p.crew.runners))
        first.kill(signal.SIGKILL)
        await p.all_ready(but=first.pid)
        assert len({runner.number for runner in p.crew.runners}) == 3


async def test_a_runner_with_a_thread_that_cannot_be_stopped_is_replaced_at_once(
    server: RedisServer, tmp_path: Path, zygote: Path
) -> None:
    """Its neighbour ends as it would have, and nothing counts as lost; then it is gone."""
    async with post(server, tmp_path, zygote, slots=3) as p:
        await p.ready()
        old = p.pid
        stuck, neighbour = p.call("stuck", "sleep"), p.call("neighbour", str(tmp_path / "go"))
        await p.begun(neighbour)
        await eventually((tmp_path / "asleep").exists)
        p.bench.bench.cancelled(stuck, "enough")
        await eventually(lambda: p.bench.ended_with() == ["CallCancelledError"])
        await p.ready(2)
        assert await p.value("next") == ["next", p.pid]
        assert p.pid != old
        assert len(list(p.crew.runners)) == 2
        (tmp_path / "go").touch()
        await eventually(lambda: len(p.bench.ends) == 3)
        assert CODEC.decode_result(p.bench.ends[-1][2].value.inline)[1] == old
        await eventually(lambda: [each.pid for each in p.crew.runners] == [p.pid])
        assert "lost" not in p.bench.what()


async def test_of_very_many_retired_runners_the_first_is_killed(
    server: RedisServer, tmp_path: Path, zygote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it ran besides begins anew, free of charge."""
    monkeypatch.setattr(crew_module, "_MOST_RETIRED", 0)
    async with post(server, tmp_path, zygote, slots=2) as p:
        await p.ready()
        neighbour, stuck = p.call("neighbour", str(tmp_path / "go")), p.call("stuck", "sleep")
        await p.begun(neighbour)
        await eventually((tmp_path / "asleep").exists)
        p.bench.bench.cancelled(stuck, "enough")
        await eventually(lambda: p.bench.what() == ["returned"])
        assert p.bench.ended_with() == ["CallCancelledError"]
        await p.ready(2)


async def test_neighbours_of_a_call_whose_runner_is_killed_for_it_begin_anew(
    server: RedisServer, tmp_path: Path, zygote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are given back, free of charge: it was not their doing."""
    monkeypatch.setattr(stopper, "_GRACE_S", 0.1)
    monkeypatch.setattr(stopper, "_ANSWER_S", 0.1)
    async with post(server, tmp_path, zygote, slots=3) as p:
        await p.ready()
        held, neighbour = p.call("held", "sleep"), p.call("neighbour", str(tmp_path / "go"))
        await p.begun(neighbour)
        await p.begun(held)
        # As where code holds the interpreter's lock: it hears nothing.
        os.kill(p.pid, signal.SIGSTOP)
        p.bench.bench.cancelled(held, "enough")
        await eventually(lambda: p.bench.ended_with() == ["CallCancelledError"])
        await eventually(lambda: p.bench.what() == ["returned"])
        await p.ready(2)


async def test_an_import_that_fails_answers_every_call(
    server: RedisServer, tmp_path: Path, zygote: Path
) -> None:
    """With its traceback; no runner is tried again."""
    async with post(server, tmp_path, zygote, "import no_such_package") as p:
        call = p.call("a", 1)
        await eventually(lambda: p.bench.ends)
        [(ended, _, end)] = p.bench.ends
        assert (ended, end.failure.exception_type) == (call, "ModuleNotFoundError")
        assert p.states() == ["starting", "failed"]
        _, reason, traceback, _ = p.standing[-1]
        assert "its import failed: ModuleNotFoundError" in reason
        assert "mod.py" in traceback
        p.call("b", 1)
        assert len(p.bench.ends) == 2


async def test_a_process_that_dies_at_each_import_is_given_up(
    server: RedisServer, tmp_path: Path, zygote: Path
) -> None:
    """After three; calls are answered with how it died."""
    async with post(server, tmp_path, zygote, DYING) as p:
        call = p.call("a", 1)
        await eventually(lambda: p.bench.ends, 20.0)
        assert p.states() == ["starting"] * 3 + ["failed"]
        [(ended, _, end)] = p.bench.ends
        assert ended == call
        assert "it exited with code 7" in end.failure.message
        _, reason, printed, _ = p.standing[-1]
        text = "its process dies whenever it imports the function: it exited with code 7"
        assert (reason, printed.splitlines()[-1]) == (text, "goodbye")


async def test_one_that_drains_ends_and_has_no_successor(
    server: RedisServer, tmp_path: Path, zygote: Path
) -> None:
    """What runs may end first."""
    async with post(server, tmp_path, zygote) as p:
        await p.ready()
        pid = p.pid
        await p.begun(p.call("last", str(tmp_path / "go")))
        p.bench.bench.drain()
        p.crew.drain()
        (tmp_path / "go").touch()
        await eventually(lambda: p.bench.ended_with() == ["value"])
        await eventually(lambda: not p.crew._known)
        assert p.states() == ["starting", "ready"]
        assert p.pid == pid
        assert p.bench.what().count("lost") == 0


async def test_a_zygote_that_is_gone_is_fatal(
    server: RedisServer, tmp_path: Path, zygote: Path
) -> None:
    """Its runners are gone with it: the agent begins anew."""
    async with post(server, tmp_path, zygote) as p:
        await p.ready()
        assert p.crew._zygote._socket is not None
        p.crew._zygote._socket.shutdown(2)
        await eventually(lambda: p.k.fatal)
        assert "the zygote is gone" in str(p.k.fatal[0])
        p.k.fatal.clear()
