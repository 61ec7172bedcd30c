"""One call in flight."""

from __future__ import annotations

from chalkcompute.inflight import Inflight, Outcome, Target


def test_news_wakes_the_waiter() -> None:
    """Each chunk and the end call `wake`, after they can be seen."""
    inflight = Inflight(b"c" * 16)
    seen: list[tuple[int, bool]] = []
    inflight.wake = lambda: seen.append((len(inflight.chunks), inflight.outcome is not None))
    inflight.push(b"1")
    inflight.push(b"2")
    inflight.finish(Outcome(exhausted=True))
    assert seen == [(1, False), (2, False), (2, True)]


def test_the_first_end_counts() -> None:
    """A second end is dropped and wakes nobody."""
    inflight = Inflight(b"c" * 16)
    wakes: list[Outcome | None] = []
    inflight.wake = lambda: wakes.append(inflight.outcome)
    inflight.finish(Outcome(value=b"1"))
    inflight.finish(Outcome(value=b"2"))
    assert wakes == [Outcome(value=b"1")]
    assert inflight.outcome == Outcome(value=b"1")


def test_nothing_comes_after_the_end() -> None:
    """A reader that has seen the outcome has seen every chunk."""
    inflight = Inflight(b"c" * 16)
    inflight.push(b"1")
    inflight.finish(Outcome(exhausted=True))
    inflight.push(b"2")
    assert list(inflight.chunks) == [b"1"]


def test_only_generators_stream() -> None:
    """The kind of the version decides whether a call is answered by chunks."""
    kinds = ("function", "coroutine", "generator", "async_generator")
    assert [Target("v", "f", kind, 1, False).streams for kind in kinds] == [
        False,
        False,
        True,
        True,
    ]
