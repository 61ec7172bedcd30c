"""What the command line of a server says about where workers run."""

from __future__ import annotations

from pathlib import Path

import pytest

from fnq_server.__main__ import _orchestrator, main
from fnq_server.orchestrator.local import LocalOrchestrator
from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator


@pytest.fixture
def file(tmp_path: Path) -> str:
    """How workers are started on Nomad."""
    path = tmp_path / "workers.toml"
    path.write_text('driver = "docker"\nimage = "fnq-worker:0.1.0"\n')
    return str(path)


def test_workers_run_where_the_command_line_says(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable alone says nothing: the embedded stack of who uses Nomad stays his own."""
    monkeypatch.setenv("NOMAD_ADDR", "http://127.0.0.1:4646")
    assert _orchestrator(None, None, None) is None
    assert isinstance(_orchestrator("/s.sock", None, None), LocalOrchestrator)
    assert isinstance(_orchestrator(None, file, None), NomadOrchestrator)
    assert isinstance(_orchestrator(None, file, "https://nomad:4646"), NomadOrchestrator)


def test_two_places_are_one_too_many(file: str) -> None:
    """And a Nomad without a word about workers is one too few."""
    with pytest.raises(ValueError, match="two places for workers: choose one"):
        _orchestrator("/s.sock", file, None)
    with pytest.raises(ValueError, match="--nomad: name how workers are started"):
        _orchestrator(None, None, "http://127.0.0.1:4646")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--registry", "host:5000"], "say that, too"),
        (
            ["--builder", "environments", "--environments", "/e", "--workers", "FILE"],
            "--builder environments makes them on this machine",
        ),
        (["--builder", "docker", "--workers", "RAW"], "with the driver raw_exec no function runs"),
        (["--builder", "podman"], "invalid choice: 'podman'"),
        (["--workers", "/nowhere.toml"], "/nowhere.toml: No such file or directory"),
        (["--workers", "FILE", "--nomad", "nomad:4646"], "--nomad: expected http://HOST:PORT"),
    ],
)
def test_what_cannot_be_used_ends_the_server_before_it_starts(
    file: str, words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With one line that says what was expected."""
    raw = Path(file).with_name("raw.toml")
    raw.write_text('driver = "raw_exec"\ncommand = "/opt/fnq/bin/python"\n')
    given = [word.replace("FILE", file).replace("RAW", str(raw)) for word in words]
    with pytest.raises(SystemExit) as ended:
        main(["--listen", "unix:/nowhere/s.sock", *given])
    assert ended.value.code == 2
    assert problem in capsys.readouterr().err
