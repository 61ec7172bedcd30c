"""The supervisor: starts the processes of a stack, mends them, and leaves in order."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from fnq_local import bond, census, logfile, machine, memory, proc, program, record, redis
from fnq_local.agents import Agents
from fnq_local.cgroups import Cgroups
from fnq_local.child import Child, Facts
from fnq_local.door import Answer, Door
from fnq_local.forged import ForgedLauncher, Order
from fnq_local.idle import Idle
from fnq_local.logfile import LogFile
from fnq_local.place import Place
from fnq_local.plain import PlainLauncher
from fnq_local.process import Process
from fnq_local.program import Programs
from fnq_local.sockets import accepts, unlink
from fnq_local.zygotes import Zygotes
from fnq_wire.error import StackError

__all__ = ["STOP_S", "Supervisor"]

#: Seconds that a process gets to end before it is killed.
STOP_S = 5.0
#: Starts in a row that may fail before the stack gives up coming up.
_TRIES = 3
#: Seconds between two looks whether orphans are gone.
_LOOK_S = 0.005
#: Seconds between two looks whether both directories are still there.
_TICK_S = 2.0
#: Seconds that orphans, once killed, may take to be gone.
_ORPHANS_S = 2.0

_log = logging.getLogger(__name__)


class Supervisor:
    """One stack. `run` is its whole life; what visitors ask is answered from its table."""

    def __init__(self, place: Place, programs: Programs, idle: Idle, builder: str) -> None:
        self.place = place
        self.idle = idle
        #: Set when the stack has come up, or will not.
        self.settled = asyncio.Event()
        self.leaving = asyncio.Event()
        #: Set when every process is gone and nothing is left in the runtime directory.
        self.gone = asyncio.Event()
        #: Why the stack did not come up; empty when it did.
        self.failure = ""
        self._programs = programs
        #: What makes the images of functions.
        self.builder = builder
        self._plain = PlainLauncher()
        self._forge_log = LogFile(place.log("forge"))
        modules = (programs.server, programs.consumer, programs.worker)
        self._forge = ForgedLauncher(self._plain, self._forge_log, modules)
        self.zygotes = Zygotes(place, self._plain, programs.runner, self._changed)
        self._cgroups = Cgroups()
        self.agents = Agents(
            place,
            self._forge,
            self.zygotes,
            programs.worker,
            self._changed,
            self._cgroups,
            self._gpus,
        )
        self._machine: dict[str, Any] | None = None
        self._recording = False
        self._binary = ""
        self.children = self._make_children()

    def _make_children(self) -> dict[str, Child]:
        """Return the fixed processes, in the order in which they are ended."""
        place, changed = self.place, self._changed
        return {
            "consumer": self._service(
                "consumer", self._programs.consumer, program.consumer_argv(place)
            ),
            "server": self._service(
                "server", self._programs.server, program.server_argv(place, self.builder)
            ),
            "zygote": self.zygotes.own,
            "forge": Child(
                Facts("forge"),
                self._forge.start,
                self._forge_log,
                probe=self._forge.wait_ready,
                changed=changed,
            ),
            "redis": self._redis(),
        }

    def _service(self, role: str, module: str, argv: list[str]) -> Child:
        log = LogFile(self.place.log(role))
        path = self.place.socket(role)
        order = Order(module, argv, f"fnq-{role}", log)

        async def launch() -> Process:
            unlink(path)
            return await self._forge.launch(order)

        facts = Facts(role, self.place.address(role))
        return Child(facts, launch, log, probe=lambda: accepts(path), changed=self._changed)

    def _redis(self) -> Child:
        log = LogFile(self.place.log("redis"))
        path = self.place.socket("redis")

        async def launch() -> Process:
            return self._plain.launch(redis.arguments(self._binary, self.place), log)

        facts = Facts("redis", self.place.redis_url)
        return Child(
            facts, launch, log, probe=lambda: redis.wait_ready(path), changed=self._changed
        )

    async def run(self, answer: Answer, opened: Callable[[], None]) -> int:
        """Start everything, stay until told to leave or idle, stop everything.

        Calls `opened` when visitors can knock. Returns the exit code: 1 when the
        stack did not come up. Raises StackError when not even the door opens.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.leaving.set)
        bond.adopt_orphans()
        self._plain.watch()
        door = Door(self.place.socket("supervisor"), answer)
        await door.open()
        opened()
        start, leave = loop.create_task(self._start()), loop.create_task(self.leaving.wait())
        try:
            await asyncio.wait({start, leave}, return_when=asyncio.FIRST_COMPLETED)
            await self._stay()
        finally:
            start.cancel()
            leave.cancel()
            door.shut()
            await self._stop()
            self.gone.set()
            await door.close(grace_s=1.0)
        return 1 if self.failure else 0

    async def _start(self) -> None:
        try:
            self._binary = redis.find(self.place.state)
            for name in ("forge", "redis", "zygote"):
                self.children[name].start()
            await self._redis_up()
            for name in ("consumer", "server"):
                self.children[name].start()
            for name in ("forge", "consumer", "server"):
                await self.children[name].up(_TRIES)
        except StackError as problem:
            self.failure = f"{problem}{self._remedy()}"
            _log.error("cannot start: %s", self.failure)
            self.leaving.set()
        self.idle.touch(time.monotonic())
        self.settled.set()
        await asyncio.to_thread(self._cgroups.tidy)

    async def _redis_up(self) -> None:
        written = redis.writer(self.place.state)
        try:
            await self.children["redis"].up(_TRIES)
        except StackError as problem:
            if written is None:
                raise
            raise StackError(f"{problem}. {redis.origin(self.place.state)}") from problem

    def _remedy(self) -> str:
        absent = [module for module in self._forge.missing if not module.startswith("fnq")]
        return f"; pip install 'fnq[local]' brings {', '.join(absent)}" if absent else ""

    async def _stay(self) -> None:
        while not self.leaving.is_set():
            wait_s = self.idle.leave_in(time.monotonic())
            if wait_s == 0:
                _log.info("nobody has used the stack for %.0f s: leaving", self.idle.timeout_s)
                return
            try:
                async with asyncio.timeout(min(wait_s, _TICK_S)):
                    await self.leaving.wait()
            except TimeoutError:
                lost = self.place.lost()
                if lost:
                    _log.error("%s is gone: leaving", lost)
                    return
                logfile.bound(self.place.logs)
                self.agents.tidy()
                self.zygotes.tidy(time.monotonic())

    async def _stop(self) -> None:
        self.leaving.set()
        # Who takes work goes first, who keeps it last: nothing is handed to a process that is gone.
        await self.agents.stop_all(STOP_S)
        await self.zygotes.stop_all(STOP_S)
        for child in self.children.values():
            await child.stop(STOP_S)
        await self._forge.close()
        await self._end_orphans()
        self._cgroups.close()
        shutil.rmtree(self.place.work, ignore_errors=True)
        await asyncio.to_thread(memory.tidy, self.place.spool)
        try:
            self.place.remove_runtime()
        except (OSError, StackError) as problem:
            _log.warning("cannot remove %s: %s", self.place.runtime, problem)
        _log.info("the stack has ended")

    async def _end_orphans(self) -> None:
        limit = time.monotonic() + _ORPHANS_S
        while (left := proc.children(os.getpid())) and time.monotonic() < limit:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(_LOOK_S)

    def missing(self) -> str:
        """Return what the stack still waits for, and where to look; empty when it is up."""
        for name in ("redis", "forge", "consumer", "server"):
            child = self.children[name]
            if child.state != "running":
                return f"{name} ({child.reason or child.state}; log: {child.log.path})"
        return ""

    async def machine(self) -> dict[str, Any]:
        """Return what this machine has, and what of it workers are held to."""
        enforced, obstacle = sorted(self._cgroups.enforced), self._cgroups.obstacle
        return {**await self._look(), "enforced": enforced, "obstacle": obstacle}

    async def _look(self) -> dict[str, Any]:
        if self._machine is None:
            self._machine = await asyncio.to_thread(machine.look)
        return self._machine

    async def _gpus(self) -> Sequence[str]:
        """Return the models of this machine's GPUs, in the order of the bus."""
        models: list[str] = (await self._look())["gpus"]
        return models

    def processes(self) -> list[dict[str, Any]]:
        """Return every process of the stack, the supervisor first."""
        mine = Facts("supervisor", self.place.address("supervisor"))
        children = [*reversed(self.children.values()), *self.zygotes, *self.agents]
        found = [census.entry(mine, os.getpid(), "running", log=self.place.log("supervisor"))]
        found += [
            census.entry(child.facts, child.pid, child.state, child.reason, child.log.path)
            for child in children
        ]
        held = {child.pid: list(self.agents.gpus(child)) for child in self.agents if child.pid}
        for each in found:
            if gpus := held.get(each["pid"]):
                each["gpus"] = gpus
        redis_entry = next(entry for entry in found if entry["role"] == "redis")
        redis_entry["reason"] = self.place.fault() or redis_entry["reason"]
        return found + [each for parent in self.zygotes.pids for each in census.runners(parent)]

    def _changed(self) -> None:
        if not self._recording:
            self._recording = True
            asyncio.get_running_loop().call_soon(self._record)

    def _record(self) -> None:
        self._recording = False
        children = (*self.children.values(), *self.zygotes, *self.agents)
        pids = [child.pid for child in children if child.pid]
        try:
            record.write(self.place, [os.getpid(), *pids])
        except OSError as problem:
            _log.warning("cannot write %s: %s", self.place.record, problem)
