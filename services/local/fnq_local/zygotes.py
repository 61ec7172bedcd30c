"""The zygotes of a stack: its own, and one for each image that an agent needs."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from fnq_local import container
from fnq_local import image as images
from fnq_local.child import Child, Facts
from fnq_local.logfile import LogFile, prune
from fnq_local.place import Place
from fnq_local.plain import PlainLauncher
from fnq_local.process import Process
from fnq_local.sockets import accepts, unlink
from fnq_wire.error import StackError

__all__ = ["LINGER_S", "Room", "Zygotes"]

#: Seconds for which a zygote stays that no agent needs: the next cold call is a warm one.
LINGER_S = 300.0
#: Seconds that a zygote which is told to end has until it is killed.
_STOP_S = 5.0
#: Starts in a row that may fail before an agent that waits is told so.
_TRIES = 2
#: Seconds that an engine may take to remove containers.
_CLEAR_S = 10.0
#: Name of the stack's own; before that of others.
_OWN = "zygote"
#: Digits of an image's hash in the name of its zygote's log.
_DIGITS = 8
#: Log files of zygotes of images that are kept, and bytes of all of them together.
_KEPT_LOGS, _MOST_LOGS = 20, 64 << 20


@dataclass(frozen=True, slots=True)
class Room:
    """What a container is given for one worker, or for all that ask for the same.

    Where anything is limited (thousandths of a core, bytes; 0: it is not) a container is
    one worker's alone.
    """

    mounts: tuple[container.Mount, ...] = ()
    cpu_millis: int = 0
    memory_bytes: int = 0


_NO_ROOM = Room()


@dataclass(slots=True)
class _Parent:
    """The zygote of one image, and the agents that were given its socket."""

    child: Child
    path: str
    #: Seconds for which it stays that no agent needs.
    linger_s: float
    agents: set[Child] = field(default_factory=set)
    #: When it was last seen to be needed, in seconds of the monotonic clock.
    needed_at: float = 0.0


class Zygotes:
    """The table of zygotes; `own` is that of the stack, which always runs."""

    def __init__(
        self, place: Place, plain: PlainLauncher, runner: str, changed: Callable[[], None]
    ) -> None:
        self._place = place
        self._plain = plain
        self._runner = runner
        self._changed = changed
        self._parents: dict[tuple[str, Room, Child | None], _Parent] = {}
        self._serial = 0
        #: Process ids of those that listen, by socket: a container's is no child of ours.
        self._pids: dict[str, int] = {}
        #: Removes containers of an earlier stack before the first of this one; None until then.
        self._clearing: asyncio.Task[None] | None = None
        #: Those that are told to end and still run.
        self._going: dict[asyncio.Task[None], Child] = {}
        own = place.socket(_OWN)
        self.own = self._child(own, LogFile(place.log(_OWN)), lambda: images.start("", own, runner))

    def __iter__(self) -> Iterator[Child]:
        """Return those of images, also while they end."""
        return iter([*(each.child for each in self._parents.values()), *self._going.values()])

    @property
    def pids(self) -> list[int]:
        """The process ids of all that fork runners."""
        lost = {each.path for each in self._parents.values() if not each.child.pid}
        if not self.own.pid:
            lost.add(self._place.socket(_OWN))
        return [pid for path, pid in self._pids.items() if pid and path not in lost]

    async def ready(self, image: str, agent: Child, room: Room = _NO_ROOM) -> str:
        """Return the path of the socket of the image's zygote, once that listens.

        It is started where there is none, and stays while `agent` is kept alive. `room` is
        for containers alone. Raises StackError, with what it said last, when it does not
        start.
        """
        if not image:
            await _up(self.own)
            return self._place.socket(_OWN)
        if not container.holds(image):
            room = _NO_ROOM
        is_limited = bool(room.cpu_millis or room.memory_bytes)
        key = (image, room, agent if is_limited else None)
        parent = self._parents.get(key)
        if parent is not None and parent.child.state == "waiting":
            # It waits longer each time, as the agent does: what it lacked may be there now.
            self._dismiss(key)
            parent = None
        if parent is None:
            linger_s = 0.0 if is_limited else LINGER_S
            parent = self._parents[key] = self._start(image, room, linger_s)
        parent.agents.add(agent)
        parent.needed_at = time.monotonic()
        await _up(parent.child)
        return parent.path

    def _start(self, image: str, room: Room, linger_s: float) -> _Parent:
        """Start the zygote of an image, at a path that no other one has had."""
        self._serial += 1
        name = f"{_OWN}-{self._serial}"
        digest = hashlib.sha256(image.encode()).hexdigest()[:_DIGITS]
        log = LogFile(self._place.log(f"{_OWN}-{digest}"))
        if not container.holds(image):
            path = self._place.socket(name)
            child = self._child(path, log, lambda: images.start(image, path, self._runner))
        else:
            path = self._place.cell(name)
            child = self._contained(image, room, path, log)
        child.start()
        return _Parent(child, path, linger_s)

    def tidy(self, now: float) -> None:
        """End the zygotes that no agent has needed for long, in the background."""
        for key, parent in list(self._parents.items()):
            parent.agents = {each for each in parent.agents if each.state != "stopped"}
            if parent.agents:
                parent.needed_at = now
            elif now - parent.needed_at >= parent.linger_s:
                self._dismiss(key)
        used = {child.log.path for child in self}
        prune(self._place.logs, f"{_OWN}-", _KEPT_LOGS, _MOST_LOGS, used)

    def _dismiss(self, key: tuple[str, Room, Child | None]) -> None:
        """End a zygote in the background; the next one that is needed is new."""
        child = self._parents.pop(key).child
        task = asyncio.get_running_loop().create_task(child.stop(_STOP_S))
        self._going[task] = child
        task.add_done_callback(self._going.pop)

    async def stop_all(self, grace_s: float) -> None:
        """End those of images, killing them after `grace_s` seconds; no container is left."""
        going = list(self)
        self._parents.clear()
        await asyncio.gather(*(child.stop(grace_s) for child in going))
        if self._clearing is not None:
            await self._clear_away(LogFile(self._place.log(_OWN)))

    def _child(self, path: str, log: LogFile, start: Callable[[], images.Start]) -> Child:
        async def launch() -> Process:
            unlink(path)
            how = start()
            return self._plain.launch(how.argv, log, env=how.env, tied=how.tied)

        return self._listening(path, launch, log)

    def _contained(self, image: str, room: Room, path: str, log: LogFile) -> Child:
        async def launch() -> Process:
            unlink(path)
            limits = {"cpu_millis": room.cpu_millis, "memory_bytes": room.memory_bytes}
            argv = container.command(image, path, self._place, room.mounts, limits)
            if self._clearing is None:
                self._clearing = asyncio.create_task(self._clear_away(log))
            # Whoever is told to end meanwhile leaves it to the others.
            await asyncio.shield(self._clearing)
            return self._plain.launch(argv, log, tied=True)

        return self._listening(path, launch, log)

    def _listening(
        self, path: str, launch: Callable[[], Awaitable[Process]], log: LogFile
    ) -> Child:
        async def probe() -> None:
            self._pids[path] = await accepts(path)

        return Child(
            Facts("zygote", f"unix:{path}"), launch, log, probe=probe, changed=self._changed
        )

    async def _clear_away(self, log: LogFile) -> None:
        """Remove the containers of this stack, and of one that was killed."""
        process = self._plain.launch(container.tidying(self._place), log)
        await asyncio.wait({process.exit}, timeout=_CLEAR_S)


async def _up(zygote: Child) -> None:
    """Return when a zygote listens. Raises StackError when it has died again and again."""
    try:
        await zygote.up(_TRIES)
    except StackError as problem:
        raise StackError(f"the Python of its image does not start: {zygote.reason}") from problem
