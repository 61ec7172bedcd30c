"""A clean parent of runners that only listens."""

from __future__ import annotations

import signal
import socket
import sys

listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[sys.argv.index("--zygote") + 1])
listener.listen()
signal.pause()
