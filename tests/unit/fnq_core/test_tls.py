"""Listening and dialling with TLS, and what is said where two ends do not come together."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from fnq_core.listen import Listener
from fnq_core.rpc import channel
from fnq_wire import handshake
from fnq_wire.error import TlsError
from fnq_wire.tls import PLAIN, Tls
from tests.certificates import Authority
from tests.ports import free_port


@asynccontextmanager
async def listening(tls: Tls) -> AsyncIterator[str]:
    """Run a listener; give its address."""
    address = f"127.0.0.1:{free_port()}"
    listener = Listener(address, [], lambda server: None, None, tls=tls)
    await listener.start()
    yield address
    await listener.stop(0)


async def _serving(address: str, tls: Tls, name: str = "") -> bool:
    """Return whether a listener answers an end that has `tls`."""
    async with channel(address, tls, name) as link:
        stub = health_pb2_grpc.HealthStub(link)
        try:
            await stub.Check(health_pb2.HealthCheckRequest())
        except grpc.aio.AioRpcError:
            return False
        return True


async def _flaw(address: str, tls: Tls, name: str = "") -> str | None:
    return await asyncio.to_thread(handshake.problem, address, tls, name)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority that a listener's certificate is from."""
    return Authority(tmp_path)


async def test_whoever_trusts_the_authority_is_served(authority: Authority) -> None:
    """By the address' host, by the name that discovery says, or by one's own before that."""
    async with listening(authority.issue("server")) as address:
        tls = Tls(ca=authority.ca)
        for name, ours in (("", ""), ("fnq-server.service.consul", ""), ("else", "localhost")):
            mine = replace(tls, name=ours)
            assert await _serving(address, mine, name)
            assert await _flaw(address, mine, name) is None


async def test_each_way_not_to_come_together_is_told_apart(
    authority: Authority, tmp_path: Path
) -> None:
    """Without TLS here or there, another authority, another name; each with the remedy."""
    stranger = Authority(tmp_path, "stranger")
    tls = Tls(ca=authority.ca)
    server = authority.issue("server")
    for theirs, ours, name, words in (
        (server, PLAIN, "", "it speaks TLS, and here nobody said so: set FNQ_TLS_CA"),
        (PLAIN, tls, "", "it speaks no TLS, which FNQ_TLS_CA"),
        (
            server,
            Tls(ca=stranger.ca),
            "",
            f"another authority than {stranger.ca}, which FNQ_TLS_CA",
        ),
        (server, tls, "other.service.consul", "its certificate is not for 'other.service.consul'"),
        (authority.issue("far", "10.0.0.1"), tls, "", "its certificate is not for '127.0.0.1'"),
        (authority.issue("old", days=-1), tls, "", "certificate has expired): have it renewed"),
    ):
        async with listening(theirs) as address:
            assert not await _serving(address, ours, name)
            assert words in (await _flaw(address, ours, name) or "")


async def test_one_that_wants_certificates_takes_those_of_its_own_authority(
    authority: Authority, tmp_path: Path
) -> None:
    """No other, and not none."""
    clients = Authority(tmp_path, "clients")
    async with listening(replace(authority.issue("server"), client_ca=clients.ca)) as address:
        good = replace(clients.issue("me"), ca=authority.ca)
        assert await _serving(address, good)
        assert await _flaw(address, good) is None
        for bad, words in (
            (Tls(ca=authority.ca), "it wants a certificate of this end, and was shown none"),
            (authority.issue("me"), f"does not take {tmp_path}/ca-me.pem"),
        ):
            assert not await _serving(address, bad)
            assert words in (await _flaw(address, bad) or "")


async def test_nothing_is_said_of_who_is_not_there_or_says_nothing(authority: Authority) -> None:
    """Whether it speaks TLS is not known."""
    tls = Tls(ca=authority.ca)
    assert await _flaw(f"127.0.0.1:{free_port()}", tls) is None
    assert await _flaw("unix:/nowhere", tls) is None
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        found = await asyncio.gather(_flaw(address, tls), _flaw(address, PLAIN))
        assert not any(found)


async def test_a_socket_of_this_machine_stays_without(authority: Authority, tmp_path: Path) -> None:
    """With all settings made: it crosses no network."""
    tls = authority.issue("server")
    address = f"unix:{tmp_path}/s"
    listener = Listener(address, [], lambda server: None, None, tls=tls)
    await listener.start()
    assert await _serving(address, tls)
    assert await _serving(address, PLAIN)
    await listener.stop(0)


async def test_a_file_that_cannot_be_used_is_named(authority: Authority, tmp_path: Path) -> None:
    """At the start of a listener, and where something is dialled."""
    server, other = authority.issue("server"), authority.issue("other")
    text = tmp_path / "text"
    text.write_text("not PEM")
    address = f"127.0.0.1:{free_port()}"
    gone = f"cannot read {tmp_path}/gone: No such file or directory"
    for tls, words in (
        (Tls(ca=f"{tmp_path}/gone"), gone),
        (Tls(ca=str(text)), f"{text} holds no certificate in PEM"),
        (replace(server, key=f"{tmp_path}/gone"), gone),
        (
            replace(server, key=other.key),
            f"{server.certificate} and {other.key} are no certificate",
        ),
    ):
        with pytest.raises(TlsError, match=words):
            channel(address, tls)
        if tls.certificate:
            with pytest.raises(RuntimeError, match=words):
                await Listener(address, [], lambda server: None, None, tls=tls).start()


async def test_a_network_is_not_crossed_without_tls_by_who_has_part_of_it(
    authority: Authority, tmp_path: Path
) -> None:
    """A certificate or a name says that TLS is meant: what is dialled has the token otherwise."""
    server = authority.issue("server")
    for partial in (replace(server, ca=""), Tls(name="fnq-server.service.consul")):
        with pytest.raises(TlsError, match="is set without FNQ_TLS_CA"):
            channel("127.0.0.1:1", partial)
        await channel(f"unix:{tmp_path}/s", partial).close(None)


def test_half_of_what_it_takes_is_refused() -> None:
    """A certificate without its key, and a wish for others' without one's own."""
    for given in ({"certificate": "c"}, {"key": "k"}, {"client_ca": "a"}):
        with pytest.raises(ValueError, match="--tls-cert"):
            Tls(**given)
