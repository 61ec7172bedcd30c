"""The end of a script: deploy what was decorated and never called, say goodbye.

Python refuses new threads while it shuts down (since 3.12), and a session needs
some. So a set that is left over is captured here and sent by a child interpreter.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalkcompute import deployment, runtime
from chalkcompute.errors import DeployError, FnqError

if TYPE_CHECKING:
    from chalkcompute.deployment import Shipment

__all__ = ["attend", "main"]

#: Bytes of the length that goes before each piece on the child's standard input.
_PREFIX = 8
#: When a child of multiprocessing parts: after its queues have sent what they hold.
_LAST = -100
#: The number of no process.
_NOBODY = 0
_attending: int | None = None
#: The script's `__file__`, which Python takes away from it at its end.
_script: str | None = None


def attend() -> None:
    """See to the end of this process; may be repeated."""
    global _attending, _script  # noqa: PLW0603 - one process has one end
    if _attending != os.getpid():
        if _attending is None:
            atexit.register(_part)
            _script = getattr(sys.modules.get("__main__"), "__file__", None)
        _attending = os.getpid()
        _attend_child()


def _attend_child() -> None:
    """See to the end of a child of multiprocessing, too: it may have no exit handlers."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, _part, exitpriority=_LAST)


def _part() -> None:
    global _attending  # noqa: PLW0603 - one process has one end
    # A forked child that never used the SDK leaves its parent's functions alone.
    if _attending != os.getpid():
        return
    _attending = _NOBODY
    try:
        good = _deploy_rest()
    finally:
        lost = runtime.close()
    if lost:
        sys.stderr.write(
            f"[fnq] {lost} spawned calls are lost: no server accepted them before this process "
            "ended; see that one is there, and spawn them again\n"
        )
    if lost or not good:
        _exit_badly()


def _deploy_rest() -> bool:
    """Deploy what is left over; on failure write the reason to stderr and return False."""
    ours = deployment.current()
    try:
        members = ours.rest()
        if not members or ours.is_led:
            return True
        if ours.failed(members):
            why = "that was interrupted" if ours.interrupted else "it failed before"
            sys.stderr.write(f"[fnq] not deployed, as {why}: {', '.join(members)}\n")
            return False
        if _has_failed():
            # What was to be decorated, and called, after the failure is not known.
            sys.stderr.write(f"[fnq] not deployed, as the script failed: {', '.join(members)}\n")
            return True
        if _script is not None:
            # A bundle must be the same whenever in the script's life it is made.
            vars(sys.modules["__main__"]).setdefault("__file__", _script)
        return _send_by_child(ours.load(members), sorted(ours.said))
    except BaseException as problem:  # noqa: BLE001 - whatever it is, the exit code must tell
        _say(problem)
        return False


def _has_failed() -> bool:
    """Whether an exception that nothing caught ends this script; in a shell none does."""
    return getattr(sys, "last_type", None) is not None and not hasattr(sys, "ps1")


def _say(problem: BaseException) -> None:
    import traceback

    if isinstance(problem, (FnqError, ValueError, KeyboardInterrupt)):
        words = str(problem) or type(problem).__name__
        text = "\n".join([words, *getattr(problem, "__notes__", ())])
    else:
        text = traceback.format_exc()
    sys.stderr.write(f"[fnq] the deploy failed: {text.rstrip()}\n")


def _send_by_child(shipment: Shipment, said: list[str]) -> bool:
    """Let a child deploy a set; it inherits environment, folder, stderr and what was said."""
    import subprocess

    from fnq.v1 import control_pb2

    request = control_pb2.DeployRequest(specs=shipment.specs).SerializeToString()
    if not sys.executable:
        raise DeployError(
            "this Python does not know its own path: call f.wait_ready() in the script"
        )
    pieces = [request, *shipment.bundles.values()]
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; "
        f"from chalkcompute import parting; sys.exit(parting.main({said!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=b"".join(part for piece in pieces for part in (_length(piece), piece)),
    )
    return done.returncode == 0


def _length(piece: bytes) -> bytes:
    return len(piece).to_bytes(_PREFIX, "big")


def _read_pieces() -> list[bytes]:
    """Return the request and the bundles on standard input."""
    pieces = []
    while prefix := sys.stdin.buffer.read(_PREFIX):
        pieces.append(sys.stdin.buffer.read(int.from_bytes(prefix, "big")))
    return pieces


def main(said: Sequence[str]) -> int:
    """Deploy the set on standard input; return the exit code.

    `said` are lines that the script has on its stderr already.
    """
    import hashlib

    from fnq.v1 import control_pb2

    request, *bundles = _read_pieces()
    specs = control_pb2.DeployRequest.FromString(request).specs
    named = {hashlib.sha256(bundle).hexdigest(): bundle for bundle in bundles}
    try:
        session = runtime.current_session()
        deployed = session.deploy(specs, named)
        ours = deployment.current()
        ours.said.update(said)
        ours.say(specs, deployed)
    except Exception as problem:  # noqa: BLE001 - the parent can only be told by text and exit code
        _say(problem)
        return 1
    return 0


def _exit_badly() -> None:
    """End with exit code 1: nothing that an exit handler raises can set it.

    A script that Ctrl-C ends is seen to have ended by that, as without us.
    """
    logging = sys.modules.get("logging")
    if logging is not None:
        logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(1)
