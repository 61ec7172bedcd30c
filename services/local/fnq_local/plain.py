"""Start programs as children of the supervisor, and reap them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from fnq_local import bond
from fnq_local.logfile import LogFile
from fnq_local.process import Process
from fnq_wire.error import StackError

__all__ = ["PlainLauncher"]


class PlainLauncher:
    """The parent of all programs that are executed, and of orphans of the stack."""

    def __init__(self) -> None:
        self._processes: dict[int, tuple[Process, subprocess.Popen[bytes]]] = {}

    def watch(self) -> None:
        """Begin to reap; needs the running loop, in the main thread."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._reap)

    def launch(
        self,
        argv: Sequence[str],
        log: LogFile,
        pass_fds: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
        *,
        tied: bool = False,
    ) -> Process:
        """Start a program that dies with the supervisor and writes into `log`.

        `env` are its variables; those of the supervisor for None. The standard input of
        one that is `tied` stays open as long as the supervisor lives, else it is empty.
        Raises StackError when it cannot be executed.
        """
        parent = os.getpid()
        output = log.open()
        try:
            popen = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE if tied else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=pass_fds,
                env=env,
                # Its own group: a Ctrl-C is for the supervisor, which stops all in order.
                process_group=0,
                preexec_fn=lambda: bond.die_with(parent),  # noqa: PLW1509 - one thread here
            )
        except (OSError, subprocess.SubprocessError) as problem:
            raise StackError(f"cannot start {argv[0]}: {problem}") from problem
        finally:
            os.close(output)
        process = Process(popen.pid)
        self._processes[popen.pid] = (process, popen)
        return process

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            # Orphans that were adopted are not in the table; reaping them is all they need.
            process, popen = self._processes.pop(pid, (None, None))
            if process is not None and popen is not None:
                popen.returncode = code
                if popen.stdin is not None:
                    popen.stdin.close()
                process.ended(code)
