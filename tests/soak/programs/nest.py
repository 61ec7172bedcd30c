"""Nested calls through one slot; prints results, threads and memory of the runners."""

import asyncio
import json
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import chalkcompute


@chalkcompute.function
def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@chalkcompute.function
def twice(depth: int) -> int:
    return 1 if depth == 0 else twice(depth - 1) + twice(depth - 1)


@chalkcompute.function
def double(n: int) -> int:
    return 2 * n


late: dict[str, float] = {}
beating = False


async def beat() -> None:
    """Note by how much the loop was late, at most, in what was measured last."""
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(0.01)
        last = next(reversed(late))
        late[last] = max(late[last], time.perf_counter() - begun - 0.01)


@chalkcompute.function
async def bare(n: int, measured: str) -> tuple[int, float, int]:
    global beating
    late.setdefault(measured, 0.0)
    if not beating:
        beating = True
        asyncio.create_task(beat())
    value = double(n) + double(n + 1)
    await asyncio.sleep(0)
    return value, late[measured], threading.active_count()


def runner(function: str) -> dict[str, int]:
    """Return threads and peak memory (KiB) of the runner of a function."""
    fnq = Path(sys.executable).with_name("fnq")
    status = json.loads(subprocess.check_output([fnq, "status", "--json"]))
    (pid,) = [
        each["pid"]
        for each in status["processes"]
        if each["role"] == "runner" and each["function"] == function
    ]
    text = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in text.splitlines())
    return {"threads": int(fields["Threads"]), "peak_kib": int(fields["VmHWM"].split()[0])}


async def roots(count: int) -> list[int]:
    return await asyncio.gather(*[twice.aio(1) for _ in range(count)])


async def bares(count: int) -> list[tuple[int, float, int]]:
    measured = uuid.uuid4().hex
    return await asyncio.gather(*[bare.aio(n, measured) for n in range(count)])


def main(count: int, invocations: int) -> None:
    for each in (fib, twice, double, bare):
        each.wait_ready()
    found = {"fib": fib(12), "roots": set(asyncio.run(roots(count))) == {2}}
    asyncio.run(bares(10))
    answers = asyncio.run(bares(invocations))
    found["bare"] = [value for value, _, _ in answers] == [4 * n + 2 for n in range(invocations)]
    found["late_s"] = max(each for _, each, _ in answers)
    found["threads"] = max(each for _, _, each in answers)
    found["runners"] = {name: runner(name) for name in ("fib", "twice", "bare")}
    print(json.dumps(found))


main(int(sys.argv[1]), int(sys.argv[2]))
