"""What functions keep and are given on a cluster, from the SDK to Nomad; and whose it is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.cluster import Cluster
from jobs.http import ask
from tests.cluster.script import environment, run

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

PROGRAM = "belongings.py"
SECRET = "hunter2"
FUNCTIONS = ("put", "get", "own", "other", "wait")


class Tenant:
    """A namespace on a cluster."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster, self._name = cluster, name

    def run(self, program: str, *words: str) -> str:
        """Run a program in the namespace, and return what it printed."""
        return run(self._cluster, program, *words, FNQ_NAMESPACE=self._name).strip()

    def fnq(self, *words: str, said: str = "") -> str:
        """Run a command there; return what it printed, or what it complained of."""
        done = subprocess.run(
            [str(Path(sys.executable).with_name("fnq")), *words],
            env=environment(self._cluster, FNQ_NAMESPACE=self._name),
            input=said,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout if done.returncode == 0 else done.stderr

    def shown(self, *words: str) -> Any:
        """Return what a command prints as JSON."""
        return json.loads(self.fnq(*words, "--json"))

    def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs of the functions of the namespace."""
        found = ask("GET", f"{self._cluster.nomad.address}/v1/jobs?meta=true")
        return [
            each for each in found if (each.get("Meta") or {}).get("fnq.namespace") == self._name
        ]


@pytest.fixture(scope="module")
def red(plain: Cluster) -> Iterator[Tenant]:
    """One whose functions have a secret and a volume; nothing of it stays."""
    made = Tenant(plain, "red")
    made.fnq("secret", "set", "KEPT_KEY", said=SECRET)
    yield made
    for each in FUNCTIONS:
        made.fnq("function", "delete", each, "--yes")
    made.fnq("volume", "delete", "kept", "--force")
    made.fnq("secret", "delete", "KEPT_KEY")


def test_a_volume_written_by_one_function_is_read_by_another_and_outlives_both(
    red: Tenant,
) -> None:
    """Both are deleted, their workers with them; who comes later reads what was written."""
    red.run(PROGRAM, "put", "written")
    assert red.run(PROGRAM, "get") == "written"
    for each in ("put", "get"):
        red.fnq("function", "delete", each, "--yes")
    assert [each["volume"] for each in red.shown("volume", "list")] == ["kept"]
    assert red.run(PROGRAM, "get") == "written"


def test_a_secret_reaches_only_the_function_that_names_it(red: Tenant) -> None:
    """Neither another function nor what Nomad shows of the jobs has it."""
    assert red.run(PROGRAM, "own") == SECRET
    assert red.run(PROGRAM, "other") == "[]"
    jobs = [_whole(red, each["ID"]) for each in red.jobs()]
    assert len(jobs) >= 2
    assert SECRET not in json.dumps(jobs)


def _whole(tenant: Tenant, job: str) -> Any:
    address = tenant._cluster.nomad.address
    return [ask("GET", f"{address}/v1/job/{job}{each}") for each in ("", "/allocations")]


def test_two_namespaces_do_not_see_each_other(plain: Cluster, red: Tenant) -> None:
    """Neither functions nor calls, secrets and volumes; nor can one end what is the other's."""
    blue = Tenant(plain, "blue")
    call = red.run(PROGRAM, "wait")
    red.run(PROGRAM, "put", "red")
    assert [each["call"] for each in red.shown("calls", "list")] == [call]
    for what in (("calls",), ("secret",), ("volume",), ("function",)):
        assert blue.shown(*what, "list") == [], what
    assert blue.shown("status")["functions"] == []
    for verb in ("show", "cancel"):
        assert f"no call {call} is in flight" in blue.fnq("calls", verb, call)
    assert "'own'" in blue.fnq("call", "own")
    assert "no volume 'kept' in namespace 'blue'" in blue.fnq("volume", "delete", "kept")
    assert blue.run("double.py") == "42"
    assert [each["function"] for each in blue.shown("function", "list")] == ["double"]
    assert "double" not in json.dumps(red.shown("function", "list"))
    assert red.run(PROGRAM, "get") == "red"
    assert [each["call"] for each in red.shown("calls", "list")] == [call]
    blue.fnq("function", "delete", "double", "--yes")
    red.fnq("calls", "cancel", call)
