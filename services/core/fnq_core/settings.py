"""What the command lines of the services have in common."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from fnq_core import primary
from fnq_wire import address

__all__ = ["add_common", "add_redis", "peer", "read_token"]


def add_redis(parser: argparse.ArgumentParser) -> None:
    """Add what every service that talks to Redis takes."""
    parser.add_argument(
        "--redis",
        metavar="URL",
        type=_redis,
        default=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"),
        help="redis://..., rediss://..., unix:///path or redis+consul://host:port[/service] "
        "(default: REDIS_URL, or Redis on this machine); "
        "the password is that of REDIS_PASSWORD when the URL has none",
    )
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="file with the token that peers show (default: the value of FNQ_TOKEN)",
    )


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


def read_token(file: str | None) -> str | None:
    """Return the token from `file`, or from FNQ_TOKEN, or None when there is none."""
    if file:
        return Path(file).read_text(encoding="utf-8").strip() or None
    return os.environ.get("FNQ_TOKEN") or None
