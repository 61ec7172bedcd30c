"""`fnq config show`: what holds here, and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chalkcompute.cli import main
from chalkcompute.cli.config import variables


def test_each_setting_has_its_value_and_its_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Argument, variable, project, user, default: in this order."""
    (tmp_path / "fnq").mkdir()
    user = tmp_path / "fnq" / "config.toml"
    user.write_text('log_level = "debug"\naddr = "user:1"\ntls_ca = "ca.pem"\n')
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.fnq]\naddr = "project:1"\ntoken = "from-file"\n')
    monkeypatch.chdir(tmp_path)
    for name in ("FNQ_ADDR", "FNQ_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("FNQ_TOKEN", "from-environment")
    monkeypatch.setenv("FNQ_NAMESPACE", "outer")
    monkeypatch.setenv("FNQ_LOCAL_STRICT", "1")
    monkeypatch.setenv("FNQ_TLS_NAME", "fnq")
    assert main(["config", "show", "--json", "--namespace", "inner"]) == 0
    text = capsys.readouterr().out
    assert json.loads(text)["settings"] == {
        "addr": {"value": "project:1", "origin": str(project)},
        "token": {"value": "***", "origin": "FNQ_TOKEN"},
        "namespace": {"value": "inner", "origin": "argument"},
        "log_level": {"value": "debug", "origin": str(user)},
        "deploy": {"value": "auto", "origin": "default"},
        "builder": {"value": "environments", "origin": "default"},
        "local_strict": {"value": "1", "origin": "FNQ_LOCAL_STRICT"},
        "tls_ca": {"value": str(user.with_name("ca.pem")), "origin": str(user)},
        "tls_cert": {"value": None, "origin": "default"},
        "tls_key": {"value": None, "origin": "default"},
        "tls_name": {"value": "fnq", "origin": "FNQ_TLS_NAME"},
    }
    assert "from-" not in text
    assert main(["config", "show"]) == 0
    table = capsys.readouterr().out
    assert ["token", "***", "FNQ_TOKEN"] in [line.split() for line in table.splitlines()]
    assert "from-" not in table


def test_other_variables_are_shown_without_what_is_secret_of_them() -> None:
    """Those that have a say and are set."""
    environ = {
        "NO_COLOR": "1",
        "CI": "",
        "FNQ_TOKEN": "hidden",
        "FNQ_HOME": "/here",
        "PATH": "/bin",
        "CONSUL_HTTP_ADDR": "https://me:hidden@consul:8501",
        "CONSUL_HTTP_TOKEN": "hidden",
        "NOMAD_ADDR": "http://nomad:4646",
        "NOMAD_CLIENT_KEY": "hidden",
        "REDIS_URL": "redis://:hidden@redis:6379/0",
        "REDIS_PASSWORD": "hidden",
        "OTEL_EXPORTER_OTLP_HEADERS": "key=hidden",
        "OTEL_SERVICE_NAME": "shop",
    }
    found = variables(environ)
    assert found == {
        "CONSUL_HTTP_ADDR": "https://***@consul:8501",
        "CONSUL_HTTP_TOKEN": "***",
        "FNQ_HOME": "/here",
        "NOMAD_ADDR": "http://nomad:4646",
        "NOMAD_CLIENT_KEY": "***",
        "NO_COLOR": "1",
        "OTEL_EXPORTER_OTLP_HEADERS": "***",
        "OTEL_SERVICE_NAME": "shop",
        "REDIS_PASSWORD": "***",
        "REDIS_URL": "redis://***@redis:6379/0",
    }
