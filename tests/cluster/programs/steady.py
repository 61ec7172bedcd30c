"""Calls a function by its name, at a steady pace, until the file "enough" lies in the folder.

Prints "begun" once the first call is answered, and the address of its server; then one JSON
object: of each call the time at which it was sent, its answer or its error, and the time
of that, in seconds since 1970.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from chalkcompute import FnqError, RemoteFunction, runtime


async def call(function: RemoteFunction, folder: str, number: int, for_s: float) -> list[object]:
    sent = time.time()
    try:
        answer = await function.aio(folder, number, for_s)
    except FnqError as problem:
        answer = repr(problem)
    if number == 0:
        print("begun", runtime.current_session()._control.address, flush=True)
    return [sent, answer, time.time()]


async def main(name: str, folder: str, for_s: float, every_s: float) -> None:
    function = RemoteFunction.from_name(name)
    calls: list[asyncio.Task[list[object]]] = []
    while not Path(folder, "enough").exists():
        calls.append(asyncio.create_task(call(function, folder, len(calls), for_s)))
        await asyncio.sleep(every_s)
    print(json.dumps(await asyncio.gather(*calls)))


asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
