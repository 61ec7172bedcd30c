"""Lists of items that callers pass to functions that take batches."""

from __future__ import annotations

from typing import Any

import pytest

import chalkcompute
from chalkcompute import RemoteFunction
from chalkcompute.errors import ConnectionLostError, PayloadTooLargeError, RemoteError
from chalkcompute.inflight import Inflight
from tests.unit.chalkcompute.rowsession import RowSession

# What one item gives; a list of items gives a list of those.
Embed = RemoteFunction[..., Any, Any]


@pytest.fixture
def session() -> RowSession:
    """Return the session that calls of this test go through."""
    return RowSession()


@pytest.fixture
def embed(session: RowSession) -> Embed:
    """Return a function of batches of at most three items; the session runs it row by row."""

    @chalkcompute.function(max_batching_size=3)
    def embed(texts: list[str]) -> list[int]:
        return [10 // len(texts)]  # Of one text here.

    return embed


def test_a_list_is_sent_as_many_items_in_a_call_as_a_batch_takes(
    embed: Embed, session: RowSession
) -> None:
    """All calls are on their way before the first is waited for; one item is a call by itself."""
    assert embed(["a", "bb", "a", "bb", "a"]) == [[10], [5], [10], [5], [10]]
    assert session.sizes == [3, 2]
    assert embed([]) == []
    assert session.sizes == [3, 2]


def test_a_list_is_sent_to_a_version_that_takes_no_batches(
    embed: Embed, session: RowSession
) -> None:
    """As one call, whose rows it runs one by one: only looked up, it may be another source's."""
    assert embed("a") == [10]
    assert embed.target is not None
    embed.target.batch = 0
    assert embed(["a", "bb"]) == [[10], [5]]
    assert session.sizes == [0, 2]


def test_the_first_item_that_fails_is_raised_and_ends_the_rest(
    embed: Embed, session: RowSession
) -> None:
    """As the remote exception that it is."""
    with pytest.raises(RemoteError, match="ZeroDivisionError"):
        embed(["a", "", "a", "a"])
    assert [entry.cancelled for entry in session.sent] == [True, True]


def test_items_that_are_on_their_way_are_given_up_where_a_later_one_cannot_be_sent(
    session: RowSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for them any more."""

    @chalkcompute.function(max_batching_size=3, retries=1)
    def again(texts: list[str]) -> list[int]:
        return [len(texts)]

    submit = session.submit

    def break_at_the_third(*args: Any, **kwargs: Any) -> Inflight:
        if len(session.sent) == 2:
            raise ConnectionLostError("the server went away")
        return submit(*args, **kwargs)

    monkeypatch.setattr(session, "submit", break_at_the_third)
    with pytest.raises(ConnectionLostError):
        again(["a", "b", "c"])
    assert [entry.cancelled for entry in session.sent] == [True, True]


def test_a_list_that_is_too_large_is_refused_with_the_argument(
    embed: Embed, session: RowSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one item would be."""

    def refuse(*_: object, **__: object) -> None:
        raise PayloadTooLargeError("too many bytes")

    monkeypatch.setattr(session, "submit", refuse)
    with pytest.raises(PayloadTooLargeError, match='argument "texts" has'):
        embed(["a", "b"])
