from fnq.v1 import result_pb2 as _result_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Entry(_message.Message):
    __slots__ = ("protocol", "call", "version", "inbox", "depth", "parent", "parent_epoch", "remaining_ms", "rows", "payload", "detached", "window_chunks", "window_bytes", "root", "tags", "repeatable", "set", "timeout_ms", "keep_s", "packed")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    INBOX_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PARENT_EPOCH_FIELD_NUMBER: _ClassVar[int]
    REMAINING_MS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    DETACHED_FIELD_NUMBER: _ClassVar[int]
    WINDOW_CHUNKS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_BYTES_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    REPEATABLE_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    KEEP_S_FIELD_NUMBER: _ClassVar[int]
    PACKED_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    call: bytes
    version: str
    inbox: str
    depth: int
    parent: bytes
    parent_epoch: int
    remaining_ms: int
    rows: int
    payload: _result_pb2.Payload
    detached: bool
    window_chunks: int
    window_bytes: int
    root: bytes
    tags: _containers.ScalarMap[str, str]
    repeatable: bool
    set: int
    timeout_ms: int
    keep_s: int
    packed: bool
    def __init__(self, protocol: _Optional[int] = ..., call: _Optional[bytes] = ..., version: _Optional[str] = ..., inbox: _Optional[str] = ..., depth: _Optional[int] = ..., parent: _Optional[bytes] = ..., parent_epoch: _Optional[int] = ..., remaining_ms: _Optional[int] = ..., rows: _Optional[int] = ..., payload: _Optional[_Union[_result_pb2.Payload, _Mapping]] = ..., detached: _Optional[bool] = ..., window_chunks: _Optional[int] = ..., window_bytes: _Optional[int] = ..., root: _Optional[bytes] = ..., tags: _Optional[_Mapping[str, str]] = ..., repeatable: _Optional[bool] = ..., set: _Optional[int] = ..., timeout_ms: _Optional[int] = ..., keep_s: _Optional[int] = ..., packed: _Optional[bool] = ...) -> None: ...

class Kept(_message.Message):
    __slots__ = ("version", "streams", "repeatable", "divergent", "parent", "tags")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    REPEATABLE_FIELD_NUMBER: _ClassVar[int]
    DIVERGENT_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    version: str
    streams: bool
    repeatable: bool
    divergent: bool
    parent: bytes
    tags: _containers.ScalarMap[str, str]
    def __init__(self, version: _Optional[str] = ..., streams: _Optional[bool] = ..., repeatable: _Optional[bool] = ..., divergent: _Optional[bool] = ..., parent: _Optional[bytes] = ..., tags: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Credit(_message.Message):
    __slots__ = ("call", "chunks", "bytes")
    CALL_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    call: bytes
    chunks: int
    bytes: int
    def __init__(self, call: _Optional[bytes] = ..., chunks: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class Cancellation(_message.Message):
    __slots__ = ("call", "reason")
    CALL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    call: bytes
    reason: str
    def __init__(self, call: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class Permit(_message.Message):
    __slots__ = ("name", "wait_us")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WAIT_US_FIELD_NUMBER: _ClassVar[int]
    name: bytes
    wait_us: int
    def __init__(self, name: _Optional[bytes] = ..., wait_us: _Optional[int] = ...) -> None: ...

class Withdrawal(_message.Message):
    __slots__ = ("stream", "entry")
    STREAM_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    stream: str
    entry: str
    def __init__(self, stream: _Optional[str] = ..., entry: _Optional[str] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ("credits", "cancellations", "limit_namespace", "limit", "permits", "withdrawals")
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    CANCELLATIONS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PERMITS_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWALS_FIELD_NUMBER: _ClassVar[int]
    credits: _containers.RepeatedCompositeFieldContainer[Credit]
    cancellations: _containers.RepeatedCompositeFieldContainer[Cancellation]
    limit_namespace: str
    limit: str
    permits: _containers.RepeatedCompositeFieldContainer[Permit]
    withdrawals: _containers.RepeatedCompositeFieldContainer[Withdrawal]
    def __init__(self, credits: _Optional[_Iterable[_Union[Credit, _Mapping]]] = ..., cancellations: _Optional[_Iterable[_Union[Cancellation, _Mapping]]] = ..., limit_namespace: _Optional[str] = ..., limit: _Optional[str] = ..., permits: _Optional[_Iterable[_Union[Permit, _Mapping]]] = ..., withdrawals: _Optional[_Iterable[_Union[Withdrawal, _Mapping]]] = ...) -> None: ...
