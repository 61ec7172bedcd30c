"""An authority of a test's own, and certificates from it, as files in PEM."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fnq_wire.tls import Tls

__all__ = ["NAMES", "Authority"]

#: What the certificate of a service is for, unless a test says otherwise.
NAMES = (
    "localhost",
    "127.0.0.1",
    *(f"fnq-{each}.service.consul" for each in ("server", "consumer", "redis")),
)
_DAY = datetime.timedelta(days=1)


class Authority:
    """Signs certificates; all files lie in `folder`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"fnq tests {name}")])
        made = self._begin(self._subject, self._key, 1).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.ca = str(folder / f"{name}.pem")
        self._sign(made, self.ca)

    def _begin(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * _DAY)
            .not_valid_after(now + days * _DAY)
        )

    def _sign(self, made: x509.CertificateBuilder, path: str) -> None:
        signed = made.sign(self._key, hashes.SHA256())
        Path(path).write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *names: str, days: int = 1) -> Tls:
        """Return what an end has that trusts this authority and shows a certificate for `names`.

        NAMES unless there are any. It ends in so many days, or did when they are negative.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._begin(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, days
        ).add_extension(
            x509.SubjectAlternativeName([_general(each) for each in names or NAMES]),
            critical=False,
        )
        certificate = str(self._folder / f"{self._name}-{name}.pem")
        self._sign(made, certificate)
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        Path(f"{certificate}.key").write_bytes(secret)
        return Tls(ca=self.ca, certificate=certificate, key=f"{certificate}.key")


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
