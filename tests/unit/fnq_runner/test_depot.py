"""Large values as a runner reads and writes them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from fnq_runner import depot as depot_module
from fnq_runner.depot import Depot, NoRoomError
from fnq_wire.limits import INLINE
from fnq_wire.pieces import Pieces, Spooled
from fnq_wire.spool import Spool

OWNER = "a" * 32
LARGE = bytes(INLINE + 1)


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    """A depot with a spool."""
    made = Depot()
    made.open(str(tmp_path), OWNER, 1 << 20)
    return made


def files(folder: Path) -> list[str]:
    """Return the values in a spool."""
    return [path.name for path in folder.iterdir() if not path.name.startswith("owner")]


def test_a_large_value_is_written_once_and_named(depot: Depot, tmp_path: Path) -> None:
    """In pieces or not; whoever takes it finds it, and nobody after that."""
    for payload in (LARGE, Pieces([LARGE[:100], LARGE[100:]], len(LARGE))):
        placed = depot.put(payload)
        assert isinstance(placed, Spooled)
        assert placed.name.startswith(f"v-{OWNER}-")
        assert bytes(depot.view(placed)) == LARGE
        assert bytes(depot.take(placed)) == LARGE
        with pytest.raises(FileNotFoundError):
            depot.view(placed)
    assert files(tmp_path) == []


def test_what_is_small_or_has_no_spool_goes_through_the_pipe(depot: Depot) -> None:
    """As bytes, both ways."""
    assert depot.put(b"small") == depot.take(b"small") == b"small"
    alone = Depot()
    assert alone.put(LARGE) == LARGE
    assert alone.put(Pieces([LARGE], len(LARGE))) == LARGE
    with pytest.raises(FileNotFoundError):
        alone.view(Spooled("k-" + "0" * 32, 1))


def test_a_spool_without_room_is_done_without(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the size that travels otherwise; beyond it the error names the place."""

    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Spool, "write", full)
    monkeypatch.setattr(depot_module, "MOST_CHUNKED", len(LARGE))
    assert depot.put(LARGE) == LARGE
    with pytest.raises(NoRoomError, match="No space left"):
        depot.put(LARGE + b"x")


def test_a_name_that_is_none_is_a_value_that_is_gone(depot: Depot) -> None:
    """And to delete it does nothing."""
    for name in ("../x", "v-1", "k-" + "0" * 32):
        depot.drop(Spooled(name, 1))
        with pytest.raises(FileNotFoundError):
            depot.view(Spooled(name, 1))
