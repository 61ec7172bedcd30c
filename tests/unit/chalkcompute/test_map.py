"""Maps: order, failures, windows, and leaving early."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import pytest

import chalkcompute
from chalkcompute import CallCancelledError, RemoteError, RemoteFunction
from chalkcompute.mapped import Map
from tests.unit.chalkcompute.rowsession import RowSession

Double = RemoteFunction[[int], int, Any]


@pytest.fixture
def session() -> RowSession:
    """Return the session that calls of this test go through."""
    return RowSession()


@pytest.fixture
def double() -> Double:
    """Return a function of one number, which does not take 13."""

    def double(n: int) -> int:
        if n == 13:
            raise ValueError("unlucky")
        return 2 * n

    return chalkcompute.function(double)


def read_async(results: Map[int], most: int | None = None) -> list[int]:
    """Read with `async for`, leaving the loop after `most` results."""

    async def main() -> list[int]:
        found: list[int] = []
        async for each in results:
            found.append(each)
            if len(found) == most:
                break
        return found

    return asyncio.run(main())


def test_results_come_in_the_order_of_the_input(double: Double, session: RowSession) -> None:
    """However many travel together, read both ways, and whichever entry ends first."""
    wanted = [2 * n for n in range(14, 20_000)]
    assert list(double.map(range(14, 20_000))) == wanted
    assert read_async(double.map(range(14, 20_000))) == wanted
    session.choose = lambda waiting: len(waiting) - 1
    assert list(double.map(range(14, 20_000))) == wanted
    assert list(double.map([])) == []


def test_iterables_are_read_side_by_side_until_one_ends(session: RowSession) -> None:
    """As the builtin map does; one that holds all arguments is for starmap."""

    @chalkcompute.function
    def add(x: int, y: int = 100) -> int:
        return x + y

    assert list(add.map(range(3), itertools.count(10))) == [10, 12, 14]
    both = iter(range(6))
    assert list(add.map(both, both)) == [1, 5, 9]
    assert list(add.map([1, 2])) == [101, 102]
    assert list(add.starmap([(1, 2), [3], {5: 0, 6: 0}, (7, 8)])) == [3, 103, 11, 15]
    assert list(add.starmap(iter([]))) == []


def test_without_order_results_come_as_they_are_there(double: Double, session: RowSession) -> None:
    """Whichever ends last comes last; none is missing."""
    session.row_s = lambda _: 1.0
    session.choose = lambda waiting: len(waiting) - 1
    results = double.map(range(20, 40), order_outputs=False)
    first = next(results)
    assert first == 2 * 35
    assert sorted([first, *results]) == [2 * n for n in range(20, 40)]
    session.row_s = lambda _: 1e-6
    assert sorted(double.map(range(20, 2_000), order_outputs=False)) == [*range(40, 4_000, 2)]


@pytest.mark.parametrize("ordered", [True, False])
def test_a_failure_ends_the_map(double: Double, session: RowSession, ordered: bool) -> None:
    """After the results before it; what is in flight is cancelled, and nothing comes after."""
    results = double.map(itertools.count(), order_outputs=ordered)
    found: list[int] = []
    with pytest.raises(RemoteError, match="ValueError: unlucky") as problem:
        found.extend(iter(results.__next__, None))
    assert found == [2 * n for n in range(13)]
    assert problem.value.row == 13
    assert "in row 13 of the map, counted from 0" in problem.value.__notes__
    assert problem.value.function == "double"
    assert session.waiting == []
    assert list(results) == []


def test_failures_may_be_values(double: Double) -> None:
    """Each in the place of its row; rows after it come too."""
    found = list(double.map([12, 13, 14, 13], return_exceptions=True))
    assert [found[0], found[2]] == [24, 28]
    assert [str(found[1]), str(found[3])] == ["ValueError: unlucky"] * 2
    assert [getattr(each, "row", None) for each in found] == [None, 1, None, 3]


def test_a_row_that_cannot_travel_fails_by_itself(double: Double, session: RowSession) -> None:
    """In its turn, as if its call had been tried: rows before it are not lost."""
    inputs: list[Any] = [*range(100, 1_000), "text", 7, object()]
    found: list[Any] = list(double.map(inputs, return_exceptions=True))
    assert found[:900] == [2 * n for n in range(100, 1_000)]
    assert isinstance(found[900], TypeError)
    assert 'argument "n"' in str(found[900])
    assert found[901] == 14
    assert isinstance(found[902], TypeError)
    assert [getattr(each, "row", None) for each in found[900:]] == [900, None, 902]

    results = double.map(inputs)
    assert sum(1 for _ in itertools.islice(iter(results.__next__, None), 900)) == 900
    with pytest.raises(TypeError, match='argument "n"'):
        next(results)
    assert next(results, None) is None


def test_each_row_of_a_function_with_a_limit_is_a_call(session: RowSession) -> None:
    """It takes a permit of its own, so no two travel together, however quick they are."""

    @chalkcompute.function(rate_limit_key="provider")
    def ask(n: int) -> int:
        return n + 1

    assert list(ask.map(range(200))) == [*range(1, 201)]
    assert session.sizes == [1] * 200


def test_an_endless_input_is_read_a_window_ahead(double: Double, session: RowSession) -> None:
    """Nothing before the first result is asked for; and no more while nobody reads."""
    numbers = itertools.count(20)
    session.row_s = lambda _: 1.0
    results = double.map(numbers)
    assert (session.sent, next(numbers)) == ([], 20)
    assert next(results) == 42
    assert next(numbers) < 20 + 40
    assert len(session.sent) < 40
    session.row_s = lambda _: 1e-6
    assert list(itertools.islice(double.map(itertools.count(20)), 10_000)) == [
        2 * n for n in range(20, 10_020)
    ]
    results.close()
    assert session.waiting == []


@pytest.mark.parametrize("how", ["for", "async for", "close", "with", "forget"])
def test_leaving_early_cancels_what_is_in_flight(
    how: str, double: Double, session: RowSession
) -> None:
    """Whichever way the reader leaves."""
    results: Map[int] | None = double.map(itertools.count(20))
    assert results is not None
    if how == "for":
        for _ in results:
            break
    elif how == "async for":
        assert read_async(results, most=3) == [40, 42, 44]
    elif how == "close":
        next(results)
        results.close()
        results.close()
    elif how == "with":
        with results as same:
            assert next(same) == 40
    else:
        next(results)
        results = None
        gc.collect()
    assert session.waiting == []
    assert any(entry.cancelled for entry in session.sent)
    if results is None:
        return
    if how in ("close", "with"):
        assert list(results) == []
        return
    with pytest.raises(CallCancelledError, match="the map was left before its end"):
        next(results)
    with pytest.raises(CallCancelledError, match="keep one iterator"):
        read_async(results)


def test_closing_within_a_loop_ends_it(double: Double) -> None:
    """Results that were fetched already do not come any more."""
    results = double.map(range(20, 5_000))
    found = []
    for each in results:
        found.append(each)
        if len(found) == 1_000:
            results.close()
    assert len(found) == 1_000


def test_what_cannot_be_mapped_over_is_told_at_the_call(double: Double) -> None:
    """Generator functions, async iterables, what is no iterable, and nothing at all."""

    @chalkcompute.function
    def count(n: int) -> Iterator[int]:
        yield from range(n)

    async def numbers() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(TypeError, match=r"count is a generator function.*for chunk in count"):
        count.map([1])
    with pytest.raises(TypeError, match="generator function"):
        count.starmap([(1,)])
    with pytest.raises(TypeError, match="not async_generator: collect it first"):
        double.map(numbers())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"double.starmap\(\) expected an iterable, not int"):
        double.starmap(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="at least one iterable"):
        double.map()
    with pytest.raises(TypeError, match="not iterable"):
        list(double.starmap([1]))  # type: ignore[list-item]


def test_a_function_is_mapped_by_its_name(double: Double) -> None:
    """One that turns out to be a generator function says so with the first result."""

    @chalkcompute.function
    def count(n: int) -> Iterator[int]:
        yield from range(n)

    list(double.map([1]))
    assert list(RemoteFunction.from_name("double").map(range(5))) == [0, 2, 4, 6, 8]
    with pytest.raises(TypeError, match="generator function"):
        list(RemoteFunction.from_name("count").map([1]))


def test_an_input_that_raises_does_so_in_its_turn(double: Double) -> None:
    """After the results of what it gave before, also where failures are values."""

    def broken() -> Iterator[int]:
        yield from range(3)
        raise KeyError("gone")

    results = double.map(broken(), return_exceptions=True)
    assert [next(results), next(results), next(results)] == [0, 2, 4]
    with pytest.raises(KeyError, match="gone"):
        next(results)
    assert list(results) == []


def test_an_interrupted_wait_cancels_what_is_in_flight(double: Double, session: RowSession) -> None:
    """Ctrl-C is leaving: what was not read must not look as if there were no more."""

    def interrupt(waiting: object) -> int:
        raise KeyboardInterrupt

    results = double.map(range(20, 100))
    assert next(results) == 40
    session.choose = interrupt
    with pytest.raises(KeyboardInterrupt):
        list(results)
    assert session.waiting == []
    with pytest.raises(CallCancelledError):
        next(results)


def test_a_map_is_read_in_the_process_that_made_it(
    double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork is told so: what is in flight would not come there."""
    results = double.map(range(20, 100))
    assert next(results) == 40
    monkeypatch.setattr("chalkcompute.driver.os.getpid", lambda: 1)
    with pytest.raises(chalkcompute.ConnectionLostError, match="forked after it was made"):
        list(results)


def test_a_map_has_one_reader_at_a_time(double: Double, session: RowSession) -> None:
    """A second one that comes while one waits is told what to do."""
    problems: list[Any] = []

    def choose(waiting: Iterable[Any]) -> int:
        if not problems:
            with pytest.raises(ValueError, match="is being read already") as problem:
                next(results)
            problems.append(problem)
        return 0

    session.choose = choose
    results = double.map(range(3))
    assert list(results) == [0, 2, 4]
    assert len(problems) == 1


def test_an_async_map_deploys_aside(double: Double, session: RowSession) -> None:
    """The loop goes on while the function is deployed."""
    session.gate.clear()

    async def main() -> list[int]:
        async def free() -> None:
            await asyncio.sleep(0)
            session.gate.set()

        freeing = asyncio.create_task(free())
        found = [each async for each in double.map(range(3))]
        await freeing
        return found

    assert asyncio.run(main()) == [0, 2, 4]
