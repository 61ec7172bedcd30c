from fnq.v1 import result_pb2 as _result_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Slice(_message.Message):
    __slots__ = ("payload", "start", "length")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    payload: _result_pb2.Payload
    start: int
    length: int
    def __init__(self, payload: _Optional[_Union[_result_pb2.Payload, _Mapping]] = ..., start: _Optional[int] = ..., length: _Optional[int] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("protocol", "call", "version", "inbox", "depth", "parent", "parent_epoch", "remaining_ms", "rows", "payload", "detached", "window_chunks", "window_bytes", "root", "attempt", "tags", "repeatable", "set")
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
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    REPEATABLE_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
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
    attempt: int
    tags: _containers.ScalarMap[str, str]
    repeatable: bool
    set: int
    def __init__(self, protocol: _Optional[int] = ..., call: _Optional[bytes] = ..., version: _Optional[str] = ..., inbox: _Optional[str] = ..., depth: _Optional[int] = ..., parent: _Optional[bytes] = ..., parent_epoch: _Optional[int] = ..., remaining_ms: _Optional[int] = ..., rows: _Optional[int] = ..., payload: _Optional[_Union[_result_pb2.Payload, _Mapping]] = ..., detached: _Optional[bool] = ..., window_chunks: _Optional[int] = ..., window_bytes: _Optional[int] = ..., root: _Optional[bytes] = ..., attempt: _Optional[int] = ..., tags: _Optional[_Mapping[str, str]] = ..., repeatable: _Optional[bool] = ..., set: _Optional[int] = ...) -> None: ...

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

class Order(_message.Message):
    __slots__ = ("credits", "cancellations", "detachments")
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    CANCELLATIONS_FIELD_NUMBER: _ClassVar[int]
    DETACHMENTS_FIELD_NUMBER: _ClassVar[int]
    credits: _containers.RepeatedCompositeFieldContainer[Credit]
    cancellations: _containers.RepeatedCompositeFieldContainer[Cancellation]
    detachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, credits: _Optional[_Iterable[_Union[Credit, _Mapping]]] = ..., cancellations: _Optional[_Iterable[_Union[Cancellation, _Mapping]]] = ..., detachments: _Optional[_Iterable[bytes]] = ...) -> None: ...
