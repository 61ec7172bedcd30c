"""Call functions from a web service: its event loop goes on while they run elsewhere.

    python examples/api.py [PORT]              # pip install fastapi uvicorn
    curl localhost:8000/square/7
    curl -N localhost:8000/count/5             # one line at a time, as it is yielded

Redeploy the service, and requests that are under way finish on the functions they began with.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

import chalkcompute

app = FastAPI()


@chalkcompute.function
def square(number: int) -> int:
    """Return the square of a number below a thousand."""
    if number >= 1000:
        raise ValueError("expected a number below 1000")
    return number * number


@chalkcompute.function
async def count(to: int) -> AsyncIterator[int]:
    """Yield the numbers up to one, ten a second."""
    for number in range(to):
        await asyncio.sleep(0.1)
        yield number


@app.get("/square/{number}")
async def get_square(number: int) -> dict[str, int]:
    """Answer with a value; what the function raises is a RuntimeError here."""
    try:
        return {"square": await square.aio(number)}
    except RuntimeError as error:
        raise HTTPException(422, str(error)) from error


@app.get("/count/{to}")
async def get_count(to: int) -> StreamingResponse:
    """Answer with a stream; a client that hangs up ends the call."""

    async def lines() -> AsyncIterator[str]:
        async with count(to) as numbers:
            async for number in numbers:
                yield f"{number}\n"

    return StreamingResponse(lines(), media_type="text/plain")


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
