"""Policies: how many calls that name one limit may run at once, and how often they may begin."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

__all__ = ["LIMIT_NAME", "PER_S", "Policy", "parse_rate"]

#: Seconds by the letter after the slash of a rate.
PER_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
#: What `rate_limit_key=` takes as the name of a limit.
LIMIT_NAME = re.compile(r"\w[\w.-]{0,127}")
#: What a policy may say at most.
_MAX_COUNT = 1_000_000
#: Least and greatest number of calls in a time: one a day is often enough.
_LEAST_RATE, _GREATEST_RATE = 1e-3, 1e9


@dataclass(frozen=True, slots=True)
class Policy:
    """What a limit allows: a cap, a rate, or both.

    `max_concurrency` calls may run at once; 0: any number. `rate` calls may begin in
    `per_s` seconds, evenly spread but for the first `burst` after a pause; 0: any number.
    """

    max_concurrency: int = 0
    rate: float = 0.0
    per_s: int = 1
    burst: int = 1

    @property
    def interval_us(self) -> float:
        """Microseconds between two calls at the full rate; 0 where there is no rate."""
        return self.per_s * 1e6 / self.rate if self.rate else 0.0

    def problem(self) -> str | None:
        """Return what is wrong with it in one sentence, or None."""
        if not self.max_concurrency and not self.rate:
            return "a limit needs a cap, a rate, or both: --max-concurrency 8, --rate 100/m"
        if not 0 <= self.max_concurrency <= _MAX_COUNT:
            return f"expected a cap of 1 to {_MAX_COUNT} calls, not {self.max_concurrency}"
        if self.rate and not _LEAST_RATE <= self.rate <= _GREATEST_RATE:
            return (
                f"expected a rate of {_LEAST_RATE:g} to {_GREATEST_RATE:g} calls, not {self.rate:g}"
            )
        if self.per_s not in PER_S.values():
            return f"expected a rate for 1, 60, 3600 or 86400 seconds, not for {self.per_s}"
        if not 1 <= self.burst <= _MAX_COUNT:
            return f"expected a burst of 1 to {_MAX_COUNT} calls, not {self.burst}"
        if self.burst > 1 and not self.rate:
            return "a burst is of a rate, and none was given: --rate 100/m --burst 10"
        return None

    @property
    def rate_text(self) -> str:
        """The rate as people write it, "100/m"; empty where there is none."""
        letter = next((name for name, per_s in PER_S.items() if per_s == self.per_s), "")
        return f"{self.rate:.12g}/{letter}" if self.rate else ""

    def __str__(self) -> str:
        """Say what it allows, in a few words."""
        cap = f"{self.max_concurrency} at once" if self.max_concurrency else ""
        burst = f" (bursts of {self.burst})" if self.burst > 1 else ""
        return ", ".join(each for each in (cap, self.rate_text + burst) if each)


def parse_rate(text: str) -> tuple[float, int]:
    """Return calls and seconds of a rate: "100/m" is 100 in 60. Raises ValueError."""
    count, slash, letter = text.partition("/")
    try:
        rate = float(count)
    except ValueError:
        rate = math.nan
    if not slash or letter not in PER_S or not _LEAST_RATE <= rate <= _GREATEST_RATE:
        raise ValueError(f"expected a rate like 10/s, 100/m, 5000/h or 1/d, not {text!r}")
    return rate, PER_S[letter]
