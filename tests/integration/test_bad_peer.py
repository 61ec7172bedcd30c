"""Peers that are too old, too new, or speak garbage: told at once, and nobody else is hurt."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from fnq.v1 import session_pb2, worker_pb2
from fnq_wire.protocol import PROTOCOL
from tests.integration.lone import LoneServer, service
from tests.integration.misuse import misuse
from tests.integration.oldredis import pretend
from tests.livestack import Stack
from tests.redis import RedisServer

pytestmark = pytest.mark.integration

#: Seconds within which an error must come.
AT_ONCE_S = 5
SESSIONS, WORKERS = "/fnq.v1.Sessions/Open", "/fnq.v1.Workers/Attach"
GARBAGE = b"\xff\xfe garbage \x00" * 5
ROOT = Path(__file__).parents[2]


def talk(address: str, method: str, *frames: bytes) -> grpc.RpcError | None:
    """Send raw frames to a service and return the error that the stream ends with, if any."""
    with grpc.insecure_channel(address) as channel:
        stream: Any = channel.stream_stream(method)(  # type: ignore[call-arg]  # bytes as they are
            iter(frames), timeout=AT_ONCE_S
        )
        try:
            for _ in stream:
                continue
        except grpc.RpcError as problem:
            return problem
    return None


def hello(protocol: int) -> bytes:
    """Return the first frame of an SDK of that version."""
    frame = session_pb2.ClientFrame()
    frame.hello.protocol, frame.hello.client = protocol, "the SDK"
    return frame.SerializeToString()


def announcement(protocol: int) -> bytes:
    """Return the first frame of a worker of that version."""
    frame = worker_pb2.AgentFrame()
    frame.announce.protocol, frame.announce.agent = protocol, "0" * 32
    return frame.SerializeToString()


def where(stack: Stack, role: str) -> str:
    """Return the address of a process of the stack, which runs from then on."""
    assert stack.fnq("up").returncode == 0
    (found,) = stack.processes(role)
    address: str = found["address"]
    return address


@pytest.mark.parametrize("protocol", [0, PROTOCOL - 1, PROTOCOL + 1, 99])
@pytest.mark.parametrize("role", ["server", "consumer"])
def test_a_peer_of_another_version_is_told_which_end_to_update(
    stack: Stack, role: str, protocol: int
) -> None:
    """Both versions are named; whoever speaks the right one is served as before."""
    address = where(stack, role)
    method, frame, peer = (
        (SESSIONS, hello(protocol), "the SDK")
        if role == "server"
        else (WORKERS, announcement(protocol), "fnq-worker")
    )
    problem = talk(address, method, frame)
    assert problem is not None
    assert problem.code() is grpc.StatusCode.FAILED_PRECONDITION
    older = peer if protocol < PROTOCOL else f"fnq-{role}"
    assert problem.details() == (
        f"{peer} speaks version {protocol} of the protocol, fnq-{role} version {PROTOCOL}: "
        f"update fnq where {older} runs"
    )
    assert misuse(stack, "add").then == 5


class _Refusing(grpc.GenericRpcHandler):  # type: ignore[type-arg]
    """A server that answers every stream with one status, or with garbage."""

    def __init__(self, code: grpc.StatusCode | None, text: str = "") -> None:
        self._code = code
        self._text = text

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        def behave(_requests: object, context: grpc.ServicerContext) -> Iterator[bytes]:
            if self._code is not None:
                context.abort(self._code, self._text)
            yield GARBAGE

        return grpc.stream_stream_rpc_method_handler(behave)


@contextmanager
def imposter(code: grpc.StatusCode | None, text: str = "") -> Iterator[str]:
    """Be such a server within the block; the value is its address."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((_Refusing(code, text),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


def test_a_caller_of_another_version_gets_a_protocol_error(stack: Stack) -> None:
    """With the server's words, which name the end to update."""
    words = "the SDK speaks version 1 of the protocol, fnq-server version 2: update fnq"
    with imposter(grpc.StatusCode.FAILED_PRECONDITION, words) as address:
        told = misuse(stack, "add", env={"FNQ_ADDR": address}, then=False)
    assert told.is_a("ProtocolError", "RuntimeError")
    assert told.text == words
    assert told.seconds < AT_ONCE_S


def test_a_server_that_sends_garbage_is_a_lost_connection(stack: Stack) -> None:
    """No error of gRPC or protobuf reaches the user."""
    with imposter(None) as address:
        told = misuse(stack, "add", env={"FNQ_ADDR": address}, then=False)
    assert told.is_a("FnqError", "RuntimeError")
    assert address in told.text
    assert told.seconds < AT_ONCE_S


@pytest.mark.parametrize("role", ["server", "consumer"])
@pytest.mark.parametrize("good", [0, 1])
def test_a_corrupt_frame_ends_its_own_stream_only(stack: Stack, role: str, good: int) -> None:
    """At the start and in the middle of a stream; other calls go on."""
    method, first = (SESSIONS, hello(1)) if role == "server" else (WORKERS, announcement(1))
    problem = talk(where(stack, role), method, *[first][:good], GARBAGE)
    assert problem is not None
    assert problem.code() is not grpc.StatusCode.DEADLINE_EXCEEDED
    assert misuse(stack, "add").then == 5


@pytest.mark.parametrize("role", ["server", "consumer"])
def test_a_stream_that_does_not_begin_with_a_greeting_is_refused(stack: Stack, role: str) -> None:
    """The text says what the first frame must be."""
    problem = talk(where(stack, role), SESSIONS if role == "server" else WORKERS, b"")
    assert problem is not None
    assert problem.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "first frame" in (problem.details() or "")


def test_a_corrupt_payload_fails_its_call_and_no_other(stack: Stack, tmp_path: Path) -> None:
    """The worker says that it cannot read the arguments; it lives, and so does the session."""
    script = tmp_path / "corrupt.py"
    script.write_text(
        "import chalkcompute\nfrom chalkcompute import runtime\n"
        "from chalkcompute.reply import send\n\n"
        "@chalkcompute.function\ndef add(x: int) -> int:\n    return x + 1\n\n"
        "add.wait_ready()\n"
        "for garbage in (b'', b'garbage', bytes(100), bytes(300_000)):\n"
        "    try:\n        send(add.target, garbage, add.codec).value()\n"
        "    except TypeError as problem:\n"
        "        print(type(problem).__name__, str(problem)[:30])\n"
        "print(add(1))\n"
    )
    told = stack.script(script).splitlines()
    assert told[:-1] == ["SerializationError the arguments of 'add': the ar"] * 4
    assert told[-1] == "2"


@pytest.mark.parametrize("module", ["fnq_server", "fnq_consumer"])
def test_a_redis_that_is_too_old_is_refused_with_both_versions(module: str, tmp_path: Path) -> None:
    """The process ends at once with code 2, and says which Redis it needs."""
    with pretend("5.0.14") as url:
        process = service(module, "--listen", f"unix:{tmp_path}/it.sock", "--redis", url)
        said, _ = process.communicate(timeout=AT_ONCE_S * 2)
    assert process.returncode == 2
    assert "Redis 5.0.14 is too old: fnq needs 6.2 or newer, or Valkey" in said


def test_a_redis_of_the_oldest_supported_version_is_taken(tmp_path: Path) -> None:
    """6.2 passes the check, and so does whatever runs here."""
    redis = RedisServer(tmp_path)
    redis.start()
    server = LoneServer(redis.url)
    try:
        server.start()
        assert "server is ready" in server.stop()
    finally:
        redis.kill()


def test_an_older_python_is_refused_by_name(tmp_path: Path) -> None:
    """What is needed and what came, in one line."""
    python = older_python(tmp_path)
    if python is None:
        pytest.skip("no Python older than 3.11 on the path")
    env = {**os.environ, "PYTHONPATH": ":".join(str(ROOT / each) for each in ROOTS)}
    done = subprocess.run(
        [python, "-c", "import chalkcompute"],
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "ImportError: fnq needs Python 3.11 or newer, and this is Python 3." in done.stderr


#: Where the sources of the packages lie.
ROOTS = ("proto", "sdk")


def older_python(folder: Path) -> str | None:
    """Return a Python from 3.7 to 3.10 on the path that runs, also one that pyenv has."""
    for minor in (10, 9, 8, 7):
        name = f"python3.{minor}"
        found = shutil.which(name)
        if found and _runs(found):
            return found
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        return None
    # Elsewhere than here, where a file may choose one Python.
    ask = {"cwd": folder, "capture_output": True, "text": True, "check": False}
    names = subprocess.run([pyenv, "versions", "--bare"], **ask).stdout.split()  # type: ignore[call-overload]
    for name in names:
        if name.startswith(("3.7.", "3.8.", "3.9.", "3.10.")):
            prefix = subprocess.run([pyenv, "prefix", name], **ask).stdout.strip()  # type: ignore[call-overload]
            if _runs(f"{prefix}/bin/python"):
                return f"{prefix}/bin/python"
    return None


def _runs(python: str) -> bool:
    try:
        return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
