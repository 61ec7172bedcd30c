"""The check that an image brings."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fnq_core.listen import Listener
from fnq_core.probe import listens_at, main


@pytest.mark.parametrize(
    ("command", "address"),
    [
        ("python -m fnq_server --listen 0.0.0.0:7000 --redis r", "127.0.0.1:7000"),
        ("/sbin/init -- python -m fnq_server --listen=[::]:7000", "[::1]:7000"),
        ("python -m fnq_server --listen 10.0.0.1:7000", "10.0.0.1:7000"),
        ("python -m fnq_server --listen unix:/run/s", "unix:/run/s"),
        ("python -m fnq_worker --consumer c", None),
    ],
)
def test_the_address_is_that_of_the_command_line(command: str, address: str | None) -> None:
    """Everywhere is also here."""
    assert listens_at(command.split()) == address


async def test_a_service_is_as_well_as_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A container is healthy only while its service does its job."""
    address = f"unix:{tmp_path}/s"
    listener = Listener(address, [], lambda server: None, "secret")
    command = ["python", "--listen", address]
    assert await asyncio.to_thread(main, command) == 1
    await listener.start()
    assert await asyncio.to_thread(main, command) == 0
    await listener.set_health(False)
    assert await asyncio.to_thread(main, command) == 1
    assert "not serving" in capsys.readouterr().err
    await listener.stop(0)
    assert await asyncio.to_thread(main, ["python"]) == 1
