"""A login is for one registry, and nobody sees its password."""

from __future__ import annotations

from fnq_server.image.docker.login import PASSWORD, USER, Login

ENVIRON = {USER: "team", PASSWORD: "hunter2"}


def test_the_login_of_a_registry_is_said_there_and_nowhere_else() -> None:
    """By its host and port; a base image from elsewhere is fetched without it."""
    login = Login.of(ENVIRON, "registry.example:5000/team")
    assert login is not None
    assert login.for_("registry.example:5000/team/fnq-image@sha256:0a") == {
        "username": "team",
        "password": "hunter2",
        "serveraddress": "registry.example:5000",
    }
    for other in ("python:3.12-slim", "registry.example/team/x", "docker.io/library/python"):
        assert login.for_(other) is None


def test_without_a_user_or_a_registry_there_is_no_login() -> None:
    """Then the Docker configuration of the server has a say."""
    assert Login.of({}, "registry.example/team") is None
    assert Login.of({PASSWORD: "hunter2"}, "registry.example/team") is None
    assert Login.of(ENVIRON, "") is None


def test_a_login_that_is_printed_has_no_password() -> None:
    """Not in a log either."""
    assert "hunter2" not in repr(Login.of(ENVIRON, "registry.example/team"))
