"""The Redis that Consul knows: how it is named, and what is refused."""

from __future__ import annotations

from contextlib import closing

import pytest

from fnq_core import primary
from fnq_core.connection import UNREACHABLE, connect
from fnq_wire.address import ConsulAddress
from tests.ports import free_port


class Listed:
    """A finder with a list."""

    name = ""

    def __init__(self, *instances: str) -> None:
        self.instances = instances

    def find(self, avoid: str = "") -> str:
        """Return the first that is not to be avoided."""
        return next((each for each in self.instances if each != avoid), self.instances[0])

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("url", "plain", "at"),
    [
        ("redis+consul://c:1", "redis://c:1?", ConsulAddress("c:1", "fnq-redis")),
        ("redis+consul://c:1/r", "redis://c:1?", ConsulAddress("c:1", "r")),
        ("redis+consul://:pw@c:1/r?db=2", "redis://:pw@c:1?db=2", ConsulAddress("c:1", "r")),
        ("redis+consul://[::1]:1", "redis://[::1]:1?", ConsulAddress("[::1]:1", "fnq-redis")),
    ],
)
def test_the_url_says_where_to_look_and_how_to_connect(
    url: str, plain: str, at: ConsulAddress
) -> None:
    """Password and number of the database are those of the Redis that is found."""
    assert primary.parse(url) == (plain, at)


@pytest.mark.parametrize("url", ["redis://r:1", "rediss://r:1", "unix:///r"])
def test_other_urls_are_the_librarys_own(url: str) -> None:
    """Nothing is looked for."""
    assert primary.parse(url) is None
    assert primary.arguments(url) == {"url": url}


@pytest.mark.parametrize("place", ["c", "c:port", "c:1/a/b", "c:1/a b", "[c:1"])
def test_a_url_that_is_none_is_refused_without_its_password(place: str) -> None:
    """The text says what was expected."""
    with pytest.raises(ValueError, match=r'expected "redis\+consul://') as told:
        primary.parse(f"redis+consul://:hunter2@{place}")
    assert "hunter2" not in str(told.value)


async def test_two_healthy_redis_are_one_too_many() -> None:
    """Nothing is sent to either: half of the system may use the other one."""
    connection = primary.PrimaryConnection(finder=Listed("h:1", "h:2"))
    with pytest.raises(UNREACHABLE, match="two Redis are healthy in Consul, at h:1 and h:2"):
        await connection.connect()  # type: ignore[no-untyped-call]


async def test_without_a_consul_redis_is_away() -> None:
    """The error names Consul, and never the password."""
    place = f"127.0.0.1:{free_port()}"
    url = f"redis+consul://:hunter2@{place}"
    client = connect(url)
    with closing(primary.arguments(url)["finder"]), pytest.raises(UNREACHABLE) as told:
        await client.execute_command("PING")
    assert f"cannot find fnq-redis: Consul at {place}" in str(told.value)
    assert "hunter2" not in str(told.value) + repr(client)
    await client.aclose()
