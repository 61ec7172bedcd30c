"""Run a stack on this machine: `python -m fnq_local --state DIR --runtime DIR`.

With `--report FD` one JSON line tells the starter what became of it: {"door": true}
when visitors can knock, {"taken": true} when another stack lives there, {"error": text}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import shutil
import socket
import sys
import time

from fnq_local import idle, memory, program, record, title
from fnq_local.idle import Idle
from fnq_local.lock import Lock
from fnq_local.logfile import LogFile
from fnq_local.place import Place
from fnq_local.program import Programs
from fnq_local.supervisor import Supervisor
from fnq_local.verbs import Verbs
from fnq_wire.error import StackError

__all__ = ["main"]

#: Seconds that a stack which is leaving may take until its place is free.
_LEAVE_S = 40.0
_LOOK_S = 0.005
#: What a caller sets for itself: it is not for the stack, which serves other callers too,
#: and whose Redis has no password.
_CALLERS_OWN = ("FNQ_ADDR", "FNQ_TOKEN", "FNQ_NAMESPACE", "REDIS_PASSWORD")


class _Report:
    """The one line for whoever started this process."""

    def __init__(self, file: int) -> None:
        self._file = file

    def send(self, **line: object) -> None:
        """Write the line and close; further calls and a vanished reader do nothing."""
        if self._file >= 0:
            try:
                os.write(self._file, json.dumps(line).encode() + b"\n")
            except OSError:
                pass
            os.close(self._file)
            self._file = -1


def main(argv: list[str]) -> int:
    """Run a stack until it leaves; return the exit code.

    0: it ran, or another one holds the place; 1: it could not run.
    """
    options = _parse(argv)
    if options.detach and os.fork():
        # The starter waits for this one; the stack itself is nobody's child.
        os._exit(0)
    for name in _CALLERS_OWN:
        os.environ.pop(name, None)
    report = _Report(options.report)
    place = Place(os.path.abspath(options.state), os.path.abspath(options.runtime))
    lock = Lock(place.lock)
    try:
        place.prepare_state()
        if not _take(lock, place):
            report.send(taken=True)
            return 0
        # Who comes with another environment looks for the sockets elsewhere.
        lock.write(place.runtime)
        memory.prepare_spool(place.spool)
        memory.tidy(place.spool)
        _redirect(place, options.detach)
        return _run(place, options, report)
    except (StackError, OSError) as problem:
        logging.getLogger("fnq_local").error("cannot start: %s", problem)  # noqa: TRY400 - one line is enough
        report.send(error=str(problem))
        return 1
    finally:
        lock.release()


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fnq_local", description="Run a stack on this machine.")
    parser.add_argument("--state", required=True, metavar="DIR", help="what outlives the stack")
    parser.add_argument("--runtime", required=True, metavar="DIR", help="its sockets")
    parser.add_argument("--detach", action="store_true", help="go to the background")
    parser.add_argument(
        "--report", type=int, default=-1, metavar="FD", help="say there what became of it"
    )
    parser.add_argument(
        "--program", action="append", default=[], metavar="ROLE=MODULE", help="run another module"
    )
    options = parser.parse_args(argv)
    try:
        options.programs = Programs.parse(options.program)
    except ValueError as problem:
        parser.error(str(problem))
    return options


def _take(lock: Lock, place: Place) -> bool:
    """Take the lock; False when another stack lives here. Waits for one that is leaving."""
    limit = time.monotonic() + _LEAVE_S
    while not lock.take():
        theirs = Place(place.state, lock.note() or place.runtime)
        if _answers(theirs.socket("supervisor")):
            return False
        if time.monotonic() > limit:
            raise StackError(
                f"another process holds {place.lock} and does not answer; end it, or `fnq down`"
            )
        time.sleep(_LOOK_S)
    return True


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as knock:
        try:
            knock.connect(path)
        except OSError:
            return False
        return True


def _redirect(place: Place, detached: bool) -> None:
    output = LogFile(place.log("supervisor")).open()
    handlers: list[logging.Handler] = [logging.StreamHandler(os.fdopen(output, "a"))]
    if detached:
        null = os.open(os.devnull, os.O_RDWR)
        for old, new in ((0, null), (1, output), (2, output)):
            os.dup2(new, old)
        os.close(null)
    else:
        handlers.append(logging.StreamHandler())
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", handlers=handlers
    )


def _run(place: Place, options: argparse.Namespace, report: _Report) -> int:
    place.claim_runtime()
    record.end_survivors(place)
    place.clear_runtime()
    # Whoever started this may remove the directory that it stood in.
    os.chdir(place.state)
    title.set_name("fnq-supervisor")
    shutil.rmtree(place.work, ignore_errors=True)
    # Another starter, which lost, may be making the same directories now.
    os.makedirs(place.work, mode=0o700, exist_ok=True)
    timeout_s = idle.parse(os.environ.get("FNQ_IDLE_TIMEOUT", ""))
    builder = program.builder(os.environ.get("FNQ_BUILDER", ""))
    return asyncio.run(_live(place, options.programs, timeout_s, builder, report))


async def _live(
    place: Place, programs: Programs, timeout_s: float, builder: str, report: _Report
) -> int:
    supervisor = Supervisor(place, programs, Idle(timeout_s, time.monotonic()), builder)
    return await supervisor.run(Verbs(supervisor), lambda: report.send(door=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
