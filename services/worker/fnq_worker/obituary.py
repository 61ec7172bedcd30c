"""How a runner ended: waits for it, and says it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from typing import Any

from fnq_wire import failure, pipe
from fnq_wire.cgroup import Memory, size
from fnq_worker.runner import Runner

__all__ = ["CUT_OFF", "LOST", "exits", "obituary"]

#: Of one that lives on without a pipe.
CUT_OFF = (
    "its connection to the worker was closed, and it was ended: close no file descriptors "
    "that the function did not open"
)
#: What the sentence on every death begins with.
LOST = "the process that ran the call was lost: "
#: Share of its limit that a group has used when it is its own limit that it ran into.
_NEARLY = 0.95


async def exits(runner: Runner, seconds: float) -> bool:
    """Wait for the end of a process; return whether it came in time."""
    try:
        async with asyncio.timeout(seconds):
            await runner.exited.wait()
    except TimeoutError:
        return False
    return True


def obituary(
    runner: Runner, reason: str, ran_out: Memory | None = None, printed: str = ""
) -> Mapping[str, Any]:
    """Return the failure that says how a runner died; `reason`, where nothing else is known.

    `ran_out` is what its control group used, where the kernel has killed for memory in it;
    `printed` the last lines that it wrote.
    """
    text, detail = _cause(runner, reason, ran_out)
    if printed:
        detail["log"] = printed
    return failure.make("WorkerLostError", LOST + text, detail)


def _cause(runner: Runner, reason: str, ran_out: Memory | None) -> tuple[str, dict[str, str]]:
    if runner.doom:
        return runner.doom, {"reason": "killed"}
    if runner.code == pipe.CUT_OFF:
        return CUT_OFF, {"reason": "cut off"}
    if runner.code is not None:
        exited = {"exit_code": str(runner.code), "reason": "exit"}
        return f"it exited with code {runner.code}", exited
    if runner.signal is None:
        return reason, {"reason": reason}
    detail = {"signal": _name(runner.signal), "reason": "signal"}
    text = f"it was killed by {detail['signal']}"
    if runner.signal != signal.SIGKILL:
        return text, detail
    if ran_out is None:
        return f"{text}, as happens when memory runs out", detail
    detail |= {
        "reason": "oom_killed",
        "peak": str(ran_out.peak),
        "limit": str(ran_out.limit),
    }
    return _out_of_memory(text, ran_out), detail


def _out_of_memory(text: str, used: Memory) -> str:
    """Return the sentence on a runner that was killed for what its group used."""
    at = f" at {size(used.peak)}" if used.peak else ""
    if used.peak and used.peak < used.limit * _NEARLY:
        return f"this machine ran out of memory: {text}{at}, of {size(used.limit)} that it may use"
    more = size(_next(used.limit))
    return (
        f'it ran out of memory: {text}{at}, with memory="{size(used.limit)}"; try memory="{more}"'
    )


def _next(limit: int) -> int:
    """Return the least power of two that is at least half as much again, in bytes."""
    return 1 << (limit * 3 // 2 - 1).bit_length()


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
