"""A handle whose calls ask for something of their own: what `f.options(...)` returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalkcompute.inflight import Terms
from chalkcompute.settings import check_seconds, check_texts, check_unicode

if TYPE_CHECKING:
    from chalkcompute.function import RemoteFunction

__all__ = ["handle", "terms"]

#: Characters of an idempotency key.
_MOST_KEY = 1_024


def terms(
    before: Terms,
    timeout: float | None,
    deadline: float | None,
    idempotency_key: str | None,
    tags: Mapping[str, str] | None,
) -> Terms:
    """Return what calls ask for, with what is None as it was before.

    Raises TypeError or ValueError that names the argument.
    """
    for name, seconds in (("timeout", timeout), ("deadline", deadline)):
        if seconds is not None:
            check_seconds(name, seconds)
    if idempotency_key is not None:
        _check_key(idempotency_key)
    if tags is not None:
        check_texts("tags", tags)
    return Terms(
        timeout_ms=before.timeout_ms if timeout is None else _ms(timeout),
        deadline_ms=before.deadline_ms if deadline is None else _ms(deadline),
        key=before.key if idempotency_key is None else idempotency_key,
        tags=before.tags if tags is None else dict(tags),
    )


def _check_key(value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"idempotency_key: expected text, not {type(value).__name__}")
    if not 0 < len(value) <= _MOST_KEY:
        raise ValueError(f"idempotency_key: expected 1 to {_MOST_KEY} characters, not {len(value)}")
    check_unicode("idempotency_key", value)


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def handle(origin: RemoteFunction[..., Any, Any], asked: Terms) -> RemoteFunction[..., Any, Any]:
    """Return a handle of the same function whose calls ask for `asked`."""
    made: RemoteFunction[..., Any, Any] = object.__new__(type(origin))
    made.__dict__.update(origin.__dict__)
    made.origin, made.terms = origin.origin or origin, asked
    return made
