"""Redis is asked for nothing that the oldest one that fnq takes does not know."""

from __future__ import annotations

import re

from fnq_wire.limits import OLDEST_REDIS
from tests.house.commands import LUA, NEEDS, scripts, used


def test_every_command_and_option_is_in_the_table() -> None:
    """With the version that brought it; and the table has no others."""
    found = used()
    assert {name: places for name, places in found.items() if name not in NEEDS} == {}
    assert NEEDS.keys() - found.keys() == set()


def test_no_command_or_option_is_newer_than_the_oldest_redis() -> None:
    """What Redis 6.2 does not know needs a way without it."""
    newer = {name: version for name, version in NEEDS.items() if version > OLDEST_REDIS}
    assert newer == {}


def test_scripts_ask_redis_only_to_carry_out_commands() -> None:
    """No function library, no shebang, nothing that came with a later version."""
    assert len(scripts()) > 1
    for script in scripts():
        assert set(re.findall(r"redis\.(\w+)", script)) <= LUA
        assert not script.lstrip().startswith("#!")
