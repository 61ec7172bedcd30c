"""Bad input of users: each is answered at once, by a typed error that says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration.lone import LoneServer
from tests.integration.misuse import PROGRAMS, misuse, run
from tests.livestack import Stack
from tests.ports import free_port

pytestmark = pytest.mark.integration

#: Seconds within which an error must come.
AT_ONCE_S = 5


def test_no_server_at_the_address_is_a_lost_connection(stack: Stack) -> None:
    """The address and the setting are named, for TCP and Unix sockets."""
    for address in (f"127.0.0.1:{free_port()}", f"unix:{stack.home}/nobody.sock"):
        told = misuse(stack, "add", env={"FNQ_ADDR": address}, then=False)
        assert told.is_a("ConnectionLostError", "ConnectionError", "RuntimeError")
        assert address in told.text
        assert "FNQ_ADDR" in told.text
        assert told.seconds < AT_ONCE_S


def test_an_address_that_is_none_is_refused_with_the_setting(stack: Stack) -> None:
    """A bad setting is a ValueError that says where it came from and what was expected."""
    told = misuse(stack, "add", env={"FNQ_ADDR": "nowhere"}, then=False)
    assert told.is_a("ValueError")
    assert "FNQ_ADDR" in told.text
    assert "host:port" in told.text


@pytest.mark.parametrize("token", ["", "wrong-token"])
def test_a_wrong_or_missing_token_is_refused(stack: Stack, lone: LoneServer, token: str) -> None:
    """AuthError names the server and the setting, and never shows a token."""
    for name in ("add", "nobody", "nobody ready"):
        told = misuse(stack, name, env=lone.env(token), then=False)
        assert told.is_a("AuthError", "PermissionError", "RuntimeError"), told.facts
        assert lone.address in told.text
        assert "FNQ_TOKEN" in told.text
        assert "-token" not in told.text + told.stderr
        assert told.seconds < AT_ONCE_S


def test_the_right_token_is_let_in(stack: Stack, lone: LoneServer) -> None:
    """The same question then gets an answer."""
    told = misuse(stack, "nobody", env=lone.env(), then=False)
    assert told.type == "NotFoundError"


@pytest.mark.parametrize("name", ["nobody", "nobody ready"])
def test_a_function_that_was_never_deployed_is_not_found(stack: Stack, name: str) -> None:
    """The error names it, what is deployed instead, and what to do."""
    told = misuse(stack, name)
    assert told.is_a("NotFoundError", "LookupError", "RuntimeError")
    assert "'nobody'" in told.text
    assert "run the script that defines it" in told.text
    assert "add" in told.text.split("deployed there: ")[1]
    assert told.seconds < AT_ONCE_S
    assert told.then == 5


def test_a_version_that_was_never_live_is_not_found(stack: Stack) -> None:
    """The error names those that were."""
    told = misuse(stack, "version 99")
    assert told.is_a("NotFoundError", "LookupError", "RuntimeError")
    assert re.search(r"'add' has no version 99 that was ever live; those that were: 1\b", told.text)
    assert told.seconds < AT_ONCE_S
    assert told.then == 5


def test_with_deploys_off_a_decorated_function_is_looked_up_only(
    stack: Stack, tmp_path: Path
) -> None:
    """FNQ_DEPLOY=never: what nobody deployed is not found, and nothing is deployed."""
    script = tmp_path / "undeployed.py"
    script.write_text(
        "import chalkcompute\n\n@chalkcompute.function\ndef undeployed(): ...\n\nundeployed()\n"
    )
    for _ in range(2):
        done = run(stack, script, env={"FNQ_DEPLOY": "never"})
        assert done.returncode == 1
        assert "NotFoundError: no function 'undeployed'" in done.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("missing", "add() missing 1 required positional argument: 'x'"),
        ("unknown", "add() got an unexpected keyword argument 'z'"),
        ("too many", "add() takes from 1 to 2 positional arguments but 3 were given"),
        ("type", 'add() argument "x": expected int, got str'),
    ],
)
def test_wrong_arguments_are_type_errors_before_anything_is_sent(
    stack: Stack, name: str, text: str
) -> None:
    """The text is Python's own; nobody need be there to say so."""
    for env in ({}, {"FNQ_ADDR": f"127.0.0.1:{free_port()}"}):
        told = misuse(stack, name, env=env, then=not env)
        assert (told.type, told.text) == ("TypeError", text)
        assert told.seconds < 1
        assert told.then == (None if env else 5)


def test_a_value_that_cannot_travel_is_refused_by_the_name_of_its_argument(stack: Stack) -> None:
    """Where it lies in the argument, and its type, before anything is sent."""
    told = misuse(stack, "lock")
    assert told.is_a("SerializationError", "TypeError", "RuntimeError")
    assert 'echo() argument "value"["a"][0]: a value of type _thread.lock' in told.text
    assert "pass builtin values" in told.text
    assert told.then == 5


@pytest.mark.parametrize("name", ["returned lock", "yielded lock"])
def test_a_result_that_cannot_travel_fails_its_call(stack: Stack, name: str) -> None:
    """The caller is told which function returned what; the worker lives."""
    told = misuse(stack, name)
    assert told.is_a("SerializationError", "TypeError", "RuntimeError")
    assert f"{name.removesuffix(' lock')}: " in told.text
    assert "_thread.lock" in told.text
    assert told.seconds < AT_ONCE_S
    assert told.then == 5


def test_arguments_over_the_cap_are_refused_by_name_and_size(
    stack: Stack, lone: LoneServer
) -> None:
    """Across hosts 256 MiB is the most: the argument, its size and the cap are named."""
    told = misuse(stack, "huge", env=lone.env(), then=False)
    assert told.is_a("PayloadTooLargeError", "ValueError", "RuntimeError"), told.facts
    assert f"the most is {256 << 20}" in told.text
    assert 'argument "data" has 268435' in told.text
    assert "pass a path" in told.text
    assert told.seconds < AT_ONCE_S


#: Workers do not have the variables of the script.
SHAKY = """
import os
import chalkcompute
if 'HERE' not in os.environ:
    import no_such_package

@chalkcompute.function
def shaky():
    return no_such_package.value

"""


@pytest.mark.parametrize("kind", ["module", "script"])
def test_an_import_that_fails_in_the_worker_is_told_until_it_can_succeed(
    tmp_path: Path, kind: str
) -> None:
    """By wait_ready and by a call, at once, with what is missing and the traceback.

    When it has been installed the script need only be run again.
    """
    (tmp_path / "site").mkdir()
    mine = Stack(tmp_path)
    source = SHAKY
    if kind == "module":
        (tmp_path / "shaky.py").write_text(source, "utf-8")
        source = "from shaky import shaky\n"
    script = tmp_path / "uses.py"
    script.write_text(source + (PROGRAMS / "twice.py").read_text("utf-8"), "utf-8")
    try:
        # What is installed later is on the path of the workers, not of the script.
        started = run(mine, PROGRAMS / "up.py", env={"PYTHONPATH": str(tmp_path / "site")})
        assert started.returncode == 0, started.stderr
        failing = run(mine, script, env={"HERE": "1"})
        (tmp_path / "site" / "no_such_package.py").write_text("value = 'now'\n", "utf-8")
        working = run(mine, script, env={"HERE": "1"})
    finally:
        mine.down()
    # What could not be deployed makes the exit code 1, and is told at the end in one line.
    assert failing.returncode == 1
    assert failing.stderr == "[fnq] not deployed, as it failed before: shaky\n"
    for told in failing.stdout.split("----\n")[:2]:
        assert "ModuleNotFoundError: No module named 'no_such_package'" in told
        assert "ImportFailedError: shaky was not deployed: its import failed: " in told
        assert "import no_such_package" in told, "the traceback is not shown"
        assert float(told.splitlines()[0]) < AT_ONCE_S
    assert working.stdout.split("----\n")[:2] == ["no error: None\n", "no error: now\n"]


@pytest.mark.parametrize(
    ("name", "reason", "text"),
    [
        ("die segfault", "signal", "killed by SIGSEGV"),
        ("die exit", "exit", "exited with code 3"),
        ("die kill", "signal", "killed by SIGKILL, as happens when memory runs out"),
        ("die_async exit", "exit", "exited with code 3"),
    ],
)
def test_a_runner_that_dies_is_replaced_and_its_call_ends_with_the_reason(
    stack: Stack, name: str, reason: str, text: str
) -> None:
    """After three redeliveries; the next call works."""
    told = misuse(stack, name)
    assert told.is_a("WorkerLostError", "RuntimeError")
    assert text in told.text
    assert told.facts["reason"] == reason
    assert told.facts["detail"]["deaths"] == "4"
    assert told.seconds < AT_ONCE_S
    assert told.then == "alive"


def test_a_runner_that_dies_in_a_stream_ends_it_with_what_to_do(stack: Stack) -> None:
    """A stream that had begun is not repeated unless its function may be; the next call works."""
    told = misuse(stack, "die_between kill")
    assert told.is_a("WorkerLostError", "RuntimeError")
    assert "chunks had been delivered" in told.text
    assert "set retries=" in told.text
    assert told.seconds < AT_ONCE_S
    assert told.then == ["begun", "alive"]


@pytest.mark.parametrize("name", ["die sys.exit", "die_async sys.exit"])
def test_sys_exit_in_a_function_is_an_error_like_any_other(stack: Stack, name: str) -> None:
    """The runner does not leave."""
    told = misuse(stack, name)
    assert (told.type, told.text) == ("RemoteError", "SystemExit: enough")
    assert told.seconds < AT_ONCE_S
    assert told.then == "alive"
