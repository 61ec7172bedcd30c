"""Functions that are given secrets."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import uuid
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.clusterstack import ClusterStack
from tests.livestack import Stack
from tests.redis import RedisView
from tests.spec.program import PROGRAMS, lines, run
from tests.spec.standins import EXAMPLES

pytestmark = [
    pytest.mark.spec,
    pytest.mark.skipif(
        ClusterStack.named(), reason="a cluster keeps secrets in Nomad, and has tests of it"
    ),
]


def told(stack: Stack, *words: str, typed: str | None = None) -> str:
    """Run `fnq`, which must succeed, and return what it prints."""
    done = stack.fnq(*words, typed=typed)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def known(stack: Stack) -> Iterator[Stack]:
    """The stack with everything set that the program names; nothing of it stays."""
    told(stack, "secret", "set", "SPEC_KEY", typed="key 1\n")
    variables = "# where\nSPEC_PGHOST=db.example\nexport SPEC_PGPASSWORD='a b#c'\n"
    told(stack, "integration", "set", "spec_pg", typed=variables)
    yield stack
    told(stack, "secret", "delete", "SPEC_KEY")
    told(stack, "integration", "delete", "spec_pg")


@pytest.fixture
def script(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The program, with functions of this test's own."""
    text = (PROGRAMS / "secret.py").read_text("utf-8")
    path = tmp_path / "secret.py"
    path.write_text(text.replace("secret_", f"secret_{zlib.crc32(request.node.name.encode())}_"))
    return path


def holder(script: Path) -> str:
    """Return what the function with the secrets is called there."""
    found = re.search(r"secret_\d+_holder", script.read_text())
    assert found is not None
    return found[0]


def held(stack: Stack, script: Path, local: str) -> list[str]:
    """Return hashes of what the function finds, and its process; `local` is in the script's."""
    [line] = lines(stack, script, env={"SPEC_LOCAL": local})
    return line.split()


def hashes(*values: str) -> list[str]:
    """Return what a function says that has these values."""
    return [hashlib.sha256(each.encode()).hexdigest() for each in values]


def end(stack: Stack, function: str) -> None:
    """Kill the workers of a function, as a crash does: their supervisor starts others."""
    for each in stack.processes("worker", function):
        os.kill(each["pid"], signal.SIGKILL)


def test_a_function_finds_its_secrets_and_what_it_calls_finds_none(
    known: Stack, script: Path
) -> None:
    """Of all kinds; one takes the place of what env= says, and leaves the rest of that."""
    found = held(known, script, "local 1")
    assert found[:5] == hashes("key 1", "db.example", "a b#c", "local 1", "of env=")
    assert lines(known, script, "nested", env={"SPEC_LOCAL": "local 1"}) == ["[]"]


def test_a_secret_that_is_set_anew_reaches_workers_that_start_then(
    known: Stack, script: Path
) -> None:
    """Those that run keep theirs, and no version is made for it."""
    before = held(known, script, "local 1")
    told(known, "secret", "set", "SPEC_KEY", typed="key 2")
    assert held(known, script, "local 2") == before
    end(known, holder(script))
    found = held(known, script, "local 2")
    assert found[:4] == hashes("key 2", "db.example", "a b#c", "local 2")
    [status] = [each for each in known.status()["functions"] if each["name"] == holder(script)]
    assert (status["number"], status["inactive"]) == (1, [])


def test_a_missing_secret_fails_the_deploy_by_name_with_the_remedy(stack: Stack) -> None:
    """All that is missing at once; what the environment lacks, before anything is sent."""
    done = run(stack, "secret.py", env={"SPEC_LOCAL": "local 1"})
    assert done.returncode == 1
    assert "DeployError: secret_holder" in done.stderr
    assert (
        "the secret SPEC_KEY is missing: fnq secret set SPEC_KEY; "
        "the integration spec_pg is missing: fnq integration set spec_pg\n"
    ) in done.stderr
    done = run(stack, "secret.py")
    assert done.returncode == 1
    assert "DeployError: secret_holder: the variable SPEC_LOCAL is not set here" in done.stderr


def test_names_are_shown_and_values_are_not(known: Stack) -> None:
    """When each was set, for people and for scripts."""
    [found] = json.loads(told(known, "secret", "list", "--json"))
    assert (found["secret"], set(found)) == ("SPEC_KEY", {"secret", "set"})
    [found] = json.loads(told(known, "integration", "list", "--json"))
    assert found["variables"] == ["SPEC_PGHOST", "SPEC_PGPASSWORD"]
    shown = told(known, "integration", "show", "spec_pg")
    assert shown.splitlines() == ["SPEC_PGHOST", "SPEC_PGPASSWORD"]
    for noun in ("secret", "integration"):
        assert "spec" in told(known, noun, "list").lower()


@pytest.mark.parametrize(
    ("words", "typed", "problem"),
    [
        (("secret", "set", "SPEC_X"), "\n", "expected the value of SPEC_X on standard input"),
        (("secret", "set", "sk-hunter2"), "x", "expected the name of an environment variable"),
        (("secret", "set", "LD_PRELOAD"), "x", "it says how a worker itself runs"),
        (("secret", "set", "SPEC_X"), "hun\0ter2", "the value of SPEC_X holds a zero byte"),
        (("secret", "set", "SPEC_X"), "hunter2" * 10_000, "and 65536 are the most"),
        (("secret", "delete", "SPEC_X"), None, "no secret 'SPEC_X' in namespace 'default'"),
        (("integration", "set", "spec x"), "A=hunter2", "as the name of an integration"),
        (("integration", "set", "spec_x"), "A=1\nhunter2\n", "line 2: expected NAME=VALUE"),
        (("integration", "set", "spec_x"), "PATH=hunter2", "PATH: PATH, and what begins with"),
        (("integration", "set", "spec_x"), "# none\n", "expected lines of NAME=VALUE"),
        (("integration", "show", "spec_x"), None, "no integration 'spec_x' in namespace"),
    ],
)
def test_bad_input_is_refused_with_what_was_expected(
    stack: Stack, words: tuple[str, ...], typed: str | None, problem: str
) -> None:
    """And without what may be a value."""
    done = stack.fnq(*words, typed=typed)
    assert (done.returncode, done.stdout) == (1, "")
    assert problem in done.stderr
    assert "hunter2" not in done.stderr


def test_a_value_is_in_the_workers_environment_and_nowhere_else(known: Stack, script: Path) -> None:
    """Searched for in what the stack prints, keeps, sends and shows of its processes."""
    values = [f"spec-{uuid.uuid4().hex}" for _ in range(3)]
    variables = f"SPEC_PGHOST=h\nSPEC_PGPASSWORD={values[1]}"
    told(known, "secret", "set", "SPEC_KEY", typed=values[0])
    told(known, "integration", "set", "spec_pg", typed=variables)
    found = held(known, script, values[2])
    assert [found[0], *found[2:4]] == hashes(*values)
    failed = run(known, script, "fail", env={"SPEC_LOCAL": values[2]})
    assert "RemoteError('RuntimeError: broken')" in failed.stdout
    with known.redis() as redis:
        places = {
            "output": failed.stdout + failed.stderr,
            "status": known.fnq("status", "--json").stdout,
            "lists": told(known, "secret", "list") + told(known, "integration", "list"),
            "logs": told(known, "logs", holder(script)),
            "function": told(known, "function", "show", holder(script), "--json"),
            "versions": told(known, "function", "versions", holder(script), "--json"),
            "processes": _text(_processes(known)),
            "files": _text(_files(known.home / "state")),
            "redis": _text(_contents(redis)),
        }
    assert [place for place, text in places.items() if any(each in text for each in values)] == []
    # What was searched is what has the names.
    assert holder(script) in places["processes"]
    assert all("SPEC_KEY" in places[place] for place in ("lists", "files", "redis", "output"))


def _processes(stack: Stack) -> Iterator[bytes]:
    """Yield command line and environment of every process of the stack."""
    status = stack.status()
    pids = [each["pid"] for each in (*status["processes"], *status["parents"])]
    assert len(pids) > 5
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):  # It ended since.
            yield from (Path(f"/proc/{pid}/{each}").read_bytes() for each in ("cmdline", "environ"))


def _files(folder: Path) -> Iterator[bytes]:
    """Yield what lies in the files of the stack, those of Redis among them."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_bytes()


def _contents(redis: RedisView) -> Iterator[bytes]:
    """Yield all values in Redis as they are, without the compression of its dumps."""
    ways: dict[bytes, tuple[Any, ...]] = {
        b"string": ("GET",),
        b"hash": ("HGETALL",),
        b"set": ("SMEMBERS",),
        b"zset": ("ZRANGE", 0, -1),
        b"stream": ("XRANGE", "-", "+"),
    }
    for name in redis.names():
        kind = redis.ask("TYPE", name)
        if kind != b"none":  # It expired since.
            verb, *more = ways[kind]
            yield repr(redis.ask(verb, name, *more)).encode()


def _text(parts: Iterator[bytes]) -> str:
    return b"\n".join(parts).decode(errors="replace")


def test_the_example_of_the_specification_deploys_and_answers(stack: Stack, tmp_path: Path) -> None:
    """The file runs unchanged, with a stand-in for the package that it imports."""
    example = EXAMPLES / "secrets.py"
    if not example.exists():
        pytest.skip(f"the specification's secrets.py is not here: {example}")
    (tmp_path / "httpx.py").write_text("")
    (tmp_path / "caller.py").write_text(
        "import chalkcompute\n"
        'print(chalkcompute.RemoteFunction.from_name("call_api")("What is up?"))\n'
    )
    env = {"PYTHONPATH": str(tmp_path), "MY_LOCAL_TOKEN": "local"}
    told(stack, "secret", "set", "OPENAI_API_KEY", typed="key")
    told(stack, "integration", "set", "prod_postgres", typed="PGHOST=db.example\n")
    assert lines(stack, example, env=env) == []
    assert lines(stack, tmp_path / "caller.py") == ["None"]
    told(stack, "secret", "delete", "OPENAI_API_KEY")
    told(stack, "integration", "delete", "prod_postgres")
