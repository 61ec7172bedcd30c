"""TLS between all that speak to each other, and what is said where it does not come about."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from chalkcompute.config import Config
from chalkcompute.errors import NotFoundError, TlsError
from chalkcompute.session import ServerSession
from fnq_core.connection import connect
from fnq_core.registry import Registry
from fnq_wire.tls import PLAIN, Tls
from tests.certificates import Authority
from tests.consul import ConsulAgent
from tests.integration.lone import service
from tests.integration.registered import Registered
from tests.ports import free_port
from tests.redis import RedisServer, wait_until
from tests.toy.service import deploy

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PROGRAMS = Path(__file__).parent / "programs"
#: Seconds within which an error must come, and within which a process is up.
AT_ONCE_S, SOON_S = 10.0, 20.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority that all certificates are from, unless a test says otherwise."""
    return Authority(tmp_path)


def _trusting(tls: Tls) -> dict[str, str | None]:
    """Return the settings of a script that has `tls`."""
    return {
        "tls_ca": tls.ca or None,
        "tls_cert": tls.certificate or None,
        "tls_key": tls.key or None,
        "tls_name": tls.name or None,
    }


def _config(address: str, tls: Tls) -> Config:
    return replace(Config(addr=address), **_trusting(tls))  # type: ignore[arg-type]  # as its fields are typed


def _deployed(session: ServerSession, name: str) -> str:
    with contextlib.suppress(NotFoundError):
        return session.lookup(name, None)[0].version
    return ""


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no Redis with TLS on the path")
def test_calls_streams_and_maps_work_with_tls_everywhere(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To Redis, Consul, servers and consumers, who all show and see certificates."""
    tls = replace(authority.issue("all"), client_ca=authority.ca)
    with tempfile.TemporaryDirectory(prefix="town-") as folder, ExitStack() as stack:
        consul = ConsulAgent(tmp_path, tls)
        consul.start()
        stack.callback(consul.kill)
        town = Registered(Path(folder), consul, tls)
        stack.callback(town.close)
        town.start_redis()
        town.start("s1", "c1")
        for name, value in consul.env.items():
            monkeypatch.setenv(name, value)
        script = subprocess.Popen(
            [sys.executable, str(PROGRAMS / "secured.py")],
            env=town.env | {"FNQ_ADDR": consul.address},
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(script.kill)
        with closing(ServerSession(_config(consul.address, tls))) as session:
            for number, name in enumerate(("double", "outer", "count")):
                wait_until(lambda: _deployed(session, name), SOON_S)  # noqa: B023 - called at once
                town.start_worker(f"w{number}", _deployed(session, name))
        said, _ = script.communicate(timeout=60)
        assert said.splitlines() == ["41", "[0, 1, 2]", "[0, 2, 4, 6, 8]"]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis without TLS."""
    made = RedisServer(tmp_path)
    made.start()
    yield made
    made.kill()


@contextlib.contextmanager
def listening(module: str, redis: RedisServer, tls: Tls) -> Iterator[str]:
    """Run a server or a consumer that has `tls`; give its address."""
    address = f"localhost:{free_port()}"
    shown = ["--tls-cert", tls.certificate, "--tls-key", tls.key] if tls.certificate else []
    strict = ["--tls-client-ca", tls.client_ca] if tls.client_ca else []
    process = service(module, "--listen", address, "--redis", redis.url, *shown, *strict)
    try:
        assert process.stdout is not None
        while "is ready" not in (line := process.stdout.readline()):
            assert line, "it ended before it was ready"
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=15)


@pytest.mark.slow
def test_the_sdk_says_at_once_what_is_wrong_with_a_server(
    authority: Authority, redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script and the command fnq; what a shell has in its variables is the remedy."""
    tls, trusting = authority.issue("server"), Tls(ca=authority.ca)
    stranger = Authority(tmp_path, "stranger")
    for theirs, ours, words in (
        (tls, PLAIN, "it speaks TLS, and here nobody said so: set FNQ_TLS_CA"),
        (PLAIN, trusting, "it speaks no TLS, which FNQ_TLS_CA (--tls-ca) asks for"),
        (tls, Tls(ca=stranger.ca), "its certificate is not trusted"),
        (tls, replace(trusting, name="other"), "its certificate is not for 'other'"),
        (authority.issue("old", days=-1), trusting, "certificate has expired"),
        (replace(tls, client_ca=stranger.ca), trusting, "it wants a certificate of this end"),
    ):
        with listening("fnq_server", redis, theirs) as address:
            config = _config(address, ours)
            begun = time.monotonic()
            with pytest.raises(TlsError) as told, closing(ServerSession(config)) as session:
                session.lookup("nobody", None)
            assert time.monotonic() - begun < AT_ONCE_S
            assert f"no connection to the server at {address}: " in str(told.value)
            assert words in str(told.value)
            with monkeypatch.context() as shell:
                shell.setenv("FNQ_ADDR", address)
                for name, value in _trusting(ours).items():
                    shell.setenv(f"FNQ_{name.upper()}", value or "")
                done = subprocess.run(
                    [str(Path(sys.executable).with_name("fnq")), "status"],
                    cwd=tmp_path,
                    capture_output=True,
                    text=True,
                )
            assert done.returncode != 0
            assert words in " ".join(done.stderr.split())


async def test_a_worker_ends_with_what_is_wrong_with_its_server_or_consumer(
    authority: Authority, redis: RedisServer, tmp_path: Path
) -> None:
    """It does not try for ever: no later try would do better."""
    made = io.BytesIO()
    zipfile.ZipFile(made, "w").close()
    async with connect(redis.url) as client:
        await Registry(client).put_bundle("aa", made.getvalue())
    version = await deploy(redis, bundle="aa")
    for theirs, ours, words in (
        (authority.issue("server"), (), "it speaks TLS, and here nobody said so"),
        (PLAIN, ("--tls-ca", authority.ca), "it speaks no TLS, which FNQ_TLS_CA"),
        (PLAIN, ("--tls-ca", f"{tmp_path}/gone"), f"cannot read {tmp_path}/gone"),
    ):
        with listening("fnq_server", redis, theirs) as address:
            worker = service(
                "fnq_worker",
                *("--redis", redis.url, "--server", address, "--consumer", address),
                *("--version", version, "--work", f"{tmp_path}/work", *ours),
            )
            try:
                said, _ = worker.communicate(timeout=SOON_S)
            finally:
                worker.kill()
            assert worker.returncode == 1, said
            assert words in said
