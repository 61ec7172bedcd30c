"""What services are started with."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from fnq_core.settings import add_common, add_redis, peer, read_token


def test_redis_is_taken_from_the_argument_or_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else it is on this machine."""
    given = []
    for url in (None, "redis://r:1"):
        monkeypatch.delenv("REDIS_URL", raising=False)
        if url:
            monkeypatch.setenv("REDIS_URL", url)
        for arguments in ([], ["--redis", "unix:///r"]):
            parser = argparse.ArgumentParser()
            add_common(parser)
            given.append(parser.parse_args(["--listen", "unix:/s", *arguments]).redis)
    assert given == ["redis://127.0.0.1:6379", "unix:///r", "redis://r:1", "unix:///r"]


def test_a_token_is_read_from_its_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """White space around it does not count, and an empty one is none."""
    monkeypatch.delenv("FNQ_TOKEN", raising=False)
    assert read_token(None) is None
    (tmp_path / "token").write_text(" secret\n")
    (tmp_path / "empty").write_text("\n")
    monkeypatch.setenv("FNQ_TOKEN", "other")
    assert read_token(str(tmp_path / "token")) == "secret"
    assert read_token(str(tmp_path / "empty")) is None
    assert read_token(None) == "other"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://r:1", "redis://:p%2Fw%40@r:1"),
        ("rediss://me@r:1/2", "rediss://me:p%2Fw%40@r:1/2"),
        ("unix:///r", "unix://:p%2Fw%40@/r"),
        ("redis+consul://c:1/r", "redis+consul://:p%2Fw%40@c:1/r"),
        ("redis://:own@r:1", "redis://:own@r:1"),
        ("unix:///r?password=own", "unix:///r?password=own"),
    ],
)
def test_the_password_is_taken_from_the_environment_where_the_url_has_none(
    monkeypatch: pytest.MonkeyPatch, url: str, expected: str
) -> None:
    """Given on the command line or by REDIS_URL; whatever characters it has."""
    monkeypatch.setenv("REDIS_PASSWORD", "p/w@")
    monkeypatch.setenv("REDIS_URL", url)
    for arguments in ([], ["--redis", url]):
        parser = argparse.ArgumentParser()
        add_redis(parser)
        assert parser.parse_args(arguments).redis == expected
    monkeypatch.delenv("REDIS_PASSWORD")
    assert parser.parse_args(arguments).redis == url


@pytest.mark.parametrize("url", ["redis+consul://:hunter2@c", "redis://:hunter2@[r"])
def test_a_bad_url_of_redis_is_refused_without_its_password(
    capsys: pytest.CaptureFixture[str], url: str
) -> None:
    """The text says what was expected."""
    parser = argparse.ArgumentParser()
    add_redis(parser)
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--redis", url])
    said = capsys.readouterr().err
    assert "argument --redis: expected" in said
    assert "hunter2" not in said


def test_a_bad_address_of_a_peer_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With what was expected and what came."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--consumer", type=peer)
    assert parser.parse_args(["--consumer", "consul://c:1"]).consumer == "consul://c:1"
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--consumer", "nowhere"])
    assert "not 'nowhere'" in capsys.readouterr().err
