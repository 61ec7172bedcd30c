"""Handles whose calls ask for something besides: `f.options(...)`."""

from __future__ import annotations

import sys

import pytest

import chalkcompute
from chalkcompute import RemoteFunction
from tests.unit.chalkcompute.memory import MemorySession

Treble = RemoteFunction[[int], int, int]


def triple(number: int) -> int:
    """Return three times the number."""
    return 3 * number


@pytest.fixture
def treble(monkeypatch: pytest.MonkeyPatch) -> Treble:
    """Return a handle that is found by its name; of the test's deployment, not the process'."""
    handle = chalkcompute.function(triple)
    monkeypatch.setattr(sys.modules[__name__], "triple", handle)
    return handle


def test_what_was_asked_for_travels_with_a_handle(treble: Treble) -> None:
    """By whatever a handle can be found again."""
    named = RemoteFunction.from_name("triple", 2)
    for handle in (treble, named):
        asked = handle.options(timeout=1.5, tags={"a": "b"})
        reduced = asked.__reduce__()
        assert isinstance(reduced, tuple)
        make, arguments = reduced
        back = make(*arguments)
        assert (arguments[0], type(back), back.terms) == (handle, type(handle), asked.terms)


def test_attributes_of_a_body_are_not_taken_for_those_of_its_handle(
    session: MemorySession,
) -> None:
    """A function may have any: they are its own."""

    def double(number: int) -> int:
        return 2 * number

    vars(double).update(terms="of sale", origin="here", items=["a"], target="none", name="x")
    handle = chalkcompute.function(double)
    assert handle(2) == 4


@pytest.mark.parametrize("name", ["timeout", "deadline"])
def test_times_that_no_call_can_be_given_are_refused_at_once(treble: Treble, name: str) -> None:
    """Rather than when the first call is made."""
    with pytest.raises(ValueError, match=f"{name}: expected at most"):
        treble.options(**{name: 1e300})  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", [{"idempotency_key": "\ud800"}, {"tags": {"a": "\ud800"}}])
def test_text_that_cannot_travel_is_refused_at_once(
    treble: Treble, asked: dict[str, object]
) -> None:
    """Half a character: no UTF-8 has it."""
    with pytest.raises(ValueError, match=next(iter(asked))):
        treble.options(**asked)  # type: ignore[arg-type]
