"""Rows some of which kill their worker, in one packed call; prints what became of each."""

import json
import os

import chalkcompute
from chalkcompute import runtime


@chalkcompute.function
def survive(row: int) -> int:
    if row in (3, 4, 8):
        os._exit(9)
    return row


@chalkcompute.function
async def survive_together(row: int) -> int:
    import asyncio

    await asyncio.sleep(0.01)
    if row in (3, 8):
        os._exit(9)
    return row


def outcomes(function) -> list:
    session, target, codec = runtime.current_session(), function._locate(), function.codec.rows
    call = session.submit(target, codec.encode_columns([list(range(10))]), rows=10, packed=True)
    heard: list = []
    while call.chunks or call.outcome is None:
        session.park(call, None)
        while call.chunks:
            block = codec.read_block(call.chunks.popleft(), len(heard))
            heard += [
                block.failures[at]["error"] if at in block.failures else value
                for at, value in enumerate(block.values)
            ]
    return heard


if __name__ == "__main__":
    print(json.dumps([outcomes(survive), outcomes(survive_together)]))
