"""What the command lines of the services have in common."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from fnq_core import primary
from fnq_wire import address
from fnq_wire.tls import Tls

__all__ = ["add_common", "add_redis", "peer", "read_tls", "read_token"]

#: What a service says of TLS: option, and what it is for. Each has a variable of its name.
_TLS = {
    "--tls-ca": "authority of whatever is dialled, which then has to speak TLS",
    "--tls-cert": "what this end shows of itself; with it what listens speaks TLS",
    "--tls-key": "the key of that, without a password",
}


def add_redis(parser: argparse.ArgumentParser) -> None:
    """Add what every service that talks to Redis takes."""
    parser.add_argument(
        "--redis",
        metavar="URL",
        type=_redis,
        default=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"),
        help="redis://..., unix:///path, redis+consul://host:port[/service], or with TLS "
        "rediss://... and rediss+consul://... "
        "(default: REDIS_URL, or Redis on this machine); "
        "the password is that of REDIS_PASSWORD when the URL has none",
    )
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="file with the token that peers show (default: the value of FNQ_TOKEN)",
    )
    for option, text in _TLS.items():
        variable = f"FNQ_{option.strip('-').replace('-', '_').upper()}"
        parser.add_argument(
            option,
            metavar="FILE",
            default=os.environ.get(variable, ""),
            help=f"{text}, in PEM (default: {variable})",
        )
    parser.add_argument(
        "--tls-name",
        metavar="NAME",
        default=os.environ.get("FNQ_TLS_NAME", ""),
        help="what the certificates of peers are for (default: FNQ_TLS_NAME, or the host of the "
        "address; of what Consul finds SERVICE.service.consul)",
    )
    # Of what listens alone; here for `read_tls`.
    parser.set_defaults(tls_client_ca="")


def _redis(url: str) -> str:
    """Return `url` with a password in it, if there is one."""
    try:
        primary.parse(url)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    try:
        parts = urlsplit(url)
    except ValueError:
        # What came is not shown: it may hold a password.
        raise argparse.ArgumentTypeError("expected a URL of Redis") from None
    password = os.environ.get("REDIS_PASSWORD", "")
    if not password or parts.password is not None or "password" in parse_qs(parts.query):
        return url
    user, at, place = parts.netloc.rpartition("@")
    netloc = f"{user if at else ''}:{quote(password, safe='')}@{place}"
    # Not urlunsplit, which takes the two slashes away from a scheme that it does not know.
    return url.replace(f"//{parts.netloc}", f"//{netloc}", 1)


def peer(text: str) -> str:
    """Return the address of a server or consumer: a type of argparse."""
    try:
        return address.check(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add what every service that listens takes."""
    parser.add_argument(
        "--listen", metavar="ADDR", required=True, help="unix:/path or host:port to listen at"
    )
    add_redis(parser)
    parser.add_argument(
        "--tls-client-ca",
        metavar="FILE",
        default="",
        help="let in only who shows a certificate of this authority, in PEM",
    )


def read_tls(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Tls:
    """Return what a command line says of TLS, or end with what is wrong with it."""
    try:
        return Tls(
            ca=options.tls_ca,
            certificate=options.tls_cert,
            key=options.tls_key,
            name=options.tls_name,
            client_ca=options.tls_client_ca,
        )
    except ValueError as problem:
        parser.error(str(problem))


def read_token(file: str | None) -> str | None:
    """Return the token from `file`, or from FNQ_TOKEN, or None when there is none."""
    if file:
        return Path(file).read_text(encoding="utf-8").strip() or None
    return os.environ.get("FNQ_TOKEN") or None
