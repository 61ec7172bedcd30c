"""What operators set of replicas."""

from __future__ import annotations

import pytest

from fnq_core import keys
from fnq_core.scalings import Scaling, ScalingBook
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import connected


@pytest.mark.parametrize(
    ("scaling", "bounds"),
    [
        (Scaling(), (2, 4)),
        (Scaling(least=0), (0, 4)),
        (Scaling(least=6), (6, 6)),
        (Scaling(most=8), (2, 8)),
        (Scaling(most=1), (1, 1)),
        (Scaling(1, 3), (1, 3)),
    ],
)
def test_what_is_set_wins_over_a_decorator(scaling: Scaling, bounds: tuple[int, int]) -> None:
    """Also where the two contradict each other; the decorator says 2 to 4."""
    assert scaling.bounds(2, 4) == bounds


async def test_what_is_set_is_found_until_it_is_reset(server: RedisServer) -> None:
    """By function and namespace; nothing is left of it."""
    async with connected(server) as client:
        book = ScalingBook(client)
        await book.set("default", "f", Scaling(most=3))
        await book.set("other", "g h", Scaling(1, 2))
        assert await book.find("default", "f") == Scaling(most=3)
        assert await book.find("default", "g") == Scaling()
        assert await book.all(["default", "other", "none"]) == {
            ("default", "f"): Scaling(most=3),
            ("other", "g h"): Scaling(1, 2),
        }
        for namespace, function in (("default", "f"), ("other", "g h")):
            await book.set(namespace, function, Scaling())
        assert server.names() == [keys.REVISION]


async def test_what_cannot_be_read_is_as_if_nothing_were_set(server: RedisServer) -> None:
    """The decorator counts, and all other functions go on as they were."""
    async with connected(server) as client:
        book = ScalingBook(client)
        for words in ("", "x 1", "1", "1 2 3", b"\xff -"):
            server.ask("HSET", keys.scalings("default"), "f", words)
            assert await book.find("default", "f") == Scaling()
        await book.set("default", "g", Scaling(most=3))
        assert (await book.all(["default"]))["default", "g"] == Scaling(most=3)
        server.ask("DEL", keys.scalings("default"))
