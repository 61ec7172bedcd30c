"""What pip is told on this machine, told to uv."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fnq_server.image.environments.index import configs, read, uv_variables


@pytest.mark.parametrize(
    ("environ", "settings", "told"),
    [
        ({}, {}, {}),
        ({"PIP_INDEX_URL": "https://h/s"}, {}, {"UV_DEFAULT_INDEX": "https://h/s"}),
        ({}, {"index-url": "https://h/s"}, {"UV_DEFAULT_INDEX": "https://h/s"}),
        (
            {"PIP_INDEX_URL": "https://env/s"},
            {"index-url": "https://file/s", "cert": "/ca.pem"},
            {"UV_DEFAULT_INDEX": "https://env/s", "SSL_CERT_FILE": "/ca.pem"},
        ),
        ({"PIP_INDEX_URL": "https://h/s", "UV_INDEX_URL": "https://uv/s"}, {}, {}),
        ({"PIP_INDEX_URL": "https://h/s", "UV_DEFAULT_INDEX": "https://uv/s"}, {}, {}),
        (
            {},
            {"extra-index-url": "\nhttps://a/\nhttps://b/"},
            {"UV_INDEX": "https://a/ https://b/"},
        ),
        ({"PIP_FIND_LINKS": "/a /b"}, {}, {"UV_FIND_LINKS": "/a,/b"}),
        ({"PIP_TRUSTED_HOST": "h:80"}, {}, {"UV_INSECURE_HOST": "h:80"}),
    ],
)
def test_uv_installs_from_where_pip_would(
    environ: dict[str, str], settings: dict[str, str], told: dict[str, str]
) -> None:
    """Variables of pip count more than its files, those of uv more than both."""
    assert uv_variables(environ, settings) == told


def test_the_files_of_pip_are_read_the_nearest_last(tmp_path: Path) -> None:
    """Of a file both sections count, and one that is none counts nothing."""
    one, two, bad = (tmp_path / name for name in ("one", "two", "bad"))
    one.write_text("[global]\nindex-url = https://one/\ntimeout = 5\n[list]\nformat = json\n")
    two.write_text("[install]\nindex_url = https://two/%20s\n[global]\nindex-url = https://no/\n")
    bad.write_text("index-url\n")
    paths = [str(each) for each in (one, two, bad, tmp_path / "none")]
    assert read(paths) == {"index-url": "https://two/%20s", "timeout": "5"}


def test_pips_files_are_those_that_pip_reads() -> None:
    """The one that a variable names counts most; a null device stands for none."""
    found = configs({"HOME": "/me", "PIP_CONFIG_FILE": "/own.conf"})
    assert found[-1] == "/own.conf"
    assert "/me/.config/pip/pip.conf" in found
    assert found.index("/etc/pip.conf") < found.index("/me/.config/pip/pip.conf")
    assert configs({"PIP_CONFIG_FILE": os.devnull}) == []
