"""A real Nomad with TLS, found by the variables of its own command."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fnq_server.orchestrator.nomad.door import Access, NomadDoor
from fnq_wire.error import StackError
from fnq_wire.tls import Tls
from jobs import command, remains
from jobs.agent import MARK, missing, own_environment
from tests import agents
from tests.certificates import Authority
from tests.nomad import until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.nomad,
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(missing(["nomad"])), reason="not on the path: nomad"),
]


@dataclass(frozen=True)
class SecuredNomad:
    """Its "host:port", and what its certificates are from."""

    place: str
    authority: Authority


@pytest.fixture(scope="module")
def nomad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredNomad]:
    """A Nomad that speaks TLS alone, and only with whom it knows by a certificate."""
    authority = Authority(tmp_path_factory.mktemp("pki"))
    tls = authority.issue("nomad", "127.0.0.1", "client.global.nomad")
    with tempfile.TemporaryDirectory(prefix="n-") as folder:
        state = Path(folder).resolve() / "s"
        state.mkdir()
        _, port = agents.ports()
        command.configure_nomad(port, state, "127.0.0.1:1")
        _secure(state / "nomad.json", tls)
        with (state / "log").open("wb") as log:
            process = subprocess.Popen(
                command.nomad(port, state).command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=own_environment() | {MARK: str(state)},
            )
        try:
            yield SecuredNomad(f"127.0.0.1:{port}", authority)
        finally:
            process.terminate()
            process.wait()
            remains.remove(state)


def _secure(file: Path, tls: Tls) -> None:
    settings = json.loads(file.read_text())
    settings["tls"] = {
        "http": True,
        "verify_https_client": True,
        "ca_file": tls.ca,
        "cert_file": tls.certificate,
        "key_file": tls.key,
    }
    file.write_text(json.dumps(settings))


async def test_a_nomad_with_tls_is_asked_by_who_shows_a_certificate(
    nomad: SecuredNomad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody else hears what is wrong, and which variable mends it."""
    shown = nomad.authority.issue("server")
    monkeypatch.setenv("NOMAD_ADDR", f"https://{nomad.place}")
    monkeypatch.setenv("NOMAD_CACERT", shown.ca)
    monkeypatch.setenv("NOMAD_CLIENT_CERT", shown.certificate)
    monkeypatch.setenv("NOMAD_CLIENT_KEY", shown.key)

    async def nodes() -> int:
        try:
            return len(await NomadDoor(Access.of(None, "default")).nodes())
        except StackError:
            return 0

    assert await until(nodes, bool) == 1
    with pytest.raises(StackError, match="speaks TLS: write https:// in --nomad or NOMAD_ADDR"):
        await NomadDoor(Access.of(f"http://{nomad.place}", "default")).nodes()
    monkeypatch.setenv("NOMAD_CLIENT_CERT", "")
    with pytest.raises(StackError, match="check NOMAD_CLIENT_CERT and NOMAD_CLIENT_KEY"):
        await NomadDoor(Access.of(None, "default")).nodes()
    monkeypatch.setenv("NOMAD_CACERT", Authority(tmp_path).ca)
    with pytest.raises(StackError, match=r"not trusted .*: set NOMAD_CACERT to its authority"):
        await NomadDoor(Access.of(None, "default")).nodes()
