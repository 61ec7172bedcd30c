"""Nomad behind TLS: what keeps the two from speaking is told apart."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fnq_server.orchestrator.nomad.door import Access, NomadDoor
from fnq_wire.error import StackError
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving

TOKEN = "3f9b8c1e-hunter2"


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """A certificate of this machine that vouches for itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nomad")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([here]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "nomad.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@pytest.fixture
def api(pem: Path) -> Iterator[NomadApi]:
    """A Nomad that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with serving(tls=context) as made:
        yield made


# That nobody checks is what was asked for.
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
async def test_a_nomad_whose_authority_is_known_is_asked(api: NomadApi, pem: Path) -> None:
    """Or one that nobody is to check."""
    for access in (
        Access(api.address, TOKEN, authority=str(pem)),
        Access(api.address, TOKEN, verify=False),
    ):
        assert await NomadDoor(access).nodes() == []


async def test_a_certificate_that_is_not_trusted_is_told_with_the_reason(api: NomadApi) -> None:
    """The token has not gone there."""
    with pytest.raises(StackError) as told:
        await NomadDoor(Access(api.address, TOKEN)).nodes()
    assert str(told.value) == (
        f"Nomad at {api.address} has a certificate that is not trusted (self-signed certificate): "
        "set NOMAD_CACERT to its authority"
    )
    assert api.tokens == set()


async def test_one_end_without_tls_is_told_which(api: NomadApi) -> None:
    """An address with https:// of a Nomad without, and the other way round."""
    with serving() as plain:
        address = plain.address.replace("http://", "https://")
        with pytest.raises(StackError, match=f"{address} does not agree with us on TLS"):
            await NomadDoor(Access(address, TOKEN)).nodes()
    plain_address = api.address.replace("https://", "http://")
    with pytest.raises(StackError, match=f"{plain_address}"):
        await NomadDoor(Access(plain_address, TOKEN)).nodes()


async def test_an_authority_that_is_no_file_is_named(api: NomadApi, tmp_path: Path) -> None:
    """As it is written."""
    lost = tmp_path / "lost.pem"
    with pytest.raises(StackError, match=f"{lost}; check NOMAD_CACERT"):
        await NomadDoor(Access(api.address, TOKEN, authority=str(lost))).nodes()
