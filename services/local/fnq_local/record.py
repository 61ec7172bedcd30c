"""The file that names a running stack: its addresses and its processes.

It is there for the stack that comes after one that was killed: what still runs
of that is ended before the new Redis opens the same files.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterable
from typing import Any

from fnq_local import proc
from fnq_local.place import Place
from fnq_wire.error import StackError

__all__ = ["end_survivors", "write"]

#: Seconds that a killed process may take to be gone.
_GONE_S = 5.0
_LOOK_S = 0.002


def write(place: Place, pids: Iterable[int]) -> None:
    """Write the record anew."""
    known = {
        "supervisor": place.socket("supervisor"),
        "server": place.address("server"),
        "consumer": place.address("consumer"),
        "redis": place.redis_url,
        "processes": [{"pid": pid, "began": proc.began(pid)} for pid in pids],
    }
    fresh = place.record + ".new"
    with open(fresh, "w", encoding="ascii") as file:
        json.dump(known, file)
    os.replace(fresh, place.record)


def end_survivors(place: Place) -> None:
    """Kill what is left of the stack that wrote the record, and wait until it is gone.

    Call it only while holding the lock. Raises StackError when a process does
    not go.
    """
    limit = time.monotonic() + _GONE_S
    for known in _processes(place):
        pid, began = known["pid"], known["began"]
        while began is not None and proc.began(pid) == began:
            with contextlib.suppress(ProcessLookupError):  # It ended since it was looked at.
                os.kill(pid, signal.SIGKILL)
            if time.monotonic() > limit:
                raise StackError(f"process {pid} of an earlier stack does not end; end it by hand")
            time.sleep(_LOOK_S)


def _processes(place: Place) -> list[dict[str, Any]]:
    try:
        with open(place.record, encoding="ascii") as file:
            return list(json.load(file)["processes"])
    except (OSError, ValueError, KeyError, TypeError):
        return []
