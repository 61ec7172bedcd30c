"""The way from an argument to what cannot travel in it."""

from __future__ import annotations

from fnq_wire.refusal import Refusal, index_of


def test_steps_are_told_from_the_outside_in() -> None:
    """Each container adds its step as the refusal passes through it."""
    refusal = Refusal("no")
    refusal.at(3)
    refusal.of("name")
    refusal.at("key")
    assert refusal.path == '["key"].name[3]'


def test_a_long_way_loses_its_middle() -> None:
    """So does a long key."""
    refusal = Refusal("no")
    for step in range(200):
        refusal.at(step)
    assert refusal.path.startswith("[199]")
    assert refusal.path.endswith("[0]")
    assert "..." in refusal.path
    assert len(refusal.path) < 100
    refusal.at("k" * 1_000)
    assert len(refusal.path) < 140


def test_an_item_is_found_by_identity() -> None:
    """Equal ones before it are not it."""
    culprit = [1]
    assert index_of([[1], culprit, [1]], culprit) == 1
