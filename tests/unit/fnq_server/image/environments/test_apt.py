"""Debian packages that are there."""

from __future__ import annotations

from fnq_server.image.environments.apt import lacking

LISTING = "git\tinstalled\t\ncurl\tconfig-files\t\nmawk\tinstalled\tawk (= 1.3), posix-awk\n"


def test_packages_that_are_not_installed_are_named() -> None:
    """One that another provides is there; what was removed is not, options are none."""
    wanted = ["-y", "git=1:2.39", "curl", "awk", "ffmpeg", "git:amd64"]
    assert lacking(wanted, LISTING) == ["curl", "ffmpeg"]
    assert lacking(["git"], "") == ["git"]
