"""`python -m fnq_consumer`: brings calls from Redis to the agents that attach."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from fnq_consumer.consumer import Consumer
from fnq_core import observe, service
from fnq_core.redistls import complete
from fnq_core.settings import add_common, read_tls, read_token

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Run a consumer until it is told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="fnq-consumer", description=__doc__)
    add_common(parser)
    parser.add_argument("--spool", metavar="DIR", help="directory for large values, as servers'")
    options = parser.parse_args(argv)
    tls = read_tls(parser, options)
    observe.configure("consumer")
    token = read_token(options.token_file)

    async def make(fatal: Callable[[BaseException], None]) -> service.Service:
        return Consumer(
            options.listen, complete(options.redis, tls), token, fatal, options.spool, tls
        )

    return service.run(make)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
