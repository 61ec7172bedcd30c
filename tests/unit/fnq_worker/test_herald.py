"""When an agent says how it is."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from fnq_core.presence import Presence
from fnq_worker.herald import Herald
from tests.loop import eventually


class Board:
    """It counts what is posted."""

    def __init__(self) -> None:
        self.posts = 0

    async def post(self, presence: Presence) -> bool:
        """Take one more; the agent is not cordoned."""
        self.posts += 1
        return False


async def test_an_agent_whose_stream_broke_says_at_once_that_it_is_there() -> None:
    """It would be taken for dead, since nothing was due for a while."""
    board: Any = Board()
    herald = Herald(board, Presence("default", "f", "a1", "x", 0, 7, idle_s=9.0))
    idle: Any = SimpleNamespace(cordoned=False, tell=lambda presence: ({}, []))
    crew: Any = SimpleNamespace(runners=())
    herald.follow(idle, crew, lambda: None)
    posting = asyncio.create_task(herald.post_forever())
    await eventually(lambda: board.posts == 1)
    herald.parted()
    await eventually(lambda: board.posts == 2, 1.0)
    posting.cancel()
