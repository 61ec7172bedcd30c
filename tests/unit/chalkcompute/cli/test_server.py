"""Which server a command asks."""

from __future__ import annotations

import pytest

from chalkcompute.cli import main, server
from tests.ports import free_port
from tests.unit.chalkcompute.cli.control_server import ControlServer, serving


class _Two:
    """Finds one of two instances, and the other one when asked to avoid that."""

    name = ""

    def __init__(self, first: str, second: str) -> None:
        self._addresses = (first, second)

    def find(self, avoid: str = "") -> str:
        """Return the first that is not to be avoided."""
        return next(each for each in self._addresses if each != avoid)

    def close(self) -> None:
        """Do nothing: nothing is followed."""


@pytest.mark.parametrize("dead_first", [True, False])
def test_a_command_asks_another_server_where_the_first_is_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, dead_first: bool
) -> None:
    """Consul may list it still; nobody sees that but by a moment's wait."""
    with serving(ControlServer()) as alive:
        found = [f"127.0.0.1:{free_port()}", alive]
        two = _Two(*(found if dead_first else found[::-1]))
        monkeypatch.setattr(server, "finder", lambda *_: two)
        monkeypatch.setenv("FNQ_ADDR", "consul://127.0.0.1:1")
        monkeypatch.setenv("NO_COLOR", "1")
        assert main(["status"]) == 0
    assert "add" in capsys.readouterr().out
