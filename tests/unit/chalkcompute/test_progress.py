"""Who writes on stderr, when, and what is left there."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest
from rich.console import Console
from rich.file_proxy import FileProxy

from chalkcompute import progress
from chalkcompute.errors import DeployError
from tests.livestack import wait_until

STEP = "image: step 1/1 pip install cowsay"


class Terminal:
    """A stream that says it is a terminal, or not."""

    def __init__(self, *, terminal: bool) -> None:
        self._terminal = terminal

    def isatty(self) -> bool:
        """Say so."""
        return self._terminal


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deploys that are told of by and by, so that no test waits for it."""
    for name in ("NO_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(progress, "_QUIET_S", 3_600.0)


@pytest.mark.parametrize(
    ("environ", "drawn"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "", "CI": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "CI": "true"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_it_is_drawn_on_a_terminal_that_wants_it(environ: dict[str, str], drawn: bool) -> None:
    """Nowhere else: neither in a pipe nor where there is no stderr at all."""
    assert progress._draws(Terminal(terminal=True), environ) is drawn  # type: ignore[arg-type]
    assert not progress._draws(Terminal(terminal=False), environ)  # type: ignore[arg-type]
    assert not progress._draws(None, environ)
    drawn_on = FileProxy(Console(), Terminal(terminal=True))  # type: ignore[arg-type]
    assert not progress._draws(drawn_on, environ)  # type: ignore[arg-type]


def test_a_deploy_that_is_over_soon_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Of one that fails the step; the error has what its build printed."""
    with progress.of_deploy(["embed"]) as told:
        told.hear("embed", "its worker starts")
    assert capsys.readouterr().err == ""
    with pytest.raises(DeployError):
        _fail()
    assert capsys.readouterr().err == f"[fnq] embed: {STEP}\n"


def _fail() -> None:
    with progress.of_deploy(["embed"]) as told:
        told._open()
        told.hear("embed", STEP, "Collecting cowsay")
        raise DeployError("no such package")


def test_a_deploy_that_takes_longer_says_what_it_waits_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when nothing more is heard of; from then on each change is a line."""
    monkeypatch.setattr(progress, "_QUIET_S", 0.01)
    said: list[str] = []

    def wrote() -> bool:
        said.append(capsys.readouterr().err)
        return bool(said[-1])

    with progress.of_deploy(["embed"]) as told:
        told.hear("embed", STEP)
        wait_until("a line", wrote)
        told.hear("embed", STEP, "Collecting cowsay")
        told.hear("embed", "its worker starts")
    lines = ("".join(said) + capsys.readouterr().err).splitlines()
    assert lines[0] == f"[fnq] embed: {STEP}"
    assert lines[1].startswith("[fnq] embed: image built in ")
    assert lines[2:] == ["[fnq] embed: its worker starts"]


def test_a_wait_says_at_once_what_it_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    """On change only."""
    with progress.of_wait("embed") as told:
        told.hear("embed", "its worker starts")
        told.hear("embed", "its worker starts")
        assert capsys.readouterr().err == "[fnq] embed: its worker starts\n"


@pytest.mark.parametrize("stream", [None, "closed"])
def test_a_process_without_stderr_deploys_all_the_same(
    stream: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that was started without a console, or that closed it."""
    closed = open(os.devnull, "w")  # noqa: SIM115 - closed is what it is to be
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed if stream else None)
    with progress.of_wait("embed") as told:
        told.hear("embed", "its worker starts")


def test_a_child_that_is_forked_while_another_thread_writes_can_write() -> None:
    """The lock that it inherits is nobody's there."""
    code = (
        "import os, threading\nfrom chalkcompute import progress\n"
        "lock = progress._state.lock\nthreading.Thread(target=lock.acquire).start()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    with progress.of_wait('embed') as told:\n"
        "        told.hear('embed', 'its worker starts')\n"
        "    os._exit(7)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=20
    )
    assert (run.stdout, run.stderr) == ("7\n", "[fnq] embed: its worker starts\n")


#: Draws, then does what a test says; `shown` waits until something is drawn.
SCRIPT = """
import sys, threading, time
from chalkcompute import progress
from chalkcompute.errors import DeployError
progress._FLICKER_S = 0.01

def shown():
    while progress._state.drawn._picture is None:
        time.sleep(0.005)

try:
    with progress.of_deploy(["embed"]) as told:
        told.hear("embed", "image: step 1/1 pip install cowsay", "Collecting cowsay")
        shown()
        {act}
except DeployError:
    pass
assert "rich" in sys.modules
"""


def drawn(act: str) -> tuple[int, str]:
    """Run SCRIPT with a real terminal as stderr and stdout; return exit code and what it got."""
    master, slave = pty.openpty()
    env = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "CI")}
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(act=act)],
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
        env={**env, "TERM": "xterm", "COLUMNS": "80", "LINES": "24", "PYTHONUTF8": "1"},
    )
    os.close(slave)
    text = b"".join(_read(master))
    os.close(master)
    return child.wait(20), text.decode()


def _read(master: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # The last who had it open has ended.
            return
        if not data:
            return
        yield data


def test_a_terminal_is_drawn_on_and_keeps_one_line_of_a_build() -> None:
    """What others print comes above the picture, and the picture goes."""
    code, text = drawn("print('printed meanwhile')")
    assert code == 0
    assert "pip install cowsay" in text
    assert "Collecting cowsay" in text
    last = text[text.rindex("printed meanwhile") :]
    assert "[fnq] embed: image built in " in last
    _check_sane(text)


def test_a_build_that_fails_keeps_its_last_lines_on_the_terminal() -> None:
    """They stand there once the picture is gone."""
    code, text = drawn("raise DeployError('no such package')")
    assert code == 0
    assert "[fnq]   Collecting cowsay" in text
    _check_sane(text)


def test_ctrl_c_leaves_the_terminal_sane() -> None:
    """The cursor is there, and nothing is drawn any more."""
    code, text = drawn("import os, signal; os.kill(os.getpid(), signal.SIGINT); time.sleep(5)")
    assert code == -2
    assert "[fnq]" not in text
    assert "KeyboardInterrupt" in text
    _check_sane(text)


def test_a_terminal_of_a_process_that_is_killed_has_its_cursor() -> None:
    """It is never away for longer than drawing takes."""
    code, text = drawn("import os; os.kill(os.getpid(), 9)")
    assert code == -9
    _check_sane(text)


def _check_sane(text: str) -> None:
    """Fail unless the cursor was shown after it was hidden last."""
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l") or "\x1b[?25l" not in text


def test_what_is_told_by_itself_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """It stays, and says of whom it is."""
    progress.tell("gp", 'no node has 1 "nvidia-l4"')
    assert capsys.readouterr().err == '[fnq] gp: no node has 1 "nvidia-l4"\n'


def test_what_is_told_by_itself_stands_above_what_is_drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture knows how to write there."""
    printed: list[str] = []

    class Picture:
        def print(self, lines: list[str]) -> None:
            printed.extend(lines)

    monkeypatch.setattr(progress._state.drawn, "_picture", Picture())
    progress.tell("gp", "its worker starts")
    assert (printed, capsys.readouterr().err) == (["[fnq] gp: its worker starts"], "")
