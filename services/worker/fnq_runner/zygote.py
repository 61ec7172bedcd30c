"""The clean parent that forks runners: it has imported everything but user code.

An agent connects to its Unix socket, or is at the other end of a socket that it
inherits, and sends JSON, one object a line:

    {"fork": token, "env": {...}, "cwd": "...",    with three descriptors: the runner's
     "mounts": [[source, target, "rw" | "ro"]],    end of the pipe, its stdout, its stderr
     "cgroups": [path, ...], "expendable": bool}   expendable: first to go without memory
    {"kill": token, "signal": n}                   SIGUSR1 goes to the runner alone, any
                                                   other to all of its process group

and is told, one object a line:

    {"forked": token, "pid": n}
    {"failed": token, "error": text}               there is no process
    {"exited": token, "pid": n, "code": n | null, "signal": n | null}

A token is the agent's to choose, once per connection. The runners of a connection
die with it; the first line that is not an order ends it. One thread, which waits for
no agent: forks are clean, and an agent that does not read delays nobody.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fnq_runner import child

__all__ = ["QUIET", "Zygote", "listen"]

#: Seconds without an order after which there is time for what can wait.
QUIET = 1.0

#: Seconds without an order after which one that is tied looks whether its house still stands.
_LOOK_S = 2.0
#: Bytes of one order at most: environments are large at times.
_LONGEST = 1 << 22
#: Descriptors that come with a fork.
_GIVEN = 3


class Zygote:
    """Fork runners for the agents of one listener, or for one agent alone."""

    def __init__(
        self,
        *,
        listener: socket.socket | None,
        agent: socket.socket | None,
        prepare: Callable[[], None],
        folder: str = "",
    ) -> None:
        """Serve `agent`, or those who connect to `listener`.

        Runners start in `folder`, where one is given, whatever their orders say.
        `prepare` is called once, when nobody has asked for anything for QUIET
        seconds, and for one agent alone not before its first runner: it imports what
        no runner needs at once.
        """
        self._selector = selectors.DefaultSelector()
        self._listener = listener
        self._alone = agent is not None
        self._agents: set[_Agent] = set()
        self._runners: dict[int, tuple[_Agent, str]] = {}
        self._stopping = False
        self._house = ""
        self._look_s: float | None = None
        self._terms = {"cwd": folder} if folder else {}
        self._prepare: Callable[[], None] | None = prepare
        self._wakeup, waker = socket.socketpair()
        self._waker = waker
        for each in (self._wakeup, waker):
            each.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._selector.register(self._wakeup, selectors.EVENT_READ, self._woken)
        if listener is not None:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, self._accept)
        if agent is not None:
            self._welcome(agent)

    def serve(self) -> None:
        """Serve until SIGTERM, or until the one agent has gone; then kill all runners."""
        while not self._stopping and (self._agents or not self._alone):
            ready = self._selector.select(QUIET if self._prepare else self._look_s)
            for key, events in ready:
                serve: Callable[[int], None] = key.data
                serve(events)
            if not ready and self._prepare and self._may_prepare:
                prepare, self._prepare = self._prepare, None
                prepare()
            if not ready and self._house and not os.path.isdir(self._house):
                self._stopping = True
        for agent in tuple(self._agents):
            self._dismiss(agent)
        while self._runners:
            self._reap(os.WEXITED)

    @property
    def _may_prepare(self) -> bool:
        """Whether there is time for what can wait.

        An agent that has a zygote of its own starts it before it knows what to ask for.
        """
        return bool(self._runners) or not self._alone

    def tie(self, lifeline: int, house: str) -> None:
        """End also when the stream `lifeline` does, or soon after the directory `house` is gone.

        What comes of the stream is of no interest.
        """
        self._house, self._look_s = house, _LOOK_S
        self._selector.register(lifeline, selectors.EVENT_READ, lambda events: self._hold(lifeline))

    def _hold(self, lifeline: int) -> None:
        if not os.read(lifeline, 4096):
            self._stopping = True

    def _stop(self, number: int, frame: object) -> None:
        self._stopping = True

    def _accept(self, events: int) -> None:
        assert self._listener is not None
        try:
            sock, _ = self._listener.accept()
        except OSError:  # It has gone again, or there is no descriptor for it now.
            return
        self._welcome(sock)

    def _welcome(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        agent = _Agent(sock)
        self._agents.add(agent)
        self._selector.register(
            sock, selectors.EVENT_READ, lambda events: self._serve_agent(agent, events)
        )

    def _serve_agent(self, agent: _Agent, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                agent.write()
            if events & selectors.EVENT_READ:
                for order in agent.read():
                    self._obey(agent, order)
            self._watch(agent)
        except (OSError, EOFError):
            self._dismiss(agent)
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            sys.stderr.write(f"zygote: what an agent sent is not an order: {problem!r}\n")
            self._dismiss(agent)

    def _obey(self, agent: _Agent, order: Mapping[str, Any]) -> None:
        if "fork" in order:
            self._fork(agent, {**order, **self._terms})
        elif "kill" in order:
            pid = agent.runners.get(order["kill"])
            if pid is not None:
                _kill(pid, int(order["signal"]))
        else:
            raise ValueError("neither fork nor kill")

    def _fork(self, agent: _Agent, order: Mapping[str, Any]) -> None:
        token: str = order["fork"]
        given = agent.take_descriptors()
        if token in agent.runners:
            raise ValueError(f"token {token!r} is in use")
        parent = os.getpid()
        try:
            with warnings.catch_warnings():
                # Of threads that libraries keep, which stop for a fork.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
        except OSError as problem:
            agent.tell({"failed": token, "error": f"fork: {problem.strerror}"})
            return
        else:
            if pid == 0:
                child.become_runner(given, order, parent)
        finally:
            for each in given:
                os.close(each)
        try:
            # Here as well: an order to kill may come before the child has done it.
            os.setpgid(pid, pid)
        except OSError:  # It has ended already.
            pass
        agent.runners[token] = pid
        self._runners[pid] = (agent, token)
        agent.tell({"forked": token, "pid": pid})

    def _woken(self, events: int) -> None:
        try:
            while self._wakeup.recv(4096):
                continue
        except BlockingIOError:
            pass
        while self._reap(os.WEXITED | os.WNOHANG):
            continue

    def _reap(self, options: int) -> bool:
        """Tell the end of one runner; return whether there was one."""
        try:
            # Not reaped yet: its pid, and so its group's, still belongs to it.
            ended = os.waitid(os.P_ALL, 0, options | os.WNOWAIT)
        except ChildProcessError:
            self._runners.clear()
            return False
        if ended is None:
            return False
        _kill(ended.si_pid, signal.SIGKILL)
        _, status = os.waitpid(ended.si_pid, 0)
        agent, token = self._runners.pop(ended.si_pid, (None, ""))
        if agent is not None and agent in self._agents:
            del agent.runners[token]
            code = os.waitstatus_to_exitcode(status)
            agent.tell(
                {
                    "exited": token,
                    "pid": ended.si_pid,
                    "code": code if code >= 0 else None,
                    "signal": -code if code < 0 else None,
                }
            )
            self._watch(agent)
        return True

    def _watch(self, agent: _Agent) -> None:
        """Wait for room to write only while there is something to say."""
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if agent.unsaid else 0)
        key = self._selector.get_key(agent.sock)
        if key.events != wanted:
            self._selector.modify(agent.sock, wanted, key.data)

    def _dismiss(self, agent: _Agent) -> None:
        self._agents.discard(agent)
        self._selector.unregister(agent.sock)
        for pid in agent.runners.values():
            _kill(pid, signal.SIGKILL)
        agent.close()


class _Agent:
    """One connection: orders in, news out, and the runners that it has."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.runners: dict[str, int] = {}
        self.unsaid = b""
        self._heard = b""
        self._descriptors: deque[int] = deque()

    def read(self) -> list[Mapping[str, Any]]:
        """Return the orders that have come; EOFError when the agent has gone."""
        data, descriptors, _, _ = socket.recv_fds(self.sock, 1 << 16, 16 * _GIVEN)
        self._descriptors += descriptors
        if not data:
            raise EOFError
        *lines, self._heard = (self._heard + data).split(b"\n")
        if len(self._heard) > _LONGEST:
            raise ValueError("an order is too long")
        return [json.loads(line) for line in lines]

    def take_descriptors(self) -> tuple[int, int, int]:
        """Return what came with a fork; they are the caller's to close."""
        if len(self._descriptors) < _GIVEN:
            raise ValueError("a fork came without its three descriptors")
        take = self._descriptors.popleft
        return take(), take(), take()

    def tell(self, news: Mapping[str, Any]) -> None:
        """Say something as soon as the agent reads."""
        self.unsaid += json.dumps(news).encode() + b"\n"
        try:
            self.write()
        except OSError:  # Its end of the connection is found by the next read.
            self.unsaid = b""

    def write(self) -> None:
        """Say what there is to say, as far as there is room."""
        try:
            while self.unsaid:
                self.unsaid = self.unsaid[self.sock.send(self.unsaid) :]
        except BlockingIOError:
            return

    def close(self) -> None:
        """Close the connection, and what came with orders that were not obeyed."""
        self.sock.close()
        while self._descriptors:
            os.close(self._descriptors.popleft())


def listen(path: Path) -> socket.socket:
    """Return a socket that agents of this user alone can connect to; replaces a stale one."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    before = os.umask(0o177)
    try:
        sock.bind(str(unfinished))
    finally:
        os.umask(before)
    sock.listen(64)
    # Whoever sees the path can connect to it.
    unfinished.rename(path)
    return sock


def _kill(pid: int, number: int) -> None:
    """Signal a runner: alone for SIGUSR1, which would end what it started, else its group."""
    try:
        if number == signal.SIGUSR1:
            os.kill(pid, number)
        else:
            os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return
