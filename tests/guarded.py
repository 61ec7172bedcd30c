"""A Nomad of a test's own that lets nobody in without a token."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs import command, remains
from jobs.agent import MARK, own_environment
from tests import agents

__all__ = ["GuardedNomad", "guarded"]

#: No Consul is there.
_NOWHERE = "127.0.0.1:1"
#: Seconds in which an agent comes up and its one node is ready.
_UP_S = 60.0


@dataclass(frozen=True, slots=True)
class GuardedNomad:
    """Where it is, the token that may do everything, and the file in which it writes."""

    address: str
    token: str
    log: Path

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return the answer of its API, asked with all rights."""
        return _ask(method, f"{self.address}/v1/{path}", self.token, body)

    def token_for(self, rules: str) -> str:
        """Return a token with one policy."""
        name = f"fnq-{hashlib.sha256(rules.encode()).hexdigest()[:8]}"
        self.ask("POST", f"acl/policy/{name}", {"Name": name, "Rules": rules})
        made = self.ask("POST", "acl/token", {"Type": "client", "Policies": [name]})
        return str(made["SecretID"])


@contextmanager
def guarded(
    port: int | None = None, consul: str = "", consul_token: str = ""
) -> Iterator[GuardedNomad]:
    """Give a Nomad in development mode with ACLs on; afterwards nothing is left of it.

    With a Consul ("host:port") it registers there what jobs offer.
    """
    with tempfile.TemporaryDirectory(prefix="n-") as folder:
        state = Path(folder).resolve() / "s"
        state.mkdir()
        port = port or agents.ports()[1]
        command.configure_nomad(port, state, consul or _NOWHERE)
        words = [*command.nomad(port, state).command, "-acl-enabled"]
        with (state / "log").open("wb") as log:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=own_environment() | {MARK: str(state), "CONSUL_HTTP_TOKEN": consul_token},
            )
        try:
            yield _bootstrap(f"http://127.0.0.1:{port}", state / "log", time.monotonic() + _UP_S)
        finally:
            process.terminate()
            process.wait()
            remains.remove(state)


def _bootstrap(address: str, log: Path, until: float) -> GuardedNomad:
    """Return it once it can place jobs."""
    token = ""
    while True:
        try:
            token = token or _ask("POST", f"{address}/v1/acl/bootstrap")["SecretID"]
            nodes = _ask("GET", f"{address}/v1/nodes", token)
            if nodes and nodes[0]["Status"] == "ready":
                return GuardedNomad(address, token, log)
        except OSError:
            assert time.monotonic() < until, "Nomad does not come up"
        time.sleep(0.1)


def _ask(method: str, url: str, token: str = "", body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers: Mapping[str, str] = {"X-Nomad-Token": token} if token else {}
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - http://
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        return json.loads(reply.read() or b"null")
