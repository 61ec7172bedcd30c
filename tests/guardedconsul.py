"""A Consul of a test's own that tells nobody anything without a token."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs import command, remains
from jobs.agent import MARK, own_environment
from tests import agents

__all__ = ["GuardedConsul", "guarded_consul"]

#: Seconds in which it comes up and knows its own node.
_UP_S = 60.0


@dataclass(frozen=True, slots=True)
class GuardedConsul:
    """Where it is, "host:port", and the token that may do everything."""

    address: str
    token: str

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return the answer of its API, asked with all rights."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://{self.address}/v1/{path}", data, {"X-Consul-Token": self.token}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            return json.loads(reply.read() or b"null")

    def token_for(self, rules: str) -> str:
        """Return a token with one policy."""
        made = self.ask("PUT", "acl/policy", {"Name": f"p-{uuid.uuid4()}", "Rules": rules})
        token = self.ask("PUT", "acl/token", {"Policies": [{"ID": made["ID"]}]})
        return str(token["SecretID"])


@contextmanager
def guarded_consul(port: int | None = None) -> Iterator[GuardedConsul]:
    """Give a Consul that denies what no policy allows; afterwards nothing is left of it."""
    with tempfile.TemporaryDirectory(prefix="k-") as folder:
        state = Path(folder).resolve() / "s"
        state.mkdir()
        port = port or agents.ports()[0]
        token = str(uuid.uuid4())
        rules = {"acl": {"enabled": True, "default_policy": "deny"}}
        rules["acl"]["tokens"] = {"master": token, "agent": token}
        (state / "acl.json").write_text(json.dumps(rules))
        words = [*command.consul(port, state).command, f"-config-file={state}/acl.json"]
        with (state / "log").open("wb") as log:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=own_environment() | {MARK: str(state)},
            )
        made = GuardedConsul(f"127.0.0.1:{port}", token)
        try:
            _await(made)
            yield made
        finally:
            process.terminate()
            process.wait()
            remains.remove(state)


def _await(consul: GuardedConsul) -> None:
    """Return once it knows its own node, which is what it writes last."""
    until = time.monotonic() + _UP_S
    while True:
        try:
            if consul.ask("GET", "catalog/nodes"):
                return
        except OSError:
            pass
        assert time.monotonic() < until, "Consul does not come up"
        time.sleep(0.1)
