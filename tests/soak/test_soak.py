"""What stays bounded: Redis after much work, memory over long streams, nesting."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.livestack import Stack, one_stack

pytestmark = [pytest.mark.soak, pytest.mark.timeout(400)]

SHORT = os.environ.get("FNQ_SOAK") == "short"
HERE = Path(__file__).parent / "programs"
MIB = 1 << 20
#: Threads and memory (KiB) that a runner may have after much nesting. Seen: one thread, 40 MiB.
MOST_THREADS, MOST_KIB = 2, 96 * 1024


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for all of them."""
    with one_stack(tmp_path_factory.mktemp("soak")) as mine:
        yield mine


def found_by(stack: Stack, program: str, *words: object) -> Any:
    """Return what a program printed last, as JSON."""
    output = stack.script(HERE / program, *map(str, words), timeout_s=380)
    print(f"\n{program}: {output.splitlines()[-1]}")
    return json.loads(output.splitlines()[-1])


def test_redis_is_back_where_it_began_after_much_work(stack: Stack) -> None:
    """As many keys as before, and no more than a MiB more in use."""
    calls, streams = (20_000, 20) if SHORT else (100_000, 100)

    found = found_by(stack, "abandon.py", calls, streams)

    (keys_before, used_before), (keys_after, used_after) = found["before"], found["after"]
    assert keys_after == keys_before
    assert used_after - used_before < MIB


def test_a_reader_that_stops_slows_nobody_but_its_producer(stack: Stack, tmp_path: Path) -> None:
    """Unary calls beside it are as fast; its producer stops at most 128 chunks ahead."""
    found = found_by(stack, "flow.py", tmp_path / "mark")

    assert found["ahead"] <= 128
    assert found["ratio"] <= 1.5


def test_memory_is_flat_over_a_long_stream(stack: Stack) -> None:
    """No process grows by more than 8 MiB between a tenth of the stream and its end."""
    chunks = 100_000 if SHORT else 1_000_000

    found = found_by(stack, "long_stream.py", chunks)

    assert found["seen"] == chunks
    grown = {name: found["late"][name] - found["early"][name] for name in found["early"]}
    assert max(grown.values()) < 8 * 1024, grown


def test_nested_calls_through_one_slot_finish_within_bounds(stack: Stack) -> None:
    """Recursion and a thousand waiting roots need no thread each; a user's loop goes on.

    So it is for each runner: of recursion, of many roots, and of an async function.
    """
    roots, invocations = (200, 500) if SHORT else (1_000, 500)

    found = found_by(stack, "nest.py", roots, invocations)

    assert found["fib"] == 144
    assert found["roots"] is True
    assert found["bare"] is True
    assert found["threads"] == 1
    assert found["late_s"] <= 0.1
    assert set(found["runners"]) == {"fib", "twice", "bare"}
    for runner in found["runners"].values():
        assert 1 <= runner["threads"] <= MOST_THREADS
        assert 0 < runner["peak_kib"] <= MOST_KIB
