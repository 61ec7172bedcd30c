"""The check that an image brings."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from fnq_core.listen import Listener
from fnq_core.probe import listens_at, main
from tests.certificates import Authority
from tests.ports import free_port


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


async def test_a_service_with_tls_is_asked_as_one_who_knows_it(tmp_path: Path) -> None:
    """By its own certificate, given as an option or a variable, whatever host that is for."""
    authority = Authority(tmp_path)
    tls = replace(authority.issue("server", "far.example"), client_ca=authority.ca)
    address = f"127.0.0.1:{free_port()}"
    listener = Listener(address, [], lambda server: None, None, tls=tls)
    await listener.start()
    command = ["python", "--listen", address]
    options = [f"--tls-cert={tls.certificate}", "--tls-key", tls.key]
    variables = {"FNQ_TLS_CERT": tls.certificate, "FNQ_TLS_KEY": tls.key}
    assert await asyncio.to_thread(main, [*command, *options], {}) == 0
    assert await asyncio.to_thread(main, command, variables) == 0
    assert await asyncio.to_thread(main, command, {}) == 1
    await listener.stop(0)
    assert await asyncio.to_thread(main, command, variables) == 1
