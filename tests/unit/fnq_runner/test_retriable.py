"""Which exceptions are worth another attempt."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from chalkcompute import RetryPolicy
from fnq_runner.retriable import Kinds, is_retriable, retry_on
from fnq_wire.error import (
    CallCancelledError,
    PayloadTooLargeError,
    RemoteError,
    SerializationError,
    WorkerLostError,
)

ANY: Kinds = (Exception,)


def handle(retries: Any) -> Any:
    """Return what a decorator makes, as far as it matters."""
    return SimpleNamespace(settings=SimpleNamespace(retries=retries))


@pytest.mark.parametrize(
    ("retries", "kinds"),
    [
        (None, ()),
        (0, ()),
        (3, ANY),
        (RetryPolicy.linear(), ANY),
        (RetryPolicy.linear(retry_on=(KeyError, OSError)), (KeyError, OSError)),
        (RetryPolicy.linear(attempts=0, retry_on=(KeyError,)), ()),
        ("often", ()),
    ],
)
def test_the_handle_says_what_is_repeated(retries: Any, kinds: Kinds) -> None:
    """A function without a handle, or with settings that make no sense, is not."""
    assert retry_on(handle(retries)) == kinds
    assert retry_on(len) == ()


@pytest.mark.parametrize(
    ("problem", "kinds", "is_one"),
    [
        (ValueError(), ANY, True),
        (ValueError(), (), False),
        (ValueError(), (KeyError,), False),
        (KeyError(), (LookupError,), True),
        (RemoteError("of a nested call"), ANY, True),
        (WorkerLostError("of a nested call"), ANY, True),
        (asyncio.CancelledError(), ANY, False),
        (SystemExit(1), ANY, False),
        (SystemExit(1), (SystemExit,), True),
        (SerializationError("x"), ANY, False),
        (PayloadTooLargeError("x"), ANY, False),
        (CallCancelledError("x"), ANY, False),
    ],
)
def test_an_exception_is_one_of_those(problem: BaseException, kinds: Kinds, is_one: bool) -> None:
    """And none that would come again, or that was asked for."""
    assert is_retriable(problem, kinds) is is_one
