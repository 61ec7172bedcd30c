"""A zygote that loads before anything is known of what it is for."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from fnq_worker.begun import begin, is_wanted, starter
from tests.livestack import wait_until


def test_it_ends_when_nobody_holds_the_other_end() -> None:
    """Whoever began it may have died."""
    own = begin(None, os.environ)
    own.socket.close()
    assert own.process.wait(20) in (0, -signal.SIGKILL)


def test_it_has_no_secrets_of_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are for runners alone, by another way."""
    monkeypatch.setenv("FNQ_SECRET_HF_TOKEN", "hunter2")
    own = begin(None, os.environ)
    try:
        assert not any(b"hunter2" in each for each in _variables(own.process.pid))
    finally:
        own.socket.close()
        own.process.wait(20)


def test_its_runners_see_the_cards_of_this_worker() -> None:
    """And no others."""
    own = begin(None, {**os.environ, "NVIDIA_VISIBLE_DEVICES": "GPU-1"})
    try:
        assert b"CUDA_VISIBLE_DEVICES=GPU-1" in _variables(own.process.pid)
    finally:
        own.socket.close()
        own.process.wait(20)


def _variables(pid: int) -> list[bytes]:
    """Return the variables of a process that was just started, as name=value."""
    shown = Path(f"/proc/{pid}/environ")
    # A program that is being loaded shows none yet.
    wait_until("the process has variables", lambda: b"=" in shown.read_bytes())
    return shown.read_bytes().split(b"\0")


def test_the_arguments_of_an_agent_say_whether_and_how() -> None:
    """One that shares a zygote has none of its own."""
    assert is_wanted(["--version", "abc"])
    assert not is_wanted(["--version", "abc", "--zygote", "/z"])
    assert not is_wanted(["--zygote=/z"])
    assert not is_wanted(["--help"])
    assert starter(["--version", "abc"]) is None
    assert starter(["--version", "abc", "--starter", "/opt/fnq/start.py"]) == "/opt/fnq/start.py"
    assert starter(["--starter=/opt/fnq/start.py", "--version", "abc"]) == "/opt/fnq/start.py"
