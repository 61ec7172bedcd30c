"""What the command lines of the services have in common."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

__all__ = ["add_common", "add_redis", "read_token"]


def add_redis(parser: argparse.ArgumentParser) -> None:
    """Add what every service that talks to Redis takes."""
    parser.add_argument(
        "--redis",
        metavar="URL",
        default=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"),
        help="redis://... or unix:///path (default: REDIS_URL, or Redis on this machine)",
    )
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="file with the token that peers show (default: the value of FNQ_TOKEN)",
    )


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
