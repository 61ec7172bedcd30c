"""Following logs while servers come and go."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from chalkcompute.cli import follower
from chalkcompute.cli.follower import follow
from chalkcompute.errors import ConnectionLostError, DiscoveryError, NotReadyError
from fnq.v1 import control_pb2

Log: TypeAlias = list[tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "_PAUSE_S", 0.0)


def _connecting(*logs: Log | Exception) -> Callable[[int], Iterator[control_pb2.LogLine]]:
    """Return what connects: each time to the next log, which ends with the connection."""
    left = iter(logs)

    def connect(tail: int) -> Iterator[control_pb2.LogLine]:
        log = next(left)
        if isinstance(log, Exception):
            raise log
        for at_ms, function, text in log[-tail:]:
            yield control_pb2.LogLine(at_ms=at_ms, function=function, text=text)
        raise ConnectionLostError("gone")

    return connect


def _texts(lines: Iterator[control_pb2.LogLine], count: int) -> str:
    return "".join(line.text for line in itertools.islice(lines, count))


def test_lines_of_several_functions_are_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Also those of one millisecond, and lines that are the same."""
    log: Log = [(1, "f", "a"), (2, "g", "b"), (2, "f", "c"), (2, "f", "c"), (2, "f", "c")]
    log += [(3, "g", "d"), (3, "h", "e")]
    connect = _connecting(log[:3], log[:4], [*log, (4, "f", "!")])
    assert _texts(follow(connect, 10), 8) == "abcccde!"
    assert capsys.readouterr().err.count("waiting for it") == 2


def test_lines_from_before_the_first_shown_one_stay_hidden() -> None:
    """A tail of two was asked for; a new connection brings more."""
    log: Log = [(1, "g", "x"), (2, "f", "a"), (3, "f", "b")]
    connect = _connecting(log, [*log, (4, "g", "c")])
    assert _texts(follow(connect, 2), 3) == "abc"


def test_a_stack_that_left_is_waited_for() -> None:
    """However often it is not there, once it was."""
    gone = NotReadyError("no stack")
    connect = _connecting([(1, "f", "a")], gone, gone, [(1, "f", "a"), (2, "f", "b")])
    assert _texts(follow(connect, 10), 2) == "ab"


def test_a_consul_that_knows_no_server_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it took to answer: that is no connection which worked."""
    monkeypatch.setattr(follower, "_WORKED_S", -1.0)
    with pytest.raises(DiscoveryError):
        next(follow(_connecting(DiscoveryError("no server")), 10))


@pytest.mark.parametrize("problem", [NotReadyError("no stack"), ConnectionLostError("no server")])
def test_what_never_worked_is_given_up(problem: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no stack, or the address is wrong."""
    monkeypatch.setattr(follower, "_PATIENCE_S", 0.0)
    with pytest.raises(type(problem)):
        next(follow(_connecting(problem), 10))
