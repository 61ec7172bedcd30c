"""Workers as jobs: what the orchestrator asks of Nomad, and what it makes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad import orchestrator as orchestrator_module
from fnq_server.orchestrator.nomad.door import Access
from fnq_server.orchestrator.nomad.injection import FILE, template
from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.seam import Explanation, Orchestrator, Outlook, Provision
from fnq_wire.error import StackError
from tests.loop import eventually
from tests.unit.fnq_server.orchestrator.nomad import recorded
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving
from tests.unit.fnq_server.orchestrator.nomad.recorded import allocation, blocked, node

VERSION = "abc0123456"
ID = "fnq-f-abc01234"
SPEC = spec_pb2.FunctionSpec(name="f")
WITH_SECRETS = spec_pb2.FunctionSpec(name="f", secrets=[spec_pb2.SecretRef(source="env", name="A")])
WITH_GPU = spec_pb2.FunctionSpec(name="f", resources=spec_pb2.Resources(gpu="nvidia-l4"))
NOBODY = Explanation(Outlook.ABSENT, "no worker was started")


@pytest.fixture
def api() -> Iterator[NomadApi]:
    """A Nomad with nothing in it."""
    with serving() as made:
        yield made


def _nomad(api: NomadApi, cpu_mhz: int = 100) -> NomadOrchestrator:
    terms = Terms(driver="raw_exec", command="/usr/bin/python3", cpu_mhz=cpu_mhz)
    return NomadOrchestrator(Access(api.address), terms)


def _writes(api: NomadApi) -> list[str]:
    return [f"{method} {path}" for method, path in api.asked if method != "GET"]


def _count(api: NomadApi) -> int:
    count: int = api.jobs[ID]["TaskGroups"][0]["Count"]
    return count


async def test_a_job_is_made_once_and_raised_where_it_must_be(api: NomadApi) -> None:
    """Nomad is written to only then, and only by /scale once the job is there."""
    nomad: Orchestrator = _nomad(api)
    for replicas, count in ((2, 2), (1, 2), (3, 3), (3, 3)):
        await nomad.ensure("default", VERSION, SPEC, Provision(), replicas)
        assert _count(api) == count
    assert _writes(api) == [f"POST job/{ID}", f"POST job/{ID}/scale"]


async def test_a_job_is_lowered_only_by_scaling(api: NomadApi) -> None:
    """To none at all, too, and up again."""
    nomad = _nomad(api)
    for replicas in (3, 1, 0, 2):
        await nomad.scale("default", VERSION, SPEC, Provision(), replicas)
        assert _count(api) == replicas


async def test_two_servers_at_once_make_one_job(api: NomadApi) -> None:
    """Who comes second looks again."""
    nomads = [_nomad(api) for _ in range(4)]
    await asyncio.gather(
        *(
            nomad.ensure("default", VERSION, SPEC, Provision(), count)
            for count, nomad in enumerate(nomads, 1)
        )
    )
    assert _count(api) == 4
    assert len(api.jobs) == 1


async def test_a_job_that_others_change_meanwhile_is_looked_at_again(api: NomadApi) -> None:
    """But not for ever."""
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, SPEC, Provision(), 1)
    api.rivals = 3
    await nomad.ensure("default", VERSION, SPEC, Provision(), 2)
    assert _count(api) == 2
    api.rivals = 1_000
    with pytest.raises(StackError, match="is changed by others all the time"):
        await nomad.ensure("default", VERSION, SPEC, Provision(), 3)


async def test_a_server_with_another_file_takes_the_job_over_with_its_count(api: NomadApi) -> None:
    """Once; the one that started before it does not take it back."""
    earlier = _nomad(api)
    await earlier.scale("default", VERSION, SPEC, Provision(), 3)
    later = _nomad(api, cpu_mhz=700)
    later._since_ms = earlier._since_ms + 1
    for nomad in (later, earlier, later):
        await nomad.ensure("default", VERSION, SPEC, Provision(), 1)
        [group] = api.jobs[ID]["TaskGroups"]
        assert (group["Count"], group["Tasks"][0]["Resources"]["CPU"]) == (3, 700)


async def test_stopping_waits_until_each_worker_is_told_to_end(api: NomadApi) -> None:
    """Registered again before that, the job would keep it; how long it takes to end is its own."""
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, SPEC, Provision(), 2)
    api.place(ID, allocation("running"), allocation("running", index=1))
    stopping = asyncio.create_task(nomad.stop("default", VERSION))
    await eventually(lambda: api.jobs[ID]["Stop"])
    api.place(ID, allocation("running", desired="stop"), allocation("running", index=1))
    await eventually(lambda: api.queries[-1].get("index") == str(api.index))
    assert not stopping.done()
    api.place(ID, *(allocation("running", index=each, desired="stop") for each in (0, 1)))
    await stopping
    assert ("DELETE", f"job/{ID}") in api.asked
    assert "purge" not in {name for query in api.queries for name in query}
    assert await nomad.explain("default", VERSION) == (
        Explanation(Outlook.ABSENT, "its workers were stopped")
    )
    await nomad.ensure("default", VERSION, SPEC, Provision(), 1)
    assert not api.jobs[ID]["Stop"]


async def test_stopping_does_not_wait_for_workers_that_came_after_it(api: NomadApi) -> None:
    """Another server has ensured them."""
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, SPEC, Provision(), 1)
    later = allocation("running", created=api.index + 5)
    api.place(ID, allocation("failed"), later)
    await nomad.stop("default", VERSION)


async def test_stopping_what_was_never_started_is_done(api: NomadApi) -> None:
    """Nothing is asked to stop."""
    await _nomad(api).stop("default", VERSION)
    assert _writes(api) == []


async def test_workers_that_nomad_does_not_tell_to_end_are_reported(
    api: NomadApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no leader, or too much to do."""
    monkeypatch.setattr(orchestrator_module, "_TOLD_S", 0.05)
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, SPEC, Provision(), 1)
    api.place(ID, allocation("running"))
    with pytest.raises(StackError, match=f"has not told the workers of {ID} to end in 0.05 s"):
        await nomad.stop("default", VERSION)


async def test_the_job_of_a_version_is_found_by_who_did_not_make_it(api: NomadApi) -> None:
    """By its metadata; that of another namespace is another."""
    await _nomad(api).ensure("default", VERSION, SPEC, Provision(), 1)
    api.place(ID, allocation("running"))
    assert await _nomad(api).explain("default", VERSION) == Explanation(Outlook.RUNNING)
    assert await _nomad(api).explain("other", VERSION) == NOBODY
    assert await _nomad(api).explain("default", 'x" or "" == "') == NOBODY


async def test_a_job_that_fits_no_node_is_explained_and_will_never_run(api: NomadApi) -> None:
    """Its nodes are asked, and only then."""
    nomad = _nomad(api)
    large = spec_pb2.FunctionSpec(
        name="f", resources=spec_pb2.Resources(memory_bytes=1 << 40, cpu_millis=1)
    )
    await nomad.ensure("default", VERSION, large, Provision(), 1)
    looking = Explanation(Outlook.STARTING, "Nomad looks for a node")
    assert await nomad.explain("default", VERSION) == looking
    assert ("GET", "nodes") not in api.asked
    api.evaluations.append(blocked(DimensionExhausted={"memory": 1}))
    api.nodes.append(node())
    found = await nomad.explain("default", VERSION)
    assert found.outlook is Outlook.IMPOSSIBLE
    assert found.reason.startswith("no node has enough memory: it asks for 1048576 MiB")


async def test_who_holds_the_gpu_that_a_worker_waits_for_is_named(api: NomadApi) -> None:
    """All allocations are asked for, of all namespaces, and only where it asks for a GPU."""
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, SPEC, Provision(), 1)
    api.evaluations.append(blocked(DimensionExhausted={"memory": 1}))
    api.nodes.append(node(NodeResources=recorded.resources(("NVIDIA L4", 23034, 1))))
    await nomad.explain("default", VERSION)
    assert "*" not in {query.get("namespace") for query in api.queries}
    asked = spec_pb2.FunctionSpec(name="g", resources=spec_pb2.Resources(gpu="nvidia-l4"))
    await nomad.ensure("default", "d" * 10, asked, Provision(), 1)
    api.place(ID, allocation("running") | recorded.occupying("NVIDIA L4/0"))
    assert await nomad.explain("default", "d" * 10) == Explanation(
        Outlook.BLOCKED,
        'no node has 1 free "nvidia-l4": 1 node has 1, 1 is used by f '
        "(Nomad: memory exhausted on 1 node)",
    )
    assert "*" in {query.get("namespace") for query in api.queries}


async def test_who_may_not_be_known_keeps_nobody_from_an_explanation(api: NomadApi) -> None:
    """A right is missing, and is named; who asks for all GPUs is refused, with its name."""
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, WITH_GPU, Provision(), 1)
    api.evaluations.append(blocked(DimensionExhausted={"memory": 1}))
    api.nodes.append(node(NodeResources=recorded.resources(("NVIDIA L4", 23034, 1))))
    api.denied.add("allocations")
    found = await nomad.explain("default", VERSION)
    assert found.outlook is Outlook.BLOCKED
    assert "does not have the right read-job (Nomad: memory" in found.reason
    with pytest.raises(
        StackError, match=r'list what all jobs hold in .* \{ capabilities = \["read-job"\] \}$'
    ):
        await nomad.gpus()


async def test_nomad_is_told_to_look_again_for_cards_that_it_missed(api: NomadApi) -> None:
    """When they are seen next to be wanted, and as long as it has not looked."""
    nomad, again = _nomad(api), f"POST job/{ID}/evaluate"
    cards = node(NodeResources=recorded.resources(("NVIDIA L4", 23034, 1)), ModifyIndex=20)
    for evaluations, nodes, looks in (
        ([], [cards], 0),
        ([blocked(13)], [], 0),
        ([blocked(13)], [cards], 1),
        ([blocked(21)], [cards], 1),
    ):
        api.evaluations, api.nodes = evaluations, nodes
        await nomad.ensure("default", VERSION, WITH_GPU, Provision(), 1)
        assert _writes(api).count(again) == looks
    api.evaluations = [blocked(13)]
    await nomad.stop("default", VERSION)
    await nomad.scale("default", VERSION, WITH_GPU, Provision(), 0)
    assert _writes(api).count(again) == 1


async def test_one_that_runs_beside_one_that_waits_is_enough(api: NomadApi) -> None:
    """There is nothing to explain."""
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, SPEC, Provision(), 2)
    api.place(ID, allocation("running"))
    api.evaluations.append(blocked(DimensionExhausted={"memory": 1}))
    assert await nomad.explain("default", VERSION) == Explanation(Outlook.RUNNING)


async def test_a_worker_that_ends_again_and_again_is_explained_by_its_last_words(
    api: NomadApi,
) -> None:
    """Where it left some."""
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, SPEC, Provision(), 1)
    failed = allocation("failed", recorded.STARTED, recorded.EXIT_7, recorded.NOT_RESTARTING)
    api.place(ID, failed)
    sentence = "its worker on node 'vm' ended with exit code 7"
    assert await nomad.explain("default", VERSION) == Explanation(Outlook.CRASHING, sentence)
    api.logs[failed["ID"], "stderr"] = b"starting\nno licence\n"
    told = Explanation(Outlook.CRASHING, f"{sentence}: no licence")
    assert await nomad.explain("default", VERSION) == told


async def test_a_log_that_cannot_be_read_hides_no_reason(api: NomadApi) -> None:
    """The node may be out of reach since the worker on it ended."""
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, SPEC, Provision(), 1)
    api.place(ID, failed := allocation("failed", recorded.STARTED, recorded.EXIT_7))
    api.broken_logs.add(failed["ID"])
    sentence = "its worker on node 'vm' ended with exit code 7"
    assert await nomad.explain("default", VERSION) == Explanation(Outlook.CRASHING, sentence)


async def test_one_that_starts_beside_one_without_a_place_is_waited_for(api: NomadApi) -> None:
    """It is the best of them."""
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, SPEC, Provision(), 2)
    api.place(ID, allocation("pending"))
    api.evaluations.append(blocked(DimensionExhausted={"memory": 1}))
    starting = Explanation(Outlook.STARTING, "node 'vm' was told to start its worker")
    assert await nomad.explain("default", VERSION) == starting


async def test_a_job_that_nomad_refuses_is_an_error_with_its_words(api: NomadApi) -> None:
    """And leaves nothing behind."""
    nomad = _nomad(api)
    api.refusal = (500, '1 error occurred:\n\t* job "x" is in nonexistent node pool "gpu"\n\n')
    with pytest.raises(StackError, match='nonexistent node pool "gpu"'):
        await nomad.ensure("default", VERSION, SPEC, Provision(), 1)
    api.refusal = None
    assert await nomad.explain("default", VERSION) == NOBODY


async def test_a_name_that_cannot_be_in_a_job_is_refused(api: NomadApi) -> None:
    """Before Nomad is asked."""
    with pytest.raises(StackError, match=r"may not hold '\$\{'"):
        await _nomad(api).ensure("${attr.cpu}", VERSION, SPEC, Provision(), 1)
    assert api.asked == []


async def test_a_job_scaled_to_nothing_was_not_started(api: NomadApi) -> None:
    """Nor is it explained by workers that it had before."""
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, SPEC, Provision(), 1)
    await nomad.scale("default", VERSION, SPEC, Provision(), 0)
    api.place(ID, allocation("complete", recorded.STARTED, recorded.EXIT_7, desired="stop"))
    assert await nomad.explain("default", VERSION) == NOBODY


async def test_status_is_every_worker(api: NomadApi) -> None:
    """With the function that its job says it is of."""
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, SPEC, Provision(), 2)
    api.place(ID, allocation("running"), allocation("pending", index=1))
    assert [(each.function, each.replica, each.state) for each in await nomad.status()] == [
        ("f", 0, "running"),
        ("f", 1, "starting"),
    ]


async def test_logs_are_the_last_whole_lines_of_who_is_alive(api: NomadApi) -> None:
    """Of both streams; where nobody is, of who was."""
    nomad = _nomad(api)
    assert await nomad.logs("default", VERSION, 3) == []
    await nomad.ensure("default", VERSION, SPEC, Provision(), 1)
    dead, alive = allocation("failed", desired="stop"), allocation("running", created=20)
    api.logs[dead["ID"], "stdout"] = b"I was\n"
    api.logs[alive["ID"], "stdout"] = b"".join(b"%d %s\n" % (n, b"x" * 600) for n in range(9))
    api.logs[alive["ID"], "stderr"] = "grün\nlast".encode()
    api.place(ID, dead, alive)
    lines = await nomad.logs("default", VERSION, 3)
    assert [line.split()[0] for line in lines] == ["6", "7", "8", "grün", "last"]
    # One whose node is out of reach.
    silent = allocation("running", index=1, created=30)
    api.broken_logs.add(silent["ID"])
    api.place(ID, dead, alive, silent)
    *others, problem = await nomad.logs("default", VERSION, 3)
    assert (others, "Unknown node a2145c67" in problem) == (lines, True)
    api.place(ID, dead)
    assert await nomad.logs("default", VERSION, 3) == ["I was"]
    assert await nomad.logs("default", VERSION, 0) == []


async def test_nomad_need_not_hear_that_it_is_in_use(api: NomadApi) -> None:
    """It does not go away."""
    assert await _nomad(api).touch() > 60
    assert api.asked == []


def test_what_a_function_asks_for_has_an_effect(api: NomadApi) -> None:
    """Nomad places by cpu, memory, GPUs and options, hands over secrets and has volumes."""
    assert _nomad(api).active == {"cpu", "memory", "gpu", "options", "secrets", "volumes"}


async def test_secrets_go_into_the_job_s_own_variable_before_the_job(api: NomadApi) -> None:
    """They are in no job, plan or error; a template names the variable."""
    nomad, given = _nomad(api), Provision(secrets={"A": "hunter2"})
    await nomad.ensure("default", VERSION, WITH_SECRETS, given, 1)
    assert _writes(api) == [f"PUT var/nomad/jobs/{ID}", f"POST job/{ID}"]
    assert api.vars.items == {f"nomad/jobs/{ID}": {"A": "hunter2"}}
    [task] = api.jobs[ID]["TaskGroups"][0]["Tasks"]
    assert task["Config"]["args"][-1] == "--secrets"
    [credentials, secrets] = task["Templates"]
    assert secrets == credentials | {"EmbeddedTmpl": template(ID), "DestPath": FILE}
    draft = await nomad.plan("default", VERSION, WITH_SECRETS, "", 1)
    assert "hunter2" not in f"{api.jobs}{draft}"


async def test_secrets_that_are_set_anew_are_written_and_no_worker_is_touched(
    api: NomadApi,
) -> None:
    """Also while there is none; where the job is gone nothing is left for nobody."""
    nomad = _nomad(api)
    for value, replicas in (("1", 1), ("2", 0)):
        await nomad.ensure(
            "default", VERSION, WITH_SECRETS, Provision(secrets={"A": value}), replicas
        )
    await nomad.scale("default", VERSION, WITH_SECRETS, Provision(secrets={"A": "2"}), 0)
    await nomad.ensure("default", VERSION, WITH_SECRETS, Provision(secrets={"A": "3"}), 0)
    assert api.vars.items == {f"nomad/jobs/{ID}": {"A": "3"}}
    path = f"PUT var/nomad/jobs/{ID}"
    assert _writes(api) == [path, f"POST job/{ID}", path, f"POST job/{ID}/scale", path]
    await nomad.stop("default", VERSION)
    await nomad.ensure("default", VERSION, WITH_SECRETS, Provision(secrets={"A": "4"}), 0)
    assert api.vars.items == {}


async def test_a_stopped_job_leaves_no_secrets(api: NomadApi) -> None:
    """Once its workers were told to end, and again where that was not seen to the end."""
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, WITH_SECRETS, Provision(secrets={"A": "1"}), 1)
    for _ in range(2):
        api.vars.write(f"nomad/jobs/{ID}", {"A": "1"})
        await nomad.stop("default", VERSION)
        assert api.vars.items == {}


async def test_variables_are_left_alone_without_secrets(api: NomadApi) -> None:
    """A token without rights there is enough."""
    api.vars.denied.add("")
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, SPEC, Provision(), 1)
    await nomad.stop("default", VERSION)
    assert not [path for _, path in api.asked if path.startswith("var")]
