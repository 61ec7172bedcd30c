"""Redis over TLS, named by its address or found through Consul."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from fnq_core import primary
from fnq_core.connection import RedisClosedError, check, connect
from fnq_core.redistls import complete
from fnq_wire.tls import PLAIN, Tls
from tests.certificates import Authority
from tests.ports import free_port
from tests.redis import RedisServer
from tests.unit.fnq_core.test_primary import Listed

needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="no redis-server that speaks TLS is on the path"
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority that Redis' certificate is from."""
    return Authority(tmp_path)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[[Tls], str]]:
    """Start a Redis with TLS or without; return its place."""
    with ExitStack() as stack:

        def start(tls: Tls) -> str:
            folder = Path(tempfile.mkdtemp(dir=tmp_path))
            server = RedisServer(folder, port=free_port(), tls=tls)
            server.start()
            stack.callback(server.kill)
            return f"127.0.0.1:{server.port}"

        yield start


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://r:1", "redis://r:1"),
        ("unix:///r", "unix:///r"),
        ("rediss://r:1", "rediss://r:1?ssl_ca_certs=%2Fca&ssl_certfile=c&ssl_keyfile=k"),
        (
            "rediss+consul://c:1?db=2&ssl_ca_certs=own",
            "rediss+consul://c:1?db=2&ssl_ca_certs=own&ssl_certfile=c&ssl_keyfile=k&tls_name=n",
        ),
    ],
)
def test_a_url_is_given_what_the_settings_say_of_tls(url: str, expected: str) -> None:
    """Unless it speaks none, or says so itself."""
    assert complete(url, Tls(ca="/ca", certificate="c", key="k", name="n")) == expected
    assert complete(url, PLAIN) == url


@needs_redis
async def test_a_redis_with_tls_is_used(
    authority: Authority, running: Callable[[Tls], str]
) -> None:
    """Also one that wants to see a certificate."""
    tls = authority.issue("redis")
    for theirs in (tls, replace(tls, client_ca=authority.ca)):
        client = connect(complete(f"rediss://{running(theirs)}", tls))
        assert await check(client)
        await client.aclose()


@needs_redis
async def test_one_that_consul_finds_is_known_by_its_name(
    authority: Authority, running: Callable[[Tls], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the service in Consul's DNS, or the one of the settings."""
    place = running(authority.issue("redis", "fnq-redis.service.consul"))
    tls = Tls(ca=authority.ca)
    found = Listed(place)
    found.name = "fnq-redis.service.consul"
    monkeypatch.setattr(primary, "_following", lambda at: found)
    client = connect(complete("rediss+consul://c:1", tls))
    assert await check(client)
    await client.aclose()
    client = connect(f"rediss://{place}?ssl_cert_reqs=none")
    assert await check(client)
    await client.aclose()
    client = connect(complete("rediss+consul://c:1", replace(tls, name="mine")))
    with pytest.raises(RedisClosedError, match="its certificate is not for 'mine'"):
        await check(client)
    await client.aclose()


@needs_redis
async def test_each_way_not_to_come_together_is_told_apart(
    authority: Authority, running: Callable[[Tls], str], tmp_path: Path
) -> None:
    """At the start, which ends with it: waiting would not help."""
    tls = authority.issue("redis")
    stranger = Authority(tmp_path, "stranger")
    for theirs, scheme, ours, words in (
        (tls, "redis", PLAIN, "it speaks TLS: write rediss:// in place of redis://"),
        (PLAIN, "rediss", tls, "it speaks no TLS, which rediss:// asks for"),
        (tls, "rediss", Tls(ca=stranger.ca), "its certificate is not trusted"),
        (authority.issue("far", "r.example"), "rediss", tls, "is not for '127.0.0.1'"),
        (authority.issue("old", days=-1), "rediss", tls, "has expired"),
        (replace(tls, client_ca=stranger.ca), "rediss", tls, "it wants a certificate of this end"),
        (tls, "rediss", Tls(ca="/gone"), "cannot read /gone"),
    ):
        place = running(theirs)
        client = connect(complete(f"{scheme}://{place}", ours))
        with pytest.raises(RedisClosedError, match=words):
            await check(client)
        await client.aclose()
