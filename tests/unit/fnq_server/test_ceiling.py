"""What a limit lets run at once."""

from __future__ import annotations

import pytest

from fnq_server.ceiling import abreast
from fnq_wire.policy import Policy


@pytest.mark.parametrize(
    ("policy", "run_s", "most"),
    [
        (None, 1.0, None),
        (Policy(max_concurrency=3), 0.0, 3),
        (Policy(rate=10), 0.0, None),
        (Policy(rate=10), 0.5, 6),
        (Policy(rate=60, per_s=60, burst=5), 2.0, 7),
        (Policy(max_concurrency=3, rate=10), 5.0, 3),
    ],
)
def test_a_cap_and_what_begins_while_one_runs(
    policy: Policy | None, run_s: float, most: int | None
) -> None:
    """Whichever is less; a rate counts where it is known how long calls take."""
    assert abreast(policy, run_s) == most
