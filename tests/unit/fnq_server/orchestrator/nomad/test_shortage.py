"""Why no node has the GPUs that a worker asks for, and who holds them."""

from __future__ import annotations

from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.inventory import Held, Holder, cards, groups, held
from fnq_server.orchestrator.nomad.job import render
from fnq_server.orchestrator.nomad.lack import Lack
from fnq_server.orchestrator.nomad.placement import Ask, Node, judge, overlooks, unplaced, waiting
from fnq_server.orchestrator.nomad.terms import Terms
from tests.unit.fnq_server.orchestrator.nomad.recorded import (
    allocation,
    blocked,
    node,
    occupying,
    resources,
)

L4, A100 = ("NVIDIA L4", 23034, 2), ("NVIDIA A100-SXM4-80GB", 81920, 1)
#: What Nomad says of cards that no node has, and of cards that others hold.
MISSING: dict[str, Any] = {"ConstraintFiltered": {"missing devices": 1}, "NodesFiltered": 1}
TAKEN: dict[str, Any] = {
    "DimensionExhausted": {"devices: no devices match request": 1},
    "NodesExhausted": 1,
}


def _judged(
    asked: dict[str, Any],
    metric: dict[str, Any],
    nodes: list[dict[str, Any]],
    *allocations: dict[str, Any],
    driver: str = "raw_exec",
    known: bool = True,
) -> Lack:
    terms = Terms(driver=driver, command="python", image="fnq")
    spec = spec_pb2.FunctionSpec(name="f", resources=spec_pb2.Resources(**asked))
    job: Any = render(terms, "default", "abc0123456", spec, 1, 1)
    found = unplaced([blocked(**metric)])
    assert found is not None
    meta = {"fnq.namespace": "default", "fnq.function": "embed", "fnq.version": "1a"}
    jobs = [
        {"ID": "fnq-f-abc01234", "Namespace": "default", "Meta": meta},
        {"ID": "fnq-g", "Namespace": "default", "Meta": meta | {"fnq.namespace": "team"}},
    ]
    taken = held(jobs, allocations) if known else None
    return judge(Ask.of(job), found, [Node.of(each) for each in nodes], taken)


def _node(*cards: tuple[str, int, int], ill: tuple[str, ...] = (), **changes: Any) -> Any:
    return node(NodeResources=resources(*cards, ill=ill), **changes)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"gpu": "nvidia-l4", "gpu_count": 3}, '3 "nvidia-l4": a node has 2 of one model at most'),
        ({"gpu": "nvidia-h100"}, '1 "nvidia-h100": there are NVIDIA A100-SXM4-80GB and NVIDIA L4'),
        (
            {"gpu": "nvidia-l4", "gpu_memory_bytes": 40 << 30},
            '1 "nvidia-l4:40Gi": the most memory that such a GPU has is 23034 MiB',
        ),
        (
            {"gpu": "nvidia", "gpu_count": 2, "gpu_memory_bytes": 40 << 30},
            '2 "nvidia:40Gi": a node has 1 of one model at most',
        ),
        ({"gpu": "nvidia", "gpu_count": 3}, '3 "nvidia": a node has 2 of one model at most'),
    ],
)
def test_what_no_node_has_is_permanent(asked: dict[str, Any], sentence: str) -> None:
    """Nomad says "missing devices" of each; the sentence says which it is."""
    told = _judged(asked, MISSING, [_node(L4, A100)])
    assert told == (f"no node has {sentence} (Nomad: missing devices on 1 node)", True)


def test_a_node_without_any_may_get_some() -> None:
    """Its plugin may not run yet, so nobody's call fails for it."""
    told = _judged({"gpu": "nvidia-l4"}, MISSING, [node()])
    assert told.sentence.startswith('no node has 1 "nvidia-l4": no node has a GPU of this kind')
    assert not told.permanent


def test_who_holds_them_is_named() -> None:
    """By function where it is ours, and by namespace where that is another's."""
    nodes = [_node(L4, A100)]
    mine = allocation("running") | occupying("NVIDIA L4/1")
    asked = {"gpu": "nvidia-l4", "gpu_count": 2}
    assert _judged(asked, TAKEN, nodes, mine).sentence == (
        'no node has 2 free "nvidia-l4": 1 node has 2, 1 is used by embed '
        "(Nomad: devices: no devices match request exhausted on 1 node)"
    )
    other = allocation("running", index=3) | occupying("NVIDIA L4/0", JobID="fnq-g")
    foreign = allocation("pending") | occupying("NVIDIA L4/0", JobID="train", Namespace="ml")
    over = allocation("complete") | occupying("NVIDIA L4/0")
    for each, words in ((other, "embed in namespace 'team'"), (foreign, "the job 'train'")):
        told = _judged(asked, TAKEN, nodes, mine, each, over)
        assert f"1 node has 2, 1 is used by embed, 1 is used by {words} (" in told.sentence
        assert not told.permanent


def test_what_is_no_gpu_is_held_by_nobody() -> None:
    """A job may have devices of other kinds."""
    told = _judged({"gpu": "nvidia-l4", "gpu_count": 3}, MISSING, [_node(L4)], _with_fpga())
    assert "used" not in told.sentence


def _with_fpga() -> dict[str, Any]:
    device = {"Vendor": "xilinx", "Type": "fpga", "DeviceIDs": ["NVIDIA L4/0"]}
    held_by = {"AllocatedResources": {"Tasks": {"worker": {"Devices": [device]}}}}
    return allocation("running") | occupying() | held_by


def test_where_holders_may_not_be_known_the_right_that_lacks_is_named() -> None:
    """The rest of the sentence is there, though Nomad showed no allocation."""
    told = _judged({"gpu": "nvidia-l4", "gpu_count": 2}, TAKEN, [_node(L4)], known=False)
    assert told.sentence == (
        'no node has 2 free "nvidia-l4": 1 node has 2, who uses them is not known, since the token '
        "of the servers (NOMAD_TOKEN) does not have the right read-job "
        "(Nomad: devices: no devices match request exhausted on 1 node)"
    )
    assert not told.permanent


HELD = {("n1", "NVIDIA L4/0"): Holder("train")}


@pytest.mark.parametrize(
    ("found", "taken", "overlooked"),
    [
        (_node(L4, ModifyIndex=14), {}, True),
        (_node(L4, ModifyIndex=13), {}, False),
        (_node(L4, ModifyIndex=14), HELD, False),
        (_node(L4, ModifyIndex=14, ill=("NVIDIA L4/0",)), {}, False),
        (_node(L4, ModifyIndex=14, Status="down"), {}, False),
        (_node(L4, ModifyIndex=14, NodePool="other"), {}, False),
        (_node(A100, ModifyIndex=14), {}, False),
    ],
    ids=["free", "seen", "held", "ill", "down", "pool", "model"],
)
def test_cards_that_came_after_nomad_looked_are_overlooked(
    found: dict[str, Any], taken: Held, overlooked: bool
) -> None:
    """Where enough are free on a node that has changed since; once it has looked, no more."""
    resources = spec_pb2.Resources(gpu="nvidia-l4", gpu_count=2)
    terms = Terms(driver="raw_exec", command="python")
    spec = spec_pb2.FunctionSpec(name="f", resources=resources)
    ask = Ask.of(render(terms, "default", "abc0123456", spec, 1, 1))
    evaluation = waiting([blocked(12), blocked(13), blocked(14) | {"Status": "complete"}])
    assert evaluation is not None
    assert overlooks(ask, evaluation, [node(ModifyIndex=99), found], taken) is overlooked


def test_a_list_names_all_its_kinds() -> None:
    """Each of them would do; those of one node are not one number."""
    asked = {"gpu": "nvidia-l4", "gpu_fallbacks": [spec_pb2.GpuAsk(name="nvidia-a100")]}
    gpus = ("NVIDIA L4/0", "NVIDIA L4/1", "NVIDIA A100-SXM4-80GB/0")
    told = _judged(asked, TAKEN, [_node(L4, A100)], allocation("running") | occupying(*gpus))
    assert told.sentence.startswith(
        'no node has 1 free "nvidia-l4" or "nvidia-a100": 1 node has 2 + 1, 3 are used by embed ('
    )
    never = _judged(asked, MISSING, [_node(("Tesla T4", 15360, 1))])
    assert never.sentence.startswith('no node has 1 "nvidia-l4" or "nvidia-a100": there are Tesla')


def test_one_that_is_ill_is_told_and_waited_for() -> None:
    """It may be mended."""
    asked = {"gpu": "nvidia-l4", "gpu_count": 2}
    told = _judged(asked, MISSING, [_node(L4, ill=("NVIDIA L4/0",))])
    assert told.sentence.startswith(
        'no node has 2 free "nvidia-l4": 1 node has 2, 1 is not healthy (Nomad'
    )
    assert not told.permanent


def test_many_holders_are_not_a_list() -> None:
    """Five are named, those that hold most first."""
    holders = [
        allocation("running", created=each)
        | occupying(f"NVIDIA L4/{each}", JobID=f"job-{min(each, 6)}")
        for each in range(8)
    ]
    told = _judged({"gpu": "nvidia-l4"}, TAKEN, [_node(("NVIDIA L4", 23034, 8))], *holders)
    first = "1 node has 8, 2 are used by the job 'job-6', 1 is used by the job 'job-0'"
    assert first in told.sentence
    assert "'job-3', 2 by others (Nomad" in told.sentence


def test_cards_that_are_free_are_not_the_reason() -> None:
    """Nor those of a node that is down."""
    asked = {"gpu": "nvidia-l4"}
    assert "in use" in _judged(asked, {"DimensionExhausted": {"memory": 1}}, [_node(L4)]).sentence
    other = {"ConstraintFiltered": {"${meta.rack} = a": 1}, "NodesFiltered": 1}
    assert "${meta.rack} = a" in _judged(asked, other, [_node(L4)], driver="docker").sentence
    down = _judged(asked, TAKEN, [_node(L4, Status="down")])
    assert down.sentence.startswith("no node that is large enough is ready")
    assert '100 MHz, 512 MiB and 1 "nvidia-l4"' in down.sentence


def test_gpus_and_memory_must_be_on_one_node() -> None:
    """A node with the card and one with the room are of no use."""
    small = resources(L4) | {"Memory": {"MemoryMB": 64}}
    told = _judged({"gpu": "nvidia-l4"}, TAKEN, [node(NodeResources=small), node(ID="n2")])
    assert told.permanent
    assert told.sentence.startswith("no node has all that it asks for: it asks for 100 MHz, 512")


def test_a_docker_without_the_runtime_is_the_operators_to_mend() -> None:
    """Nomad names the attribute; nobody's call fails for it."""
    reason = "${attr.driver.docker.runtimes} regexp (^|,)nvidia(,|$)"
    metric = {"ConstraintFiltered": {reason: 1}}
    told = _judged({"gpu": "nvidia-l4"}, metric, [_node(L4)], driver="docker")
    assert told.sentence.startswith('no node with 1 "nvidia-l4" has a Docker with the runtime')
    assert not told.permanent


def test_a_docker_without_the_runtime_is_not_the_reason_where_another_has_it() -> None:
    """As on nodes without GPUs: what is held, or ill, is told all the same."""
    plain, reason = node(ID="n2"), "${attr.driver.docker.runtimes} regexp (^|,)nvidia(,|$)"
    held_by = allocation("running") | occupying("NVIDIA L4/0", "NVIDIA L4/1")
    metric = {"ConstraintFiltered": {reason: 1}, "NodesFiltered": 1, **TAKEN}
    told = _judged({"gpu": "nvidia-l4"}, metric, [plain, _node(L4)], held_by, driver="docker")
    assert told.sentence.startswith(
        'no node has 1 free "nvidia-l4": 1 node has 2, 2 are used by embed (Nomad'
    )
    metric = {"ConstraintFiltered": {reason: 1, "missing devices": 1}, "NodesFiltered": 2}
    ill = _node(L4, ill=("NVIDIA L4/0", "NVIDIA L4/1"))
    told = _judged({"gpu": "nvidia-l4"}, metric, [plain, ill], driver="docker")
    assert told.sentence.startswith(
        'no node has 1 free "nvidia-l4": 1 node has 2, 2 are not healthy (Nomad'
    )


def test_a_card_says_its_model_memory_and_faults() -> None:
    """Memory that is not said in bytes is not known; other devices are no GPUs."""
    raw = _node(L4, ill=("NVIDIA L4/1",))
    [found] = groups(raw)
    assert found[:4] == ("n1", "nvidia/gpu", "NVIDIA L4", 23034)
    assert found.faults == {"NVIDIA L4/0": "", "NVIDIA L4/1": "fallen off the bus"}
    assert (found.free({}), found.free({("n1", "NVIDIA L4/0"): Holder("j")})) == (1, 0)
    [device] = raw["NodeResources"]["Devices"]
    device["Attributes"] = {"memory": {"Int": 24, "Unit": "GB/s"}}
    assert groups(raw)[0].memory_mb == 0
    device["Type"] = "fpga"
    assert groups(raw) == ()


def test_all_cards_are_listed_with_who_has_them() -> None:
    """By node and model; those of a node that is gone have that for a fault."""
    nodes = [_node(L4, A100, ill=("NVIDIA L4/1",)), _node(A100, ID="n2", Name="vm2", Status="down")]
    taken = {
        ("n1", "NVIDIA L4/0"): Holder("j", "default", "embed", "a1", 2),
        ("n1", "NVIDIA A100-SXM4-80GB/0"): Holder("train"),
    }
    found = cards(nodes, taken)
    assert [(each.address, each.identity, each.fault) for each in found] == [
        ("vm", "NVIDIA A100-SXM4-80GB/0", ""),
        ("vm", "NVIDIA L4/0", ""),
        ("vm", "NVIDIA L4/1", "fallen off the bus"),
        ("vm2", "NVIDIA A100-SXM4-80GB/0", "its node is down"),
    ]
    assert found[0].others == ["train"]
    [worker] = found[1].workers
    assert (worker.function, worker.version, worker.replica) == ("embed", "a1", 2)
    assert found[1].memory_bytes == 23034 << 20
