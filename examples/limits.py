"""Call a provider that fails at times and must not be asked too often.

    fnq limit set demo-provider --max-concurrency 2 --rate 20/s
    python examples/limits.py

You see every city answered, though a third of the attempts fail: each is repeated after a wait
that takes no worker. You see too that never more than two requests were out at once, over
all workers: without the policy of the first line it would be four.
"""

from __future__ import annotations

import time

import chalkcompute
from chalkcompute import RetryPolicy, gather, get_call_context


class ProviderError(Exception):
    """Stands for what a client library raises when its server is busy."""


@chalkcompute.function(
    rate_limit_key="demo-provider",
    retries=RetryPolicy.exponential(attempts=4, initial=0.05, retry_on=(ProviderError,)),
    timeout=5,
    concurrency=4,
)
def weather(number: int, city: str) -> tuple[str, int, float, float]:
    """Return an answer, the attempt that brought it, and when it was asked for and there."""
    began = time.time()
    attempt = get_call_context().attempt
    time.sleep(0.05)
    if number % 3 == 0 and attempt == 0:
        raise ProviderError("503 try again later")
    return f"sunny in {city}", attempt, began, time.time()


CITIES = ["Lima", "Oslo", "Rome", "Cairo", "Quito", "Delhi"]
answers = gather(*(weather.spawn(number, city) for number, city in enumerate(CITIES)))
for text, attempt, *_ in answers:
    print(text, f"(attempt {attempt + 1})")

most = max(sum(one <= began < end for *_, one, end in answers) for *_, began, _ in answers)
print(f"{most} requests at once, at most")
