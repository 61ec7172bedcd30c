"""The commands and options of Redis that the services use, as their sources have them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house import source

__all__ = ["LUA", "NEEDS", "scripts", "used"]

#: The version of Redis that brought each command, and each option, as "since" and
#: "history" of its page at https://redis.io/docs/latest/commands/ say.
NEEDS: dict[str, tuple[int, int]] = {
    "CLIENT ID": (5, 0),
    "CLIENT UNBLOCK": (5, 0),
    "CONFIG GET": (2, 0),
    "DEL": (1, 0),
    # Several keys: 3.0.3.
    "EVAL": (2, 6),
    "EXISTS": (3, 0),
    "EXPIRE": (1, 0),
    "GET": (1, 0),
    "HDEL": (2, 0),
    "HEXISTS": (2, 0),
    "HGET": (2, 0),
    "HGETALL": (2, 0),
    "HINCRBY": (2, 0),
    "HMGET": (2, 0),
    # Several fields: 4.0.
    "HSET": (4, 0),
    "HSETNX": (2, 0),
    "HVALS": (2, 0),
    "INCR": (1, 0),
    "INFO": (1, 0),
    "PERSIST": (2, 2),
    "PEXPIRE": (2, 6),
    # As TTL.
    "PTTL": (2, 8),
    "PUBLISH": (2, 0),
    "SADD": (1, 0),
    "SCARD": (1, 0),
    "SET PX": (2, 6),
    "SET": (1, 0),
    # 2.6.12.
    "SET EX": (2, 6),
    "SET NX": (2, 6),
    "SISMEMBER": (1, 0),
    "SMEMBERS": (1, 0),
    "SREM": (1, 0),
    "TIME": (2, 6),
    # That a key is gone is told apart since then.
    "TTL": (2, 8),
    "UNLINK": (4, 0),
    "XACK": (5, 0),
    "XADD": (5, 0),
    "XADD MAXLEN": (5, 0),
    "XADD NOMKSTREAM": (6, 2),
    "XCLAIM": (5, 0),
    "XCLAIM IDLE": (5, 0),
    "XCLAIM JUSTID": (5, 0),
    "XCLAIM RETRYCOUNT": (5, 0),
    "XDEL": (5, 0),
    "XGROUP CREATE": (5, 0),
    "XGROUP CREATE MKSTREAM": (5, 0),
    "XGROUP DELCONSUMER": (5, 0),
    "XINFO CONSUMERS": (5, 0),
    "XINFO GROUPS": (5, 0),
    "XINFO STREAM": (5, 0),
    "XLEN": (5, 0),
    "XPENDING": (5, 0),
    "XPENDING IDLE": (6, 2),
    "XRANGE": (5, 0),
    "XRANGE COUNT": (5, 0),
    "XREAD": (5, 0),
    "XREAD BLOCK": (5, 0),
    "XREAD COUNT": (5, 0),
    "XREAD STREAMS": (5, 0),
    "XREADGROUP": (5, 0),
    "XREADGROUP BLOCK": (5, 0),
    "XREADGROUP COUNT": (5, 0),
    "XREADGROUP GROUP": (5, 0),
    "XREADGROUP STREAMS": (5, 0),
    "XREVRANGE": (5, 0),
    "XREVRANGE COUNT": (5, 0),
    "XTRIM": (5, 0),
    "XTRIM MINID": (6, 2),
    # Several members: 2.4.
    "ZADD XX": (3, 0),
    "ZADD": (2, 4),
    "ZCARD": (1, 2),
    "ZCOUNT": (2, 0),
    "ZRANGE WITHSCORES": (1, 2),
    "ZRANGE": (1, 2),
    # Several members: 2.4.
    "ZREM": (2, 4),
    "ZREMRANGEBYSCORE": (1, 2),
    "ZSCORE": (1, 2),
}
#: What a script of 2.6 can ask of Redis.
LUA = {"call", "pcall"}

_CORE = source.ROOT / "services" / "core" / "fnq_core"
#: Commands whose second word belongs to their name.
_PARENTS = {"CLIENT", "CONFIG", "FUNCTION", "OBJECT", "SCRIPT", "XGROUP", "XINFO"}
_WORD = re.compile(r"[A-Z]{2,}")
_CALL = re.compile(r"redis\.p?call\(")
_QUOTED = re.compile(r"'([^']*)'")


def used() -> dict[str, list[str]]:
    """Return where each command and option is used, by the words that name it."""
    found: dict[str, list[str]] = {}
    for path in sorted(_CORE.glob("*.py")):
        for words, line in _sentences(path):
            for name in _names(words):
                found.setdefault(name, []).append(source.place(path, line))
    return found


def scripts() -> list[str]:
    """Return the scripts that Redis runs."""
    trees = [ast.parse(path.read_text()) for path in sorted(_CORE.glob("*.py"))]
    return [script for tree in trees for _, script in _scripts(tree)]


def _sentences(path: Path) -> Iterator[tuple[list[str], int]]:
    """Yield the literal words of each command, and its line."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".execute_command"):
            # One of `together`, whose commands are found below.
            if ast.unparse(node.args[0]) != "*command":
                yield _literals(node.args), node.lineno
        elif isinstance(node, ast.Tuple) and _is_command(node):
            yield _literals(node.elts), node.lineno
    for line, script in _scripts(tree):
        for call in _CALL.finditer(script):
            yield _QUOTED.findall(_until_closed(script[call.end() :])), line


def _is_command(node: ast.Tuple) -> bool:
    """Tell a command for a pipeline: a word of one, and something that is known later."""
    words = _literals(node.elts)
    return len(words) < len(node.elts) and bool(words) and bool(_WORD.fullmatch(words[0]))


def _literals(nodes: list[ast.expr]) -> list[str]:
    return [
        node.value for node in nodes if isinstance(node, ast.Constant) and type(node.value) is str
    ]


def _scripts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        for text in _literals([node]) if isinstance(node, ast.expr) else ():
            if _CALL.search(text):
                yield getattr(node, "lineno", 0), text


def _until_closed(text: str) -> str:
    """Return the text up to the bracket that closes, those of commands within it left out."""
    depth, kept = 0, ""
    for each in text:
        depth += (each == "(") - (each == ")")
        if depth < 0:
            break
        kept += each if depth == 0 else ""
    return kept


def _names(words: list[str]) -> Iterator[str]:
    """Yield the name of a command, and of each of its options."""
    words = [word for word in words if _WORD.fullmatch(word)] or ["a word that is not there"]
    size = 2 if words[0] in _PARENTS else 1
    name = " ".join(words[:size])
    yield name
    for option in words[size:]:
        yield f"{name} {option}"
