"""One run of the benchmark: measure in rounds, print, keep, judge."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.bench import column, counter, machine, peers, report, starts, trace
from tests.bench.caller import Caller
from tests.bench.echo import Echo
from tests.bench.figure import judge, percentile
from tests.bench.large import MOVED_MIB, plain_s
from tests.bench.results import Results
from tests.bench.roundtrip import RoundTrip
from tests.bench.scale import SCALES, Scale
from tests.livestack import Stack

__all__ = ["run"]

_KEPT = Path(__file__).resolve().parents[2] / "bench-results"


def run(name: str) -> int:
    """Measure at the scale of that name; return 1 when a floor is missed at full scale."""
    scale, results = SCALES[name], Results()
    facts = {"scale": name, **machine.describe()}
    with tempfile.TemporaryDirectory(prefix="fnq-bench-") as folder:
        _measure(scale, results, Path(folder))
    verdicts = judge(results.figures)
    print(report.text(facts, results, verdicts))
    _keep(name, report.as_json(facts, results, verdicts))
    return int(name == "full" and not all(each.passed for each in verdicts))


def _measure(scale: Scale, results: Results, folder: Path) -> None:
    for number in range(scale.starts):
        _say(f"cold start {number + 1} of {scale.starts}")
        results.note("cold start, s", starts.cold_s(folder / f"cold-{number}"))
        results.note("import chalkcompute, CPU ms", starts.import_cpu_ms())
    with ExitStack() as open_until_the_end:
        stack = Stack(folder)
        open_until_the_end.callback(stack.down)
        caller = Caller(stack)
        open_until_the_end.callback(caller.close)
        echo = open_until_the_end.enter_context(Echo.served(folder))
        trip = open_until_the_end.enter_context(RoundTrip.served(folder))
        results.memory = caller.memory()
        caller.ask("sequential", scale.warm_ups)
        for number in range(scale.rounds):
            _say(f"round {number + 1} of {scale.rounds}")
            _measure_calls(scale, results, caller)
            _measure_beside(scale, results, echo, trip)
        _measure_rows(scale, results, caller, folder)
        _measure_costs(scale, results, caller, folder)
        starts.warm_s(stack)
        for number in range(scale.starts):
            _say(f"warm start {number + 1} of {scale.starts}")
            results.note("warm start, s", starts.warm_s(stack))
        for number in range(scale.starts):
            _say(f"cold call {number + 1} of {scale.starts}")
            results.note("cold call, ms", starts.cold_call_s(stack, caller) * 1000)


def _measure_calls(scale: Scale, results: Results, caller: Caller) -> None:
    answer, spent = caller.ask_and_weigh("sequential", scale.calls)
    results.note("sequential p50, ms", percentile(answer["times"], 50) * 1000)
    results.note("sequential p99, ms", percentile(answer["times"], 99) * 1000)
    results.note_cpu("sequential", spent, scale.calls)
    answer, spent = caller.ask_and_weigh("together", scale.together)
    results.note("together, calls/s", scale.together / answer["seconds"])
    results.note_cpu("together", spent, scale.together)
    answer, spent = caller.ask_and_weigh("stream", scale.chunks)
    results.note("stream, chunks/s", scale.chunks / answer["seconds"])
    results.note("stream first chunk, ms", answer["first"] * 1000)
    results.note_cpu("stream", spent, scale.chunks)
    answer = caller.ask("large", scale.large)
    results.note("64 MiB there and back, MiB/s", MOVED_MIB / percentile(answer["times"], 50))
    plain = percentile(plain_s(scale.large), 50)
    results.note("64 MiB through files in memory, MiB/s", MOVED_MIB / plain)
    answer, spent = caller.ask_and_weigh("map", scale.rows)
    results.note("map, rows/s", scale.rows / answer["seconds"])
    results.note("map, of the speed of a loop", answer["plain"] / answer["seconds"])
    results.note("map, CPU s per 1,000,000 rows", sum(spent.values()) * 1e6 / scale.rows)


def _measure_rows(scale: Scale, results: Results, caller: Caller, folder: Path) -> None:
    """Measure a function that is called for each row of a file, and peers beside it."""
    file = folder / "memos.parquet"
    column.write(file, scale.rows)
    caller.ask("framed", str(file))
    for number in range(scale.rounds):
        _say(f"rows of a file, round {number + 1} of {scale.rounds}")
        answer, spent = caller.ask_and_weigh("framed", str(file))
        results.note("frame, rows/s", scale.rows / answer["seconds"])
        results.note("frame, of the speed of a loop", answer["plain"] / answer["seconds"])
        results.note("frame, CPU s per 1,000,000 rows", sum(spent.values()) * 1e6 / scale.rows)
    told = peers.measured(file, scale.rounds)
    if told is None:
        _say(peers.MISSING)
    for name, times in (told or {}).items():
        for seconds in times:
            results.note(f"{name}, rows/s", scale.rows / seconds)


def _measure_beside(scale: Scale, results: Results, echo: Echo, trip: RoundTrip) -> None:
    results.note("gRPC echo p50, ms", echo.sequential(scale) * 1000)
    results.note("gRPC echo pipelined, messages/s", echo.pipelined(scale))
    results.note("Redis streams p50, ms", trip.sequential(scale) * 1000)
    results.note("Redis streams pipelined, messages/s", trip.pipelined(scale))


def _measure_costs(scale: Scale, results: Results, caller: Caller, folder: Path) -> None:
    work = {"sequential": scale.traced, "together": scale.traced_together}
    tool = counter.find()
    if tool is None:
        _say("system calls are not counted: perf and strace are missing here, or may not count")
    for verb, number in work.items():
        _say(f"counting what {number} calls cost, {verb}")
        results.commands[verb] = trace.commands(caller, verb, number)
        if tool is not None:
            results.system_calls[verb] = trace.system_calls(caller, tool, verb, number, folder)


def _keep(name: str, results: dict[str, object]) -> None:
    """Write the figures where earlier ones lie."""
    _KEPT.mkdir(exist_ok=True)
    path = _KEPT / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\nkept in {path.relative_to(_KEPT.parent)}")


def _say(text: str) -> None:
    sys.stderr.write(f"[bench] {text}\n")
