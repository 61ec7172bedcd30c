"""Lines on stderr about deploys, builds and waits, written by one at a time.

They are drawn live where stderr is a terminal that nobody else draws on by rich, and
neither NO_COLOR nor CI is set nor TERM is "dumb" or empty; everywhere else, in notebooks
too, each change is one plain line. A deploy that takes less than a second says nothing.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from chalkcompute.account import Account, Line, line
from chalkcompute.errors import FnqError

if TYPE_CHECKING:
    from chalkcompute.account import Row

__all__ = ["Progress", "of_deploy", "of_rows", "of_wait", "tell"]

#: Seconds after which a deploy is told of in plain lines.
_QUIET_S = 1.0
#: Seconds after which anything is drawn on a terminal.
_FLICKER_S = 0.3


class Told(Protocol):
    """What is told of: see `account.Account`."""

    is_over: bool

    def open(self) -> list[Line]: ...
    def end(self, now: float, *, failed: bool) -> list[Line]: ...
    def rows(self, now: float) -> list[Row]: ...


class _Screen(Protocol):
    """Where lines go, and what else shows what is going on."""

    #: Whether the output of a build was to be seen while it ran.
    shows_output: bool

    def write(self, lines: Iterable[Line]) -> None: ...
    def show(self, account: Told) -> None: ...
    def hide(self, account: Told) -> None: ...


class _Plain:
    """Each change a line, and nothing else; with no stderr, or one that is closed, nothing."""

    shows_output = False

    def write(self, lines: Iterable[Line]) -> None:
        for each in lines:
            try:
                # In one piece, so that no other thread's text comes between.
                sys.stderr.write(f"{each.text}\n")
            except (AttributeError, OSError, ValueError):
                return

    def show(self, account: Told) -> None:
        self.write(account.open())

    def hide(self, account: Told) -> None:
        """Leave what was written."""


class _Drawn:
    """A live picture of all that goes on, below what was written."""

    shows_output = True

    def __init__(self) -> None:
        self._accounts: list[Told] = []
        self._picture: _Picture | None = None

    @property
    def draws(self) -> bool:
        """Whether there is a picture now."""
        return self._picture is not None

    def write(self, lines: Iterable[Line]) -> None:
        lasting = [each.text for each in lines if each.lasting]
        if lasting and self._picture is not None:
            self._picture.print(lasting)

    def show(self, account: Told) -> None:
        account.open()
        self._accounts.append(account)
        if self._picture is None:
            from chalkcompute.picture import Picture

            self._picture = Picture(self._rows)

    def hide(self, account: Told) -> None:
        if account in self._accounts:
            self._accounts.remove(account)
        if not self._accounts and self._picture is not None:
            picture, self._picture = self._picture, None
            picture.close()

    def _rows(self) -> list[Row]:
        now = time.monotonic()
        return [row for account in list(self._accounts) for row in account.rows(now)]


class _Picture(Protocol):
    def print(self, lines: list[str]) -> None: ...
    def close(self) -> None: ...


class _State:
    """The one writer of this process; a fork has none of its parent's threads."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.lock = threading.RLock()
        self.drawn = _Drawn()


_state = _State()
os.register_at_fork(after_in_child=_state.renew)


class Showing:
    """Shows one account while something goes on; a context manager, for one thread."""

    def __init__(self, account: Told, quiet_s: float) -> None:
        self._account = account
        self.is_drawn = _draws(sys.stderr, os.environ)
        self._screen: _Screen = _state.drawn if self.is_drawn else _Plain()
        self._timer = _timer(_FLICKER_S if self.is_drawn else quiet_s, self._open)

    def __enter__(self) -> Self:
        if self._timer is None or not _started(self._timer):
            self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with _state.lock:
            # Ctrl-C leaves nothing behind, and an error has the last lines as well.
            if kind is None or (isinstance(problem, FnqError) and self._screen.shows_output):
                told = self._account.end(time.monotonic(), failed=kind is not None)
                self._screen.write(told)
            self._account.is_over = True
            self._screen.hide(self._account)

    def _open(self) -> None:
        with _state.lock:
            if not self._account.is_over:
                self._screen.show(self._account)


class Progress(Showing):
    """Tells of steps: those of a deploy, or of one thing that is waited for."""

    _account: Account

    def __init__(self, title: str, quiet_s: float) -> None:
        super().__init__(Account(title, time.monotonic()), quiet_s)

    def hear(self, function: str, step: str, output: str = "") -> None:
        """Take a step of a function ("": of no one), or a line that its build printed."""
        with _state.lock:
            self._screen.write(self._account.hear(function, step, output, time.monotonic()))


def of_deploy(functions: Iterable[str]) -> Progress:
    """Return what tells of a deploy of these functions."""
    return Progress(f"deploying {', '.join(functions)}", _QUIET_S)


def of_wait(function: str) -> Progress:
    """Return what tells of a wait for a worker of a function; in plain lines, at once."""
    return Progress(f"waiting for {function}", 0.0)


def of_rows(tally: Told) -> Showing:
    """Return what shows rows that come; only on a terminal."""
    return Showing(tally, 0.0)


def tell(function: str, text: str) -> None:
    """Write a line that stays, above what is drawn if anything is."""
    with _state.lock:
        screen: _Screen = _state.drawn if _state.drawn.draws else _Plain()
        screen.write([line(function, text, lasting=True)])


def _draws(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Whether a live picture may be drawn on `stream`."""
    try:
        terminal = stream is not None and stream.isatty()
    except ValueError:
        return False  # It is closed.
    # Who draws with rich already has put a proxy there.
    plain = environ.get("NO_COLOR") or environ.get("CI") or hasattr(stream, "rich_proxied_file")
    return terminal and not plain and environ.get("TERM", "") not in ("", "dumb")


def _timer(seconds: float, work: Callable[[], None]) -> threading.Timer | None:
    if not seconds:
        return None
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    return timer


def _started(timer: threading.Timer) -> bool:
    """Start it; False at the end of the interpreter, which takes no new threads."""
    try:
        timer.start()
    except RuntimeError:
        return False
    return True
