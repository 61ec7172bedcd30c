"""The file with the key: made once, for its owner alone."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fnq_server.secrets.cipher import KEY_BYTES
from fnq_server.secrets.keyfile import KeyFile
from fnq_wire.error import StackError


def test_it_is_made_when_it_is_needed_and_stays(tmp_path: Path) -> None:
    """With mode 0600, and nothing beside it."""
    file = KeyFile(str(tmp_path / "key"))
    assert file.read() is None
    key = file.read_or_make()
    assert (len(key), file.read(), file.read_or_make()) == (KEY_BYTES, key, key)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["key"]


def test_many_who_make_it_at_once_have_the_same_key(tmp_path: Path) -> None:
    """One of them wins, and none ever writes over another."""
    files = [KeyFile(str(tmp_path / "key")) for _ in range(16)]
    with ThreadPoolExecutor(16) as threads:
        keys = set(threads.map(KeyFile.read_or_make, files))
    assert len(keys) == 1
    assert os.listdir(tmp_path) == ["key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_one_that_others_may_use_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    """The error names the file; nothing is made in its place."""
    path = tmp_path / "key"
    KeyFile(str(path)).read_or_make()
    path.chmod(mode)
    with pytest.raises(StackError, match=r"can be used by others .* chmod 600 it") as problem:
        KeyFile(str(path)).read_or_make()
    assert str(path) in str(problem.value)


@pytest.mark.parametrize("text", [b"", b"0102", b"xyz" * 30, "ü".encode() * 64])
def test_a_file_without_a_key_is_told_and_not_shown(tmp_path: Path, text: bytes) -> None:
    """It may be most of a key."""
    path = tmp_path / "key"
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(StackError, match="holds no key of secrets") as problem:
        KeyFile(str(path)).read_or_make()
    assert str(path) in str(problem.value)
    assert path.read_bytes() == text


def test_a_place_where_no_file_can_be_is_named(tmp_path: Path) -> None:
    """Both where it is read and where it is made."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "key", tmp_path / "none" / "key"):
        with pytest.raises(StackError, match=str(path)):
            KeyFile(str(path)).read_or_make()
