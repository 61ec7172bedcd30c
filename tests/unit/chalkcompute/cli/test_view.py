"""What is known of a stack at one moment."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chalkcompute.cli import view
from chalkcompute.config import Config
from chalkcompute.embedded import Place
from tests.unit.chalkcompute.cli.control_server import ControlServer, serving


def _entry(role: str, pid: int | None, state: str = "running", **more: object) -> dict[str, Any]:
    blank = {"address": "", "function": "", "version": "", "replica": None, "busy": None}
    return {**blank, "role": role, "pid": pid, "state": state, **more}


@contextmanager
def _supervisor(processes: list[dict[str, Any]]) -> Iterator[Place]:
    """A door that answers one question with these processes."""
    runtime = os.path.join(os.environ["XDG_RUNTIME_DIR"], "snap")
    os.mkdir(runtime, 0o700)
    place = Place("/nowhere", runtime)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(place.door)
        door.listen()

        def answer() -> None:
            visitor, _ = door.accept()
            with visitor, visitor.makefile("rwb") as lines:
                assert json.loads(lines.readline())["verb"] == "status"
                said = {"ok": True, "processes": processes, "waiting": "server (starting)"}
                lines.write(json.dumps(said).encode() + b"\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield place
        thread.join()
    os.unlink(place.door)
    os.rmdir(runtime)


def test_the_supervisor_says_who_is_there_and_the_server_what_they_do() -> None:
    """Only processes that the supervisor has are shown, with what their agents said."""
    known = [_entry("server", 70, address="unix:/s"), _entry("worker", 71), _entry("runner", 99)]
    told = {"function": "add", "version": "abc", "replica": 1, "busy": 3}
    theirs = [
        _entry("server", 70, "ready", address="unix:/x"),
        _entry("worker", 71, "ready", **told),
        _entry("runner", 98, "ready", **told),
    ]
    assert view.merge(known, theirs) == [
        _entry("server", 70, address="unix:/s"),
        _entry("worker", 71, "ready", **told),
        _entry("runner", 99),
    ]


def test_a_worker_that_died_is_not_shown_as_its_agent_left_it() -> None:
    """What an agent said before its death does not count against the supervisor's word."""
    merged = view.merge([_entry("worker", 71, "waiting")], [_entry("worker", 71, "ready")])
    assert merged[0]["state"] == "waiting"


def test_workers_without_a_process_are_not_taken_for_each_other() -> None:
    """Of two that wait for their start nothing says that they are one."""
    known = [_entry("worker", None, "waiting", function="add")]
    assert view.merge(known, [_entry("worker", None, "waiting", function="sub")]) == known


def test_a_stack_is_asked_and_then_its_server() -> None:
    """Functions come from the server at the address that the supervisor names."""
    servicer = ControlServer()
    with serving(servicer) as address:
        processes = [_entry("server", 70, address=address), _entry("worker", 71)]
        with _supervisor(processes) as place:
            found = view.of_stack(Config(namespace="lab"), place)
    assert servicer.asked[0].namespace == "lab"
    assert found.problems == []
    assert [entry["busy"] for entry in found.processes] == [None, 3]
    assert found.functions == [
        {
            "name": "add",
            "number": 4,
            "version": "abc",
            "kind": "function",
            "queued": 5,
            "running": 2,
            "limit": "api: 2 at once; 2 run, 5 wait",
            "replicas": {
                "wanted": 3,
                "ready": 1,
                "starting": 2,
                "cordoned": 1,
                "min": 0,
                "max": 8,
            },
            "inactive": ["gpu"],
        }
    ]
    assert found.facts == {"redis_version": "7.2.4", "redis_bytes": 4096}


def test_only_roles_that_are_promised_are_processes() -> None:
    """What others are forked from is shown apart."""
    servicer = ControlServer()
    with serving(servicer) as address:
        processes = [_entry(role, 60) for role in ("supervisor", "redis", "forge", "zygote")]
        processes += [_entry("server", 70, address=address), _entry("runner", 72)]
        with _supervisor(processes) as place:
            found = view.of_stack(Config(), place)
    assert [entry["role"] for entry in found.processes] == [
        *("supervisor", "redis", "server", "runner"),
    ]
    assert [entry["role"] for entry in found.parents] == ["forge", "zygote"]


def test_a_server_that_hangs_does_not_hide_the_processes() -> None:
    """They are shown with what is wrong, within half of two seconds: Python starts, too."""
    servicer = ControlServer()
    servicer.slow_s = 3.0
    began = time.monotonic()
    with serving(servicer) as address:
        with _supervisor([_entry("server", 70, address=address)]) as place:
            found = view.of_stack(Config(), place)
        took_s = time.monotonic() - began
    assert took_s < 1.0
    assert [(each["role"], each["reason"]) for each in found.processes] == [
        ("server", "does not answer")
    ]
    assert "did not answer in time" in found.problems[0]


def test_a_server_that_is_not_up_is_not_asked() -> None:
    """The problem says what the stack waits for."""
    with _supervisor([_entry("server", None, "waiting")]) as place:
        found = view.of_stack(Config(), place)
    assert found.problems == ["not up yet: server (starting)"]


def test_a_supervisor_that_hangs_is_told(tmp_path: Path) -> None:
    """Nothing is known then, and it is said within two seconds."""
    runtime = os.path.join(os.environ["XDG_RUNTIME_DIR"], "hang")
    os.mkdir(runtime, 0o700)
    place = Place(str(tmp_path), runtime)
    began = time.monotonic()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(place.door)
        door.listen()
        found = view.of_stack(Config(), place)
    assert time.monotonic() - began < 2.0
    assert found.processes == []
    assert "supervisor" in found.problems[0]
    os.unlink(place.door)
    os.rmdir(runtime)
