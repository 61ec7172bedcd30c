"""What services log: for people on a terminal, JSON lines elsewhere."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import TextIO, cast

import structlog

__all__ = ["configure"]


class _Unfailing:
    """Standard error, written to as far as it can be: a full disk stops no work."""

    def write(self, text: str) -> None:
        """Write, or do not."""
        with contextlib.suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        """Flush, or do not."""
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def configure(role: str) -> None:
    """Set up structlog for this process; FNQ_LOG_LEVEL names the least level (default info)."""
    name = os.environ.get("FNQ_LOG_LEVEL", "info").upper()
    level = logging.getLevelNamesMapping().get(name, logging.INFO)
    # What libraries log by themselves: an RPC that failed, a task that was lost.
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr)
    terminal = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors="NO_COLOR" not in os.environ)
        if terminal
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Unfailing())),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(role=role, pid=os.getpid())
