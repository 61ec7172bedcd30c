"""Secrets on a real Nomad with ACLs on: what reaches a function's own job, and no other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_core.secrets import Label
from fnq_server.orchestrator.nomad.job import job_id
from fnq_server.orchestrator.seam import Provision
from fnq_server.secrets.variables import VariableStore, path_of
from fnq_wire.error import StackError
from tests import agents
from tests.guarded import GuardedNomad, guarded
from tests.nomad import House, until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.nomad,
    pytest.mark.timeout(120),
    pytest.mark.skipif("nomad" in agents.lacking(), reason="not on the path: nomad"),
]

#: What a server needs to run functions with secrets.
RULES = """
namespace "default" {
  capabilities = ["list-jobs", "read-job", "submit-job", "scale-job", "read-logs"]
  variables {
    path "fnq/secrets/*" { capabilities = ["read", "write", "list", "destroy"] }
    path "nomad/jobs/fnq-*" { capabilities = ["read", "write", "destroy"] }
  }
}
node { policy = "read" }
"""
SPEC = spec_pb2.FunctionSpec(
    name="f",
    secrets=[
        spec_pb2.SecretRef(source="env", name="TOKEN"),
        spec_pb2.SecretRef(source="integration", name="aws"),
    ],
)
VALUES = {
    "TOKEN": "quo\"te ' $HOME ${NOMAD_ALLOC_ID} #x {{ <&> \\n \u00fc \u2603",
    "MANY": "-----BEGIN-----\nline two\n\tA=B\n",
}
#: Writes, for each path of a variable, what Nomad answers to whoever has the job's token.
PROBE = """
import json, os, urllib.error, urllib.request
found = {}
for path in PATHS:
    url = f"{ADDRESS}/v1/var/{path}?namespace=default"
    request = urllib.request.Request(url, headers={"X-Nomad-Token": os.environ["NOMAD_TOKEN"]})
    try:
        found[path] = urllib.request.urlopen(request).status
    except urllib.error.HTTPError as problem:
        found[path] = problem.code
open(FILE + ".new", "w").write(json.dumps(found))
os.rename(FILE + ".new", FILE)
"""


@pytest.fixture(scope="module")
def nomad() -> Iterator[GuardedNomad]:
    """A Nomad without jobs that lets nobody in without a token."""
    with guarded() as made:
        yield made


@pytest.fixture(scope="module")
def token(nomad: GuardedNomad) -> str:
    """What a server has."""
    return nomad.token_for(RULES)


def _environment(file: Path) -> Mapping[str, str]:
    """Return the secrets that a stand-in was started with."""
    pairs = (line.partition("=") for line in file.read_text("utf-8").split("\0"))
    head = "FNQ_SECRET_"
    return {name.removeprefix(head): text for name, _, text in pairs if name.startswith(head)}


def _other(name: str, script: str, template: str = "") -> dict[str, Any]:
    """Return a job of somebody else in the same namespace."""
    templates = [{"EmbeddedTmpl": template, "DestPath": "secrets/x", "ChangeMode": "noop"}]
    task = {
        "Name": "worker",
        "Driver": "raw_exec",
        "Config": {"command": "/usr/bin/env", "args": ["python3", "-c", script]},
        "Identity": {"Env": True},
        "Templates": templates if template else [],
        "Resources": {"CPU": 100, "MemoryMB": 50},
    }
    return {"ID": name, "Type": "batch", "TaskGroups": [{"Name": "worker", "Tasks": [task]}]}


async def _copied(house: House, version: str, file: Path) -> None:
    """Start a worker of a version, and return once it has what it was given."""
    house.order(f"env -0 > {file}.new; mv {file}.new {file}; exec sleep 1000")
    await house.nomad.ensure("default", version, SPEC, Provision(secrets=VALUES), 1)
    await until(lambda: asyncio.to_thread(file.exists), bool)


def test_a_worker_has_its_secrets_and_another_job_cannot_read_them(
    nomad: GuardedNomad, token: str, tmp_path: Path
) -> None:
    """Whatever is in them; neither through Nomad's API, as this job, nor in a template of it."""
    house, version = House(nomad.address, tmp_path, token=token), "a1" * 16
    own = job_id("default", "f", version)
    kept = path_of("default", Label("env", "TOKEN"))

    async def scene() -> None:
        store = VariableStore(house.nomad.variables)
        await store.set("default", Label("env", "TOKEN"), {"TOKEN": VALUES["TOKEN"]})
        await _copied(house, version, tmp_path / "own")
        assert _environment(tmp_path / "own") == VALUES
        _tells_nothing(nomad, own)

        paths = [f"nomad/jobs/{own}", kept, "nomad/jobs/spy", f"nomad/jobs/{own}/worker/worker"]
        nomad.ask("PUT", "var/nomad/jobs/spy", {"Path": "nomad/jobs/spy", "Items": {"A": "1"}})
        file = tmp_path / "spied"
        facts = f"PATHS = {paths!r}\nADDRESS = {nomad.address!r}\nFILE = {str(file)!r}\n"
        nomad.ask("POST", "jobs", {"Job": _other("spy", facts + PROBE)})
        await until(lambda: asyncio.to_thread(file.exists), bool)
        assert list(json.loads(file.read_text()).values()) == [403, 403, 200, 403]

        text = f'{{{{ with nomadVar "nomad/jobs/{own}" }}}}{{{{ .TOKEN }}}}{{{{ end }}}}'
        nomad.ask("POST", "jobs", {"Job": _other("thief", "", text)})
        said = await until(lambda: _events(nomad, "thief"), lambda events: "Missing: " in events)
        assert f"nomad.var.block(nomad/jobs/{own}@default.global)" in said
        for each in ("spy", "thief"):
            nomad.ask("DELETE", f"job/{each}")

        await house.nomad.stop("default", version)
        assert await house.nomad.variables.get(f"nomad/jobs/{own}") is None
        assert await store.delete("default", Label("env", "TOKEN"))

    asyncio.run(scene())


def _tells_nothing(nomad: GuardedNomad, job: str) -> None:
    """Assert that no value is in what whoever may read jobs can see."""
    seen = [nomad.ask("GET", f"job/{job}{each}") for each in ("", "/versions", "/allocations")]
    seen += [nomad.ask("GET", f"allocation/{each['ID']}") for each in seen[-1]]
    assert "BEGIN" not in json.dumps(seen)


async def _events(nomad: GuardedNomad, job: str) -> str:
    return json.dumps(await asyncio.to_thread(nomad.ask, "GET", f"job/{job}/allocations"))


def test_secrets_that_a_job_lacks_are_named_and_come_by_themselves(
    nomad: GuardedNomad, token: str, tmp_path: Path
) -> None:
    """Its worker waits for them, and starts once the server has written them again."""
    house, version = House(nomad.address, tmp_path, token=token), "a2" * 16
    file, own = tmp_path / "own", job_id("default", "f", version)

    async def scene() -> None:
        await _copied(house, version, file)
        await house.nomad.scale("default", version, SPEC, Provision(), 0)
        await until(lambda: house.states(version), lambda found: found == [])
        file.unlink()
        await house.nomad.variables.delete(f"nomad/jobs/{own}")
        await house.nomad.scale("default", version, SPEC, Provision(), 1)
        told = await until(lambda: house.explained(version), lambda text: "secrets" in text)
        assert f"waits for its secrets: the variable nomad/jobs/{own} of Nomad is not" in told
        fresh = {"TOKEN": "2"}
        await house.nomad.ensure("default", version, SPEC, Provision(secrets=fresh), 1)
        await until(lambda: asyncio.to_thread(file.exists), bool)
        assert _environment(file) == fresh
        await house.nomad.stop("default", version)

    asyncio.run(scene())


def test_a_server_without_the_right_is_told_what_it_lacks(
    nomad: GuardedNomad, tmp_path: Path
) -> None:
    """Before any job is registered."""
    rules = RULES.replace('path "nomad/jobs/fnq-*"', 'path "nomad/jobs/other-*"')
    house, version = House(nomad.address, tmp_path, token=nomad.token_for(rules)), "a3" * 16
    own = job_id("default", "f", version)

    async def scene() -> None:
        with pytest.raises(StackError) as told:
            await house.nomad.ensure("default", version, SPEC, Provision(secrets=VALUES), 1)
        assert str(told.value) == (
            f"Nomad at {nomad.address} does not let us read the variable nomad/jobs/{own} in its "
            "namespace 'default' (Permission denied): set NOMAD_TOKEN to a token that may, "
            f'by a policy with namespace "default" {{ variables {{ path "nomad/jobs/{own}" '
            '{ capabilities = ["read"] } } }'
        )
        assert await house.states(version) == []

    asyncio.run(scene())
