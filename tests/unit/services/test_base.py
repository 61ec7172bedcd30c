"""What a base image takes over from this machine."""

from __future__ import annotations

from pathlib import Path

from services.base import certificates, mirror, pip_conf, pip_settings

LISTED = """
:env:.default-timeout='180'
:env:.index-url='https://index.example/simple'
:env:.no-input='1'
global.cert='/etc/own.pem'
global.extra-index-url='https://a.example/\\nhttps://b.example/'
global.index-url='https://other.example/simple'
install.find-links='/wheels'
""".splitlines()


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
