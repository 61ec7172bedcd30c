"""The arguments of the decorator, checked where they are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import chalkcompute
from chalkcompute import Image, RetryPolicy, Secret, Volume, runtime
from chalkcompute.settings import ARGUMENTS, Settings
from tests.unit.chalkcompute.memory import MemorySession

#: One good value for each argument of the specification and of ours.
GOOD: Mapping[str, Any] = {
    "name": "embed",
    "image": Image.base("python:3.12-slim"),
    "cpu": "500m",
    "memory": "4Gi",
    "gpu": "nvidia-l4:2",
    "env": {"A": "1"},
    "min_replicas": 1,
    "max_replicas": 4,
    "volumes": [(Volume("models"), "/models")],
    "secrets": [Secret("HF_TOKEN")],
    "serialization_format": "pyarrow",
    "suspend_cooldown_period": 300,
    "options": {"bisect": "false"},
    "max_buffer_duration": 1000,
    "max_batching_size": 32,
    "retries": RetryPolicy.linear(),
    "rate_limit_key": "provider-api-limit",
    "concurrency": 8,
    "timeout": 30.0,
    "max_queue": 1000,
    "result_ttl": 3600,
}


def test_every_argument_is_taken() -> None:
    """The decorator knows all parameters of the specification and four more."""
    assert set(GOOD) == set(ARGUMENTS) == set(Settings.__slots__)
    Settings(**GOOD).check()
    Settings().check()


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("name", "", ValueError),
        ("name", "a b", ValueError),
        ("name", 3, TypeError),
        ("image", "python:3.12", TypeError),
        ("cpu", "many", ValueError),
        ("memory", 4, ValueError),
        ("gpu", 1, TypeError),
        ("env", [("A", "1")], TypeError),
        ("env", {"A": 1}, TypeError),
        ("env", {"A-B": "1"}, ValueError),
        ("env", {"A": "\0"}, ValueError),
        ("min_replicas", -1, ValueError),
        ("min_replicas", 1.5, TypeError),
        ("max_replicas", 0, ValueError),
        ("volumes", [Volume("x")], TypeError),
        ("volumes", [(Volume("x"), "relative")], ValueError),
        ("volumes", [(Volume("x"), b"/a")], TypeError),
        ("volumes", [(Volume("x"), "/a/../b")], ValueError),
        ("volumes", [(Volume("x"), "/usr/lib")], ValueError),
        ("volumes", [(Volume("x"), "/a"), (Volume("y"), "/a")], ValueError),
        ("volumes", [(Volume("x"), "/a/b"), (Volume("y"), "/a")], ValueError),
        ("secrets", "HF_TOKEN", TypeError),
        ("secrets", ["HF_TOKEN"], TypeError),
        ("serialization_format", "pickle", ValueError),
        ("suspend_cooldown_period", -1, ValueError),
        ("options", {"bisect": False}, TypeError),
        ("max_buffer_duration", 0, ValueError),
        ("max_batching_size", 0, ValueError),
        ("retries", "3", TypeError),
        ("retries", -1, ValueError),
        ("rate_limit_key", "", ValueError),
        ("concurrency", 0, ValueError),
        ("options", {"concurrency": "fibers"}, ValueError),
        ("timeout", 0, ValueError),
        ("timeout", "30", TypeError),
        ("max_queue", True, TypeError),
        ("result_ttl", float("inf"), ValueError),
    ],
)
def test_a_bad_value_is_refused(name: str, value: object, kind: type[Exception]) -> None:
    """The error says what was expected."""
    arguments: Any = {name: value}
    with pytest.raises(kind, match=rf"^{name}: .*(expected|zero byte|two volumes)"):
        chalkcompute.function(**arguments)(len_of)


def test_more_replicas_than_the_most_are_refused() -> None:
    """min_replicas above max_replicas names both."""
    with pytest.raises(ValueError, match=r"min_replicas: expected at most max_replicas \(2\)"):
        Settings(min_replicas=3, max_replicas=2).check()


def test_a_value_of_an_environment_is_not_shown() -> None:
    """An environment may hold what is not for logs."""
    with pytest.raises(TypeError) as problem:
        Settings(env={"KEY": b"hunter2"}).check()  # type: ignore[dict-item]
    assert "hunter2" not in str(problem.value)


def test_a_key_that_is_no_text_is_what_the_error_is_about() -> None:
    """Not the text that it stands for, which is one."""
    arguments: Any = {"options": {1: "1"}}
    with pytest.raises(TypeError, match=r"^options: expected text as a key, not 1 \(int\)$"):
        chalkcompute.function(**arguments)(len_of)


def test_an_unknown_argument_is_named() -> None:
    """The error lists the known ones."""
    arguments: Any = {"gpus": 1}
    with pytest.raises(TypeError, match="no argument 'gpus': expected name, image, cpu"):
        chalkcompute.function(**arguments)


def test_in_a_worker_nothing_is_checked(session: MemorySession) -> None:
    """What was deployed is never refused, whatever the worker's environment makes of it."""
    runtime.install(session)
    arguments: Any = {"cpu": "many", "unheard": 1, "name": "measure"}
    handle = chalkcompute.function(**arguments)(len_of)
    assert handle.name == "measure"
    assert session.deploys == []


def len_of(text: str) -> int:
    """Return the length of a text."""
    return len(text)


def test_processes_of_one_worker_are_counted() -> None:
    """There are as many as calls at once, which a machine must bear."""
    with pytest.raises(ValueError, match="concurrency: expected at most 128 processes, not 129"):
        Settings(concurrency=129, options={"concurrency": "processes"}).check()
    Settings(concurrency=129, options={"concurrency": "threads"}).check()
