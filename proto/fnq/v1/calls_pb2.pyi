from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListCallsRequest(_message.Message):
    __slots__ = ("namespace", "function", "state", "limit")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    function: str
    state: str
    limit: int
    def __init__(self, namespace: _Optional[str] = ..., function: _Optional[str] = ..., state: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListCallsReply(_message.Message):
    __slots__ = ("calls", "more")
    CALLS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    calls: _containers.RepeatedCompositeFieldContainer[CallFacts]
    more: bool
    def __init__(self, calls: _Optional[_Iterable[_Union[CallFacts, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class ShowCallRequest(_message.Message):
    __slots__ = ("namespace", "call")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    call: bytes
    def __init__(self, namespace: _Optional[str] = ..., call: _Optional[bytes] = ...) -> None: ...

class CallFacts(_message.Message):
    __slots__ = ("call", "function", "version", "number", "state", "queued_ms", "started_ms", "attempt", "deaths", "replica", "pid", "depth", "rows", "parent", "detached", "tags", "why", "kind", "ended_ms", "error", "no_worker")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CALL_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    QUEUED_MS_FIELD_NUMBER: _ClassVar[int]
    STARTED_MS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    DEATHS_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    DETACHED_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ENDED_MS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    NO_WORKER_FIELD_NUMBER: _ClassVar[int]
    call: bytes
    function: str
    version: str
    number: int
    state: str
    queued_ms: int
    started_ms: int
    attempt: int
    deaths: int
    replica: int
    pid: int
    depth: int
    rows: int
    parent: bytes
    detached: bool
    tags: _containers.ScalarMap[str, str]
    why: str
    kind: str
    ended_ms: int
    error: str
    no_worker: str
    def __init__(self, call: _Optional[bytes] = ..., function: _Optional[str] = ..., version: _Optional[str] = ..., number: _Optional[int] = ..., state: _Optional[str] = ..., queued_ms: _Optional[int] = ..., started_ms: _Optional[int] = ..., attempt: _Optional[int] = ..., deaths: _Optional[int] = ..., replica: _Optional[int] = ..., pid: _Optional[int] = ..., depth: _Optional[int] = ..., rows: _Optional[int] = ..., parent: _Optional[bytes] = ..., detached: _Optional[bool] = ..., tags: _Optional[_Mapping[str, str]] = ..., why: _Optional[str] = ..., kind: _Optional[str] = ..., ended_ms: _Optional[int] = ..., error: _Optional[str] = ..., no_worker: _Optional[str] = ...) -> None: ...

class CancelCallRequest(_message.Message):
    __slots__ = ("namespace", "call", "reason")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    call: bytes
    reason: str
    def __init__(self, namespace: _Optional[str] = ..., call: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class CancelCallReply(_message.Message):
    __slots__ = ("cancelled",)
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    cancelled: bool
    def __init__(self, cancelled: _Optional[bool] = ...) -> None: ...

class QueuesRequest(_message.Message):
    __slots__ = ("namespace", "function")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    function: str
    def __init__(self, namespace: _Optional[str] = ..., function: _Optional[str] = ...) -> None: ...

class QueueFacts(_message.Message):
    __slots__ = ("function", "version", "number", "waiting", "held", "oldest_s", "cap", "workers")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    OLDEST_S_FIELD_NUMBER: _ClassVar[int]
    CAP_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    function: str
    version: str
    number: int
    waiting: int
    held: int
    oldest_s: float
    cap: int
    workers: int
    def __init__(self, function: _Optional[str] = ..., version: _Optional[str] = ..., number: _Optional[int] = ..., waiting: _Optional[int] = ..., held: _Optional[int] = ..., oldest_s: _Optional[float] = ..., cap: _Optional[int] = ..., workers: _Optional[int] = ...) -> None: ...

class QueuesReply(_message.Message):
    __slots__ = ("queues",)
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    queues: _containers.RepeatedCompositeFieldContainer[QueueFacts]
    def __init__(self, queues: _Optional[_Iterable[_Union[QueueFacts, _Mapping]]] = ...) -> None: ...

class PurgeRequest(_message.Message):
    __slots__ = ("namespace", "function")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    function: str
    def __init__(self, namespace: _Optional[str] = ..., function: _Optional[str] = ...) -> None: ...

class PurgeReply(_message.Message):
    __slots__ = ("purged",)
    PURGED_FIELD_NUMBER: _ClassVar[int]
    purged: int
    def __init__(self, purged: _Optional[int] = ...) -> None: ...
