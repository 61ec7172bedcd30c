"""What type checkers know of the public names: checked by mypy, never run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any, assert_type

import chalkcompute
from chalkcompute import (
    Call,
    CallStatus,
    Image,
    Map,
    RemoteFunction,
    RetryPolicy,
    Secret,
    Stream,
    Version,
    Volume,
    as_completed,
    gather,
)


@chalkcompute.function
def add(x: int, y: int = 1) -> int:
    """Stand for a function."""
    return x + y


@chalkcompute.function
async def fetch(url: str, *, times: int = 1) -> bytes:
    """Stand for a coroutine function."""
    return url.encode() * times


@chalkcompute.function
def count(n: int) -> Iterator[int]:
    """Stand for a generator function."""
    yield from range(n)


@chalkcompute.function
async def count_async(n: int) -> AsyncIterator[str]:
    """Stand for an async generator function."""
    for each in range(n):
        yield str(each)


@chalkcompute.function()
def generated() -> Generator[int, None, None]:
    """Stand for a generator function that says so."""
    yield 1


@chalkcompute.function()
async def generated_async() -> AsyncGenerator[int, None]:
    """Stand for an async generator function that says so."""
    yield 1


@chalkcompute.function(
    name="embedder",
    image=Image.base("python:3.12-slim").run_commands("pip install httpx"),
    cpu=2,
    memory="4Gi",
    gpu=["nvidia-l4", "2:nvidia-a100:40Gi"],
    env={"A": "1"},
    min_replicas=0,
    max_replicas=4,
    volumes=[(Volume("models"), "/models")],
    secrets=[Secret("HF_TOKEN"), Secret.from_integration("pg")],
    serialization_format="pyarrow",
    suspend_cooldown_period=300,
    options={"bisect": "false"},
    max_buffer_duration=2000,
    max_batching_size=25,
    retries=RetryPolicy.exponential(attempts=5, retry_on=(TimeoutError, ConnectionError)),
    rate_limit_key="provider",
    concurrency=8,
    timeout=30,
    max_queue=10,
    result_ttl=60,
)
def embed(texts: list[str]) -> list[list[float]]:
    """Stand for a function with every argument."""
    return [[0.0] for _ in texts]


assert_type(add(1, 2), int)
assert_type(add(x=1), int)
assert_type(add.remote(1), int)
assert_type(add.local(1), int)
assert_type(add.map([1]), Map[int])
assert_type(add.starmap([(1, 2)], order_outputs=False), Map[int])
assert_type(add.name, str)

assert_type(fetch("a", times=2), bytes)

assert_type(count(3), Stream[int])
assert_type(count.local(3), Iterator[int])
assert_type(count_async(3), Stream[str])
assert_type(count_async.local(3), AsyncIterator[str])
assert_type(generated(), Stream[int])
assert_type(generated_async(), Stream[int])

assert_type(embed(["a"]), list[list[float]])
assert_type(embed.wait_ready(timeout=3), None)
assert_type(embed.versions(), list[Version])
assert_type(embed.rollback(embed.versions()[-1]), None)
assert_type(RemoteFunction.from_name("embed").delete(), None)

assert_type(add.spawn(1), Call[int])
assert_type(add.defer(1).get(timeout=2), int)
assert_type(add.spawn(1).poll(), bool)
assert_type(add.spawn(1).status(), CallStatus)
assert_type(add.spawn(1).status().state, str)
assert_type(add.spawn(1).cancel(), bool)
assert_type(add.spawn(1).logs(), list[str])
assert_type(fetch.spawn("a").get(), bytes)
assert_type(count.spawn(3).get(), Stream[int])
assert_type(Call.from_id("x"), Call[Any])
assert_type(add.options(timeout=1, deadline=2, idempotency_key="k", tags={"a": "b"})(1), int)
assert_type(add.options(timeout=1).spawn(1), Call[int])
assert_type(gather(add.spawn(1), add.spawn(2)), list[int])
assert_type(gather(add.spawn(1), return_exceptions=True), list[int | chalkcompute.FnqError])
for each in as_completed([add.spawn(1)], timeout=1):
    assert_type(each.get(), int)

assert_type(RemoteFunction.from_name("add"), RemoteFunction[..., Any, Any])

# What a type checker must refuse; an ignore that is not needed is an error.
add("1")  # type: ignore[arg-type]
add.spawn("1")  # type: ignore[arg-type]
add(1, z=2)  # type: ignore[call-arg]
fetch()  # type: ignore[call-arg]
chalkcompute.function(cpus=1)  # type: ignore[call-overload]
chalkcompute.function(max_replicas="1")  # type: ignore[call-overload]


async def read() -> None:
    """Read streams both ways."""
    async for text in count_async(3):
        assert_type(text, str)
    for number in count(3):
        assert_type(number, int)
    async with count(3) as stream:
        assert_type(await anext(stream), int)
    with count_async(3) as texts:
        assert_type(next(texts), str)
    assert_type(await add.aio(1), int)
    assert_type(await add.spawn(1), int)
    assert_type(await add.spawn(1).aio(timeout=1), int)
    async for call in as_completed([fetch.spawn("a")]):
        assert_type(call.get(), bytes)
    assert_type(await fetch.aio("a"), bytes)
    assert_type(await fetch.local("a"), bytes)
    assert_type(await count_async.aio(3), Stream[str])
