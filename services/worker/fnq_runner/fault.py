"""What a run says in the place of a value, where it raised or its value cannot travel."""

from __future__ import annotations

from fnq_wire import failure
from fnq_wire.error import PayloadTooLargeError, ResultExpiredError, SerializationError
from fnq_wire.limits import MOST_CHUNKED

__all__ = ["GoneError", "TooLargeError", "UnsendableError", "no_room", "told", "too_large"]


class UnsendableError(SerializationError):
    """A value of a call cannot travel: the call fails with SerializationError."""


class GoneError(ResultExpiredError):
    """The arguments of a call were deleted: it fails with ResultExpiredError."""

    def __init__(self, problem: OSError) -> None:
        super().__init__(f"the call's arguments are gone: {problem.strerror or problem}")


class TooLargeError(PayloadTooLargeError):
    """What a call has to say is too large: it fails with PayloadTooLargeError."""


def too_large(name: str, what: str, size: int, most: int) -> TooLargeError:
    """Return the error of a value of `size` bytes that the function `name` made."""
    return TooLargeError(
        f"the value that {name!r} {what} has {size} bytes, "
        f"the most is {most}: pass a path or an address of the data instead"
    )


def no_room(name: str, what: str, size: int, problem: Exception) -> TooLargeError:
    """Return the error of a value that has no room in the spool, nor any other way."""
    return TooLargeError(
        f"the value that {name!r} {what} has {size} bytes, "
        f"the most is {MOST_CHUNKED} without room in {problem}: free some"
    )


def told(problem: BaseException) -> failure.Envelope:
    """Return the envelope of what ended a run, or a row of one."""
    if isinstance(problem, UnsendableError):
        return failure.make("SerializationError", str(problem))
    if isinstance(problem, GoneError):
        return failure.make("ResultExpiredError", str(problem))
    if isinstance(problem, TooLargeError):
        return failure.make("PayloadTooLargeError", str(problem))
    return failure.describe(problem)
