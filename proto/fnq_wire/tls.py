"""TLS of a connection: whom this end trusts, and what it shows of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from fnq_wire.error import TlsError
from fnq_wire.transport import OPTIONS

if TYPE_CHECKING:
    import ssl

__all__ = ["PLAIN", "Tls"]

#: What addresses begin with that cross no network.
_LOCAL = "unix:"


@dataclass(frozen=True, slots=True)
class Tls:
    """Paths of files in PEM, and the name that the certificate of a peer bears; "" for none.

    With `ca` what is dialled speaks TLS, with `certificate` what listens does, and with
    `client_ca` that lets in only whose certificate is from there. A Unix socket stays as it
    is: it crosses no network. Files are read when a connection, or a listener, is made.
    """

    ca: str = ""
    certificate: str = ""
    key: str = ""
    name: str = ""
    client_ca: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for what is of no use without something else."""
        if bool(self.certificate) != bool(self.key):
            raise ValueError(
                "a certificate and its key go together: "
                "give both, --tls-cert (FNQ_TLS_CERT) and --tls-key (FNQ_TLS_KEY)"
            )
        if self.client_ca and not self.certificate:
            raise ValueError("--tls-client-ca needs --tls-cert and --tls-key")

    def dials(self, address: str) -> bool:
        """Return whether a connection to `address` is to speak TLS."""
        return bool(self.ca) and not address.startswith(_LOCAL)

    def dial(
        self, address: str, name: str
    ) -> tuple[grpc.ChannelCredentials, list[tuple[str, str | int]]] | None:
        """Return credentials and options of a channel to `address`; None for one without TLS.

        Its certificate must be for our own `name`, else for `name`, else for the host.
        Raises TlsError that names a file which cannot be used, or that `ca` lacks beside
        the others: whoever says what to show, or whom to expect, does not mean to be overheard.
        """
        if not self.dials(address):
            if (self.certificate or self.name) and not address.startswith(_LOCAL):
                raise TlsError(
                    "a certificate (FNQ_TLS_CERT) or a name (FNQ_TLS_NAME) is set without "
                    f"FNQ_TLS_CA (--tls-ca), and {address} would be talked to without TLS: "
                    "set that to the file of the authority of its certificate, or unset the others"
                )
            return None
        self.context()
        options: list[tuple[str, str | int]] = [*OPTIONS]
        if self.name or name:
            options.append(("grpc.ssl_target_name_override", self.name or name))
        shown = (_read(self.key), _read(self.certificate)) if self.certificate else (None, None)
        return grpc.ssl_channel_credentials(_read(self.ca), *shown), options

    def listen(self, address: str) -> grpc.ServerCredentials | None:
        """Return what listens at `address` with; None: without TLS. Raises TlsError as `dial`."""
        if not self.certificate or address.startswith(_LOCAL):
            return None
        _shown(_context(self.client_ca), self.certificate, self.key)
        return grpc.ssl_server_credentials(
            [(_read(self.key), _read(self.certificate))],
            _read(self.client_ca) if self.client_ca else None,
            require_client_auth=bool(self.client_ca),
        )

    def context(self) -> ssl.SSLContext:
        """Return the same for Python's own TLS. Raises TlsError as `dial`."""
        return _shown(_context(self.ca), self.certificate, self.key)


#: Of an end that was told nothing.
PLAIN = Tls()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as problem:
        raise TlsError(f"cannot read {path}: {problem.strerror}") from problem


def _context(ca: str) -> ssl.SSLContext:
    """Return a context that trusts what is in the file `ca`; nobody where that is ""."""
    import ssl

    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca:
        _read(ca)
        try:
            made.load_verify_locations(ca)
        except ssl.SSLError as problem:
            raise TlsError(f"{ca} holds no certificate in PEM") from problem
    return made


def _shown(context: ssl.SSLContext, certificate: str, key: str) -> ssl.SSLContext:
    """Return `context`, which shows a certificate from now on, if there is one."""
    import ssl

    for path in (certificate, key):
        if path:
            _read(path)
    if certificate:
        try:
            # Without a password it would ask whoever sits at the terminal.
            context.load_cert_chain(certificate, key, password="")
        except ssl.SSLError as problem:
            raise TlsError(
                f"{certificate} and {key} are no certificate and its key, both in PEM "
                f"and without a password ({problem.reason or problem})"
            ) from problem
    return context
