"""For which exceptions an attempt is repeated: decided here, where their classes are."""

from __future__ import annotations

from typing import Any, TypeAlias

from chalkcompute.retry import RetryPolicy
from fnq_wire.error import CallCancelledError, PayloadTooLargeError, SerializationError

__all__ = ["Kinds", "is_retriable", "retry_on"]

Kinds: TypeAlias = "tuple[type[BaseException], ...]"
#: What another attempt would meet again, and what was asked for.
_NEVER = (SerializationError, PayloadTooLargeError, CallCancelledError)


def retry_on(handle: Any) -> Kinds:
    """Return the exceptions that a loaded handle is repeated for; none without `retries`.

    A worker checks no settings: what is no policy there, or no class, was refused where
    the function was deployed, and counts for nothing.
    """
    try:
        policy = RetryPolicy.of(handle.settings.retries)
    except (AttributeError, TypeError):
        return ()
    kinds = () if policy is None or not policy.attempts else policy.retry_on
    return tuple(kind for kind in kinds if isinstance(kind, type))


def is_retriable(problem: BaseException, kinds: Kinds) -> bool:
    """Return whether an attempt that raised this is one to repeat."""
    return isinstance(problem, kinds) and not isinstance(problem, _NEVER)
