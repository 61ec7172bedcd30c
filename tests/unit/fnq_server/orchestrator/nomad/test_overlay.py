"""Bounds from the operator's file and from Consul's KV: both hold."""

from __future__ import annotations

import asyncio
import threading

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad import overlay as overlay_module
from fnq_server.orchestrator.nomad.bounds import Bounds
from fnq_server.orchestrator.nomad.overlay import Overlay
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_wire.error import DiscoveryError, StackError, UnschedulableError


class Key:
    """What lies at a key of Consul."""

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.away = False
        self.asked: list[tuple[str, str]] = []

    def read(self, at: str, key: str) -> str | None:
        """Return it, or fail as the door does."""
        self.asked.append((at, key))
        if self.away:
            raise DiscoveryError("Consul is away")
        return self.text


class Slow(Key):
    """One of which each reader says at the end what lay there at the beginning."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def read(self, at: str, key: str) -> str | None:
        """Return what was there, once that is let through."""
        found = super().read(at, key)
        self.begun.set()
        assert self.go_on.wait(10)
        return found


def _overlay(key: Key, name: str = "fnq/bounds") -> Overlay:
    terms = Terms(
        driver="raw_exec",
        command="/usr/bin/python3",
        bounds=Bounds(source="workers.toml", cpu=4, replicas=9),
        bounds_key=name,
    )
    return Overlay(terms, key.read)


def _spec(cpu_millis: int) -> spec_pb2.FunctionSpec:
    return spec_pb2.FunctionSpec(
        name="f", resources=spec_pb2.Resources(cpu_millis=cpu_millis), max_replicas=1
    )


async def _refused(overlay: Overlay, cpu_millis: int) -> str:
    with pytest.raises(UnschedulableError) as caught:
        await overlay.insist([_spec(cpu_millis)])
    return str(caught.value)


async def test_the_tighter_bound_is_told_where_it_is_written() -> None:
    """And both, where both are exceeded."""
    overlay = _overlay(Key("cpu = 2\nreplicas = 3\n"))
    assert overlay.replicas == 9
    await overlay.insist([_spec(2_000)])
    assert overlay.replicas == 3
    assert await _refused(overlay, 3_000) == (
        "it asks for cpu=3, and the operator's bound is cpu = 2 (the key fnq/bounds of Consul)"
    )
    assert await _refused(overlay, 5_000) == (
        "it asks for cpu=5, and the operator's bound is cpu = 4 (workers.toml); it asks for cpu=5, "
        "and the operator's bound is cpu = 2 (the key fnq/bounds of Consul)"
    )


async def test_a_key_that_changes_holds_at_the_very_next_deploy() -> None:
    """However lately it was read, and once for all functions of a deploy."""
    key = Key("cpu = 2")
    overlay = _overlay(key)
    await overlay.insist([_spec(2_000), _spec(1_000)])
    assert key.asked == [("127.0.0.1:8500", "fnq/bounds")]
    await overlay.look()
    assert len(key.asked) == 1
    key.text = "cpu = 1"
    assert "cpu = 1 (the key" in await _refused(overlay, 2_000)


async def test_a_look_that_is_under_way_hides_no_change_from_a_deploy() -> None:
    """It may have read what was there before, and say so late."""
    key = Slow("replicas = 9")
    overlay = _overlay(key)
    looking = asyncio.create_task(overlay.look())
    await asyncio.to_thread(key.begun.wait)
    deploying = asyncio.create_task(_refused(overlay, 2_000))
    key.text = "cpu = 1\nreplicas = 1"
    key.go_on.set()
    assert "cpu = 1 (the key" in await deploying
    await looking
    assert overlay.replicas == 1


async def test_while_consul_is_away_what_it_said_last_holds() -> None:
    """Where it said nothing yet, nothing is deployed."""
    key = Key("cpu = 2")
    key.away = True
    overlay = _overlay(key)
    with pytest.raises(StackError, match=r"may ask for is not known: Consul is away$"):
        await overlay.insist([_spec(1)])
    key.away = False
    await _refused(overlay, 3_000)
    key.away = True
    await _refused(overlay, 3_000)


async def test_workers_do_not_wait_for_a_consul_that_was_away_a_moment_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may take its seconds to say nothing, each time; a deploy asks all the same."""
    monkeypatch.setattr(overlay_module, "_FRESH_S", 0.0)
    key = Key("cpu = 2")
    overlay = _overlay(key)
    await overlay.insist([_spec(1)])
    key.away = True
    for _ in range(3):
        await overlay.look()
    assert len(key.asked) == 2
    await overlay.insist([_spec(1)])
    assert len(key.asked) == 3


async def test_a_key_that_is_lost_or_wrong_lets_nothing_through() -> None:
    """The remedy is in the error."""
    with pytest.raises(StackError, match=r"there is no key 'fnq/bounds' .*consul kv put"):
        await _overlay(Key(None)).insist([_spec(1)])
    with pytest.raises(StackError, match=r"holds no bounds: bounds\.cpus: no such bound"):
        await _overlay(Key("cpus = 2")).insist([_spec(1)])
    await _overlay(Key("")).insist([_spec(1)])


async def test_a_key_that_is_lost_later_lets_nothing_through_either() -> None:
    """Also while Consul is away since; for workers what was known holds."""
    key = Key("cpu = 2\nreplicas = 3\n")
    overlay = _overlay(key)
    await overlay.insist([_spec(1)])
    key.text = None
    with pytest.raises(StackError, match="there is no key 'fnq/bounds'"):
        await overlay.insist([_spec(1)])
    key.away = True
    with pytest.raises(StackError, match="there is no key 'fnq/bounds'"):
        await overlay.insist([_spec(1)])
    assert overlay.replicas == 3
    key.away, key.text = False, ""
    await overlay.insist([_spec(1)])


async def test_without_a_key_consul_is_not_asked() -> None:
    """The file alone holds."""
    key = Key("cpu = 1")
    await _overlay(key, "").insist([_spec(4_000)])
    assert key.asked == []
