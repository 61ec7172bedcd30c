"""What a function makes of many inputs, as its caller reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from chalkcompute import runtime
from chalkcompute.errors import CallCancelledError
from chalkcompute.reading import Reading
from chalkcompute.way import check_unary

if TYPE_CHECKING:
    from chalkcompute.driver import Driver
    from chalkcompute.way import Way

__all__ = ["Map", "over", "over_rows"]

T_co = TypeVar("T_co", covariant=True)


class Map(Reading[T_co]):
    """One result for each input; read it with `for` or `async for`, in one place at a time.

    Reading drives it: nothing is sent before the first result is asked for, input is
    read a window ahead, and a reader that stops reading stops it. Leaving the loop early
    cancels what is in flight, as do `close()`, the end of a `with` block and forgetting
    the object. Who reads on after leaving a loop gets CallCancelledError, after `close()`
    or after an error nothing. A second reader that comes while one waits gets a
    ValueError.
    """

    def __init__(self, driver: Driver) -> None:
        super().__init__()
        self._driver = driver
        #: The results that were fetched last, and those of them that were not read.
        self._block: list[T_co] = []
        self._values: Iterator[T_co] = iter(self._block)

    def __iter__(self) -> Iterator[T_co]:
        # A generator of its own: a loop that is left forgets it, and its end closes the map.
        try:
            yield from self._values
            while self._take(self._next_block()):
                yield from self._values
        except GeneratorExit:
            self._leave()
            raise

    def __next__(self) -> T_co:
        for value in self._values:
            return value
        if not self._take(self._next_block()):
            raise StopIteration
        return next(self._values)

    async def __anext__(self) -> T_co:
        for value in self._values:
            return value
        if not self._take(await self._next_block_async()):
            raise StopAsyncIteration
        return next(self._values)

    def __repr__(self) -> str:
        return f"<Map of {self._driver.function}>"

    def _next_block(self) -> Any:
        """Return the results that come next; none when there are no more."""
        self._take_turn()
        try:
            while not self._closed:
                landed = self._driver.poll()
                if landed is not None:
                    return landed.values
                self._driver.park()
        except Exception:
            self.close()
            raise
        except BaseException:
            self._leave()
            raise
        finally:
            self._turn.release()
        return []

    async def _next_block_async(self) -> Any:
        """Do as `_next_block` for the running event loop."""
        self._take_turn()
        try:
            if not self._driver.ready():
                # To deploy, or to open a session, takes a while.
                await runtime.in_thread(self._driver.open)
            while not self._closed:
                landed = self._driver.poll()
                if landed is not None:
                    return landed.values
                await self._driver.park_async()
        except Exception:
            self.close()
            raise
        except BaseException:
            self._leave()
            raise
        finally:
            self._turn.release()
        return []

    def _take(self, block: list[T_co]) -> bool:
        """Have these results read next; no results are the end."""
        if block:
            self._block, self._values = block, iter(block)
        else:
            self._stop()
        return bool(block)

    def _take_turn(self) -> None:
        """Become the one reader; raises where there is nothing to read any more."""
        if self._left:
            raise CallCancelledError(
                "the map was left before its end, by a loop or a wait that ended early, and "
                "that cancelled what was in flight: to read it in parts, keep one iterator, "
                "it = iter(results), or call next(results)",
                function=self._driver.function,
            )
        super()._take_turn()

    def _let_go(self) -> None:
        self._block.clear()
        self._driver.close()


def over(way: Way, iterables: tuple[Iterable[Any], ...], ordered: bool, keep: bool) -> Map[Any]:
    """Map over the items of one iterable, or over those of several side by side.

    Raises TypeError when one is not iterable, and for a generator function; ValueError
    where calls have an idempotency key.
    """
    if not iterables:
        raise TypeError(f"{way.name}.map() expected at least one iterable, and none came")
    for each in iterables:
        _check_iterable(f"{way.name}.map()", each)
    lone = len(iterables) == 1
    rows = iterables[0] if lone else zip(*iterables, strict=False)
    return _start(way, rows, lone, ordered, keep)


def over_rows(way: Way, rows: Iterable[Iterable[Any]], ordered: bool, keep: bool) -> Map[Any]:
    """Map over rows that hold all arguments each; raises as `over`."""
    _check_iterable(f"{way.name}.starmap()", rows)
    return _start(way, map(tuple, rows), False, ordered, keep)


def _start(way: Way, rows: Iterable[Any], lone: bool, ordered: bool, keep: bool) -> Map[Any]:
    from chalkcompute.driver import Driver
    from chalkcompute.intake import Intake
    from chalkcompute.loader import Loader

    check_unary(way.name, way.kind)
    way.check_keyless()
    cargo = Loader(Intake(rows), lone=lone)
    return Map(Driver(way, cargo, ordered=ordered, keep=keep))


def _check_iterable(what: str, given: object) -> None:
    if hasattr(given, "__iter__") or hasattr(given, "__getitem__"):
        return
    remedy = "collect it first, or await f.aio(...) for each of its items"
    if not hasattr(given, "__aiter__"):
        remedy = "give a list, a generator or the like"
    raise TypeError(f"{what} expected an iterable, not {type(given).__name__}: {remedy}")
