"""Connecting to peers that come and go."""

from __future__ import annotations

from fnq_core.dialer import Dialer


class Asked:
    """A finder that says what it was told to, and takes note of what was to be avoided."""

    name = ""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.avoided: list[str] = []

    def find(self, avoid: str = "") -> str:
        """Return the next answer."""
        self.avoided.append(avoid)
        return self.answers.pop(0)

    def close(self) -> None:
        """Do nothing."""


async def test_each_connect_avoids_the_peer_before() -> None:
    """And the one in use is known by its address."""
    peers = Asked("h:1", "h:2", "h:1")
    dialer = Dialer(peers)
    for address in ("h:1", "h:2", "h:1"):
        async with dialer.dial():
            assert dialer.address == address
    assert peers.avoided == ["", "h:1", "h:2"]
