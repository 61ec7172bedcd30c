"""Whether a failed attempt is repeated, and when. Pure."""

from __future__ import annotations

from fnq.v1 import spec_pb2

__all__ = ["LONGEST_WAIT_S", "wait_s"]

#: Seconds that an attempt waits at most, whatever its function says: a year.
LONGEST_WAIT_S = 365 * 86_400.0
#: With jitter a wait is multiplied by what lies evenly between these two.
_LEAST_JITTER, _MOST_JITTER = 0.5, 1.5


def wait_s(
    policy: spec_pb2.Retry, attempt: int, draw: float, left_s: float | None = None
) -> float | None:
    """Return the seconds until the next attempt, or None: the failure ends the call.

    `attempt` counts the executions before the one that failed, `draw` is random from 0 to
    1, and `left_s` is the time to the deadline: an attempt that could begin only after it
    is none. The n-th wait is `initial * multiplier**n`, with jitter times something from
    half to one and a half, and never above `max_wait`.
    """
    if attempt >= policy.attempts:
        return None
    wait = _backoff(policy, attempt)
    if policy.jitter:
        wait *= _LEAST_JITTER + (_MOST_JITTER - _LEAST_JITTER) * draw
    wait = min(wait, policy.max_wait, LONGEST_WAIT_S)
    return wait if left_s is None or wait < left_s else None


def _backoff(policy: spec_pb2.Retry, attempt: int) -> float:
    """Return the wait before jitter; it may be above `max_wait` only by what jitter hides."""
    try:
        grown: float = policy.initial * policy.multiplier**attempt
    except OverflowError:
        grown = policy.max_wait if policy.initial else 0.0
    return min(grown, policy.max_wait)
