"""A job as the text that `nomad job run` reads: HCL, for people and for review. Pure.

Nomad's JSON and its HCL name the same things differently, and HCL has units and blocks.
What is not in the tables here is refused: a field that is left out would be a default.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from fnq_server.orchestrator.nomad.job import Job

__all__ = ["FIELDS", "hcl"]

_SECOND, _MILLISECOND = 1_000_000_000, 1_000_000
#: Characters of a list that stays in one line.
_WIDE = 60
#: Ends of lines besides those that JSON escapes: in HCL they end a string.
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class _Form(Enum):
    """How a field is written."""

    VALUE = "a = 1"
    DURATION = 'a = "5s"'
    MAP = 'a = { "k" = "v" }'
    #: One block, a block for each of a list, one with its name as a label, and the driver's.
    BLOCK = "a { }"
    BLOCKS = "a { } a { }"
    NAMED = 'a "name" { }'
    #: A block for each entry of a map, labelled with its key.
    KEYED = 'a "key" { }'
    FREE = "config { }"


_SETTINGS = (_Form.VALUE, _Form.DURATION)


class _Field(NamedTuple):
    """What a field is called in HCL, and of a block, which table has its fields."""

    name: str
    form: _Form = _Form.VALUE
    table: str = ""


_CONDITIONS = {
    "Constraints": _Field("constraint", _Form.BLOCKS, "condition"),
    "Affinities": _Field("affinity", _Form.BLOCKS, "condition"),
}
#: By kind of block, its fields by their names in JSON, in the order in which they are written.
FIELDS: Mapping[str, Mapping[str, _Field]] = {
    "job": {
        "Name": _Field("name"),
        "Type": _Field("type"),
        "Namespace": _Field("namespace"),
        "NodePool": _Field("node_pool"),
        "Datacenters": _Field("datacenters"),
        "Priority": _Field("priority"),
        "Meta": _Field("meta", _Form.MAP),
        **_CONDITIONS,
        "Update": _Field("update", _Form.BLOCK, "update"),
        "TaskGroups": _Field("group", _Form.NAMED, "group"),
    },
    "condition": {
        "LTarget": _Field("attribute"),
        "Operand": _Field("operator"),
        "RTarget": _Field("value"),
        "Weight": _Field("weight"),
    },
    "update": {"MaxParallel": _Field("max_parallel")},
    "group": {
        "Count": _Field("count"),
        **_CONDITIONS,
        "ShutdownDelay": _Field("shutdown_delay", _Form.DURATION),
        "RestartPolicy": _Field("restart", _Form.BLOCK, "restart"),
        "ReschedulePolicy": _Field("reschedule", _Form.BLOCK, "reschedule"),
        "EphemeralDisk": _Field("ephemeral_disk", _Form.BLOCK, "disk"),
        "Volumes": _Field("volume", _Form.KEYED, "volume"),
        "Tasks": _Field("task", _Form.NAMED, "task"),
    },
    "restart": {
        "Attempts": _Field("attempts"),
        "Interval": _Field("interval", _Form.DURATION),
        "Delay": _Field("delay", _Form.DURATION),
        "Mode": _Field("mode"),
    },
    "reschedule": {
        "Delay": _Field("delay", _Form.DURATION),
        "DelayFunction": _Field("delay_function"),
        "MaxDelay": _Field("max_delay", _Form.DURATION),
        "Unlimited": _Field("unlimited"),
    },
    "disk": {"SizeMB": _Field("size")},
    "volume": {
        "Type": _Field("type"),
        "Source": _Field("source"),
        "ReadOnly": _Field("read_only"),
        "AccessMode": _Field("access_mode"),
        "AttachmentMode": _Field("attachment_mode"),
        "Sticky": _Field("sticky"),
        "PerAlloc": _Field("per_alloc"),
    },
    "task": {
        "Driver": _Field("driver"),
        "User": _Field("user"),
        "KillSignal": _Field("kill_signal"),
        "KillTimeout": _Field("kill_timeout", _Form.DURATION),
        "ShutdownDelay": _Field("shutdown_delay", _Form.DURATION),
        **_CONDITIONS,
        "Config": _Field("config", _Form.FREE),
        "Env": _Field("env", _Form.MAP),
        "Meta": _Field("meta", _Form.MAP),
        "Templates": _Field("template", _Form.BLOCKS, "template"),
        "VolumeMounts": _Field("volume_mount", _Form.BLOCKS, "mount"),
        "Resources": _Field("resources", _Form.BLOCK, "resources"),
        "LogConfig": _Field("logs", _Form.BLOCK, "logs"),
    },
    "template": {
        "DestPath": _Field("destination"),
        "EmbeddedTmpl": _Field("data"),
        "Perms": _Field("perms"),
        "Envvars": _Field("env"),
        "ChangeMode": _Field("change_mode"),
        "ErrMissingKey": _Field("error_on_missing_key"),
    },
    "mount": {
        "Volume": _Field("volume"),
        "Destination": _Field("destination"),
        "ReadOnly": _Field("read_only"),
        "PropagationMode": _Field("propagation_mode"),
    },
    "resources": {
        "CPU": _Field("cpu"),
        "Cores": _Field("cores"),
        "MemoryMB": _Field("memory"),
        "MemoryMaxMB": _Field("memory_max"),
        "Devices": _Field("device", _Form.NAMED, "device"),
    },
    "device": {"Count": _Field("count"), **_CONDITIONS},
    "logs": {"MaxFiles": _Field("max_files"), "MaxFileSizeMB": _Field("max_file_size")},
}


def hcl(job: Job) -> str:
    """Return a file of one job. Raises ValueError for a field that is not in FIELDS."""
    content = {name: value for name, value in job.items() if name != "ID"}
    _, *lines = _block(f"job {_text(job['ID'])}", _body("job", content))
    return "\n".join(lines) + "\n"


def _body(table: str, content: Mapping[str, Any]) -> list[str]:
    """Return the lines inside a block: settings first, as in the table, then blocks."""
    fields = FIELDS[table]
    unknown = content.keys() - fields.keys()
    if unknown:
        raise ValueError(f"a {table} has no {', '.join(sorted(unknown))} in HCL")
    given = [(field, content[name]) for name, field in fields.items() if name in content]
    lines = _settings(
        (field.name, _expression(_duration(value) if field.form is _Form.DURATION else value))
        for field, value in given
        if field.form in _SETTINGS
    )
    for field, value in given:
        if field.form not in _SETTINGS:
            lines += _blocks(field, value)
    return lines[1:] if lines[:1] == [""] else lines


def _settings(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return a line for each setting, aligned as `nomad fmt` does; a long list is more lines."""
    lines: list[str] = []
    for short, group in itertools.groupby(pairs, lambda pair: "\n" not in pair[1]):
        found = list(group)
        width = max(len(name) for name, _ in found) if short else 0
        for name, text in found:
            lines += f"{name:{width}} = {text}".splitlines()
    return lines


def _blocks(field: _Field, value: Any) -> Iterator[str]:
    """Yield the lines of the blocks of one field, an empty one before each."""
    if field.form is _Form.MAP:
        entries = ((_text(key), _expression(each)) for key, each in value.items())
        yield from _block(f"{field.name} =", _settings(entries))
    elif field.form is _Form.FREE:
        yield from _block(field.name, _free(value))
    else:
        for label, content in _contents(field.form, value):
            yield from _block(f"{field.name}{label}", _body(field.table, content))


def _free(content: Mapping[str, Any]) -> list[str]:
    """Return the lines of what only a driver knows: a list of maps is a block for each."""
    blocks = {name: each for name, each in content.items() if _are_blocks(each)}
    lines = _settings(
        (_name(key), _expression(each)) for key, each in content.items() if key not in blocks
    )
    for name, each in blocks.items():
        for inner in each:
            lines += _block(_name(name), _free(inner))
    return lines


def _are_blocks(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _contents(form: _Form, value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the blocks of a field: label, and what is inside."""
    if form is _Form.BLOCK:
        yield "", value
    elif form is _Form.BLOCKS:
        yield from (("", each) for each in value)
    elif form is _Form.NAMED:
        yield from ((f" {_text(each['Name'])}", _nameless(each)) for each in value)
    else:
        yield from ((f" {_text(key)}", _nameless(each)) for key, each in value.items())


def _nameless(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != "Name"}


def _block(head: str, lines: Iterable[str]) -> Iterator[str]:
    yield ""
    yield f"{head} {{"
    yield from (f"  {line}" if line else "" for line in lines)
    yield "}"


def _duration(nanoseconds: int) -> str:
    if nanoseconds % _SECOND == 0:
        return f"{nanoseconds // _SECOND}s"
    if nanoseconds % _MILLISECOND == 0:
        return f"{nanoseconds // _MILLISECOND}ms"
    return f"{nanoseconds}ns"


def _expression(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        items = [_expression(each) for each in value]
        if sum(map(len, items)) <= _WIDE:
            return f"[{', '.join(items)}]"
        return "\n".join(["[", *(f"  {each}," for each in items), "]"])
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_text(key)} = {_expression(each)}" for key, each in value.items())
        return f"{{ {inner} }}"
    return json.dumps(value)


def _text(value: str) -> str:
    """Return a string of HCL: as of JSON, and what would begin an expression is doubled."""
    quoted = json.dumps(value, ensure_ascii=False)
    # Of the escapes of JSON it does not know these two.
    quoted = re.sub(r"(?<!\\)((?:\\\\)*)\\([bf])", _control, quoted)
    quoted = _LINE_ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
    return quoted.replace("${", "$${").replace("%{", "%%{")


def _control(found: re.Match[str]) -> str:
    return found[1] + {"b": "\\u0008", "f": "\\u000c"}[found[2]]


def _name(key: str) -> str:
    """Return the name of a driver's setting. Raises ValueError for what cannot be one."""
    if not _IDENTIFIER.fullmatch(key):
        raise ValueError(f"{key!r} cannot be the name of a setting in HCL")
    return key
