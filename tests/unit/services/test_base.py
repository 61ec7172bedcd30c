"""What a base image takes over from this machine."""

from __future__ import annotations

import os
import platform
import tarfile
from pathlib import Path

import pytest

from services.base import certificates, main, mirror, pip_conf, pip_settings

LISTED = """
:env:.default-timeout='180'
:env:.index-url='https://index.example/simple'
:env:.no-input='1'
global.cert='/etc/own.pem'
global.extra-index-url='https://a.example/\\nhttps://b.example/'
global.index-url='https://other.example/simple'
install.find-links='/wheels'
""".splitlines()

#: In the place of the engine: keeps what it is given, and has no image yet.
ENGINE = """\
#!/bin/sh
case $1 in
import) cat >"$GIVEN/root.tar" ;;
build) for folder; do :; done; cp "$folder"/* "$GIVEN"; echo "$@" >"$GIVEN/words" ;;
*) exit 1 ;;
esac
"""
#: In the place of debootstrap, which is told the folder last where there is no archive.
BOOTSTRAP = """\
#!/bin/sh
for folder; do :; done
mkdir -p "$folder/etc/ssl/certs"
"""


def test_the_way_to_packages_is_taken_over_and_no_more() -> None:
    """The environment wins over files; folders of this machine are of no use there."""
    assert pip_settings(LISTED) == {
        "timeout": "180",
        "index-url": "https://index.example/simple",
        "cert": "/etc/own.pem",
        "extra-index-url": "https://a.example/\nhttps://b.example/",
    }


def test_a_setting_of_several_lines_is_one_setting_in_a_file() -> None:
    """As pip reads it: further lines are indented."""
    assert pip_conf({"timeout": "9", "extra-index-url": "a\nb"}) == (
        "[global]\nextra-index-url = a\n    b\ntimeout = 9\n"
    )


def test_the_first_bundle_of_certificates_that_is_there_is_taken(tmp_path: Path) -> None:
    """A variable may be unset, empty or name what is gone."""
    (tmp_path / "own.pem").write_bytes(b"mine")
    assert certificates([None, "", f"{tmp_path}/gone", f"{tmp_path}/own.pem"]) == b"mine"
    assert certificates([None, str(tmp_path)]) is None


def test_the_archive_is_the_one_that_apt_uses_for_this_release() -> None:
    """Not that of its updates; without one debootstrap has its own."""
    lines = [
        "http://updates.example/ stable-updates main",
        "http://some.example/ stable contrib",
        "http://archive.example/ stable main",
        "odd",
    ]
    assert mirror(lines, "stable") == ["http://archive.example/"]
    assert mirror(lines, "other") == []


def test_what_pip_is_told_stays_out_of_what_the_images_are_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may hold credentials; it is in a second image, in which packages are installed."""
    programs = {"docker": ENGINE, "debootstrap": BOOTSTRAP, "apt-get": "#!/bin/sh\n"}
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    given = tmp_path / "given"
    given.mkdir()
    for name, value in {
        "GIVEN": str(given),
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PIP_INDEX_URL": "https://me:secret@index.example/simple",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"VERSION_CODENAME": "x"})
    assert main("some") == 0
    with tarfile.open(given / "root.tar") as root:
        assert "./etc" in root.getnames()
        assert "./etc/pip.conf" not in root.getnames()
    assert "https://me:secret@index.example/simple" in (given / "pip.conf").read_text()
    assert "-t some-build" in (given / "words").read_text()
    assert (given / "Dockerfile").read_text().startswith("FROM some\n")
