"""Follow logs for as long as somebody looks, whatever becomes of the server meanwhile."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from chalkcompute.errors import ConnectionLostError, DiscoveryError, NotReadyError

if TYPE_CHECKING:
    from fnq.v1 import control_pb2

__all__ = ["follow"]

#: Lines asked for where a stream broke: what came meanwhile must be among them.
_CATCH_UP = 2_000
#: Seconds that a server which never answered is borne; a stack mends one within these.
_PATIENCE_S = 10.0
#: Seconds after which a connection counts as one that worked, and between two tries.
_WORKED_S, _PAUSE_S = 1.0, 0.2


def follow(
    connect: Callable[[int], Iterator[control_pb2.LogLine]], tail: int
) -> Iterator[control_pb2.LogLine]:
    """Yield the last `tail` lines, then new ones, without end; each line once.

    `connect` gives the lines of a new connection, the last so many first. Raises
    what it raises, but once it has worked a server, or a stack, that is away is
    waited for.
    """
    shown = _Shown()
    worked, complained, began = False, False, time.monotonic()
    while True:
        connected = time.monotonic()
        try:
            for line in connect(_CATCH_UP if worked else tail):
                worked, complained = True, False
                if shown.add(line):
                    yield line
            worked = True
        except (ConnectionLostError, NotReadyError) as problem:
            now = time.monotonic()
            nowhere = isinstance(problem, (DiscoveryError, NotReadyError))
            if not nowhere and now - connected > _WORKED_S:
                worked, complained = True, False
            if not worked and (nowhere or now - began > _PATIENCE_S):
                raise
            if worked and not complained:
                complained = True
                sys.stderr.write("fnq: the server is away; waiting for it\n")
        shown.begin_again()
        time.sleep(_PAUSE_S)


class _Shown:
    """Which lines were shown: for each function up to when, and how many of that moment.

    The lines of a function come in one order, in every connection.
    """

    def __init__(self) -> None:
        self._upto: dict[str, tuple[int, int]] = {}
        self._repeated: dict[str, tuple[int, int]] = {}
        self._since = 0

    def begin_again(self) -> None:
        """Expect lines that were shown before."""
        self._repeated = dict(self._upto)

    def add(self, line: control_pb2.LogLine) -> bool:
        """Take note of a line; return whether it is to be shown."""
        self._since = self._since or line.at_ms
        moment, count = self._repeated.get(line.function, (self._since, 0))
        if line.at_ms < moment:
            return False
        if line.at_ms == moment and count:
            self._repeated[line.function] = (moment, count - 1)
            return False
        last, number = self._upto.get(line.function, (0, 0))
        self._upto[line.function] = (line.at_ms, number + 1 if line.at_ms == last else 1)
        return True
