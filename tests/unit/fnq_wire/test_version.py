"""Ids of versions and of sets, and what a version allows."""

from __future__ import annotations

import pytest

from fnq.v1 import spec_pb2
from fnq_wire.version import is_divergent, is_repeatable, is_single, set_id, version_id


def test_a_version_is_told_by_all_that_it_is_made_of() -> None:
    """Its name, its settings and its bundle; the same give the same."""
    made = {"name": "f", "bundle": "aa", "max_queue": 5}
    others = [{**made, "name": "g"}, {**made, "bundle": "bb"}, {**made, "max_queue": 6}]
    ids = [version_id(spec_pb2.FunctionSpec(**each)) for each in (made, *others, made)]  # type: ignore[arg-type]
    assert ids[0] == ids[-1]
    assert len(set(ids)) == 4
    assert all(len(each) == 32 for each in ids)


def test_a_set_is_told_by_its_versions_in_any_order() -> None:
    """Another name, another version, or one more make another set; an id fits 64 bits."""
    one = set_id({"f": "a1", "g": "b1"})
    assert one == set_id({"g": "b1", "f": "a1"})
    others: tuple[dict[str, str], ...]
    others = ({"f": "b1", "g": "a1"}, {"f": "a1", "g": "b2"}, {"f": "a1"}, {"f": "a1\ng\0b1"}, {})
    assert one not in {set_id(each) for each in others[:3]}
    assert all(0 < set_id(each) < 1 << 64 for each in others)


def test_runs_are_repeatable_where_retries_were_asked_for() -> None:
    """Not by default: a reader would see other chunks than those it had."""
    spec = spec_pb2.FunctionSpec(name="f")
    assert not is_repeatable(spec)
    spec.retry.attempts = 1
    assert is_repeatable(spec)


def test_runs_may_differ_where_that_is_allowed() -> None:
    """By one word; any other leaves the check on."""
    spec = spec_pb2.FunctionSpec(name="f")
    assert not is_divergent(spec)
    spec.options["divergence"] = "check"
    assert not is_divergent(spec)
    spec.options["divergence"] = "allow"
    assert is_divergent(spec)


@pytest.mark.parametrize(
    ("retries", "key", "timeout_s", "batch", "expected"),
    [
        (0, "", 0.0, 0, False),
        (1, "", 0.0, 0, True),
        (0, "k", 0.0, 0, True),
        (0, "", 1.0, 0, True),
        (0, "", 1.0, 8, False),
        (1, "", 0.0, 8, True),
        (0, "k", 0.0, 8, True),
    ],
)
def test_rows_travel_one_by_one_where_something_counts_them(
    retries: int, key: str, timeout_s: float, batch: int, expected: bool
) -> None:
    """Attempts, permits, and time; that of a function that takes batches is a batch's."""
    spec = spec_pb2.FunctionSpec(name="f", rate_limit_key=key, timeout_s=timeout_s)
    spec.retry.attempts, spec.batching.max_size = retries, batch
    assert is_single(spec) == expected
