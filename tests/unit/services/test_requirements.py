"""What an image installs before fnq itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.requirements import main

PYPROJECT = """
[project]
dependencies = ["grpcio>=1", "pyarrow >=20"]
[project.optional-dependencies]
server = ["redis[hiredis]>=6"]
docker = ["docker>=7", "redis[hiredis]>=6"]
"""


def test_an_extra_is_what_it_names_and_what_everybody_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One a line, as pip reads them; what is left out is named by its name alone."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    monkeypatch.chdir(tmp_path)
    assert main("server") == 0
    assert capsys.readouterr().out == "grpcio>=1\npyarrow >=20\nredis[hiredis]>=6\n"
    assert main("server", "pyarrow", "redis") == 0
    assert capsys.readouterr().out == "grpcio>=1\n"
    assert main("server,docker", "pyarrow") == 0
    assert capsys.readouterr().out == "grpcio>=1\nredis[hiredis]>=6\ndocker>=7\n"
    with pytest.raises(KeyError, match="sever"):
        main("sever")
