"""What two ends of different versions say."""

from __future__ import annotations

import pytest

from fnq_wire.protocol import PROTOCOL, version_problem


def test_the_same_version_is_no_problem() -> None:
    """Two ends that agree talk."""
    assert version_problem("ours", "theirs", PROTOCOL) is None


@pytest.mark.parametrize(("protocol", "update"), [(PROTOCOL - 1, "theirs"), (PROTOCOL + 1, "ours")])
def test_the_older_end_is_to_be_updated(protocol: int, update: str) -> None:
    """Both numbers are named."""
    problem = version_problem("ours", "theirs", protocol)
    assert problem == (
        f"theirs speaks version {protocol} of the protocol, ours version {PROTOCOL}: "
        f"update fnq where {update} runs"
    )
