"""Why two ends do not come together: one of them speaks no TLS, or does not trust the other.

What gRPC and Redis' client say of it differs from release to release, and of a peer that
hangs up nothing can be read. So the handshake is tried once more, here.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from fnq_wire.tls import Tls

__all__ = ["GRPC", "Words", "problem"]

#: Seconds that a peer may take to be reached, and for each of its answers.
_ANSWER_S = 2.0
#: What OpenSSL says of a certificate that is not valid yet or no more, ...
_UNTIMELY = (9, 10)
#: ... and of one for another host or another address.
_MISNAMED = (62, 64)


@dataclass(frozen=True, slots=True)
class Words:
    """What is said where only the peer speaks TLS, and where only this end does."""

    peer_alone: str
    we_alone: str


GRPC = Words(
    "it speaks TLS, and here nobody said so: set FNQ_TLS_CA (--tls-ca) to the file of the "
    "authority that its certificate is from",
    "it speaks no TLS, which FNQ_TLS_CA (--tls-ca) asks for: have it started with --tls-cert "
    "and --tls-key, or unset FNQ_TLS_CA",
)


def problem(address: str, tls: Tls, name: str = "", words: Words = GRPC) -> str | None:
    """Return why this end cannot talk to a peer that can be reached; None: nothing is known.

    `name` is as in `Tls.dial`. Blocks for a few seconds at most. Raises TlsError as that does.
    """
    if address.startswith("unix:"):
        return None
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    trusting = tls.context() if tls.ca else None
    try:
        with socket.create_connection((host, int(port)), _ANSWER_S) as link:
            if trusting is None:
                return words.peer_alone if _speaks_tls(link) else None
            return _flaw(link, trusting, tls, tls.name or name or host, words)
    except OSError:
        return None


def _speaks_tls(link: socket.socket) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with context.wrap_socket(link):
            return True
    except ssl.SSLError as refusal:
        # Only who speaks it says no in it.
        return "ALERT" in (refusal.reason or "")


def _flaw(
    link: socket.socket, context: ssl.SSLContext, tls: Tls, name: str, words: Words
) -> str | None:
    """Return what is wrong with a handshake as this end makes it."""
    context.set_alpn_protocols(["h2"])
    try:
        with context.wrap_socket(link, server_hostname=name) as secured:
            # Who wants to see a certificate says so after the handshake, or just hangs up.
            return None if secured.recv(1) else _unwelcome(tls, "it hangs up")
    except ssl.SSLCertVerificationError as flaw:
        return _untrusted(flaw, tls, name)
    except ssl.SSLEOFError:
        return None
    except ssl.SSLError as refusal:
        reason = refusal.reason or ""
        if "ALERT" not in reason:
            return words.we_alone
        return _unwelcome(tls, reason)


def _unwelcome(tls: Tls, reason: str) -> str:
    shown = f"does not take {tls.certificate}" if tls.certificate else "was shown none"
    return (
        f"it wants a certificate of this end, and {shown} ({reason}): set FNQ_TLS_CERT and "
        "FNQ_TLS_KEY to one from an authority that it trusts"
    )


def _untrusted(flaw: ssl.SSLCertVerificationError, tls: Tls, name: str) -> str:
    if flaw.verify_code in _UNTIMELY:
        return (
            f"its certificate does not hold now ({flaw.verify_message}): have it renewed, or set "
            "the clock of this machine"
        )
    if flaw.verify_code in _MISNAMED:
        return (
            f"its certificate is not for {name!r}: have one made that is, or set FNQ_TLS_NAME "
            "(--tls-name) to a name that it bears"
        )
    return (
        f"its certificate is not trusted ({flaw.verify_message}): it is from another authority "
        f"than {tls.ca}, which FNQ_TLS_CA (--tls-ca) names"
    )
