"""Addresses of peers, as settings and command lines have them."""

from __future__ import annotations

import pytest

from fnq_wire.address import ConsulAddress, check


@pytest.mark.parametrize(
    "address",
    [
        "localhost:80",
        "[::1]:80",
        "unix:/run/s",
        "consul://consul:8500",
        "consul://[::1]:8500",
        "consul://127.0.0.1:8500/fnq-server-2",
    ],
)
def test_a_good_address_comes_back(address: str) -> None:
    """Each form of the grammar."""
    assert check(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "unix:",
        "localhost",
        "localhost:0",
        "localhost:65536",
        "http://localhost:80",
        "consul://",
        "consul://consul",
        "consul://:8500",
        "consul://consul:8500/",
        "consul://consul:8500/a/b",
        "consul://consul:8500/a b",
        f"consul://consul:8500/{'a' * 64}",
    ],
)
def test_a_bad_address_is_refused_with_what_was_expected(address: str) -> None:
    """And with what came."""
    with pytest.raises(ValueError, match=r'expected "(host:port|consul:)') as told:
        check(address)
    assert repr(address) in str(told.value)


def test_the_service_is_the_default_unless_the_address_names_another() -> None:
    """An address that is not Consul's has none."""
    assert ConsulAddress.parse("consul://c:1", "s") == ConsulAddress("c:1", "s")
    assert ConsulAddress.parse("consul://c:1/t", "s") == ConsulAddress("c:1", "t")
    assert ConsulAddress.parse("c:1", "s") is None
