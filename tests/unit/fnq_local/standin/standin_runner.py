"""A clean parent of runners that only waits."""

from __future__ import annotations

import signal

signal.pause()
