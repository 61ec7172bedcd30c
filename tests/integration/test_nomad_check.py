"""What `fnq gpus` and `fnq cluster check` say of a real Nomad, and what rights it finds lacking."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from fnq.v1 import gpus_pb2, gpus_pb2_grpc
from fnq_server.orchestrator.nomad.door import Access
from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_wire.finding import Finding
from fnq_wire.transport import metadata
from tests import agents
from tests.gpus import rack
from tests.guarded import GuardedNomad, guarded
from tests.integration.nomadstack import NomadStack
from tests.nomad import House, until
from tests.redis import wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.nomad,
    pytest.mark.timeout(400),
    pytest.mark.skipif("nomad" in agents.lacking(), reason="not on the path: nomad"),
]

L4 = {"model": "NVIDIA L4", "memory_mib": 23034, "ids": ["GPU-l4-0", "GPU-l4-1"]}
A100 = {"model": "NVIDIA A100-SXM4-80GB", "memory_mib": 81920, "ids": ["GPU-a100-0"]}
PROGRAM = Path(__file__).parent / "programs" / "cards.py"
#: Seconds in which a worker comes up or goes, and says so.
SOON_S = 120.0
#: The rights of servers, by the part of their policy: capabilities, and those to variables.
CAPABILITIES = (
    *("list-jobs", "read-job", "plan-job", "register-job", "scale-job", "evaluate-job"),
    *("deregister-job", "read-logs", "host-volume-create", "host-volume-delete"),
)
SECRETS, HANDED = ("read", "write", "list", "destroy"), ("read", "write", "destroy")
NODE, MOUNTS = 'node { policy = "read" }', 'host_volume "fnvol-*" { policy = "write" }'


@pytest.fixture(scope="module")
def stack() -> Iterator[NomadStack]:
    """A stack whose workers a Nomad with two L4 and an A100 runs."""
    with rack(L4, A100) as made, tempfile.TemporaryDirectory(prefix="s-") as folder:
        running = NomadStack(Path(folder), made.address)
        running.start()
        yield running
        running.stop()


@pytest.fixture(scope="module")
def nomad() -> Iterator[GuardedNomad]:
    """A Nomad with one worker that lets nobody in without a token."""
    with guarded() as made, tempfile.TemporaryDirectory(prefix="h-") as folder:
        house = House(made.address, Path(folder), token=made.token)
        asyncio.run(_begin(house))
        yield made


async def _begin(house: House) -> None:
    await house.ensure("a1" * 16)
    await until(lambda: house.states("a1" * 16), lambda found: found == [(0, "running")])


def _cards(stack: NomadStack) -> dict[str, tuple[str, str]]:
    """Return the state of each card, and who has it.

    Asked as the command does, which is too slow to be started again and again.
    """
    with grpc.insecure_channel(stack.server) as link:
        request = gpus_pb2.ListGpusRequest(namespace="default")
        found = gpus_pb2_grpc.GpusStub(link).List(request, timeout=SOON_S, metadata=metadata(None))
    return {each.id: (each.state, " ".join(map(_holder, each.holders))) for each in found.gpus}


def _await(stack: NomadStack, wanted: dict[str, tuple[str, str]]) -> None:
    """Return once the cards are so; an error says how they are instead."""
    with contextlib.suppress(AssertionError):
        wait_until(lambda: _cards(stack) == wanted, SOON_S)
    assert _cards(stack) == wanted


def _holder(found: gpus_pb2.GpuHolder) -> str:
    return found.other or f"{found.function} {found.replica} {found.busy}"


def test_cards_are_shown_from_the_first_call_to_the_last(stack: NomadStack, tmp_path: Path) -> None:
    """Free, then busy, idle once the call has ended, and free when their function is gone."""
    free = dict.fromkeys(("GPU-l4-0", "GPU-l4-1", "GPU-a100-0"), ("free", ""))
    assert _cards(stack) == free
    gate = tmp_path / "gate"
    command = [sys.executable, str(PROGRAM), str(gate)]
    with subprocess.Popen(command, env=stack.env, stdout=subprocess.PIPE, text=True) as script:
        try:
            busy = dict.fromkeys(("GPU-l4-0", "GPU-l4-1"), ("busy", "cards 0 1"))
            _await(stack, free | busy)
        finally:
            gate.touch()
        said, _ = script.communicate(timeout=SOON_S)
    assert sorted(said.strip().split(",")) == ["GPU-l4-0", "GPU-l4-1"]
    idle = dict.fromkeys(("GPU-l4-0", "GPU-l4-1"), ("idle", "cards 0 0"))
    _await(stack, free | idle)
    rows = [line.split()[1:] for line in stack.fnq("gpus").splitlines()]
    assert [row for row in rows if "idle" in row] == [
        ["NVIDIA", "L4", "23034", "MiB", "idle", "cards", "0", f"GPU-l4-{each}"] for each in "01"
    ]
    stack.fnq("function", "delete", "cards", "--yes")
    _await(stack, free)


def test_a_stack_on_nomad_is_told_what_it_lacks(stack: NomadStack) -> None:
    """This one has no file of Redis, no Consul and no ACLs, and all the rest."""
    told = {each["subject"]: each for each in stack.json("cluster", "check", code=1)["findings"]}
    lacking = {subject for subject, each in told.items() if each["state"] == "missing"}
    assert lacking == {"redis file", "consul agents"}
    fine = {subject for subject, each in told.items() if each["state"] == "ok"}
    assert fine >= {"nomad", "driver", "volumes", "gpus", "place", "memory_max"}
    assert told["gpus"]["what"] == "3 (NVIDIA A100-SXM4-80GB, NVIDIA L4)"
    assert told["rights"]["what"].startswith("Nomad's ACLs are off")
    assert stack.fnq("cluster", "check", code=1).splitlines()[-1] == "2 missing"


def _rules(without: str = "") -> str:
    """Return the policy of servers, but for one line."""
    some = ", ".join(f'"{each}"' for each in CAPABILITIES if each != without)
    paths = "\n".join(
        f'path "{path}" {{ capabilities = [{", ".join(_quoted(path, verbs, without))}] }}'
        for path, verbs in (("fnq/secrets/*", SECRETS), ("nomad/jobs/fnq-*", HANDED))
    )
    return f"""
namespace "default" {{
  capabilities = [{some}]
  variables {{
    {paths}
  }}
}}
{"" if without == NODE else NODE}
{"" if without == MOUNTS else MOUNTS}
"""


def _quoted(path: str, verbs: tuple[str, ...], without: str) -> list[str]:
    return [f'"{each}"' for each in verbs if f"{each} {path}" != without]


def _found(nomad: GuardedNomad, token: str, **terms: Any) -> list[Finding]:
    """Return what a server with a token finds."""
    given: dict[str, Any] = {"driver": "raw_exec", "command": sys.executable}
    # At these addresses nobody is looked for in Consul.
    at: dict[str, Any] = dict.fromkeys(("server", "consumer"), "127.0.0.1:9")
    access = Access(nomad.address, token)
    made = NomadOrchestrator(access, Terms(**given, **at, redis="redis://127.0.0.1:9", **terms))
    return asyncio.run(made.check(None))


def _lacking(findings: list[Finding]) -> list[str]:
    head = "the servers' token lacks "
    return [each.what.removeprefix(head) for each in findings if each.what.startswith(head)]


def test_the_whole_policy_lacks_nothing(nomad: GuardedNomad) -> None:
    """And what it does not let a server see is no fault."""
    jobs = nomad.ask("GET", "jobs")
    found = _found(nomad, nomad.token_for(_rules()))
    states = {each.subject: each.state for each in found}
    assert states["rights"] == "ok"
    assert {each for each, state in states.items() if state == "missing"} == {"consul agents"}
    assert states["environment"] == "ok"
    assert nomad.ask("GET", "jobs") == jobs
    assert nomad.ask("GET", "volumes?type=host") == []
    assert nomad.ask("GET", "vars") == []


@pytest.mark.parametrize("line", CAPABILITIES)
def test_a_capability_that_lacks_is_named(nomad: GuardedNomad, line: str) -> None:
    """And no other."""
    found = _found(nomad, nomad.token_for(_rules(line)))
    assert _lacking(found) == [f"the capability {line}"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (NODE, NODE),
        (MOUNTS, MOUNTS),
        *(
            (f"{verb} {path}", f'{verb} in variables {{ path "{path}" }}')
            for path in ("fnq/secrets/*", "nomad/jobs/fnq-*")
            for verb in HANDED
        ),
    ],
)
def test_another_right_that_lacks_is_named(nomad: GuardedNomad, line: str, told: str) -> None:
    """By its line of the policy."""
    assert _lacking(_found(nomad, nomad.token_for(_rules(line)))) == [told]


def test_one_capability_stands_for_all_that_are_for_jobs(nomad: GuardedNomad) -> None:
    """As policies have it that were written for an older Nomad."""
    finer = '"plan-job", "register-job", "scale-job", "evaluate-job", "deregister-job"'
    rules = _rules().replace(finer, '"submit-job"')
    assert "submit-job" in rules
    assert _lacking(_found(nomad, nomad.token_for(rules))) == []


def test_a_token_that_is_none_is_told(nomad: GuardedNomad) -> None:
    """Nomad refuses whatever it is asked with it, and each right lacks."""
    found = _found(nomad, "00000000-0000-0000-0000-000000000001")
    assert len(_lacking(found)) > len(CAPABILITIES)
