"""What is known of a service, and how Consul is asked on."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from fnq_wire.roster import Roster


@pytest.fixture
def roster() -> Roster:
    """One that has heard nothing, with dice that fall the same each time."""
    return Roster(random.Random(7))


def test_the_next_question_carries_the_index_of_the_last_answer(roster: Roster) -> None:
    """The first carries none, and so it is answered at once."""
    assert roster.index == 0
    roster.answered(12, ["a:1"])
    assert roster.index == 12
    roster.answered(12, ["a:1"])
    roster.answered(15, ["a:1"])
    assert roster.index == 15


@pytest.mark.parametrize("index", [0, -1, 11])
def test_an_index_that_went_down_or_is_not_positive_is_not_used(roster: Roster, index: int) -> None:
    """The next question begins anew; its answer counts again."""
    roster.answered(12, ["a:1"])
    roster.answered(index, ["a:1"])
    assert roster.index == 0
    roster.answered(3, ["a:1"])
    assert roster.index == 3


def test_the_index_is_forgotten_after_a_failure(roster: Roster) -> None:
    """A Consul that has begun anew would hold a question with the old one."""
    roster.answered(12, ["a:1"])
    roster.failed("refused")
    assert roster.index == 0


def test_news_are_followed_by_a_question_at_once_and_an_answer_without_by_a_pause(
    roster: Roster,
) -> None:
    """Whether there is news is told by the list, in any order, not by the index."""
    assert roster.answered(1, ["b:1", "a:1"]) == 0
    assert roster.answered(2, ["a:1", "b:1"]) > 0
    assert roster.answered(3, ["a:1"]) == 0
    assert roster.answered(4, []) == 0
    assert roster.answered(5, []) > 0


def test_pauses_after_failures_grow_with_jitter_up_to_a_bound(roster: Roster) -> None:
    """From a tenth of a second to three seconds, each give or take a half."""
    pauses = [roster.failed("refused") for _ in range(50)]
    assert 0.05 <= pauses[0] <= 0.15
    assert all(1.5 <= pause <= 4.5 for pause in pauses[5:])
    assert len({round(pause, 6) for pause in pauses[5:]}) == 45
    roster.answered(1, ["a:1"])
    assert roster.failed("refused") <= 0.15


def test_the_last_good_list_outlives_failures_and_empty_answers(roster: Roster) -> None:
    """Until there is another one."""
    roster.answered(1, ["a:1"])
    roster.failed("refused")
    assert (roster.instances, roster.problem) == (("a:1",), "refused")
    roster.answered(2, [])
    assert (roster.instances, roster.problem) == (("a:1",), "")
    roster.answered(3, ["b:1"])
    assert roster.instances == ("b:1",)


def test_an_answer_is_remembered_even_when_it_was_empty(roster: Roster) -> None:
    """That tells a Consul that is away from a service that is."""
    roster.failed("refused")
    assert not roster.heard
    roster.answered(1, [])
    assert roster.heard


def test_instances_are_drawn_by_lot_and_the_avoided_one_only_when_it_is_alone(
    roster: Roster,
) -> None:
    """Each of the others has its share."""
    assert roster.choose("") is None
    roster.answered(1, ["a:1", "b:1", "c:1"])
    drawn = Counter(roster.choose("b:1") for _ in range(300))
    assert drawn.keys() == {"a:1", "c:1"}
    assert min(drawn.values()) > 100
    roster.answered(2, ["b:1"])
    assert roster.choose("b:1") == "b:1"


@pytest.mark.parametrize("host", ["10.0.0.2", "fd00::2"])
def test_instances_of_a_host_that_is_near_go_before_others(roster: Roster, host: str) -> None:
    """Unless that is the one to avoid, or there is none."""
    at = f"[{host}]" if ":" in host else host
    roster.answered(1, ["a:1", f"{at}:1", f"{at}:2", "c:1"])
    drawn = Counter(roster.choose("", host) for _ in range(100))
    assert drawn.keys() == {f"{at}:1", f"{at}:2"}
    assert roster.choose(f"{at}:1", host) == f"{at}:2"
    roster.answered(2, ["a:1", f"{at}:1"])
    assert roster.choose(f"{at}:1", host) == "a:1"
    assert roster.choose("a:1", "10.0.0.9") == f"{at}:1"
