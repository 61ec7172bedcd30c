"""Functions that another script deployed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import chalkcompute
from chalkcompute import NotFoundError, RemoteFunction, named
from tests.unit.chalkcompute.memory import MemorySession


def deploy_twice() -> None:
    """Deploy two versions of `answer`."""

    def first(of: str) -> str:
        return f"{of}: 1"

    def second(of: str) -> str:
        return f"{of}: 2"

    for body in (first, second):
        body.__name__, body.__qualname__ = "answer", "answer"
        chalkcompute.function(body)("x")


def test_the_current_version_is_called() -> None:
    """Arguments and results travel without annotations."""
    deploy_twice()
    answer = RemoteFunction.from_name("answer")
    assert answer("a") == "a: 2"
    assert answer(of="b") == "b: 2"
    assert asyncio.run(answer.aio("c")) == "c: 2"


def test_a_version_can_be_named() -> None:
    """A number stays that number."""
    deploy_twice()
    assert RemoteFunction.from_name("answer", 1)("a") == "a: 1"


def test_nothing_is_asked_before_the_first_call(session: MemorySession) -> None:
    """A missing function is found out by calling it."""
    handle = RemoteFunction.from_name("missing")
    assert session.lookups == 0
    with pytest.raises(NotFoundError, match="missing"):
        handle()


def test_a_new_current_version_is_found(
    session: MemorySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is current is asked again after a while, not at every call."""
    deploy_twice()
    answer = RemoteFunction.from_name("answer")
    session.current["answer"] = next(iter(session.versions))
    assert [answer("a"), answer("a")] == ["a: 1", "a: 1"]
    assert session.lookups == 1
    session.current["answer"] = list(session.versions)[-1]
    monkeypatch.setattr(named, "_CURRENT_S", 0.0)
    answer._stale_at = 0.0  # type: ignore[attr-defined]
    assert answer("a") == "a: 2"


def test_the_same_version_in_a_new_set_is_found(
    session: MemorySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its nested calls go elsewhere from then on."""
    deploy_twice()
    monkeypatch.setattr(named, "_CURRENT_S", 0.0)
    answer = RemoteFunction.from_name("answer")
    for members in (5, 6):
        session.set = members
        answer("a")
        assert answer.target is not None
        assert answer.target.set == members


def test_a_generator_gives_a_stream() -> None:
    """The kind is that of the deployed version."""

    @chalkcompute.function
    def count(n: int) -> Iterator[int]:
        yield from range(n)

    list(count(1))
    assert list(RemoteFunction.from_name("count")(3)) == [0, 1, 2]


def test_wrong_arguments_are_refused_here() -> None:
    """Names and counts are checked as the deployed version declares them."""
    deploy_twice()
    with pytest.raises(TypeError):
        RemoteFunction.from_name("answer")(to="x")


def test_it_can_be_waited_for(session: MemorySession) -> None:
    """wait_ready works without a body; local does not."""
    deploy_twice()
    handle = RemoteFunction.from_name("answer")
    handle.wait_ready(timeout=1)
    [(name, timeout)] = session.readied
    assert name == "answer"
    assert timeout == pytest.approx(1, abs=0.5)
    with pytest.raises(TypeError, match="looked up by name"):
        handle.local("x")


@pytest.mark.parametrize(
    ("name", "version", "kind"),
    [
        ("", None, ValueError),
        (3, None, TypeError),
        ("f", 0, ValueError),
        ("f", "1", TypeError),
        ("f", 10**10, ValueError),
    ],
)
def test_a_bad_name_is_refused(name: Any, version: Any, kind: type[Exception]) -> None:
    """The error says what was expected."""
    with pytest.raises(kind, match="expected"):
        RemoteFunction.from_name(name, version)


def test_it_travels_by_its_name() -> None:
    """Pickling asks nobody."""
    handle = RemoteFunction.from_name("answer", 2)
    assert handle.__reduce__() == (RemoteFunction.from_name, ("answer", 2))
    assert repr(handle) == "<remote function answer>"
