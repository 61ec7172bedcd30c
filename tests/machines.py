"""Machines of a test's own: network namespaces, each with one interface on a common bridge.

They share the files, the clock and the processes of this machine, which reaches them over
the bridge. Needs root.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.livestack import wait_until

__all__ = ["Machine", "lacking", "machines"]

_PROGRAMS = ("ip", "nsenter")
#: Nets for tests are 10.213.N.0/24; this machine has the first address, machines the next ones.
_NET, _NETS, _OWN = "10.213", range(1, 255), 1
#: Where `ip netns` keeps its namespaces.
_NAMESPACES = Path("/run/netns")
#: Whether what passes a bridge is shown to iptables, where an engine may have it dropped.
_FILTERED = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
#: Seconds for the kernel to end what was killed.
_END_S = 30.0


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine: its namespace, its end of the cable on the bridge, and its address."""

    namespace: str
    cable: str
    address: str

    def command(self, *words: str) -> tuple[str, ...]:
        """Return the command that runs another one on this machine."""
        # Not `ip netns exec`, which hides the control groups.
        return ("nsenter", f"--net={_NAMESPACES / self.namespace}", *words)

    def lose_power(self) -> None:
        """End all that runs on it, without a word to anybody else."""
        # First the cable: the kernel would tell the peers of each process that is killed.
        _ip("link", "set", self.cable, "down")
        wait_until("the machine is off", lambda: not self._kill(), _END_S)

    def plug_in(self) -> None:
        """Have it reach the others again, and be reached."""
        _ip("link", "set", self.cable, "up")

    def _kill(self) -> list[int]:
        pids = [int(pid) for pid in _ip("netns", "pids", self.namespace).split()]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pids


def lacking() -> str:
    """Return why this machine can have none; empty when it can."""
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"not on the path: {', '.join(missing)}"
    if os.geteuid() != 0:
        return "network namespaces are for root"
    probe = f"fnq-{os.getpid()}"
    asked = _try("ip", "netns", "add", probe)
    _try("ip", "netns", "delete", probe)
    return f"no network namespaces: {asked.stderr.strip()}" if asked.returncode else ""


@contextmanager
def machines(names: Sequence[str]) -> Iterator[dict[str, Machine]]:
    """Give machines by name; afterwards nothing is left of them, nor of what ran on them."""
    with ExitStack() as undo:
        number = _bridge(undo)
        yield {
            name: _machine(f"fnq{number}", name, f"{_NET}.{number}.{place}", undo)
            for place, name in enumerate(names, _OWN + 1)
        }


def _bridge(undo: ExitStack) -> int:
    """Make the bridge of a net that nobody has, and return the net's number."""
    number = random.choice(_NETS)
    while f" {_NET}.{number}." in _ip("-o", "-4", "address"):
        number = random.choice(_NETS)
    bridge = f"fnq{number}"
    _ip("link", "add", bridge, "type", "bridge")
    undo.callback(_ip, "link", "delete", bridge)
    _ip("address", "add", f"{_NET}.{number}.{_OWN}/24", "dev", bridge)
    _ip("link", "set", bridge, "up")
    if _FILTERED.exists() and _FILTERED.read_text().strip() == "1" and shutil.which("iptables"):
        rule = ("FORWARD", "-i", bridge, "-o", bridge, "-j", "ACCEPT")
        _run("iptables", "-w", "-I", *rule)
        undo.callback(_run, "iptables", "-w", "-D", *rule)
    return number


def _machine(bridge: str, name: str, address: str, undo: ExitStack) -> Machine:
    machine = Machine(f"{bridge}-{name}", f"{bridge}-{name}", address)
    space = machine.namespace
    _ip("netns", "add", space)
    undo.callback(_ip, "netns", "delete", space)
    _ip("link", "add", machine.cable, "type", "veth", "peer", "name", "eth0", "netns", space)
    # A namespace stays for as long as its connections wait for an answer.
    undo.callback(_ip, "link", "delete", machine.cable)
    undo.callback(machine.lose_power)
    _ip("link", "set", machine.cable, "master", bridge, "up")
    _ip("-n", space, "link", "set", "lo", "up")
    _ip("-n", space, "address", "add", f"{address}/24", "dev", "eth0")
    _ip("-n", space, "link", "set", "eth0", "up")
    return machine


def _ip(*words: str) -> str:
    return _run("ip", *words)


def _run(*words: str) -> str:
    done = _try(*words)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr.strip()}"
    return done.stdout


def _try(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)
