"""What services are started with."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from fnq_core.settings import add_common, read_token


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
