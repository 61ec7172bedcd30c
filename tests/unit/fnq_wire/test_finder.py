"""Where a peer is: told, or asked of a Consul that is not there."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fnq_wire.error import DiscoveryError
from fnq_wire.finder import SERVER, Finder, finder
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


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Give the "host:port" of something that answers each question with `answer`."""

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("X-Consul-Index", "1")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{other.server_port}"
        finally:
            other.shutdown()
            thread.join()


def test_an_answer_that_is_not_consuls_is_a_typed_error() -> None:
    """Whatever the answer breaks."""
    with (
        answering(b'[{"no": "service"}]') as place,
        finding(f"consul://{place}") as found,
        pytest.raises(DiscoveryError, match="does not answer"),
    ):
        found.find()


def test_the_address_alone_says_how_consul_is_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a shell says to Consul's own tools about TLS and another address is not for it."""
    monkeypatch.setenv("CONSUL_HTTP_ADDR", "https://elsewhere:8501")
    monkeypatch.setenv("CONSUL_HTTP_SSL", "true")
    one = b'[{"Service": {"Address": "10.0.0.9", "Port": 7}}]'
    with answering(one) as place, finding(f"consul://{place}") as found:
        assert found.find() == "10.0.0.9:7"
