"""Policies of limits, as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_wire.policy import PER_S, Policy, parse_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10/s", (10.0, 1)),
        ("100/m", (100.0, 60)),
        ("5000/h", (5000.0, 3600)),
        ("1/d", (1.0, 86400)),
        ("2.5/s", (2.5, 1)),
        (".5/m", (0.5, 60)),
    ],
)
def test_a_rate_is_a_count_and_a_time(text: str, rate: tuple[float, int]) -> None:
    """Floats are fine."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "10", "10/", "/s", "10/w", "10/S", "x/s", "0/s", "-1/s", "nan/s", "inf/s", "1/s/s"]
)
def test_what_is_no_rate_is_refused_with_examples(text: str) -> None:
    """The error shows how rates look, and what came."""
    with pytest.raises(ValueError, match="expected a rate like 10/s, 100/m") as caught:
        parse_rate(text)
    assert repr(text) in str(caught.value)


@given(st.floats(0.01, 1e6), st.sampled_from(sorted(PER_S.values())))
def test_a_rate_is_written_as_it_is_read(rate: float, per_s: int) -> None:
    """To the twelfth digit."""
    found, found_per_s = parse_rate(Policy(rate=rate, per_s=per_s).rate_text)
    assert found == pytest.approx(rate, rel=1e-11)
    assert found_per_s == per_s


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy(), "a cap, a rate, or both"),
        (Policy(max_concurrency=10_000_000), "expected a cap"),
        (Policy(rate=-1.0), "expected a rate"),
        (Policy(rate=float("nan")), "expected a rate"),
        (Policy(rate=1.0, per_s=7), "not for 7"),
        (Policy(rate=1.0, burst=0), "expected a burst"),
        (Policy(max_concurrency=1, burst=2), "a burst is of a rate"),
    ],
)
def test_a_policy_that_cannot_be_says_why(policy: Policy, words: str) -> None:
    """In one sentence."""
    assert words in (policy.problem() or "")


@pytest.mark.parametrize(
    ("policy", "text", "interval_us"),
    [
        (Policy(8), "8 at once", 0),
        (Policy(rate=100.0, per_s=60), "100/m", 600_000),
        (Policy(8, 50.0, 1, 5), "8 at once, 50/s (bursts of 5)", 20_000),
    ],
)
def test_a_policy_says_what_it_allows(policy: Policy, text: str, interval_us: float) -> None:
    """And is fine."""
    assert policy.problem() is None
    assert (str(policy), policy.interval_us) == (text, interval_us)
