"""A function that marks what it does, and a steady load of calls of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from chalkcompute.cli.server import Server
from chalkcompute.config import Config
from fnq_wire.error import FnqError
from tests.cluster import script
from tests.livestack import wait_until
from tests.site import TOKEN, Site

__all__ = ["Answered", "Load", "Marked", "Turn"]

_SOURCE = script.PROGRAMS / "marked.py"
#: Seconds for the first answer, and for all answers once there are no new calls.
_BEGIN_S, _END_S = 90.0, 90.0
#: Seconds for a server to say how it is.
_STATUS_S = 2.0


class Answered(NamedTuple):
    """A call as its caller saw it; times in seconds since 1970."""

    sent: float
    answer: list[int] | str
    ended: float

    def is_of(self, number: int) -> bool:
        """Whether the answer is that of a call, and no error."""
        return isinstance(self.answer, list) and self.answer[1] == number

    @property
    def source(self) -> int:
        """What the source said that answered."""
        return int(self.answer[0])


class Turn(NamedTuple):
    """One execution of a call: its worker's allocation, begin, and end unless it was cut off."""

    number: int
    allocation: str
    begun: float
    ended: float | None


@dataclass(frozen=True)
class Marked:
    """The function `name` at a site; it marks in `folder` what it does."""

    site: Site
    folder: Path
    name: str
    least: int = 0
    most: int = 1

    def deploy(self, answer: int = 1) -> str:
        """Deploy it as a source that answers so, and return the id of its job."""
        text = _SOURCE.read_text().replace("def marked", f"def {self.name}")
        text = text.replace("ANSWER = 1", f"ANSWER = {answer}")
        text = text.replace("LEAST, MOST = 0, 1", f"LEAST, MOST = {self.least}, {self.most}")
        file = self.folder / "source.py"
        file.write_text(text)
        told = script.fnq(self.site, "deploy", str(file), "--json", FNQ_TOKEN=TOKEN)
        [deployed] = json.loads(told)["functions"]
        return f"fnq-{self.name}-{deployed['version'][:8]}"

    def await_workers(self, count: int) -> None:
        """Return once so many workers take calls; Nomad says only that they run."""
        address = f"consul://{self.site.consul.address}"
        config = Config(addr=address, token=TOKEN)

        def ready() -> bool:
            try:
                with Server(config, address) as server:
                    told = server.status(_STATUS_S)
            except FnqError:
                return False  # It asked the server of a node that is gone.
            counts = {each.version.spec.name: each.scaling.replicas for each in told.functions}
            return counts[self.name].ready == count

        wait_until(f"{count} workers of {self.name}", ready, _BEGIN_S)

    def turns(self) -> list[Turn]:
        """Return all executions, in the order of their begins."""
        found: list[Turn] = []
        for file in self.folder.iterdir():
            if file.suffix or file.name == "enough":
                continue
            lines = [line.split() for line in file.read_text().splitlines()]
            ends = {int(number): float(at) for what, number, at in lines if what == "end"}
            found += [
                Turn(int(number), file.name, float(at), ends.get(int(number)))
                for what, number, at in lines
                if what == "begin"
            ]
        return sorted(found, key=lambda turn: turn.begun)

    @contextmanager
    def called(self, for_s: float, every_s: float) -> Iterator[Load]:
        """Call it all the time; it is under load within the block."""
        words = (self.name, str(self.folder), str(for_s), str(every_s))
        enough = self.folder / "enough"
        enough.unlink(missing_ok=True)
        process = script.start(self.site, "steady.py", *words, FNQ_TOKEN=TOKEN)
        load = Load(process, enough)
        try:
            load.begin()
            yield load
            load.end()
        finally:
            process.kill()
            process.communicate()


@dataclass
class Load:
    """Calls that go on until `end`; then `calls` are all of them. `server` is an address."""

    process: subprocess.Popen[str]
    enough: Path
    server: str = ""
    calls: list[Answered] = field(default_factory=list)

    def begin(self) -> None:
        """Return once the first call is answered; `server` is whose caller it is then."""
        assert self.process.stdout is not None
        while not (line := self.process.stdout.readline()).startswith("begun "):
            assert line.startswith("[fnq]"), line + self.process.stdout.read()
        self.server = line.split()[1]

    def end(self) -> None:
        """Make no more calls, and take the answers of all."""
        self.enough.touch()
        shown, _ = self.process.communicate(timeout=_END_S)
        self.calls = [Answered(*each) for each in json.loads(shown.splitlines()[-1])]

    @property
    def lost(self) -> list[Answered]:
        """The calls without the answer that is theirs."""
        return [each for number, each in enumerate(self.calls) if not each.is_of(number)]

    @property
    def slowest_s(self) -> float:
        """The longest that a call took."""
        return max(each.ended - each.sent for each in self.calls)
