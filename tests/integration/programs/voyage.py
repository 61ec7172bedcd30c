# Decorate, run, call, stream: with workers that run in containers.
import json

import chalkcompute


@chalkcompute.function
def add(x: int, y: int) -> int:
    return x + y


@chalkcompute.function
async def tally(to: int):
    for n in range(to):
        yield {"n": n, "sum": add(n, n)}


@chalkcompute.function
def surroundings():
    import os
    import socket

    return {"host": socket.gethostname(), "user": os.getuid(), "env": dict(os.environ)}


print(json.dumps([add(3, 5), list(tally(4)), surroundings()]))
