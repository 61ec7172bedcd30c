"""What a runner asks its agent, and waits for: questions with one answer each."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fnq_runner.host import Host, News
from fnq_runner.pipe import Pipe
from fnq_wire import failure
from fnq_wire.error import ConnectionLostError, NotReadyError
from fnq_wire.pipe import Frame, Kind, encode_json, read_json

if TYPE_CHECKING:
    from chalkcompute.inflight import Inflight
    from fnq_wire.inquiry import Facts

__all__ = ["Asking"]

#: Seconds that the agent's answer about readiness may be later than the time-out
#: that it was told: the cause that it names is worth the wait.
_GRACE = 2.0


class Asking:
    """Questions on their way through the pipe, by their number."""

    def __init__(self, pipe: Pipe, host: Host) -> None:
        self._pipe = pipe
        self._host = host
        self._lock = threading.RLock()
        self._requests: dict[int, News] = {}
        self._asked = 0
        self._forked = False

    def settle(self, inflight: Inflight) -> None:
        self._ask({"verb": "settle", "call": inflight.call.hex()}, "", None)

    def show(self, call: bytes) -> Facts:
        answer: Facts = self._ask({"verb": "show", "call": call.hex()}, "", None)
        return answer

    def stop(self, call: bytes) -> bool:
        return bool(self._ask({"verb": "stop", "call": call.hex()}, "", None))

    def lines(self, call: bytes) -> list[str]:
        return list(self._ask({"verb": "lines", "call": call.hex()}, "", None))

    def answer(self, frame: Frame) -> None:
        """Pass on the answer to a request; nobody may wait for it any more."""
        news = self._requests.pop(frame.number, None)
        if news is not None:
            news.bring(read_json(frame))

    def _ask(self, question: Mapping[str, object], name: str, timeout: float | None) -> Any:
        """Return the agent's answer; raise the error that it holds."""
        self._check_process()
        shielded = self._host.shield()
        news = News()
        with self._lock:
            self._asked += 1
            number = self._asked
        self._requests[number] = news
        try:
            self._pipe.send(encode_json(Kind.REQUEST, question, number=number))
            late = None if timeout is None else timeout + _GRACE
            if not self._host.wait(news, news.ready, late):
                raise NotReadyError(
                    f"function {name!r}: no answer within {timeout} s", function=name
                )
        finally:
            self._requests.pop(number, None)
            self._host.expose(shielded)
        answer = news.value
        assert isinstance(answer, dict)
        if "failure" in answer:
            raise failure.revive(answer["failure"], call_id="", function=name, attempt=0)
        return answer["ok"]

    def _check_process(self) -> None:
        if self._forked:
            raise ConnectionLostError(
                "a function was called in a process forked by another function: expected calls "
                "in the process that runs the function only"
            )
