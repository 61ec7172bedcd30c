"""The directories of volumes, as workers are told them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fnq_local.volumes import check, folders, mount_argv
from fnq_wire.error import StackError
from fnq_worker.command import _mount


def test_a_volume_that_somebody_removed_is_made_anew(tmp_path: Path) -> None:
    """Empty, and nobody else's; the same name in another namespace is another one."""
    wanted = (("a", "/data"), ("b", "/x/y"))
    found = folders(str(tmp_path), "default", wanted)
    assert found == (
        (f"{tmp_path}/default/a", "/data", "rw"),
        (f"{tmp_path}/default/b", "/x/y", "rw"),
    )
    assert (tmp_path / "default" / "a").stat().st_mode & 0o777 == 0o700
    (tmp_path / "default" / "a" / "kept").touch()
    assert folders(str(tmp_path), "default", wanted) == found
    assert (tmp_path / "default" / "a" / "kept").exists()


def test_an_agent_reads_what_the_supervisor_says() -> None:
    """Also of a directory whose name has colons."""
    words = mount_argv([("/home/a:b/v", "/data", "rw")])
    assert words[0] == "--mount"
    assert _mount(words[1]) == ("/home/a:b/v", "/data", "rw")
    with pytest.raises(ValueError, match="wr"):
        _mount("/a:/b:wr")


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """With the volume."""
    (tmp_path / "default").touch()
    with pytest.raises(StackError, match=r"cannot make the directory of volume 'a': .*default"):
        folders(str(tmp_path), "default", [("a", "/data")])


@pytest.mark.parametrize(
    ("volume", "words"),
    [(("../a", "/data"), "not the name of a volume"), (("a", "/proc/x"), "volume 'a': expected")],
)
def test_what_no_deploy_lets_pass_is_refused(volume: tuple[str, str], words: str) -> None:
    """Whoever asks the supervisor."""
    with pytest.raises(StackError, match=words):
        check([volume])
