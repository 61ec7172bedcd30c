"""What stays bounded: Redis after much work, memory over long streams and maps, nesting."""

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


def growth(found: Any) -> dict[str, int]:
    """Return by how many KiB each process grew that was there early and late.

    Workers of functions that rest end meanwhile.
    """
    early, late = found["early"], found["late"]
    grown = {name: late[name] - early[name] for name in early if name in late}
    assert {name.partition("-")[0] for name in grown} == {
        *("caller", "supervisor", "server", "consumer", "redis", "worker", "runner"),
    }
    return grown


def test_redis_is_back_where_it_began_after_much_work(stack: Stack) -> None:
    """Every key was there before, and no more than a MiB more is in use."""
    calls, streams = (20_000, 20) if SHORT else (100_000, 100)

    found = found_by(stack, "abandon.py", calls, streams)

    assert found["new"] == []
    assert found["grown"] < MIB


def test_kept_results_cost_little_and_all_of_it_is_given_back(stack: Stack) -> None:
    """At most 400 bytes each beyond the payload; nothing after their lifetime."""
    found = found_by(stack, "kept.py", 20_000 if SHORT else 100_000)

    assert found["beyond"] <= 400
    assert found["left"] < MIB


def test_a_reader_that_stops_slows_nobody_but_its_producer(stack: Stack, tmp_path: Path) -> None:
    """Unary calls beside it are as fast; its producer stops at most 128 chunks ahead."""
    found = found_by(stack, "flow.py", tmp_path / "mark")

    assert found["ahead"] <= 128
    assert found["ratio"] <= 1.5, "slower beside it"


def test_memory_is_flat_over_a_long_stream(stack: Stack) -> None:
    """No process grows by more than 8 MiB between a tenth of the stream and its end."""
    chunks = 100_000 if SHORT else 1_000_000

    found = found_by(stack, "long_stream.py", chunks)

    assert found["seen"] == chunks
    grown = growth(found)
    assert max(grown.values()) < 8 * 1024, grown


def test_memory_is_flat_over_many_large_values(stack: Stack) -> None:
    """No process keeps any of them, its runners neither, and nothing is left in the spool."""
    calls = 50 if SHORT else 500

    found = found_by(stack, "large.py", calls, stack.home / "state" / "spool")

    assert found["calls"] == calls
    grown = growth(found)
    assert max(grown.values()) < 8 * 1024, grown
    assert found["left"] == []


def test_memory_is_flat_over_a_long_map(stack: Stack) -> None:
    """No process grows between a tenth of an endless input and its end, entries in flight apart."""
    rows = 3_000_000 if SHORT else 30_000_000

    found = found_by(stack, "long_map.py", rows)

    assert found["seen"] == rows
    grown = growth(found)
    assert max(grown.values()) < 24 * 1024, grown


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
    assert found["late_s"] <= 0.1, "slower beside it"
    assert set(found["runners"]) == {"fib", "twice", "bare"}
    for runner in found["runners"].values():
        assert 1 <= runner["threads"] <= MOST_THREADS
        assert 0 < runner["peak_kib"] <= MOST_KIB


def test_a_file_larger_than_memory_goes_through_a_function(stack: Stack, tmp_path: Path) -> None:
    """Each process stays below a tenth of the file, at full size; every row is there, in order."""
    size = 500 * MIB if SHORT else 5_000 * MIB

    found = found_by(stack, "large_frame.py", tmp_path, size)

    assert found["bytes"] > size
    assert found["exact"] is True
    assert max(found["peaks"].values()) < 500 * 1024, found["peaks"]
