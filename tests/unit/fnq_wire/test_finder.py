"""Where a peer is: told, or asked of a Consul that is not there."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from fnq_wire.error import DiscoveryError
from fnq_wire.finder import SERVER, Finder, finder
from fnq_wire.tls import PLAIN, Tls
from tests.answering import answering
from tests.certificates import Authority
from tests.ports import free_port


@contextmanager
def finding(address: str) -> Iterator[Finder]:
    """Give a finder of servers, and close it."""
    made = finder(address, SERVER)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("address", ["unix:/run/s", "localhost:80"])
def test_a_fixed_address_is_found_always(address: str) -> None:
    """Also when it is to be avoided: there is no other."""
    with finding(address) as found:
        assert found.find() == found.find(avoid=address) == address


def test_an_address_that_is_none_is_refused() -> None:
    """Before anything is looked for."""
    with pytest.raises(ValueError, match="expected"):
        finder("nowhere", SERVER)


def test_without_a_consul_the_error_comes_at_once() -> None:
    """With its address, the service and the remedy; and each time again, without a wait."""
    place = f"127.0.0.1:{free_port()}"
    with finding(f"consul://{place}") as found:
        for _ in range(2):
            begun = time.monotonic()
            with pytest.raises(DiscoveryError) as told:
                found.find()
            assert time.monotonic() - begun < 0.9
            assert f"cannot find fnq-server: Consul at {place} does not answer" in str(told.value)
            assert "Connection refused" in str(told.value)
            assert "start it, or correct the address" in str(told.value)


def test_a_consul_that_is_silent_is_waited_for_a_second_once() -> None:
    """Later questions do not wait: they may come from an event loop."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        with finding(f"consul://{place}") as found:
            begun = time.monotonic()
            with pytest.raises(DiscoveryError, match="no answer within 1 s"):
                found.find()
            between = time.monotonic()
            assert between - begun >= 0.9
            with pytest.raises(DiscoveryError):
                found.find()
            assert time.monotonic() - between < 0.5


def test_an_answer_that_is_not_consuls_is_a_typed_error() -> None:
    """Whatever the answer breaks."""
    with (
        answering(b'[{"no": "service"}]', headers=_INDEX) as place,
        finding(f"consul://{place}") as found,
        pytest.raises(DiscoveryError, match="does not answer"),
    ):
        found.find()


def test_an_address_that_a_shell_has_for_consuls_own_tools_is_not_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one of the settings is."""
    monkeypatch.setenv("CONSUL_HTTP_ADDR", "https://elsewhere:8501")
    with answering(_ONE, headers=_INDEX) as place, finding(f"consul://{place}") as found:
        assert found.find() == "10.0.0.9:7"


def test_a_consul_with_tls_is_asked_by_the_variables_of_its_own_tools(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """CONSUL_HTTP_SSL, and CONSUL_CACERT; where they do not fit the error names them."""
    tls, stranger = Authority(tmp_path).issue("consul"), Authority(tmp_path, "stranger")
    for variables, expected in (
        ({"CONSUL_HTTP_SSL": "true", "CONSUL_CACERT": tls.ca}, "10.0.0.9:7"),
        ({"CONSUL_HTTP_SSL": "T", "CONSUL_CACERT": tls.ca}, "10.0.0.9:7"),
        ({"CONSUL_HTTP_SSL": "true", "CONSUL_CACERT": stranger.ca}, "set CONSUL_CACERT to the"),
        ({"CONSUL_HTTP_SSL": "true", "CONSUL_CACERT": "/gone"}, "/gone"),
    ):
        assert expected in _found(_ONE, variables, monkeypatch, tls)
    ssl_set = {"CONSUL_HTTP_SSL": "true"}
    assert "CONSUL_HTTP_SSL asks for: unset that" in _found(_ONE, ssl_set, monkeypatch)


def test_a_consul_with_tls_that_is_asked_without_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """In Go's words; what to set is added."""
    refusal = b"Client sent an HTTP request to an HTTPS server."
    assert "set CONSUL_HTTP_SSL=true" in _found(refusal, {}, monkeypatch, status=400)


_INDEX = {"X-Consul-Index": "1"}
_ONE = b'[{"Service": {"Address": "10.0.0.9", "Port": 7}}]'


def _found(
    answer: bytes,
    variables: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tls: Tls = PLAIN,
    status: int = 200,
) -> str:
    """Return what is found with the variables, or what is said instead."""
    with (
        monkeypatch.context() as patch,
        answering(answer, status=status, headers=_INDEX, tls=tls) as place,
        finding(f"consul://{place}") as found,
    ):
        for name, value in variables.items():
            patch.setenv(name, value)
        try:
            return found.find()
        except DiscoveryError as problem:
            return str(problem)
