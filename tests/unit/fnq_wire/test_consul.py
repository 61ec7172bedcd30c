"""The one door to Consul; the other side is a stand-in that answers in Consul's own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from fnq_wire.consul import read_key
from fnq_wire.error import DiscoveryError
from fnq_wire.finder import SERVER, Finder, finder
from tests.consulapi import ConsulApi, consul_api
from tests.loop import eventually
from tests.ports import free_port


@pytest.fixture
def api() -> Iterator[ConsulApi]:
    """A Consul that knows nothing."""
    with consul_api() as made:
        yield made


def _finder(api: ConsulApi) -> Finder:
    return finder(f"consul://{api.place}", SERVER)


def _instance(port: int, address: str = "10.0.0.9") -> dict[str, Any]:
    return {"Node": {"Address": "10.0.0.1"}, "Service": {"Address": address, "Port": port}}


def test_what_lies_at_a_key_is_text(api: ConsulApi) -> None:
    """With the token of Consul's own tools; no key is another thing than an empty one."""
    api.keys = {"fnq/bounds": b"cpu = 4\n", "fnq/empty": b""}
    found = [read_key(api.place, f"fnq/{each}") for each in ("bounds", "empty", "none")]
    assert found == ["cpu = 4\n", "", None]


def test_the_token_of_the_environment_goes_along(
    api: ConsulApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To keys and to services; an error never shows it."""
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "hunter2")
    api.refusal = (403, "ACL not found")
    with pytest.raises(DiscoveryError) as told:
        read_key(api.place, "fnq/bounds")
    with closing(_finder(api)) as found, pytest.raises(DiscoveryError) as told_too:
        found.find()
    assert api.tokens == {"hunter2"}
    assert "hunter2" not in f"{told.value!r}{told_too.value!r}"


@pytest.mark.parametrize(
    ("refusal", "why"),
    [
        ((500, "No cluster leader"), "500 No cluster leader"),
        ((200, "<html>"), "Failed to decode JSON: <html>"),
        ((400, "Bad request"), "400 Bad request"),
    ],
)
def test_a_key_that_cannot_be_read_now_is_told_in_consuls_words(
    api: ConsulApi, refusal: tuple[int, str], why: str
) -> None:
    """And so where nothing listens."""
    api.refusal = refusal
    with pytest.raises(DiscoveryError, match=f"at {api.place} cannot be read .{why}"):
        read_key(api.place, "fnq/bounds")
    with pytest.raises(DiscoveryError, match="Connection refused"):
        read_key(f"127.0.0.1:{free_port()}", "fnq/bounds")


def test_a_service_that_nobody_registered_is_waited_for_and_named(api: ConsulApi) -> None:
    """With the remedy, after the first patience."""
    text = f"cannot find fnq-server: Consul at {api.place} knows no healthy one; start one and"
    with closing(_finder(api)) as found, pytest.raises(DiscoveryError, match=text):
        found.find()


async def test_a_token_that_is_taken_away_costs_no_instance(api: ConsulApi) -> None:
    """What was known last is gone by; once there is one again changes are followed."""
    api.healthy["fnq-server"] = [_instance(7)]
    with closing(_finder(api)) as found:
        assert found.find() == "10.0.0.9:7"
        api.refusal = (403, "Permission denied")
        assert {found.find() for _ in range(20)} == {"10.0.0.9:7"}
        api.healthy["fnq-server"] = [_instance(8)]
        api.refusal = None
        await eventually(lambda: found.find() == "10.0.0.9:8")


def test_a_finder_that_is_closed_asks_no_more(api: ConsulApi) -> None:
    """It still finds what it knew; one that was never asked has nothing to end."""
    api.healthy["fnq-server"] = [_instance(7, "fd00::1"), _instance(8, "")]
    found = _finder(api)
    assert {found.find() for _ in range(50)} == {"[fd00::1]:7", "10.0.0.1:8"}
    found.close()
    assert found.find() in {"[fd00::1]:7", "10.0.0.1:8"}
    _finder(api).close()
