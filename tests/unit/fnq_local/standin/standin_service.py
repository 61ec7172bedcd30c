"""A service that only takes its address and waits: what the supervisor needs of one."""

from __future__ import annotations

import os
import signal
import socket


def main(argv: list[str]) -> int:
    """Listen at `--listen`, if given, until SIGTERM; fail when told to by the environment."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    options = dict(zip(argv[::2], argv[1::2], strict=True))
    if "FNQ_SECRET_STANDIN_EXIT" in os.environ:
        print(f"{argv}\nstandin: {os.environ['FNQ_SECRET_STANDIN_EXIT']}", flush=True)
        return 7
    if "--listen" in options:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(options["--listen"].removeprefix("unix:"))
        listener.listen()
    print("standin: up", argv, flush=True)
    while True:
        signal.pause()
