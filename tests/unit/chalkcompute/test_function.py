"""The decorator and the calls of its handles."""

from __future__ import annotations

import asyncio
import copy
import inspect
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import chalkcompute
from chalkcompute import RemoteError, RemoteFunction, Stream, runtime
from chalkcompute.errors import NotReadyError, SerializationError
from chalkcompute.inflight import Inflight, Target, Terms
from chalkcompute.settings import Settings
from fnq_wire.pieces import Payload
from tests.livestack import wait_until
from tests.unit.chalkcompute.memory import PATIENCE, MemorySession


def add(x: int, y: int = 1) -> int:
    """Add two numbers."""
    return x + y


async def add_async(x: int, y: int = 1) -> int:
    """Add two numbers on a loop."""
    await asyncio.sleep(0)
    return x + y


def divide(a: float, b: float) -> float:
    """Divide two numbers."""
    return a / b


def count(n: int) -> Iterator[int]:
    """Count up to a number."""
    yield from range(n)


@pytest.mark.parametrize("body", [add, add_async])
def test_a_call_returns_the_value(body: Any) -> None:
    """By position, by keyword, with defaults, under both names."""
    handle = chalkcompute.function(body)
    assert handle(3, 5) == 8
    assert handle(3) == 4
    assert handle(y=2, x=1) == 3
    assert handle.remote(3, y=5) == 8


@pytest.mark.parametrize("body", [add, add_async])
def test_a_call_can_be_awaited(body: Any) -> None:
    """The first call, which deploys, and the following ones."""
    handle = chalkcompute.function(body)

    async def main() -> list[int]:
        return [await handle.aio(1, 2), *await asyncio.gather(handle.aio(3), handle.aio(x=4))]

    assert asyncio.run(main()) == [3, 4, 5]


def test_the_loop_goes_on_while_a_call_is_awaited(session: MemorySession) -> None:
    """Neither the deploy nor the wait for the value blocks the loop."""
    session.gate.clear()
    handle = chalkcompute.function(add)

    async def main() -> int:
        call = asyncio.create_task(handle.aio(1, 2))
        await asyncio.sleep(0)
        assert not call.done()
        session.gate.set()
        return await call

    assert asyncio.run(main()) == 3


class Slow(MemorySession):
    """A session that no server has granted yet: until then a call waits in `submit`."""

    ready = over = False

    def __init__(self, other: MemorySession) -> None:
        super().__init__()
        self.versions = other.versions
        self.entered = threading.Event()
        self.gate.clear()

    def submit(
        self,
        target: Target,
        payload: Payload,
        terms: Terms | None = None,
        *,
        rows: int = 1,
        packed: bool = False,
    ) -> Inflight:
        self.entered.set()
        assert self.gate.wait(PATIENCE)
        return super().submit(target, payload, terms)


@pytest.fixture
def slow(session: MemorySession, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    """Take the place of the session through which all functions so far were deployed."""
    made = Slow(session)
    monkeypatch.setattr(runtime._state, "server", made)
    yield made
    made.close()


def test_the_loop_goes_on_while_a_session_is_opened(slow: Slow) -> None:
    """Though the function was deployed long ago, through a session that is over now."""
    handle = chalkcompute.function(add)
    handle(1)
    runtime.install(None)

    async def main() -> int:
        call = asyncio.create_task(handle.aio(1, 2))
        assert await asyncio.to_thread(slow.entered.wait, PATIENCE)
        slow.gate.set()
        return await call

    assert asyncio.run(main()) == 3


def test_a_task_that_is_cancelled_while_a_session_is_opened_cancels_its_call(slow: Slow) -> None:
    """Also where the call was not sent yet: nobody else could."""
    release = threading.Event()

    @chalkcompute.function
    def stay() -> bool:
        return release.wait(PATIENCE)

    release.set()
    stay()
    release.clear()
    runtime.install(None)

    async def main() -> None:
        call = asyncio.create_task(stay.aio())
        assert await asyncio.to_thread(slow.entered.wait, PATIENCE)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        slow.gate.set()

    try:
        asyncio.run(main())
        # By the thread that sent it, which nobody waits for.
        wait_until("the call is cancelled", lambda: slow.runs and slow.runs[0].cancelled)
    finally:
        release.set()


def test_a_call_through_an_open_session_is_sent_without_a_thread(
    session: MemorySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread would cost more than the call."""
    handle = chalkcompute.function(add)
    handle(1)

    def none(*_: object) -> None:
        raise AssertionError("a thread was asked")

    async def main() -> int:
        monkeypatch.setattr(asyncio, "to_thread", none)
        return await handle.aio(1, 2)

    assert asyncio.run(main()) == 3


def test_a_body_can_be_run_here(session: MemorySession) -> None:
    """local() returns what the body returns, a coroutine or a generator too."""
    assert chalkcompute.function(add).local(1, 2) == 3
    assert asyncio.run(chalkcompute.function(add_async).local(1, 2)) == 3
    assert list(chalkcompute.function(count).local(3)) == [0, 1, 2]
    assert session.deploys == []


def test_the_callers_exception_is_the_remote_one() -> None:
    """Its text is Python's, and its facts are those of the call."""
    handle = chalkcompute.function(divide)
    with pytest.raises(RuntimeError) as problem:
        handle(1.0, 0.0)
    error = problem.value
    assert str(error) == "ZeroDivisionError: float division by zero"
    assert isinstance(error, RemoteError)
    assert (error.exception_type, error.function, error.attempt) == (
        "ZeroDivisionError",
        "divide",
        2,
    )
    assert "in divide" in error.remote_traceback
    assert len(error.call_id) == 36


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [((), {}, "x"), ((1, 2, 3), {}, "positional"), ((1,), {"z": 2}, "z"), (("1",), {}, "x")],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(
    args: tuple[Any, ...], kwargs: dict[str, Any], text: str, session: MemorySession
) -> None:
    """A TypeError names the argument; nothing was deployed for it."""
    handle: Any = chalkcompute.function(add)
    with pytest.raises(TypeError, match=text):
        handle(*args, **kwargs)
    assert session.deploys == []


def test_a_parameter_may_be_called_self(session: MemorySession) -> None:
    """The handle's own has no name that a caller could mean."""

    @chalkcompute.function
    def f(self: int) -> int:
        return self + 1

    assert f(self=1) == f.remote(self=1) == f.local(self=1) == 2
    assert asyncio.run(f.aio(self=1)) == 2


def test_a_value_that_cannot_travel_is_refused_at_the_caller(session: MemorySession) -> None:
    """The error names the argument."""

    @chalkcompute.function
    def show(value) -> str:  # type: ignore[no-untyped-def]
        return str(value)

    with pytest.raises(SerializationError, match="value"):
        show(threading.Lock())
    assert session.runs == []


def test_an_interrupted_call_is_cancelled(
    session: MemorySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KeyboardInterrupt while waiting cancels the call and goes on its way."""
    release = threading.Event()

    @chalkcompute.function
    def stay() -> bool:
        return release.wait(10)

    def interrupt(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "park", interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            stay()
        assert session.runs[-1].cancelled
    finally:
        release.set()


def test_a_cancelled_task_cancels_its_call(session: MemorySession) -> None:
    """Cancelling who awaits reaches the call."""
    release = threading.Event()

    @chalkcompute.function
    def stay() -> bool:
        return release.wait(10)

    async def main() -> None:
        call = asyncio.create_task(stay.aio())
        await asyncio.to_thread(session.parked.wait, 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    try:
        asyncio.run(main())
        assert session.runs[-1].cancelled
    finally:
        release.set()


def test_a_signature_survives() -> None:
    """Name, docstring and signature are the body's."""
    handle = chalkcompute.function(name="plus")(add)
    assert handle.name == "plus"
    assert handle.__name__ == "add"  # type: ignore[attr-defined]
    assert handle.__doc__ == "Add two numbers."
    assert inspect.signature(handle) == inspect.signature(add)
    assert handle.body is add
    assert handle.__fnq_handle__ is True


def test_an_attribute_of_the_body_does_not_replace_one_of_the_handle() -> None:
    """A body may carry attributes of any name."""

    def marked() -> int:
        return 1

    marked.name = "other"  # type: ignore[attr-defined]
    marked.tag = "kept"  # type: ignore[attr-defined]
    handle = chalkcompute.function(marked)
    assert handle.name == "marked"
    assert handle.tag == "kept"  # type: ignore[attr-defined]


class Owner:
    """Has a method."""

    def method(self) -> int:
        """Stand for a method."""
        return 1


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (lambda: 1, "not a lambda"),
        (len, "builtin_function_or_method"),
        (Owner, "the class Owner"),
        (Owner.method, "a method of Owner"),
        (Owner().method, "method"),
        (staticmethod(add), "staticmethod"),
        ("add", "str 'add'"),
    ],
)
def test_what_is_no_function_is_refused(body: Any, text: str) -> None:
    """The error says what came."""
    with pytest.raises(TypeError, match=f"expected a function made by `def`.*{text}"):
        chalkcompute.function(body)


def test_a_remote_function_is_not_made_remote_again() -> None:
    """Two decorators on one function are a mistake."""
    with pytest.raises(TypeError, match="which is remote already"):
        chalkcompute.function(chalkcompute.function(add))


def test_handles_are_equal_by_identity() -> None:
    """They hash, copy to themselves, and have a short repr."""
    one = chalkcompute.function(add)
    two = chalkcompute.function(add)
    assert len({one, two}) == 2
    assert copy.copy(one) is copy.deepcopy(one) is one
    assert repr(one) == "<remote function add>"


def test_a_handle_travels_by_reference() -> None:
    """A global one as itself, any other by the function's name."""
    assert REMOTE_GLOBAL.__reduce__() == "REMOTE_GLOBAL"
    handle = chalkcompute.function(add)
    assert handle.__reduce__() == (RemoteFunction.from_name, ("add", None))
    handle(1)
    assert handle.__reduce__() == (RemoteFunction.from_name, ("add", 1))


def test_wait_ready_deploys_and_waits(session: MemorySession) -> None:
    """It passes on the time-out and what went wrong."""
    handle = chalkcompute.function(add)
    handle.wait_ready()
    handle.wait_ready(timeout=3)
    assert session.readied == [("add", None), ("add", 3)]
    session.refusal = RuntimeError("no worker: import failed")
    with pytest.raises(NotReadyError, match="import failed"):
        handle.wait_ready()
    with pytest.raises(ValueError, match="timeout: expected seconds above 0, not 0"):
        handle.wait_ready(timeout=0)
    wrong: Any = "x"
    with pytest.raises(TypeError, match=r"timeout: expected seconds, not 'x' \(str\)"):
        handle.wait_ready(timeout=wrong)


def test_a_generators_call_is_a_stream() -> None:
    """It comes at once, from the bare call and from aio."""
    handle = chalkcompute.function(count)
    assert isinstance(handle(2), Stream)
    assert list(handle(3)) == [0, 1, 2]
    assert list(asyncio.run(handle.aio(2))) == [0, 1]


def test_in_a_worker_a_handle_calls_its_set_mate(session: MemorySession) -> None:
    """Decorating sends nothing there; each call asks for the mate in its set."""
    chalkcompute.function(add)(1)
    runtime.install(session)
    handle = chalkcompute.function(add)
    lookups = session.lookups
    assert [handle(1, 1), handle(2, 2)] == [2, 4]
    assert asyncio.run(handle.aio(3, 3)) == 6
    assert session.lookups == lookups + 3
    assert len(session.deploys) == 1


def _global() -> int:
    return 1


_global.__name__ = _global.__qualname__ = "REMOTE_GLOBAL"
#: Made without the decorator, which would deploy it at the end of the tests.
REMOTE_GLOBAL: RemoteFunction[[], int, int] = RemoteFunction(_global, "global", Settings())
