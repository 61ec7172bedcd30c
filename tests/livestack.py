"""An embedded stack of a test's own, and what is asked of it from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from tests.redis import RedisView, ownerless

__all__ = ["Stack", "one_stack", "wait_until"]

_T = TypeVar("_T")


def wait_until(what: str, true: Callable[[], _T], within_s: float = 20.0) -> _T:
    """Return what `true()` is once it is; fail after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while not (found := true()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(0.02)
    return found


@dataclass(frozen=True)
class Stack:
    """A stack whose state lies in `home`; nothing else shares it."""

    home: Path
    namespace: str = "default"
    #: Seconds that a program may take, its workers' start included.
    patience_s: float = 50.0

    def building(self) -> Stack:
        """Return the same one, with time for a program whose image is built."""
        return replace(self, patience_s=2 * self.patience_s)

    @property
    def env(self) -> dict[str, str]:
        """The environment in which a script uses this stack."""
        kept = dict(os.environ)
        return kept | {"FNQ_HOME": str(self.home / "state"), "HOME": str(self.home)}

    def fnq(self, *words: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the fnq command, with `typed` on its standard input; return what came of it."""
        return subprocess.run(
            [str(Path(sys.executable).with_name("fnq")), *words],
            env=self.env,
            input=typed,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        """Return `fnq status --json` as it is once nobody is too busy to answer it."""

        def complete() -> dict[str, Any]:
            found: dict[str, Any] = json.loads(self.fnq("status", "--json").stdout)
            return {} if any("not answer" in each for each in found["problems"]) else found

        return wait_until("a whole answer of fnq status", complete)

    def processes(self, role: str, function: str = "") -> list[dict[str, Any]]:
        """Return the processes of a role, and of a function where one is named."""
        status = self.status()
        return [
            each
            for each in (*status["processes"], *status["parents"])
            if each["role"] == role and function in ("", each["function"])
        ]

    def logged(self, role: str) -> list[dict[str, Any]]:
        """Return what a service of this stack has logged, but not the output of its libraries."""
        text = (self.home / "state" / "logs" / f"{role}.log").read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def pid(self, role: str, function: str = "") -> int:
        """Return the process id of the one process of a role."""
        (found,) = self.processes(role, function)
        pid: int = found["pid"]
        return pid

    def script(self, path: Path, *words: str, timeout_s: float = 60) -> str:
        """Run a script on this stack and return its standard output; it must succeed."""
        done = subprocess.run(
            [sys.executable, str(path), *words],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def start(self, path: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Have a script run on this stack; its output is a pipe.

        The block ends with it, and a block that fails ends it.
        """
        with subprocess.Popen(
            [sys.executable, "-u", str(path), *words],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as script:
            try:
                yield script
            except BaseException:
                script.kill()
                raise

    def up(self) -> None:
        """Start the stack, with this process' environment and not a script's."""
        done = self.fnq("up")
        assert done.returncode == 0, done.stderr

    def redis_url(self) -> str:
        """Return where its Redis is; a stack that has left is started again for it."""
        if not self.processes("redis"):
            self.up()
        (found,) = self.processes("redis")
        return f"unix://{found['address'].removeprefix('unix:')}"

    @contextmanager
    def redis(self) -> Iterator[RedisView]:
        """Look into the stack's Redis."""
        view = RedisView(self.redis_url())
        try:
            yield view
        finally:
            view.close()

    def check_keys(self) -> None:
        """Fail when its Redis holds a key that is of no kind, or that nobody will let go.

        LookupError names the former, AssertionError the latter.
        """
        with self.redis() as redis:
            redis.amounts()
            left = list(ownerless(redis))
            assert not left, f"keys without a lifetime or an owner: {left}"

    def down(self) -> None:
        """End the stack."""
        done = self.fnq("down")
        assert done.returncode in (0, 1), done.stderr


@contextmanager
def one_stack(home: Path) -> Iterator[Stack]:
    """Have a stack; it goes at the end of the block, and leaves no key without an owner."""
    mine = Stack(home)
    try:
        yield mine
        mine.check_keys()
    finally:
        mine.down()
