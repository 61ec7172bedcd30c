"""The answer to one call of a batch: its end, and blocks of outcomes where it is packed."""

from __future__ import annotations

import time
from collections.abc import Callable

from fnq_runner.harvest import Harvest
from fnq_runner.member import Member
from fnq_wire.pieces import Spooled
from fnq_wire.pipe import Kind, encode

__all__ = ["Answer"]


class Answer:
    """Takes the results of a call's items in their order.

    `value` writes down what was returned for an item, `failed` makes the frame that ends
    a call with what was raised. `harvest` is None for a call that is not packed.
    """

    def __init__(
        self,
        member: Member,
        harvest: Harvest | None,
        value: Callable[[object], bytes | Spooled],
        failed: Callable[[Member, BaseException], bytes],
    ) -> None:
        self._member = member
        self._left = len(member.items)
        self._harvest = harvest
        self._value = value
        self._failed = failed

    def give(self, result: object) -> bytes | None:
        """Take the result of the next item; an exception is its failure.

        Returns the frame that ends the call after the last one.
        """
        self._left -= 1
        if self._harvest is None:
            return self._end(result)
        try:
            self._add(self._harvest, result)
        except Exception as problem:
            return self._failed(self._member, problem)
        if self._left:
            return None
        self._harvest.finish()
        return encode(Kind.EXHAUSTED, self._member.call, self._member.epoch, self._member.position)

    def _end(self, result: object) -> bytes:
        if isinstance(result, BaseException):
            return self._failed(self._member, result)
        try:
            body = self._value(result)
        except Exception as problem:
            return self._failed(self._member, problem)
        return encode(Kind.VALUE, self._member.call, self._member.epoch, 0, body)

    def _add(self, harvest: Harvest, result: object) -> None:
        """Take the outcome of a row; raises its failure where it is the only one."""
        if isinstance(result, BaseException):
            harvest.fail(result)
        else:
            try:
                kept = harvest.kept(result)
            except Exception as problem:
                harvest.fail(problem)
            else:
                harvest.add(kept)
        if self._left and harvest.due(time.monotonic()):
            harvest.send()
