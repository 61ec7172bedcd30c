"""Settings and where they come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalkcompute.config import Config


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder below one with a pyproject.toml that names a server."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.fnq]\naddr = "project:1"\nnamespace = "project"\nlog_level = "error"\n'
    )
    (tmp_path / "deep").mkdir()
    return tmp_path / "deep"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home whose user file sets everything."""
    folder = tmp_path / "home" / ".config" / "fnq"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(
        'addr = "user:1"\nnamespace = "user"\ntoken = "hunter2"\ndeploy = "never"\n'
    )
    return tmp_path / "home"


def test_the_first_place_wins(project: Path, home: Path) -> None:
    """Argument, environment, project, user file, default: in this order."""
    environ = {"HOME": str(home), "FNQ_ADDR": "environ:1", "FNQ_NAMESPACE": "environ"}
    config = Config.load(addr="argument:1", environ=environ, cwd=project)
    assert config.addr == "argument:1"
    assert config.namespace == "environ"
    assert config.log_level == "error"
    assert config.deploy == "never"
    assert Config.load(environ={}, cwd=home).deploy == "auto"


def test_the_origin_of_each_is_known(project: Path, home: Path) -> None:
    """An error or a status line can say where a setting came from."""
    config = Config.load(addr="a:1", environ={"HOME": str(home), "FNQ_NAMESPACE": "n"}, cwd=project)
    assert config.origin("addr") == "argument"
    assert config.origin("namespace") == "FNQ_NAMESPACE"
    assert config.origin("log_level") == str(project.parent / "pyproject.toml")
    assert config.origin("token") == str(home / ".config" / "fnq" / "config.toml")
    assert Config().origin("deploy") == "default"


def test_an_empty_variable_sets_nothing(tmp_path: Path) -> None:
    """FNQ_ADDR= stands for the embedded stack."""
    assert Config.load(environ={"FNQ_ADDR": ""}, cwd=tmp_path).addr is None


def test_a_token_is_not_shown(home: Path) -> None:
    """Neither repr nor an error has it."""
    config = Config.load(environ={"HOME": str(home)}, cwd=home)
    assert config.token == "hunter2"
    assert "hunter2" not in repr(config)
    assert "***" in repr(config)
    with pytest.raises(ValueError, match="FNQ_TOKEN") as problem:
        Config.load(environ={"FNQ_TOKEN": "hunter2\n"}, cwd=home)
    assert "hunter2" not in str(problem.value)


@pytest.mark.parametrize(
    "addr", ["localhost:80", "[::1]:80", "consul://consul:8500", "unix:/run/s"]
)
def test_an_address_is_understood(addr: str, tmp_path: Path) -> None:
    """Host and port, Consul and a socket are addresses."""
    assert Config.load(environ={"FNQ_ADDR": addr}, cwd=tmp_path).addr == addr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FNQ_ADDR", "localhost"),
        ("FNQ_ADDR", "localhost:http"),
        ("FNQ_ADDR", "http://localhost:80"),
        ("FNQ_ADDR", ":80"),
        ("FNQ_ADDR", "unix:"),
        ("FNQ_NAMESPACE", "Team A"),
        ("FNQ_LOG_LEVEL", "loud"),
        ("FNQ_DEPLOY", "no"),
    ],
)
def test_a_bad_setting_names_its_origin(name: str, value: str, tmp_path: Path) -> None:
    """The error says which variable, what was expected and what came."""
    with pytest.raises(ValueError, match=rf"from {name}\): expected .*not {value!r}"):
        Config.load(environ={name: value}, cwd=tmp_path)


@pytest.mark.parametrize(
    "text",
    ["[tool.fnq]\nadr = 'x'\n", "[tool.fnq]\naddr = 3\n", "[tool.fnq\n", "[tool]\nfnq = 3\n"],
)
def test_a_bad_file_is_named(text: str, tmp_path: Path) -> None:
    """An unknown key, a wrong type and a broken file say where they are."""
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ValueError, match=r"settings: .*pyproject\.toml"):
        Config.load(environ={}, cwd=tmp_path)


def test_a_setting_that_is_no_text_is_said_to_want_quotes(tmp_path: Path) -> None:
    """A file's own true is none; what came is not repeated, as it may be a token."""
    (tmp_path / "pyproject.toml").write_text("[tool.fnq]\nlocal_strict = true\n")
    with pytest.raises(ValueError, match="expected text in quotes for 'local_strict'"):
        Config.load(environ={}, cwd=tmp_path)


def test_a_level_is_taken_in_capitals(tmp_path: Path) -> None:
    """FNQ_LOG_LEVEL=DEBUG is what people write."""
    assert Config.load(environ={"FNQ_LOG_LEVEL": "DEBUG"}, cwd=tmp_path).log_level == "debug"


def test_strictness_is_a_flag() -> None:
    """Off unless it is set to 1."""
    assert Config.load(environ={}).local_strict is False
    assert Config.load(environ={"FNQ_LOCAL_STRICT": "1"}).local_strict is True
    assert Config.load(environ={"FNQ_LOCAL_STRICT": "0"}).local_strict is False
    with pytest.raises(ValueError, match=r"local_strict .from FNQ_LOCAL_STRICT.: expected one of"):
        Config.load(environ={"FNQ_LOCAL_STRICT": "yes"})


def test_a_file_of_tls_is_found_from_anywhere(tmp_path: Path) -> None:
    """A relative path is one of the file that has it, or of where the process began."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.fnq]\ntls_ca = "certs/ca.pem"\ntls_key = "~/key.pem"\n'
    )
    (tmp_path / "deep").mkdir()
    environ = {"FNQ_TLS_CERT": "cert.pem", "FNQ_TLS_NAME": "fnq-server.service.consul"}
    tls = Config.load(environ=environ, cwd=tmp_path / "deep").tls
    assert tls.ca == str(tmp_path / "certs" / "ca.pem")
    assert tls.key == str(Path("~/key.pem").expanduser())
    assert tls.certificate == str(Path("cert.pem").resolve())
    assert tls.name == "fnq-server.service.consul"
    with pytest.raises(ValueError, match="expected a name as a certificate has it"):
        Config.load(environ={"FNQ_TLS_NAME": "https://x"}, cwd=tmp_path)
