"""What agents say of themselves."""

from __future__ import annotations

from fnq_core import keys
from fnq_core.presence import TTL_S, Presence, PresenceBoard
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import connected


def _presence(agent: str, version: str = "a1", **given: object) -> Presence:
    made = Presence("default", "f", version, agent, replica=0, pid=7)
    for name, value in given.items():
        setattr(made, name, value)
    return made


async def test_an_agent_is_present_for_a_while(server: RedisServer) -> None:
    """As it said at its last renewal; it goes by itself."""
    async with connected(server) as client:
        board = PresenceBoard(client)
        said = _presence(
            "x", busy=3, state="failed", reason="so", traceback="T\n", runners="9:1 10:2"
        )
        await board.post(_presence("x"))
        await board.post(said)
        assert await board.of("default", "a1") == [said]
        assert list(said.processes()) == [(9, 1), (10, 2)]
        assert all(0 < server.ask("TTL", key) <= TTL_S for key in server.names())


async def test_agents_are_found_by_version_or_all_together(server: RedisServer) -> None:
    """Ordered by function and replica, and of one namespace only."""
    async with connected(server) as client:
        board = PresenceBoard(client)
        first, second = _presence("x", replica=1), _presence("y", replica=0)
        other = _presence("z", "b1", function="g")
        for each in (first, second, other):
            await board.post(each)
        assert await board.of("default") == [second, first, other]
        assert await board.of("default", "b1") == [other]
        assert await board.of("elsewhere") == []


async def test_an_agent_that_ends_is_gone_at_once(server: RedisServer) -> None:
    """Withdrawing twice is fine."""
    async with connected(server) as client:
        board = PresenceBoard(client)
        await board.post(_presence("x"))
        for _ in range(2):
            await board.withdraw(_presence("x"))
        assert await board.of("default") == []


async def test_an_agent_takes_the_place_of_those_that_had_its_index(server: RedisServer) -> None:
    """They have died, or say at their next post that they are there; then both are."""
    async with connected(server) as client:
        board = PresenceBoard(client)
        dead, ending, other = _presence("d"), _presence("e"), _presence("o", replica=1)
        elsewhere, next_one = _presence("z", "b1"), _presence("n")
        for each in (dead, ending, other, elsewhere):
            await board.post(each)
        assert not await board.arrive(next_one)
        assert await board.of("default", "a1") == [next_one, other]
        await board.post(ending)
        await board.post(next_one)
        found = await board.of("default", "a1")
        assert {each.agent for each in found} == {"e", "n", "o"}
        assert await board.of("default", "b1") == [elsewhere]


async def test_an_agent_whose_stream_broke_is_there_if_it_says_so(server: RedisServer) -> None:
    """One that has said nothing since is dead."""
    async with connected(server) as client:
        board = PresenceBoard(client)
        for agent in ("dead", "alive"):
            await board.post(_presence(agent))
        server.ask("PEXPIRE", keys.presence("default", "a1", "dead"), TTL_S * 1_000 - 2_000)
        for agent in ("dead", "alive", "unknown"):
            await board.lose("default", "a1", agent, 2.0)
        assert await board.of("default", "a1") == [_presence("alive")]
        assert server.ask("ZRANGE", keys.workers("default", "a1"), 0, -1) == [b"alive"]


async def test_a_look_costs_by_the_agents_and_not_by_the_keys(server: RedisServer) -> None:
    """Whatever else lies in Redis, and whatever other versions have agents."""
    async with connected(server) as client:
        board = PresenceBoard(client)
        for number in range(2_000):
            server.ask("SET", f"fnq:test:{number}", 1, "EX", 60)
        for number in range(20):
            await board.post(_presence(f"o{number}", "b1"))
        for agent in ("x", "y"):
            await board.post(_presence(agent))
        server.spent()
        assert len(await board.of("default", "a1")) == 2
        assert sum(server.spent().values()) <= 1 + 1 + 2
        assert await board.of("default", "none") == []
        assert sum(server.spent().values()) == 1 + 1


async def test_agents_that_died_are_not_counted_for_long(server: RedisServer) -> None:
    """Also where another agent of the version is posted again and again."""
    async with connected(server) as client:
        board = PresenceBoard(client)
        for number in range(50):
            await board.post(_presence(f"dead{number}"))
        for key in server.names("*:dead*"):
            server.ask("DEL", key)
        workers = keys.workers("default", "a1")
        for number in range(50):
            server.ask("ZADD", workers, 0, f"dead{number}")
        await board.post(_presence("x"))
        assert await board.of("default", "a1") == [_presence("x")]
        assert server.ask("ZCARD", workers) == 1


async def test_versions_without_agents_are_named(server: RedisServer) -> None:
    """Of several namespaces, in one round trip."""
    async with connected(server) as client:
        board = PresenceBoard(client)
        await board.post(_presence("x"))
        asked = [("default", "b1"), ("default", "a1"), ("other", "a1")]
        assert await board.missing(asked) == [("default", "b1"), ("other", "a1")]
        await board.withdraw(_presence("x"))
        assert await board.missing(asked) == asked
        assert await board.missing([]) == []


async def test_what_an_agent_of_another_release_says_more_is_passed_over(
    server: RedisServer,
) -> None:
    """And an agent of which that is damaged is as if it were not there."""
    async with connected(server) as client:
        board = PresenceBoard(client)
        for agent in ("a", "b", "c"):
            await board.post(Presence("skewed", "f", "v", agent, 0, 7))
        server.ask("HSET", keys.presence("skewed", "v", "a"), "mood", "good")
        server.ask("HSET", keys.presence("skewed", "v", "b"), "busy", "very")
        server.ask("HDEL", keys.presence("skewed", "v", "c"), "pid")
        assert [each.agent for each in await board.of("skewed", "v")] == ["a"]
