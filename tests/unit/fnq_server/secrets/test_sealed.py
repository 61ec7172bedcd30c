"""Secrets in Redis: kept apart by namespace and name, and of no use elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fnq_core import keys
from fnq_core.removal import Removal
from fnq_core.secrets import Label, SecretRecords
from fnq_server.secrets.keyfile import KeyFile
from fnq_server.secrets.sealed import SealedStore
from fnq_wire.error import StackError
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import connected

KEY, PG, LOCAL = Label("env", "KEY"), Label("integration", "pg"), Label("local_env", "KEY", "f")


@asynccontextmanager
async def storing(server: RedisServer, folder: Path) -> AsyncIterator[SealedStore]:
    """Give a store whose key lies in a folder."""
    async with connected(server) as client:
        server.ask("SADD", keys.functions("default"), "f")
        yield SealedStore(SecretRecords(client), KeyFile(str(folder / "key")))
    server.ask("FLUSHALL")


async def test_what_is_set_is_had_in_its_namespace_by_its_label(
    server: RedisServer, tmp_path: Path
) -> None:
    """The last value counts; in Redis there is none."""
    async with storing(server, tmp_path) as store:
        for label, value in ((KEY, "first"), (KEY, "hunter2"), (PG, "ü"), (LOCAL, "l")):
            await store.set("default", label, {label.name: value})
        other = Label("local_env", "KEY", "g")
        found = await store.get("default", [LOCAL, KEY, other, PG])
        assert found == [{"KEY": "l"}, {"KEY": "hunter2"}, None, {"pg": "ü"}]
        assert await store.get("other", [KEY]) == [None]
        kept = server.ask("HGETALL", keys.secrets("default"))
        assert set(kept[::2]) == {b"env:KEY", b"integration:pg"}
        assert not any(b"hunter2" in each for each in kept)


async def test_names_and_times_are_listed_without_the_key(
    server: RedisServer, tmp_path: Path
) -> None:
    """Those of deployers' environments are not."""
    async with storing(server, tmp_path) as store:
        await store.set("default", PG, {"B": "2", "A": "1"})
        await store.set("default", LOCAL, {"KEY": "l"})
        (tmp_path / "key").unlink()
        [entry] = await store.entries("default", "integration")
        assert (entry.name, entry.variables) == ("pg", ("A", "B"))
        assert entry.set_ms > 1_700_000_000_000
        assert await store.entries("default", "env") == []


async def test_a_secret_is_deleted_and_those_of_a_function_go_with_it(
    server: RedisServer, tmp_path: Path
) -> None:
    """What is not there was not there; none comes to a function that is not there."""
    async with storing(server, tmp_path) as store, connected(server) as client:
        for label in (KEY, LOCAL):
            await store.set("default", label, {"KEY": "x"})
        assert [await store.delete("default", KEY) for _ in range(2)] == [True, False]
        await Removal(client).delete("default", "f")
        assert await store.get("default", [KEY, LOCAL]) == [None, None]
        await store.set("default", LOCAL, {"KEY": "x"})
        assert server.names() == [keys.REVISION]


@pytest.mark.parametrize(
    ("namespace", "label"),
    [
        ("default", Label("env", "OTHER")),
        ("other", KEY),
        ("default", Label("integration", "KEY")),
        ("default", LOCAL),
    ],
)
async def test_a_value_that_is_moved_does_not_open(
    server: RedisServer, tmp_path: Path, namespace: str, label: Label
) -> None:
    """Not under another name, nor in another namespace, nor as one of another kind."""
    async with storing(server, tmp_path) as store:
        await store.set("default", KEY, {"KEY": "x"})
        record = server.ask("HGET", keys.secrets("default"), "env:KEY")
        if label.function:
            server.ask("HSET", keys.local_secrets(namespace, label.function), label.name, record)
        else:
            server.ask("HSET", keys.secrets(namespace), f"{label.source}:{label.name}", record)
        with pytest.raises(StackError, match="sealed under another name; set it again"):
            await store.get(namespace, [label])


async def test_with_another_key_nothing_opens_and_the_file_is_named(
    server: RedisServer, tmp_path: Path
) -> None:
    """Also where it is gone; what is set anew opens again."""
    async with storing(server, tmp_path) as store:
        await store.set("default", KEY, {"KEY": "x"})
        (tmp_path / "key").unlink()
        for _ in range(2):
            with pytest.raises(StackError, match="the secret KEY cannot be opened") as problem:
                await store.get("default", [KEY])
            assert f"another key than that in {tmp_path / 'key'}" in str(problem.value)
            assert "fnq secret set KEY" in str(problem.value)
            await store.set("default", PG, {"A": "1"})
        await store.set("default", KEY, {"KEY": "y"})
        assert await store.get("default", [KEY, PG]) == [{"KEY": "y"}, {"A": "1"}]


async def test_damage_is_told(server: RedisServer, tmp_path: Path) -> None:
    """With what to do."""
    async with storing(server, tmp_path) as store:
        await store.set("default", KEY, {"KEY": "x"})
        server.ask("HSET", keys.secrets("default"), "env:KEY", b"\xff\xff")
        with pytest.raises(StackError, match="is damaged"):
            await store.get("default", [KEY])
        with pytest.raises(StackError, match="is damaged"):
            await store.entries("default", "env")
        assert await store.delete("default", KEY)


async def test_what_is_no_place_for_secrets_in_redis_is_told(
    server: RedisServer, tmp_path: Path
) -> None:
    """As whoever asks can be told, not as a fault of the server."""
    async with storing(server, tmp_path) as store:
        await store.set("other", KEY, {"KEY": "v"})
        server.ask("SET", keys.secrets("default"), "x")
        for ask in (
            lambda: store.get("default", [KEY]),
            lambda: store.set("default", KEY, {"KEY": "v"}),
            lambda: store.entries("default", "env"),
            lambda: store.delete("default", KEY),
        ):
            with pytest.raises(StackError, match="the secrets of namespace 'default' cannot be"):
                await ask()
