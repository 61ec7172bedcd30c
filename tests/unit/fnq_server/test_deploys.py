"""How a set of functions comes to be current."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from fnq.v1 import control_pb2, spec_pb2
from fnq_core.removal import Removal
from fnq_server import trial as trial_module
from fnq_server.orchestrator.seam import Explanation, Outlook
from fnq_wire.error import StackError
from fnq_wire.version import version_id
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy.builder import Builder
from tests.toy.house import House
from tests.unit.fnq_core.streams import connected
from tests.unit.fnq_server.office import BROKEN, Office, named, office


async def test_a_set_goes_live_once_each_function_was_imported(server: RedisServer) -> None:
    """Together, and what is waited for is said on change, by function."""
    specs = [named("f"), named("g")]
    async with office(server, states={"f": "held"}) as (made, house):
        request = control_pb2.DeployRequest(specs=specs)
        told: list[str] = []
        async with aclosing(made.deploys.deploy(request)) as events:
            async for last in events:
                if last.progress.function != "f":
                    continue
                told.append(last.progress.step)
                if told[-1] == "a worker has started and imports the function":
                    assert await made.current("f", "g") == ["", ""]
                    house.states = {}
                    await house.post(version_id(specs[0]), "f")
        assert [each.number for each in last.reply.versions] == [1, 1]
        assert {each.set for each in last.reply.versions} != {0}
        assert await made.current("f", "g") == [version_id(each) for each in specs]
        assert len(told) == len(set(told))
        assert last.reply.warnings == []


async def test_what_cannot_be_imported_fails_the_whole_deploy(server: RedisServer) -> None:
    """With the missing name, the line and what to do; what was current stays so."""
    old = [named("f"), named("g")]
    new = [named("f", module="new"), named("g", module="new")]
    async with office(server) as (made, house):
        await made.deploy(*old)
        house.states = {"g": "failed"}
        *_, last = await made.deploy(*new)
        failure = last.failure
        assert (failure.function, failure.error) == ("g", "ImportFailedError")
        for words in ("No module named 'nope'", "(uses.py, line 3)", "pip_install('nope')"):
            assert words in failure.message
        assert failure.traceback == BROKEN
        assert await made.current("f", "g") == [version_id(each) for each in old]
        found = await made.registry.version("default", version_id(new[1]))
        assert found is not None
        assert (found.number, found.live) == (2, False)
        assert "No module named 'nope'" in found.failure
        assert house.stopped == [version_id(new[1])]
        house.states = {}
        *_, last = await made.deploy(*new)
        assert [each.number for each in last.reply.versions] == [2, 2]


async def test_a_worker_that_failed_before_is_told_to_end_before_a_new_try(
    server: RedisServer,
) -> None:
    """Its place is another one's then, also where the version was live already."""
    async with office(server) as (made, house):
        await made.deploy(named())
        version = version_id(named())
        house.states = {"f": "failed"}
        await house.post(version, "f")
        *_, last = await made.deploy(named())
        assert len(last.reply.versions) == 1
        assert house.stopped == [version]


async def test_a_worker_that_does_not_end_holds_up_no_deploy(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told to; where nobody can tell it that, there is nothing to wait for."""
    monkeypatch.setattr(trial_module, "_LEAVE_S", 0.05)
    async with office(server) as (made, house):
        await made.deploy(named())
        house.states = {"f": "failed"}
        await house.post(version_id(named()), "f")
        stubborn = House()
        async with office(server, stubborn) as (other, _):
            *_, last = await other.deploy(named())
            assert len(last.reply.versions) == 1
            assert stubborn.stopped == [version_id(named())]


async def test_what_was_live_once_is_current_at_once(server: RedisServer) -> None:
    """No worker is asked for, and Redis is asked little."""
    old, new = named(), named(module="new")
    async with office(server) as (made, house):
        for spec in (old, new):
            await made.deploy(spec)
        asked = len(house.asked)
        server.spent()
        [last] = await made.deploy(old)
        assert [each.number for each in last.reply.versions] == [1]
        assert await made.current("f") == [version_id(old)]
        assert len(house.asked) == asked
        assert sum(server.spent().values()) < 40


async def test_no_more_than_eight_workers_start_at_once(server: RedisServer) -> None:
    """The others when those are ready."""
    specs = [named(f"f{number}") for number in range(12)]
    async with office(server, states={each.name: "held" for each in specs}) as (made, house):
        deploy = asyncio.create_task(made.deploy(*specs))
        await eventually(lambda: len(house.asked) == 8)
        by_id = {version_id(each): each.name for each in specs}
        house.states = {}
        first = [version for version, _ in house.asked]
        await house.post(first[0], by_id[first[0]])
        await eventually(lambda: len(house.asked) == 9)
        for version in first[1:]:
            await house.post(version, by_id[version])
        *_, last = await deploy
        assert len(last.reply.versions) == 12


async def test_of_a_large_set_eight_workers_stay(server: RedisServer) -> None:
    """And those that are to be there without calls. What is over at once is not said."""
    specs = [named(f"f{number}") for number in range(10)]
    specs += [named("kept", min_replicas=1), named("last")]
    async with office(server) as (made, house):
        *told, last = await made.deploy(*specs)
        assert len(last.reply.versions) == 12
        ended = [version_id(each) for each in specs[8:] if each.name != "kept"]
        assert sorted(house.stopped) == sorted(ended)
        assert [each.progress.step for each in told] == []


async def test_where_there_is_no_place_for_now_a_version_goes_live_unchecked(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whoever deploys is warned."""
    monkeypatch.setattr(trial_module, "BLOCKED_S", 0.05)
    house = House(Outlook.BLOCKED, "all nodes are in use")
    async with office(server, house) as (made, _):
        *_, last = await made.deploy(named())
        assert await made.current("f") == [version_id(named())]
        assert last.reply.warnings == [
            "f went live without a worker that has imported it: all nodes are in use"
        ]


async def test_while_the_place_cannot_be_asked_what_works_stays(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can say whether the new version works; where there is none, it goes live."""
    monkeypatch.setattr(trial_module, "BLOCKED_S", 0.05)
    house = House(Outlook.RUNNING)
    house.fault = house.refusal = StackError("no Nomad can be reached: check NOMAD_ADDR")
    async with office(server, house) as (made, _):
        *_, last = await made.deploy(named())
        assert last.reply.warnings == [
            (
                "f went live without a worker that has imported it: "
                "no Nomad can be reached: check NOMAD_ADDR"
            )
        ]
        *_, last = await made.deploy(named(module="new"))
        assert (last.failure.function, last.failure.error) == ("f", "DeployError")
        assert last.failure.message == (
            "no worker of it can be seen to import it: no Nomad can be reached: check NOMAD_ADDR; "
            "its current version stays, deploy again once that is mended"
        )
        assert await made.current("f") == [version_id(named())]


async def test_a_server_that_starts_no_workers_warns_and_waits_for_none(
    server: RedisServer,
) -> None:
    """Somebody starts them by hand."""
    async with connected(server) as client:
        *_, last = await Office(client, None, None).deploy(named())
        assert "this server starts none" in last.reply.warnings[0]


async def test_what_has_no_place_ever_fails_the_deploy(server: RedisServer) -> None:
    """At once, with why; a later try does not hear of the one before."""
    house = House(Outlook.IMPOSSIBLE, "no node has enough memory")
    async with office(server, house) as (made, willing):
        *_, last = await made.deploy(named())
        assert (last.failure.error, last.failure.message) == (
            "UnschedulableError",
            "no node has enough memory",
        )
        house.explanation = Explanation(Outlook.RUNNING)
        await willing.post(version_id(named()), "f")
        *_, last = await made.deploy(named())
        assert len(last.reply.versions) == 1


async def test_a_deployer_that_hangs_up_leaves_nothing_current(server: RedisServer) -> None:
    """The check ends with it; who deploys again ends what it began."""
    async with office(server, states={"f": "held"}) as (made, house):
        deploy = asyncio.create_task(made.deploy(named()))
        await eventually(lambda: len(house.asked) == 1)
        deploy.cancel()
        await asyncio.gather(deploy, return_exceptions=True)
        assert await made.current("f") == [""]
        house.states = {}
        await house.post(version_id(named()), "f")
        *_, last = await made.deploy(named())
        assert [each.number for each in last.reply.versions] == [1]


async def test_two_who_deploy_the_same_set_at_once_both_succeed(server: RedisServer) -> None:
    """With the same versions."""
    specs = [named("f"), named("g")]
    async with office(server, states={"f": "held"}) as (made, house):
        both = [asyncio.create_task(made.deploy(*specs)) for _ in range(2)]
        await eventually(lambda: len({version for version, _ in house.asked}) == 2)
        house.states = {}
        await house.post(version_id(specs[0]), "f")
        one, two = [events[-1].reply for events in await asyncio.gather(*both)]
        assert one == two
        assert len(one.versions) == 2


async def test_what_is_deleted_while_it_is_deployed_does_not_go_live(
    server: RedisServer,
) -> None:
    """The deploy says so."""
    async with office(server, states={"f": "held"}) as (made, house), connected(server) as client:
        deploy = asyncio.create_task(made.deploy(named()))
        await eventually(lambda: len(house.asked) == 1)
        await Removal(client).delete("default", "f")
        house.states = {}
        await house.post(version_id(named()), "f")
        *_, last = await deploy
        assert last.failure.error == "DeployError"
        assert "deploy again" in last.failure.message
        assert await made.current("f") == [""]


async def test_images_are_built_before_anything_is_recorded(server: RedisServer) -> None:
    """Their steps and what these print are progress; one that breaks fails the deploy."""
    builder = Builder()
    good = named("f", image=[spec_pb2.ImageStep(verb="pip")])
    bad = named("g", image=[spec_pb2.ImageStep(verb="break")])
    async with office(server, builder=builder) as (made, house):
        *progress, last = await made.deploy(good, bad)
        told = [(each.progress.function, each.progress.step) for each in progress]
        assert told[0] == ("f", "image: step 1/1 pip")
        assert [each.progress.output for each in progress] == ["", "a line", "", "a line"]
        failure = last.failure
        assert (failure.error, failure.traceback) == ("ImageBuildError", "last words")
        assert (failure.function, failure.message) == ("g", "step 1/1 break failed")
        assert house.asked == []
        assert await made.registry.names("default") == []
        for _ in range(2):
            *_, last = await made.deploy(good)
            assert len(last.reply.versions) == 1
        assert builder.built_steps == [["pip"]] * 3


async def test_what_an_image_has_otherwise_than_asked_is_warned_of(server: RedisServer) -> None:
    """At every deploy, whether it is built or there."""
    old = named("f", image=[spec_pb2.ImageStep(verb="old")])
    async with office(server, builder=Builder()) as (made, _):
        for _ in range(2):
            *_, last = await made.deploy(old)
            assert last.reply.warnings == ["f: has another Python"]
        *_, last = await made.deploy(old, strict=True)
        assert (last.failure.function, last.failure.error) == ("f", "UnschedulableError")


async def test_what_a_set_lacks_is_told_before_anything_is_recorded(server: RedisServer) -> None:
    """By the function that lacks it."""
    lacking = named("g", volumes=[spec_pb2.VolumeMount(volume="v", path="/v")])
    async with office(server) as (made, house):
        *_, last = await made.deploy(named("f"), lacking)
        assert (last.failure.function, last.failure.error) == ("g", "DeployError")
        assert last.failure.message == "no volumes here"
        assert house.asked == []
        assert await made.registry.names("default") == []


async def test_a_change_that_breaks_callers_is_warned_of(server: RedisServer) -> None:
    """With the signatures and the number of calls that wait; one that breaks none is not."""
    one = spec_pb2.Parameter(name="a", kind="either", required=True, type="int64")
    other = spec_pb2.Parameter(name="b", kind="either", required=True, type="int64")
    async with office(server) as (made, _):
        await made.deploy(named(parameters=[one]))
        *_, last = await made.deploy(named(parameters=[one], module="new"))
        assert last.reply.warnings == []
        *_, last = await made.deploy(named(parameters=[other]))
        [warning] = last.reply.warnings
        assert "f changes from f(a: int64) to f(b: int64): 'a' is no longer there" in warning
        assert "no call waits" in warning


async def test_a_deployer_who_hears_slowly_misses_lines_and_no_step(server: RedisServer) -> None:
    """What a build prints meanwhile is not kept without bounds."""

    class Chatty(Builder):
        async def build(self, steps: object, options: object, say: Any) -> str:
            for number in range(5_000):
                say("step 1/2 make", f"line {number}")
            say("step 2/2 make install", "")
            return "environment:/e"

    async with office(server, builder=Chatty()) as (made, _):
        events = await made.deploy(named("f", image=[spec_pb2.ImageStep(verb="run")]))
        told = [each.progress for each in events if each.progress.step.startswith("image: ")]
        assert 500 < len(told) < 2_000
        assert told[-1].step == "image: step 2/2 make install"
