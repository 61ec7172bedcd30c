"""The one door to a Docker engine, through the package docker.

A request blocks a thread of the door, never the loop. Where the engine is, is what
DOCKER_HOST and its companions say; the logins of registries are those of the user's
Docker configuration, and nobody here looks at them.
"""

from __future__ import annotations

import asyncio
import functools
import io
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.utils import kwargs_from_env

from fnq_server.image.docker.login import Login
from fnq_wire.cause import system_reason
from fnq_wire.error import StackError

__all__ = ["DockerDoor", "RefusedError"]

_T = TypeVar("_T")

#: Takes one message of the engine, in the loop.
Hear = Callable[[Mapping[str, Any]], None]

#: Where an engine listens when nobody says where.
_DEFAULT_HOST = "unix:///var/run/docker.sock"
#: Seconds between two words of the engine; a step of a build may be silent for as long as it runs.
_ANSWER_S = 300.0
#: Questions at once, and builds, pulls and pushes; more wait for a thread.
_QUESTIONS, _WORKS = 4, 16
#: Characters of the engine's words in an error.
_LONGEST = 1_000
#: The network of what builds and of what runs: that of the engine's machine.
_NETWORK = "host"
#: How registries say that they have no such image, whatever the engine makes of it.
_ABSENT = ("manifest unknown", "name unknown", "not found")


class RefusedError(StackError):
    """Say that the engine did not do what it was asked for; the text is its answer."""


class DockerDoor:
    """One Docker engine. Every method raises StackError, and RefusedError where it says no.

    `login` is for one registry; at all others it uses what Docker's configuration says.
    """

    def __init__(self, login: Login | None = None) -> None:
        self._login = login
        self._questions = ThreadPoolExecutor(_QUESTIONS, "docker-question")
        self._works = ThreadPoolExecutor(_WORKS, "docker-work")
        #: The answer that a thread reads now.
        self._answer = threading.local()

    @functools.cached_property
    def _api(self) -> docker.APIClient:
        """The client; asks the engine for its version, so it is made when it is needed."""
        api = docker.APIClient(version="auto", timeout=_ANSWER_S, **kwargs_from_env())
        api.hooks["response"].append(self._begun)
        return api

    def _begun(self, answer: requests.Response, *_: object, **__: object) -> None:
        self._answer.now = answer

    async def image(self, name: str) -> Mapping[str, Any] | None:
        """Return what the engine knows of an image that it has; None when it has none."""
        return await self._maybe(f"show the image {name}", lambda: self._api.inspect_image(name))

    async def published(self, name: str) -> str | None:
        """Return the digest by which a registry has an image; None when it has none."""

        def ask() -> str:
            self._api.reload_config()
            found = self._api.inspect_distribution(name, auth_config=self._auth(name))
            return str(found["Descriptor"]["digest"])

        return await self._maybe(f"ask for {name}", ask)

    async def pull(self, name: str, hear: Hear) -> None:
        """Have the engine fetch an image from its registry."""
        await self._stream(
            f"pull {name}",
            lambda: self._api.pull(name, stream=True, decode=True, auth_config=self._auth(name)),
            hear,
        )

    async def build(self, context: bytes, tag: str, labels: Mapping[str, str], hear: Hear) -> None:
        """Have the engine build what a tar archive holds; an empty `tag` names nothing."""

        def begin() -> Any:
            return self._api.build(
                fileobj=io.BytesIO(context),
                custom_context=True,
                tag=tag or None,
                labels=dict(labels),
                network_mode=_NETWORK,
                rm=True,
                forcerm=True,
                decode=True,
            )

        await self._stream("build an image", begin, hear)

    async def push(self, repository: str, tag: str, hear: Hear) -> None:
        """Have the engine bring an image to its registry."""

        def begin() -> Any:
            self._api.reload_config()
            auth = self._auth(repository)
            return self._api.push(repository, tag, stream=True, decode=True, auth_config=auth)

        await self._stream(f"push {repository}:{tag}", begin, hear)

    def _auth(self, name: str) -> dict[str, str] | None:
        return None if self._login is None else self._login.for_(name)

    async def _stream(
        self, what: str, begin: Callable[[], Iterable[Mapping[str, Any]]], hear: Hear
    ) -> None:
        """Pass on all that the engine says until it is done; when cancelled, have it stop."""
        loop = asyncio.get_running_loop()
        left = threading.Event()
        answers: list[requests.Response] = []

        def listen() -> None:
            messages = begin()
            answers.append(self._answer.now)
            for message in () if left.is_set() else messages:
                if "error" in message:
                    raise RefusedError(str(message["error"])[:_LONGEST])
                if not left.is_set():
                    loop.call_soon_threadsafe(hear, message)

        try:
            await self._do(self._works, what, listen)
        except asyncio.CancelledError:
            left.set()
            for answer in answers:
                # Wakes the thread that reads it; an engine whose client has gone stops building.
                answer.raw.shutdown()
            raise

    async def _maybe(self, what: str, ask: Callable[[], _T]) -> _T | None:
        def ask_kindly() -> _T | None:
            try:
                return ask()
            except NotFound:
                return None
            except APIError as problem:
                if any(words in _text(problem).lower() for words in _ABSENT):
                    return None
                raise

        return await self._do(self._questions, what, ask_kindly)

    async def _do(self, threads: ThreadPoolExecutor, what: str, ask: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, ask)
        except APIError as problem:
            raise RefusedError(_text(problem)) from problem
        except (DockerException, requests.RequestException) as problem:
            raise StackError(
                f"no Docker engine answers at {os.environ.get('DOCKER_HOST') or _DEFAULT_HOST}, "
                f"asked to {what} ({system_reason(problem)}): start it, or set DOCKER_HOST"
            ) from problem


def _text(problem: APIError) -> str:
    """Return in one line what the engine answered."""
    words = problem.explanation or str(problem)
    if isinstance(words, bytes):
        words = words.decode(errors="replace")
    return " ".join(str(words).split())[:_LONGEST]
